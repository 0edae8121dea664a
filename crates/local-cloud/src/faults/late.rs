//! Late consistency: reads do not see for a while what was just created. Reads by identifier answer that it is not there, lists leave it
//! out. Writes are not touched: that is for another fault.
//! <https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html>

use std::collections::BTreeSet;

use hyper::Method;
use serde_json::{Value, json};

use super::asked;
use super::late_kinds::{KINDS, Kind};
use crate::call::{Call, Protocol};
use crate::protocol::errors;
use crate::reply::Reply;
use crate::xml::Element;

/// What reads do not see.
#[derive(Debug, Default)]
pub(super) struct Late {
    hidden: Vec<Hidden>,
    /// All that was hidden once: a repeated call that makes nothing new hides nothing again.
    seen: BTreeSet<(String, String, Vec<String>)>,
}

#[derive(Debug, Clone)]
struct Hidden {
    kind: &'static Kind,
    region: String,
    ids: Vec<String>,
    name: Option<String>,
    until: f64,
}

/// A creating call.
pub(super) struct Made {
    kind: &'static Kind,
    region: String,
    name: Option<String>,
}

impl Made {
    /// What a call makes, if it can be created late.
    pub fn of(call: &Call) -> Option<Self> {
        let creates = |kind: &&Kind| kind.service == call.service && kind.create.contains(&call.operation.as_str());
        let kind = KINDS.iter().find(creates)?;
        let name = match call.protocol {
            Protocol::Query => call.field(kind.name).map(str::to_owned),
            _ => call.body()[kind.name].as_str().map(str::to_owned),
        };
        Some(Self { kind, region: call.region.clone(), name: name.filter(|_| !kind.name.is_empty()) })
    }
}

impl Late {
    /// Forgets what is seen by now.
    pub fn forget(&mut self, now: f64) {
        self.hidden.retain(|hidden| hidden.until > now);
    }

    pub fn is_empty(&self) -> bool {
        self.hidden.is_empty()
    }

    /// Hides what a call made, if it did.
    pub fn hide(&mut self, made: Made, reply: &Reply, until: f64) {
        if !reply.status.is_success() {
            return;
        }
        let Made { kind, region, name } = made;
        let (xml, body) = (reply.xml(), reply.json());
        let id = |member: &&str| match &xml {
            Some(root) => root.find(member).map(leaf),
            None => member_of(&body, member).map(str::to_owned),
        };
        let ids: Vec<String> = kind.ids.iter().filter_map(id).filter(|id| !id.is_empty()).collect();
        let all = ids.iter().chain(&name).cloned().collect::<Vec<_>>();
        if !all.is_empty() && self.seen.insert((kind.service.to_owned(), region.clone(), all)) {
            self.hidden.push(Hidden { kind, region, ids, name, until });
        }
    }

    /// What a call must not see. None if that is nothing, or the call does not read.
    pub fn view(&self, call: &Call, now: f64) -> Option<View> {
        if !reads(call) {
            return None;
        }
        let concerns = |hidden: &&Hidden| {
            hidden.until > now
                && hidden.region == call.region
                && (hidden.kind.service == call.service || call.service == "tagging")
        };
        let hidden: Vec<Hidden> = self.hidden.iter().filter(concerns).cloned().collect();
        (!hidden.is_empty()).then(|| View {
            hidden,
            operation: call.operation.clone(),
            tagging: call.service == "tagging",
        })
    }
}

fn reads(call: &Call) -> bool {
    let reading = ["Describe", "Get", "List", "Head", "BatchGet"];
    reading.iter().any(|verb| call.operation.starts_with(verb))
        || (call.protocol == Protocol::Rest && call.method == Method::GET)
}

/// The text of an element, or of the first leaf in it.
fn leaf(element: &Element) -> String {
    element.children.first().map_or_else(|| element.text(), leaf)
}

/// The first member of this name at any depth.
fn member_of<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    match value {
        Value::Object(members) => members
            .get(name)
            .and_then(Value::as_str)
            .or_else(|| members.values().find_map(|value| member_of(value, name))),
        Value::Array(items) => items.iter().find_map(|item| member_of(item, name)),
        _ => None,
    }
}

/// What one call must not see.
pub(super) struct View {
    hidden: Vec<Hidden>,
    operation: String,
    tagging: bool,
}

impl Hidden {
    fn has_id(&self, value: &str) -> bool {
        self.ids.iter().any(|id| id == value)
    }

