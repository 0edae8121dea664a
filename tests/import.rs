//! Resources that Terraform made become ours: Freeside's staging environment, from its state file.

#![allow(missing_docs)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde_json::{Value, json};
use support::{Workspace, repository, text};

const ENVIRONMENT: &str = "freeside/staging";
const PREFIX: &str = "arrakis-staging";

/// What Terraform left: an environment on the cloud without a tag of ours, no state, and Terraform's state file.
fn terraformed() -> (Workspace, PathBuf) {
    let workspace = Workspace::new(ENVIRONMENT);
    workspace.ok(&["deploy-full", "--yes"]);
    let ids = workspace.boto3("hand_over.py", &[ENVIRONMENT, PREFIX]);
    let left = workspace.boto3("inventory.py", &[ENVIRONMENT, PREFIX]);
    assert_eq!(left["by_address"], json!({}), "tags of ours are left: the test would prove nothing");
    std::fs::remove_dir_all(workspace.home().join("local").join(ENVIRONMENT)).unwrap();

    let mut state = std::fs::read_to_string(repository().join("tests/terraform/freeside-staging.tfstate")).unwrap();
    for (name, id) in ids.as_object().unwrap() {
        state = state.replace(&format!("${{{name}}}"), id.as_str().unwrap());
    }
    // What is left is the format of flow logs, which Terraform writes so.
    let open: Vec<&str> = state.match_indices("${").map(|(at, _)| state[at..].split('}').next().unwrap()).collect();
    assert_eq!(open, ["${version", "${account-id", "${interface-id"], "placeholders without an id");
    let file = workspace.root().join("terraform.tfstate");
    std::fs::write(&file, state).unwrap();
    (workspace, file)
}

fn strings(value: &Value, key: &str) -> BTreeSet<String> {
    value.as_array().unwrap().iter().map(|one| one[key].as_str().unwrap_or_default().to_owned()).collect()
}

fn why(report: &Value, terraform: &str) -> String {
    let all = report["unmatched"].as_array().unwrap();
    let found = all.iter().find(|one| one["terraform"] == terraform);
    found.unwrap_or_else(|| panic!("{terraform} is not in {all:?}"))["why"].as_str().unwrap().to_owned()
}

fn matched<'a>(report: &'a Value, address: &str) -> &'a Value {
    let all = report["matched"].as_array().unwrap();
    all.iter().find(|one| one["address"] == address).unwrap_or_else(|| panic!("{address} did not match"))
}

/// The calls the local cloud answered since, by action.
fn calls_since(workspace: &Workspace, since: usize) -> BTreeMap<String, usize> {
    let record = std::fs::read_to_string(workspace.home().join("local-cloud/calls.jsonl")).unwrap();
    let mut calls = BTreeMap::new();
    for line in record.lines().skip(since) {
        let call: Value = serde_json::from_str(line).unwrap();
        *calls.entry(call["operation"].as_str().unwrap_or("?").to_owned()).or_default() += 1;
    }
    calls
}

