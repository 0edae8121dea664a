//! Plans that the property tests found wanting: what must be left out, what must come first, what the state must hear of.

#![allow(missing_docs)]

mod fake;

use engine::plan::operations::Operations;
use engine::plan::{Risk, Selection};
use engine::{Address, Failure, Stack};
use fake::*;
use serde_json::json;

fn chosen(targets: &[&str], excludes: &[&str], replace: &[&str]) -> Selection {
    let addresses = |names: &[&str]| names.iter().map(|name| Address::of(name)).collect();
    Selection { targets: addresses(targets), excludes: addresses(excludes), replace: addresses(replace) }
}

fn database(engine: &str, protected: bool) -> Stack {
    let mut stack = stack();
    let db = json!({ "DBInstanceIdentifier": "db", "DBName": engine });
    let db = stack.add_value("s.db", "AWS::RDS::DBInstance", db);
    if protected {
        stack.protect(&db);
    }
    stack
}

#[tokio::test]
async fn what_is_protected_later_is_protected() {
    let world = World::default();
    world.deploy(database("one", false)).await;
    let plan = world.plan(database("one", true)).await;
    assert_eq!(verbs(&plan), ["update s.db"]);
    assert_eq!(plan.changes().next().unwrap().because, ["it is protected from now on"]);
    // Even in the plan that first hears of it.
    let plan = world.plan(database("two", true)).await;
    assert_eq!(plan.changes().next().unwrap().risk, Risk::Protected);
    world.deploy(database("one", true)).await;
    let (mut session, plan) = world.plan_with(stack(), &Selection::default()).await;
    let refused = session.apply(&plan, "destroy", world.options()).await.unwrap_err();
    assert_eq!(refused.to_string(), "this is protected: s.db");
    // And not any more, once the file says so.
    world.deploy(database("one", false)).await;
    assert!(world.deploy(stack()).await.outcome.is_complete());
}

#[tokio::test]
async fn a_dependency_without_a_property_is_kept_in_mind_and_forgotten() {
    let world = World::default();
    let wanted = |depends: &[(&str, &str)]| {
        let mut stack = stack();
        let (a, b) =
            (stack.add_value("m.a", "Test::Thing", json!({})), stack.add_value("m.b", "Test::Thing", json!({})));
        for pair in depends {
            if *pair == ("a", "b") { stack.depends_on(&a, &b) } else { stack.depends_on(&b, &a) }
        }
        stack
    };
    world.deploy(wanted(&[("a", "b")])).await;
    assert_eq!(verbs(&world.plan(wanted(&[])).await), ["update m.a"]);
    // The other way round: of the old one and the new one together nothing could ever be deleted.
    assert!(world.deploy(wanted(&[("b", "a")])).await.outcome.is_complete());
    world.cloud.calls();
    assert!(world.deploy(stack()).await.outcome.is_complete());
    let calls = world.cloud.calls();
    assert!(position(&calls, "delete:m.b") < position(&calls, "delete:m.a"));
}

fn subnet_in(vpc: &str) -> Stack {
    let mut stack = stack();
    let id = stack.add_value("m.vpc", "AWS::EC2::VPC", json!({ "CidrBlock": vpc })).id();
    stack.add_value("m.subnet", "AWS::EC2::Subnet", json!({ "VpcId": id, "CidrBlock": "s" }));
    stack
}

#[tokio::test]
async fn what_something_left_out_still_uses_is_left_out_too() {
    let world = World::default();
    world.deploy(subnet_in("10.0.0.0/16")).await;
    let network = || subnet_in("10.1.0.0/16");
    for selection in [chosen(&["m.vpc"], &[], &[]), chosen(&[], &["m.subnet"], &[])] {
        assert!(world.plan_with(network(), &selection).await.1.summary().is_empty(), "{selection:?}");
    }
    // Nothing is declared any more: to delete the network alone would leave the subnet in nothing.
    for selection in [chosen(&["m.vpc"], &[], &[]), chosen(&[], &["m.subnet"], &[])] {
        assert!(world.plan_with(stack(), &selection).await.1.summary().is_empty(), "{selection:?}");
    }
    assert_eq!(verbs(&world.plan_with(stack(), &chosen(&["m.subnet"], &[], &[])).await.1), ["delete m.subnet"]);
}

fn named(address: &str) -> Stack {
    let mut stack = stack();
    stack.add_value(address, "AWS::ElasticLoadBalancingV2::TargetGroup", json!({ "Name": "n", "Port": 1 }));
    stack
}

