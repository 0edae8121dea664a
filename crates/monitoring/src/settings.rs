//! The `[monitoring]` section of an environment file.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Logs, alarms and the dashboard.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// Days that log events are kept: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827,
    /// 2192, 2557, 2922, 3288 or 3653. Default 30.
    pub log_retention_days: u32,
    /// The SNS topic (a name of `[events.topic.NAME]`) that alarms are sent to. Default: nobody is told.
    pub notify: Option<String>,
    /// Whether the topic is also told when an alarm is over. Default true.
    pub notify_recovery: bool,
    /// Whether there is a dashboard of all services, load balancers, databases and caches, named like the
    /// environment's prefix. Default true.
    pub dashboard: bool,
    /// The alarms that every service, load balancer, database and cache gets.
    pub alarms: Alarms,
    /// Alarms of one's own, by name.
    pub alarm: BTreeMap<String, CustomAlarm>,
    /// Alarms over other alarms, by name.
    pub composite: BTreeMap<String, Composite>,
    /// Metrics counted in the services' logs, by name: application errors, failed calls of an API.
    pub filter: BTreeMap<String, Filter>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            log_retention_days: 30,
            notify: None,
            notify_recovery: true,
            dashboard: true,
            alarms: Alarms::default(),
            alarm: BTreeMap::new(),
            composite: BTreeMap::new(),
            filter: BTreeMap::new(),
        }
    }
}

/// The alarms that come by themselves. Each takes a threshold, or `false` to be left out.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Alarms {
    /// `false` leaves out all of these alarms. Default true.
    pub enabled: bool,
    /// Minutes in a row that a value must be past its threshold. Default 5.
    pub minutes: u32,
    /// CPU of services, databases and caches, in percent. Default 80.
    pub cpu: Threshold,
    /// Memory of services and caches, in percent. Default 85.
    pub memory: Threshold,
    /// Average response time behind a load balancer, in seconds. Default 2.
    pub response_seconds: Threshold,
    /// Responses 5xx of a load balancer and its targets: more than `count` within `minutes`. Default
    /// `{ count = 10, minutes = 5 }`.
    pub errors: Errors,
    /// Targets of a service that fail their health check: more than this. Default 0.
    pub unhealthy_hosts: Threshold,
    /// Connections to a database, in percent of the most that its instance class allows. Default 80.
    pub connections_percent: Threshold,
    /// Storage left to a database, in GiB: less than this. Default 2.
    pub free_storage_gb: Threshold,
    /// Keys that a cache evicts in 5 minutes: more than this. Default 100.
    pub evictions: Threshold,
}

impl Default for Alarms {
    fn default() -> Self {
        Self {
            enabled: true,
            minutes: 5,
            cpu: Threshold::At(80.0),
            memory: Threshold::At(85.0),
            response_seconds: Threshold::At(2.0),
            errors: Errors::Limit(ErrorLimit::default()),
            unhealthy_hosts: Threshold::At(0.0),
            connections_percent: Threshold::At(80.0),
            free_storage_gb: Threshold::At(2.0),
            evictions: Threshold::At(100.0),
        }
    }
}

/// A threshold, or `false` for no alarm.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged, expecting = "a number, or false to leave the alarm out")]
pub enum Threshold {
    /// `false`: no such alarm. `true`: the default threshold.
    Switch(bool),
    /// The value that must be passed.
    At(f64),
}

impl Threshold {
    /// The threshold; `None`: no alarm.
    pub fn or(self, default: f64) -> Option<f64> {
        match self {
            Self::Switch(on) => on.then_some(default),
            Self::At(value) => Some(value),
        }
    }
}

/// A number of errors within minutes, or `false` for no alarm.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged, expecting = "`{ count = 10, minutes = 5 }`, or false to leave the alarm out")]
pub enum Errors {
    /// `false`: no such alarm. `true`: the default limit.
    Switch(bool),
    /// More than so many within so many minutes.
    Limit(ErrorLimit),
}

impl Errors {
    /// The limit; `None`: no alarm.
    pub fn limit(self) -> Option<ErrorLimit> {
        match self {
            Self::Switch(on) => on.then(ErrorLimit::default),
            Self::Limit(limit) => Some(limit),
        }
    }
}

/// More than `count` within `minutes`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct ErrorLimit {
    /// More than so many. Default 10.
    pub count: u32,
    /// Within so many minutes. Default 5.
    pub minutes: u32,
}

impl Default for ErrorLimit {
    fn default() -> Self {
        Self { count: 10, minutes: 5 }
    }
}

/// An alarm of one's own: on one `metric`, or on an `expression` over several `metrics`.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CustomAlarm {
    /// What it means that this alarm goes off; part of the notification.
    pub description: Option<String>,
    /// The service whose metric it is: stands for its dimensions `ClusterName` and `ServiceName` and for the namespace
    /// `AWS/ECS`.
    pub service: Option<String>,
    /// The namespace, such as `AWS/SQS`.
    pub namespace: Option<String>,
    /// The metric's name, such as `ApproximateNumberOfMessagesVisible`.
    pub metric: Option<String>,
    /// The metric's dimensions.
    #[serde(default)]
    pub dimensions: BTreeMap<String, String>,
    /// `Average`, `Sum`, `Minimum`, `Maximum`, `SampleCount`, or a percentile such as `p95`. Default `Average`.
    pub statistic: Option<String>,
    /// Metric math over `metrics`, such as `errors / requests * 100`, instead of `metric`.
    pub expression: Option<String>,
    /// The metrics of the expression, by the name they have in it.
    #[serde(default)]
    pub metrics: BTreeMap<String, Watched>,
    /// The value that must be passed.
    pub threshold: f64,
    /// How it must be passed: `>`, `>=`, `<` or `<=`. Default `>`.
    #[serde(default)]
    pub comparison: Comparison,
    /// Seconds of one period: 10, 20, 30 or a multiple of 60. Default 60. Below 60 the alarm is a high-resolution one,
    /// which costs three times as much.
    #[serde(default = "default_period")]
    pub period: u32,
    /// Periods that are looked at. Default 5.
    #[serde(default = "default_periods")]
    pub periods: u32,
    /// How many of these periods must be past the threshold. Default: all.
    pub datapoints: Option<u32>,
    /// What a period without data counts as: `missing`, `ignore`, `breaching` or `not-breaching`. Default `missing`.
    #[serde(default)]
    pub missing: Missing,
    /// The topic that is told, instead of `monitoring.notify`.
    pub notify: Option<String>,
}

