//! `graph`: the resources and what needs what.

use engine::Graph;

use crate::app::App;
use crate::cli::{GraphArgs, GraphFormat};
use crate::display::{data, json as print_json};
use crate::error::Result;

/// Prints the graph.
pub fn run(app: &App, args: &GraphArgs) -> Result<()> {
    let loaded = app.load()?;
    let graph = app.graph(&loaded, &environment::catalogue())?;
    if app.global.json {
        let nodes: Vec<_> = (0..graph.nodes.len())
            .map(|index| {
                let node = &graph.nodes[index];
                serde_json::json!({ "address": node.address, "type": node.type_name, "region": node.region, "needs": graph.dependencies(index) })
            })
            .collect();
        print_json(&nodes);
        return Ok(());
    }
    data(match args.format {
        GraphFormat::Mermaid => mermaid(&graph),
        GraphFormat::Dot => dot(&graph),
        GraphFormat::Svg => svg(&graph),
    });
    Ok(())
}

/// `(from, to)` for each pair of which one needs the other.
fn pairs(graph: &Graph) -> Vec<(usize, usize)> {
    let mut pairs: Vec<(usize, usize)> = graph
        .edges
        .iter()
        .enumerate()
        .flat_map(|(from, edges)| edges.iter().map(move |edge| (from, edge.to)))
        .collect();
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

fn mermaid(graph: &Graph) -> String {
    let mut lines = vec!["graph LR".to_owned()];
    for (index, node) in graph.nodes.iter().enumerate() {
        lines.push(format!("  n{index}[\"{}\"]", node.address));
    }
    lines.extend(pairs(graph).into_iter().map(|(from, to)| format!("  n{from} --> n{to}")));
    lines.join("\n")
}

fn dot(graph: &Graph) -> String {
    let mut lines =
        vec!["digraph environment {".to_owned(), "  rankdir=LR; node [shape=box, fontname=\"sans-serif\"];".to_owned()];
    for node in &graph.nodes {
        lines.push(format!("  \"{}\" [tooltip=\"{}\"];", node.address, node.type_name));
    }
    for (from, to) in pairs(graph) {
        lines.push(format!("  \"{}\" -> \"{}\";", graph.nodes[from].address, graph.nodes[to].address));
    }
    lines.push("}".to_owned());
    lines.join("\n")
}

const ROW: usize = 26;
const CHARACTER: usize = 7;
const GAP: usize = 60;

/// Layers from left to right: each resource to the right of all that it needs.
fn svg(graph: &Graph) -> String {
    let mut layer = vec![0usize; graph.nodes.len()];
    for &node in &graph.order {
        layer[node] = graph.edges[node].iter().map(|edge| layer[edge.to] + 1).max().unwrap_or(0);
    }
    let layers = layer.iter().max().map_or(0, |last| last + 1);
    let members: Vec<Vec<usize>> = (0..layers)
        .map(|wanted| {
            let mut members: Vec<usize> = (0..layer.len()).filter(|&node| layer[node] == wanted).collect();
            members.sort_by(|&a, &b| graph.nodes[a].address.cmp(&graph.nodes[b].address));
            members
        })
        .collect();
    let width = |node: usize| graph.nodes[node].address.as_str().len() * CHARACTER + 16;
    let mut place = vec![(0, 0); graph.nodes.len()];
    let mut x = 10;
    for members in &members {
        for (row, &node) in members.iter().enumerate() {
            place[node] = (x, 10 + row * ROW);
        }
        x += members.iter().map(|&node| width(node)).max().unwrap_or(0) + GAP;
    }
    let height = 20 + members.iter().map(Vec::len).max().unwrap_or(0) * ROW;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{x}\" height=\"{height}\" font-family=\"monospace\" font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    for (from, to) in pairs(graph) {
        let (x1, y1) = (place[to].0 + width(to), place[to].1 + 10);
        let (x2, y2) = (place[from].0, place[from].1 + 10);
        let middle = x2.saturating_sub(GAP / 2);
        out.push_str(&format!(
            "<path d=\"M{x1} {y1} C{middle} {y1} {middle} {y2} {x2} {y2}\" fill=\"none\" stroke=\"#9aa7b5\" stroke-width=\"0.8\"/>\n"
        ));
    }
    for (index, node) in graph.nodes.iter().enumerate() {
        let (x, y) = place[index];
        out.push_str(&format!(
            "<g><title>{}</title><rect x=\"{x}\" y=\"{y}\" width=\"{}\" height=\"20\" rx=\"3\" fill=\"{}\" stroke=\"#5b6b7b\"/><text x=\"{}\" y=\"{}\">{}</text></g>\n",
            node.type_name,
            width(index),
            colour(node.address.module()),
            x + 8,
            y + 14,
            node.address
        ));
    }
    out + "</svg>"
}

fn colour(module: &str) -> &'static str {
    match module {
        "networking" => "#dbeafe",
        "compute" => "#ffedd5",
        "storage" => "#dcfce7",
        "security" => "#fee2e2",
        "events" => "#fae8ff",
        "monitoring" => "#fef9c3",
        _ => "#f3f4f6",
    }
}
