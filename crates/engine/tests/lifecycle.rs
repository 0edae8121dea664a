//! Deploy, change, replace, destroy, on a fake cloud: the engine's behaviour as a user meets it.

#![allow(missing_docs)]

mod fake;

use engine::apply::OnFailure;
use engine::plan::{Risk, Selection};
use engine::{Address, Failure, FailureKind, Stack};
use fake::*;
use serde_json::json;

fn two(size: i64) -> Stack {
    let mut stack = stack();
    let a = stack.add_value("m.a", "Test::Thing", json!({ "Size": size }));
    stack.add_value("m.b", "Test::Thing", json!({ "Needs": a.id(), "Late": a.get("Late") }));
    stack
}

fn network(cidr: &str, subnets: usize) -> Stack {
    let mut stack = stack();
    let vpc = stack.add_value("net.vpc", "AWS::EC2::VPC", json!({ "CidrBlock": cidr }));
    let subnets: Vec<String> = (0..subnets)
        .map(|n| {
            let subnet = json!({ "VpcId": vpc.id(), "CidrBlock": format!("s{n}") });
            stack.add_value(format!("net.subnet-{n}").as_str(), "AWS::EC2::Subnet", subnet).id()
        })
        .collect();
    let alb = json!({ "Name": "alb", "Subnets": subnets });
    let alb = stack.add_value("net.alb", "AWS::ElasticLoadBalancingV2::LoadBalancer", alb);
    let group = json!({ "Name": "group", "VpcId": vpc.id() });
    let group = stack.add_value("net.group", "AWS::ElasticLoadBalancingV2::TargetGroup", group);
    let listener = json!({ "LoadBalancerArn": alb.id(), "DefaultActions": [{ "TargetGroupArn": group.id() }] });
    stack.add_value("net.listener", "AWS::ElasticLoadBalancingV2::Listener", listener);
    stack
}

#[tokio::test]
async fn a_deploy_makes_everything_in_order_and_the_next_plan_is_empty() {
    let world = World::default();
    let deployed = world.deploy(two(1)).await;
    assert!(deployed.outcome.is_complete());
    let calls = world.cloud.calls();
    // `b` reads an attribute that is known only when `a` is ready.
    assert!(position(&calls, "ready:m.a") < position(&calls, "create:m.b"), "{calls:?}");
    assert!(world.plan(two(1)).await.summary().is_empty());
}

#[tokio::test]
async fn an_edge_waits_only_for_what_it_reads() {
    let world = World::default();
    world.cloud.slow.lock().unwrap().insert("m.a".into(), 3);
    let mut stack = stack();
    let a = stack.add_value("m.a", "Test::Thing", json!({}));
    stack.add_value("m.early", "Test::Thing", json!({ "Needs": a.get("Arn") }));
    let late = stack.add_value("m.late", "Test::Thing", json!({}));
    stack.depends_on(&late, &a);
    world.deploy(stack).await;
    let calls = world.cloud.calls();
    let ready = calls.iter().rposition(|call| call == "ready:m.a").unwrap();
    assert!(position(&calls, "create:m.early") < ready, "{calls:?}");
    assert!(position(&calls, "create:m.late") > ready, "{calls:?}");
}

#[tokio::test]
async fn a_changed_property_is_exactly_that_change() {
    let world = World::default();
    world.deploy(two(1)).await;
    let plan = world.plan(two(2)).await;
    assert_eq!(verbs(&plan), ["update m.a"]);
    let change = &plan.changes().next().unwrap().changes[0];
    assert_eq!((change.place(), &change.before, &change.after), ("Size".into(), &Some(json!(1)), &Some(json!(2))));
    assert!(world.deploy(two(2)).await.outcome.is_complete());
    assert!(world.plan(two(2)).await.summary().is_empty());
}

