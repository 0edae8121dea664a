//! Where an environment's state is: on disk, or in S3; its store, its lock, and what is remembered of the place.

use std::fs::DirEntry;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cloud::Cloud;
use engine::State;
use engine::store::file::{aside, write_atomically};
use engine::store::{FileStore, Holder, Loaded, Lock, Store, StoreError};
use remote_state::{Gate, Lease, Place, RemoteLock, S3Store, Terms, in_bucket, in_table};
use serde::{Deserialize, Serialize};

use crate::display::talk;
use crate::error::{About, Error, Result};

/// What the file is called that remembers where the state in S3 is: for when the environment's own file is gone.
pub const WHERE: &str = "where.json";
/// How often the lock on disk is tried again while a run waits for it.
const LOOK: Duration = Duration::from_millis(200);
/// How long a lease lasts, in seconds; for tests, which do not want to wait for a dead run's.
const LEASE_SECONDS: &str = "GROUNDPLAN_LEASE_SECONDS";

/// A place in S3, as it is remembered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remote {
    /// Bucket, region, keys.
    #[serde(flatten)]
    pub place: Place,
    /// The DynamoDB table of a second lock, beside the one in the bucket.
    pub lock_table: Option<String>,
    /// The account that it was reached in.
    pub account: String,
}

/// The kinds of place.
#[derive(Clone)]
pub enum At {
    /// The directory of this machine.
    Disk,
    /// A bucket.
    S3 {
        /// Which.
        remote: Remote,
        /// The way there.
        cloud: Arc<Cloud>,
    },
}

/// Where the state of one environment on one cloud is.
#[derive(Clone)]
pub struct StateHome {
    /// The directory of this machine; in S3's case it holds [`WHERE`] only.
    pub dir: PathBuf,
    /// The place.
    pub at: At,
}

/// A held lock.
pub enum Held {
    /// On disk: the kernel lets go of it.
    Disk(Lock),
    /// In S3, and in a table beside it: renewed until they are let go of.
    S3(Vec<Lease>),
}

impl StateHome {
    /// On disk.
    pub fn disk(dir: PathBuf) -> Self {
        Self { dir, at: At::Disk }
    }

    /// In S3.
    pub fn s3(dir: PathBuf, remote: Remote, cloud: Arc<Cloud>) -> Self {
        Self { dir, at: At::S3 { remote, cloud } }
    }

    /// For people: `s3://bucket/…/state.json`, or a path.
    pub fn place(&self) -> String {
        match &self.at {
            At::Disk => self.dir.join("state.json").display().to_string(),
            At::S3 { remote, .. } => remote.place.to_string(),
        }
    }

    /// Whether both are the same place.
    pub fn is(&self, other: &Self) -> bool {
        match (&self.at, &other.at) {
            (At::Disk, At::Disk) => self.dir == other.dir,
            (At::S3 { remote, .. }, At::S3 { remote: other, .. }) => remote.place == other.place,
            _ => false,
        }
    }

    /// The store, for a command that says to others who it is.
    pub fn store(&self, command: &str, gate: Option<Gate>) -> Arc<dyn Store> {
        match &self.at {
            At::Disk => Arc::new(FileStore::new(&self.dir)),
            At::S3 { remote, cloud } => Arc::new(S3Store::new(cloud, remote.place.clone(), Holder::me(command), gate)),
        }
    }

    /// The store in S3, for what only that has: versions.
    pub fn s3_store(&self, command: &str, gate: Option<Gate>) -> Option<S3Store> {
        match &self.at {
            At::Disk => None,
            At::S3 { remote, cloud } => Some(S3Store::new(cloud, remote.place.clone(), Holder::me(command), gate)),
        }
    }

    /// For people who may be elsewhere: with whose machine it is, where it is a path.
    pub fn told_elsewhere(&self) -> String {
        match &self.at {
            At::Disk => format!("{} of {}", self.place(), Holder::me("").who),
            At::S3 { .. } => self.place(),
        }
    }

    /// The state as it is, without changing anything, and what is wrong with it.
    pub async fn load(&self) -> std::result::Result<Loaded, StoreError> {
        self.store("look", None).load().await
    }

    /// The state as it is, without changing anything.
    pub async fn state(&self) -> std::result::Result<State, StoreError> {
        Ok(self.load().await?.state)
    }

