//! How drift is shown: what is gone first, then what is changed, each with who did it, then what is in no state.

use std::collections::{BTreeMap, BTreeSet};

use engine::drift::{Difference, Drift, Kind, Theirs, Unmanaged, Would};
use engine::plan::Verb;
use security::actor::Actor;
use serde_json::{Value, json};

use super::inside::{Live, Pair, shown};
use super::style::{ADD, CHANGE, DESTROY, QUIET, STRONG, paint};
use super::words::count;

/// All that a look at the cloud brought.
#[derive(Default)]
pub struct Report {
    /// The environment.
    pub environment: String,
    /// The cloud.
    pub cloud: String,
    /// How many resources the state has.
    pub resources: usize,
    /// Whether the file was there to be compared with.
    pub has_file: bool,
    /// What drifted, worst first.
    pub drift: Vec<Drift>,
    /// What others changed by right.
    pub owned: Vec<Theirs>,
    /// What carries the environment's tags and is in no state.
    pub unmanaged: Vec<Unmanaged>,
    /// Who did it, by id or ARN.
    pub actors: BTreeMap<String, Actor>,
    /// What CloudTrail tells of nobody for, by id or ARN.
    pub nobody: BTreeSet<String>,
    /// Why CloudTrail was not asked about the others.
    pub unknown: Option<String>,
    /// What could not be looked at.
    pub notes: Vec<String>,
}

impl Report {
    /// Whether everything is as it was left.
    pub fn is_empty(&self) -> bool {
        self.drift.is_empty() && self.unmanaged.is_empty()
    }

    /// What to do about it.
    pub fn next_steps(&self) -> Vec<String> {
        let mut steps = Vec::new();
        let keeps = |drift: &Drift| {
            drift.kind == Kind::Changed && drift.changes.iter().all(|change| change.would == Would::Keep)
        };
        if self.drift.iter().any(|drift| !keeps(drift)) {
            steps.push(match self.has_file {
                true => "`cargo xtask deploy-full` sets it back; to keep a change, write it into the file.",
                false => "With the file, `cargo xtask deploy-full` would set it back.",
            });
        } else if !self.drift.is_empty() {
            steps.push("The file agrees with it all: `cargo xtask deploy-full` writes it down, and changes nothing.");
        }
        if self.unmanaged.iter().any(|one| one.adoptable) {
            steps.push("`cargo xtask state rebuild` takes into the state what carries the environment's tags.");
        }
        steps.into_iter().map(str::to_owned).collect()
    }

    /// Who did it, in words.
    fn by(&self, id: &str, did: &str) -> String {
        match (self.actors.get(id), &self.unknown) {
            (Some(Actor { who, when, event, from }), _) => {
                format!("{did} by {} at {when}: {event}, from {from}", short(who))
            }
            (None, Some(why)) if !self.nobody.contains(id) => format!("{did} by: unknown (CloudTrail: {why})"),
            (None, _) => format!("{did} by: unknown (CloudTrail tells of nobody else; it is some minutes late)"),
        }
    }
}

/// A user or role without account and partition: `user/alice`.
fn short(who: &str) -> &str {
    if who.starts_with("arn:") { who.splitn(6, ':').nth(5).unwrap_or(who) } else { who }
}

/// The drift as text for a person.
pub fn text(report: &Report, all: bool) -> String {
    let mut lines = Vec::new();
    let addresses = report.drift.iter().map(|drift| drift.entry.address.as_str().len());
    let width = addresses.max().unwrap_or_default();
    for drift in &report.drift {
        lines.push(headline(drift, width));
        lines.extend(drift.changes.iter().flat_map(changed).map(|line| format!("      {line}")));
        lines.extend(drift.because.iter().map(|why| format!("      {}", paint(QUIET, format_args!("because {why}")))));
        if drift.kind != Kind::Unfinished || !drift.changes.is_empty() {
            let did = if drift.kind == Kind::Gone { "deleted" } else { "changed" };
            lines.push(format!("      {}", paint(QUIET, report.by(&drift.entry.id, did))));
        }
    }
    for one in &report.unmanaged {
        lines.push(format!("{} {}  {}", paint(ADD, "  ?"), paint(STRONG, &one.arn), paint(QUIET, "in no state")));
        let address = one.address.as_deref().unwrap_or("no address");
        lines.push(format!("      tagged {address}: {}", one.why));
        lines.push(format!("      {}", paint(QUIET, report.by(&one.arn, "made"))));
        if !one.adoptable {
            lines.push("      nothing here can take it over: delete it, or take the tags off it".to_owned());
        }
    }
    if all {
        for Theirs { address, change, by } in &report.owned {
            let (from, to) = (shown(&change.applied, change.sensitive), shown(&change.live, change.sensitive));
            lines.push(format!("    {address}  {}: {from} → {to}, owned by {by}", change.property));
        }
    }
    lines.extend(report.notes.iter().map(|note| format!("Note: {note}")));
    if !lines.is_empty() {
        lines.push(String::new());
    }
    lines.push(summary(report));
    lines.join("\n")
}

