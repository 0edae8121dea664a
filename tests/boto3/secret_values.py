"""Every secret value of an environment, read with boto3 alone, in each form in which it could be written down.

    secret_values.py PREFIX

{"values": [...], "forms": [...]}: the values are the texts of all secrets and, of those that are JSON, of all keys that
are not known to be public; the forms are these as they are, URL-encoded, escaped in JSON and in base64.
"""

import base64
import json
import sys
import urllib.parse

import boto3

prefix = sys.argv[1]
# What an attachment or a template puts beside the password.
public = {"engine", "host", "port", "dbname", "dbInstanceIdentifier", "dbClusterIdentifier", "readerHost", "tls", "username"}
values = set()


def leaves(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in public:
                yield from leaves(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from leaves(inner)
    else:
        yield str(value)


secrets = boto3.client("secretsmanager")
for page in secrets.get_paginator("list_secrets").paginate():
    for secret in page["SecretList"]:
        if not secret["Name"].startswith(prefix):
            continue
        # All versions: a value that was replaced is as secret as before.
        for version in secrets.list_secret_version_ids(SecretId=secret["ARN"], IncludeDeprecated=True)["Versions"]:
            text = secrets.get_secret_value(SecretId=secret["ARN"], VersionId=version["VersionId"]).get("SecretString")
            if text is None:
                continue
            values.add(text)
            try:
                values.update(leaves(json.loads(text)))
            except ValueError:
                pass

forms = set()
for value in values:
    raw = value.encode()
    forms.add(value)
    forms.add(urllib.parse.quote(value, safe=""))
    forms.add(urllib.parse.quote(value))
    forms.add(urllib.parse.quote_plus(value))
    forms.add(json.dumps(value)[1:-1])
    forms.add(json.dumps(json.dumps(value)[1:-1])[1:-1])
    # Inside a longer text the value begins at any of three places of a base64 group; the ends mix with what is around.
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            encoded = encode(b"\0" * shift + raw).decode().rstrip("=")
            forms.add(encoded[4 if shift else 0 : -1])
json.dump({"values": sorted(values), "forms": sorted(form for form in forms if len(form) >= 12)}, sys.stdout)
