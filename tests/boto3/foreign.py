"""What others put into an environment's network, with boto3 alone.

    foreign.py make PREFIX      a network interface that Lambda left, one made by hand, and a subnet; prints their ids
    foreign.py interfaces       prints the ids of all interfaces with a description
    foreign.py interface ID     deletes an interface
    foreign.py subnet ID        deletes a subnet
"""

import json
import sys

import boto3

ec2 = boto3.client("ec2")
what, out = sys.argv[1], {}
if what == "make":
    prefix = sys.argv[2]
    vpc = next(v for v in ec2.describe_vpcs()["Vpcs"] if not v["IsDefault"])["VpcId"]
    mine = [{"Name": "vpc-id", "Values": [vpc]}]
    subnet = ec2.describe_subnets(Filters=mine)["Subnets"][0]["SubnetId"]
    groups = ec2.describe_security_groups(Filters=mine)["SecurityGroups"]
    group = next(g["GroupId"] for g in groups if g["GroupName"].startswith(prefix))
    for name, description in [("left", "AWS Lambda VPC ENI-gone-1f414cf6"), ("own", "made by hand")]:
        made = ec2.create_network_interface(SubnetId=subnet, Groups=[group], Description=description)
        out[name] = made["NetworkInterface"]["NetworkInterfaceId"]
    out["subnet"] = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.200.0/24")["Subnet"]["SubnetId"]
elif what == "interfaces":
    found = ec2.describe_network_interfaces()["NetworkInterfaces"]
    out = sorted(i["NetworkInterfaceId"] for i in found if i.get("Description"))
elif what == "interface":
    ec2.delete_network_interface(NetworkInterfaceId=sys.argv[2])
elif what == "subnet":
    ec2.delete_subnet(SubnetId=sys.argv[2])
json.dump(out, sys.stdout)
