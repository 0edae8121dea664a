//! One run at a time, wherever it runs: a lease that its holder renews, and that ends by itself when nobody does.
//!
//! A lock is a small document that is only ever changed by compare-and-swap: an S3 object ([`in_bucket`]) or an item of a
//! DynamoDB table ([`in_table`]). Taking it, taking it over after its end, renewing it and letting go are all one
//! conditional write, so that two runs can never both believe to have done it.
//!
//! Two machines' clocks are never compared. Whether another's lease has ended is judged by the server's clock alone (when
//! the document was written, and what time it is in the same answer); where a server does not tell, by seeing the document
//! unchanged for a whole lease. The holder counts its own lease from before the request that renewed it, so that it ends
//! here before it ends for anybody else; the clock for that goes on while a laptop sleeps. Once ended, a lease stays lost,
//! even if nobody took it: the run stops, and the same command again goes on.
//!
//! A run that was paused between looking at its lease and writing is what the fencing of
//! [`S3Store`](crate::S3Store) is for.

mod item;
mod object;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use engine::catalogue::BoxFuture;
use engine::store::{Holder, StoreError};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::Gate;
use crate::clock::{Moment, unique};

pub use item::in_table;
pub use object::in_bucket;

/// How long a lease lasts unless told otherwise.
pub const LEASE: Duration = Duration::from_secs(30);
/// How often a waiting run looks.
const LOOK: Duration = Duration::from_millis(500);

/// What a lock says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Document {
    /// Names this very lease.
    pub(crate) id: String,
    pub(crate) holder: Holder,
    /// How long the lease lasts from each renewal, in seconds.
    pub(crate) seconds: u64,
    /// Counts the renewals.
    pub(crate) beat: u64,
}

/// Whether a lease has ended, by the server's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Yes,
    No,
    /// The server does not tell its time.
    Unknown,
    /// It is no lease: it does not end by itself.
    Never,
}

/// A lock as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) document: Document,
    /// Changes with each write.
    pub(crate) version: String,
    pub(crate) ended: Ended,
}

/// A place for one lock, changed by compare-and-swap only.
pub(crate) trait Cell: Send + Sync {
    /// For people: where the lock is.
    fn place(&self) -> String;
    /// What is there. `None`: it is free.
    fn look(&self) -> BoxFuture<'_, Result<Option<Seen>, StoreError>>;
    /// Writes the document if what is there is still of this version (`None`: nothing is there), and gives the new
    /// version; `None`: another write came first.
    fn swap<'a>(
        &'a self,
        version: Option<&'a str>,
        document: &'a Document,
    ) -> BoxFuture<'a, Result<Option<String>, StoreError>>;
    /// Removes it if it is still of this version.
    fn remove<'a>(&'a self, version: &'a str) -> BoxFuture<'a, Result<bool, StoreError>>;
}

/// The lock of one environment.
#[derive(Clone)]
pub struct RemoteLock(pub(crate) Arc<dyn Cell>);

/// How a lock is taken.
#[derive(Clone, Copy, Debug)]
pub struct Terms {
    /// How long the lease lasts from each renewal, in whole seconds; it is renewed every third of it.
    pub lease: Duration,
    /// How long to wait for another holder to let go; zero: not at all.
    pub wait: Duration,
}

impl Default for Terms {
    fn default() -> Self {
        Self { lease: LEASE, wait: Duration::ZERO }
    }
}

/// Somebody who holds a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Who.
    pub holder: Holder,
    /// Whether the lease has ended: the next run takes it over without a question.
    pub ended: bool,
    /// Whether it ends by itself when nobody renews it. Another program's lock does not.
    pub ends: bool,
    version: String,
}

impl RemoteLock {
    /// For people: where the lock is.
    pub fn place(&self) -> String {
        self.0.place()
    }

