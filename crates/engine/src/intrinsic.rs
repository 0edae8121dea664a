//! References between resources: CloudFormation's intrinsic functions, and tokens for them.
//!
//! A Rust struct holds plain strings. A string may carry *tokens*, made by [`reference()`], each
//! standing for a value that another resource will have. [`lower`] turns tokens into `Ref`,
//! `Fn::GetAtt` and `Fn::Join`, which is what a graph, a plan and an export hold; [`raise`] is its
//! inverse; [`resolve`] replaces intrinsics by values as far as they are known.

use serde_json::{Map, Value, json};

use crate::Address;

// Unicode noncharacters: they cannot occur in text that a person or AWS wrote.
const OPEN: char = '\u{FDD0}';
const MIDDLE: char = '\u{FDD1}';
const CLOSE: char = '\u{FDD2}';

/// One reference: a resource, and the attribute read of it (none: its `Ref`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Reference {
    /// The resource referred to.
    pub address: Address,
    /// The attribute as `Fn::GetAtt` names it; `None` is `Ref`.
    pub attribute: Option<String>,
}

/// The token of a reference, to be put in any string property, alone or within other text.
pub fn reference(address: &Address, attribute: Option<&str>) -> String {
    format!("{OPEN}{address}{MIDDLE}{}{CLOSE}", attribute.unwrap_or_default())
}

enum Part<'a> {
    Text(&'a str),
    Reference(Reference),
}

fn parts(text: &str) -> Vec<Part<'_>> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(OPEN) {
        let Some(end) = rest[start..].find(CLOSE).map(|e| e + start) else { break };
        if start > 0 {
            out.push(Part::Text(&rest[..start]));
        }
        let inner = &rest[start + OPEN.len_utf8()..end];
        let (address, attribute) = inner.split_once(MIDDLE).unwrap_or((inner, ""));
        out.push(Part::Reference(Reference {
            address: Address::of(address),
            attribute: (!attribute.is_empty()).then(|| attribute.to_owned()),
        }));
        rest = &rest[end + CLOSE.len_utf8()..];
    }
    if !rest.is_empty() {
        out.push(Part::Text(rest));
    }
    out
}

fn intrinsic(reference: &Reference) -> Value {
    match &reference.attribute {
        None => json!({ "Ref": reference.address }),
        Some(attribute) => json!({ "Fn::GetAtt": [reference.address, attribute] }),
    }
}

/// Replaces tokens by intrinsic functions, and drops nulls.
pub fn lower(value: Value) -> Value {
    match value {
        Value::String(text) if text.contains(OPEN) => {
            let mut parts: Vec<Value> = parts(&text)
                .into_iter()
                .map(|part| match part {
                    Part::Text(text) => Value::from(text),
                    Part::Reference(reference) => intrinsic(&reference),
                })
                .collect();
            if parts.len() == 1 { parts.remove(0) } else { json!({ "Fn::Join": ["", parts] }) }
        }
        Value::Array(items) => Value::Array(items.into_iter().map(lower).collect()),
        Value::Object(map) => Value::Object(
            map.into_iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| (key, lower(value))).collect(),
        ),
        other => other,
    }
}

/// Whether a value is an intrinsic function: one key, `Ref` or `Fn::…`.
pub fn is_intrinsic(value: &Value) -> bool {
    function(value).is_some()
}

fn function(value: &Value) -> Option<(&str, &Value)> {
    let map = value.as_object()?;
    let (key, argument) = map.iter().next()?;
    (map.len() == 1 && (key == "Ref" || key.starts_with("Fn::"))).then_some((key.as_str(), argument))
}

fn get_att(argument: &Value) -> Option<Reference> {
    let (address, attribute) = match argument {
        Value::Array(items) => (items.first()?.as_str()?, items.get(1)?.as_str()?),
        Value::String(text) => text.split_once('.')?,
        _ => return None,
    };
    Some(Reference { address: Address::of(address), attribute: Some(attribute.to_owned()) })
}

/// The pieces of a `Fn::Sub` template: text, and `${…}` names.
fn sub_parts(template: &str) -> Vec<Result<&str, &str>> {
    let mut out = Vec::new();
    let mut rest = template;
    while let Some(start) = rest.find("${") {
        let Some(end) = rest[start..].find('}').map(|e| e + start) else { break };
        if start > 0 {
            out.push(Ok(&rest[..start]));
        }
        let name = &rest[start + 2..end];
        match name.strip_prefix('!') {
            // `${!Literal}` is written out as `${Literal}`.
            Some(_) => {
                out.push(Ok("${"));
                out.push(Ok(&rest[start + 3..=end]));
            }
            None => out.push(Err(name)),
        }
        rest = &rest[end + 1..];
    }
    if !rest.is_empty() {
        out.push(Ok(rest));
    }
    out
}

