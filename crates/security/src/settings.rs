//! The `[security]` section of an environment file.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Secrets. Roles need no settings: they follow from what the other sections use.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// Secrets in Secrets Manager by name. The physical name is `<prefix>/<name>`.
    #[serde(default)]
    pub secret: BTreeMap<String, SecretSettings>,
}

/// One secret. Without `generate` it is made without a value, which is then set by hand (`set-secret`).
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SecretSettings {
    /// What the secret is for, shown in the AWS console.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Lets AWS generate a password. It is generated once: later changes here keep it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generate: Option<GenerateSettings>,
    /// Days for which a deleted secret can be restored: 7 to 30, or 0 to delete at once, for good. Default 7.
    #[serde(default = "recovery_days")]
    pub recovery_days: u32,
    /// Regions to which the secret is copied, and kept equal. Default none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replicas: Vec<String>,
}

/// How a secret's value is generated: a JSON object with a password, and the user name if one is given.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GenerateSettings {
    /// The user name, stored beside the password as `username`. Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The password's length in characters, 16 to 128. Default 32.
    #[serde(default = "length")]
    pub length: u32,
    /// Whether the password has letters and digits only, which every store and URL takes as they are. Default true.
    #[serde(default = "yes")]
    pub exclude_punctuation: bool,
    /// The JSON key of the password. Default `password`, which stores look for.
    #[serde(default = "key")]
    pub key: String,
}

impl Default for SecretSettings {
    fn default() -> Self {
        Self { description: None, generate: None, recovery_days: recovery_days(), replicas: Vec::new() }
    }
}

impl Default for GenerateSettings {
    fn default() -> Self {
        Self { username: None, length: length(), exclude_punctuation: yes(), key: key() }
    }
}

fn recovery_days() -> u32 {
    crate::secret::RECOVERY_DAYS
}

fn length() -> u32 {
    32
}

fn yes() -> bool {
    true
}

fn key() -> String {
    "password".to_owned()
}
