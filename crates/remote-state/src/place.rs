//! Where the state of one environment is in S3.

use serde::{Deserialize, Serialize};

/// The snapshot's name below the prefix.
pub(crate) const SNAPSHOT: &str = "state.json";
/// The lock's name below the prefix.
pub(crate) const LOCK: &str = "lock.json";

/// A bucket, its region, and the prefix of one environment's objects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Place {
    /// The bucket.
    pub bucket: String,
    /// The bucket's region.
    pub region: String,
    /// What the keys of the environment's objects begin with, without a slash at its end: `team/freeside/production`.
    pub prefix: String,
}

impl Place {
    /// The place below the prefix that the parts make; empty parts are left out.
    pub fn new(bucket: &str, region: &str, parts: &[&str]) -> Self {
        let parts: Vec<&str> =
            parts.iter().map(|part| part.trim_matches('/')).filter(|part| !part.is_empty()).collect();
        Self { bucket: bucket.to_owned(), region: region.to_owned(), prefix: parts.join("/") }
    }

    /// The key of an object of the environment.
    pub(crate) fn key(&self, name: &str) -> String {
        if self.prefix.is_empty() { name.to_owned() } else { format!("{}/{name}", self.prefix) }
    }

    /// `s3://bucket/key`.
    pub(crate) fn uri(&self, name: &str) -> String {
        format!("s3://{}/{}", self.bucket, self.key(name))
    }

    /// The lock's name in a DynamoDB table: bucket and key, as Terraform writes it.
    pub(crate) fn lock_id(&self) -> String {
        format!("{}/{}", self.bucket, self.key(SNAPSHOT))
    }

    pub(crate) fn segment(generation: u64, number: u64) -> String {
        format!("journal-{generation}/{number:08}.jsonl")
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.uri(SNAPSHOT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_no_empty_parts() {
        let cases = [
            (&["", "freeside/staging"][..], "freeside/staging/state.json"),
            (&["/team/", "local", "freeside/staging"], "team/local/freeside/staging/state.json"),
            (&[""], "state.json"),
        ];
        for (parts, key) in cases {
            let place = Place::new("b", "us-east-1", parts);
            assert_eq!(place.key(SNAPSHOT), key);
            assert_eq!(place.to_string(), format!("s3://b/{key}"));
            assert_eq!(place.lock_id(), format!("b/{key}"));
        }
    }
}
