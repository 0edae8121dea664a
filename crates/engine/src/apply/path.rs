//! The longest path through a run as it was: the measure of its schedule.

use std::time::Instant;

use crate::graph::Needs;
use crate::plan::operations::Operations;

/// When the milestones of an operation were reached.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Times {
    pub started: Option<Instant>,
    pub made: Option<Instant>,
    pub finished: Option<Instant>,
}

/// The longest path in seconds, each operation as long as it took: with no waiting for a turn, a
/// run is exactly as long as this.
pub(super) fn longest(operations: &Operations, times: &[Times]) -> f64 {
    let mut waits: Vec<usize> = operations.all.iter().map(|operation| operation.waits).collect();
    let mut earliest = vec![0.0f64; operations.all.len()];
    let mut order: Vec<usize> = (0..waits.len()).filter(|&i| waits[i] == 0).collect();
    let mut next = 0;
    let mut longest = 0.0f64;
    while let Some(&at) = order.get(next) {
        next += 1;
        let lasted = |end: Option<Instant>| match (times[at].started, end) {
            (Some(start), Some(end)) => end.duration_since(start).as_secs_f64(),
            _ => 0.0,
        };
        let ready = earliest[at] + lasted(times[at].finished);
        let made = earliest[at] + lasted(times[at].made.or(times[at].finished));
        longest = longest.max(ready);
        for &(to, needs) in &operations.all[at].then {
            let reached = if needs == Needs::Identity { made } else { ready };
            earliest[to] = earliest[to].max(reached);
            waits[to] -= 1;
            if waits[to] == 0 {
                order.push(to);
            }
        }
    }
    longest
}
