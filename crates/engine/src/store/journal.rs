//! The writer of the journal: whoever appends waits until it is on disk, and many share one sync.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::{Store, StoreError, codec};
use crate::crash;
use crate::state::Record;

type Line = (Vec<u8>, oneshot::Sender<Result<(), Arc<StoreError>>>);

/// How many lines at most go to disk in one sync.
const GROUP: usize = 4096;

/// Appends records, safe on disk when [`Journal::append`] returns. Cheap to clone.
#[derive(Clone)]
pub struct Journal {
    lines: mpsc::UnboundedSender<Line>,
}

impl Journal {
    /// Starts the writer; the handle ends when all clones of the journal are gone.
    pub fn open(store: Arc<dyn Store>) -> (Self, JoinHandle<()>) {
        let (lines, mut queue) = mpsc::unbounded_channel::<Line>();
        let writer = tokio::spawn(async move {
            let mut group = Vec::new();
            while queue.recv_many(&mut group, GROUP).await > 0 {
                let bytes = group.iter().flat_map(|(bytes, _)| bytes).copied().collect();
                let result = store.append(bytes).await.map_err(Arc::new);
                for (_, waiting) in group.drain(..) {
                    // Nobody waits any more when a run was interrupted; the line is safe all the same.
                    let _ = waiting.send(result.clone());
                }
            }
        });
        (Self { lines }, writer)
    }

    /// Appends a record and waits until it is safe.
    pub async fn append(&self, record: &Record) -> Result<(), Arc<StoreError>> {
        let line = record.kind();
        crash::point(&format!("before writing {line}"));
        let (done, wait) = oneshot::channel();
        let mut bytes = Vec::new();
        codec::encode(record, &mut bytes);
        self.lines.send((bytes, done)).map_err(|_| Arc::new(StoreError::Closed))?;
        let result = wait.await.unwrap_or_else(|_| Err(Arc::new(StoreError::Closed)));
        crash::point(&format!("after writing {line}"));
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Address;
    use crate::store::FileStore;

    #[tokio::test]
    async fn appends_at_the_same_time_are_all_kept() {
        let dir = tempfile::tempdir().unwrap();
        let store = Arc::new(FileStore::new(dir.path()));
        let (journal, writer) = Journal::open(store.clone());
        let appends = (0..200).map(|n| {
            let journal = journal.clone();
            async move {
                let record = Record::Forgot { address: Address::of("a"), id: n.to_string() };
                journal.append(&record).await
            }
        });
        futures::future::try_join_all(appends).await.unwrap();
        drop(journal);
        writer.await.unwrap();
        assert_eq!(store.load().await.unwrap().state.serial, 200);
    }
}
