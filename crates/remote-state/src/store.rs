//! State in S3: a snapshot, and a journal of objects that nobody can write twice.
//!
//! `state.json` is the snapshot of a *generation* g; `journal-g/00000001.jsonl`, `00000002.jsonl`, … go on from it. An
//! append is one PUT for a whole group of records (the group commit of [`Journal`](engine::store::Journal)), so a journal
//! costs as many requests as the run has groups, never one per record. Three rules carry everything:
//!
//! 1. A segment is written with `If-None-Match: *`. Numbers have no gaps, so the journal of a generation is one sequence,
//!    and each place in it is taken once.
//! 2. The snapshot is written with `If-Match` of the one that was read, and opens the next generation.
//! 3. Who wants to write *seals* first: takes the journal's next place with an object that names it. The seal stays when
//!    the records before it were folded into the next snapshot and deleted. That of the very first snapshot says so once
//!    it is there (`Seal::opened`): without any other trace, a snapshot that is gone could not be told from none yet.
//!
//! Why an earlier run that still lives (its machine slept, its lease ended) cannot write any more once
//! [`claim`](Store::claim) returned, and nothing that it was told is safe gets lost:
//!
//! | what the earlier run does | when | what happens |
//! |---|---|---|
//! | append | before the seal | it took the place that the seal wanted: the seal is refused, the claim reads again, and has the record; a second seal some places ahead ends such a race |
//! | append | after the seal | its place is the seal's: refused, `Fenced` |
//! | append | after its journal was folded and deleted | the seal is still there: refused, `Fenced` |
//! | compact | before the claim's snapshot | the claim's snapshot is refused (rule 2); it starts over from the new one, where the run's next place is sealed |
//! | compact | after it | refused (rule 2), `Fenced` |
//! | claim, at the same time | any | both may seal, at different places; one snapshot wins; the other claim starts over and shuts the first out, which is told so by its next write. Leases keep that from happening |
//! | nothing, killed | any | its seal and segments are read as any others |
//!
//! A broken connection leaves open whether a write was carried out. Each write carries a name of its own, by which its
//! writer knows it again: a refused write that finds itself there was carried out, and an append that finds an earlier
//! try of its own goes on behind it.
//!
//! S3 reads what was written last (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/Welcome.html#ConsistencyModel>),
//! but snapshot and segments are several reads: [`load`](Store::load) asks for the snapshot's ETag again at the end, and
//! reads anew if another took its place meanwhile. Conditional writes:
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>.

mod seal;

use std::path::PathBuf;

use engine::State;
use engine::catalogue::BoxFuture;
use engine::store::codec::{self, Unreadable};
use engine::store::{Holder, Loaded, Store, StoreError};
use engine::{Failure, FailureKind};
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use tokio::sync::Mutex;

use crate::Gate;
use crate::objects::{If, Object, Objects, Written};
use crate::place::{Place, SNAPSHOT};
use seal::{Seal, fenced, is_seal, numbers};

/// How often something is begun anew because others wrote meanwhile.
const TRIES: usize = 20;
/// Segments read at the same time.
const AT_ONCE: usize = 16;
/// How long seals stay, in seconds: 30 days. No run pauses for longer and still has credentials and a lease.
const SEALS_STAY: i64 = 30 * 24 * 3600;
/// The snapshot's metadata that names its generation, for when its content is damaged.
const GENERATION: &str = "groundplan-generation";
/// How many places ahead the journal of a run is sealed that appends all the time, at first.
const WALL: u64 = 8;
/// How many earlier versions of a damaged snapshot are asked for its generation.
const VERSIONS: usize = 5;
/// The generation that a damaged snapshot is taken for of which nothing else is left.
const BEYOND: u64 = 1000;

/// The state of one environment in S3.
pub struct S3Store {
    objects: Objects,
    holder: Holder,
    gate: Option<Gate>,
    open: Mutex<Option<Open>>,
}

/// What a run that writes goes on from.
struct Open {
    generation: u64,
    etag: String,
    /// The number of the next segment.
    next: u64,
}

/// What is there.
struct Found {
    generation: u64,
    /// The snapshot's ETag; `None`: there is no snapshot.
    etag: Option<String>,
    /// The state, or what is wrong with the snapshot.
    state: Result<State, String>,
    /// The numbers of the segments that hold records.
    records: Vec<u64>,
    /// The number of the next segment: the first free place behind all records.
    next: u64,
    /// What is wrong with segments.
    damaged: Vec<String>,
    /// Whether a seal says that a snapshot was written.
    opened: bool,
}

