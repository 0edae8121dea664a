//! The state lost, and made again from tags and names: nothing differs, nothing of another environment is touched.

#![allow(missing_docs)]

mod support;

use serde_json::{Map, Value};
use support::Workspace;

const ENVIRONMENT: &str = "freeside/production";
const PREFIX: &str = "arrakis-production";

fn lose(workspace: &Workspace, environment: &str) {
    std::fs::remove_dir_all(workspace.home().join("local").join(environment)).unwrap();
}

/// Entries by address, without what a state made again may have otherwise: the operation that made a resource, where no
/// tag tells it, and the attribute that another resource gives to one later.
fn entries(workspace: &Workspace) -> Map<String, Value> {
    let shown = workspace.json(0, &["show"]);
    let mut entries = Map::new();
    for mut entry in shown["resources"].as_array().unwrap().clone() {
        entry.as_object_mut().unwrap().remove("token");
        entry["attributes"].as_object_mut().unwrap().remove("LoadBalancerArns");
        entries.insert(entry["address"].as_str().unwrap().to_owned(), entry);
    }
    entries
}

/// How many resources boto3 still finds.
fn left(workspace: &Workspace, environment: &str, prefix: &str) -> usize {
    let inventory = workspace.boto3("inventory.py", &[environment, prefix]);
    inventory["by_address"].as_object().unwrap().len()
}

#[track_caller]
fn assert_same(was: &Map<String, Value>, is: &Map<String, Value>) {
    assert_eq!(was.keys().collect::<Vec<_>>(), is.keys().collect::<Vec<_>>());
    for (address, before) in was {
        assert_eq!(before, &is[address], "{address}");
    }
}

#[test]
fn a_lost_state_comes_back_as_it_was() {
    let workspace = Workspace::new(ENVIRONMENT);
    workspace.ok(&["deploy-full", "--yes"]);
    let was = entries(&workspace);
    let outputs = workspace.json(0, &["output"]);
    lose(&workspace, ENVIRONMENT);

    let dry = workspace.json(0, &["state", "rebuild", "--dry-run"]);
    assert_eq!(dry["found"].as_array().unwrap().len(), was.len(), "{dry:#}");
    assert_eq!(workspace.json(0, &["state", "list"]).as_array().unwrap().len(), 0, "a dry run writes nothing");

    let report = workspace.json(0, &["state", "rebuild"]);
    for nothing in ["missing", "others", "replaced"] {
        assert_eq!(report[nothing].as_array().unwrap().len(), 0, "{nothing}: {report:#}");
    }
    assert_eq!(report["not_ready"].as_object().unwrap().len(), 0, "{report:#}");
    workspace.expect(0, &["plan", "--detailed-exitcode"]);
    assert_same(&was, &entries(&workspace));
    assert_eq!(workspace.json(0, &["output"]), outputs);

    // Nothing is left to find.
    let again = workspace.json(0, &["state", "rebuild"]);
    assert_eq!(again["found"].as_array().unwrap().len(), 0, "{again:#}");

    // A change after it is that change and no other.
    workspace.edit("freeside/production.toml", &[("memory = 1024", "memory = 2048")]);
    let planned = workspace.planned(&[]);
    assert_eq!(planned, ["+/- compute.task-definition.api", "~ compute.service.api"]);
    workspace.ok(&["deploy-full", "--yes"]);
    workspace.expect(0, &["plan", "--detailed-exitcode"]);
    workspace.ok(&["destroy", "--yes", "--lift-protection"]);
    assert_eq!(left(&workspace, ENVIRONMENT, PREFIX), 0);
}

#[test]
fn what_is_not_declared_any_more_is_found_and_planned_to_go() {
    let workspace = Workspace::new(ENVIRONMENT);
    workspace.ok(&["deploy-full", "--yes"]);
    let was = entries(&workspace);
    lose(&workspace, ENVIRONMENT);
    let (base, own) = ("freeside/base.toml", "freeside/production.toml");
    remove(&workspace, base, "# Background jobs", "[storage.postgres.main]");
    remove(&workspace, own, "[compute.service.worker]", "[storage.postgres.main]");

    let report = workspace.json(0, &["state", "rebuild"]);
    let undeclared: Vec<&str> = report["found"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["declared"] == false)
        .map(|one| one["address"].as_str().unwrap())
        .collect();
    let of_worker: Vec<&String> = was.keys().filter(|address| address.contains("worker")).collect();
    assert_eq!(undeclared, of_worker);
    let planned = workspace.planned(&[]);
    let gone: Vec<String> = planned.iter().filter_map(|line| line.strip_prefix("- ")).map(str::to_owned).collect();
    assert_eq!(gone.iter().collect::<Vec<_>>(), of_worker);
    // What spoke of it changes, and nothing is made or replaced.
    assert!(planned.iter().all(|line| line.starts_with("- ") || line.starts_with("~ ")), "{planned:?}");
    // What holds data is protected, as nobody knows what was declared.
    let refused = support::text(&workspace.run(&["deploy-full", "--yes"]).stderr);
    assert!(refused.contains("protected: monitoring.log-group.worker"), "{refused}");
    workspace.ok(&["deploy-full", "--yes", "--lift-protection"]);
    workspace.expect(0, &["plan", "--detailed-exitcode"]);
    workspace.ok(&["destroy", "--yes", "--lift-protection"]);
    assert_eq!(left(&workspace, ENVIRONMENT, PREFIX), 0);
}

