//! The alarms that every service, load balancer, database and cache gets.

use crate::alarm::Alarm;
use crate::connections::max_connections;
use crate::inputs::{Cache, Database, LoadBalancer, Service};
use crate::metrics::{Dimension, Metric, MetricDataQuery, MetricStat};
use crate::module::{Desk, balancer_label, label, node_label};
use crate::settings::{ErrorLimit, Threshold};

/// Thresholds in percent, with their keys.
pub(crate) const CPU: f64 = 80.0;
pub(crate) const MEMORY: f64 = 85.0;
pub(crate) const RESPONSE_SECONDS: f64 = 2.0;
pub(crate) const UNHEALTHY_HOSTS: f64 = 0.0;
pub(crate) const CONNECTIONS_PERCENT: f64 = 80.0;
pub(crate) const FREE_STORAGE_GB: f64 = 2.0;
pub(crate) const EVICTIONS: f64 = 100.0;

/// The longest that periods of an alarm may be together, in minutes: a day (API_PutMetricAlarm).
const MOST_MINUTES: u32 = 24 * 60;

const GIB: f64 = 1024.0 * 1024.0 * 1024.0;

pub(crate) fn declare(desk: &mut Desk<'_>) {
    if !desk.settings.alarms.enabled || !in_range(desk) {
        return;
    }
    desk.stack.section("monitoring.alarms");
    let inputs = desk.inputs;
    for service in &inputs.services {
        of_service(service, desk);
    }
    for balancer in &inputs.load_balancers {
        of_load_balancer(balancer, desk);
    }
    for database in &inputs.databases {
        of_database(database, desk);
    }
    for cache in &inputs.caches {
        of_cache(cache, desk);
    }
}

/// Finds thresholds that cannot be meant.
fn in_range(desk: &mut Desk<'_>) -> bool {
    let alarms = &desk.settings.alarms;
    let percentages =
        [("cpu", alarms.cpu), ("memory", alarms.memory), ("connections-percent", alarms.connections_percent)];
    let amounts = [
        ("response-seconds", alarms.response_seconds),
        ("unhealthy-hosts", alarms.unhealthy_hosts),
        ("free-storage-gb", alarms.free_storage_gb),
        ("evictions", alarms.evictions),
    ];
    let before = desk.stack.findings.0.len();
    for (key, threshold) in percentages {
        if let Threshold::At(value) = threshold
            && !(value > 0.0 && value <= 100.0)
        {
            let message = format!("{value} is no percentage");
            let found = desk.stack.findings.error("alarm-threshold", format!("monitoring.alarms.{key}"), message);
            found.hint("write a number above 0 and up to 100, or false for no alarm");
        }
    }
    for (key, threshold) in amounts {
        if let Threshold::At(value) = threshold
            && !(value >= 0.0 && value.is_finite())
        {
            let message = format!("{value} can never be passed, or always is");
            let found = desk.stack.findings.error("alarm-threshold", format!("monitoring.alarms.{key}"), message);
            found.hint("write 0 or more, or false for no alarm");
        }
    }
    check_minutes(alarms.minutes, "monitoring.alarms.minutes", desk);
    if let Some(limit) = alarms.errors.limit() {
        check_minutes(limit.minutes, "monitoring.alarms.errors.minutes", desk);
    }
    desk.stack.findings.0.len() == before
}

/// Finds a time that CloudWatch cannot look back.
pub(crate) fn check_minutes(minutes: u32, key: &str, desk: &mut Desk<'_>) -> bool {
    let good = (1..=MOST_MINUTES).contains(&minutes);
    if !good {
        let message = format!("an alarm cannot look at {minutes} minutes");
        desk.stack.findings.error("alarm-minutes", key, message).hint(format!("write 1 to {MOST_MINUTES}"));
    }
    good
}

/// Minutes as a number of periods, or of seconds when multiplied; checked to be at most a day before.
fn count(minutes: u32) -> i32 {
    i32::try_from(minutes).unwrap_or(i32::MAX / 60)
}

/// An alarm on one metric that is past a threshold for the configured minutes in a row.
struct Watch<'a> {
    namespace: &'a str,
    metric: &'a str,
    dimensions: Vec<Dimension>,
    statistic: &'a str,
    comparison: &'a str,
    threshold: f64,
    missing: &'a str,
    description: String,
}

impl Watch<'_> {
    fn declare(self, name: &str, desk: &mut Desk<'_>) {
        let alarm = Alarm {
            alarm_description: Some(self.description),
            comparison_operator: Some(self.comparison.to_owned()),
            dimensions: Some(self.dimensions),
            evaluation_periods: Some(count(desk.settings.alarms.minutes)),
            metric_name: Some(self.metric.to_owned()),
            namespace: Some(self.namespace.to_owned()),
            period: Some(60),
            statistic: Some(self.statistic.to_owned()),
            threshold: Some(self.threshold),
            treat_missing_data: Some(self.missing.to_owned()),
            ..Alarm::default()
        };
        let topic = desk.topic.clone();
        desk.alarm(name, topic, alarm);
    }
}

