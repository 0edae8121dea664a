//! Stores: PostgreSQL on RDS, Redis on ElastiCache.

pub mod cache_parameter_group;
pub mod cache_subnet_group;
pub mod db_instance;
pub mod db_parameter_group;
pub mod db_subnet_group;
pub mod final_snapshot;
pub mod health;
pub mod kept;
pub mod module;
pub mod replication_group;
pub mod settings;

mod elasticache;
mod named;
mod parameters;
mod rds;

use cloud::Catalogue;

pub use module::{Inputs, Outputs, StoreOutput, declare};
pub use settings::Settings;

/// Adds this crate's resource types.
pub fn register(catalogue: &mut Catalogue) {
    engine::catalogue!(catalogue;
        cache_parameter_group::CacheParameterGroup,
        cache_subnet_group::CacheSubnetGroup,
        db_instance::DbInstance,
        db_parameter_group::DbParameterGroup,
        db_subnet_group::DbSubnetGroup,
        replication_group::ReplicationGroup,
    );
}