    /// Its name, or an ARN that ends with it.
    fn has_name(&self, value: &str) -> bool {
        let value = value.strip_suffix(":*").unwrap_or(value);
        self.name.as_deref().is_some_and(|name| {
            value.strip_suffix(name).is_some_and(|rest| rest.is_empty() || rest.ends_with([':', '/']))
        })
    }

    fn takes_name(&self, operation: &str, field: &str) -> bool {
        self.kind.fields.iter().any(|(of, name)| (*of == "*" || *of == operation) && *name == field)
    }
}

impl View {
    /// The service's answer to a call that asks for something by its identifier or name.
    pub fn refuse(&self, call: &Call) -> Option<Reply> {
        if self.tagging {
            return None;
        }
        let values = asked::values(call);
        for hidden in self.hidden.iter().filter(|hidden| !hidden.kind.failures.contains(&call.operation.as_str())) {
            let asks = |(field, value): &&(String, String)| {
                hidden.has_id(value) || (hidden.takes_name(&call.operation, field) && hidden.has_name(value))
            };
            if let Some((_, value)) = values.iter().find(asks) {
                let kind = hidden.kind;
                return Some(errors::answer(call, kind.status, kind.code, &kind.message.replace("{id}", value)));
            }
        }
        None
    }

    /// Takes what is hidden out of an answer's lists, and says whether there was something.
    pub async fn strip(&self, reply: Reply) -> (Reply, bool) {
        let mut found = false;
        let listed: Vec<(&Hidden, &str)> =
            self.hidden.iter().filter_map(|hidden| Some((hidden, self.field(hidden)?))).collect();
        if listed.is_empty() {
            return (reply, false);
        }
        let mut reply = reply.whole().await;
        if !reply.status.is_success() {
            return (reply, false);
        }
        if let Some(mut root) = reply.xml() {
            strip_xml(&mut root, &listed, &mut found);
            if found {
                reply.set_body(root.write());
            }
        } else {
            let mut body = reply.json();
            let mut missing = Vec::new();
            strip_json("", &mut body, &listed, &mut missing);
            found = !missing.is_empty();
            let tells = self.hidden.iter().any(|hidden| hidden.kind.failures.contains(&self.operation.as_str()));
            if tells
                && let Some(failures) =
                    body.as_object_mut().map(|body| body.entry("failures").or_insert_with(|| json!([])))
            {
                let more = missing.into_iter().map(|arn| json!({"arn": arn, "reason": "MISSING"}));
                failures.as_array_mut().into_iter().for_each(|failures| failures.extend(more.clone()));
            }
            if found {
                reply.set_body(body.to_string());
            }
        }
        (reply, found)
    }

    /// The member of a list's item that names such a thing in this operation's answer.
    fn field(&self, hidden: &Hidden) -> Option<&'static str> {
        if self.tagging {
            return Some("ResourceARN");
        }
        hidden.kind.lists.iter().find(|(operation, _)| *operation == self.operation).map(|(_, field)| *field)
    }
}

/// Whether a value of this member names something hidden.
fn is_hidden(member: &str, value: &str, listed: &[(&Hidden, &str)]) -> bool {
    listed.iter().any(|(hidden, field)| {
        *field == member
            && if member == "ResourceARN" {
                let of_service = value.split(':').nth(2) == Some(hidden.kind.service);
                let by_id = hidden.ids.iter().any(|id| value.ends_with(id.as_str()));
                of_service && (by_id || hidden.has_name(value))
            } else {
                hidden.has_id(value) || hidden.has_name(value)
            }
    })
}

fn strip_xml(element: &mut Element, listed: &[(&Hidden, &str)], found: &mut bool) {
    let before = element.children.len();
    element.children.retain(|child| {
        !child.children.iter().any(|inner| inner.children.is_empty() && is_hidden(&inner.name, &inner.text(), listed))
    });
    *found |= element.children.len() < before;
    element.children.iter_mut().for_each(|child| strip_xml(child, listed, found));
}

