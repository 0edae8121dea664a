//! `[storage.postgres.NAME]`: an RDS instance with its subnet group and parameter group.

use cloud::{Handle, Stack, dynamic};
use schema::limits;

use super::check::Check;
use super::{Inputs, StoreOutput, physical, security_group};
use crate::db_instance::DbInstance;
use crate::db_parameter_group::DbParameterGroup;
use crate::db_subnet_group::DbSubnetGroup;
use crate::final_snapshot;
use crate::parameters::{Parameters, db_family, major, numbers};
use crate::settings::{Postgres, StorageType};

const ENGINE: &str = "postgres";
const FORCE_TLS: &str = "rds.force_ssl";

pub(super) fn declare(name: &str, settings: &Postgres, inputs: &Inputs, stack: &mut Stack) -> StoreOutput {
    let key = format!("storage.postgres.{name}");
    stack.section(&key);
    let physical = physical(&inputs.prefix, "postgres", "main", name);
    check(settings, &physical, inputs, &mut Check { key: key.clone(), stack });

    let subnets = stack.add(
        format!("{key}.subnet-group"),
        DbSubnetGroup {
            db_subnet_group_name: Some(physical.clone()),
            db_subnet_group_description: Some(format!("Subnets of the database {physical}")),
            subnet_ids: Some(inputs.subnet_ids.clone()),
            tags: None,
        },
    );
    let parameters = parameter_group(&key, &physical, settings, stack);
    let database = stack.add(key.as_str(), instance(name, &physical, settings, inputs, &subnets, parameters.as_ref()));
    if settings.max_storage.is_some() {
        stack.owned(&database, "AllocatedStorage", "RDS storage autoscaling");
    }
    if settings.protected {
        stack.protect(&database);
    }
    let host = database.get("Endpoint.Address");
    StoreOutput {
        engine: ENGINE,
        name: physical,
        identifier: database.id(),
        reader_host: host.clone(),
        host,
        port: settings.port,
        tls: settings.force_tls,
        database: settings.database.clone().unwrap_or_else(|| ENGINE.to_owned()),
        username: Some(settings.username.clone()),
        credentials: Some(settings.credentials.clone()),
        class: settings.class.clone(),
        storage: Some(settings.storage),
        nodes: Vec::new(),
        handle: database,
    }
}

fn parameter_group(key: &str, physical: &str, settings: &Postgres, stack: &mut Stack) -> Option<Handle> {
    let mut parameters: Parameters =
        settings.parameters.iter().map(|(name, value)| (name.clone(), value.text())).collect();
    if settings.force_tls {
        parameters.entry(FORCE_TLS.to_owned()).or_insert_with(|| "1".to_owned());
    }
    if parameters.is_empty() {
        return None;
    }
    let major = major(ENGINE, &settings.version);
    // The family cannot change, so a new major version has a group of a new name beside the old one.
    let group = DbParameterGroup {
        db_parameter_group_name: Some(format!("{physical}-{}", major.replace('.', "-"))),
        description: Some(format!("Parameters of the database {physical}, PostgreSQL {major}")),
        family: Some(db_family(ENGINE, &settings.version)),
        parameters: Some(parameters),
        tags: None,
    };
    Some(stack.add(format!("{key}.parameter-group"), group))
}

