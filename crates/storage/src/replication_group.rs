//! `AWS::ElastiCache::ReplicationGroup`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-elasticache-replicationgroup.html>.
//!
//! Its tags say whether it leaves a final snapshot when it is deleted ([`crate::final_snapshot`]); where they say
//! nothing, one that keeps snapshots (`SnapshotRetentionLimit` above 0) does: `<group>-final-<operation>`.

mod charges;
mod live;
mod log_delivery;
mod modify;
mod states;

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::types::{
    AuthTokenUpdateStrategyType, CacheCluster, ClusterMode, IpDiscovery, NetworkType, ReplicationGroup as SdkGroup,
    TransitEncryptionMode,
};
use cloud::{
    Absent, Aws, AwsResult, Charge, Context, Created, Failure, FailureKind, Live, Pricing, Readiness, Resource,
    Seconds, Tag, dynamic,
};
use futures::future::{try_join, try_join_all};
use serde::{Deserialize, Serialize};

pub use log_delivery::{DestinationDetails, KinesisFirehoseDetails, LogDelivery, LogGroupDetails};

use crate::{elasticache, final_snapshot, named};
use modify::Step;

/// A Redis or Valkey cache: a primary node with its replicas, or a cluster of shards.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct ReplicationGroup {
    /// Whether disks and snapshots are encrypted.
    pub at_rest_encryption_enabled: Option<bool>,
    /// The password that clients must give, best as a dynamic reference to a secret. Not reported.
    pub auth_token: Option<String>,
    /// Whether AWS installs patches by itself.
    pub auto_minor_version_upgrade: Option<bool>,
    /// Whether a replica takes over when the primary fails.
    pub automatic_failover_enabled: Option<bool>,
    /// The node type: `cache.t3.micro`.
    pub cache_node_type: Option<String>,
    /// The parameter group.
    pub cache_parameter_group_name: Option<String>,
    /// The subnet group.
    pub cache_subnet_group_name: Option<String>,
    /// `enabled`, `disabled` or `compatible`.
    pub cluster_mode: Option<String>,
    /// Whether seldom used data is moved to disk (r6gd nodes).
    pub data_tiering_enabled: Option<bool>,
    /// `redis` or `valkey`.
    pub engine: Option<String>,
    /// The engine's version; from 6 on without patch level: `7.1`.
    pub engine_version: Option<String>,
    /// `ipv4` or `ipv6`.
    pub ip_discovery: Option<String>,
    /// The key of the encryption at rest.
    pub kms_key_id: Option<String>,
    /// Slow log and engine log, and where they go.
    pub log_delivery_configurations: Option<Vec<LogDelivery>>,
    /// Whether nodes are spread over zones.
    #[serde(rename = "MultiAZEnabled")]
    pub multi_az_enabled: Option<bool>,
    /// `ipv4`, `ipv6` or `dual_stack`.
    pub network_type: Option<String>,
    /// The SNS topic of its events.
    pub notification_topic_arn: Option<String>,
    /// The primary and its replicas; not for a cluster of shards.
    pub num_cache_clusters: Option<i32>,
    /// The shards of a cluster.
    pub num_node_groups: Option<i32>,
    /// The port.
    pub port: Option<i32>,
    /// The zones of the nodes, the primary's first.
    #[serde(rename = "PreferredCacheClusterAZs")]
    pub preferred_cache_cluster_azs: Option<Vec<String>>,
    /// When AWS may do maintenance: `sun:05:00-sun:06:00`.
    pub preferred_maintenance_window: Option<String>,
    /// The replicas of each shard of a cluster.
    pub replicas_per_node_group: Option<i32>,
    /// What it is for.
    pub replication_group_description: Option<String>,
    /// Its name, unique in account and region, at most 40 characters; kept in lower case.
    pub replication_group_id: Option<String>,
    /// The security groups.
    pub security_group_ids: Option<Vec<String>>,
    /// Snapshots in S3 that it begins with.
    pub snapshot_arns: Option<Vec<String>>,
    /// The snapshot that it begins with.
    pub snapshot_name: Option<String>,
    /// Days that daily snapshots are kept; 0: none are made.
    pub snapshot_retention_limit: Option<i32>,
    /// When the daily snapshot runs: `03:00-04:00`.
    pub snapshot_window: Option<String>,
    /// Tags.
    pub tags: Option<Vec<Tag>>,
    /// Whether connections are TLS.
    pub transit_encryption_enabled: Option<bool>,
    /// `required`, or `preferred`: connections without TLS are taken too.
    pub transit_encryption_mode: Option<String>,
    /// The user groups (RBAC).
    pub user_group_ids: Option<Vec<String>>,
}

