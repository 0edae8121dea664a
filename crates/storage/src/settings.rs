//! The `[storage]` section of an environment file.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The stores of an environment, by kind and name.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// PostgreSQL databases on RDS by name: `[storage.postgres.main]`. Services reach one through
    /// `uses = ["postgres.main"]`.
    pub postgres: BTreeMap<String, Postgres>,
    /// Redis or Valkey caches on ElastiCache by name: `[storage.redis.cache]`. Services reach one through
    /// `uses = ["redis.cache"]`.
    pub redis: BTreeMap<String, Redis>,
}

/// A PostgreSQL database: an RDS instance with its subnet group and parameter group.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Postgres {
    /// The PostgreSQL version, major and minor: `15.10`. A higher minor version is installed in place; a higher major
    /// version needs `major-upgrades = true`.
    pub version: String,
    /// The instance class: `db.t3.small`.
    pub class: String,
    /// The secret with the password of the master user, by its name in `[security.secret]`; its key `password` is used:
    /// 8 to 128 characters, without `/`, `"`, `@` and blank.
    pub credentials: String,
    /// The storage at the start, in GiB, at least 20; it can grow, never shrink. Default: 20.
    #[serde(default = "twenty")]
    pub storage: u32,
    /// How far RDS may grow the storage by itself, in GiB; `storage` is then only its size at the start. Default: none,
    /// and a full disk stops the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_storage: Option<u32>,
    /// The kind of disk: `gp3`, `gp2`, `io1` or `io2`. Default: `gp3`.
    #[serde(default)]
    pub storage_type: StorageType,
    /// Provisioned I/O operations per second. `io1` and `io2` need it; `gp3` takes it from 400 GiB on. Default: what comes
    /// with the storage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iops: Option<u32>,
    /// Days that automatic backups are kept, 0 to 35: the window of point-in-time restore. 0 turns backups off. Default: 7.
    #[serde(default = "seven")]
    pub backups: u32,
    /// When the daily backup runs, in UTC, at least 30 minutes: `03:00-04:00`. Default: AWS chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup_window: Option<String>,
    /// When AWS may do maintenance, in UTC, at least 30 minutes: `sun:05:00-sun:06:00`. Default: AWS chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance_window: Option<String>,
    /// Whether a standby in a second zone takes over when the first fails; it doubles the price. Default: false.
    #[serde(default)]
    pub multi_az: bool,
    /// Whether it is protected from deletion: at AWS, and here a plan that deletes it needs consent of its own.
    /// Default: true.
    #[serde(default = "yes")]
    pub protected: bool,
    /// Whether a last snapshot is kept when it is deleted or replaced: `true`, `false`, or the snapshot's name, which must
    /// then be free at each deletion. Default: true where it is protected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub final_snapshot: Option<FinalSnapshot>,
    /// Whether its automatic backups outlive it, for the days of `backups`; they are paid like snapshots. Default: false.
    #[serde(default)]
    pub keep_backups: bool,
    /// Whether connections without TLS are refused (parameter `rds.force_ssl`). Default: true.
    #[serde(default = "yes")]
    pub force_tls: bool,
    /// Whether it can be reached from outside the VPC. Default: false.
    #[serde(default)]
    pub public: bool,
    /// The database that is created in the instance. Default: none besides `postgres`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// The master user. Default: `postgres`.
    #[serde(default = "postgres")]
    pub username: String,
    /// The port. Default: 5432.
    #[serde(default = "postgres_port")]
    pub port: u16,
    /// Whether Performance Insights records the load, kept for the 7 days that cost nothing. Default: true.
    #[serde(default = "yes")]
    pub performance_insights: bool,
    /// Logs that RDS sends to CloudWatch: `postgresql`, `upgrade`, `iam-db-auth-error`. Default: none.
    #[serde(default)]
    pub log_exports: Vec<String>,
    /// Parameters of the engine: `{ "log_min_duration_statement" = 500 }`. Static ones take effect at the next reboot.
    /// Default: none besides `rds.force_ssl`.
    #[serde(default)]
    pub parameters: BTreeMap<String, Parameter>,
    /// Whether AWS installs minor versions in the maintenance window; `version` should then be raised to follow it.
    /// Default: false, and the version is the one written here.
    #[serde(default)]
    pub minor_upgrades: bool,
    /// Whether a change of `version` may be one of the major version, which cannot be undone. Default: false.
    #[serde(default)]
    pub major_upgrades: bool,
    /// Whether IAM users and roles can sign in with tokens instead of passwords. Default: false.
    #[serde(default)]
    pub iam_authentication: bool,
    /// The certificate authority of the server's TLS certificate: `rds-ca-rsa2048-g1`. Default: AWS chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate_authority: Option<String>,
}

