//! Taking a failed run back: what was there before it is declared again, and planned like anything else.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::apply::Outcome;
use crate::plan::{Plan, Risk};
use crate::state::{Entry, Record};
use crate::{Address, Catalogue, Failure, Graph, Node, State, intrinsic, resource};

/// The way back.
pub(crate) struct WayBack {
    /// What the state must take up first: what was replaced and is still there takes its place again.
    pub records: Vec<Record>,
    /// What was there before, as if it were declared.
    pub graph: Graph,
}

/// Finds the way back from a run of `plan`, which led from `before` to `now`.
pub(crate) fn way_back(before: &State, now: &State, plan: &Plan, catalogue: &Catalogue) -> Result<WayBack, Failure> {
    let still = |entry: &&Entry| now.deposed.iter().any(|deposed| same(deposed, entry));
    let records = before.entries.values().filter(still).flat_map(|entry| {
        let forgot = Record::Forgot { address: entry.address.clone(), id: entry.id.clone() };
        [forgot, Record::Adopted(Box::new(entry.clone()))]
    });
    let declared: BTreeMap<&Address, &Node> =
        plan.actions.iter().filter_map(|action| action.node.as_ref()).map(|node| (&node.address, node)).collect();
    let mut kept = BTreeSet::new();
    let mut nodes: Vec<Node> = Vec::new();
    for entry in before.entries.values() {
        let declared = declared.get(&entry.address);
        let mut properties = entry.properties.clone();
        if let Some(declared) = declared {
            let there = |needed| before.entries.get(needed).or_else(|| now.entries.get(needed));
            let needs = entry.dependencies.iter().filter_map(there);
            let unheard: BTreeSet<&Address> =
                needs.filter(|needed| !tells_of(&properties, needed)).map(|needed| &needed.address).collect();
            renew(&mut properties, &declared.properties, &unheard, &mut kept);
        }
        // What it needs may have to be made again, and then has another id.
        for needed in entry.dependencies.iter().filter_map(|needed| before.entries.get(needed)) {
            refer(&mut properties, needed);
            // A cut-off run may have left it referring to what was replaced, which goes on the way back.
            let replaced = before.deposed.iter().filter(|deposed| deposed.address == needed.address);
            replaced.for_each(|deposed| refer(&mut properties, deposed));
        }
        nodes.push(Node {
            address: entry.address.clone(),
            type_name: entry.type_name.clone(),
            region: entry.region.clone(),
            properties: intrinsic::lower(properties),
            depends_on: entry.dependencies.clone(),
            owned: declared.map(|declared| declared.owned.clone()).unwrap_or_default(),
            protected: entry.protected,
            origin: None,
        });
    }
    // What an earlier run had deleted, and this one made again, stays where there is no way back without it.
    while let Some(address) = kept.pop_first() {
        if let Some(node) = declared.get(&address).filter(|_| !nodes.iter().any(|node| node.address == address)) {
            kept.extend(intrinsic::references(&node.properties).into_iter().map(|(_, reference)| reference.address));
            nodes.push((*node).clone());
        }
    }
    let there: BTreeSet<Address> = nodes.iter().map(|node| node.address.clone()).collect();
    nodes.iter_mut().for_each(|node| node.depends_on.retain(|needed| there.contains(needed)));
    let graph = Graph::build(nodes, catalogue).map_err(|findings| {
        let why = findings.first().map(|finding| finding.message.clone()).unwrap_or_default();
        Failure::invalid(format!("what was there before the run is not whole: {why}"))
    })?;
    Ok(WayBack { records: records.collect(), graph })
}

/// What a failed run, which led from `before` to `now`, came to.
pub(crate) fn touched(before: &State, now: &State, outcome: &Outcome) -> BTreeSet<Address> {
    let failed = outcome.failed.iter().map(|failed| failed.address.clone());
    let changed = before.entries.keys().chain(now.entries.keys());
    let changed = changed.filter(|address| before.entries.get(*address) != now.entries.get(*address)).cloned();
    changed.chain(failed).collect()
}

