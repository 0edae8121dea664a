"""The keys of a bucket of state, or an object damaged: `state_objects.py BUCKET [KEY-TO-DAMAGE]`. Prints JSON."""

import json
import sys

import boto3

s3 = boto3.client("s3")
bucket = sys.argv[1]
if len(sys.argv) > 2:
    body = bytearray(s3.get_object(Bucket=bucket, Key=sys.argv[2])["Body"].read())
    body[len(body) // 2] ^= 1
    s3.put_object(Bucket=bucket, Key=sys.argv[2], Body=bytes(body))
print(json.dumps([o["Key"] for o in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]))
