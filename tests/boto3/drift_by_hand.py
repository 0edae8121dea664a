"""What people do to an environment by hand, as the IAM user "alice": CloudTrail knows her by her access key."""

import json
import sys

import boto3

prefix, environment = sys.argv[1], sys.argv[2]
boto3.setup_default_session(aws_access_key_id="alice", aws_secret_access_key="alice", region_name="us-east-1")

# A health check, in a hurry.
elb = boto3.client("elbv2")
group = elb.describe_target_groups()["TargetGroups"][0]
elb.modify_target_group(TargetGroupArn=group["TargetGroupArn"], HealthCheckPath="/by-hand")

# The database opened to the world.
ec2 = boto3.client("ec2")
named = [{"Name": "group-name", "Values": [f"{prefix}-postgres"]}]
database = ec2.describe_security_groups(Filters=named)["SecurityGroups"][0]
ec2.authorize_security_group_ingress(
    GroupId=database["GroupId"],
    IpPermissions=[{"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}],
)

# More rights than were asked for, to the one that has none.
iam = boto3.client("iam")
anything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
iam.put_role_policy(RoleName=f"{prefix}-worker-task", PolicyName="by-hand", PolicyDocument=json.dumps(anything))
iam.attach_role_policy(RoleName=f"{prefix}-api-task", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")

# Longer backups.
boto3.client("rds").modify_db_instance(
    DBInstanceIdentifier=f"{prefix}-postgres", BackupRetentionPeriod=3, ApplyImmediately=True
)

# An alarm that was too loud.
boto3.client("cloudwatch").delete_alarms(AlarmNames=[f"{prefix}-api-cpu"])

# A tag of ours, and one of their own, which is nobody's business.
vpc = next(v for v in ec2.describe_vpcs()["Vpcs"] if not v["IsDefault"])
ec2.create_tags(Resources=[vpc["VpcId"]], Tags=[{"Key": "project", "Value": "mine"}, {"Key": "cost", "Value": "x"}])

# The autoscaler's business.
boto3.client("ecs").update_service(cluster=f"{prefix}-cluster", service=f"{prefix}-api", desiredCount=2)

# Something of its own that carries our tags.
boto3.client("sns").create_topic(
    Name=f"{prefix}-by-hand",
    Tags=[
        {"Key": "groundplan:environment", "Value": environment},
        {"Key": "groundplan:address", "Value": "events.topic.by-hand"},
    ],
)
print(json.dumps({}))
