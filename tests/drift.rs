//! Drift: what people did by hand is seen, with who did it; what others own is not; a deploy sets it back.

#![allow(missing_docs)]

mod support;

use serde_json::{Value, json};
use support::{Workspace, text};

const ENVIRONMENT: &str = "freeside/staging";
const PREFIX: &str = "arrakis-staging";

fn by_hand(workspace: &Workspace) {
    workspace.boto3("drift_by_hand.py", &[PREFIX, ENVIRONMENT]);
}

fn seen(workspace: &Workspace, more: &[&str]) -> Value {
    let args: Vec<&str> = [PREFIX].iter().chain(more).copied().collect();
    workspace.boto3("drift_seen.py", &args)
}

/// `kind address property: applied > live (would)`, by whom, in the order of the document.
fn told(report: &Value) -> Vec<String> {
    let one = |drift: &Value| {
        let change = |change: &Value| {
            let (property, would) = (change["property"].as_str().unwrap(), change["would"].as_str().unwrap());
            format!(" {property}: {} > {} ({would})", change["applied"], change["live"])
        };
        let changes: String = drift["changes"].as_array().unwrap().iter().map(change).collect();
        let who = drift["actor"]["who"].as_str().unwrap_or("nobody").rsplit('/').next().unwrap();
        let (kind, address) = (drift["kind"].as_str().unwrap(), drift["address"].as_str().unwrap());
        format!("{kind} {address}{changes}, {who} {}", drift["actor"]["event"].as_str().unwrap_or("-"))
    };
    report["drift"].as_array().unwrap().iter().map(one).collect()
}

const BY_HAND: &[&str] = &[
    "gone monitoring.alarm.api-cpu, alice DeleteAlarms",
    "changed networking.security-group.postgres.main SecurityGroupIngress: [] > \
     [{\"CidrIp\":\"0.0.0.0/0\",\"FromPort\":5432,\"IpProtocol\":\"tcp\",\"ToPort\":5432}] (set-back), \
     alice AuthorizeSecurityGroupIngress",
    "changed networking.target-group.api HealthCheckPath: \"/health\" > \"/by-hand\" (set-back), alice ModifyTargetGroup",
    "changed networking.vpc Tags[project]: \"arrakis\" > \"mine\" (set-back), alice CreateTags",
    "changed security.role.api-task ManagedPolicyArns: [] > [\"arn:aws:iam::aws:policy/AdministratorAccess\"] (set-back), \
     alice AttachRolePolicy",
    "changed security.role.worker-task Policies: [] > [{\"PolicyName\":\"by-hand\",\"PolicyDocument\":{\
     \"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]}}] (set-back), \
     alice PutRolePolicy",
    "changed storage.postgres.main BackupRetentionPeriod: 1 > 3 (set-back), alice ModifyDBInstance",
];

#[test]
fn what_was_done_by_hand_is_seen_with_who_did_it_and_set_back() {
    let workspace = Workspace::new(ENVIRONMENT);
    let nothing = workspace.json(0, &["drift"]);
    assert_eq!((&nothing["drift"], &nothing["unmanaged"]), (&json!([]), &json!([])));
    workspace.ok(&["deploy-full", "--yes"]);
    let report = workspace.json(0, &["drift"]);
    assert_eq!((&report["drift"], &report["unmanaged"], &report["owned"]), (&json!([]), &json!([]), &json!([])));
    assert_eq!(report["notes"], json!([]));

    by_hand(&workspace);
    let before = seen(&workspace, &[]);
    let state = std::fs::read(workspace.home().join("local").join(ENVIRONMENT).join("state.json")).unwrap();
    let report = workspace.json(2, &["drift"]);
    assert_eq!(told(&report), BY_HAND);
    let alarm = &report["drift"][0];
    assert_eq!(alarm["actor"]["who"], "arn:aws:iam::123456789012:user/alice");
    assert!(alarm["actor"]["from"].as_str().unwrap().starts_with("127.0.0.1, Boto3/"), "{}", alarm["actor"]);
    let owned = &report["owned"];
    assert_eq!(owned.as_array().map(Vec::len), Some(1), "{owned}");
    assert_eq!((&owned[0]["property"], &owned[0]["live"]), (&json!("DesiredCount"), &json!(2)));
    assert_eq!(owned[0]["by"], "Application Auto Scaling");
    let unmanaged = &report["unmanaged"];
    assert_eq!(unmanaged.as_array().map(Vec::len), Some(1), "{unmanaged}");
    assert!(unmanaged[0]["arn"].as_str().unwrap().ends_with(":arrakis-staging-by-hand"), "{unmanaged}");
    assert_eq!(unmanaged[0]["address"], "events.topic.by-hand");
    assert_eq!(unmanaged[0]["actor"]["event"], "CreateTopic");
    assert!(unmanaged[0]["next"].as_str().unwrap().contains("state rebuild"));

    // For a person: the same, the worst first, with the next steps.
    let shown = workspace.run(&["drift", "--all"]);
    assert_eq!(shown.status.code(), Some(2));
    let (out, err) = (text(&shown.stdout), text(&shown.stderr));
    assert!(out.starts_with("  - monitoring.alarm.api-cpu"), "{out}");
    assert!(out.contains("by user/alice at 2"), "{out}");
    assert!(out.contains("DesiredCount: 1 → 2, owned by Application Auto Scaling"), "{out}");
    assert!(out.contains("Drift: 1 gone, 6 changed, 0 not finished"), "{out}");
    assert!(err.contains("deploy-full") && err.contains("state rebuild"), "{err}");

    // It changed nothing, there or on disk.
    assert_eq!(seen(&workspace, &[]), before);
    assert_eq!(std::fs::read(workspace.home().join("local").join(ENVIRONMENT).join("state.json")).unwrap(), state);

    // A deploy sets back what drifted, leaves what others own, and does not touch what is not its own.
    workspace.ok(&["deploy-full", "--yes"]);
    let report = workspace.json(2, &["drift"]);
    assert_eq!(report["drift"], json!([]));
    assert_eq!(report["unmanaged"].as_array().map(Vec::len), Some(1));
    let after = seen(&workspace, &["--delete-topic"]);
    assert_eq!(
        (&after["health_check"], &after["backups"], &after["desired"]),
        (&json!("/health"), &json!(1), &json!(2))
    );
    assert_eq!(after["into_database"], json!(["a group", "a group"]));
    assert_eq!(after["vpc_tags"]["project"], "arrakis");
    assert_eq!(after["vpc_tags"]["cost"], "x");
    assert_eq!(after["rights"], json!([[], []]));
    assert!(after["alarms"].as_array().unwrap().contains(&json!("arrakis-staging-api-cpu")));
    workspace.json(0, &["drift"]);
}

