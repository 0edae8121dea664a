"""EC2's security group rules, network ACLs, associations and flow logs: what moto answers wrongly, put right inside it."""

import inspect

from moto.ec2 import exceptions as ec2_errors
from moto.ec2.models import EC2Backend
from moto.ec2.models.flow_logs import FlowLogs
from moto.ec2.models.network_acls import NetworkAcl
from moto.ec2.models.security_groups import SecurityGroup, SecurityGroupRule
from moto.ec2.responses.flow_logs import FlowLogs as FlowLogsResponse
from moto.ec2.responses.network_acls import NetworkACLs
from moto.s3.models import S3Backend
from moto_repairs import around

# Security group rules

new_rule = inspect.signature(SecurityGroupRule.__init__)


@around(SecurityGroupRule, "__init__")
def rule_keeps_its_prefix_lists_description(original, self, *args, **kwargs):
    """moto keeps the prefix list's id only."""
    original(*args, **kwargs)
    listed = new_rule.bind(self, *args, **kwargs).arguments.get("prefix_list_id") or {}
    self.prefix_list_description = listed.get("Description")


@property
def description_of_any_rule(self):
    """moto looks for it at address ranges only."""
    return (
        self.ip_range.get("Description")
        or (self.source_group or {}).get("Description")
        or self.prefix_list_description
        or None
    )


SecurityGroupRule.description = description_of_any_rule
# moto leaves it out: a rule to a group of the same account looks as if of another.
SecurityGroupRule.group_owner_id = property(lambda self: self.ec2_backend.account_id)


@around(SecurityGroup, "_flattened_rules")
def permissions_with_descriptions_of_prefix_lists(original, self, rules):
    views = original(rules)
    described = {rule.prefix_list_id: rule.prefix_list_description for rule in rules if rule.prefix_list_id}
    for view in views:
        for listed in view.prefix_list_ids:
            if described.get(listed["PrefixListId"]):
                listed["Description"] = described[listed["PrefixListId"]]
    return views


@around(SecurityGroupRule, "__eq__")
def same_traffic(original, self, other):
    """moto compares a group's description too; on AWS a rule with another description is the same rule."""
    bare = [{k: v for k, v in (rule.source_group or {}).items() if k != "Description"} for rule in (self, other)]
    mine, theirs = self.source_group, other.source_group
    try:
        self.source_group, other.source_group = bare
        return original(other)
    finally:
        self.source_group, other.source_group = mine, theirs


@around(EC2Backend, "_sg_update_description")
def description_is_replaced(original, self, given, rule):
    """On AWS a rule without a description takes the old one away; moto leaves it."""
    for holder, new in ((rule.ip_range, given.ip_range), (rule.source_group, given.source_group)):
        if new and new.get("Description"):
            holder["Description"] = new["Description"]
        else:
            holder.pop("Description", None)
    rule.prefix_list_description = given.prefix_list_description


@around(EC2Backend, "modify_security_group_rules")
def description_of_a_rule_to_a_group_changes(original, self, group_id, rules):
    """moto writes it where address ranges have it, and takes nothing away."""
    original(group_id, rules)
    group = self.get_security_group_by_name_or_id(group_id)
    for rule_id, given in rules.items():
        rule = group.get_rule(rule_id)
        description = given.get("Description")
        rule.ip_range.pop("Description", None)
        if rule.source_group:
            rule.source_group = {k: v for k, v in rule.source_group.items() if k != "Description"}
        rule.prefix_list_description = None
        if description and rule.source_group:
            rule.source_group["Description"] = description
        elif description and rule.prefix_list_id:
            rule.prefix_list_description = description
        elif description:
            rule.ip_range["Description"] = description


@around(EC2Backend, "delete_security_group")
@around(EC2Backend, "revoke_security_group_ingress")
@around(EC2Backend, "revoke_security_group_egress")
def tags_go_with_their_rule(original, self, *args, **kwargs):
    """moto lists the tags of rules that are gone for ever."""
    result = original(*args, **kwargs)
    groups = [group for of_vpc in self.groups.values() for group in of_vpc.values()]
    there = {rule.id for group in groups for rule in (*group.ingress_rules, *group.egress_rules)}
    for gone in [name for name in self.tags if name.startswith("sgr-") and name not in there]:
        self.tags.pop(gone, None)
    return result


@around(EC2Backend, "release_address")
def tags_go_with_their_address(original, self, *args, **kwargs):
    """moto lists them for ever, too."""
    result = original(*args, **kwargs)
    there = {address.allocation_id for address in self.addresses}
    for gone in [name for name in self.tags if name.startswith("eipalloc-") and name not in there]:
        self.tags.pop(gone, None)
    return result


# Network ACLs


@around(NetworkACLs, "_get_param")
def icmp_by_its_parsed_name(original, self, name, if_none=None):
    if name in ("Icmp.Code", "Icmp.Type"):
        name = name.replace("Icmp.", "IcmpTypeCode.")
    return original(name, if_none)


@around(NetworkAcl, "get_filter_value")
def network_acl_by_its_id(original, self, filter_name, method_name=None):
    return self.id if filter_name == "network-acl-id" else original(filter_name, method_name)


# Route tables


@around(EC2Backend, "associate_route_table")
def association_with_another_table(original, self, route_table_id, gateway_id=None, subnet_id=None):
    """moto answers with the old association and changes nothing."""
    if subnet_id:
        for table in self.describe_route_tables(filters={"association.subnet-id": [subnet_id]}):
            if table.id != route_table_id:
                raise ec2_errors.EC2ClientError(
                    "Resource.AlreadyAssociated",
                    f"the specified association for route table {route_table_id} conflicts with an existing association",
                )
    return original(route_table_id, gateway_id, subnet_id)


# Flow logs


NOT_ASKED = []


@around(S3Backend, "get_bucket")
def bucket_of_the_other_emulator(original, self, bucket_name):
    """Buckets are in ministack: moto finds none, and takes the folder in it for a part of the name."""
    return None if NOT_ASKED else original(bucket_name)


@around(EC2Backend, "create_flow_logs")
def flow_logs_to_a_bucket(original, self, *args, **kwargs):
    NOT_ASKED.append(True)
    try:
        return original(*args, **kwargs)
    finally:
        NOT_ASKED.pop()


@around(FlowLogsResponse, "create_flow_logs")
def flow_logs_keep_their_options(original, self):
    known = set(self.ec2_backend.flow_logs)
    result = original()
    options = self._get_param("DestinationOptions")
    for flow_log_id, flow_log in self.ec2_backend.flow_logs.items():
        if flow_log_id not in known and options and flow_log.log_destination_type == "s3":
            flow_log.destination_options = {
                "FileFormat": options.get("FileFormat", "plain-text"),
                "HiveCompatiblePartitions": options.get("HiveCompatiblePartitions", False),
                "PerHourPartition": options.get("PerHourPartition", False),
            }
    return result


FlowLogs.destination_options = None
