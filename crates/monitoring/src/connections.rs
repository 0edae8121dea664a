//! How many connections a database instance takes: AWS's own formulas over the memory of its class.
//!
//! Sources: Amazon RDS User Guide, "Maximum number of database connections" and "Hardware specifications for DB
//! instance classes".

/// What an instance class family gives per vCPU, in GiB; sizes count the vCPUs.
const GIB_PER_VCPU: &[(f64, &[&str])] = &[
    (2.0, &["c6gd"]),
    (
        4.0,
        &[
            "m4", "m5", "m5d", "m6g", "m6gd", "m6i", "m6id", "m6in", "m6idn", "m7g", "m7gd", "m7i", "m8a", "m8g",
            "m8gd", "m9g",
        ],
    ),
    (7.625, &["r4"]),
    (
        8.0,
        &[
            "r5", "r5b", "r5d", "r6g", "r6gd", "r6i", "r6id", "r6in", "r6idn", "r7g", "r7gd", "r7i", "r8a", "r8g",
            "r8gd", "z1d",
        ],
    ),
    (15.25, &["x1"]),
    (16.0, &["x2g", "x2idn"]),
    (30.5, &["x1e"]),
    (32.0, &["x2iedn", "x2iezn"]),
];

/// Burstable classes, in GiB by size.
const BURSTABLE: &[(&str, f64)] =
    &[("micro", 1.0), ("small", 2.0), ("medium", 4.0), ("large", 8.0), ("xlarge", 16.0), ("2xlarge", 32.0)];

const GIB: f64 = 1024.0 * 1024.0 * 1024.0;

/// The memory of an instance class such as `db.t3.small`, in GiB. None: not known.
pub fn memory_gib(class: &str) -> Option<f64> {
    let mut parts = class.strip_prefix("db.")?.split('.');
    let (family, size) = (parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    if ["t2", "t3", "t4g"].contains(&family) {
        return BURSTABLE.iter().find(|(name, _)| *name == size).map(|(_, memory)| *memory);
    }
    let (per_vcpu, _) = GIB_PER_VCPU.iter().find(|(_, families)| families.contains(&family))?;
    let vcpus = match size {
        "medium" => 1.0,
        "large" => 2.0,
        "xlarge" => 4.0,
        _ => 4.0 * size.strip_suffix("xlarge")?.parse::<f64>().ok()?,
    };
    Some(per_vcpu * vcpus)
}

/// `DBInstanceClassMemory` of the formulas: what is left after the operating system and RDS's own processes have taken
/// theirs. AWS does not publish how much that is; by what users report a db.t3.micro allows about 81 connections, not the 112 that its whole
/// GiB would give. 300 MiB and 5 % come close from below, so that an alarm at a share of the limit is never past it.
fn class_memory(gib: f64) -> f64 {
    (gib * 0.95 - 300.0 / 1024.0) * GIB
}

/// The default of `max_connections` for an engine and an instance class. None: not known.
pub fn max_connections(engine: &str, class: &str) -> Option<u32> {
    let bytes = class_memory(memory_gib(class)?);
    let most: f64 = match engine {
        "postgres" | "aurora-postgresql" => (bytes / 9_531_392.0).min(5000.0),
        "mysql" | "mariadb" => (bytes / 12_582_880.0).min(12000.0),
        _ => return None,
    };
    // Positive and at most 12000.
    Some(most.floor() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_that_of_the_user_guide() {
        let cases = [
            ("db.t3.micro", Some(1.0)),
            ("db.t3.small", Some(2.0)),
            ("db.t4g.medium", Some(4.0)),
            ("db.t3.2xlarge", Some(32.0)),
            ("db.m5.large", Some(8.0)),
            ("db.m6g.12xlarge", Some(192.0)),
            ("db.r4.large", Some(15.25)),
            ("db.r5.24xlarge", Some(768.0)),
            ("db.r6g.large", Some(16.0)),
            ("db.x2g.16xlarge", Some(1024.0)),
            ("db.x1.32xlarge", Some(1952.0)),
            ("db.serverless", None),
            ("db.r5.6xlarge.tpc2.mem4x", None),
            ("db.z9.large", None),
            ("cache.t3.micro", None),
        ];
        for (class, memory) in cases {
            assert_eq!(memory_gib(class), memory, "{class}");
        }
    }

    #[test]
    fn every_current_postgres_class_is_known() {
        for region in ["us-east-1", "us-west-2"] {
            let classes = schema::limits::db_instance_classes("postgres", region).unwrap_or_default();
            assert!(!classes.is_empty());
            // AWS makes no new instances of these.
            let previous = |class: &&String| ["m1", "m2", "m3", "r3", "t1"].iter().any(|f| class[3..].starts_with(f));
            let unknown = classes.iter().filter(|class| !previous(class) && memory_gib(class).is_none());
            let unknown: Vec<_> = unknown.collect();
            assert!(unknown.is_empty(), "{region}: {unknown:?}");
        }
    }

    #[test]
    fn the_limit_is_close_to_what_instances_report_and_never_above() {
        // What users report of `SHOW max_connections` on their instances.
        for (class, reported) in
            [("db.t3.micro", 81), ("db.t2.small", 198), ("db.t2.medium", 412), ("db.t2.large", 856)]
        {
            let computed = max_connections("postgres", class).unwrap();
            assert!(computed <= reported && computed * 10 >= reported * 9, "{class}: {computed} of {reported}");
        }
        assert_eq!(max_connections("postgres", "db.r5.24xlarge"), Some(5000));
        assert!(max_connections("mysql", "db.t3.small") < max_connections("postgres", "db.t3.small"));
        assert_eq!(max_connections("oracle-ee", "db.t3.small"), None);
    }
}
