//! How well a thing fits a declaration.

use schema::{Facts, PropertyPath, Segment, Step};
use serde_json::{Map, Value};

use crate::diff::{self, Change, Sides, is_write_only};
use crate::{Node, intrinsic};

/// What differs between a declaration, as far as it is resolved, and what is there; Groundplan's own tags apart.
pub(super) fn differences(node: &Node, declared: &Value, live: &Value) -> Vec<Change> {
    let facts = schema::facts(&node.type_name);
    let mut declared = declared.clone();
    diff::yield_owned(&mut declared, live, &node.owned);
    without_own_tags(&mut declared, facts);
    let mut bare = live.clone();
    without_own_tags(&mut bare, facts);
    let changes = diff::diff(&Sides { declared: &declared, applied: None, live: &bare, facts });
    // What is not resolved is not known to be a difference, and what cannot be read neither.
    let known = changes.into_iter().filter(|change| change.after.as_ref().is_none_or(intrinsic::is_known));
    known
        .filter_map(
            |change| if is_write_only(facts, &change.path) { read_all_the_same(change, live) } else { Some(change) },
        )
        .collect()
}

/// AWS's schemas call some properties write-only that handlers do read: then they count.
fn read_all_the_same(change: Change, live: &Value) -> Option<Change> {
    let found = change.path.iter().try_fold(live, |at, step| match step {
        Segment::Key(key) => at.get(key),
        Segment::Index(index) => at.get(index),
    })?;
    let differs = !change.after.as_ref().is_some_and(|declared| as_good_as(declared, found));
    differs.then(|| Change { before: Some(found.clone()), ..change })
}

/// Whether what is there is what was declared, in other words: another order, another kind of scalar, a version in full.
fn as_good_as(declared: &Value, found: &Value) -> bool {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    };
    match (declared, found) {
        (Value::Array(wanted), Value::Array(is)) => {
            wanted.len() == is.len() && wanted.iter().all(|item| is.iter().any(|found| as_good_as(item, found)))
        }
        (a, b) => match (text(a), text(b)) {
            (Some(a), Some(b)) => a == b || b.strip_prefix(&a).is_some_and(|rest| rest.starts_with('.')),
            _ => a == b,
        },
    }
}

/// Whether a tag is Groundplan's own: ownership, and what its handlers keep in tags.
pub(super) fn is_own_tag(key: &str) -> bool {
    key.starts_with(OWN_TAGS)
}

/// What the keys of Groundplan's own tags begin with.
const OWN_TAGS: &str = "groundplan:";

fn without_own_tags(properties: &mut Value, facts: Option<&Facts>) {
    let Some((property, _)) = facts.and_then(Facts::tag_property) else { return };
    match properties.get_mut(property) {
        Some(Value::Array(tags)) => tags.retain(|tag| !tag["Key"].as_str().is_some_and(is_own_tag)),
        Some(Value::Object(tags)) => tags.retain(|key, _| !is_own_tag(key)),
        _ => {}
    }
}

/// Takes out of lists what is a resource of its own: an item all of which is found in one of `parts`.
pub(super) fn without_parts(live: &mut Value, parts: &[&Value]) {
    let is_part = |item: &Value| {
        let Value::Object(item) = item else { return false };
        !item.is_empty() && parts.iter().any(|part| item.iter().all(|(key, value)| part.get(key) == Some(value)))
    };
    if let Some(live) = live.as_object_mut() {
        for value in live.values_mut() {
            if let Value::Array(items) = value {
                items.retain(|item| !is_part(item));
            }
        }
    }
}

/// How well a thing fits: less is better.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Score {
    /// Properties that differ, tags apart.
    differing: usize,
    /// Declared tags that it does not carry.
    tags: usize,
}

/// The score of a thing, or none if it differs in what cannot be changed: then it is another thing.
pub(super) fn score(node: &Node, declared: &Value, live: &Value) -> Option<Score> {
    let facts = schema::facts(&node.type_name);
    if facts.is_some_and(|facts| plainly_another(facts, declared, live)) {
        return None;
    }
    let tag_property = facts.and_then(Facts::tag_property).map(|(property, _)| property);
    let is_tags =
        |change: &&Change| matches!(change.path.first(), Some(Segment::Key(key)) if Some(key.as_str()) == tag_property);
    let changes = differences(node, declared, live);
    // What AWS does not report is no sign of another thing.
    if changes.iter().any(|change| change.forces_replacement && change.before.is_some()) {
        return None;
    }
    let differing = changes.iter().filter(|change| !is_tags(change)).count();
    let pairs = |side: &Value| tag_property.and_then(|property| side.get(property)).map(pairs).unwrap_or_default();
    let carried = pairs(live);
    let wanted = pairs(declared);
    let plain = wanted.iter().filter(|(key, _)| !is_own_tag(key));
    Some(Score { differing, tags: plain.filter(|tag| !carried.contains(tag)).count() })
}

