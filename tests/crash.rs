//! kill -9 in the middle of a deploy, then the same command again: nothing twice, nothing orphaned.

#![allow(missing_docs)]

mod support;

use std::time::{Duration, Instant};

use serde_json::Value;
use support::Workspace;

const ENVIRONMENT: &str = "freeside/staging";
const PREFIX: &str = "arrakis-staging";

fn inventory(workspace: &Workspace) -> Value {
    workspace.boto3("inventory.py", &[ENVIRONMENT, PREFIX])
}

/// Deploys, and kills the process when the local cloud has answered so many calls; true if it was killed.
fn deploy_killed_after(workspace: &Workspace, calls: usize) -> bool {
    let from = workspace.calls();
    let mut child = workspace
        .command(&["deploy-full", "--yes"])
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(120);
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success());
            return false;
        }
        if workspace.calls() >= from + calls {
            child.kill().unwrap();
            child.wait().unwrap();
            return true;
        }
        assert!(Instant::now() < deadline, "the deploy neither ended nor came to call {calls}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_deploy_killed_anywhere_converges_with_the_same_command() {
    let workspace = Workspace::new(ENVIRONMENT);
    workspace.ok(&["local-cloud", "start"]);
    workspace.ok(&["deploy-full", "--yes"]);
    let whole = inventory(&workspace);
    assert!(whole["by_address"].as_object().unwrap().len() > 50, "{whole}");
    workspace.ok(&["destroy", "--yes", "--lift-protection"]);

    let mut killed = 0;
    for calls in [3, 20, 45, 80, 115, 150] {
        killed += usize::from(deploy_killed_after(&workspace, calls));
        workspace.ok(&["deploy-full", "--yes"]);
        assert_eq!(inventory(&workspace), whole, "killed after {calls} calls");
        workspace.expect(0, &["plan", "--detailed-exitcode"]);
        workspace.ok(&["destroy", "--yes", "--lift-protection"]);
        let left = inventory(&workspace);
        assert_eq!(left["by_address"].as_object().unwrap().len(), 0, "left after destroy: {left}");
    }
    assert!(killed >= 4, "only {killed} deploys were killed in their middle");
}