fn sub_argument(argument: &Value) -> Option<(&str, Option<&Map<String, Value>>)> {
    match argument {
        Value::String(template) => Some((template, None)),
        Value::Array(items) => Some((items.first()?.as_str()?, items.get(1).and_then(Value::as_object))),
        _ => None,
    }
}

fn sub_reference(name: &str) -> Reference {
    // An address is lower case throughout, an attribute begins with a capital: `networking.vpc.CidrBlock`.
    let capital = |(at, _): &(usize, &str)| name[at + 1..].starts_with(|c: char| c.is_ascii_uppercase());
    match name.match_indices('.').find(capital) {
        Some((at, _)) => Reference { address: Address::of(&name[..at]), attribute: Some(name[at + 1..].to_owned()) },
        None => Reference { address: Address::of(name), attribute: None },
    }
}

/// Every reference within a value, with the top-level property that holds it.
pub fn references(properties: &Value) -> Vec<(String, Reference)> {
    let mut out = Vec::new();
    if let Some(map) = properties.as_object() {
        for (property, value) in map {
            collect(value, &mut |reference| out.push((property.clone(), reference)));
        }
    }
    out
}

/// Every reference within a value, wherever it is.
pub(crate) fn refers(value: &Value) -> Vec<Reference> {
    let mut out = Vec::new();
    collect(value, &mut |reference| out.push(reference));
    out
}

fn collect(value: &Value, found: &mut impl FnMut(Reference)) {
    match (function(value), value) {
        (Some(("Ref", Value::String(pseudo))), _) if pseudo.starts_with("AWS::") => {}
        (Some(("Ref", Value::String(address))), _) => {
            found(Reference { address: Address::of(address), attribute: None });
        }
        (Some(("Fn::GetAtt", argument)), _) => {
            if let Some(reference) = get_att(argument) {
                found(reference);
            }
        }
        (Some(("Fn::Sub", argument)), _) => {
            if let Some((template, variables)) = sub_argument(argument) {
                for name in sub_parts(template).into_iter().filter_map(Result::err) {
                    match variables.and_then(|v| v.get(name)) {
                        Some(value) => collect(value, found),
                        None if name.starts_with("AWS::") => {}
                        None => found(sub_reference(name)),
                    }
                }
            }
        }
        (_, Value::Array(items)) => items.iter().for_each(|item| collect(item, found)),
        (_, Value::Object(map)) => map.values().for_each(|item| collect(item, found)),
        _ => {}
    }
}

/// Replaces intrinsics by values as far as `known` has them; the rest stays an intrinsic.
///
/// `known` answers a reference with its value, and `AWS::Region`-like pseudo parameters through an
/// address of that name without attribute.
pub fn resolve(value: &Value, known: &dyn Fn(&Reference) -> Option<Value>) -> Value {
    match (function(value), value) {
        (Some(("Ref", Value::String(address))), _) => {
            known(&Reference { address: Address::of(address), attribute: None }).unwrap_or_else(|| value.clone())
        }
        (Some(("Fn::GetAtt", argument)), _) => {
            get_att(argument).and_then(|reference| known(&reference)).unwrap_or_else(|| value.clone())
        }
        (Some(("Fn::Join", Value::Array(items))), _) => join(items, known),
        (Some(("Fn::Sub", argument)), _) => sub(argument, known).unwrap_or_else(|| value.clone()),
        (_, Value::Array(items)) => Value::Array(items.iter().map(|item| resolve(item, known)).collect()),
        (_, Value::Object(map)) => {
            Value::Object(map.iter().map(|(key, item)| (key.clone(), resolve(item, known))).collect())
        }
        _ => value.clone(),
    }
}

/// Joins adjacent known texts, so that a join of which all is known becomes plain text.
fn join(items: &[Value], known: &dyn Fn(&Reference) -> Option<Value>) -> Value {
    let separator = items.first().and_then(Value::as_str).unwrap_or_default();
    let Some(Value::Array(values)) = items.get(1) else { return json!({ "Fn::Join": items }) };
    let resolved: Vec<Value> = values.iter().map(|value| resolve(value, known)).collect();
    match resolved.iter().map(scalar_text).collect::<Option<Vec<_>>>() {
        Some(texts) => Value::from(texts.join(separator)),
        None => json!({ "Fn::Join": [separator, resolved] }),
    }
}