/// Whether a plain text or number that cannot be changed differs: the cheap look before the whole one.
fn plainly_another(facts: &Facts, declared: &Value, live: &Value) -> bool {
    let text = |value: &Value| match value {
        // JSON in a text may be the same in other words.
        Value::String(text) if !text.starts_with(['{', '[']) => Some(text.clone()),
        Value::Number(number) => number.as_i64().map(|number| number.to_string()),
        _ => None,
    };
    let differs = |path: &PropertyPath| {
        let [Step::Name(name)] = path.steps() else { return false };
        let sides = (declared.get(name).and_then(text), live.get(name).and_then(text));
        matches!(sides, (Some(declared), Some(live)) if declared != live)
    };
    facts.create_only().iter().any(differs)
}

/// Tags as pairs, whichever shape they have.
pub(super) fn pairs(tags: &Value) -> Vec<(String, Value)> {
    match tags {
        Value::Array(tags) => {
            tags.iter().filter_map(|tag| Some((tag["Key"].as_str()?.to_owned(), tag.get("Value")?.clone()))).collect()
        }
        Value::Object(tags) => tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
        _ => Vec::new(),
    }
}

/// How many declared properties speak against a thing, those that cannot be changed first: what is nearest has least.
pub(super) fn distance(changes: &[Change]) -> (usize, usize) {
    (changes.iter().filter(|change| change.forces_replacement).count(), changes.len())
}

/// Differences in words: what is there, and what is declared.
pub(super) fn words(changes: &[Change]) -> String {
    const LONGEST: usize = 60;
    const MOST: usize = 3;
    let mut changes: Vec<&Change> = changes.iter().collect();
    changes.sort_by_key(|change| !change.forces_replacement);
    let one = |change: &&Change| {
        let text = |value: &Option<Value>| value.as_ref().map_or("nothing".to_owned(), intrinsic::readable);
        let (is, declared) = (text(&change.before), text(&change.after));
        if change.sensitive || is.len() > LONGEST || declared.len() > LONGEST {
            format!("{} differs", change.place())
        } else {
            format!("{} is {is}, declared {declared}", change.place())
        }
    };
    let mut words: Vec<String> = changes.iter().take(MOST).map(one).collect();
    if changes.len() > MOST {
        words.push(format!("and {} more", changes.len() - MOST));
    }
    words.join("; ")
}

/// What a thing must be taken to be: the live values of what is declared; of what cannot be read back, the declared ones,
/// whose names are returned.
pub(super) fn applied(node: &Node, declared: &Value, live: &Value) -> (Value, Vec<String>) {
    let facts = schema::facts(&node.type_name);
    let mut live = live.clone();
    diff::as_ours(declared, None, &mut live, facts);
    let mut walk = Walk { facts, path: Vec::new(), unread: Vec::new() };
    let mut applied = walk.value(declared, &live);
    diff::withhold(&mut applied, &[declared], facts);
    (applied, walk.unread)
}

struct Walk<'a> {
    facts: Option<&'a Facts>,
    path: Vec<Segment>,
    unread: Vec<String>,
}

impl Walk<'_> {
    fn value(&mut self, declared: &Value, live: &Value) -> Value {
        let (Value::Object(wanted), Value::Object(found)) = (declared, live) else { return live.clone() };
        if intrinsic::is_intrinsic(declared) || self.is_document() {
            return live.clone();
        }
        let mut out = Map::new();
        for (key, value) in wanted {
            self.path.push(Segment::Key(key.clone()));
            let was = match (found.get(key), is_write_only(self.facts, &self.path)) {
                (None, true) if intrinsic::is_known(value) => {
                    self.unread.push(schema::show_path(&self.path));
                    Some(value.clone())
                }
                // It is compared word by word with what was applied.
                (Some(found), true) if as_good_as(value, found) => Some(value.clone()),
                (Some(found), true) => Some(found.clone()),
                (Some(found), false) => Some(self.value(value, found)),
                (None, _) => None,
            };
            out.extend(was.map(|was| (key.clone(), was)));
            self.path.pop();
        }
        Value::Object(out)
    }

    /// A free-form document is compared as a whole.
    fn is_document(&self) -> bool {
        !self.path.is_empty() && diff::is_document(self.facts, &self.path)
    }
}
