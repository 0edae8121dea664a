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
            Self::Modify(changes) if changes.get_transit_encryption_mode().is_some() => f.write_str("change of TLS"),
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
    let nothing = ModifyReplicationGroupInputBuilder::default();
    let rest = rest(declared, live, now);
    let wanted = declared.num_cache_clusters.map(|nodes| nodes - 1).or(declared.replicas_per_node_group);
    let has = now.replicas_per_node_group.or(now.num_cache_clusters.map(|nodes| nodes - 1));
    // Failover needs a replica: replicas come before it and go after it.
    match (wanted, has) {
        (Some(to), Some(from)) if to > from => steps.push(Step::Replicas { to, more: true }),
        (Some(to), Some(from)) if to < from => {
            let off = nothing
                .clone()
                .set_automatic_failover_enabled((*rest.get_automatic_failover_enabled()).filter(|on| !on))
                .set_multi_az_enabled((*rest.get_multi_az_enabled()).filter(|on| !on));
            if off != nothing {
                steps.push(Step::Modify(Box::new(off)));
            }
            steps.push(Step::Replicas { to, more: false });
        }
        _ => {}
    }
    if let Some(to) = set(&declared.num_node_groups, &now.num_node_groups) {
        steps.push(Step::Shards { to });
    }
    steps.extend(tls(declared, now).into_iter().map(|changes| Step::Modify(Box::new(changes))));
    if rest != nothing {
        steps.push(Step::Modify(Box::new(rest)));
    }
    match (&declared.auth_token, &live.auth_token) {
        (Some(wanted), was) if was.as_ref() != Some(wanted) => steps.push(Step::AuthToken),
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
fn set_or<T: Clone + PartialEq>(declared: &Option<T>, live: &Option<T>, now: &Option<T>, default: T) -> Option<T> {
    let wanted = declared.clone().or_else(|| live.as_ref().map(|_| default));
    wanted.filter(|wanted| now.as_ref() != Some(wanted))
}

fn as_set(items: &Option<Vec<String>>) -> BTreeSet<String> {
    items.iter().flatten().cloned().collect()
}

fn rest(
    declared: &ReplicationGroup,
    live: &ReplicationGroup,
    now: &ReplicationGroup,
) -> ModifyReplicationGroupInputBuilder {
    let groups = declared.security_group_ids.clone();
    let groups = groups.filter(|_| as_set(&declared.security_group_ids) != as_set(&now.security_group_ids));
    let (users, has) = (as_set(&declared.user_group_ids), as_set(&now.user_group_ids));
    let list = |items: Vec<String>| (!items.is_empty()).then_some(items);
    let none = Vec::new();
    let logs = log_delivery::changes(
        declared.log_delivery_configurations.as_ref().unwrap_or(&none),
        now.log_delivery_configurations.as_ref().unwrap_or(&none),
    );
    let topic_ended = declared.notification_topic_arn.is_none() && now.notification_topic_arn.is_some();
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
        .set_cache_node_type(set(&declared.cache_node_type, &now.cache_node_type))
        .set_cache_parameter_group_name(parameter_group(declared, live, now))
        .set_engine(set(&declared.engine, &now.engine))
        .set_engine_version(set(&declared.engine_version, &now.engine_version))
        .set_automatic_failover_enabled(set_or(
            &declared.automatic_failover_enabled,
            &live.automatic_failover_enabled,
            &now.automatic_failover_enabled,
            false,
        ))
        .set_multi_az_enabled(set_or(&declared.multi_az_enabled, &live.multi_az_enabled, &now.multi_az_enabled, false))
        .set_cluster_mode(set(&declared.cluster_mode, &now.cluster_mode).map(|mode| ClusterMode::from(mode.as_str())))
        .set_ip_discovery(set(&declared.ip_discovery, &now.ip_discovery).map(|ip| IpDiscovery::from(ip.as_str())))
        .set_log_delivery_configurations((!logs.is_empty()).then_some(logs))
        .set_notification_topic_arn(set(&declared.notification_topic_arn, &now.notification_topic_arn))
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
fn tls(declared: &ReplicationGroup, now: &ReplicationGroup) -> Vec<ModifyReplicationGroupInputBuilder> {
    let change = ModifyReplicationGroupInputBuilder::default;
    let mode = |mode: &str| change().transit_encryption_mode(TransitEncryptionMode::from(mode));
    let has = now.transit_encryption_mode.as_deref();
    let wanted = declared.transit_encryption_mode.as_deref();
    match (declared.transit_encryption_enabled, now.transit_encryption_enabled) {
        (Some(true), Some(false)) => {
            let first = mode("preferred").transit_encryption_enabled(true);
            std::iter::once(first).chain(wanted.filter(|wanted| *wanted != "preferred").map(mode)).collect()
        }
        (Some(false), Some(true)) => {
            let first = (has != Some("preferred")).then(|| mode("preferred"));
            first.into_iter().chain([change().transit_encryption_enabled(false)]).collect()
        }
        _ => wanted.filter(|_| wanted != has).map(mode).into_iter().collect(),
    }
}

/// No longer declared, it is the engine's default group again.
fn parameter_group(declared: &ReplicationGroup, live: &ReplicationGroup, now: &ReplicationGroup) -> Option<String> {
    let engine = declared.engine.as_deref().or(now.engine.as_deref()).unwrap_or("redis");
    let Some(version) = declared.engine_version.as_ref().or(now.engine_version.as_ref()) else {
        return set(&declared.cache_parameter_group_name, &now.cache_parameter_group_name);
    };
    let cluster = if now.cluster_mode.as_deref() == Some("enabled") { ".cluster.on" } else { "" };
    set_or(
        &declared.cache_parameter_group_name,
        &live.cache_parameter_group_name,
        &now.cache_parameter_group_name,
        format!("default.{}{cluster}", cache_family(engine, version)),
    )
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
        steps(declared, live, live).unwrap().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_is_the_same_needs_no_step() {
        assert!(!differs(&cache(), &live()));
    }

    #[test]
    fn replicas_come_before_failover_and_go_after_it() {
        let more = ReplicationGroup { num_cache_clusters: Some(3), automatic_failover_enabled: Some(true), ..cache() };
        assert_eq!(words(&more, &live()), ["change to 2 replicas", "change of properties"]);
        let live =
            ReplicationGroup { replicas_per_node_group: Some(2), automatic_failover_enabled: Some(true), ..live() };
        let off = steps(&cache(), &live, &live).unwrap();
        let words: Vec<_> = off.iter().map(ToString::to_string).collect();
        assert_eq!(words, ["change of properties", "change to 0 replicas", "change of properties"]);
        let mut now = live.clone();
        now.automatic_failover_enabled = Some(false);
        assert_eq!(steps(&cache(), &live, &now).unwrap(), [Step::Replicas { to: 0, more: false }]);
    }

    #[test]
    fn a_live_side_of_declared_properties_only_is_enough() {
        let live = ReplicationGroup { num_cache_clusters: Some(2), ..cache() };
        assert!(differs(&cache(), &live));
        assert!(!differs(&live, &live));
    }

    #[test]
    fn version_and_parameter_group_go_together() {
        let declared = ReplicationGroup {
            engine: Some("valkey".into()),
            engine_version: Some("8.0".into()),
            cache_node_type: Some("cache.t4g.small".into()),
            ..cache()
        };
        let steps = steps(&declared, &live(), &live()).unwrap();
        let [Step::Modify(changes)] = &steps[..] else { panic!("{steps:?}") };
        assert_eq!(changes.get_cache_parameter_group_name().as_deref(), Some("default.valkey8"));
        assert_eq!(changes.get_engine().as_deref(), Some("valkey"));
        assert_eq!(changes.get_cache_node_type().as_deref(), Some("cache.t4g.small"));
    }

    #[test]
    fn tls_comes_and_goes_in_two_steps() {
        let change = ModifyReplicationGroupInputBuilder::default;
        let preferred = || change().transit_encryption_mode(TransitEncryptionMode::Preferred);
        let required = || change().transit_encryption_mode(TransitEncryptionMode::Required);
        let without =
            ReplicationGroup { transit_encryption_enabled: Some(false), transit_encryption_mode: None, ..live() };
        assert_eq!(tls(&cache(), &without), [preferred().transit_encryption_enabled(true), required()]);
        let between = ReplicationGroup { transit_encryption_mode: Some("preferred".into()), ..live() };
        assert_eq!(tls(&cache(), &between), [required()]);
        let off = change().transit_encryption_enabled(false);
        assert_eq!(tls(&without, &live()), [preferred(), off.clone()]);
        assert_eq!(tls(&without, &between), [off]);
        assert!(tls(&cache(), &live()).is_empty());
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
        let [Step::Modify(changes)] = &steps[..] else { panic!("{steps:?}") };
        assert_eq!(changes.get_snapshot_retention_limit(), &Some(0));
        assert_eq!(changes.get_notification_topic_status().as_deref(), Some("inactive"));
        assert_eq!(changes.get_cache_parameter_group_name().as_deref(), Some("default.redis7"));
    }

    #[test]
    fn a_step_that_was_taken_is_not_taken_again() {
        let declared = ReplicationGroup { num_cache_clusters: Some(2), snapshot_retention_limit: Some(1), ..cache() };
        let mut now = live();
        now.replicas_per_node_group = Some(1);
        let left = steps(&declared, &live(), &now).unwrap();
        assert_eq!(left.iter().map(ToString::to_string).collect::<Vec<_>>(), ["change of properties"]);
    }

    #[test]
    fn a_password_is_rotated_and_cannot_be_taken_away() {
        let with = |token: &str| ReplicationGroup { auth_token: Some(token.into()), ..live() };
        let declared = ReplicationGroup { auth_token: Some("b".into()), ..cache() };
        assert_eq!(words(&declared, &with("a")), ["change of the password"]);
        assert_eq!(words(&declared, &live()), ["change of the password"], "there was none");
        assert!(words(&declared, &with("b")).is_empty());
        assert!(steps(&cache(), &with("a"), &with("a")).unwrap_err().message.contains("cannot take the password"));
    }
}
