//! From the values of an environment's files to its settings, with every error at its place and in words.

use engine::{Finding, Severity};
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;

use crate::document::{Document, Part};
use crate::finding::{LocatedFinding, sort};
use crate::json_schema::describe;
use crate::words;

/// More errors than a person reads at once; also what bounds the work.
const MOST_ERRORS: usize = 50;

/// Reads a value of the settings' shape. All errors are found, not just the first.
pub(crate) fn deserialise<T: DeserializeOwned>(document: &Document) -> Result<T, Vec<LocatedFinding>> {
    let mut value = document.value();
    let mut findings = Vec::new();
    let mut taken: Vec<Vec<String>> = Vec::new();
    loop {
        let error = match serde_path_to_error::deserialize::<_, T>(value.clone()) {
            Ok(settings) if findings.is_empty() => return Ok(settings),
            Ok(_) => return Err(sorted(findings)),
            Err(error) => error,
        };
        let path = segments(error.path());
        let mut problem = words::explain(&error.inner().to_string(), &path, at(&value, &path));
        if let Some(missing) = &problem.missing {
            let full: Vec<&str> = path.iter().map(String::as_str).chain([missing.as_str()]).collect();
            let what = describe(&full);
            problem.hint = problem.hint.map(|hint| what.map_or(hint.clone(), |what| format!("{hint} — {what}")));
        }
        // What was taken away because it was wrong is not missing.
        let follows = problem.missing.as_ref().is_some_and(|name| {
            let mut full = path.clone();
            full.push(name.clone());
            taken.contains(&full)
        });
        if !follows {
            findings.push(located(document, &path, problem));
        }
        // The rest is read without what is wrong, to find what else is.
        if findings.len() >= MOST_ERRORS || path.is_empty() || !remove(&mut value, &path) {
            return Err(sorted(findings));
        }
        taken.push(path);
    }
}

fn sorted(mut findings: Vec<LocatedFinding>) -> Vec<LocatedFinding> {
    sort(&mut findings);
    findings
}

fn located(document: &Document, path: &[String], problem: words::Problem) -> LocatedFinding {
    let keys: Vec<&str> = path.iter().map(String::as_str).collect();
    let part = if problem.rule == "unknown-key" { Part::Key } else { Part::Value };
    let place = Some(document.locate_part(&keys, part));
    let finding = Finding {
        severity: Severity::Error,
        rule: problem.rule.to_owned(),
        address: None,
        key: (!path.is_empty()).then(|| path.join(".")),
        message: problem.message,
        hint: problem.hint,
    };
    LocatedFinding { finding, place }
}

fn segments(path: &serde_path_to_error::Path) -> Vec<String> {
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(index.to_string()),
            Segment::Map { key } => Some(key.clone()),
            // Variants and what has no name are no keys of the file.
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect()
}

fn at<'v>(value: &'v Value, path: &[String]) -> Option<&'v Value> {
    path.iter().try_fold(value, |inner, segment| match inner {
        Value::Object(map) => map.get(segment),
        Value::Array(items) => items.get(segment.parse::<usize>().ok()?),
        _ => None,
    })
}

/// Takes away the value at a path; from within a list, the whole list, since its other items would move.
fn remove(value: &mut Value, path: &[String]) -> bool {
    let Some((last, above)) = path.split_last() else { return false };
    let mut inner = &mut *value;
    for (depth, segment) in above.iter().enumerate() {
        inner = match inner {
            Value::Object(map) => match map.get_mut(segment) {
                Some(inner) => inner,
                None => return false,
            },
            _ => return remove(value, &path[..depth]),
        };
    }
    match inner {
        Value::Object(map) => map.shift_remove(last).is_some(),
        _ => remove(value, above),
    }
}
