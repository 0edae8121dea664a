//! `[compute]` of an environment file: repositories, services, capacity.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Containers on Fargate: one ECS cluster, its services, and the repositories of their images.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// What tasks run on where a service does not say: `"on-demand"` (default), `"spot"`, or weights such as
    /// `{ spot = 70, on-demand = 30 }`.
    pub capacity: Capacity,
    /// CloudWatch Container Insights of the cluster: `true` or `"enabled"` (default), `"enhanced"` (metrics down to the
    /// container), `false` or `"off"`. Its metrics are paid for.
    pub container_insights: ContainerInsights,
    /// ECR repositories by name; the repository `api` is called `<prefix>-api`.
    pub repository: BTreeMap<String, Repository>,
    /// ECS services by name; the service `api` is called `<prefix>-api`.
    pub service: BTreeMap<String, Service>,
}

/// Fargate capacity.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged, expecting = "write \"on-demand\", \"spot\", or weights such as { spot = 70, on-demand = 30 }")]
pub enum Capacity {
    /// All tasks on one kind.
    One(CapacityName),
    /// Tasks spread over both kinds.
    Weighted(CapacityWeights),
}

impl Default for Capacity {
    fn default() -> Self {
        Self::One(CapacityName::OnDemand)
    }
}

/// A kind of Fargate capacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CapacityName {
    /// `FARGATE`: never interrupted.
    OnDemand,
    /// `FARGATE_SPOT`: up to 70 % cheaper; AWS may stop a task with two minutes' notice.
    Spot,
}

/// How tasks are spread over on-demand and Spot capacity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct CapacityWeights {
    /// Share of tasks on Spot, relative to `on-demand`. 0 to 1000.
    pub spot: u32,
    /// Share of tasks on demand, relative to `spot`. 0 to 1000.
    pub on_demand: u32,
    /// So many tasks run on demand before the weights count. Default 0.
    pub on_demand_base: u32,
}

/// Container Insights of the cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged, expecting = "write true, false, \"enabled\", \"enhanced\" or \"off\"")]
pub enum ContainerInsights {
    /// On or off.
    Switch(bool),
    /// By name.
    Level(InsightsLevel),
}

impl Default for ContainerInsights {
    fn default() -> Self {
        Self::Switch(true)
    }
}

/// How much Container Insights measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InsightsLevel {
    /// Cluster, service and task definition.
    Enabled,
    /// Every task and container, too.
    Enhanced,
    /// Nothing.
    Off,
}

impl ContainerInsights {
    /// The cluster setting's value.
    pub fn value(self) -> &'static str {
        match self {
            Self::Switch(true) | Self::Level(InsightsLevel::Enabled) => "enabled",
            Self::Level(InsightsLevel::Enhanced) => "enhanced",
            Self::Switch(false) | Self::Level(InsightsLevel::Off) => "disabled",
        }
    }
}

/// An ECR repository.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Repository {
    /// The physical name, in place of `<prefix>-<name>`.
    pub name: Option<String>,
    /// How many images are kept; older ones expire. 0 keeps all. Default 10.
    pub keep: u32,
    /// Whether images are scanned for vulnerabilities when pushed. Default true.
    pub scan: bool,
    /// Encryption at rest: `"aes256"` (default) or `"kms"`. Changing it replaces the repository.
    pub encryption: Encryption,
    /// ARN of the KMS key for `encryption = "kms"`; without it AWS's own key for ECR is used.
    pub kms_key: Option<String>,
    /// Whether a pushed tag can never be moved to another image. Default false.
    pub immutable_tags: bool,
    /// Whether a destroy deletes the images, too; otherwise it is refused while there are any. Default false.
    pub empty_on_delete: bool,
}

impl Default for Repository {
    fn default() -> Self {
        Self {
            name: None,
            keep: 10,
            scan: true,
            encryption: Encryption::Aes256,
            kms_key: None,
            immutable_tags: false,
            empty_on_delete: false,
        }
    }
}

