//! The document that says which calls go wrong, and how.

use serde::{Deserialize, Serialize};

/// Which calls to the local cloud go wrong, and how. The same document makes the same calls go wrong, as far as the calls are the same.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Faults {
    /// Another seed lets other calls go wrong.
    #[serde(default)]
    pub seed: u64,
    /// Asked in this order; the first that strikes is the call's fault.
    pub rules: Vec<Rule>,
}

/// One fault and the calls that it may strike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Only calls of this service, by its signing name: `ec2`, `elasticloadbalancing`, `monitoring`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Only this operation; `Create*` is all that begin so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Only calls about this resource: its name, identifier or ARN as the call gives it, its ownership tag (`groundplan:address`), or the
    /// CloudFormation type (`AWS::RDS::DBInstance`) of what takes time to make. A `*` at the end is all that begin so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The share of these calls that it strikes, from 0 to 1.
    pub rate: f64,
    /// At most so many of them, in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// What happens to them.
    pub fault: Fault,
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Fault {
    /// The service's throttling error. The call is not carried out.
    Throttle,
    /// HTTP status 500 with the service's general error. The call is not carried out.
    InternalError,
    /// The connection ends without an answer. The call is not carried out.
    ResetBefore,
    /// The call is carried out, then the connection ends without an answer.
    ResetAfter,
    /// The call is carried out, and its answer comes late.
    Slow {
        /// Milliseconds.
        ms: u64,
    },
    /// A create call is carried out, and what it made stays in its creating state until other faults are set, or none.
    NeverReady,
    /// A create call is carried out, and reads do not see what it made for a while.
    Late {
        /// Milliseconds.
        ms: u64,
    },
    /// A role is made, and other services cannot assume it for a while.
    RoleNotAssumable {
        /// Milliseconds.
        ms: u64,
    },
}

impl Fault {
    /// Its name in the document and in the record of calls.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Throttle => "throttle",
            Self::InternalError => "internal-error",
            Self::ResetBefore => "reset-before",
            Self::ResetAfter => "reset-after",
            Self::Slow { .. } => "slow",
            Self::NeverReady => "never-ready",
            Self::Late { .. } => "late",
            Self::RoleNotAssumable { .. } => "role-not-assumable",
        }
    }
}

impl Faults {
    /// Reads a document.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let faults: Self = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        for (index, rule) in faults.rules.iter().enumerate() {
            if !(0.0..=1.0).contains(&rule.rate) {
                return Err(format!("rules[{index}].rate: {} is not from 0 to 1", rule.rate));
            }
            for (name, pattern) in [("operation", &rule.operation), ("resource", &rule.resource)] {
                if pattern.as_deref().is_some_and(|pattern| pattern.trim_end_matches('*').contains('*')) {
                    return Err(format!("rules[{index}].{name}: a * may only be at the end"));
                }
            }
        }
        Ok(faults)
    }
}

/// What is set, and what came of it so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// The document.
    pub faults: Faults,
    /// One for each rule, in order.
    pub counts: Vec<Count>,
}

/// What a rule did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// Calls that it could have struck.
    pub tried: u64,
    /// Calls that it struck.
    pub injected: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_round_trip_and_bad_ones_are_named() {
        let text = r#"{"seed": 7, "rules": [{"service": "ec2", "operation": "Create*", "rate": 0.3, "times": 2, "fault": "throttle"},
            {"rate": 1, "fault": {"slow": {"ms": 50}}}]}"#;
        let faults = Faults::parse(text.as_bytes()).unwrap();
        assert_eq!(faults.rules[1].fault, Fault::Slow { ms: 50 });
        assert_eq!(Faults::parse(&serde_json::to_vec(&faults).unwrap()).unwrap(), faults);
        for (text, named) in [
            (r#"{"rules": [{"rate": 1, "fault": "thottle"}]}"#, "thottle"),
            (r#"{"rules": [{"rate": 1, "fault": {"slow": {}}}]}"#, "ms"),
            (r#"{"rules": [{"rate": 1, "fault": "slow"}]}"#, "struct variant"),
            (r#"{"rules": [{"rate": 1, "fault": "throttle", "when": "now"}]}"#, "when"),
            (r#"{"rules": [{"rate": 1.5, "fault": "throttle"}]}"#, "rules[0].rate"),
            (r#"{"rules": [{"rate": 1, "operation": "*Vpc", "fault": "throttle"}]}"#, "rules[0].operation"),
            (r#"{"seed": -1, "rules": []}"#, "-1"),
            (r#"{"seed": 1}"#, "rules"),
            ("", "EOF"),
        ] {
            let error = Faults::parse(text.as_bytes()).unwrap_err();
            assert!(error.contains(named), "{text}: {error}");
        }
    }

    #[test]
    fn names_are_those_of_the_document() {
        let all = [
            Fault::Throttle,
            Fault::InternalError,
            Fault::ResetBefore,
            Fault::ResetAfter,
            Fault::Slow { ms: 1 },
            Fault::NeverReady,
            Fault::Late { ms: 1 },
            Fault::RoleNotAssumable { ms: 1 },
        ];
        for fault in all {
            let written = serde_json::to_value(fault).unwrap();
            let name = written.as_str().or_else(|| written.as_object()?.keys().next().map(String::as_str));
            assert_eq!(name, Some(fault.name()));
        }
    }
}
