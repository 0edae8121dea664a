//! `[monitoring.alarm.NAME]`: alarms of a person's own.

use std::collections::BTreeMap;

use crate::alarm::Alarm;
use crate::metrics::{Dimension, Metric, MetricDataQuery, MetricStat};
use crate::module::Desk;
use crate::settings::{Comparison, CustomAlarm, Missing, Watched};

/// The statistics of one metric that are no percentiles.
const STATISTICS: &[&str] = &["Average", "Sum", "Minimum", "Maximum", "SampleCount"];

/// What statistics of samples begin with, before their numbers: Amazon CloudWatch User Guide, "CloudWatch statistics
/// definitions".
const SAMPLED: &[&str] = &["p", "tm", "wm", "tc", "ts", "TM", "WM", "TC", "TS", "PR"];

const HOUR: u32 = 60 * 60;

pub(crate) fn declare(desk: &mut Desk<'_>) {
    let settings = desk.settings;
    for (name, alarm) in &settings.alarm {
        add_alarm(name, alarm, desk);
    }
}

pub(crate) fn error(desk: &mut Desk<'_>, rule: &str, key: String, message: String, hint: String) {
    desk.stack.findings.error(rule, key, message).hint(hint);
}

fn add_alarm(name: &str, given: &CustomAlarm, desk: &mut Desk<'_>) {
    let section = format!("monitoring.alarm.{name}");
    desk.stack.section(&section);
    if !(matches!(given.period, 10 | 20 | 30) || (given.period > 0 && given.period.is_multiple_of(60))) {
        let message = format!("an alarm cannot have periods of {} seconds", given.period);
        error(
            desk,
            "alarm-period",
            format!("{section}.period"),
            message,
            "write 10, 20, 30 or a multiple of 60".to_owned(),
        );
        return;
    }
    // A day, or a week where a period is an hour or more: API_PutMetricAlarm.
    let (most, words) = if given.period < HOUR { (24 * HOUR, "a day") } else { (7 * 24 * HOUR, "a week") };
    if given.periods == 0 || given.periods.saturating_mul(given.period) > most {
        let message = format!("{} periods of {} seconds are none, or more than {words}", given.periods, given.period);
        let hint = match most / given.period {
            0 => format!("write a period of at most {most}"),
            periods => format!("write 1 to {periods}"),
        };
        error(desk, "alarm-periods", format!("{section}.periods"), message, hint);
        return;
    }
    if let Some(datapoints) = given.datapoints
        && !(1..=given.periods).contains(&datapoints)
    {
        let message = format!("{datapoints} of {} periods cannot be past the threshold", given.periods);
        let hint = format!("write 1 to {}", given.periods);
        error(desk, "alarm-datapoints", format!("{section}.datapoints"), message, hint);
        return;
    }
    let own = given.notify.as_ref();
    let topic = match own {
        Some(_) => desk.topic(own, &format!("{section}.notify")),
        None => desk.topic.clone(),
    };
    let Some(watching) = watching(given, &section, desk) else {
        return;
    };
    let alarm = Alarm {
        alarm_description: given.description.clone(),
        comparison_operator: Some(comparison(given.comparison).to_owned()),
        datapoints_to_alarm: given.datapoints.and_then(|count| i32::try_from(count).ok()),
        evaluation_periods: i32::try_from(given.periods).ok(),
        threshold: Some(given.threshold),
        treat_missing_data: Some(missing(given.missing).to_owned()),
        ..watching
    };
    desk.alarm(name, topic, alarm);
}