    /// Who holds it.
    ///
    /// # Errors
    /// The place cannot be read.
    pub async fn holder(&self) -> Result<Option<Held>, StoreError> {
        let seen = self.0.look().await?;
        Ok(seen.map(|seen| Held {
            holder: seen.document.holder,
            ended: seen.ended == Ended::Yes,
            ends: seen.ended != Ended::Never,
            version: seen.version,
        }))
    }

    /// Takes it away from its holder. False: the holder renewed it or let go meanwhile.
    ///
    /// # Errors
    /// The place cannot be written.
    pub async fn take_away(&self, from: &Held) -> Result<bool, StoreError> {
        self.0.remove(&from.version).await
    }

    /// Takes it, after waiting if need be; `waiting` is told for whom, once for each holder.
    ///
    /// # Errors
    /// [`StoreError::Locked`] or [`StoreError::LockedForGood`] by whom, or the place cannot be read or written.
    pub async fn take(
        &self,
        holder: Holder,
        terms: Terms,
        mut waiting: impl FnMut(&Holder),
    ) -> Result<Lease, StoreError> {
        let began = Instant::now();
        let document = Document { id: unique(), holder, seconds: terms.lease.as_secs().max(1), beat: 0 };
        let mut tried = Moment::now();
        let mut watched: Option<(String, Moment)> = None;
        let mut told: Option<String> = None;
        loop {
            let seen = self.0.look().await?;
            let over = match seen {
                // Written by a try of which nobody knew whether it was carried out.
                Some(seen) if seen.document.id == document.id => {
                    return Ok(Lease::hold(self.0.clone(), document, seen.version, tried));
                }
                Some(seen) if !has_ended(&seen, &mut watched) => {
                    if began.elapsed() >= terms.wait {
                        let holder = Box::new(seen.document.holder);
                        return Err(match seen.ended {
                            Ended::Never => StoreError::LockedForGood(holder),
                            _ => StoreError::Locked(holder),
                        });
                    }
                    if told.as_ref() != Some(&seen.document.id) {
                        waiting(&seen.document.holder);
                        told = Some(seen.document.id);
                    }
                    tokio::time::sleep(LOOK.min(terms.wait.saturating_sub(began.elapsed()))).await;
                    continue;
                }
                Some(seen) => Some(seen.version),
                None => None,
            };
            tried = Moment::now();
            if let Some(version) = self.0.swap(over.as_deref(), &document).await? {
                return Ok(Lease::hold(self.0.clone(), document, version, tried));
            }
        }
    }
}

/// By the server's clock; else by what was watched: the same version for a whole lease.
fn has_ended(seen: &Seen, watched: &mut Option<(String, Moment)>) -> bool {
    match seen.ended {
        Ended::Yes => true,
        Ended::No | Ended::Never => false,
        Ended::Unknown => match watched {
            Some((version, since)) if *version == seen.version => {
                since.elapsed() > Duration::from_secs(seen.document.seconds)
            }
            _ => {
                *watched = Some((seen.version.clone(), Moment::now()));
                false
            }
        },
    }
}

/// A held lock. A task of its own renews it until [`Lease::release`].
pub struct Lease {
    shared: Arc<Shared>,
    heart: JoinHandle<()>,
}

struct Shared {
    cell: Arc<dyn Cell>,
    lease: Duration,
    mine: tokio::sync::Mutex<Mine>,
    /// From when the lease counts.
    since: Mutex<Moment>,
    lost: watch::Sender<Option<String>>,
}

struct Mine {
    document: Document,
    version: String,
}

impl Lease {
    fn hold(cell: Arc<dyn Cell>, document: Document, version: String, since: Moment) -> Self {
        let shared = Arc::new(Shared {
            cell,
            lease: Duration::from_secs(document.seconds),
            mine: tokio::sync::Mutex::new(Mine { document, version }),
            since: Mutex::new(since),
            lost: watch::Sender::new(None),
        });
        let heart = tokio::spawn(beat(shared.clone()));
        Self { shared, heart }
    }