/// Encryption of a repository at rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Encryption {
    /// With keys of Amazon S3.
    Aes256,
    /// With a KMS key.
    Kms,
}

/// An ECS service: so many tasks of one container on Fargate.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Service {
    /// The image: `{ repository = "api", tag = "latest" }` or `{ uri = "public.ecr.aws/nginx/nginx:1.27" }`.
    pub image: Image,
    /// CPU units of a task; 1024 are one vCPU. Default 256.
    #[serde(default = "Service::default_cpu")]
    pub cpu: u32,
    /// Memory of a task in MiB; what is allowed depends on `cpu`. Default 512.
    #[serde(default = "Service::default_memory")]
    pub memory: u32,
    /// Processor: `"x86_64"` (default) or `"arm64"` (20 % cheaper; the image must be built for it).
    #[serde(default)]
    pub architecture: Architecture,
    /// Disk of a task in GiB, 21 to 200. Without it 20, which is free.
    pub ephemeral_storage: Option<u32>,
    /// How many tasks, and what scales them.
    #[serde(default)]
    pub tasks: Tasks,
    /// What the tasks run on; without it `compute.capacity`.
    pub capacity: Option<Capacity>,
    /// The port it listens on, and how a load balancer reaches it. A worker has none.
    pub listen: Option<Listen>,
    /// The command, in place of the image's.
    #[serde(default)]
    pub command: Vec<String>,
    /// The entry point, in place of the image's.
    #[serde(default)]
    pub entry_point: Vec<String>,
    /// Environment variables.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Environment variables from secrets: `NAME = "secret"` for all of it, `NAME = "secret:key"` for one key of its
    /// JSON. Tasks read them when they start.
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
    /// Whether tasks run in the public subnets with public addresses: a way out without NAT. Default false.
    #[serde(default)]
    pub public: bool,
    /// Stores that the tasks may reach: `["postgres.main", "redis.cache"]`.
    #[serde(default)]
    pub uses: Vec<String>,
    /// What the tasks' role may do beside that.
    #[serde(default)]
    pub allow: Vec<Allow>,
    /// How ECS asks the container itself whether it is well. Separate from the load balancer's check.
    pub health_check: Option<HealthCheck>,
    /// Whether a deployment whose tasks do not come up fails, and the one before is brought back. Default true.
    #[serde(default = "yes")]
    pub circuit_breaker: bool,
    /// Least healthy tasks during a deployment, in percent of the desired ones. Default 100.
    #[serde(default = "Service::default_minimum_healthy")]
    pub minimum_healthy_percent: u32,
    /// Most tasks during a deployment, in percent of the desired ones. Default 200.
    #[serde(default = "Service::default_maximum")]
    pub maximum_percent: u32,
    /// Seconds in which a new task may fail the load balancer's check. Default 60 behind a load balancer.
    pub grace: Option<u32>,
    /// Whether `aws ecs execute-command` may open a shell in a task. Default false.
    #[serde(default)]
    pub exec: bool,
    /// Whether the container's file system cannot be written to. Default false.
    #[serde(default)]
    pub read_only: bool,
    /// The user that the container runs as, in place of the image's: `"1000"`, `"node"`, `"1000:1000"`.
    pub user: Option<String>,
    /// Seconds between the polite and the forced end of a task, up to 120. Without it 30.
    pub stop_timeout: Option<u32>,
    /// Days that logs are kept; without it `monitoring.log-retention-days`.
    pub log_retention_days: Option<u32>,
}

impl Service {
    fn default_cpu() -> u32 {
        256
    }

    fn default_memory() -> u32 {
        512
    }

    fn default_minimum_healthy() -> u32 {
        100
    }

    fn default_maximum() -> u32 {
        200
    }
}

fn yes() -> bool {
    true
}

/// A container image: one of a repository of this environment, or any by its address.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Image {
    /// A repository under `compute.repository`.
    pub repository: Option<String>,
    /// The tag within the repository. Default `latest`. Only the first deployment uses it: from then on releases choose
    /// the image.
    pub tag: Option<String>,
    /// The whole address, in place of `repository` and `tag`.
    pub uri: Option<String>,
}

