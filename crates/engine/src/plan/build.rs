//! Makes a plan of what is declared, what is in the state, and what is there.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;

use super::{Action, Plan, Risk, Selection, Verb, expected, in_use, moves, operations, order};
use crate::catalogue::LiveValue;
use crate::diff::{self, Change, Sides};
use crate::intrinsic::{self, Reference};
use crate::state::{Entry, Work};
use crate::{Address, Attributes, Catalogue, Graph, State};

/// All that a plan is made of.
pub struct Request<'a> {
    /// The environment, `system/environment`.
    pub environment: &'a str,
    /// What is declared; an empty graph destroys.
    pub graph: &'a Graph,
    /// What was made.
    pub state: &'a State,
    /// What is there, for every entry of the state; an absent key means: as in the state.
    pub live: &'a HashMap<Address, Option<LiveValue>>,
    /// The types.
    pub catalogue: &'a Catalogue,
    /// Pseudo parameters.
    pub pseudo: &'a BTreeMap<String, String>,
    /// Which resources it is about.
    pub selection: &'a Selection,
    /// What the environment gives out.
    pub outputs: &'a BTreeMap<String, Value>,
    /// How long things take here: 1 on AWS.
    pub time_scale: f64,
}

/// What is known of a resource's values while others are planned.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    id: Option<String>,
    attributes: Option<Attributes>,
}

/// Makes the plan.
pub fn build(request: &Request<'_>) -> Plan {
    let mut chosen = request.selection.nodes(request.graph);
    let (mut actions, left_out) = loop {
        let (actions, left_out) = in_order(request, &chosen);
        if !in_use::keep(request, &actions, &left_out, &mut chosen) {
            break (actions, left_out);
        }
    };
    order::delete_first(request, &mut actions);
    let mut deletions = in_use::without(deletions(request), request, &left_out);
    order::make_room(request, &actions, &mut deletions);
    actions.extend(deletions);
    for action in &mut actions {
        assess(request, action);
    }
    let mut plan = Plan {
        environment: request.environment.to_owned(),
        cloud: request.state.cloud.clone(),
        serial: request.state.serial,
        pseudo: request.pseudo.clone(),
        actions,
        outputs: request.outputs.clone(),
        expected_seconds: 0.0,
        time_scale: request.time_scale,
    };
    plan.expected_seconds = operations::Operations::of(&plan, request.catalogue).longest_path();
    plan
}

/// Decides until what must be deleted first drags nothing more along.
fn in_order(request: &Request<'_>, chosen: &[bool]) -> (Vec<Action>, Vec<Action>) {
    let mut forced: HashMap<usize, String> = HashMap::new();
    loop {
        let (actions, left_out) = decide(request, chosen, &forced);
        let more = order::forced_by_order(request, &actions, &forced);
        if more.is_empty() {
            return (actions, left_out);
        }
        forced.extend(more);
    }
}

/// What shall happen to each node; and what would, to those that are left out.
fn decide(request: &Request<'_>, chosen: &[bool], forced: &HashMap<usize, String>) -> (Vec<Action>, Vec<Action>) {
    let graph = request.graph;
    let mut known: Vec<Known> = vec![Known::default(); graph.nodes.len()];
    let mut actions: Vec<Option<Action>> = vec![None; graph.nodes.len()];
    let mut left_out = Vec::new();
    for &index in &graph.order {
        let lookup = |reference: &Reference| lookup(request, &known, reference);
        let declared = intrinsic::resolve(&graph.nodes[index].properties, &lookup);
        let mut action = decide_one(request, index, &declared, &actions, forced.get(&index), &lookup);
        if !chosen[index] && action.verb != Verb::NoOp {
            left_out.push(action.clone());
            action.verb = Verb::NoOp;
            action.changes.clear();
            action.because = vec!["left out by --target or --exclude".to_owned()];
        }
        known[index] = known_after(request, &action, &declared);
        actions[index] = Some(action);
    }
    (actions.into_iter().flatten().collect(), left_out)
}

fn lookup(request: &Request<'_>, known: &[Known], reference: &Reference) -> Option<Value> {
    let Some(index) = request.graph.find(reference.address.as_str()) else {
        return pseudo(request.pseudo, reference);
    };
    match &reference.attribute {
        None => known[index].id.clone().map(Value::from),
        Some(attribute) => known[index].attributes.as_ref()?.get(attribute).cloned(),
    }
}

