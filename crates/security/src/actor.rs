//! Who changed a resource, as far as CloudTrail's event history tells.
//!
//! The history has the management events of 90 days by region, some minutes late, and answers two requests a second:
//! it is asked only about what drifted, by the few names a resource may have in it, one page each.
//! <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html>

use aws_sdk_cloudtrail::Client;
use aws_sdk_cloudtrail::config::{Builder, retry::RetryConfig};
use aws_sdk_cloudtrail::primitives::DateTimeFormat;
use aws_sdk_cloudtrail::types::{Event, LookupAttribute, LookupAttributeKey};
use cloud::{Attributes, AwsResult, Cloud, Failure};
use serde::Serialize;
use serde_json::Value;

/// Names that are asked about, at most: an id, an ARN, a name, what it is a part of.
const NAMES: usize = 4;
/// Tries of one lookup: it must not hold up the answer that it only adorns.
const ATTEMPTS: u32 = 4;
/// In the user agent of our own calls.
const OWN_AGENT: &str = "groundplan";
/// The access key that our own calls to the local cloud are signed with.
const OWN_LOCAL_KEY: &str = "local";

/// What is to be found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// Who changed it.
    Change,
    /// Who changed its tags.
    Tags,
    /// Who deleted it.
    Deletion,
    /// Who made it.
    Creation,
}

/// Types whose events name what they are a part of, and may not name them; with the property that refers to it.
const PARTS: &[(&str, &str)] =
    &[("AWS::EC2::SecurityGroupEgress", "GroupId"), ("AWS::EC2::SecurityGroupIngress", "GroupId")];

/// Who did something, when, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Actor {
    /// The ARN of a user or an assumed role, or the name of an AWS service.
    pub who: String,
    /// When, as RFC 3339.
    pub when: String,
    /// The call: `ModifyTargetGroup`.
    pub event: String,
    /// The console, or an address and the program.
    pub from: String,
}

/// The names that a resource may have in the history, likeliest first: its id and what that is made of, its ARN, the name at
/// the end of an ARN, what it is a part of.
pub fn names(type_name: &str, id: &str, properties: &Value, attributes: &Attributes) -> Vec<String> {
    let mut names = vec![id];
    // `rtb-1|0.0.0.0/0`: a range is nobody's name.
    let is_range = |part: &str| part.contains('/') && part.starts_with(|c: char| c.is_ascii_digit());
    names.extend(id.split('|').filter(|part| !part.is_empty() && !is_range(part)));
    if id.starts_with("arn:") {
        names.extend(id.rsplit([':', '/']).next());
    }
    let texts = attributes.values().filter_map(Value::as_str);
    names.extend(texts.filter(|text| text.starts_with("arn:") && text.ends_with(id)));
    let parts = PARTS.iter().filter(|(part, _)| *part == type_name);
    names.extend(parts.filter_map(|(_, property)| properties.get(*property)?.as_str()));
    let mut once: Vec<String> = Vec::new();
    for name in names {
        if !once.iter().any(|known| known == name) {
            once.push(name.to_owned());
        }
    }
    once
}

/// The newest event that explains it; `None`: the history has none that can be told to be of somebody else.
///
/// Events before our own newest one are not looked at: that deploy set back what they did. So, while the history is late,
/// nobody is named rather than the wrong person.
pub async fn of(
    cloud: &Cloud,
    type_name: &str,
    region: &str,
    names: &[String],
    about: About,
) -> Result<Option<Actor>, Failure> {
    let client = cloud.client(region_of_events(type_name, region), |config| {
        let retries = RetryConfig::adaptive().with_max_attempts(ATTEMPTS);
        Client::from_conf(Builder::from(config).retry_config(retries).build())
    });
    for name in names.iter().take(NAMES) {
        let key = LookupAttributeKey::ResourceName;
        let Ok(attribute) = LookupAttribute::builder().attribute_key(key).attribute_value(name).build() else {
            continue;
        };
        let answer = client.lookup_events().lookup_attributes(attribute).send().await;
        let events = answer.aws("cloudtrail:LookupEvents")?.events.unwrap_or_default();
        if let Some(actor) = choose(&events, about) {
            return Ok(Some(actor));
        }
    }
    Ok(None)
}

/// Where a type's events are: those of global services are in one region.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html#cloudtrail-concepts-global-service-events>
fn region_of_events<'a>(type_name: &str, region: &'a str) -> &'a str {
    const GLOBAL: &[&str] = &["AWS::IAM::", "AWS::CloudFront::", "AWS::Route53::"];
    if !GLOBAL.iter().any(|service| type_name.starts_with(service)) {
        return region;
    }
    match region {
        region if region.starts_with("cn-") => "cn-northwest-1",
        region if region.starts_with("us-gov-") => "us-gov-west-1",
        _ => "us-east-1",
    }
}

