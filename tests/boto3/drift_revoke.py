"""As "alice": takes out of the database's security group the rule that lets the worker in."""

import json
import sys

import boto3

prefix = sys.argv[1]
ec2 = boto3.client("ec2", aws_access_key_id="alice", aws_secret_access_key="alice")
named = [{"Name": "group-name", "Values": [f"{prefix}-postgres"]}]
group = ec2.describe_security_groups(Filters=named)["SecurityGroups"][0]["GroupId"]
rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
worker = next(r for r in rules if r.get("Description") == "From the workload worker")
pair = {"GroupId": worker["ReferencedGroupInfo"]["GroupId"], "Description": worker["Description"]}
permission = {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "UserIdGroupPairs": [pair]}
ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=[permission])
print(json.dumps({}))
