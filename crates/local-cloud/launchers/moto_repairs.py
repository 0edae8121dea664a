"""What moto answers in a way that no client can live with, put right inside it: each repair says what AWS does.

Only what needs moto's own state is here; what can be seen from outside, or needs both emulators, is in the front's repairs.
"""

import functools
import inspect

from moto.acm import models as acm
from moto.applicationautoscaling import models as autoscaling
from moto.core.exceptions import AWSError, JsonRESTError
from moto.ec2 import exceptions as ec2_errors
from moto.ec2.models import EC2Backend
from moto.ecs import models as ecs
from moto.ecs.exceptions import ECSException
from moto.elbv2 import exceptions as elb_errors
from moto.elbv2 import models as elb
from moto.secretsmanager import exceptions as secret_errors
from moto.secretsmanager import models as secrets


def error_of(service):
    """moto finds an error's model by the module of its class."""

    def decorate(error):
        error.__module__ = f"moto.{service}.exceptions"
        return error

    return decorate


def before(owner, name):
    """Runs a check before a method; the check raises what AWS would answer."""

    def decorate(check):
        original = getattr(owner, name)

        @functools.wraps(original)
        def method(self, *args, **kwargs):
            check(self, *args, **kwargs)
            return original(self, *args, **kwargs)

        setattr(owner, name, method)
        return check

    return decorate


def around(owner, name):
    """Puts a function in place of a method; it gets the original as first argument."""

    def decorate(wrapper):
        original = getattr(owner, name)

        @functools.wraps(original)
        def method(self, *args, **kwargs):
            return wrapper(functools.partial(original, self), self, *args, **kwargs)

        setattr(owner, name, method)
        return wrapper

    return decorate


@error_of("ec2")
class NatGatewayNotFound(ec2_errors.EC2ClientError):
    def __init__(self, nat_gateway_id):
        super().__init__("NatGatewayNotFound", f"NAT gateway {nat_gateway_id} was not found")


def allocations(nat_gateway):
    return {address.get("allocationId") for address in nat_gateway.address_set} - {None}


def balancers(ec2):
    return elb.elbv2_backends[ec2.account_id][ec2.region_name].load_balancers.values()


def live_nat_gateways(ec2):
    return [nat for nat in ec2.nat_gateways.values() if nat.state != "deleted"]


def live_endpoints(ec2):
    return [endpoint for endpoint in ec2.vpc_end_points.values() if endpoint.state != "deleted"]


# EC2: NAT gateways


@around(EC2Backend, "describe_nat_gateways")
def nat_gateway_of_unknown_id_is_an_error(original, self, filters, nat_gateway_ids):
    for nat_gateway_id in nat_gateway_ids or []:
        if nat_gateway_id not in self.nat_gateways:
            raise NatGatewayNotFound(nat_gateway_id)
    return original(filters, nat_gateway_ids)


@around(EC2Backend, "create_nat_gateway")
def nat_gateway_marks_its_interface(original, self, *args, **kwargs):
    """moto's interface of a NAT gateway looks like one that somebody made and left."""
    nat_gateway = original(*args, **kwargs)
    interface = nat_gateway._eni
    interface.description = f"Interface for NAT Gateway {nat_gateway.id}"
    interface.interface_type = "nat_gateway"
    interface.requester_managed = True
    interface.status = "in-use"
    return nat_gateway


@around(EC2Backend, "delete_nat_gateway")
def nat_gateway_gives_its_address_back(original, self, nat_gateway_id):
    """moto answers 500 for an unknown one, and leaves the address associated and the network interface in the subnet."""
    if nat_gateway_id not in self.nat_gateways:
        raise NatGatewayNotFound(nat_gateway_id)
    nat_gateway = original(nat_gateway_id)
    for address in list(self.addresses):
        if address.allocation_id in allocations(nat_gateway):
            self.disassociate_address(address=address.public_ip)
    self.enis.pop(nat_gateway._eni.id, None)
    return nat_gateway


# EC2: what is in use cannot be deleted


@before(EC2Backend, "delete_subnet")
def subnet_in_use(self, subnet_id):
    users = [nat.id for nat in live_nat_gateways(self) if nat.subnet_id == subnet_id]
    users += [endpoint.id for endpoint in live_endpoints(self) if subnet_id in (endpoint.subnet_ids or [])]
    users += [b.name for b in balancers(self) if any(subnet.id == subnet_id for subnet in b.subnets)]
    if users:
        raise ec2_errors.DependencyViolationError(
            f"The subnet '{subnet_id}' has dependencies and cannot be deleted."
        )


@around(EC2Backend, "delete_subnet")
def subnet_leaves_its_network_acl(original, self, subnet_id):
    subnet = original(subnet_id)
    for acl in self.network_acls.values():
        for key, association in list(acl._associations.items()):
            if association.subnet_id == subnet_id:
                del acl._associations[key]
    return subnet


