"""A lock as Terraform's S3 backend writes it: `terraform_lock.py TABLE LOCK-ID`. Prints JSON."""

import json
import sys

import boto3

info = {"ID": "1", "Operation": "OperationTypeApply", "Who": "ann@host", "Created": "2026-11-21T10:00:00Z", "Path": "p"}
item = {"LockID": {"S": sys.argv[2]}, "Info": {"S": json.dumps(info)}}
boto3.client("dynamodb").put_item(TableName=sys.argv[1], Item=item)
print(json.dumps(info))
