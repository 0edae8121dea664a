//! From ElastiCache's description of a group and its nodes to its properties.

use aws_sdk_elasticache::types::{
    AutomaticFailoverStatus, CacheCluster, DataTieringStatus, Endpoint, MultiAzStatus, ReplicationGroup as SdkGroup,
    Tag as SdkTag,
};
use cloud::Live;

use super::{LogDelivery, ReplicationGroup};
use crate::elasticache;
use crate::parameters::cache_version;

pub(super) fn live(group: &SdkGroup, nodes: &[CacheCluster], tags: &[SdkTag]) -> Live<ReplicationGroup> {
    let id = group.replication_group_id();
    let mut own: Vec<&CacheCluster> = nodes.iter().filter(|node| node.replication_group_id() == id).collect();
    own.sort_by_key(|node| node.cache_cluster_id());
    let node = own.first().copied();
    let shards = count(group.node_groups().len());
    // A group that is being made has no shards yet, but names its nodes.
    let in_shards: usize = group.node_groups().iter().map(|shard| shard.node_group_members().len()).sum();
    let members = count(if in_shards > 0 { in_shards } else { group.member_clusters().len() });
    let clustered = group.cluster_enabled == Some(true);
    let failover = group
        .automatic_failover
        .as_ref()
        .map(|status| matches!(status, AutomaticFailoverStatus::Enabled | AutomaticFailoverStatus::Enabling));
    let topic = node.and_then(|node| node.notification_configuration());
    let topic = topic.filter(|topic| topic.topic_status() != Some("inactive"));
    let parameters = node.and_then(|node| node.cache_parameter_group());
    let tls = group.transit_encryption_enabled;
    let mut live = Live::new(ReplicationGroup {
        at_rest_encryption_enabled: group.at_rest_encryption_enabled,
        auth_token: None,
        auto_minor_version_upgrade: group.auto_minor_version_upgrade,
        automatic_failover_enabled: failover,
        cache_node_type: group.cache_node_type.clone(),
        cache_parameter_group_name: parameters.and_then(|group| group.cache_parameter_group_name.clone()),
        cache_subnet_group_name: node.and_then(|node| node.cache_subnet_group_name.clone()),
        cluster_mode: group.cluster_mode.as_ref().map(ToString::to_string),
        data_tiering_enabled: group.data_tiering.as_ref().map(|status| *status == DataTieringStatus::Enabled),
        engine: group.engine.clone().or_else(|| node.and_then(|node| node.engine.clone())),
        engine_version: node.and_then(|node| node.engine_version()).map(cache_version),
        ip_discovery: group.ip_discovery.as_ref().map(ToString::to_string),
        kms_key_id: group.kms_key_id.clone(),
        log_delivery_configurations: some(group.log_delivery_configurations().iter().map(LogDelivery::live).collect()),
        multi_az_enabled: group.multi_az.as_ref().map(|status| *status == MultiAzStatus::Enabled),
        network_type: group.network_type.as_ref().map(ToString::to_string),
        notification_topic_arn: topic.and_then(|topic| topic.topic_arn.clone()),
        num_cache_clusters: Some(members).filter(|members| !clustered && *members > 0),
        num_node_groups: Some(shards).filter(|shards| *shards > 0),
        port: endpoint(group).and_then(|endpoint| endpoint.port),
        preferred_cache_cluster_azs: None,
        preferred_maintenance_window: node.and_then(|node| node.preferred_maintenance_window.clone()),
        replicas_per_node_group: (shards > 0 && members > 0).then(|| members / shards - 1),
        replication_group_description: group.description.clone(),
        replication_group_id: group.replication_group_id.clone(),
        security_group_ids: node.and_then(security_groups),
        snapshot_arns: None,
        snapshot_name: None,
        snapshot_retention_limit: group.snapshot_retention_limit,
        snapshot_window: group.snapshot_window.clone(),
        tags: elasticache::live_tags(tags),
        transit_encryption_enabled: tls,
        transit_encryption_mode: group.transit_encryption_mode.as_ref().map(ToString::to_string),
        user_group_ids: some(sorted(group.user_group_ids().to_vec())),
    });
    for (attribute, value) in attributes(group) {
        live = live.with(&attribute, value);
    }
    live
}

