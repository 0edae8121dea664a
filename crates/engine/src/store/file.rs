//! State in a local directory: `state.json` and `journal-N.jsonl`, readable by the owner only.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Loaded, Store, StoreError, codec};
use crate::State;
use crate::catalogue::BoxFuture;

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

fn io(path: &Path) -> impl FnOnce(std::io::Error) -> StoreError + '_ {
    move |source| StoreError::Io { path: path.to_owned(), source }
}

/// Makes a directory, and those above it, that only the owner can enter.
pub fn private_dir(dir: &Path) -> Result<(), StoreError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(io(dir))
}

/// Writes a file whole or not at all, readable by the owner only.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let dir = path.parent().unwrap_or(Path::new("."));
    private_dir(dir)?;
    let temporary = path.with_extension(format!("{}.new", std::process::id()));
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)
        .map_err(io(&temporary))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(io(&temporary))?;
    fs::rename(&temporary, path).map_err(io(path))?;
    // The rename itself must survive a power cut.
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io(dir))
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

fn journal_path(dir: &Path, generation: u64) -> PathBuf {
    dir.join(format!("journal-{generation}.jsonl"))
}

fn load(dir: &Path) -> Result<(u64, Loaded, usize), StoreError> {
    let path = snapshot_path(dir);
    let (generation, mut state) = match read(&path)? {
        None => (0, State::default()),
        Some(bytes) => {
            let snapshot = codec::decode_snapshot(&bytes).map_err(|why| StoreError::Damaged { path, why })?;
            (snapshot.generation, snapshot.state)
        }
    };
    let journalled = codec::decode(&read(&journal_path(dir, generation))?.unwrap_or_default());
    journalled.records.iter().for_each(|record| state.apply(record));
    Ok((generation, Loaded { state, lost: journalled.lost }, journalled.whole))
}

fn open_journal(dir: &Path, generation: u64, whole: usize) -> Result<File, StoreError> {
    private_dir(dir)?;
    let path = journal_path(dir, generation);
    let file = OpenOptions::new().append(true).create(true).read(true).mode(0o600).open(&path).map_err(io(&path))?;
    // A line cut off by a crash must not run into the next one.
    if file.metadata().map_err(io(&path))?.len() > whole as u64 {
        file.set_len(whole as u64).map_err(io(&path))?;
    }
    Ok(file)
}

fn append(dir: &Path, open: &Mutex<Option<Open>>, lines: &[u8]) -> Result<(), StoreError> {
    let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
    if open.is_none() {
        let (generation, _, whole) = load(dir)?;
        *open = Some(Open { generation, journal: open_journal(dir, generation, whole)? });
    }
    let Some(open) = open.as_mut() else { return Err(StoreError::Closed) };
    let path = journal_path(dir, open.generation);
    open.journal.write_all(lines).and_then(|()| open.journal.sync_data()).map_err(io(&path))
}

fn compact(dir: &Path, open: &Mutex<Option<Open>>, state: &State) -> Result<(), StoreError> {
    let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
    let old = match open.as_ref() {
        Some(open) => open.generation,
        None => load(dir)?.0,
    };
    write_atomically(&snapshot_path(dir), &codec::encode_snapshot(old + 1, state))?;
    // From here on the new snapshot counts; the old journal is of no use to anybody.
    *open = Some(Open { generation: old + 1, journal: open_journal(dir, old + 1, 0)? });
    let path = journal_path(dir, old);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(io(&path)(error)),
        _ => Ok(()),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(StoreError::Closed))
}

impl Store for FileStore {
    fn load(&self) -> BoxFuture<'_, Result<Loaded, StoreError>> {
        let dir = self.dir.clone();
        Box::pin(blocking(move || load(&dir).map(|(_, loaded, _)| loaded)))
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
mod tests {
    use super::*;
    use crate::state::{Record, tests::entry};
    use std::os::unix::fs::PermissionsExt;

    fn line(id: &str) -> Vec<u8> {
        let mut bytes = Vec::new();
        codec::encode(&Record::Adopted(Box::new(entry(id, id, id))), &mut bytes);
        bytes
    }

    #[tokio::test]
    async fn what_was_appended_is_there_after_a_restart_and_after_compaction() {
        let dir = tempfile::tempdir().unwrap();
        let store = FileStore::new(dir.path().join("s"));
        store.append(line("a")).await.unwrap();
        let state = store.load().await.unwrap().state;
        store.compact(&state).await.unwrap();
        store.append(line("b")).await.unwrap();

        let again = FileStore::new(dir.path().join("s"));
        let loaded = again.load().await.unwrap();
        assert_eq!(loaded.state.entries.len(), 2);
        assert_eq!(loaded.state.serial, 2);
        assert!(!journal_path(store.dir(), 0).exists());
    }

    #[tokio::test]
    async fn a_line_cut_off_is_left_out_and_the_next_one_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        FileStore::new(dir.path()).append(line("a")).await.unwrap();
        let path = journal_path(dir.path(), 0);
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend_from_slice(&line("b")[..20]);
        fs::write(&path, bytes).unwrap();

        let store = FileStore::new(dir.path());
        assert!(store.load().await.unwrap().lost.unwrap().contains("line 2"));
        store.append(line("c")).await.unwrap();
        let loaded = store.load().await.unwrap();
        assert_eq!(loaded.lost, None);
        assert_eq!(loaded.state.entries.keys().map(|a| a.as_str().to_owned()).collect::<Vec<_>>(), ["a", "c"]);
    }

    #[tokio::test]
    async fn only_the_owner_can_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let store = FileStore::new(dir.path().join("s"));
        store.append(line("a")).await.unwrap();
        store.compact(&State::default()).await.unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(store.dir()), 0o700);
        assert_eq!(mode(&snapshot_path(store.dir())), 0o600);
        assert_eq!(mode(&journal_path(store.dir(), 1)), 0o600);
    }
}
