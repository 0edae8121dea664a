//! In which order a replacement happens, and what it drags along.

use std::collections::HashMap;

use serde_json::Value;

use super::build::{Request, derived_id};
use super::{Action, Verb};
use crate::Node;
use crate::intrinsic::{self, Reference};

/// The value of a reference as far as it stays what it is: that of something replaced does not.
fn stays(request: &Request<'_>, actions: &[Action], reference: &Reference) -> Option<Value> {
    let Some(index) = request.graph.find(reference.address.as_str()) else {
        return super::pseudo(request.pseudo, reference);
    };
    let action = actions.get(index).filter(|action| matches!(action.verb, Verb::NoOp | Verb::Update))?;
    let entry = action.entry.as_ref()?;
    crate::resource::value(&entry.id, &entry.attributes, reference.attribute.as_deref())
}

/// Whether the new one cannot be made while the old one is there: they would have the same name.
fn collides(request: &Request<'_>, node: &Node, action: &Action, actions: &[Action]) -> bool {
    let (Some(handler), Some(entry)) = (request.catalogue.get(&node.type_name), &action.entry) else { return false };
    if entry.type_name != node.type_name || entry.region != node.region {
        return false;
    }
    if schema::facts(&node.type_name).is_some_and(|facts| facts.replacement() == schema::Replacement::DeleteThenCreate)
    {
        return true;
    }
    let properties = intrinsic::resolve(&node.properties, &|reference| stays(request, actions, reference));
    let same = |name: &str| properties.get(name).is_some() && properties.get(name) == entry.properties.get(name);
    let facts = handler.facts();
    match facts.unique_name {
        Some(name) => same(name) && facts.unique_within.is_none_or(same),
        None => derived_id(request, &node.type_name, &properties).is_some_and(|id| id == entry.id),
    }
}

/// By node (actions are in the nodes' order): replaced, and deleted before it is made again.
fn delete_first_flags(request: &Request<'_>, actions: &[Action]) -> Vec<bool> {
    let graph = request.graph;
    let mut flags = vec![false; graph.nodes.len()];
    for &index in &graph.order {
        let action = &actions[index];
        if action.verb != Verb::Replace {
            continue;
        }
        // What it refers to must be deleted first, and cannot be while this is there.
        let dragged = graph.edges[index].iter().any(|edge| flags[edge.to]);
        flags[index] = dragged || collides(request, &graph.nodes[index], action, actions);
    }
    flags
}

/// What must be replaced only because it holds on to something that must be deleted first.
pub(super) fn forced_by_order(
    request: &Request<'_>,
    actions: &[Action],
    forced: &HashMap<usize, String>,
) -> HashMap<usize, String> {
    let flags = delete_first_flags(request, actions);
    let mut more = HashMap::new();
    for &index in &request.graph.order {
        let action = &actions[index];
        let exists = action.entry.is_some() && matches!(action.verb, Verb::NoOp | Verb::Update);
        if !exists || forced.contains_key(&index) {
            continue;
        }
        let holds = request.catalogue.get(&action.type_name).map(|handler| handler.facts().holds).unwrap_or_default();
        let held = request.graph.edges[index]
            .iter()
            .find(|edge| flags[edge.to] && edge.property.as_deref().is_some_and(|property| holds.contains(&property)));
        if let Some(edge) = held {
            let target = &request.graph.nodes[edge.to].address;
            let property = edge.property.as_deref().unwrap_or_default();
            more.insert(index, format!("{property} holds {target}, which must be deleted before it is made again"));
        }
    }
    more
}

/// Marks the replacements that delete first.
pub(super) fn delete_first(request: &Request<'_>, actions: &mut [Action]) {
    let flags = delete_first_flags(request, actions);
    for (index, flag) in flags.into_iter().enumerate() {
        actions[index].delete_first = flag;
    }
}
