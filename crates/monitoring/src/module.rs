//! The `[monitoring]` section into resources.

use std::collections::BTreeMap;

use engine::{Handle, Stack, intrinsic};

use crate::alarm::Alarm;
use crate::composite_alarm::CompositeAlarm;
use crate::dashboard::Dashboard;
use crate::inputs::{Inputs, LogInputs, LogOutput, Logs, Outputs};
use crate::log_group::LogGroup;
use crate::settings::Settings;
use crate::{composites, custom, filters, standard, widgets};

/// What CloudWatch Logs takes as retention: API_PutRetentionPolicy.
const RETENTIONS: &[u32] =
    &[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];

/// Declares the log groups: to be called first, since services and flow logs write into them.
///
/// `/ecs/<prefix>/<service>` for each service, `/vpc/<prefix>/flow-logs` for the network.
pub fn log_groups(settings: &Settings, inputs: &LogInputs, stack: &mut Stack) -> Logs {
    stack.section("monitoring.log-retention-days");
    let days = retention(settings.log_retention_days, "monitoring.log-retention-days", stack);
    let prefix = &inputs.prefix;
    let mut services = BTreeMap::new();
    for service in &inputs.services {
        let address = format!("monitoring.log-group.{service}");
        services.insert(service.clone(), log_group(address, format!("/ecs/{prefix}/{service}"), days, inputs, stack));
    }
    let flow_logs = inputs.flow_logs.as_ref().map(|flow_logs| {
        let days = match flow_logs.retention_days {
            Some(days) => {
                stack.section(&flow_logs.key);
                retention(days, &flow_logs.key, stack)
            }
            None => days,
        };
        log_group("monitoring.flow-logs".to_owned(), format!("/vpc/{prefix}/flow-logs"), days, inputs, stack)
    });
    Logs { services, flow_logs }
}

fn log_group(address: String, name: String, days: i32, inputs: &LogInputs, stack: &mut Stack) -> LogOutput {
    let group = LogGroup {
        log_group_name: Some(name),
        kms_key_id: inputs.key.clone(),
        retention_in_days: Some(days),
        ..LogGroup::default()
    };
    let handle = stack.add(address, group);
    LogOutput { name: handle.id(), arn: handle.get("Arn"), handle }
}

/// The days as CloudWatch Logs takes them; others are found wrong, and the next longer retention goes on.
fn retention(days: u32, key: &str, stack: &mut Stack) -> i32 {
    let next = RETENTIONS.iter().find(|allowed| **allowed >= days).copied().unwrap_or(3653);
    if next != days {
        let shorter = RETENTIONS.iter().rev().find(|allowed| **allowed < days);
        let hint = match shorter {
            Some(shorter) if *shorter != next => format!("write {shorter} or {next}"),
            _ => format!("write {next}"),
        };
        let message = format!("CloudWatch Logs cannot keep logs for {days} days");
        stack.findings.error("log-retention", key, message).hint(hint);
    }
    // At most 3653.
    i32::try_from(next).unwrap_or(3653)
}

/// Declares filters, alarms and the dashboard: to be called last.
pub fn declare(settings: &Settings, inputs: &Inputs, stack: &mut Stack) -> Outputs {
    stack.section("monitoring");
    let mut desk = Desk { settings, inputs, topic: None, alarms: BTreeMap::new(), stack };
    desk.topic = desk.topic(settings.notify.as_ref(), "monitoring.notify");
    standard::declare(&mut desk);
    filters::declare(&mut desk);
    custom::declare(&mut desk);
    composites::declare(&mut desk);
    desk.somebody_is_told();
    let alarms = desk.alarms;
    // Without anything to look at, a dashboard would be an empty page at 3 USD a month.
    let watched = !inputs.services.is_empty()
        || !inputs.load_balancers.is_empty()
        || !inputs.databases.is_empty()
        || !inputs.caches.is_empty()
        || !alarms.is_empty();
    if !settings.dashboard || !watched {
        return Outputs { alarms, dashboard: None, dashboard_url: None };
    }
    stack.section("monitoring.dashboard");
    let dashboard = Dashboard {
        dashboard_body: Some(widgets::body(settings, inputs, &alarms)),
        dashboard_name: Some(inputs.prefix.clone()),
        tags: None,
    };
    let handle = stack.add("monitoring.dashboard", dashboard);
    let (region, name) = (&inputs.region, &inputs.prefix);
    let url =
        format!("https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}#dashboards/dashboard/{name}");
    Outputs { alarms, dashboard: Some(handle.id()), dashboard_url: Some(url) }
}

