//! How a command ends when it does not end well: what is said, and the exit status.

use std::fmt;

use engine::apply::Refused;
use engine::session::SessionError;
use engine::store::StoreError;
use engine::{Address, Failure};
use environment::LocatedFinding;

/// The exit status of a command.
pub mod status {
    /// An error.
    pub const ERROR: u8 = 1;
    /// There are changes, and `--detailed-exitcode` asked.
    pub const CHANGES: u8 = 2;
    /// Something is unhealthy.
    pub const UNHEALTHY: u8 = 3;
    /// Partly done; what is left is said.
    pub const PARTLY: u8 = 4;
    /// Interrupted.
    pub const INTERRUPTED: u8 = 130;
}

/// Why a command ends early.
#[derive(Debug)]
pub enum Error {
    /// Something is wrong with what is written; each with its place.
    Findings(Vec<LocatedFinding>),
    /// Anything else: what, and the next step.
    Told {
        /// What is wrong.
        message: String,
        /// Where it comes from, in the words of whoever said so.
        detail: Option<String>,
        /// What to do next.
        hint: Option<String>,
    },
    /// Everything was said already.
    Exit(u8),
}

/// A command's result.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error in words.
    pub fn told(message: impl Into<String>) -> Self {
        Self::Told { message: message.into(), detail: None, hint: None }
    }

    /// With the next step.
    #[must_use]
    pub fn hint(self, next: impl Into<String>) -> Self {
        match self {
            Self::Told { message, detail, .. } => Self::Told { message, detail, hint: Some(next.into()) },
            other => other,
        }
    }

    /// With where it comes from.
    #[must_use]
    pub fn detail(self, cause: impl fmt::Display) -> Self {
        match self {
            Self::Told { message, hint, .. } => Self::Told { message, detail: Some(cause.to_string()), hint },
            other => other,
        }
    }

    /// With another error as where it comes from.
    #[must_use]
    pub fn because(self, cause: Self) -> Self {
        match cause {
            Self::Told { message, .. } => self.detail(message),
            _ => self,
        }
    }

    /// A failed call on a resource.
    pub fn call(address: Option<&Address>, failure: &Failure) -> Self {
        let message = match address {
            Some(address) => format!("{address}: {failure}"),
            None => failure.to_string(),
        };
        Self::Told { message, detail: None, hint: failure.hint.clone() }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        Self::call(None, &failure)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::from(&error)
    }
}

impl From<&StoreError> for Error {
    fn from(error: &StoreError) -> Self {
        let hint = match error {
            StoreError::Locked(_) => {
                "wait for it with --lock-timeout SECONDS; if that process is gone, its lock ends by itself within a minute"
            }
            StoreError::LockedForGood(_) => {
                "wait for it with --lock-timeout SECONDS; if nobody is at work there, take the lock away: `cargo xtask unlock`"
            }
            StoreError::Damaged { path, .. } if path.starts_with("s3:") => {
                "earlier versions of it are in the bucket: `cargo xtask restore-state --list`"
            }
            StoreError::Damaged { .. } => {
                "put a backup in its place (`cargo xtask restore-state`), or make it again from what is there \
                 (`cargo xtask state rebuild`)"
            }
            StoreError::Io { .. } => {
                "once that is put right, the same command again goes on from what was written until then: nothing is lost"
            }
            StoreError::Newer { .. } => "bring this workspace up to date; nothing was changed",
            StoreError::Fenced { .. } => "the same command again goes on from here, once that run is done",
            StoreError::Remote { failure, .. } => match &failure.hint {
                Some(hint) => hint,
                None => return Self::told(error.to_string()),
            },
            _ => return Self::told(error.to_string()),
        };
        Self::told(error.to_string()).hint(hint)
    }
}

impl From<SessionError> for Error {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Store(error) => error.into(),
            SessionError::Journal(error) => Self::from(&*error),
            SessionError::Cloud { address, failure } => Self::call(Some(&address), &failure),
            SessionError::Refused(Refused::Protected(addresses)) => {
                let told = Self::told(Refused::Protected(addresses).to_string());
                told.hint("if it may go, say so with --lift-protection")
            }
            other => Self::told(other.to_string()),
        }
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::told(error.to_string())
    }
}

/// Names the file that an input or output error is about.
pub trait About<T> {
    /// `fs::read(path).about(path)?`
    fn about(self, path: &std::path::Path) -> Result<T>;
}

impl<T> About<T> for std::io::Result<T> {
    fn about(self, path: &std::path::Path) -> Result<T> {
        self.map_err(|error| Error::told(format!("{}: {error}", path.display())))
    }
}
