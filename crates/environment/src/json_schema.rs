//! The JSON Schema of environment files, for completion and descriptions in editors.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use crate::Settings;

/// Where the schema is kept, relative to the workspace; the files name it in their first line.
pub const FILE: &str = "environments/schema.json";

/// The text of the schema file.
///
/// Every key is optional in it: a file may be laid over another that has the key. What the whole needs is checked when
/// an environment is loaded.
pub fn json_schema() -> String {
    let schema = SchemaSettings::draft07().into_generator().into_root_schema_for::<Settings>();
    let mut schema = schema.to_value();
    simplify(&mut schema);
    if let Some(map) = schema.as_object_mut() {
        map.insert("title".to_owned(), Value::from("Groundplan environment"));
    }
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

/// Takes away what has no meaning in TOML (null), in an overlay (required), or for a person (Rust's number formats).
fn simplify(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(simplify),
        Value::Object(map) => {
            simplify_object(map);
            map.values_mut().for_each(simplify);
        }
        _ => {}
    }
}

fn simplify_object(map: &mut Map<String, Value>) {
    // Among `properties`, a key of the files that is called like one of these has a schema, an object, as its value.
    map.retain(|key, value| match key.as_str() {
        "required" => !value.is_array(),
        "format" => !value.as_str().is_some_and(is_rust_format),
        // Whole sections as defaults say no more than the descriptions of their keys.
        "default" => !(value.is_null() || value.is_object() && !value.get("type").is_some_and(Value::is_string)),
        _ => true,
    });
    if let Some(Value::Array(types)) = map.get_mut("type") {
        types.retain(|name| name != "null");
        if let [one] = types.as_slice() {
            let one = one.clone();
            map.insert("type".to_owned(), one);
        }
    }
    if let Some(Value::Array(options)) = map.get_mut("anyOf") {
        options.retain(|option| option.get("type").is_none_or(|name| name != "null"));
        if options.len() == 1 && options[0].get("$ref").is_some() {
            // Draft 7 overlooks what stands beside `$ref`: a description needs the `allOf` around it.
            let options = std::mem::take(options);
            map.shift_remove("anyOf");
            map.insert("allOf".to_owned(), Value::Array(options));
        }
    }
}

fn is_rust_format(format: &str) -> bool {
    ["uint", "int", "float", "double"].iter().any(|start| format.starts_with(start))
}

/// What the first sentence of a key's description says: `The instance class: `db.t3.small``.
pub(crate) fn describe(path: &[&str]) -> Option<String> {
    let root: Value = serde_json::from_str(&json_schema()).ok()?;
    let schema = path.iter().try_fold(&root, |schema, key| step(&root, schema, key, 0))?;
    let text = schema.get("description")?.as_str()?;
    let sentence = text.split(". ").next().unwrap_or(text).trim_end_matches('.');
    Some(sentence.replace('\n', " "))
}

/// References within references; the settings need two.
const DEEPEST: usize = 8;

fn step<'s>(root: &'s Value, schema: &'s Value, key: &str, depth: usize) -> Option<&'s Value> {
    let own = schema
        .get("properties")
        .and_then(|properties| properties.get(key))
        .or_else(|| schema.get("additionalProperties").filter(|inner| inner.is_object()));
    if own.is_some() || depth > DEEPEST {
        return own;
    }
    if let Some(inner) =
        schema.get("$ref").and_then(Value::as_str).and_then(|name| root.pointer(name.strip_prefix('#')?))
    {
        return step(root, inner, key, depth + 1);
    }
    let options = ["allOf", "anyOf"].into_iter().filter_map(|name| schema.get(name)?.as_array()).flatten();
    options.into_iter().find_map(|option| step(root, option, key, depth + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_named_tables_are_described() {
        let cases = [
            (&["region"][..], Some("The AWS region: `us-east-1`")),
            (&["storage", "postgres", "main", "class"], Some("The instance class: `db.t3.small`")),
            (&["networking", "flow-logs", "traffic"], Some("Which traffic is recorded: `all`, `accept` or `reject`")),
            (&["storage", "postgres", "main", "clas"], None),
        ];
        for (path, text) in cases {
            assert_eq!(describe(path).as_deref(), text, "{path:?}");
        }
    }
}
