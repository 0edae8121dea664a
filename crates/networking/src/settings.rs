//! The `[networking]` section of an environment file.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The network of an environment: one VPC with its subnets, ways out, and load balancers.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// The VPC's IPv4 range, `/16` to `/28`. Default: `10.0.0.0/16`.
    pub cidr: String,
    /// The availability zones: how many (`2` is a and b), or their letters (`["a", "c"]`). Default: 2.
    pub zones: Zones,
    /// Ranges of the public subnets, one per zone. They have a route to the internet gateway; load balancers and NAT
    /// gateways live in them. Default: none.
    pub public: Vec<String>,
    /// Ranges of the private subnets, one per zone. They reach the internet through NAT, if there is any; workloads live
    /// in them. Default: none.
    pub private: Vec<String>,
    /// Ranges of the database subnets, one per zone. They have no route out of the VPC. Default: none, and stores live in
    /// the private subnets.
    pub database: Vec<String>,
    /// Ranges of the intra subnets, one per zone. They have no route out of the VPC, except to gateway endpoints.
    /// Default: none.
    pub intra: Vec<String>,
    /// How private subnets reach the internet: `none`, `single` (one NAT gateway in the first zone) or `per-zone` (one
    /// each: dearer, but a zone's failure stays in the zone). Default: `none`.
    pub nat: Nat,
    /// AWS services reached without leaving the VPC: short names (`s3`, `dynamodb`, `ecr`, `logs`, `secretsmanager`, …) or
    /// full service names (`com.amazonaws.us-east-1.ecr.api`). `s3` and `dynamodb` are gateway endpoints, which are free;
    /// the others are interface endpoints in every zone. `ecr` stands for `ecr.api` and `ecr.dkr`. Default: none.
    pub endpoints: Vec<String>,
    /// Records of the VPC's traffic in CloudWatch Logs. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow_logs: Option<FlowLogs>,
    /// Whether instances with public addresses get public DNS names. Interface endpoints need it. Default: true.
    pub dns_hostnames: bool,
    /// Whether Amazon's DNS server answers in the VPC. Default: true.
    pub dns_support: bool,
    /// Application load balancers by name: `[networking.load-balancer.main]`.
    pub load_balancer: BTreeMap<String, LoadBalancer>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            cidr: "10.0.0.0/16".to_owned(),
            zones: Zones::Count(2),
            public: Vec::new(),
            private: Vec::new(),
            database: Vec::new(),
            intra: Vec::new(),
            nat: Nat::None,
            endpoints: Vec::new(),
            flow_logs: None,
            dns_hostnames: true,
            dns_support: true,
            load_balancer: BTreeMap::new(),
        }
    }
}

/// Availability zones: how many, or which.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged, expecting = "a number of zones such as 2, or a list of zone letters such as [\"a\", \"b\"]")]
pub enum Zones {
    /// The first so many: `2` is a and b.
    Count(u8),
    /// Zone letters: `["a", "c"]`.
    Letters(Vec<String>),
}

/// How private subnets reach the internet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Nat {
    /// Not at all.
    #[default]
    None,
    /// Through one NAT gateway in the first zone.
    Single,
    /// Through a NAT gateway in each zone.
    PerZone,
}

/// Records of a VPC's traffic.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct FlowLogs {
    /// Which traffic is recorded: `all`, `accept` or `reject`. Default: `all`.
    pub traffic: Traffic,
    /// Days the records are kept. Default: 30.
    pub retention_days: u32,
    /// Seconds over which a flow is gathered into one record: 60 or 600. Default: 600.
    pub interval_seconds: u32,
}

impl Default for FlowLogs {
    fn default() -> Self {
        Self { traffic: Traffic::All, retention_days: 30, interval_seconds: 600 }
    }
}

/// Which traffic a flow log records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Traffic {
    /// All.
    #[default]
    All,
    /// What security groups and network ACLs let through.
    Accept,
    /// What they do not.
    Reject,
}

/// An application load balancer.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct LoadBalancer {
    /// Whether it is reachable from within the VPC only; it then lives in the private subnets. Default: false.
    pub internal: bool,
    /// The TLS certificate of its HTTPS listener. Default: none, and it speaks HTTP only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate>,
    /// What port 80 does: `redirect` (to HTTPS), `forward` (like HTTPS) or `off`. Default: `redirect` with a certificate,
    /// else `forward`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<Http>,
    /// The TLS versions and ciphers of the HTTPS listener, by the name of a security policy of Elastic Load Balancing.
    /// Default: `ELBSecurityPolicy-TLS13-1-2-2021-06` (TLS 1.2 and 1.3).
    pub ssl_policy: String,
    /// Seconds after which an idle connection is closed, 1 to 4000. Default: 60.
    pub idle_timeout: u32,
    /// Whether it is protected from deletion: at AWS, and here a plan that deletes it needs consent of its own.
    /// Default: false.
    pub protected: bool,
    /// Ranges it may be reached from. Default: `["0.0.0.0/0"]`, or the VPC's range if internal.
    pub allow: Vec<String>,
    /// Access logs in an S3 bucket. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_logs: Option<AccessLogs>,
}

impl Default for LoadBalancer {
    fn default() -> Self {
        Self {
            internal: false,
            certificate: None,
            http: None,
            ssl_policy: SSL_POLICY.to_owned(),
            idle_timeout: 60,
            protected: false,
            allow: Vec::new(),
            access_logs: None,
        }
    }
}

/// TLS 1.2 and 1.3 with forward secrecy: what AWS recommends for HTTPS listeners.
pub const SSL_POLICY: &str = "ELBSecurityPolicy-TLS13-1-2-2021-06";

/// A TLS certificate: one that is there (`arn`), or one to be requested (`domain`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Certificate {
    /// The ARN of an issued certificate in the same region.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// The domain to request a certificate for, validated by a DNS record: `api.example.com`, `*.example.com`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    /// Further domains of a requested certificate. Default: none.
    pub alternatives: Vec<String>,
}

/// What a load balancer's port 80 does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Http {
    /// Sends the browser to HTTPS.
    Redirect,
    /// Forwards to the workloads, as HTTPS does.
    Forward,
    /// Nothing: the port is closed.
    Off,
}

/// Where a load balancer's access logs go.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AccessLogs {
    /// The S3 bucket's name. Its policy must let Elastic Load Balancing write.
    pub bucket: String,
    /// The prefix of the objects' keys. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
}
