//! The name of a resource within its environment.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// A resource's name within its environment, such as `networking.nat-gateway.a`.
///
/// Dotted segments of lower-case letters, digits and hyphens; the first is the module. It is the
/// key of state, plan and journal, and stands in the ownership tag `groundplan:address`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Address(Arc<str>);

/// Why a text is no address.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not an address: write dotted segments of a-z, 0-9 and `-`, such as `networking.vpc`")]
pub struct AddressError(pub String);

impl Address {
    /// Reads an address, refusing anything but dotted segments of `a-z`, `0-9` and `-`.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let segment =
            |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if text.split('.').all(segment) { Ok(Self(text.into())) } else { Err(AddressError(text.to_owned())) }
    }

    /// Makes an address of any text: what no segment may hold becomes `-`.
    pub fn of(text: &str) -> Self {
        let clean: String = text
            .chars()
            .map(|c| match c.to_ascii_lowercase() {
                c @ ('a'..='z' | '0'..='9' | '.') => c,
                _ => '-',
            })
            .collect();
        Self(clean.as_str().into())
    }

    /// The address as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The module the resource belongs to: the first segment.
    pub fn module(&self) -> &str {
        self.0.split('.').next().unwrap_or_default()
    }

    /// A CloudFormation logical id: alphanumeric, upper camel case (`NetworkingNatGatewayA`).
    pub fn logical_id(&self) -> String {
        self.0
            .split(['.', '-'])
            .map(|word| {
                let mut chars = word.chars();
                chars.next().map(|c| c.to_ascii_uppercase().to_string() + chars.as_str()).unwrap_or_default()
            })
            .collect()
    }
}

impl<'de> Deserialize<'de> for Address {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for Address {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Address {
    fn from(text: &str) -> Self {
        Self::of(text)
    }
}

impl From<String> for Address {
    fn from(text: String) -> Self {
        Self::of(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_dotted_lower_case_segments() {
        for good in ["networking.vpc", "compute.service.api", "a-1.b2"] {
            assert_eq!(Address::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", ".", "a.", "A.b", "a b", "a_b", "ä"] {
            assert!(Address::parse(bad).is_err(), "{bad:?} was accepted");
        }
    }

    #[test]
    fn a_logical_id_is_upper_camel_case() {
        assert_eq!(Address::of("networking.nat-gateway.a").logical_id(), "NetworkingNatGatewayA");
    }
}
