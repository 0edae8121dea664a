//! The engine's invariants.

use std::collections::{BTreeSet, HashMap};

use engine::apply::{OnFailure, Refused};
use engine::plan::operations::Operations;
use engine::plan::{Plan, Verb};
use engine::session::SessionError;
use engine::{Address, State};
use serde_json::{Value, json};

use crate::kinds::{Kind, catalogue};
use crate::model::{Declared, Reads};
use crate::scenario::Run;
use crate::world::{Broken, Ended, Seen, World};

/// What must hold after every run, however it ended.
pub fn after_run(world: &mut World, seen: &Seen) -> Result<(), Broken> {
    nothing_refused_as_wrong(world)?;
    no_orphan(world, &seen.after)?;
    protected_is_kept(world, seen)?;
    reloaded_is_as_in_memory(seen)?;
    // The way back is planned by the engine itself.
    let undone = matches!(&seen.ended, Ended::Done(outcome, _) if outcome.undo.is_some());
    if !(undone || matches!(seen.ended, Ended::Died) && seen.run.on_failure == OnFailure::Undo) {
        as_planned(seen)?;
        in_order(seen)?;
        deletes_nothing_in_use(seen)?;
    }
    all_accounted_for(seen)
}

/// The cloud refuses what AWS refuses; the engine must not even ask.
fn nothing_refused_as_wrong(world: &World) -> Result<(), Broken> {
    let wrongs = std::mem::take(&mut world.cloud.inner().wrongs);
    match wrongs.first() {
        Some(wrong) => Err(format!("the cloud had to refuse: {wrong}")),
        None => Ok(()),
    }
}

/// Everything in the cloud is in the state, or can be found from what is pending there.
fn no_orphan(world: &World, state: &State) -> Result<(), Broken> {
    for (id, thing) in &world.cloud.inner().things {
        let known = state.entries.values().chain(&state.deposed).any(|entry| {
            entry.id == *id && entry.type_name == Kind::ALL[thing.kind].type_name && entry.region == thing.region
        });
        let findable = state.pending.values().any(|intent| intent.token == thing.token);
        if !known && !findable {
            return Err(format!("orphan: {id} of {} is in the cloud and not in the state", thing.address));
        }
    }
    Ok(())
}

fn protected_is_kept(world: &mut World, seen: &Seen) -> Result<(), Broken> {
    let undoing = seen.run.on_failure == OnFailure::Undo;
    if !seen.run.lift {
        let deleted = |call: &&crate::cloud::Call| call.what == "delete" && world.guarded.contains(&call.address);
        // The way back may take away what the failed run itself had made.
        let was_there = |address: &str, id: &str| {
            seen.before.entries.get(address).into_iter().chain(&seen.before.deposed).any(|entry| entry.id == id)
        };
        let lost = seen.log.iter().filter(deleted).find(|call| !undoing || was_there(&call.address, &call.id));
        if let Some(call) = lost {
            return Err(format!("{} is protected and was deleted without consent", call.address));
        }
    }
    let declared: BTreeSet<String> =
        world.model.all.iter().filter(|declared| declared.protected).map(|d| d.address.clone()).collect();
    let complete = matches!(&seen.ended, Ended::Done(outcome, _) if outcome.is_complete());
    let whole = seen.run.targets.is_empty() && seen.run.excludes.is_empty();
    if complete && whole {
        world.guarded = declared;
    } else {
        world.guarded.retain(|address| declared.contains(address) && seen.after.entries.contains_key(address.as_str()));
    }
    Ok(())
}

fn reloaded_is_as_in_memory(seen: &Seen) -> Result<(), Broken> {
    let Ended::Done(_, memory) = &seen.ended else { return Ok(()) };
    // JSON's numbers may lose a last bit.
    let close = |(key, seconds): (&String, &f64)| {
        seen.after.durations.get(key).is_some_and(|read| (read - seconds).abs() <= seconds * 1e-9)
    };
    let durations = memory.durations.len() == seen.after.durations.len() && memory.durations.iter().all(close);
    let memory = State { durations: seen.after.durations.clone(), ..(**memory).clone() };
    if memory != seen.after || !durations {
        return Err(format!("the state in memory is not the one on disk:\n{memory:#?}\n{:#?}", seen.after));
    }
    Ok(())
}

