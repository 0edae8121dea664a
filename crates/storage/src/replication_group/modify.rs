//! The steps from a live group to the declared one, in an order that ElastiCache takes.

use std::collections::BTreeSet;
use std::fmt;

use aws_sdk_elasticache::operation::modify_replication_group::builders::ModifyReplicationGroupInputBuilder;
use aws_sdk_elasticache::types::{ClusterMode, IpDiscovery, TransitEncryptionMode};
use cloud::Failure;

use super::{ReplicationGroup, log_delivery};
use crate::parameters::cache_family;

/// One call.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// Another number of replicas (of each shard).
    Replicas {
        /// As many as there shall be.
        to: i32,
        /// Whether these are more than now.
        more: bool,
    },
    /// Another number of shards.
    Shards {
        /// As many as there shall be.
        to: i32,
    },
    /// Other properties, without the group's name.
    Modify(Box<ModifyReplicationGroupInputBuilder>),
    /// A new password.
    AuthToken,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replicas { to, .. } => write!(f, "change to {to} replicas"),
            Self::Shards { to } => write!(f, "change to {to} shards"),
            Self::Modify(changes) if changes.get_engine_version().is_some() => {
                f.write_str("change of the version")
            }
            Self::Modify(changes) if changes.get_cache_node_type().is_some() => {
                f.write_str("change of the node type")
            }
            Self::Modify(_) => f.write_str("change of properties"),
            Self::AuthToken => f.write_str("change of the password"),
        }
    }
}

/// Whether there is anything to change besides tags.
pub(super) fn differs(declared: &ReplicationGroup, live: &ReplicationGroup) -> bool {
    steps(declared, live, live).map_or(true, |steps| !steps.is_empty())
}

/// The steps that are left. `live` is as it was when the update began: what it has and `declared` has not was removed;
/// `now` is how far it has come.
pub(super) fn steps(
    declared: &ReplicationGroup,
    live: &ReplicationGroup,
    now: &ReplicationGroup,
) -> Result<Vec<Step>, Failure> {
    let mut steps = Vec::new();
    let wanted = declared
        .num_cache_clusters
        .map(|nodes| nodes - 1)
        .or(declared.replicas_per_node_group);
    let replicas = match (wanted, now.replicas_per_node_group) {
        (Some(to), Some(from)) if to != from => Some((to, to > from)),
        _ => None,
    };
    // Failover needs a replica: replicas come before it and go after it.
    if let Some((to, true)) = replicas {
        steps.push(Step::Replicas { to, more: true });
    }
    let nothing = ModifyReplicationGroupInputBuilder::default();
    for changes in [
        plain(declared, live, now),
        tls(declared, now),
        version(declared, live, now),
        node(declared, now),
    ] {
        if changes != nothing {
            steps.push(Step::Modify(Box::new(changes)));
        }
    }
    if let Some((to, false)) = replicas {
        steps.push(Step::Replicas { to, more: false });
    }
    if let Some(to) = set(&declared.num_node_groups, &now.num_node_groups) {
        steps.push(Step::Shards { to });
    }
    match (&declared.auth_token, &live.auth_token) {
        (Some(wanted), Some(was)) if wanted != was => steps.push(Step::AuthToken),
        (None, Some(_)) if declared.user_group_ids.is_none() => {
            let message = "ElastiCache cannot take the password from a cache that has one";
            let hint = "keep `credentials`, or replace the cache: `plan --replace`";
            return Err(Failure::invalid(message).hint(hint));
        }
        _ => {}
    }
    Ok(steps)
}

/// The value to set, where it is declared and is not so.
fn set<T: Clone + PartialEq>(declared: &Option<T>, now: &Option<T>) -> Option<T> {
    declared.clone().filter(|_| declared != now)
}

/// The same; and AWS's default where it is no longer declared.
fn set_or<T: Clone + PartialEq>(
    declared: &Option<T>,
    live: &Option<T>,
    now: &Option<T>,
    default: T,
) -> Option<T> {
    let wanted = declared.clone().or_else(|| live.as_ref().map(|_| default));
    wanted.filter(|wanted| now.as_ref() != Some(wanted))
}

fn as_set(items: &Option<Vec<String>>) -> BTreeSet<String> {
    items.iter().flatten().cloned().collect()
}

