"""Everything of one environment on the cloud, read with boto3 alone.

    inventory.py ENVIRONMENT PREFIX            prints it once
    inventory.py ENVIRONMENT PREFIX --serve    prints it, one line each, whenever a line is read

{"seen": count, "by_address": {address: count}, "untagged": {kind: count}, "details": {address: {property: value}}}: how
many things there are of the kinds that can carry tags, which of them carry the ownership tags of which address, how
many there are of the kinds that carry none, and of some kinds what they are like.
"""

import json
import sys
from collections import Counter

import boto3

environment, prefix = sys.argv[1], sys.argv[2]
clients = {}


def client(service):
    if service not in clients:
        clients[service] = boto3.client(service)
    return clients[service]


def inventory():
    addresses = Counter()
    untagged = Counter()
    details = {}

    seen = 0

    def owned(tags, **like):
        nonlocal seen
        seen += 1
        tags = {t.get("Key", t.get("key")): t.get("Value", t.get("value")) for t in tags or []}
        if tags.get("groundplan:environment") == environment:
            address = tags["groundplan:address"]
            addresses[address] += 1
            if like:
                details[address] = like
            return True
        return False

    ec2 = client("ec2")
    vpcs = []
    for operation, key in [
        ("describe_vpcs", "Vpcs"), ("describe_subnets", "Subnets"), ("describe_internet_gateways", "InternetGateways"),
        ("describe_addresses", "Addresses"), ("describe_route_tables", "RouteTables"),
        ("describe_security_groups", "SecurityGroups"), ("describe_vpc_endpoints", "VpcEndpoints"),
        ("describe_flow_logs", "FlowLogs"), ("describe_security_group_rules", "SecurityGroupRules"),
    ]:
        for thing in getattr(ec2, operation)()[key]:
            telling = ("CidrBlock", "GroupName", "IpProtocol", "FromPort", "ServiceName")
            like = {key: thing[key] for key in telling if key in thing}
            if owned(thing.get("Tags"), **like):
                if operation == "describe_route_tables":
                    for route in thing["Routes"]:
                        if route.get("Origin") == "CreateRoute" and "DestinationCidrBlock" in route:
                            untagged["route"] += 1
                    untagged["association"] += len([a for a in thing["Associations"] if not a.get("Main")])
    for gateway in ec2.describe_nat_gateways()["NatGateways"]:
        if gateway["State"] not in ("deleted", "deleting"):
            owned(gateway.get("Tags"))

    elb = client("elbv2")
    arns = [b["LoadBalancerArn"] for b in elb.describe_load_balancers()["LoadBalancers"]]
    arns += [l["ListenerArn"] for arn in list(arns) for l in elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]]
    arns += [g["TargetGroupArn"] for g in elb.describe_target_groups()["TargetGroups"]]
    for start in range(0, len(arns), 20):
        for description in elb.describe_tags(ResourceArns=arns[start : start + 20])["TagDescriptions"]:
            owned(description["Tags"])

    acm = client("acm")
    for summary in acm.list_certificates()["CertificateSummaryList"]:
        owned(acm.list_tags_for_certificate(CertificateArn=summary["CertificateArn"])["Tags"])

    ecs = client("ecs")
    for arn in ecs.list_clusters()["clusterArns"]:
        cluster = ecs.describe_clusters(clusters=[arn], include=["TAGS"])["clusters"][0]
        if cluster["status"] != "ACTIVE":
            continue
        owned(cluster.get("tags"))
        services = ecs.list_services(cluster=arn)["serviceArns"]
        for service in ecs.describe_services(cluster=arn, services=services, include=["TAGS"])["services"] if services else []:
            if service["status"] == "ACTIVE":
                owned(service.get("tags"), desired=service["desiredCount"])
    for arn in ecs.list_task_definitions(status="ACTIVE")["taskDefinitionArns"]:
        described = ecs.describe_task_definition(taskDefinition=arn, include=["TAGS"])
        definition = described["taskDefinition"]
        owned(described.get("tags"), cpu=definition.get("cpu"), memory=definition.get("memory"))

    ecr = client("ecr")
    for repository in ecr.describe_repositories()["repositories"]:
        owned(ecr.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"])

    scaling = client("application-autoscaling")
    untagged["scalable target"] += len(scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"])
    untagged["scaling policy"] += len(scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"])

    rds = client("rds")
    for instance in rds.describe_db_instances()["DBInstances"]:
        owned(
            instance.get("TagList"),
            size=instance["DBInstanceClass"],
            backups=instance["BackupRetentionPeriod"],
        )
    for group in rds.describe_db_subnet_groups()["DBSubnetGroups"]:
        owned(rds.list_tags_for_resource(ResourceName=group["DBSubnetGroupArn"])["TagList"])
    for group in rds.describe_db_parameter_groups()["DBParameterGroups"]:
        if group["DBParameterGroupName"].startswith(prefix):
            owned(rds.list_tags_for_resource(ResourceName=group["DBParameterGroupArn"])["TagList"])

    cache = client("elasticache")
    for group in cache.describe_replication_groups()["ReplicationGroups"]:
        owned(cache.list_tags_for_resource(ResourceName=group["ARN"])["TagList"])
    for group in cache.describe_cache_subnet_groups()["CacheSubnetGroups"]:
        if group["CacheSubnetGroupName"].startswith(prefix):
            owned(cache.list_tags_for_resource(ResourceName=group["ARN"])["TagList"])

    iam = client("iam")
    for role in iam.list_roles()["Roles"]:
        if role["RoleName"].startswith(prefix):
            owned(iam.list_role_tags(RoleName=role["RoleName"])["Tags"])
    for policy in iam.list_policies(Scope="Local")["Policies"]:
        owned(iam.list_policy_tags(PolicyArn=policy["Arn"])["Tags"])

    for secret in client("secretsmanager").list_secrets()["SecretList"]:
        owned(secret.get("Tags"))

    logs = client("logs")
    for group in logs.describe_log_groups()["logGroups"]:
        arn = group["arn"].removesuffix(":*")
        tags = logs.list_tags_for_resource(resourceArn=arn)["tags"]
        owned([{"Key": k, "Value": v} for k, v in tags.items()], retention=group.get("retentionInDays"))

    watch = client("cloudwatch")
    for alarm in watch.describe_alarms()["MetricAlarms"]:
        owned(watch.list_tags_for_resource(ResourceARN=alarm["AlarmArn"])["Tags"])
    untagged["dashboard"] += len(watch.list_dashboards()["DashboardEntries"])

    sns = client("sns")
    for topic in sns.list_topics()["Topics"]:
        owned(sns.list_tags_for_resource(ResourceArn=topic["TopicArn"])["Tags"])
    untagged["subscription"] += len(sns.list_subscriptions()["Subscriptions"])

    return {
        "seen": seen,
        "by_address": dict(sorted(addresses.items())),
        "untagged": dict(sorted((kind, count) for kind, count in untagged.items() if count)),
        "details": dict(sorted(details.items())),
    }


if sys.argv[3:] == ["--serve"]:
    for _ in sys.stdin:
        print(json.dumps(inventory()), flush=True)
else:
    print(json.dumps(inventory()))