/// What alarms are declared at: settings, inputs, and what is there already.
pub(crate) struct Desk<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) inputs: &'a Inputs,
    pub(crate) stack: &'a mut Stack,
    /// The ARN of the topic that alarms are sent to.
    pub(crate) topic: Option<String>,
    /// By name without prefix.
    pub(crate) alarms: BTreeMap<String, Handle>,
}

impl Desk<'_> {
    /// The ARN of a topic by the name in the environment file.
    pub(crate) fn topic(&mut self, name: Option<&String>, key: &str) -> Option<String> {
        let name = name?;
        let found = self.inputs.topics.get(name);
        if found.is_none() {
            let topics = self.inputs.topics.keys().map(String::as_str);
            let hint = match schema::closest(name, topics) {
                Some(closest) => format!("did you mean `{closest}`?"),
                None => format!("declare it: [events.topic.{name}]"),
            };
            self.stack.findings.error("unknown-topic", key, format!("there is no topic `{name}`")).hint(hint);
        }
        found.cloned()
    }

    /// Warns of alarms that tell nobody although there are topics.
    fn somebody_is_told(&mut self) {
        let Some(first) = self.inputs.topics.keys().next() else { return };
        if self.settings.notify.is_none() && !self.alarms.is_empty() {
            let message = "the alarms tell nobody".to_owned();
            let found = self.stack.findings.warning("alarms-unheard", "monitoring.notify", message);
            found.hint(format!("write notify = \"{first}\""));
        }
    }

    /// The full name of an alarm.
    pub(crate) fn full_name(&self, name: &str) -> String {
        format!("{}-{name}", self.inputs.prefix)
    }

    /// Declares an alarm that tells a topic.
    pub(crate) fn alarm(&mut self, name: &str, topic: Option<String>, alarm: Alarm) {
        let (alarm_actions, ok_actions) = self.actions(topic);
        let alarm = Alarm { alarm_name: Some(self.full_name(name)), alarm_actions, ok_actions, ..alarm };
        let handle = self.stack.add(format!("monitoring.alarm.{name}"), alarm);
        self.alarms.insert(name.to_owned(), handle);
    }

    /// Declares an alarm over alarms that tells a topic.
    pub(crate) fn composite(&mut self, name: &str, topic: Option<String>, alarm: CompositeAlarm) -> Handle {
        let (alarm_actions, ok_actions) = self.actions(topic);
        let alarm = CompositeAlarm { alarm_name: Some(self.full_name(name)), alarm_actions, ok_actions, ..alarm };
        let handle = self.stack.add(composite_address(name), alarm);
        self.alarms.insert(name.to_owned(), handle.clone());
        handle
    }

    fn actions(&self, topic: Option<String>) -> (Option<Vec<String>>, Option<Vec<String>>) {
        let actions = topic.map(|arn| vec![arn]);
        (actions.clone(), actions.filter(|_| self.settings.notify_recovery))
    }
}

/// The address of an alarm over alarms.
pub(crate) fn composite_address(name: &str) -> String {
    format!("monitoring.composite-alarm.{name}")
}

/// What a database or cache is called in alarms: its physical name without the prefix, as far as that is known.
pub(crate) fn label(identifier: &str, prefix: &str, kind: &str, name: &str) -> String {
    let rest = identifier.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('-'));
    match rest {
        Some(rest) if !rest.is_empty() && intrinsic::token(rest).is_none() => rest.to_owned(),
        _ if name == kind || name == "main" || name == "cache" => kind.to_owned(),
        _ => format!("{kind}-{name}"),
    }
}

/// What a load balancer is called in alarms.
pub(crate) fn balancer_label(name: &str) -> String {
    if name == "main" { "alb".to_owned() } else { format!("alb-{name}") }
}

/// What a cache node is called in alarms; without its number if it is the only one.
pub(crate) fn node_label(cache: &crate::Cache, index: usize, prefix: &str) -> String {
    let id = cache.cluster_ids.get(index).map(String::as_str).unwrap_or_default();
    let number = format!("-{:03}", index + 1);
    let group = id.strip_suffix(&number).unwrap_or(id);
    let label = label(group, prefix, "redis", &cache.name);
    if cache.cluster_ids.len() == 1 { label } else { label + &number }
}

#[cfg(test)]
mod tests;
