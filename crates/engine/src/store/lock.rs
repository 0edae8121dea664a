//! One run at a time: a lock that the kernel lets go of when its holder dies.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::StoreError;
use super::file::private_dir;

/// Who holds a lock.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The user and machine.
    pub who: String,
    /// The process.
    pub pid: u32,
    /// What it does.
    pub command: String,
    /// Since when, as RFC 3339.
    pub since: String,
}

impl Holder {
    /// This process, from now on.
    pub fn me(command: &str) -> Self {
        let user = std::env::var("USER").unwrap_or_else(|_| "somebody".to_owned());
        let host = fs::read_to_string("/etc/hostname").unwrap_or_default();
        Self {
            who: format!("{user}@{}", host.trim()),
            pid: std::process::id(),
            command: command.to_owned(),
            since: jiff::Timestamp::now().strftime("%FT%TZ").to_string(),
        }
    }
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "`{}` of {}, process {}, since {}", self.command, self.who, self.pid, self.since)
    }
}

/// A held lock; dropping it, or dying, lets go.
#[derive(Debug)]
pub struct Lock {
    _file: File,
    holder: PathBuf,
}

impl Lock {
    /// Takes the lock of a state directory, or says who holds it.
    pub fn take(dir: &Path, command: &str) -> Result<Self, StoreError> {
        private_dir(dir)?;
        let path = dir.join("lock");
        let io = |source| StoreError::Io { path: path.clone(), source };
        let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path).map_err(io)?;
        let holder = dir.join("lock-holder.json");
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let known = fs::read(&holder).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
                return Err(StoreError::Locked(Box::new(known.unwrap_or_default())));
            }
            Err(TryLockError::Error(source)) => return Err(StoreError::Io { path, source }),
        }
        let me = Holder::me(command);
        super::file::write_atomically(&holder, &serde_json::to_vec(&me).unwrap_or_default())?;
        Ok(Self { _file: file, holder })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Best effort: a stale name is replaced by the next holder.
        let _ = fs::remove_file(&self.holder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_is_told_who_holds_it() {
        let dir = tempfile::tempdir().unwrap();
        let first = Lock::take(dir.path(), "deploy-full").unwrap();
        match Lock::take(dir.path(), "destroy") {
            Err(StoreError::Locked(holder)) => {
                assert_eq!((holder.command.as_str(), holder.pid), ("deploy-full", std::process::id()));
            }
            other => panic!("{other:?}"),
        }
        drop(first);
        Lock::take(dir.path(), "destroy").unwrap();
    }
}