fn strip_json(member: &str, value: &mut Value, listed: &[(&Hidden, &str)], found: &mut Vec<String>) {
    match value {
        Value::Array(items) => {
            items.retain(|item| {
                let named = match item {
                    Value::String(text) => is_hidden(member, text, listed).then_some(text),
                    Value::Object(members) => members.iter().find_map(|(name, value)| match value {
                        Value::String(text) if is_hidden(name, text, listed) => Some(text),
                        _ => None,
                    }),
                    _ => None,
                };
                found.extend(named.cloned());
                named.is_none()
            });
            items.iter_mut().for_each(|item| strip_json(member, item, listed, found));
        }
        Value::Object(members) => members.iter_mut().for_each(|(name, value)| strip_json(name, value, listed, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use hyper::StatusCode;

    use super::*;

    fn xml(text: &'static str) -> Reply {
        Reply::new(StatusCode::OK, "text/xml", text.as_bytes().into())
    }

    fn hidden(late: &mut Late, create: &Call, reply: &Reply) {
        late.hide(Made::of(create).unwrap(), reply, 10.0);
    }

    #[tokio::test]
    async fn ec2_by_identifier_is_an_error_and_a_list_leaves_it_out() {
        let ec2 =
            |operation: &str, fields: &[(&str, &str)]| Call::query("ec2", "us-east-1", operation, "2016-11-15", fields);
        let mut late = Late::default();
        hidden(
            &mut late,
            &ec2("CreateSubnet", &[("VpcId", "vpc-1")]),
            &xml("<R><subnet><subnetId>subnet-1</subnetId><vpcId>vpc-1</vpcId></subnet></R>"),
        );
        let code =
            |call: &Call| late.view(call, 9.0).and_then(|view| view.refuse(call)).and_then(|reply| reply.error_code());
        assert_eq!(
            code(&ec2("DescribeSubnets", &[("SubnetId.1", "subnet-1")])).as_deref(),
            Some("InvalidSubnetID.NotFound")
        );
        assert_eq!(code(&ec2("DescribeVpcs", &[("VpcId.1", "vpc-1")])), None, "the network is old");
        assert_eq!(code(&ec2("DescribeSubnets", &[("Filter.1.Value.1", "subnet-1")])), None, "a filter is no error");
        let list = ec2("DescribeSubnets", &[]);
        let both = "<R><subnetSet><item><subnetId>subnet-1</subnetId></item><item><subnetId>subnet-2</subnetId></item></subnetSet></R>";
        let (reply, found) = late.view(&list, 9.0).unwrap().strip(xml(both)).await;
        let text = String::from_utf8_lossy(reply.bytes()).into_owned();
        assert!(found && text.contains("subnet-2") && !text.contains("subnet-1"), "{text}");
        let gateways = ec2("DescribeNatGateways", &[]);
        let (_, found) = late
            .view(&gateways, 9.0)
            .unwrap()
            .strip(xml("<R><natGatewaySet><item><subnetId>subnet-1</subnetId></item></natGatewaySet></R>"))
            .await;
        assert!(!found, "a gateway in the subnet is not the subnet");
        assert!(late.view(&list, 10.0).is_none(), "its time is over");
        assert!(late.view(&ec2("CreateTags", &[("ResourceId.1", "subnet-1")]), 9.0).is_none(), "a write");
    }

    #[tokio::test]
    async fn ecs_answers_with_failures() {
        let ecs = |operation: &str, body: Value| Call::json("ecs", "us-east-1", &format!("X.{operation}"), &body);
        let arn = "arn:aws:ecs:us-east-1:1:cluster/main";
        let mut late = Late::default();
        let answer = json!({"cluster": {"clusterArn": arn}}).to_string();
        hidden(
            &mut late,
            &ecs("CreateCluster", json!({"clusterName": "main"})),
            &Reply::new(StatusCode::OK, "application/json", answer.into()),
        );
        let describe = ecs("DescribeClusters", json!({"clusters": ["main"]}));
        let view = late.view(&describe, 9.0).unwrap();
        assert!(view.refuse(&describe).is_none());
        let answer = json!({"clusters": [{"clusterArn": arn}], "failures": []}).to_string();
        let (reply, _) = view.strip(Reply::new(StatusCode::OK, "application/json", answer.into())).await;
        assert_eq!(reply.json(), json!({"clusters": [], "failures": [{"arn": arn, "reason": "MISSING"}]}));
        let services = ecs("DescribeServices", json!({"cluster": "main", "services": ["api"]}));
        let refused = late.view(&services, 9.0).unwrap().refuse(&services).unwrap();
        assert_eq!(refused.error_code().as_deref(), Some("ClusterNotFoundException"));
    }

    #[tokio::test]
    async fn what_exists_is_not_hidden_again() {
        let create = Call::query("iam", "us-east-1", "CreateRole", "2010-05-08", &[("RoleName", "api")]);
        let mut late = Late::default();
        hidden(&mut late, &create, &xml("<R/>"));
        late.forget(11.0);
        assert!(late.is_empty());
        late.hide(Made::of(&create).unwrap(), &xml("<R/>"), 20.0);
        assert!(late.is_empty());
    }
}
