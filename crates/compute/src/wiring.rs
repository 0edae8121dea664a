//! What this module needs of others, and what it gives them.

use std::collections::BTreeMap;

use engine::Handle;

/// What this module needs of others. Maps are by names of the environment file; values may hold reference tokens.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// What every physical name starts with: `arrakis-production`.
    pub prefix: String,
    /// The region.
    pub region: String,
    /// What each service gets of other modules.
    pub services: BTreeMap<String, ServiceInputs>,
    /// Secret ARNs by the secret's name.
    pub secrets: BTreeMap<String, String>,
    /// What [`crate::declare_repositories`] returned.
    pub repositories: BTreeMap<String, RepositoryOutputs>,
}

/// What a service gets of other modules. Values may hold reference tokens.
#[derive(Debug, Clone, Default)]
pub struct ServiceInputs {
    /// Ids of the subnets that its tasks run in.
    pub subnets: Vec<String>,
    /// Whether its tasks get public addresses: needed in public subnets.
    pub assign_public_ip: bool,
    /// The security group's id.
    pub security_group: Option<String>,
    /// The target group's ARN, behind a load balancer.
    pub target_group: Option<String>,
    /// What attaches the target group to its load balancer, listeners or rules: ECS refuses a target group without.
    pub listeners: Vec<Handle>,
    /// What its tasks read when they start, and no property refers to: attachments that complete a secret.
    pub waits_for: Vec<Handle>,
    /// ARN of the role by which ECS starts tasks.
    pub execution_role: Option<String>,
    /// ARN of the role that the tasks' own code has.
    pub task_role: Option<String>,
    /// The log group's name.
    pub log_group: Option<String>,
    /// Further environment variables, such as the hosts of stores. The environment file's own win.
    pub environment: BTreeMap<String, String>,
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
    /// The family of its task definitions.
    pub family: String,
    /// The name of its container.
    pub container: String,
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
