//! The settings of a local cloud and the record that a running one leaves in its run directory.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Error;

/// How a local cloud is to run.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Where it keeps its record, log and locks; one local cloud for each.
    pub run_dir: PathBuf,
    /// Where the emulators are installed; several local clouds may share it.
    pub emulators_dir: PathBuf,
    /// How long resources take, as a multiple of the time on AWS. 0 is instant, 1 as long as on AWS.
    pub time_scale: f64,
    /// The loopback port, or a free one.
    pub port: Option<u16>,
}

/// A local cloud that runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Running {
    /// The address to give to SDKs as endpoint: `http://127.0.0.1:PORT`.
    pub endpoint: String,
    /// The process that answers there.
    pub pid: u32,
    /// Random, new at each start and each reset: another value means that earlier resources are gone.
    pub instance: String,
    /// See [`Settings::time_scale`].
    pub time_scale: f64,
    /// The emulators behind it.
    pub emulators: Vec<EmulatorProcess>,
}

/// An emulator behind a local cloud.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EmulatorProcess {
    /// `moto` or `ministack`.
    pub name: String,
    /// Its own loopback port.
    pub port: u16,
    /// Its process.
    pub pid: u32,
}

/// The files of a run directory.
pub(crate) struct RunDir(pub PathBuf);

impl RunDir {
    pub fn create(path: &Path) -> Result<Self, Error> {
        use std::os::unix::fs::DirBuilderExt;
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(Error::at(path))?;
        Ok(Self(path.to_owned()))
    }

    pub fn record(&self) -> PathBuf {
        self.0.join("running.json")
    }

    pub fn log(&self) -> PathBuf {
        self.0.join("log")
    }

    pub fn calls(&self) -> PathBuf {
        self.0.join("calls.jsonl")
    }

    /// Held by the serving process for its whole life.
    pub fn serve_lock(&self) -> PathBuf {
        self.0.join("serve.lock")
    }

    /// Held while somebody starts or stops.
    pub fn control_lock(&self) -> PathBuf {
        self.0.join("control.lock")
    }

    /// Whether a serving process holds its lock: true even when it does not answer.
    pub fn is_served(&self) -> bool {
        let Ok(file) = File::open(self.serve_lock()) else {
            return false;
        };
        match file.try_lock_shared() {
            Ok(()) => false,
            Err(std::fs::TryLockError::WouldBlock) => true,
            Err(std::fs::TryLockError::Error(_)) => false,
        }
    }

    /// The record as written, whether or not its process still lives.
    pub fn read(&self) -> Option<Running> {
        serde_json::from_slice(&std::fs::read(self.record()).ok()?).ok()
    }

    /// Writes the record as a whole, readable by its owner only.
    pub fn write(&self, running: &Running) -> Result<(), Error> {
        let path = self.record();
        let partial = self.0.join("running.json.new");
        let text = serde_json::to_vec_pretty(running).map_err(std::io::Error::other)?;
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&partial)
            .map_err(Error::at(&partial))?;
        file.write_all(&text).map_err(Error::at(&partial))?;
        std::fs::rename(&partial, &path).map_err(Error::at(&path))
    }

    /// Removes the record, unless another instance has written its own since.
    pub fn forget(&self, instance: &str) {
        if self.read().is_none_or(|running| running.instance == instance) {
            let _ = std::fs::remove_file(self.record());
        }
    }
}

/// Opens a lock file, made if missing.
pub(crate) fn lock_file(path: &Path) -> Result<File, Error> {
    std::fs::OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path).map_err(Error::at(path))
}

/// One request to the front's own interface, on the calling thread.
pub(crate) fn ask(
    port: u16,
    method: &str,
    path: &str,
    body: &str,
    patience: Duration,
) -> std::io::Result<(u16, String)> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    match (status, body) {
        (Some(status), Some(body)) => Ok((status, body)),
        _ => Err(std::io::Error::other("not an HTTP answer")),
    }
}

impl Running {
    /// The front's port.
    pub(crate) fn port(&self) -> Option<u16> {
        self.endpoint.rsplit(':').next()?.parse().ok()
    }

    /// Whether its process lives and says that it is this instance.
    pub(crate) fn answers(&self) -> bool {
        let Some(port) = self.port() else {
            return false;
        };
        let Ok((200, body)) = ask(port, "GET", "/_groundplan/health", "", Duration::from_secs(5)) else {
            return false;
        };
        serde_json::from_str::<serde_json::Value>(&body).is_ok_and(|health| health["instance"] == *self.instance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn record_round_trips_and_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let run_dir = RunDir::create(&dir.path().join("local-cloud")).unwrap();
        let running = Running {
            endpoint: "http://127.0.0.1:4999".into(),
            pid: 1,
            instance: "a".into(),
            time_scale: 0.5,
            emulators: vec![EmulatorProcess { name: "moto".into(), port: 2, pid: 3 }],
        };
        run_dir.write(&running).unwrap();
        assert_eq!(run_dir.read(), Some(running.clone()));
        assert_eq!(running.port(), Some(4999));
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(run_dir.record()).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600);
        run_dir.forget("another");
        assert!(run_dir.read().is_some());
        run_dir.forget("a");
        assert!(run_dir.read().is_none());
    }

    #[test]
    fn served_means_locked() {
        let dir = tempfile::tempdir().unwrap();
        let run_dir = RunDir::create(dir.path()).unwrap();
        assert!(!run_dir.is_served());
        let lock = lock_file(&run_dir.serve_lock()).unwrap();
        lock.try_lock().unwrap();
        assert!(run_dir.is_served());
        drop(lock);
        assert!(!run_dir.is_served());
    }
}
