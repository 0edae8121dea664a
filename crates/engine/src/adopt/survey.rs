//! The whole survey: read, match, and say of everything else why not.

use std::sync::Arc;

use super::fit;
use super::matching::{DerivedId, Matching};
use super::read::{self, Found, Thing};
use super::{Already, By, Candidate, Match, Missing, Request, Survey, Unmatched, claim};
use crate::Address;
use crate::catalogue::LiveValue;
use crate::context::Memo;
use crate::intrinsic;
use crate::state::Entry;

/// Reads the candidates and finds out which of them is which declared resource. Changes nothing.
///
/// Of two candidates with the same type, region and id the first counts. What cannot be read is reported as such. What an
/// adoption that was cut off left to do is offered by itself.
pub async fn survey(request: Request<'_>, candidates: Vec<Candidate>) -> Survey {
    let mut report = Survey::default();
    let mut resumed = Vec::new();
    let mut things: Vec<Thing> = Vec::new();
    let mut left = claim::unfinished(request.state);
    left.retain(|entry| !candidates.iter().any(|candidate| is_same(candidate, entry)));
    for mut candidate in candidates.into_iter().chain(left) {
        let same = |thing: &&mut Thing| is_same(&thing.candidate, &candidate);
        if let Some(first) = things.iter_mut().find(same) {
            match (first.candidate.implied, candidate.implied) {
                (_, true) => {}
                (true, false) => first.candidate = candidate,
                (false, false) => {
                    let why = format!("it is the same as {}", first.candidate.label);
                    report.unmatched.push(Unmatched { candidate, why });
                }
            }
            continue;
        }
        match entry(&request, &candidate) {
            Some(entry) if claim::is_unfinished(entry) && request.graph.find(entry.address.as_str()).is_some() => {
                candidate.implied = false;
                resumed.push((things.len(), entry.address.clone()));
            }
            Some(_) if candidate.implied => continue,
            Some(entry) => {
                report.already.push(Already { address: entry.address.clone(), candidate });
                continue;
            }
            None => {}
        }
        things.push(Thing::unread(candidate));
    }
    let memo = Arc::new(Memo::default());
    let asked: Vec<usize> = (0..things.len()).filter(|&index| !things[index].candidate.implied).collect();
    read::read(&mut things, &asked, request.surroundings, &memo).await;
    let known = told_anew(&request, &mut things, &asked, &resumed);
    report.already.extend(known);
    let mut matching = Matching::new(request, things);
    for (thing, address) in resumed {
        if let (Some(node), Some(_)) = (request.graph.find(address.as_str()), matching.things[thing].live()) {
            matching.join(node, thing, By::State);
        }
    }
    while matching.certain()
        || read_implied(&mut matching, &request, &memo).await
        || matching.by_properties()
        || look_for_alike(&mut matching, &request, &memo).await
    {}
    conclude(&request, &matching, &mut report);
    report
}

/// What of the things has been offered, or is in the state, by the id that reading told: those are not looked at any
/// more. Gives what is in the state.
fn told_anew(
    request: &Request<'_>,
    things: &mut [Thing],
    asked: &[usize],
    resumed: &[(usize, Address)],
) -> Vec<Already> {
    let mut already = Vec::new();
    for &index in asked {
        let is_resumed = |index: usize| resumed.iter().any(|(other, _)| *other == index);
        if is_resumed(index) || things[index].live().is_none() {
            continue;
        }
        let candidate = things[index].candidate.clone();
        let others = things.iter().enumerate().filter(|(other, _)| *other < index || is_resumed(*other));
        let mut same = others.filter(|(_, thing)| thing.live().is_some() && is_same(&thing.candidate, &candidate));
        if let Some((_, first)) = same.next() {
            let words = format!("it is the same as {}", label(first));
            things[index].found = Found::Twice(words);
        } else if let Some(entry) = entry(request, &candidate) {
            already.push(Already { address: entry.address.clone(), candidate });
            (things[index].found, things[index].candidate.implied) = (Found::Unread, true);
        }
    }
    already
}

fn is_same(a: &Candidate, b: &Candidate) -> bool {
    a.type_name == b.type_name && a.region == b.region && a.id == b.id
}

fn entry<'a>(request: &Request<'a>, candidate: &Candidate) -> Option<&'a Entry> {
    let is = |entry: &&Entry| {
        entry.type_name == candidate.type_name && entry.region == candidate.region && entry.id == candidate.id
    };
    request.state.entries.values().find(is)
}

