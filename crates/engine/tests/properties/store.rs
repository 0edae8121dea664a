//! A store in memory, and one that dies with the process.

use std::sync::{Arc, Mutex, PoisonError};

use engine::State;
use engine::catalogue::BoxFuture;
use engine::store::{Loaded, Store, StoreError, codec};

use crate::fate::Fate;

/// Snapshot and journal as bytes in memory.
#[derive(Default)]
pub struct MemoryStore(Mutex<(Vec<u8>, Vec<u8>)>);

impl MemoryStore {
    pub fn bytes(&self) -> (Vec<u8>, Vec<u8>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What a new process finds.
    pub fn state(&self) -> State {
        let (snapshot, journal) = self.bytes();
        let mut state = match snapshot.is_empty() {
            true => State::default(),
            false => codec::decode_snapshot(&snapshot).expect("a whole snapshot").state,
        };
        codec::decode(&journal).records.iter().for_each(|record| state.apply(record));
        state
    }
}

impl Store for MemoryStore {
    fn load(&self) -> BoxFuture<'_, Result<Loaded, StoreError>> {
        let lost = codec::decode(&self.bytes().1).cut;
        Box::pin(async move { Ok(Loaded { state: self.state(), lost, ..Loaded::default() }) })
    }

    fn append(&self, lines: Vec<u8>) -> BoxFuture<'_, Result<(), StoreError>> {
        let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A line cut off by a crash must not run into the next one.
        let whole = bytes.1.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        bytes.1.truncate(whole);
        bytes.1.extend(lines);
        Box::pin(async { Ok(()) })
    }

    fn compact<'a>(&'a self, state: &'a State) -> BoxFuture<'a, Result<(), StoreError>> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (codec::encode_snapshot(1, state), Vec::new());
        Box::pin(async { Ok(()) })
    }
}

/// A store in a process that may die before or after each write, or in the middle of an append.
pub struct Mortal {
    pub inner: Arc<dyn Store>,
    pub fate: Arc<Fate>,
}

impl Store for Mortal {
    fn load(&self) -> BoxFuture<'_, Result<Loaded, StoreError>> {
        self.inner.load()
    }

    fn claim(&self) -> BoxFuture<'_, Result<Loaded, StoreError>> {
        self.inner.claim()
    }

    fn append(&self, lines: Vec<u8>) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let (_, was_dead) = self.fate.befallen();
            if self.fate.reached() {
                if let (Some(torn), false) = (self.fate.torn(), was_dead) {
                    let written = lines.len() * usize::from(torn) / 255;
                    self.inner.append(lines[..written].to_vec()).await?;
                }
                std::future::pending::<()>().await;
            }
            self.inner.append(lines).await?;
            self.fate.point().await;
            Ok(())
        })
    }

    fn compact<'a>(&'a self, state: &'a State) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(async move {
            self.fate.point().await;
            self.inner.compact(state).await?;
            self.fate.point().await;
            Ok(())
        })
    }
}