impl S3Store {
    /// A store that says to others who writes. It writes as long as the gate allows: [`Lease::gate`](crate::Lease::gate).
    pub fn new(cloud: &cloud::Cloud, place: Place, holder: Holder, gate: Option<Gate>) -> Self {
        Self { objects: Objects::new(cloud, place), holder, gate, open: Mutex::default() }
    }

    /// Where it is.
    pub fn place(&self) -> &Place {
        self.objects.place()
    }

    /// Whether there is a snapshot at all, whatever is in it.
    ///
    /// # Errors
    /// The bucket cannot be reached, or is not there.
    pub async fn exists(&self) -> Result<bool, StoreError> {
        Ok(self.objects.etag(SNAPSHOT).await?.is_some())
    }

    /// The versions of the snapshot that the bucket still has, the newest first.
    ///
    /// # Errors
    /// The bucket cannot be reached, or is not there.
    pub async fn versions(&self) -> Result<Vec<Version>, StoreError> {
        self.objects.versions(SNAPSHOT).await
    }

    /// The state as a version of the snapshot has it; the journal that went on from it is not in it. `None`: there is no
    /// such version.
    ///
    /// # Errors
    /// The bucket cannot be reached, or the version is damaged.
    pub async fn version(&self, id: &str) -> Result<Option<State>, StoreError> {
        let Some(object) = self.objects.get_version(SNAPSHOT, Some(id)).await? else { return Ok(None) };
        let snapshot = codec::decode_snapshot(&object.bytes).map_err(|why| why.at(self.place().uri(SNAPSHOT)))?;
        Ok(Some(snapshot.state))
    }

    /// Puts this state in the place of whatever is there, damaged or not, and shuts every earlier run out.
    ///
    /// # Errors
    /// The bucket cannot be reached, or the lease is lost.
    pub async fn replace(&self, state: &State) -> Result<(), StoreError> {
        self.seize(Some(state)).await.map(drop)
    }

    fn pass(&self) -> Result<(), StoreError> {
        match &self.gate {
            Some(gate) => gate().map_err(|by| StoreError::Fenced { by }),
            None => Ok(()),
        }
    }

    fn damaged(&self, why: String) -> StoreError {
        StoreError::Damaged { path: PathBuf::from(self.place().uri(SNAPSHOT)), why }
    }

    fn restless(&self) -> StoreError {
        let failure = Failure::new(FailureKind::Unavailable, "others write the state again and again");
        crate::objects::remote(self.place().uri(SNAPSHOT), failure.hint("try again, with only one run at a time"))
    }

    /// Reads everything, as it was at one moment.
    async fn look(&self) -> Result<Found, StoreError> {
        for _ in 0..TRIES {
            let snapshot = self.objects.get(SNAPSHOT).await?;
            let found = match &snapshot {
                Some(object) => self.found(object).await?,
                None => self.without_snapshot().await?,
            };
            if self.objects.etag(SNAPSHOT).await? == snapshot.map(|object| object.etag) {
                return Ok(found);
            }
        }
        Err(self.restless())
    }

    async fn found(&self, object: &Object) -> Result<Found, StoreError> {
        let etag = Some(object.etag.clone());
        match codec::decode_snapshot(&object.bytes) {
            Ok(snapshot) => {
                let found = Found { etag, ..Found::empty(snapshot.generation, Ok(snapshot.state)) };
                self.with_segments(found).await
            }
            Err(newer @ Unreadable::Newer(_)) => Err(newer.at(self.place().uri(SNAPSHOT))),
            Err(Unreadable::Damaged(why)) => {
                let known = object.metadata.get(GENERATION).and_then(|text| text.parse::<u64>().ok());
                let generation = match known {
                    Some(generation) => generation,
                    None => self.last_generation().await?.unwrap_or(BEYOND),
                };
                self.with_segments(Found { etag, ..Found::empty(generation, Err(why)) }).await
            }
        }
    }

    async fn without_snapshot(&self) -> Result<Found, StoreError> {
        let Some(generation) = self.last_generation().await? else { return Ok(Found::empty(0, Ok(State::default()))) };
        let mut found = self.with_segments(Found::empty(generation, Ok(State::default()))).await?;
        // A first claim seals generation 0 before there is any snapshot; whatever else is there went on from one.
        if generation > 0 || !found.records.is_empty() {
            found.state = Err(format!("it is not there, but journal-{generation} goes on from it"));
        } else if found.opened {
            // Of which generation it was nothing tells.
            let why = "it is not there, but the seal in journal-0 says that it was";
            found = Found::empty(BEYOND, Err(why.to_owned()));
        }
        Ok(found)
    }

