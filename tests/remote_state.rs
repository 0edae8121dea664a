//! State in S3, on the local cloud: the bucket, two machines, a killed and a paused run, two runs at once, moving, backups.

#![allow(missing_docs)]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::{Workspace, assert_ended, text};

const ENVIRONMENT: &str = "freeside/staging";
const PREFIX: &str = "arrakis-staging";
const BUCKET: &str = "arrakis-tfstate-891376933289";
const TABLE: &str = "arrakis-terraform-locks";
const STATE: &str = "groundplan/local/freeside/staging/state.json";
/// How long a lease lasts in these tests, in seconds.
const LEASE: &str = "3";

/// Where the lock is.
#[derive(Clone, Copy)]
enum Lock {
    Table,
    Bucket,
}

fn in_s3(workspace: &Workspace, lock: Lock) {
    let line = format!("lock-table = \"{TABLE}\"\n");
    let clouds = "clouds = [\"aws\", \"local\"]\n";
    let with = match lock {
        Lock::Table => format!("{line}{clouds}"),
        Lock::Bucket => clouds.to_owned(),
    };
    workspace.edit("freeside/base.toml", &[(&line, &with)]);
}

/// A workspace whose local cloud's state is in S3.
fn workspace(lock: Lock) -> Workspace {
    let workspace = Workspace::new(ENVIRONMENT);
    in_s3(&workspace, lock);
    workspace.ok(&["create-state-bucket"]);
    workspace
}

/// A machine without any state, at the same local cloud.
fn other_home(workspace: &Workspace, name: &str) -> PathBuf {
    let home = workspace.root().join(name);
    std::fs::create_dir_all(&home).unwrap();
    std::os::unix::fs::symlink(workspace.home().join("local-cloud"), home.join("local-cloud")).unwrap();
    home
}

fn command(workspace: &Workspace, args: &[&str]) -> Command {
    let mut command = workspace.command(args);
    command.env("GROUNDPLAN_LEASE_SECONDS", LEASE);
    command
}

fn from(workspace: &Workspace, home: &Path, args: &[&str]) -> Output {
    command(workspace, args).env("GROUNDPLAN_HOME", home).output().unwrap()
}

/// Starts a deploy, and comes back when the local cloud has answered so many calls more.
fn deploy_until(workspace: &Workspace, calls: usize) -> Child {
    let from = workspace.calls();
    let mut deploy = command(workspace, &["deploy-full", "--yes"]);
    let mut child = deploy.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(120);
    while workspace.calls() < from + calls {
        assert!(child.try_wait().unwrap().is_none(), "it ended before call {calls}");
        assert!(Instant::now() < deadline, "it never came to call {calls}");
        std::thread::sleep(Duration::from_millis(1));
    }
    child
}