/// The value of a pseudo parameter such as `AWS::Region`.
pub(crate) fn pseudo(values: &BTreeMap<String, String>, reference: &Reference) -> Option<Value> {
    let (_, value) = values.iter().find(|(name, _)| Address::of(name) == reference.address)?;
    Some(Value::from(value.as_str()))
}

fn decide_one(
    request: &Request<'_>,
    index: usize,
    declared: &Value,
    actions: &[Option<Action>],
    forced: Option<&String>,
    lookup: &dyn Fn(&Reference) -> Option<Value>,
) -> Action {
    let node = &request.graph.nodes[index];
    let mut action = Action {
        address: node.address.clone(),
        type_name: node.type_name.clone(),
        region: node.region.clone(),
        verb: Verb::Create,
        node: Some(node.clone()),
        needs: request.graph.dependencies(index),
        entry: None,
        changes: Vec::new(),
        because: Vec::new(),
        delete_first: false,
        makes_room_for: None,
        risk: Risk::None,
        expected_seconds: 0.0,
        deletion_seconds: 0.0,
    };
    let Some(entry) = request.state.entries.get(&node.address) else { return action };
    action.entry = Some(entry.clone());
    let as_applied;
    let live = match request.live.get(&node.address) {
        Some(Some(live)) => live,
        Some(None) => {
            action.because.push("it is gone from the cloud".to_owned());
            return action;
        }
        None => {
            as_applied = (entry.properties.clone(), entry.attributes.clone());
            &as_applied
        }
    };
    if let Some(entry) = &mut action.entry {
        entry.attributes.extend(live.1.clone());
    }
    let facts = schema::facts(&node.type_name);
    let mut declared = declared.clone();
    diff::yield_owned(&mut declared, &live.0, &node.owned);
    // A replacement is made from the node: it too takes over what others own.
    if let Some(node) = &mut action.node {
        diff::yield_owned(&mut node.properties, &live.0, &request.graph.nodes[index].owned);
    }
    action.changes = diff::diff(&Sides { declared: &declared, applied: Some(&entry.properties), live: &live.0, facts });
    action.because = reasons_to_replace(request, index, entry, &action.changes, actions, forced, lookup);
    action.verb = if !action.because.is_empty() {
        Verb::Replace
    } else if !action.changes.is_empty() {
        Verb::Update
    } else if entry.incomplete {
        action.because.push("the last operation on it was cut off".to_owned());
        Verb::Update
    } else {
        action.because = unrecorded(request, index, entry);
        if action.because.is_empty() { Verb::NoOp } else { Verb::Update }
    };
    action
}

/// What the state must know of a resource though no property tells of it: whether it is protected, and what must not be
/// deleted before it.
fn unrecorded(request: &Request<'_>, index: usize, entry: &Entry) -> Vec<String> {
    let node = &request.graph.nodes[index];
    let mut because = Vec::new();
    match (entry.protected, node.protected) {
        (false, true) => because.push("it is protected from now on".to_owned()),
        (true, false) => because.push("it is not protected any more".to_owned()),
        _ => {}
    }
    let needs: BTreeSet<Address> = request.graph.dependencies(index).into_iter().collect();
    if needs != entry.dependencies.iter().cloned().collect() {
        because.push("what it needs is another than before, to the same effect".to_owned());
    }
    because
}

fn reasons_to_replace(
    request: &Request<'_>,
    index: usize,
    entry: &Entry,
    changes: &[Change],
    actions: &[Option<Action>],
    forced: Option<&String>,
    lookup: &dyn Fn(&Reference) -> Option<Value>,
) -> Vec<String> {
    let node = &request.graph.nodes[index];
    let mut because: Vec<String> = Vec::new();
    let mut say = |why: String| {
        if !because.contains(&why) {
            because.push(why);
        }
    };
    if entry.type_name != node.type_name {
        say(format!("it was an {}", entry.type_name));
    }
    if entry.region != node.region {
        say(format!("it was in {}", entry.region));
    }
    let replaced = |property: &str| {
        let edges = request.graph.edges[index].iter().filter(|edge| edge.property.as_deref() == Some(property));
        edges.filter_map(|edge| actions[edge.to].as_ref()).any(|target| target.verb == Verb::Replace)
    };
    for change in changes.iter().filter(|change| change.forces_replacement) {
        // Where the target is replaced, the reason is told with it below.
        if !matches!(change.path.first(), Some(schema::Segment::Key(property)) if replaced(property)) {
            say(format!("{} cannot be changed in place", change.place()));
        }
    }
    if let Some(why) = &entry.failed {
        say(format!("its creation failed: {why}"));
    }
    if Selection::hits(&request.selection.replace, &node.address) {
        say("--replace asks for it".to_owned());
    }
    if let Some(why) = forced {
        say(why.clone());
    }
    for edge in &request.graph.edges[index] {
        let (Some(property), Some(target)) = (&edge.property, &actions[edge.to]) else { continue };
        if target.verb != Verb::Replace {
            continue;
        }
        let path = [schema::Segment::Key(property.clone())];
        // The target's id may stay the same (a name): the thing behind it does not.
        let create_only = schema::facts(&node.type_name)
            .is_some_and(|facts| facts.create_only().iter().any(|only| only.matches(&path)));
        if create_only {
            say(format!("{property} cannot be changed in place, and {} is replaced", target.address));
        }
    }
    moves::reasons(request, index, entry, actions, lookup).into_iter().for_each(say);
    because
}

