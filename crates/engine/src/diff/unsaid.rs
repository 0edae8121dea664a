//! Texts that nobody declared and that may be secrets, such as a container's environment: neither kept nor shown.

use std::collections::HashSet;

use schema::{Facts, Step};
use serde_json::Value;

use crate::Failure;

/// Stands for such a text in the state. Whatever is there counts as the same.
pub(crate) const UNSAID: &str = "(not kept: nobody declared it)";

/// Takes the texts out of a value that stand in none of `known`, where AWS tells texts that may be secrets.
pub(crate) fn withhold(value: &mut Value, known: &[&Value], facts: Option<&Facts>) {
    let places = facts.map(Facts::open_texts).unwrap_or_default();
    if places.is_empty() {
        return;
    }
    let mut said = HashSet::new();
    known.iter().for_each(|known| texts(known, &mut said));
    places.iter().for_each(|place| hide(value, place.steps(), &said));
}

/// Refuses to make what has such a text: it would be made with another one.
pub(crate) fn whole(value: &Value) -> Result<(), Failure> {
    let mut said = HashSet::new();
    texts(value, &mut said);
    match said.contains(UNSAID) {
        false => Ok(()),
        true => Err(Failure::invalid("it cannot be made as it was: texts of it that nobody declared were not kept")
            .hint("declare it as it shall be, and deploy")),
    }
}

fn texts<'a>(value: &'a Value, found: &mut HashSet<&'a str>) {
    match value {
        Value::String(text) => drop(found.insert(text)),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(map) => map.values().for_each(|item| texts(item, found)),
        _ => {}
    }
}

fn hide(value: &mut Value, steps: &[Step], said: &HashSet<&str>) {
    match (steps, value) {
        ([], Value::String(text)) if !said.contains(text.as_str()) => UNSAID.clone_into(text),
        ([Step::Any, rest @ ..], Value::Array(items)) => items.iter_mut().for_each(|item| hide(item, rest, said)),
        ([Step::Any, rest @ ..], Value::Object(map)) => map.values_mut().for_each(|item| hide(item, rest, said)),
        ([Step::Name(name), rest @ ..], Value::Object(map)) => {
            if let Some(inner) = map.get_mut(name) {
                hide(inner, rest, said);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::{Sides, diff};
    use serde_json::json;

    const TASK: &str = "AWS::ECS::TaskDefinition";

    fn task(environment: &[(&str, &str)]) -> Value {
        let pairs: Vec<Value> =
            environment.iter().map(|(name, value)| json!({ "Name": name, "Value": value })).collect();
        json!({ "Family": "api", "ContainerDefinitions": [{ "Name": "api", "Image": "api:1", "Environment": pairs }] })
    }

    #[test]
    fn what_nobody_declared_is_neither_kept_nor_shown_and_still_differs() {
        let facts = schema::facts(TASK);
        let (declared, live) = (task(&[("PORT", "3000")]), task(&[("PORT", "3000"), ("DB_PASSWORD", "hunter2")]));
        let mut kept = live.clone();
        withhold(&mut kept, &[&declared], facts);
        assert_eq!(kept, task(&[("PORT", "3000"), ("DB_PASSWORD", UNSAID)]));
        assert!(whole(&kept).is_err() && whole(&live).is_ok());

        let against = |declared: &Value| diff(&Sides { declared, applied: Some(&kept), live: &live, facts });
        let changes = against(&declared);
        assert_eq!(changes.len(), 1);
        assert!(!format!("{changes:?}").contains("hunter2"), "{changes:?}");
        // It is no drift that it is as it was.
        assert!(against(&kept).is_empty());
        // What was applied once is shown.
        let sides = Sides {
            declared: &declared,
            applied: Some(&task(&[("PORT", "80")])),
            live: &task(&[("PORT", "80")]),
            facts,
        };
        assert!(format!("{:?}", diff(&sides)).contains("80"));
    }
}