#[tokio::test]
async fn a_replaced_network_takes_along_what_cannot_follow() {
    let world = World::default();
    world.deploy(network("10.0.0.0/16", 2)).await;
    let plan = world.plan(network("10.1.0.0/16", 2)).await;
    assert_eq!(
        verbs(&plan),
        [
            "replace net.subnet-0",
            "replace net.subnet-1",
            "replace net.vpc",
            "replace-delete-first net.alb",
            "replace-delete-first net.group",
            "replace-delete-first net.listener",
        ]
    );
    let because = |address: &str| plan.changes().find(|a| a.address.as_str() == address).unwrap().because.join("; ");
    assert_eq!(because("net.vpc"), "CidrBlock cannot be changed in place");
    assert_eq!(
        because("net.alb"),
        "Subnets cannot follow net.subnet-0 to another place; Subnets cannot follow net.subnet-1 to another place"
    );
    assert!(world.deploy(network("10.1.0.0/16", 2)).await.outcome.is_complete());
    assert_eq!(world.cloud.addresses().len(), 6);
    assert!(world.plan(network("10.1.0.0/16", 2)).await.summary().is_empty());
}

#[tokio::test]
async fn a_network_half_replaced_still_takes_along_what_cannot_follow() {
    let world = World::default();
    world.deploy(network("10.0.0.0/16", 2)).await;
    let denied = Failure::new(FailureKind::Denied, "not allowed");
    world.cloud.fail.lock().unwrap().push(("delete:net.listener".to_owned(), denied));
    assert!(!world.deploy(network("10.1.0.0/16", 2)).await.outcome.is_complete());
    // The subnets are in their new place already: nothing of this plan moves them.
    let plan = world.plan(network("10.1.0.0/16", 2)).await;
    let planned = verbs(&plan);
    assert!(!planned.contains(&"replace net.subnet-0".to_owned()), "{planned:?}");
    assert!(planned.contains(&"replace-delete-first net.alb".to_owned()), "{planned:?}");
    assert!(world.deploy(network("10.1.0.0/16", 2)).await.outcome.is_complete());
    assert_eq!(world.cloud.addresses().len(), 6);
    assert!(world.plan(network("10.1.0.0/16", 2)).await.summary().is_empty());
}

#[tokio::test]
async fn what_cannot_follow_is_replaced_also_where_what_it_referred_to_is_gone() {
    let world = World::default();
    world.deploy(network("10.0.0.0/16", 1)).await;
    world.cloud.things.lock().unwrap().retain(|_, thing| thing.address != "net.subnet-0");
    let denied = Failure::new(FailureKind::Denied, "not allowed");
    world.cloud.fail.lock().unwrap().push(("create:net.subnet-0".to_owned(), denied));
    assert!(!world.deploy(network("10.0.0.0/16", 1)).await.outcome.is_complete());
    // Nothing tells any more in which network the load balancer is.
    let same = verbs(&world.plan(network("10.0.0.0/16", 1)).await);
    assert!(same.contains(&"update net.alb".to_owned()), "{same:?}");
    let planned = verbs(&world.plan(network("10.1.0.0/16", 1)).await);
    assert!(planned.contains(&"replace-delete-first net.alb".to_owned()), "{planned:?}");
    assert!(world.deploy(network("10.1.0.0/16", 1)).await.outcome.is_complete());
}

#[tokio::test]
async fn what_comes_to_refer_to_another_place_is_replaced() {
    let world = World::default();
    let balancer_in = |chosen: &str| {
        let mut stack = stack();
        let mut subnets = Vec::new();
        for name in ["a", "b"] {
            let vpc = stack.add_value(format!("net.vpc-{name}"), "AWS::EC2::VPC", json!({ "CidrBlock": name })).id();
            let subnet = json!({ "VpcId": vpc, "CidrBlock": name });
            subnets.push(stack.add_value(format!("net.subnet-{name}"), "AWS::EC2::Subnet", subnet).id());
        }
        let subnet = if chosen == "a" { &subnets[0] } else { &subnets[1] };
        let balancer = json!({ "Name": "lb", "Subnets": [subnet] });
        stack.add_value("net.alb", "AWS::ElasticLoadBalancingV2::LoadBalancer", balancer);
        stack
    };
    world.deploy(balancer_in("a")).await;
    assert_eq!(verbs(&world.plan(balancer_in("b")).await), ["replace-delete-first net.alb"]);
}

#[tokio::test]
async fn another_subnet_changes_the_load_balancer_in_place() {
    let world = World::default();
    world.deploy(network("10.0.0.0/16", 2)).await;
    assert_eq!(verbs(&world.plan(network("10.0.0.0/16", 3)).await), ["create net.subnet-2", "update net.alb"]);
    let removed = world.plan(network("10.0.0.0/16", 1)).await;
    assert_eq!(verbs(&removed), ["delete net.subnet-1", "update net.alb"]);
    // The subnet can only go after the load balancer let go of it.
    assert!(world.deploy(network("10.0.0.0/16", 1)).await.outcome.is_complete());
}

