"""Changes a health check by hand, as a person in a hurry does."""

import json
import sys

import boto3

elb = boto3.client("elbv2")
group = elb.describe_target_groups()["TargetGroups"][0]
elb.modify_target_group(TargetGroupArn=group["TargetGroupArn"], HealthCheckPath="/by-hand")
print(json.dumps({}))
