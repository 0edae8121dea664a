//! The states of an instance, in words:
//! <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/accessing-monitoring.html#Overview.DBInstance.Status>.

use aws_sdk_rds::types::{DbInstance as SdkInstance, PendingModifiedValues};
use cloud::{Context, Failure, Readiness};

use crate::final_snapshot::Wish;
use crate::rds;

/// States that pass into no other without a person's help.
const FAILED: &[(&str, &str)] = &[
    ("failed", "RDS could not recover it: restore it from a backup"),
    ("inaccessible-encryption-credentials", "RDS cannot use the KMS key of its storage"),
    (
        "inaccessible-encryption-credentials-recoverable",
        "RDS cannot use the KMS key of its storage: enable the key within 7 days",
    ),
    ("incompatible-create", "RDS could not create it with these properties"),
    ("incompatible-network", "a subnet has no free address, or the VPC lacks DNS: RDS cannot reach its network"),
    ("incompatible-option-group", "the option group does not fit the instance"),
    ("incompatible-parameters", "a parameter of its parameter group does not fit the instance class or the version"),
    ("incompatible-restore", "RDS could not restore it from that backup"),
    ("insufficient-capacity", "AWS has no instance of this class left in the zones of its subnets"),
    ("restore-error", "RDS could not restore it from that backup"),
    ("storage-full", "its storage is full: raise AllocatedStorage"),
    ("stopped", "it was stopped: start it (`aws rds start-db-instance`)"),
];

/// States in which it serves, though AWS is at work on it.
const SERVING: &[&str] = &["available", "storage-optimization", "storage-config-upgrade", "storage-initialization"];

/// States in which no final snapshot can be taken, or of which there would be nothing in it.
const NO_SNAPSHOT: &[&str] =
    &["creating", "failed", "incompatible-create", "incompatible-restore", "incompatible-network"];

/// Those of them in which there was never anything in it.
const NEVER_SERVED: &[&str] = &["creating", "incompatible-create"];

pub(super) fn readiness(instance: &SdkInstance) -> Readiness {
    let status = instance.db_instance_status().unwrap_or("not reported");
    if let Some((_, words)) = FAILED.iter().find(|(state, _)| *state == status) {
        return Readiness::Failed(format!("{status}: {words}"));
    }
    if is_going(instance) {
        return Readiness::Failed("it is being deleted".to_owned());
    }
    if !SERVING.contains(&status) {
        return Readiness::Pending(status.to_owned());
    }
    match pending(instance.pending_modified_values()) {
        waiting if waiting.is_empty() => Readiness::Ready,
        waiting => Readiness::Pending(format!("{status}, but not yet changed: {}", waiting.join(", "))),
    }
}

/// Changes that RDS has taken but not made: for some seconds after the call the state is still `available`.
fn pending(values: Option<&PendingModifiedValues>) -> Vec<&'static str> {
    let Some(values) = values else {
        return Vec::new();
    };
    let all = [
        ("DBInstanceClass", values.db_instance_class.is_some()),
        ("AllocatedStorage", values.allocated_storage.is_some()),
        ("MasterUserPassword", values.master_user_password.is_some()),
        ("Port", values.port.is_some()),
        ("BackupRetentionPeriod", values.backup_retention_period.is_some()),
        ("MultiAZ", values.multi_az.is_some()),
        ("EngineVersion", values.engine_version.is_some()),
        ("Iops", values.iops.is_some()),
        ("StorageThroughput", values.storage_throughput.is_some()),
        ("StorageType", values.storage_type.is_some()),
        ("DBSubnetGroupName", values.db_subnet_group_name.is_some()),
        ("EnableIAMDatabaseAuthentication", values.iam_database_authentication_enabled.is_some()),
        (
            "EnableCloudwatchLogsExports",
            values
                .pending_cloudwatch_logs_exports
                .as_ref()
                .is_some_and(|logs| !logs.log_types_to_enable().is_empty() || !logs.log_types_to_disable().is_empty()),
        ),
    ];
    all.into_iter().filter_map(|(name, waits)| waits.then_some(name)).collect()
}

/// Whether it is on its way out.
pub(super) fn is_going(instance: &SdkInstance) -> bool {
    instance.db_instance_status().is_some_and(|status| status.starts_with("delet"))
}

