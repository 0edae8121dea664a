"""Takes, or gives back, a name that an environment wants: its secret `app-config`.

occupy.py take|free PREFIX
"""

import json
import sys

import boto3

secrets = boto3.client("secretsmanager")
name = f"{sys.argv[2]}/app-config"
if sys.argv[1] == "take":
    secrets.create_secret(Name=name, SecretString="somebody else's")
else:
    secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
print(json.dumps({"secret": name}))