#[test]
fn a_whole_terraform_state_is_adopted_and_the_plan_shows_only_what_differs() {
    let (workspace, file) = terraformed();
    let file = file.to_str().unwrap();
    let import = ["import", "--terraform-state", file];

    // Looking changes nothing, neither in the cloud nor on disk, and its reads come in batches.
    let before = workspace.calls();
    let look = workspace.json(0, &["import", "--terraform-state", file, "--dry-run"]);
    let calls = calls_since(&workspace, before);
    let changing: Vec<&String> = calls
        .keys()
        .filter(|call| !["Describe", "Get", "List", "BatchGet"].iter().any(|verb| call.starts_with(verb)))
        .collect();
    assert!(changing.is_empty(), "looking called {changing:?}");
    for (action, most) in [
        ("DescribeSubnets", 1),
        ("DescribeVpcs", 1),
        ("DescribeAlarms", 1),
        ("DescribeServices", 1),
        ("DescribeListeners", 1),
    ] {
        let count = calls.get(action).copied().unwrap_or_default();
        assert!((1..=most + 1).contains(&count), "{action}: {count} in {calls:?}");
    }
    assert_eq!(look["adopted"], json!([]));
    assert_eq!(workspace.boto3("inventory.py", &[ENVIRONMENT, PREFIX])["by_address"], json!({}));
    assert_eq!(workspace.json(0, &["state", "list"]), json!([]));

    // What does not match is told with its reason.
    assert_eq!(strings(&look["missing"], "address"), ["networking.vpc-endpoint.ecr-api".to_owned()].into());
    let twins = why(&look, "module.endpoints.aws_vpc_endpoint.this[\"ecr_api\"]");
    assert!(twins.contains("aws_vpc_endpoint.ecr_api_by_hand"), "{twins}");
    let undeclared = why(&look, "module.vpc.aws_subnet.database[0]");
    assert!(undeclared.contains("CidrBlock is 10.0.201.0/24, declared 10.0."), "{undeclared}");
    assert_eq!(why(&look, "aws_lb_target_group.old"), "it is gone: AWS does not know it");
    assert_eq!(why(&look, "aws_s3_bucket.alb_logs"), "AWS::S3::Bucket is not handled yet");
    assert!(why(&look, "aws_ecs_task_definition.this[\"api\"]").contains("deposed (5f0c9e21)"));
    assert!(why(&look, "aws_iam_role_policy_attachment.exec").starts_with("part of AWS::IAM::Role"));
    assert!(why(&look, "null_resource.migrations").contains("no resource of AWS"));
    assert_eq!(look["terraform"]["data_sources"], 3);
    assert!(matched(&look, "compute.service.worker")["note"].as_str().unwrap().starts_with("tainted"));
    // What it replaced was tainted, not it.
    assert_eq!(matched(&look, "compute.task-definition.api")["note"], Value::Null);
    // A block within another resource is found by what it does.
    let inline = matched(&look, "networking.security-group.postgres.main.from-worker");
    assert_eq!((&inline["terraform"], inline["id"].as_str().unwrap().starts_with("sgr-")), (&Value::Null, true));
    assert_eq!(matched(&look, "networking.route.public")["terraform"], "module.vpc.aws_route_table.public[0]");
    assert_eq!(matched(&look, "storage.postgres.main")["unread"], json!(["MasterUserPassword"]));
    let different: Vec<&Value> =
        look["matched"].as_array().unwrap().iter().filter(|one| one["differs"] != json!([])).collect();
    assert!(different.is_empty(), "{different:?}");

    // The same, done.
    let before = workspace.calls();
    let done = workspace.json(0, &import);
    let calls = calls_since(&workspace, before);
    let changing: BTreeSet<&str> = calls
        .keys()
        .map(String::as_str)
        .filter(|call| !["Describe", "Get", "List", "BatchGet"].iter().any(|verb| call.starts_with(verb)))
        .collect();
    assert!(changing.iter().all(|call| call.contains("Tag")), "adopting called {changing:?}");
    assert_eq!(done["matched"], look["matched"]);
    assert_eq!(done["adopted"].as_array().unwrap().len(), look["matched"].as_array().unwrap().len());
    assert_eq!(done["unmarked"], json!([]));

    // All but the one that could not be told apart is as declared; that one is chosen by hand.
    assert_eq!(workspace.planned(&[]), ["+ networking.vpc-endpoint.ecr-api"]);
    let state: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let endpoint = |module: bool| -> String {
        let resources = state["resources"].as_array().unwrap().iter();
        let mut kinds =
            resources.filter(|one| one["type"] == "aws_vpc_endpoint" && one["module"].is_string() == module);
        kinds.next().unwrap()["instances"][0]["attributes"]["id"].as_str().unwrap().to_owned()
    };
    workspace.ok(&["import", "networking.vpc-endpoint.ecr-api", &endpoint(true)]);
    workspace.expect(0, &["plan", "--detailed-exitcode"]);

    // Everything carries its tags, once.
    let inventory = workspace.boto3("inventory.py", &[ENVIRONMENT, PREFIX]);
    let by_address = inventory["by_address"].as_object().unwrap();
    let twice: Vec<_> = by_address.iter().filter(|(_, count)| **count != 1).collect();
    assert!(twice.is_empty() && by_address.len() > 55, "{} addresses, twice: {twice:?}", by_address.len());

    // Again: nothing is done twice.
    let again = workspace.json(0, &import);
    assert_eq!(again["matched"], json!([]));
    assert_eq!(again["missing"], json!([]));
    let told = strings(&again["already"], "address");
    let named = look["matched"].as_array().unwrap().iter().filter(|one| one["terraform"].is_string());
    assert!(named.count() > 60 && told.len() > 60, "{told:?}");
    assert!(told.contains("networking.vpc-endpoint.ecr-api"));
    assert!(
        why(&again, "aws_vpc_endpoint.ecr_api_by_hand").contains("another already")
            || why(&again, "aws_vpc_endpoint.ecr_api_by_hand").contains("nearest")
    );
    let single = workspace.json(0, &["import", "networking.vpc-endpoint.ecr-api", &endpoint(true)]);
    assert_eq!(strings(&single["already"], "address"), ["networking.vpc-endpoint.ecr-api".to_owned()].into());

    // What somebody changes now is a difference like any other, and only it.
    workspace.boto3("tamper.py", &[PREFIX]);
    assert_eq!(workspace.planned(&[]), ["~ networking.target-group.api"]);
    workspace.ok(&["deploy-full", "--yes"]);
    workspace.expect(0, &["plan", "--detailed-exitcode"]);

    // No secret of Terraform's state is in what we wrote or said.
    for said in [look.to_string(), done.to_string(), again.to_string()] {
        assert!(!said.contains("hunter2"), "a value of the state file was printed");
    }
    let mut open = vec![workspace.home()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).unwrap().flatten() {
            match entry.path().is_dir() {
                true => open.push(entry.path()),
                false => {
                    let written = text(&std::fs::read(entry.path()).unwrap_or_default());
                    assert!(!written.contains("hunter2"), "a value of the state file is in {}", entry.path().display());
                }
            }
        }
    }

    // And what was adopted can be destroyed like anything of ours, once nothing of others is in its VPC.
    let other = |terraform: &str| -> String {
        let unmatched = look["unmatched"].as_array().unwrap();
        unmatched.iter().find(|one| one["terraform"] == terraform).unwrap()["id"].as_str().unwrap().to_owned()
    };
    let (twin, subnet) = (other("aws_vpc_endpoint.ecr_api_by_hand"), other("module.vpc.aws_subnet.database[0]"));
    workspace.boto3("hand_over.py", &[ENVIRONMENT, PREFIX, &twin, &subnet]);
    workspace.ok(&["destroy", "--yes", "--lift-protection"]);
    let left = workspace.boto3("inventory.py", &[ENVIRONMENT, PREFIX]);
    assert_eq!(left["by_address"], json!({}), "left after destroy");
}

