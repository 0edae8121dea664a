"""What the documents ask of Freeside, read with boto3 alone. Prints one JSON document."""

import json
import sys

import boto3

prefix = sys.argv[1]
out = {}

ec2 = boto3.client("ec2")
vpc = next(v for v in ec2.describe_vpcs()["Vpcs"] if not v["IsDefault"])
mine = [{"Name": "vpc-id", "Values": [vpc["VpcId"]]}]
out["vpc"] = vpc["CidrBlock"]
out["tags"] = {t["Key"]: t["Value"] for t in vpc["Tags"] if not t["Key"].startswith("groundplan:operation")}
out["subnets"] = sorted(s["CidrBlock"] for s in ec2.describe_subnets(Filters=mine)["Subnets"])
out["nat_gateways"] = len([g for g in ec2.describe_nat_gateways()["NatGateways"] if g["State"] == "available"])
out["endpoints"] = sorted(e["ServiceName"].split(".", 3)[3] for e in ec2.describe_vpc_endpoints(Filters=mine)["VpcEndpoints"])
out["flow_logs"] = [f["TrafficType"] for f in ec2.describe_flow_logs()["FlowLogs"]]
world = []
for group in ec2.describe_security_groups(Filters=mine)["SecurityGroups"]:
    for permission in group["IpPermissions"]:
        if any(r["CidrIp"] == "0.0.0.0/0" for r in permission["IpRanges"]):
            world.append(permission["FromPort"])
out["open_to_the_world"] = sorted(world)

elb = boto3.client("elbv2")
balancer = elb.describe_load_balancers()["LoadBalancers"][0]
out["load_balancer_zones"] = len(balancer["AvailabilityZones"])
out["listeners"] = sorted(
    [l["Port"], l["Protocol"], l["DefaultActions"][0]["Type"]]
    for l in elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
)
group = elb.describe_target_groups()["TargetGroups"][0]
out["health_check_path"] = group["HealthCheckPath"]
health = elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])["TargetHealthDescriptions"]
out["targets"] = sorted(t["TargetHealth"]["State"] for t in health)

ecs = boto3.client("ecs")
cluster = ecs.describe_clusters(clusters=[f"{prefix}-cluster"], include=["SETTINGS"])["clusters"][0]
out["capacity_providers"] = sorted(cluster["capacityProviders"])
out["container_insights"] = {s["name"]: s["value"] for s in cluster["settings"]}
out["services"] = {}
for name in ("api", "worker"):
    service = ecs.describe_services(cluster=f"{prefix}-cluster", services=[f"{prefix}-{name}"])["services"][0]
    task = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    out["services"][name] = {
        "cpu": task["cpu"],
        "memory": task["memory"],
        "desired": service["desiredCount"],
        "running": service["runningCount"],
        "circuit_breaker": service["deploymentConfiguration"]["deploymentCircuitBreaker"],
        "secrets": sorted(s["name"] for s in task["containerDefinitions"][0].get("secrets", [])),
    }

repository = boto3.client("ecr").describe_repositories()["repositories"][0]
policy = boto3.client("ecr").get_lifecycle_policy(repositoryName=repository["repositoryName"])
out["repository"] = {
    "name": repository["repositoryName"],
    "scan_on_push": repository["imageScanningConfiguration"]["scanOnPush"],
    "keep": json.loads(policy["lifecyclePolicyText"])["rules"][0]["selection"]["countNumber"],
}

rds = boto3.client("rds")
db = rds.describe_db_instances(DBInstanceIdentifier=f"{prefix}-postgres")["DBInstances"][0]
out["database"] = {
    key: db[key]
    for key in ("DBInstanceClass", "EngineVersion", "AllocatedStorage", "BackupRetentionPeriod",
                "DeletionProtection", "PubliclyAccessible", "StorageEncrypted", "MultiAZ")
}
parameters = rds.describe_db_parameters(
    DBParameterGroupName=db["DBParameterGroups"][0]["DBParameterGroupName"], Source="user")["Parameters"]
out["parameters"] = {p["ParameterName"]: p["ParameterValue"] for p in parameters}

cache = boto3.client("elasticache").describe_replication_groups()["ReplicationGroups"][0]
out["redis"] = {"node": cache["CacheNodeType"], "tls": cache["TransitEncryptionEnabled"], "encrypted": cache["AtRestEncryptionEnabled"]}

secrets = boto3.client("secretsmanager")
out["secrets"] = sorted(s["Name"] for s in secrets.list_secrets()["SecretList"])
value = json.loads(secrets.get_secret_value(SecretId=f"{prefix}/db-credentials")["SecretString"])
out["db_credentials"] = sorted(value)
out["db_url_scheme"] = value["url"].split(":")[0]
out["secret_values"] = [value["password"], json.loads(secrets.get_secret_value(SecretId=f"{prefix}/redis-credentials")["SecretString"])["password"]]

groups = boto3.client("logs").describe_log_groups()["logGroups"]
out["log_groups"] = {g["logGroupName"]: g.get("retentionInDays") for g in groups}

watch = boto3.client("cloudwatch")
out["alarms"] = {a["AlarmName"]: a.get("Threshold") for a in watch.describe_alarms()["MetricAlarms"]}
out["dashboards"] = [d["DashboardName"] for d in watch.list_dashboards()["DashboardEntries"]]
out["topics"] = [t["TopicArn"].rsplit(":", 1)[1] for t in boto3.client("sns").list_topics()["Topics"]]

scaling = boto3.client("application-autoscaling").describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
out["scaling"] = {s["ResourceId"]: [s["MinCapacity"], s["MaxCapacity"]] for s in scaling}

print(json.dumps(out))
