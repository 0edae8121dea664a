//! What became of the tries.

use serde::Serialize;

use super::inventory::Difference;
use super::world::Ended;
use crate::display::table::Columns;

/// What became of the tries of one kind.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Tally {
    /// What was tried: `first deploy`.
    pub what: String,
    /// How many ways there are to try it.
    pub points: usize,
    /// How many were tried.
    pub tried: usize,
    /// How many were killed where they should be; the others ended before they came there.
    pub killed: usize,
    /// How many ended by themselves, saying why and what is left.
    pub stopped: usize,
    /// How many came to what an undisturbed run comes to, by the same command again at most.
    pub converged: usize,
    /// Things that were there and should not be.
    pub orphans: usize,
    /// Things that were there more than once.
    pub duplicates: usize,
    /// Commands that asked something.
    pub questions: usize,
    /// Commands that needed more than to be repeated, or came to something else.
    pub lost: usize,
    /// What went wrong, in words.
    pub failures: Vec<String>,
    /// Where nothing was killed, since the command ended before.
    pub missed: Vec<String>,
}

impl Tally {
    /// An empty one.
    pub fn new(what: &str, points: usize) -> Self {
        Self { what: what.to_owned(), points, ..Self::default() }
    }

    /// Counts what the last command after so many tries came to. True if it is all as it should be.
    pub fn judge(&mut self, place: &str, tries: usize, last: &Ended, difference: &Difference) -> bool {
        self.tried += tries;
        self.orphans += difference.orphans.len();
        self.duplicates += difference.duplicates.len();
        if last.said.contains("Nobody is here") {
            self.questions += 1;
        }
        if last.is_ok() && difference.is_none() {
            self.converged += tries;
            return true;
        }
        self.lost += 1;
        let status = last.status.map_or("killed".to_owned(), |status| format!("status {status}"));
        self.failures.push(format!("{} at {place}: {status}; {}\n{}", self.what, difference.words(), last.tail()));
        false
    }

    /// Adds another of the same kind.
    pub fn add(&mut self, other: Self) {
        self.points = self.points.max(other.points);
        self.tried += other.tried;
        self.killed += other.killed;
        self.stopped += other.stopped;
        self.converged += other.converged;
        self.orphans += other.orphans;
        self.duplicates += other.duplicates;
        self.questions += other.questions;
        self.lost += other.lost;
        self.failures.extend(other.failures);
        self.missed.extend(other.missed);
    }
}

/// The tallies as a table.
pub fn table(tallies: &[Tally]) -> String {
    let mut table = Columns::new(&[
        "",
        ">points",
        ">tried",
        ">killed",
        ">stopped",
        ">converged",
        ">orphans",
        ">duplicates",
        ">questions",
        ">lost",
    ]);
    for tally in tallies {
        let numbers = [
            tally.points,
            tally.tried,
            tally.killed,
            tally.stopped,
            tally.converged,
            tally.orphans,
            tally.duplicates,
            tally.questions,
            tally.lost,
        ];
        table.row([tally.what.clone()].into_iter().chain(numbers.map(|number| number.to_string())));
    }
    table.text()
}
