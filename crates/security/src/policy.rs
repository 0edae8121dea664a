//! IAM policy documents: made, and taken apart.

use serde_json::{Value, json};

/// The policy language's only current version: IAM User Guide, "Version".
pub const VERSION: &str = "2012-10-17";

/// A policy document of statements.
pub fn document(statements: Vec<Value>) -> Value {
    json!({ "Version": VERSION, "Statement": statements })
}

/// A statement that allows actions on resources.
pub fn allow(sid: &str, actions: &[&str], resources: &[String]) -> Value {
    json!({ "Sid": sid, "Effect": "Allow", "Action": one_or_many(actions), "Resource": one_or_many(resources) })
}

/// A trust policy that lets one AWS service assume a role.
pub fn trust(service: &str) -> Value {
    document(vec![trust_statement(service)])
}

/// The same, only on behalf of resources of this account whose ARN fits the pattern: against the confused deputy.
/// The ARN may hold `${AWS::Region}` and the other pseudo parameters.
pub fn trust_for(service: &str, source_arn: &str) -> Value {
    let mut statement = trust_statement(service);
    statement["Condition"] = json!({
        "StringEquals": { "aws:SourceAccount": { "Ref": "AWS::AccountId" } },
        "ArnLike": { "aws:SourceArn": { "Fn::Sub": source_arn } },
    });
    document(vec![statement])
}

fn trust_statement(service: &str) -> Value {
    json!({ "Effect": "Allow", "Principal": { "Service": service }, "Action": "sts:AssumeRole" })
}

/// IAM writes a list of one as that one when it gives a policy back; so do we.
fn one_or_many<T: AsRef<str>>(items: &[T]) -> Value {
    match items {
        [one] => Value::from(one.as_ref()),
        many => many.iter().map(AsRef::as_ref).collect(),
    }
}

/// The text of a document that is declared as JSON, or as text.
pub fn text(document: &Value) -> String {
    match document {
        Value::String(text) => text.clone(),
        document => document.to_string(),
    }
}

/// A document as IAM gives it back: percent-encoded JSON, or, from an emulator, JSON as it is.
pub fn from_iam(encoded: &str) -> Value {
    serde_json::from_str(encoded).unwrap_or_else(|_| from_text(&crate::percent::decode(encoded)))
}

/// A document of its text; what is no JSON stays text.
pub fn from_text(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}

/// Whether two documents are the same JSON, whichever of them is written as text.
pub fn same(a: &Value, b: &Value) -> bool {
    let json = |value: &Value| match value {
        Value::String(text) => from_text(text),
        value => value.clone(),
    };
    a == b || json(a) == json(b)
}

/// The statements of a document: IAM takes one without its list.
pub(crate) fn statements(document: &Value) -> Vec<Value> {
    let document = match document {
        Value::String(text) => from_text(text),
        document => document.clone(),
    };
    match &document["Statement"] {
        Value::Array(statements) => statements.clone(),
        Value::Object(_) => vec![document["Statement"].clone()],
        _ => Vec::new(),
    }
}

/// The texts of an element that is a text or a list of texts.
pub(crate) fn texts(element: &Value) -> Vec<&str> {
    match element {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_one_is_that_one() {
        let statement = allow("A", &["s3:GetObject"], &["arn:a".to_owned(), "arn:b".to_owned()]);
        assert_eq!(statement["Action"], "s3:GetObject");
        assert_eq!(statement["Resource"], json!(["arn:a", "arn:b"]));
    }

    #[test]
    fn documents_come_back_as_json() {
        let encoded = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%5D%2C%22a%2Bb%22%3A%22c+d%22%7D";
        assert_eq!(from_iam(encoded), json!({ "Version": VERSION, "Statement": [], "a+b": "c+d" }));
        assert_eq!(from_iam(r#"{"Resource":"arn:%20*"}"#), json!({ "Resource": "arn:%20*" }));
        assert_eq!(from_iam("no json"), json!("no json"));
    }

    #[test]
    fn text_and_json_are_the_same_document() {
        assert!(same(&json!("{ \"a\": 1 }"), &json!({ "a": 1 })));
        assert!(!same(&json!("{ \"a\": 2 }"), &json!({ "a": 1 })));
    }

    #[test]
    fn a_single_statement_needs_no_list() {
        assert_eq!(statements(&json!({ "Statement": { "Effect": "Allow" } })), [json!({ "Effect": "Allow" })]);
        assert_eq!(statements(&json!("{\"Statement\":[{},{}]}")).len(), 2);
    }
}
