//! Resources made elsewhere become ours: which of them is which declared one, and taking them over.
//!
//! [`survey`] reads what is offered, in one batch per type and region, and matches it to what is declared. It changes
//! nothing. [`carry_out`] takes over what matched: writes it down first, then puts the ownership tags on it.
//!
//! Matching goes from what is certain to what is likely, and never guesses. In order: the ownership tags that a thing
//! carries; the id that follows from declared properties; a name that is unique among its kind; the value by which
//! something matched already refers to it; and the declared properties, where one thing alone fits best and something
//! tells that it is the one meant. Whatever is matched gives values to references, so the steps are repeated until
//! nothing more is found.

mod claim;
mod evidence;
mod fit;
mod matching;
mod one;
mod read;
mod survey;

use std::collections::BTreeMap;

use crate::catalogue::LiveValue;
use crate::diff::Change;
use crate::{Address, Graph, State, Surroundings};

pub use claim::{Adopted, carry_out, finish, unfinished};
pub use one::{Refusal, one};
pub use survey::survey;

/// Something that is there, and may be one of the declared resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Its CloudFormation type.
    pub type_name: String,
    /// The region it lives in.
    pub region: String,
    /// Its physical id.
    pub id: String,
    /// What whoever offers it calls it.
    pub label: String,
    /// Whether it is offered only if it is declared apart from what it is a part of: it is read only then, and not
    /// missed otherwise.
    pub implied: bool,
}

/// What matching looks at.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// What is declared.
    pub graph: &'a Graph,
    /// What is ours already.
    pub state: &'a State,
    /// Pseudo parameters.
    pub pseudo: &'a BTreeMap<String, String>,
    /// The types and their clients.
    pub surroundings: &'a Surroundings,
}

/// By what a thing was recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// The state has it, and its adoption was cut off.
    State,
    /// The ownership tags it carries.
    Tags,
    /// The id that follows from the declared properties.
    Id,
    /// This property, unique among its kind.
    Name(String),
    /// What refers to it.
    Referrer(Address),
    /// Its properties.
    Properties,
    /// A person said so.
    Asked,
}

/// A thing that is a declared resource.
#[derive(Clone, Debug)]
pub struct Match {
    /// The declared resource.
    pub address: Address,
    /// Its index in the graph.
    pub node: usize,
    /// The thing.
    pub candidate: Candidate,
    /// By what it was recognised.
    pub by: By,
    /// As it was read.
    pub live: LiveValue,
    /// What it must be taken to be so that the following plan shows only what really differs: the live values of what
    /// is declared, and of what cannot be read back the declared ones.
    pub applied: serde_json::Value,
    /// What differs from the declaration, ownership tags apart. A reference that is not resolved is left out.
    pub differs: Vec<Change>,
    /// Properties that cannot be read back: that they are as declared is taken for granted.
    pub unread: Vec<String>,
}

/// Something offered that is ours already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Already {
    /// Its address in the state.
    pub address: Address,
    /// The thing.
    pub candidate: Candidate,
}

/// Something offered that is none of the declared resources, as far as can be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmatched {
    /// The thing.
    pub candidate: Candidate,
    /// Why.
    pub why: String,
}

/// A declared resource that is neither ours nor among what was offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Its address.
    pub address: Address,
    /// Its CloudFormation type.
    pub type_name: String,
    /// Why.
    pub why: String,
}

/// What is what.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// In the order of the graph.
    pub matched: Vec<Match>,
    /// In the order they were offered.
    pub already: Vec<Already>,
    /// In the order they were offered.
    pub unmatched: Vec<Unmatched>,
    /// In the order of the graph.
    pub missing: Vec<Missing>,
}
