//! What cannot follow the target of a property to another place: a load balancer its subnets to another VPC.

use std::collections::BTreeSet;

use serde_json::Value;

use super::build::Request;
use super::{Action, Verb};
use crate::intrinsic::{self, Reference};
use crate::state::Entry;
use crate::{Address, Node};

/// Why a resource must be replaced: what it refers to is, or will be, elsewhere than what it refers to until now.
///
/// Places are compared, not what this plan does: a run that was cut off may have moved the targets already.
pub(super) fn reasons(
    request: &Request<'_>,
    index: usize,
    entry: &Entry,
    actions: &[Option<Action>],
    lookup: &dyn Fn(&Reference) -> Option<Value>,
) -> Vec<String> {
    let graph = request.graph;
    let Some(handler) = request.catalogue.get(&graph.nodes[index].type_name) else { return Vec::new() };
    let mut reasons = Vec::new();
    for (property, cause) in handler.facts().moves_with {
        let edges = || graph.edges[index].iter().filter(|edge| edge.property.as_deref() == Some(property));
        let targets = edges().map(|edge| &graph.nodes[edge.to].address);
        let mut ids = BTreeSet::new();
        texts(&entry.properties[property], &mut ids);
        let was = places(request, entry, &ids, cause, targets);
        for edge in edges() {
            let target = &graph.nodes[edge.to];
            let moves = match place(request, target, cause, actions[edge.to].as_ref(), lookup) {
                Place::None => false,
                // Where it was may not be known any more: what it referred to is gone.
                Place::At(place) => !was.is_empty() && !was.contains(&place),
                // What is still to be made is not what was there.
                Place::Unknown => !ids.is_empty(),
            };
            if moves {
                reasons.push(format!("{property} cannot follow {} to another place", target.address));
            }
        }
    }
    reasons
}

/// Where that is, of these ids, which a property refers to until now, as far as the state knows it.
fn places<'a>(
    request: &'a Request<'_>,
    entry: &'a Entry,
    ids: &BTreeSet<&str>,
    cause: &str,
    targets: impl Iterator<Item = &'a Address>,
) -> BTreeSet<String> {
    let addresses: BTreeSet<&Address> = entry.dependencies.iter().chain(targets).collect();
    let entries = addresses.iter().filter_map(|address| request.state.entries.get(*address));
    let replaced = request.state.deposed.iter().filter(|deposed| addresses.contains(&deposed.address));
    let referred = entries.chain(replaced).filter(|one| ids.contains(one.id.as_str()));
    referred.filter_map(|one| Some(one.properties.get(cause)?.as_str()?.to_owned())).collect()
}

/// Where a target is after the plan.
enum Place {
    /// The property that would tell is not declared.
    None,
    At(String),
    /// At something that is not there yet.
    Unknown,
}

fn place(
    request: &Request<'_>,
    target: &Node,
    cause: &str,
    action: Option<&Action>,
    lookup: &dyn Fn(&Reference) -> Option<Value>,
) -> Place {
    let made = action.is_some_and(|action| matches!(action.verb, Verb::Create | Verb::Replace));
    let place = match request.state.entries.get(&target.address).filter(|_| !made) {
        Some(entry) => entry.properties.get(cause).cloned(),
        None => target.properties.get(cause).map(|declared| intrinsic::resolve(declared, lookup)),
    };
    match place {
        None => Place::None,
        Some(Value::String(place)) if intrinsic::token(&place).is_none() => Place::At(place),
        Some(_) => Place::Unknown,
    }
}

fn texts<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::String(text) => drop(found.insert(text)),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(map) => map.values().for_each(|item| texts(item, found)),
        _ => {}
    }
}
