//! Places: concrete ones in a value, and patterns of places in a schema.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One step of a concrete place in a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Segment {
    /// An item of an array, from 0.
    Index(usize),
    /// A member of an object.
    Key(String),
}

impl From<&str> for Segment {
    fn from(key: &str) -> Self {
        Self::Key(key.to_owned())
    }
}

impl From<usize> for Segment {
    fn from(index: usize) -> Self {
        Self::Index(index)
    }
}

/// A concrete place as people write it: `Origins[0].DomainName`. Empty for the resource itself.
pub fn show_path(path: &[Segment]) -> String {
    let mut text = String::new();
    for segment in path {
        match segment {
            Segment::Index(index) => text.push_str(&format!("[{index}]")),
            Segment::Key(key) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(key);
            }
        }
    }
    text
}

/// One step of a [`PropertyPath`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The property of this name.
    Name(String),
    /// `*`: every item of an array, or every value of a map.
    Any,
}

impl Step {
    fn takes(&self, segment: &Segment) -> bool {
        match (self, segment) {
            (Self::Any, _) => true,
            (Self::Name(name), Segment::Key(key)) => name == key,
            (Self::Name(_), Segment::Index(_)) => false,
        }
    }
}

/// A property's place in a schema, such as `LifecycleConfiguration/Rules/*/Transition`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(from = "String")]
pub struct PropertyPath {
    steps: Vec<Step>,
}

impl From<String> for PropertyPath {
    fn from(text: String) -> Self {
        Self::parse(&text)
    }
}

impl PropertyPath {
    /// Reads `Foo/*/Bar`, and AWS's own way of writing it, `/properties/Foo/*/Bar`.
    pub fn parse(text: &str) -> Self {
        let text = text.strip_prefix("/properties/").unwrap_or(text);
        let step = |part: &str| {
            if part == "*" { Step::Any } else { Step::Name(part.to_owned()) }
        };
        Self { steps: text.split('/').filter(|part| !part.is_empty()).map(step).collect() }
    }

    /// The schema place of a concrete place: every index becomes `*`.
    pub fn of(path: &[Segment]) -> Self {
        let step = |segment: &Segment| match segment {
            Segment::Index(_) => Step::Any,
            Segment::Key(key) => Step::Name(key.clone()),
        };
        Self { steps: path.iter().map(step).collect() }
    }

    /// The steps from the resource's properties down.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The place one step further down.
    #[must_use]
    pub fn child(&self, step: Step) -> Self {
        let mut steps = self.steps.clone();
        steps.push(step);
        Self { steps }
    }

    /// The first property's name: the one that a resource's properties have at the top.
    pub fn root(&self) -> Option<&str> {
        match self.steps.first() {
            Some(Step::Name(name)) => Some(name),
            _ => None,
        }
    }

    /// The name as `Fn::GetAtt` takes it: `Endpoint.Address`.
    pub fn attribute(&self) -> String {
        self.join(".")
    }

    /// Whether this concrete place is one of the places meant.
    pub fn matches(&self, path: &[Segment]) -> bool {
        self.steps.len() == path.len() && self.agrees(path)
    }

    /// Whether this concrete place is one of the places meant, or below one. A change there is a change of the property.
    pub fn covers(&self, path: &[Segment]) -> bool {
        self.steps.len() <= path.len() && self.agrees(path)
    }

    /// Whether this concrete place is at, below or above one of the places meant. A change above, such as a whole
    /// object that appears, may change the property too.
    pub fn touches(&self, path: &[Segment]) -> bool {
        self.agrees(path)
    }

    fn agrees(&self, path: &[Segment]) -> bool {
        self.steps.iter().zip(path).all(|(step, segment)| step.takes(segment))
    }

    /// All places in the value that are meant, with what stands there.
    pub fn find<'v>(&self, value: &'v Value) -> Vec<(Vec<Segment>, &'v Value)> {
        let mut found = Vec::new();
        descend(&self.steps, value, &mut Vec::new(), &mut found);
        found
    }

    /// Takes all places that are meant out of the value; true if there were any. Array items are never taken out.
    pub fn remove(&self, value: &mut Value) -> bool {
        remove(&self.steps, value)
    }

    fn join(&self, separator: &str) -> String {
        let names: Vec<&str> = self
            .steps
            .iter()
            .map(|step| match step {
                Step::Name(name) => name.as_str(),
                Step::Any => "*",
            })
            .collect();
        names.join(separator)
    }
}

