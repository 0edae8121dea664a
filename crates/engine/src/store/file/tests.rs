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
    store.compact(&loaded.state).await.unwrap();
    assert!(!journal_path(store.dir(), 0).exists(), "only the last snapshot but one is kept, with its journal");
    assert!(journal_path(store.dir(), 1).exists() && previous_path(store.dir()).exists());
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

/// A store with a snapshot before the last, a last one, and a journal after it: `a`, `b`, `c`.
async fn three(dir: &Path) -> FileStore {
    let store = FileStore::new(dir);
    for id in ["a", "b", "c"] {
        store.append(line(id)).await.unwrap();
        if id != "c" {
            let state = store.load().await.unwrap().state;
            store.compact(&state).await.unwrap();
        }
    }
    store
}

fn names(state: &State) -> Vec<&str> {
    state.entries.keys().map(crate::Address::as_str).collect()
}

#[tokio::test]
async fn a_damaged_or_missing_snapshot_is_made_again_from_the_one_before() {
    for missing in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        drop(three(dir.path()).await);
        let path = snapshot_path(dir.path());
        if missing {
            fs::remove_file(&path).unwrap();
        } else {
            let mut bytes = fs::read(&path).unwrap();
            bytes[90] ^= 4;
            fs::write(&path, bytes).unwrap();
        }
        let store = FileStore::new(dir.path());
        let loaded = store.load().await.unwrap();
        assert_eq!(names(&loaded.state), ["a", "b", "c"]);
        assert_eq!(loaded.damaged, None);
        assert!(loaded.mended.unwrap().contains("state.json"), "the file is named");
        // The first write puts it right; what was damaged is kept aside.
        store.append(line("d")).await.unwrap();
        let loaded = FileStore::new(dir.path()).load().await.unwrap();
        assert_eq!((names(&loaded.state), loaded.mended), (vec!["a", "b", "c", "d"], None));
        assert_eq!(path.with_extension("damaged").exists(), !missing);
    }
}

#[tokio::test]
async fn each_damaged_file_is_kept_aside_and_none_takes_anothers_place() {
    let dir = tempfile::tempdir().unwrap();
    let path = snapshot_path(dir.path());
    drop(three(dir.path()).await);
    for damage in ["once", "twice", "twice", "thrice"] {
        fs::write(&path, damage).unwrap();
        FileStore::new(dir.path()).append(line("d")).await.unwrap();
    }
    let kept = ["state.damaged", "state.2.damaged", "state.3.damaged"];
    let kept = kept.map(|name| fs::read_to_string(dir.path().join(name)).unwrap());
    assert_eq!(kept, ["once", "twice", "thrice"]);
    assert_eq!(aside(&path), dir.path().join("state.4.damaged"));
}

#[tokio::test]
async fn a_snapshot_made_again_without_the_journal_before_it_is_not_called_whole() {
    for missing in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        drop(three(dir.path()).await);
        let snapshot = snapshot_path(dir.path());
        if missing {
            fs::remove_file(&snapshot).unwrap();
        } else {
            fs::write(&snapshot, "x").unwrap();
        }
        // It tells of `b`.
        fs::remove_file(journal_path(dir.path(), 1)).unwrap();
        let loaded = FileStore::new(dir.path()).load().await.unwrap();
        assert_eq!((names(&loaded.state), loaded.mended), (vec!["a", "c"], None));
        let damaged = loaded.damaged.unwrap();
        assert!(damaged.contains("state.json") && damaged.contains("journal-1.jsonl: it is not there"), "{damaged}");
    }
}

#[tokio::test]
async fn a_look_beside_a_run_that_compacts_raises_no_alarm() {
    let dir = tempfile::tempdir().unwrap();
    let writer = FileStore::new(dir.path());
    writer.append(line("a")).await.unwrap();
    let state = writer.load().await.unwrap().state;
    let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let looks = (0..2).map(|_| {
        let (path, done) = (dir.path().to_owned(), done.clone());
        std::thread::spawn(move || {
            let mut looks = 0;
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                let loaded = look(&path).unwrap().loaded;
                assert_eq!((loaded.mended, loaded.damaged), (None, None));
                assert_eq!(names(&loaded.state), ["a"]);
                looks += 1;
            }
            looks
        })
    });
    let looks: Vec<_> = looks.collect();
    for _ in 0..100 {
        writer.compact(&state).await.unwrap();
    }
    done.store(true, std::sync::atomic::Ordering::Relaxed);
    looks.into_iter().for_each(|look| assert!(look.join().unwrap() > 0));
}

#[tokio::test]
async fn two_damaged_snapshots_are_an_error_that_names_both() {
    let dir = tempfile::tempdir().unwrap();
    drop(three(dir.path()).await);
    fs::write(snapshot_path(dir.path()), "x").unwrap();
    fs::write(previous_path(dir.path()), "y").unwrap();
    let error = FileStore::new(dir.path()).load().await.unwrap_err().to_string();
    assert!(error.contains("state.json") && error.contains("state-previous.json"), "{error}");
}

