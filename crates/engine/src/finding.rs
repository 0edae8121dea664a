//! What is wrong with what a person wrote, found before anything is called.

use serde::{Deserialize, Serialize};

use crate::Address;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing.
    Warning,
    /// Cannot be deployed.
    Error,
}

/// One thing found, with where it is and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The rule's name, kebab case: `cidr-outside-vpc`.
    pub rule: String,
    /// The resource concerned, if it is about one.
    pub address: Option<Address>,
    /// The key in the environment file, dotted, array items by index: `networking.private.1`.
    pub key: Option<String>,
    /// What is wrong, with the value.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

/// Findings gathered on the way.
#[derive(Clone, Debug, Default)]
pub struct Findings(pub Vec<Finding>);

impl Findings {
    /// Adds an error at a key of the environment file.
    pub fn error(&mut self, rule: &str, key: impl Into<String>, message: impl Into<String>) -> &mut Finding {
        self.push(Severity::Error, rule, key.into(), message.into())
    }

    /// Adds a warning at a key of the environment file.
    pub fn warning(&mut self, rule: &str, key: impl Into<String>, message: impl Into<String>) -> &mut Finding {
        self.push(Severity::Warning, rule, key.into(), message.into())
    }

    fn push(&mut self, severity: Severity, rule: &str, key: String, message: String) -> &mut Finding {
        self.0.push(Finding { severity, rule: rule.to_owned(), address: None, key: Some(key), message, hint: None });
        let last = self.0.len() - 1;
        &mut self.0[last]
    }

    /// Whether anything found forbids a deployment.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|finding| finding.severity == Severity::Error)
    }
}

impl Finding {
    /// Says what to write instead.
    pub fn hint(&mut self, hint: impl Into<String>) -> &mut Self {
        self.hint = Some(hint.into());
        self
    }
}
