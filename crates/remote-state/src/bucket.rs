//! The bucket that state is kept in, its replica, and the lock table: made, or put right where they differ.
//!
//! Everything is read first and written only where it differs, so that the same again changes nothing. What others put
//! there beside ours (policy statements, lifecycle rules) stays.

mod protections;
mod replication;
mod table;

use aws_sdk_s3::Client;
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use cloud::{Absent, AwsResult, Cloud, Failure};
use engine::store::StoreError;
use serde::Serialize;

use crate::objects::{client, remote};

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The bucket.
    pub bucket: String,
    /// Its region, and the table's.
    pub region: String,
    /// The account it is in: for the names of role and policies.
    pub account: String,
    /// A second region that every object is copied to.
    pub replicate_to: Option<String>,
    /// A DynamoDB table for locks.
    pub lock_table: Option<String>,
}

/// What was done about one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Did {
    /// It was not there, and is now.
    Made,
    /// It was otherwise, and is right now.
    Changed,
    /// It was right.
    Kept,
}

/// One thing, and what was done about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// The bucket, role or table.
    pub of: String,
    /// What of it: `versioning`.
    pub what: String,
    /// What was done.
    pub did: Did,
}

/// A bucket under way.
struct Work<'a> {
    cloud: &'a Cloud,
    s3: Client,
    bucket: String,
    region: String,
    steps: Vec<Step>,
}

impl Wanted {
    /// The bucket that objects are copied to.
    pub fn replica(&self) -> Option<String> {
        let region = self.replicate_to.as_ref()?;
        // 63 characters at most: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>.
        let room = 62_usize.saturating_sub(region.len());
        let start = self.bucket.get(..room).unwrap_or(&self.bucket).trim_end_matches(['-', '.']);
        Some(format!("{start}-{region}"))
    }

    /// Makes everything, or puts it right.
    ///
    /// # Errors
    /// The first call that fails; what was done until then stays, and the same again goes on.
    pub async fn create(&self, cloud: &Cloud) -> Result<Vec<Step>, StoreError> {
        let mut bucket = Work::new(cloud, &self.bucket, &self.region);
        bucket.protected().await?;
        if let (Some(region), Some(name)) = (&self.replicate_to, self.replica()) {
            let found = replication::read(&bucket, &name).await?;
            let mut replica = Work::new(cloud, &name, region);
            replica.protected().await?;
            bucket.steps.append(&mut replica.steps);
            replication::replicate(&mut bucket, found, &self.account).await?;
        }
        if let Some(table) = &self.lock_table {
            bucket.steps.extend(table::create(cloud, table, &self.region).await?);
        }
        Ok(bucket.steps)
    }
}

impl<'a> Work<'a> {
    fn new(cloud: &'a Cloud, bucket: &str, region: &str) -> Self {
        let s3 = client(cloud, region);
        Self { cloud, s3, bucket: bucket.to_owned(), region: region.to_owned(), steps: Vec::new() }
    }

    fn failed(&self) -> impl FnOnce(Failure) -> StoreError {
        let place = format!("s3://{}", self.bucket);
        move |failure| remote(place, failure)
    }

    fn step(&mut self, what: &str, did: Did) {
        self.steps.push(Step { of: self.bucket.clone(), what: what.to_owned(), did });
    }

    async fn protected(&mut self) -> Result<(), StoreError> {
        self.exists().await?;
        protections::versioning(self).await?;
        protections::encryption(self).await?;
        protections::no_public_access(self).await?;
        protections::owner(self).await?;
        protections::only_tls(self).await?;
        protections::old_versions(self).await
    }

    async fn exists(&mut self) -> Result<(), StoreError> {
        let head = self.s3.head_bucket().bucket(&self.bucket).send().await.aws("s3:HeadBucket");
        match head.map_err(|failure| self.explained(failure)).absent() {
            Ok(Some(head)) => {
                let region = head.bucket_region.unwrap_or_else(|| self.region.clone());
                if region != self.region {
                    let failure = Failure::invalid(format!("the bucket is in {region}, not in {}", self.region));
                    return Err(self.failed()(failure.hint("say so with `region` under `[state]`")));
                }
                self.step("bucket", Did::Kept);
                return Ok(());
            }
            Ok(None) => {}
            Err(failure) => return Err(self.failed()(failure)),
        }
        let mut request = self.s3.create_bucket().bucket(&self.bucket);
        // The first region cannot be said: <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html>.
        if self.region != "us-east-1" {
            let region = BucketLocationConstraint::from(self.region.as_str());
            let configuration = CreateBucketConfiguration::builder().location_constraint(region).build();
            request = request.create_bucket_configuration(configuration);
        }
        let did = match request.send().await.aws("s3:CreateBucket") {
            Ok(_) => Did::Made,
            Err(failure) if failure.code == "BucketAlreadyOwnedByYou" => Did::Kept,
            Err(failure) => return Err(self.failed()(failure)),
        };
        self.step("bucket", did);
        Ok(())
    }

    fn explained(&self, failure: Failure) -> Failure {
        if failure.kind == engine::FailureKind::Denied {
            return failure.hint(format!(
                "the name {} may be another account's: choose another under `[state]`, such as one with {{account}} in it",
                self.bucket
            ));
        }
        failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_has_a_name_that_s3_takes() {
        let replica = |bucket: &str| {
            let wanted = Wanted {
                bucket: bucket.to_owned(),
                region: "us-east-1".to_owned(),
                account: "1".to_owned(),
                replicate_to: Some("us-west-2".to_owned()),
                lock_table: None,
            };
            wanted.replica().unwrap()
        };
        assert_eq!(replica("candlefish-terraform-state"), "candlefish-terraform-state-us-west-2");
        assert_eq!(replica(&"a".repeat(63)).len(), 63);
        assert_eq!(replica(&format!("{}-{}", "a".repeat(52), "b".repeat(10))), format!("{}-us-west-2", "a".repeat(52)));
    }
}
