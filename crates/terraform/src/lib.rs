//! Terraform's state files, read for what they name: which resource of AWS each of Terraform's is.
//!
//! - [`read`] takes the text of a `terraform.tfstate` of version 4 (Terraform 0.12 and later, and OpenTofu) and gives
//!   every managed resource instance with its address as Terraform writes it.
//! - [`Becomes`] says of each what it is in CloudFormation's words: a type and the physical id that our handlers use.
//!   The whole table is in `table.rs`, what we do not handle in `unhandled.rs`.
//!
//! Calls nothing, and knows no handler. Of a resource's attributes only those that make up an id leave the file; one
//! that Terraform marks as sensitive never does.

mod address;
mod attributes;
mod error;
mod file;
mod table;
mod unhandled;

pub use error::ReadError;
pub use file::{Instance, StateFile, read};
pub use table::{Becomes, Target, types};
