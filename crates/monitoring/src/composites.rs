//! `[monitoring.composite.NAME]`: alarms over alarms.

use engine::Handle;

use crate::composite_alarm::CompositeAlarm;
use crate::custom::{did_you_mean, error};
use crate::module::{Desk, composite_address};
use crate::settings::Composite;

pub(crate) fn declare(desk: &mut Desk<'_>) {
    let settings = desk.settings;
    for (name, composite) in &settings.composite {
        add_composite(name, composite, desk);
    }
}

fn add_composite(name: &str, given: &Composite, desk: &mut Desk<'_>) {
    let section = format!("monitoring.composite.{name}");
    desk.stack.section(&section);
    let own = given.notify.as_ref();
    let topic = match own {
        Some(_) => desk.topic(own, &format!("{section}.notify")),
        None => desk.topic.clone(),
    };
    let (rule, named) = match (given.any.as_slice(), given.all.as_slice(), &given.rule) {
        ([], [], Some(rule)) => (rule.clone(), mentioned(rule, desk)),
        (any, [], None) if !any.is_empty() => (join(name, any, &format!("{section}.any"), " OR ", desk), Vec::new()),
        ([], all, None) if !all.is_empty() => (join(name, all, &format!("{section}.all"), " AND ", desk), Vec::new()),
        _ => {
            let message = "it takes exactly one of `any`, `all` and `rule`".to_owned();
            error(desk, "composite-rule", section, message, "write any = [\"api-cpu\", \"api-memory\"]".to_owned());
            return;
        }
    };
    let alarm = CompositeAlarm {
        alarm_description: given.description.clone(),
        alarm_rule: Some(rule),
        ..CompositeAlarm::default()
    };
    let handle = desk.composite(name, topic, alarm);
    // A rule in a person's own words names alarms without referring to them.
    for alarm in named {
        desk.stack.depends_on(&handle, &alarm);
    }
}

/// The alarms whose names stand in a rule.
fn mentioned(rule: &str, desk: &Desk<'_>) -> Vec<Handle> {
    let stands = |name: &str| {
        let full = desk.full_name(name);
        rule.contains(&format!("\"{full}\"")) || rule.contains(&format!("({full})"))
    };
    desk.alarms.iter().filter(|(name, _)| stands(name)).map(|(_, handle)| handle.clone()).collect()
}

/// `ALARM("a") OR ALARM("b")`, by references.
fn join(own: &str, names: &[String], key: &str, between: &str, desk: &mut Desk<'_>) -> String {
    let mut parts = Vec::new();
    for (index, name) in names.iter().enumerate() {
        let handle = match desk.alarms.get(name) {
            Some(handle) => handle.clone(),
            None if name != own && desk.settings.composite.contains_key(name) => Handle::to(composite_address(name)),
            None => {
                let hint = did_you_mean(name, desk.alarms.keys());
                error(desk, "unknown-alarm", format!("{key}.{index}"), format!("there is no alarm `{name}`"), hint);
                continue;
            }
        };
        parts.push(format!("ALARM(\"{}\")", handle.id()));
    }
    if parts.is_empty() { "FALSE".to_owned() } else { parts.join(between) }
}
