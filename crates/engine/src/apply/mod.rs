//! Carries out a plan: in parallel, what the longest path waits for first.

mod operate;
mod path;
mod poll;
mod schedule;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::event::Events;
use crate::plan::Plan;
use crate::state::Work;
use crate::store::Journal;
use crate::surroundings::Surroundings;
use crate::{Address, Failure, State};

pub use schedule::{accept, carry_out};

/// What happens to the rest of a run when an operation fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// What is under way is finished; nothing more is started.
    #[default]
    Stop,
    /// Everything that does not need what failed goes on.
    Continue,
    /// As [`OnFailure::Stop`]; then all that this run did is taken back, as far as it can be.
    Undo,
}

/// How much a person wants a run to stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Interrupt {
    /// Not at all.
    #[default]
    None,
    /// Finish what is under way, start nothing.
    Finish,
    /// Stop now. The next run finds out what became of what was under way.
    Now,
}

/// How a run is carried out.
#[derive(Clone)]
pub struct Options {
    /// What happens when an operation fails.
    pub on_failure: OnFailure,
    /// Whether protected resources may be deleted: a person consented.
    pub lift_protection: bool,
    /// How many operations at once at most: a bound on sockets and memory, not on the request rate.
    pub at_once: usize,
    /// A person's interrupts.
    pub interrupt: watch::Receiver<Interrupt>,
}

/// Everything a run works with.
pub struct Run<'a> {
    /// What to do.
    pub plan: &'a Plan,
    /// What every operation shares.
    pub surroundings: &'a Surroundings,
    /// Where it is written down.
    pub journal: Journal,
    /// The state, brought up to date as things happen.
    pub state: &'a mut State,
    /// Where events go.
    pub events: Events,
    /// How it is carried out.
    pub options: Options,
}

/// Why a run did not even begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The state has moved on.
    #[error("the plan was made from state {planned}, which is now {now}: plan again")]
    Outdated {
        /// The serial the plan was made from.
        planned: u64,
        /// The serial now.
        now: u64,
    },
    /// It is for another environment or cloud.
    #[error("the plan is for {planned}, not for {here}")]
    Elsewhere {
        /// What the plan is for.
        planned: String,
        /// What is here.
        here: String,
    },
    /// It would destroy what is protected.
    #[error("{} protected: {}", if .0.len() == 1 { "this is" } else { "these are" }, list(.0))]
    Protected(Vec<Address>),
}

fn list(addresses: &[Address]) -> String {
    addresses.iter().map(Address::as_str).collect::<Vec<_>>().join(", ")
}

/// One operation that failed.
#[derive(Clone, Debug, Serialize)]
pub struct FailedOperation {
    /// The resource.
    pub address: Address,
    /// What was to be done.
    pub work: Work,
    /// Why it failed.
    pub failure: Failure,
}

/// How a run ended.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Outcome {
    /// How many operations were seen to their end.
    pub done: usize,
    /// How many resources were made, seen to their end or not.
    pub made: usize,
    /// What failed.
    pub failed: Vec<FailedOperation>,
    /// What was not begun, or broken off.
    pub left: Vec<(Address, Work)>,
    /// Whether a person interrupted it.
    pub interrupted: bool,
    /// How the taking back of a failed run ended ([`OnFailure::Undo`]).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undo: Option<Box<Outcome>>,
    /// What held data, was deleted, and was made again when the run was taken back: what it held is gone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub undo_lost: Vec<Address>,
    /// Why what was done could not all be written down: the outputs, or a new snapshot. The journal tells of the rest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unwritten: Option<String>,
    /// Why a failed run was not taken back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undo_refused: Option<String>,
    /// How long it took, in seconds.
    pub wall_seconds: f64,
    /// The longest path through the operations as long as they took: no order could be faster.
    pub longest_path_seconds: f64,
}

impl Outcome {
    /// Whether everything was done, and written down.
    pub fn is_complete(&self) -> bool {
        self.failed.is_empty() && self.left.is_empty() && self.unwritten.is_none()
    }

    /// Whether it failed, and everything is as it was before, data among it.
    pub fn is_undone(&self) -> bool {
        self.undo.as_ref().is_some_and(|undo| undo.is_complete()) && self.undo_lost.is_empty()
    }
}

pub(crate) fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}
