//! The states of a replication group, in words.

use aws_sdk_elasticache::types::{ReplicationGroup as SdkGroup, ReplicationGroupPendingModifiedValues, Tag};
use cloud::{Context, Readiness};

use crate::elasticache;
use crate::final_snapshot::Wish;

pub(super) fn readiness(group: &SdkGroup) -> Readiness {
    match group.status().unwrap_or("not reported") {
        "available" => match pending(group.pending_modified_values()) {
            waiting if waiting.is_empty() => Readiness::Ready,
            waiting => Readiness::Pending(format!("available, but not yet changed: {}", waiting.join(", "))),
        },
        // It serves while a snapshot is taken.
        "snapshotting" => Readiness::Ready,
        "create-failed" => Readiness::Failed(
            "create-failed: ElastiCache could not make its nodes; the events of the cache say why".to_owned(),
        ),
        "deleting" => Readiness::Failed("it is being deleted".to_owned()),
        other => Readiness::Pending(other.to_owned()),
    }
}

fn pending(values: Option<&ReplicationGroupPendingModifiedValues>) -> Vec<&'static str> {
    let Some(values) = values else {
        return Vec::new();
    };
    let all = [
        ("AutomaticFailoverEnabled", values.automatic_failover_status.is_some()),
        ("NumNodeGroups", values.resharding.is_some()),
        ("AuthToken", values.auth_token_status.is_some()),
        ("UserGroupIds", values.user_groups.is_some()),
        ("LogDeliveryConfigurations", !values.log_delivery_configurations().is_empty()),
        ("TransitEncryptionEnabled", values.transit_encryption_enabled.is_some()),
        ("TransitEncryptionMode", values.transit_encryption_mode.is_some()),
        ("ClusterMode", values.cluster_mode.is_some()),
    ];
    all.into_iter().filter_map(|(name, waits)| waits.then_some(name)).collect()
}

/// Whether it is on its way out.
pub(super) fn is_going(group: &SdkGroup) -> bool {
    group.status() == Some("deleting")
}

/// The name of the final snapshot that its deletion leaves, if any: see the rule in the module's documentation.
pub(super) fn last_snapshot(group: &SdkGroup, tags: &[Tag], id: &str, cx: &Context) -> Option<String> {
    let had_data = !matches!(group.status(), Some("creating" | "create-failed"));
    let wish = Wish::of(elasticache::pairs(tags));
    wish.name(id, group.snapshot_retention_limit.unwrap_or(0) > 0, cx).filter(|_| had_data)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::final_snapshot::SNAPSHOT_TAG;
    use crate::named::tests::context;

    fn group(status: &str) -> SdkGroup {
        SdkGroup::builder().status(status).snapshot_retention_limit(1).build()
    }

    #[test]
    fn states_are_told_apart() {
        assert_eq!(readiness(&group("available")), Readiness::Ready);
        assert_eq!(readiness(&group("snapshotting")), Readiness::Ready);
        assert_eq!(readiness(&group("creating")), Readiness::Pending("creating".to_owned()));
        assert_eq!(readiness(&group("modifying")), Readiness::Pending("modifying".to_owned()));
        assert!(matches!(readiness(&group("create-failed")), Readiness::Failed(_)));
        assert!(matches!(readiness(&group("deleting")), Readiness::Failed(_)));
        let values = ReplicationGroupPendingModifiedValues::builder().transit_encryption_enabled(true).build();
        let waiting = SdkGroup::builder().status("available").pending_modified_values(values).build();
        let words = "available, but not yet changed: TransitEncryptionEnabled";
        assert_eq!(readiness(&waiting), Readiness::Pending(words.to_owned()));
    }

    #[test]
    fn a_final_snapshot_is_left_where_it_is_asked_for_or_there_are_snapshots() {
        let tag = |value: &str| Tag::builder().key(SNAPSHOT_TAG).value(value).build();
        let none = SdkGroup::builder().status("available").build();
        let made = Some("cache-final-12345678");
        let cases: [(&SdkGroup, Vec<Tag>, Option<&str>); 6] = [
            (&group("available"), vec![], made),
            (&group("creating"), vec![], None),
            (&none, vec![], None),
            (&none, vec![tag("true")], made),
            (&group("available"), vec![tag("false")], None),
            (&none, vec![tag("last")], Some("last")),
        ];
        for (group, tags, expected) in cases {
            assert_eq!(last_snapshot(group, &tags, "cache", &context()).as_deref(), expected, "{tags:?}");
        }
    }
}
