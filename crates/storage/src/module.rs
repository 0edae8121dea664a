//! From the `[storage]` section to resources.

mod check;
mod postgres;
mod redis;
mod windows;

use std::collections::BTreeMap;

use cloud::{Handle, Stack};

use crate::Settings;

/// What the stores need of other modules. Texts may hold reference tokens.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// What physical names begin with: `arrakis-production`.
    pub prefix: String,
    /// The subnets that stores live in, of two zones at least: the database tier, else the private one.
    pub subnet_ids: Vec<String>,
    /// The security group of each store, by store name: `postgres.main`, `redis.cache`.
    pub security_groups: BTreeMap<String, String>,
    /// The ARN (or id) of each secret, by its name in `[security.secret]`.
    pub secrets: BTreeMap<String, String>,
}

/// What others, or the user, want to know of the stores.
#[derive(Clone, Debug, Default)]
pub struct Outputs {
    /// By store name: `postgres.main`, `redis.cache`.
    pub stores: BTreeMap<String, StoreOutput>,
}

/// What others, or the user, want to know of one store.
#[derive(Clone, Debug)]
pub struct StoreOutput {
    /// The RDS instance or the replication group.
    pub handle: Handle,
    /// `postgres`, `redis` or `valkey`.
    pub engine: &'static str,
    /// Its physical name: `arrakis-production-postgres`.
    pub name: String,
    /// What its metrics are kept under, as a token: `DBInstanceIdentifier` of a database, `CacheClusterId` of a cache's
    /// first node (`arrakis-production-redis-001`).
    pub identifier: String,
    /// The host name, as a token that is known when the store is ready.
    pub host: String,
    /// The host name for reading from replicas, as a token; the same as `host` where there is none.
    pub reader_host: String,
    /// The port.
    pub port: u16,
    /// Whether connections are TLS.
    pub tls: bool,
    /// The database to connect to; of a cache `0`.
    pub database: String,
    /// The master user; `None` of a cache.
    pub username: Option<String>,
    /// The name of the secret with its password, in `[security.secret]`.
    pub credentials: Option<String>,
    /// The instance class or node type.
    pub class: String,
    /// The storage of a database at the start, in GiB.
    pub storage: Option<u32>,
    /// The nodes of a cache, by `CacheClusterId`, as tokens.
    pub nodes: Vec<String>,
}

/// Declares the stores.
pub fn declare(settings: &Settings, inputs: &Inputs, stack: &mut Stack) -> Outputs {
    let mut outputs = Outputs::default();
    for (name, postgres) in &settings.postgres {
        outputs.stores.insert(format!("postgres.{name}"), postgres::declare(name, postgres, inputs, stack));
    }
    for (name, redis) in &settings.redis {
        outputs.stores.insert(format!("redis.{name}"), redis::declare(name, redis, inputs, stack));
    }
    outputs
}

/// A store's physical name: the usual one of a kind is named by the kind alone.
fn physical(prefix: &str, kind: &str, usual: &str, name: &str) -> String {
    if name == usual { format!("{prefix}-{kind}") } else { format!("{prefix}-{kind}-{name}") }
}

/// The security group of a store, as a list.
fn security_group(store: &str, inputs: &Inputs) -> Option<Vec<String>> {
    inputs.security_groups.get(store).map(|group| vec![group.clone()])
}
