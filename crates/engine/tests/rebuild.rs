//! A state made again from tags and names, on a fake cloud.

#![allow(missing_docs)]

mod fake;

use std::collections::BTreeMap;

use engine::event::Events;
use engine::plan::{Plan, Selection};
use engine::rebuild::{Listed, Rebuilt, Sources, rebuild};
use engine::state::Record;
use engine::{Failure, FailureKind, Graph, Stack, State};
use fake::*;
use serde_json::json;

const VPC: &str = "AWS::EC2::VPC";
const SUBNET: &str = "AWS::EC2::Subnet";

/// A subnet in a VPC, and a thing beside them that refers to the subnet by an attribute.
fn three() -> Stack {
    let mut stack = stack();
    let vpc = stack.add_value("net.vpc", VPC, json!({ "CidrBlock": "10.0.0.0/16" }));
    let properties = json!({ "VpcId": { "Ref": vpc.address() }, "CidrBlock": "10.0.1.0/24" });
    let subnet = stack.add_value("net.subnet", SUBNET, properties);
    stack.add_value("app.thing", "Test::Thing", json!({ "At": { "Fn::GetAtt": [subnet.address(), "Arn"] } }));
    stack.protect(&subnet);
    stack
}

/// What a listing by tags tells: everything that is there.
fn listed(world: &World) -> Vec<Listed> {
    let things = world.cloud.things.lock().unwrap();
    let tags = |thing: &Thing| {
        let mut tags = vec![
            ("groundplan:environment".to_owned(), "test/test".to_owned()),
            ("groundplan:address".to_owned(), thing.address.clone()),
        ];
        tags.extend((!thing.token.is_empty()).then(|| ("groundplan:operation".to_owned(), thing.token.clone())));
        tags
    };
    things
        .iter()
        .map(|(id, thing)| Listed { arn: format!("arn:{id}"), region: "r".into(), tags: tags(thing) })
        .collect()
}

fn put(world: &World, id: &str, type_name: &str, address: &str, token: &str, properties: serde_json::Value) {
    let thing = Thing { type_name: type_name.into(), address: address.into(), token: token.into(), properties };
    world.cloud.things.lock().unwrap().insert(id.to_owned(), thing);
}

async fn found_from(world: &World, state: &State, stack: Stack, listed: &[Listed]) -> Result<Rebuilt, Failure> {
    let graph = Graph::build(stack.finish().0, &catalogue()).unwrap();
    let outputs = BTreeMap::from([("subnet".to_owned(), json!({ "Ref": "net.subnet" }))]);
    let sources = Sources { graph: &graph, outputs: &outputs, pseudo: &BTreeMap::new(), listed, regions: &[] };
    rebuild(&world.surroundings(), state, &sources).await.map_err(|(_, failure)| failure)
}

/// Deploys, and forgets.
async fn lost(stack: Stack) -> (World, State) {
    let world = World::default();
    world.deploy(stack).await;
    let state = world.open(Events::default()).await.unwrap().state.clone();
    for file in std::fs::read_dir(world.dir.path()).unwrap().flatten() {
        std::fs::remove_file(file.path()).unwrap();
    }
    (world, state)
}

async fn plan_after(world: &World, rebuilt: &Rebuilt, stack: Stack) -> Plan {
    let mut session = world.open(Events::default()).await.unwrap();
    session.record(&rebuilt.records()).await.unwrap();
    world.plan_with(stack, &Selection::default()).await.1
}

#[tokio::test]
async fn what_was_deployed_is_found_as_it_was() {
    for with_listing in [true, false] {
        let (world, before) = lost(three()).await;
        let listed = if with_listing { listed(&world) } else { Vec::new() };
        let rebuilt = found_from(&world, &State::default(), three(), &listed).await.unwrap();
        assert!(rebuilt.missing.is_empty() && rebuilt.others.is_empty() && rebuilt.deposed.is_empty());
        let mut state = State::default();
        rebuilt.records().iter().for_each(|record| state.apply(record));
        for (address, entry) in &before.entries {
            let mut found = state.entries[address].clone();
            // Only tags tell the operation.
            assert_eq!(found.token == entry.token, with_listing, "{address}");
            found.token.clone_from(&entry.token);
            assert_eq!(found, *entry);
        }
        assert_eq!(state.outputs["subnet"], before.entries["net.subnet"].id);
        assert!(verbs(&plan_after(&world, &rebuilt, three()).await).is_empty());
    }
}

#[tokio::test]
async fn a_state_that_lacks_records_is_whole_again_once_everything_was_looked_for() {
    let (world, before) = lost(three()).await;
    let mut state = State { cloud: before.cloud.clone(), ..State::default() };
    state.lacks(&["journal-1.jsonl: line 2".to_owned()]);
    let rebuilt = found_from(&world, &state, three(), &listed(&world)).await.unwrap();
    let with = |rebuilt: &Rebuilt| {
        let mut state = state.clone();
        rebuilt.records().iter().for_each(|record| state.apply(record));
        state
    };
    let mended = with(&rebuilt);
    assert_eq!((mended.damaged.clone(), mended.entries.len()), (None, before.entries.len()));
    assert!(!rebuild_of(&world, &mended).await.records().contains(&Record::Mended));
    let mut some = rebuilt;
    some.only(&["net.subnet"].into());
    assert_eq!((with(&some).damaged, with(&some).entries.len()), (state.damaged.clone(), 1), "not all was looked for");
}