impl Resource for ReplicationGroup {
    const TYPE: &'static str = "AWS::ElastiCache::ReplicationGroup";
    const SECONDS: Seconds = Seconds { create: 420.0, update: 300.0, delete: 300.0 };
    const LATE: &'static [&'static str] = &[
        "PrimaryEndPoint.Address",
        "PrimaryEndPoint.Port",
        "ReaderEndPoint.Address",
        "ReaderEndPoint.Port",
        "ConfigurationEndPoint.Address",
        "ConfigurationEndPoint.Port",
        "ReadEndPoint.Addresses",
        "ReadEndPoint.Ports",
    ];
    const NEEDS_READY: &'static [&'static str] = &["CacheParameterGroupName"];
    const HOLDS_DATA: bool = true;

    fn id(&self) -> Option<String> {
        self.replication_group_id.as_deref().map(named::kept)
    }

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let token = match &self.auth_token {
            Some(reference) => Some(dynamic::resolve(reference, cx).await?),
            None => None,
        };
        let logs = self.log_delivery_configurations.as_ref();
        let made = cx
            .client(Client::new)
            .create_replication_group()
            .replication_group_id(named::given_or_made(&self.replication_group_id, 40, cx))
            .set_replication_group_description(self.replication_group_description.clone())
            .set_at_rest_encryption_enabled(self.at_rest_encryption_enabled)
            .set_auth_token(token)
            .set_auto_minor_version_upgrade(self.auto_minor_version_upgrade)
            .set_automatic_failover_enabled(self.automatic_failover_enabled)
            .set_cache_node_type(self.cache_node_type.clone())
            .set_cache_parameter_group_name(self.cache_parameter_group_name.clone())
            .set_cache_subnet_group_name(self.cache_subnet_group_name.clone())
            .set_cluster_mode(self.cluster_mode.as_deref().map(ClusterMode::from))
            .set_data_tiering_enabled(self.data_tiering_enabled)
            .set_engine(self.engine.clone())
            .set_engine_version(self.engine_version.clone())
            .set_ip_discovery(self.ip_discovery.as_deref().map(IpDiscovery::from))
            .set_kms_key_id(self.kms_key_id.clone())
            .set_log_delivery_configurations(logs.map(|logs| logs.iter().map(LogDelivery::request).collect()))
            .set_multi_az_enabled(self.multi_az_enabled)
            .set_network_type(self.network_type.as_deref().map(NetworkType::from))
            .set_notification_topic_arn(self.notification_topic_arn.clone())
            .set_num_cache_clusters(self.num_cache_clusters)
            .set_num_node_groups(self.num_node_groups)
            .set_port(self.port)
            .set_preferred_cache_cluster_azs(self.preferred_cache_cluster_azs.clone())
            .set_preferred_maintenance_window(self.preferred_maintenance_window.clone())
            .set_replicas_per_node_group(self.replicas_per_node_group)
            .set_security_group_ids(self.security_group_ids.clone())
            .set_snapshot_arns(self.snapshot_arns.clone())
            .set_snapshot_name(self.snapshot_name.clone())
            .set_snapshot_retention_limit(self.snapshot_retention_limit)
            .set_snapshot_window(self.snapshot_window.clone())
            .set_tags(elasticache::tags_for_create(&self.tags, cx))
            .set_transit_encryption_enabled(self.transit_encryption_enabled)
            .set_transit_encryption_mode(self.transit_encryption_mode.as_deref().map(TransitEncryptionMode::from))
            .set_user_group_ids(self.user_group_ids.clone())
            .send()
            .await
            .aws("elasticache:CreateReplicationGroup")?;
        let id = made.replication_group.and_then(|group| group.replication_group_id);
        id.map(Created::new).ok_or_else(|| Failure::missing("elasticache:CreateReplicationGroup", "ReplicationGroupId"))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        let Some(live) = live else { return Ok(()) };
        elasticache::sync_tags(arn(id, cx), &self.tags, Some(&live.tags), cx).await?;
        if modify::differs(self, live) {
            self.step_on(id, live, cx).await?;
        }
        Ok(())
    }

    async fn ready(id: &str, cx: &Context) -> Result<Readiness, Failure> {
        Ok(match describe_one(id, cx).await? {
            Some(group) => states::readiness(&group),
            None => Readiness::Pending("not visible yet".to_owned()),
        })
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let groups = describe(ids, cx).await?;
        let find = |id: &String| groups.iter().find(|group| group.replication_group_id() == Some(id));
        let present: Vec<_> = ids.iter().map(|id| find(id).filter(|group| !states::is_going(group))).collect();
        // Most of what is told to a group is reported by its nodes only.
        let any = present.iter().flatten().next().is_some();
        let nodes = async { if any { nodes(cx).await } else { Ok(Vec::new()) } };
        let arns = present.iter().map(|group| group.and_then(|group| group.arn()));
        let (nodes, tags) = try_join(nodes, try_join_all(arns.map(|arn| elasticache::tags_of(arn, cx)))).await?;
        let live = |(group, tags): (&Option<&SdkGroup>, Vec<_>)| group.map(|group| live::live(group, &nodes, &tags));
        Ok(present.iter().zip(tags).map(live).collect())
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let Some(group) = describe_one(id, cx).await? else {
            return Ok(());
        };
        if states::is_going(&group) {
            return Ok(());
        }
        let call = cx.client(Client::new).delete_replication_group().replication_group_id(id);
        let tags = elasticache::tags_of(group.arn(), cx).await?;
        let last = states::last_snapshot(&group, &tags, id, cx);
        let call = call.retain_primary_cluster(false).set_final_snapshot_identifier(last.clone());
        match call.send().await.aws("elasticache:DeleteReplicationGroup").absent() {
            // The call was made again after its answer was lost: the snapshot is its own.
            Err(failure) if final_snapshot::is_taken(&failure) => {
                match describe_one(id, cx).await?.filter(|group| !states::is_going(group)) {
                    Some(_) => Err(final_snapshot::explained(failure, last.as_deref())),
                    None => Ok(()),
                }
            }
            other => other.map(drop),
        }
    }

    async fn gone(id: &str, cx: &Context) -> Result<bool, Failure> {
        Ok(describe_one(id, cx).await?.is_none())
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let name = named::to_find::<Self>(&self.replication_group_id, 40, cx).await?;
        let Some(name) = name else { return Ok(None) };
        let Some(group) = describe_one(&name, cx).await?.filter(|group| !states::is_going(group)) else {
            return Ok(None);
        };
        let tags = elasticache::tags_of(group.arn(), cx).await?;
        Ok(cx.owns(elasticache::pairs(&tags)).then(|| Created::new(name)))
    }

    fn id_of_arn(arn: &str) -> Option<String> {
        cloud::arn_name(arn, "elasticache", "replicationgroup:").map(str::to_owned)
    }

    fn charges(&self, pricing: &Pricing<'_>) -> Vec<Charge> {
        charges::charges(self, pricing)
    }
}

