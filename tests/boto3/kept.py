"""What is left after deletions, read with boto3 alone: snapshots by database and cache, secrets that wait."""

import json
import sys

import boto3

rds, cache = boto3.client("rds"), boto3.client("elasticache")
secrets = boto3.client("secretsmanager").list_secrets(IncludePlannedDeletion=True)["SecretList"]
out = {
    "databases": [i["DBInstanceIdentifier"] for i in rds.describe_db_instances()["DBInstances"]],
    "database_snapshots": sorted(s["DBSnapshotIdentifier"] for s in rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]),
    "cache_snapshots": sorted(s["SnapshotName"] for s in cache.describe_snapshots()["Snapshots"]),
    "waiting_secrets": sorted(s["Name"] for s in secrets if "DeletedDate" in s),
}
json.dump(out, sys.stdout)
