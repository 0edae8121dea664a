//! What happens during a run, for whoever shows it. The engine itself prints nothing.

use serde::Serialize;
use tokio::sync::mpsc;

use crate::state::Work;
use crate::{Address, Failure};

/// One thing that happened.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A run began.
    Began {
        /// How many operations it has.
        operations: usize,
        /// How long it is expected to take, in seconds.
        expected_seconds: f64,
    },
    /// An interrupted operation of an earlier run was looked into.
    Recovered {
        /// The resource.
        address: Address,
        /// What was found, in words.
        found: String,
    },
    /// An operation began.
    Started {
        /// The resource.
        address: Address,
        /// Its CloudFormation type.
        #[serde(rename = "type")]
        type_name: String,
        /// What is done.
        work: Work,
        /// How long it is expected to take, in seconds.
        expected_seconds: f64,
    },
    /// The creating call returned.
    Made {
        /// The resource.
        address: Address,
        /// Its id.
        id: String,
    },
    /// A resource is not ready, or not gone, yet.
    Waiting {
        /// The resource.
        address: Address,
        /// Its state in AWS's words.
        detail: String,
    },
    /// A call is made again.
    Retrying {
        /// The resource.
        address: Address,
        /// Why.
        failure: Failure,
        /// After how many seconds.
        seconds: f64,
    },
    /// An operation was seen to its end.
    Finished {
        /// The resource.
        address: Address,
        /// What was done.
        work: Work,
        /// How long it took.
        seconds: f64,
    },
    /// An operation failed.
    Failed {
        /// The resource.
        address: Address,
        /// What was to be done.
        work: Work,
        /// Why it failed.
        failure: Failure,
    },
    /// What a failed run did is taken back.
    Undoing {
        /// How many resources were made, changed or deleted by it.
        resources: usize,
    },
    /// The run starts nothing more.
    Stopping {
        /// Why.
        why: String,
    },
}

/// Where events go. Nobody listening is fine.
#[derive(Clone, Debug, Default)]
pub struct Events(Option<mpsc::UnboundedSender<Event>>);

impl Events {
    /// Events, and where to receive them; receiving ends when all clones are gone.
    pub fn channel() -> (Self, mpsc::UnboundedReceiver<Event>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(Some(sender)), receiver)
    }

    /// Tells of something.
    pub fn tell(&self, event: Event) {
        if let Some(sender) = &self.0 {
            // Nobody listens any more: nothing is lost that matters.
            let _ = sender.send(event);
        }
    }
}
