//! Copies of every object in another region, and the role that S3 copies with.
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/setting-repl-config-perm-overview.html>

use aws_sdk_iam::Client as Iam;
use aws_sdk_s3::types::{
    DeleteMarkerReplication, DeleteMarkerReplicationStatus, Destination, ReplicationConfiguration, ReplicationRule,
    ReplicationRuleFilter, ReplicationRuleStatus,
};
use cloud::{Absent, AwsResult, Failure};
use engine::store::StoreError;
use serde_json::{Value, json};

use super::protections::partition;
use super::{Did, Step, Work};

/// Our rule, and our role's policy.
const OURS: &str = "GroundplanState";
/// How often S3 is asked again that does not know the new role yet, a second apart.
const TRIES: u32 = 20;

/// Where the copies go, and how the bucket replicates now.
pub(super) struct Replication {
    /// The bucket that objects are copied to.
    replica: String,
    arn: String,
    there: Option<ReplicationConfiguration>,
}

/// Reads how the bucket replicates, before anything is made for it.
///
/// # Errors
/// Others replicate it already. A bucket has one role for all of its rules: ours in its place would end their copies.
pub(super) async fn read(work: &Work<'_>, replica: &str) -> Result<Replication, StoreError> {
    let answer = work.s3.get_bucket_replication().bucket(&work.bucket).send().await;
    let there = match answer.aws("s3:GetReplicationConfiguration") {
        Err(failure) if failure.code == "ReplicationConfigurationNotFoundError" => None,
        other => other.map_err(work.failed())?.replication_configuration,
    };
    let arn = format!("arn:{}:s3:::{replica}", partition(&work.region));
    let found = Replication { replica: replica.to_owned(), arn, there };
    let Some(theirs) = found.theirs(work).filter(|_| !found.is_copied()) else { return Ok(found) };
    let others = theirs.rules.iter().map(|rule| rule.id.as_deref().unwrap_or("one without a name"));
    let others: Vec<&str> = others.collect();
    let failure = Failure::invalid(format!(
        "it replicates already, with the role {} and the rules of others: {}",
        theirs.role,
        others.join(", ")
    ));
    Err(work.failed()(failure.hint(format!(
        "a bucket has one role for all of its rules: let that role copy to {} too, and add a rule for it; or leave \
         `replicate-to` out",
        found.arn
    ))))
}

impl Replication {
    /// A configuration with another role than ours and others' rules.
    fn theirs(&self, work: &Work<'_>) -> Option<&ReplicationConfiguration> {
        let ours = format!(":role/{}", role_name(&work.bucket));
        let there = self.there.as_ref()?;
        let others = there.rules.iter().any(|rule| rule.id.as_deref() != Some(OURS));
        (others && !there.role.ends_with(&ours)).then_some(there)
    }

    /// Whether every object is copied where it shall be, by whomever.
    fn is_copied(&self) -> bool {
        let whole = |rule: &ReplicationRule| {
            let all = |filter: &ReplicationRuleFilter| {
                filter.and.is_none() && filter.tag.is_none() && filter.prefix.as_deref().unwrap_or_default().is_empty()
            };
            rule.status == ReplicationRuleStatus::Enabled
                && rule.destination.as_ref().is_some_and(|destination| destination.bucket == self.arn)
                && rule.filter.as_ref().is_none_or(all)
        };
        self.there.as_ref().is_some_and(|there| there.rules.iter().any(whole))
    }
}

/// Copies to another bucket from now on. What is deleted here stays there.
pub(super) async fn replicate(work: &mut Work<'_>, found: Replication, account: &str) -> Result<(), StoreError> {
    if found.theirs(work).is_some() {
        work.step("replication", Did::Kept);
        return Ok(());
    }
    let role = role(work, &found.replica, account).await?;
    let invalid = |error: aws_sdk_s3::error::BuildError| Failure::invalid(error.to_string());
    if found.is_copied() && found.there.as_ref().is_some_and(|there| there.role == role) {
        work.step("replication", Did::Kept);
        return Ok(());
    }
    let Replication { arn, there, .. } = found;
    let mut rules = there.as_ref().map(|there| there.rules.clone()).unwrap_or_default();
    rules.retain(|rule| rule.id.as_deref() != Some(OURS));
    let highest = rules.iter().filter_map(|rule| rule.priority).max().unwrap_or_default();
    let markers = DeleteMarkerReplication::builder().status(DeleteMarkerReplicationStatus::Disabled).build();
    let rule = Destination::builder().bucket(&arn).build().and_then(|destination| {
        ReplicationRule::builder()
            .id(OURS)
            .priority(highest + 1)
            .status(ReplicationRuleStatus::Enabled)
            .filter(ReplicationRuleFilter::builder().prefix("").build())
            .delete_marker_replication(markers)
            .destination(destination)
            .build()
    });
    rules.push(rule.map_err(invalid).map_err(work.failed())?);
    let configuration = ReplicationConfiguration::builder().role(&role).set_rules(Some(rules)).build();
    let configuration = configuration.map_err(invalid).map_err(work.failed())?;
    for tries in 1.. {
        let request = work.s3.put_bucket_replication().bucket(&work.bucket);
        let request = request.replication_configuration(configuration.clone());
        match request.send().await.aws("s3:PutReplicationConfiguration") {
            Ok(_) => break,
            // A new role takes seconds to be known to S3.
            Err(failure) if failure.message.contains("role") && tries < TRIES => {
                tokio::time::sleep(std::time::Duration::from_secs(1)).await;
            }
            Err(failure) => return Err(work.failed()(failure)),
        }
    }
    work.step("replication", if there.is_none() { Did::Made } else { Did::Changed });
    Ok(())
}

