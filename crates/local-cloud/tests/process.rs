//! Starting, finding, emptying, stopping: also when two do it at once, and when the front is killed.

mod common;

use std::time::Duration;

use common::{Cloud, first, settings, start};

fn alive(pid: u32) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // A process that nobody has waited for is dead all the same.
    !state.is_empty() && !state.contains(") Z ")
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_get_the_same_and_stop_ends_all() {
    let dir = tempfile::tempdir().unwrap();
    let settings = settings(dir.path(), 0.0);
    let (one, other) = tokio::join!(start(&settings), start(&settings));
    let (one, other) = (one.unwrap(), other.unwrap());
    assert_eq!(one, other);
    assert_eq!(local_cloud::status(&settings.run_dir), Some(one.clone()));
    assert_eq!(start(&settings).await.unwrap(), one);
    let faster = local_cloud::Settings { time_scale: 0.5, ..settings.clone() };
    assert!(matches!(start(&faster).await, Err(local_cloud::Error::OtherSettings { .. })));

    assert!(local_cloud::stop(&settings.run_dir).await.unwrap());
    assert_eq!(local_cloud::status(&settings.run_dir), None);
    assert!(!local_cloud::stop(&settings.run_dir).await.unwrap());
    for process in &one.emulators {
        common::eventually(false, || alive(process.pid));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_front_takes_its_emulators_along() {
    let cloud = Cloud::start(0.0).await;
    let pid = rustix::process::Pid::from_raw(i32::try_from(cloud.running.pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    for process in &cloud.running.emulators {
        common::eventually(false, || alive(process.pid));
    }
    assert_eq!(local_cloud::status(&cloud.settings.run_dir), None);
    assert!(!local_cloud::stop(&cloud.settings.run_dir).await.unwrap(), "nothing was left to stop");
}

#[tokio::test(flavor = "multi_thread")]
async fn reset_empties_both_emulators_and_renews_the_instance() {
    let cloud = Cloud::start(0.0).await;
    let vpc = cloud.network().vpc;
    cloud.ok(
        "rds",
        "CreateDBParameterGroup",
        &[("DBParameterGroupName", "p"), ("DBParameterGroupFamily", "postgres15"), ("Description", "d")],
    );
    local_cloud::reset(&cloud.settings.run_dir).await.unwrap();
    let after = local_cloud::status(&cloud.settings.run_dir).unwrap();
    assert_ne!(after.instance, cloud.running.instance);
    assert_eq!(after.endpoint, cloud.running.endpoint);
    cloud.refused("ec2", "DescribeVpcs", &[("VpcId.1", &vpc)], "InvalidVpcID.NotFound");
    cloud.refused("rds", "DescribeDBParameterGroups", &[("DBParameterGroupName", "p")], "DBParameterGroupNotFound");
    assert_eq!(cloud.get("/_groundplan/health")["instance"], after.instance);
}

#[tokio::test(flavor = "multi_thread")]
async fn listens_on_loopback_only() {
    let cloud = Cloud::start(0.0).await;
    let pids: Vec<u32> = cloud.running.emulators.iter().map(|process| process.pid).chain([cloud.running.pid]).collect();
    let mut sockets = std::collections::BTreeSet::new();
    for pid in pids {
        for entry in std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten() {
            let target = std::fs::read_link(entry.path()).unwrap_or_default().display().to_string();
            sockets
                .extend(target.strip_prefix("socket:[").and_then(|inode| inode.strip_suffix(']')).map(str::to_owned));
        }
    }
    let mut listening = 0;
    for (table, loopback) in [("/proc/net/tcp", "0100007F"), ("/proc/net/tcp6", "00000000000000000000000001000000")] {
        for line in std::fs::read_to_string(table).unwrap_or_default().lines().skip(1) {
            let fields: Vec<&str> = line.split_whitespace().collect();
            if fields[3] == "0A" && sockets.contains(fields[9]) {
                assert!(fields[1].starts_with(loopback), "{line}");
                listening += 1;
            }
        }
    }
    assert_eq!(listening, 3, "the front and two emulators");
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_emulator_is_named() {
    let cloud = Cloud::start(0.0).await;
    let dead = cloud.running.emulators.iter().find(|process| process.name == "ministack").unwrap();
    let pid = rustix::process::Pid::from_raw(i32::try_from(dead.pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let answer = cloud.query("rds", "DescribeDBInstances", &[]);
    assert_eq!(answer.status, 503);
    let message = first(&answer.text(), "Message").unwrap();
    assert!(message.starts_with("local cloud: ministack is not answering; see "), "{message}");
    cloud.ok("ec2", "DescribeVpcs", &[]);
}
