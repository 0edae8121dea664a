//! What cannot be deleted because something that is left out of the plan still uses it.

use std::collections::HashSet;

use super::build::{Request, unwanted};
use super::{Action, Verb};
use crate::state::Entry;

/// What stays as it is though it is declared otherwise, or not at all; and how it would have changed.
fn staying<'a>(request: &'a Request<'_>, left_out: &'a [Action]) -> Vec<(&'a Entry, Option<&'a Action>)> {
    let changing = left_out.iter().filter(|action| action.verb != Verb::Create);
    let mut staying: Vec<_> = changing.filter_map(|action| Some((action.entry.as_ref()?, Some(action)))).collect();
    let (mut going, left): (Vec<&Entry>, Vec<&Entry>) =
        unwanted(request).partition(|entry| request.selection.orphan(&entry.address));
    staying.extend(left.into_iter().map(|entry| (entry, None)));
    // What these use stays with them, and what that uses.
    loop {
        let used: HashSet<_> = staying.iter().flat_map(|(entry, _)| &entry.dependencies).collect();
        let (kept, rest): (Vec<_>, Vec<_>) = going.into_iter().partition(|entry| used.contains(&entry.address));
        if kept.is_empty() {
            return staying;
        }
        staying.extend(kept.into_iter().map(|entry| (entry, None)));
        going = rest;
    }
}

fn key(entry: &Entry) -> (&str, &str) {
    (entry.address.as_str(), &entry.id)
}

/// Leaves a replacement out where what stays as it is uses the old one. Whether it left out any more.
pub(super) fn keep(request: &Request<'_>, actions: &[Action], left_out: &[Action], chosen: &mut [bool]) -> bool {
    let mut more = false;
    for (entry, action) in staying(request, left_out) {
        for needed in entry.dependencies.iter().filter_map(|needed| request.graph.find(needed.as_str())) {
            let replaced = chosen[needed] && actions[needed].verb == Verb::Replace;
            if replaced && action.is_none_or(|action| lets_go(request, action, needed)) {
                chosen[needed] = false;
                more = true;
            }
        }
    }
    more
}

/// Whether an action would let go of what stands at a node: it ends, or changes a property that refers to it.
fn lets_go(request: &Request<'_>, action: &Action, needed: usize) -> bool {
    if action.verb != Verb::Update {
        return true;
    }
    let Some(index) = request.graph.find(action.address.as_str()) else { return true };
    let mut refers = request.graph.edges[index].iter().filter(|edge| edge.to == needed).peekable();
    // It is not declared to refer to it any more: any change may be the one.
    let changes = |property: &str| action.changes.iter().any(|change| change.path.first() == Some(&property.into()));
    refers.peek().is_none() || refers.any(|edge| edge.property.as_deref().is_some_and(changes))
}

/// The deletions without those of what something that stays still uses.
pub(super) fn without(mut deletions: Vec<Action>, request: &Request<'_>, left_out: &[Action]) -> Vec<Action> {
    let staying: HashSet<_> = staying(request, left_out).into_iter().map(|(entry, _)| key(entry)).collect();
    deletions.retain(|deletion| deletion.entry.as_ref().is_none_or(|entry| !staying.contains(&key(entry))));
    deletions
}
