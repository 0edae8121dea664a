//! `[events]` into SNS resources.

use std::collections::{BTreeMap, BTreeSet};

use cloud::{Handle, Stack};
use serde_json::{Value, json};

use crate::settings::{Settings, TopicSettings};
use crate::subscription::Subscription;
use crate::topic::Topic;
use crate::topic_policy::TopicPolicy;

/// What the module needs of others.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// Begins every physical name: `arrakis-production`.
    pub prefix: String,
}

/// What others need of the module.
#[derive(Clone, Debug, Default)]
pub struct Outputs {
    /// The topics by the name in the environment file.
    pub topics: BTreeMap<String, DeclaredTopic>,
}

/// One topic declared.
#[derive(Clone, Debug)]
pub struct DeclaredTopic {
    /// The resource; [`Handle::id`] is the ARN.
    pub handle: Handle,
    /// The ARN, as a token.
    pub arn: String,
    /// The physical name.
    pub name: String,
}

/// SNS's longest topic name.
const LONGEST_NAME: usize = 256;
/// SNS's longest display name.
const LONGEST_DISPLAY_NAME: usize = 100;

/// Declares the topics with their policies and subscriptions.
pub fn declare(settings: &Settings, inputs: &Inputs, stack: &mut Stack) -> Outputs {
    let mut outputs = Outputs::default();
    for (name, topic) in &settings.topic {
        let key = format!("events.topic.{name}");
        stack.section(&key);
        let physical = format!("{}-{name}", inputs.prefix);
        check(name, &physical, topic, &key, stack);
        let handle = stack.add(
            format!("events.topic.{name}"),
            Topic {
                topic_name: Some(physical.clone()),
                display_name: topic.display_name.clone(),
                kms_master_key_id: topic.kms_key.clone(),
                ..Topic::default()
            },
        );
        let arn = handle.id();
        stack.add(
            format!("events.topic-policy.{name}"),
            TopicPolicy { topics: Some(vec![arn.clone()]), policy_document: Some(policy(&arn)) },
        );
        subscribe(name, topic, &arn, &key, stack);
        outputs.topics.insert(name.clone(), DeclaredTopic { handle, arn, name: physical });
    }
    outputs
}

/// Amazon SNS Developer Guide, "Example cases for access control": alarms of this account may publish.
fn policy(topic: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "AlarmsPublish",
            "Effect": "Allow",
            "Principal": { "Service": "cloudwatch.amazonaws.com" },
            "Action": "sns:Publish",
            "Resource": topic,
            "Condition": { "StringEquals": { "aws:SourceAccount": { "Ref": "AWS::AccountId" } } },
        }],
    })
}

fn subscribe(name: &str, topic: &TopicSettings, arn: &str, key: &str, stack: &mut Stack) {
    let mut taken = BTreeSet::new();
    for (protocol, endpoints) in [("email", &topic.email), ("https", &topic.https)] {
        for (at, endpoint) in endpoints.iter().enumerate() {
            let key = format!("{key}.{protocol}.{at}");
            if endpoints[..at].contains(endpoint) {
                stack
                    .findings
                    .error("subscribed-twice", key, format!("`{endpoint}` is subscribed twice"))
                    .hint("leave one out");
                continue;
            }
            if !is_endpoint(protocol, endpoint) {
                let (what, hint) = match protocol {
                    "email" => ("no e-mail address", "write it as in `ops@example.com`"),
                    _ => ("no HTTPS address", "write it as in `https://hooks.example.com/alerts`"),
                };
                stack.findings.error("subscription-endpoint", key, format!("`{endpoint}` is {what}")).hint(hint);
                continue;
            }
            // The address goes by the endpoint, not by its place, so that one more at the top moves no other.
            let mut address = format!("events.subscription.{name}.{}", slug(endpoint));
            while !taken.insert(address.clone()) {
                address.push_str("-2");
            }
            stack.add(
                address,
                Subscription {
                    topic_arn: Some(arn.to_owned()),
                    protocol: Some(protocol.to_owned()),
                    endpoint: Some(endpoint.clone()),
                    ..Subscription::default()
                },
            );
        }
    }
}

fn slug(text: &str) -> String {
    let clean: String =
        text.to_ascii_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    clean.split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-")
}

fn is_endpoint(protocol: &str, text: &str) -> bool {
    let plain = !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control());
    let host = |host: &str| host.contains('.') && !host.starts_with('.') && !host.ends_with('.');
    plain
        && match protocol {
            "email" => text
                .split_once('@')
                .is_some_and(|(user, domain)| !user.is_empty() && !domain.contains('@') && host(domain)),
            _ => text
                .strip_prefix("https://")
                .is_some_and(|rest| host(rest.split(['/', '?', ':']).next().unwrap_or_default())),
        }
}