/// Only what the plan says is done; all of it, when the run says so.
fn as_planned(seen: &Seen) -> Result<(), Broken> {
    let verb = |address: &str| {
        let changes = seen.plan.iter().flat_map(Plan::changes);
        changes.filter(|action| action.address.as_str() == address).map(|action| action.verb).collect::<Vec<_>>()
    };
    for call in &seen.log {
        let allowed: &[Verb] = match call.what {
            "create" => &[Verb::Create, Verb::Replace],
            "sync" => &[Verb::Create, Verb::Replace],
            "update" => &[Verb::Update],
            "delete" | "unprotect" => &[Verb::Delete, Verb::Replace],
            _ => continue,
        };
        if !verb(&call.address).iter().any(|verb| allowed.contains(verb)) {
            return Err(format!("{} {} is not in the plan", call.what, call.address));
        }
    }
    let Ended::Done(outcome, _) = &seen.ended else { return Ok(()) };
    if outcome.is_complete() {
        for action in seen.plan.iter().flat_map(Plan::changes) {
            let calls: &[&str] = match action.verb {
                Verb::NoOp => &[],
                Verb::Create => &["create", "sync"],
                Verb::Update => &["update"],
                Verb::Replace => &["create", "sync", "delete"],
                Verb::Delete => &["delete"],
            };
            for what in calls {
                if !seen.log.iter().any(|call| call.what == *what && call.address == action.address.as_str()) {
                    return Err(format!("complete, but no {what} of {}", action.address));
                }
            }
        }
    }
    Ok(())
}

/// Creations after what they depend on is ready, deletions after what depended on it is gone.
fn in_order(seen: &Seen) -> Result<(), Broken> {
    let Some(plan) = &seen.plan else { return Ok(()) };
    let made: HashMap<&str, Verb> = plan
        .changes()
        .filter(|action| matches!(action.verb, Verb::Create | Verb::Replace))
        .map(|action| (action.address.as_str(), action.verb))
        .collect();
    let before = |what: &str, address: &str, end: usize| {
        seen.log[..end].iter().any(|call| call.what == what && call.address == address)
    };
    for (at, call) in seen.log.iter().enumerate() {
        let actions = plan.changes().filter(|action| action.address.as_str() == call.address);
        if call.what == "create" {
            for action in actions.filter(|action| action.verb != Verb::Delete) {
                let needs = action.node.iter().flat_map(|node| &node.depends_on);
                for need in needs.filter(|need| made.contains_key(need.as_str())) {
                    if !before("ready", need.as_str(), at) {
                        return Err(format!("{} was made before {need}, on which it depends", call.address));
                    }
                }
            }
        }
        if call.what == "delete" {
            let ends = |verb| matches!(verb, Verb::Delete | Verb::Replace);
            for dependent in plan.changes().filter(|action| ends(action.verb)) {
                let Some(entry) = &dependent.entry else { continue };
                let needs = entry.dependencies.iter().any(|need| need.as_str() == call.address);
                let gone = |end: usize| seen.log[..end].iter().any(|c| c.what == "delete" && c.id == entry.id);
                if needs && entry.address.as_str() != call.address && !gone(at) {
                    return Err(format!("{} was deleted before {}, which needs it", call.address, entry.address));
                }
            }
        }
    }
    Ok(())
}

/// What is deleted is referred to by nothing. Where a name must be free before it is taken again, a reference that does
/// not hold its target may be without one for a while.
fn deletes_nothing_in_use(seen: &Seen) -> Result<(), Broken> {
    let mut changes = seen.plan.iter().flat_map(Plan::changes);
    if changes.any(|action| action.delete_first || action.makes_room_for.is_some()) {
        return Ok(());
    }
    for call in seen.log.iter().filter(|call| call.what == "delete") {
        if let Some(referrer) = call.referred_by.first() {
            let (address, property) = (&referrer.address, &referrer.property);
            return Err(format!("{} was deleted while {address} referred to it ({property})", call.address));
        }
    }
    Ok(())
}

