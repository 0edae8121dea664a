//! The graph of declared resources: who needs what of whom, and in which order.

use std::collections::HashMap;

use crate::finding::Severity;
use crate::{Address, Catalogue, Finding, Node, intrinsic};

/// What an edge waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Needs {
    /// The id and the attributes known when the making call returned.
    Identity,
    /// That the resource can be relied on.
    Ready,
}

/// One need of a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The index of the resource needed.
    pub to: usize,
    /// What is needed of it.
    pub needs: Needs,
    /// The property that refers to it; `None` for `depends_on`.
    pub property: Option<String>,
}

/// Declared resources with their edges, in an order in which each comes after what it needs.
#[derive(Debug)]
pub struct Graph {
    /// The resources.
    pub nodes: Vec<Node>,
    /// By node: what it needs. At most one edge per target and property.
    pub edges: Vec<Vec<Edge>>,
    /// Indices of nodes, needed ones first.
    pub order: Vec<usize>,
    index: HashMap<Address, usize>,
}

impl Graph {
    /// Builds the graph. References to what is not declared, and cycles, are findings.
    pub fn build(nodes: Vec<Node>, catalogue: &Catalogue) -> Result<Self, Vec<Finding>> {
        let index: HashMap<Address, usize> =
            nodes.iter().enumerate().map(|(i, node)| (node.address.clone(), i)).collect();
        let mut findings = Vec::new();
        let edges: Vec<Vec<Edge>> =
            nodes.iter().map(|node| edges(node, &nodes, &index, catalogue, &mut findings)).collect();
        if !findings.is_empty() {
            return Err(findings);
        }
        match order(&edges) {
            Ok(order) => Ok(Self { nodes, edges, order, index }),
            Err(cycle) => Err(vec![cycle_finding(&nodes, &edges, &cycle)]),
        }
    }

    /// The index of an address.
    pub fn find(&self, address: &str) -> Option<usize> {
        self.index.get(address).copied()
    }

    /// The addresses a node needs, each once, in order.
    pub fn dependencies(&self, node: usize) -> Vec<Address> {
        let mut targets: Vec<usize> = self.edges[node].iter().map(|edge| edge.to).collect();
        targets.sort_unstable();
        targets.dedup();
        targets.into_iter().map(|target| self.nodes[target].address.clone()).collect()
    }
}

fn edges(
    node: &Node,
    nodes: &[Node],
    index: &HashMap<Address, usize>,
    catalogue: &Catalogue,
    findings: &mut Vec<Finding>,
) -> Vec<Edge> {
    let needs_ready = catalogue.get(&node.type_name).map(|handler| handler.facts().needs_ready).unwrap_or_default();
    let mut out: Vec<Edge> = Vec::new();
    let mut add = |edge: Edge| {
        if !out.contains(&edge) {
            out.push(edge);
        }
    };
    for (property, reference) in intrinsic::references(&node.properties) {
        let Some(&to) = index.get(&reference.address) else {
            findings.push(missing(node, &reference.address, index, &property));
            continue;
        };
        let late = || {
            let facts = catalogue.get(&nodes[to].type_name).map(|handler| handler.facts().late).unwrap_or_default();
            reference.attribute.as_deref().is_some_and(|attribute| facts.contains(&attribute))
        };
        let ready = needs_ready.contains(&property.as_str()) || late();
        add(Edge { to, needs: if ready { Needs::Ready } else { Needs::Identity }, property: Some(property) });
    }
    for address in &node.depends_on {
        match index.get(address) {
            Some(&to) => add(Edge { to, needs: Needs::Ready, property: None }),
            None => findings.push(missing(node, address, index, "DependsOn")),
        }
    }
    out
}

fn missing(node: &Node, address: &Address, index: &HashMap<Address, usize>, property: &str) -> Finding {
    let known = index.keys().map(Address::as_str);
    Finding {
        severity: Severity::Error,
        rule: "unknown-reference".to_owned(),
        address: Some(node.address.clone()),
        key: node.origin.clone(),
        message: format!("{property} refers to `{address}`, which is not declared"),
        hint: schema::closest(address.as_str(), known).map(|name| format!("did you mean `{name}`?")),
    }
}

