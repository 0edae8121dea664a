//! Where the state of an environment is: moved while killed or with an old file elsewhere, not to be seen, of no such name.

#![allow(missing_docs)]

mod support;

use std::path::PathBuf;

use serde_json::json;
use support::{Workspace, assert_ended, text};

const ENVIRONMENT: &str = "ev/example";

const FILE: &str = "\
environment = \"example\"
region = \"us-east-1\"

[events.topic.alerts]
email = [\"first@example.com\"]

[events.topic.others]
";

/// How long a dead run's lease lasts.
const LEASE: &str = "GROUNDPLAN_LEASE_SECONDS";

/// Where the file says that the state is: `None` is the disk.
fn state_in(workspace: &Workspace, bucket: Option<&str>) {
    let state = bucket.map(|bucket| format!("\n[state]\nbucket = \"{bucket}\"\nclouds = [\"aws\", \"local\"]\n"));
    let file = workspace.root().join("environments/ev/example.toml");
    std::fs::write(file, format!("{FILE}{}", state.unwrap_or_default())).unwrap();
}

fn workspace() -> Workspace {
    let workspace = Workspace::new(ENVIRONMENT);
    std::fs::create_dir_all(workspace.root().join("environments/ev")).unwrap();
    state_in(&workspace, None);
    workspace
}

/// Another machine at the same local cloud.
fn other_home(workspace: &Workspace) -> PathBuf {
    let home = workspace.root().join("other");
    std::fs::create_dir_all(&home).unwrap();
    std::os::unix::fs::symlink(workspace.home().join("local-cloud"), home.join("local-cloud")).unwrap();
    home
}

fn topics(workspace: &Workspace) -> usize {
    let inventory = workspace.boto3("inventory.py", &[ENVIRONMENT, "ev-example"]);
    inventory["by_address"].as_object().unwrap().len()
}

#[test]
fn a_migration_killed_anywhere_is_finished_by_the_same_command() {
    let workspace = workspace();
    workspace.ok(&["deploy-full"]);
    state_in(&workspace, Some("first-bucket"));
    workspace.ok(&["create-state-bucket"]);
    let points = workspace.root().join("points");
    for (to, bucket, back) in [("s3", Some("first-bucket"), None), ("disk", None, Some("first-bucket"))] {
        state_in(&workspace, bucket);
        // A killed run's lease ends by itself, and is waited for.
        let wait = ["--lock-timeout", "60"];
        let migrate = [&["state", "migrate", "--to", to][..], &wait].concat();
        let record = format!("record:{}", points.display());
        assert_ended(&workspace.command(&migrate).env("GROUNDPLAN_CRASH", &record).output().unwrap(), 0, &[]);
        let told = std::fs::read_to_string(&points).unwrap();
        std::fs::remove_file(&points).unwrap();
        let way_back = || {
            state_in(&workspace, back);
            let back = if back.is_some() { "s3" } else { "disk" };
            workspace.ok(&[&["state", "migrate", "--to", back][..], &wait].concat());
            state_in(&workspace, bucket);
        };
        let mut reached = 0;
        for point in told.lines() {
            way_back();
            let killed = workspace
                .command(&migrate)
                .env("GROUNDPLAN_CRASH", format!("at:{point}"))
                .env(LEASE, "1")
                .output()
                .unwrap();
            // How many calls it takes depends on what the way back left.
            reached += usize::from(killed.status.code().is_none());
            // Whoever has the other file sees the whole state, or is told where it is.
            state_in(&workspace, back);
            let seen = workspace.run(&["state", "list", "--json"]);
            let said = text(&seen.stderr);
            match seen.status.code() {
                Some(0) => assert!(text(&seen.stdout).contains("events.topic.alerts"), "{point}: {seen:?}"),
                _ => assert!(said.contains("was moved to") || said.contains("state migrate --to"), "{point}: {said}"),
            }
            state_in(&workspace, bucket);
            workspace.ok(&migrate);
            workspace.expect(0, &["plan", "--detailed-exitcode"]);
            // Once more is no error, and loses nothing.
            workspace.ok(&migrate);
        }
        assert!(reached > 15, "{reached} of {told}");
    }
    assert_eq!(topics(&workspace), 2);
}

#[test]
fn whoever_has_the_old_file_is_told_where_the_state_is() {
    let workspace = workspace();
    state_in(&workspace, Some("first-bucket"));
    workspace.ok(&["create-state-bucket"]);
    workspace.ok(&["deploy-full"]);
    let other = other_home(&workspace);
    let elsewhere = |args: &[&str]| workspace.command(args).env("GROUNDPLAN_HOME", &other).output().unwrap();
    assert_ended(&elsewhere(&["plan", "--detailed-exitcode"]), 0, &[]);

    state_in(&workspace, Some("second-bucket"));
    workspace.ok(&["create-state-bucket"]);
    workspace.ok(&["state", "migrate", "--to", "s3"]);
    state_in(&workspace, Some("first-bucket"));
    for args in [&["deploy-full"][..], &["plan"], &["state", "list"], &["destroy", "--yes"], &["state", "rebuild"]] {
        assert_ended(&elsewhere(args), 1, &["was moved to s3://second-bucket/"]);
    }
    state_in(&workspace, Some("second-bucket"));
    assert_ended(&elsewhere(&["plan", "--detailed-exitcode"]), 0, &[]);
    assert_ended(&elsewhere(&["destroy", "--yes"]), 0, &[]);
    assert_eq!(topics(&workspace), 0);
    // Nothing is left: the next state may be anywhere.
    state_in(&workspace, None);
    assert_ended(&elsewhere(&["deploy-full"]), 0, &[]);
}

#[test]
fn without_a_state_and_without_a_look_nothing_is_made_and_nothing_is_said_to_be_gone() {
    let workspace = workspace();
    workspace.ok(&["deploy-full"]);
    let other = other_home(&workspace);
    let elsewhere = |args: &[&str]| workspace.command(args).env("GROUNDPLAN_HOME", &other).output().unwrap();
    let faults = workspace.root().join("faults.json");
    let rule = json!({ "service": "tagging", "operation": "*", "rate": 1.0, "fault": "internal-error" });
    std::fs::write(&faults, json!({ "rules": [rule] }).to_string()).unwrap();
    workspace.ok(&["local-cloud", "faults", "--set", faults.to_str().unwrap()]);
    for args in [&["deploy-full"][..], &["destroy", "--yes"]] {
        let ended = elsewhere(args);
        assert_ended(&ended, 1, &["no state of ev/example", "cannot be listed"]);
        assert!(!text(&ended.stderr).contains("Nothing of"), "{}", text(&ended.stderr));
    }
    assert_eq!(topics(&workspace), 2);
    // With its state a destroy needs no listing, and claims no more than it knows.
    let destroyed = workspace.run(&["destroy", "--yes"]);
    assert_ended(&destroyed, 0, &["could not be seen", "All that the state of ev/example had is destroyed."]);
    workspace.ok(&["local-cloud", "faults", "--clear"]);
    assert_eq!(topics(&workspace), 0);
}

#[test]
fn a_run_killed_before_its_outputs_gives_them_out_the_next_time() {
    let workspace = workspace();
    let file = workspace.root().join("environments/ev/example.toml");
    std::fs::write(&file, format!("{FILE}\n[security.secret.token]\n")).unwrap();
    let killed = workspace.command(&["deploy-full"]).env("GROUNDPLAN_CRASH", "at:/before writing outputs/1").output();
    assert_eq!(killed.unwrap().status.code(), None);
    assert_ended(&workspace.run(&["output"]), 1, &["has no outputs"]);
    let again = workspace.ok(&["deploy-full"]);
    let outputs = workspace.json(0, &["output"]);
    let outputs = outputs.as_object().unwrap();
    assert!(!outputs.is_empty() && outputs.keys().all(|name| again.contains(name)), "{outputs:?} {again}");
    // So does a destroy.
    let destroy = ["destroy", "--yes", "--lift-protection"];
    let killed = workspace.command(&destroy).env("GROUNDPLAN_CRASH", "at:/before writing outputs/1").output();
    assert_eq!(killed.unwrap().status.code(), None);
    workspace.ok(&destroy);
    assert_ended(&workspace.run(&["output"]), 1, &["has no outputs"]);
}

#[test]
fn a_name_of_nothing_is_not_made_something() {
    let workspace = workspace();
    workspace.ok(&["deploy-full"]);
    for args in [&["state", "rebuild"][..], &["state", "rebuild", "--dry-run"]] {
        let args: Vec<&str> = args.iter().copied().chain(["--env", "ev/exmaple"]).collect();
        assert_ended(&workspace.run(&args), 1, &["ev/example"]);
        assert!(!workspace.home().join("local/ev/exmaple").exists());
    }
    // A name without a file, whose tags are there, is one.
    std::fs::remove_file(workspace.root().join("environments/ev/example.toml")).unwrap();
    std::fs::remove_dir_all(workspace.home().join("local")).unwrap();
    workspace.ok(&["state", "rebuild", "--dry-run"]);
    assert!(!workspace.home().join("local").exists());
    workspace.ok(&["state", "rebuild"]);
    workspace.ok(&["destroy", "--yes"]);
    assert_eq!(topics(&workspace), 0);
}

#[test]
fn looking_deletes_no_state() {
    let workspace = workspace();
    workspace.ok(&["deploy-full"]);
    let state = workspace.home().join("local/ev/example/state.json");
    let before = std::fs::read(&state).unwrap();
    workspace.ok(&["local-cloud", "stop"]);
    let plan = workspace.run(&["plan", "--yes"]);
    assert_ended(&plan, 0, &["the local cloud was restarted"]);
    assert!(text(&plan.stdout).contains("events.topic.alerts") || text(&plan.stderr).contains("events.topic.alerts"));
    assert_eq!(std::fs::read(&state).unwrap(), before);
    workspace.ok(&["deploy-full", "--yes"]);
    assert_eq!(topics(&workspace), 2);
}

#[test]
fn a_file_with_errors_hides_no_state() {
    let workspace = workspace();
    workspace.ok(&["deploy-full"]);
    let file = workspace.root().join("environments/ev/example.toml");
    std::fs::write(&file, FILE.replace("others]", "others")).unwrap();
    let listed = workspace.run(&["state", "list"]);
    assert_ended(&listed, 0, &["has errors"]);
    assert!(text(&listed.stdout).contains("events.topic.alerts"), "{listed:?}");
    // Where it was never known here, the file is all there is to go by.
    std::fs::remove_dir_all(workspace.home().join("local/ev/example")).unwrap();
    std::fs::create_dir_all(workspace.home().join("local/ev/example")).unwrap();
    for args in [&["state", "list"][..], &["unlock"], &["destroy", "--yes"]] {
        assert_ended(&workspace.run(args), 1, &["example.toml"]);
    }
}
