//! CloudTrail's event history: the front's own record of who changed what, and `LookupEvents` over it.
//!
//! As on AWS, the history has management events only, no data events (objects, items, messages, log lines), and each
//! region has its own. Of a call it keeps identifiers, never other values. Failed calls are left out.
//! <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html>

use std::collections::VecDeque;

use axum::body::Bytes;
use hyper::StatusCode;
use hyper::header::{AUTHORIZATION, USER_AGENT};
use serde_json::{Value, json};

use crate::call::{Call, Protocol};
use crate::cloud::{Cloud, random_id};
use crate::emulators::ACCOUNT;
use crate::protocol::errors;
use crate::reply::Reply;
use names::Names;

mod names;

/// How many events are kept: the oldest go first.
const KEPT: usize = 10_000;
/// The most that one answer holds.
const PER_PAGE: usize = 50;
/// Services whose events are in one region, wherever the call came from.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html#cloudtrail-concepts-global-service-events>
const GLOBAL: &[&str] = &["cloudfront", "iam", "route53", "sts"];
const GLOBAL_REGION: &str = "us-east-1";

/// Beginnings of operations that only read.
const READING: &[&str] = &[
    "BatchCheck",
    "BatchGet",
    "Check",
    "Describe",
    "Discover",
    "Estimate",
    "Filter",
    "Generate",
    "Get",
    "Head",
    "List",
    "Lookup",
    "Preview",
    "Query",
    "Scan",
    "Search",
    "Select",
    "Simulate",
    "StartQuery",
    "Test",
    "Validate",
    "View",
];
/// Operations on what is in a resource, by service: data events, which the event history has not.
const DATA: &[(&str, &[&str])] = &[
    ("dynamodb", &["BatchWriteItem", "DeleteItem", "PutItem", "TransactWriteItems", "UpdateItem"]),
    ("lambda", &["Invoke"]),
    ("logs", &["PutLogEvents"]),
    ("monitoring", &["PutMetricData"]),
    ("s3", &["AbortMultipart", "DeleteObject", "PostObject", "PutObject"]),
    ("sns", &["Publish"]),
    ("sqs", &["ChangeMessageVisibility", "DeleteMessage", "ReceiveMessage", "SendMessage"]),
    ("sts", &["AssumeRole"]),
];

/// The event history, oldest first.
#[derive(Default)]
pub(crate) struct Trail {
    events: VecDeque<Event>,
    /// How many there ever were: what a page's token counts in.
    count: u64,
}

#[derive(Clone, Debug)]
struct Event {
    number: u64,
    id: String,
    name: String,
    source: String,
    region: String,
    time: jiff::Timestamp,
    key: String,
    agent: String,
    names: Names,
}

/// What is kept of a call while it is under way. `None`: it changes nothing that the history tells.
pub(crate) struct Noted {
    event: Event,
    makes: bool,
}

impl Noted {
    /// Looks at a call before it is carried out.
    pub fn of(call: &Call) -> Option<Self> {
        let starts = |beginnings: &[&str]| beginnings.iter().any(|beginning| call.operation.starts_with(beginning));
        let is_data = DATA.iter().any(|(service, operations)| call.service == *service && starts(operations));
        let by_shape =
            call.protocol == Protocol::Rest && !matches!(call.method.as_str(), "PUT" | "POST" | "DELETE" | "PATCH");
        if starts(READING) || is_data || by_shape || ["cloudtrail", "tagging"].contains(&&*call.service) {
            return None;
        }
        let header = |name| call.headers.get(name).and_then(|value: &hyper::header::HeaderValue| value.to_str().ok());
        let region = if GLOBAL.contains(&&*call.service) { GLOBAL_REGION } else { &call.region };
        let event = Event {
            number: 0,
            id: uuid(),
            name: call.operation.clone(),
            source: source(&call.service),
            region: region.to_owned(),
            time: jiff::Timestamp::now(),
            key: header(AUTHORIZATION).and_then(access_key).unwrap_or_default().to_owned(),
            agent: header(USER_AGENT).unwrap_or_default().to_owned(),
            names: Names::of_call(call),
        };
        const MAKING: &[&str] = &[
            "Allocate",
            "Associate",
            "Authorize",
            "Copy",
            "Create",
            "Import",
            "Register",
            "Request",
            "Restore",
            "Run",
        ];
        Some(Self { event, makes: starts(MAKING) })
    }
}

/// Writes a call down once it is answered. The answer of a call that made something is read: it names what was made.
pub(crate) async fn keep(cloud: &Cloud, noted: Option<Noted>, reply: Reply) -> Reply {
    let Some(Noted { mut event, makes }) = noted.filter(|_| reply.status.is_success()) else { return reply };
    let reply = if makes { reply.whole().await } else { reply };
    if makes {
        event.names.of_answer(&reply);
    }
    cloud.trail().add(event);
    reply
}

/// The front's own answer, where the call is CloudTrail's `LookupEvents`.
pub(crate) fn answer(cloud: &Cloud, call: &Call) -> Option<Reply> {
    if (&*call.service, &*call.operation) != ("cloudtrail", "LookupEvents") {
        return None;
    }
    Some(match cloud.trail().lookup(&call.body(), &call.region) {
        Ok(page) => Reply::new(StatusCode::OK, "application/x-amz-json-1.1", Bytes::from(page.to_string())),
        Err((code, message)) => errors::answer(call, StatusCode::BAD_REQUEST, code, message),
    })
}

