//! Freeside, whole: deployed, read back by boto3, changed, replaced on paper, destroyed.

#![allow(missing_docs)]

mod support;

use serde_json::{Value, json};
use support::Workspace;

fn deployed(environment: &str) -> Workspace {
    let workspace = Workspace::new(environment);
    workspace.ok(&["deploy-full", "--yes"]);
    workspace
}

/// Every file Groundplan wrote, as text.
fn written(workspace: &Workspace) -> String {
    let mut all = String::new();
    let mut open = vec![workspace.home()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).unwrap().flatten() {
            if entry.path().is_dir() {
                open.push(entry.path());
            } else {
                all.push_str(&support::text(&std::fs::read(entry.path()).unwrap_or_default()));
            }
        }
    }
    all
}

#[test]
fn production_is_what_the_document_says() {
    let workspace = deployed("freeside/production");
    let is = workspace.boto3("freeside.py", &["arrakis-production"]);

    assert_eq!(is["vpc"], "10.0.0.0/16");
    assert_eq!(is["subnets"], json!(["10.0.1.0/24", "10.0.101.0/24", "10.0.102.0/24", "10.0.2.0/24"]));
    assert_eq!(is["nat_gateways"], 1);
    assert_eq!(is["endpoints"], json!(["ecr.api", "ecr.dkr", "logs", "s3"]));
    assert_eq!(is["flow_logs"], json!(["ALL"]));
    assert_eq!(is["open_to_the_world"], json!([80, 443]));
    assert_eq!(is["tags"]["groundplan:environment"], "freeside/production");
    assert_eq!(is["tags"]["groundplan:address"], "networking.vpc");

    assert_eq!(is["load_balancer_zones"], 2);
    assert_eq!(is["listeners"], json!([[80, "HTTP", "redirect"], [443, "HTTPS", "forward"]]));
    assert_eq!(is["targets"], json!(["healthy", "healthy"]));

    assert_eq!(is["capacity_providers"], json!(["FARGATE", "FARGATE_SPOT"]));
    assert_eq!(is["container_insights"], json!({ "containerInsights": "enabled" }));
    let api = &is["services"]["api"];
    assert_eq!(
        (&api["cpu"], &api["memory"], &api["desired"], &api["running"]),
        (&json!("512"), &json!("1024"), &json!(2), &json!(2))
    );
    assert_eq!(api["circuit_breaker"]["enable"], true);
    assert_eq!(api["circuit_breaker"]["rollback"], true);
    assert_eq!(api["secrets"], json!(["APP_CONFIG", "DATABASE_URL", "REDIS_URL", "VAULT_TOKEN"]));
    let worker = &is["services"]["worker"];
    assert_eq!((&worker["cpu"], &worker["memory"], &worker["desired"]), (&json!("256"), &json!("512"), &json!(1)));
    assert_eq!(is["scaling"]["service/arrakis-production-cluster/arrakis-production-api"], json!([2, 10]));
    assert_eq!(is["repository"], json!({ "name": "arrakis-api", "scan_on_push": true, "keep": 10 }));

    let database = &is["database"];
    assert_eq!(database["DBInstanceClass"], "db.t3.small");
    assert_eq!(database["EngineVersion"], "15.10");
    assert_eq!(database["AllocatedStorage"], 20);
    assert_eq!(database["BackupRetentionPeriod"], 7);
    assert_eq!(database["DeletionProtection"], true);
    assert_eq!(database["PubliclyAccessible"], false);
    assert_eq!(database["StorageEncrypted"], true);
    assert_eq!(is["parameters"]["rds.force_ssl"], "1");
    assert_eq!(is["redis"]["node"], "cache.t3.micro");

    let names =
        ["app-config", "db-credentials", "redis-credentials", "vault-token"].map(|n| format!("arrakis-production/{n}"));
    assert_eq!(is["secrets"], json!(names));
    assert_eq!(is["db_url_scheme"], "postgres");
    assert_eq!(is["log_groups"]["/ecs/arrakis-production/api"], 30);
    assert_eq!(is["topics"], json!(["arrakis-production-alerts"]));
    assert_eq!(is["dashboards"], json!(["arrakis-production"]));
    let threshold = |name: &str| is["alarms"][format!("arrakis-production-{name}")].as_f64();
    assert_eq!(threshold("api-cpu"), Some(80.0));
    assert_eq!(threshold("api-memory"), Some(85.0));
    assert_eq!(threshold("alb-response-time"), Some(2.0));
    assert_eq!(threshold("alb-5xx"), Some(10.0));

    let files = written(&workspace);
    for secret in is["secret_values"].as_array().unwrap() {
        let secret = secret.as_str().unwrap();
        assert!(secret.len() >= 16, "a short password");
        assert!(!files.contains(secret), "a secret value is in a file that Groundplan wrote");
    }

    // Protected: destroyed only with consent.
    let refused = workspace.run(&["destroy", "--yes"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(support::text(&refused.stderr).contains("--lift-protection"));
    workspace.ok(&["destroy", "--yes", "--lift-protection"]);
    let left = workspace.boto3("inventory.py", &["freeside/production", "arrakis-production"]);
    assert_eq!(left["by_address"], json!({}), "left after destroy");
    assert!(left["untagged"].as_object().unwrap().values().all(|count| count == 0), "left after destroy: {left}");
}

#[test]
fn a_plan_is_exactly_what_was_changed() {
    let workspace = deployed("freeside/staging");
    workspace.expect(0, &["plan", "--detailed-exitcode"]);
    assert_eq!(workspace.json(0, &["health-check"])["healthy"], true);

    // CPU of one service: its task definition is a new revision, its service is updated.
    workspace.edit("freeside/staging.toml", &[("cpu = 256\nmemory = 512\ntasks", "cpu = 512\nmemory = 1024\ntasks")]);
    workspace.expect(2, &["plan", "--detailed-exitcode"]);
    assert_eq!(workspace.planned(&[]), ["+/- compute.task-definition.api", "~ compute.service.api"]);
    workspace.ok(&["deploy-full", "--yes"]);
    workspace.expect(0, &["plan", "--detailed-exitcode"]);

    // A saved plan is applied as it is, once.
    workspace.edit("freeside/staging.toml", &[("backups = 1", "backups = 2")]);
    let file = workspace.root().join("plan.json");
    let file = file.to_str().unwrap();
    workspace.ok(&["plan", "--out", file]);
    workspace.ok(&["deploy-full", "--plan", file]);
    let again = workspace.run(&["deploy-full", "--plan", file]);
    assert_eq!(again.status.code(), Some(1));
    assert!(support::text(&again.stderr).contains("plan again"));

    // What somebody else changed by hand comes back.
    workspace.boto3("tamper.py", &["arrakis-staging"]);
    assert_eq!(workspace.planned(&[]), ["~ networking.target-group.api"]);
}

#[test]
fn another_network_replaces_what_cannot_follow() {
    let workspace = deployed("freeside/staging");
    let cidrs: [(&str, &str); 3] = [
        ("\"10.0.0.0/16\"", "\"10.1.0.0/16\""),
        ("[\"10.0.1.0/24\", \"10.0.2.0/24\"]", "[\"10.1.1.0/24\", \"10.1.2.0/24\"]"),
        ("[\"10.0.101.0/24\", \"10.0.102.0/24\"]", "[\"10.1.101.0/24\", \"10.1.102.0/24\"]"),
    ];
    workspace.edit("freeside/base.toml", &cidrs);
    let plan = workspace.json(0, &["plan"]);
    let action = |address: &str| -> Value {
        let actions = plan["actions"].as_array().unwrap();
        actions.iter().find(|action| action["address"] == address).unwrap_or(&Value::Null).clone()
    };
    for (address, property) in [
        ("networking.vpc", "CidrBlock"),
        ("networking.subnet.private-a", "VpcId"),
        ("networking.target-group.api", "VpcId"),
        ("networking.load-balancer.main", "Subnets"),
        ("storage.postgres.main.subnet-group", "SubnetIds"),
    ] {
        let action = action(address);
        assert_eq!(action["action"], "replace", "{address}: {action}");
        let because = action["because"].to_string();
        assert!(because.contains(property), "{address}: {because}");
    }
    // What holds no part of the network stays.
    for address in ["security.secret.app-config", "compute.repository.api", "events.topic.alerts", "compute.cluster"] {
        assert_eq!(action(address), Value::Null, "{address}");
    }

    // And it is done: everything once, in the new network.
    workspace.ok(&["deploy-full", "--yes"]);
    workspace.expect(0, &["plan", "--detailed-exitcode"]);
    let inventory = workspace.boto3("inventory.py", &["freeside/staging", "arrakis-staging"]);
    let twice: Vec<_> = inventory["by_address"].as_object().unwrap().iter().filter(|(_, count)| **count != 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
    assert_eq!(workspace.boto3("freeside.py", &["arrakis-staging"])["vpc"], "10.1.0.0/16");
}

#[test]
fn other_subnets_of_the_load_balancer_are_changed_in_place() {
    let workspace = deployed("freeside/staging");
    workspace.edit("freeside/base.toml", &[("\"10.0.102.0/24\"", "\"10.0.103.0/24\"")]);
    let planned = workspace.planned(&[]);
    assert!(planned.contains(&"~ networking.load-balancer.main".to_owned()), "{planned:?}");
    assert!(planned.contains(&"+/- networking.subnet.public-b".to_owned()), "{planned:?}");
    workspace.ok(&["deploy-full", "--yes"]);
    workspace.expect(0, &["plan", "--detailed-exitcode"]);
}