/// Takes out of an environment file what is from one text up to another.
fn remove(workspace: &Workspace, file: &str, from: &str, to: &str) {
    let path = workspace.root().join("environments").join(file);
    let content = std::fs::read_to_string(&path).unwrap();
    let (before, rest) = content.split_once(from).unwrap();
    let (_, after) = rest.split_once(to).unwrap();
    std::fs::write(path, format!("{before}{to}{after}")).unwrap();
}

#[test]
fn two_environments_of_one_cloud_are_never_mixed_up() {
    const STAGING: &str = "freeside/staging";
    let workspace = Workspace::new(ENVIRONMENT);
    let staging = |args: &[&'static str]| -> Vec<&'static str> { [&["--env", STAGING], args].concat() };
    workspace.ok(&["deploy-full", "--yes"]);
    workspace.ok(&staging(&["deploy-full", "--yes"]));
    let was = entries(&workspace);
    let inventory =
        |environment: &str, prefix: &str| workspace.boto3("inventory.py", &[environment, prefix])["by_address"].clone();
    let of_staging = inventory(STAGING, "arrakis-staging");
    lose(&workspace, ENVIRONMENT);
    lose(&workspace, STAGING);

    workspace.ok(&["state", "rebuild"]);
    assert_same(&was, &entries(&workspace));
    workspace.expect(0, &["plan", "--detailed-exitcode"]);
    workspace.ok(&["destroy", "--yes", "--lift-protection"]);
    assert_eq!(left(&workspace, ENVIRONMENT, PREFIX), 0);
    assert_eq!(inventory(STAGING, "arrakis-staging"), of_staging);

    workspace.ok(&staging(&["state", "rebuild"]));
    workspace.expect(0, &staging(&["plan", "--detailed-exitcode"]));
    workspace.ok(&staging(&["destroy", "--yes", "--lift-protection"]));
    assert_eq!(left(&workspace, STAGING, "arrakis-staging"), 0);
}

#[test]
fn a_damaged_state_is_kept_aside_and_made_again() {
    let workspace = Workspace::new("freeside/staging");
    workspace.ok(&["deploy-full", "--yes"]);
    let was = entries(&workspace);
    let dir = workspace.home().join("local/freeside/staging");
    let (state, journal) = (dir.join("state.json"), dir.join("journal-0.jsonl"));

    // Lines in the middle of the journal, which is all that is left: the rest stays, what is missing comes back.
    std::fs::write(&state, "x").unwrap();
    let content = std::fs::read_to_string(&journal).unwrap();
    let damaged = content
        .lines()
        .enumerate()
        .map(|(at, line)| if at % 3 == 2 { format!("{}\n", &line[3..]) } else { format!("{line}\n") });
    std::fs::write(&journal, damaged.collect::<String>()).unwrap();
    let report = workspace.json(0, &["state", "rebuild"]);
    let (kept, found) = (report["kept"].as_u64().unwrap(), report["found"].as_array().unwrap().len());
    assert!(kept > 0 && found > 0, "{kept} kept, {found} found");
    // Whose end is missing in the journal counts as cut off: the next deploy sees to it, and makes nothing.
    let planned = workspace.planned(&[]);
    assert!(planned.iter().all(|line| line.starts_with("~ ")), "{planned:?}");
    workspace.ok(&["deploy-full", "--yes"]);
    assert_same(&was, &entries(&workspace));
    workspace.expect(0, &["plan", "--detailed-exitcode"]);

    // Nothing can be read.
    for file in std::fs::read_dir(&dir).unwrap().flatten() {
        let name = file.file_name().to_string_lossy().into_owned();
        match name.split(['.', '-']).next() {
            Some("state") => std::fs::write(file.path(), "x").unwrap(),
            Some("journal") => std::fs::remove_file(file.path()).unwrap(),
            _ => {}
        }
    }
    workspace.expect(1, &["plan"]);
    // To look changes nothing.
    workspace.ok(&["state", "rebuild", "--dry-run"]);
    workspace.expect(1, &["plan"]);
    let output = workspace.run(&["state", "rebuild"]);
    let told = support::text(&output.stderr);
    assert!(output.status.success() && told.contains("state.2.damaged"), "{told}");
    assert_eq!(std::fs::read_to_string(dir.join("state.2.damaged")).unwrap(), "x", "beside the first one's copy");
    assert_same(&was, &entries(&workspace));
    workspace.expect(0, &["plan", "--detailed-exitcode"]);

    // Without its file, too, all is found again, and can be destroyed.
    lose(&workspace, "freeside/staging");
    std::fs::remove_file(workspace.root().join("environments/freeside/staging.toml")).unwrap();
    let found = workspace.json(0, &["state", "rebuild"]);
    assert!(found["found"].as_array().unwrap().iter().all(|one| one["declared"] == false));
    workspace.ok(&["destroy", "--yes", "--lift-protection"]);
    assert_eq!(left(&workspace, "freeside/staging", "arrakis-staging"), 0);
}

#[test]
fn without_its_state_nothing_is_made_twice_or_left_unsaid() {
    let workspace = Workspace::new("freeside/staging");
    workspace.ok(&["deploy-full", "--yes"]);
    let inventory = || workspace.boto3("inventory.py", &["freeside/staging", "arrakis-staging"]);
    let was = inventory();
    let dir = workspace.home().join("local/freeside/staging");
    let aside = dir.with_extension("aside");
    std::fs::rename(&dir, &aside).unwrap();

    let refused = |args: &[&str]| {
        let output = workspace.run(args);
        let told = support::text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {told}");
        assert!(told.contains("no state of freeside/staging is in") && told.contains("state rebuild"), "{told}");
    };
    refused(&["deploy-full", "--yes"]);
    refused(&["destroy", "--yes", "--lift-protection"]);
    let looked = support::text(&workspace.run(&["plan"]).stderr);
    assert!(looked.contains("warning: no state of freeside/staging is in"), "{looked}");
    assert_eq!(inventory(), was);

    std::fs::remove_dir_all(&dir).unwrap();
    std::fs::rename(&aside, &dir).unwrap();
    workspace.expect(0, &["plan", "--detailed-exitcode"]);
    workspace.ok(&["destroy", "--yes", "--lift-protection"]);
    assert_eq!(left(&workspace, "freeside/staging", "arrakis-staging"), 0);
}

#[test]
fn what_a_state_does_not_know_of_is_taken_into_it() {
    let workspace = Workspace::new("freeside/staging");
    workspace.ok(&["deploy-full", "--yes"]);
    let backup = workspace.root().join("backup");
    let backup = backup.to_str().unwrap();
    workspace.ok(&["backup-state", "--out", backup]);

    // A resource without a name of its own, which nothing but a tag tells from another.
    workspace.ok(&["state", "rm", "networking.vpc", "--yes"]);
    workspace.expect(0, &["plan", "--detailed-exitcode"]);
    workspace.ok(&["deploy-full", "--yes"]);
    workspace.expect(0, &["plan", "--detailed-exitcode"]);

    // Another subnet since the backup: the one that the backup knows of is gone.
    workspace.edit("freeside/base.toml", &[("\"10.0.102.0/24\"", "\"10.0.103.0/24\"")]);
    workspace.ok(&["deploy-full", "--yes", "--lift-protection"]);
    let inventory = || workspace.boto3("inventory.py", &["freeside/staging", "arrakis-staging"]);
    let was = inventory();
    workspace.ok(&["restore-state", backup, "--yes"]);
    workspace.ok(&["deploy-full", "--yes", "--lift-protection"]);
    assert_eq!(inventory()["by_address"], was["by_address"]);
    workspace.expect(0, &["plan", "--detailed-exitcode"]);

    // At another address: the one before is made anew.
    workspace.ok(&["state", "mv", "events.topic.alerts", "events.topic.before", "--yes"]);
    let planned = workspace.planned(&[]);
    assert!(planned.contains(&"+ events.topic.alerts".to_owned()), "{planned:?}");
    workspace.ok(&["state", "mv", "events.topic.before", "events.topic.alerts", "--yes"]);

    // What carries the tags and was never ours is not passed over in silence.
    workspace.boto3("drift_by_hand.py", &["arrakis-staging", "freeside/staging"]);
    workspace.expect(4, &["destroy", "--yes", "--lift-protection"]);
    workspace.ok(&["state", "rebuild"]);
    workspace.ok(&["destroy", "--yes", "--lift-protection"]);
    assert_eq!(left(&workspace, "freeside/staging", "arrakis-staging"), 0);
}