#[tokio::test]
async fn damage_is_known_until_it_is_mended_also_when_the_journal_is_folded_away() {
    let dir = tempfile::tempdir().unwrap();
    let store = FileStore::new(dir.path());
    store.append([line("a"), line("b"), line("c")].concat()).await.unwrap();
    let path = journal_path(dir.path(), 0);
    let mut bytes = fs::read(&path).unwrap();
    bytes[30] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let said = Some(format!("{}: line 1: the checksum does not fit", path.display()));
    for _ in 0..3 {
        // Such as `state mv`, which mends nothing.
        let store = FileStore::new(dir.path());
        let loaded = store.load().await.unwrap();
        assert_eq!((names(&loaded.state), &loaded.damaged), (vec!["b", "c"], &said));
        store.compact(&loaded.state).await.unwrap();
    }
    assert_eq!(fs::read(path.with_extension("damaged")).unwrap(), bytes, "a copy is kept");
    let store = FileStore::new(dir.path());
    let mut state = store.load().await.unwrap().state;
    let mut bytes = Vec::new();
    codec::encode(&Record::Mended, &mut bytes);
    store.append(bytes).await.unwrap();
    assert_eq!(store.load().await.unwrap().damaged, None);
    state.apply(&Record::Mended);
    store.compact(&state).await.unwrap();
    assert_eq!(store.load().await.unwrap().damaged, None);
}

/// What a process does whose files may not grow beyond a few bytes, and then may again.
#[tokio::test]
async fn a_line_that_had_no_room_does_not_run_into_the_next_one() {
    const DIR: &str = "GROUNDPLAN_TEST_FULL";
    let Some(dir) = std::env::var_os(DIR).map(PathBuf::from) else {
        let dir = tempfile::tempdir().unwrap();
        let name = "store::file::tests::a_line_that_had_no_room_does_not_run_into_the_next_one";
        // The limit is a process's own, and its signal would end it.
        let mut child = std::process::Command::new("sh");
        child.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(std::env::current_exe().unwrap());
        let output = child.args(["--exact", name, "--nocapture"]).env(DIR, dir.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        return;
    };
    let store = FileStore::new(&dir);
    store.append(line("a")).await.unwrap();
    let written = fs::metadata(journal_path(&dir, 0)).unwrap().len();
    let limited = |limit: Option<u64>| {
        let limit = rustix::process::Rlimit { current: limit, maximum: None };
        rustix::process::setrlimit(rustix::process::Resource::Fsize, limit).unwrap();
    };
    limited(Some(written + 20));
    assert!(matches!(store.append(line("b")).await, Err(StoreError::Io { .. })));
    limited(None);
    store.append(line("c")).await.unwrap();
    let loaded = FileStore::new(&dir).load().await.unwrap();
    assert_eq!((names(&loaded.state), loaded.damaged, loaded.lost), (vec!["a", "c"], None, None));
}

#[tokio::test]
async fn a_first_snapshot_that_is_just_being_put_is_not_missed() {
    let dir = tempfile::tempdir().unwrap();
    FileStore::new(dir.path()).append(line("a")).await.unwrap();
    drop(open_journal(dir.path(), 1, 0).unwrap());
    let loaded = FileStore::new(dir.path()).load().await.unwrap();
    assert_eq!((names(&loaded.state), loaded.mended, loaded.damaged), (vec!["a"], None, None));
    // Without the first journal, that other one tells that there was more.
    fs::remove_file(journal_path(dir.path(), 0)).unwrap();
    assert!(matches!(FileStore::new(dir.path()).load().await, Err(StoreError::Damaged { .. })));
}

#[tokio::test]
async fn a_damaged_line_is_named_and_hides_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let store = FileStore::new(dir.path());
    for id in ["a", "b", "c"] {
        store.append(line(id)).await.unwrap();
    }
    let path = journal_path(dir.path(), 0);
    let mut bytes = fs::read(&path).unwrap();
    let second = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 30;
    bytes[second] ^= 1;
    fs::write(&path, bytes).unwrap();

    let store = FileStore::new(dir.path());
    let loaded = store.load().await.unwrap();
    assert_eq!(names(&loaded.state), ["a", "c"]);
    assert!(loaded.damaged.unwrap().contains("journal-0.jsonl: line 2"));
    store.append(line("d")).await.unwrap();
    assert_eq!(names(&store.load().await.unwrap().state), ["a", "c", "d"]);
    assert!(path.with_extension("damaged").exists());
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

#[tokio::test]
async fn what_a_newer_groundplan_wrote_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let store = FileStore::new(dir.path());
    store.append(line("a")).await.unwrap();
    let state = store.load().await.unwrap().state;
    store.compact(&state).await.unwrap();
    let path = dir.path().join("state.json");
    let newer = "groundplan-state 2 00 {}\n";
    fs::write(&path, newer).unwrap();
    let again = FileStore::new(dir.path());
    for refused in [again.load().await.map(drop), again.append(line("b")).await, again.compact(&state).await] {
        assert!(matches!(refused, Err(StoreError::Newer { format: 2, .. })), "{refused:?}");
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), newer);
}
