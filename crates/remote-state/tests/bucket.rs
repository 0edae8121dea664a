//! The bucket, its replica and the lock table on the local cloud: made, the same again, put right.

#![allow(missing_docs)]

mod support;

use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, BucketVersioningStatus, DeleteMarkerReplication, DeleteMarkerReplicationStatus,
    Destination, LifecycleRuleFilter, ReplicationConfiguration, ReplicationRule, ReplicationRuleFilter,
    ReplicationRuleStatus, VersioningConfiguration,
};
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

fn wanted(bucket: &str) -> Wanted {
    Wanted {
        bucket: bucket.to_owned(),
        region: REGION.to_owned(),
        account: "123456789012".to_owned(),
        replicate_to: Some("us-west-2".to_owned()),
        lock_table: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_that_was_narrowed_is_put_right_and_markers_go() {
    let cloud = connect().await;
    let wanted = Wanted { replicate_to: None, ..wanted("groundplan-lifecycle") };
    wanted.create(&cloud).await.unwrap();
    let s3 = s3(&cloud);
    let rules = async || {
        let answer = s3.get_bucket_lifecycle_configuration().bucket(&wanted.bucket).send().await;
        answer.unwrap().rules.unwrap()
    };
    let mut narrowed = rules().await;
    assert_eq!(narrowed[0].expiration.as_ref().unwrap().expired_object_delete_marker, Some(true));
    narrowed[0].filter = Some(LifecycleRuleFilter::builder().prefix("elsewhere/").build());
    let configuration = BucketLifecycleConfiguration::builder().set_rules(Some(narrowed)).build().unwrap();
    let put = s3.put_bucket_lifecycle_configuration().bucket(&wanted.bucket).lifecycle_configuration(configuration);
    put.send().await.unwrap();
    let steps = wanted.create(&cloud).await.unwrap();
    let changed: Vec<&str> = steps.iter().filter(|step| step.did != Did::Kept).map(|step| step.what.as_str()).collect();
    assert_eq!(changed, ["lifecycle: old versions for 90 days"]);
    let prefix = rules().await[0].filter.as_ref().and_then(|filter| filter.prefix.clone());
    assert_eq!(prefix.unwrap_or_default(), "");
}

/// Another's replication: its own role, and a rule to a bucket of its own.
async fn replicated_by_others(s3: &aws_sdk_s3::Client, bucket: &str, to: &[&str]) -> String {
    let markers = DeleteMarkerReplication::builder().status(DeleteMarkerReplicationStatus::Disabled).build();
    let rules = to.iter().zip(1..).map(|(to, priority)| {
        let destination = Destination::builder().bucket(format!("arn:aws:s3:::{to}")).build().unwrap();
        let rule = ReplicationRule::builder().id(format!("backup-{priority}")).priority(priority);
        let rule = rule.status(ReplicationRuleStatus::Enabled).destination(destination);
        let filter = ReplicationRuleFilter::builder().prefix("").build();
        rule.filter(filter).delete_marker_replication(markers.clone()).build().unwrap()
    });
    let role = "arn:aws:iam::123456789012:role/backup".to_owned();
    let configuration = ReplicationConfiguration::builder().role(&role).set_rules(Some(rules.collect()));
    let put = s3.put_bucket_replication().bucket(bucket).replication_configuration(configuration.build().unwrap());
    put.send().await.unwrap();
    role
}

#[tokio::test(flavor = "multi_thread")]
async fn the_replication_of_others_is_left_alone() {
    let cloud = connect().await;
    let wanted = wanted("groundplan-replicated");
    let plain = Wanted { replicate_to: None, ..wanted.clone() };
    plain.create(&cloud).await.unwrap();
    let s3 = s3(&cloud);
    let role = replicated_by_others(&s3, &wanted.bucket, &["their-backup"]).await;
    let said = wanted.create(&cloud).await.unwrap_err();
    match said {
        engine::store::StoreError::Remote { failure, .. } => {
            assert!(failure.message.contains(&role) && failure.message.contains("backup-1"), "{failure}");
            assert!(failure.hint.unwrap().contains("replicate-to"));
        }
        other => panic!("{other}"),
    }
    let replica = wanted.replica().unwrap();
    assert!(s3.head_bucket().bucket(&replica).send().await.is_err(), "nothing was made for it");
    let now = async || {
        let answer = s3.get_bucket_replication().bucket(&wanted.bucket).send().await.unwrap();
        answer.replication_configuration.unwrap()
    };
    assert_eq!((now().await.role, now().await.rules.len()), (role.clone(), 1));
    // As it was told to: their role copies there, too.
    replicated_by_others(&s3, &wanted.bucket, &["their-backup", &replica]).await;
    let steps = wanted.create(&cloud).await.unwrap();
    let replication = steps.iter().find(|step| step.what == "replication").unwrap();
    assert_eq!(replication.did, Did::Kept);
    assert_eq!((now().await.role, now().await.rules.len()), (role, 2));
}
