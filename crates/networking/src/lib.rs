//! Networks: VPC, subnets, routes, gateways, endpoints, security groups, load balancers, certificates.

mod ec2;
pub mod module;
pub mod settings;
pub mod vpc;

pub use module::{Inputs, Outputs};
pub use settings::Settings;

use cloud::Catalogue;

/// Adds this crate's resource types.
pub fn register(catalogue: &mut Catalogue) {
    engine::catalogue!(catalogue;
        vpc::Vpc,
    );
}
