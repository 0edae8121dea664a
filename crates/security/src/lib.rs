//! Secrets and permissions: IAM roles and policies, Secrets Manager, and checks of what is declared.
//!
//! An environment is declared in three steps, since stores need secrets, and secrets then learn the
//! stores' addresses: [`secrets::declare`], [`attachments::declare`], [`roles::declare`].

pub mod actor;
pub mod attachment;
pub mod attachments;
mod check;
mod generate;
pub mod health;
mod iam;
pub mod kept;
pub mod managed_policy;
mod percent;
pub mod policy;
pub mod role;
pub mod role_policy;
pub mod roles;
pub mod secret;
pub mod secrets;
pub mod settings;
mod url;
pub mod value;

pub use check::check;
pub use settings::Settings;

use cloud::Catalogue;

/// Adds this crate's resource types.
pub fn register(catalogue: &mut Catalogue) {
    engine::catalogue!(catalogue;
        attachment::Attachment,
        managed_policy::ManagedPolicy,
        role::Role,
        role_policy::RolePolicy,
        secret::Secret,
    );
}
