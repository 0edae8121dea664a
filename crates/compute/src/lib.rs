//! Containers: ECS clusters, task definitions and services, ECR repositories, Application Auto Scaling.

pub mod settings;
pub mod wiring;

pub use settings::Settings;
pub use wiring::{Inputs, Outputs, RepositoryOutputs, ServiceOutputs};

use cloud::Catalogue;

/// Adds this crate's resource types.
pub fn register(catalogue: &mut Catalogue) {
    let _ = catalogue;
}
