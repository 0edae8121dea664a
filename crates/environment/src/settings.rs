//! An environment file: what a person edits.

use std::collections::BTreeMap;

use engine::{Finding, Findings, Quantity, Usage};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::state::StateSettings;

/// An environment: everything that one deployment of a system is made of.
///
/// The file's place is its name: `environments/freeside/production.toml` is the environment `production` of the system
/// `freeside`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Settings {
    /// The file that this one is laid over, relative to this one: `base.toml`. Tables merge key by key; lists and single
    /// values replace. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extends: Option<String>,
    /// Keys of the file below that this environment does not have: `["compute.service.worker"]`. Default: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unset: Vec<String>,
    /// The system's name; it must be the folder's. Default: the folder's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// The environment's name; it must be the file's. Default: the file's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The AWS account that it belongs in, twelve digits: any other is refused before anything else. Default: any account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The AWS region: `us-east-1`.
    pub region: String,
    /// What the name of every resource begins with; `{system}` and `{environment}` stand for their names. Default:
    /// `{system}-{environment}`.
    #[serde(default = "default_prefix")]
    pub prefix: String,
    /// Tags of every resource that can have tags. Default: none but Groundplan's own (`groundplan:…`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The network.
    #[serde(default)]
    pub networking: networking::Settings,
    /// Containers.
    #[serde(default)]
    pub compute: compute::Settings,
    /// Databases and caches.
    #[serde(default)]
    pub storage: storage::Settings,
    /// Secrets.
    #[serde(default)]
    pub security: security::Settings,
    /// Topics.
    #[serde(default)]
    pub events: events::Settings,
    /// Logs, alarms and the dashboard.
    #[serde(default)]
    pub monitoring: monitoring::Settings,
    /// What is expected to be used, for the estimate of costs.
    #[serde(default)]
    pub cost: Cost,
    /// Where the state is kept. Default: on disk, under `.groundplan/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<StateSettings>,
}

fn default_prefix() -> String {
    "{system}-{environment}".to_owned()
}

/// What is expected to be used, for the estimate of costs.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Cost {
    /// How much is used a month, by key: `"nat-gateway.gb" = 50`, or between bounds:
    /// `"nat-gateway.gb" = { min = 10, expected = 50, max = 200 }`. Default: what each resource documents.
    pub usage: BTreeMap<String, Amount>,
}

/// How much is used a month.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged, expecting = "a number, or `{ min = 10, expected = 50, max = 200 }`")]
pub enum Amount {
    /// So much.
    Exactly(f64),
    /// Somewhere between bounds.
    Between(Bounds),
}

/// Bounds of an amount.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Bounds {
    /// The least it will be.
    pub min: f64,
    /// What to expect.
    pub expected: f64,
    /// The most it will be.
    pub max: f64,
}

impl Amount {
    fn quantity(self) -> Quantity {
        match self {
            Self::Exactly(value) => Quantity::exactly(value),
            Self::Between(bounds) => Quantity::between(bounds.min, bounds.expected, bounds.max),
        }
    }
}

impl Settings {
    /// What every physical name begins with: `arrakis-production`.
    pub fn prefix(&self, system: &str, environment: &str) -> String {
        self.prefix.replace("{system}", system).replace("{environment}", environment)
    }

    /// What is expected to be used a month.
    pub fn usage(&self) -> Usage {
        Usage(self.cost.usage.iter().map(|(key, amount)| (key.clone(), amount.quantity())).collect())
    }

