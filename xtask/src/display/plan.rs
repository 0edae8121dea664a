//! How a plan is shown: destroys and replacements first, one line per resource, then what changes in it.

use std::collections::BTreeMap;

use engine::Address;
use engine::diff::Change;
use engine::plan::{Action, Plan, Risk, Verb};
use serde::Serialize;
use serde_json::{Value, json};

use super::inside::{Live, Pair};
use super::losses::will_keep;
use super::style::{ADD, CHANGE, DESTROY, QUIET, STRONG, paint};
use super::words::{count, duration, money, value};

/// The expected monthly cost by resource, where it costs something.
pub type Costs = BTreeMap<Address, f64>;

/// The sign of an action: `+`, `~`, `-`, `-/+` (delete first), `+/-` (create first).
pub fn sign(action: &Action) -> &'static str {
    match (action.verb, action.delete_first) {
        (Verb::NoOp, _) => " ",
        (Verb::Create, _) => "+",
        (Verb::Update, _) => "~",
        (Verb::Delete, _) => "-",
        (Verb::Replace, true) => "-/+",
        (Verb::Replace, false) => "+/-",
    }
}

fn style(action: &Action) -> anstyle::Style {
    match action.verb {
        Verb::NoOp => QUIET,
        Verb::Create => ADD,
        Verb::Update => CHANGE,
        Verb::Replace | Verb::Delete => DESTROY,
    }
}

/// Worst first: what destroys, what replaces, what changes, what is made.
fn rank(action: &Action) -> (u8, std::cmp::Reverse<Risk>) {
    let verb = match action.verb {
        Verb::Delete => 0,
        Verb::Replace => 1,
        Verb::Update => 2,
        Verb::Create => 3,
        Verb::NoOp => 4,
    };
    (verb, std::cmp::Reverse(action.risk))
}

fn sorted(plan: &Plan) -> Vec<&Action> {
    let mut actions: Vec<&Action> = plan.changes().collect();
    actions.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.address.cmp(&b.address)));
    actions
}

fn risk_words(risk: Risk) -> Option<&'static str> {
    match risk {
        Risk::None => None,
        Risk::Outage => Some("away meanwhile"),
        Risk::DataLoss => Some("its data are lost"),
        Risk::Protected => Some("protected"),
    }
}

/// The plan as text for a person.
pub fn text(plan: &Plan, costs: &Costs, details: bool) -> String {
    let actions = sorted(plan);
    let mut lines = Vec::new();
    let width = actions.iter().map(|action| action.address.as_str().len()).max().unwrap_or_default();
    // Where everything goes, each one's reason is the same.
    let all_go = actions.iter().all(|action| action.verb == Verb::Delete);
    let is_told = |action: &Action| match action.verb {
        Verb::Create => action.entry.is_some(),
        Verb::Delete => !all_go,
        _ => true,
    };
    for action in &actions {
        lines.push(headline(action, width, costs));
        for why in action.because.iter().filter(|_| is_told(action)) {
            lines.push(format!("      {}", paint(QUIET, format_args!("because {why}"))));
        }
        lines.extend(action.changes.iter().flat_map(|one| change(one, details)));
        if details && action.verb == Verb::Create {
            lines.extend(properties(action));
        }
    }
    lines.push(summary_line(plan));
    lines.join("\n")
}

fn headline(action: &Action, width: usize, costs: &Costs) -> String {
    let sign = paint(style(action), format_args!("{:>3}", sign(action)));
    let mut notes = vec![action.type_name.clone()];
    notes.extend(costs.get(&action.address).map(|monthly| format!("${}/month", money(*monthly))));
    if action.expected_seconds >= 1.0 {
        notes.push(format!("~{}", duration(action.expected_seconds)));
    }
    let kept = action.entry.as_ref().filter(|_| action.risk == Risk::DataLoss).and_then(will_keep);
    let risk = match (risk_words(action.risk), kept) {
        (_, Some(kept)) => paint(DESTROY, format_args!("  ! keeps {kept}")),
        (Some(risk), None) => paint(DESTROY, format_args!("  ! {risk}")),
        (None, None) => String::new(),
    };
    let address = paint(STRONG, format_args!("{:<width$}", action.address.as_str()));
    format!("{sign} {address}  {}{risk}", paint(QUIET, notes.join(" · ")))
}

fn change(change: &Change, details: bool) -> Vec<String> {
    let forces = if change.forces_replacement { paint(DESTROY, "  forces replacement") } else { String::new() };
    let pair = Pair { before: &change.before, after: &change.after, sensitive: change.sensitive };
    let lines = pair.lines(&change.place(), &forces, Live::Before, details);
    lines.into_iter().map(|line| format!("      {line}")).collect()
}

fn properties(action: &Action) -> Vec<String> {
    let Some(Value::Object(map)) = action.node.as_ref().map(|node| &node.properties) else { return Vec::new() };
    map.iter().map(|(key, property)| format!("      {key}: {}", paint(QUIET, value(property)))).collect()
}

/// `Plan: N to add, N to change, N to replace, N to destroy`.
pub fn summary_line(plan: &Plan) -> String {
    let summary = plan.summary();
    if summary.is_empty() {
        let there = plan.actions.iter().filter(|action| action.entry.is_some()).count();
        return format!("No changes: {} as declared.", count(there, "resource"));
    }
    format!(
        "\nExpected time: {}\nPlan: {} to add, {} to change, {} to replace, {} to destroy",
        duration(plan.expected_seconds),
        summary.add,
        summary.change,
        summary.replace,
        summary.destroy
    )
}

#[derive(Serialize)]
struct ActionJson<'a> {
    address: &'a Address,
    #[serde(rename = "type")]
    type_name: &'a str,
    region: &'a str,
    action: Verb,
    sign: &'static str,
    changes: Vec<Value>,
    because: &'a [String],
    risk: Risk,
    monthly_cost: Option<f64>,
    expected_seconds: f64,
}

/// The plan as the contract's JSON document.
pub fn document(plan: &Plan, costs: &Costs) -> Value {
    let actions: Vec<ActionJson<'_>> = sorted(plan)
        .into_iter()
        .map(|action| ActionJson {
            address: &action.address,
            type_name: &action.type_name,
            region: &action.region,
            action: action.verb,
            sign: sign(action),
            changes: action.changes.iter().map(change_json).collect(),
            because: &action.because,
            risk: action.risk,
            monthly_cost: costs.get(&action.address).copied(),
            expected_seconds: action.expected_seconds,
        })
        .collect();
    json!({
        "environment": plan.environment,
        "actions": actions,
        "summary": plan.summary(),
        "expected_seconds": plan.expected_seconds,
    })
}

fn change_json(change: &Change) -> Value {
    let side = |value: &Option<Value>| if change.sensitive { json!("(sensitive)") } else { json!(value) };
    json!({
        "path": change.place(),
        "before": side(&change.before),
        "after": side(&change.after),
        "forces_replacement": change.forces_replacement,
    })
}
