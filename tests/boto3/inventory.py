"""Everything of one environment on the cloud, read with boto3 alone.

Prints {"by_address": {address: count}, "untagged": {kind: count}}: what carries an ownership tag,
and how many things of the kinds that carry none.
"""

import json
import sys
from collections import Counter

import boto3

environment, prefix = sys.argv[1], sys.argv[2]
addresses = Counter()
untagged = Counter()


def owned(tags):
    tags = {t.get("Key", t.get("key")): t.get("Value", t.get("value")) for t in tags or []}
    if tags.get("groundplan:environment") == environment:
        addresses[tags["groundplan:address"]] += 1
        return True
    return False


ec2 = boto3.client("ec2")
vpcs = []
for operation, key in [
    ("describe_vpcs", "Vpcs"), ("describe_subnets", "Subnets"), ("describe_internet_gateways", "InternetGateways"),
    ("describe_addresses", "Addresses"), ("describe_route_tables", "RouteTables"),
    ("describe_security_groups", "SecurityGroups"), ("describe_vpc_endpoints", "VpcEndpoints"),
    ("describe_flow_logs", "FlowLogs"), ("describe_security_group_rules", "SecurityGroupRules"),
]:
    for thing in getattr(ec2, operation)()[key]:
        if owned(thing.get("Tags")):
            if operation == "describe_route_tables":
                for route in thing["Routes"]:
                    if route.get("Origin") == "CreateRoute" and "DestinationCidrBlock" in route:
                        untagged["route"] += 1
                untagged["association"] += len([a for a in thing["Associations"] if not a.get("Main")])
for gateway in ec2.describe_nat_gateways()["NatGateways"]:
    if gateway["State"] not in ("deleted", "deleting"):
        owned(gateway.get("Tags"))

elb = boto3.client("elbv2")
arns = [b["LoadBalancerArn"] for b in elb.describe_load_balancers()["LoadBalancers"]]
arns += [l["ListenerArn"] for arn in list(arns) for l in elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]]
arns += [g["TargetGroupArn"] for g in elb.describe_target_groups()["TargetGroups"]]
for start in range(0, len(arns), 20):
    for description in elb.describe_tags(ResourceArns=arns[start : start + 20])["TagDescriptions"]:
        owned(description["Tags"])

acm = boto3.client("acm")
for summary in acm.list_certificates()["CertificateSummaryList"]:
    owned(acm.list_tags_for_certificate(CertificateArn=summary["CertificateArn"])["Tags"])

ecs = boto3.client("ecs")
for arn in ecs.list_clusters()["clusterArns"]:
    cluster = ecs.describe_clusters(clusters=[arn], include=["TAGS"])["clusters"][0]
    if cluster["status"] != "ACTIVE":
        continue
    owned(cluster.get("tags"))
    services = ecs.list_services(cluster=arn)["serviceArns"]
    for service in ecs.describe_services(cluster=arn, services=services, include=["TAGS"])["services"] if services else []:
        if service["status"] == "ACTIVE":
            owned(service.get("tags"))
for arn in ecs.list_task_definitions(status="ACTIVE")["taskDefinitionArns"]:
    owned(ecs.describe_task_definition(taskDefinition=arn, include=["TAGS"]).get("tags"))

ecr = boto3.client("ecr")
for repository in ecr.describe_repositories()["repositories"]:
    owned(ecr.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"])

scaling = boto3.client("application-autoscaling")
untagged["scalable target"] += len(scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"])
untagged["scaling policy"] += len(scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"])

rds = boto3.client("rds")
for instance in rds.describe_db_instances()["DBInstances"]:
    owned(instance.get("TagList"))
for group in rds.describe_db_subnet_groups()["DBSubnetGroups"]:
    owned(rds.list_tags_for_resource(ResourceName=group["DBSubnetGroupArn"])["TagList"])
for group in rds.describe_db_parameter_groups()["DBParameterGroups"]:
    if group["DBParameterGroupName"].startswith(prefix):
        owned(rds.list_tags_for_resource(ResourceName=group["DBParameterGroupArn"])["TagList"])

cache = boto3.client("elasticache")
for group in cache.describe_replication_groups()["ReplicationGroups"]:
    owned(cache.list_tags_for_resource(ResourceName=group["ARN"])["TagList"])
for group in cache.describe_cache_subnet_groups()["CacheSubnetGroups"]:
    if group["CacheSubnetGroupName"].startswith(prefix):
        owned(cache.list_tags_for_resource(ResourceName=group["ARN"])["TagList"])

iam = boto3.client("iam")
for role in iam.list_roles()["Roles"]:
    if role["RoleName"].startswith(prefix):
        owned(iam.list_role_tags(RoleName=role["RoleName"])["Tags"])
for policy in iam.list_policies(Scope="Local")["Policies"]:
    owned(iam.list_policy_tags(PolicyArn=policy["Arn"])["Tags"])

for secret in boto3.client("secretsmanager").list_secrets()["SecretList"]:
    owned(secret.get("Tags"))

logs = boto3.client("logs")
for group in logs.describe_log_groups()["logGroups"]:
    arn = group["arn"].removesuffix(":*")
    owned([{"Key": k, "Value": v} for k, v in logs.list_tags_for_resource(resourceArn=arn)["tags"].items()])

watch = boto3.client("cloudwatch")
for alarm in watch.describe_alarms()["MetricAlarms"]:
    owned(watch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"])
untagged["dashboard"] += len(watch.list_dashboards()["DashboardEntries"])

sns = boto3.client("sns")
for topic in sns.list_topics()["Topics"]:
    owned(sns.list_tags_for_resource(ResourceArn=topic["TopicArn"])["Tags"])
untagged["subscription"] += len(sns.list_subscriptions()["Subscriptions"])

print(json.dumps({"by_address": dict(sorted(addresses.items())), "untagged": dict(sorted(untagged.items()))}))
