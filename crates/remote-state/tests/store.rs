//! State in a bucket of the local cloud: every interleaving of an earlier run with a later one, lost answers, damage.

#![allow(missing_docs)]

mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use engine::State;
use engine::state::{Entry, Record};
use engine::store::{Journal, Store, StoreError, codec};
use remote_state::{Place, S3Store};
use serde_json::json;
use support::{BUCKET, REGION, connect, holder, losing, place, s3};

fn record(id: &str) -> Record {
    let entry = json!({
        "address": id, "type": "Test::T", "region": REGION, "id": id, "properties": {}, "token": id,
    });
    Record::Adopted(Box::new(serde_json::from_value::<Entry>(entry).unwrap()))
}

fn line(id: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    codec::encode(&record(id), &mut bytes);
    bytes
}

fn names(state: &State) -> Vec<String> {
    state.entries.keys().map(ToString::to_string).collect()
}

async fn store(who: &str, place: &Place) -> Arc<S3Store> {
    Arc::new(S3Store::new(&*connect().await, place.clone(), holder(who), None))
}

async fn read(place: &Place) -> Vec<String> {
    names(&store("reader", place).await.load().await.unwrap().state)
}

#[track_caller]
fn assert_fenced<T>(result: Result<T, StoreError>, by: &str) {
    match result {
        Err(StoreError::Fenced { by: said }) => assert!(said.contains(by), "fenced by {said}, not by {by}"),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("an earlier run wrote after {by} had taken over"),
    }
}

