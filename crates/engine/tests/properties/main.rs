//! Random graphs, changes, failures and crashes against a cloud in memory: the engine's invariants hold in all of them.
//!
//! `PROPTEST_CASES` sets how many scenarios are tried. A failure prints its smallest scenario as steps, and what happened in it.

#![allow(missing_docs)]

mod checks;
mod cloud;
mod fate;
mod kinds;
mod model;
mod scenario;
mod store;
mod world;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::ThreadId;
use std::time::Instant;

use proptest::test_runner::{
    Config, FileFailurePersistence, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner,
};

use crate::kinds::catalogue;
use crate::scenario::{Scenario, scenario};
use crate::world::World;

/// Waiting costs nothing, so many are under way at once.
const THREADS: u32 = 64;

fn cases(default: u32) -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(default)
}

/// What the threads share.
#[derive(Default)]
struct Tally {
    /// How many scenarios needed a second clean run.
    again: AtomicUsize,
    /// The thread that found a failure, and makes it smaller; the others leave off.
    failed: OnceLock<ThreadId>,
}

fn live(scenario: &Scenario, tally: &Tally) -> Result<(), TestCaseError> {
    let me = std::thread::current().id();
    if tally.failed.get().is_some_and(|failed| *failed != me) {
        return Ok(());
    }
    let mut world = World::new(scenario, Arc::new(catalogue()));
    match world.live(scenario) {
        Ok(runs) => {
            tally.again.fetch_add(usize::from(runs > 1), Ordering::Relaxed);
            Ok(())
        }
        Err(_) if *tally.failed.get_or_init(|| me) != me => Ok(()),
        Err(why) => Err(TestCaseError::fail(format!("{why}\n\nwhat happened:\n{}", world.trace.join("\n")))),
    }
}

/// The same scenarios each time, so that a change is judged by what it changes; `GROUNDPLAN_SEED=random` for others.
fn seed() -> Option<u32> {
    match std::env::var("GROUNDPLAN_SEED") {
        Ok(seed) => seed.parse().ok(),
        Err(_) => Some(1),
    }
}

fn generator(seed: u32, thread: u32) -> TestRng {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&seed.to_le_bytes());
    bytes[4..8].copy_from_slice(&thread.to_le_bytes());
    TestRng::from_seed(RngAlgorithm::ChaCha, &bytes)
}

fn try_all(cases: u32, files: bool) {
    let began = Instant::now();
    let tally = Tally::default();
    let failed = std::thread::scope(|scope| {
        let one = |thread: u32| {
            let tally = &tally;
            scope.spawn(move || {
                let config = Config {
                    cases: cases.div_ceil(THREADS),
                    failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
                        "tests/properties/regressions.txt",
                    ))),
                    max_shrink_iters: 3_000,
                    ..Config::default()
                };
                let mut runner = match seed() {
                    Some(seed) => TestRunner::new_with_rng(config, generator(seed, thread)),
                    None => TestRunner::new(config),
                };
                runner.run(&scenario(files), |scenario| live(&scenario, tally))
            })
        };
        let threads: Vec<_> = (0..THREADS).map(one).collect();
        let results: Vec<_> = threads.into_iter().map(|thread| thread.join().expect("no panic")).collect();
        results.into_iter().find_map(Result::err)
    });
    if let Some(error) = failed {
        match error {
            TestError::Fail(why, scenario) => panic!("{why}\n\nthe smallest scenario:\n{scenario:?}"),
            TestError::Abort(why) => panic!("{why}"),
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    let again = tally.again.into_inner();
    println!(
        "{cases} scenarios in {seconds:.1} s, {:.0} a second; {again} needed a second clean run",
        f64::from(cases) / seconds
    );
}

#[test]
fn nothing_is_lost_whatever_happens() {
    try_all(cases(2_000), false);
}

#[test]
fn nothing_is_lost_with_the_state_in_files() {
    try_all(cases(2_000).div_ceil(40), true);
}
