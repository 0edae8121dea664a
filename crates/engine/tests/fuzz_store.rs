//! Random journals and snapshots, damaged: reading them never panics, never passes damage over in silence, names the file, and
//! keeps every whole record.

#![allow(missing_docs)]

use std::fs;
use std::path::Path;

use engine::state::{Entry, Intent, Record, Work};
use engine::store::{FileStore, Loaded, Store, StoreError, codec};
use engine::{Address, Attributes, Created, State};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::{Value, json};

fn address() -> impl Strategy<Value = Address> {
    prop::sample::select(vec!["m.a", "m.b", "m.c"]).prop_map(Address::of)
}

fn token() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["t1", "t2", "t3"]).prop_map(str::to_owned)
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just("line\nbreak \"quoted\"".to_owned()), "\\PC{0,12}", any::<String>()]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![text().prop_map(Value::from), any::<i64>().prop_map(Value::from), Just(json!([true, {}]))];
    prop::collection::btree_map("[A-Z][a-z]{0,4}", leaf, 0..3).prop_map(|map| map.into_iter().collect())
}

fn entry() -> impl Strategy<Value = Entry> {
    (address(), "[a-z]{1,3}", token(), value(), any::<bool>()).prop_map(|(address, id, token, properties, flag)| {
        Entry {
            address,
            type_name: "Test::Thing".into(),
            region: "r".into(),
            id,
            properties,
            attributes: Attributes::new(),
            dependencies: vec![Address::of("m.a")],
            protected: flag,
            token,
            incomplete: false,
            fresh: false,
            failed: flag.then(|| "why".to_owned()),
        }
    })
}

fn record() -> impl Strategy<Value = Record> {
    let work = prop::sample::select(vec![Work::Create, Work::Update, Work::Delete]);
    prop_oneof![
        Just(Record::Began { time: "2030-01-01T00:00:00Z".into(), command: "deploy".into(), cloud: "c".into() }),
        (work, entry())
            .prop_map(|(work, entry)| { Record::Intent(Box::new(Intent { token: entry.token.clone(), work, entry })) }),
        (token(), "[a-z]{1,3}").prop_map(|(token, id)| Record::Made { token, created: Created::new(id) }),
        (token(), 0..100u8).prop_map(|(token, n)| Record::Done { token, attributes: None, seconds: f64::from(n) }),
        (token(), text(), any::<bool>(), any::<bool>())
            .prop_map(|(token, why, without_effect, broken)| Record::Failed { token, why, without_effect, broken }),
        entry().prop_map(|entry| Record::Adopted(Box::new(entry))),
        (address(), "[a-z]{1,3}").prop_map(|(address, id)| Record::Forgot { address, id }),
        (address(), address()).prop_map(|(from, to)| Record::Moved { from, to }),
        (text(), value()).prop_map(|(name, value)| Record::Outputs([(name, value)].into_iter().collect())),
        Just(Record::Mended),
    ]
}

fn encoded(records: &[Record]) -> Vec<u8> {
    let mut bytes = Vec::new();
    records.iter().for_each(|record| codec::encode(record, &mut bytes));
    bytes
}

/// JSON's numbers may lose a last bit. That a damaged line was mended is known for good once its journal is folded.
fn plain(state: &State) -> State {
    State { durations: Default::default(), damaged: None, ..state.clone() }
}

/// What happens to a file. Places are in 65535ths of its length.
#[derive(Clone, Debug)]
enum Damage {
    Cut(u16),
    Flip(u16, u8),
    Insert(u16, Vec<u8>),
    Remove(u16, u8),
    Overwrite(u16, Vec<u8>),
    Zeroed(u16),
    Lost,
}

