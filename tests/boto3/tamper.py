"""Changes a health check by hand, as a person in a hurry does."""

import json
import sys

import boto3

elb = boto3.client("elbv2")
group = elb.describe_target_groups(Names=[f"{sys.argv[1]}-api"])["TargetGroups"][0]
elb.modify_target_group(TargetGroupArn=group["TargetGroupArn"], HealthCheckPath="/by-hand")
print(json.dumps({}))
