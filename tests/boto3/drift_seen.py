"""What drift_by_hand.py touches, as it is. With `--delete-topic` the foreign topic is deleted first."""

import json
import sys

import boto3

prefix = sys.argv[1]
out = {}

sns = boto3.client("sns")
if "--delete-topic" in sys.argv:
    for topic in sns.list_topics()["Topics"]:
        if topic["TopicArn"].endswith("-by-hand"):
            sns.delete_topic(TopicArn=topic["TopicArn"])
out["topics"] = sorted(t["TopicArn"].rsplit(":", 1)[1] for t in sns.list_topics()["Topics"])

out["health_check"] = boto3.client("elbv2").describe_target_groups()["TargetGroups"][0]["HealthCheckPath"]

ec2 = boto3.client("ec2")
named = [{"Name": "group-name", "Values": [f"{prefix}-postgres"]}]
database = ec2.describe_security_groups(Filters=named)["SecurityGroups"][0]
rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [database["GroupId"]]}])
out["into_database"] = sorted(
    r.get("CidrIpv4", "a group") for r in rules["SecurityGroupRules"] if not r["IsEgress"]
)
vpc = next(v for v in ec2.describe_vpcs()["Vpcs"] if not v["IsDefault"])
out["vpc_tags"] = {t["Key"]: t["Value"] for t in vpc["Tags"] if not t["Key"].startswith("groundplan:")}

iam = boto3.client("iam")
out["rights"] = [
    iam.list_role_policies(RoleName=f"{prefix}-worker-task")["PolicyNames"],
    [p["PolicyName"] for p in iam.list_attached_role_policies(RoleName=f"{prefix}-api-task")["AttachedPolicies"]],
]
instance = boto3.client("rds").describe_db_instances(DBInstanceIdentifier=f"{prefix}-postgres")["DBInstances"][0]
out["backups"] = instance["BackupRetentionPeriod"]
out["alarms"] = sorted(a["AlarmName"] for a in boto3.client("cloudwatch").describe_alarms()["MetricAlarms"])
service = boto3.client("ecs").describe_services(cluster=f"{prefix}-cluster", services=[f"{prefix}-api"])["services"][0]
out["desired"] = service["desiredCount"]
print(json.dumps(out))
