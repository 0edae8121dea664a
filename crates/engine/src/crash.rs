//! Crash points: before and after each call and each journal write, where a test has this process killed.
//!
//! Told by the environment variable `GROUNDPLAN_CRASH`, else each point costs one look at a flag:
//!
//! - `record:FILE`: every point that is passed is written to the file, one a line;
//! - `at:NAME`: SIGKILL at the point of this name;
//! - `nth:N`: SIGKILL at the nth point, whichever it is.
//!
//! A point's name is the operation, what happens there and the how manyth time: `create networking.vpc/before call/1`.
//! It does not depend on what else runs at the time, so a run can be killed at each point of an earlier one.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{LazyLock, Mutex, PoisonError};

use crate::scope;

enum Order {
    Record(std::fs::File),
    At(String),
    Nth(u64),
}

#[derive(Default)]
struct Passed {
    by_name: HashMap<String, u64>,
    all: u64,
}

static ORDER: LazyLock<Option<Order>> = LazyLock::new(|| {
    let order = std::env::var("GROUNDPLAN_CRASH").ok()?;
    let (kind, rest) = order.split_once(':')?;
    match kind {
        "record" => std::fs::OpenOptions::new().create(true).append(true).open(rest).ok().map(Order::Record),
        "at" => Some(Order::At(rest.to_owned())),
        "nth" => rest.parse().ok().map(Order::Nth),
        _ => None,
    }
});

static PASSED: LazyLock<Mutex<Passed>> = LazyLock::new(Mutex::default);

/// Passes a point; does not return if the process is to be killed here.
pub fn point(what: &str) {
    if is_due(what) {
        kill();
    }
}

/// Whether the process is to be killed at this point, for a place that has something to do first.
pub fn is_due(what: &str) -> bool {
    let Some(order) = &*ORDER else { return false };
    let mut passed = PASSED.lock().unwrap_or_else(PoisonError::into_inner);
    let place = format!("{}/{what}", scope::present().operation);
    let times = passed.by_name.entry(place.clone()).or_default();
    *times += 1;
    let name = format!("{place}/{times}");
    passed.all += 1;
    match order {
        // A line that cannot be written is a point that is not tried; the test counts them.
        Order::Record(file) => {
            let mut file: &std::fs::File = file;
            let _ = file.write_all(format!("{name}\n").as_bytes());
            false
        }
        Order::At(at) => *at == name,
        Order::Nth(nth) => *nth == passed.all,
    }
}

/// Kills this process as `kill -9` does: nothing is tidied up.
pub fn kill() -> ! {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    // The signal is on its way.
    loop {
        std::thread::park();
    }
}
