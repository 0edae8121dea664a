//! What differs between two values, and within them: the members that do, instead of both in whole.

use engine::intrinsic;
use serde_json::{Map, Value};

use super::words::value;

/// The most lines that one change gets where not all is asked for.
const MOST: usize = 8;

/// What identifies an item of a list, in the words of AWS's types.
const NAMES: &[&str] = &["Name", "Key", "Id", "Sid", "PolicyName", "Type", "name", "key", "id"];

/// Which of two values was read from the cloud. Members that it alone has are AWS's own, but within a document that is
/// kept as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Live {
    /// The one before: a plan.
    Before,
    /// The one after: drift.
    After,
}

/// A property as it was and as it is, or shall be.
pub struct Pair<'a> {
    /// As it was.
    pub before: &'a Option<Value>,
    /// As it is, or shall be.
    pub after: &'a Option<Value>,
    /// Whether neither may be shown.
    pub sensitive: bool,
}

impl Pair<'_> {
    /// `property: before → after` and `note`; or what differs within them, a line each under the property.
    pub fn lines(&self, property: &str, note: &str, live: Live, all: bool) -> Vec<String> {
        if let (Some(before), Some(after), false) = (self.before, self.after, self.sensitive) {
            let inside = lines(before, after, live, all);
            if !inside.is_empty() {
                let inside = inside.into_iter().map(|line| format!("  {line}"));
                return std::iter::once(format!("{property}:{note}")).chain(inside).collect();
            }
        }
        let [before, after] = [self.before, self.after].map(|side| shown(side, self.sensitive));
        vec![format!("{property}: {before} → {after}{note}")]
    }
}

/// One side in short.
pub fn shown(side: &Option<Value>, sensitive: bool) -> String {
    match side {
        None => "nothing".to_owned(),
        Some(_) if sensitive => "(sensitive)".to_owned(),
        Some(side) => value(side),
    }
}

/// What differs, a line each; nothing where the values in whole say it better.
fn lines(before: &Value, after: &Value, live: Live, all: bool) -> Vec<String> {
    let (was, is) = (document(before), document(after));
    let live = (was.is_none() && is.is_none()).then_some(live);
    let mut found = Found { live, lines: Vec::new() };
    let (was, is) = (was.as_ref().unwrap_or(before), is.as_ref().unwrap_or(after));
    if !is_structure(was) || !is_structure(is) {
        return Vec::new();
    }
    found.between("", was, is);
    let mut lines = found.lines;
    if !all && lines.len() > MOST {
        let more = lines.len() - MOST;
        lines.truncate(MOST);
        lines.push(format!("… and {more} more (--details)"));
    }
    lines
}

struct Found {
    live: Option<Live>,
    lines: Vec<String>,
}

impl Found {
    fn between(&mut self, path: &str, before: &Value, after: &Value) {
        match (before, after) {
            _ if before == after => {}
            (Value::Object(was), Value::Object(is)) if !intrinsic::is_intrinsic(after) => self.members(path, was, is),
            (Value::Array(was), Value::Array(is)) => self.items(path, was, is),
            _ if plain(before).is_some() && plain(before) == plain(after) => {}
            _ => match (document(before), document(after)) {
                (Some(was), Some(is)) => self.between(path, &was, &is),
                _ => self.lines.push(format!("{path}: {} → {}", value(before), value(after))),
            },
        }
    }

    fn members(&mut self, path: &str, was: &Map<String, Value>, is: &Map<String, Value>) {
        let at = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        for (key, after) in is {
            match was.get(key) {
                Some(before) => self.between(&at(key), before, after),
                None if after.is_null() || self.live == Some(Live::After) => {}
                None => self.lines.push(format!("{}: + {}", at(key), value(after))),
            }
        }
        let gone = was.iter().filter(|(key, _)| self.live != Some(Live::Before) && !is.contains_key(*key));
        for (key, before) in gone {
            self.lines.push(format!("{}: - {}", at(key), value(before)));
        }
    }

