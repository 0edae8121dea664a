//! Where state is kept: a snapshot and a journal that is only ever appended to.

pub mod codec;
mod disk;
pub mod file;
pub mod journal;
pub mod lock;

use std::path::PathBuf;

use crate::State;
use crate::catalogue::BoxFuture;

pub use file::FileStore;
pub use journal::Journal;
pub use lock::{Holder, Lock};

/// Why state cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The file system said no.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
    /// The snapshot is damaged, and so is the one before it, or there is none.
    #[error("{path}: the state snapshot is damaged: {why}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// A newer Groundplan wrote it.
    #[error("{path}: a newer Groundplan wrote it (format {format})")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        format: u32,
    },
    /// Another run holds the lock.
    #[error("another run is at work: {0}")]
    Locked(Box<Holder>),
    /// Something else holds the lock, and its death does not end it: another program's lock, or one that nobody can read.
    #[error("the state is locked, and that lock does not end by itself: {0}")]
    LockedForGood(Box<Holder>),
    /// A store on another machine said no.
    #[error("{place}: {failure}")]
    Remote {
        /// The object or item, such as `s3://bucket/key`.
        place: String,
        /// What it said.
        failure: Box<crate::Failure>,
    },
    /// Another run has taken over since: this one must not write any more.
    #[error("another run has taken over the state ({by}); nothing more is written or called by this one")]
    Fenced {
        /// What is known of the other run.
        by: String,
    },
    /// The writer of the journal is gone.
    #[error("the journal is closed")]
    Closed,
}

/// What was found in a store.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The state that snapshot and journal make together.
    pub state: State,
    /// The journal's last line, if it was not whole: the last run was cut off there. Nothing was lost by it: what it
    /// would have said is found out by looking.
    pub lost: Option<String>,
    /// What was damaged and could not all be made up for: records are missing. What they told of is found again by
    /// tags and names ([`rebuild`](crate::rebuild)). The state has a note of it until then ([`State::damaged`]).
    pub damaged: Option<String>,
    /// What was damaged and made up for without loss.
    pub mended: Option<String>,
}

/// A place for an environment's state.
pub trait Store: Send + Sync {
    /// Reads snapshot and journal. Changes nothing.
    fn load(&self) -> BoxFuture<'_, Result<Loaded, StoreError>>;
    /// Reads them for a run that will write, and shuts every earlier run out: from here on its appends and snapshots
    /// fail with [`StoreError::Fenced`], and what it appended before is in what this returns. The default is for
    /// stores whose lock a dead or paused run cannot lose.
    fn claim(&self) -> BoxFuture<'_, Result<Loaded, StoreError>> {
        self.load()
    }
    /// Appends encoded lines to the journal; they are safe when it returns.
    fn append(&self, lines: Vec<u8>) -> BoxFuture<'_, Result<(), StoreError>>;
    /// Puts a new snapshot in place, atomically, and begins an empty journal.
    fn compact<'a>(&'a self, state: &'a State) -> BoxFuture<'a, Result<(), StoreError>>;
}
