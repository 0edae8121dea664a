//! Checks a resource's properties against its schema, before any call: everything that is wrong, in words.

mod array;
mod branches;
mod object;
mod scalar;
mod words;

use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::facts::{Facts, facts};
use crate::intrinsic::{self, DEEPEST};
use crate::path::{Segment, show_path};
use crate::property::{Kind, Property};

pub use words::closest;
use words::{name_kinds, quote, ticks};

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Violation {
    /// Where; for something missing, the object that lacks it.
    pub path: Vec<Segment>,
    /// The schema's word for the rule: `required`, `type`, `enum`, `pattern`, `additionalProperties`, `readOnly`, …
    pub rule: &'static str,
    /// What is wrong, with the value and what is allowed. Values that may be secrets are not shown.
    pub message: String,
    /// What to do, if that can be guessed.
    pub hint: Option<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", show_path(&self.path))?;
        }
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// Everything that AWS would refuse in the properties of a resource, as far as its schema says.
///
/// - An intrinsic function is accepted wherever a value may stand; the outcomes of an `Fn::If` are checked.
/// - As in CloudFormation, numbers and booleans may be written as text, and text as a number or boolean.
/// - A type without [`facts`] cannot be checked: there are no violations. Ask [`facts`] first where that matters.
pub fn validate(type_name: &str, properties: &Value) -> Vec<Violation> {
    facts(type_name).map(|facts| facts.validate(properties)).unwrap_or_default()
}

impl Facts {
    /// As [`validate`], for this type.
    pub fn validate(&self, properties: &Value) -> Vec<Violation> {
        let mut walk = Walk { facts: self, path: Vec::new(), found: Vec::new(), depth: 0 };
        // The schemas do not say that a resource is an object; it goes without saying.
        if !properties.is_object() {
            walk.report("type", "the properties are not an object".to_owned());
            return walk.found;
        }
        walk.read_only(properties);
        walk.node(self.schema(), properties);
        walk.found
    }
}

/// A walk through schema and value together.
struct Walk<'f> {
    facts: &'f Facts,
    path: Vec<Segment>,
    found: Vec<Violation>,
    depth: usize,
}

impl<'f> Walk<'f> {
    fn report(&mut self, rule: &'static str, message: String) {
        self.report_with(rule, message, None);
    }

    fn report_with(&mut self, rule: &'static str, message: String, hint: Option<String>) {
        self.found.push(Violation { path: self.path.clone(), rule, message, hint });
    }

    /// One step down.
    fn enter(&mut self, segment: Segment, node: &'f Property, value: &Value) {
        self.path.push(segment);
        self.node(node, value);
        self.path.pop();
    }

    /// What the value violates, without reporting it.
    fn trial(&mut self, node: &'f Property, value: &Value) -> Vec<Violation> {
        let before = std::mem::take(&mut self.found);
        self.node(node, value);
        std::mem::replace(&mut self.found, before)
    }

    fn node(&mut self, node: &'f Property, value: &Value) {
        // Nothing that AWS accepts is this deep; the bound is for the stack.
        if self.depth >= DEEPEST {
            return;
        }
        self.depth += 1;
        if let Some(node) = self.facts.resolve(node) {
            self.resolved(node, value);
        }
        self.depth -= 1;
    }

    fn resolved(&mut self, node: &'f Property, value: &Value) {
        // Nothing more to say of what should not be there.
        if self.found.iter().any(|violation| violation.rule == "readOnly" && violation.path == self.path) {
            return;
        }
        if let Some((name, _)) = intrinsic::function(value)
            && !node.properties.contains_key(name)
        {
            if let Some((yes, no)) = intrinsic::outcomes(value) {
                for (index, outcome) in [(1, yes), (2, no)] {
                    if !intrinsic::is_no_value(outcome) {
                        self.path.push("Fn::If".into());
                        self.enter(Segment::Index(index), node, outcome);
                        self.path.pop();
                    }
                }
            }
            return;
        }
        if let Value::String(text) = value
            && intrinsic::is_dynamic_reference(text)
        {
            return;
        }
        if !self.kind(node, value) {
            return;
        }
        match value {
            Value::Object(members) => self.object(node, members),
            Value::Array(items) => self.array(node, items),
            _ => self.scalar(node, value),
        }
        self.branches(node, value);
    }

    /// Whether the value is of a kind that the schema allows. If not, nothing else is worth saying.
    fn kind(&mut self, node: &Property, value: &Value) -> bool {
        let kinds = node.kinds.list();
        if value.is_null() {
            let hint = "leave the property out instead".to_owned();
            self.report_with("type", "null is not a value".to_owned(), Some(hint));
            return false;
        }
        if kinds.is_empty() || kinds.iter().any(|kind| is_of(value, *kind)) {
            return true;
        }
        let message = match value {
            Value::Array(_) => format!("a list stands where {} is needed", name_kinds(kinds)),
            Value::Object(_) => format!("an object stands where {} is needed", name_kinds(kinds)),
            _ => format!("{} is not {}", self.show(value), name_kinds(kinds)),
        };
        let hint = (kinds == [Kind::Array] && !value.is_object()).then(|| match self.is_secret() {
            true => "write it in brackets".to_owned(),
            false => format!("write `[{}]`", words::short(value)),
        });
        self.report_with("type", message, hint);
        false
    }

    /// Properties that AWS sets.
    fn read_only(&mut self, properties: &Value) {
        let mut reported: Vec<Vec<Segment>> = Vec::new();
        for path in self.facts.read_only() {
            for (at, _) in path.find(properties) {
                if reported.iter().any(|above| at.starts_with(above)) {
                    continue;
                }
                let name = ticks(&path.attribute());
                self.found.push(Violation {
                    path: at.clone(),
                    rule: "readOnly",
                    message: format!("{name} is set by AWS and cannot be given"),
                    hint: Some("read it with Fn::GetAtt".to_owned()),
                });
                reported.push(at);
            }
        }
    }

    /// The value for a message; what may be a secret is not shown.
    fn show(&self, value: &Value) -> String {
        if self.is_secret() { "the value".to_owned() } else { quote(value) }
    }

    fn is_secret(&self) -> bool {
        self.facts.may_be_secret(&self.path)
    }
}

/// Whether CloudFormation takes the value as this kind: it turns text into numbers and booleans, and the reverse.
fn is_of(value: &Value, kind: Kind) -> bool {
    match (kind, value) {
        (Kind::Object, value) => value.is_object(),
        (Kind::Array, value) => value.is_array(),
        (_, Value::Object(_) | Value::Array(_) | Value::Null) => false,
        (Kind::String, _) => true,
        (Kind::Boolean, Value::Bool(_)) => true,
        (Kind::Boolean, Value::String(text)) => {
            matches!(text.as_str(), "true" | "false" | "True" | "False")
        }
        (Kind::Integer, Value::Number(number)) => {
            number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|number| number.fract() == 0.0)
        }
        (Kind::Integer, Value::String(text)) => text.parse::<i64>().is_ok(),
        (Kind::Number, Value::Number(_)) => true,
        (Kind::Number, Value::String(text)) => text.parse::<f64>().is_ok_and(f64::is_finite),
        (Kind::Boolean | Kind::Integer | Kind::Number, _) => false,
    }
}