impl CustomAlarm {
    /// The one metric it watches, if it is not on an expression.
    pub fn watched(&self) -> Watched {
        Watched {
            service: self.service.clone(),
            namespace: self.namespace.clone(),
            metric: self.metric.clone(),
            dimensions: self.dimensions.clone(),
            statistic: self.statistic.clone(),
        }
    }
}

fn default_period() -> u32 {
    60
}

fn default_periods() -> u32 {
    5
}

/// A metric of an alarm's expression.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Watched {
    /// The service whose metric it is: stands for its dimensions `ClusterName` and `ServiceName` and for the namespace
    /// `AWS/ECS`.
    pub service: Option<String>,
    /// The namespace, such as `AWS/SQS`.
    pub namespace: Option<String>,
    /// The metric's name, such as `ApproximateNumberOfMessagesVisible`.
    pub metric: Option<String>,
    /// The metric's dimensions.
    pub dimensions: BTreeMap<String, String>,
    /// `Average`, `Sum`, `Minimum`, `Maximum`, `SampleCount`, or a percentile such as `p95`. Default `Average`.
    pub statistic: Option<String>,
}

/// How a threshold is passed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Comparison {
    /// Above.
    #[default]
    #[serde(rename = ">")]
    Above,
    /// At or above.
    #[serde(rename = ">=")]
    AtLeast,
    /// Below.
    #[serde(rename = "<")]
    Below,
    /// At or below.
    #[serde(rename = "<=")]
    AtMost,
}

/// What a period without data counts as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    /// As unknown: an alarm with nothing but such periods has insufficient data.
    #[default]
    Missing,
    /// As whatever the alarm's state was.
    Ignore,
    /// As past the threshold.
    Breaching,
    /// As within the threshold.
    NotBreaching,
}

/// An alarm over other alarms: exactly one of `any`, `all` and `rule`.
///
/// Alarms are named without the environment's prefix: `api-cpu`, `postgres-connections`, or a name of
/// `[monitoring.alarm.NAME]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Composite {
    /// What it means that this alarm goes off; part of the notification.
    pub description: Option<String>,
    /// Goes off when any of these alarms does.
    pub any: Vec<String>,
    /// Goes off when all of these alarms do.
    pub all: Vec<String>,
    /// A rule in CloudWatch's own words: `ALARM("name") AND NOT OK("other")`, with full alarm names.
    pub rule: Option<String>,
    /// The topic that is told, instead of `monitoring.notify`.
    pub notify: Option<String>,
}

/// A metric counted in the services' logs.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Filter {
    /// What a log event must match, in CloudWatch's filter pattern syntax: `?ERROR ?Exception`,
    /// `{ $.level = "error" }`.
    pub pattern: String,
    /// The services whose logs are looked at. Default: all.
    pub services: Option<Vec<String>>,
    /// What a matching event adds to the metric: a number, or a field of the event such as `$.latency`. Default `1`.
    #[serde(default = "default_value")]
    pub value: String,
    /// The alarm on the metric, for each service: more than `count` within `minutes`. Default: none.
    pub alarm: Option<ErrorLimit>,
}

fn default_value() -> String {
    "1".to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_empty_section_has_the_documented_thresholds() {
        let settings: Settings = serde_json::from_value(json!({})).unwrap();
        assert_eq!(settings, Settings::default());
        assert_eq!(settings.alarms.cpu.or(1.0), Some(80.0));
        assert_eq!(settings.alarms.memory.or(1.0), Some(85.0));
        assert_eq!(settings.alarms.errors.limit(), Some(ErrorLimit { count: 10, minutes: 5 }));
    }

    #[test]
    fn an_alarm_takes_a_number_or_a_switch() {
        let alarms: Alarms = serde_json::from_value(json!({ "cpu": 70, "memory": false, "errors": false })).unwrap();
        assert_eq!((alarms.cpu.or(80.0), alarms.memory.or(85.0)), (Some(70.0), None));
        assert_eq!(alarms.errors.limit(), None);
        let alarms: Alarms = serde_json::from_value(json!({ "cpu": true, "errors": { "count": 3 } })).unwrap();
        assert_eq!(alarms.cpu.or(80.0), Some(80.0));
        assert_eq!(alarms.errors.limit(), Some(ErrorLimit { count: 3, minutes: 5 }));
        let error = serde_json::from_value::<Alarms>(json!({ "cpu": "high" })).unwrap_err().to_string();
        assert!(error.contains("a number, or false"), "{error}");
    }

    #[test]
    fn an_alarm_of_ones_own_is_short() {
        let alarm: CustomAlarm = serde_json::from_value(json!({
            "namespace": "AWS/SQS", "metric": "ApproximateNumberOfMessagesVisible",
            "dimensions": { "QueueName": "jobs" }, "threshold": 100
        }))
        .unwrap();
        assert_eq!((alarm.period, alarm.periods, alarm.comparison), (60, 5, Comparison::Above));
        assert_eq!(alarm.watched().namespace.as_deref(), Some("AWS/SQS"));
    }
}