fn check(name: &str, physical: &str, topic: &TopicSettings, key: &str, stack: &mut Stack) {
    let findings = &mut stack.findings;
    let good = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || !name.chars().all(good) || physical.len() > LONGEST_NAME {
        findings.error("topic-name", key, format!("`{name}` is no name of a topic")).hint(format!(
            "write letters, digits, `-` and `_` only, {LONGEST_NAME} characters with the prefix at most"
        ));
    }
    if topic.display_name.as_ref().is_some_and(|name| name.chars().count() > LONGEST_DISPLAY_NAME) {
        findings
            .error("topic-display-name", format!("{key}.display-name"), "the display name is too long")
            .hint(format!("write {LONGEST_DISPLAY_NAME} characters at most"));
    }
    if topic.kms_key.as_deref() == Some("alias/aws/sns") {
        findings
            .error("topic-key", format!("{key}.kms-key"), "with AWS's own key `alias/aws/sns` alarms cannot publish")
            .hint("name a customer key whose policy lets cloudwatch.amazonaws.com use it, or leave the key out");
    }
    if topic.email.is_empty() && topic.https.is_empty() {
        findings
            .warning("topic-without-subscription", key, format!("nobody gets what is published to `{name}`"))
            .hint("add `email = [\"ops@example.com\"]`");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::Severity;

    fn declared(settings: Value) -> (Outputs, Vec<engine::Node>, Vec<engine::Finding>) {
        let settings: Settings = serde_json::from_value(settings).unwrap();
        let mut stack = Stack::new("arrakis/production", "us-east-1", &[]);
        let outputs = declare(&settings, &Inputs { prefix: "arrakis-production".to_owned() }, &mut stack);
        let (nodes, findings) = stack.finish();
        (outputs, nodes, findings)
    }

    #[test]
    fn a_topic_its_policy_and_its_subscriptions() {
        let (outputs, nodes, findings) = declared(json!({ "topic": { "alerts": {
            "email": ["ops@example.com", "Dev.Team+aws@example.com"],
            "https": ["https://hooks.example.com/a?b=c"],
            "display-name": "Arrakis",
        }}}));
        assert_eq!(findings, []);
        for node in &nodes {
            assert_eq!(schema::validate(&node.type_name, &node.properties), [], "{}", node.address);
        }
        let addresses: Vec<_> = nodes.iter().map(|node| node.address.as_str()).collect();
        assert_eq!(
            addresses,
            [
                "events.topic.alerts",
                "events.topic-policy.alerts",
                "events.subscription.alerts.ops-example-com",
                "events.subscription.alerts.dev-team-aws-example-com",
                "events.subscription.alerts.https-hooks-example-com-a-b-c",
            ]
        );
        assert_eq!(nodes[0].properties["TopicName"], "arrakis-production-alerts");
        let statement = &nodes[1].properties["PolicyDocument"]["Statement"][0];
        assert_eq!(statement["Resource"], json!({ "Ref": "events.topic.alerts" }));
        assert_eq!(statement["Condition"]["StringEquals"]["aws:SourceAccount"], json!({ "Ref": "AWS::AccountId" }));
        assert_eq!(outputs.topics["alerts"].name, "arrakis-production-alerts");
    }

    #[test]
    fn two_endpoints_never_share_an_address() {
        let (_, nodes, findings) =
            declared(json!({ "topic": { "a": { "email": ["x.y@z.io", "x-y@z.io", "x+y@z.io"] } } }));
        assert_eq!(findings, []);
        let addresses: Vec<_> = nodes[2..].iter().map(|node| node.address.as_str()).collect();
        assert_eq!(
            addresses,
            [
                "events.subscription.a.x-y-z-io",
                "events.subscription.a.x-y-z-io-2",
                "events.subscription.a.x-y-z-io-2-2"
            ]
        );
    }

    #[test]
    fn what_sns_would_refuse_is_an_error_at_its_key() {
        let cases = [
            (json!({ "a": { "email": ["ops"] } }), "events.topic.a.email.0"),
            (json!({ "a": { "email": ["ops@example"] } }), "events.topic.a.email.0"),
            (json!({ "a": { "email": ["a@b.c", "a@b.c"] } }), "events.topic.a.email.1"),
            (json!({ "a": { "https": ["http://example.com"] } }), "events.topic.a.https.0"),
            (json!({ "a.b": { "email": ["a@b.c"] } }), "events.topic.a.b"),
            (json!({ "a": { "email": ["a@b.c"], "kms-key": "alias/aws/sns" } }), "events.topic.a.kms-key"),
            (json!({ "a": { "email": ["a@b.c"], "display-name": "x".repeat(101) } }), "events.topic.a.display-name"),
        ];
        for (topic, key) in cases {
            let (_, _, findings) = declared(json!({ "topic": topic }));
            let errors: Vec<_> = findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
            assert_eq!(errors.len(), 1, "{key}: {findings:?}");
            assert_eq!(errors[0].key.as_deref(), Some(key));
            assert!(errors[0].hint.is_some());
        }
    }

    #[test]
    fn a_topic_that_nobody_gets_is_worth_a_word() {
        let (_, _, findings) = declared(json!({ "topic": { "alerts": {} } }));
        assert_eq!(findings[0].rule, "topic-without-subscription");
        assert_eq!(findings[0].severity, Severity::Warning);
    }
}
