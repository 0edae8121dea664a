//! Containers: ECS clusters, task definitions and services, ECR repositories, Application Auto Scaling.

pub mod cluster;
pub mod cluster_capacity_provider_associations;
pub mod cluster_properties;
pub mod container;
mod container_sdk;
mod ecs;
mod fargate;
pub mod health;
mod module;
pub mod repository;
mod rollout;
pub mod scalable_target;
pub mod scaling_policy;
pub mod scaling_properties;
pub mod service;
pub mod service_properties;
mod service_update;
pub mod settings;
pub mod task_definition;
pub mod volume;
pub mod wiring;

pub use module::{declare, declare_repositories};
pub use settings::Settings;
pub use wiring::{Inputs, Outputs, RepositoryOutputs, ServiceInputs, ServiceOutputs};

use cloud::Catalogue;

/// Adds this crate's resource types.
pub fn register(catalogue: &mut Catalogue) {
    engine::catalogue!(catalogue;
        cluster::Cluster,
        cluster_capacity_provider_associations::ClusterCapacityProviderAssociations,
        repository::Repository,
        scalable_target::ScalableTarget,
        scaling_policy::ScalingPolicy,
        service::Service,
        task_definition::TaskDefinition,
    );
}
