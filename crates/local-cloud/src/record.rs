//! The record of every call: counters in memory and one JSON line each in a file. Never bodies, never secrets.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use serde::Serialize;
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// One call as recorded.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    pub time: String,
    pub service: String,
    pub operation: String,
    pub region: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// What it was answered with; 0 if the connection ended without an answer.
    pub status: u16,
    /// The fault that it met.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<&'static str>,
    /// How long the caller waited for the head of the answer, in milliseconds.
    pub ms: f64,
}

/// What `GET /_groundplan/calls` answers.
#[derive(Debug, Default, Clone, Serialize)]
pub(crate) struct Counts {
    pub total: u64,
    pub by: BTreeMap<String, BTreeMap<String, u64>>,
}

/// The record.
pub(crate) struct Record {
    counts: Mutex<Counts>,
    lines: UnboundedSender<Line>,
}

impl Record {
    /// Starts a record in a new file: what is in an older one was another instance's.
    pub fn start(path: PathBuf) -> Self {
        let (lines, receiver) = unbounded_channel();
        tokio::spawn(write(path, receiver));
        Self { counts: Mutex::default(), lines }
    }

    /// Adds a call.
    pub fn add(&self, line: Line) {
        {
            let mut counts = self.lock();
            counts.total += 1;
            let service = counts.by.entry(line.service.clone()).or_default();
            *service.entry(line.operation.clone()).or_default() += 1;
        }
        let _ = self.lines.send(line);
    }

    /// The counters.
    pub fn counts(&self) -> Counts {
        self.lock().clone()
    }

    /// Counts from zero again; the file goes on.
    pub fn reset(&self) {
        *self.lock() = Counts::default();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Writes as many lines at once as are waiting. A full disk must not stop the cloud: the counters go on without the file.
async fn write(path: PathBuf, mut lines: UnboundedReceiver<Line>) {
    let Ok(mut file) =
        tokio::fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&path).await
    else {
        return;
    };
    let mut waiting = Vec::new();
    while lines.recv_many(&mut waiting, 1024).await > 0 {
        let mut text = Vec::new();
        for line in waiting.drain(..) {
            if serde_json::to_writer(&mut text, &line).is_ok() {
                text.push(b'\n');
            }
        }
        if file.write_all(&text).await.is_err() || file.flush().await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn counts_and_writes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("calls.jsonl");
        let record = Record::start(path.clone());
        for operation in ["DescribeVpcs", "DescribeVpcs", "CreateVpc"] {
            record.add(Line {
                time: "2026-01-01T00:00:00Z".into(),
                service: "ec2".into(),
                operation: operation.into(),
                region: "us-east-1".into(),
                resource: None,
                status: 200,
                fault: None,
                ms: 1.5,
            });
        }
        let counts = record.counts();
        assert_eq!((counts.total, counts.by["ec2"]["DescribeVpcs"]), (3, 2));
        record.reset();
        assert_eq!(record.counts().total, 0);
        for _ in 0..100 {
            if std::fs::read_to_string(&path).unwrap_or_default().lines().count() == 3 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the file has no three lines");
    }
}
