//! In which order a replacement happens, and what it drags along.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::build::{Request, derived_id, ending};
use super::{Action, Verb};
use crate::intrinsic::{self, Reference};
use crate::state::Entry;
use crate::{Address, Node};

/// The value of a reference as far as it stays what it is: that of something replaced does not.
fn stays(request: &Request<'_>, actions: &[Action], reference: &Reference) -> Option<Value> {
    let Some(index) = request.graph.find(reference.address.as_str()) else {
        return super::pseudo(request.pseudo, reference);
    };
    let action = actions.get(index).filter(|action| matches!(action.verb, Verb::NoOp | Verb::Update))?;
    let entry = action.entry.as_ref()?;
    crate::resource::value(&entry.id, &entry.attributes, reference.attribute.as_deref())
}

/// Whether a new one cannot be made while this one is there: they would have the same name.
fn collides(request: &Request<'_>, node: &Node, entry: &Entry, actions: &[Action]) -> bool {
    let Some(handler) = request.catalogue.get(&node.type_name) else { return false };
    if entry.type_name != node.type_name || entry.region != node.region {
        return false;
    }
    let once = schema::facts(&node.type_name)
        .is_some_and(|facts| facts.replacement() == schema::Replacement::DeleteThenCreate);
    if once && entry.address == node.address {
        return true;
    }
    let properties = intrinsic::resolve(&node.properties, &|reference| stays(request, actions, reference));
    let same = |name: &str| properties.get(name).is_some() && properties.get(name) == entry.properties.get(name);
    let facts = handler.facts();
    match facts.unique_name {
        // Neither says where: then both are in the same default place.
        Some(name) => {
            let place = |within: &str| properties.get(within) == entry.properties.get(within);
            same(name) && facts.unique_within.is_none_or(place)
        }
        None => derived_id(request, &node.type_name, &properties).is_some_and(|id| id == entry.id),
    }
}

/// What is about to be deleted, but for its replacement, by type: only the like is in the way of the like.
type Going<'a> = HashMap<&'a str, Vec<&'a Entry>>;

fn going<'a>(request: &'a Request<'_>) -> Going<'a> {
    let mut going = Going::new();
    for entry in ending(request) {
        going.entry(&entry.type_name).or_default().push(entry);
    }
    going
}

/// Which of these is in the way of what is to be made.
fn in_the_way<'a>(
    request: &Request<'_>,
    going: &Going<'a>,
    node: &Node,
    action: &Action,
    actions: &[Action],
) -> Vec<&'a Entry> {
    if !matches!(action.verb, Verb::Create | Verb::Replace) {
        return Vec::new();
    }
    let like = going.get(node.type_name.as_str()).into_iter().flatten().copied();
    like.filter(|entry| collides(request, node, entry, actions)).collect()
}

/// What a name that must be free first brings with it.
struct First<'a> {
    /// By node (actions are in the nodes' order): made only after what is in its way, or it itself, is deleted.
    flags: Vec<bool>,
    /// By node: replaced, and made only after it itself is deleted.
    own: Vec<bool>,
    /// Where something must be deleted before something is made.
    addresses: HashSet<&'a Address>,
}

fn deleted_first<'a>(request: &'a Request<'_>, actions: &'a [Action]) -> First<'a> {
    let graph = request.graph;
    let (mut flags, mut own) = (vec![false; graph.nodes.len()], vec![false; graph.nodes.len()]);
    let mut first: HashSet<&Address> = HashSet::new();
    let going = going(request);
    for (index, (node, action)) in graph.nodes.iter().zip(actions).enumerate() {
        let replaced = action.entry.as_ref().filter(|_| action.verb == Verb::Replace);
        let colliding = replaced.filter(|entry| collides(request, node, entry, actions));
        own[index] = colliding.is_some();
        for entry in colliding.into_iter().chain(in_the_way(request, &going, node, action, actions)) {
            first.insert(&entry.address);
            flags[index] = true;
        }
    }
    loop {
        let before = (first.len(), own.clone());
        // What refers to one of them must go before it.
        let refers = |entry: &Entry, first: &HashSet<&Address>| entry.dependencies.iter().any(|n| first.contains(n));
        let ending: Vec<&Entry> =
            going.values().flatten().copied().filter(|entry| !first.is_empty() && refers(entry, &first)).collect();
        first.extend(ending.into_iter().map(|entry| &entry.address));
        for &index in &graph.order {
            let action = &actions[index];
            let (Verb::Replace, Some(entry), false) = (&action.verb, &action.entry, own[index]) else { continue };
            if graph.edges[index].iter().any(|edge| flags[edge.to]) || refers(entry, &first) {
                (flags[index], own[index]) = (true, true);
                first.insert(&action.address);
            }
        }
        if (first.len(), &own) == (before.0, &before.1) {
            return First { flags, own, addresses: first };
        }
    }
}

