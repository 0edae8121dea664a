//! What an instance costs: <https://aws.amazon.com/rds/postgresql/pricing/>.

use cloud::{Charge, Pricing, Quantity};
use engine::charge::HOURS_PER_MONTH;

use super::DbInstance;
use crate::parameters::numbers;

/// I/O operations and MiB/s that come with `gp3` storage, and from 400 GiB on (striped over four volumes).
const GP3_IOPS: (f64, f64) = (3000.0, 12_000.0);
const GP3_THROUGHPUT: (f64, f64) = (125.0, 500.0);
const GP3_STRIPED_FROM: f64 = 400.0;

/// PostgreSQL's last major version whose standard support has ended (13: on 2026-02-28): AWS charges for extended
/// support by itself from then on. <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/extended-support.html>
const POSTGRES_EXTENDED: u32 = 13;

pub(super) fn charges(instance: &DbInstance, pricing: &Pricing<'_>) -> Vec<Charge> {
    let engine = instance.engine.as_deref().unwrap_or("postgres");
    let class = instance.db_instance_class.as_deref().unwrap_or_default();
    // The standby costs what the primary costs.
    let copies = if instance.multi_az == Some(true) { 2.0 } else { 1.0 };
    let zones = if copies > 1.0 { ", Multi-AZ" } else { "" };
    let cores = vcpus(class) * copies;
    let mut lines = vec![Charge::new(
        format!("Database instance hours ({class}{zones})"),
        format!("rds.instance.{engine}.{class}.hour"),
        Quantity::month().times(copies),
    )];
    if instance.db_cluster_identifier.is_none() {
        storage(instance, copies, zones, pricing, &mut lines);
    }
    if class.starts_with("db.t") {
        let quantity = pricing.usage("rds.cpu-credits.vcpu-hours", Quantity::exactly(0.0));
        push(&mut lines, "CPU credits above the baseline", "rds.cpu-credits.vcpu-hour", quantity);
    }
    if instance.enable_performance_insights == Some(true) {
        let months = f64::from(instance.performance_insights_retention_period.unwrap_or(7)) / 31.0;
        if months >= 1.0 {
            let key = "rds.performance-insights.vcpu-month";
            push(&mut lines, "Performance Insights beyond 7 days", key, Quantity::exactly(cores * months.floor()));
        }
    }
    let disabled = instance.engine_lifecycle_support.as_deref() == Some("open-source-rds-extended-support-disabled");
    let version = instance.engine_version.as_deref().map(numbers).unwrap_or_default();
    if engine == "postgres" && !disabled && version.first().is_some_and(|major| *major <= POSTGRES_EXTENDED) {
        let hours = Quantity::exactly(HOURS_PER_MONTH * cores);
        push(&mut lines, "Extended support of an old version", "rds.extended-support.vcpu-hour", hours);
    }
    if instance.publicly_accessible == Some(true) {
        push(&mut lines, "Public IPv4 addresses", "public-ipv4.hour", Quantity::month().times(copies));
    }
    lines
}

fn storage(instance: &DbInstance, copies: f64, zones: &str, pricing: &Pricing<'_>, lines: &mut Vec<Charge>) {
    let kind = instance.storage_type.as_deref().unwrap_or("gp2");
    let size: f64 = instance.allocated_storage.as_deref().and_then(|size| size.parse().ok()).unwrap_or(0.0);
    let most = instance.max_allocated_storage.map_or(size, f64::from).max(size);
    let sizes = pricing.usage("rds.storage.gb", Quantity::between(size, size, most));
    push(lines, &format!("Storage ({kind}{zones})"), &format!("rds.storage.{kind}.gb-month"), sizes.times(copies));
    let iops = instance.iops.map_or(0.0, f64::from);
    let included = |(small, striped): (f64, f64)| {
        if size >= GP3_STRIPED_FROM { striped } else { small }
    };
    match kind {
        "gp3" => {
            let iops = Quantity::exactly((iops - included(GP3_IOPS)).max(0.0) * copies);
            push(lines, "I/O rate beyond that included", "rds.iops.gp3.month", iops);
            let rate = instance.storage_throughput.map_or(0.0, f64::from) - included(GP3_THROUGHPUT);
            let rate = Quantity::exactly(rate.max(0.0) * copies);
            push(lines, "Throughput beyond that included", "rds.throughput.gp3.mibps-month", rate);
        }
        "io1" | "io2" => {
            push(lines, "Provisioned I/O rate", &format!("rds.iops.{kind}.month"), Quantity::exactly(iops * copies));
        }
        "standard" => {
            let millions = pricing.usage("rds.io-requests.million", Quantity::between(0.0, 1.0, 100.0));
            push(lines, "I/O requests", "rds.io-requests.million", millions);
        }
        _ => {}
    }
    if instance.backup_retention_period.unwrap_or(1) > 0 {
        // As much as the database's storage costs nothing; a database that changes a lot, or keeps final snapshots, has more.
        let beyond = pricing.usage("rds.backup.gb", Quantity::between(0.0, 0.0, most));
        push(lines, "Backups beyond the size of the storage", "rds.backup.gb-month", beyond);
    }
}

