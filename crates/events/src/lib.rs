//! Messages: SNS topics and who gets what is published to them.

pub mod health;
pub mod module;
pub mod settings;
mod sns;
pub mod subscription;
pub mod topic;
pub mod topic_policy;

pub use module::{Inputs, Outputs, declare};
pub use settings::Settings;

use cloud::Catalogue;

/// Adds this crate's resource types.
pub fn register(catalogue: &mut Catalogue) {
    engine::catalogue!(catalogue;
        subscription::Subscription,
        topic::Topic,
        topic_policy::TopicPolicy,
    );
}
