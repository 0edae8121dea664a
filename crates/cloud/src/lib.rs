//! The one door to AWS, or to the local cloud: SDK configuration, clients, errors in words, tags.

mod account;
pub mod connection;
mod door;
pub mod dynamic;
pub mod failure;
pub mod tags;

pub use account::{arn, arn_name};
pub use connection::{Aws, Cloud, Target};
pub use door::Gate;
pub use failure::AwsResult;
pub use tags::Tag;

pub use engine::failure::Absent;
pub use engine::{Address, Attributes, Catalogue, Charge, Context, Created, Failure, FailureKind, Finding, Findings};
pub use engine::{Handle, Live, Pricing, Quantity, Readiness, Resource, Seconds, Stack, Usage};