    /// Whether a state is there that tells of anything. What is damaged does; a bucket that is gone does not.
    pub async fn has_state(&self) -> Result<bool> {
        match self.state().await {
            Ok(state) => Ok(!state.is_empty()),
            Err(StoreError::Damaged { .. }) => Ok(true),
            Err(StoreError::Remote { failure, .. }) if failure.code == "NoSuchBucket" => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Puts a state in the place of what is there, whatever that is; the lock is held.
    pub async fn replace(&self, state: &State, command: &str, held: &Held) -> Result<()> {
        match self.s3_store(command, held.gate()) {
            Some(store) => store.replace(state).await?,
            None => FileStore::new(&self.dir).compact(state).await?,
        }
        Ok(())
    }

    /// Moves files that cannot be read out of the way of what takes their place.
    pub fn set_damaged_aside(&self) -> Result<()> {
        if !matches!(self.at, At::Disk) {
            return Ok(());
        }
        for path in self.files()? {
            let aside = aside(&path);
            std::fs::rename(&path, &aside).about(&aside)?;
        }
        Ok(())
    }

    /// The files of a state on disk: snapshots and journals. Copies of what was damaged are not among them.
    pub fn files(&self) -> Result<Vec<PathBuf>> {
        let is_ours = |file: &DirEntry| {
            let name = file.file_name().to_string_lossy().into_owned();
            (name.starts_with("state") || name.starts_with("journal-")) && !name.ends_with(".damaged")
        };
        let all = std::fs::read_dir(&self.dir).about(&self.dir)?.flatten();
        Ok(all.filter(is_ours).map(|file| file.path()).collect())
    }

    /// The lock in S3, and the one in a table, in the order in which they are taken. Whoever's file names no table, or
    /// another, meets that in the bucket.
    pub fn remote_locks(&self) -> Vec<RemoteLock> {
        match &self.at {
            At::Disk => Vec::new(),
            At::S3 { remote, cloud } => {
                let table = remote.lock_table.as_deref().map(|table| in_table(cloud, &remote.place, table));
                [in_bucket(cloud, remote.place.clone())].into_iter().chain(table).collect()
            }
        }
    }

    /// Takes the lock, after waiting if need be. From then on calls are made and state is written only while it is held.
    pub async fn lock(&self, command: &str, wait: Duration) -> Result<Held> {
        let waiting = |holder: &Holder| talk(format_args!("waiting for the lock: {holder}"));
        let At::S3 { cloud, .. } = &self.at else { return self.lock_file(command, wait, waiting).await };
        let seconds = std::env::var(LEASE_SECONDS).ok().and_then(|text| text.parse().ok());
        let lease = seconds.map_or(remote_state::LEASE, Duration::from_secs);
        let began = Instant::now();
        let mut leases = Vec::new();
        for lock in self.remote_locks() {
            let terms = Terms { lease, wait: wait.saturating_sub(began.elapsed()) };
            match lock.take(Holder::me(command), terms, waiting).await {
                Ok(lease) => leases.push(lease),
                Err(error) => {
                    Held::S3(leases).release().await;
                    return Err(error.into());
                }
            }
        }
        let held = Held::S3(leases);
        held.gate().into_iter().for_each(|gate| cloud.guard_by(gate));
        Ok(held)
    }

    async fn lock_file(&self, command: &str, wait: Duration, waiting: impl Fn(&Holder)) -> Result<Held> {
        let began = Instant::now();
        let mut told: Option<Box<Holder>> = None;
        loop {
            match Lock::take(&self.dir, command) {
                Ok(lock) => return Ok(Held::Disk(lock)),
                Err(StoreError::Locked(holder)) if began.elapsed() < wait => {
                    if told.as_ref() != Some(&holder) {
                        waiting(&holder);
                        told = Some(holder);
                    }
                    tokio::time::sleep(LOOK.min(wait.saturating_sub(began.elapsed()))).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Forgets the place: nothing of the environment is left, and its next state may be anywhere.
    pub async fn forget(&self) -> Result<()> {
        if matches!(self.at, At::Disk) {
            return Ok(());
        }
        let disk = Self::disk(self.dir.clone());
        disk.remember()?;
        // What was left behind by a migration points to a state of nothing.
        if disk.state().await.is_ok_and(|state| state.is_empty() && state.moved_to.is_some()) {
            FileStore::new(&self.dir).compact(&State::default()).await?;
        }
        Ok(())
    }

    /// Remembers the place beside what is on disk: a run has written there.
    pub fn remember(&self) -> Result<()> {
        let path = self.dir.join(WHERE);
        match &self.at {
            At::Disk => match std::fs::remove_file(&path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).about(&path),
                _ => Ok(()),
            },
            At::S3 { remote, .. } => {
                let bytes = serde_json::to_vec_pretty(remote).map_err(|error| Error::told(error.to_string()))?;
                Ok(write_atomically(&path, &bytes)?)
            }
        }
    }
}

/// Whether a directory of this machine tells where the state of its environment is.
pub fn is_known(dir: &Path) -> bool {
    dir.join(WHERE).is_file() || dir.join("state.json").is_file()
}

/// The place in S3 that was written last, if one was.
pub fn remembered(dir: &Path) -> Option<Remote> {
    serde_json::from_slice(&std::fs::read(dir.join(WHERE)).ok()?).ok()
}

impl Held {
    /// Whether it is still held, asked before each write; on disk it cannot be lost.
    pub fn gate(&self) -> Option<Gate> {
        match self {
            Self::Disk(_) => None,
            Self::S3(leases) => {
                let gates: Vec<Gate> = leases.iter().map(Lease::gate).collect();
                Some(Arc::new(move || gates.iter().try_for_each(|gate| gate())))
            }
        }
    }

    /// Why it is not held any more.
    pub fn lost(&self) -> Option<String> {
        self.gate().and_then(|gate| gate().err())
    }

    /// Lets go.
    pub async fn release(self) {
        match self {
            Self::Disk(lock) => drop(lock),
            // What cannot be let go of ends by itself.
            Self::S3(leases) => {
                for lease in leases {
                    drop(lease.release().await);
                }
            }
        }
    }
}