/// The name of the final snapshot that its deletion leaves, if any: see the rule in the module's documentation. A
/// failure where one is asked for, and RDS cannot make it.
pub(super) fn last_snapshot(instance: &SdkInstance, id: &str, cx: &Context) -> Result<Option<String>, Failure> {
    let given = |text: Option<&str>| text.is_some_and(|text| !text.is_empty());
    // The data are the cluster's, or the source's.
    if given(instance.db_cluster_identifier()) || given(instance.read_replica_source_db_instance_identifier()) {
        return Ok(None);
    }
    let wish = Wish::of(rds::pairs(instance.tag_list()));
    let name = wish.name(id, instance.backup_retention_period.unwrap_or(0) > 0, cx);
    let status = instance.db_instance_status().unwrap_or_default();
    if name.is_none() || !NO_SNAPSHOT.contains(&status) {
        return Ok(name);
    }
    // RDS tells a time only of what was once available.
    let is_empty = instance.instance_create_time().is_none() || NEVER_SERVED.contains(&status);
    if is_empty || wish == Wish::Unsaid {
        return Ok(None);
    }
    let message = format!("the database {id} is {status}: RDS can make no final snapshot of it, and one is asked for");
    let hint = format!(
        "its data are in its backups only; to delete it without: write `final-snapshot = false` and deploy, or \
         aws rds delete-db-instance --skip-final-snapshot --db-instance-identifier {id}"
    );
    Err(Failure::invalid(message).hint(hint))
}

#[cfg(test)]
mod tests {
    use aws_sdk_rds::primitives::DateTime;
    use aws_sdk_rds::types::Tag;
    use aws_sdk_rds::types::builders::DbInstanceBuilder;

    use super::*;
    use crate::final_snapshot::SNAPSHOT_TAG;
    use crate::named::tests::context;

    fn instance(status: &str) -> SdkInstance {
        SdkInstance::builder().db_instance_status(status).backup_retention_period(7).build()
    }

    #[test]
    fn states_are_told_apart() {
        for ready in ["available", "storage-optimization"] {
            assert_eq!(readiness(&instance(ready)), Readiness::Ready);
        }
        for pending in ["creating", "backing-up", "modifying", "configuring-log-exports", "upgrading"] {
            assert_eq!(readiness(&instance(pending)), Readiness::Pending(pending.to_owned()));
        }
        for (failed, _) in FAILED {
            assert!(matches!(readiness(&instance(failed)), Readiness::Failed(_)), "{failed}");
        }
        let full = Readiness::Failed("storage-full: its storage is full: raise AllocatedStorage".to_owned());
        assert_eq!(readiness(&instance("storage-full")), full);
        assert_eq!(readiness(&instance("deleting")), Readiness::Failed("it is being deleted".to_owned()));
    }

    #[test]
    fn available_with_pending_changes_is_not_ready() {
        let pending = PendingModifiedValues::builder().db_instance_class("db.t3.medium").multi_az(true).build();
        let waiting = SdkInstance::builder().db_instance_status("available").pending_modified_values(pending).build();
        let words = "available, but not yet changed: DBInstanceClass, MultiAZ";
        assert_eq!(readiness(&waiting), Readiness::Pending(words.to_owned()));
        let none = PendingModifiedValues::builder().build();
        let done = SdkInstance::builder().db_instance_status("available").pending_modified_values(none).build();
        assert_eq!(readiness(&done), Readiness::Ready);
    }

    fn tagged(status: &str, wish: &str) -> DbInstanceBuilder {
        let tag = Tag::builder().key(SNAPSHOT_TAG).value(wish).build();
        SdkInstance::builder().db_instance_status(status).tag_list(tag)
    }

    #[test]
    fn a_final_snapshot_is_left_where_it_is_asked_for_or_there_are_backups() {
        let made = Some("db-final-12345678");
        let without = || SdkInstance::builder().db_instance_status("available").backup_retention_period(0);
        let backups = |builder: DbInstanceBuilder| builder.backup_retention_period(7);
        let cases = [
            (instance("available"), made),
            (without().build(), None),
            (tagged("available", "true").build(), made),
            (tagged("storage-full", "true").build(), made),
            (backups(tagged("available", "false")).build(), None),
            (tagged("available", "last").build(), Some("last")),
            (backups(without().db_cluster_identifier("cluster")).build(), None),
            (tagged("available", "true").read_replica_source_db_instance_identifier("source").build(), None),
            (tagged("creating", "true").build(), None),
            (tagged("incompatible-network", "true").build(), None),
        ];
        for (instance, expected) in cases {
            assert_eq!(last_snapshot(&instance, "db", &context()).unwrap().as_deref(), expected, "{instance:?}");
        }
        for state in NO_SNAPSHOT {
            assert_eq!(last_snapshot(&instance(state), "db", &context()).unwrap(), None, "{state}");
        }
    }

    #[test]
    fn a_snapshot_that_is_asked_for_and_cannot_be_made_is_no_reason_to_lose_the_data() {
        let served = tagged("failed", "true").instance_create_time(DateTime::from_secs(1_700_000_000)).build();
        let failure = last_snapshot(&served, "db", &context()).unwrap_err();
        assert!(failure.message.contains("is failed") && failure.hint.unwrap().contains("final-snapshot = false"));
    }
}