fn plain(
    declared: &ReplicationGroup,
    live: &ReplicationGroup,
    now: &ReplicationGroup,
) -> ModifyReplicationGroupInputBuilder {
    let groups = declared.security_group_ids.clone();
    let groups =
        groups.filter(|_| as_set(&declared.security_group_ids) != as_set(&now.security_group_ids));
    let (users, has) = (
        as_set(&declared.user_group_ids),
        as_set(&now.user_group_ids),
    );
    let list = |items: Vec<String>| (!items.is_empty()).then_some(items);
    let none = Vec::new();
    let logs = log_delivery::changes(
        declared
            .log_delivery_configurations
            .as_ref()
            .unwrap_or(&none),
        now.log_delivery_configurations.as_ref().unwrap_or(&none),
    );
    let topic_ended =
        declared.notification_topic_arn.is_none() && now.notification_topic_arn.is_some();
    ModifyReplicationGroupInputBuilder::default()
        .set_replication_group_description(set(
            &declared.replication_group_description,
            &now.replication_group_description,
        ))
        .set_auto_minor_version_upgrade(set_or(
            &declared.auto_minor_version_upgrade,
            &live.auto_minor_version_upgrade,
            &now.auto_minor_version_upgrade,
            true,
        ))
        .set_automatic_failover_enabled(set_or(
            &declared.automatic_failover_enabled,
            &live.automatic_failover_enabled,
            &now.automatic_failover_enabled,
            false,
        ))
        .set_multi_az_enabled(set_or(
            &declared.multi_az_enabled,
            &live.multi_az_enabled,
            &now.multi_az_enabled,
            false,
        ))
        .set_cluster_mode(
            set(&declared.cluster_mode, &now.cluster_mode)
                .map(|mode| ClusterMode::from(mode.as_str())),
        )
        .set_ip_discovery(
            set(&declared.ip_discovery, &now.ip_discovery).map(|ip| IpDiscovery::from(ip.as_str())),
        )
        .set_log_delivery_configurations((!logs.is_empty()).then_some(logs))
        .set_notification_topic_arn(set(
            &declared.notification_topic_arn,
            &now.notification_topic_arn,
        ))
        .set_notification_topic_status(topic_ended.then(|| "inactive".to_owned()))
        .set_preferred_maintenance_window(set(
            &declared.preferred_maintenance_window,
            &now.preferred_maintenance_window,
        ))
        .set_security_group_ids(groups)
        .set_snapshot_retention_limit(set_or(
            &declared.snapshot_retention_limit,
            &live.snapshot_retention_limit,
            &now.snapshot_retention_limit,
            0,
        ))
        .set_snapshot_window(set(&declared.snapshot_window, &now.snapshot_window))
        .set_user_group_ids_to_add(list(users.difference(&has).cloned().collect()))
        .set_user_group_ids_to_remove(list(has.difference(&users).cloned().collect()))
}

/// TLS comes and goes in two steps, so that clients can follow: `preferred` lies between none and `required`.
fn tls(declared: &ReplicationGroup, now: &ReplicationGroup) -> ModifyReplicationGroupInputBuilder {
    let changes = ModifyReplicationGroupInputBuilder::default();
    let mode = declared.transit_encryption_mode.as_deref();
    match (
        declared.transit_encryption_enabled,
        now.transit_encryption_enabled,
    ) {
        (Some(true), Some(false)) => changes
            .transit_encryption_enabled(true)
            .transit_encryption_mode(TransitEncryptionMode::Preferred),
        (Some(false), Some(true))
            if now.transit_encryption_mode.as_deref() != Some("preferred") =>
        {
            changes.transit_encryption_mode(TransitEncryptionMode::Preferred)
        }
        (Some(false), Some(true)) => changes.transit_encryption_enabled(false),
        _ if mode.is_some() && mode != now.transit_encryption_mode.as_deref() => {
            changes.set_transit_encryption_mode(mode.map(TransitEncryptionMode::from))
        }
        _ => changes,
    }
}

/// A new version may need another parameter group in the same call.
fn version(
    declared: &ReplicationGroup,
    live: &ReplicationGroup,
    now: &ReplicationGroup,
) -> ModifyReplicationGroupInputBuilder {
    let engine = declared
        .engine
        .as_deref()
        .or(now.engine.as_deref())
        .unwrap_or("redis");
    let version = declared
        .engine_version
        .as_ref()
        .or(now.engine_version.as_ref());
    let cluster = if now.cluster_mode.as_deref() == Some("enabled") {
        ".cluster.on"
    } else {
        ""
    };
    let default =
        version.map(|version| format!("default.{}{cluster}", cache_family(engine, version)));
    let parameters = match default {
        Some(default) => set_or(
            &declared.cache_parameter_group_name,
            &live.cache_parameter_group_name,
            &now.cache_parameter_group_name,
            default,
        ),
        None => set(
            &declared.cache_parameter_group_name,
            &now.cache_parameter_group_name,
        ),
    };
    ModifyReplicationGroupInputBuilder::default()
        .set_engine(set(&declared.engine, &now.engine))
        .set_engine_version(set(&declared.engine_version, &now.engine_version))
        .set_cache_parameter_group_name(parameters)
}