/// The id that follows from properties, references partly open, if nothing open is part of it.
pub(super) fn derived_id(request: &Request<'_>, type_name: &str, properties: &Value) -> Option<String> {
    let id = request.catalogue.get(type_name)?.id(&intrinsic::raise(properties))?;
    intrinsic::token(&id).is_none().then_some(id)
}

/// What others may know of a resource's values before the plan is applied.
fn known_after(request: &Request<'_>, action: &Action, declared: &Value) -> Known {
    match (&action.verb, &action.entry) {
        (Verb::NoOp | Verb::Update, Some(entry)) => {
            Known { id: Some(entry.id.clone()), attributes: Some(entry.attributes.clone()) }
        }
        (Verb::Create | Verb::Replace, _) => {
            Known { id: derived_id(request, &action.type_name, declared), attributes: None }
        }
        _ => Known::default(),
    }
}

/// What is in the state and not declared, and what was replaced and is still there.
fn deletions(request: &Request<'_>) -> Vec<Action> {
    let delete = |entry: &Entry, because: &str| Action {
        address: entry.address.clone(),
        type_name: entry.type_name.clone(),
        region: entry.region.clone(),
        verb: Verb::Delete,
        node: None,
        needs: Vec::new(),
        entry: Some(entry.clone()),
        changes: Vec::new(),
        because: vec![because.to_owned()],
        delete_first: false,
        makes_room_for: None,
        risk: Risk::None,
        expected_seconds: 0.0,
        deletion_seconds: 0.0,
    };
    let declared = |entry: &Entry| request.graph.find(entry.address.as_str()).is_some();
    let because = |entry: &Entry| match request.state.entries.get(&entry.address) {
        Some(current) if current.id == entry.id && !declared(entry) => "it is not declared any more",
        _ => "it was replaced, and is still there",
    };
    ending(request).map(|entry| delete(entry, because(entry))).collect()
}

/// What is there and not declared, or replaced.
pub(super) fn unwanted<'a>(request: &'a Request<'_>) -> impl Iterator<Item = &'a Entry> {
    let undeclared = request.state.entries.values();
    let undeclared = undeclared.filter(|entry| request.graph.find(entry.address.as_str()).is_none());
    undeclared.chain(&request.state.deposed)
}

/// What is there and shall not stay, but for what is replaced.
pub(super) fn ending<'a>(request: &'a Request<'_>) -> impl Iterator<Item = &'a Entry> {
    unwanted(request).filter(|entry| request.selection.orphan(&entry.address))
}

fn assess(request: &Request<'_>, action: &mut Action) {
    let seconds = |work| expected(request.catalogue, request.state, &action.type_name, work, request.time_scale);
    action.expected_seconds = match action.verb {
        Verb::NoOp => 0.0,
        Verb::Create => seconds(Work::Create),
        Verb::Update => seconds(Work::Update),
        Verb::Delete => seconds(Work::Delete),
        Verb::Replace => seconds(Work::Create) + seconds(Work::Delete),
    };
    action.deletion_seconds = if action.verb == Verb::Replace { seconds(Work::Delete) } else { 0.0 };
    let holds_data = request.catalogue.get(&action.type_name).is_some_and(|handler| handler.facts().holds_data);
    let ends = matches!(action.verb, Verb::Replace | Verb::Delete);
    action.risk = match &action.entry {
        Some(entry) if ends && (entry.protected || action.node.as_ref().is_some_and(|node| node.protected)) => {
            Risk::Protected
        }
        _ if ends && holds_data => Risk::DataLoss,
        _ if action.verb == Verb::Replace && action.delete_first => Risk::Outage,
        _ => Risk::None,
    };
}
