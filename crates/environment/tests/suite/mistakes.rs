//! Bad input: each with file, line, column, and what to write instead.

use crate::common::{shown, workspace};
use environment::load;

pub const BASE: &str = r#"region = "us-east-1"

[networking]
cidr = "10.0.0.0/16"
private = ["10.0.1.0/24", "10.0.2.0/24"]
public = ["10.0.101.0/24", "10.0.102.0/24"]
nat = "single"

[networking.load-balancer.main]
certificate = { domain = "demo.example.com" }

[compute.repository.api]

[compute.service.api]
image = { repository = "api" }
listen = { port = 3000, load-balancer = "main", health = "/health" }
secrets = { DATABASE_URL = "db-credentials:url", TOKEN = "token" }
uses = ["postgres.main"]

[compute.service.worker]
image = { repository = "api" }

[storage.postgres.main]
version = "15.19"
class = "db.t3.small"
credentials = "db-credentials"

[security.secret.db-credentials]
generate = { username = "postgres" }

[security.secret.token]

[events.topic.alerts]
email = ["alerts@example.com"]
"#;

pub const TOP: &str = r#"extends = "base.toml"

[compute.service.api]
cpu = 512
memory = 1024
tasks = { desired = 2, min = 2, max = 10, cpu = 70 }

[monitoring]
notify = "alerts"
"#;

fn found(base: &str, top: &str) -> String {
    let folder = workspace(&[("environments/demo/base.toml", base), ("environments/demo/test.toml", top)]);
    match load(folder.path(), Some("demo/test")) {
        Ok(loaded) => format!("loaded with {} resources\n{}", loaded.nodes.len(), shown(&loaded.findings)),
        Err(findings) => shown(&findings),
    }
}

/// The findings after an edit of either file.
fn after(from: &str, to: &str) -> String {
    assert_eq!(BASE.matches(from).count() + TOP.matches(from).count(), 1, "`{from}` is not there exactly once");
    found(&BASE.replace(from, to), &TOP.replace(from, to))
}

#[test]
fn without_a_mistake_it_loads() {
    let result = found(BASE, TOP);
    assert!(result.starts_with("loaded with "), "{result}");
    assert!(result.ends_with("resources\n"), "{result}");
}

#[test]
fn every_mistake_is_found_where_it_is() {
    let cases = [
        ("unknown key", "cpu = 512", "cpuu = 512"),
        ("unknown key of a section", "nat = \"single\"", "nta = \"single\""),
        ("unknown section", "[events.topic.alerts]", "[event.topic.alerts]"),
        ("wrong type", "cpu = 512", "cpu = \"512\""),
        ("wrong type in a list", "\"10.0.1.0/24\"", "10"),
        ("wrong type of a table", "image = { repository = \"api\" }\nlisten", "image = \"api\"\nlisten"),
        ("negative number", "memory = 1024", "memory = -1024"),
        ("wrong word", "nat = \"single\"", "nat = \"singel\""),
        ("missing key", "class = \"db.t3.small\"\n", ""),
        ("missing region", "region = \"us-east-1\"\n", ""),
        ("several at once", "memory = 1024", "memry = 1024\ncommand = true\nsecrets = { TOKEN = 1 }"),
        ("CIDR outside the VPC", "\"10.0.2.0/24\"", "\"10.1.2.0/24\""),
        ("no CIDR", "\"10.0.2.0/24\"", "\"10.0.2.0\""),
        ("subnets that overlap", "\"10.0.2.0/24\"", "\"10.0.1.128/25\""),
        ("subnets in one zone only", ", \"10.0.2.0/24\"", ""),
        ("no such Fargate size", "memory = 1024", "memory = 8192"),
        ("no such Fargate CPU", "cpu = 512", "cpu = 300"),
        ("no such RDS class", "class = \"db.t3.small\"", "class = \"db.t3.smal\""),
        ("no such PostgreSQL version", "version = \"15.19\"", "version = \"15.99\""),
        ("no such load balancer", "load-balancer = \"main\"", "load-balancer = \"mian\""),
        ("no such repository", "image = { repository = \"api\" }\nlisten", "image = { repository = \"apj\" }\nlisten"),
        ("no such secret", "TOKEN = \"token\"", "TOKEN = \"tokn\""),
        ("no such store", "uses = [\"postgres.main\"]", "uses = [\"postgres.mian\"]"),
        ("no such topic", "notify = \"alerts\"", "notify = \"alrts\""),
        ("no such credentials", "credentials = \"db-credentials\"", "credentials = \"db-credential\""),
        ("desired outside of the bounds", "desired = 2", "desired = 20"),
        ("no such port", "port = 3000", "port = 70000"),
        ("no path", "health = \"/health\"", "health = \"health\""),
        ("no region", "region = \"us-east-1\"", "region = \"virginia\""),
        ("another name", "[monitoring]", "[tags]\n\"aws:x\" = \"y\"\n[monitoring]"),
        ("retention of one service", "cpu = 512", "log-retention-days = 3"),
        ("syntax", "cpu = 512", "cpu = "),
        ("syntax in the file below", "nat = \"single\"", "nat = \"single"),
        ("a circle", "region = \"us-east-1\"", "region = \"us-east-1\"\nextends = \"test.toml\""),
    ];
    let lines: Vec<String> = cases
        .iter()
        .map(|(what, from, to)| {
            let result = after(from, to);
            assert!(!result.starts_with("loaded"), "{what}: {result}");
            format!("# {what}\n{result}\n")
        })
        .collect();
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn a_finding_is_as_promised_in_json() {
    let folder = workspace(&[
        ("environments/demo/base.toml", BASE),
        ("environments/demo/test.toml", &TOP.replace("cpu = 512", "cpuu = 512")),
    ]);
    let findings = load(folder.path(), Some("demo/test")).unwrap_err();
    insta::assert_snapshot!(serde_json::to_string_pretty(&findings).unwrap());
}
