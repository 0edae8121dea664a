//! When to ask again, and when to try again.

use std::time::Duration;

use crate::FailureKind;

/// The first wait where nothing takes time, in seconds.
const AT_ONCE: f64 = 0.005;

/// How long to wait before asking whether something is ready that has taken `elapsed` seconds and
/// is expected to take `expected`: dense around the expected finish, never longer than 15 s.
pub(super) fn next_look(elapsed: f64, expected: f64) -> Duration {
    const LONGEST: f64 = 15.0;
    let shortest = if expected == 0.0 { AT_ONCE } else { (expected * 0.02).clamp(0.05, 3.0) };
    let left = expected - elapsed;
    let wait = if left > 0.0 { left * 0.5 } else { -left * 0.25 };
    Duration::from_secs_f64(wait.clamp(shortest, LONGEST))
}

/// How long something may take that is expected to take `expected` seconds: eight times that, and half an hour at
/// least, on AWS. After it a run ends with the reason; the next one waits on.
pub(super) fn longest_wait(expected: f64, time_scale: f64) -> f64 {
    (expected * 8.0).max(1800.0 * time_scale.min(1.0)).max(10.0)
}

/// How long a failure of this kind is waited out, in seconds. Zero: it is final.
pub(super) fn patience(kind: FailureKind, deleting: bool) -> f64 {
    match kind {
        // AWS takes its own network interfaces away some time after what used them is gone.
        FailureKind::InUse if deleting => 1200.0,
        // What a making call refers to may not be visible everywhere yet.
        FailureKind::NotFound if !deleting => 20.0,
        FailureKind::InUse | FailureKind::NotYet => 1800.0,
        FailureKind::Propagating => 180.0,
        FailureKind::Throttled => 300.0,
        FailureKind::Unavailable => 60.0,
        _ => 0.0,
    }
}

/// How long to wait before the try after `tries` tries.
pub(super) fn next_try(tries: u32, time_scale: f64) -> Duration {
    let seconds = 0.5 * 1.6f64.powi(i32::try_from(tries).unwrap_or(30).min(30));
    // Even where nothing takes time, a retry must let others get on with it.
    let shortest = if time_scale == 0.0 { (AT_ONCE * seconds).min(0.05) } else { 0.05 };
    Duration::from_secs_f64((seconds.min(10.0) * time_scale.min(1.0)).max(shortest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds between a true finish and the look that sees it.
    fn lag(finish: f64, expected: f64) -> f64 {
        let mut now = 0.0;
        while now < finish {
            now += next_look(now, expected).as_secs_f64();
        }
        now - finish
    }

    #[test]
    fn a_finish_near_the_expected_one_is_seen_within_seconds() {
        for percent in 90..=115 {
            let finish = 420.0 * f64::from(percent) / 100.0;
            let lag = lag(finish, 420.0);
            assert!(lag <= 15.0, "ready at {finish}: seen {lag} late");
        }
        assert!(lag(420.0, 420.0) <= 3.0);
        assert!(lag(6.0, 6.0) <= 0.2);
    }
}
