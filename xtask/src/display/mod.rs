//! How things look: tables, plans, progress, errors. Data goes to stdout, talk to stderr.

pub mod drift;
pub mod error;
pub mod import;
pub mod inside;
pub mod losses;
pub mod plan;
pub mod progress;
pub mod style;
pub mod table;
pub mod words;

use std::fmt;
use std::io::Write;

use serde::Serialize;

/// Talk: a line on stderr. A closed stderr is no reason to fail.
pub fn talk(line: fmt::Arguments<'_>) {
    let _ = writeln!(anstream::stderr(), "{line}");
}

/// Data: a line on stdout. A reader that has read enough is no reason to fail.
pub fn data(line: impl fmt::Display) {
    let _ = writeln!(anstream::stdout(), "{line}");
}

/// Data as one JSON document.
pub fn json(value: &impl Serialize) {
    data(serde_json::to_string_pretty(value).unwrap_or_default());
}

/// Data as one JSON line.
pub fn json_line(value: &impl Serialize) {
    data(serde_json::to_string(value).unwrap_or_default());
}