/// What held data before, and is another one now.
pub(crate) fn lost(before: &State, now: &State, catalogue: &Catalogue) -> Vec<Address> {
    let holds = |entry: &&Entry| catalogue.get(&entry.type_name).is_some_and(|handler| handler.facts().holds_data);
    let there = |entry: &Entry| now.entries.values().chain(&now.deposed).any(|now| same(now, entry));
    let gone = before.entries.values().filter(holds).filter(|entry| !there(entry));
    gone.map(|entry| entry.address.clone()).collect()
}

/// A named thing that was made again has the id of the one before it; its operation tells them apart.
fn same(a: &Entry, b: &Entry) -> bool {
    a.address == b.address && a.id == b.id && a.token == b.token
}

/// Whether properties hold a value of another resource.
fn tells_of(properties: &Value, needed: &Entry) -> bool {
    match properties {
        Value::String(text) => values(needed).any(|(_, value)| resource::is_told_by(value, text)),
        Value::Array(items) => items.iter().any(|item| tells_of(item, needed)),
        Value::Object(map) => map.values().any(|value| tells_of(value, needed)),
        _ => false,
    }
}

/// An earlier run may have deleted what a resource needs, or made it again, and been cut off before it told the resource:
/// then its properties lead to what is gone, and hold nothing of what took its place. There is no way back to that: what is
/// declared now stands for such a reference. `renewed` gets what it refers to.
fn renew(properties: &mut Value, declared: &Value, unheard: &BTreeSet<&Address>, renewed: &mut BTreeSet<Address>) {
    match (properties, declared) {
        (Value::Object(map), Value::Object(declared)) => {
            for (key, value) in map {
                declared.get(key).into_iter().for_each(|declared| renew(value, declared, unheard, renewed));
            }
        }
        (Value::Array(items), Value::Array(declared)) => {
            items.iter_mut().zip(declared).for_each(|(item, declared)| renew(item, declared, unheard, renewed));
        }
        // An object's members were gone into above: this is a function.
        (text @ Value::String(_), Value::Object(_)) => {
            let refers: Vec<Address> = intrinsic::refers(declared).into_iter().map(|it| it.address).collect();
            if refers.iter().any(|address| unheard.contains(address)) {
                *text = declared.clone();
                renewed.extend(refers);
            }
        }
        _ => {}
    }
}

/// The id and the attributes of a resource, as far as they are text.
fn values(entry: &Entry) -> impl Iterator<Item = (Option<&str>, &str)> {
    let attributes = entry.attributes.iter().filter_map(|(name, value)| Some((Some(name.as_str()), value.as_str()?)));
    attributes.chain([(None, entry.id.as_str())])
}

/// Makes references of the values of another resource.
fn refer(properties: &mut Value, needed: &Entry) {
    match properties {
        Value::String(text) => {
            let mut values: Vec<(Option<&str>, &str)> = values(needed).collect();
            // The longest first: an ARN holds the name that it ends with.
            values.sort_by_key(|(_, value)| std::cmp::Reverse(value.len()));
            for (attribute, value) in values {
                if resource::is_told_by(value, text) {
                    *text = text.replace(value, &intrinsic::reference(&needed.address, attribute));
                    return;
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| refer(item, needed)),
        Value::Object(map) => map.values_mut().for_each(|value| refer(value, needed)),
        _ => {}
    }
}

/// Whether the way back deletes nothing protected but what the failed run itself had made.
pub(crate) fn needs_no_consent(before: &State, back: &Plan) -> bool {
    let was_there = |address: &Address, id: &str| before.entries.get(address).is_some_and(|entry| entry.id == id);
    let mut protected = back.changes().filter(|action| action.risk == Risk::Protected);
    protected.all(|action| action.entry.as_ref().is_some_and(|entry| !was_there(&action.address, &entry.id)))
}