@before(EC2Backend, "release_address")
def address_in_use(self, address=None, allocation_id=None):
    for candidate in self.addresses:
        named = (allocation_id and candidate.allocation_id == allocation_id) or (address and candidate.public_ip == address)
        if named and candidate.association_id:
            raise ec2_errors.EC2ClientError(
                "InvalidIPAddress.InUse", f"Address {candidate.public_ip} is in use."
            )


@before(EC2Backend, "detach_internet_gateway")
def internet_gateway_in_use(self, internet_gateway_id, vpc_id):
    mapped = any(nat.vpc_id == vpc_id and allocations(nat) for nat in live_nat_gateways(self))
    mapped = mapped or any(b.vpc_id == vpc_id and b.scheme == "internet-facing" for b in balancers(self))
    if mapped:
        raise ec2_errors.DependencyViolationError(
            f"Network {vpc_id} has some mapped public address(es). Please unmap those public address(es) before detaching the gateway."
        )


@before(EC2Backend, "delete_security_group")
def security_group_in_use(self, name=None, group_id=None):
    if not group_id:
        return
    used = any(group_id in (b.security_groups or []) for b in balancers(self))
    used = used or any(group_id in (endpoint.security_group_ids or []) for endpoint in live_endpoints(self))
    for groups in self.groups.values():
        for other in groups.values():
            if other.id != group_id:
                rules = list(other.ingress_rules) + list(other.egress_rules)
                used = used or any((rule.source_group or {}).get("GroupId") == group_id for rule in rules)
    for service in ecs.ecs_backends[self.account_id][self.region_name].services.values():
        network = (service.network_configuration or {}).get("awsvpcConfiguration", {})
        if service.status == "ACTIVE" and service.desired_count:
            used = used or group_id in network.get("securityGroups", [])
    if used:
        raise ec2_errors.DependencyViolationError(f"resource {group_id} has a dependent object")


# EC2: rules and entries


def duplicate_rule(source_groups, protocol, from_port, to_port, existing):
    """moto compares the descriptions too; on AWS a rule with another description is the same rule."""
    for pair in source_groups or []:
        wanted = pair.get("GroupId")
        for rule in existing:
            same_ports = protocol == "-1" or (str(rule.from_port) == str(from_port) and str(rule.to_port) == str(to_port))
            if wanted and rule.ip_protocol == protocol and same_ports and (rule.source_group or {}).get("GroupId") == wanted:
                raise ec2_errors.InvalidPermissionDuplicateError()


def rule_twice(direction):
    def check(self, *args, **kwargs):
        method = getattr(EC2Backend, f"authorize_security_group_{direction}")
        call = inspect.signature(method).bind(self, *args, **kwargs).arguments
        group = self.get_security_group_by_name_or_id(call["group_name_or_id"], call.get("vpc_id"))
        if group:
            duplicate_rule(
                call.get("source_groups"),
                call["ip_protocol"],
                call["from_port"],
                call["to_port"],
                getattr(group, f"{direction}_rules"),
            )

    before(EC2Backend, f"authorize_security_group_{direction}")(check)


rule_twice("ingress")
rule_twice("egress")


@before(EC2Backend, "describe_network_acls")
def network_acl_of_unknown_id(self, network_acl_ids=None, filters=None):
    """moto names the error after route tables."""
    for network_acl_id in network_acl_ids or []:
        self.get_network_acl(network_acl_id)


@before(EC2Backend, "delete_network_acl_entry")
def network_acl_entry_of_unknown_number(self, network_acl_id, rule_number, egress):
    """moto answers 500."""
    entries = self.get_network_acl(network_acl_id).network_acl_entries
    if not any(e.egress == egress and str(e.rule_number) == str(rule_number) for e in entries):
        raise ec2_errors.EC2ClientError(
            "InvalidNetworkAclEntry.NotFound",
            f"The specified network ACL entry does not exist: {rule_number}",
        )


# EC2: VPC endpoints


@around(EC2Backend, "modify_vpc_endpoint")
def gateway_endpoint_changes_routes(original, self, *args, **kwargs):
    """moto notes the tables and leaves the routes, and then cannot delete the endpoint."""
    call = inspect.signature(original.func).bind(self, *args, **kwargs).arguments
    endpoint = self.describe_vpc_endpoints(vpc_end_point_ids=[call["vpc_id"]])[0]
    prefix_list = endpoint.destination_prefix_list_id
    known = set(endpoint.route_table_ids or [])
    result = original(*args, **kwargs)
    if prefix_list:
        for table in call.get("add_route_tables") or []:
            if table not in known:
                self.create_route(table, None, gateway_id=endpoint.id, destination_prefix_list_id=prefix_list)
        for table in call.get("remove_route_tables") or []:
            if table in known:
                self.delete_route(table, prefix_list)
    return result


