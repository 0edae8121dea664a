//! Secrets that are written where anyone who reads the file, the plan or the console sees them.

use engine::{Node, intrinsic};
use serde_json::Value;

use super::Report;

const DYNAMIC: &str = "{{resolve:";

/// A property that holds a secret must refer to one; the message never has the value.
pub(super) fn check_reference(property: &str, properties: &Value, report: &mut Report<'_>) {
    let value = &properties[property];
    let refers = value.is_null() || intrinsic::readable(value).contains(DYNAMIC);
    if !refers {
        report.error(
            "secret-in-the-open",
            format!("{property} is written as it is, and would be in every plan and state"),
            "refer to a secret: `{{resolve:secretsmanager:NAME:SecretString:KEY}}`",
        );
    }
}

pub(super) fn check_secret(node: &Node, report: &mut Report<'_>) {
    check_reference("SecretString", &node.properties, report);
}

/// Words in the name of a variable that holds a secret; not of one that says where a secret is.
const SECRET: &[&str] = &["password", "passwd", "secret", "token", "apikey", "privatekey", "accesskey", "credentials"];
const WHERE: &[&str] = &["file", "path", "arn", "name", "url", "endpoint", "ttl", "id", "expiry", "length"];

pub(super) fn check_containers(node: &Node, report: &mut Report<'_>) {
    let containers = node.properties["ContainerDefinitions"].as_array();
    let variables = containers.into_iter().flatten().flat_map(|container| container["Environment"].as_array());
    for variable in variables.flatten() {
        let name = variable["Name"].as_str().unwrap_or_default();
        // A reference is a value that another resource has: an address, an ARN.
        let literal = variable["Value"].as_str().is_some_and(|value| !value.is_empty());
        let plain = name.to_ascii_lowercase().replace(['_', '-', '.'], "");
        let says_where = WHERE.iter().any(|word| plain.ends_with(word));
        if literal && !says_where && SECRET.iter().any(|word| plain.contains(word)) {
            report.warning(
                "secret-in-the-open",
                format!("the environment variable `{name}` seems to hold a secret, for anyone to see"),
                "put the value into a secret, and the variable under `secrets`",
            );
        }
    }
}
