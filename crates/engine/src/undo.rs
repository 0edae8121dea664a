//! Taking a failed run back: what was there before it is declared again, and planned like anything else.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::plan::{Plan, Risk};
use crate::stack::Owned;
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
    let owned: BTreeMap<&Address, &[Owned]> = plan
        .actions
        .iter()
        .filter_map(|action| action.node.as_ref())
        .map(|node| (&node.address, node.owned.as_slice()))
        .collect();
    let node = |entry: &Entry| {
        let mut properties = entry.properties.clone();
        // What it needs may have to be made again, and then has another id.
        for needed in entry.dependencies.iter().filter_map(|needed| before.entries.get(needed)) {
            refer(&mut properties, needed);
            // A cut-off run may have left it referring to what was replaced, which goes on the way back.
            let replaced = before.deposed.iter().filter(|deposed| deposed.address == needed.address);
            replaced.for_each(|deposed| refer(&mut properties, deposed));
        }
        Node {
            address: entry.address.clone(),
            type_name: entry.type_name.clone(),
            region: entry.region.clone(),
            properties: intrinsic::lower(properties),
            depends_on: entry.dependencies.iter().filter(|need| before.entries.contains_key(*need)).cloned().collect(),
            owned: owned.get(&entry.address).map(|owned| owned.to_vec()).unwrap_or_default(),
            protected: entry.protected,
            origin: None,
        }
    };
    let nodes = before.entries.values().map(node).collect();
    let graph = Graph::build(nodes, catalogue).map_err(|findings| {
        let why = findings.first().map(|finding| finding.message.clone()).unwrap_or_default();
        Failure::invalid(format!("what was there before the run is not whole: {why}"))
    })?;
    Ok(WayBack { records: records.collect(), graph })
}

/// A named thing that was made again has the id of the one before it; its operation tells them apart.
fn same(a: &Entry, b: &Entry) -> bool {
    a.address == b.address && a.id == b.id && a.token == b.token
}

/// Makes references of the values of another resource.
fn refer(properties: &mut Value, needed: &Entry) {
    match properties {
        Value::String(text) => {
            let attributes =
                needed.attributes.iter().filter_map(|(name, value)| Some((Some(name.as_str()), value.as_str()?)));
            let mut values: Vec<(Option<&str>, &str)> = attributes.chain([(None, needed.id.as_str())]).collect();
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