impl ReplicationGroup {
    /// Takes the next step towards the declared group. ElastiCache takes one kind of change at a time, and none while
    /// it works on another: if more steps are left, the failure says "not yet", and the engine comes again.
    async fn step_on(&self, id: &str, live: &Self, cx: &Context) -> Result<(), Failure> {
        let Some(group) = describe_one(id, cx).await? else {
            return Err(Failure::new(FailureKind::NotFound, format!("the replication group {id} is gone")));
        };
        let now = live::live(&group, &nodes(cx).await?, &[]).properties;
        let steps = modify::steps(self, live, &now)?;
        let Some(step) = steps.first() else {
            return Ok(());
        };
        if let Readiness::Pending(state) = states::readiness(&group) {
            return Err(Failure::new(FailureKind::NotYet, format!("the replication group is {state}")));
        }
        let client = cx.client(Client::new);
        match step.clone() {
            Step::Replicas { to, more: true } => {
                let call = client.increase_replica_count().replication_group_id(id).new_replica_count(to);
                call.apply_immediately(true).send().await.aws("elasticache:IncreaseReplicaCount")?;
            }
            Step::Replicas { to, more: false } => {
                let call = client.decrease_replica_count().replication_group_id(id).new_replica_count(to);
                call.apply_immediately(true).send().await.aws("elasticache:DecreaseReplicaCount")?;
            }
            Step::Shards { to } => {
                let call = client.modify_replication_group_shard_configuration().replication_group_id(id);
                let call = call.node_group_count(to).apply_immediately(true);
                let call = call.set_node_groups_to_retain(live::shards_to_retain(&group, to));
                call.send().await.aws("elasticache:ModifyReplicationGroupShardConfiguration")?;
            }
            Step::Modify(changes) => {
                let call = changes.replication_group_id(id).apply_immediately(true);
                call.send_with(&client).await.aws("elasticache:ModifyReplicationGroup")?;
            }
            // No describe shows whether it was done, so it is the last step. Both passwords are valid from then on, so that no client is locked out; the older one ends with the next.
            Step::AuthToken => {
                let token = dynamic::resolve(self.auth_token.as_deref().unwrap_or_default(), cx).await?;
                let call = client.modify_replication_group().replication_group_id(id).apply_immediately(true);
                let call = call.auth_token(token).auth_token_update_strategy(AuthTokenUpdateStrategyType::Rotate);
                call.send().await.aws("elasticache:ModifyReplicationGroup")?;
            }
        }
        match &steps[1..] {
            [] => Ok(()),
            left => Err(Failure::new(
                FailureKind::NotYet,
                format!(
                    "{step} is under way; then: {}",
                    left.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
                ),
            )),
        }
    }
}