const ABOVE: &str = "GreaterThanThreshold";
const BELOW: &str = "LessThanThreshold";

fn of_service(service: &Service, desk: &mut Desk<'_>) {
    let alarms = desk.settings.alarms.clone();
    let (name, minutes) = (&service.name, alarms.minutes);
    let dimensions =
        vec![Dimension::new("ClusterName", &service.cluster), Dimension::new("ServiceName", &service.service_name)];
    let usage = [
        ("cpu", "CPUUtilization", "CPU", alarms.cpu.or(CPU)),
        ("memory", "MemoryUtilization", "Memory", alarms.memory.or(MEMORY)),
    ];
    for (what, metric, word, threshold) in usage {
        let Some(threshold) = threshold else { continue };
        let watch = Watch {
            namespace: "AWS/ECS",
            metric,
            dimensions: dimensions.clone(),
            statistic: "Average",
            comparison: ABOVE,
            threshold,
            missing: "missing",
            description: format!("{word} of service {name} above {threshold} % for {minutes} minutes"),
        };
        watch.declare(&format!("{name}-{what}"), desk);
    }
    if let (Some(balanced), Some(threshold)) = (&service.balanced, alarms.unhealthy_hosts.or(UNHEALTHY_HOSTS)) {
        let watch = Watch {
            namespace: "AWS/ApplicationELB",
            metric: "UnHealthyHostCount",
            dimensions: vec![
                Dimension::new("LoadBalancer", &balanced.load_balancer),
                Dimension::new("TargetGroup", &balanced.target_group),
            ],
            statistic: "Maximum",
            comparison: ABOVE,
            threshold,
            missing: "missing",
            description: format!("More than {threshold} tasks of {name} fail their health check for {minutes} minutes"),
        };
        watch.declare(&format!("{name}-unhealthy-hosts"), desk);
    }
}

fn of_load_balancer(balancer: &LoadBalancer, desk: &mut Desk<'_>) {
    let alarms = desk.settings.alarms.clone();
    let (what, minutes) = (balancer_label(&balancer.name), alarms.minutes);
    let dimensions = || vec![Dimension::new("LoadBalancer", &balancer.full_name)];
    if let Some(threshold) = alarms.response_seconds.or(RESPONSE_SECONDS) {
        let watch = Watch {
            namespace: "AWS/ApplicationELB",
            metric: "TargetResponseTime",
            dimensions: dimensions(),
            statistic: "Average",
            comparison: ABOVE,
            threshold,
            // Without requests there is no response time.
            missing: "notBreaching",
            description: format!("Responses take more than {threshold} s on average for {minutes} minutes"),
        };
        watch.declare(&format!("{what}-response-time"), desk);
    }
    if let Some(limit) = alarms.errors.limit() {
        // A client sees the targets' errors and the load balancer's own (no healthy target: 503): the sum counts.
        let stat = |id: &str, metric: &str| MetricDataQuery {
            id: id.to_owned(),
            metric_stat: Some(MetricStat {
                metric: Metric {
                    dimensions: Some(dimensions()),
                    metric_name: Some(metric.to_owned()),
                    namespace: Some("AWS/ApplicationELB".to_owned()),
                },
                period: Some(count(limit.minutes) * 60),
                stat: Some("Sum".to_owned()),
                unit: None,
            }),
            return_data: Some(false),
            ..MetricDataQuery::default()
        };
        let total = MetricDataQuery {
            id: "total".to_owned(),
            expression: Some("FILL(target, 0) + FILL(balancer, 0)".to_owned()),
            label: Some("Responses 5xx".to_owned()),
            return_data: Some(true),
            ..MetricDataQuery::default()
        };
        let metrics =
            vec![total, stat("target", "HTTPCode_Target_5XX_Count"), stat("balancer", "HTTPCode_ELB_5XX_Count")];
        let words = format!("More than {} responses 5xx within {} minutes", limit.count, limit.minutes);
        let alarm = Alarm { metrics: Some(metrics), ..errors(limit, words) };
        let topic = desk.topic.clone();
        desk.alarm(&format!("{what}-5xx"), topic, alarm);
    }
}

/// What alarms on a number of errors have in common.
pub(crate) fn errors(limit: ErrorLimit, description: String) -> Alarm {
    Alarm {
        alarm_description: Some(description),
        comparison_operator: Some(ABOVE.to_owned()),
        evaluation_periods: Some(1),
        threshold: Some(f64::from(limit.count)),
        treat_missing_data: Some("notBreaching".to_owned()),
        ..Alarm::default()
    }
}

/// The seconds of an error limit.
pub(crate) fn seconds(limit: ErrorLimit) -> i32 {
    count(limit.minutes) * 60
}

/// The most connections that a database is taken to allow.
pub(crate) fn connections(database: &Database) -> Option<u32> {
    database.max_connections.or_else(|| max_connections(&database.engine, &database.class))
}

