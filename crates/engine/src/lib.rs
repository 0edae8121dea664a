//! The resource engine: what a resource is, how a graph of them is planned, applied and remembered.
//!
//! Knows no AWS service by name: resource types come in through a [`Catalogue`], their schemas
//! through the `schema` crate. Prints nothing: it emits [`event::Event`]s.

pub mod address;
pub mod adopt;
pub mod apply;
pub mod catalogue;
pub mod charge;
pub mod context;
pub mod crash;
pub mod diff;
pub mod drift;
pub mod event;
pub mod failure;
pub mod finding;
pub mod graph;
pub mod health;
pub mod intrinsic;
pub mod kept;
pub mod plan;
pub mod rebuild;
pub mod recover;
pub mod resource;
pub mod scope;
pub mod session;
pub mod stack;
pub mod state;
pub mod store;
pub mod surroundings;
mod undo;

pub use address::Address;
pub use catalogue::Catalogue;
pub use charge::{Charge, Pricing, Quantity, Usage};
pub use context::Context;
pub use failure::{Failure, FailureKind};
pub use finding::{Finding, Findings, Severity};
pub use graph::Graph;
pub use plan::Plan;
pub use resource::{Attributes, Created, Live, Readiness, Resource, Seconds};
pub use session::Session;
pub use stack::{Handle, Node, Stack};
pub use state::State;
pub use surroundings::Surroundings;
