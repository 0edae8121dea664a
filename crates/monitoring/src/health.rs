//! The alarms' part of the health check.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{AlarmType, StateValue};
use cloud::{Address, Cloud, Failure};
use engine::health::{Check, Status};

use crate::cloudwatch;

/// What to look at: the alarms of an environment, as its state knows them.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    /// The region.
    pub region: String,
    /// Address and name of each `AWS::CloudWatch::Alarm` and `AWS::CloudWatch::CompositeAlarm`.
    pub alarms: Vec<(Address, String)>,
}

/// Asks for the alarms' states. One call for a hundred alarms; a failed call is no failure, but makes all unknown.
pub async fn check(cloud: &Arc<Cloud>, targets: &Targets) -> Vec<Check> {
    if targets.alarms.is_empty() {
        return Vec::new();
    }
    let client = cloud.client(&targets.region, Client::new);
    let names: Vec<String> = targets.alarms.iter().map(|(_, name)| name.clone()).collect();
    let kinds = [AlarmType::MetricAlarm, AlarmType::CompositeAlarm];
    let found = match cloudwatch::describe_alarms(&client, &names, &kinds).await {
        Ok(found) => found,
        Err(failure) => return unknown(targets, &failure),
    };
    let states = states(found);
    targets.alarms.iter().map(|(address, name)| judge(address, name, states.get(name))).collect()
}

fn unknown(targets: &Targets, failure: &Failure) -> Vec<Check> {
    let check = |(address, name): &(Address, String)| Check {
        name: format!("alarm {name}"),
        address: address.clone(),
        status: Status::Unknown,
        detail: failure.to_string(),
        hint: failure.hint.clone(),
    };
    targets.alarms.iter().map(check).collect()
}

/// What CloudWatch says of an alarm.
struct State {
    value: Option<StateValue>,
    reason: String,
    silent: bool,
}

fn states(found: cloudwatch::Alarms) -> HashMap<String, State> {
    let metric = found
        .metric
        .into_iter()
        .map(|alarm| (alarm.alarm_name, alarm.state_value, alarm.state_reason, alarm.actions_enabled));
    let composite = found
        .composite
        .into_iter()
        .map(|alarm| (alarm.alarm_name, alarm.state_value, alarm.state_reason, alarm.actions_enabled));
    metric
        .chain(composite)
        .filter_map(|(name, value, reason, enabled)| {
            Some((name?, State { value, reason: reason.unwrap_or_default(), silent: enabled == Some(false) }))
        })
        .collect()
}

fn judge(address: &Address, name: &str, state: Option<&State>) -> Check {
    let check = |status, detail: String, hint: Option<String>| Check {
        name: format!("alarm {name}"),
        address: address.clone(),
        status,
        detail,
        hint,
    };
    let Some(state) = state else {
        let hint = "see what else is missing: `cargo xtask drift`".to_owned();
        return check(Status::Unhealthy, "the alarm is not there any more".to_owned(), Some(hint));
    };
    let reason = |fallback: &str| {
        if state.reason.is_empty() { fallback.to_owned() } else { state.reason.clone() }
    };
    match &state.value {
        Some(StateValue::Alarm) => {
            let hint = "look at the dashboard: `cargo xtask dashboard --open`".to_owned();
            check(Status::Unhealthy, reason("past its threshold"), Some(hint))
        }
        Some(StateValue::Ok) if state.silent => {
            check(Status::Healthy, "within its threshold; its actions are switched off".to_owned(), None)
        }
        Some(StateValue::Ok) => check(Status::Healthy, reason("within its threshold"), None),
        Some(StateValue::InsufficientData) => check(Status::Unknown, reason("no data yet"), None),
        other => {
            let word = other.as_ref().map(ToString::to_string).unwrap_or_else(|| "no state".to_owned());
            check(Status::Unknown, word, None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_judged() {
        let address = Address::of("monitoring.alarm.api-cpu");
        let state = |value, reason: &str| State { value: Some(value), reason: reason.to_owned(), silent: false };
        let cases = [
            (Some(state(StateValue::Ok, "")), Status::Healthy, "within its threshold"),
            (Some(state(StateValue::Alarm, "Threshold Crossed: 91 > 80")), Status::Unhealthy, "91 > 80"),
            (Some(state(StateValue::InsufficientData, "")), Status::Unknown, "no data yet"),
            (Some(state(StateValue::from("NEW"), "")), Status::Unknown, "NEW"),
            (None, Status::Unhealthy, "not there"),
        ];
        for (state, status, words) in cases {
            let check = judge(&address, "p-api-cpu", state.as_ref());
            assert_eq!(check.status, status, "{check:?}");
            assert!(check.detail.contains(words), "{check:?}");
        }
    }

    #[test]
    fn without_an_answer_all_is_unknown() {
        let targets = Targets {
            region: "us-east-1".to_owned(),
            alarms: vec![(Address::of("monitoring.alarm.a"), "p-a".to_owned())],
        };
        let failure = Failure::new(cloud::FailureKind::Denied, "no").hint("sign in again");
        let checks = unknown(&targets, &failure);
        assert_eq!((checks.len(), checks[0].status), (1, Status::Unknown));
        assert_eq!(checks[0].hint.as_deref(), Some("sign in again"));
    }
}