fn damage() -> impl Strategy<Value = Damage> {
    let bytes = || prop::collection::vec(any::<u8>(), 1..6);
    prop_oneof![
        1 => any::<u16>().prop_map(Damage::Cut),
        3 => (any::<u16>(), 0..8u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        1 => (any::<u16>(), bytes()).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        1 => (any::<u16>(), 1..9u8).prop_map(|(at, many)| Damage::Remove(at, many)),
        1 => (any::<u16>(), bytes()).prop_map(|(at, bytes)| Damage::Overwrite(at, bytes)),
        1 => any::<u16>().prop_map(Damage::Zeroed),
        1 => Just(Damage::Lost),
    ]
}

/// The damaged bytes; `None`: the file is gone.
fn damaged(bytes: &[u8], damage: &Damage) -> Option<Vec<u8>> {
    let place = |at: u16, len: usize| usize::from(at) * len / 65536;
    let mut out = bytes.to_vec();
    match damage {
        Damage::Lost => return None,
        Damage::Cut(at) => out.truncate(place(*at, bytes.len())),
        Damage::Insert(at, more) => {
            let at = place(*at, bytes.len() + 1);
            out.splice(at..at, more.iter().copied());
        }
        _ if bytes.is_empty() => {}
        Damage::Flip(at, bit) => out[place(*at, bytes.len())] ^= 1 << bit,
        Damage::Remove(at, many) => {
            let at = place(*at, bytes.len());
            out.drain(at..(at + usize::from(*many)).min(bytes.len()));
        }
        Damage::Overwrite(at, with) => {
            let at = place(*at, bytes.len());
            out.iter_mut().skip(at).zip(with).for_each(|(byte, with)| *byte = *with);
        }
        // What a file system leaves of a block that was never written.
        Damage::Zeroed(at) => out[place(*at, bytes.len())..].fill(0),
    }
    Some(out)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(1500), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let read = codec::decode(&bytes);
        prop_assert!(read.records.is_empty());
        prop_assert_eq!(read.cut.is_some() || !read.damaged.is_empty(), !bytes.is_empty());
        prop_assert!(codec::decode_snapshot(&bytes).is_err());
    }

    #[test]
    fn what_is_written_is_read(records in prop::collection::vec(record(), 0..12)) {
        let read = codec::decode(&encoded(&records));
        prop_assert_eq!((&read.records, read.cut, read.damaged.len()), (&records, None, 0));
        let mut state = State::default();
        records.iter().for_each(|record| state.apply(record));
        let snapshot = codec::decode_snapshot(&codec::encode_snapshot(7, &state)).map_err(|why| TestCaseError::fail(why.to_string()))?;
        prop_assert_eq!((snapshot.generation, plain(&snapshot.state)), (7, plain(&state)));
    }

    #[test]
    fn a_damaged_journal_keeps_its_whole_lines_and_says_what_is_wrong(
        records in prop::collection::vec(record(), 1..10),
        harm in damage(),
    ) {
        let bytes = encoded(&records);
        let harmed = damaged(&bytes, &harm).unwrap_or_default();
        let read = codec::decode(&harmed);
        let lines = |bytes: &[u8]| -> Vec<Vec<u8>> {
            bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
        };
        let whole = lines(&bytes);
        let kept: Vec<Record> = lines(&harmed)
            .iter()
            .filter_map(|line| whole.iter().position(|other| other == line).map(|at| records[at].clone()))
            .collect();
        prop_assert_eq!(&read.records, &kept, "every whole line is kept, and nothing else is believed");
        // Whole lines that are gone leave no trace; anything else does.
        let seen = read.cut.is_some() || !read.damaged.is_empty();
        prop_assert_eq!(seen, lines(&harmed).iter().any(|line| !whole.contains(line)));
        let number = |at: usize| format!("line {at}:");
        let wrong: Vec<usize> =
            (1..).zip(lines(&harmed)).filter(|(_, l)| l.ends_with(b"\n") && !whole.contains(l)).map(|(n, _)| n).collect();
        prop_assert_eq!(wrong.len(), read.damaged.len());
        for (at, said) in wrong.into_iter().zip(&read.damaged) {
            prop_assert!(said.starts_with(&number(at)), "{said} is about line {at}");
        }
    }

    #[test]
    fn a_damaged_snapshot_is_never_believed(
        records in prop::collection::vec(record(), 0..10),
        generation in any::<u64>(),
        harm in damage(),
    ) {
        let mut state = State::default();
        records.iter().for_each(|record| state.apply(record));
        let bytes = codec::encode_snapshot(generation, &state);
        let harmed = damaged(&bytes, &harm).unwrap_or_default();
        prop_assert_eq!(codec::decode_snapshot(&harmed).is_ok(), harmed == bytes);
    }
}

