//! A run that failed, taken back: the cloud is as it was before it.

#![allow(missing_docs)]

mod fake;

use std::collections::BTreeMap;

use engine::apply::OnFailure;
use engine::plan::Selection;
use engine::{Address, Failure, FailureKind, Stack};
use fake::*;
use serde_json::{Value, json};

fn undoing() -> World {
    World { on_failure: OnFailure::Undo, ..World::default() }
}

/// What is there, by address: id and properties.
fn inventory(world: &World) -> BTreeMap<String, (String, Value)> {
    let things = world.cloud.things.lock().unwrap();
    things.iter().map(|(id, thing)| (thing.address.clone(), (id.clone(), thing.properties.clone()))).collect()
}

fn fail(world: &World, call: &str) {
    world.cloud.fail.lock().unwrap().push((call.into(), Failure::new(FailureKind::Denied, "not allowed")));
}

/// `m.last` needs all others, so that its failure comes last.
fn stack_of(size: i64, with_pair: bool) -> Stack {
    let mut stack = stack();
    let mut needs = Vec::new();
    let a = stack.add_value("m.a", "Test::Thing", json!({ "Size": size }));
    needs.push(a.id());
    if with_pair {
        let one = stack.add_value("m.one", "Test::Thing", json!({ "Kind": "one" }));
        needs.push(stack.add_value("m.two", "Test::Thing", json!({ "Of": one.id() })).id());
    }
    stack.add_value("m.last", "Test::Thing", json!({ "Size": size, "Needs": needs }));
    stack
}

#[tokio::test]
async fn a_first_deploy_leaves_nothing() {
    let world = undoing();
    fail(&world, "create:m.last");
    let outcome = world.deploy(stack_of(1, true)).await.outcome;
    assert_eq!(outcome.failed.len(), 1);
    assert!(outcome.is_undone(), "{outcome:?}");
    assert!(inventory(&world).is_empty());
    assert!(world.deploy(stack_of(1, true)).await.outcome.is_complete());
}

#[tokio::test]
async fn a_change_is_changed_back() {
    let world = undoing();
    world.deploy(stack_of(1, false)).await;
    let before = inventory(&world);
    fail(&world, "update:m.last");
    let outcome = world.deploy(stack_of(2, false)).await.outcome;
    assert!(outcome.is_undone(), "{outcome:?}");
    assert_eq!(inventory(&world), before);
    assert!(world.plan(stack_of(1, false)).await.summary().is_empty());
}