/// The part of an alarm that says what is watched.
fn watching(given: &CustomAlarm, section: &str, desk: &mut Desk<'_>) -> Option<Alarm> {
    let period = i32::try_from(given.period).ok();
    let Some(expression) = &given.expression else {
        if !given.metrics.is_empty() {
            let message = "`metrics` without an `expression` over them".to_owned();
            error(desk, "alarm-metric", format!("{section}.metrics"), message, "write expression = \"…\"".to_owned());
            return None;
        }
        let (metric, statistic) = metric(&given.watched(), section, desk)?;
        let plain = STATISTICS.contains(&statistic.as_str());
        return Some(Alarm {
            dimensions: metric.dimensions,
            extended_statistic: (!plain).then(|| statistic.clone()),
            metric_name: metric.metric_name,
            namespace: metric.namespace,
            period,
            statistic: plain.then_some(statistic),
            ..Alarm::default()
        });
    };
    if given.metric.is_some() {
        let message = "`metric` and `expression` exclude each other".to_owned();
        let hint = format!("write the metric as [{section}.metrics.NAME], and NAME in the expression");
        error(desk, "alarm-metric", format!("{section}.metric"), message, hint);
        return None;
    }
    let total = MetricDataQuery {
        id: "result".to_owned(),
        expression: Some(expression.clone()),
        label: Some(expression.clone()),
        return_data: Some(true),
        ..MetricDataQuery::default()
    };
    let mut queries = vec![total];
    for (id, watched) in &given.metrics {
        let (metric, statistic) = metric(watched, &format!("{section}.metrics.{id}"), desk)?;
        let stat = MetricStat { metric, period, stat: Some(statistic), unit: None };
        queries.push(MetricDataQuery {
            id: id.clone(),
            metric_stat: Some(stat),
            return_data: Some(false),
            ..MetricDataQuery::default()
        });
    }
    Some(Alarm { metrics: Some(queries), ..Alarm::default() })
}

/// A metric and its statistic.
fn metric(watched: &Watched, section: &str, desk: &mut Desk<'_>) -> Option<(Metric, String)> {
    let mut dimensions: BTreeMap<String, String> = watched.dimensions.clone();
    let mut namespace = watched.namespace.clone();
    if let Some(name) = &watched.service {
        let services = &desk.inputs.services;
        let Some(service) = services.iter().find(|service| service.name == *name) else {
            let hint = did_you_mean(name, services.iter().map(|service| &service.name));
            error(desk, "unknown-service", format!("{section}.service"), format!("there is no service `{name}`"), hint);
            return None;
        };
        dimensions.insert("ClusterName".to_owned(), service.cluster.clone());
        dimensions.insert("ServiceName".to_owned(), service.service_name.clone());
        namespace.get_or_insert_with(|| "AWS/ECS".to_owned());
    }
    let (Some(namespace), Some(name)) = (namespace, watched.metric.clone()) else {
        let message = "what does it watch? A metric has a namespace and a name".to_owned();
        let hint = "write namespace = \"AWS/SQS\" and metric = \"ApproximateNumberOfMessagesVisible\"".to_owned();
        error(desk, "alarm-metric", section.to_owned(), message, hint);
        return None;
    };
    let statistic = watched.statistic.clone().unwrap_or_else(|| "Average".to_owned());
    if !is_statistic(&statistic) {
        let hint = match schema::closest(&statistic, STATISTICS.iter().copied()) {
            Some(closest) => format!("did you mean `{closest}`?"),
            None => format!("write {}, or a percentile such as p95", STATISTICS.join(", ")),
        };
        let message = format!("CloudWatch has no statistic `{statistic}`");
        error(desk, "alarm-statistic", format!("{section}.statistic"), message, hint);
        return None;
    }
    let dimensions: Vec<_> = dimensions.into_iter().map(|(name, value)| Dimension { name, value }).collect();
    let dimensions = (!dimensions.is_empty()).then_some(dimensions);
    Some((Metric { dimensions, metric_name: Some(name), namespace: Some(namespace) }, statistic))
}

fn is_statistic(text: &str) -> bool {
    let sampled = |start: &str| {
        text.strip_prefix(start).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit() || c == '('))
    };
    STATISTICS.contains(&text) || text == "IQM" || SAMPLED.iter().any(|start| sampled(start))
}

fn comparison(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Above => "GreaterThanThreshold",
        Comparison::AtLeast => "GreaterThanOrEqualToThreshold",
        Comparison::Below => "LessThanThreshold",
        Comparison::AtMost => "LessThanOrEqualToThreshold",
    }
}

fn missing(missing: Missing) -> &'static str {
    match missing {
        Missing::Missing => "missing",
        Missing::Ignore => "ignore",
        Missing::Breaching => "breaching",
        Missing::NotBreaching => "notBreaching",
    }
}

pub(crate) fn did_you_mean<'a>(word: &str, known: impl Iterator<Item = &'a String>) -> String {
    let known: Vec<&str> = known.map(String::as_str).collect();
    match schema::closest(word, known.iter().copied()) {
        Some(closest) => format!("did you mean `{closest}`?"),
        None if known.is_empty() => "there is none at all".to_owned(),
        None => format!("there are: {}", known.join(", ")),
    }
}