    /// The highest generation that is known of without a snapshot: from journals, and from earlier versions of the
    /// snapshot as far as they may be read.
    async fn last_generation(&self) -> Result<Option<u64>, StoreError> {
        let names = self.objects.list("journal-").await?;
        let mut known: Vec<u64> = names.iter().filter_map(|(name, _)| numbers(name)).map(|(it, _)| it).collect();
        let versions = self.objects.versions(SNAPSHOT).await.unwrap_or_default();
        for version in versions.iter().take(VERSIONS) {
            if let Ok(Some(object)) = self.objects.get_version(SNAPSHOT, Some(&version.id)).await {
                known.extend(codec::decode_snapshot(&object.bytes).ok().map(|snapshot| snapshot.generation));
            }
        }
        Ok(known.into_iter().max())
    }

    /// Reads the segments, and takes up their records.
    async fn with_segments(&self, mut found: Found) -> Result<Found, StoreError> {
        let names = self.objects.list(&format!("journal-{}/", found.generation)).await?;
        let objects = self.objects.clone();
        let reads = names.into_iter().map(move |(name, _)| segment(objects.clone(), name));
        let mut segments: Vec<(String, Option<Object>)> = stream::iter(reads).buffered(AT_ONCE).try_collect().await?;
        // One that is gone since was folded into another snapshot: whoever called finds that out.
        segments.retain(|(_, object)| object.is_some());
        let mut sealed = Vec::new();
        for (name, object) in segments {
            let (Some((_, number)), Some(object)) = (numbers(&name), object) else { continue };
            if is_seal(&object) {
                sealed.push(number);
                found.opened |= Seal::read(&object).is_some_and(|seal| seal.opened);
                continue;
            }
            if number != found.next {
                found.damaged.push(format!("{}: {} is missing", self.place().uri(&name), found.next));
            }
            found.next = number + 1;
            found.records.push(number);
            let journalled = codec::decode(&object.bytes);
            if let Ok(state) = &mut found.state {
                journalled.records.iter().for_each(|record| state.apply(record));
            }
            let wrong: Vec<String> = journalled.damaged.into_iter().chain(journalled.cut).collect();
            if !wrong.is_empty() {
                found.damaged.push(format!("{}: {}", self.place().uri(&name), wrong.join(", ")));
            }
        }
        if let Ok(state) = &mut found.state {
            state.lacks(&found.damaged);
        }
        while sealed.contains(&found.next) {
            found.next += 1;
        }
        Ok(found)
    }

    /// Seals the journal, and opens the next generation with the state that follows from what is there, or with another.
    async fn seize(&self, other: Option<&State>) -> Result<Found, StoreError> {
        let mut open = self.open.lock().await;
        for tries in 0..TRIES {
            self.pass()?;
            let found = self.look().await?;
            let state = match (other, &found.state) {
                (Some(state), _) | (None, Ok(state)) => state,
                (None, Err(why)) => return Err(self.damaged(why.clone())),
            };
            let seal = Seal::of(&self.holder, false);
            let name = Place::segment(found.generation, found.next);
            let Written::Done(sealed) = self.objects.put(&name, &seal, If::Absent, &[]).await? else {
                // A late append, or another's seal, came first. A run that appends all the time would always be first:
                // it runs into a wall, put further ahead each time.
                let names = self.objects.list(&format!("journal-{}/", found.generation)).await?;
                let last = names.iter().filter_map(|(name, _)| numbers(name)).map(|(_, number)| number).max();
                let wall = last.unwrap_or(found.next) + (WALL << tries);
                self.objects.put(&Place::segment(found.generation, wall), &seal, If::Absent, &[]).await?;
                continue;
            };
            self.pass()?;
            let generation = found.generation + 1;
            let Some(etag) = self.put_snapshot(generation, state, found.etag.as_deref()).await? else { continue };
            *open = Some(Open { generation, etag, next: 1 });
            if found.etag.is_none() {
                // Of the first snapshot nothing else tells.
                self.objects.put(&name, &Seal::of(&self.holder, true), If::Is(&sealed), &[]).await?;
            }
            self.clean(generation, found.generation, &found.records).await;
            return Ok(found);
        }
        Err(self.restless())
    }

