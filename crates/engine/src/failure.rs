//! What went wrong with a call to the cloud, in words a person can act on.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What kind of failure it is, as far as the engine must act differently on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The thing is not there (any more). In a delete this is success.
    NotFound,
    /// Something of that name is there already, and not by this operation.
    AlreadyExists,
    /// Something else still uses it; trying again after that is gone may succeed.
    InUse,
    /// Something it needs is not ready or not yet visible; trying again soon may succeed.
    NotYet,
    /// Something just made is not known everywhere yet (a role cannot be assumed); it passes within minutes, or never.
    Propagating,
    /// Too many calls; the SDK's own retries were used up.
    Throttled,
    /// Not allowed, or no credentials.
    Denied,
    /// The request cannot succeed as it is.
    Invalid,
    /// The service or the connection failed; whether the call took effect may be unknown.
    Unavailable,
    /// Anything else.
    Other,
}

/// A failed call: which action, what AWS said, its request id, and what to do next.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Failure {
    /// What kind it is.
    pub kind: FailureKind,
    /// The action as IAM writes it (`ec2:CreateVpc`); empty when no call was made.
    pub action: String,
    /// The service's error code, such as `InvalidVpcID.NotFound`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// What it said.
    pub message: String,
    /// The id under which AWS support finds the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// The next step, where one is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Failure {
    /// A failure that no call reported.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, action: String::new(), code: String::new(), message: message.into(), request_id: None, hint: None }
    }

    /// A request that cannot succeed as it is.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Invalid, message)
    }

    /// An answer that lacks what the service documents to be in it.
    pub fn missing(action: &str, field: &str) -> Self {
        Self { action: action.to_owned(), ..Self::new(FailureKind::Other, format!("the answer has no {field}")) }
    }

    /// The same with the next step.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Whether the thing was not there.
    pub fn is_not_found(&self) -> bool {
        self.kind == FailureKind::NotFound
    }

    /// Whether the same call may succeed later without anybody changing anything.
    pub fn may_pass(&self) -> bool {
        matches!(
            self.kind,
            FailureKind::InUse
                | FailureKind::NotYet
                | FailureKind::Propagating
                | FailureKind::Throttled
                | FailureKind::Unavailable
        )
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.action.is_empty() {
            write!(f, "{}: ", self.action)?;
        }
        if !self.code.is_empty() {
            write!(f, "{}: ", self.code)?;
        }
        f.write_str(&self.message)?;
        if let Some(id) = &self.request_id {
            write!(f, " (request {id})")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

/// Makes a "not found" an absence, and leaves every other failure a failure.
pub trait Absent<T> {
    /// `Ok(None)` where the thing was not there.
    fn absent(self) -> Result<Option<T>, Failure>;
}

impl<T> Absent<T> for Result<T, Failure> {
    fn absent(self) -> Result<Option<T>, Failure> {
        match self {
            Ok(value) => Ok(Some(value)),
            Err(failure) if failure.is_not_found() => Ok(None),
            Err(failure) => Err(failure),
        }
    }
}
