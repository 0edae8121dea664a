//! One run at a time: a lock that the kernel lets go of when its holder dies.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::StoreError;
use super::file::private_dir;

/// Who holds a lock, as far as it told: what is empty, or 0, it did not.
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
        Self {
            who: format!("{user}@{}", host()),
            pid: std::process::id(),
            command: command.to_owned(),
            since: jiff::Timestamp::now().strftime("%FT%TZ").to_string(),
        }
    }

    /// Its process, if it told one, and that number means the same here. Another container's does not.
    pub fn process_here(&self) -> Option<u32> {
        let here = self.who.rsplit_once('@').is_some_and(|(_, of)| of == host());
        (self.pid > 0 && here).then_some(self.pid)
    }
}

fn host() -> String {
    fs::read_to_string("/etc/hostname").unwrap_or_default().trim().to_owned()
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let command = if self.command.is_empty() { String::new() } else { format!("`{}`", self.command) };
        let process = if self.pid == 0 { String::new() } else { format!("process {}", self.pid) };
        let since = if self.since.is_empty() { String::new() } else { format!("since {}", self.since) };
        let run = match (command.is_empty(), self.who.is_empty()) {
            (_, true) => command,
            (true, false) => self.who.clone(),
            (false, false) => format!("{command} of {}", self.who),
        };
        let told: Vec<String> = [run, process, since].into_iter().filter(|part| !part.is_empty()).collect();
        if told.is_empty() { f.write_str("a holder that left no name") } else { f.write_str(&told.join(", ")) }
    }
}

/// How long the holder of a lock may take to write its name beside it.
const NAMED_WITHIN: Duration = Duration::from_secs(1);

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
        let until = Instant::now() + NAMED_WITHIN;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => match named(&holder) {
                    Some(known) => return Err(StoreError::Locked(Box::new(known))),
                    // It was taken this very moment, and its holder has not written its name yet.
                    None if Instant::now() < until => std::thread::sleep(Duration::from_millis(5)),
                    None => return Err(StoreError::Locked(Box::default())),
                },
                Err(TryLockError::Error(source)) => return Err(StoreError::Io { path, source }),
            }
        }
        let me = Holder::me(command);
        super::file::write_atomically(&holder, &serde_json::to_vec(&me).unwrap_or_default())?;
        Ok(Self { _file: file, holder })
    }
}

/// The name in the file, unless it is that of a holder who died: the file outlives a killed run, the lock does not.
fn named(path: &Path) -> Option<Holder> {
    let known: Holder = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
    let process = rustix::process::Pid::from_raw(i32::try_from(known.pid).ok()?)?;
    rustix::process::test_kill_process(process).is_ok().then_some(known)
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

    #[test]
    fn a_holder_is_told_as_far_as_it_told_itself() {
        let dir = tempfile::tempdir().unwrap();
        private_dir(dir.path()).unwrap();
        // `flock`, or a run whose process has no number here.
        let file = File::create(dir.path().join("lock")).unwrap();
        file.try_lock().unwrap();
        match Lock::take(dir.path(), "destroy") {
            Err(StoreError::Locked(holder)) => {
                assert_eq!(holder.process_here(), None);
                let said = StoreError::Locked(holder).to_string();
                assert_eq!(said, "another run is at work: a holder that left no name");
            }
            other => panic!("{other:?}"),
        }
        let me = Holder::me("plan");
        assert_eq!(me.process_here(), Some(std::process::id()));
        assert!(me.to_string().starts_with("`plan` of ") && me.to_string().contains(", process "), "{me}");
        let elsewhere = Holder { who: "ann@another-host".into(), since: String::new(), ..me };
        assert_eq!(elsewhere.process_here(), None);
        let terraform = Holder { pid: 0, ..elsewhere };
        assert_eq!(terraform.to_string(), "`plan` of ann@another-host");
    }

    #[test]
    fn the_name_of_a_holder_who_died_is_not_told_for_that_of_the_present_one() {
        let dir = tempfile::tempdir().unwrap();
        let first = Lock::take(dir.path(), "deploy-full").unwrap();
        // What a killed run left, in the moment before the next one has written its own.
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let dead = Holder { pid: child.id(), command: "dead".into(), ..Holder::default() };
        child.wait().unwrap();
        fs::write(dir.path().join("lock-holder.json"), serde_json::to_vec(&dead).unwrap()).unwrap();
        let (path, mine) = (dir.path().to_owned(), Holder::me("deploy-full"));
        let writer = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(60));
            super::super::file::write_atomically(&path.join("lock-holder.json"), &serde_json::to_vec(&mine).unwrap())
        });
        match Lock::take(dir.path(), "destroy") {
            Err(StoreError::Locked(holder)) => assert_eq!(holder.command, "deploy-full"),
            other => panic!("{other:?}"),
        }
        writer.join().unwrap().unwrap();
        drop(first);
    }
}