async fn rebuild_of(world: &World, state: &State) -> Rebuilt {
    found_from(world, state, three(), &listed(world)).await.unwrap()
}

#[tokio::test]
async fn what_differs_is_planned_and_nothing_else() {
    let (world, _) = lost(three()).await;
    for thing in world.cloud.things.lock().unwrap().values_mut() {
        if thing.address == "net.subnet" {
            thing.properties["MapPublicIpOnLaunch"] = json!(true);
            thing.properties["Tags"].as_array_mut().unwrap().push(json!({ "Key": "theirs", "Value": "x" }));
        }
    }
    let mut stack = three();
    stack.add_value("app.new", "Test::Thing", json!({}));
    let rebuilt = found_from(&world, &State::default(), stack, &listed(&world)).await.unwrap();
    assert_eq!(rebuilt.missing.iter().map(|one| one.address.as_str()).collect::<Vec<_>>(), ["app.new"]);
    // What nobody declares is AWS's.
    assert!(verbs(&plan_after(&world, &rebuilt, three()).await).is_empty());

    let mut stack = fake::stack();
    stack.add_value("net.vpc", VPC, json!({ "CidrBlock": "10.0.0.0/16", "EnableDnsSupport": true }));
    let rebuilt = found_from(&world, &State::default(), stack, &[]).await.unwrap();
    let applied = rebuilt.found[0].properties.as_object().unwrap();
    assert_eq!(applied.keys().collect::<Vec<_>>(), ["CidrBlock", "Tags"], "applied is what is there");
}

#[tokio::test]
async fn what_is_not_declared_any_more_is_adopted_and_deleted_in_order() {
    let (world, before) = lost(three()).await;
    let vpc = before.entries["net.vpc"].id.clone();
    world.cloud.things.lock().unwrap().get_mut(&vpc).unwrap().properties["Tags"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "Key": "Name", "Value": before.entries["app.thing"].attributes["Arn"] }));
    let rebuilt = found_from(&world, &State::default(), stack(), &listed(&world)).await.unwrap();
    assert_eq!(rebuilt.undeclared.len(), 3);
    let needs = |address: &str| {
        let entry = rebuilt.found.iter().find(|entry| entry.address.as_str() == address).unwrap();
        entry.dependencies.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(needs("app.thing"), ["net.subnet"]);
    assert_eq!(needs("net.subnet"), ["net.vpc"]);
    assert!(needs("net.vpc").is_empty(), "that a tag has an attribute of another in it says nothing");
    let plan = plan_after(&world, &rebuilt, stack()).await;
    assert_eq!(verbs(&plan), ["delete app.thing", "delete net.subnet", "delete net.vpc"]);
    world.cloud.calls();
    world.deploy(stack()).await;
    assert!(world.cloud.addresses().is_empty());
    let calls = world.cloud.calls();
    assert!(position(&calls, "delete:app.thing") < position(&calls, "delete:net.subnet"));
    assert!(position(&calls, "delete:net.subnet") < position(&calls, "delete:net.vpc"));
}

#[tokio::test]
async fn of_two_with_one_address_the_fitting_one_is_the_entry() {
    // (token of the other, its range): an operation of its own was replaced; none, or the same, is a copy.
    for (token, is_copy) in [("t-old", false), ("", true), ("same", true)] {
        let (world, before) = lost(three()).await;
        let token = if token == "same" { &before.entries["net.vpc"].token } else { token };
        put(&world, "a-rival", VPC, "net.vpc", token, json!({ "CidrBlock": "10.9.0.0/16" }));
        let rebuilt = found_from(&world, &State::default(), three(), &listed(&world)).await.unwrap();
        let vpc = rebuilt.found.iter().find(|entry| entry.address.as_str() == "net.vpc").unwrap();
        assert_eq!(vpc.id, before.entries["net.vpc"].id);
        assert_eq!(rebuilt.deposed.len(), usize::from(!is_copy), "{token}");
        assert_eq!(rebuilt.others.len(), usize::from(is_copy), "{token}");
        let expected: &[&str] = if is_copy { &[] } else { &["delete net.vpc"] };
        assert_eq!(verbs(&plan_after(&world, &rebuilt, three()).await), expected);
    }
}

#[tokio::test]
async fn of_two_that_fit_the_one_in_use_is_the_entry() {
    let (world, before) = lost(three()).await;
    let properties = before.entries["net.vpc"].properties.clone();
    put(&world, "a-rival", VPC, "net.vpc", "t-old", properties);
    let rebuilt = found_from(&world, &State::default(), three(), &listed(&world)).await.unwrap();
    let vpc = rebuilt.found.iter().find(|entry| entry.address.as_str() == "net.vpc").unwrap();
    assert_eq!(vpc.id, before.entries["net.vpc"].id, "the subnet is in it");
}

