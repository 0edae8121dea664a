//! Tests over the whole crate. One binary: each would link every AWS SDK.

mod common;
mod document;
mod export;
mod files;
mod freeside;
mod mistakes;
mod properties;
