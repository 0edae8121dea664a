//! A published schema → one line of facts: descriptions, examples, permissions and handlers go; what can be checked stays.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::GenerateError;
use crate::Facts;

/// A type's facts as a line of JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reduced {
    /// The line, without its end.
    pub line: String,
    /// Keywords that were left out because nothing here knows them.
    pub left_out: Vec<String>,
}

/// Copied as they are.
const COPIED: &[&str] = &[
    "const",
    "default",
    "enum",
    "enumCaseInsensitive",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maxUniqueItems",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "pattern",
    "required",
    "requiredOr",
    "requiredXor",
    "uniqueKeys",
    "arrayType",
];

/// Known, and of no use for a check: prose, relations to other types, and what belongs to the resource as a whole.
const IGNORED: &[&str] = &[
    "$comment",
    "$schema",
    "description",
    "examples",
    "title",
    "relationshipRef",
    "typeName",
    "definitions",
    "handlers",
    "tagging",
    "taggable",
    "createOnlyProperties",
    "conditionalCreateOnlyProperties",
    "readOnlyProperties",
    "writeOnlyProperties",
    "deprecatedProperties",
    "nonPublicProperties",
    "primaryIdentifier",
    "additionalIdentifiers",
    "propertyTransform",
    "replacementStrategy",
    "sourceUrl",
    "documentationUrl",
    "resourceLink",
];

/// Formats that [`crate::validate`] checks; others name a relation, not a form.
const FORMATS: &[&str] = &[
    "date-time",
    "ipv4-network",
    "ipv6-network",
    "json",
    "AWS::EC2::VPC.Id",
    "AWS::EC2::Subnet.Id",
    "AWS::EC2::SecurityGroup.Id",
];

/// The facts of a published resource schema.
///
/// # Errors
/// [`GenerateError::Form`] if the schema is not of the form that AWS documents.
pub fn reduce(raw: &Value) -> Result<Reduced, GenerateError> {
    let type_name = raw.get("typeName").and_then(Value::as_str).unwrap_or_default();
    let mut reducer = Reducer { type_name, raw, left_out: Vec::new() };
    let mut line = format!("{{\"typeName\":{}", json!(type_name));
    let mut add = |key: &str, value: Value| line.push_str(&format!(",\"{key}\":{value}"));

    for (ours, theirs) in [
        ("createOnly", "createOnlyProperties"),
        ("conditionalCreateOnly", "conditionalCreateOnlyProperties"),
        ("readOnly", "readOnlyProperties"),
        ("writeOnly", "writeOnlyProperties"),
        ("deprecated", "deprecatedProperties"),
        ("primaryIdentifier", "primaryIdentifier"),
    ] {
        let paths = reducer.paths(theirs)?;
        if !paths.is_empty() {
            add(ours, json!(paths));
        }
    }
    if let Some(tagging) = reducer.tagging() {
        add("tagging", tagging);
    }
    if raw.get("replacementStrategy").and_then(Value::as_str) == Some("delete_then_create") {
        add("replacement", json!("delete_then_create"));
    }
    add("schema", Value::Object(reducer.node(raw)?));
    if let Some(Value::Object(definitions)) = raw.get("definitions") {
        let definitions = reducer.nodes(definitions)?;
        add("definitions", Value::Object(definitions));
    }
    line.push('}');

    // What is written must be what will be read.
    serde_json::from_str::<Facts>(&line).map_err(|error| reducer.form(&error.to_string()))?;
    reducer.left_out.sort_unstable();
    reducer.left_out.dedup();
    let left_out = reducer.left_out;
    Ok(Reduced { line, left_out })
}

struct Reducer<'r> {
    type_name: &'r str,
    raw: &'r Value,
    left_out: Vec<String>,
}

