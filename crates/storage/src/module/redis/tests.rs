use engine::{Finding, Node, Severity};
use serde_json::{Value, json};

use super::super::{Outputs, declare};
use super::*;
use crate::Settings;

fn run(cache: Value) -> (Outputs, Vec<Node>, Vec<Finding>) {
    let mut all = json!({ "node": "cache.t3.micro" });
    for (key, value) in cache.as_object().unwrap() {
        all[key] = value.clone();
    }
    let settings: Settings = serde_json::from_value(json!({ "redis": { "cache": all } })).unwrap();
    let inputs = Inputs {
        prefix: "arrakis-production".into(),
        subnet_ids: vec!["subnet-a".into(), "subnet-b".into()],
        security_groups: [("redis.cache".to_owned(), "sg-0a1b2c3d".to_owned())].into(),
        secrets: [("redis-credentials".to_owned(), Handle::to("security.secret.redis-credentials").id())].into(),
    };
    let mut stack = Stack::new("freeside/production", "us-east-1", &[("system".into(), "freeside".into())]);
    let outputs = declare(&settings, &inputs, &mut stack);
    let (nodes, findings) = stack.finish();
    (outputs, nodes, findings)
}

fn valid(nodes: &[Node]) {
    for node in nodes {
        let violations = schema::validate(&node.type_name, &node.properties);
        assert!(violations.is_empty(), "{}: {violations:?}", node.address);
    }
}

#[test]
fn a_cache_of_one_node() {
    let (outputs, nodes, findings) = run(json!({}));
    assert!(findings.is_empty(), "{findings:?}");
    valid(&nodes);
    assert_eq!(nodes.len(), 2);
    let mut properties = nodes[1].properties.clone();
    properties.as_object_mut().unwrap().remove("Tags");
    assert_eq!(
        properties,
        json!({
            "AtRestEncryptionEnabled": true,
            "AutoMinorVersionUpgrade": true,
            "AutomaticFailoverEnabled": false,
            "CacheNodeType": "cache.t3.micro",
            "CacheSubnetGroupName": { "Ref": "storage.redis.cache.subnet-group" },
            "Engine": "redis",
            "EngineVersion": "7.1",
            "MultiAZEnabled": false,
            "NumCacheClusters": 1,
            "Port": 6379,
            "ReplicationGroupDescription": "The cache arrakis-production-redis",
            "ReplicationGroupId": "arrakis-production-redis",
            "SecurityGroupIds": ["sg-0a1b2c3d"],
            "SnapshotRetentionLimit": 0,
            "TransitEncryptionEnabled": true,
            "TransitEncryptionMode": "required",
        })
    );
    let store = &outputs.stores["redis.cache"];
    let handle = Handle::to("storage.redis.cache");
    assert_eq!(store.identifier, format!("{}-001", handle.id()));
    assert_eq!(store.host, handle.get("PrimaryEndPoint.Address"));
    assert_eq!(store.reader_host, store.host);
    assert!(store.tls);
}

#[test]
fn everything_that_can_be_set_is_valid() {
    let (outputs, nodes, findings) = run(json!({
        "node": "cache.r7g.large", "engine": "valkey", "version": "8.0", "replicas": 1, "multi-az": true,
        "credentials": "redis-credentials", "snapshots": 7, "snapshot-window": "03:00-04:00",
        "maintenance-window": "sun:05:00-sun:06:00", "protected": true, "port": 6380,
        "parameters": { "maxmemory-policy": "allkeys-lru", "timeout": 300 },
    }));
    assert!(findings.is_empty(), "{findings:?}");
    valid(&nodes);
    assert_eq!(nodes[1].type_name, "AWS::ElastiCache::ParameterGroup");
    assert_eq!(nodes[1].properties["CacheParameterGroupFamily"], "valkey8");
    assert_eq!(nodes[1].properties["Properties"], json!({ "maxmemory-policy": "allkeys-lru", "timeout": "300" }));
    let cache = &nodes[2];
    assert_eq!(cache.properties["NumCacheClusters"], 2);
    assert_eq!(cache.properties["AutomaticFailoverEnabled"], true);
    assert!(cache.properties["AuthToken"].to_string().contains("resolve:secretsmanager"));
    assert!(cache.protected);
    let store = &outputs.stores["redis.cache"];
    assert_eq!(store.reader_host, Handle::to("storage.redis.cache").get("ReaderEndPoint.Address"));
    assert_eq!(store.nodes.len(), 2);
}

#[test]
fn an_old_version_has_no_mode_of_encryption() {
    let (_, nodes, findings) = run(json!({ "version": "6.2" }));
    assert!(findings.is_empty(), "{findings:?}");
    assert_eq!(nodes[1].properties["TransitEncryptionEnabled"], true);
    assert!(nodes[1].properties.get("TransitEncryptionMode").is_none());
}

#[test]
fn a_cluster_of_shards() {
    let (outputs, nodes, findings) = run(json!({ "node": "cache.r7g.large", "shards": 2, "replicas": 1 }));
    assert!(findings.is_empty(), "{findings:?}");
    valid(&nodes);
    let cache = &nodes[1].properties;
    assert_eq!((&cache["NumNodeGroups"], &cache["ReplicasPerNodeGroup"]), (&json!(2), &json!(1)));
    assert_eq!(cache["CacheParameterGroupName"], "default.redis7.cluster.on");
    assert!(cache.get("NumCacheClusters").is_none());
    let store = &outputs.stores["redis.cache"];
    let handle = Handle::to("storage.redis.cache");
    assert_eq!(store.host, handle.get("ConfigurationEndPoint.Address"));
    assert_eq!(store.nodes[3], format!("{}-0002-002", handle.id()));
}

#[test]
fn bad_values_are_found_at_their_keys() {
    let cases = [
        (json!({ "node": "cache.t3.nano" }), "node", "there is no node type `cache.t3.nano`"),
        (json!({ "version": "7.9" }), "version", "there is no redis version `7.9`"),
        (json!({ "replicas": 6 }), "replicas", "`replicas` is 6"),
        (json!({ "shards": 0 }), "shards", "`shards` is 0"),
        (json!({ "multi-az": true }), "multi-az", "`multi-az` needs a replica in the other zone"),
        (json!({ "credentials": "redis-credential" }), "credentials", "there is no secret `redis-credential`"),
        (
            json!({ "credentials": "redis-credentials", "encrypted-in-transit": false }),
            "credentials",
            "a password needs TLS: it would be sent in the clear",
        ),
        (json!({ "snapshots": 40 }), "snapshots", "`snapshots` is 40 days"),
        (json!({ "snapshot-window": "03:00-03:30" }), "snapshot-window", "`03:00-03:30` is 30 minutes long"),
        (json!({ "maintenance-window": "05:00-06:00" }), "maintenance-window", "`05:00-06:00` is no window"),
    ];
    for (settings, key, message) in cases {
        let (_, _, findings) = run(settings.clone());
        let said: Vec<_> = findings.iter().map(|f| (f.key.as_deref().unwrap(), f.message.as_str())).collect();
        assert_eq!(said, [(format!("storage.redis.cache.{key}").as_str(), message)], "{settings}");
        assert!(findings[0].hint.is_some() && findings[0].severity == Severity::Error, "{findings:?}");
    }
}

#[test]
fn unknown_keys_are_refused() {
    let unknown = json!({ "redis": { "cache": { "node": "cache.t3.micro", "nodes": 2 } } });
    assert!(serde_json::from_value::<Settings>(unknown).unwrap_err().to_string().contains("nodes"));
}