#[tokio::test]
async fn a_state_keeps_its_entries_and_gets_only_what_is_missing() {
    let (world, mut state) = lost(three()).await;
    let subnet = state.entries.remove("net.subnet").unwrap();
    state.entries.get_mut("net.vpc").unwrap().properties = json!({ "CidrBlock": "as it was" });
    put(&world, "a-rival", VPC, "net.vpc", "t-old", json!({ "CidrBlock": "10.0.0.0/16" }));
    let rebuilt = found_from(&world, &state, three(), &listed(&world)).await.unwrap();
    assert_eq!(rebuilt.found.iter().map(|entry| &entry.id).collect::<Vec<_>>(), [&subnet.id]);
    let kept = state.entries["net.vpc"].clone();
    rebuilt.records().iter().for_each(|record| state.apply(record));
    assert_eq!(state.entries["net.vpc"], kept);
    assert_eq!(state.deposed.iter().map(|entry| entry.id.as_str()).collect::<Vec<_>>(), ["a-rival"]);
    let again = found_from(&world, &state, three(), &listed(&world)).await.unwrap();
    assert!(again.is_empty(), "{again:?}");
}

#[tokio::test]
async fn a_kept_entry_without_its_attributes_is_read() {
    let (world, mut state) = lost(three()).await;
    state.entries.remove("app.thing");
    state.entries.get_mut("net.subnet").unwrap().attributes.clear();
    let rebuilt = found_from(&world, &state, three(), &[]).await.unwrap();
    assert_eq!(rebuilt.found.iter().map(|entry| entry.address.as_str()).collect::<Vec<_>>(), ["app.thing"]);
}

#[tokio::test]
async fn what_refers_to_what_is_gone_is_said_so_or_found_by_its_tags() {
    let (world, before) = lost(three()).await;
    world.cloud.things.lock().unwrap().remove(&before.entries["net.vpc"].id);
    let rebuilt = found_from(&world, &State::default(), three(), &[]).await.unwrap();
    let why: Vec<&str> = rebuilt.missing.iter().map(|one| one.why.as_str()).collect();
    assert!(why[1].contains("net.vpc") && why[0].contains("net.subnet"), "{why:?}");
    let rebuilt = found_from(&world, &State::default(), three(), &listed(&world)).await.unwrap();
    assert_eq!(rebuilt.found.len(), 2);
    assert_eq!(rebuilt.missing.len(), 1);
}

#[tokio::test]
async fn nothing_of_another_environment_is_taken_and_what_has_no_type_is_told() {
    let (world, _) = lost(three()).await;
    let mut all = listed(&world);
    for one in &mut all {
        one.tags[0].1 = "test/other".to_owned();
    }
    let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let ours = tag("groundplan:environment", "test/test");
    let tags = vec![ours.clone(), tag("groundplan:address", "net.vpc")];
    all.push(Listed { arn: "arn:a-task".into(), region: "r".into(), tags });
    all.push(Listed { arn: "arn:b".into(), region: "r".into(), tags: vec![ours] });
    let rebuilt = found_from(&world, &State::default(), stack(), &all).await.unwrap();
    assert!(rebuilt.is_empty(), "{rebuilt:?}");
    let others = |rebuilt: &Rebuilt| rebuilt.others.iter().map(|other| other.what.clone()).collect::<Vec<_>>();
    assert_eq!(others(&rebuilt), ["arn:a-task", "arn:b"]);

    // What AWS made as a part of a resource carries the tag of the same operation.
    let mut all = listed(&world);
    let mut part = all.iter().find(|one| one.tags[1].1 == "net.vpc").unwrap().clone();
    part.arn = "arn:a-part".to_owned();
    all.push(part.clone());
    part.tags.last_mut().unwrap().1 = "t-other".to_owned();
    part.arn = "arn:a-stranger".to_owned();
    all.push(part);
    let rebuilt = found_from(&world, &State::default(), three(), &all).await.unwrap();
    assert_eq!(others(&rebuilt), ["arn:a-stranger"]);
}

#[tokio::test]
async fn what_is_not_ready_is_not_finished_and_what_cannot_be_asked_ends_it() {
    let (world, _) = lost(three()).await;
    world.cloud.slow.lock().unwrap().insert("net.vpc".to_owned(), 1);
    let rebuilt = found_from(&world, &State::default(), three(), &[]).await.unwrap();
    assert_eq!(rebuilt.unready["net.vpc"], "creating");
    assert!(rebuilt.found.iter().all(|entry| entry.incomplete == (entry.address.as_str() == "net.vpc")));

    let denied = Failure::new(FailureKind::Denied, "no");
    world.cloud.fail.lock().unwrap().push(("find:net.subnet".to_owned(), denied));
    let failure = found_from(&world, &State::default(), three(), &[]).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Denied, "half a state would make things twice");
}