/// What must be replaced only because it holds on to something that must be deleted first.
pub(super) fn forced_by_order(
    request: &Request<'_>,
    actions: &[Action],
    forced: &HashMap<usize, String>,
) -> HashMap<usize, String> {
    let first = deleted_first(request, actions);
    let mut waits = first.flags.clone();
    let mut more = HashMap::new();
    for &index in &request.graph.order {
        waits[index] |= request.graph.edges[index].iter().any(|edge| waits[edge.to]);
        let action = &actions[index];
        let exists = matches!(action.verb, Verb::NoOp | Verb::Update);
        let Some(entry) = action.entry.as_ref().filter(|_| exists) else { continue };
        // What waits for nothing of the kind lets go before.
        if !waits[index] || forced.contains_key(&index) {
            continue;
        }
        let holds = request.catalogue.get(&action.type_name).map(|handler| handler.facts().holds).unwrap_or_default();
        // A change that was cut off may have taken effect: what is there counts as well as what was last applied.
        let live = request.live.get(&entry.address).and_then(Option::as_ref).map(|(properties, _)| properties);
        let going = entry.dependencies.iter().filter(|needed| first.addresses.contains(needed));
        let held =
            going.flat_map(|needed| holds.iter().map(move |property| (needed, property))).find(|(needed, property)| {
                let there = request.state.entries.values().chain(&request.state.deposed);
                let mut there = there.filter(|entry| entry.address == **needed);
                let values = [Some(&entry.properties), live].map(|properties| properties?.get(property));
                there.any(|target| values.into_iter().flatten().any(|value| refers(value, target)))
            });
        if let Some((target, property)) = held {
            more.insert(index, format!("{property} holds {target}, which must be deleted before it is made again"));
        }
    }
    more
}

/// Whether a value holds the id or an attribute of a resource.
fn refers(value: &Value, to: &Entry) -> bool {
    match value {
        Value::String(text) => {
            let mut values = to.attributes.values().filter_map(Value::as_str).chain([to.id.as_str()]);
            values.any(|value| crate::resource::is_told_by(value, text))
        }
        Value::Array(items) => items.iter().any(|item| refers(item, to)),
        Value::Object(map) => map.values().any(|item| refers(item, to)),
        _ => false,
    }
}

/// Marks the replacements that delete first.
pub(super) fn delete_first(request: &Request<'_>, actions: &mut [Action]) {
    let own = deleted_first(request, actions).own;
    for (action, first) in actions.iter_mut().zip(own) {
        action.delete_first = first;
    }
}

/// Marks the deletions of what is in the way of something to be made.
pub(super) fn make_room(request: &Request<'_>, actions: &[Action], deletions: &mut [Action]) {
    let going = going(request);
    for (node, action) in request.graph.nodes.iter().zip(actions) {
        for entry in in_the_way(request, &going, node, action, actions) {
            let same = |deletion: &&mut Action| {
                deletion.address == entry.address && deletion.entry.as_ref().is_some_and(|other| other.id == entry.id)
            };
            if let Some(deletion) = deletions.iter_mut().find(same) {
                deletion.makes_room_for = Some(node.address.clone());
            }
        }
    }
}
