//! Which resources a call names: identifiers among its parameters and in its answer, never any other value.

use serde_json::Value;

use crate::call::{Call, Protocol};
use crate::protocol::cbor;
use crate::reply::Reply;
use crate::xml::Element;

/// The most that are kept of one call.
const MOST: usize = 20;
/// How deep in an answer names are those of what was made, and not of what it refers to.
const DEEP: usize = 4;

/// What a name is of, by the last part of its field. What is missing has a name and no type, as on AWS.
const TYPES: &[(&str, &str)] = &[
    ("AlarmName", "AWS::CloudWatch::Alarm"),
    ("AlarmNames", "AWS::CloudWatch::Alarm"),
    ("DBInstanceIdentifier", "AWS::RDS::DBInstance"),
    ("GroupId", "AWS::EC2::SecurityGroup"),
    ("ListenerArn", "AWS::ElasticLoadBalancingV2::Listener"),
    ("LoadBalancerArn", "AWS::ElasticLoadBalancingV2::LoadBalancer"),
    ("RoleName", "AWS::IAM::Role"),
    ("SecretId", "AWS::SecretsManager::Secret"),
    ("SubnetId", "AWS::EC2::Subnet"),
    ("TargetGroupArn", "AWS::ElasticLoadBalancingV2::TargetGroup"),
    ("TopicArn", "AWS::SNS::Topic"),
    ("VpcId", "AWS::EC2::VPC"),
];

/// Fields that name a resource, though their ending or a word in them does not say so.
const NAMING: &[&str] =
    &["cluster", "family", "keyid", "secretid", "service", "services", "taskdefinition", "username"];
/// Words in fields whose values may be secret, or are nobody's name.
const NEVER: &[&str] =
    &["account", "key", "owner", "password", "principal", "request", "secret", "token", "user", "version"];
const ENDINGS: &[&str] =
    &["arn", "arns", "id", "ids", "identifier", "identifiers", "idlist", "arnlist", "name", "names"];

/// Names with their types, each once.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Names(Vec<(Option<&'static str>, String)>);

impl Names {
    /// The names among a call's parameters.
    pub fn of_call(call: &Call) -> Self {
        let mut names = Self::default();
        match call.protocol {
            Protocol::Query => call.form.iter().for_each(|(field, value)| names.add_field(field, value)),
            Protocol::Json => names.add_members(&call.body()),
            Protocol::Cbor => names.add_members(&cbor::to_json(call.bytes()).unwrap_or_default()),
            Protocol::Rest => {
                let path = call.uri.path().trim_matches('/');
                path.split('/').for_each(|segment| names.add(None, segment));
                names.add(None, path);
            }
        }
        names
    }

    /// Adds those of an answer.
    pub fn of_answer(&mut self, reply: &Reply) {
        match reply.xml() {
            Some(root) => self.add_elements(&root, 0),
            None => self.add_below(&reply.json(), 0),
        }
    }

    /// The names, with their types where those are known.
    pub fn iter(&self) -> impl Iterator<Item = (Option<&'static str>, &str)> {
        self.0.iter().map(|(kind, name)| (*kind, name.as_str()))
    }

    /// A form field: `GroupId`, `ResourceId.1`, `AlarmNames.member.1`; what is nested in lists is what the call refers to.
    fn add_field(&mut self, field: &str, value: &str) {
        let mut parts = field.split('.');
        let first = parts.next().unwrap_or_default();
        if parts.all(|part| part == "member" || part.parse::<u32>().is_ok() || is_naming(part)) && is_naming(first) {
            self.add(Some(first), value);
        }
    }

    /// The members of a JSON request, with lists of names.
    fn add_members(&mut self, body: &Value) {
        for (field, value) in body.as_object().into_iter().flatten().filter(|(field, _)| is_naming(field)) {
            match value {
                Value::String(name) => self.add(Some(field), name),
                Value::Array(items) => {
                    items.iter().filter_map(Value::as_str).for_each(|name| self.add(Some(field), name))
                }
                _ => {}
            }
        }
    }

    fn add_below(&mut self, value: &Value, depth: usize) {
        self.add_members(value);
        let inner: Vec<&Value> = match value {
            Value::Object(members) => members.values().filter(|value| !value.is_string()).collect(),
            Value::Array(items) => items.iter().collect(),
            _ => return,
        };
        if depth < 2 {
            inner.into_iter().for_each(|value| self.add_below(value, depth + 1));
        }
    }

    fn add_elements(&mut self, element: &Element, depth: usize) {
        if element.children.is_empty() {
            if is_naming(&element.name) {
                self.add(Some(&element.name), &element.text());
            }
        } else if depth < DEEP {
            element.children.iter().for_each(|child| self.add_elements(child, depth + 1));
        }
    }

    fn add(&mut self, field: Option<&str>, name: &str) {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_./:+=@*".contains(c);
        let is_name = !name.is_empty() && name.len() <= 512 && name.chars().all(fits);
        if is_name && self.0.len() < MOST && !self.0.iter().any(|(_, known)| known == name) {
            let field = field.unwrap_or_default();
            let kind = TYPES.iter().find(|(known, _)| known.eq_ignore_ascii_case(field)).map(|(_, kind)| *kind);
            self.0.push((kind, name.to_owned()));
        }
    }
}

/// Whether a field's value is the name of something, and can be no secret.
fn is_naming(field: &str) -> bool {
    let field = field.to_ascii_lowercase();
    NAMING.contains(&&*field)
        || (!NEVER.iter().any(|word| field.contains(word)) && ENDINGS.iter().any(|ending| field.ends_with(ending)))
}
