//! What this crate needs of the others, and what they and the user get of it.
//!
//! Names and ids may be reference tokens (`Handle::id`, `Handle::get`) or plain text. Plain text makes no edge: an
//! alarm on a service of a known name does not wait for the service.

use std::collections::BTreeMap;

use engine::Handle;

/// What the log groups depend on: known before any other module has declared anything.
#[derive(Debug, Clone, Default)]
pub struct LogInputs {
    /// What every physical name begins with: `arrakis-production`.
    pub prefix: String,
    /// The services that write logs.
    pub services: Vec<String>,
    /// Whether the network writes flow logs, and how long they are kept.
    pub flow_logs: Option<FlowLogs>,
    /// The ARN of the KMS key that encrypts the logs; `None`: AWS's own key.
    pub key: Option<String>,
}

/// The network's flow logs.
#[derive(Debug, Clone, Default)]
pub struct FlowLogs {
    /// Days they are kept; `None`: `monitoring.log-retention-days`.
    pub retention_days: Option<u32>,
    /// The key of the environment file that says so: `networking.flow-logs.retention-days`.
    pub key: String,
}

/// The log groups.
#[derive(Debug, Clone, Default)]
pub struct Logs {
    /// By service.
    pub services: BTreeMap<String, LogOutput>,
    /// The network's flow logs.
    pub flow_logs: Option<LogOutput>,
}

/// A log group, for who writes into it.
#[derive(Debug, Clone, PartialEq)]
pub struct LogOutput {
    /// Its name as a token.
    pub name: String,
    /// Its ARN as a token. It ends in `:*`, as IAM policies want it.
    pub arn: String,
    /// The resource.
    pub handle: Handle,
}

/// What the alarms and the dashboard depend on.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// What every physical name begins with: `arrakis-production`.
    pub prefix: String,
    /// The region of the metrics.
    pub region: String,
    /// The account id, where the environment file names it: the dashboard can show the alarms' states only then.
    pub account: Option<String>,
    /// Whether the cluster has Container Insights: the dashboard shows running tasks only then.
    pub container_insights: bool,
    /// The ECS services.
    pub services: Vec<Service>,
    /// The load balancers.
    pub load_balancers: Vec<LoadBalancer>,
    /// The databases.
    pub databases: Vec<Database>,
    /// The caches.
    pub caches: Vec<Cache>,
    /// The ARNs of the SNS topics, by the name that `notify` uses.
    pub topics: BTreeMap<String, String>,
    /// What [`crate::log_groups`] gave.
    pub logs: Logs,
}

/// An ECS service.
#[derive(Debug, Clone, Default)]
pub struct Service {
    /// Its name in the environment file: `api`.
    pub name: String,
    /// The cluster's physical name.
    pub cluster: String,
    /// The service's physical name.
    pub service_name: String,
    /// Where its requests come from.
    pub balanced: Option<Balanced>,
}

/// The target group of a service.
#[derive(Debug, Clone, Default)]
pub struct Balanced {
    /// The load balancer's `LoadBalancerFullName`: `app/arrakis-production/50dc6c495c0c9188`.
    pub load_balancer: String,
    /// The target group's `TargetGroupFullName`: `targetgroup/arrakis-production-api/943f017f100becff`.
    pub target_group: String,
}

/// A load balancer.
#[derive(Debug, Clone, Default)]
pub struct LoadBalancer {
    /// Its name in the environment file: `main`.
    pub name: String,
    /// Its `LoadBalancerFullName`.
    pub full_name: String,
}

/// A database instance.
#[derive(Debug, Clone, Default)]
pub struct Database {
    /// Its name in the environment file: `main`.
    pub name: String,
    /// Its `DBInstanceIdentifier`.
    pub identifier: String,
    /// The engine as RDS names it: `postgres`.
    pub engine: String,
    /// The instance class: `db.t3.small`.
    pub class: String,
    /// The parameter `max_connections`, where the environment file sets it.
    pub max_connections: Option<u32>,
    /// The key of the environment file that declares it: `storage.postgres.main`.
    pub key: String,
}

/// A cache.
#[derive(Debug, Clone, Default)]
pub struct Cache {
    /// Its name in the environment file: `cache`.
    pub name: String,
    /// The ids of its nodes: `arrakis-production-redis-001`.
    pub cluster_ids: Vec<String>,
    /// The node type: `cache.t3.micro`.
    pub node: String,
}

/// What the alarms and the dashboard are called.
#[derive(Debug, Clone, Default)]
pub struct Outputs {
    /// The alarms by name without the prefix: `api-cpu`.
    pub alarms: BTreeMap<String, Handle>,
    /// The dashboard's name.
    pub dashboard: Option<String>,
    /// Where a browser shows the dashboard.
    pub dashboard_url: Option<String>,
}
