//! Where an environment's state is kept.

use engine::Findings;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the state is kept: in an S3 bucket that `cargo xtask create-state-bucket` makes. Without this section it is kept
/// on disk, under `.groundplan/`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct StateSettings {
    /// The bucket; `{account}` stands for the AWS account: `groundplan-state-{account}`.
    pub bucket: String,
    /// The bucket's AWS region, and the lock table's. Default: the environment's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// What the keys in the bucket begin with, before `SYSTEM/ENVIRONMENT/state.json`. Default: nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// A DynamoDB table for a second lock, with the hash key `LockID` as Terraform's has it. Default: the only lock is an
    /// object beside the state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lock_table: Option<String>,
    /// A second AWS region that `create-state-bucket` has every object copied to. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replicate_to: Option<String>,
    /// The clouds whose state is kept there; that of any other stays on disk. Default: `["aws"]`.
    #[serde(default = "only_aws")]
    pub clouds: Vec<StateCloud>,
}

/// A cloud whose state can be kept in S3: each in the S3 of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StateCloud {
    /// AWS.
    Aws,
    /// The local cloud; what is in it is gone when it stops.
    Local,
}

fn only_aws() -> Vec<StateCloud> {
    vec![StateCloud::Aws]
}

impl StateSettings {
    /// The bucket of an account.
    pub fn bucket(&self, account: &str) -> String {
        self.bucket.replace("{account}", account)
    }

    /// What is wrong with the section; `is_region` tells AWS's regions by their form.
    pub(crate) fn check(&self, is_region: impl Fn(&str) -> bool, findings: &mut Findings) {
        if !is_bucket(&self.bucket("123456789012")) {
            findings
                .error("bad-value", "state.bucket", format!("`{}` is no name of an S3 bucket", self.bucket))
                .hint("write 3 to 63 of a-z, 0-9, hyphens and periods; `{account}` stands for the AWS account");
        }
        for (key, region) in [("region", &self.region), ("replicate-to", &self.replicate_to)] {
            if let Some(region) = region.as_deref().filter(|region| !is_region(region)) {
                findings
                    .error("bad-value", format!("state.{key}"), format!("`{region}` is no AWS region"))
                    .hint("write it as AWS does: `us-east-1`");
            }
        }
        let good = |c: char| c.is_ascii_alphanumeric() || "!-_.*'()/".contains(c);
        if !self.key.chars().all(good) || self.key.starts_with('/') || self.key.contains("//") {
            findings
                .error("bad-value", "state.key", format!("`{}` cannot begin a key", self.key))
                .hint("write it like a path, without a slash at its start: `teams/core`");
        }
        if let Some(table) = self.lock_table.as_deref().filter(|table| !is_table(table)) {
            findings
                .error("bad-value", "state.lock-table", format!("`{table}` is no name of a DynamoDB table"))
                .hint("write 3 to 255 of a-z, A-Z, 0-9, underscores, hyphens and periods");
        }
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
fn is_bucket(name: &str) -> bool {
    let end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    (3..=63).contains(&name.len())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.')
        && end(name.chars().next())
        && end(name.chars().next_back())
        && !name.contains("..")
}

/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/HowItWorks.NamingRulesDataTypes.html>
fn is_table(name: &str) -> bool {
    (3..=255).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn settings(value: serde_json::Value) -> StateSettings {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_bucket_alone_is_enough() {
        let state = settings(json!({ "bucket": "state-{account}" }));
        assert_eq!(state.bucket("891376933289"), "state-891376933289");
        assert_eq!((state.clouds.as_slice(), state.key.as_str()), (&[StateCloud::Aws][..], ""));
    }

    #[test]
    fn bad_values_are_found_at_their_key() {
        let cases = [
            (json!({ "bucket": "State" }), "state.bucket"),
            (json!({ "bucket": "a.{region}" }), "state.bucket"),
            (json!({ "bucket": "abc", "region": "east" }), "state.region"),
            (json!({ "bucket": "abc", "replicate-to": "west" }), "state.replicate-to"),
            (json!({ "bucket": "abc", "key": "/a" }), "state.key"),
            (json!({ "bucket": "abc", "key": "a?b" }), "state.key"),
            (json!({ "bucket": "abc", "lock-table": "a" }), "state.lock-table"),
        ];
        for (value, key) in cases {
            let mut findings = Findings::default();
            settings(value).check(|region| region.contains("-"), &mut findings);
            let keys: Vec<Option<String>> = findings.0.into_iter().map(|finding| finding.key).collect();
            assert_eq!(keys, [Some(key.to_owned())]);
        }
    }
}