/// The number of connections at which the alarm goes off.
pub(crate) fn connections_threshold(database: &Database, percent: f64) -> Option<f64> {
    connections(database).map(|most| (f64::from(most) * percent / 100.0).floor())
}

fn of_database(database: &Database, desk: &mut Desk<'_>) {
    let alarms = desk.settings.alarms.clone();
    let what = label(&database.identifier, &desk.inputs.prefix, &database.engine, &database.name);
    let minutes = alarms.minutes;
    let watch = |metric, comparison, threshold, description| Watch {
        namespace: "AWS/RDS",
        metric,
        dimensions: vec![Dimension::new("DBInstanceIdentifier", &database.identifier)],
        statistic: "Average",
        comparison,
        threshold,
        missing: "missing",
        description,
    };
    if let Some(threshold) = alarms.cpu.or(CPU) {
        let words = format!("CPU of database {what} above {threshold} % for {minutes} minutes");
        watch("CPUUtilization", ABOVE, threshold, words).declare(&format!("{what}-cpu"), desk);
    }
    if let Some(percent) = alarms.connections_percent.or(CONNECTIONS_PERCENT) {
        match (connections(database), connections_threshold(database, percent)) {
            (Some(most), Some(threshold)) => {
                let words = format!(
                    "More than {threshold} connections to database {what} for {minutes} minutes: {percent} % of about {most}"
                );
                watch("DatabaseConnections", ABOVE, threshold, words).declare(&format!("{what}-connections"), desk);
            }
            _ => unknown_limit(database, desk),
        }
    }
    // Aurora's storage grows by itself and has no such metric.
    if let Some(gigabytes) = alarms.free_storage_gb.or(FREE_STORAGE_GB)
        && !database.engine.starts_with("aurora")
    {
        let words = format!("Less than {gigabytes} GiB of storage left to database {what} for {minutes} minutes");
        watch("FreeStorageSpace", BELOW, gigabytes * GIB, words).declare(&format!("{what}-free-storage"), desk);
    }
}

fn unknown_limit(database: &Database, desk: &mut Desk<'_>) {
    let message = format!(
        "no alarm on connections: how many a {} of class {} allows is not known",
        database.engine, database.class
    );
    let found = desk.stack.findings.warning("connections-unknown", &database.key, message);
    found.hint("set the parameter max_connections, or monitoring.alarms.connections-percent = false");
}

/// The CPU metric of a cache node. The engine works in one thread: on nodes with four vCPUs and more only
/// `EngineCPUUtilization` shows it busy (Amazon ElastiCache User Guide, "Which metrics should I monitor?").
pub(crate) fn cache_cpu(node: &str) -> &'static str {
    let size = node.rsplit('.').next().unwrap_or_default();
    if size.ends_with("xlarge") { "EngineCPUUtilization" } else { "CPUUtilization" }
}

fn of_cache(cache: &Cache, desk: &mut Desk<'_>) {
    let alarms = desk.settings.alarms.clone();
    let minutes = alarms.minutes;
    for (index, id) in cache.cluster_ids.iter().enumerate() {
        let what = node_label(cache, index, &desk.inputs.prefix);
        let watch = |metric, statistic, threshold, description| Watch {
            namespace: "AWS/ElastiCache",
            metric,
            dimensions: vec![Dimension::new("CacheClusterId", id)],
            statistic,
            comparison: ABOVE,
            threshold,
            missing: "missing",
            description,
        };
        if let Some(threshold) = alarms.cpu.or(CPU) {
            let words = format!("CPU of cache {what} above {threshold} % for {minutes} minutes");
            watch(cache_cpu(&cache.node), "Average", threshold, words).declare(&format!("{what}-cpu"), desk);
        }
        if let Some(threshold) = alarms.memory.or(MEMORY) {
            let words = format!("Memory of cache {what} above {threshold} % for {minutes} minutes");
            let metric = "DatabaseMemoryUsagePercentage";
            watch(metric, "Average", threshold, words).declare(&format!("{what}-memory"), desk);
        }
        if let Some(threshold) = alarms.evictions.or(EVICTIONS) {
            let alarm = Alarm {
                alarm_description: Some(format!("Cache {what} evicted more than {threshold} keys in 5 minutes")),
                comparison_operator: Some(ABOVE.to_owned()),
                dimensions: Some(vec![Dimension::new("CacheClusterId", id)]),
                evaluation_periods: Some(1),
                metric_name: Some("Evictions".to_owned()),
                namespace: Some("AWS/ElastiCache".to_owned()),
                period: Some(300),
                statistic: Some("Sum".to_owned()),
                threshold: Some(threshold),
                treat_missing_data: Some("notBreaching".to_owned()),
                ..Alarm::default()
            };
            let topic = desk.topic.clone();
            desk.alarm(&format!("{what}-evictions"), topic, alarm);
        }
    }
}
