//! The lock in a bucket and in a table of the local cloud: who has it, when it ends, how it is lost.

#![allow(missing_docs)]

mod support;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use aws_sdk_dynamodb::types::AttributeValue;
use engine::store::StoreError;
use remote_state::{RemoteLock, Terms, in_bucket, in_table};
use support::{BUCKET, REGION, TABLE, connect, holder, losing, place, s3};

const SECONDS: u64 = 2;
const TERMS: Terms = Terms { lease: Duration::from_secs(SECONDS), wait: Duration::ZERO };

/// The same lock of a test in both places.
async fn locks(test: &str) -> [RemoteLock; 2] {
    let cloud = connect().await;
    let place = place(test);
    [in_bucket(&cloud, place.clone()), in_table(&cloud, &place, TABLE)]
}

#[track_caller]
fn assert_locked<T>(result: Result<T, StoreError>, by: &str) {
    match result {
        Err(StoreError::Locked(holder)) => assert_eq!(holder.who, by),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("taken, though {by} holds it"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_is_told_who_holds_it_and_may_wait() {
    for lock in locks("second").await {
        let first = lock.take(holder("first"), TERMS, |_| {}).await.unwrap();
        assert_locked(lock.take(holder("second"), TERMS, |_| {}).await, "first");
        let held = lock.holder().await.unwrap().unwrap();
        assert_eq!((held.holder, held.ended), (holder("first"), false));
        let waiting = {
            let lock = lock.clone();
            tokio::spawn(async move {
                let mut told = Vec::new();
                let terms = Terms { wait: Duration::from_secs(20), ..TERMS };
                let lease = lock.take(holder("second"), terms, |holder| told.push(holder.who.clone())).await;
                (lease, told)
            })
        };
        // Longer than a lease: it is renewed meanwhile.
        tokio::time::sleep(Duration::from_secs(SECONDS + 2)).await;
        assert!(!waiting.is_finished() && first.gate()().is_ok());
        first.release().await.unwrap();
        let (second, told) = waiting.await.unwrap();
        assert_eq!(told, ["first"]);
        second.unwrap().release().await.unwrap();
        assert_eq!(lock.holder().await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_holders_lease_ends_by_itself_and_not_before() {
    for lock in locks("dead").await {
        let began = Instant::now();
        let lease = lock.take(holder("dead"), TERMS, |_| {}).await.unwrap();
        let gate = lease.gate();
        drop(lease);
        assert_locked(lock.take(holder("heir"), TERMS, |_| {}).await, "dead");
        let terms = Terms { wait: Duration::from_secs(20), ..TERMS };
        let heir = lock.take(holder("heir"), terms, |_| {}).await.unwrap();
        let took = began.elapsed();
        assert!(took >= Duration::from_secs(SECONDS), "taken over after {took:?}");
        assert!(took < Duration::from_secs(SECONDS + 5), "taken over only after {took:?}");
        assert!(gate().unwrap_err().contains("not renewed"));
        heir.release().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_was_taken_away_is_lost_and_its_end_hurts_nobody() {
    for lock in locks("taken").await {
        let first = lock.take(holder("first"), TERMS, |_| {}).await.unwrap();
        let mut lost = first.lost();
        loop {
            // It may be renewed between the look and the removal.
            let held = lock.holder().await.unwrap().unwrap();
            if lock.take_away(&held).await.unwrap() {
                break;
            }
        }
        let second = lock.take(holder("second"), TERMS, |_| {}).await.unwrap();
        tokio::time::timeout(Duration::from_secs(SECONDS), lost.wait_for(Option::is_some)).await.unwrap().unwrap();
        let why = first.gate()().unwrap_err();
        assert!(why.contains("second") || why.contains("taken away"), "{why}");
        first.release().await.unwrap();
        assert_eq!(lock.holder().await.unwrap().unwrap().holder, holder("second"));
        assert!(second.gate()().is_ok());
        second.release().await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_at_once_one_takes_it() {
    for lock in locks("fifty").await {
        let runs = (0..50).map(|n| {
            let lock = lock.clone();
            let terms = Terms { lease: Duration::from_secs(30), wait: Duration::ZERO };
            async move { lock.take(holder(&format!("run {n}")), terms, |_| {}).await }
        });
        let (taken, refused): (Vec<_>, Vec<_>) =
            futures::future::join_all(runs).await.into_iter().partition(Result::is_ok);
        assert_eq!((taken.len(), refused.len()), (1, 49), "{}", lock.place());
        for result in refused {
            assert!(matches!(result, Err(StoreError::Locked(_))));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_neither_lock_the_holder_out_nor_let_two_in() {
    let place = place("lost");
    for (needles, table) in [(&["PUT ", "lock.json"][..], false), (&["DynamoDB_20120810.PutItem"], true)] {
        let (cloud, lost) = losing(needles, 3).await;
        let lock = if table { in_table(&cloud, &place, TABLE) } else { in_bucket(&cloud, place.clone()) };
        // Longer than the SDK's tries take.
        let terms = Terms { lease: Duration::from_secs(9), wait: Duration::ZERO };
        let lease = lock.take(holder("unlucky"), terms, |_| {}).await.unwrap();
        tokio::time::sleep(Duration::from_secs(4)).await;
        assert_eq!(lost.load(Ordering::SeqCst), 3, "no answers were lost");
        assert!(lease.gate()().is_ok());
        assert_locked(lock.take(holder("other"), terms, |_| {}).await, "unlucky");
        lease.release().await.unwrap();
        assert_eq!(lock.holder().await.unwrap(), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn terraforms_own_lock_is_respected_until_it_is_taken_away() {
    let cloud = connect().await;
    let place = place("terraform");
    let lock = in_table(&cloud, &place, TABLE);
    let id = format!("{BUCKET}/{}/state.json", place.prefix);
    let info =
        r#"{"ID":"1","Operation":"OperationTypeApply","Who":"ann@host","Created":"2026-11-21T10:00:00Z","Path":"p"}"#;
    let table = aws_sdk_dynamodb::Client::new(&cloud.config(REGION));
    let put = table.put_item().table_name(TABLE).item("LockID", AttributeValue::S(id.clone()));
    put.item("Info", AttributeValue::S(info.to_owned())).send().await.unwrap();
    match lock.take(holder("ours"), TERMS, |_| {}).await.map(|_| ()) {
        Err(StoreError::LockedForGood(holder)) => assert_eq!((holder.who.as_str(), holder.pid), ("ann@host", 0)),
        other => panic!("{other:?}"),
    }
    let held = lock.holder().await.unwrap().unwrap();
    assert_eq!(held.holder.command, "terraform OperationTypeApply");
    assert_eq!((held.ended, held.ends), (false, false));
    assert!(lock.take_away(&held).await.unwrap());

    // And ours is in Terraform's shape.
    let lease = lock.take(holder("ours"), TERMS, |_| {}).await.unwrap();
    let get = table.get_item().table_name(TABLE).key("LockID", AttributeValue::S(id));
    let item = get.send().await.unwrap().item.unwrap();
    let info: serde_json::Value = serde_json::from_str(item["Info"].as_s().unwrap()).unwrap();
    assert_eq!((&info["Who"], &info["Operation"]), (&"ours".into(), &"deploy-full by ours".into()));
    lease.release().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_nobody_can_read_is_said_not_to_end_by_itself() {
    let cloud = connect().await;
    let place = place("unreadable");
    let key = format!("{}/lock.json", place.prefix);
    s3(&cloud).put_object().bucket(BUCKET).key(key).body(b"theirs".to_vec().into()).send().await.unwrap();
    let lock = in_bucket(&cloud, place);
    match lock.take(holder("ours"), TERMS, |_| {}).await.map(|_| ()) {
        Err(StoreError::LockedForGood(holder)) => assert_eq!(holder.to_string(), "a holder that left no name"),
        other => panic!("{other:?}"),
    }
    let held = lock.holder().await.unwrap().unwrap();
    assert!(!held.ends && lock.take_away(&held).await.unwrap());
    lock.take(holder("ours"), TERMS, |_| {}).await.unwrap().release().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_table_is_said_with_what_to_do() {
    let lock = in_table(&*connect().await, &place("none"), "no-such-table");
    match lock.take(holder("first"), TERMS, |_| {}).await {
        Err(StoreError::Remote { failure, .. }) => assert!(failure.hint.unwrap().contains("create-state-bucket")),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("taken in no table"),
    }
}
