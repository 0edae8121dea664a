//! What `ModifyDBInstance` is told so that a live instance becomes the declared one.

use std::collections::BTreeSet;

use aws_sdk_rds::operation::modify_db_instance::builders::ModifyDbInstanceInputBuilder;
use aws_sdk_rds::types::{CloudwatchLogsExportConfiguration, DatabaseInsightsMode};
use cloud::Failure;

use super::{DbInstance, whole};
use crate::parameters::{db_family, major, numbers};

/// The value to set, where it is declared and is not so.
fn set<T: Clone + PartialEq>(declared: &Option<T>, live: &Option<T>) -> Option<T> {
    declared.clone().filter(|_| declared != live)
}

/// The same; and AWS's default where it is no longer declared.
fn set_or<T: Clone + PartialEq>(declared: &Option<T>, live: &Option<T>, default: T) -> Option<T> {
    let wanted = declared.clone().or_else(|| live.as_ref().map(|_| default));
    wanted.filter(|wanted| live.as_ref() != Some(wanted))
}

/// The call without the instance's name, and whether it changes anything. The password is not in it.
pub(super) fn changes(
    declared: &DbInstance,
    live: &DbInstance,
) -> Result<(ModifyDbInstanceInputBuilder, bool), Failure> {
    let nothing = ModifyDbInstanceInputBuilder::default();
    let version = engine_version(declared, live)?;
    let upgrades_major = match (&version, &live.engine_version) {
        (Some(new), Some(old)) => is_major_change(declared, new, old),
        _ => false,
    };
    let storage = allocated_storage(declared, live)?;
    let storage_type = set(&declared.storage_type, &live.storage_type);
    // A new kind of disk may need the I/O rate in the same call.
    let iops = if storage_type.is_some() { declared.iops } else { set(&declared.iops, &live.iops) };
    let monitoring = set_or(&declared.monitoring_interval, &live.monitoring_interval, 0);
    let monitoring_role = set(&declared.monitoring_role_arn, &live.monitoring_role_arn);
    let monitors = monitoring.is_some() || monitoring_role.is_some();
    let insights = set_or(&declared.enable_performance_insights, &live.enable_performance_insights, false);
    let insights_key = set(&declared.performance_insights_kms_key_id, &live.performance_insights_kms_key_id);
    let insights_on = declared.enable_performance_insights == Some(true);
    let secret_key = |of: &DbInstance| of.master_user_secret.as_ref().and_then(|secret| secret.kms_key_id.clone());
    let changes = nothing
        .clone()
        .set_allocated_storage(storage)
        .set_auto_minor_version_upgrade(set_or(
            &declared.auto_minor_version_upgrade,
            &live.auto_minor_version_upgrade,
            true,
        ))
        .set_backup_retention_period(set_or(&declared.backup_retention_period, &live.backup_retention_period, 1))
        .set_ca_certificate_identifier(set(&declared.ca_certificate_identifier, &live.ca_certificate_identifier))
        .set_copy_tags_to_snapshot(set_or(&declared.copy_tags_to_snapshot, &live.copy_tags_to_snapshot, false))
        .set_db_instance_class(set(&declared.db_instance_class, &live.db_instance_class))
        .set_db_parameter_group_name(parameter_group(declared, live))
        .set_database_insights_mode(
            set(&declared.database_insights_mode, &live.database_insights_mode)
                .map(|mode| DatabaseInsightsMode::from(mode.as_str())),
        )
        .set_dedicated_log_volume(set_or(&declared.dedicated_log_volume, &live.dedicated_log_volume, false))
        .set_deletion_protection(set_or(&declared.deletion_protection, &live.deletion_protection, false))
        .set_cloudwatch_logs_export_configuration(log_exports(declared, live))
        .set_enable_iam_database_authentication(set_or(
            &declared.enable_iam_database_authentication,
            &live.enable_iam_database_authentication,
            false,
        ))
        .set_enable_performance_insights(insights)
        .set_engine_version(version)
        .set_iops(iops)
        .set_license_model(set(&declared.license_model, &live.license_model))
        .set_manage_master_user_password(set_or(
            &declared.manage_master_user_password,
            &live.manage_master_user_password,
            false,
        ))
        .set_master_user_secret_kms_key_id(set(&secret_key(declared), &secret_key(live)))
        .set_max_allocated_storage(max_allocated_storage(declared, live)?)
        .set_monitoring_interval(declared.monitoring_interval.or(monitoring).filter(|_| monitors))
        .set_monitoring_role_arn(declared.monitoring_role_arn.clone().filter(|_| monitors))
        .set_multi_az(set_or(&declared.multi_az, &live.multi_az, false))
        .set_network_type(set(&declared.network_type, &live.network_type))
        .set_option_group_name(set(&declared.option_group_name, &live.option_group_name))
        .set_performance_insights_kms_key_id(insights_key.filter(|_| insights_on))
        .set_performance_insights_retention_period(
            set(&declared.performance_insights_retention_period, &live.performance_insights_retention_period)
                .filter(|_| insights_on),
        )
        .set_db_port_number(whole("Port", &set(&declared.port, &live.port))?)
        .set_preferred_backup_window(set(&declared.preferred_backup_window, &live.preferred_backup_window))
        .set_preferred_maintenance_window(set(
            &declared.preferred_maintenance_window,
            &live.preferred_maintenance_window,
        ))
        .set_promotion_tier(set(&declared.promotion_tier, &live.promotion_tier))
        .set_publicly_accessible(set(&declared.publicly_accessible, &live.publicly_accessible))
        .set_storage_throughput(set(&declared.storage_throughput, &live.storage_throughput))
        .set_storage_type(storage_type)
        .set_vpc_security_group_ids(security_groups(declared, live));
    let differs = changes != nothing;
    let changes = if upgrades_major { changes.allow_major_version_upgrade(true) } else { changes };
    Ok((changes, differs))
}