impl fmt::Display for PropertyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.join("/"))
    }
}

fn descend<'v>(steps: &[Step], value: &'v Value, here: &mut Vec<Segment>, found: &mut Vec<(Vec<Segment>, &'v Value)>) {
    let Some((step, rest)) = steps.split_first() else {
        found.push((here.clone(), value));
        return;
    };
    let mut enter = |segment: Segment, inner: &'v Value| {
        here.push(segment);
        descend(rest, inner, here, found);
        here.pop();
    };
    match (step, value) {
        (Step::Name(name), Value::Object(members)) => {
            if let Some(inner) = members.get(name) {
                enter(Segment::Key(name.clone()), inner);
            }
        }
        (Step::Any, Value::Array(items)) => {
            items.iter().enumerate().for_each(|(index, inner)| enter(Segment::Index(index), inner));
        }
        (Step::Any, Value::Object(members)) => {
            members.iter().for_each(|(key, inner)| enter(Segment::Key(key.clone()), inner));
        }
        _ => {}
    }
}

fn remove(steps: &[Step], value: &mut Value) -> bool {
    let Some((step, rest)) = steps.split_first() else {
        return false;
    };
    match (step, value) {
        (Step::Name(name), Value::Object(members)) => {
            if rest.is_empty() {
                // Keeps the order of the other members.
                members.shift_remove(name).is_some()
            } else {
                members.get_mut(name).is_some_and(|inner| remove(rest, inner))
            }
        }
        (Step::Any, Value::Array(items)) => {
            // Counted rather than asked for `any`, which would stop at the first.
            items.iter_mut().map(|inner| remove(rest, inner)).filter(|gone| *gone).count() > 0
        }
        (Step::Any, Value::Object(members)) => {
            members.values_mut().map(|inner| remove(rest, inner)).filter(|gone| *gone).count() > 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn place(text: &str) -> Vec<Segment> {
        let segment = |part: &str| part.parse::<usize>().map_or_else(|_| part.into(), Segment::Index);
        text.split('/').filter(|part| !part.is_empty()).map(segment).collect()
    }

    #[test]
    fn paths_are_matched_against_places() {
        // pattern, place, matches, covers, touches
        let cases = [
            ("CidrBlock", "CidrBlock", true, true, true),
            ("CidrBlock", "CidrBlocks", false, false, false),
            ("Rules/*/Prefix", "Rules/3/Prefix", true, true, true),
            ("Rules/*/Prefix", "Rules/3", false, false, true),
            ("Rules/*/Prefix", "Rules", false, false, true),
            ("Rules/*/Prefix", "Rules/3/Status", false, false, false),
            ("Endpoint", "Endpoint/Address", false, true, true),
            ("Tags/*", "Tags/team", true, true, true),
            ("Rules/Prefix", "Rules/0", false, false, false),
            ("Rules", "", false, false, true),
        ];
        for (pattern, at, matches, covers, touches) in cases {
            let (path, at) = (PropertyPath::parse(pattern), place(at));
            assert_eq!(
                (path.matches(&at), path.covers(&at), path.touches(&at)),
                (matches, covers, touches),
                "{pattern}"
            );
        }
    }

    #[test]
    fn paths_are_read_and_written() {
        let path = PropertyPath::parse("/properties/Endpoint/Address");
        assert_eq!((path.to_string().as_str(), path.attribute().as_str()), ("Endpoint/Address", "Endpoint.Address"));
        assert_eq!(path.root(), Some("Endpoint"));
        assert_eq!(PropertyPath::of(&place("Rules/0/Prefix")), PropertyPath::parse("Rules/*/Prefix"));
        assert_eq!(show_path(&place("Origins/0/Headers/1/Name")), "Origins[0].Headers[1].Name");
    }

    #[test]
    fn places_are_found_and_removed() {
        let mut value = json!({"Rules": [{"Prefix": "a", "Id": "1"}, {"Id": "2"}, {"Prefix": "c"}]});
        let path = PropertyPath::parse("Rules/*/Prefix");
        let found: Vec<String> = path.find(&value).iter().map(|(at, v)| format!("{}={v}", show_path(at))).collect();
        assert_eq!(found, ["Rules[0].Prefix=\"a\"", "Rules[2].Prefix=\"c\""]);
        assert!(path.remove(&mut value));
        assert!(!path.remove(&mut value));
        assert_eq!(value, json!({"Rules": [{"Id": "1"}, {"Id": "2"}, {}]}));
    }
}
