//! State in a local directory: `state.json` and `journal-N.jsonl`, readable by the owner only.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::codec::{Snapshot, Unreadable};
use super::disk::{failed as io, keep_damaged};
use super::{Loaded, Store, StoreError, codec};
use crate::State;
use crate::catalogue::BoxFuture;
use crate::crash;

pub use super::disk::{aside, private_dir, write_atomically};

/// How often a look is begun anew because a run puts one snapshot after the other.
const LOOKS: usize = 20;

/// A directory that holds the state of one environment on one cloud.
pub struct FileStore {
    dir: PathBuf,
    open: Arc<Mutex<Option<Open>>>,
}

struct Open {
    generation: u64,
    journal: File,
}

impl FileStore {
    /// A store in a directory, which is made when first written to.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into(), open: Arc::default() }
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io(path)(error)),
    }
}

fn snapshot_path(dir: &Path) -> PathBuf {
    dir.join("state.json")
}

/// The snapshot before the last: with its journal it makes the last one again, should that be damaged.
fn previous_path(dir: &Path) -> PathBuf {
    dir.join("state-previous.json")
}

fn journal_path(dir: &Path, generation: u64) -> PathBuf {
    dir.join(format!("journal-{generation}.jsonl"))
}

/// What was found in a directory.
struct Found {
    /// The number of the journal that goes on.
    generation: u64,
    loaded: Loaded,
    /// How many bytes the ended lines of that journal take.
    ended: usize,
    /// Whether the snapshot must be written anew before anything is appended.
    rewrite: bool,
    /// Journals that are not what was written, and what is wrong with each.
    damaged: Vec<(PathBuf, String)>,
}

/// A snapshot, or what is wrong with it.
fn snapshot(path: &Path) -> Result<Option<Result<Snapshot, String>>, StoreError> {
    let Some(bytes) = read(path)? else { return Ok(None) };
    match codec::decode_snapshot(&bytes) {
        Err(Unreadable::Damaged(why)) => Ok(Some(Err(why))),
        Err(newer) => Err(newer.at(path)),
        Ok(snapshot) => Ok(Some(Ok(snapshot))),
    }
}

/// Loads beside a run that may be at work: what does not fit together is read again if another snapshot was put meanwhile.
fn look(dir: &Path) -> Result<Found, StoreError> {
    for _ in 0..LOOKS {
        let before = stamp(dir);
        let found = load(dir);
        let whole = found.as_ref().is_ok_and(|found| found.damaged.is_empty() && !found.rewrite);
        if whole || stamp(dir) == before {
            return found;
        }
    }
    load(dir)
}

/// What the snapshot begins with, its checksum among it: another with each that is put.
fn stamp(dir: &Path) -> Option<Vec<u8>> {
    let mut start = Vec::new();
    File::open(snapshot_path(dir)).ok()?.take(128).read_to_end(&mut start).ok()?;
    Some(start)
}

/// Whether anything was written there.
fn is_begun(journal: &Path) -> bool {
    fs::metadata(journal).is_ok_and(|file| file.len() > 0)
}

fn load(dir: &Path) -> Result<Found, StoreError> {
    let mut found = read_all(dir)?;
    let mut wrong: Vec<String> =
        found.damaged.iter().map(|(path, wrong)| format!("{}: {wrong}", path.display())).collect();
    if !wrong.is_empty()
        && let Some(mended) = found.loaded.mended.take()
    {
        wrong.insert(0, format!("{mended}, and not all of that is whole"));
    }
    found.loaded.state.lacks(&wrong);
    found.loaded.damaged.clone_from(&found.loaded.state.damaged);
    Ok(found)
}

