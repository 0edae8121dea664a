//! What would change: a plan, complete in itself, that an apply walks.

mod build;
mod in_use;
mod moves;
pub mod operations;
mod order;
mod select;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::diff::Change;
use crate::state::{Entry, Work};
use crate::{Address, Catalogue, Node, State};

pub(crate) use build::pseudo;
pub use build::{Request, build};
pub use select::Selection;

/// What shall happen to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// Nothing.
    NoOp,
    /// It is made.
    Create,
    /// It is changed in place.
    Update,
    /// Another one is made in its place.
    Replace,
    /// It is deleted.
    Delete,
}

/// What may be lost by an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Risk {
    /// Nothing.
    None,
    /// It is away between its deletion and its creation.
    Outage,
    /// What it holds is gone.
    DataLoss,
    /// It is protected: it needs consent of its own.
    Protected,
}

/// What shall happen to one resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Action {
    /// The resource.
    pub address: Address,
    /// Its CloudFormation type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Its region.
    pub region: String,
    /// What shall happen.
    pub verb: Verb,
    /// As declared; `None` when it is not any more.
    pub node: Option<Node>,
    /// What it needs: deleted after it.
    #[serde(default)]
    pub needs: Vec<Address>,
    /// As it is in the state; `None` when it is new.
    pub entry: Option<Entry>,
    /// What differs.
    pub changes: Vec<Change>,
    /// Why, in words.
    pub because: Vec<String>,
    /// A replacement that deletes before it creates.
    pub delete_first: bool,
    /// A deletion that others wait for: the resource to be made there has the same name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub makes_room_for: Option<Address>,
    /// What may be lost.
    pub risk: Risk,
    /// How long it is expected to take.
    pub expected_seconds: f64,
    /// How much of that is the deletion of what is replaced.
    #[serde(default)]
    pub deletion_seconds: f64,
}

/// How many resources which action is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// To be made.
    pub add: usize,
    /// To be changed in place.
    pub change: usize,
    /// To be replaced.
    pub replace: usize,
    /// To be deleted.
    pub destroy: usize,
}

impl Summary {
    /// Whether nothing would change.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// All that an apply needs to know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The environment, `system/environment`.
    pub environment: String,
    /// The cloud: an account, or an instance of the local cloud.
    pub cloud: String,
    /// The serial of the state it was made from.
    pub serial: u64,
    /// Pseudo parameters: `AWS::AccountId`, `AWS::Region`, `AWS::Partition`.
    pub pseudo: BTreeMap<String, String>,
    /// Every declared resource, and every one to be deleted.
    pub actions: Vec<Action>,
    /// What the environment gives out, with intrinsics for references.
    pub outputs: BTreeMap<String, serde_json::Value>,
    /// How long the whole is expected to take: the longest path through the operations.
    pub expected_seconds: f64,
    /// How long things take here: 1 on AWS.
    pub time_scale: f64,
}

impl Plan {
    /// The actions that change something.
    pub fn changes(&self) -> impl Iterator<Item = &Action> {
        self.actions.iter().filter(|action| action.verb != Verb::NoOp)
    }

    /// How many resources which action is for.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        for action in &self.actions {
            match action.verb {
                Verb::NoOp => {}
                Verb::Create => summary.add += 1,
                Verb::Update => summary.change += 1,
                Verb::Replace => summary.replace += 1,
                Verb::Delete => summary.destroy += 1,
            }
        }
        summary
    }
}

/// How long a kind of work is expected to take: learned, else the type's default scaled.
pub fn expected(catalogue: &Catalogue, state: &State, type_name: &str, work: Work, time_scale: f64) -> f64 {
    if let Some(seconds) = state.learned(type_name, work) {
        return seconds;
    }
    let seconds = catalogue.get(type_name).map(|handler| handler.facts().seconds);
    let seconds = match (seconds, work) {
        (None, _) => 1.0,
        (Some(seconds), Work::Create) => seconds.create,
        (Some(seconds), Work::Update) => seconds.update,
        (Some(seconds), Work::Delete) => seconds.delete,
    };
    seconds * time_scale
}