    /// What is the same on both sides goes; then what has the same name, or is alone on its side, is compared.
    fn items(&mut self, path: &str, was: &[Value], is: &[Value]) {
        let mut gone: Vec<(usize, &Value)> = was.iter().enumerate().collect();
        let mut new: Vec<&Value> = Vec::new();
        for item in is {
            match gone.iter().position(|(_, before)| *before == item) {
                Some(at) => drop(gone.remove(at)),
                None => new.push(item),
            }
        }
        let alone = gone.len() == 1 && new.len() == 1;
        new.retain(|item| {
            let twin = |before: &Value| name(item).is_some() && name(item) == name(before);
            let at = gone.iter().position(|(_, before)| twin(before) || (alone && is_structure(item)));
            let Some((index, before)) = at.map(|at| gone.remove(at)) else { return true };
            let shown = match name(item) {
                Some(name) => format!("{path}[{name}]"),
                None => format!("{path}[{index}]"),
            };
            self.between(&shown, before, item);
            false
        });
        let place = if path.is_empty() { String::new() } else { format!("{path}: ") };
        self.lines.extend(gone.iter().map(|(_, item)| format!("{place}- {}", value(item))));
        self.lines.extend(new.iter().map(|item| format!("{place}+ {}", value(item))));
    }
}

fn name(item: &Value) -> Option<&str> {
    NAMES.iter().find_map(|key| item.get(key)?.as_str())
}

fn is_structure(value: &Value) -> bool {
    match value {
        Value::Object(map) => !map.is_empty() && !intrinsic::is_intrinsic(value),
        Value::Array(_) => true,
        _ => false,
    }
}

/// A JSON document that is kept as text.
fn document(value: &Value) -> Option<Value> {
    let text = value.as_str().filter(|text| text.trim_start().starts_with(['{', '[']))?;
    serde_json::from_str(text).ok()
}

/// A scalar as text: `1` and `"1"` are the same to AWS.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_differs_is_told() {
        let cases: &[(Value, Value, &[&str])] = &[
            // Of a list what came and what went.
            (json!(["a", "b"]), json!(["b", "c"]), &["- \"a\"", "+ \"c\""]),
            // An item of a name by its name, members that AWS added left out, numbers as text the same.
            (
                json!([{ "Name": "api", "Cpu": 256, "AwsAdded": true, "Port": "80" }, { "Name": "side" }]),
                json!([{ "Name": "side" }, { "Name": "api", "Cpu": 512, "Port": 80 }]),
                &["[api].Cpu: 256 → 512"],
            ),
            // One on each side is taken for the same.
            (
                json!([{ "FromPort": 80 }, { "X": 1 }]),
                json!([{ "X": 1 }, { "FromPort": 81 }]),
                &["[0].FromPort: 80 → 81"],
            ),
            // Several are not.
            (
                json!([{ "P": 1 }, { "P": 2 }]),
                json!([{ "P": 3 }, { "P": 4 }]),
                &["- {\"P\":1}", "- {\"P\":2}", "+ {\"P\":3}", "+ {\"P\":4}"],
            ),
            // A document as text, also against one that is none yet: there a member that went counts.
            (
                json!("{\"widgets\":[{\"title\":\"a\"}],\"start\":\"-PT6H\"}"),
                json!({ "widgets": [{ "title": "b" }], "end": "now" }),
                &["widgets[0].title: \"a\" → \"b\"", "end: + \"now\"", "start: - \"-PT6H\""],
            ),
            // A reference is a value.
            (json!(["sg-1"]), json!([{ "Ref": "a.b" }]), &["- \"sg-1\"", "+ (a.b)"]),
            // What is no structure is told in whole by others.
            (json!("a"), json!("b"), &[]),
            (json!({ "a": 1 }), json!("b"), &[]),
        ];
        for (before, after, expected) in cases {
            assert_eq!(lines(before, after, Live::Before, true), *expected, "{before} {after}");
        }
    }

    #[test]
    fn what_the_cloud_alone_has_is_its_own() {
        let (ours, live) = (json!([{ "a": 1 }]), json!([{ "a": 2, "b": 3 }]));
        assert_eq!(lines(&ours, &live, Live::After, true), ["[0].a: 1 → 2"]);
        assert_eq!(lines(&live, &ours, Live::Before, true), ["[0].a: 2 → 1"]);
        assert_eq!(lines(&ours, &live, Live::Before, true), ["[0].a: 1 → 2", "[0].b: + 3"]);
    }

    #[test]
    fn long_differences_are_cut_unless_all_is_asked_for() {
        let (before, after) = (json!([]), Value::from((0..20).collect::<Vec<_>>()));
        let cut = lines(&before, &after, Live::Before, false);
        assert_eq!((cut.len(), cut[MOST].as_str()), (MOST + 1, "… and 12 more (--details)"));
        assert_eq!(lines(&before, &after, Live::Before, true).len(), 20);
    }
}
