//! State in S3, for teams: where any machine finds it, one run at a time writes it, and none that was shut out.
//!
//! - [`S3Store`] keeps snapshot and journal in a bucket, with conditional writes; an earlier run that still lives is fenced.
//! - [`RemoteLock`] is the lock: a [`Lease`] with a heartbeat, as an object of the bucket ([`in_bucket`]) or an item of a
//!   DynamoDB table ([`in_table`]).
//! - [`bucket`] makes the bucket, its replica and the table, and puts right what differs.
//! - [`Backup`] is the whole state of an environment in one file.
//!
//! Nothing here knows environments or commands, and nothing here waits but a lock that is asked to.

mod backup;
pub mod bucket;
mod clock;
mod lease;
mod objects;
mod place;
mod store;

pub use backup::Backup;
pub use cloud::Gate;
pub use lease::{Held, LEASE, Lease, RemoteLock, Terms, in_bucket, in_table};
pub use place::Place;
pub use store::{S3Store, Version};
