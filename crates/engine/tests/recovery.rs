//! What the next run makes of a run that was cut off, on a fake cloud.

#![allow(missing_docs)]

mod fake;

use std::sync::Arc;

use engine::apply::Interrupt;
use engine::event::{Event, Events};
use engine::state::{Entry, Intent, Record, Work};
use engine::store::{FileStore, Store, codec};
use engine::{Address, Attributes, Created, Failure, FailureKind, Stack};
use fake::*;
use serde_json::{Value, json};

fn one() -> Stack {
    let mut stack = stack();
    stack.add_value("m.a", "Test::Thing", properties());
    stack
}

fn properties() -> Value {
    json!({ "Size": 1 })
}

fn intent(work: Work, id: &str) -> Record {
    let entry = Entry {
        address: Address::of("m.a"),
        type_name: "Test::Thing".into(),
        region: "r".into(),
        id: id.into(),
        properties: properties(),
        attributes: Attributes::new(),
        dependencies: vec![],
        protected: false,
        token: "t1".into(),
        incomplete: false,
        fresh: false,
        failed: None,
    };
    Record::Intent(Box::new(Intent { token: "t1".into(), work, entry }))
}

async fn journal(world: &World, records: &[Record]) {
    let mut bytes = Vec::new();
    let began = Record::Began { time: String::new(), command: "deploy".into(), cloud: "fake".into() };
    codec::encode(&began, &mut bytes);
    records.iter().for_each(|record| codec::encode(record, &mut bytes));
    FileStore::new(world.dir.path()).append(bytes).await.unwrap();
}

fn there(world: &World) {
    let thing =
        Thing { type_name: "Test::Thing".into(), address: "m.a".into(), token: "t1".into(), properties: properties() };
    world.cloud.things.lock().unwrap().insert("id-x".into(), thing);
}

/// The one thing is there once, finished, and nothing is planned.
async fn converges(world: &World, case: &str) {
    let deployed = world.deploy(one()).await;
    assert!(deployed.outcome.is_complete(), "{case}: {:?}", deployed.outcome);
    assert_eq!(world.cloud.addresses(), ["m.a"], "{case}");
    assert!(world.plan(one()).await.summary().is_empty(), "{case}");
    let state = FileStore::new(world.dir.path()).load().await.unwrap().state;
    assert!(state.pending.is_empty() && !state.entries["m.a"].incomplete, "{case}");
}

#[tokio::test]
async fn a_creation_cut_off_anywhere_converges_without_a_second_one() {
    let made = Record::Made { token: "t1".into(), created: Created::new("id-x") };
    let cases: [(&str, Vec<Record>, bool); 4] = [
        ("before anything", vec![], false),
        ("after the intent, before the call", vec![intent(Work::Create, "")], false),
        ("after the call, before its answer was written", vec![intent(Work::Create, "")], true),
        ("after the answer was written", vec![intent(Work::Create, ""), made], true),
    ];
    for (case, records, exists) in cases {
        let world = World::default();
        journal(&world, &records).await;
        if exists {
            there(&world);
        }
        converges(&world, case).await;
        if exists {
            assert!(world.cloud.calls().iter().all(|call| call != "create:m.a"), "{case}: made twice");
        }
    }
}

#[tokio::test]
async fn a_deletion_cut_off_is_carried_on() {
    for exists in [true, false] {
        let world = World::default();
        let made = Record::Made { token: "t1".into(), created: Created::new("id-x") };
        let done = Record::Done { token: "t1".into(), attributes: None, seconds: 0.0 };
        journal(&world, &[intent(Work::Create, ""), made, done, intent(Work::Delete, "id-x")]).await;
        if exists {
            there(&world);
        }
        assert!(world.deploy(stack()).await.outcome.is_complete());
        assert!(world.cloud.addresses().is_empty());
    }
}

#[tokio::test]
async fn a_reset_connection_is_tried_again() {
    let world = World::default();
    world.cloud.fail.lock().unwrap().push(("create:m.a".into(), Failure::new(FailureKind::Unavailable, "reset")));
    converges(&world, "reset before the call").await;
}

#[tokio::test]
async fn an_interrupt_finishes_what_is_under_way_and_starts_nothing() {
    let world = World::default();
    world.cloud.slow.lock().unwrap().insert("m.a".into(), 8);
    let two = || {
        let mut stack = stack();
        let a = stack.add_value("m.a", "Test::Thing", properties());
        stack.add_value("m.b", "Test::Thing", json!({ "N": a.get("Late") }));
        stack
    };
    let (events, mut inbox) = Events::channel();
    let mut session = world.open(events).await.unwrap();
    let (_, plan) = world.plan_with(two(), &engine::plan::Selection::default()).await;
    let interrupt = world.interrupt.clone();
    tokio::spawn(async move {
        while let Some(event) = inbox.recv().await {
            if matches!(event, Event::Waiting { .. }) {
                interrupt.send_replace(Interrupt::Finish);
            }
        }
    });
    let outcome = session.apply(&plan, "deploy", world.options()).await.unwrap();
    assert!(outcome.interrupted);
    assert_eq!(outcome.left, [(Address::of("m.b"), Work::Create)]);
    assert_eq!(world.cloud.addresses(), ["m.a"]);
    world.interrupt.send_replace(Interrupt::None);
    assert!(world.deploy(two()).await.outcome.is_complete());
}

#[tokio::test]
async fn state_of_another_cloud_is_not_believed() {
    let world = World::default();
    world.deploy(one()).await;
    let store = Arc::new(FileStore::new(world.dir.path()));
    let other = engine::Session::open(
        store,
        world.surroundings(),
        "another",
        Events::default(),
        engine::session::Purpose::Write,
    )
    .await;
    assert_eq!(other.err().unwrap().to_string(), "the state is of fake, and this is another");
}
