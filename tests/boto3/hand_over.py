"""Makes of an environment what Terraform would have left: nothing of it carries a tag of Groundplan any more.

Prints the ids by what they were called: what fills the placeholders of tests/terraform/freeside-staging.tfstate. Beside
it makes what the test needs: a subnet and a log group that nobody declares, and a second endpoint as like the first as
two peas. Called with the ids of the endpoint and the subnet, it takes what it made away again; called with
"again", it only strips the tags.
"""

import json
import sys

import boto3

environment, prefix = sys.argv[1], sys.argv[2]
ec2 = boto3.client("ec2")
logs = boto3.client("logs")

if len(sys.argv) == 5:
    # Takes away what it made beside: a VPC cannot be deleted while it holds what nobody declared.
    twin, subnet = sys.argv[3], sys.argv[4]
    ec2.delete_vpc_endpoints(VpcEndpointIds=[twin])
    ec2.delete_subnet(SubnetId=subnet)
    logs.delete_log_group(logGroupName=f"/ecs/{prefix}/migrations")
    print(json.dumps({}))
    sys.exit()

ids = {}


def plain(tags):
    return {t.get("Key", t.get("key")): t.get("Value", t.get("value")) for t in tags or []}


def ours(tags):
    return [key for key in plain(tags) if key.startswith("groundplan:")]


def take(tags, value, strip):
    """Keeps the id by address and strips the tags."""
    keys = ours(tags)
    if plain(tags).get("groundplan:environment") == environment:
        ids[plain(tags)["groundplan:address"]] = value
    if keys:
        strip(keys)


def strip_ec2(thing):
    return lambda keys: ec2.delete_tags(Resources=[thing], Tags=[{"Key": key} for key in keys])


for operation, key, name in [
    ("describe_vpcs", "Vpcs", "VpcId"), ("describe_subnets", "Subnets", "SubnetId"),
    ("describe_internet_gateways", "InternetGateways", "InternetGatewayId"),
    ("describe_addresses", "Addresses", "AllocationId"), ("describe_nat_gateways", "NatGateways", "NatGatewayId"),
    ("describe_route_tables", "RouteTables", "RouteTableId"), ("describe_security_groups", "SecurityGroups", "GroupId"),
    ("describe_security_group_rules", "SecurityGroupRules", "SecurityGroupRuleId"),
    ("describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId"), ("describe_flow_logs", "FlowLogs", "FlowLogId"),
]:
    for thing in getattr(ec2, operation)()[key]:
        if operation == "describe_addresses":
            ids["nat address"] = thing["PublicIp"]
        if operation == "describe_route_tables":
            for association in thing["Associations"]:
                if not association.get("Main"):
                    ids[f"association {association['SubnetId']}"] = association["RouteTableAssociationId"]
        take(thing.get("Tags"), thing[name], strip_ec2(thing[name]))
for subnet in ("public-a", "public-b", "private-a", "private-b"):
    ids[f"association.{subnet}"] = ids.pop(f"association {ids[f'networking.subnet.{subnet}']}")

elb = boto3.client("elbv2")
balancers = [b["LoadBalancerArn"] for b in elb.describe_load_balancers()["LoadBalancers"]]
arns = balancers + [l["ListenerArn"] for arn in balancers for l in elb.describe_listeners(LoadBalancerArn=arn)["Listeners"]]
arns += [g["TargetGroupArn"] for g in elb.describe_target_groups()["TargetGroups"]]
for arn in arns:
    tags = elb.describe_tags(ResourceArns=[arn])["TagDescriptions"][0]["Tags"]
    take(tags, arn, lambda keys: elb.remove_tags(ResourceArns=[arn], TagKeys=keys))

acm = boto3.client("acm")
for summary in acm.list_certificates()["CertificateSummaryList"]:
    arn = summary["CertificateArn"]
    tags = acm.list_tags_for_certificate(CertificateArn=arn)["Tags"]
    take(tags, arn, lambda keys: acm.remove_tags_from_certificate(CertificateArn=arn, Tags=[{"Key": k} for k in keys]))

ecs = boto3.client("ecs")
cluster = f"{prefix}-cluster"
arns = [c["clusterArn"] for c in ecs.describe_clusters(clusters=[cluster])["clusters"]]
arns += ecs.list_services(cluster=cluster)["serviceArns"] + ecs.list_task_definitions(status="ACTIVE")["taskDefinitionArns"]
for arn in arns:
    tags = ecs.list_tags_for_resource(resourceArn=arn)["tags"]
    take(tags, arn, lambda keys: ecs.untag_resource(resourceArn=arn, tagKeys=keys))

ecr = boto3.client("ecr")
for repository in ecr.describe_repositories()["repositories"]:
    arn = repository["repositoryArn"]
    tags = ecr.list_tags_for_resource(resourceArn=arn)["tags"]
    take(tags, repository["repositoryName"], lambda keys: ecr.untag_resource(resourceArn=arn, tagKeys=keys))

