//! Why a text is no state file that can be read.

/// Why a text is no state file that can be read; each says what to do.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReadError {
    /// Nothing is in it.
    #[error("it is empty: `terraform state pull > FILE` writes the state of the current workspace")]
    Empty,
    /// It is no JSON, or not of the shape of a state file.
    #[error("line {line}, column {column}: {what}")]
    Json {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What is wrong there. No value of the file is quoted.
        what: String,
    },
    /// It is of an older or newer version of the format.
    #[error(
        "it is of version {0} of the format, and only version 4 is read: {hint}",
        hint = if *.0 < 4 {
            "terraform 0.12 or later writes version 4 (`terraform state pull` with it, and save)"
        } else {
            "it was written by a newer program than this one knows"
        }
    )]
    Version(u64),
    /// OpenTofu encrypted it.
    #[error("it is encrypted by OpenTofu: `tofu state pull > FILE` with the key at hand writes it in plain text")]
    Encrypted,
    /// It is what `terraform show -json` prints.
    #[error("it is what `terraform show -json` prints, not the state: `terraform state pull > FILE` writes the state")]
    Shown,
    /// It is JSON, but of something else.
    #[error("it has no `version`, so it is no state file: `terraform state pull > FILE` writes one")]
    Other,
}
