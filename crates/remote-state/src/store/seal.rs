//! Seals: what takes the place in a journal that an earlier run's next record would have.

use engine::store::{Holder, StoreError};
use serde::{Deserialize, Serialize};

use crate::objects::Object;

/// What a seal says.
#[derive(Serialize, Deserialize)]
pub(super) struct Seal {
    /// Who sealed it.
    #[serde(flatten)]
    holder: Holder,
    /// Whether the first snapshot, for which it was sealed, was written.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) opened: bool,
}

impl Seal {
    pub(super) fn of(holder: &Holder, opened: bool) -> Vec<u8> {
        serde_json::to_vec(&Self { holder: holder.clone(), opened }).unwrap_or_default()
    }

    pub(super) fn read(object: &Object) -> Option<Self> {
        serde_json::from_slice(&object.bytes).ok()
    }
}

/// The generation and number of a segment's name.
pub(super) fn numbers(name: &str) -> Option<(u64, u64)> {
    let (generation, number) = name.strip_prefix("journal-")?.strip_suffix(".jsonl")?.split_once('/')?;
    Some((generation.parse().ok()?, number.parse().ok()?))
}

/// A seal is a JSON object; a line of the journal begins with its checksum.
pub(super) fn is_seal(object: &Object) -> bool {
    object.bytes.first() == Some(&b'{')
}

/// The error of whoever comes to a place that a seal has.
pub(super) fn fenced(seal: Option<&Object>) -> StoreError {
    let by = seal.and_then(Seal::read).map(|seal| seal.holder.to_string());
    StoreError::Fenced { by: by.unwrap_or_else(|| "nothing is known of it".to_owned()) }
}