/// Processor architecture.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Architecture {
    /// Intel and AMD.
    #[default]
    #[serde(rename = "x86_64")]
    X86,
    /// Graviton.
    #[serde(rename = "arm64")]
    Arm,
}

/// How many tasks, and what scales them. With `min` or `max` Application Auto Scaling owns the number.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Tasks {
    /// Tasks to start with. Default: `min`, else 1.
    pub desired: Option<u32>,
    /// Fewest tasks. Default: `desired`.
    pub min: Option<u32>,
    /// Most tasks. Default: the greater of `desired` and `min`.
    pub max: Option<u32>,
    /// Average CPU in percent that scaling holds. 1 to 100.
    pub cpu: Option<f64>,
    /// Average memory in percent that scaling holds. 1 to 100.
    pub memory: Option<f64>,
    /// Seconds after removing tasks before more are removed. Default 300.
    pub scale_in_cooldown: Option<u32>,
    /// Seconds after adding tasks before more are added. Default 60.
    pub scale_out_cooldown: Option<u32>,
}

impl Tasks {
    /// The number to start with.
    pub fn first(&self) -> u32 {
        self.desired.or(self.min).unwrap_or(1)
    }

    /// Fewest and most tasks, if something scales them.
    pub fn bounds(&self) -> Option<(u32, u32)> {
        (self.min.is_some() || self.max.is_some()).then(|| {
            let min = self.min.unwrap_or_else(|| self.first());
            (min, self.max.unwrap_or_else(|| min.max(self.first())))
        })
    }
}

/// The port a service listens on, and how a load balancer reaches it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Listen {
    /// The container's port, 1 to 65535.
    pub port: u32,
    /// The load balancer that sends it requests: a name under `networking.load-balancer`.
    pub load_balancer: Option<String>,
    /// The path of requests it gets, `*` for anything: `"/api/*"`. Default `"/*"`: all that no other service gets.
    pub path: Option<String>,
    /// The host name of requests it gets: `"api.example.com"`.
    pub host: Option<String>,
    /// The order in which the load balancer tries the paths and hosts, 1 first. Without it longer paths come first.
    pub priority: Option<u16>,
    /// The path that the load balancer asks for to see whether a task is well. Default `"/"`.
    pub health: Option<String>,
    /// The HTTP status codes of a healthy answer. Default `"200"`.
    pub health_codes: Option<String>,
    /// Seconds between two checks. Default 30.
    pub health_interval: Option<u32>,
    /// Seconds that an answer may take. Default 5.
    pub health_timeout: Option<u32>,
    /// Good answers in a row until a task is healthy. Default 2.
    pub healthy_threshold: Option<u32>,
    /// Bad answers in a row until a task is unhealthy. Default 3.
    pub unhealthy_threshold: Option<u32>,
    /// Seconds in which a leaving task may finish its requests. Default 30.
    pub drain: Option<u32>,
}

/// Something a task's role may do.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Allow {
    /// IAM actions: `["s3:GetObject"]`.
    pub actions: Vec<String>,
    /// ARNs of what they may be done to: `["arn:aws:s3:::bucket/*"]`.
    pub resources: Vec<String>,
}

/// A container's own health check.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct HealthCheck {
    /// The command; exit status 0 is healthy. A text is given to the container's shell, a list is run as it is.
    pub command: CheckCommand,
    /// Seconds between two checks, 5 to 300. Default 30.
    pub interval: Option<u32>,
    /// Seconds that a check may take, 2 to 60. Default 5.
    pub timeout: Option<u32>,
    /// Failed checks after which it is unhealthy, 1 to 10. Default 3.
    pub retries: Option<u32>,
    /// Seconds after the start in which failed checks do not count, up to 300.
    pub start_period: Option<u32>,
}

/// The command of a container's health check.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged, expecting = "write a text for the shell, or a list of words")]
pub enum CheckCommand {
    /// For the container's shell.
    Shell(String),
    /// A program and its arguments.
    Words(Vec<String>),
}
