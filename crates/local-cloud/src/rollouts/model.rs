//! Task definitions, subnets and tasks, as far as the scheduler needs them.

use std::sync::Arc;

use serde_json::Value;

/// What a deployment needs to know of a task definition.
#[derive(Debug, Default)]
pub(super) struct TaskDefinition {
    pub arn: String,
    pub cpu: Value,
    pub memory: Value,
    pub containers: Vec<Container>,
}

/// One of its containers.
#[derive(Debug, Clone, Default)]
pub(super) struct Container {
    pub name: String,
    pub image: String,
    pub has_health_check: bool,
}

impl TaskDefinition {
    /// The container that a test has marked to fail.
    pub fn broken(&self) -> Option<&Container> {
        self.containers.iter().find(|container| container.name.contains("broken") || container.image.contains("broken"))
    }
}

/// A subnet that tasks are placed in.
#[derive(Debug, Clone, Default)]
pub(super) struct Subnet {
    pub id: String,
    pub zone: String,
    /// The first three numbers of its addresses.
    pub prefix: String,
}

#[derive(Debug, Clone)]
pub(super) struct Task {
    pub id: String,
    pub deployment: String,
    pub definition: Arc<TaskDefinition>,
    pub subnet: Subnet,
    pub address: String,
    pub created: f64,
    pub running: f64,
    pub healthy: f64,
    pub end: Option<End>,
}

/// How a task ended.
#[derive(Debug, Clone)]
pub(super) struct End {
    pub at: f64,
    pub code: &'static str,
    pub reason: String,
    pub exit: Option<i32>,
}