fn security_groups(node: &CacheCluster) -> Option<Vec<String>> {
    let active = node.security_groups().iter().filter(|group| group.status() != Some("removing"));
    some(sorted(active.filter_map(|group| group.security_group_id.clone()).collect()))
}

/// Where clients go: the cluster's configuration endpoint, else the primary node.
fn endpoint(group: &SdkGroup) -> Option<&Endpoint> {
    group.configuration_endpoint().or_else(|| group.node_groups().first()?.primary_endpoint())
}

fn attributes(group: &SdkGroup) -> Vec<(String, String)> {
    let shard = group.node_groups().first();
    let primary = shard.and_then(|shard| shard.primary_endpoint());
    let reader = shard.and_then(|shard| shard.reader_endpoint());
    let mut out = Vec::new();
    for (name, endpoint) in [
        ("PrimaryEndPoint", primary),
        ("ReaderEndPoint", reader),
        ("ConfigurationEndPoint", group.configuration_endpoint()),
    ] {
        let Some(endpoint) = endpoint else { continue };
        if let Some(address) = endpoint.address() {
            out.push((format!("{name}.Address"), address.to_owned()));
        }
        if let Some(port) = endpoint.port {
            out.push((format!("{name}.Port"), port.to_string()));
        }
    }
    let nodes = shard.map(|shard| shard.node_group_members()).unwrap_or_default();
    let readers: Vec<&Endpoint> = nodes.iter().filter_map(|node| node.read_endpoint()).collect();
    if !readers.is_empty() {
        let addresses: Vec<&str> = readers.iter().filter_map(|endpoint| endpoint.address()).collect();
        let ports: Vec<String> = readers.iter().filter_map(|endpoint| endpoint.port).map(|p| p.to_string()).collect();
        out.push(("ReadEndPoint.Addresses".to_owned(), format!("[{}]", addresses.join(", "))));
        out.push(("ReadEndPoint.Ports".to_owned(), format!("[{}]", ports.join(", "))));
    }
    out
}

/// The shards that stay when there shall be fewer; `None` when there shall be more.
pub(super) fn shards_to_retain(group: &SdkGroup, to: i32) -> Option<Vec<String>> {
    let ids: Vec<String> = group.node_groups().iter().filter_map(|shard| shard.node_group_id.clone()).collect();
    let to = usize::try_from(to).unwrap_or(0);
    (to < ids.len()).then(|| sorted(ids).into_iter().take(to).collect())
}

fn count(length: usize) -> i32 {
    i32::try_from(length).unwrap_or(i32::MAX)
}

fn sorted(mut items: Vec<String>) -> Vec<String> {
    items.sort();
    items
}

fn some<T>(items: Vec<T>) -> Option<Vec<T>> {
    (!items.is_empty()).then_some(items)
}

#[cfg(test)]
mod tests {
    use aws_sdk_elasticache::types::{
        CacheParameterGroupStatus, NodeGroup, NodeGroupMember, SecurityGroupMembership, TransitEncryptionMode,
    };

    use super::*;

    fn endpoint_of(address: &str) -> Endpoint {
        Endpoint::builder().address(address).port(6379).build()
    }

    fn node(id: &str) -> CacheCluster {
        CacheCluster::builder()
            .cache_cluster_id(id)
            .replication_group_id("arrakis-production-redis")
            .engine("redis")
            .engine_version("7.1.0")
            .cache_subnet_group_name("subnets")
            .cache_parameter_group(
                CacheParameterGroupStatus::builder().cache_parameter_group_name("default.redis7").build(),
            )
            .security_groups(SecurityGroupMembership::builder().security_group_id("sg-b").status("active").build())
            .security_groups(SecurityGroupMembership::builder().security_group_id("sg-a").status("active").build())
            .preferred_maintenance_window("sun:05:00-sun:06:00")
            .build()
    }