fn push(lines: &mut Vec<Charge>, component: &str, price: &str, quantity: Quantity) {
    if quantity.max > 0.0 {
        lines.push(Charge::new(component, price, quantity));
    }
}

/// The vCPUs of a class: 2 up to `large`, 4 of `xlarge`, 4 n of `n xlarge`.
fn vcpus(class: &str) -> f64 {
    let size = class.rsplit('.').next().unwrap_or_default();
    match size.strip_suffix("xlarge") {
        Some("") => 4.0,
        Some(times) => times.parse::<f64>().map_or(2.0, |times| times * 4.0),
        None => 2.0,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use cloud::Usage;

    use super::*;

    fn priced(instance: &DbInstance) -> BTreeMap<String, (f64, f64, f64)> {
        let usage = Usage::default();
        let pricing = Pricing { usage: &usage, region: "us-east-1", lookup: &|_| None };
        let lines = charges(instance, &pricing).into_iter();
        lines.map(|line| (line.price, (line.quantity.min, line.quantity.expected, line.quantity.max))).collect()
    }

    fn database() -> DbInstance {
        DbInstance {
            engine: Some("postgres".into()),
            engine_version: Some("15.10".into()),
            db_instance_class: Some("db.t3.small".into()),
            storage_type: Some("gp3".into()),
            allocated_storage: Some("20".into()),
            backup_retention_period: Some(7),
            ..DbInstance::default()
        }
    }

    #[test]
    fn a_small_database_is_hours_storage_and_perhaps_backups() {
        let lines = priced(&database());
        assert_eq!(lines["rds.instance.postgres.db.t3.small.hour"], (730.0, 730.0, 730.0));
        assert_eq!(lines["rds.storage.gp3.gb-month"], (20.0, 20.0, 20.0));
        assert_eq!(lines["rds.backup.gb-month"], (0.0, 0.0, 20.0));
        assert_eq!(lines.len(), 3);
    }

    #[test]
    fn a_standby_doubles_and_autoscaling_widens() {
        let lines = priced(&DbInstance { multi_az: Some(true), max_allocated_storage: Some(100), ..database() });
        assert_eq!(lines["rds.instance.postgres.db.t3.small.hour"].1, 1460.0);
        assert_eq!(lines["rds.storage.gp3.gb-month"], (40.0, 40.0, 200.0));
    }

    #[test]
    fn what_comes_with_gp3_is_not_charged() {
        let striped = DbInstance {
            allocated_storage: Some("400".into()),
            iops: Some(13_000),
            storage_throughput: Some(500),
            ..database()
        };
        let lines = priced(&striped);
        assert_eq!(lines["rds.iops.gp3.month"].1, 1000.0);
        assert!(!lines.contains_key("rds.throughput.gp3.mibps-month"));
    }

    #[test]
    fn old_versions_long_insights_and_public_addresses_cost() {
        let lines = priced(&DbInstance {
            engine_version: Some("13.18".into()),
            enable_performance_insights: Some(true),
            performance_insights_retention_period: Some(93),
            publicly_accessible: Some(true),
            ..database()
        });
        assert_eq!(lines["rds.extended-support.vcpu-hour"].1, 1460.0);
        assert_eq!(lines["rds.performance-insights.vcpu-month"].1, 6.0);
        assert_eq!(lines["public-ipv4.hour"].1, 730.0);
        let free = DbInstance { enable_performance_insights: Some(true), ..database() };
        assert!(!priced(&free).contains_key("rds.performance-insights.vcpu-month"));
    }

    #[test]
    fn a_member_of_a_cluster_pays_no_storage() {
        let member = DbInstance { db_cluster_identifier: Some("c".into()), ..database() };
        assert_eq!(priced(&member).len(), 1);
    }

    #[test]
    fn cores_of_classes() {
        for (class, cores) in
            [("db.t3.micro", 2.0), ("db.r6g.large", 2.0), ("db.m6g.xlarge", 4.0), ("db.r7g.16xlarge", 64.0)]
        {
            assert_eq!(vcpus(class), cores, "{class}");
        }
    }
}