    /// For people: where the lock is.
    pub fn place(&self) -> String {
        self.shared.cell.place()
    }

    /// Asked before each call and each write: whether the lease still lasts, or why not. Never waits.
    pub fn gate(&self) -> Gate {
        let shared = self.shared.clone();
        Arc::new(move || shared.check())
    }

    /// Becomes the reason when the lease is lost.
    pub fn lost(&self) -> watch::Receiver<Option<String>> {
        self.shared.lost.subscribe()
    }

    /// Lets go. What another took since is left to it.
    ///
    /// # Errors
    /// The place cannot be written: the lock ends by itself, after the lease.
    pub async fn release(self) -> Result<(), StoreError> {
        self.heart.abort();
        // A lost lease is nobody's or another's: nothing is called for it any more.
        if self.shared.lost.borrow().is_some() {
            return Ok(());
        }
        let mine = self.shared.mine.lock().await;
        if self.shared.cell.remove(&mine.version).await? {
            return Ok(());
        }
        // A renewal that was cut off just now may have been carried out.
        match self.shared.cell.look().await? {
            Some(seen) if seen.document.id == mine.document.id => {
                self.shared.cell.remove(&seen.version).await.map(drop)
            }
            _ => Ok(()),
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // Nobody renews it: it ends by itself.
        self.heart.abort();
    }
}

impl Shared {
    fn elapsed(&self) -> Duration {
        self.since.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }

    fn check(&self) -> Result<(), String> {
        if let Some(why) = self.lost.borrow().as_ref() {
            return Err(why.clone());
        }
        let elapsed = self.elapsed();
        // A call that is let through takes its time, too: the last tenth of the lease is kept for it.
        if elapsed > self.lease - self.lease / 10 {
            let seconds = elapsed.as_secs();
            return Err(self.lose(format!("its lease was not renewed for {seconds} s, and others may take it over")));
        }
        Ok(())
    }

    /// The first reason stays.
    fn lose(&self, why: String) -> String {
        self.lost.send_if_modified(|lost| {
            let first = lost.is_none();
            if first {
                *lost = Some(why.clone());
            }
            first
        });
        self.lost.borrow().clone().unwrap_or(why)
    }

    /// Renews the lease once. False: it is lost.
    async fn renew(&self) -> bool {
        let mut mine = self.mine.lock().await;
        let tried = Moment::now();
        mine.document.beat += 1;
        let swap = self.cell.swap(Some(&mine.version), &mine.document);
        // A lease that ended here must not begin again: another may have had it in between, and let go.
        match tokio::time::timeout(self.lease / 3, swap).await {
            _ if self.check().is_err() => false,
            Ok(Ok(Some(version))) => {
                mine.version = version;
                *self.since.lock().unwrap_or_else(PoisonError::into_inner) = tried;
                true
            }
            Ok(Ok(None)) => match self.cell.look().await {
                // A renewal of which nobody knew whether it was carried out: it was.
                Ok(Some(seen)) if seen.document.id == mine.document.id => {
                    mine.version = seen.version;
                    true
                }
                Ok(Some(seen)) => {
                    self.lose(format!("{} has it now", seen.document.holder));
                    false
                }
                Ok(None) => {
                    self.lose("it was taken away (`unlock`)".to_owned());
                    false
                }
                Err(_) => true,
            },
            // As long as the lease lasts, the next beat may get through.
            Ok(Err(_)) | Err(_) => true,
        }
    }
}

/// The holder's heartbeat: every third of the lease, sooner after a beat that did not get through.
async fn beat(shared: Arc<Shared>) {
    loop {
        let rest = (shared.lease / 3).saturating_sub(shared.elapsed());
        tokio::time::sleep(rest.max(shared.lease / 20)).await;
        if shared.check().is_err() || !shared.renew().await {
            return;
        }
    }
}
