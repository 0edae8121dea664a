//! Environments: from the TOML files that a person edits to the graph of resources.
//!
//! - [`discover`] lists the environments, [`choose`] finds one by name or the default one.
//! - [`load`] reads one: files laid over each other ([`Document`]), [`Settings`], the modules wired to each other, every
//!   check that needs no cloud. All that is wrong comes back at once, with file, line and column.
//! - [`catalogue`] has every resource type; [`export`] turns the graph into CloudFormation templates.
//! - [`format()`] and [`json_schema`] are for the files themselves.
//!
//! The only crate that knows all modules: what one needs of another is filled in here.

mod catalogue;
mod deserialise;
mod discover;
mod document;
mod export;
mod finding;
mod format;
mod json_schema;
mod load;
mod settings;
mod state;
mod validate;
mod wiring;
mod words;

pub use catalogue::catalogue;
pub use discover::{EnvironmentFile, FOLDER, choose, discover, files};
pub use document::{Document, Located, Part};
pub use export::{Export, LeftOut, Template, export};
pub use finding::LocatedFinding;
pub use format::format;
pub use json_schema::{FILE as JSON_SCHEMA_FILE, json_schema};
pub use load::{Loaded, load};
pub use settings::{Amount, Bounds, Cost, Settings};
pub use state::{StateCloud, StateSettings};