fn node(declared: &ReplicationGroup, now: &ReplicationGroup) -> ModifyReplicationGroupInputBuilder {
    let node = set(&declared.cache_node_type, &now.cache_node_type);
    ModifyReplicationGroupInputBuilder::default().set_cache_node_type(node)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache() -> ReplicationGroup {
        ReplicationGroup {
            cache_node_type: Some("cache.t3.micro".into()),
            engine: Some("redis".into()),
            engine_version: Some("7.1".into()),
            num_cache_clusters: Some(1),
            automatic_failover_enabled: Some(false),
            transit_encryption_enabled: Some(true),
            transit_encryption_mode: Some("required".into()),
            security_group_ids: Some(vec!["sg-a".into(), "sg-b".into()]),
            ..ReplicationGroup::default()
        }
    }

    fn live() -> ReplicationGroup {
        ReplicationGroup {
            replicas_per_node_group: Some(0),
            num_node_groups: Some(1),
            security_group_ids: Some(vec!["sg-b".into(), "sg-a".into()]),
            cache_parameter_group_name: Some("default.redis7".into()),
            auto_minor_version_upgrade: Some(true),
            snapshot_retention_limit: Some(0),
            ..cache()
        }
    }

    fn words(declared: &ReplicationGroup, live: &ReplicationGroup) -> Vec<String> {
        steps(declared, live, live)
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    #[test]
    fn what_is_the_same_needs_no_step() {
        assert!(!differs(&cache(), &live()));
    }

    #[test]
    fn replicas_come_before_failover_and_go_after_it() {
        let more = ReplicationGroup {
            num_cache_clusters: Some(3),
            automatic_failover_enabled: Some(true),
            ..cache()
        };
        assert_eq!(
            words(&more, &live()),
            ["change to 2 replicas", "change of properties"]
        );
        let live = ReplicationGroup {
            replicas_per_node_group: Some(2),
            automatic_failover_enabled: Some(true),
            ..live()
        };
        assert_eq!(
            words(&cache(), &live),
            ["change of properties", "change to 0 replicas"]
        );
    }

    #[test]
    fn version_and_node_type_are_steps_of_their_own() {
        let declared = ReplicationGroup {
            engine: Some("valkey".into()),
            engine_version: Some("8.0".into()),
            cache_node_type: Some("cache.t4g.small".into()),
            snapshot_retention_limit: Some(3),
            ..cache()
        };
        let steps = steps(&declared, &live(), &live()).unwrap();
        let words: Vec<_> = steps.iter().map(ToString::to_string).collect();
        assert_eq!(
            words,
            [
                "change of properties",
                "change of the version",
                "change of the node type"
            ]
        );
        let Step::Modify(version) = &steps[1] else {
            panic!("{steps:?}")
        };
        assert_eq!(
            version.get_cache_parameter_group_name().as_deref(),
            Some("default.valkey8")
        );
        assert_eq!(version.get_engine().as_deref(), Some("valkey"));
    }

    #[test]
    fn tls_comes_in_two_steps() {
        let mut now = ReplicationGroup {
            transit_encryption_enabled: Some(false),
            transit_encryption_mode: None,
            ..live()
        };
        let first = tls(&cache(), &now);
        assert_eq!(first.get_transit_encryption_enabled(), &Some(true));
        assert_eq!(
            first.get_transit_encryption_mode(),
            &Some(TransitEncryptionMode::Preferred)
        );
        now.transit_encryption_enabled = Some(true);
        now.transit_encryption_mode = Some("preferred".into());
        let second = tls(&cache(), &now);
        assert_eq!(second.get_transit_encryption_enabled(), &None);
        assert_eq!(
            second.get_transit_encryption_mode(),
            &Some(TransitEncryptionMode::Required)
        );
    }

    #[test]
    fn what_is_no_longer_declared_is_as_aws_has_it() {
        let live = ReplicationGroup {
            snapshot_retention_limit: Some(7),
            cache_parameter_group_name: Some("mine".into()),
            notification_topic_arn: Some("arn:topic".into()),
            ..live()
        };
        let steps = steps(&cache(), &live, &live).unwrap();
        let [Step::Modify(plain), Step::Modify(version)] = &steps[..] else {
            panic!("{steps:?}")
        };
        assert_eq!(plain.get_snapshot_retention_limit(), &Some(0));
        assert_eq!(
            plain.get_notification_topic_status().as_deref(),
            Some("inactive")
        );
        assert_eq!(
            version.get_cache_parameter_group_name().as_deref(),
            Some("default.redis7")
        );
    }

    #[test]
    fn a_step_that_was_taken_is_not_taken_again() {
        let declared = ReplicationGroup {
            num_cache_clusters: Some(2),
            snapshot_retention_limit: Some(1),
            ..cache()
        };
        let mut now = live();
        now.replicas_per_node_group = Some(1);
        let left = steps(&declared, &live(), &now).unwrap();
        assert_eq!(
            left.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["change of properties"]
        );
    }

    #[test]
    fn a_password_is_rotated_and_cannot_be_taken_away() {
        let with = |token: &str| ReplicationGroup {
            auth_token: Some(token.into()),
            ..live()
        };
        let declared = ReplicationGroup {
            auth_token: Some("b".into()),
            ..cache()
        };
        assert_eq!(words(&declared, &with("a")), ["change of the password"]);
        assert!(words(&declared, &with("b")).is_empty());
        assert!(
            steps(&cache(), &with("a"), &with("a"))
                .unwrap_err()
                .message
                .contains("cannot take the password")
        );
    }
}
