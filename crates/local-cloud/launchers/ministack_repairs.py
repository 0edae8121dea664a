"""What ministack answers in a way that no client can live with, put right inside it: each repair says what AWS does.

Subnets live in the other emulator: ministack looks them up through the front, so that wrong ones are refused as on AWS.
"""

import os
import re
import time
import urllib.parse
import urllib.request
import xml.etree.ElementTree

from ministack.services import cloudwatch, elasticache, rds

# A proxy that the user's environment names must not see loopback calls.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def described_subnets(subnet_ids, region):
    """Subnets and VPC as EC2 describes them, or None when one is unknown or they span VPCs."""
    wanted = list(dict.fromkeys(subnet_ids))
    if not wanted:
        return None
    fields = {"Action": "DescribeSubnets", "Version": "2016-11-15"}
    fields.update({f"SubnetId.{index}": subnet for index, subnet in enumerate(wanted, 1)})
    request = urllib.request.Request(
        f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}/_groundplan/internal/moto",
        urllib.parse.urlencode(fields).encode(),
        {
            "Authorization": f"AWS4-HMAC-SHA256 Credential=local/20260101/{region}/ec2/aws4_request, SignedHeaders=host, Signature=0",
            "Content-Type": "application/x-www-form-urlencoded",
        },
    )
    try:
        with DIRECT.open(request, timeout=20) as answer:
            root = xml.etree.ElementTree.fromstring(answer.read())
    except OSError:
        return None
    items = root.findall(".//{*}subnetSet/{*}item")
    zones, vpcs = {}, set()
    for item in items:
        values = {child.tag.rpartition("}")[2]: child.text for child in item}
        zones[values["subnetId"]] = values["availabilityZone"]
        vpcs.add(values["vpcId"])
    if set(zones) != set(wanted) or len(vpcs) != 1:
        return None
    subnets = [
        {
            "SubnetIdentifier": subnet,
            "SubnetAvailabilityZone": {"Name": zones[subnet]},
            "SubnetOutpost": {},
            "SubnetStatus": "Active",
        }
        for subnet in wanted
    ]
    return subnets, vpcs.pop()


rds._resolve_subnet_group_members = lambda subnet_ids: described_subnets(subnet_ids, rds.get_region())
elasticache._resolve_subnets = lambda p: described_subnets(
    elasticache._extract_configs(p, "SubnetIds", ("SubnetIdentifier", "member")), elasticache.get_region()
)


def snapshot_times(found):
    """The time of a cache's snapshot as text: AWS gives no number of seconds, and SDKs read none."""
    return time.strftime("<SnapshotCreateTime>%Y-%m-%dT%H:%M:%SZ<", time.gmtime(float(found[1])))


snapshot_xml = elasticache._snapshot_xml
elasticache._snapshot_xml = lambda snapshot: re.sub(
    r"<SnapshotCreateTime>([\d.]+)<", snapshot_times, snapshot_xml(snapshot)
)


def actions_of(module):
    """The table of a module's operations."""
    for value in vars(module).values():
        if isinstance(value, dict) and value.get("CreateDBParameterGroup"):
            return value
    return {}


RDS = actions_of(rds)


def around(operation):
    def decorate(wrapper):
        original = RDS[operation]
        RDS[operation] = lambda p: wrapper(original, p)
        return wrapper

    return decorate


@around("CreateDBSubnetGroup")
def subnet_group_twice(original, p):
    """ministack overwrites the first."""
    name = rds._p(p, "DBSubnetGroupName")
    if name in rds._subnet_groups:
        return rds._error("DBSubnetGroupAlreadyExists", f"The DB subnet group '{name}' already exists.", 400)
    return original(p)


@around("DeleteDBSubnetGroup")
def subnet_group_in_use(original, p):
    name = rds._p(p, "DBSubnetGroupName")
    for instance in rds._instances.values():
        if (instance.get("DBSubnetGroup") or {}).get("DBSubnetGroupName") == name:
            return rds._error(
                "InvalidDBSubnetGroupStateFault",
                f"Cannot delete the subnet group '{name}' because at least one database instance: "
                f"{instance['DBInstanceIdentifier']} is still using it.",
                400,
            )
    return original(p)


