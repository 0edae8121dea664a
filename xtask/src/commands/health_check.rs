//! `health-check`: every layer of what was deployed.

use std::sync::Arc;
use std::time::Duration;

use cloud::Cloud;

use engine::event::Events;
use engine::health::{Check, Status};
use engine::session::Purpose;
use engine::{Address, Session};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::app::{App, Place};
use crate::cli::HealthArgs;
use crate::display::style::{ADD, CHANGE, DESTROY, paint};
use crate::display::table::Columns;
use crate::display::{data, json as print_json, talk};
use crate::error::{Error, Result, status};

/// How often `--watch` looks.
const EVERY: Duration = Duration::from_secs(5);

/// Checks once, or again and again.
pub async fn run(app: &App, args: &HealthArgs) -> Result<()> {
    let loaded = app.load()?;
    let place = app.connect(&loaded.settings.region, loaded.settings.account.as_deref()).await?;
    let session = app.session(&loaded.name, &place, Events::default(), Purpose::Look).await?;
    if session.state.entries.is_empty() {
        return Err(Error::told(format!("nothing of {} is deployed", loaded.name)).hint("cargo xtask deploy-full"));
    }
    loop {
        let checks = check(app, &session, &place, &loaded.name).await;
        let healthy = checks.iter().all(|check| check.status != Status::Unhealthy);
        show(app, &checks, healthy);
        if !args.watch {
            return if healthy { Ok(()) } else { Err(Error::Exit(status::UNHEALTHY)) };
        }
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            _ = tokio::signal::ctrl_c() => return Ok(()),
        }
    }
}

/// A resource as the health checks take it: address, type, id, properties and attributes.
type Subject = (Address, String, String, Value);

/// All checks of all layers, worst first.
pub async fn check(app: &App, session: &Session, place: &Place, name: &str) -> Vec<Check> {
    let surroundings = app.surroundings(name, place);
    let mut regions: std::collections::BTreeMap<&str, Vec<Subject>> = std::collections::BTreeMap::new();
    for entry in session.state.entries.values() {
        let known = json!({ "properties": entry.properties, "attributes": entry.attributes });
        let subject = (entry.address.clone(), entry.type_name.clone(), entry.id.clone(), known);
        regions.entry(&entry.region).or_default().push(subject);
    }
    let layers = regions.into_iter().map(|(region, subjects)| {
        let cx = surroundings.context(&Address::of("health"), region, "health-check");
        async move {
            let (a, b, c, d, e, f) = futures::join!(
                networking::health::check(&subjects, &cx),
                compute::health::check(&subjects, &cx),
                storage::health::check(&subjects, &cx),
                security::health::check(&subjects, &cx),
                events::health::check(&subjects, &cx),
                alarms(&subjects, region, &place.cloud),
            );
            [a, b, c, d, e, f].concat()
        }
    });
    let mut checks = join_all(layers).await.concat();
    checks.extend(unfinished(session));
    checks.sort_by(|a, b| b.status.cmp(&a.status).then_with(|| a.address.cmp(&b.address)));
    checks
}

async fn alarms(subjects: &[Subject], region: &str, cloud: &Arc<Cloud>) -> Vec<Check> {
    let is_alarm = |kind: &str| kind.ends_with("::Alarm") || kind.ends_with("::CompositeAlarm");
    let alarms = subjects.iter().filter(|(_, kind, ..)| is_alarm(kind));
    let alarms = alarms.map(|(address, _, id, _)| (address.clone(), id.clone())).collect();
    monitoring::health::check(cloud, &monitoring::health::Targets { region: region.to_owned(), alarms }).await
}

/// What the last run left unfinished.
fn unfinished(session: &Session) -> Vec<Check> {
    let entries = session.state.entries.values().filter(|entry| entry.incomplete || entry.failed.is_some());
    entries
        .map(|entry| Check {
            name: "deployment".to_owned(),
            address: entry.address.clone(),
            status: Status::Unhealthy,
            detail: entry.failed.clone().unwrap_or_else(|| "its last operation was cut off".to_owned()),
            hint: Some("cargo xtask deploy-full".to_owned()),
        })
        .collect()
}

fn show(app: &App, checks: &[Check], healthy: bool) {
    if app.global.json {
        print_json(&json!({ "healthy": healthy, "checks": checks }));
        return;
    }
    let mut table = Columns::new(&["status", "what", "address", "detail"]);
    // Alarms without data are many after a first deploy, and say nothing one by one.
    let is_silent = |check: &&Check| check.status == Status::Unknown && check.name.starts_with("alarm ");
    let silent = checks.iter().filter(is_silent).count();
    for check in checks.iter().filter(|check| silent < 3 || !is_silent(check)) {
        let status = match check.status {
            Status::Healthy => paint(ADD, "✓ healthy"),
            Status::Unknown => paint(CHANGE, "? unknown"),
            Status::Unhealthy => paint(DESTROY, "✗ unhealthy"),
        };
        table.row([status, check.name.clone(), check.address.to_string(), check.detail.clone()]);
    }
    if silent >= 3 {
        let status = paint(CHANGE, "? unknown");
        table.row([status, format!("{silent} alarms"), "monitoring.alarm".to_owned(), "no data yet".to_owned()]);
    }
    data(table.text());
    for check in checks.iter().filter(|check| check.status != Status::Healthy) {
        if let Some(hint) = &check.hint {
            talk(format_args!("help: {}: {hint}", check.address));
        }
    }
    let count = |status| checks.iter().filter(|check| check.status == status).count();
    let (bad, open) = (count(Status::Unhealthy), count(Status::Unknown));
    let verdict = if healthy { "Healthy:".to_owned() } else { format!("Unhealthy: {bad} of") };
    let open = if open > 0 { format!(", {open} not known yet") } else { String::new() };
    data(format_args!("{verdict} {} checks{open}.", checks.len()));
}