impl Reducer<'_> {
    fn form(&self, why: &str) -> GenerateError {
        GenerateError::Form { what: self.type_name.to_owned(), why: why.to_owned() }
    }

    fn paths(&self, keyword: &str) -> Result<Vec<String>, GenerateError> {
        let Some(list) = self.raw.get(keyword) else {
            return Ok(Vec::new());
        };
        let path = |item: &Value| Some(item.as_str()?.strip_prefix("/properties/")?.to_owned());
        let paths: Option<Vec<String>> = list.as_array().and_then(|items| items.iter().map(path).collect());
        let mut paths = paths.ok_or_else(|| self.form(&format!("`{keyword}` is not a list of property paths")))?;
        // A primary identifier is an order; the rest are sets.
        if keyword != "primaryIdentifier" {
            paths.sort_unstable();
            paths.dedup();
        }
        Ok(paths)
    }

    fn tagging(&self) -> Option<Value> {
        let tagging = self.raw.get("tagging")?;
        if tagging.get("taggable").and_then(Value::as_bool) == Some(false) {
            return None;
        }
        let property = tagging.get("tagProperty").and_then(Value::as_str).unwrap_or("/properties/Tags");
        let property = property.strip_prefix("/properties/")?;
        let node = self.raw.get("properties")?.get(property)?;
        let node = self.definition(node).unwrap_or(node);
        let shape = if node.get("type").and_then(Value::as_str) == Some("object") { "map" } else { "list" };
        let updatable = tagging.get("tagUpdatable").and_then(Value::as_bool).unwrap_or(true);
        Some(json!({"property": property, "shape": shape, "updatable": updatable}))
    }

    fn definition(&self, node: &Value) -> Option<&Value> {
        let name = node.get("$ref")?.as_str()?.strip_prefix("#/definitions/")?;
        self.raw.get("definitions")?.get(name)
    }

    /// Many nodes by name, sorted.
    fn nodes(&mut self, raw: &Map<String, Value>) -> Result<Map<String, Value>, GenerateError> {
        let sorted: BTreeMap<_, _> = raw.iter().collect();
        let mut nodes = Map::new();
        for (name, node) in sorted {
            nodes.insert(name.clone(), self.value(node)?);
        }
        Ok(nodes)
    }

    fn value(&mut self, raw: &Value) -> Result<Value, GenerateError> {
        match raw {
            Value::Object(node) if node.contains_key("$ref") => self.reference(node),
            Value::Object(_) => Ok(Value::Object(self.node(raw)?)),
            // `true` says nothing.
            Value::Bool(true) => Ok(json!({})),
            _ => Err(self.form(&format!("a schema is `{raw}`"))),
        }
    }

    /// A bare reference stays; one with words of its own becomes the definition with those words put over it, so that
    /// a node is either a reference or complete.
    fn reference(&mut self, node: &Map<String, Value>) -> Result<Value, GenerateError> {
        let reference = node.get("$ref").and_then(Value::as_str).unwrap_or_default();
        let name = reference.strip_prefix("#/definitions/");
        let name = name.ok_or_else(|| self.form(&format!("`{reference}` is not a definition")))?;
        let mut rest = node.clone();
        rest.remove("$ref");
        let own = self.node(&Value::Object(rest))?;
        if own.is_empty() {
            return Ok(json!({"$ref": name}));
        }
        let raw = self.raw;
        let definition = raw.get("definitions").and_then(|all| all.get(name));
        let definition = definition.ok_or_else(|| self.form(&format!("no definition `{name}`")))?;
        let mut merged = match self.value(definition)? {
            Value::Object(merged) if !merged.contains_key("$ref") => merged,
            _ => return Err(self.form(&format!("`{name}` is a reference to a reference"))),
        };
        merged.extend(own);
        Ok(Value::Object(sorted(merged)))
    }

    fn node(&mut self, raw: &Value) -> Result<Map<String, Value>, GenerateError> {
        let Value::Object(raw) = raw else {
            return Err(self.form(&format!("a schema is `{raw}`")));
        };
        let mut node = Map::new();
        for (key, value) in raw {
            let reduced = match (key.as_str(), value) {
                (key, _) if COPIED.contains(&key) => Some(value.clone()),
                (key, _) if IGNORED.contains(&key) => None,
                ("type", Value::String(_)) => Some(value.clone()),
                ("type", Value::Array(kinds)) => {
                    let kinds: Vec<&str> = kinds.iter().filter_map(Value::as_str).collect();
                    Some(json!(kinds.join("|")))
                }
                ("format", Value::String(format)) => FORMATS.contains(&format.as_str()).then(|| value.clone()),
                ("uniqueItems", _) => (value == &json!(true)).then(|| value.clone()),
                ("insertionOrder" | "additionalProperties", Value::Bool(flag)) => (!flag).then(|| value.clone()),
                ("dependentRequired" | "dependentExcluded", Value::Object(map)) => {
                    Some(Value::Object(sorted(map.clone())))
                }
                // JSON Schema's older word; AWS uses only its form with lists.
                ("dependencies", Value::Object(map)) if map.values().all(Value::is_array) => {
                    node.insert("dependentRequired".to_owned(), Value::Object(sorted(map.clone())));
                    None
                }
                ("properties", Value::Object(map)) => Some(Value::Object(self.nodes(map)?)),
                ("patternProperties", Value::Object(map)) => {
                    let pairs = self.nodes(map)?.into_iter().map(|(pattern, node)| json!([pattern, node]));
                    Some(pairs.collect())
                }
                ("items" | "not" | "if" | "then" | "else", Value::Object(_)) => Some(self.value(value)?),
                ("prefixItems" | "allOf" | "anyOf" | "oneOf", Value::Array(list)) => self.branches(key, list)?,
                _ => {
                    self.left_out.push(key.clone());
                    None
                }
            };
            if let Some(reduced) = reduced {
                node.insert(key.clone(), reduced);
            }
        }
        // A condition without a consequence says nothing.
        if !node.contains_key("then") && !node.contains_key("else") {
            node.remove("if");
        }
        Ok(sorted(node))
    }

    /// Alternatives of which one says nothing that can be checked (a format, a relation) cannot be checked at all.
    fn branches(&mut self, keyword: &str, list: &[Value]) -> Result<Option<Value>, GenerateError> {
        let branches = list.iter().map(|branch| self.value(branch)).collect::<Result<Vec<_>, _>>()?;
        let says_nothing = |branch: &Value| branch.as_object().is_some_and(Map::is_empty);
        let alternatives = matches!(keyword, "anyOf" | "oneOf");
        Ok((!(alternatives && branches.iter().any(says_nothing))).then_some(Value::Array(branches)))
    }
}