fn sub(argument: &Value, known: &dyn Fn(&Reference) -> Option<Value>) -> Option<Value> {
    let (template, variables) = sub_argument(argument)?;
    let mut text = String::new();
    for part in sub_parts(template) {
        match part {
            Ok(literal) => text.push_str(literal),
            Err(name) => {
                let value = match variables.and_then(|v| v.get(name)) {
                    Some(value) => resolve(value, known),
                    None => known(&sub_reference(name))?,
                };
                text.push_str(&scalar_text(&value)?);
            }
        }
    }
    Some(Value::from(text))
}

fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        _ => None,
    }
}

/// Whether nothing within the value is left to be known.
pub fn is_known(value: &Value) -> bool {
    if is_intrinsic(value) {
        return false;
    }
    match value {
        Value::Array(items) => items.iter().all(is_known),
        Value::Object(map) => map.values().all(is_known),
        _ => true,
    }
}

/// Replaces intrinsics by tokens, so that a struct of plain strings can be read from a graph.
pub fn raise(value: &Value) -> Value {
    resolve(value, &|found| Some(Value::from(reference(&found.address, found.attribute.as_deref()))))
}

/// The first reference in a string that carries tokens.
pub fn token(text: &str) -> Option<Reference> {
    parts(text).into_iter().find_map(|part| match part {
        Part::Reference(reference) => Some(reference),
        Part::Text(_) => None,
    })
}

/// A value in words for a person: tokens and intrinsics become `(address.Attribute)`.
pub fn readable(value: &Value) -> String {
    let words = resolve(value, &|found| {
        let attribute = found.attribute.as_deref().map(|a| format!(".{a}")).unwrap_or_default();
        Some(Value::from(format!("({}{attribute})", found.address)))
    });
    match words {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vpc(attribute: Option<&str>) -> String {
        reference(&Address::of("networking.vpc"), attribute)
    }

    #[test]
    fn tokens_become_intrinsics_and_back() {
        let cases = [
            (json!(vpc(None)), json!({ "Ref": "networking.vpc" })),
            (json!(vpc(Some("CidrBlock"))), json!({ "Fn::GetAtt": ["networking.vpc", "CidrBlock"] })),
            (
                json!({ "A": [format!("x-{}-y", vpc(None))], "B": 3 }),
                json!({ "A": [{ "Fn::Join": ["", ["x-", { "Ref": "networking.vpc" }, "-y"]] }], "B": 3 }),
            ),
        ];
        for (tokens, intrinsics) in cases {
            assert_eq!(lower(tokens.clone()), intrinsics);
            assert_eq!(raise(&intrinsics), tokens);
        }
    }

    #[test]
    fn nulls_are_dropped_at_every_depth() {
        assert_eq!(lower(json!({ "A": null, "B": { "C": null, "D": 1 } })), json!({ "B": { "D": 1 } }));
    }

    #[test]
    fn resolving_keeps_what_is_not_known() {
        let value = json!({ "Fn::Join": [":", [{ "Ref": "a" }, "tail", { "Ref": "b" }]] });
        let only_a = |r: &Reference| (r.address.as_str() == "a").then(|| json!("one"));
        assert_eq!(resolve(&value, &only_a), json!({ "Fn::Join": [":", ["one", "tail", { "Ref": "b" }]] }));
        assert!(!is_known(&resolve(&value, &only_a)));
        assert_eq!(resolve(&value, &|_| Some(json!("v"))), json!("v:tail:v"));
    }

    #[test]
    fn sub_takes_variables_and_literals() {
        let value = json!({ "Fn::Sub": ["${Name}.${!keep}", { "Name": { "Ref": "a" } }] });
        assert_eq!(resolve(&value, &|_| Some(json!("v"))), json!("v.${keep}"));
        assert_eq!(references(&json!({ "P": value }))[0].1.address.as_str(), "a");
    }

    #[test]
    fn references_name_their_property() {
        let properties =
            json!({ "VpcId": { "Ref": "networking.vpc" }, "Policy": { "R": [{ "Fn::GetAtt": ["s.b", "Arn"] }] } });
        let found = references(&properties);
        assert_eq!(found[0].0, "VpcId");
        assert_eq!(found[1].1.attribute.as_deref(), Some("Arn"));
    }
}
