//! Taking a failed run back: what was there before it is declared again, and planned like anything else.

use std::collections::BTreeMap;

use serde_json::Value;

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
    let onwards = onwards(before, &declared);
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
            owned: declared.get(&entry.address).map(|node| node.owned.clone()).unwrap_or_default(),
            protected: entry.protected,
            origin: None,
        }
    };
    let back = before.entries.values().filter(|entry| !onwards.contains_key(&entry.address)).map(node);
    let nodes = back.chain(onwards.values().map(|node| (*node).clone())).collect();
    let graph = Graph::build(nodes, catalogue).map_err(|findings| {
        let why = findings.first().map(|finding| finding.message.clone()).unwrap_or_default();
        Failure::invalid(format!("what was there before the run is not whole: {why}"))
    })?;
    Ok(WayBack { records: records.collect(), graph })
}

/// What there is no way back for: an earlier run that was cut off had deleted what it needs, so that it refers to nothing.
/// It goes on to what the plan declares, with all that this needs.
fn onwards<'a>(before: &'a State, declared: &BTreeMap<&'a Address, &'a Node>) -> BTreeMap<&'a Address, &'a Node> {
    let dangling = |entry: &&Entry| entry.dependencies.iter().any(|needed| !before.entries.contains_key(needed));
    let mut open: Vec<&Address> = before.entries.values().filter(dangling).map(|entry| &entry.address).collect();
    let mut onwards = BTreeMap::new();
    while let Some(address) = open.pop() {
        let Some((address, node)) = declared.get_key_value(address) else { continue };
        if onwards.insert(*address, *node).is_some() {
            continue;
        }
        let referred = intrinsic::references(&node.properties).into_iter().map(|(_, reference)| reference.address);
        for needed in referred.chain(node.depends_on.iter().cloned()) {
            if let Some((needed, _)) = declared.get_key_value(&needed).filter(|_| !before.entries.contains_key(&needed))
            {
                open.push(needed);
            }
        }
    }
    onwards
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
