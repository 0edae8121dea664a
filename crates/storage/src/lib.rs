//! Stores: PostgreSQL on RDS, Redis on ElastiCache.

pub mod module;
pub mod settings;

pub use module::{Inputs, Outputs, StoreOutput, declare};
pub use settings::Settings;

/// Adds this crate's resource types.
pub fn register(_catalogue: &mut cloud::Catalogue) {}