#[test]
fn each_change_is_weighed_against_the_file_as_long_as_there_is_one() {
    let workspace = Workspace::new(ENVIRONMENT);
    workspace.ok(&["deploy-full", "--yes"]);
    workspace.boto3("drift_by_hand.py", &[PREFIX, ENVIRONMENT]);
    let would = |report: &Value, address: &str| {
        let all = report["drift"].as_array().unwrap();
        let drift = all.iter().find(|drift| drift["address"] == address).unwrap();
        (drift["changes"][0]["would"].clone(), drift["changes"][0]["declared"].clone())
    };

    // The file comes to want what was done by hand, and elsewhere something else again.
    workspace.edit("freeside/staging.toml", &[("backups = 1", "backups = 3")]);
    workspace.edit("freeside/base.toml", &[("health = \"/health\"", "health = \"/ready\"")]);
    let report = workspace.json(2, &["drift"]);
    assert_eq!(would(&report, "storage.postgres.main"), (json!("keep"), json!(3)));
    assert_eq!(would(&report, "networking.target-group.api"), (json!("change"), json!("/ready")));
    assert_eq!(would(&report, "networking.vpc"), (json!("set-back"), json!("arrakis")));

    // A file with errors is no obstacle, nor is none.
    workspace.edit("freeside/staging.toml", &[("backups = 3", "backups = \"three\"")]);
    let broken = workspace.json(2, &["drift", "--env", ENVIRONMENT]);
    assert_eq!(would(&broken, "networking.vpc"), (json!("unknown"), Value::Null));
    std::fs::remove_file(workspace.root().join("environments/freeside/staging.toml")).unwrap();
    let alone = workspace.json(2, &["drift", "--env", ENVIRONMENT]);
    assert_eq!(would(&alone, "storage.postgres.main"), (json!("unknown"), Value::Null));
    let gone = alone["drift"][0]["address"].as_str();
    assert_eq!((gone, &alone["drift"][0]["next"]), (Some("monitoring.alarm.api-cpu"), &Value::Null));
}

#[test]
fn what_is_gone_is_told_and_who_it_was_is_unknown_without_cloudtrail() {
    let workspace = Workspace::new(ENVIRONMENT);
    workspace.ok(&["deploy-full", "--yes"]);
    workspace.boto3("drift_revoke.py", &[PREFIX]);
    let report = workspace.json(2, &["drift"]);
    let rule = "gone networking.security-group.postgres.main.from-worker";
    // The event names the group alone.
    assert_eq!(told(&report), [format!("{rule}, alice RevokeSecurityGroupIngress")]);
    assert_eq!(report["drift"][0]["next"], "create");

    let faults = workspace.root().join("faults.json");
    let broken = json!({ "rules": [{ "service": "cloudtrail", "rate": 1.0, "fault": "internal-error" }] });
    std::fs::write(&faults, broken.to_string()).unwrap();
    workspace.ok(&["local-cloud", "faults", "--set", faults.to_str().unwrap()]);
    let report = workspace.json(2, &["drift"]);
    assert_eq!(told(&report), [format!("{rule}, nobody -")]);
    assert!(report["actors_unknown"].as_str().unwrap().contains("cloudtrail:LookupEvents"), "{report}");
    assert!(workspace.expect(2, &["drift"]).contains("unknown (CloudTrail: "));
    workspace.ok(&["local-cloud", "faults", "--clear"]);

    workspace.ok(&["deploy-full", "--yes"]);
    workspace.json(0, &["drift"]);
}