/// The password is never reported; the engine puts the reference that was last applied in the live side's place.
pub(super) fn password_differs(declared: &DbInstance, live: &DbInstance) -> bool {
    declared.master_user_password != live.master_user_password && declared.manage_master_user_password != Some(true)
}

fn allocated_storage(declared: &DbInstance, live: &DbInstance) -> Result<Option<i32>, Failure> {
    let wanted = whole("AllocatedStorage", &declared.allocated_storage)?;
    match (wanted, whole("AllocatedStorage", &live.allocated_storage)?) {
        (Some(wanted), Some(has)) if wanted < has => {
            // Storage autoscaling grew it: that is what it is for.
            if declared.max_allocated_storage.is_some() {
                return Ok(None);
            }
            let message = format!("the storage is {has} GiB and cannot shrink to {wanted} GiB");
            let hint = format!("write {has} GiB or more; for a smaller disk, restore a dump into a new database");
            Err(Failure::invalid(message).hint(hint))
        }
        (wanted, has) => Ok(wanted.filter(|_| wanted != has)),
    }
}

/// Autoscaling is turned off by a maximum that is the size itself.
fn max_allocated_storage(declared: &DbInstance, live: &DbInstance) -> Result<Option<i32>, Failure> {
    match (declared.max_allocated_storage, live.max_allocated_storage) {
        (None, Some(_)) => whole("AllocatedStorage", &live.allocated_storage),
        (wanted, has) => Ok(wanted.filter(|_| wanted != has)),
    }
}

