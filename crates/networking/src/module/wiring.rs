//! What this module needs of others, and what others need of it.

use std::collections::BTreeMap;

use cloud::Handle;

/// What the network must know of the rest of the environment. Texts may hold reference tokens.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// What every physical name begins with: `arrakis-production`.
    pub prefix: String,
    /// Where flow logs go; needed if the settings ask for them.
    pub flow_logs: Option<FlowLogTarget>,
    /// What runs in the network.
    pub workloads: Vec<Workload>,
    /// What workloads store things in.
    pub stores: Vec<Store>,
}

/// The log group that flow logs are written to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlowLogTarget {
    /// The log group's name.
    pub log_group_name: String,
    /// The role that the flow logs service writes with.
    pub role_arn: String,
}

/// Something that runs in the network: a service, a function.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Workload {
    /// Its name: `api`.
    pub name: String,
    /// The key of the environment file that asks for it: `compute.service.api`. Errors name keys below it
    /// (`listen.load-balancer`, `.path`, `.host`, `.priority`, `.health`, `.health-timeout` and the like, `uses.0`).
    pub key: String,
    /// The port it listens on, if any. Without one no load balancer reaches it.
    pub port: Option<u16>,
    /// How a load balancer reaches it, if any does.
    pub load_balancer: Option<Listen>,
    /// The stores it may reach, by name: `postgres.main`.
    pub uses: Vec<String>,
    /// Whether it lives in the public subnets.
    pub public: bool,
}

/// How a load balancer reaches a workload.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listen {
    /// The load balancer's name: `main`.
    pub balancer: String,
    /// The paths forwarded to the workload, such as `/api/*`. None or `/*`, without a host: whatever no other takes.
    pub path: Option<String>,
    /// The host forwarded to the workload, such as `api.example.com`.
    pub host: Option<String>,
    /// The rule's place among the load balancer's rules, 1 to 50000, lowest first. None: the more specific first.
    pub priority: Option<u16>,
    /// How the workload's health is asked for.
    pub health: Health,
}

/// How a load balancer asks for a target's health.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// The path asked for.
    pub path: String,
    /// Seconds between two questions, 5 to 300.
    pub interval_seconds: u32,
    /// Seconds an answer may take, 2 to 120.
    pub timeout_seconds: u32,
    /// Good answers in a row until a target is healthy, 2 to 10.
    pub healthy_threshold: u32,
    /// Bad answers in a row until a target is unhealthy, 2 to 10.
    pub unhealthy_threshold: u32,
    /// The HTTP statuses that are good: `200`, `200,202`, `200-299`.
    pub codes: String,
    /// Seconds that a target which goes away may finish its requests in.
    pub drain_seconds: u32,
}

impl Default for Health {
    fn default() -> Self {
        Self {
            path: "/".to_owned(),
            interval_seconds: 30,
            timeout_seconds: 5,
            healthy_threshold: 2,
            unhealthy_threshold: 3,
            codes: "200".to_owned(),
            drain_seconds: 30,
        }
    }
}

/// Something workloads reach over the network: a database, a cache.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Store {
    /// Its name: `postgres.main`.
    pub name: String,
    /// The port it listens on.
    pub port: u16,
}

/// What the network has for others. Ids are reference tokens.
#[derive(Clone, Debug, Default)]
pub struct Outputs {
    /// The VPC's id.
    pub vpc_id: String,
    /// The VPC's IPv4 range.
    pub cidr: String,
    /// The availability zones: `us-east-1a`.
    pub zones: Vec<String>,
    /// The subnets' ids by tier, in the order of the zones.
    pub subnets: Subnets,
    /// What each workload gets, by name.
    pub workloads: BTreeMap<String, WorkloadNetwork>,
    /// The security group id of each store, by name.
    pub stores: BTreeMap<String, String>,
    /// The load balancers, by name.
    pub load_balancers: BTreeMap<String, Balancer>,
}

impl Outputs {
    /// The subnets that stores live in: the database tier, else the private, else the intra.
    pub fn store_subnets(&self) -> &[String] {
        let tiers = [&self.subnets.database, &self.subnets.private, &self.subnets.intra];
        tiers.into_iter().find(|ids| !ids.is_empty()).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Subnet ids by tier.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subnets {
    /// With a route to the internet gateway.
    pub public: Vec<String>,
    /// With a route to NAT, if there is any.
    pub private: Vec<String>,
    /// For stores.
    pub database: Vec<String>,
    /// Without a way out.
    pub intra: Vec<String>,
}

/// What a workload gets.
#[derive(Clone, Debug, Default)]
pub struct WorkloadNetwork {
    /// Its security group's id.
    pub security_group: String,
    /// The subnets it lives in.
    pub subnets: Vec<String>,
    /// Whether it needs a public address to get out of its subnets.
    pub assign_public_ip: bool,
    /// The ARN of its target group, if a load balancer reaches it.
    pub target_group_arn: Option<String>,
    /// Its target group's name as CloudWatch's `TargetGroup` dimension has it.
    pub target_group_full_name: Option<String>,
    /// The name of its load balancer.
    pub load_balancer: Option<String>,
    /// What must be there before it can register with its target group: listeners or rules.
    pub listeners: Vec<Handle>,
}

/// What a load balancer has for others.
#[derive(Clone, Debug, Default)]
pub struct Balancer {
    /// Its ARN.
    pub arn: String,
    /// Its DNS name.
    pub dns_name: String,
    /// Its name as CloudWatch's `LoadBalancer` dimension has it.
    pub full_name: String,
    /// The hosted zone an alias record to it names.
    pub hosted_zone_id: String,
    /// Where a browser finds it.
    pub url: String,
    /// Its security group's id.
    pub security_group: String,
}
