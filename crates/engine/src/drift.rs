//! Drift: what is there against what was last applied, and what a deploy would make of it.
//!
//! The comparison is that of the plan, with what was last applied in place of what is declared: what AWS normalises, sets
//! by itself or does not report is no drift, nor is what others own by right. Where the file is at hand, each difference
//! is weighed against it: a deploy sets it back, or the file has meanwhile come to want the same.

mod unmanaged;

use std::collections::{BTreeMap, HashMap};

use schema::{PropertyPath, Segment};
use serde::Serialize;
use serde_json::Value;

use crate::catalogue::LiveValue;
use crate::diff::{self, Change, Sides};
use crate::intrinsic;
use crate::plan::{Action, Plan, Verb};
use crate::state::Entry;
use crate::{Address, State};

pub use unmanaged::{Unmanaged, unmanaged};

/// How a resource has drifted. In order of severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// It is not there any more.
    Gone,
    /// It is not as it was applied.
    Changed,
    /// The last operation on it was not seen to its end.
    Unfinished,
}

/// What a deploy would do about a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Would {
    /// It sets back what was applied.
    SetBack,
    /// It leaves it so: the file has come to want the same.
    Keep,
    /// It sets what the file says now, which is neither.
    Change,
    /// Nobody knows: the file is not at hand.
    Unknown,
}

/// One property that is not as it was applied.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Where, as people write it: `Origins[0].DomainName`, `Tags[Name]`.
    pub property: String,
    /// As last applied; `None`: nothing.
    pub applied: Option<Value>,
    /// As it is; `None`: nothing.
    pub live: Option<Value>,
    /// As the file has it; `None`: not at all, or there is no file.
    pub declared: Option<Value>,
    /// What a deploy would do about it.
    pub would: Would,
    /// Whether the values must not be shown.
    pub sensitive: bool,
}

/// A resource that is not as it was left.
#[derive(Clone, Debug, PartialEq)]
pub struct Drift {
    /// Its entry in the state.
    pub entry: Entry,
    /// How it has drifted.
    pub kind: Kind,
    /// What differs.
    pub changes: Vec<Difference>,
    /// What a deploy would do with the resource; `None`: the file is not at hand.
    pub next: Option<Verb>,
    /// More, in words: why it is unfinished.
    pub because: Option<String>,
}

/// A property that others changed by right: no drift.
#[derive(Clone, Debug, PartialEq)]
pub struct Theirs {
    /// The resource.
    pub address: Address,
    /// What differs.
    pub change: Difference,
    /// Who owns the property.
    pub by: String,
}

/// What a look at the cloud found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// What drifted, worst first.
    pub drift: Vec<Drift>,
    /// What others changed by right.
    pub owned: Vec<Theirs>,
}

/// Compares what is there with the state. `plan` is what a deploy would do now; `None`: the file is not at hand. What
/// others own by right is known from the file only.
pub fn find(state: &State, live: &HashMap<Address, Option<LiveValue>>, plan: Option<&Plan>) -> Found {
    let actions: HashMap<&Address, &Action> = plan
        .iter()
        .flat_map(|plan| &plan.actions)
        // What was replaced and is still there has an action of its own, to delete it.
        .filter(|action| action.node.is_some() || state.entries.get(&action.address) == action.entry.as_ref())
        .map(|action| (&action.address, action))
        .collect();
    let mut found = Found::default();
    for entry in state.entries.values() {
        let Some(live) = live.get(&entry.address) else { continue };
        let action = actions.get(&entry.address).copied();
        found.drift.extend(one(entry, live.as_ref(), action, plan.is_some(), &mut found.owned));
    }
    for entry in &state.deposed {
        found.drift.push(Drift {
            entry: entry.clone(),
            kind: Kind::Unfinished,
            changes: Vec::new(),
            next: plan.map(|_| Verb::Delete),
            because: Some("it was replaced, and is still there".to_owned()),
        });
    }
    found.drift.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.entry.address.cmp(&b.entry.address)));
    found
}

/// Worst first: what is gone, what a deploy would replace, what is changed, what is unfinished.
fn rank(drift: &Drift) -> (Kind, bool) {
    (drift.kind, !matches!(drift.next, Some(Verb::Replace | Verb::Delete)))
}

fn one(
    entry: &Entry,
    live: Option<&LiveValue>,
    action: Option<&Action>,
    has_file: bool,
    owned: &mut Vec<Theirs>,
) -> Option<Drift> {
    let drift = |kind, changes, because| Drift {
        entry: entry.clone(),
        kind,
        changes,
        next: if has_file { action.map(|action| action.verb) } else { None },
        because,
    };
    let Some((live, _)) = live else { return Some(drift(Kind::Gone, Vec::new(), None)) };
    let (changes, theirs) = changes(entry, live, action);
    let weigh = |change: Change| split(change).into_iter().map(|part| difference(part, live, action, has_file));
    for (change, by) in theirs {
        let more = weigh(change).map(|change| Theirs { address: entry.address.clone(), change, by: by.clone() });
        owned.extend(more);
    }
    let changes: Vec<Difference> = changes.into_iter().flat_map(weigh).collect();
    let unfinished = match &entry.failed {
        Some(why) => Some(format!("its creation failed: {why}")),
        None => entry.incomplete.then(|| "the last operation on it was cut off".to_owned()),
    };
    match (unfinished, changes.is_empty()) {
        (Some(because), _) => Some(drift(Kind::Unfinished, changes, Some(because))),
        (None, false) => Some(drift(Kind::Changed, changes, None)),
        (None, true) => None,
    }
}

