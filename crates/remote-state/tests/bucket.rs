//! The bucket, its replica and the lock table on the local cloud: made, the same again, put right.

#![allow(missing_docs)]

mod support;

use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use remote_state::bucket::{Did, Wanted};
use support::{REGION, connect, s3};

#[tokio::test(flavor = "multi_thread")]
async fn made_kept_and_put_right() {
    let cloud = connect().await;
    let wanted = Wanted {
        bucket: "candlefish-terraform-state".to_owned(),
        region: REGION.to_owned(),
        account: "123456789012".to_owned(),
        replicate_to: Some("us-west-2".to_owned()),
        lock_table: Some("candlefish-terraform-locks".to_owned()),
    };
    let made = wanted.create(&cloud).await.unwrap();
    let did = |what: &str, of: &str, steps: &[remote_state::bucket::Step]| {
        steps.iter().find(|step| step.what == what && step.of == of).unwrap_or_else(|| panic!("no {what}")).did
    };
    for (of, what) in [
        ("candlefish-terraform-state", "bucket"),
        ("candlefish-terraform-state", "versioning"),
        ("candlefish-terraform-state", "public access block"),
        ("candlefish-terraform-state", "policy: TLS only"),
        ("candlefish-terraform-state", "replication"),
        ("candlefish-terraform-state-us-west-2", "bucket"),
        ("candlefish-terraform-state-us-west-2", "versioning"),
        ("candlefish-terraform-state-replication", "role"),
        ("candlefish-terraform-locks", "lock table"),
        ("candlefish-terraform-locks", "point-in-time recovery"),
    ] {
        assert_eq!(did(what, of, &made), Did::Made, "{of}: {what}");
    }
    let again = wanted.create(&cloud).await.unwrap();
    assert!(again.iter().all(|step| step.did == Did::Kept), "{again:#?}");

    // What somebody switched off comes back, and what somebody added stays.
    let s3 = s3(&cloud);
    let off = VersioningConfiguration::builder().status(BucketVersioningStatus::Suspended).build();
    s3.put_bucket_versioning().bucket(&wanted.bucket).versioning_configuration(off).send().await.unwrap();
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Sid":"Theirs","Effect":"Deny","Principal":"*","Action":"s3:DeleteBucket","Resource":"arn:aws:s3:::candlefish-terraform-state"}]}"#;
    s3.put_bucket_policy().bucket(&wanted.bucket).policy(policy).send().await.unwrap();
    let steps = wanted.create(&cloud).await.unwrap();
    let changed: Vec<&str> = steps.iter().filter(|step| step.did != Did::Kept).map(|step| step.what.as_str()).collect();
    assert_eq!(changed, ["versioning", "policy: TLS only"]);
    let policy = s3.get_bucket_policy().bucket(&wanted.bucket).send().await.unwrap().policy.unwrap();
    assert!(policy.contains("Theirs") && policy.contains("GroundplanState"), "{policy}");
}
