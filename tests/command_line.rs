//! The command line as a hurried user meets it: what is wrong is said with its place and the next step.

#![allow(missing_docs)]

mod support;

use std::process::Stdio;

use serde_json::Value;
use support::{Workspace, text};

/// `file:line:column message | hint` of each finding.
fn findings(workspace: &Workspace) -> Vec<String> {
    let document = workspace.json(1, &["validate"]);
    assert_eq!(document["valid"], false);
    let findings = document["findings"].as_array().unwrap();
    let errors = findings.iter().filter(|finding| finding["severity"] == "error");
    let field =
        |finding: &Value, key: &str| finding[key].as_str().map_or_else(|| finding[key].to_string(), str::to_owned);
    errors
        .map(|f| {
            format!("{}:{}:{} {} | {}", field(f, "file"), f["line"], f["column"], field(f, "message"), field(f, "hint"))
        })
        .collect()
}

#[test]
fn bad_input_is_said_with_its_place_and_what_to_write_instead() {
    let cases: [(&str, &str, &str, &str, &str); 8] = [
        ("an unknown key", "staging.toml", "cpu = 256\n", "cpuu = 256\n", "cpu"),
        ("a wrong type", "staging.toml", "backups = 1", "backups = \"one\"", "number"),
        ("a CIDR outside the VPC", "base.toml", "\"10.0.1.0/24\"", "\"10.7.1.0/24\"", "10.0."),
        ("a Fargate pair AWS does not offer", "staging.toml", "memory = 512\ntasks", "memory = 8192\ntasks", "512"),
        ("an RDS class that does not exist", "staging.toml", "db.t3.micro", "db.t3.mikro", "db.t3.micro"),
        (
            "a load balancer that is not there",
            "base.toml",
            "load-balancer = \"main\"",
            "load-balancer = \"mian\"",
            "main",
        ),
        (
            "a secret that is not there",
            "base.toml",
            "credentials = \"db-credentials\"",
            "credentials = \"db-credential\"",
            "db-credentials",
        ),
        ("no TOML at all", "staging.toml", "backups = 1", "backups = ", ""),
    ];
    for (case, file, from, to, says) in cases {
        let workspace = Workspace::new("freeside/staging");
        workspace.edit(&format!("freeside/{file}"), &[(from, to)]);
        let findings = findings(&workspace);
        let line = findings.iter().find(|line| line.starts_with(&format!("environments/freeside/{file}:")));
        let line = line.unwrap_or_else(|| panic!("{case}: {findings:?}"));
        assert!(line.contains(says), "{case}: {line}");
        let place: Vec<&str> = line.split(' ').next().unwrap().split(':').collect();
        let number: usize = place[1].parse().unwrap();
        let content = std::fs::read_to_string(workspace.root().join(place[0])).unwrap();
        let changed = to.lines().next().unwrap();
        let wrong = content.lines().nth(number - 1).unwrap();
        assert!(wrong.contains(changed) || case.contains("Fargate"), "{case}: line {number} is {wrong:?}");
        // The same, for a person.
        let said = text(&workspace.run(&["plan"]).stderr);
        assert!(said.contains(&format!("{}:{}:{}", place[0], place[1], place[2])), "{case}: {said}");
    }
}

#[test]
fn a_wrong_name_lists_the_right_ones() {
    let workspace = Workspace::new("freeside/staging");
    let output = workspace.run(&["plan", "--env", "freeside/stagging"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("freeside/staging"), "{}", text(&output.stderr));
    let output = workspace.run(&["output", "--env", "freeside/production"]);
    assert!(text(&output.stderr).contains("cargo xtask deploy-full"), "{}", text(&output.stderr));
}

#[test]
fn a_usage_error_is_an_error_and_not_a_change() {
    let workspace = Workspace::new("freeside/staging");
    for (args, says) in [
        (&["plan", "--detailed-exitcode", "--cloud", "awss"][..], "awss"),
        (&["plan", "--detailed-exitcod"], "--detailed-exitcode"),
        (&["drift", "--no-such"], "--no-such"),
        (&["state"], "Usage"),
        (&[], "Usage"),
    ] {
        let output = workspace.run(args);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
        assert!(said.contains(says) && output.stdout.is_empty(), "{args:?}: {said}");
    }
    assert!(workspace.ok(&["--help"]).contains("deploy-full"));
    assert!(workspace.ok(&["help", "plan"]).contains("--detailed-exitcode"));
    assert!(workspace.ok(&["--version"]).contains("xtask"));
}

#[test]
fn commands_that_look_need_no_cloud() {
    let workspace = Workspace::new("freeside/production");
    let environments = workspace.json(0, &["environments"]);
    let names: Vec<&str> = environments.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["freeside/production", "freeside/staging"]);
    assert!(workspace.ok(&["validate", "--all"]).contains("freeside/staging: valid"));
    workspace.ok(&["format", "--check"]);
    assert!(workspace.ok(&["graph"]).contains("networking.vpc"));
    assert!(workspace.ok(&["graph", "--format", "svg"]).starts_with("<svg"));
    let estimate = workspace.json(0, &["cost-estimate"]);
    let total = estimate["total"]["expected"].as_f64().unwrap();
    assert!((150.0..250.0).contains(&total), "{total}");
    assert_eq!(estimate["missing"], serde_json::json!([]));
    assert!(workspace.ok(&["cost-estimate", "--compare"]).contains("NAT Gateway"));
    let template: Value = serde_json::from_str(&workspace.ok(&["export"])).unwrap();
    assert!(template["Resources"].as_object().unwrap().len() > 70);
    assert!(!workspace.home().exists(), "something was written");
}