/// What differs from what was applied: what is drift, and what others changed by right.
fn changes(entry: &Entry, live: &Value, action: Option<&Action>) -> (Vec<Change>, Vec<(Change, String)>) {
    let facts = schema::facts(&entry.type_name);
    let against =
        |wanted: &Value| diff::diff(&Sides { declared: wanted, applied: Some(&entry.properties), live, facts });
    let owned = action.and_then(|action| action.node.as_ref()).map(|node| &node.owned[..]).unwrap_or_default();
    if owned.is_empty() {
        return (against(&entry.properties), Vec::new());
    }
    let mut yielded = entry.properties.clone();
    diff::yield_owned(&mut yielded, live, owned);
    let drift = against(&yielded);
    let mut theirs = Vec::new();
    for change in against(&entry.properties) {
        let is_theirs = !drift.iter().any(|other| other.path == change.path);
        let owner = owned.iter().find(|owned| PropertyPath::parse(&owned.property).touches(&change.path));
        if let (true, Some(owner)) = (is_theirs, owner) {
            theirs.push((change, owner.by.clone()));
        }
    }
    (drift, theirs)
}

/// Weighs a change (before: live, after: applied) against the file.
fn difference(part: Part, live: &Value, action: Option<&Action>, has_file: bool) -> Difference {
    let mut difference = Difference {
        property: part.property,
        applied: part.change.after,
        live: part.change.before,
        declared: None,
        would: Would::Unknown,
        sensitive: part.change.sensitive,
    };
    if !has_file {
        return difference;
    }
    let path = &part.change.path;
    let Some(action) = action.filter(|action| action.node.is_some()) else {
        // The resource is not declared any more: it goes.
        difference.would = Would::Change;
        return difference;
    };
    let reaches = |change: &&Change| change.path.iter().zip(path).all(|(a, b)| a == b);
    match action.changes.iter().find(reaches) {
        None => {
            difference.would = Would::Keep;
            difference.declared = at(live, path).map(|value| keyed(value, part.key.as_deref())).unwrap_or_default();
        }
        Some(change) => {
            let rest = path.get(change.path.len()..).unwrap_or_default();
            let declared = change.after.as_ref().and_then(|after| at(after, rest));
            difference.declared = declared.and_then(|value| keyed(value, part.key.as_deref()));
            difference.would = if difference.declared == difference.applied {
                Would::SetBack
            } else if difference.declared == difference.live {
                Would::Keep
            } else {
                Would::Change
            };
        }
    }
    difference
}

/// A change, or what it says of one tag.
struct Part {
    property: String,
    /// The tag's key.
    key: Option<String>,
    change: Change,
}

/// Takes a change of keyed values (tags, attributes) apart, so that it shows only what differs.
fn split(change: Change) -> Vec<Part> {
    let (before, after) = (by_key(change.before.as_ref()), by_key(change.after.as_ref()));
    let (Some(before), Some(after)) = (before, after) else {
        return vec![Part { property: change.place(), key: None, change }];
    };
    let mut keys: Vec<&String> = before.keys().chain(after.keys()).collect();
    keys.sort();
    keys.dedup();
    keys.into_iter()
        .filter(|key| before.get(*key) != after.get(*key))
        .map(|key| Part {
            property: format!("{}[{key}]", change.place()),
            key: Some(key.clone()),
            change: Change {
                before: before.get(key).cloned(),
                after: after.get(key).cloned(),
                ..Change { before: None, after: None, ..change.clone() }
            },
        })
        .collect()
}

/// A list of `Key` and `Value` by key. `None`: it is something else.
fn by_key(list: Option<&Value>) -> Option<BTreeMap<String, Value>> {
    let Some(list) = list else { return Some(BTreeMap::new()) };
    let pair = |item: &Value| {
        let whole = item.as_object().is_some_and(|item| item.len() == 2) && !intrinsic::is_intrinsic(item);
        Some((item["Key"].as_str().filter(|_| whole)?.to_owned(), item.get("Value")?.clone()))
    };
    list.as_array().filter(|items| !items.is_empty())?.iter().map(pair).collect()
}

fn keyed(value: &Value, key: Option<&str>) -> Option<Value> {
    match key {
        None => Some(value.clone()),
        Some(key) => by_key(Some(value))?.get(key).cloned(),
    }
}

fn at<'v>(value: &'v Value, path: &[Segment]) -> Option<&'v Value> {
    path.iter().try_fold(value, |value, segment| match segment {
        Segment::Key(key) => value.get(key),
        Segment::Index(index) => value.get(index),
    })
}

#[cfg(test)]
mod tests;