async fn keys(place: &Place) -> Vec<String> {
    let answer =
        s3(&*connect().await).list_objects_v2().bucket(BUCKET).prefix(format!("{}/", place.prefix)).send().await;
    answer.unwrap().contents.unwrap_or_default().into_iter().filter_map(|object| object.key).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_appended_is_there_from_anywhere_before_and_after_compaction() {
    let place = place("plain");
    let first = store("first", &place).await;
    assert!(first.load().await.unwrap().state.is_empty());
    assert!(keys(&place).await.is_empty(), "loading writes nothing");
    first.claim().await.unwrap();
    first.append(line("a")).await.unwrap();
    assert_eq!(read(&place).await, ["a"]);
    let state = first.load().await.unwrap().state;
    first.compact(&state).await.unwrap();
    first.append(line("b")).await.unwrap();
    assert_eq!(read(&place).await, ["a", "b"]);
    let loaded = store("second", &place).await.claim().await.unwrap();
    assert_eq!((loaded.state.serial, loaded.damaged), (2, None));
    // What was folded is deleted; the seals stay.
    let left = keys(&place).await;
    let segments: Vec<&String> = left.iter().filter(|key| key.contains("/journal-")).collect();
    assert_eq!(segments.len(), 2, "{left:?}");
    assert_eq!(read(&place).await, ["a", "b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_run_cannot_write_after_a_later_one_claimed() {
    let place = place("fenced");
    let earlier = store("earlier", &place).await;
    earlier.claim().await.unwrap();
    earlier.append(line("a")).await.unwrap();
    let state = earlier.load().await.unwrap().state;
    let later = store("later", &place).await;
    assert_eq!(names(&later.claim().await.unwrap().state), ["a"]);
    assert_fenced(earlier.append(line("x")).await, "deploy-full by later");
    assert_fenced(earlier.compact(&state).await, "deploy-full by later");
    later.append(line("b")).await.unwrap();
    // Also when everything it knew of is folded and deleted since.
    for _ in 0..3 {
        let state = later.load().await.unwrap().state;
        later.compact(&state).await.unwrap();
    }
    store("third", &place).await.claim().await.unwrap();
    assert_fenced(earlier.append(line("x")).await, "deploy-full by later");
    assert_fenced(earlier.compact(&state).await, "deploy-full by later");
    assert_fenced(later.append(line("x")).await, "deploy-full by third");
    assert_eq!(read(&place).await, ["a", "b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_earlier_run_was_told_is_safe_is_in_what_the_later_one_claims() {
    for round in 0..8 {
        let place = place(&format!("race-{round}"));
        let (earlier, later) = (store("earlier", &place).await, store("later", &place).await);
        earlier.claim().await.unwrap();
        let appends = tokio::spawn(async move {
            let mut safe = Vec::new();
            for n in 0..2000 {
                let id = format!("r{n:04}");
                match earlier.append(line(&id)).await {
                    Ok(()) => safe.push(id),
                    Err(StoreError::Fenced { .. }) => return safe,
                    Err(other) => panic!("{other}"),
                }
            }
            panic!("never fenced");
        });
        tokio::time::sleep(std::time::Duration::from_millis(20 * round)).await;
        let claimed = later.claim().await.unwrap().state;
        assert_eq!(names(&claimed), appends.await.unwrap(), "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_earlier_runs_compaction_loses_nothing_on_either_side_of_the_claim() {
    let (mut before, mut after) = (0, 0);
    for round in 0..200 {
        // How long a claim takes is the machine's affair: later and later, until both sides were met.
        if round >= 12 && before > 0 && after > 0 {
            break;
        }
        let place = place(&format!("compact-{round}"));
        let (earlier, later) = (store("earlier", &place).await, store("later", &place).await);
        earlier.claim().await.unwrap();
        earlier.append(line("a")).await.unwrap();
        let state = earlier.load().await.unwrap().state;
        let slow = std::time::Duration::from_millis(3 * round);
        let compaction = async {
            tokio::time::sleep(slow).await;
            earlier.compact(&state).await
        };
        let (compacted, claimed) = tokio::join!(compaction, later.claim());
        assert_eq!(names(&claimed.unwrap().state), ["a"]);
        match compacted {
            Ok(()) => before += 1,
            Err(StoreError::Fenced { .. }) => after += 1,
            Err(other) => panic!("{other}"),
        }
        assert_fenced(earlier.append(line("x")).await, "later");
        later.append(line("b")).await.unwrap();
        assert_eq!(read(&place).await, ["a", "b"]);
    }
    assert!(before > 0 && after > 0, "only one side of the claim was met: {before} before it, {after} after it");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_claims_at_the_same_time_one_can_write() {
    for round in 0..5 {
        let place = place(&format!("claims-{round}"));
        store("before", &place).await.append(line("a")).await.unwrap();
        let stores = futures::future::join_all((0..4).map(|n| {
            let place = place.clone();
            async move { store(&format!("claim-{n}"), &place).await }
        }));
        let stores = stores.await;
        let claims = futures::future::join_all(stores.iter().map(|store| store.claim())).await;
        for claim in claims {
            assert_eq!(names(&claim.unwrap().state), ["a"]);
        }
        let mut written = 0;
        for store in &stores {
            match store.append(line("b")).await {
                Ok(()) => written += 1,
                Err(StoreError::Fenced { by }) => assert!(by.contains("claim-"), "{by}"),
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(written, 1);
        assert_eq!(read(&place).await, ["a", "b"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_answer_was_lost_is_known_again() {
    for (test, needles) in [
        ("lost-segment", &["PUT ", "journal-1/00000001"][..]),
        ("lost-seal", &["PUT ", "journal-0/00000001"]),
        ("lost-snapshot", &["PUT ", "state.json"]),
    ] {
        let place = place(test);
        let (cloud, lost) = losing(needles, 1).await;
        let store = S3Store::new(&cloud, place.clone(), holder("unlucky"), None);
        store.claim().await.unwrap();
        for id in ["a", "b"] {
            store.append(line(id)).await.unwrap();
        }
        let state = store.load().await.unwrap().state;
        store.compact(&state).await.unwrap();
        store.append(line("c")).await.unwrap();
        assert_eq!(lost.load(Ordering::SeqCst), 1, "{test}: no answer was lost");
        let loaded = store.load().await.unwrap();
        assert_eq!(
            (names(&loaded.state), loaded.damaged, loaded.state.serial),
            (vec!["a".into(), "b".into(), "c".into()], None, 3),
            "{test}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_append_of_which_nothing_is_known_does_not_fence_its_own_run() {
    let place = place("unknown");
    // All of the SDK's tries are carried out or refused, and no answer comes.
    let (cloud, lost) = losing(&["PUT ", "journal-1/00000001"], 8).await;
    let store = S3Store::new(&cloud, place.clone(), holder("unlucky"), None);
    store.claim().await.unwrap();
    assert!(matches!(store.append(line("a")).await, Err(StoreError::Remote { .. })));
    assert_eq!(lost.load(Ordering::SeqCst), 8);
    store.append(line("b")).await.unwrap();
    assert_eq!(read(&place).await, ["a", "b"]);
}

async fn overwrite(place: &Place, name: &str, change: impl Fn(&mut Vec<u8>)) {
    let s3 = s3(&*connect().await);
    let key = format!("{}/{name}", place.prefix);
    let object = s3.get_object().bucket(BUCKET).key(&key).send().await.unwrap();
    let mut bytes = object.body.collect().await.unwrap().to_vec();
    change(&mut bytes);
    s3.put_object().bucket(BUCKET).key(&key).body(bytes.into()).send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_is_named_and_an_earlier_version_takes_its_place() {
    let place = place("damaged");
    let store = store("first", &place).await;
    store.claim().await.unwrap();
    for id in ["a", "b"] {
        store.append(line(id)).await.unwrap();
        let state = store.load().await.unwrap().state;
        store.compact(&state).await.unwrap();
    }
    overwrite(&place, "state.json", |bytes| bytes[120] ^= 1).await;
    let later = support::connect().await;
    let later = S3Store::new(&later, place.clone(), holder("later"), None);
    for result in [later.load().await, later.claim().await] {
        match result {
            Err(StoreError::Damaged { path, .. }) => assert_eq!(path.to_str(), Some(place.to_string().as_str())),
            other => panic!("{other:?}"),
        }
    }
    let versions = later.versions().await.unwrap();
    assert!(versions.len() >= 3 && versions[0].current && !versions[1].current, "{versions:?}");
    let state = later.version(&versions[1].id).await.unwrap().unwrap();
    assert_eq!(names(&state), ["a", "b"]);
    assert!(later.version("00000000-0000-0000-0000-000000000000").await.unwrap().is_none());
    later.replace(&state).await.unwrap();
    assert_eq!(read(&place).await, ["a", "b"]);
    assert_fenced(store.append(line("x")).await, "later");
    later.append(line("c")).await.unwrap();
    assert_eq!(read(&place).await, ["a", "b", "c"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_segment_is_named_and_hides_no_other() {
    let place = place("damaged-segment");
    let first = store("first", &place).await;
    first.claim().await.unwrap();
    for id in ["a", "b", "c"] {
        first.append(line(id)).await.unwrap();
    }
    overwrite(&place, "journal-1/00000002.jsonl", |bytes| bytes[30] ^= 1).await;
    let loaded = store("second", &place).await.load().await.unwrap();
    assert_eq!(names(&loaded.state), ["a", "c"]);
    assert!(loaded.damaged.unwrap().contains("journal-1/00000002.jsonl: line 1"));
    s3(&*connect().await)
        .delete_object()
        .bucket(BUCKET)
        .key(format!("{}/journal-1/00000002.jsonl", place.prefix))
        .send()
        .await
        .unwrap();
    let loaded = store("second", &place).await.load().await.unwrap();
    assert!(loaded.damaged.unwrap().contains("2 is missing"));
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_is_known_until_it_is_mended_also_when_a_claim_folded_it_away() {
    let place = place("damaged-folded");
    store("first", &place).await.append([line("a"), line("b")].concat()).await.unwrap();
    overwrite(&place, "journal-1/00000001.jsonl", |bytes| bytes[30] ^= 1).await;
    for who in ["second", "third"] {
        // It fails before it mends anything.
        let loaded = store(who, &place).await.claim().await.unwrap();
        assert_eq!(names(&loaded.state), ["b"]);
        assert!(loaded.damaged.unwrap().ends_with("journal-1/00000001.jsonl: line 1: the checksum does not fit"));
    }
    let mender = store("mender", &place).await;
    let mut state = mender.claim().await.unwrap().state;
    state.apply(&Record::Mended);
    mender.compact(&state).await.unwrap();
    assert_eq!(store("last", &place).await.claim().await.unwrap().damaged, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_that_was_deleted_is_not_an_empty_state() {
    let place = place("deleted");
    let first = store("first", &place).await;
    first.claim().await.unwrap();
    first.append(line("a")).await.unwrap();
    let s3 = s3(&*connect().await);
    s3.delete_object().bucket(BUCKET).key(format!("{}/state.json", place.prefix)).send().await.unwrap();
    match store("second", &place).await.load().await {
        Err(StoreError::Damaged { why, .. }) => assert!(why.contains("journal-1 goes on from it"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_snapshot_is_missed_also_where_no_versions_are_kept() {
    let cloud = connect().await;
    let s3 = s3(&cloud);
    const PLAIN: &str = "groundplan-no-versions";
    s3.create_bucket().bucket(PLAIN).send().await.unwrap();
    let place = Place::new(PLAIN, REGION, &["tests", "deleted"]);
    // A run that died between its seal and the first snapshot: that is no damage.
    let seal = json!({ "who": "dead", "pid": 7, "command": "deploy-full", "since": "now" }).to_string();
    let key = format!("{}/journal-0/00000001.jsonl", place.prefix);
    s3.put_object().bucket(PLAIN).key(key).body(seal.into_bytes().into()).send().await.unwrap();
    assert!(store("reader", &place).await.load().await.unwrap().state.is_empty());
    let first = store("first", &place).await;
    first.claim().await.unwrap();
    first.append(line("a")).await.unwrap();
    let state = first.load().await.unwrap().state;
    first.compact(&state).await.unwrap();
    s3.delete_object().bucket(PLAIN).key(format!("{}/state.json", place.prefix)).send().await.unwrap();
    let second = store("second", &place).await;
    for result in [second.load().await, second.claim().await] {
        match result {
            Err(StoreError::Damaged { why, .. }) => assert!(why.contains("the seal in journal-0"), "{why}"),
            other => panic!("{other:?}"),
        }
    }
    // Put back, it counts again.
    second.replace(&state).await.unwrap();
    assert_eq!(names(&second.load().await.unwrap().state), ["a"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_bucket_is_said_with_what_to_do() {
    let place = Place::new("groundplan-no-such-bucket", REGION, &["x"]);
    let error = store("first", &place).await.load().await.unwrap_err();
    match error {
        StoreError::Remote { place: at, failure } => {
            assert!(at.starts_with("s3://groundplan-no-such-bucket/"), "{at}");
            assert!(failure.hint.unwrap().contains("create-state-bucket"));
        }
        other => panic!("{other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shut_gate_writes_nothing() {
    let place = place("gate");
    let gate: remote_state::Gate = Arc::new(|| Err("the lease was lost".to_owned()));
    let store = S3Store::new(&*connect().await, place.clone(), holder("first"), Some(gate));
    assert_fenced(store.claim().await, "the lease was lost");
    assert_fenced(store.append(line("a")).await, "the lease was lost");
    assert!(keys(&place).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_records_costs_one_request() {
    let place = place("cost");
    let store = store("first", &place).await;
    store.claim().await.unwrap();
    let (journal, writer) = Journal::open(store.clone());
    let records: Vec<Record> = (0..300).map(|n| record(&format!("r{n:03}"))).collect();
    futures::future::try_join_all(records.iter().map(|record| journal.append(record))).await.unwrap();
    drop(journal);
    writer.await.unwrap();
    assert_eq!(read(&place).await.len(), 300);
    let segments = keys(&place).await.iter().filter(|key| key.contains("/journal-1/")).count();
    assert!(segments <= 5, "{segments} requests for 300 records at the same time");
}
