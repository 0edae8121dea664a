//! What keeps a bucket of state safe: each read, compared, and written where it differs.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/security-best-practices.html>

use aws_sdk_s3::types::{
    BucketLifecycleConfiguration, BucketVersioningStatus, ExpirationStatus, LifecycleExpiration, LifecycleRule,
    LifecycleRuleFilter, NoncurrentVersionExpiration, ObjectOwnership, OwnershipControls, OwnershipControlsRule,
    PublicAccessBlockConfiguration, ServerSideEncryption, ServerSideEncryptionByDefault,
    ServerSideEncryptionConfiguration, ServerSideEncryptionRule, VersioningConfiguration,
};
use cloud::{AwsResult, Failure};
use engine::store::StoreError;
use serde_json::{Value, json};

use super::{Did, Work};

/// Our statement in a bucket's policy, and our lifecycle rule.
const OURS: &str = "GroundplanState";
/// How long a version that was replaced stays, in days.
const DAYS: i32 = 90;

fn invalid(error: aws_sdk_s3::error::BuildError) -> Failure {
    Failure::invalid(error.to_string())
}

/// Every snapshot that was replaced can be had again.
pub(super) async fn versioning(work: &mut Work<'_>) -> Result<(), StoreError> {
    let answer = work.s3.get_bucket_versioning().bucket(&work.bucket).send().await;
    let answer = answer.aws("s3:GetBucketVersioning").map_err(work.failed())?;
    if answer.status == Some(BucketVersioningStatus::Enabled) {
        work.step("versioning", Did::Kept);
        return Ok(());
    }
    let wanted = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    let request = work.s3.put_bucket_versioning().bucket(&work.bucket).versioning_configuration(wanted);
    request.send().await.aws("s3:PutBucketVersioning").map_err(work.failed())?;
    work.step("versioning", if answer.status.is_none() { Did::Made } else { Did::Changed });
    Ok(())
}

/// AES-256 unless it is encrypted with a KMS key already.
pub(super) async fn encryption(work: &mut Work<'_>) -> Result<(), StoreError> {
    let answer = work.s3.get_bucket_encryption().bucket(&work.bucket).send().await;
    let answer = match answer.aws("s3:GetEncryptionConfiguration") {
        Err(failure) if failure.code == "ServerSideEncryptionConfigurationNotFoundError" => None,
        other => Some(other.map_err(work.failed())?),
    };
    let rules = answer.and_then(|answer| answer.server_side_encryption_configuration).map(|all| all.rules);
    let rules = rules.unwrap_or_default();
    if rules.iter().any(|rule| rule.apply_server_side_encryption_by_default.is_some()) {
        work.step("encryption", Did::Kept);
        return Ok(());
    }
    let default = ServerSideEncryptionByDefault::builder().sse_algorithm(ServerSideEncryption::Aes256).build();
    let configuration = default.and_then(|default| {
        let rule = ServerSideEncryptionRule::builder().apply_server_side_encryption_by_default(default).build();
        ServerSideEncryptionConfiguration::builder().rules(rule).build()
    });
    let configuration = configuration.map_err(invalid).map_err(work.failed())?;
    let request = work.s3.put_bucket_encryption().bucket(&work.bucket);
    let request = request.server_side_encryption_configuration(configuration);
    request.send().await.aws("s3:PutEncryptionConfiguration").map_err(work.failed())?;
    work.step("encryption", Did::Made);
    Ok(())
}

pub(super) async fn no_public_access(work: &mut Work<'_>) -> Result<(), StoreError> {
    let answer = work.s3.get_public_access_block().bucket(&work.bucket).send().await;
    let answer = match answer.aws("s3:GetBucketPublicAccessBlock") {
        Err(failure) if failure.code == "NoSuchPublicAccessBlockConfiguration" => None,
        other => other.map_err(work.failed())?.public_access_block_configuration,
    };
    let wanted = PublicAccessBlockConfiguration::builder()
        .block_public_acls(true)
        .ignore_public_acls(true)
        .block_public_policy(true)
        .restrict_public_buckets(true)
        .build();
    if answer.as_ref() == Some(&wanted) {
        work.step("public access block", Did::Kept);
        return Ok(());
    }
    let request = work.s3.put_public_access_block().bucket(&work.bucket).public_access_block_configuration(wanted);
    request.send().await.aws("s3:PutBucketPublicAccessBlock").map_err(work.failed())?;
    work.step("public access block", if answer.is_none() { Did::Made } else { Did::Changed });
    Ok(())
}

/// No access control lists: the bucket's owner owns what is in it.
pub(super) async fn owner(work: &mut Work<'_>) -> Result<(), StoreError> {
    let answer = work.s3.get_bucket_ownership_controls().bucket(&work.bucket).send().await;
    let answer = match answer.aws("s3:GetBucketOwnershipControls") {
        Err(failure) if failure.code == "OwnershipControlsNotFoundError" => None,
        other => other.map_err(work.failed())?.ownership_controls,
    };
    let rules = answer.map(|controls| controls.rules);
    let enforced = |rule: &OwnershipControlsRule| rule.object_ownership == ObjectOwnership::BucketOwnerEnforced;
    if rules.iter().flatten().any(enforced) {
        work.step("ownership", Did::Kept);
        return Ok(());
    }
    let rule = OwnershipControlsRule::builder().object_ownership(ObjectOwnership::BucketOwnerEnforced).build();
    let controls = rule.and_then(|rule| OwnershipControls::builder().rules(rule).build());
    let controls = controls.map_err(invalid).map_err(work.failed())?;
    let request = work.s3.put_bucket_ownership_controls().bucket(&work.bucket).ownership_controls(controls);
    request.send().await.aws("s3:PutBucketOwnershipControls").map_err(work.failed())?;
    work.step("ownership", if rules.is_none() { Did::Made } else { Did::Changed });
    Ok(())
}