/// Reads what is offered only where it is declared apart, as soon as the id of what is declared is known.
async fn read_implied(matching: &mut Matching<'_>, request: &Request<'_>, memo: &Arc<Memo>) -> bool {
    let wanted = |node: usize| -> Option<usize> {
        let DerivedId::Known(id) = &matching.ids[node] else { return None };
        let unread = |thing: &usize| {
            let thing = &matching.things[*thing];
            thing.candidate.id == *id && matches!(thing.found, Found::Unread)
        };
        matching.of_kind(node).find(unread).filter(|_| matching.is_free(node))
    };
    let chosen: Vec<usize> = (0..request.graph.nodes.len()).filter_map(wanted).collect();
    read::read(&mut matching.things, &chosen, request.surroundings, memo).await;
    !chosen.is_empty()
}

/// Looks for what does the same as something declared of which all is known, and offers it.
async fn look_for_alike(matching: &mut Matching<'_>, request: &Request<'_>, memo: &Arc<Memo>) -> bool {
    let is_wanted = |node: &usize| {
        matching.is_free(*node)
            && matching.ids[*node] == DerivedId::None
            && intrinsic::is_known(&matching.declared[*node])
    };
    let wanted: Vec<usize> = (0..request.graph.nodes.len()).filter(is_wanted).collect();
    let looks = wanted.iter().map(|&index| {
        let node = &request.graph.nodes[index];
        let declared = &matching.declared[index];
        let mut cx = request.surroundings.context(&node.address, &node.region, "");
        cx.memo = Some(memo.clone());
        async move {
            let handler = request.surroundings.catalogue.get(&node.type_name)?;
            // That nothing could be found is said with the resource: it stays undeclared.
            handler.alike(declared, &cx).await.ok()
        }
    });
    let found = futures::future::join_all(looks).await;
    let mut new = Vec::new();
    for (&index, found) in wanted.iter().zip(found) {
        let node = &request.graph.nodes[index];
        for created in found.into_iter().flatten() {
            let candidate = Candidate {
                type_name: node.type_name.clone(),
                region: node.region.clone(),
                id: created.id,
                label: String::new(),
                implied: true,
            };
            let known = matching.things.iter().any(|thing| is_same(&thing.candidate, &candidate));
            if !known && entry(request, &candidate).is_none() {
                new.push(matching.add(Thing::unread(candidate)));
            }
        }
    }
    read::read(&mut matching.things, &new, request.surroundings, memo).await;
    !new.is_empty()
}

fn conclude(request: &Request<'_>, matching: &Matching<'_>, report: &mut Survey) {
    for &index in &request.graph.order {
        let node = &request.graph.nodes[index];
        if let Some((thing, by)) = &matching.of_node[index] {
            let thing = &matching.things[*thing];
            let Some(live) = thing.live() else { continue };
            let mut apart = live.0.clone();
            fit::without_parts(&mut apart, &parts(request, matching, index));
            let declared = &matching.declared[index];
            let one = matched(request, index, declared, thing.candidate.clone(), by.clone(), live.clone(), &apart);
            report.matched.push(one);
        } else if matching.is_free(index) {
            let why = why_missing(matching, index);
            report.missing.push(Missing { address: node.address.clone(), type_name: node.type_name.clone(), why });
        }
    }
    for (index, thing) in matching.things.iter().enumerate() {
        if matching.of_thing[index].is_none() && !thing.candidate.implied {
            let why = why_unmatched(request, matching, index);
            report.unmatched.push(Unmatched { candidate: thing.candidate.clone(), why });
        }
    }
}

/// What is there of the matched resources that refer to a node: where it lists them too (a security group its rules),
/// that is no difference.
fn parts<'m>(request: &Request<'_>, matching: &'m Matching<'_>, node: usize) -> Vec<&'m serde_json::Value> {
    let refers = |other: &usize| request.graph.edges[*other].iter().any(|edge| edge.to == node);
    let live = |other: usize| {
        let (thing, _) = matching.of_node[other].as_ref()?;
        Some(&matching.things[*thing].live()?.0)
    };
    (0..request.graph.nodes.len()).filter(refers).filter_map(live).collect()
}

/// A match, with what the state must take it to be. `apart`: the live properties without what is matched by itself.
pub(super) fn matched(
    request: &Request<'_>,
    node: usize,
    declared: &serde_json::Value,
    candidate: Candidate,
    by: By,
    live: LiveValue,
    apart: &serde_json::Value,
) -> Match {
    let declaration = &request.graph.nodes[node];
    let differs = fit::differences(declaration, declared, apart);
    let (applied, unread) = fit::applied(declaration, declared, apart);
    Match { address: declaration.address.clone(), node, candidate, by, live, applied, differs, unread }
}