scaling = boto3.client("application-autoscaling")
for target in scaling.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]:
    arn = target.get("ScalableTargetARN")
    if arn:
        tags = scaling.list_tags_for_resource(ResourceARN=arn)["Tags"]
        keys = [key for key in tags if key.startswith("groundplan:")]
        if keys:
            scaling.untag_resource(ResourceARN=arn, TagKeys=keys)
for policy in scaling.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"]:
    ids["scaling policy"] = policy["PolicyARN"]

rds = boto3.client("rds")
arns = [i["DBInstanceArn"] for i in rds.describe_db_instances()["DBInstances"]]
arns += [g["DBSubnetGroupArn"] for g in rds.describe_db_subnet_groups()["DBSubnetGroups"]]
arns += [g["DBParameterGroupArn"] for g in rds.describe_db_parameter_groups()["DBParameterGroups"]
         if g["DBParameterGroupName"].startswith(prefix)]
for arn in arns:
    tags = rds.list_tags_for_resource(ResourceName=arn)["TagList"]
    take(tags, arn, lambda keys: rds.remove_tags_from_resource(ResourceName=arn, TagKeys=keys))

cache = boto3.client("elasticache")
arns = [g["ARN"] for g in cache.describe_replication_groups()["ReplicationGroups"]]
arns += [g["ARN"] for g in cache.describe_cache_subnet_groups()["CacheSubnetGroups"]
         if g["CacheSubnetGroupName"].startswith(prefix)]
for arn in arns:
    tags = cache.list_tags_for_resource(ResourceName=arn)["TagList"]
    take(tags, arn, lambda keys: cache.remove_tags_from_resource(ResourceName=arn, TagKeys=keys))

iam = boto3.client("iam")
for role in iam.list_roles()["Roles"]:
    name = role["RoleName"]
    if name.startswith(prefix):
        take(iam.list_role_tags(RoleName=name)["Tags"], name, lambda keys: iam.untag_role(RoleName=name, TagKeys=keys))

secrets = boto3.client("secretsmanager")
for secret in secrets.list_secrets()["SecretList"]:
    arn = secret["ARN"]
    take(secret.get("Tags"), arn, lambda keys: secrets.untag_resource(SecretId=arn, TagKeys=keys))

for group in logs.describe_log_groups()["logGroups"]:
    arn = group["arn"].removesuffix(":*")
    tags = [{"Key": k, "Value": v} for k, v in logs.list_tags_for_resource(resourceArn=arn)["tags"].items()]
    take(tags, group["logGroupName"], lambda keys: logs.untag_resource(resourceArn=arn, tagKeys=keys))

watch = boto3.client("cloudwatch")
for alarm in watch.describe_alarms()["MetricAlarms"]:
    arn = alarm["AlarmArn"]
    tags = watch.list_tags_for_resource(ResourceARN=arn)["Tags"]
    take(tags, alarm["AlarmName"], lambda keys: watch.untag_resource(ResourceARN=arn, TagKeys=keys))

for dashboard in watch.list_dashboards()["DashboardEntries"]:
    arn = dashboard["DashboardArn"]
    tags = watch.list_tags_for_resource(ResourceARN=arn)["Tags"]
    take(tags, dashboard["DashboardName"], lambda keys: watch.untag_resource(ResourceARN=arn, TagKeys=keys))

sns = boto3.client("sns")
for topic in sns.list_topics()["Topics"]:
    arn = topic["TopicArn"]
    take(sns.list_tags_for_resource(ResourceArn=arn)["Tags"], arn, lambda keys: sns.untag_resource(ResourceArn=arn, TagKeys=keys))
for subscription in sns.list_subscriptions()["Subscriptions"]:
    ids["subscription"] = subscription["SubscriptionArn"]

if sys.argv[3:] == ["again"]:
    print(json.dumps(ids))
    sys.exit()

# What nobody declares, and what cannot be told apart.
vpc = ids["networking.vpc"]
extra = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.201.0/24", AvailabilityZone="us-east-1a")
ids["undeclared subnet"] = extra["Subnet"]["SubnetId"]
logs.create_log_group(logGroupName=f"/ecs/{prefix}/migrations")
first = ec2.describe_vpc_endpoints(VpcEndpointIds=[ids["networking.vpc-endpoint.ecr-api"]])["VpcEndpoints"][0]
twin = ec2.create_vpc_endpoint(
    VpcId=vpc, ServiceName=first["ServiceName"], VpcEndpointType="Interface", SubnetIds=first["SubnetIds"],
    SecurityGroupIds=[g["GroupId"] for g in first["Groups"]], PrivateDnsEnabled=first["PrivateDnsEnabled"],
    TagSpecifications=[{"ResourceType": "vpc-endpoint", "Tags": [t for t in first["Tags"] if not t["Key"].startswith("groundplan:")]}],
)
ids["twin endpoint"] = twin["VpcEndpoint"]["VpcEndpointId"]

ids["account"] = boto3.client("sts").get_caller_identity()["Account"]
print(json.dumps(ids))