fn read_all(dir: &Path) -> Result<Found, StoreError> {
    let path = snapshot_path(dir);
    let why = match snapshot(&path)? {
        Some(Ok(snapshot)) => return found(dir, snapshot.generation, snapshot.state),
        Some(Err(why)) => Some(why),
        None => None,
    };
    let previous = match snapshot(&previous_path(dir))? {
        Some(previous) => Some(previous),
        // Before the first snapshot there was nothing, and the first journal.
        None if journal_path(dir, 0).exists() && (why.is_some() || is_begun(&journal_path(dir, 1))) => {
            Some(Ok(Snapshot { generation: 0, state: State::default() }))
        }
        None => None,
    };
    match (previous, why) {
        (None, None) => match later_journal(dir) {
            Some(journal) => Err(StoreError::Damaged {
                path,
                why: format!("it is not there, nor is state-previous.json, but {} is", journal.display()),
            }),
            None => found(dir, 0, State::default()),
        },
        (Some(Ok(previous)), why) => made_again(dir, previous, why.as_deref().unwrap_or("it is not there")),
        (Some(Err(too)), Some(why)) => {
            Err(StoreError::Damaged { path, why: format!("{why}; and so is state-previous.json: {too}") })
        }
        (None, Some(why)) => Err(StoreError::Damaged { path, why }),
        (Some(Err(why)), None) => Err(StoreError::Damaged { path: previous_path(dir), why }),
    }
}

/// The snapshot made again: from the one before with its journal, and the journal that goes on from it. Every snapshot
/// is put beside both of them.
fn made_again(dir: &Path, previous: Snapshot, why: &str) -> Result<Found, StoreError> {
    let path = journal_path(dir, previous.generation);
    let bytes = read(&path)?;
    let mut damaged: Vec<String> = if bytes.is_none() { vec!["it is not there".to_owned()] } else { Vec::new() };
    let between = codec::decode(&bytes.unwrap_or_default());
    let mut state = previous.state;
    between.records.iter().for_each(|record| state.apply(record));
    // That journal was whole when the snapshot was made of it: nothing of it may be cut off.
    damaged.extend(between.damaged.into_iter().chain(between.cut));
    let mut found = found(dir, previous.generation + 1, state)?;
    found.rewrite = true;
    if !damaged.is_empty() {
        found.damaged.insert(0, (path, few(&damaged)));
    }
    let mended = format!("{}: {why}; made again from what was there before it", snapshot_path(dir).display());
    found.loaded.mended = Some(mended);
    Ok(found)
}

/// The first of many, in a line.
fn few(lines: &[String]) -> String {
    const FEW: usize = 3;
    let more = lines.len().saturating_sub(FEW);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    format!("{}{more}", lines[..lines.len().min(FEW)].join(", "))
}

/// A journal that goes on from a snapshot. Beside the first journal an empty one tells nothing: the first snapshot is
/// just being put.
fn later_journal(dir: &Path) -> Option<PathBuf> {
    let first = u64::from(journal_path(dir, 0).exists());
    journals(dir).ok()?.into_iter().find(|(number, _)| *number > first).map(|(_, path)| path)
}

/// The journals there are, with their numbers.
fn journals(dir: &Path) -> Result<Vec<(u64, PathBuf)>, StoreError> {
    let number = |file: &fs::DirEntry| {
        let name = file.file_name();
        name.to_str()?.strip_prefix("journal-")?.strip_suffix(".jsonl")?.parse().ok()
    };
    let files = fs::read_dir(dir).map_err(io(dir))?.flatten();
    Ok(files.filter_map(|file| Some((number(&file)?, file.path()))).collect())
}

/// A snapshot with its journal.
fn found(dir: &Path, generation: u64, mut state: State) -> Result<Found, StoreError> {
    let path = journal_path(dir, generation);
    let bytes = read(&path)?;
    // Every snapshot is put beside the journal that goes on from it.
    let gone = bytes.is_none() && generation > 0;
    let journalled = codec::decode(&bytes.unwrap_or_default());
    journalled.records.iter().for_each(|record| state.apply(record));
    let damaged = match gone {
        true => vec![(path, "it is not there".to_owned())],
        false if journalled.damaged.is_empty() => Vec::new(),
        false => vec![(path, few(&journalled.damaged))],
    };
    let loaded = Loaded { state, lost: journalled.cut, ..Loaded::default() };
    Ok(Found { generation, loaded, ended: journalled.ended, rewrite: false, damaged })
}

fn open_journal(dir: &Path, generation: u64, ended: usize) -> Result<File, StoreError> {
    private_dir(dir)?;
    let path = journal_path(dir, generation);
    let file = OpenOptions::new().append(true).create(true).read(true).mode(0o600).open(&path).map_err(io(&path))?;
    // A line cut off by a crash must not run into the next one.
    if file.metadata().map_err(io(&path))?.len() > ended as u64 {
        file.set_len(ended as u64).map_err(io(&path))?;
    }
    Ok(file)
}

