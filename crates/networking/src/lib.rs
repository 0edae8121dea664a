//! Networks: VPC, subnets, routes, gateways, endpoints, security groups, load balancers, certificates.

mod ec2;
pub mod certificate;
mod elb;
pub mod listener;
pub mod listener_action;
pub mod listener_rule;
pub mod load_balancer;
pub mod target_group;
pub mod module;
pub mod settings;
pub mod vpc;

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
    );
}
