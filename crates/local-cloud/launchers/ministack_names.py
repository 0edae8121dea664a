"""Endpoints as AWS names them. ministack has one address for all databases and another for all caches.

<https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Overview.Endpoints.html> and
<https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/Endpoints.html>: the part in the middle belongs to account and region.
"""

import copy
import hashlib
import re

from ministack.services import elasticache, rds

ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
# What ministack puts in where it runs no container.
PLACEHOLDERS = ("localhost", "redis", "")


def code(service, length, account, region):
    """Random on AWS; here the same in every run, so that a plan after a restart shows no change that nobody made."""
    digest = hashlib.sha256(f"{service}/{account}/{region}".encode()).digest()
    return "c" + "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest[: length - 1])


def database(name, kind=""):
    region = rds.get_region()
    return f"{name.lower()}.{kind}{code('rds', 12, rds.get_account_id(), region)}.{region}.rds.amazonaws.com"


def short(region):
    """use1 for us-east-1, apne1 for ap-northeast-1."""
    area, *middle, number = region.split("-")
    directions = re.findall("north|south|east|west|central", "".join(middle))
    gov = "g" if "gov" in middle else ""
    return area + gov + "".join(direction[0] for direction in directions) + number


instance_xml = rds._instance_xml


def instance_with_its_name(instance):
    address = database(instance["DBInstanceIdentifier"])
    return re.sub(
        r"(<Endpoint>\s*<Address>)(?:%s)(</Address>)" % "|".join(PLACEHOLDERS),
        lambda match: match[1] + address + match[2],
        instance_xml(instance),
    )


rds._instance_xml = instance_with_its_name
cluster_xml = rds._cluster_xml


def cluster_with_its_names(cluster):
    text = cluster_xml(cluster)
    for element, kind in (("Endpoint", "cluster-"), ("ReaderEndpoint", "cluster-ro-")):
        text = re.sub(
            r"(<%s>)(?:%s)(</%s>)" % (element, "|".join(PLACEHOLDERS), element),
            lambda match, kind=kind: match[1] + database(cluster["DBClusterIdentifier"], kind) + match[2],
            text,
        )
    return text


rds._cluster_xml = cluster_with_its_names


def cache(group, role, encrypted, shard="0001"):
    """With encryption in transit the names begin with a role; without, they have the shard in the middle."""
    region = elasticache.get_region()
    middle, end = code("elasticache", 6, elasticache.get_account_id(), region), f"{short(region)}.cache.amazonaws.com"
    if role == "configuration":
        return f"clustercfg.{group}.{middle}.{end}" if encrypted else f"{group}.{middle}.clustercfg.{end}"
    if role in ("primary", "reader"):
        if encrypted:
            return f"{'master' if role == 'primary' else 'replica'}.{group}.{middle}.{end}"
        return f"{group}{'' if role == 'primary' else '-ro'}.{middle}.ng.{shard}.{end}"
    return f"{role}.{group}.{middle}.{end}" if encrypted else f"{role}.{middle}.{shard}.{end}"


def on(value):
    return str(value).lower() == "true"


def named(endpoint, address):
    if endpoint and endpoint.get("Address", "") in PLACEHOLDERS:
        endpoint["Address"] = address


replication_group_xml = elasticache._rg_xml


def group_with_its_names(group):
    group = copy.deepcopy(group)
    name, encrypted = group["ReplicationGroupId"], on(group.get("TransitEncryptionEnabled"))
    named(group.get("ConfigurationEndpoint"), cache(name, "configuration", encrypted))
    for shard in group.get("NodeGroups", []):
        number = shard["NodeGroupId"]
        named(shard.get("PrimaryEndpoint"), cache(name, "primary", encrypted, number))
        named(shard.get("ReaderEndpoint"), cache(name, "reader", encrypted, number))
        for member in shard.get("NodeGroupMembers", []):
            named(member.get("ReadEndpoint"), cache(name, member["CacheClusterId"], encrypted, number))
    return replication_group_xml(group)


elasticache._rg_xml = group_with_its_names
cache_cluster_xml = elasticache._cluster_xml_inner


def cluster_with_its_name(cluster):
    cluster = copy.deepcopy(cluster)
    name, group = cluster["CacheClusterId"], cluster.get("ReplicationGroupId")
    address = cache(group or name, name, on(cluster.get("TransitEncryptionEnabled")) and bool(group))
    named(cluster.get("ConfigurationEndpoint"), cache(name, "configuration", False))
    for node in cluster.get("CacheNodes", []):
        named(node.get("Endpoint"), address)
    return cache_cluster_xml(cluster)


elasticache._cluster_xml_inner = cluster_with_its_name