/// Loads for whoever writes: copies of damaged journals are put aside.
fn load_to_write(dir: &Path) -> Result<Found, StoreError> {
    let found = load(dir)?;
    found.damaged.iter().try_for_each(|(path, _)| keep_damaged(path))?;
    Ok(found)
}

/// The journal, open to be appended to. A damaged snapshot is put aside and written anew first.
fn opened(dir: &Path) -> Result<Open, StoreError> {
    let found = load_to_write(dir)?;
    if found.rewrite {
        return put(dir, found.generation, &found.loaded.state);
    }
    Ok(Open { generation: found.generation, journal: open_journal(dir, found.generation, found.ended)? })
}

fn append(dir: &Path, open: &Mutex<Option<Open>>, lines: &[u8]) -> Result<(), StoreError> {
    let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
    if open.is_none() {
        *open = Some(opened(dir)?);
    }
    let Some(now) = open.as_mut() else { return Err(StoreError::Closed) };
    let path = journal_path(dir, now.generation);
    if crash::is_due("half a write") {
        // What a power cut leaves.
        let _ = now.journal.write_all(&lines[..lines.len() / 2]).and_then(|()| now.journal.sync_data());
        crash::kill();
    }
    let before = now.journal.metadata().map_err(io(&path))?.len();
    let written = now.journal.write_all(lines).and_then(|()| now.journal.sync_data());
    // Half a line must not run into the next one, once there is room again. What cannot be taken back is when the journal
    // is opened anew.
    if written.is_err() && now.journal.set_len(before).is_err() {
        *open = None;
    }
    written.map_err(io(&path))
}

fn compact(dir: &Path, open: &Mutex<Option<Open>>, state: &State) -> Result<(), StoreError> {
    let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
    let old = match open.as_ref() {
        Some(open) => open.generation,
        None => load_to_write(dir)?.generation,
    };
    *open = Some(put(dir, old, state)?);
    Ok(())
}

/// Puts the snapshot after generation `old` in place, and begins its journal. The one before is kept with its journal.
fn put(dir: &Path, old: u64, state: &State) -> Result<Open, StoreError> {
    let (path, new) = (snapshot_path(dir), old + 1);
    let snapshot = codec::encode_snapshot(new, state);
    let journal = open_journal(dir, new, 0)?;
    match fs::read(&path) {
        Ok(bytes) if codec::decode_snapshot(&bytes).is_ok_and(|whole| whole.generation == old) => {
            // A copy: at no moment is there no snapshot.
            write_atomically(&previous_path(dir), &bytes)?;
            crash::point("between snapshots");
        }
        Err(error) if error.kind() == ErrorKind::NotFound && old == 0 => {}
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(io(&path)(error)),
        // The last snapshot was damaged or gone: the new one is its own predecessor.
        damaged => {
            if damaged.is_ok() {
                keep_damaged(&path)?;
            }
            // As one before the last has: the journal of the last.
            open_journal(dir, new + 1, 0)?;
            write_atomically(&previous_path(dir), &snapshot)?;
        }
    }
    // From here on the new snapshot counts; until then what was there before makes the same state.
    write_atomically(&path, &snapshot)?;
    crash::point("after the snapshot");
    for (_, path) in journals(dir)?.into_iter().filter(|(number, _)| *number < old) {
        fs::remove_file(&path).map_err(io(&path))?;
    }
    Ok(Open { generation: new, journal })
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(StoreError::Closed))
}

impl Store for FileStore {
    fn load(&self) -> BoxFuture<'_, Result<Loaded, StoreError>> {
        let dir = self.dir.clone();
        Box::pin(blocking(move || look(&dir).map(|found| found.loaded)))
    }

    fn append(&self, lines: Vec<u8>) -> BoxFuture<'_, Result<(), StoreError>> {
        let (dir, open) = (self.dir.clone(), self.open.clone());
        Box::pin(blocking(move || append(&dir, &open, &lines)))
    }

    fn compact<'a>(&'a self, state: &'a State) -> BoxFuture<'a, Result<(), StoreError>> {
        let (dir, open, state) = (self.dir.clone(), self.open.clone(), state.clone());
        Box::pin(blocking(move || compact(&dir, &open, &state)))
    }
}

#[cfg(test)]
mod tests;