@around("DeleteDBParameterGroup")
def parameter_group_in_use(original, p):
    name = rds._p(p, "DBParameterGroupName")
    for instance in rds._instances.values():
        groups = instance.get("DBParameterGroups") or []
        if any(group.get("DBParameterGroupName") == name for group in groups):
            return rds._error(
                "InvalidDBParameterGroupState",
                f"One or more database instances are still members of this parameter group {name}, so the group cannot be deleted",
                400,
            )
    return original(p)


def log_types(p, prefix):
    return [rds._p(p, key) for key in sorted(p) if re.fullmatch(re.escape(prefix) + r"(\.\w+)*\.\d+", key)]


def written_again(answer, instance):
    """The answer was written before the instance was put right."""
    status, headers, body = answer
    text = body.decode() if isinstance(body, bytes) else body
    new = f"<DBInstance>{rds._instance_xml(instance)}</DBInstance>"
    text = re.sub(r"<DBInstance>.*</DBInstance>", lambda _: new, text, flags=re.DOTALL)
    return status, headers, text.encode()


@around("CreateDBInstance")
def instance_keeps_log_exports(original, p):
    """ministack forgets EnableCloudwatchLogsExports and CACertificateIdentifier, names a database that nobody asked for, and takes
    a missing subnet group for a new one."""
    group = rds._p(p, "DBSubnetGroupName")
    if group and group not in rds._subnet_groups:
        return rds._error("DBSubnetGroupNotFoundFault", f"DB subnet group '{group}' does not exist.", 404)
    answer = original(p)
    instance = rds._instances.get(rds._p(p, "DBInstanceIdentifier"))
    if answer[0] == 200 and instance is not None:
        instance["EnabledCloudwatchLogsExports"] = log_types(p, "EnableCloudwatchLogsExports")
        instance["CACertificateIdentifier"] = rds._p(p, "CACertificateIdentifier") or "rds-ca-rsa2048-g1"
        if not rds._p(p, "DBName"):
            instance["DBName"] = ""
        return written_again(answer, instance)
    return answer


@around("ModifyDBInstance")
def instance_changes_log_exports(original, p):
    answer = original(p)
    instance = rds._instances.get(rds._p(p, "DBInstanceIdentifier"))
    if answer[0] == 200 and instance is not None:
        enabled = list(instance.get("EnabledCloudwatchLogsExports") or [])
        removed = log_types(p, "CloudwatchLogsExportConfiguration.DisableLogTypes")
        added = log_types(p, "CloudwatchLogsExportConfiguration.EnableLogTypes")
        instance["EnabledCloudwatchLogsExports"] = [t for t in enabled if t not in removed] + [
            t for t in added if t not in enabled
        ]
        return written_again(answer, instance)
    return answer


instance_xml = rds._instance_xml


def instance_as_aws_writes_it(instance):
    """Log exports as a list, and no empty members: AWS leaves out what is not set."""
    text = instance_xml(instance)
    members = "".join(f"<member>{t}</member>" for t in instance.get("EnabledCloudwatchLogsExports") or [])
    text = text.replace(
        "<EnabledCloudwatchLogsExports/>", f"<EnabledCloudwatchLogsExports>{members}</EnabledCloudwatchLogsExports>"
    )
    text = re.sub(
        r"<(KmsKeyId|DBClusterIdentifier|ReadReplicaSourceDBInstanceIdentifier|ReplicaMode|EnhancedMonitoringResourceArn"
        r"|MonitoringRoleArn|DBName)></\1>",
        "",
        text,
    )
    if not instance.get("PerformanceInsightsEnabled"):
        text = re.sub(r"<PerformanceInsightsRetentionPeriod>\d+</PerformanceInsightsRetentionPeriod>", "", text)
    if instance.get("StorageType") != "gp3":
        text = text.replace("<StorageThroughput>0</StorageThroughput>", "")
    return text


