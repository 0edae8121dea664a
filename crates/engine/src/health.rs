//! What a health check says: one line per thing looked at.

use serde::{Deserialize, Serialize};

use crate::Address;

/// Whether a thing does its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It does.
    Healthy,
    /// It cannot be told (yet): no data, just created.
    Unknown,
    /// It does not.
    Unhealthy,
}

/// One thing looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was looked at, in a person's words: `service api`.
    pub name: String,
    /// The resource it belongs to.
    pub address: Address,
    /// Whether it does its work.
    pub status: Status,
    /// What was seen: `2 of 2 tasks running, 2 targets healthy`.
    pub detail: String,
    /// The next step, where something is wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}