/// Every operation is done, failed or left; nothing fails without a cause.
fn all_accounted_for(seen: &Seen) -> Result<(), Broken> {
    match (&seen.ended, &seen.plan) {
        (Ended::Done(outcome, _), Some(plan)) => {
            let all = Operations::of(plan, &catalogue()).all.len();
            let (done, failed, left) = (outcome.done, outcome.failed.len(), outcome.left.len());
            if done + failed + left != all {
                return Err(format!("{done} done, {failed} failed and {left} left are not {all} operations"));
            }
            let caused = seen.struck > 0 || seen.broken;
            if !caused && failed > 0 {
                return Err(format!("a failure without a cause: {}", outcome.failed[0].failure));
            }
            if !caused && !outcome.interrupted && !outcome.is_complete() {
                return Err(format!("left without a cause: {:?}", outcome.left));
            }
            Ok(())
        }
        (Ended::NotBegun(SessionError::Refused(Refused::Protected(_))), _) if !seen.run.lift => Ok(()),
        (Ended::NotBegun(SessionError::Cloud { .. }), _) if seen.struck > 0 => Ok(()),
        (Ended::NotBegun(error), _) => Err(format!("not begun without a cause: {error}")),
        _ => Ok(()),
    }
}

/// What must hold when nothing is left to do: what is declared, what is in the state and what is there are the same.
pub fn converged(world: &mut World) -> Result<(), Broken> {
    let state = world.state();
    let plan = world.look(&Run::clean())?;
    if let Some(action) = plan.changes().next() {
        let changes: Vec<String> = action.changes.iter().map(|change| change.place()).collect();
        return Err(format!("the next plan is not empty: {:?} {} {changes:?}", action.verb, action.address));
    }
    if !state.deposed.is_empty() || !state.pending.is_empty() {
        return Err(format!("still deposed or pending: {:?} {:?}", state.deposed, state.pending));
    }
    let cloud = world.cloud.inner();
    if cloud.things.len() != world.model.all.len() || state.entries.len() != world.model.all.len() {
        let (things, entries, declared) = (cloud.things.len(), state.entries.len(), world.model.all.len());
        return Err(format!("{things} things, {entries} entries, {declared} declared"));
    }
    for declared in &world.model.all {
        let address = &declared.address;
        let Some(entry) = state.entries.get(address.as_str()) else { return Err(format!("{address} has no entry")) };
        let Some(thing) = cloud.things.get(&entry.id) else { return Err(format!("phantom: {address} is not there")) };
        let value = |to: &Declared, reads| {
            let id = state.entries.get(to.address.as_str()).map(|entry| entry.id.as_str()).unwrap_or_default();
            match reads {
                Reads::Id => json!(id),
                Reads::Arn => json!(format!("arn:{id}")),
                Reads::Late => json!(format!("late:{id}")),
            }
        };
        let wanted = without_owned(world.model.properties(declared, &value));
        for (whose, is) in [("the cloud's", &thing.properties), ("the state's", &entry.properties)] {
            let is = without_owned(is.clone());
            if is != wanted {
                return Err(format!("{address}: {whose} properties are {is}, declared are {wanted}"));
            }
        }
        if thing.address != *address || Kind::ALL[thing.kind].type_name != Kind::ALL[declared.kind].type_name {
            return Err(format!("{address} is a {} of {}", Kind::ALL[thing.kind].type_name, thing.address));
        }
        if !thing.ready || entry.incomplete || entry.failed.is_some() {
            return Err(format!("{address} is not finished"));
        }
        if entry.protected != declared.protected {
            return Err(format!("{address}: the state has protected = {}", entry.protected));
        }
        let needs: BTreeSet<Address> = dependencies(world, declared);
        if needs != entry.dependencies.iter().cloned().collect() {
            return Err(format!("{address}: the state has dependencies {:?}, declared {needs:?}", entry.dependencies));
        }
    }
    Ok(())
}

fn dependencies(world: &World, declared: &Declared) -> BTreeSet<Address> {
    let kind = &Kind::ALL[declared.kind];
    let uses = declared.uses.iter().map(|(uid, _)| *uid);
    let hard = kind.hard.and(declared.hard);
    let special = kind.special.and(declared.special);
    let all = uses.chain(hard).chain(special).chain(declared.after);
    all.map(|uid| Address::of(&world.model.find(uid).address)).collect()
}

fn without_owned(mut properties: Value) -> Value {
    if let Some(map) = properties.as_object_mut() {
        map.remove("Owned");
    }
    properties
}