fn role_name(bucket: &str) -> String {
    // 64 characters at most: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>.
    format!("{}-replication", bucket.get(..52).unwrap_or(bucket))
}

/// The role that S3 copies with, and no more than that: its ARN.
async fn role(work: &mut Work<'_>, replica: &str, account: &str) -> Result<String, StoreError> {
    let partition = partition(&work.region);
    let name = role_name(&work.bucket);
    let place = format!("IAM role {name}");
    let failed = |failure| StoreError::Remote { place: place.clone(), failure: Box::new(failure) };
    let iam = work.cloud.client(&work.region, Iam::new);
    let source = format!("arn:{partition}:s3:::{}", work.bucket);
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "Service": "s3.amazonaws.com" },
            "Action": "sts:AssumeRole",
            "Condition": { "StringEquals": { "aws:SourceAccount": account, "aws:SourceArn": source } },
        }],
    });
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["s3:GetReplicationConfiguration", "s3:ListBucket"],
                "Resource": [source],
            },
            {
                "Effect": "Allow",
                "Action": ["s3:GetObjectVersionForReplication", "s3:GetObjectVersionAcl", "s3:GetObjectVersionTagging"],
                "Resource": [format!("{source}/*")],
            },
            {
                "Effect": "Allow",
                "Action": ["s3:ReplicateObject", "s3:ReplicateTags"],
                "Resource": [format!("arn:{partition}:s3:::{replica}/*")],
            },
        ],
    });
    let found = iam.get_role().role_name(&name).send().await.aws("iam:GetRole").absent().map_err(failed)?;
    let mut did = Did::Kept;
    let arn = match found.and_then(|answer| answer.role) {
        Some(role) => {
            if role.assume_role_policy_document.as_deref().map(decoded) != Some(trust.clone()) {
                did = Did::Changed;
                let request = iam.update_assume_role_policy().role_name(&name).policy_document(trust.to_string());
                request.send().await.aws("iam:UpdateAssumeRolePolicy").map_err(failed)?;
            }
            role.arn
        }
        None => {
            did = Did::Made;
            let request = iam.create_role().role_name(&name).assume_role_policy_document(trust.to_string());
            let request = request.description(format!("S3 copies the state in {} to {replica}", work.bucket));
            let answer = request.send().await.aws("iam:CreateRole").map_err(failed)?;
            answer.role.map(|role| role.arn).unwrap_or_default()
        }
    };
    let there = iam.get_role_policy().role_name(&name).policy_name(OURS).send().await;
    let there = there.aws("iam:GetRolePolicy").absent().map_err(failed)?;
    if there.map(|answer| decoded(&answer.policy_document)) != Some(policy.clone()) {
        did = if did == Did::Kept { Did::Changed } else { did };
        let request = iam.put_role_policy().role_name(&name).policy_name(OURS).policy_document(policy.to_string());
        request.send().await.aws("iam:PutRolePolicy").map_err(failed)?;
    }
    work.steps.push(Step { of: name, what: "role".to_owned(), did });
    Ok(arn)
}

/// A policy document as IAM answers it: percent-encoded JSON.
fn decoded(document: &str) -> Value {
    let mut bytes = Vec::with_capacity(document.len());
    let mut rest = document.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = after.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        match (first, code.and_then(|code| u8::from_str_radix(code, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    serde_json::from_slice(&bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_read_in_either_writing() {
        let policy = json!({ "a": "b c" });
        assert_eq!(decoded("%7B%22a%22%3A%20%22b%20c%22%7D"), policy);
        assert_eq!(decoded("{\"a\": \"b c\"}"), policy);
        assert_eq!(decoded("%7"), Value::Null);
    }
}
