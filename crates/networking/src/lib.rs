//! Networks: VPC, subnets, routes, gateways, endpoints, security groups, load balancers, certificates.

pub mod certificate;
mod ec2;
pub mod eip;
mod elb;
pub mod flow_log;
pub mod health;
mod in_use;
mod inline_rule;
mod interfaces;
pub mod internet_gateway;
pub mod listener;
pub mod listener_action;
pub mod listener_rule;
pub mod load_balancer;
pub mod module;
pub mod nat_gateway;
pub mod network_acl;
pub mod network_acl_entry;
mod references;
pub mod route;
pub mod route_table;
pub mod security_group;
pub mod security_group_egress;
pub mod security_group_ingress;
mod security_group_rule;
pub mod settings;
pub mod subnet;
pub mod subnet_network_acl_association;
pub mod subnet_route_table_association;
pub mod target_group;
#[cfg(test)]
mod tests;
pub mod vpc;
mod vpc_content;
pub mod vpc_endpoint;
pub mod vpc_gateway_attachment;

pub use elb::Attribute;
pub use module::{Inputs, Outputs};
pub use settings::Settings;

use cloud::Catalogue;

/// Adds this crate's resource types.
pub fn register(catalogue: &mut Catalogue) {
    engine::catalogue!(catalogue;
        certificate::Certificate,
        listener::Listener,
        listener_rule::ListenerRule,
        load_balancer::LoadBalancer,
        target_group::TargetGroup,
        vpc::Vpc,
        eip::Eip,
        flow_log::FlowLog,
        internet_gateway::InternetGateway,
        nat_gateway::NatGateway,
        network_acl::NetworkAcl,
        network_acl_entry::NetworkAclEntry,
        route::Route,
        route_table::RouteTable,
        security_group::SecurityGroup,
        security_group_egress::SecurityGroupEgress,
        security_group_ingress::SecurityGroupIngress,
        subnet::Subnet,
        subnet_network_acl_association::SubnetNetworkAclAssociation,
        subnet_route_table_association::SubnetRouteTableAssociation,
        vpc_endpoint::VpcEndpoint,
        vpc_gateway_attachment::VpcGatewayAttachment,
    );
}