/// Kahn's algorithm; where it gets stuck, a cycle is among what is left.
fn order(edges: &[Vec<Edge>]) -> Result<Vec<usize>, Vec<usize>> {
    let mut waits: Vec<usize> = vec![0; edges.len()];
    let mut dependents: Vec<Vec<usize>> = vec![Vec::new(); edges.len()];
    for (node, edges) in edges.iter().enumerate() {
        for edge in edges {
            waits[node] += 1;
            dependents[edge.to].push(node);
        }
    }
    let mut order: Vec<usize> = (0..edges.len()).filter(|&node| waits[node] == 0).collect();
    let mut next = 0;
    while let Some(&node) = order.get(next) {
        next += 1;
        for &dependent in &dependents[node] {
            waits[dependent] -= 1;
            if waits[dependent] == 0 {
                order.push(dependent);
            }
        }
    }
    if order.len() == edges.len() { Ok(order) } else { Err(cycle(edges, &waits)) }
}

fn cycle(edges: &[Vec<Edge>], waits: &[usize]) -> Vec<usize> {
    // Every stuck node has a stuck need: following them must come back to a node seen before.
    let mut path = Vec::new();
    let mut at = waits.iter().position(|&count| count > 0).unwrap_or_default();
    loop {
        if let Some(start) = path.iter().position(|&seen| seen == at) {
            return path.split_off(start);
        }
        path.push(at);
        at = edges[at].iter().map(|edge| edge.to).find(|&to| waits[to] > 0).unwrap_or(at);
    }
}

fn cycle_finding(nodes: &[Node], edges: &[Vec<Edge>], cycle: &[usize]) -> Finding {
    let steps: Vec<String> = cycle
        .iter()
        .enumerate()
        .map(|(i, &node)| {
            let next = cycle[(i + 1) % cycle.len()];
            let property = edges[node].iter().find(|edge| edge.to == next).and_then(|edge| edge.property.as_deref());
            format!("{} ({} → {})", nodes[node].address, property.unwrap_or("DependsOn"), nodes[next].address)
        })
        .collect();
    Finding {
        severity: Severity::Error,
        rule: "cycle".to_owned(),
        address: Some(nodes[cycle[0]].address.clone()),
        key: nodes[cycle[0]].origin.clone(),
        message: format!("these resources need each other, so none can be first: {}", steps.join(", ")),
        hint: Some("make one of the references a resource of its own, as a security group rule is".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn node(address: &str, properties: serde_json::Value) -> Node {
        Node {
            address: Address::of(address),
            type_name: "Test::T".into(),
            region: "r".into(),
            properties,
            depends_on: vec![],
            owned: vec![],
            protected: false,
            origin: Some("key".into()),
        }
    }

    #[test]
    fn needed_ones_come_first() {
        let nodes =
            vec![node("b", json!({ "P": { "Ref": "a" }, "Q": { "Fn::GetAtt": ["a", "Arn"] } })), node("a", json!({}))];
        let graph = Graph::build(nodes, &Catalogue::default()).unwrap();
        assert_eq!(graph.order, [1, 0]);
        assert_eq!(graph.edges[0].len(), 2);
        assert_eq!(graph.dependencies(0), [Address::of("a")]);
    }

    #[test]
    fn a_cycle_is_named_in_full() {
        let nodes = vec![
            node("a", json!({ "P": { "Ref": "b" } })),
            node("b", json!({ "Q": { "Ref": "c" } })),
            node("c", json!({ "R": { "Ref": "b" } })),
        ];
        let findings = Graph::build(nodes, &Catalogue::default()).unwrap_err();
        assert_eq!(findings[0].rule, "cycle");
        assert!(findings[0].message.ends_with("b (Q → c), c (R → b)"), "{}", findings[0].message);
    }

    #[test]
    fn an_unknown_reference_says_what_is_near() {
        let nodes =
            vec![node("compute.service.api", json!({})), node("x", json!({ "P": { "Ref": "compute.service.apj" } }))];
        let findings = Graph::build(nodes, &Catalogue::default()).unwrap_err();
        assert_eq!(findings[0].hint.as_deref(), Some("did you mean `compute.service.api`?"));
        assert_eq!(findings[0].key.as_deref(), Some("key"));
    }
}