#[tokio::test]
async fn what_holds_a_target_that_must_go_first_is_replaced_too() {
    let world = World::default();
    world.deploy(network("10.0.0.0/16", 1)).await;
    let selection = Selection { replace: vec![Address::of("net.group")], ..Selection::default() };
    let (_, plan) = world.plan_with(network("10.0.0.0/16", 1), &selection).await;
    assert_eq!(verbs(&plan), ["replace-delete-first net.group", "replace-delete-first net.listener"]);
}

#[tokio::test]
async fn a_replacement_takes_over_what_others_own() {
    let world = World::default();
    let wanted = |cidr: &str| {
        let mut stack = stack();
        let thing = stack.add_value("m.a", "AWS::EC2::VPC", json!({ "CidrBlock": cidr, "InstanceTenancy": "first" }));
        stack.owned(&thing, "InstanceTenancy", "releases");
        stack
    };
    world.deploy(wanted("10.0.0.0/16")).await;
    world
        .cloud
        .things
        .lock()
        .unwrap()
        .values_mut()
        .for_each(|thing| thing.properties["InstanceTenancy"] = json!("released"));
    assert!(world.plan(wanted("10.0.0.0/16")).await.summary().is_empty());
    world.deploy(wanted("10.1.0.0/16")).await;
    let things = world.cloud.things.lock().unwrap();
    let made: Vec<_> =
        things.values().map(|thing| [&thing.properties["CidrBlock"], &thing.properties["InstanceTenancy"]]).collect();
    assert_eq!(made, [[&json!("10.1.0.0/16"), &json!("released")]]);
}

#[tokio::test]
async fn a_name_collides_only_within_its_scope() {
    let world = World::default();
    let wanted = |cidr: &str, description: &str| {
        let mut stack = stack();
        let vpc = stack.add_value("net.vpc", "AWS::EC2::VPC", json!({ "CidrBlock": cidr }));
        let group = json!({ "VpcId": vpc.id(), "GroupName": "web", "GroupDescription": description });
        stack.add_value("net.group", "AWS::EC2::SecurityGroup", group);
        stack
    };
    world.deploy(wanted("10.0.0.0/16", "one")).await;
    // In the same network the old one must go first, in another one it need not.
    assert_eq!(verbs(&world.plan(wanted("10.0.0.0/16", "two")).await), ["replace-delete-first net.group"]);
    assert_eq!(verbs(&world.plan(wanted("10.1.0.0/16", "one")).await), ["replace net.group", "replace net.vpc"]);
}

#[tokio::test]
async fn destroy_goes_backwards_and_leaves_nothing() {
    let world = World::default();
    world.deploy(network("10.0.0.0/16", 2)).await;
    world.cloud.calls();
    assert!(world.deploy(stack()).await.outcome.is_complete());
    assert!(world.cloud.addresses().is_empty());
    let calls = world.cloud.calls();
    assert!(position(&calls, "delete:net.listener") < position(&calls, "delete:net.alb"));
    assert!(position(&calls, "delete:net.subnet-0") < position(&calls, "delete:net.vpc"));
}

#[tokio::test]
async fn what_vanished_is_made_again() {
    let world = World::default();
    world.deploy(two(1)).await;
    world.cloud.things.lock().unwrap().retain(|_, thing| thing.address != "m.b");
    assert_eq!(verbs(&world.plan(two(1)).await), ["create m.b"]);
    assert!(world.deploy(two(1)).await.outcome.is_complete());
    assert_eq!(world.cloud.addresses().len(), 2);
    assert!(world.plan(two(1)).await.summary().is_empty());
}