    /// Writes a snapshot over the one that was read. `None`: another is there.
    async fn put_snapshot(
        &self,
        generation: u64,
        state: &State,
        over: Option<&str>,
    ) -> Result<Option<String>, StoreError> {
        let bytes = codec::encode_snapshot(generation, state);
        let condition = over.map_or(If::Absent, If::Is);
        match self.objects.put(SNAPSHOT, &bytes, condition, &[(GENERATION, generation.to_string())]).await? {
            Written::Done(etag) => Ok(Some(etag)),
            Written::Refused(_) => Ok(None),
        }
    }

    /// Deletes what was folded into a snapshot, and seals that nobody can run into any more. What stays does no harm.
    async fn clean(&self, current: u64, folded: u64, records: &[u64]) {
        let mut gone: Vec<String> = records.iter().map(|number| Place::segment(folded, *number)).collect();
        if let (Ok(all), Some(now)) = (self.objects.list("journal-").await, self.objects.clock.now()) {
            let old = all.into_iter().filter(|(name, modified)| {
                numbers(name).is_some_and(|(generation, _)| generation < current)
                    && modified.is_some_and(|modified| now - modified > SEALS_STAY)
            });
            gone.extend(old.map(|(name, _)| name));
        }
        let _ = self.objects.delete(&gone).await;
    }

    /// Who has taken over, as far as the seal at a place tells.
    async fn successor(&self, generation: u64, number: u64) -> Result<StoreError, StoreError> {
        let seal = self.objects.get(&Place::segment(generation, number)).await?;
        Ok(fenced(seal.as_ref()))
    }

    async fn append_lines(&self, lines: Vec<u8>) -> Result<(), StoreError> {
        if self.open.lock().await.is_none() {
            self.claim().await?;
        }
        let mut open = self.open.lock().await;
        let Some(open) = open.as_mut() else { return Err(StoreError::Closed) };
        loop {
            self.pass()?;
            let name = Place::segment(open.generation, open.next);
            match self.objects.put(&name, &lines, If::Absent, &[]).await? {
                Written::Done(_) => {
                    open.next += 1;
                    return Ok(());
                }
                // An earlier append of which nobody knew whether it was carried out: it was.
                Written::Refused(Some(there)) if there.is_of(&self.objects) && !is_seal(&there) => open.next += 1,
                Written::Refused(there) => return Err(fenced(there.as_ref())),
            }
        }
    }

    async fn compact_to(&self, state: &State) -> Result<(), StoreError> {
        if self.open.lock().await.is_none() {
            self.claim().await?;
        }
        let mut open = self.open.lock().await;
        let Some(open) = open.as_mut() else { return Err(StoreError::Closed) };
        self.pass()?;
        let generation = open.generation + 1;
        let Some(etag) = self.put_snapshot(generation, state, Some(&open.etag)).await? else {
            return Err(self.successor(open.generation, open.next).await?);
        };
        let written: Vec<String> = (1..open.next).map(|number| Place::segment(open.generation, number)).collect();
        *open = Open { generation, etag, next: 1 };
        // The records are in the snapshot; what cannot be deleted now does no harm.
        let _ = self.objects.delete(&written).await;
        Ok(())
    }
}

async fn segment(objects: Objects, name: String) -> Result<(String, Option<Object>), StoreError> {
    let object = objects.get(&name).await?;
    Ok((name, object))
}

impl Found {
    fn empty(generation: u64, state: Result<State, String>) -> Self {
        Self { generation, etag: None, state, records: Vec::new(), next: 1, damaged: Vec::new(), opened: false }
    }
}

/// One version of the snapshot.
#[derive(Clone, Debug, Serialize)]
pub struct Version {
    /// Its id.
    pub id: String,
    /// When it was written, as RFC 3339.
    pub time: String,
    /// Its size in bytes.
    pub bytes: i64,
    /// Whether it is the one that counts.
    pub current: bool,
}

impl Store for S3Store {
    fn load(&self) -> BoxFuture<'_, Result<Loaded, StoreError>> {
        Box::pin(async { self.loaded(self.look().await?) })
    }

    fn claim(&self) -> BoxFuture<'_, Result<Loaded, StoreError>> {
        Box::pin(async {
            let found = self.seize(None).await?;
            self.loaded(found)
        })
    }

    fn append(&self, lines: Vec<u8>) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.append_lines(lines))
    }

    fn compact<'a>(&'a self, state: &'a State) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(self.compact_to(state))
    }
}

impl S3Store {
    fn loaded(&self, found: Found) -> Result<Loaded, StoreError> {
        let state = found.state.map_err(|why| self.damaged(why))?;
        Ok(Loaded { damaged: state.damaged.clone(), state, ..Loaded::default() })
    }
}
