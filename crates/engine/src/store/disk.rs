//! Files: written whole or not at all, and kept aside under a name that is free.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::StoreError;

/// How many links to links are followed, as by Linux.
const LINKS: usize = 40;

pub(super) fn failed(path: &Path) -> impl FnOnce(io::Error) -> StoreError + '_ {
    move |source| StoreError::Io { path: path.to_owned(), source }
}

/// Makes a directory, and those above it, that only the owner can enter.
pub fn private_dir(dir: &Path) -> Result<(), StoreError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed(dir))
}

/// Writes a file whole or not at all, readable by the owner only. A link stays, and what it leads to is written. What is
/// no file (a pipe, a device) is written to, and never replaced.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    match fs::metadata(path) {
        Ok(there) if there.is_dir() => {
            Err(failed(path)(io::Error::new(ErrorKind::IsADirectory, "it is a directory: name a file in it")))
        }
        Ok(there) if !there.is_file() => {
            let pipe = OpenOptions::new().write(true).open(path);
            pipe.and_then(|mut pipe| pipe.write_all(bytes)).map_err(failed(path))
        }
        _ => replace(&followed(path).map_err(failed(path))?, bytes),
    }
}

/// Where links lead, also to what is not there yet.
fn followed(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        match fs::read_link(&path) {
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            // It is no link, or not there.
            Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::NotFound) => return Ok(path),
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other("too many links to links"))
}

fn replace(path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    // The parent of a bare file name is empty, and no directory.
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    private_dir(dir)?;
    let temporary = path.with_extension(format!("{}.new", std::process::id()));
    let written = write_new(&temporary, bytes).map_err(failed(&temporary));
    let written = written.and_then(|()| fs::rename(&temporary, path).map_err(failed(path)));
    if written.is_err() {
        // It may hold the whole state.
        let _ = fs::remove_file(&temporary);
    }
    written?;
    // The rename itself must survive a power cut.
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed(dir))
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // Left by a process of the same number that was killed.
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A name beside a damaged file that is free, for a copy of it: `state.damaged`, `state.2.damaged` and so on.
pub fn aside(path: &Path) -> PathBuf {
    let mut names = asides(path);
    // The names never end.
    names.find(|name| !taken(name)).unwrap_or_else(|| path.with_extension("damaged"))
}

fn asides(path: &Path) -> impl Iterator<Item = PathBuf> {
    let first = std::iter::once(path.with_extension("damaged"));
    first.chain((2..).map(|number: u64| path.with_extension(format!("{number}.damaged"))))
}

fn taken(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Keeps a copy of what is damaged for whoever wants to look into it, once.
pub(super) fn keep_damaged(path: &Path) -> Result<(), StoreError> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        other => other.map_err(failed(path))?,
    };
    let kept = |name: &PathBuf| fs::read(name).is_ok_and(|kept| kept == bytes);
    if asides(path).take_while(|name| taken(name)).any(|name| kept(&name)) {
        return Ok(());
    }
    write_atomically(&aside(path), &bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};

    fn listed(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> =
            fs::read_dir(dir).unwrap().map(|file| file.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_pipe_and_a_device_are_written_to_and_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let pipe = dir.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let reader = {
            let pipe = pipe.clone();
            std::thread::spawn(move || {
                let mut read = String::new();
                File::open(pipe).unwrap().read_to_string(&mut read).unwrap();
                read
            })
        };
        write_atomically(&pipe, b"the state").unwrap();
        assert_eq!(reader.join().unwrap(), "the state");
        assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
        // By a link, so that no device is lost should this fail.
        let null = dir.path().join("null");
        symlink("/dev/null", &null).unwrap();
        write_atomically(&null, b"the state").unwrap();
        assert!(fs::symlink_metadata(&null).unwrap().is_symlink());
        assert_eq!(listed(dir.path()), ["null", "pipe"]);
    }

    #[test]
    fn a_link_stays_and_what_it_leads_to_is_written() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("real")).unwrap();
        for (name, there) in [("old.json", true), ("new.json", false)] {
            let (link, target) = (dir.path().join(name), dir.path().join("real").join(name));
            if there {
                fs::write(&target, "old").unwrap();
            }
            symlink(format!("real/{name}"), &link).unwrap();
            write_atomically(&link, b"new").unwrap();
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
            assert_eq!(fs::read(&target).unwrap(), b"new");
            assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let ring = dir.path().join("ring");
        symlink("ring", &ring).unwrap();
        assert!(write_atomically(&ring, b"new").is_err());
    }

    #[test]
    fn what_cannot_be_written_leaves_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("place");
        fs::create_dir(&place).unwrap();
        let said = write_atomically(&place, b"the state").unwrap_err().to_string();
        assert!(said.contains("it is a directory"), "{said}");
        assert!(write_atomically(&dir.path().join("none/"), b"the state").is_err());
        assert_eq!(listed(dir.path()), ["place"]);
    }
}
