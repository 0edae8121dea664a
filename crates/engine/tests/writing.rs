//! What a run writes down at its end, and what it tells where it cannot.

#![allow(missing_docs)]

mod fake;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use engine::catalogue::BoxFuture;
use engine::event::Events;
use engine::session::{Declared, Purpose};
use engine::store::{FileStore, Loaded, Store, StoreError};
use engine::{Graph, Session, State};
use fake::*;
use serde_json::json;

#[tokio::test]
async fn outputs_that_a_run_did_not_come_to_are_written_by_the_next() {
    let world = World::default();
    let one = || {
        let mut stack = stack();
        stack.add_value("m.a", "Test::Thing", json!({ "Size": 1 }));
        stack
    };
    world.deploy(one()).await;
    let mut session = world.open(Events::default()).await.unwrap();
    let graph = Graph::build(one().finish().0, &catalogue()).unwrap();
    let outputs = [("size".to_owned(), json!(7))].into();
    let declared = Declared { outputs: &outputs, ..everything(&graph) };
    let plan = session.plan(&declared).await.unwrap();
    assert!(plan.summary().is_empty());
    session.settle(&plan).await.unwrap();
    let serial = session.state.serial;
    session.settle(&plan).await.unwrap();
    assert_eq!(session.state.serial, serial, "what is written is not written again");
    assert_eq!(world.open(Events::default()).await.unwrap().state.outputs, outputs);
}

/// A disk that is full from a record on; the journal's lines before it are safe.
struct Full {
    store: FileStore,
    from: &'static str,
    full: AtomicBool,
}

impl Store for Full {
    fn load(&self) -> BoxFuture<'_, Result<Loaded, StoreError>> {
        self.store.load()
    }

    fn append(&self, lines: Vec<u8>) -> BoxFuture<'_, Result<(), StoreError>> {
        let full = self.full.load(Ordering::SeqCst) || String::from_utf8_lossy(&lines).contains(self.from);
        self.full.store(full, Ordering::SeqCst);
        match full {
            true => Box::pin(async { Err(StoreError::Closed) }),
            false => self.store.append(lines),
        }
    }

    fn compact<'a>(&'a self, state: &'a State) -> BoxFuture<'a, Result<(), StoreError>> {
        match self.full.load(Ordering::SeqCst) {
            true => Box::pin(async { Err(StoreError::Closed) }),
            false => self.store.compact(state),
        }
    }
}

#[tokio::test]
async fn a_run_that_can_write_no_more_tells_what_it_did() {
    for (from, done, failed, left) in [("\"outputs\"", 2, 0, 0), ("\"m.b\"", 1, 1, 0)] {
        let world = World::default();
        let store = Arc::new(Full { store: FileStore::new(world.dir.path()), from, full: AtomicBool::new(false) });
        let mut session =
            Session::open(store, world.surroundings(), "fake", Events::default(), Purpose::Write).await.unwrap();
        let mut stack = stack();
        let a = stack.add_value("m.a", "Test::Thing", json!({ "Size": 1 }));
        stack.add_value("m.b", "Test::Thing", json!({ "Of": a.id() }));
        let graph = Graph::build(stack.finish().0, &catalogue()).unwrap();
        let plan = session.plan(&everything(&graph)).await.unwrap();
        let outcome = session.apply(&plan, "deploy", world.options()).await.unwrap();
        assert_eq!((outcome.done, outcome.failed.len(), outcome.left.len()), (done, failed, left), "{outcome:?}");
        assert!(outcome.unwritten.is_some() && !outcome.is_complete(), "{outcome:?}");
    }
}

#[tokio::test]
async fn a_state_that_was_moved_is_opened_by_nobody() {
    let world = World::default();
    let left = State { cloud: "fake".to_owned(), moved_to: Some("elsewhere".to_owned()), ..State::default() };
    FileStore::new(world.dir.path()).compact(&left).await.unwrap();
    let error = world.open(Events::default()).await.err().unwrap();
    assert_eq!(error.to_string(), "the state of test/test was moved to elsewhere");
}