fn cases(default: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(default)
}

/// What is done with a store.
#[derive(Clone, Debug)]
enum Deed {
    Append(Vec<Record>),
    Compact,
    /// A new process; before it, damage to one of the files by number, modulo.
    Damage(u8, Damage),
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        3 => prop::collection::vec(record(), 1..5).prop_map(Deed::Append),
        2 => Just(Deed::Compact),
        1 => (any::<u8>(), damage()).prop_map(|(which, harm)| Deed::Damage(which, harm)),
    ]
}

/// The files that hold state: not those put aside, nor locks.
fn files(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| name.ends_with(".json") || name.ends_with(".jsonl"));
    names.sort();
    names
}

fn journal_lines(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').collect()
}

/// Whether only whole lines are gone from the end: nothing can tell that they were ever there.
fn leaves_no_trace(name: &str, before: &[u8], after: &[u8]) -> bool {
    name.starts_with("journal") && journal_lines(before).starts_with(&journal_lines(after))
}

/// Whether it is said that this file is not what it was. What was cut off at a journal's end is told without its name.
fn told(loaded: &Loaded, name: &str) -> bool {
    let said = [&loaded.damaged, &loaded.mended].into_iter().flatten().any(|said| said.contains(name));
    said || name.starts_with("journal") && loaded.lost.is_some()
}

fn live(deeds: &[Deed]) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let dir = tempfile::tempdir().expect("a directory");
    let open = || FileStore::new(dir.path());
    let load = |store: &FileStore| runtime.block_on(store.load());
    let fail = |error: StoreError| TestCaseError::fail(error.to_string());
    let mut store = open();
    // What was written, as far as it was not reported lost since.
    let mut model = State::default();
    // A second damage before the next snapshot may leave nothing that tells of the first.
    let mut hurt = false;
    let mut harmed = Vec::new();
    let began = Record::Began { time: String::new(), command: "deploy".into(), cloud: "c".into() };
    for deed in std::iter::once(&Deed::Append(vec![began])).chain(deeds) {
        match deed {
            Deed::Damage(..) if hurt => continue,
            Deed::Append(records) => {
                runtime.block_on(store.append(encoded(records))).map_err(fail)?;
                records.iter().for_each(|record| model.apply(record));
            }
            Deed::Compact => {
                runtime.block_on(store.compact(&model)).map_err(fail)?;
                hurt = false;
            }
            Deed::Damage(which, harm) => {
                let names = files(dir.path());
                if names.is_empty() {
                    continue;
                }
                let name = &names[usize::from(*which) % names.len()];
                let path = dir.path().join(name);
                let before = fs::read(&path).expect("a file");
                let after = damaged(&before, harm);
                hurt = true;
                harmed.push(name.clone());
                match &after {
                    Some(bytes) => fs::write(&path, bytes).expect("written"),
                    None => fs::remove_file(&path).expect("removed"),
                }
                store = open();
                match load(&store) {
                    Err(error) => {
                        let said = error.to_string();
                        prop_assert!(
                            harmed.iter().any(|name| said.contains(name.as_str())),
                            "{name} was damaged: {said}"
                        );
                        return Ok(());
                    }
                    Ok(loaded) => {
                        let same = plain(&loaded.state) == plain(&model);
                        let no_trace = leaves_no_trace(name, &before, after.as_deref().unwrap_or_default());
                        prop_assert!(
                            same || told(&loaded, name) || no_trace,
                            "{name} was damaged ({harm:?}), and nobody was told: {:?} {:?} {:?}",
                            loaded.lost,
                            loaded.damaged,
                            loaded.mended
                        );
                        model = loaded.state;
                    }
                }
            }
        }
        let loaded = load(&store).map_err(fail)?;
        prop_assert_eq!(plain(&loaded.state), plain(&model), "after {:?}", deed);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(400), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_store_survives_damage_or_says_what_is_lost(deeds in prop::collection::vec(deed(), 1..14)) {
        live(&deeds)?;
    }
}
