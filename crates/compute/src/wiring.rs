//! What this module needs of others, and what it gives them.

use std::collections::BTreeMap;

use engine::Handle;

/// What the services need of other modules. Maps are by the service's name in the environment file.
/// Values may hold reference tokens.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// What every physical name starts with: `arrakis-production`.
    pub prefix: String,
    /// The region.
    pub region: String,
    /// Ids of the subnets that tasks run in.
    pub subnets: Vec<String>,
    /// Whether tasks get public addresses: needed in public subnets without NAT.
    pub assign_public_ip: bool,
    /// Security group ids by service.
    pub security_groups: BTreeMap<String, String>,
    /// Target group ARNs by service, for those behind a load balancer.
    pub target_groups: BTreeMap<String, String>,
    /// The listener or listener rule that attaches the target group to its load balancer, by service: ECS refuses a
    /// target group without one.
    pub listeners: BTreeMap<String, Handle>,
    /// ARNs of the roles by which ECS starts tasks, by service.
    pub execution_roles: BTreeMap<String, String>,
    /// ARNs of the roles that the tasks' own code has, by service.
    pub task_roles: BTreeMap<String, String>,
    /// Log group names by service.
    pub log_groups: BTreeMap<String, String>,
    /// Secret ARNs by the secret's name in the environment file.
    pub secrets: BTreeMap<String, String>,
    /// Further environment variables by service, such as the hosts of stores. The environment file's own win.
    pub environment: BTreeMap<String, BTreeMap<String, String>>,
    /// What [`crate::declare_repositories`] returned.
    pub repositories: BTreeMap<String, RepositoryOutputs>,
}

/// An ECR repository.
#[derive(Debug, Clone)]
pub struct RepositoryOutputs {
    /// Its physical name.
    pub name: String,
    /// Its ARN, a token: what an execution role may pull from.
    pub arn: String,
    /// Its address for `docker push`, a token, without tag.
    pub uri: String,
    /// The resource.
    pub handle: Handle,
}

/// An ECS service.
#[derive(Debug, Clone)]
pub struct ServiceOutputs {
    /// Its physical name, as in `ServiceName` dimensions.
    pub name: String,
    /// Its ARN, a token.
    pub arn: String,
    /// The name of its container, and of its task definition's family.
    pub family: String,
    /// Its first task definition's ARN with revision, a token.
    pub task_definition: String,
    /// The image it starts with; may hold tokens.
    pub image: String,
    /// MiB of memory of a task.
    pub memory: u32,
    /// Fewest and most tasks, if something scales them.
    pub bounds: Option<(u32, u32)>,
    /// The resource.
    pub handle: Handle,
    /// The resource of its task definition.
    pub task_definition_handle: Handle,
}

/// What the module made.
#[derive(Debug, Clone)]
pub struct Outputs {
    /// The cluster's physical name, as in `ClusterName` dimensions. There is no cluster where there is no service.
    pub cluster_name: String,
    /// The cluster's ARN, a token.
    pub cluster_arn: String,
    /// Services by their name in the environment file.
    pub services: BTreeMap<String, ServiceOutputs>,
    /// Repositories by their name in the environment file.
    pub repositories: BTreeMap<String, RepositoryOutputs>,
}
