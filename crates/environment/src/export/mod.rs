//! The declared graph as CloudFormation templates, one per region.
//!
//! A type that only Groundplan has is left out, and the export says so. What refers to something that is not in the
//! same template (left out, or in another region) gets a parameter instead.

mod template;

use std::collections::BTreeMap;

use engine::{Address, Catalogue, Node};
use serde::Serialize;
use serde_json::Value;

/// All templates of an environment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Export {
    /// One per region, in order of name.
    pub templates: Vec<Template>,
    /// The resources that are in none.
    pub left_out: Vec<LeftOut>,
}

/// The template of a region.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Template {
    /// The region.
    pub region: String,
    /// A name for its file: `us-east-1.json`.
    pub file: String,
    /// The template.
    pub body: Value,
    /// What a person who deploys it should know.
    pub notes: Vec<String>,
}

impl Template {
    /// The template's text.
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(&self.body).unwrap_or_default() + "\n"
    }
}

/// A resource that CloudFormation cannot make.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LeftOut {
    /// The resource.
    pub address: Address,
    /// Its type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Its region.
    pub region: String,
    /// What waits for it or refers to it.
    pub referred_by: Vec<Address>,
    /// Why, and what to do instead.
    pub note: String,
}

/// What begins the name of a type that CloudFormation does not have.
const OURS: &str = "Groundplan::";

/// CloudFormation's limit of one template: AWS CloudFormation User Guide, "Understand CloudFormation quotas".
const MOST_RESOURCES: usize = 500;

/// Exports an environment's resources and outputs.
pub fn export(name: &str, nodes: &[Node], outputs: &BTreeMap<String, Value>, catalogue: &Catalogue) -> Export {
    let (left, kept): (Vec<&Node>, Vec<&Node>) = nodes.iter().partition(|node| node.type_name.starts_with(OURS));
    let mut by_region: BTreeMap<&str, Vec<&Node>> = BTreeMap::new();
    for node in kept {
        by_region.entry(&node.region).or_default().push(node);
    }
    // An output that refers to nothing belongs to the first template.
    let first = by_region.keys().next().copied();
    let region_of = |value: &Value| {
        let references = engine::intrinsic::references(&serde_json::json!({ "Value": value }));
        let target =
            references.first().and_then(|(_, reference)| nodes.iter().find(|node| node.address == reference.address));
        target.map(|node| node.region.as_str()).or(first)
    };
    let templates = by_region
        .iter()
        .map(|(region, nodes)| {
            let outputs: BTreeMap<&str, &Value> = outputs
                .iter()
                .filter(|(_, value)| region_of(value) == Some(*region))
                .map(|(name, value)| (name.as_str(), value))
                .collect();
            let (body, parameters) = template::template(name, region, nodes, &outputs, catalogue);
            let mut notes = Vec::new();
            if nodes.len() > MOST_RESOURCES {
                notes.push(format!("{} resources: CloudFormation takes {MOST_RESOURCES} in one stack", nodes.len()));
            }
            if !parameters.is_empty() {
                notes.push(format!(
                    "give the parameters {}: they stand for what is not in this template",
                    parameters.join(", ")
                ));
            }
            Template { region: (*region).to_owned(), file: format!("{region}.json"), body, notes }
        })
        .collect();
    Export { templates, left_out: left.into_iter().map(|node| left_out(node, nodes)).collect() }
}

fn left_out(node: &Node, nodes: &[Node]) -> LeftOut {
    let refers = |other: &&Node| {
        other.depends_on.contains(&node.address)
            || engine::intrinsic::references(&other.properties)
                .iter()
                .any(|(_, reference)| reference.address == node.address)
    };
    LeftOut {
        address: node.address.clone(),
        type_name: node.type_name.clone(),
        region: node.region.clone(),
        referred_by: nodes.iter().filter(refers).map(|other| other.address.clone()).collect(),
        note: format!("CloudFormation has no {}: do by hand what it does, after the rest is deployed", node.type_name),
    }
}
