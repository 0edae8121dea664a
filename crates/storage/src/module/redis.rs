//! `[storage.redis.NAME]`: a replication group with its subnet group and, where parameters are given, parameter group.

use cloud::{Handle, Stack, dynamic};
use schema::limits;

use super::check::Check;
use super::{Inputs, StoreOutput, physical, security_group};
use crate::cache_parameter_group::CacheParameterGroup;
use crate::cache_subnet_group::CacheSubnetGroup;
use crate::final_snapshot;
use crate::parameters::{Parameters, cache_family, numbers};
use crate::replication_group::ReplicationGroup;
use crate::settings::Redis;

pub(super) fn declare(name: &str, settings: &Redis, inputs: &Inputs, stack: &mut Stack) -> StoreOutput {
    let key = format!("storage.redis.{name}");
    stack.section(&key);
    let physical = physical(&inputs.prefix, "redis", "cache", name);
    check(settings, &physical, inputs, &mut Check { key: key.clone(), stack });

    let subnets = stack.add(
        format!("{key}.subnet-group"),
        CacheSubnetGroup {
            cache_subnet_group_name: Some(physical.clone()),
            description: Some(format!("Subnets of the cache {physical}")),
            subnet_ids: Some(inputs.subnet_ids.clone()),
            tags: None,
        },
    );
    let parameters = parameter_group(&key, &physical, settings, stack);
    let cache = stack.add(key.as_str(), group(name, &physical, settings, inputs, &subnets, parameters.as_ref()));
    if settings.protected {
        stack.protect(&cache);
    }
    let (host, reader_host) = match settings.shards {
        Some(_) => (cache.get("ConfigurationEndPoint.Address"), cache.get("ConfigurationEndPoint.Address")),
        None if settings.replicas > 0 => (cache.get("PrimaryEndPoint.Address"), cache.get("ReaderEndPoint.Address")),
        None => (cache.get("PrimaryEndPoint.Address"), cache.get("PrimaryEndPoint.Address")),
    };
    let nodes = nodes(&cache, settings);
    StoreOutput {
        engine: settings.engine.name(),
        name: physical,
        identifier: nodes.first().cloned().unwrap_or_default(),
        host,
        reader_host,
        port: settings.port,
        tls: settings.encrypted_in_transit,
        database: "0".to_owned(),
        username: None,
        credentials: settings.credentials.clone(),
        class: settings.node.clone(),
        storage: None,
        nodes,
        handle: cache,
    }
}

/// The ids of the nodes, as ElastiCache makes them: `NAME-001`, in shards `NAME-0001-001`.
fn nodes(cache: &Handle, settings: &Redis) -> Vec<String> {
    let id = cache.id();
    let members = 1..=settings.replicas.min(MOST_REPLICAS) + 1;
    match settings.shards {
        None => members.map(|member| format!("{id}-{member:03}")).collect(),
        Some(shards) => (1..=shards.min(MOST_SHARDS))
            .flat_map(|shard| members.clone().map(move |member| (shard, member)))
            .map(|(shard, member)| format!("{id}-{shard:04}-{member:03}"))
            .collect(),
    }
}

fn version(settings: &Redis) -> &str {
    settings.version.as_deref().unwrap_or_else(|| settings.engine.default_version())
}

fn parameter_group(key: &str, physical: &str, settings: &Redis, stack: &mut Stack) -> Option<Handle> {
    if settings.parameters.is_empty() {
        return None;
    }
    let mut parameters: Parameters =
        settings.parameters.iter().map(|(name, value)| (name.clone(), value.text())).collect();
    if settings.shards.is_some() {
        parameters.insert("cluster-enabled".to_owned(), "yes".to_owned());
    }
    let group = CacheParameterGroup {
        cache_parameter_group_family: Some(cache_family(settings.engine.name(), version(settings))),
        description: Some(format!("Parameters of the cache {physical}")),
        properties: Some(parameters),
        tags: None,
    };
    Some(stack.add(format!("{key}.parameter-group"), group))
}