    #[test]
    fn a_live_group_has_the_shape_of_a_declared_one() {
        let shard = NodeGroup::builder()
            .node_group_id("0001")
            .primary_endpoint(endpoint_of("primary"))
            .reader_endpoint(endpoint_of("reader"))
            .node_group_members(NodeGroupMember::builder().read_endpoint(endpoint_of("one")).build())
            .node_group_members(NodeGroupMember::builder().read_endpoint(endpoint_of("two")).build())
            .build();
        let group = SdkGroup::builder()
            .replication_group_id("arrakis-production-redis")
            .description("Redis")
            .cache_node_type("cache.t3.micro")
            .automatic_failover(AutomaticFailoverStatus::Enabling)
            .multi_az(MultiAzStatus::Disabled)
            .cluster_enabled(false)
            .member_clusters("arrakis-production-redis-001")
            .member_clusters("arrakis-production-redis-002")
            .node_groups(shard)
            .snapshot_retention_limit(0)
            .transit_encryption_enabled(true)
            .transit_encryption_mode(TransitEncryptionMode::Required)
            .build();
        let other = CacheCluster::builder().cache_cluster_id("a").replication_group_id("another").build();
        let nodes = [other, node("arrakis-production-redis-002"), node("arrakis-production-redis-001")];
        let live = live(&group, &nodes, &[]);
        let mut properties = serde_json::to_value(&live.properties).unwrap();
        properties.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        assert_eq!(
            properties,
            serde_json::json!({
                "AutomaticFailoverEnabled": true,
                "CacheNodeType": "cache.t3.micro",
                "CacheParameterGroupName": "default.redis7",
                "CacheSubnetGroupName": "subnets",
                "Engine": "redis",
                "EngineVersion": "7.1",
                "MultiAZEnabled": false,
                "NumCacheClusters": 2,
                "NumNodeGroups": 1,
                "Port": 6379,
                "PreferredMaintenanceWindow": "sun:05:00-sun:06:00",
                "ReplicasPerNodeGroup": 1,
                "ReplicationGroupDescription": "Redis",
                "ReplicationGroupId": "arrakis-production-redis",
                "SecurityGroupIds": ["sg-a", "sg-b"],
                "SnapshotRetentionLimit": 0,
                "TransitEncryptionEnabled": true,
                "TransitEncryptionMode": "required",
            })
        );
        assert_eq!(live.attributes["PrimaryEndPoint.Address"], "primary");
        assert_eq!(live.attributes["PrimaryEndPoint.Port"], "6379");
        assert_eq!(live.attributes["ReaderEndPoint.Address"], "reader");
        assert_eq!(live.attributes["ReadEndPoint.Addresses"], "[one, two]");
    }

    #[test]
    fn a_cluster_counts_shards_and_replicas() {
        let mut group = SdkGroup::builder()
            .replication_group_id("arrakis-production-redis")
            .cluster_enabled(true)
            .configuration_endpoint(endpoint_of("configuration"));
        for shard in ["0002", "0001", "0003"] {
            group = group.node_groups(NodeGroup::builder().node_group_id(shard).build());
            group = group.member_clusters(format!("{shard}-001")).member_clusters(format!("{shard}-002"));
        }
        let group = group.build();
        let live = live(&group, &[], &[]);
        let properties = live.properties;
        assert_eq!(
            (properties.num_cache_clusters, properties.num_node_groups, properties.replicas_per_node_group),
            (None, Some(3), Some(1))
        );
        assert_eq!(live.attributes["ConfigurationEndPoint.Address"], "configuration");
        assert_eq!(shards_to_retain(&group, 2), Some(vec!["0001".to_owned(), "0002".to_owned()]));
        assert_eq!(shards_to_retain(&group, 4), None);
    }
}