#[test]
fn killed_anywhere_the_same_again_or_a_deploy_finishes_it() {
    let (workspace, file) = terraformed();
    let points = |name: &str, more: &[&str]| -> usize {
        let path = workspace.root().join(name);
        let args: Vec<&str> =
            ["import", "--terraform-state", file.to_str().unwrap()].into_iter().chain(more.iter().copied()).collect();
        let record = format!("record:{}", path.display());
        let output = workspace.command(&args).env("GROUNDPLAN_CRASH", record).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        std::fs::read_to_string(path).unwrap().lines().count()
    };
    let reading = points("reading", &["--dry-run"]);
    let all = points("all", &[]);
    assert!(all > reading + 100, "{all} points, {reading} of them while reading");
    let whole = workspace.boto3("inventory.py", &[ENVIRONMENT, PREFIX])["by_address"].clone();

    const SAMPLES: usize = 6;
    for sample in 0..SAMPLES {
        workspace.boto3("hand_over.py", &[ENVIRONMENT, PREFIX, "again"]);
        std::fs::remove_dir_all(workspace.home().join("local").join(ENVIRONMENT)).unwrap();
        let nth = reading + 4 + (all - reading - 4) * sample / SAMPLES;
        let mut killed = workspace.command(&["import", "--terraform-state", file.to_str().unwrap()]);
        let output = killed.env("GROUNDPLAN_CRASH", format!("nth:{nth}")).output().unwrap();
        assert_eq!(output.status.code(), None, "point {nth}: it was not killed\n{}", text(&output.stderr));

        // Had a deploy not finished the import first, it would take rules without our tags out of their groups.
        let deploys = sample % 2 == 1;
        match deploys {
            true => workspace.ok(&["deploy-full", "--yes"]),
            false => workspace.ok(&["import", "--terraform-state", file.to_str().unwrap()]),
        };
        let expected: &[&str] = if deploys { &[] } else { &["+ networking.vpc-endpoint.ecr-api"] };
        assert_eq!(workspace.planned(&[]), expected, "point {nth}");
        let mut inventory = workspace.boto3("inventory.py", &[ENVIRONMENT, PREFIX])["by_address"].clone();
        if deploys {
            inventory.as_object_mut().unwrap().remove("networking.vpc-endpoint.ecr-api");
        }
        assert_eq!(inventory, whole, "point {nth}");
    }
}

