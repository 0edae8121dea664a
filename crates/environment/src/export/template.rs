//! One CloudFormation template.

use std::collections::BTreeMap;

use engine::{Address, Catalogue, Node};
use serde_json::{Map, Value, json};
use storage::final_snapshot::SNAPSHOT_TAG;

/// Types whose deletion policy can be `Snapshot`: AWS CloudFormation User Guide, "DeletionPolicy attribute".
const WITH_SNAPSHOTS: &[&str] = &[
    "AWS::DocDB::DBCluster",
    "AWS::EC2::Volume",
    "AWS::ElastiCache::CacheCluster",
    "AWS::ElastiCache::ReplicationGroup",
    "AWS::Neptune::DBCluster",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",
    "AWS::Redshift::Cluster",
];

/// The template of a region, and the names of the parameters it needs.
pub fn template(
    name: &str,
    region: &str,
    nodes: &[&Node],
    outputs: &BTreeMap<&str, &Value>,
    catalogue: &Catalogue,
) -> (Value, Vec<String>) {
    let mut names = Names::new(nodes);
    let mut resources = Map::new();
    for node in nodes {
        let resource = names.resource(node, catalogue);
        resources.insert(names.ids[&node.address].clone(), resource);
    }
    let mut values = Map::new();
    for (output, value) in outputs {
        let entry = json!({ "Description": output, "Value": names.rewrite(value) });
        values.insert(Address::of(output).logical_id(), entry);
    }
    let mut body = Map::new();
    body.insert("AWSTemplateFormatVersion".to_owned(), Value::from("2010-09-09"));
    body.insert("Description".to_owned(), Value::from(format!("{name} in {region}, exported by Groundplan")));
    let parameters: Vec<String> = names.parameters.keys().cloned().collect();
    if !parameters.is_empty() {
        let parameter = |(name, what): (String, String)| (name, json!({ "Type": "String", "Description": what }));
        body.insert("Parameters".to_owned(), Value::Object(names.parameters.into_iter().map(parameter).collect()));
    }
    body.insert("Resources".to_owned(), Value::Object(resources));
    if !values.is_empty() {
        body.insert("Outputs".to_owned(), Value::Object(values));
    }
    (Value::Object(body), parameters)
}

/// What becomes of a resource with data when it is deleted; none: CloudFormation's default.
fn deletion_policy(node: &Node) -> Option<&'static str> {
    let tags = node.properties["Tags"].as_array().map(Vec::as_slice).unwrap_or_default();
    let wish = tags.iter().find(|tag| tag["Key"] == SNAPSHOT_TAG).and_then(|tag| tag["Value"].as_str());
    match (WITH_SNAPSHOTS.contains(&node.type_name.as_str()), wish) {
        // CloudFormation's own default differs between types.
        (true, Some("false")) => Some("Delete"),
        (true, Some(_)) => Some("Snapshot"),
        (true, None) => node.protected.then_some("Snapshot"),
        (false, _) => node.protected.then_some("Retain"),
    }
}

/// What resources are called in the template, and parameters for those that are not in it.
struct Names {
    ids: BTreeMap<Address, String>,
    parameters: BTreeMap<String, String>,
}

impl Names {
    fn new(nodes: &[&Node]) -> Self {
        let mut ids = BTreeMap::new();
        let mut taken = std::collections::BTreeSet::new();
        for node in nodes {
            // `a.b-c` and `a-b.c` would have the same id.
            let id = node.address.logical_id();
            let mut unique = id.clone();
            let mut number = 2;
            while !taken.insert(unique.clone()) {
                unique = format!("{id}{number}");
                number += 1;
            }
            ids.insert(node.address.clone(), unique);
        }
        Self { ids, parameters: BTreeMap::new() }
    }

    fn resource(&mut self, node: &Node, catalogue: &Catalogue) -> Value {
        let mut resource = Map::new();
        resource.insert("Type".to_owned(), Value::from(node.type_name.as_str()));
        let after: Vec<Value> = node
            .depends_on
            .iter()
            .filter_map(|address| self.ids.get(address))
            .map(|id| Value::from(id.as_str()))
            .collect();
        if !after.is_empty() {
            resource.insert("DependsOn".to_owned(), Value::Array(after));
        }
        let holds_data = catalogue.get(&node.type_name).is_some_and(|handler| handler.facts().holds_data);
        if let Some(policy) = deletion_policy(node).filter(|_| holds_data) {
            resource.insert("DeletionPolicy".to_owned(), Value::from(policy));
            resource.insert("UpdateReplacePolicy".to_owned(), Value::from(policy));
        }
        resource.insert("Properties".to_owned(), self.rewrite(&node.properties));
        Value::Object(resource)
    }

    /// The value with logical ids where the graph has addresses.
    fn rewrite(&mut self, value: &Value) -> Value {
        match value {
            Value::Array(items) => Value::Array(items.iter().map(|item| self.rewrite(item)).collect()),
            Value::Object(map) => match map.iter().next() {
                Some((function, argument)) if map.len() == 1 => self
                    .function(function, argument)
                    .unwrap_or_else(|| json!({ function.as_str(): self.rewrite(argument) })),
                _ => Value::Object(map.iter().map(|(key, item)| (key.clone(), self.rewrite(item))).collect()),
            },
            other => other.clone(),
        }
    }

