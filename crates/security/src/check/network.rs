//! Ports that are open to the world.

use engine::Node;
use serde_json::Value;

use super::Report;

/// Ports that nobody opens to the world on purpose: administration and stores.
const SENSITIVE: &[(i64, &str)] = &[
    (22, "SSH"),
    (3389, "RDP"),
    (2375, "Docker"),
    (1433, "SQL Server"),
    (3306, "MySQL"),
    (5432, "PostgreSQL"),
    (6379, "Redis"),
    (9200, "OpenSearch"),
    (11211, "Memcached"),
    (27017, "MongoDB"),
];

pub(super) fn check(node: &Node, report: &mut Report<'_>) {
    match node.type_name.as_str() {
        "AWS::EC2::SecurityGroup" => {
            for rule in node.properties["SecurityGroupIngress"].as_array().into_iter().flatten() {
                check_rule(rule, report);
            }
        }
        _ => check_rule(&node.properties, report),
    }
}

/// Numbers may be written as text in a template.
fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn check_rule(rule: &Value, report: &mut Report<'_>) {
    let world = rule["CidrIp"] == "0.0.0.0/0" || rule["CidrIpv6"] == "::/0";
    let protocol = rule["IpProtocol"].as_str().map(str::to_owned).unwrap_or_else(|| rule["IpProtocol"].to_string());
    let ports = match protocol.as_str() {
        "tcp" | "udp" | "6" | "17" => match (number(&rule["FromPort"]), number(&rule["ToPort"])) {
            (Some(from), Some(to)) if from >= 0 => (from, to),
            _ => (0, 65535),
        },
        "-1" => (0, 65535),
        _ => return,
    };
    let web = ports.0 == ports.1 && matches!(ports.0, 80 | 443);
    if !world || web {
        return;
    }
    let hint = "name the security group or the addresses that may connect";
    let range =
        if ports.0 == ports.1 { format!("port {}", ports.0) } else { format!("ports {} to {}", ports.0, ports.1) };
    match SENSITIVE.iter().find(|(port, _)| (ports.0..=ports.1).contains(port)) {
        Some((_, service)) => {
            report.error("open-to-the-world", format!("{range} ({service}) are open to the whole internet"), hint);
        }
        None => report.warning("open-to-the-world", format!("{range} open to the whole internet"), hint),
    }
}

pub(super) fn check_listener(node: &Node, report: &mut Report<'_>) {
    let redirects = |action: &Value| action["Type"] == "redirect";
    let actions = node.properties["DefaultActions"].as_array();
    if node.properties["Protocol"] == "HTTP" && !actions.into_iter().flatten().any(redirects) {
        report.warning(
            "plain-http",
            "the load balancer answers without encryption",
            "give the load balancer a certificate, and redirect HTTP to HTTPS",
        );
    }
}