fn group(
    name: &str,
    physical: &str,
    settings: &Redis,
    inputs: &Inputs,
    subnets: &Handle,
    parameters: Option<&Handle>,
) -> ReplicationGroup {
    let secret = settings.credentials.as_ref().and_then(|secret| inputs.secrets.get(secret));
    let replicas = i32::try_from(settings.replicas).unwrap_or(i32::MAX);
    let shards = settings.shards.and_then(|shards| i32::try_from(shards).ok());
    let cluster = shards.is_some();
    let family = cache_family(settings.engine.name(), version(settings));
    let default_group = cluster.then(|| format!("default.{family}.cluster.on"));
    ReplicationGroup {
        at_rest_encryption_enabled: Some(settings.encrypted_at_rest),
        auth_token: secret.map(|secret| dynamic::secret_reference(secret, "password")),
        auto_minor_version_upgrade: Some(true),
        // A cluster of shards always has it.
        automatic_failover_enabled: Some(cluster || replicas > 0),
        cache_node_type: Some(settings.node.clone()),
        cache_parameter_group_name: parameters.map(Handle::id).or(default_group),
        cache_subnet_group_name: Some(subnets.id()),
        engine: Some(settings.engine.name().to_owned()),
        engine_version: Some(version(settings).to_owned()),
        multi_az_enabled: Some(settings.multi_az),
        num_cache_clusters: (!cluster).then(|| replicas.saturating_add(1)),
        num_node_groups: shards,
        replicas_per_node_group: cluster.then_some(replicas),
        port: Some(i32::from(settings.port)),
        preferred_maintenance_window: settings.maintenance_window.as_ref().map(|window| window.to_ascii_lowercase()),
        replication_group_description: Some(format!("The cache {physical}")),
        replication_group_id: Some(physical.to_owned()),
        security_group_ids: security_group(&format!("redis.{name}"), inputs),
        snapshot_retention_limit: i32::try_from(settings.snapshots).ok(),
        snapshot_window: settings.snapshot_window.clone(),
        tags: final_snapshot::tags(&settings.final_snapshot, settings.protected, false),
        transit_encryption_enabled: Some(settings.encrypted_in_transit),
        // Before version 7 there is no mode between none and required, and so none to name.
        transit_encryption_mode: (settings.encrypted_in_transit && numbers(version(settings)) >= vec![7])
            .then(|| "required".to_owned()),
        ..ReplicationGroup::default()
    }
}

const MOST_REPLICAS: u32 = 5;
const MOST_SHARDS: u32 = 500;

fn check(settings: &Redis, physical: &str, inputs: &Inputs, check: &mut Check<'_>) {
    check.name(physical, 40);
    check.subnets(inputs, if settings.multi_az { 2 } else { 1 });
    if let Some(secret) = &settings.credentials {
        check.secret(secret, inputs);
        if !settings.encrypted_in_transit {
            let message = "a password needs TLS: it would be sent in the clear".to_owned();
            check.error("cache-password", "credentials", message, "leave `encrypted-in-transit` on");
        }
    }
    let nodes = limits::cache_node_types(check.stack.region());
    check.one_of("node-type", "node", "node type", &settings.node, nodes);
    let engine = settings.engine.name();
    if let Some(version) = &settings.version {
        let known = limits::cache_engine_versions(engine);
        check.one_of("engine-version", "version", &format!("{engine} version"), version, known);
    }
    check.within("replicas", "replicas", settings.replicas, 0, MOST_REPLICAS, "");
    if let Some(shards) = settings.shards {
        check.within("shards", "shards", shards, 1, MOST_SHARDS, "");
    }
    if settings.multi_az && settings.replicas == 0 {
        let message = "`multi-az` needs a replica in the other zone".to_owned();
        check.error("cache-multi-az", "multi-az", message, "`replicas = 1`");
    }
    check.within("snapshots", "snapshots", settings.snapshots, 0, 35, " days");
    check.final_snapshot(&settings.final_snapshot);
    check.windows(("snapshot-window", &settings.snapshot_window), &settings.maintenance_window, 60);
}

#[cfg(test)]
mod tests;