/// A policy that denies what is not encrypted on its way; other statements stay.
pub(super) async fn only_tls(work: &mut Work<'_>) -> Result<(), StoreError> {
    let answer = work.s3.get_bucket_policy().bucket(&work.bucket).send().await;
    let answer = match answer.aws("s3:GetBucketPolicy") {
        Err(failure) if failure.code == "NoSuchBucketPolicy" => None,
        other => other.map_err(work.failed())?.policy,
    };
    let partition = partition(&work.region);
    let there: Option<Value> = answer.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let arn = format!("arn:{partition}:s3:::{}", work.bucket);
    let ours = json!({
        "Sid": OURS,
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": [arn, format!("{arn}/*")],
        "Condition": { "Bool": { "aws:SecureTransport": "false" } },
    });
    let mut wanted = there.clone().unwrap_or_else(|| json!({ "Version": "2012-10-17", "Statement": [] }));
    let mut statements = match wanted["Statement"].take() {
        Value::Array(statements) => statements,
        Value::Null => Vec::new(),
        one => vec![one],
    };
    match statements.iter_mut().find(|statement| statement["Sid"] == OURS) {
        Some(statement) => *statement = ours,
        None => statements.push(ours),
    }
    wanted["Statement"] = Value::Array(statements);
    if there.as_ref() == Some(&wanted) {
        work.step("policy: TLS only", Did::Kept);
        return Ok(());
    }
    let request = work.s3.put_bucket_policy().bucket(&work.bucket).policy(wanted.to_string());
    request.send().await.aws("s3:PutBucketPolicy").map_err(work.failed())?;
    work.step("policy: TLS only", if there.is_none() { Did::Made } else { Did::Changed });
    Ok(())
}

/// Versions that were replaced go after a time, and so does what is left of a deleted object; other rules stay.
pub(super) async fn old_versions(work: &mut Work<'_>) -> Result<(), StoreError> {
    let answer = work.s3.get_bucket_lifecycle_configuration().bucket(&work.bucket).send().await;
    let mut rules = match answer.aws("s3:GetLifecycleConfiguration") {
        Err(failure) if failure.code == "NoSuchLifecycleConfiguration" => Vec::new(),
        other => other.map_err(work.failed())?.rules.unwrap_or_default(),
    };
    let old = NoncurrentVersionExpiration::builder().noncurrent_days(DAYS).build();
    let ours = LifecycleRule::builder()
        .id(OURS)
        .status(ExpirationStatus::Enabled)
        .filter(LifecycleRuleFilter::builder().prefix("").build())
        .noncurrent_version_expiration(old)
        // A deleted segment leaves a marker, which would stay for ever.
        .expiration(LifecycleExpiration::builder().expired_object_delete_marker(true).build())
        .build();
    let ours = ours.map_err(invalid).map_err(work.failed())?;
    let is_right = |rule: &LifecycleRule| {
        let markers = rule.expiration.as_ref().and_then(|expiration| expiration.expired_object_delete_marker);
        // A rule that is about a part of the bucket only is not this one.
        let all = |filter: &LifecycleRuleFilter| {
            let sizes = (filter.object_size_greater_than, filter.object_size_less_than);
            let narrowed = filter.and.is_some() || filter.tag.is_some() || sizes != (None, None);
            !narrowed && filter.prefix.as_deref().unwrap_or_default().is_empty()
        };
        rule.status == ours.status
            && rule.noncurrent_version_expiration == ours.noncurrent_version_expiration
            && markers == Some(true)
            && rule.filter.as_ref().is_none_or(all)
    };
    let did = match rules.iter_mut().find(|rule| rule.id.as_deref() == Some(OURS)) {
        Some(rule) if is_right(rule) => Did::Kept,
        Some(rule) => {
            *rule = ours;
            Did::Changed
        }
        None => {
            rules.push(ours);
            Did::Made
        }
    };
    if did != Did::Kept {
        let configuration = BucketLifecycleConfiguration::builder().set_rules(Some(rules)).build();
        let configuration = configuration.map_err(invalid).map_err(work.failed())?;
        let request = work.s3.put_bucket_lifecycle_configuration().bucket(&work.bucket);
        let request = request.lifecycle_configuration(configuration);
        request.send().await.aws("s3:PutLifecycleConfiguration").map_err(work.failed())?;
    }
    work.step(&format!("lifecycle: old versions for {DAYS} days"), did);
    Ok(())
}

/// The partition of a region's ARNs.
pub(super) fn partition(region: &str) -> &'static str {
    match region {
        region if region.starts_with("cn-") => "aws-cn",
        region if region.starts_with("us-gov-") => "aws-us-gov",
        _ => "aws",
    }
}