    /// A function that names a resource; `None`: it is none.
    fn function(&mut self, name: &str, argument: &Value) -> Option<Value> {
        match (name, argument) {
            ("Ref", Value::String(address)) => Some(self.reference(address, None)),
            ("Fn::GetAtt", Value::Array(parts)) => match parts.as_slice() {
                [Value::String(address), Value::String(attribute)] => Some(self.reference(address, Some(attribute))),
                _ => None,
            },
            ("Fn::Sub", Value::String(text)) => Some(json!({ "Fn::Sub": self.text(text, &Map::new()) })),
            ("Fn::Sub", Value::Array(parts)) => match parts.as_slice() {
                [Value::String(text), Value::Object(variables)] => {
                    let text = self.text(text, variables);
                    Some(json!({ "Fn::Sub": [text, self.rewrite(&Value::Object(variables.clone()))] }))
                }
                _ => None,
            },
            _ => None,
        }
    }

    fn reference(&mut self, address: &str, attribute: Option<&str>) -> Value {
        if address.starts_with("AWS::") {
            return json!({ "Ref": address });
        }
        match (self.ids.get(address), attribute) {
            (Some(id), None) => json!({ "Ref": id }),
            (Some(id), Some(attribute)) => json!({ "Fn::GetAtt": [id, attribute] }),
            (None, attribute) => json!({ "Ref": self.parameter(address, attribute) }),
        }
    }

    fn parameter(&mut self, address: &str, attribute: Option<&str>) -> String {
        let what = match attribute {
            Some(attribute) => format!("{attribute} of {address}"),
            None => format!("Id of {address}"),
        };
        let attribute: String = attribute.unwrap_or("Id").chars().filter(char::is_ascii_alphanumeric).collect();
        let name = Address::of(address).logical_id() + &attribute;
        self.parameters.insert(name.clone(), what);
        name
    }

    /// The text of a `Fn::Sub` with logical ids.
    fn text(&mut self, text: &str, variables: &Map<String, Value>) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            out.push_str(before);
            let Some((name, behind)) = after.split_once('}') else {
                out.push_str("${");
                rest = after;
                continue;
            };
            let kept = name.starts_with('!') || name.starts_with("AWS::") || variables.contains_key(name);
            let name = if kept { name.to_owned() } else { self.substitute(name) };
            out.push_str(&format!("${{{name}}}"));
            rest = behind;
        }
        out + rest
    }

    fn substitute(&mut self, name: &str) -> String {
        // As in the engine: an address is lower case throughout, an attribute begins with a capital.
        let capital = |(at, _): &(usize, &str)| name[at + 1..].starts_with(|c: char| c.is_ascii_uppercase());
        let (address, attribute) = match name.match_indices('.').find(capital) {
            Some((at, _)) => (&name[..at], Some(&name[at + 1..])),
            None => (name, None),
        };
        match (self.ids.get(address), attribute) {
            (Some(id), None) => id.clone(),
            (Some(id), Some(attribute)) => format!("{id}.{attribute}"),
            (None, attribute) => self.parameter(address, attribute),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(address: &str, type_name: &str, properties: Value) -> Node {
        Node {
            address: Address::of(address),
            type_name: type_name.to_owned(),
            region: "us-east-1".to_owned(),
            properties,
            depends_on: Vec::new(),
            owned: Vec::new(),
            protected: false,
            origin: None,
        }
    }

    #[test]
    fn addresses_become_logical_ids() {
        let subnet = node(
            "networking.subnet.private-a",
            "AWS::EC2::Subnet",
            json!({
                "VpcId": { "Ref": "networking.vpc" },
                "CidrBlock": { "Fn::GetAtt": ["networking.vpc", "CidrBlock"] },
                "Tags": [
                    { "Key": "a", "Value": { "Fn::Join": ["", ["x-", { "Ref": "networking.vpc" }, { "Ref": "AWS::Region" }]] } },
                    { "Key": "b", "Value": { "Fn::Sub": "${networking.vpc.CidrBlock} ${networking.vpc} ${AWS::Region} ${!keep} ${" } },
                    { "Key": "c", "Value": { "Ref": "other.thing" } },
                ],
            }),
        );
        let vpc = node("networking.vpc", "AWS::EC2::VPC", json!({}));
        let outputs = BTreeMap::new();
        let (body, parameters) = template("a/b", "us-east-1", &[&subnet, &vpc], &outputs, &Catalogue::default());
        assert_eq!(
            body["Resources"]["NetworkingSubnetPrivateA"]["Properties"],
            json!({
                "VpcId": { "Ref": "NetworkingVpc" },
                "CidrBlock": { "Fn::GetAtt": ["NetworkingVpc", "CidrBlock"] },
                "Tags": [
                    { "Key": "a", "Value": { "Fn::Join": ["", ["x-", { "Ref": "NetworkingVpc" }, { "Ref": "AWS::Region" }]] } },
                    { "Key": "b", "Value": { "Fn::Sub": "${NetworkingVpc.CidrBlock} ${NetworkingVpc} ${AWS::Region} ${!keep} ${" } },
                    { "Key": "c", "Value": { "Ref": "OtherThingId" } },
                ],
            })
        );
        assert_eq!(parameters, ["OtherThingId"]);
        assert_eq!(body["Parameters"]["OtherThingId"]["Description"], "Id of other.thing");
    }

    #[test]
    fn two_addresses_never_share_an_id() {
        let one = node("a.b-c", "AWS::EC2::VPC", json!({}));
        let two = node("a-b.c", "AWS::EC2::VPC", json!({}));
        let (body, _) = template("a/b", "us-east-1", &[&one, &two], &BTreeMap::new(), &Catalogue::default());
        let ids: Vec<&String> = body["Resources"].as_object().unwrap().keys().collect();
        assert_eq!(ids, ["ABC", "ABC2"]);
    }
}
