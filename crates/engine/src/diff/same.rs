//! Whether two values mean the same to AWS.

use schema::{Facts, PropertyPath, Step};
use serde_json::Value;

use super::unsaid::UNSAID;
use crate::intrinsic;

/// What AWS leaves out because it says nothing.
pub(super) fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => !intrinsic::is_intrinsic(value) && map.values().all(is_blank),
    }
}

/// Whether what is there is as declared. Members of objects that were not declared do not count.
pub(super) fn same(declared: &Value, live: &Value, facts: Option<&Facts>, place: &mut PropertyPath) -> bool {
    if intrinsic::is_intrinsic(declared) {
        return false;
    }
    match (declared, live) {
        (Value::Array(wanted), Value::Array(found)) => {
            let attributes =
                facts.and_then(|facts| facts.property(place)).is_some_and(schema::Property::is_attribute_list);
            if attributes {
                // AWS reports attributes that nobody set.
                let mut item = place.child(Step::Any);
                return wanted.iter().all(|value| found.iter().any(|live| same(value, live, facts, &mut item)));
            }
            if wanted.len() != found.len() {
                return false;
            }
            let set = facts.is_some_and(|facts| facts.is_set(place));
            let mut item = place.child(Step::Any);
            if set {
                same_set(wanted, found, facts, &mut item)
            } else {
                wanted.iter().zip(found).all(|(a, b)| same(a, b, facts, &mut item))
            }
        }
        (Value::Object(wanted), Value::Object(found)) => wanted.iter().all(|(key, value)| match found.get(key) {
            Some(live) => same(value, live, facts, &mut place.child(Step::Name(key.clone()))),
            None => is_blank(value),
        }),
        (Value::String(a), Value::String(b)) => a == b || a == UNSAID || same_json_text(a, b),
        (a, b) => a == b || (scalar(a).is_some() && scalar(a) == scalar(b)),
    }
}

fn same_set(wanted: &[Value], found: &[Value], facts: Option<&Facts>, item: &mut PropertyPath) -> bool {
    let mut left: Vec<&Value> = found.iter().collect();
    wanted.iter().all(|value| {
        let at = left.iter().position(|live| same(value, live, facts, item));
        at.map(|at| left.swap_remove(at)).is_some()
    })
}

/// Two texts that hold the same JSON document, whatever its spacing.
fn same_json_text(a: &str, b: &str) -> bool {
    let parse = |text: &str| match text.trim_start().chars().next() {
        Some('{' | '[') => serde_json::from_str::<Value>(text).ok(),
        _ => None,
    };
    matches!((parse(a), parse(b)), (Some(a), Some(b)) if same_document(&a, &b))
}

/// Two free-form documents: a list of one is its item, lists of scalars have no order (as in IAM
/// policies), numbers and booleans may be text.
pub(super) fn same_document(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(x), Value::Object(y)) => {
            !intrinsic::is_intrinsic(a)
                && x.len() == y.len()
                && x.iter().all(|(key, value)| y.get(key).is_some_and(|other| same_document(value, other)))
        }
        (Value::Array(x), Value::Array(y)) => {
            let texts = |items: &[Value]| {
                let mut texts: Option<Vec<String>> = items.iter().map(scalar).collect();
                texts.iter_mut().for_each(|texts| texts.sort());
                texts
            };
            match (texts(x), texts(y)) {
                (Some(x), Some(y)) => x == y,
                _ => x.len() == y.len() && x.iter().zip(y).all(|(a, b)| same_document(a, b)),
            }
        }
        (Value::Array(x), other) | (other, Value::Array(x)) => x.len() == 1 && same_document(&x[0], other),
        _ => a == b || (scalar(a).is_some() && scalar(a) == scalar(b)),
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        // 1 and 1.0 are the same number.
        Value::Number(number) => number.as_f64().map(|number| number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}