/// Of events newest first: the newest of others that fits best what it is about.
fn choose(events: &[Event], about: About) -> Option<Actor> {
    let events: Vec<(&Event, Value)> = events
        .iter()
        .filter(|event| event.read_only() != Some("true"))
        .map(|event| (event, serde_json::from_str(event.cloud_trail_event().unwrap_or_default()).unwrap_or_default()))
        // A call that failed changed nothing.
        .filter(|(_, whole): &(_, Value)| whole["errorCode"].is_null())
        .collect();
    let fits = |event: &Event| fits(event.event_name().unwrap_or_default(), about);
    if about == About::Creation {
        // Whoever made it, even we: an orphan of ours is told as such.
        return events.iter().rfind(|(event, _)| fits(event)).map(|(event, whole)| actor(event, whole));
    }
    let mut others = events.iter().take_while(|(event, whole)| !is_own(event, whole));
    others.find(|(event, _)| fits(event)).map(|(event, whole)| actor(event, whole))
}

fn fits(event: &str, about: About) -> bool {
    let starts = |beginnings: &[&str]| beginnings.iter().any(|beginning| event.starts_with(beginning));
    match about {
        About::Change => !event.contains("Tag"),
        About::Tags => event.contains("Tag"),
        About::Deletion => starts(&[
            "Delete",
            "Deregister",
            "Detach",
            "Disassociate",
            "Release",
            "Remove",
            "Replace",
            "Revoke",
            "Terminate",
            "Unsubscribe",
        ]),
        About::Creation => {
            starts(&["Allocate", "Authorize", "Create", "Copy", "Register", "Request", "Restore", "Run"])
        }
    }
}

fn is_own(event: &Event, whole: &Value) -> bool {
    whole["userAgent"].as_str().is_some_and(|agent| agent.contains(OWN_AGENT))
        || event.access_key_id() == Some(OWN_LOCAL_KEY)
}

