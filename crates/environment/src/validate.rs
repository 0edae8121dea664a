//! What is wrong with the declared resources: their schemas, their structs, their references, the policy.

use engine::finding::Severity;
use engine::{Catalogue, Finding, Graph, Node, intrinsic};

/// Everything wrong with the nodes, before anything is called.
pub(crate) fn check(nodes: &[Node], catalogue: &Catalogue) -> Vec<Finding> {
    let mut findings: Vec<Finding> = nodes.iter().flat_map(|node| of_node(node, catalogue)).collect();
    findings.extend(attributes(nodes, catalogue));
    if let Err(found) = Graph::build(nodes.to_vec(), catalogue) {
        findings.extend(found);
    }
    findings.extend(security::check(nodes));
    findings
}

fn error(node: &Node, rule: impl Into<String>, message: String, hint: Option<String>) -> Finding {
    Finding {
        severity: Severity::Error,
        rule: rule.into(),
        address: Some(node.address.clone()),
        key: node.origin.clone(),
        message,
        hint,
    }
}

/// What AWS's schema says, and whether the type's struct takes all of it.
fn of_node(node: &Node, catalogue: &Catalogue) -> Vec<Finding> {
    let type_name = &node.type_name;
    let Some(facts) = schema::facts(type_name) else {
        let hint = schema::closest_type(type_name).map(|name| format!("did you mean `{name}`?"));
        return vec![error(node, "unknown-type", format!("there is no schema of {type_name}"), hint)];
    };
    let mut findings: Vec<Finding> = facts
        .validate(&node.properties)
        .into_iter()
        .map(|violation| {
            let place = match schema::show_path(&violation.path) {
                path if path.is_empty() => type_name.clone(),
                path => format!("{type_name} {path}"),
            };
            error(
                node,
                format!("schema-{}", kebab(violation.rule)),
                format!("{place}: {}", violation.message),
                violation.hint,
            )
        })
        .collect();
    match catalogue.get(type_name) {
        None => {
            let message = format!("{type_name} cannot be deployed yet");
            findings.push(error(node, "unknown-type", message, None));
        }
        // What the schema refuses, the struct would refuse once more.
        Some(handler) if findings.is_empty() => {
            if let Err(message) = handler.check(&node.properties) {
                findings.push(error(node, "unknown-property", format!("{type_name}: {message}"), None));
            }
        }
        Some(_) => {}
    }
    findings
}

/// References to attributes that the type does not have.
fn attributes(nodes: &[Node], catalogue: &Catalogue) -> Vec<Finding> {
    let mut findings = Vec::new();
    for node in nodes {
        for (property, reference) in intrinsic::references(&node.properties) {
            let Some(attribute) = &reference.attribute else { continue };
            let Some(target) = nodes.iter().find(|node| node.address == reference.address) else { continue };
            let Some(facts) = schema::facts(&target.type_name) else { continue };
            let late = catalogue.get(&target.type_name).map(|handler| handler.facts().late).unwrap_or_default();
            if facts.has_attribute(attribute) || late.contains(&attribute.as_str()) {
                continue;
            }
            let names: Vec<String> = facts.read_only().iter().map(schema::PropertyPath::attribute).collect();
            let hint = match schema::closest(attribute, names.iter().map(String::as_str)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("its attributes are {}", names.join(", ")),
            };
            let message = format!(
                "{property} reads the attribute `{attribute}` of `{}`, which {} does not have",
                reference.address, target.type_name
            );
            findings.push(error(node, "unknown-attribute", message, Some(hint)));
        }
    }
    findings
}

fn kebab(camel: &str) -> String {
    let mut out = String::new();
    for c in camel.chars() {
        if c.is_ascii_uppercase() {
            out.push('-');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::Address;
    use serde_json::json;

    fn node(address: &str, type_name: &str, properties: serde_json::Value) -> Node {
        Node {
            address: Address::of(address),
            type_name: type_name.to_owned(),
            region: "us-east-1".to_owned(),
            properties,
            depends_on: Vec::new(),
            owned: Vec::new(),
            protected: false,
            origin: Some("networking".to_owned()),
        }
    }

    #[test]
    fn every_kind_of_mistake_is_found() {
        let vpc = || node("networking.vpc", "AWS::EC2::VPC", json!({ "CidrBlock": "10.0.0.0/16" }));
        let cases = [
            (node("a", "AWS::EC2::VPCC", json!({})), "unknown-type", Some("did you mean `AWS::EC2::VPC`?")),
            (node("a", "AWS::EC2::Subnet", json!({ "CidrBlock": "10.0.1.0/24" })), "schema-required", None),
            (
                node("a", "AWS::EC2::Subnet", json!({ "VpcId": { "Fn::GetAtt": ["networking.vpc", "VpcIdd"] } })),
                "unknown-attribute",
                Some("did you mean `VpcId`?"),
            ),
            (
                node("a", "AWS::EC2::Subnet", json!({ "VpcId": { "Ref": "networking.vcp" } })),
                "unknown-reference",
                Some("did you mean `networking.vpc`?"),
            ),
        ];
        for (wrong, rule, hint) in cases {
            let findings = check(&[vpc(), wrong], &crate::catalogue());
            let found =
                findings.iter().find(|finding| finding.rule == rule).unwrap_or_else(|| panic!("{rule}: {findings:?}"));
            assert_eq!(found.hint.as_deref(), hint, "{rule}");
            assert_eq!(found.key.as_deref(), Some("networking"));
        }
        assert_eq!(check(&[vpc()], &crate::catalogue()), []);
    }
}