fn headline(drift: &Drift, width: usize) -> String {
    let (style, sign, word) = match drift.kind {
        Kind::Gone => (DESTROY, "-", "gone"),
        Kind::Changed => (CHANGE, "~", "changed"),
        Kind::Unfinished => (CHANGE, "…", "not finished"),
    };
    let sign = paint(style, format_args!("{sign:>3}"));
    let address = paint(STRONG, format_args!("{:<width$}", drift.entry.address.as_str()));
    let next = match (drift.kind, drift.next) {
        (_, Some(Verb::Replace)) => paint(DESTROY, "  ! a deploy would replace it"),
        (_, Some(Verb::Delete)) => paint(DESTROY, "  ! a deploy would delete it"),
        (Kind::Gone, Some(Verb::Create)) => "  a deploy would make it again".to_owned(),
        (Kind::Gone, Some(_)) => "  it is not declared any more".to_owned(),
        _ => String::new(),
    };
    format!("{sign} {address}  {}  {word}{next}", paint(QUIET, &drift.entry.type_name))
}

fn changed(change: &Difference) -> Vec<String> {
    let would = match change.would {
        Would::SetBack => "a deploy sets it back".to_owned(),
        Would::Keep => "the file agrees with it".to_owned(),
        Would::Change => format!("the file wants {}", shown(&change.declared, change.sensitive)),
        Would::Unknown => String::new(),
    };
    let would = if would.is_empty() { would } else { paint(QUIET, format_args!("  ({would})")) };
    let pair = Pair { before: &change.applied, after: &change.live, sensitive: change.sensitive };
    // What AWS added where nobody declared anything is no drift, and so not told.
    pair.lines(&change.property, &would, Live::After, false)
}

fn summary(report: &Report) -> String {
    let of = |kind| report.drift.iter().filter(|drift| drift.kind == kind).count();
    let resources = count(report.resources, "resource");
    match (report.is_empty(), report.resources) {
        (true, 0) => format!("Nothing of {} is deployed.", report.environment),
        (true, _) => format!("No drift: {resources} as last applied."),
        (false, _) => format!(
            "Drift: {} gone, {} changed, {} not finished, of {resources}; {} in no state",
            of(Kind::Gone),
            of(Kind::Changed),
            of(Kind::Unfinished),
            report.unmanaged.len()
        ),
    }
}

/// The contract's JSON document.
pub fn document(report: &Report) -> Value {
    let drift: Vec<Value> = report
        .drift
        .iter()
        .map(|drift| {
            json!({
                "address": drift.entry.address,
                "type": drift.entry.type_name,
                "region": drift.entry.region,
                "id": drift.entry.id,
                "kind": drift.kind,
                "changes": drift.changes.iter().map(change_json).collect::<Vec<_>>(),
                "because": drift.because,
                "next": drift.next,
                "actor": report.actors.get(&drift.entry.id),
            })
        })
        .collect();
    let unmanaged: Vec<Value> = report
        .unmanaged
        .iter()
        .map(|one| {
            let mut value = json!(one);
            value["actor"] = json!(report.actors.get(&one.arn));
            value["next"] = json!(if one.adoptable { Some("cargo xtask state rebuild") } else { None });
            value
        })
        .collect();
    let owned: Vec<Value> = report
        .owned
        .iter()
        .map(|theirs| {
            let mut value = change_json(&theirs.change);
            value["address"] = json!(theirs.address);
            value["by"] = json!(theirs.by);
            value
        })
        .collect();
    json!({
        "environment": report.environment,
        "cloud": report.cloud,
        "drift": drift,
        "unmanaged": unmanaged,
        "owned": owned,
        "actors_unknown": report.unknown,
        "notes": report.notes,
    })
}

fn change_json(change: &Difference) -> Value {
    let side = |value: &Option<Value>| match value {
        Some(_) if change.sensitive => json!("(sensitive)"),
        value => json!(value),
    };
    json!({
        "property": change.property,
        "applied": side(&change.applied),
        "live": side(&change.live),
        "declared": side(&change.declared),
        "would": change.would,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(sensitive: bool) -> Difference {
        Difference {
            property: "P".into(),
            applied: Some(json!("hush")),
            live: Some(json!("loud")),
            declared: Some(json!("hush")),
            would: Would::SetBack,
            sensitive,
        }
    }

    #[test]
    fn secrets_are_shown_nowhere() {
        for sensitive in [true, false] {
            let shown = format!("{:?}{}", changed(&difference(sensitive)), change_json(&difference(sensitive)));
            assert_eq!(shown.contains("hush") || shown.contains("loud"), !sensitive, "{shown}");
        }
    }

    #[test]
    fn who_it_was_is_told_short_and_who_it_was_not_with_the_reason() {
        let mut report = Report::default();
        let alice = Actor {
            who: "arn:aws:iam::1:user/alice".into(),
            when: "2026-11-21T12:00:00Z".into(),
            event: "ModifyX".into(),
            from: "the console, 192.0.2.1".into(),
        };
        report.actors.insert("x".into(), alice);
        assert_eq!(
            report.by("x", "changed"),
            "changed by user/alice at 2026-11-21T12:00:00Z: ModifyX, from the console, 192.0.2.1"
        );
        assert!(report.by("y", "changed").contains("unknown"));
        report.unknown = Some("AccessDenied".into());
        assert_eq!(report.by("y", "changed"), "changed by: unknown (CloudTrail: AccessDenied)");
    }
}