impl Trail {
    fn add(&mut self, mut event: Event) {
        self.count += 1;
        event.number = self.count;
        self.events.push_back(event);
        if self.events.len() > KEPT {
            self.events.pop_front();
        }
    }

    /// A page of events, newest first.
    fn lookup(&self, request: &Value, region: &str) -> Result<Value, (&'static str, &'static str)> {
        let attribute = match request["LookupAttributes"].as_array().map(Vec::as_slice) {
            None | Some([]) => None,
            Some([one]) => match (one["AttributeKey"].as_str(), one["AttributeValue"].as_str()) {
                (Some(key), Some(value)) => Some((key, value)),
                _ => return Err(("InvalidLookupAttributesException", "An attribute needs a key and a value.")),
            },
            Some(_) => return Err(("InvalidLookupAttributesException", "You can specify only one lookup attribute.")),
        };
        if attribute.is_some_and(|(key, _)| !ATTRIBUTES.contains(&key)) {
            return Err(("InvalidLookupAttributesException", "There is no such lookup attribute."));
        }
        let most = match &request["MaxResults"] {
            Value::Null => PER_PAGE,
            given => given.as_u64().and_then(|most| usize::try_from(most).ok()).unwrap_or_default(),
        };
        if !(1..=PER_PAGE).contains(&most) {
            return Err(("InvalidMaxResultsException", "MaxResults is from 1 to 50."));
        }
        let before = match &request["NextToken"] {
            Value::Null => u64::MAX,
            token => match token.as_str().and_then(|token| token.parse().ok()) {
                Some(before) => before,
                None => return Err(("InvalidNextTokenException", "The token is not of an earlier answer.")),
            },
        };
        let within = |event: &Event| {
            let time = event.time.as_millisecond() as f64 / 1000.0;
            request["StartTime"].as_f64().is_none_or(|start| time >= start)
                && request["EndTime"].as_f64().is_none_or(|end| time <= end)
        };
        let fits = |event: &&Event| {
            event.number < before
                && event.region == region
                && within(event)
                && attribute.is_none_or(|(key, value)| event.has(key, value))
        };
        let mut found = self.events.iter().rev().filter(fits);
        let page: Vec<&Event> = found.by_ref().take(most).collect();
        let mut answer = json!({ "Events": page.iter().map(|event| event.listed()).collect::<Vec<_>>() });
        if let (Some(last), Some(_)) = (page.last(), found.next()) {
            answer["NextToken"] = json!(last.number.to_string());
        }
        Ok(answer)
    }
}

/// What events can be looked up by.
const ATTRIBUTES: &[&str] =
    &["AccessKeyId", "EventId", "EventName", "EventSource", "ReadOnly", "ResourceName", "ResourceType", "Username"];

impl Event {
    fn has(&self, key: &str, value: &str) -> bool {
        match key {
            "AccessKeyId" | "Username" => self.key == value,
            "EventId" => self.id == value,
            "EventName" => self.name == value,
            "EventSource" => self.source == value,
            "ReadOnly" => value == "false",
            "ResourceName" => self.names.iter().any(|(_, name)| name == value),
            _ => self.names.iter().any(|(kind, _)| kind == Some(value)),
        }
    }

    /// As `LookupEvents` lists it. Every caller is an IAM user called as the access key, with which tests tell people apart.
    fn listed(&self) -> Value {
        let Self { id, name, source, region, key, agent, .. } = self;
        let seconds = jiff::Timestamp::from_second(self.time.as_second()).unwrap_or(self.time);
        let whole = json!({
            "eventVersion": "1.11",
            "userIdentity": {
                "type": "IAMUser",
                "principalId": key,
                "arn": format!("arn:aws:iam::{ACCOUNT}:user/{key}"),
                "accountId": ACCOUNT,
                "accessKeyId": key,
                "userName": key,
            },
            "eventTime": seconds.to_string(),
            "eventSource": source,
            "eventName": name,
            "awsRegion": region,
            // The front listens on the loopback interface alone.
            "sourceIPAddress": "127.0.0.1",
            "userAgent": agent,
            "requestParameters": null,
            "responseElements": null,
            "readOnly": false,
            "eventID": id,
            "eventType": "AwsApiCall",
            "managementEvent": true,
            "recipientAccountId": ACCOUNT,
            "eventCategory": "Management",
        });
        let resource = |(kind, name): (Option<&'static str>, &str)| match kind {
            Some(kind) => json!({ "ResourceType": kind, "ResourceName": name }),
            None => json!({ "ResourceName": name }),
        };
        json!({
            "EventId": id,
            "EventName": name,
            "ReadOnly": "false",
            "AccessKeyId": key,
            "EventTime": self.time.as_second(),
            "EventSource": source,
            "Username": key,
            "Resources": self.names.iter().map(resource).collect::<Vec<_>>(),
            "CloudTrailEvent": whole.to_string(),
        })
    }
}

/// The service as events name it, where that is not its signing name.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-aws-service-specific-topics.html>
fn source(service: &str) -> String {
    let host = match service {
        "application-autoscaling" => "autoscaling",
        other => other,
    };
    format!("{host}.amazonaws.com")
}

/// The access key of a SigV4 header.
fn access_key(authorization: &str) -> Option<&str> {
    let start = authorization.find("Credential=")? + "Credential=".len();
    authorization[start..].split('/').next()
}

/// A random id in the form of a UUID.
fn uuid() -> String {
    let id = random_id();
    let part = |from: usize, to: usize| id.get(from..to).unwrap_or_default();
    format!("{}-{}-{}-{}-{}", part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32))
}

#[cfg(test)]
mod tests;