#[test]
fn a_run_that_is_at_work_is_named_to_the_next_one() {
    let workspace = Workspace::new("freeside/staging");
    workspace.ok(&["local-cloud", "start", "--time-scale", "0.02"]);
    let mut first =
        workspace.command(&["deploy-full", "--yes"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let lock = workspace.home().join("local/freeside/staging/lock-holder.json");
    while !lock.exists() {
        assert!(first.try_wait().unwrap().is_none(), "the first run ended early");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let second = workspace.run(&["deploy-full", "--yes"]);
    assert_eq!(second.status.code(), Some(1));
    let said = text(&second.stderr);
    assert!(said.contains(&format!("process {}", first.id())) && said.contains("deploy-full"), "{said}");
    assert!(first.wait().unwrap().success());
}

#[test]
fn a_lock_without_a_name_is_no_reason_to_kill_anything() {
    let workspace = Workspace::new("freeside/staging");
    let dir = workspace.home().join("local/freeside/staging");
    std::fs::create_dir_all(&dir).unwrap();
    let lock = std::fs::File::create(dir.join("lock")).unwrap();
    lock.try_lock().unwrap();
    let output = workspace.run(&["unlock"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("a holder that left no name") && said.contains("fuser"), "{said}");
    assert!(!said.contains("kill") && !said.contains("process 0"), "{said}");
}

#[test]
fn ctrl_c_finishes_what_is_under_way_and_the_same_command_goes_on() {
    let workspace = Workspace::new("freeside/staging");
    workspace.ok(&["local-cloud", "start", "--time-scale", "0.02"]);
    let mut child =
        workspace.command(&["deploy-full", "--yes"]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    while workspace.calls() < 30 {
        assert!(child.try_wait().unwrap().is_none(), "the run ended early");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    let interrupted = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("the same command again goes on"));
    workspace.ok(&["deploy-full", "--yes"]);
    workspace.expect(0, &["plan", "--detailed-exitcode"]);
}

#[test]
fn ctrl_c_after_the_last_operation_ends_the_look_back() {
    use std::io::{BufRead, BufReader};
    let workspace = Workspace::new("events/example");
    let dir = workspace.root().join("environments/events");
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::copy(support::repository().join("crates/events/example/base.toml"), dir.join("example.toml")).unwrap();
    workspace.ok(&["local-cloud", "start"]);
    let faults = workspace.root().join("faults.json");
    let rule = serde_json::json!({
        "service": "sns", "operation": "GetTopicAttributes", "rate": 1.0, "fault": { "slow": { "ms": 60_000 } },
    });
    std::fs::write(&faults, serde_json::json!({ "rules": [rule] }).to_string()).unwrap();
    workspace.ok(&["local-cloud", "faults", "--set", faults.to_str().unwrap()]);
    let mut deploy = workspace.command(&["deploy-full"]);
    let mut child = deploy.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().starts_with("Done: ")), "it never came to its end");
    let interrupted = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupted.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    workspace.ok(&["local-cloud", "faults", "--clear"]);
    workspace.expect(0, &["plan", "--detailed-exitcode"]);
}

#[test]
fn a_local_cloud_that_was_restarted_is_noticed() {
    let workspace = Workspace::new("events/example");
    let dir = workspace.root().join("environments/events");
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::copy(support::repository().join("crates/events/example/base.toml"), dir.join("example.toml")).unwrap();
    workspace.ok(&["deploy-full", "--yes"]);
    workspace.ok(&["local-cloud", "stop"]);
    let output = workspace.run(&["plan"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(text(&output.stderr).contains("was restarted"), "{}", text(&output.stderr));
    // What the state had is dropped with consent only.
    let output = workspace.run(&["deploy-full"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("--yes"), "{}", text(&output.stderr));
    workspace.ok(&["deploy-full", "--yes"]);
    workspace.expect(0, &["plan", "--detailed-exitcode"]);
}

#[test]
fn a_move_within_the_state_says_what_comes_of_it() {
    let workspace = Workspace::new("events/example");
    let dir = workspace.root().join("environments/events");
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::copy(support::repository().join("crates/events/example/base.toml"), dir.join("example.toml")).unwrap();
    workspace.ok(&["deploy-full", "--yes"]);
    let topics = workspace.json(0, &["state", "list"]);
    let of = |kind: &str| {
        let mut all = topics.as_array().unwrap().iter().map(|one| one.as_str().unwrap());
        all.find(|address| address.starts_with(kind)).unwrap_or_else(|| panic!("{kind} in {topics}")).to_owned()
    };
    let (topic, policy) = (of("events.topic."), of("events.topic-policy."));

    assert!(workspace.ok(&["state", "mv", &topic, &topic]).contains("nothing was done"));
    assert_eq!(workspace.json(0, &["state", "list"]), topics);
    workspace.ok(&["state", "rm", &policy, "--yes"]);
    let other = workspace.run(&["state", "mv", &topic, &policy, "--yes"]);
    assert_eq!(other.status.code(), Some(1));
    assert!(text(&other.stderr).contains("AWS::SNS::TopicPolicy"), "{}", text(&other.stderr));
    let nowhere = workspace.run(&["state", "mv", &topic, "events.topic.nowhere"]);
    assert_eq!(nowhere.status.code(), Some(1));
    let said = text(&nowhere.stderr);
    assert!(said.contains("not declared") && said.contains("deletes") && said.contains("--yes"), "{said}");
    workspace.ok(&["state", "mv", &topic, "events.topic.nowhere", "--yes"]);
    let back = workspace.ok(&["state", "mv", "events.topic.nowhere", &topic]);
    assert!(back.contains("The next deploy changes its address tag."), "{back}");
}

#[test]
fn a_secret_is_set_unseen() {
    let workspace = Workspace::new("security/example");
    let dir = workspace.root().join("environments/security");
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::copy(support::repository().join("crates/security/example/base.toml"), dir.join("example.toml")).unwrap();
    workspace.ok(&["deploy-full", "--yes"]);
    let file = workspace.root().join("value");
    std::fs::write(&file, "a-very-secret-value\n").unwrap();
    let said = workspace.ok(&["set-secret", "by-hand", "--file", file.to_str().unwrap()]);
    assert!(!said.contains("a-very-secret-value"));
    let missing = workspace.run(&["set-secret", "by-hnd", "--file", file.to_str().unwrap()]);
    assert!(text(&missing.stderr).contains("by-hand"), "{}", text(&missing.stderr));
    workspace.expect(0, &["plan", "--detailed-exitcode"]);
    assert_eq!(workspace.json(0, &["health-check"])["healthy"], true);
}

#[test]
fn a_deploy_that_fails_takes_itself_back_where_asked_to() {
    let workspace = Workspace::new("freeside/staging");
    workspace.ok(&["local-cloud", "start"]);
    let inventory = || workspace.boto3("inventory.py", &["freeside/staging", "arrakis-staging"]);
    workspace.boto3("occupy.py", &["take", "arrakis-staging"]);
    let before = inventory();
    let output = workspace.run(&["deploy-full", "--on-failure", "undo"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("something of that name is there") && said.contains("as it was before"), "{said}");
    assert_eq!(inventory(), before, "nothing of this run is left, nothing of others is gone");
    workspace.boto3("occupy.py", &["free", "arrakis-staging"]);
    workspace.ok(&["deploy-full", "--on-failure", "undo"]);
    workspace.expect(0, &["plan", "--detailed-exitcode"]);
}

#[test]
fn a_damaged_journal_is_mended_before_anything_is_planned() {
    let workspace = Workspace::new("freeside/staging");
    workspace.ok(&["local-cloud", "start"]);
    // Killed late, so that the journal holds nearly everything and no snapshot does.
    let killed = workspace.command(&["deploy-full"]).env("GROUNDPLAN_CRASH", "nth:900").output().unwrap();
    assert_eq!(killed.status.code(), None, "{}", text(&killed.stderr));
    let journal = workspace.home().join("local/freeside/staging/journal-0.jsonl");
    let lines = std::fs::read_to_string(&journal).unwrap();
    // The VPC's identity and what it was to be, and every fifth line besides.
    let damaged = |(number, line): (usize, &str)| match line.contains("networking.vpc\"") || number % 5 == 4 {
        true => line.replacen("record", "rec0rd", 1),
        false => line.to_owned(),
    };
    let mut broken: Vec<String> = lines.lines().enumerate().map(damaged).collect();
    broken.push(String::new());
    std::fs::write(&journal, broken.join("\n")).unwrap();

    // The first command that writes mends: its snapshot folds that journal away.
    let listed = workspace.json(0, &["state", "list"]);
    let one = listed[0].as_str().unwrap();
    let output = workspace.run(&["state", "mv", one, "events.topic.elsewhere", "--yes"]);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("journal-0.jsonl: line") && said.contains("found again"), "{said}");
    workspace.ok(&["state", "mv", "events.topic.elsewhere", one]);

    workspace.ok(&["deploy-full"]);
    workspace.expect(0, &["plan", "--detailed-exitcode"]);
    let inventory = workspace.boto3("inventory.py", &["freeside/staging", "arrakis-staging"]);
    let counts = inventory["by_address"].as_object().unwrap();
    assert!(counts.len() > 50 && counts.values().all(|count| count == 1), "{inventory}");
}