/// One by its name, several out of all: the API has no list of names.
async fn describe(ids: &[String], cx: &Context) -> Result<Vec<SdkGroup>, Failure> {
    let call = cx.client(Client::new).describe_replication_groups();
    let call = if let [id] = ids { call.replication_group_id(id) } else { call };
    let found = call.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    Ok(found.aws("elasticache:DescribeReplicationGroups").absent()?.unwrap_or_default())
}

/// For health checks.
pub(crate) async fn describe_all(ids: Vec<String>, cx: &Context) -> Result<Vec<SdkGroup>, Failure> {
    describe(&ids, cx).await
}

/// For health checks.
pub(crate) fn readiness(group: &SdkGroup) -> Readiness {
    states::readiness(group)
}

async fn describe_one(id: &str, cx: &Context) -> Result<Option<SdkGroup>, Failure> {
    Ok(describe(&[id.to_owned()], cx).await?.into_iter().next())
}

async fn arn(id: &str, cx: &Context) -> Result<Option<String>, Failure> {
    Ok(describe_one(id, cx).await?.and_then(|group| group.arn))
}

/// The nodes of all groups.
async fn nodes(cx: &Context) -> Result<Vec<CacheCluster>, Failure> {
    let call = cx.client(Client::new).describe_cache_clusters().show_cache_node_info(true);
    let found = call.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    found.aws("elasticache:DescribeCacheClusters")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_property_is_one_of_the_schema() {
        let facts = schema::facts(ReplicationGroup::TYPE).unwrap();
        let names: Vec<&str> = facts.property_names().collect();
        let ours = serde_json::to_value(ReplicationGroup::default()).unwrap();
        for name in ours.as_object().unwrap().keys() {
            assert!(names.contains(&name.as_str()), "{name}");
        }
    }

    #[test]
    fn the_id_is_the_name_in_lower_case() {
        let group = ReplicationGroup { replication_group_id: Some("Arrakis-Redis".into()), ..Default::default() };
        assert_eq!(group.id().as_deref(), Some("arrakis-redis"));
    }
}
