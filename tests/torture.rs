//! A seeded sample of the torture, as CI runs it; all of it is `cargo xtask torture --all` (docs/reliability.md).

#![allow(missing_docs)]

mod support;

use serde_json::Value;
use support::Workspace;

/// What became of the tries; the command must find that nothing was lost.
fn torture(args: &[&str]) -> Vec<Value> {
    let workspace = Workspace::new("freeside/staging");
    let all: Vec<&str> = ["torture", "--jobs", "1"].iter().chain(args).copied().collect();
    let document = workspace.json(0, &all);
    assert_eq!(document["lost"], 0, "{document:#}");
    let tries = document["tries"].as_array().unwrap().clone();
    assert!(!tries.is_empty());
    for tally in &tries {
        for nothing in ["orphans", "duplicates", "questions", "lost"] {
            assert_eq!(tally[nothing], 0, "{tally:#}");
        }
        assert!(tally["tried"].as_u64().unwrap() > 0, "{tally:#}");
    }
    tries
}

fn sum(tries: &[Value], what: &str) -> u64 {
    tries.iter().map(|tally| tally[what].as_u64().unwrap()).sum()
}

#[test]
fn killed_at_a_sample_of_points() {
    let tries = torture(&["--only", "crash", "--sample", "20", "--seed", "7"]);
    let points = sum(&tries, "points");
    assert!(points > 2_000, "{points} points: before and after each call and each journal write");
    assert!(sum(&tries, "killed") >= 16, "{tries:#?}");
}

#[test]
fn killed_again_while_recovering() {
    let tries = torture(&["--only", "recovery", "--sample", "16", "--seed", "7"]);
    assert!(sum(&tries, "killed") >= 12, "{tries:#?}");
}

#[test]
fn killed_while_waiting() {
    let tries = torture(&["--only", "waiting", "--seed", "7"]);
    assert!(sum(&tries, "killed") >= 2, "{tries:#?}");
}

#[test]
fn two_at_once() {
    let tries = torture(&["--only", "together", "--seed", "7"]);
    assert!(sum(&tries, "stopped") >= 2, "one of two that does not wait is told who is at work: {tries:#?}");
}

#[test]
fn under_faults() {
    let tries = torture(&["--only", "faults", "--seed", "7"]);
    assert_eq!(tries.len(), 8, "each class of faults");
}