/// Whether a last snapshot is kept.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged, expecting = "true, false or the snapshot's name")]
pub enum FinalSnapshot {
    /// Whether one is kept; its name is made up.
    Wanted(bool),
    /// One of this name is kept.
    Named(String),
}

/// A kind of RDS disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StorageType {
    /// General purpose, 3000 I/O operations per second at any size.
    #[default]
    Gp3,
    /// General purpose, I/O operations by size, with bursts.
    Gp2,
    /// Provisioned I/O operations.
    Io1,
    /// Provisioned I/O operations, more durable.
    Io2,
}

impl StorageType {
    /// AWS's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gp3 => "gp3",
            Self::Gp2 => "gp2",
            Self::Io1 => "io1",
            Self::Io2 => "io2",
        }
    }
}

/// A cache: an ElastiCache replication group with its subnet group and, where parameters are given, its parameter group.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Redis {
    /// The node type: `cache.t3.micro`.
    pub node: String,
    /// `redis` or `valkey`. Default: `redis`.
    #[serde(default)]
    pub engine: CacheEngine,
    /// The engine's version, major and minor: `7.1`. AWS installs patches by itself. Default: `7.1`, of Valkey `8.0`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Read replicas beside the primary node (in each shard), 0 to 5. With one or more a replica takes over when the
    /// primary fails. Default: 0.
    #[serde(default)]
    pub replicas: u32,
    /// Shards of a cluster (cluster mode), 1 to 500; clients must then speak the cluster protocol. Default: none, and there
    /// is one primary without cluster mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shards: Option<u32>,
    /// Whether the nodes are spread over zones; needs a replica. Default: false.
    #[serde(default)]
    pub multi_az: bool,
    /// Whether connections are TLS. Default: true.
    #[serde(default = "yes")]
    pub encrypted_in_transit: bool,
    /// Whether disks and snapshots are encrypted. A change makes a new cache. Default: true.
    #[serde(default = "yes")]
    pub encrypted_at_rest: bool,
    /// The secret with the password that clients must give (Redis AUTH), by its name in `[security.secret]`; its key
    /// `password` is used: 16 to 128 characters, of punctuation only `! & # $ ^ < > -`. Needs `encrypted-in-transit`.
    /// Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<String>,
    /// Days that daily snapshots are kept, 0 to 35. Default: 0, none.
    #[serde(default)]
    pub snapshots: u32,
    /// When the daily snapshot runs, in UTC, at least 60 minutes: `03:00-04:00`. Default: AWS chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_window: Option<String>,
    /// When AWS may do maintenance, in UTC, at least 60 minutes: `sun:05:00-sun:06:00`. Default: AWS chooses.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maintenance_window: Option<String>,
    /// Whether a plan that deletes it needs consent of its own. Default: false.
    #[serde(default)]
    pub protected: bool,
    /// Whether a last snapshot is kept when it is deleted or replaced: `true`, `false`, or the snapshot's name, which must
    /// then be free at each deletion. Default: true where it is protected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub final_snapshot: Option<FinalSnapshot>,
    /// The port. Default: 6379.
    #[serde(default = "redis_port")]
    pub port: u16,
    /// Parameters of the engine: `{ "maxmemory-policy" = "allkeys-lru" }`. Default: none.
    #[serde(default)]
    pub parameters: BTreeMap<String, Parameter>,
}

/// The engine of a cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CacheEngine {
    /// Redis OSS.
    #[default]
    Redis,
    /// Valkey, the open fork: 20 % cheaper.
    Valkey,
}

impl CacheEngine {
    /// AWS's word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Redis => "redis",
            Self::Valkey => "valkey",
        }
    }

    /// The version that is installed if none is written.
    pub fn default_version(self) -> &'static str {
        match self {
            Self::Redis => "7.1",
            Self::Valkey => "8.0",
        }
    }
}

/// The value of an engine's parameter; AWS keeps them all as text.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged, expecting = "text, a number, or true or false")]
pub enum Parameter {
    /// `true` is `1`, `false` is `0`.
    Flag(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Number(f64),
    /// Text.
    Text(String),
}

impl Parameter {
    /// The text that AWS gets.
    pub fn text(&self) -> String {
        match self {
            Self::Flag(on) => u8::from(*on).to_string(),
            Self::Integer(number) => number.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

fn yes() -> bool {
    true
}

fn seven() -> u32 {
    7
}

fn twenty() -> u32 {
    20
}

fn postgres() -> String {
    "postgres".to_owned()
}

fn postgres_port() -> u16 {
    5432
}

fn redis_port() -> u16 {
    6379
}
