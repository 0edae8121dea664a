"""What a bucket of state, its replica and its lock table are, read with boto3 alone. Prints one JSON document."""

import json
import sys

import boto3
from botocore.exceptions import ClientError

bucket, table = sys.argv[1], sys.argv[2]
replica = sys.argv[3] if len(sys.argv) > 3 else None


def bucket_of(name, region):
    s3 = boto3.client("s3", region_name=region)
    out = {
        "region": s3.get_bucket_location(Bucket=name)["LocationConstraint"] or "us-east-1",
        "versioning": s3.get_bucket_versioning(Bucket=name).get("Status"),
        "encryption": [
            rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"]
            for rule in s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
        ],
        "public_access_blocked": all(s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values()),
        "old_versions_days": [
            rule["NoncurrentVersionExpiration"]["NoncurrentDays"]
            for rule in s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
        ],
    }
    statements = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"]
    out["tls_only"] = any(
        s["Effect"] == "Deny" and s["Condition"] == {"Bool": {"aws:SecureTransport": "false"}} for s in statements
    )
    try:
        configuration = s3.get_bucket_replication(Bucket=name)["ReplicationConfiguration"]
        out["replicated_to"] = [rule["Destination"]["Bucket"] for rule in configuration["Rules"]]
        role = boto3.client("iam").get_role(RoleName=configuration["Role"].split("/")[-1])["Role"]
        out["replication_principal"] = role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"]
    except ClientError as error:
        out["replicated_to"] = error.response["Error"]["Code"]
    return out


dynamodb = boto3.client("dynamodb")
described = dynamodb.describe_table(TableName=table)["Table"]
backups = dynamodb.describe_continuous_backups(TableName=table)["ContinuousBackupsDescription"]
out = {
    "bucket": bucket_of(bucket, "us-east-1"),
    "table": {
        "key": described["KeySchema"],
        "billing": described["BillingModeSummary"]["BillingMode"],
        "deletion_protection": described["DeletionProtectionEnabled"],
        "recovery": backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"],
    },
}
if replica:
    out["replica"] = bucket_of(replica, "us-west-2")
print(json.dumps(out))