/// What an event says of who caused it.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html>
fn actor(event: &Event, whole: &Value) -> Actor {
    let identity = &whole["userIdentity"];
    let service = identity["invokedBy"].as_str();
    let who = identity["arn"].as_str().or(service).or(event.username()).unwrap_or("unknown");
    let agent = whole["userAgent"].as_str().unwrap_or_default();
    // The whole of an agent says what the machine is; its first product, which program it was.
    let program = agent.trim_start_matches('[').split([' ', ']']).next().unwrap_or_default();
    let address = whole["sourceIPAddress"].as_str().unwrap_or("an unknown address");
    let console = whole["sessionCredentialFromConsole"].as_str() == Some("true")
        || agent.contains("console.amazonaws.com")
        || agent.contains("AWS-Console");
    let from = match (console, program) {
        (true, _) => format!("the console, {address}"),
        (false, "") => address.to_owned(),
        (false, program) if program == address => address.to_owned(),
        (false, program) => format!("{address}, {program}"),
    };
    let when = event.event_time().and_then(|time| time.fmt(DateTimeFormat::DateTime).ok());
    Actor {
        who: who.to_owned(),
        when: when.unwrap_or_default(),
        event: event.event_name().unwrap_or_default().to_owned(),
        from,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudtrail::primitives::DateTime;
    use serde_json::json;

    use super::*;

    fn event(name: &str, whole: Value) -> Event {
        let key = whole["userIdentity"]["accessKeyId"].as_str().map(str::to_owned);
        Event::builder()
            .event_name(name)
            .event_time(DateTime::from_secs(1_795_262_400))
            .set_access_key_id(key)
            .read_only("false")
            .cloud_trail_event(whole.to_string())
            .build()
    }

    fn by(user: &str, name: &str) -> Event {
        let agent = if user == "us" { "aws-sdk-rust/1.3 app/groundplan" } else { "aws-cli/2.1 md/x" };
        let arn = format!("arn:aws:iam::1:user/{user}");
        event(name, json!({ "userIdentity": { "arn": arn }, "sourceIPAddress": "192.0.2.1", "userAgent": agent }))
    }

    #[test]
    fn the_newest_event_that_fits_names_the_actor() {
        use About::{Change, Creation, Deletion, Tags};
        type Case = (&'static [(&'static str, &'static str)], About, Option<&'static str>);
        let cases: &[Case] = &[
            (&[("bob", "ModifyX"), ("alice", "ModifyX")], Change, Some("bob ModifyX")),
            (&[("bob", "CreateTags"), ("alice", "ModifyX")], Change, Some("alice ModifyX")),
            (&[("bob", "ModifyX"), ("alice", "CreateTags")], Tags, Some("alice CreateTags")),
            (&[("bob", "ModifyX"), ("alice", "DeleteX")], Deletion, Some("alice DeleteX")),
            // Nobody is named for another thing that he did.
            (&[("bob", "ModifyX"), ("bob", "CreateTags")], Deletion, None),
            (&[("bob", "CreateTags")], Change, None),
            // Our own deploy set back what was done before it.
            (&[("us", "ModifyX"), ("alice", "ModifyX")], Change, None),
            (&[("bob", "ModifyX"), ("us", "CreateX")], Change, Some("bob ModifyX")),
            (&[("bob", "ModifyX"), ("us", "CreateX")], Creation, Some("us CreateX")),
            (&[], Change, None),
        ];
        for (events, about, expected) in cases {
            let events: Vec<Event> = events.iter().map(|(user, name)| by(user, name)).collect();
            let actor = choose(&events, *about);
            let told = actor.map(|actor| format!("{} {}", actor.who.rsplit('/').next().unwrap(), actor.event));
            assert_eq!(told.as_deref(), *expected);
        }
    }

    #[test]
    fn calls_that_only_read_or_failed_or_are_ours_on_the_local_cloud_name_nobody() {
        let read = Event::builder().event_name("DescribeX").read_only("true").build();
        let denied = event("ModifyX", json!({ "errorCode": "AccessDenied", "userIdentity": { "arn": "a" } }));
        let own = event("ModifyX", json!({ "userIdentity": { "arn": "a", "accessKeyId": "local" } }));
        assert_eq!(choose(&[read, denied, own], About::Change), None);
    }

    #[test]
    fn an_actor_is_who_when_and_from_where() {
        let role = "arn:aws:sts::1:assumed-role/Admin/eve";
        let cases = [
            (
                json!({ "userIdentity": { "arn": role }, "sourceIPAddress": "192.0.2.1", "userAgent": "aws-cli/2.1 md/x" }),
                (role, "192.0.2.1, aws-cli/2.1"),
            ),
            (
                json!({ "userIdentity": { "arn": role }, "sourceIPAddress": "192.0.2.1", "userAgent": "Mozilla/5.0", "sessionCredentialFromConsole": "true" }),
                (role, "the console, 192.0.2.1"),
            ),
            (
                json!({
                    "userIdentity": { "type": "AWSService", "invokedBy": "ecs.application-autoscaling.amazonaws.com" },
                    "sourceIPAddress": "ecs.application-autoscaling.amazonaws.com",
                    "userAgent": "ecs.application-autoscaling.amazonaws.com",
                }),
                ("ecs.application-autoscaling.amazonaws.com", "ecs.application-autoscaling.amazonaws.com"),
            ),
        ];
        for (whole, (who, from)) in cases {
            let actor = choose(&[event("ModifyX", whole)], About::Change).unwrap();
            assert_eq!((&*actor.who, &*actor.from, &*actor.when), (who, from, "2026-11-21T12:00:00Z"));
        }
    }

    #[test]
    fn a_resource_has_several_names() {
        let topic = "arn:aws:sns:r:1:alerts";
        let group = "arn:aws:logs:r:1:log-group:/ecs/api";
        let cases = [
            ("AWS::EC2::VPC", "vpc-1", json!({}), json!({ "CidrBlock": "10.0.0.0/16" }), vec!["vpc-1"]),
            ("AWS::EC2::Route", "rtb-1|0.0.0.0/0", json!({}), json!({}), vec!["rtb-1|0.0.0.0/0", "rtb-1"]),
            ("AWS::SNS::Topic", topic, json!({}), json!({ "TopicArn": topic }), vec![topic, "alerts"]),
            ("AWS::Logs::LogGroup", "/ecs/api", json!({}), json!({ "Arn": group }), vec!["/ecs/api", group]),
            ("AWS::EC2::SecurityGroupIngress", "sgr-1", json!({ "GroupId": "sg-1" }), json!({}), vec!["sgr-1", "sg-1"]),
            ("AWS::EC2::Other", "x", json!({ "GroupId": "sg-1" }), json!({}), vec!["x"]),
        ];
        for (type_name, id, properties, attributes, expected) in cases {
            let attributes = attributes.as_object().unwrap();
            assert_eq!(names(type_name, id, &properties, attributes), expected);
        }
    }

    #[test]
    fn global_services_have_their_events_in_one_region() {
        let cases = [
            ("AWS::EC2::VPC", "eu-west-1", "eu-west-1"),
            ("AWS::IAM::Role", "eu-west-1", "us-east-1"),
            ("AWS::IAM::Role", "cn-north-1", "cn-northwest-1"),
        ];
        for (type_name, region, expected) in cases {
            assert_eq!(region_of_events(type_name, region), expected);
        }
    }
}