/// What the local cloud was called since.
fn calls_since(workspace: &Workspace, since: jiff::Timestamp) -> Vec<Value> {
    // The record is written beside the calls.
    std::thread::sleep(Duration::from_secs(1));
    let record = std::fs::read_to_string(workspace.home().join("local-cloud/calls.jsonl")).unwrap();
    let calls = record.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    calls.filter(|call| call["time"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap() > since).collect()
}

fn signal(child: &Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

fn inventory(workspace: &Workspace) -> Value {
    workspace.boto3("inventory.py", &[ENVIRONMENT, PREFIX])
}

fn assert_once(inventory: &Value) {
    let things = inventory["by_address"].as_object().unwrap();
    assert!(things.len() > 50, "{inventory}");
    let twice: Vec<_> = things.iter().filter(|(_, count)| **count != 1).collect();
    assert!(twice.is_empty(), "{twice:?}");
}

#[test]
fn the_bucket_is_what_the_documents_say() {
    let workspace = Workspace::new(ENVIRONMENT);
    let line = format!("lock-table = \"{TABLE}\"\n");
    workspace.edit("freeside/base.toml", &[(&line, &format!("{line}replicate-to = \"us-west-2\"\n"))]);
    let made = workspace.json(0, &["create-state-bucket"]);
    assert_eq!((&made["bucket"], &made["lock_table"]), (&json!(BUCKET), &json!(TABLE)));
    let replica = format!("{BUCKET}-us-west-2");
    let is = workspace.boto3("state_bucket.py", &[BUCKET, TABLE, &replica]);
    let protected = |region: &str, to: Value| {
        json!({
            "region": region, "versioning": "Enabled", "encryption": ["AES256"], "public_access_blocked": true,
            "old_versions_days": [90], "tls_only": true, "replicated_to": to,
        })
    };
    let mut bucket = protected("us-east-1", json!([format!("arn:aws:s3:::{replica}")]));
    bucket["replication_principal"] = json!("s3.amazonaws.com");
    assert_eq!(is["bucket"], bucket);
    assert_eq!(is["replica"], protected("us-west-2", json!("ReplicationConfigurationNotFoundError")));
    assert_eq!(
        is["table"],
        json!({
            "key": [{ "AttributeName": "LockID", "KeyType": "HASH" }], "billing": "PAY_PER_REQUEST",
            "deletion_protection": true, "recovery": "ENABLED",
        })
    );
    let again = workspace.json(0, &["create-state-bucket"]);
    assert!(again["steps"].as_array().unwrap().iter().all(|step| step["did"] == "kept"), "{again:#}");
}

#[test]
fn state_in_s3_is_the_same_from_any_machine() {
    let workspace = Workspace::new(ENVIRONMENT);
    in_s3(&workspace, Lock::Table);
    let missing = workspace.run(&["deploy-full", "--yes"]);
    assert_ended(&missing, 1, &[BUCKET, "create-state-bucket"]);
    workspace.ok(&["create-state-bucket"]);
    workspace.ok(&["deploy-full", "--yes"]);
    let keys = workspace.boto3("state_objects.py", &[BUCKET]);
    assert!(keys.as_array().unwrap().contains(&json!(STATE)), "{keys}");
    assert!(!workspace.home().join("local/freeside/staging/state.json").exists());

    let home = other_home(&workspace, "second");
    assert_ended(&from(&workspace, &home, &["plan", "--detailed-exitcode"]), 0, &[]);
    let outputs = |home: &Path| text(&from(&workspace, home, &["output", "--json"]).stdout);
    assert_eq!(outputs(&home), outputs(&workspace.home()));
    assert!(outputs(&home).len() > 20);
    let listed: Value = serde_json::from_slice(&from(&workspace, &home, &["state", "list", "--json"]).stdout).unwrap();
    assert!(listed.as_array().unwrap().len() > 50);
    workspace.edit("freeside/staging.toml", &[("backups = 1", "backups = 2")]);
    assert_ended(&from(&workspace, &home, &["deploy-full", "--yes"]), 0, &[]);
    workspace.expect(0, &["plan", "--detailed-exitcode"]);
    assert_eq!(workspace.json(0, &["health-check"])["healthy"], true);

    // The file is gone: where the state is was remembered.
    std::fs::remove_file(workspace.root().join("environments/freeside/staging.toml")).unwrap();
    workspace.ok(&["destroy", "--yes", "--lift-protection"]);
    assert_eq!(inventory(&workspace)["by_address"], json!({}));
}

#[test]
fn a_killed_run_is_followed_by_the_same_command_when_its_lease_has_ended() {
    for lock in [Lock::Bucket, Lock::Table] {
        let workspace = workspace(lock);
        for calls in [25, 90] {
            let mut killed = deploy_until(&workspace, calls);
            killed.kill().unwrap();
            killed.wait().unwrap();
            // Nobody knows yet that it is dead.
            let refused = command(&workspace, &["deploy-full", "--yes"]).output().unwrap();
            assert_ended(&refused, 1, &["`deploy-full`", &format!("process {}", killed.id()), "--lock-timeout"]);
            let began = Instant::now();
            let deployed = command(&workspace, &["deploy-full", "--yes", "--lock-timeout", "60"]).output().unwrap();
            assert_ended(&deployed, 0, &["waiting for the lock"]);
            assert!(began.elapsed() < Duration::from_secs(60));
            assert_once(&inventory(&workspace));
            workspace.expect(0, &["plan", "--detailed-exitcode"]);
            workspace.ok(&["destroy", "--yes", "--lift-protection"]);
            assert_eq!(inventory(&workspace)["by_address"], json!({}));
        }
    }
}

#[test]
fn of_two_deploys_at_once_one_proceeds() {
    let workspace = workspace(Lock::Bucket);
    let first = deploy_until(&workspace, 12);
    let home = other_home(&workspace, "second");
    let refused = from(&workspace, &home, &["deploy-full", "--yes"]);
    assert_ended(&refused, 1, &["another run is at work: `deploy-full`", &format!("process {}", first.id()), "since "]);
    let waited = from(&workspace, &home, &["deploy-full", "--yes", "--lock-timeout", "120"]);
    assert_ended(&waited, 0, &["waiting for the lock: `deploy-full`"]);
    assert_ended(&first.wait_with_output().unwrap(), 0, &[]);
    assert_once(&inventory(&workspace));
    workspace.expect(0, &["plan", "--detailed-exitcode"]);
}

#[test]
fn a_paused_run_that_wakes_late_calls_and_writes_nothing_more() {
    for lock in [Lock::Bucket, Lock::Table] {
        let workspace = workspace(lock);
        let paused = deploy_until(&workspace, 60);
        signal(&paused, "-STOP");
        let home = other_home(&workspace, "second");
        let taken_over = from(&workspace, &home, &["deploy-full", "--yes", "--lock-timeout", "60"]);
        assert_ended(&taken_over, 0, &[]);
        let serial = workspace.json(0, &["backup-state"])["serial"].clone();
        let woken = jiff::Timestamp::now();
        signal(&paused, "-CONT");
        let ended = paused.wait_with_output().unwrap();
        assert_ended(&ended, 4, &["the lock on the state was lost"]);
        // A call that was let through just before the pause, and not yet sent, cannot be held back any more.
        let late = calls_since(&workspace, woken);
        assert!(late.len() <= 2, "it still called: {late:#?}");
        assert_eq!(workspace.json(0, &["backup-state"])["serial"], serial);
        assert_once(&inventory(&workspace));
        assert_ended(&from(&workspace, &home, &["plan", "--detailed-exitcode"]), 0, &[]);
    }
}

#[test]
fn state_moves_both_ways_and_is_never_in_two_places() {
    let workspace = Workspace::new(ENVIRONMENT);
    workspace.ok(&["deploy-full", "--yes"]);
    let plan = workspace.root().join("plan.json");
    workspace.edit("freeside/staging.toml", &[("backups = 1", "backups = 2")]);
    workspace.ok(&["plan", "--out", plan.to_str().unwrap()]);
    workspace.edit("freeside/staging.toml", &[("backups = 2", "backups = 1")]);

    let nowhere = workspace.run(&["state", "migrate", "--to", "s3"]);
    assert_ended(&nowhere, 1, &["keeps its state on disk", "[state]"]);
    in_s3(&workspace, Lock::Table);
    workspace.ok(&["create-state-bucket"]);
    for command in [&["plan"][..], &["deploy-full", "--yes"], &["output"], &["destroy", "--yes"]] {
        assert_ended(&workspace.run(command), 1, &["state migrate --to s3"]);
    }
    let moved = workspace.json(0, &["state", "migrate", "--to", "s3"]);
    assert_eq!(moved["to"], format!("s3://{BUCKET}/{STATE}"));
    assert!(moved["resources"].as_u64().unwrap() > 50 && Path::new(moved["backup"].as_str().unwrap()).exists());
    workspace.expect(0, &["plan", "--detailed-exitcode"]);
    let old = workspace.run(&["deploy-full", "--yes", "--plan", plan.to_str().unwrap()]);
    assert_ended(&old, 1, &["plan again"]);

    let file = "freeside/base.toml";
    workspace.edit(file, &[("clouds = [\"aws\", \"local\"]\n", "")]);
    assert_ended(&workspace.run(&["plan"]), 1, &["state migrate --to disk"]);
    workspace.ok(&["state", "migrate", "--to", "disk"]);
    workspace.expect(0, &["plan", "--detailed-exitcode"]);
    assert!(workspace.home().join("local/freeside/staging/state.json").exists());
    assert!(!workspace.home().join("local/freeside/staging/where.json").exists());
    workspace.ok(&["destroy", "--yes", "--lift-protection"]);
    assert_eq!(inventory(&workspace)["by_address"], json!({}));
}

#[test]
fn a_backup_and_an_earlier_version_take_the_place_of_damaged_state() {
    let workspace = workspace(Lock::Bucket);
    workspace.ok(&["deploy-full", "--yes"]);
    let file = workspace.root().join("backup.json");
    let file = file.to_str().unwrap();
    workspace.ok(&["backup-state", "--out", file]);
    use std::os::unix::fs::PermissionsExt;
    assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);

    workspace.boto3("state_objects.py", &[BUCKET, STATE]);
    assert_ended(&workspace.run(&["plan"]), 1, &["is damaged", "s3://", "restore-state --list"]);
    let listed = workspace.json(0, &["restore-state", "--list"]);
    let versions = listed["versions"].as_array().unwrap();
    let earlier = versions.iter().find(|version| version["current"] == false).unwrap()["id"].as_str().unwrap();
    assert_ended(&workspace.run(&["restore-state", "--version", earlier]), 1, &["--yes"]);
    workspace.ok(&["restore-state", "--version", earlier, "--yes"]);
    workspace.expect(0, &["plan", "--detailed-exitcode"]);

    // A plan from before a restore is refused, another environment's backup too, and what was there is kept.
    workspace.edit("freeside/staging.toml", &[("backups = 1", "backups = 2")]);
    let plan = workspace.root().join("plan.json");
    workspace.ok(&["plan", "--out", plan.to_str().unwrap()]);
    let restored = workspace.json(0, &["restore-state", file, "--yes"]);
    assert!(Path::new(restored["backup"].as_str().unwrap()).exists());
    let old = workspace.run(&["deploy-full", "--yes", "--plan", plan.to_str().unwrap()]);
    assert_ended(&old, 1, &["plan again"]);
    let other = workspace.run(&["restore-state", file, "--yes", "--env", "freeside/production"]);
    assert_ended(&other, 1, &["is of freeside/staging on local"]);
    let mut bytes = std::fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(file, bytes).unwrap();
    assert_ended(&workspace.run(&["restore-state", file, "--yes"]), 1, &["no whole backup", "checksum"]);
    workspace.ok(&["deploy-full", "--yes"]);
    workspace.expect(0, &["plan", "--detailed-exitcode"]);
}

#[test]
fn a_stubborn_lock_is_taken_away_by_hand() {
    let workspace = workspace(Lock::Table);
    assert_eq!(workspace.json(0, &["unlock"])["locked"], false);
    let mut killed = workspace.command(&["deploy-full", "--yes"]).stderr(Stdio::null()).spawn().unwrap();
    let from = workspace.calls();
    while workspace.calls() < from + 30 {
        assert!(killed.try_wait().unwrap().is_none(), "it ended");
        std::thread::sleep(Duration::from_millis(1));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    // Its lease of half a minute has not ended.
    assert_ended(&workspace.run(&["deploy-full", "--yes"]), 1, &[&format!("process {}", killed.id())]);
    assert_ended(&workspace.run(&["unlock"]), 1, &[&format!("process {}", killed.id()), "--yes"]);
    let unlocked = workspace.json(0, &["unlock", "--yes"]);
    assert_eq!(unlocked["unlocked"]["pid"], killed.id());
    workspace.ok(&["deploy-full", "--yes"]);
    assert_once(&inventory(&workspace));
}

#[test]
fn a_run_whose_lock_was_taken_away_writes_nothing_from_then_on() {
    let workspace = workspace(Lock::Bucket);
    let from = workspace.calls();
    // With the usual lease: its next renewal is seconds away.
    let mut deploy = workspace.command(&["deploy-full", "--yes"]);
    let mut living = deploy.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while workspace.calls() < from + 40 {
        assert!(living.try_wait().unwrap().is_none(), "it ended");
        std::thread::sleep(Duration::from_millis(1));
    }
    let said = workspace.ok(&["unlock", "--yes"]);
    assert!(said.contains("can write no more"), "{said}");
    let resources = workspace.json(0, &["state", "list"]);
    let ended = living.wait_with_output().unwrap();
    assert_ended(&ended, 4, &["unlock"]);
    assert_eq!(workspace.json(0, &["state", "list"]), resources);
    workspace.ok(&["deploy-full", "--yes"]);
    assert_once(&inventory(&workspace));
}

#[test]
fn a_lock_that_does_not_end_by_itself_is_said_so() {
    let workspace = workspace(Lock::Table);
    workspace.boto3("terraform_lock.py", &[TABLE, &format!("{BUCKET}/{STATE}")]);
    let refused = workspace.run(&["deploy-full", "--yes"]);
    assert_ended(&refused, 1, &["terraform OperationTypeApply", "does not end by itself", "cargo xtask unlock"]);
    assert!(!text(&refused.stderr).contains("within a minute"));
    let unlocked = workspace.ok(&["unlock", "--yes"]);
    assert!(unlocked.contains("no run of Groundplan's"), "{unlocked}");
    workspace.ok(&["plan"]);
}