    /// What is wrong with the keys that belong to no module.
    pub fn check(&self, system: &str, environment: &str) -> Vec<Finding> {
        let mut findings = Findings::default();
        self.check_names(system, environment, &mut findings);
        if let Some(account) = &self.account
            && !(account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit()))
        {
            findings
                .error("bad-value", "account", format!("`{account}` is no AWS account"))
                .hint("write its twelve digits in quotes, or leave it out to allow any account");
        }
        if !is_region(&self.region) {
            findings
                .error("bad-value", "region", format!("`{}` is no AWS region", self.region))
                .hint("write it as AWS does: `us-east-1`");
        }
        if let Some(state) = &self.state {
            state.check(is_region, &mut findings);
        }
        for (key, value) in &self.tags {
            self.check_tag(key, value, &mut findings);
        }
        for (key, amount) in &self.cost.usage {
            let Quantity { min, expected, max } = amount.quantity();
            if min < 0.0 || expected < min || max < expected {
                findings
                    .error(
                        "bad-value",
                        format!("cost.usage.{key}"),
                        format!("`{key}` runs from {min} over {expected} to {max}"),
                    )
                    .hint("write 0 <= min <= expected <= max");
            }
        }
        findings.0
    }

    fn check_names(&self, system: &str, environment: &str, findings: &mut Findings) {
        for (key, given, place, name) in
            [("system", &self.system, "folder", system), ("environment", &self.environment, "file", environment)]
        {
            if let Some(given) = given.as_deref().filter(|given| *given != name) {
                findings
                    .error("name-mismatch", key, format!("the {key} is `{given}`, but its {place} is called `{name}`"))
                    .hint(format!("write `{name}`, or rename the {place}"));
            }
        }
        let prefix = self.prefix(system, environment);
        if let Some(start) = prefix.find('{') {
            let name = prefix[start..].split_inclusive('}').next().unwrap_or_default();
            findings
                .error("bad-value", "prefix", format!("`{name}` stands for nothing in a prefix"))
                .hint("`{system}` and `{environment}` stand for their names");
        } else if !is_prefix(&prefix) {
            findings
                .error("bad-value", "prefix", format!("`{prefix}` cannot begin every resource's name"))
                .hint("begin with a letter; write a-z, 0-9 and single hyphens, at most 40 characters");
        }
    }

    /// The limits are those of the AWS General Reference, "Tag naming limits and requirements".
    fn check_tag(&self, key: &str, value: &str, findings: &mut Findings) {
        let path = format!("tags.{key}");
        let reserved = ["aws:", "groundplan:"].into_iter().find(|prefix| key.to_lowercase().starts_with(prefix));
        if let Some(prefix) = reserved {
            findings
                .error("bad-value", path, format!("the tag `{key}` cannot be given: `{prefix}` is reserved"))
                .hint("choose another name");
        } else if key.is_empty() || key.chars().count() > 128 {
            findings
                .error("bad-value", path, format!("a tag's name has 1 to 128 characters, not {}", key.chars().count()))
                .hint("choose another name");
        } else if value.chars().count() > 256 {
            findings
                .error(
                    "bad-value",
                    path,
                    format!("a tag's value has at most 256 characters, not {}", value.chars().count()),
                )
                .hint("shorten it");
        }
    }
}

/// RDS and ElastiCache take the strictest names: a letter first, no two hyphens together, 40 characters in all with
/// `-redis` and the like behind.
fn is_prefix(text: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(good)
        && !text.ends_with('-')
        && !text.contains("--")
        && text.len() <= 40
}

fn is_region(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let word = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
    match parts.split_last() {
        Some((number, words)) => {
            words.len() >= 2
                && words.iter().all(word)
                && !number.is_empty()
                && number.bytes().all(|b| b.is_ascii_digit())
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn findings(value: serde_json::Value) -> Vec<(String, String)> {
        let mut all = json!({ "region": "us-east-1" });
        all.as_object_mut().unwrap().extend(value.as_object().unwrap().clone());
        let settings: Settings = serde_json::from_value(all).unwrap();
        let found = settings.check("freeside", "production");
        assert!(found.iter().all(|finding| finding.hint.is_some()));
        found.into_iter().map(|finding| (finding.key.unwrap(), finding.message)).collect()
    }

    #[test]
    fn good_values_pass() {
        assert_eq!(findings(json!({})), []);
        let all = json!({
            "system": "freeside", "environment": "production", "account": "891376933289",
            "prefix": "arrakis-{environment}", "tags": { "team": "core" },
            "cost": { "usage": { "nat-gateway.gb": { "min": 1, "expected": 2, "max": 3 }, "alb.lcu": 0 } },
        });
        assert_eq!(findings(all), []);
    }

    #[test]
    fn bad_values_are_found_at_their_key() {
        let cases = [
            (
                json!({ "system": "freezide" }),
                "system",
                "the system is `freezide`, but its folder is called `freeside`",
            ),
            (
                json!({ "environment": "prod" }),
                "environment",
                "the environment is `prod`, but its file is called `production`",
            ),
            (json!({ "account": "12345" }), "account", "`12345` is no AWS account"),
            (json!({ "region": "us-east" }), "region", "`us-east` is no AWS region"),
            (json!({ "prefix": "{env}-x" }), "prefix", "`{env}` stands for nothing in a prefix"),
            (json!({ "prefix": "a--b" }), "prefix", "`a--b` cannot begin every resource's name"),
            (json!({ "tags": { "aws:x": "" } }), "tags.aws:x", "the tag `aws:x` cannot be given: `aws:` is reserved"),
            (
                json!({ "cost": { "usage": { "a.gb": { "min": 5, "expected": 2, "max": 3 } } } }),
                "cost.usage.a.gb",
                "`a.gb` runs from 5 over 2 to 3",
            ),
        ];
        for (value, key, message) in cases {
            assert_eq!(findings(value), [(key.to_owned(), message.to_owned())]);
        }
    }

    #[test]
    fn the_prefix_knows_both_names() {
        let settings: Settings = serde_json::from_value(json!({ "region": "us-east-1" })).unwrap();
        assert_eq!(settings.prefix("freeside", "staging"), "freeside-staging");
    }
}
