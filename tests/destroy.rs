//! Destroying: from the state alone, with consent, past what others left in the way, and losing nothing unasked.

#![allow(missing_docs)]

mod support;

use std::process::{Command, Output};

use serde_json::{Value, json};
use support::{Workspace, repository, text};

fn inventory(workspace: &Workspace, environment: &str) -> Value {
    workspace.boto3("inventory.py", &[environment, &environment.replace("freeside/", "arrakis-")])["by_address"].clone()
}

/// The addresses that a JSON run says to have finished, in their order.
fn finished(out: &str) -> Vec<String> {
    let events = out.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    events.filter(|e| e["event"] == "finished").map(|e| e["address"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_others_left_in_the_way_is_cleared_or_named() {
    const ENVIRONMENT: &str = "freeside/staging";
    let workspace = Workspace::new(ENVIRONMENT);
    workspace.ok(&["deploy-full", "--yes"]);
    let foreign = workspace.boto3("foreign.py", &["make", "arrakis-staging"]);
    let id = |name: &str| foreign[name].as_str().unwrap();
    // The files are gone: the state is enough.
    std::fs::remove_dir_all(workspace.root().join("environments/freeside")).unwrap();

    // Somebody's own interface is named and left alone; what is free of it goes.
    let output = workspace.run(&["destroy", "--yes", "--on-failure", "continue"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    for words in [
        &format!("network interface {} \"made by hand\"", id("own")),
        &format!("aws ec2 delete-network-interface --network-interface-id {}", id("own")),
        "owner 123456789012",
        "left: delete networking.vpc",
    ] {
        assert!(said.contains(words), "{words} in {said}");
    }
    assert_eq!(
        workspace.boto3("foreign.py", &["interfaces"]),
        json!([id("own")]),
        "Lambda's is gone, the other is not"
    );
    let left = inventory(&workspace, ENVIRONMENT);
    assert!(left["networking.vpc"] == 1 && left["storage.postgres.main"].is_null(), "{left}");

    // A subnet that is not ours keeps the VPC.
    workspace.boto3("foreign.py", &["interface", id("own")]);
    let output = workspace.run(&["destroy", "--yes"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    let subnet = format!("subnet {} (10.0.200.0/24), which is not of this environment", id("subnet"));
    assert!(said.contains(&subnet) && said.contains("aws ec2 delete-subnet"), "{said}");

    workspace.boto3("foreign.py", &["subnet", id("subnet")]);
    let output = workspace.run(&["destroy", "--yes"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("Nothing of freeside/staging is left"), "{said}");
    assert_eq!(inventory(&workspace, ENVIRONMENT), json!({}));

    // Twice is once.
    let output = workspace.run(&["destroy", "--yes"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("Nothing of freeside/staging is there"), "{said}");
}

#[test]
fn everything_goes_in_order_of_dependency() {
    let workspace = Workspace::new("freeside/staging");
    workspace.ok(&["deploy-full", "--yes"]);
    std::fs::remove_dir_all(workspace.root().join("environments/freeside")).unwrap();
    let out = workspace.ok(&["destroy", "--yes", "--json"]);
    let order = finished(&out);
    let at =
        |address: &str| order.iter().position(|done| done == address).unwrap_or_else(|| panic!("{address}: {order:?}"));
    for (first, then) in [
        ("compute.service.api", "compute.cluster"),
        ("compute.service.api", "networking.load-balancer.main"),
        ("storage.postgres.main", "storage.postgres.main.subnet-group"),
        ("storage.postgres.main.subnet-group", "networking.subnet.private-a"),
        ("networking.subnet.private-a", "networking.vpc"),
        ("networking.internet-gateway", "networking.vpc"),
        ("networking.load-balancer.main", "networking.subnet.public-a"),
    ] {
        if order.iter().any(|done| done == first) && order.iter().any(|done| done == then) {
            assert!(at(first) < at(then), "{first} after {then}: {order:?}");
        }
    }
    assert_eq!(order.last().map(String::as_str), Some("networking.vpc"), "{order:?}");
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let event = |name: &str| lines.iter().find(|line| line["event"] == name).unwrap_or(&Value::Null);
    let losses = event("losses");
    assert_eq!((&losses["production"], &losses["protected"]), (&json!(false), &json!([])));
    let fate = |address: &str| -> Value {
        let all = losses["losses"].as_array().unwrap();
        all.iter().find(|loss| loss["address"] == address).unwrap_or_else(|| panic!("{losses}"))["kept"].clone()
    };
    assert_eq!(fate("storage.postgres.main"), Value::Null);
    assert_eq!(fate("security.secret.db-credentials"), "its value, for 7 days");
    let kept = event("kept")["kept"].as_array().unwrap().clone();
    assert!(kept.iter().all(|kept| kept["until"].is_string()), "only secrets are kept: {kept:?}");
    assert_eq!(kept.len(), 4, "{kept:?}");
}

/// Runs a command on a terminal, with an answer to its question.
fn answered(workspace: &Workspace, question: &str, answer: &str, args: &[&str]) -> Output {
    let inner = workspace.command(args);
    let mut command = Command::new("python3");
    command.arg(repository().join("tests/support/answer.py")).args([question, answer]).arg(inner.get_program());
    command.args(inner.get_args()).current_dir(workspace.root());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.output().unwrap()
}

#[test]
fn protection_is_lifted_by_a_person_only_and_data_are_kept_as_configured() {
    const ENVIRONMENT: &str = "freeside/production";
    const QUESTION: &str = "type freeside/production:";
    let workspace = Workspace::new(ENVIRONMENT);
    workspace.edit(
        "freeside/base.toml",
        &[("node = \"cache.t3.micro\"", "node = \"cache.t3.micro\"\nfinal-snapshot = \"last-cache\"")],
    );
    workspace.ok(&["deploy-full", "--yes"]);
    let whole = inventory(&workspace, ENVIRONMENT);

    // Nobody there, `--yes` or not; somebody who says yes, or another name.
    for args in [&["destroy"][..], &["destroy", "--yes"], &["destroy", "--yes", "--json"]] {
        let output = workspace.run(args);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("--lift-protection") || text(&output.stdout).contains("--lift-protection"), "{said}");
    }
    for answer in ["yes", "y", "production", ""] {
        let output = answered(&workspace, QUESTION, answer, &["destroy", "--yes"]);
        let screen = text(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{answer}: {screen}");
        assert!(screen.contains("nothing was done"), "{screen}");
        // What will be lost is on the screen before the question.
        let (before, _) = screen.split_once(QUESTION).unwrap();
        for words in [
            "freeside/production is a production environment. This deletes data:",
            "kept: a final snapshot",
            "kept: the final snapshot last-cache",
            "kept: its value, for 7 days",
            "AWS::Logs::LogGroup",
            "lost for good",
            "Protected: storage.postgres.main",
        ] {
            assert!(before.contains(words), "{words} in {before}");
        }
    }
    assert_eq!(inventory(&workspace, ENVIRONMENT), whole, "something was done without consent");

    // A replacement goes the same way.
    workspace
        .edit("freeside/base.toml", &[("username = \"arrakis\"\ncredentials", "username = \"muaddib\"\ncredentials")]);
    let refused = workspace.run(&["deploy-full", "--yes"]);
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused.stderr));
    let replaced = workspace.run(&["deploy-full", "--yes", "--lift-protection"]);
    let said = text(&replaced.stderr);
    assert_eq!(replaced.status.code(), Some(0), "{said}");
    let kept = workspace.boto3("kept.py", &[]);
    let snapshots: Vec<String> = serde_json::from_value(kept["database_snapshots"].clone()).unwrap();
    assert_eq!(snapshots.len(), 1, "{kept}");
    assert!(snapshots[0].starts_with("arrakis-production-postgres-final-"), "{kept}");
    assert!(said.contains(&format!("final snapshot {}", snapshots[0])), "{said}");
    assert_eq!(kept["databases"], json!(["arrakis-production-postgres"]));

    // Deletions whose answers are lost are not made twice.
    let lost = |service: &str, operation: &str| json!({ "service": service, "operation": operation, "rate": 1.0, "times": 1, "fault": "reset-after" });
    let faults = workspace.root().join("faults.json");
    let rules = [lost("rds", "DeleteDBInstance"), lost("elasticache", "DeleteReplicationGroup")];
    std::fs::write(&faults, json!({ "rules": rules }).to_string()).unwrap();
    workspace.ok(&["local-cloud", "faults", "--set", faults.to_str().unwrap()]);

    // The name typed is consent; what was kept is told, with how to delete it.
    let output = answered(&workspace, QUESTION, ENVIRONMENT, &["destroy", "--yes"]);
    let screen = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{screen}");
    assert_eq!(inventory(&workspace, ENVIRONMENT), json!({}));
    let kept = workspace.boto3("kept.py", &[]);
    let all: Vec<String> = serde_json::from_value(kept["database_snapshots"].clone()).unwrap();
    let last: Vec<&String> = all.iter().filter(|name| !snapshots.contains(name)).collect();
    assert_eq!((all.len(), last.len()), (2, 1), "{kept}");
    assert_eq!(kept["cache_snapshots"], json!(["last-cache"]));
    assert_eq!(kept["waiting_secrets"].as_array().unwrap().len(), 4, "{kept}");
    for words in [
        &format!("final snapshot {}", last[0]),
        &format!("aws rds delete-db-snapshot --region us-east-1 --db-snapshot-identifier {}", last[0]),
        "aws elasticache delete-snapshot --region us-east-1 --snapshot-name last-cache",
        "deploying again restores it, until 20",
        "Nothing of freeside/production is left",
    ] {
        assert!(screen.contains(words), "{words} in {screen}");
    }
    assert!(!screen.contains(&format!("final snapshot {}", snapshots[0])), "an earlier database's snapshot: {screen}");
}