#[test]
fn one_resource_by_its_id() {
    let workspace = Workspace::new(ENVIRONMENT);
    workspace.ok(&["deploy-full", "--yes"]);
    let state = workspace.json(0, &["show"]);
    let id = |address: &str| -> String {
        let found = workspace.json(0, &["state", "show", address]);
        found["id"].as_str().unwrap_or_else(|| panic!("{address} in {state}")).to_owned()
    };
    const RULE: &str = "networking.security-group.load-balancer.main.http";
    let (vpc, group, rule) = (id("networking.vpc"), id("networking.target-group.api"), id(RULE));
    let (secret, task) = (id("security.secret.app-config"), id("compute.task-definition.api"));
    let refused = |args: &[&str], words: &[&str]| {
        let output = workspace.run(args);
        let err = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{args:?}\n{err}");
        words.iter().for_each(|word| assert!(err.contains(word), "{word:?} is not in\n{err}"));
    };
    refused(
        &["import", "networking.vcp", &vpc],
        &["`networking.vcp` is not declared", "did you mean `networking.vpc`?"],
    );
    refused(&["import", "networking.vpc", "vpc-404"], &["is", "in the state already", "state rm networking.vpc"]);
    // An id or an address alone says too little.
    assert_eq!(workspace.run(&["import", "networking.vpc"]).status.code(), Some(1));

    // The state is lost; one by one comes back.
    std::fs::remove_dir_all(workspace.home().join("local").join(ENVIRONMENT)).unwrap();
    refused(&["import", "networking.vpc", "vpc-404"], &["there is no AWS::EC2::VPC `vpc-404` in us-east-1"]);
    refused(
        &["import", "networking.vpc", &group],
        &[
            "there is no AWS::EC2::VPC",
            "is an AWS::ElasticLoadBalancingV2::TargetGroup",
            "did you mean `networking.target-group.api`?",
        ],
    );
    workspace.ok(&["import", "networking.vpc", &vpc]);
    let planned = workspace.planned(&[]);
    assert!(!planned.iter().any(|line| line.ends_with(" networking.vpc")), "{planned:?}");

    // AWS takes other spellings of some ids; the id is the one that `Ref` gives.
    std::fs::remove_dir_all(workspace.home().join("local").join(ENVIRONMENT)).unwrap();
    let (name, family) = (format!("{PREFIX}/app-config"), format!("{PREFIX}-api"));
    for (address, id, other) in
        [("security.secret.app-config", &secret, &name), ("compute.task-definition.api", &task, &family)]
    {
        let report = workspace.json(0, &["import", address, other]);
        let one = matched(&report, address);
        assert_eq!(one["id"], json!(id), "{report:#}");
        assert!(one["note"].as_str().unwrap().starts_with(&format!("`{other}` is another name of it")), "{report:#}");
    }
    let planned = workspace.planned(&[]);
    assert!(
        !planned.iter().any(|line| line.ends_with("app-config") || line.ends_with("definition.api")),
        "{planned:?}"
    );
    refused(
        &["import", "security.secret.vault-token", &name],
        &["`security.secret.app-config` is", "in the state already"],
    );

    // What another environment owns stays its own, also where its type has no property for tags.
    for (address, id) in [("networking.vpc", &vpc), (RULE, &rule)] {
        let mut command = workspace.command(&["import", address, id]);
        let output = command.env("GROUNDPLAN_ENV", "freeside/production").output().unwrap();
        let err = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{err}");
        assert!(err.contains("belongs to the environment freeside/staging"), "{err}");
    }
}