fn why_missing(matching: &Matching<'_>, index: usize) -> String {
    let open: Vec<usize> = matching
        .of_kind(index)
        .filter(|thing| matching.of_thing[*thing].is_none() && matching.things[*thing].live().is_some())
        .collect();
    if let DerivedId::Known(id) = &matching.ids[index] {
        return format!("nothing with the id {id} was offered");
    }
    let fitting = matching.fitting(index);
    if let Some(words) = tie(&fitting, |thing| label(&matching.things[thing])) {
        return format!("two or more fit equally: {words}");
    }
    match nearest(open.into_iter().map(|thing| (thing, matching.differences(index, thing)))) {
        Some((thing, changes)) if speak_against(&changes) => {
            format!("nearest is {}: {}", label(&matching.things[thing]), fit::words(&changes))
        }
        Some((thing, _)) => format!("{} may be it, or another's: nothing tells", label(&matching.things[thing])),
        None => "nothing of its type was offered that is not another's".to_owned(),
    }
}

fn why_unmatched(request: &Request<'_>, matching: &Matching<'_>, index: usize) -> String {
    let thing = &matching.things[index];
    match &thing.found {
        Found::Gone => return "it is gone: AWS does not know it".to_owned(),
        Found::Failed(failure) => return format!("it could not be read: {failure}"),
        Found::Unread => return "it was not read".to_owned(),
        Found::Twice(words) => return words.clone(),
        Found::There(_) => {}
    }
    if let (Some(environment), address) = thing.owner()
        && environment != &*request.surroundings.environment
    {
        return format!("it belongs to {environment} ({}), as its tags say", address.unwrap_or("no address"));
    }
    let is_of_kind = |node: &usize| matching.of_kind(*node).any(|other| other == index);
    let kind: Vec<usize> = (0..request.graph.nodes.len()).filter(is_of_kind).collect();
    if kind.is_empty() {
        return match request.graph.nodes.iter().find(|node| node.type_name == thing.candidate.type_name) {
            Some(node) => format!("what is declared of its type is in {}", node.region),
            None => "nothing of its type is declared".to_owned(),
        };
    }
    let address = |node: usize| request.graph.nodes[node].address.to_string();
    let fits = |node: &usize| {
        let fitting = matching.fitting(*node);
        fitting.iter().find(|(thing, _)| *thing == index).map(|(_, score)| (*node, *score))
    };
    let free: Vec<usize> = kind.iter().copied().filter(|node| matching.is_free(*node)).collect();
    let fitting: Vec<_> = free.iter().filter_map(fits).collect();
    if let [(node, _)] = &fitting[..] {
        let rivals = tie(&matching.fitting(*node), |thing| label(&matching.things[thing]));
        return match rivals {
            Some(rivals) => format!("{} could be any of {rivals}", address(*node)),
            None => format!("another fits {} better", address(*node)),
        };
    }
    if fitting.len() > 1 {
        let names: Vec<String> = fitting.iter().map(|(node, _)| address(*node)).collect();
        return format!("it could be any of {}", names.join(", "));
    }
    let is_free = !free.is_empty();
    let candidates = if is_free { free } else { kind };
    match nearest(candidates.into_iter().map(|node| (node, matching.differences(node, index)))) {
        Some((node, changes)) if speak_against(&changes) || !(is_free || changes.is_empty()) => {
            format!("nothing declared fits; nearest is {}: {}", address(node), fit::words(&changes))
        }
        Some((node, _)) if is_free => format!("nothing tells whether it is {} or another's", address(node)),
        Some((node, _)) => format!("{} is another already", address(node)),
        None => "nothing of its type is declared".to_owned(),
    }
}

/// Whether differences make another thing of a thing. Those that can be changed do not.
fn speak_against(changes: &[crate::diff::Change]) -> bool {
    changes.iter().any(|change| change.forces_replacement && change.before.is_some())
}

fn nearest<T>(items: impl Iterator<Item = (T, Vec<crate::diff::Change>)>) -> Option<(T, Vec<crate::diff::Change>)> {
    items.min_by_key(|(_, changes)| fit::distance(changes))
}

/// The names of those that share the best score, if there are several.
fn tie(scored: &[(usize, fit::Score)], name: impl Fn(usize) -> String) -> Option<String> {
    let least = scored.iter().map(|(_, score)| *score).min()?;
    let names: Vec<String> =
        scored.iter().filter(|(_, score)| *score == least).map(|(index, _)| name(*index)).collect();
    (names.len() > 1).then(|| names.join(", "))
}

fn label(thing: &Thing) -> String {
    let Candidate { label, id, .. } = &thing.candidate;
    if label.is_empty() { id.clone() } else { format!("{label} ({id})") }
}
