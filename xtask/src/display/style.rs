//! Colours. Each means one thing, and is never the only sign of it.

use anstyle::{AnsiColor, Style};

/// What is made.
pub const ADD: Style = AnsiColor::Green.on_default();
/// What is changed.
pub const CHANGE: Style = AnsiColor::Yellow.on_default();
/// What is destroyed, or failed.
pub const DESTROY: Style = AnsiColor::Red.on_default();
/// What matters less.
pub const QUIET: Style = AnsiColor::BrightBlack.on_default();
/// What matters most.
pub const STRONG: Style = Style::new().bold();

/// A text in a style.
pub fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}