/// A state file with these resources: type, name and attributes.
fn state_file(workspace: &Workspace, resources: &[(&str, &str, Value)]) -> String {
    let resource = |(kind, name, attributes): &(&str, &str, Value)| {
        let instance = json!({ "schema_version": 0, "attributes": attributes });
        json!({ "mode": "managed", "type": kind, "name": name, "instances": [instance],
            "provider": "provider[\"registry.terraform.io/hashicorp/aws\"]" })
    };
    let resources: Vec<Value> = resources.iter().map(resource).collect();
    let state = json!({ "version": 4, "terraform_version": "1.9.8", "serial": 1, "lineage": "x", "outputs": {},
        "resources": resources });
    let file = workspace.root().join("other.tfstate");
    std::fs::write(&file, state.to_string()).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn what_is_of_another_system_stays_its_own() {
    let workspace = Workspace::new(ENVIRONMENT);
    workspace.ok(&["plan"]);
    let ids = workspace.boto3("legacy.py", &[]);
    let id = |name: &str| ids[name].as_str().unwrap().to_owned();
    let resources = [
        ("aws_vpc", "legacy", json!({ "id": id("vpc") })),
        ("aws_internet_gateway", "legacy", json!({ "id": id("gateway"), "vpc_id": id("vpc") })),
        ("aws_eip", "bastion", json!({ "id": "eipalloc-x", "public_ip": id("address") })),
    ];
    let file = state_file(&workspace, &resources);
    let report = workspace.json(0, &["import", "--terraform-state", &file]);
    assert_eq!(report["matched"], json!([]), "{report:#}");
    for (terraform, declared) in
        [("aws_internet_gateway.legacy", "networking.internet-gateway"), ("aws_eip.bastion", "networking.eip.")]
    {
        let why = why(&report, terraform);
        assert!(why.starts_with(&format!("nothing tells whether it is {declared}")), "{terraform}: {why}");
    }
    // One that only its alias tells to be elsewhere is not told to be the same without that being said.
    let mut state: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let mut west = state["resources"][0].clone();
    west["name"] = json!("west");
    west["provider"] = json!("provider[\"registry.terraform.io/hashicorp/aws\"].west");
    state["resources"].as_array_mut().unwrap().push(west);
    std::fs::write(&file, state.to_string()).unwrap();
    let report = workspace.json(0, &["import", "--terraform-state", &file]);
    let west = why(&report, "aws_vpc.west");
    assert!(west.starts_with("it is the same as aws_vpc.legacy; the file does not tell the region"), "{west}");

    workspace.ok(&["destroy", "--yes", "--lift-protection"]);
    assert_eq!(workspace.boto3("legacy.py", &[&id("address")]), json!(true), "another's address was released");
}

#[test]
fn what_cannot_be_tagged_is_told_until_it_is_given_up() {
    let workspace = Workspace::new(ENVIRONMENT);
    workspace.ok(&["plan"]);
    let vpc = workspace.boto3("legacy.py", &["full", "10.0.0.0/16"]);
    let report = workspace.json(4, &["import", "networking.vpc", vpc.as_str().unwrap()]);
    assert_eq!(report["unmarked"][0]["address"], "networking.vpc", "{report:#}");
    let output = workspace.run(&["deploy-full", "--yes"]);
    let err = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{err}");
    for words in ["networking.vpc was imported, and still cannot be tagged", "`cargo xtask state rm networking.vpc`"] {
        assert!(err.contains(words), "{words:?} is not in\n{err}");
    }
    workspace.ok(&["state", "rm", "networking.vpc", "--yes"]);
    assert_eq!(workspace.json(0, &["state", "list"]), json!([]));
}

#[test]
fn a_file_that_is_no_state_is_told_where_and_why() {
    let workspace = Workspace::new(ENVIRONMENT);
    let file = workspace.root().join("x.tfstate");
    let cases = [
        ("{\n  \"version\": 4,\n  \"resources\": [,]\n}", "line 3, column 17"),
        ("{\"version\": 3, \"modules\": []}", "terraform 0.12 or later writes version 4"),
        ("", "it is empty"),
        ("{\"encryption_version\": \"v0\", \"encrypted_data\": \"x\"}", "encrypted by OpenTofu"),
    ];
    for (content, words) in cases {
        std::fs::write(&file, content).unwrap();
        let output = workspace.run(&["import", "--terraform-state", file.to_str().unwrap()]);
        let err = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{err}");
        assert!(err.contains(words), "{words:?} is not in\n{err}");
    }
}

#[test]
fn every_type_we_handle_is_in_the_table() {
    let known: BTreeSet<&str> = terraform::types().collect();
    let missing: Vec<&str> = environment::catalogue().types().filter(|name| !known.contains(name)).collect();
    assert!(missing.is_empty(), "no Terraform type becomes {missing:?}");
    let unknown: Vec<&&str> = known.iter().filter(|name| environment::catalogue().get(name).is_none()).collect();
    assert!(unknown.is_empty(), "no handler takes {unknown:?}");
}
