//! CloudFormation's intrinsic functions, which may stand wherever a value may stand.
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html>

use serde_json::Value;

/// Deeper values are not looked into; it bounds the stack. CloudFormation itself allows far less.
pub(crate) const DEEPEST: usize = 96;

/// Whether the value is an intrinsic function: an object whose only key is `Ref`, `Condition` or begins with `Fn::`.
pub fn is_intrinsic(value: &Value) -> bool {
    function(value).is_some()
}

/// The function's name and its argument.
pub(crate) fn function(value: &Value) -> Option<(&str, &Value)> {
    let Value::Object(members) = value else {
        return None;
    };
    let (key, argument) = members.iter().next().filter(|_| members.len() == 1)?;
    // `Condition` is also an ordinary member name somewhere; as a function it only ever takes a name.
    let is_function = key == "Ref" || key.starts_with("Fn::") || (key == "Condition" && argument.is_string());
    is_function.then_some((key.as_str(), argument))
}

/// `{"Ref": "AWS::NoValue"}`: as if the property were not there.
pub(crate) fn is_no_value(value: &Value) -> bool {
    matches!(function(value), Some(("Ref", Value::String(name))) if name == "AWS::NoValue")
}

/// Whether the value may turn out not to be there at all: an `Fn::If`.
pub(crate) fn may_vanish(value: &Value) -> bool {
    matches!(function(value), Some(("Fn::If", _)))
}

/// The two outcomes of an `Fn::If`.
pub(crate) fn outcomes(value: &Value) -> Option<(&Value, &Value)> {
    match function(value) {
        Some(("Fn::If", Value::Array(arguments))) => match arguments.as_slice() {
            [_, yes, no] => Some((yes, no)),
            _ => None,
        },
        _ => None,
    }
}

/// Whether any part of the value is known only later.
pub(crate) fn contains_intrinsic(value: &Value, depth: usize) -> bool {
    if depth > DEEPEST || is_intrinsic(value) {
        return true;
    }
    match value {
        Value::Object(members) => members.values().any(|inner| contains_intrinsic(inner, depth + 1)),
        Value::Array(items) => items.iter().any(|inner| contains_intrinsic(inner, depth + 1)),
        Value::String(text) => is_dynamic_reference(text),
        _ => false,
    }
}

/// `{{resolve:ssm:…}}`: CloudFormation puts the text in later.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html>
pub(crate) fn is_dynamic_reference(text: &str) -> bool {
    text.contains("{{resolve:")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn functions_are_told_from_values() {
        let cases = [
            (json!({"Ref": "Vpc"}), true),
            (json!({"Fn::GetAtt": ["Vpc", "VpcId"]}), true),
            (json!({"Fn::Sub": "${A}-b"}), true),
            (json!({"Condition": "IsProduction"}), true),
            (json!({"Condition": {"StringEquals": {}}}), false),
            (json!({"Ref": "Vpc", "Fn::Sub": "x"}), false),
            (json!({}), false),
            (json!("Ref"), false),
        ];
        for (value, expected) in cases {
            assert_eq!(is_intrinsic(&value), expected, "{value}");
        }
        assert!(is_no_value(&json!({"Ref": "AWS::NoValue"})));
        assert!(contains_intrinsic(&json!({"a": [1, {"b": {"Ref": "X"}}]}), 0));
    }
}