fn engine_version(declared: &DbInstance, live: &DbInstance) -> Result<Option<String>, Failure> {
    let (Some(wanted), Some(has)) = (&declared.engine_version, &live.engine_version) else {
        return Ok(declared.engine_version.clone());
    };
    // `15` is any 15.x.
    if has == wanted || has.strip_prefix(wanted.as_str()).is_some_and(|rest| rest.starts_with('.')) {
        return Ok(None);
    }
    let is_major = is_major_change(declared, wanted, has);
    if numbers(wanted) < numbers(has) {
        if !is_major && declared.auto_minor_version_upgrade == Some(true) {
            return Ok(None);
        }
        let message = format!("the database runs {has} and cannot go back to {wanted}");
        return Err(Failure::invalid(message).hint(format!("write version {has}")));
    }
    if is_major && declared.allow_major_version_upgrade != Some(true) {
        let message = format!("{has} to {wanted} is an upgrade of the major version, which cannot be undone");
        let hint = "take a snapshot, then allow it: `major-upgrades = true` (AllowMajorVersionUpgrade)";
        return Err(Failure::invalid(message).hint(hint));
    }
    Ok(Some(wanted.clone()))
}

fn is_major_change(declared: &DbInstance, wanted: &str, has: &str) -> bool {
    let engine = declared.engine.as_deref().unwrap_or_default();
    major(engine, wanted) != major(engine, has)
}

/// No longer declared, it is the engine's default group again.
fn parameter_group(declared: &DbInstance, live: &DbInstance) -> Option<String> {
    let version = declared.engine_version.as_ref().or(live.engine_version.as_ref());
    let default = match (declared.engine.as_ref().or(live.engine.as_ref()), version) {
        (Some(engine), Some(version)) => Some(format!("default.{}", db_family(engine, version))),
        _ => None,
    };
    match default {
        Some(default) => set_or(&declared.db_parameter_group_name, &live.db_parameter_group_name, default),
        None => set(&declared.db_parameter_group_name, &live.db_parameter_group_name),
    }
}

fn log_exports(declared: &DbInstance, live: &DbInstance) -> Option<CloudwatchLogsExportConfiguration> {
    let of = |instance: &DbInstance| -> BTreeSet<String> {
        instance.enable_cloudwatch_logs_exports.iter().flatten().cloned().collect()
    };
    let (wanted, has) = (of(declared), of(live));
    let list = |items: Vec<String>| (!items.is_empty()).then_some(items);
    let enable = list(wanted.difference(&has).cloned().collect());
    let disable = list(has.difference(&wanted).cloned().collect());
    (enable.is_some() || disable.is_some()).then(|| {
        CloudwatchLogsExportConfiguration::builder().set_enable_log_types(enable).set_disable_log_types(disable).build()
    })
}

