//! `[monitoring.filter.NAME]`: metrics counted in the services' logs.

use crate::alarm::Alarm;
use crate::custom::{did_you_mean, error};
use crate::metric_filter::{MetricFilter, MetricTransformation};
use crate::module::Desk;
use crate::settings::Filter;
use crate::standard;

pub(crate) fn declare(desk: &mut Desk<'_>) {
    let settings = desk.settings;
    for (name, filter) in &settings.filter {
        add_filter(name, filter, desk);
    }
}

/// The metric's name of a filter for a service.
pub(crate) fn filter_metric(service: &str, filter: &str) -> String {
    format!("{service}-{filter}")
}

/// The services whose logs a filter looks at.
pub(crate) fn filtered<'a>(filter: &'a Filter, logs: &'a crate::Logs) -> Vec<&'a String> {
    match &filter.services {
        Some(services) => services.iter().filter(|service| logs.services.contains_key(*service)).collect(),
        None => logs.services.keys().collect(),
    }
}

fn add_filter(name: &str, filter: &Filter, desk: &mut Desk<'_>) {
    let section = format!("monitoring.filter.{name}");
    desk.stack.section(&section);
    for (index, service) in filter.services.iter().flatten().enumerate() {
        if !desk.inputs.logs.services.contains_key(service) {
            let message = format!("there is no service `{service}` that writes logs");
            let hint = did_you_mean(service, desk.inputs.logs.services.keys());
            error(desk, "unknown-service", format!("{section}.services.{index}"), message, hint);
        }
    }
    if let Some(limit) = filter.alarm
        && !standard::check_minutes(limit.minutes, &format!("{section}.alarm.minutes"), desk)
    {
        return;
    }
    let inputs = desk.inputs;
    for service in filtered(filter, &inputs.logs) {
        let Some(log) = inputs.logs.services.get(service) else {
            continue;
        };
        let metric = filter_metric(service, name);
        let transformation = MetricTransformation {
            // A metric that is 0 while all is well, not one without data.
            default_value: Some(0.0),
            metric_name: metric.clone(),
            metric_namespace: inputs.prefix.clone(),
            metric_value: filter.value.clone(),
            ..MetricTransformation::default()
        };
        let resource = MetricFilter {
            filter_name: Some(desk.full_name(&metric)),
            filter_pattern: Some(filter.pattern.clone()),
            log_group_name: Some(log.name.clone()),
            metric_transformations: Some(vec![transformation]),
            ..MetricFilter::default()
        };
        desk.stack.add(format!("monitoring.metric-filter.{metric}"), resource);
        if let Some(limit) = filter.alarm {
            let words = format!("{name} of {service}: more than {} within {} minutes", limit.count, limit.minutes);
            let alarm = Alarm {
                metric_name: Some(metric.clone()),
                namespace: Some(inputs.prefix.clone()),
                period: Some(standard::seconds(limit)),
                statistic: Some("Sum".to_owned()),
                ..standard::errors(limit, words)
            };
            let topic = desk.topic.clone();
            desk.alarm(&metric, topic, alarm);
        }
    }
}