fn instance(
    name: &str,
    physical: &str,
    settings: &Postgres,
    inputs: &Inputs,
    subnets: &Handle,
    parameters: Option<&Handle>,
) -> DbInstance {
    let secret = inputs.secrets.get(&settings.credentials);
    let mut exports = settings.log_exports.clone();
    exports.sort();
    DbInstance {
        allocated_storage: Some(settings.storage.to_string()),
        allow_major_version_upgrade: settings.major_upgrades.then_some(true),
        auto_minor_version_upgrade: Some(settings.minor_upgrades),
        backup_retention_period: i32::try_from(settings.backups).ok(),
        ca_certificate_identifier: settings.certificate_authority.clone(),
        copy_tags_to_snapshot: Some(true),
        db_instance_class: Some(settings.class.clone()),
        db_instance_identifier: Some(physical.to_owned()),
        db_name: settings.database.clone(),
        db_parameter_group_name: parameters.map(Handle::id),
        db_subnet_group_name: Some(subnets.id()),
        deletion_protection: Some(settings.protected),
        enable_cloudwatch_logs_exports: Some(exports),
        enable_iam_database_authentication: Some(settings.iam_authentication),
        enable_performance_insights: Some(settings.performance_insights),
        engine: Some(ENGINE.to_owned()),
        engine_version: Some(settings.version.clone()),
        iops: settings.iops.and_then(|iops| i32::try_from(iops).ok()),
        master_user_password: secret.map(|secret| dynamic::secret_reference(secret, "password")),
        master_username: Some(settings.username.clone()),
        max_allocated_storage: settings.max_storage.and_then(|size| i32::try_from(size).ok()),
        multi_az: Some(settings.multi_az),
        performance_insights_retention_period: settings.performance_insights.then_some(7),
        port: Some(settings.port.to_string()),
        preferred_backup_window: settings.backup_window.clone(),
        // RDS keeps it in lower case.
        preferred_maintenance_window: settings.maintenance_window.as_ref().map(|window| window.to_ascii_lowercase()),
        publicly_accessible: Some(settings.public),
        storage_encrypted: Some(true),
        storage_type: Some(settings.storage_type.name().to_owned()),
        tags: final_snapshot::tags(&settings.final_snapshot, settings.protected, settings.keep_backups),
        vpc_security_groups: security_group(&format!("postgres.{name}"), inputs),
        ..DbInstance::default()
    }
}

/// Names that PostgreSQL on RDS keeps for itself.
const RESERVED_USERS: &[&str] =
    &["admin", "rdsadmin", "rds_superuser", "rds_replication", "rdsrepladmin", "rds_iam", "user"];
const LOGS: &[&str] = &["postgresql", "upgrade", "iam-db-auth-error"];

fn check(settings: &Postgres, physical: &str, inputs: &Inputs, check: &mut Check<'_>) {
    check.name(physical, 63);
    check.subnets(inputs, 2);
    check.secret(&settings.credentials, inputs);
    version(settings, check);
    let classes = limits::db_instance_classes(ENGINE, check.stack.region());
    check.one_of("instance-class", "class", "instance class for PostgreSQL", &settings.class, classes);
    storage(settings, check);
    check.within("backups", "backups", settings.backups, 0, 35, " days");
    check.final_snapshot(&settings.final_snapshot);
    check.windows(("backup-window", &settings.backup_window), &settings.maintenance_window, 30);
    check.within("port", "port", u32::from(settings.port), 1150, 65535, "");
    for (at, log) in settings.log_exports.iter().enumerate() {
        if !LOGS.contains(&log.as_str()) {
            let message = format!("PostgreSQL has no log `{log}`");
            check.error("log-export", &format!("log-exports.{at}"), message, format!("one of: {}", LOGS.join(", ")));
        }
    }
    if RESERVED_USERS.contains(&settings.username.as_str()) {
        let message = format!("the user name `{}` is reserved", settings.username);
        check.error("username", "username", message, "another one, such as `postgres`");
    } else if !is_identifier(&settings.username) {
        let message = format!("`{}` is no user name", settings.username);
        check.error("username", "username", message, "letters, digits and `_`; the first is a letter; at most 63");
    }
    if let Some(database) = settings.database.as_ref().filter(|database| !is_identifier(database)) {
        let message = format!("`{database}` is no database name");
        check.error("database-name", "database", message, "letters, digits and `_`; the first is a letter; at most 63");
    }
    if settings.force_tls && settings.parameters.get(FORCE_TLS).is_some_and(|value| value.text() != "1") {
        let message = format!("`force-tls` is on, and the parameter `{FORCE_TLS}` is not");
        check.error("force-tls", &format!("parameters.{FORCE_TLS}"), message, "leave the parameter away");
    }
}