fn security_groups(declared: &DbInstance, live: &DbInstance) -> Option<Vec<String>> {
    let wanted = declared.vpc_security_groups.as_ref()?;
    let of = |groups: &[String]| groups.iter().cloned().collect::<BTreeSet<_>>();
    let same = of(wanted) == of(live.vpc_security_groups.as_deref().unwrap_or_default());
    (!same).then(|| wanted.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database() -> DbInstance {
        DbInstance {
            allocated_storage: Some("20".into()),
            db_instance_class: Some("db.t3.small".into()),
            engine: Some("postgres".into()),
            engine_version: Some("15.10".into()),
            db_parameter_group_name: Some("pg15".into()),
            multi_az: Some(false),
            storage_type: Some("gp3".into()),
            vpc_security_groups: Some(vec!["sg-a".into(), "sg-b".into()]),
            ..DbInstance::default()
        }
    }

    fn with(change: impl FnOnce(&mut DbInstance)) -> DbInstance {
        let mut instance = database();
        change(&mut instance);
        instance
    }

    #[test]
    fn what_is_the_same_is_not_sent() {
        let live = with(|live| {
            live.vpc_security_groups = Some(vec!["sg-b".into(), "sg-a".into()]);
            live.publicly_accessible = Some(false);
        });
        assert!(!changes(&database(), &live).unwrap().1);
    }

    #[test]
    fn only_what_differs_is_sent() {
        let declared = with(|declared| {
            declared.db_instance_class = Some("db.t3.medium".into());
            declared.multi_az = Some(true);
            declared.enable_cloudwatch_logs_exports = Some(vec!["postgresql".into()]);
        });
        let live = with(|live| live.enable_cloudwatch_logs_exports = Some(vec!["upgrade".into()]));
        let exports = CloudwatchLogsExportConfiguration::builder()
            .enable_log_types("postgresql")
            .disable_log_types("upgrade")
            .build();
        let expected = ModifyDbInstanceInputBuilder::default()
            .db_instance_class("db.t3.medium")
            .multi_az(true)
            .cloudwatch_logs_export_configuration(exports);
        assert_eq!(changes(&declared, &live).unwrap(), (expected, true));
    }

    #[test]
    fn what_is_no_longer_declared_is_as_aws_has_it() {
        let live = with(|live| {
            live.deletion_protection = Some(true);
            live.max_allocated_storage = Some(100);
            live.monitoring_interval = Some(60);
            live.backup_retention_period = Some(7);
        });
        let declared = with(|declared| declared.db_parameter_group_name = None);
        let expected = ModifyDbInstanceInputBuilder::default()
            .deletion_protection(false)
            .max_allocated_storage(20)
            .monitoring_interval(0)
            .backup_retention_period(1)
            .db_parameter_group_name("default.postgres15");
        assert_eq!(changes(&declared, &live).unwrap(), (expected, true));
    }

    #[test]
    fn storage_grows_and_never_shrinks() {
        let size = |size: &str| with(|instance| instance.allocated_storage = Some(size.into()));
        assert_eq!(allocated_storage(&size("30"), &size("20")).unwrap(), Some(30));
        assert_eq!(allocated_storage(&size("20"), &size("20")).unwrap(), None);
        let failure = allocated_storage(&size("20"), &size("30")).unwrap_err();
        assert_eq!(failure.message, "the storage is 30 GiB and cannot shrink to 20 GiB");
        let mut scaled = size("20");
        scaled.max_allocated_storage = Some(100);
        assert_eq!(allocated_storage(&scaled, &size("30")).unwrap(), None);
    }

    #[test]
    fn versions_go_up_and_major_ones_with_consent() {
        let version = |version: &str| with(|instance| instance.engine_version = Some(version.into()));
        let of = |wanted: &DbInstance, has: &str| engine_version(wanted, &version(has));
        assert_eq!(of(&version("15.12"), "15.10").unwrap(), Some("15.12".into()));
        assert_eq!(of(&version("15.10"), "15.9").unwrap(), Some("15.10".into()), "10 is more than 9");
        assert_eq!(of(&version("15"), "15.10").unwrap(), None);
        let back = of(&version("15.10"), "15.12").unwrap_err();
        assert_eq!(back.message, "the database runs 15.12 and cannot go back to 15.10");
        assert_eq!(back.hint.as_deref(), Some("write version 15.12"));
        let mut automatic = version("15.10");
        automatic.auto_minor_version_upgrade = Some(true);
        assert_eq!(of(&automatic, "15.12").unwrap(), None);
        assert!(of(&version("16.4"), "15.10").unwrap_err().message.contains("major version"));
        let mut allowed = version("16.4");
        allowed.allow_major_version_upgrade = Some(true);
        let (call, differs) = changes(&allowed, &version("15.10")).unwrap();
        assert_eq!(call.get_allow_major_version_upgrade(), &Some(true));
        assert!(differs);
    }

    #[test]
    fn a_new_kind_of_disk_takes_its_rate_along() {
        let declared = with(|declared| {
            declared.storage_type = Some("io1".into());
            declared.iops = Some(3000);
        });
        let live = with(|live| live.iops = Some(3000));
        assert_eq!(changes(&declared, &live).unwrap().0.get_iops(), &Some(3000));
    }

    #[test]
    fn the_password_is_sent_when_its_reference_changed() {
        let reference = |key: &str| with(|instance| instance.master_user_password = Some(key.into()));
        assert!(!password_differs(&reference("a"), &reference("a")));
        assert!(password_differs(&reference("a"), &reference("b")));
        assert!(!password_differs(&database(), &database()));
    }
}
