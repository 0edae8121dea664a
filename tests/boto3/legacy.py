"""A network of another system, that Terraform made: nothing of it is Freeside's. Called without arguments it makes it
and prints the ids; called with the address, it says whether that is still there; called with "full" and a range, it
makes a VPC that can take no further tag, and prints its id."""

import json
import sys

import boto3

ec2 = boto3.client("ec2")
if sys.argv[1:2] == ["full"]:
    full = [{"ResourceType": "vpc", "Tags": [{"Key": f"tag-{n}", "Value": "x"} for n in range(50)]}]
    print(json.dumps(ec2.create_vpc(CidrBlock=sys.argv[2], TagSpecifications=full)["Vpc"]["VpcId"]))
    sys.exit()
if len(sys.argv) > 1:
    found = ec2.describe_addresses(Filters=[{"Name": "public-ip", "Values": [sys.argv[1]]}])["Addresses"]
    print(json.dumps(bool(found)))
    sys.exit()


def tags(kind, name):
    return [{"ResourceType": kind, "Tags": [{"Key": "Name", "Value": name}]}]


vpc = ec2.create_vpc(CidrBlock="10.99.0.0/16", TagSpecifications=tags("vpc", "legacy"))["Vpc"]["VpcId"]
gateway = ec2.create_internet_gateway(TagSpecifications=tags("internet-gateway", "legacy"))
gateway = gateway["InternetGateway"]["InternetGatewayId"]
ec2.attach_internet_gateway(InternetGatewayId=gateway, VpcId=vpc)
address = ec2.allocate_address(Domain="vpc", TagSpecifications=tags("elastic-ip", "bastion"))["PublicIp"]
print(json.dumps({"vpc": vpc, "gateway": gateway, "address": address}))
