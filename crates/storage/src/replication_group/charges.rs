//! What a replication group costs: <https://aws.amazon.com/elasticache/pricing/>.

use cloud::{Charge, Pricing, Quantity};

use super::ReplicationGroup;

/// GiB of memory of common node types: how large a snapshot can be.
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/CacheNodes.SupportedTypes.html>
const MEMORY: &[(&str, f64)] = &[
    ("cache.t3.micro", 0.5),
    ("cache.t3.small", 1.37),
    ("cache.t3.medium", 3.09),
    ("cache.t4g.micro", 0.5),
    ("cache.t4g.small", 1.37),
    ("cache.t4g.medium", 3.09),
    ("cache.m6g.large", 6.38),
    ("cache.m7g.large", 6.38),
    ("cache.r6g.large", 13.07),
    ("cache.r6g.xlarge", 26.32),
    ("cache.r7g.large", 13.07),
    ("cache.r7g.xlarge", 26.32),
    ("cache.r7g.2xlarge", 52.82),
];

pub(super) fn charges(group: &ReplicationGroup, pricing: &Pricing<'_>) -> Vec<Charge> {
    let engine = group.engine.as_deref().unwrap_or("redis");
    let node = group.cache_node_type.as_deref().unwrap_or_default();
    let shards = f64::from(group.num_node_groups.unwrap_or(1));
    let nodes = match group.num_cache_clusters {
        Some(nodes) => f64::from(nodes),
        None => shards * (1.0 + f64::from(group.replicas_per_node_group.unwrap_or(0))),
    };
    let mut lines = vec![Charge::new(
        format!("Cache node hours ({nodes} × {node})"),
        format!("elasticache.{engine}.{node}.hour"),
        Quantity::month().times(nodes),
    )];
    // One snapshot of each shard costs nothing.
    let beyond = f64::from(group.snapshot_retention_limit.unwrap_or(0)) - 1.0;
    if beyond > 0.0 {
        let memory = MEMORY.iter().find(|(name, _)| *name == node).map_or(0.0, |(_, memory)| *memory);
        let most = beyond * shards * memory;
        let gigabytes = pricing.usage("elasticache.backup.gb", Quantity::between(0.0, most / 4.0, most));
        if gigabytes.max > 0.0 {
            lines.push(Charge::new("Snapshots beyond the first", "elasticache.backup.gb-month", gigabytes));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use cloud::Usage;

    use super::*;

    fn priced(group: &ReplicationGroup) -> Vec<(String, f64, f64)> {
        let usage = Usage::default();
        let pricing = Pricing { usage: &usage, region: "us-east-1", lookup: &|_| None };
        let lines = charges(group, &pricing).into_iter();
        lines.map(|line| (line.price, line.quantity.expected, line.quantity.max)).collect()
    }

    fn cache(nodes: i32) -> ReplicationGroup {
        ReplicationGroup {
            cache_node_type: Some("cache.t3.micro".into()),
            engine: Some("redis".into()),
            num_cache_clusters: Some(nodes),
            ..ReplicationGroup::default()
        }
    }

    #[test]
    fn every_node_pays_its_hours() {
        assert_eq!(priced(&cache(1)), [("elasticache.redis.cache.t3.micro.hour".to_owned(), 730.0, 730.0)]);
        assert_eq!(priced(&cache(3))[0].1, 2190.0);
        let cluster = ReplicationGroup {
            num_cache_clusters: None,
            num_node_groups: Some(3),
            replicas_per_node_group: Some(1),
            ..cache(1)
        };
        assert_eq!(priced(&cluster)[0].1, 4380.0);
    }

    #[test]
    fn the_first_snapshot_is_free() {
        let keeps = |days| ReplicationGroup { snapshot_retention_limit: Some(days), ..cache(1) };
        assert_eq!(priced(&keeps(1)).len(), 1);
        assert_eq!(priced(&keeps(7))[1], ("elasticache.backup.gb-month".to_owned(), 0.75, 3.0));
    }
}
