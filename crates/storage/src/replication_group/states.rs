//! The states of a replication group, in words.

use aws_sdk_elasticache::types::{ReplicationGroup as SdkGroup, ReplicationGroupPendingModifiedValues};
use cloud::Readiness;

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

/// Whether deleting it leaves a final snapshot: see the rule in the module's documentation.
pub(super) fn leaves_snapshot(group: &SdkGroup) -> bool {
    let had_data = !matches!(group.status(), Some("creating" | "create-failed"));
    had_data && group.snapshot_retention_limit.unwrap_or(0) > 0
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_final_snapshot_is_left_where_there_are_snapshots() {
        assert!(leaves_snapshot(&group("available")));
        assert!(!leaves_snapshot(&group("creating")));
        assert!(!leaves_snapshot(&SdkGroup::builder().status("available").build()));
    }
}