#[tokio::test]
async fn what_was_deleted_is_made_again_and_referred_to() {
    let world = undoing();
    world.deploy(stack_of(1, true)).await;
    let before = inventory(&world);
    // `m.last` lets go of the pair first; the pair goes; then something new fails.
    let without = |extra: bool| {
        let mut stack = stack_of(2, false);
        if extra {
            let new = stack.add_value("m.new", "Test::Thing", json!({}));
            world.cloud.slow.lock().unwrap().insert("m.new".into(), 8);
            let late = stack.add_value("m.newer", "Test::Thing", json!({ "Late": new.get("Late") }));
            stack.depends_on(&late, &new);
        }
        stack
    };
    fail(&world, "create:m.newer");
    let outcome = world.deploy(without(true)).await.outcome;
    assert!(outcome.is_undone(), "{outcome:?}");
    let after = inventory(&world);
    assert_eq!(after.keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
    assert_eq!(after["m.a"], before["m.a"]);
    assert_eq!(after["m.two"].1["Of"], after["m.one"].0, "the new one is referred to");
    assert!(world.plan(stack_of(1, true)).await.summary().is_empty());
}

fn network(cidr: &str) -> Stack {
    let mut stack = stack();
    let vpc = stack.add_value("net.vpc", "AWS::EC2::VPC", json!({ "CidrBlock": cidr }));
    stack.add_value("net.subnet", "AWS::EC2::Subnet", json!({ "VpcId": vpc.id(), "CidrBlock": "s" }));
    stack
}

#[tokio::test]
async fn what_was_to_be_replaced_takes_its_place_again() {
    let world = undoing();
    world.deploy(network("a")).await;
    let before = inventory(&world);
    // The new VPC is made; the new subnet is not.
    fail(&world, "create:net.subnet");
    let outcome = world.deploy(network("b")).await.outcome;
    assert!(outcome.is_undone(), "{outcome:?}");
    assert_eq!(inventory(&world), before, "the same VPC, not another like it");
    assert!(world.plan(network("a")).await.summary().is_empty());
}

#[tokio::test]
async fn an_undo_that_fails_itself_says_so_and_the_next_run_goes_on() {
    let world = undoing();
    fail(&world, "create:m.last");
    fail(&world, "delete:m.a");
    let outcome = world.deploy(stack_of(1, false)).await.outcome;
    assert!(!outcome.is_undone());
    assert_eq!(outcome.undo.unwrap().failed[0].address.as_str(), "m.a");
    assert!(world.deploy(stack_of(1, false)).await.outcome.is_complete());
    assert_eq!(inventory(&world).len(), 2);
}

#[tokio::test]
async fn what_is_protected_and_was_made_just_now_goes_without_consent() {
    let world = undoing();
    fail(&world, "create:m.b");
    let mut stack = stack();
    let a = stack.add_value("m.a", "Test::Thing", json!({}));
    stack.protect(&a);
    stack.add_value("m.b", "Test::Thing", json!({ "Needs": a.id() }));
    let outcome = world.deploy(stack).await.outcome;
    assert!(outcome.is_undone(), "{outcome:?}");
    assert!(inventory(&world).is_empty());
}

/// A thing that uses a network, and one that is made last and fails where it is told to.
fn used(cidr: &str, newer: bool) -> Stack {
    let mut stack = stack();
    let used = stack.add_value("m.used", "AWS::EC2::VPC", json!({ "CidrBlock": cidr }));
    let user = stack.add_value("m.user", "Test::Thing", json!({ "Uses": used.get("Arn") }));
    if newer {
        let newer = stack.add_value("m.newer", "Test::Thing", json!({}));
        stack.depends_on(&newer, &user);
    }
    stack
}

#[tokio::test]
async fn after_a_half_finished_run_nothing_is_led_back_to_what_was_replaced() {
    let mut world = World::default();
    world.deploy(used("a", false)).await;
    fail(&world, "update:m.user");
    assert!(!world.deploy(used("b", false)).await.outcome.is_complete());
    world.on_failure = OnFailure::Undo;
    fail(&world, "create:m.newer");
    let outcome = world.deploy(used("b", true)).await.outcome;
    assert!(outcome.is_undone(), "{outcome:?}");
    let inventory = inventory(&world);
    assert_eq!(inventory.keys().collect::<Vec<_>>(), ["m.used", "m.user"]);
    assert_eq!(inventory["m.user"].1["Uses"], format!("arn:{}", inventory["m.used"].0));
    assert!(world.plan(used("b", false)).await.summary().is_empty());
}

/// A target group, which is deleted before it is made again, and what uses it; and one that is made last.
fn targets(port: u16, newer: bool) -> Stack {
    let mut stack = stack();
    let group = json!({ "Name": "targets", "Port": port });
    let group = stack.add_value("m.group", "AWS::ElasticLoadBalancingV2::TargetGroup", group);
    let user = stack.add_value("m.user", "Test::Thing", json!({ "Uses": group.get("Arn") }));
    if newer {
        let newer = stack.add_value("m.newer", "Test::Thing", json!({}));
        stack.depends_on(&newer, &user);
    }
    stack
}

#[tokio::test]
async fn what_an_earlier_run_had_deleted_is_not_led_back_to() {
    // The old one is deleted, and the new one not made; or it is made, and its user not told.
    for call in ["create:m.group", "update:m.user"] {
        let mut world = World::default();
        world.deploy(targets(1, false)).await;
        fail(&world, call);
        assert!(!world.deploy(targets(2, false)).await.outcome.is_complete());
        world.on_failure = OnFailure::Undo;
        fail(&world, "create:m.newer");
        let outcome = world.deploy(targets(2, true)).await.outcome;
        assert!(outcome.is_undone(), "after {call}: {outcome:?}");
        let inventory = inventory(&world);
        assert_eq!(inventory.keys().collect::<Vec<_>>(), ["m.group", "m.user"], "after {call}");
        assert_eq!(inventory["m.user"].1["Uses"], format!("arn:{}", inventory["m.group"].0), "after {call}");
        assert!(world.plan(targets(2, false)).await.summary().is_empty(), "after {call}");
    }
}

#[tokio::test]
async fn what_the_run_never_came_to_stays_as_somebody_made_it() {
    let world = undoing();
    world.deploy(stack_of(1, true)).await;
    let by_hand = {
        let mut things = world.cloud.things.lock().unwrap();
        let (_, thing) = things.iter_mut().find(|(_, thing)| thing.address == "m.one").unwrap();
        thing.properties["Kind"] = json!("by hand");
        thing.properties.clone()
    };
    fail(&world, "update:m.a");
    let selection = Selection { targets: vec![Address::of("m.a")], ..Selection::default() };
    let (mut session, plan) = world.plan_with(stack_of(2, true), &selection).await;
    let outcome = session.apply(&plan, "deploy", world.options()).await.unwrap();
    assert!(outcome.is_undone(), "{outcome:?}");
    let (_, now) = inventory(&world)["m.one"].clone();
    assert_eq!(now, by_hand);
    assert!(!world.cloud.calls().contains(&"update:m.one".to_owned()));
}

#[tokio::test]
async fn what_held_data_and_was_made_again_is_told_as_lost() {
    let world = undoing();
    // In the order of deletion its user is first, and what fails is last.
    let mut whole = stack();
    let zone = whole.add_value("m.zone", "Test::Thing", json!({ "Size": 1 }));
    let database =
        whole.add_value("m.db", "AWS::RDS::DBInstance", json!({ "DBInstanceIdentifier": "main", "Z": zone.id() }));
    whole.add_value("m.user", "Test::Thing", json!({ "Db": database.id() }));
    world.deploy(whole).await;
    fail(&world, "delete:m.zone");
    let outcome = world.deploy(stack()).await.outcome;
    assert_eq!(outcome.undo_lost, [Address::of("m.db")]);
    assert!(outcome.undo.as_ref().is_some_and(|undo| undo.is_complete()) && !outcome.is_undone(), "{outcome:?}");
    assert!(inventory(&world).contains_key("m.db"), "it is there again");
}