rds._instance_xml = instance_as_aws_writes_it

create_cache_parameter_group = elasticache._create_param_group


def cache_parameter_group_twice(p):
    """ministack overwrites the first."""
    name = elasticache._p(p, "CacheParameterGroupName")
    if name in elasticache._param_groups:
        return elasticache._error(
            "CacheParameterGroupAlreadyExists", f"Cache parameter group {name} already exists.", 400
        )
    return create_cache_parameter_group(p)


elasticache._create_param_group = cache_parameter_group_twice
delete_cache_parameter_group = elasticache._delete_param_group


def cache_parameter_group_in_use(p):
    name = elasticache._p(p, "CacheParameterGroupName")
    for cluster in elasticache._clusters.values():
        group = cluster.get("CacheParameterGroup") or {}
        if (group.get("CacheParameterGroupName") if isinstance(group, dict) else group) == name:
            return elasticache._error(
                "InvalidCacheParameterGroupState",
                "One or more cache clusters are still members of this parameter group "
                f"{name}, so the group cannot be deleted.",
                400,
            )
    return delete_cache_parameter_group(p)


elasticache._delete_param_group = cache_parameter_group_in_use
describe_cache_parameters = elasticache._describe_cache_parameters


def cache_parameters_by_source(p):
    """ministack takes no notice of Source."""
    answer = describe_cache_parameters(p)
    source = elasticache._p(p, "Source")
    if answer[0] != 200 or not source:
        return answer
    status, headers, body = answer
    text = body.decode() if isinstance(body, bytes) else body
    text = re.sub(
        r"<Parameter>.*?</Parameter>",
        lambda match: match[0] if f"<Source>{source}</Source>" in match[0] else "",
        text,
        flags=re.DOTALL,
    )
    return status, headers, text.encode()


elasticache._describe_cache_parameters = cache_parameters_by_source
put_metric_alarm = cloudwatch._put_metric_alarm


def alarm_keeps_its_form(params, data, is_cbor, is_json=False):
    """ministack drops Metrics and what belongs to percentiles and anomaly bands, and makes up a statistic and a period."""
    answer = put_metric_alarm(params, data, is_cbor, is_json)
    alarm = cloudwatch._alarms.get((data or {}).get("AlarmName"))
    if (is_cbor or is_json) and answer[0] == 200 and alarm is not None:
        for member in ("Metrics", "ThresholdMetricId", "EvaluateLowSampleCountPercentile"):
            if data.get(member) is not None:
                alarm[member] = data[member]
        if data.get("Metrics"):
            for member in ("Statistic", "Period", "Dimensions", "MetricName", "Namespace"):
                alarm.pop(member, None)
        elif data.get("ExtendedStatistic"):
            alarm.pop("Statistic", None)
    return answer


cloudwatch._put_metric_alarm = alarm_keeps_its_form

validate_tagged = cloudwatch._validate_alarm_tag_arn


def alarm_or_dashboard(arn, is_json=False, is_cbor=False):
    """ministack tags alarms only; AWS dashboards as well."""
    name = str(arn).partition(f"arn:aws:cloudwatch::{cloudwatch.get_account_id()}:dashboard/")[2]
    if name and name in cloudwatch._dashboards:
        return None
    return validate_tagged(arn, is_json, is_cbor)


cloudwatch._validate_alarm_tag_arn = alarm_or_dashboard
put_dashboard = cloudwatch._put_dashboard


def dashboard_keeps_its_tags(params, data, is_cbor, is_json=False):
    """Tags count for a new dashboard only; ministack drops them."""
    name = (data or {}).get("DashboardName")
    known = name in cloudwatch._dashboards
    answer = put_dashboard(params, data, is_cbor, is_json)
    if (is_cbor or is_json) and answer[0] == 200 and not known:
        arn = cloudwatch._dashboards[name]["DashboardArn"]
        cloudwatch._resource_tags[arn] = {tag["Key"]: tag.get("Value", "") for tag in data.get("Tags") or []}
    return answer


cloudwatch._put_dashboard = dashboard_keeps_its_tags