fn sorted(map: Map<String, Value>) -> Map<String, Value> {
    map.into_iter().collect::<BTreeMap<_, _>>().into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_becomes_a_line() {
        let raw = json!({
            "typeName": "AWS::Made::Up",
            "description": "prose",
            "handlers": {"create": {}},
            "additionalProperties": false,
            "required": ["Name"],
            "properties": {
                "Name": {"type": "string", "description": "prose", "pattern": "^a", "format": "AWS::KMS::Key.Arn"},
                "Arn": {"type": ["object", "string"]},
                "Rules": {"$ref": "#/definitions/Rules", "maxItems": 3, "description": "prose"},
                "Rule": {"$ref": "#/definitions/Rule", "description": "prose"},
                "Key": {"anyOf": [{"format": "AWS::KMS::Key.Arn"}, {"pattern": "x"}]},
                "Labels": {"patternProperties": {"^x": {"type": "string"}}, "newWord": 1},
                "Tags": {"type": "object"},
            },
            "definitions": {
                "Rules": {"type": "array", "maxItems": 9, "insertionOrder": false, "items": {"$ref": "#/definitions/Rule"}},
                "Rule": {"type": "object", "uniqueItems": false, "if": {"required": ["A"]}},
            },
            "createOnlyProperties": ["/properties/Name"],
            "readOnlyProperties": ["/properties/Arn"],
            "primaryIdentifier": ["/properties/Name"],
            "tagging": {"taggable": true, "tagProperty": "/properties/Tags", "tagUpdatable": false},
            "replacementStrategy": "delete_then_create",
        });
        let reduced = reduce(&raw).unwrap();
        assert_eq!(reduced.left_out, ["newWord"]);
        let expected = concat!(
            r#"{"typeName":"AWS::Made::Up","createOnly":["Name"],"readOnly":["Arn"],"primaryIdentifier":["Name"],"#,
            r#""tagging":{"property":"Tags","shape":"map","updatable":false},"replacement":"delete_then_create","#,
            r#""schema":{"additionalProperties":false,"properties":{"Arn":{"type":"object|string"},"Key":{},"#,
            r#""Labels":{"patternProperties":[["^x",{"type":"string"}]]},"Name":{"pattern":"^a","type":"string"},"#,
            r##""Rule":{"$ref":"Rule"},"Rules":{"insertionOrder":false,"items":{"$ref":"Rule"},"maxItems":3,"type":"array"},"##,
            r#""Tags":{"type":"object"}},"required":["Name"]},"definitions":{"Rule":{"type":"object"},"#,
            r#""Rules":{"insertionOrder":false,"items":{"$ref":"Rule"},"maxItems":9,"type":"array"}}}"#,
        );
        assert_eq!(reduced.line, expected);
    }

    #[test]
    fn a_broken_schema_is_an_error() {
        for raw in [
            json!({"typeName": "A", "properties": {"X": {"type": "colour"}}}),
            json!({"typeName": "A", "properties": {"X": {"$ref": "elsewhere.json#/X"}}}),
            json!({"typeName": "A", "createOnlyProperties": ["Name"]}),
            json!([]),
        ] {
            assert!(reduce(&raw).is_err(), "{raw}");
        }
    }
}