fn version(settings: &Postgres, check: &mut Check<'_>) {
    let wanted = settings.version.as_str();
    let Some(known) = limits::db_engine_versions(ENGINE) else {
        return;
    };
    // Patched builds (`13.23-rds.20260224`) are no choice for a new database.
    let known: Vec<String> = known.iter().filter(|version| !version.contains('-')).cloned().collect();
    let is_old = |version: &str| limits::db_engine_versions_deprecated(ENGINE).iter().any(|old| old == version);
    let wanted_major = major(ENGINE, wanted);
    let newest = known.iter().rfind(|version| version.contains('.') && major(ENGINE, version) == wanted_major);
    if numbers(wanted).len() < 2 {
        let hint = newest.map_or("such as `15.10`".to_owned(), |newest| format!("write `{newest}`"));
        check.error("engine-version", "version", format!("`{wanted}` has no minor version"), hint);
    } else if !known.iter().any(|version| version == wanted) {
        let hint = match newest {
            Some(newest) => format!("the newest {wanted_major} is `{newest}`"),
            None => format!("the newest is `{}`", known.last().map(String::as_str).unwrap_or_default()),
        };
        check.error("engine-version", "version", format!("there is no PostgreSQL `{wanted}` on RDS"), hint);
    } else if is_old(wanted) {
        let message =
            format!("PostgreSQL {wanted} is deprecated: a database that runs it goes on, a new one AWS may refuse");
        let hint = newest.filter(|newest| !is_old(newest)).map_or_else(
            || "a newer major version".to_owned(),
            |newest| format!("the newest {wanted_major} is `{newest}`"),
        );
        check.warning("engine-version-deprecated", "version", message, hint);
    }
}

fn storage(settings: &Postgres, check: &mut Check<'_>) {
    let kind = settings.storage_type;
    let least = match kind {
        StorageType::Gp2 | StorageType::Gp3 => 20,
        StorageType::Io1 | StorageType::Io2 => 100,
    };
    if !(least..=65536).contains(&settings.storage) {
        let message = format!("the storage is {} GiB", settings.storage);
        check.error("storage-size", "storage", message, format!("{} takes {least} to 65536 GiB", kind.name()));
    }
    // RDS wants room to grow of a tenth at least.
    let least_most = settings.storage + settings.storage.div_ceil(10);
    if settings.max_storage.is_some_and(|most| most < least_most) {
        let message = format!("`max-storage` leaves no room to grow beyond {} GiB", settings.storage);
        check.error("storage-size", "max-storage", message, format!("{least_most} GiB or more, or leave it away"));
    }
    match (kind, settings.iops) {
        (StorageType::Io1 | StorageType::Io2, None) => {
            let message = format!("{} storage needs `iops`", kind.name());
            check.error("storage-iops", "storage-type", message, "such as `iops = 3000`");
        }
        (StorageType::Gp2, Some(_)) => {
            let message = "gp2 storage has no `iops`: they follow its size".to_owned();
            check.error("storage-iops", "iops", message, "leave it away, or `storage-type = \"gp3\"`");
        }
        (StorageType::Gp3, Some(_)) if settings.storage < 400 => {
            let message =
                "gp3 storage below 400 GiB has 3000 I/O operations per second, neither more nor less".to_owned();
            check.error("storage-iops", "iops", message, "leave it away");
        }
        (StorageType::Gp3, Some(iops)) => check.within("storage-iops", "iops", iops, 12_000, 64_000, ""),
        (_, Some(iops)) => check.within("storage-iops", "iops", iops, 1000, 256_000, ""),
        (_, None) => {}
    }
}

fn is_identifier(text: &str) -> bool {
    text.len() <= 63
        && text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests;