#[tokio::test]
async fn protected_things_need_consent() {
    let mut world = World::default();
    let protected = || {
        let mut stack = stack();
        let db = json!({ "DBInstanceIdentifier": "db", "Engine": "postgres" });
        let db = stack.add_value("s.db", "AWS::RDS::DBInstance", db);
        stack.protect(&db);
        stack
    };
    world.deploy(protected()).await;
    let (mut session, plan) = world.plan_with(stack(), &Selection::default()).await;
    assert_eq!(plan.changes().next().unwrap().risk, Risk::Protected);
    let refused = session.apply(&plan, "destroy", world.options()).await.unwrap_err();
    assert_eq!(refused.to_string(), "this is protected: s.db");
    world.lift_protection = true;
    world.cloud.calls();
    assert!(world.deploy(stack()).await.outcome.is_complete());
    let calls = world.cloud.calls();
    assert!(position(&calls, "unprotect:s.db") < position(&calls, "delete:s.db"));
}

#[tokio::test]
async fn a_failure_stops_or_goes_on_as_told_and_the_same_command_again_converges() {
    for (policy, made) in [(OnFailure::Stop, 1), (OnFailure::Continue, 2)] {
        let world = World { on_failure: policy, ..World::default() };
        let wanted = || {
            let mut stack = stack();
            let bad = stack.add_value("m.bad", "Test::Thing", json!({}));
            let slow = stack.add_value("m.slow", "Test::Thing", json!({}));
            stack.add_value("m.after-bad", "Test::Thing", json!({ "N": bad.id() }));
            stack.add_value("m.after-slow", "Test::Thing", json!({ "N": slow.get("Late") }));
            stack
        };
        world.cloud.slow.lock().unwrap().insert("m.slow".into(), 3);
        world.cloud.fail.lock().unwrap().push(("create:m.bad".into(), Failure::invalid("no")));
        let outcome = world.deploy(wanted()).await.outcome;
        assert_eq!(outcome.failed[0].address.as_str(), "m.bad");
        assert_eq!(world.cloud.addresses().len(), made, "{policy:?}");
        assert!(world.deploy(wanted()).await.outcome.is_complete());
        assert_eq!(world.cloud.addresses().len(), 4);
    }
}

#[tokio::test]
async fn passing_failures_are_waited_out() {
    let world = World::default();
    for kind in [FailureKind::NotYet, FailureKind::Throttled, FailureKind::NotFound] {
        world.cloud.fail.lock().unwrap().push(("create:m.a".into(), Failure::new(kind, "later")));
    }
    assert!(world.deploy(two(1)).await.outcome.is_complete());
    assert_eq!(world.cloud.addresses().len(), 2);
}

#[tokio::test]
async fn what_never_becomes_ready_is_replaced_by_the_next_run() {
    let world = World::default();
    let thing = |broken: bool| {
        let mut stack = stack();
        stack.add_value("m.a", "Test::Thing", json!({ "Broken": broken }));
        stack
    };
    let outcome = world.deploy(thing(true)).await.outcome;
    assert_eq!(outcome.failed[0].failure.message, "it is broken");
    assert_eq!((outcome.done, outcome.made), (0, 1), "it is there, though nothing was seen to its end");
    assert_eq!(verbs(&world.plan(thing(false)).await), ["replace m.a"]);
    assert!(world.deploy(thing(false)).await.outcome.is_complete());
    assert_eq!(world.cloud.addresses(), ["m.a"]);
}

#[tokio::test]
async fn targets_take_what_they_need_and_excludes_what_needs_them() {
    let world = World::default();
    let chosen = |targets: &[&str], excludes: &[&str]| Selection {
        targets: targets.iter().map(|t| Address::of(t)).collect(),
        excludes: excludes.iter().map(|t| Address::of(t)).collect(),
        replace: vec![],
    };
    let plan = world.plan_with(network("10.0.0.0/16", 1), &chosen(&["net.group"], &[])).await.1;
    assert_eq!(verbs(&plan), ["create net.group", "create net.vpc"]);
    let plan = world.plan_with(network("10.0.0.0/16", 1), &chosen(&[], &["net.subnet-0"])).await.1;
    assert_eq!(verbs(&plan), ["create net.group", "create net.vpc"]);
}

#[tokio::test]
async fn an_outdated_plan_is_refused() {
    let world = World::default();
    let (mut session, plan) = world.plan_with(two(1), &Selection::default()).await;
    session.apply(&plan, "deploy", world.options()).await.unwrap();
    let refused = session.apply(&plan, "deploy", world.options()).await.unwrap_err();
    assert!(refused.to_string().contains("plan again"), "{refused}");
}