@around(EC2Backend, "delete_vpc_endpoints")
def gateway_endpoint_outlives_no_route_table(original, self, vpce_ids=None):
    for vpce_id in vpce_ids or []:
        endpoint = self.vpc_end_points.get(vpce_id)
        if endpoint and endpoint.route_table_ids:
            endpoint.route_table_ids = [table for table in endpoint.route_table_ids if table in self.route_tables]
    original(vpce_ids)
    # On AWS a deleted endpoint is soon gone; moto would describe it for ever.
    for vpce_id in vpce_ids or []:
        self.vpc_end_points.pop(vpce_id, None)


# Elastic Load Balancing


@before(elb.ELBv2Backend, "create_load_balancer")
def load_balancer_name_twice(self, name, *args, **kwargs):
    if any(balancer.name == name for balancer in self.load_balancers.values()):
        raise elb_errors.DuplicateLoadBalancerName()


@before(elb.ELBv2Backend, "delete_load_balancer")
def load_balancer_protected(self, arn):
    balancer = self.load_balancers.get(arn)
    if balancer and balancer.attrs.get("deletion_protection.enabled") == "true":
        raise elb_errors.ELBClientError(
            "OperationNotPermitted",
            f"Load balancer '{arn}' cannot be deleted because deletion protection is enabled",
        )


@around(elb.ELBv2Backend, "delete_load_balancer")
def load_balancer_leaves_its_target_groups(original, self, arn):
    original(arn)
    for group in self.target_groups.values():
        group.load_balancer_arns = [other for other in group.load_balancer_arns if other != arn]


@before(elb.ELBv2Backend, "create_listener")
def listener_port_twice(self, load_balancer_arn, protocol, port, *args, **kwargs):
    """moto looks the port up among ARNs."""
    balancer = self.load_balancers.get(load_balancer_arn)
    if balancer and any(str(listener.port) == str(port) for listener in balancer.listeners.values()):
        raise elb_errors.DuplicateListenerError()


def plain_listener(original, self, *args, **kwargs):
    """Only HTTPS and TLS listeners have a policy; moto gives every listener one."""
    result = original(*args, **kwargs)
    for balancer in self.load_balancers.values():
        for listener in balancer.listeners.values():
            if listener.protocol not in ("HTTPS", "TLS"):
                listener.ssl_policy = None
                listener.alpn_policy = None
    return result


for operation in ("create_listener", "modify_listener"):
    around(elb.ELBv2Backend, operation)(plain_listener)


# Certificate Manager


def certificate_users(self, arn):
    balancers_here = elb.elbv2_backends[self.account_id][self.region_name].load_balancers.values()
    return [b.arn for b in balancers_here if any(arn in listener.certificates for listener in b.listeners.values())]


@error_of("acm")
class CertificateInUse(AWSError):
    TYPE = "ResourceInUseException"


@before(acm.AWSCertificateManagerBackend, "delete_certificate")
def certificate_in_use(self, arn):
    users = certificate_users(self, arn)
    if users:
        raise CertificateInUse(message=f"Certificate {arn} in account {self.account_id} is in use.")


@around(acm.AWSCertificateManagerBackend, "describe_certificate")
def certificate_knows_its_users(original, self, arn):
    """moto notes listeners, and never forgets them; AWS names the load balancers."""
    certificate = original(arn)
    certificate.in_use_by = certificate_users(self, arn)
    return certificate


# ECS


@before(ecs.EC2ContainerServiceBackend, "delete_cluster")
def cluster_with_services(self, cluster_str):
    cluster = self._get_cluster(cluster_str)
    if any(s.cluster_arn == cluster.arn and s.status == "ACTIVE" for s in self.services.values()):
        raise ECSException(
            "ClusterContainsServicesException", "The Cluster cannot be deleted while Services are active."
        )


# Application Auto Scaling


@error_of("applicationautoscaling")
class ObjectNotFound(JsonRESTError):
    def __init__(self, message):
        super().__init__("ObjectNotFoundException", message)


def not_found_as_aws_names_it(original, self, *args, **kwargs):
    try:
        return original(*args, **kwargs)
    except autoscaling.AWSValidationException as error:
        if "No scal" in str(error.description or error) or "No scheduled" in str(error.description or error):
            raise ObjectNotFound(str(getattr(error, "message", error.description)))
        raise


for operation in ("deregister_scalable_target", "delete_scaling_policy", "delete_scheduled_action"):
    around(autoscaling.ApplicationAutoscalingBackend, operation)(not_found_as_aws_names_it)


# Secrets Manager


@before(secrets.SecretsManagerBackend, "create_secret")
def secret_scheduled_for_deletion(self, name, *args, **kwargs):
    secret = self.secrets.get(name) if name in self.secrets.keys() else None
    if secret and secret.is_deleted():
        raise secret_errors.InvalidRequestException(
            "You can't create this secret because a secret with this name is already scheduled for deletion."
        )