#[tokio::test]
async fn another_address_takes_over_a_name_after_the_old_one_let_go_of_it() {
    let world = World::default();
    world.deploy(named("m.old")).await;
    world.cloud.calls();
    assert!(world.deploy(named("m.new")).await.outcome.is_complete());
    let calls = world.cloud.calls();
    assert!(position(&calls, "delete:m.old") < position(&calls, "create:m.new"), "{calls:?}");
    assert!(world.plan(named("m.new")).await.summary().is_empty());
}

/// What is left of a replacement that went wrong holds the name that is wanted again.
#[tokio::test]
async fn what_was_replaced_and_is_still_there_makes_room() {
    let world = World::default();
    let wanted = |name: &str| {
        let mut stack = stack();
        stack.add_value("m.a", "AWS::ElasticLoadBalancingV2::TargetGroup", json!({ "Name": name, "Port": 1 }));
        stack
    };
    world.deploy(wanted("one")).await;
    world.cloud.fail.lock().unwrap().push(("delete:m.a".into(), Failure::invalid("no")));
    assert!(!world.deploy(wanted("two")).await.outcome.is_complete());
    let plan = world.plan(wanted("one")).await;
    assert_eq!(verbs(&plan), ["delete m.a", "replace m.a"]);
    let makes_room = plan.changes().find_map(|action| action.makes_room_for.clone());
    assert_eq!(makes_room, Some(Address::of("m.a")));
    assert!(world.deploy(wanted("one")).await.outcome.is_complete());
    assert!(world.plan(wanted("one")).await.summary().is_empty());
    assert_eq!(world.cloud.addresses(), ["m.a"]);
}

/// A balancer that must be deleted first, while something undeclared that uses it waits for who waits for the new one.
#[tokio::test]
async fn what_must_be_deleted_first_waits_for_nothing_that_waits_for_it() {
    let world = World::default();
    let wanted = |scheme: &str, subnet: &str| {
        let mut stack = stack();
        let balancer = json!({ "Name": "n", "Scheme": scheme });
        let balancer = stack.add_value("m.balancer", "AWS::ElasticLoadBalancingV2::LoadBalancer", balancer);
        let subnet = stack.add_value(subnet, "AWS::EC2::Subnet", json!({ "CidrBlock": "s", "VpcId": balancer.id() }));
        stack.add_value("m.user", "Test::Thing", json!({ "Uses": subnet.id() }));
        stack
    };
    world.deploy(wanted("one", "m.subnet")).await;
    let plan = world.plan(wanted("two", "m.other")).await;
    let mut operations = Operations::of(&plan, &catalogue()).all;
    let mut turn: Vec<usize> = (0..operations.len()).filter(|&at| operations[at].waits == 0).collect();
    let mut next = 0;
    while let Some(&at) = turn.get(next) {
        next += 1;
        for (to, _) in std::mem::take(&mut operations[at].then) {
            operations[to].waits -= 1;
            if operations[to].waits == 0 {
                turn.push(to);
            }
        }
    }
    assert_eq!((turn.len(), operations.len()), (5, 5), "each has its turn");
}

#[tokio::test]
async fn a_hold_that_is_given_up_is_given_up_before_its_target_goes() {
    let world = World::default();
    let wanted = |holds: bool| {
        let mut stack = stack();
        let group = stack.add_value("m.group", "AWS::ElasticLoadBalancingV2::TargetGroup", json!({ "Name": "n" }));
        let mut properties = json!({ "Port": 80 });
        if holds {
            properties["DefaultActions"] = json!([{ "TargetGroupArn": group.id() }]);
        }
        let listener = stack.add_value("m.listener", "AWS::ElasticLoadBalancingV2::Listener", properties);
        stack.depends_on(&listener, &group);
        stack
    };
    world.deploy(wanted(true)).await;
    let (mut session, plan) = world.plan_with(wanted(false), &chosen(&[], &[], &["m.group"])).await;
    assert_eq!(verbs(&plan), ["replace-delete-first m.group", "replace-delete-first m.listener"]);
    assert!(session.apply(&plan, "deploy", world.options()).await.unwrap().is_complete());
}

#[tokio::test]
async fn a_name_without_its_scope_collides_with_one_without() {
    let world = World::default();
    let wanted = |description: &str| {
        let mut stack = stack();
        let group = json!({ "GroupName": "web", "GroupDescription": description });
        stack.add_value("m.group", "AWS::EC2::SecurityGroup", group);
        stack
    };
    world.deploy(wanted("one")).await;
    assert_eq!(verbs(&world.plan(wanted("two")).await), ["replace-delete-first m.group"]);
}
