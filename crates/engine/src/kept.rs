//! What outlives a deletion: a final snapshot, a secret that can be restored.

use serde::{Deserialize, Serialize};

use crate::Address;

/// Something that is still there, and may cost, after what it is of was deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// The resource that was deleted.
    pub address: Address,
    /// What is there: `final snapshot arrakis-production-postgres-final-1a2b3c4d`.
    pub what: String,
    /// When it goes by itself, as RFC 3339; none: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// The command that deletes it.
    pub remove: String,
}
