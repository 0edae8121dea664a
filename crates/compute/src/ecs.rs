//! What the ECS resources of this crate share: tags, names, clusters.

use std::sync::Arc;

use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{Cluster, ClusterField, Tag as SdkTag};
use cloud::{Absent, Aws, AwsResult, Context, Failure, FailureKind, Tag, tags};

fn sdk_tag((key, value): (String, String)) -> SdkTag {
    SdkTag::builder().key(key).value(value).build()
}

/// The declared tags and the operation's, for the making call.
pub(crate) fn tags_for_create(declared: &Option<Vec<Tag>>, cx: &Context) -> Vec<SdkTag> {
    tags::for_create(declared.as_deref().unwrap_or_default(), cx).into_iter().map(sdk_tag).collect()
}

fn pairs(tags: &[SdkTag]) -> impl Iterator<Item = (&str, &str)> {
    tags.iter().map(|tag| (tag.key().unwrap_or_default(), tag.value().unwrap_or_default()))
}

/// Tags as read, `None` where there are none.
pub(crate) fn live_tags(tags: &[SdkTag]) -> Option<Vec<Tag>> {
    let tags = tags::from_live(pairs(tags));
    (!tags.is_empty()).then_some(tags)
}

/// Makes the tags of an existing resource the declared ones.
pub(crate) async fn sync_tags(
    arn: &str,
    declared: &Option<Vec<Tag>>,
    live: Option<&Option<Vec<Tag>>>,
    cx: &Context,
) -> Result<(), Failure> {
    let live = live.map(|tags| tags.as_deref().unwrap_or_default());
    let changes = tags::changes(declared.as_deref().unwrap_or_default(), live);
    let client = cx.client(Client::new);
    if !changes.set.is_empty() {
        let tags = changes.set.into_iter().map(sdk_tag).collect();
        client.tag_resource().resource_arn(arn).set_tags(Some(tags)).send().await.aws("ecs:TagResource")?;
    }
    if !changes.remove.is_empty() {
        let untag = client.untag_resource().resource_arn(arn).set_tag_keys(Some(changes.remove));
        untag.send().await.aws("ecs:UntagResource")?;
    }
    Ok(())
}

/// [`Context::owns`] of ECS tags.
pub(crate) fn owns(tags: &[SdkTag], cx: &Context) -> bool {
    cx.owns(pairs(tags))
}

/// [`Context::made`] of ECS tags.
pub(crate) fn made(tags: &[SdkTag], cx: &Context) -> bool {
    cx.made(pairs(tags))
}

/// An ARN of ECS, if it is of this kind.
pub(crate) fn arn_of(arn: &str, kind: &str) -> Option<String> {
    cloud::arn_name(arn, "ecs", kind).map(|_| arn.to_owned())
}

/// A name for what was declared without one: the same for every try of one operation.
pub(crate) fn generated_name(cx: &Context) -> String {
    let text = format!("{}-{}", cx.environment, cx.address);
    let clean = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = text.chars().map(clean).take(40).collect();
    let suffix: String = cx.token.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
    format!("{}-{}", name.trim_end_matches('-'), suffix.to_ascii_lowercase())
}

/// Describes clusters by name or ARN. One call for all who ask for the same ones during a refresh.
pub(crate) async fn clusters(ids: &[String], cx: &Context) -> Result<Arc<Vec<Cluster>>, Failure> {
    let mut ids = ids.to_vec();
    ids.sort();
    ids.dedup();
    let key = format!("ecs:DescribeClusters {}", ids.join(" "));
    cx.once(&key, async move {
        let mut found = Vec::new();
        // The API takes a hundred at a time.
        for chunk in ids.chunks(100) {
            let describe = cx.client(Client::new).describe_clusters().set_clusters(Some(chunk.to_vec()));
            let fields =
                [ClusterField::Attachments, ClusterField::Configurations, ClusterField::Settings, ClusterField::Tags];
            let answer =
                describe.set_include(Some(fields.to_vec())).send().await.aws("ecs:DescribeClusters").absent()?;
            found.extend(answer.and_then(|answer| answer.clusters).unwrap_or_default());
        }
        Ok(found)
    })
    .await
}

/// The cluster that an id (name or ARN) means, unless it is gone or going.
pub(crate) fn cluster_of<'a>(id: &str, clusters: &'a [Cluster]) -> Option<&'a Cluster> {
    let is = |cluster: &&Cluster| cluster.cluster_name() == Some(id) || cluster.cluster_arn() == Some(id);
    clusters.iter().find(is).filter(|cluster| !matches!(cluster.status(), Some("INACTIVE" | "DEPROVISIONING")))
}

/// ECS words some states that pass with general codes: what they mean for the engine.
pub(crate) fn kind_in_words(mut failure: Failure) -> Failure {
    let passes = ["nable to assume the service linked role", "does not have an associated load balancer"];
    if passes.iter().any(|words| failure.message.contains(words)) {
        failure.kind = FailureKind::NotYet;
    } else if failure.message.contains("not idempotent") {
        failure.kind = FailureKind::AlreadyExists;
    } else if failure.code.contains("ClusterContains") {
        failure.kind = FailureKind::InUse;
    }
    failure
}

/// A list or map from AWS, `None` where it is empty: ECS fills in empty ones.
pub(crate) fn some<T>(items: &[T]) -> Option<Vec<T>>
where
    T: Clone,
{
    (!items.is_empty()).then(|| items.to_vec())
}

/// Converts every item of a list, `None` where it is empty.
pub(crate) fn each<T, U>(items: &[T], convert: impl FnMut(&T) -> U) -> Option<Vec<U>> {
    (!items.is_empty()).then(|| items.iter().map(convert).collect())
}

/// Converts every item of a list that may be absent, stopping at the first that cannot be.
pub(crate) fn try_each<T, U>(
    items: &Option<Vec<T>>,
    convert: impl FnMut(&T) -> Result<U, Failure>,
) -> Result<Option<Vec<U>>, Failure> {
    items.as_deref().map(|items| items.iter().map(convert).collect()).transpose()
}

/// A builder's complaint about what is missing.
pub(crate) fn incomplete(error: impl std::fmt::Display) -> Failure {
    Failure::invalid(error.to_string())
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;

    /// A context that reaches nothing.
    pub(crate) fn context(token: &str) -> Context {
        Context {
            environment: "freeside/production".into(),
            region: "us-east-1".into(),
            address: "compute.service.api".into(),
            token: token.into(),
            services: Arc::new(()),
            memo: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::context;
    use super::*;

    #[test]
    fn ours_is_what_the_operation_or_the_address_made() {
        let cx = context("t-1");
        let cases: &[(&[(&str, &str)], bool)] = &[
            (&[("groundplan:operation", "t-1")], true),
            (&[("groundplan:operation", "t-2")], false),
            (&[("groundplan:environment", "freeside/production")], false),
            (&[("groundplan:environment", "freeside/production"), ("groundplan:address", "compute.service.api")], true),
            (&[("groundplan:environment", "other/production"), ("groundplan:address", "compute.service.api")], false),
            (&[], false),
        ];
        for (tags, ours) in cases {
            assert_eq!(cx.owns(tags.iter().copied()), *ours, "{tags:?}");
        }
    }

    #[test]
    fn a_generated_name_is_stable_and_clean() {
        let cx = context("01JD-ABCDEFGH");
        assert_eq!(generated_name(&cx), "freeside-production-compute-service-api-01jdabcd");
    }

    #[test]
    fn what_passes_is_told_from_what_does_not() {
        let failure = |code: &str, message: &str| {
            kind_in_words(Failure { code: code.to_owned(), ..Failure::invalid(message) }).kind
        };
        let invalid = "InvalidParameterException";
        let role = "Unable to assume the service linked role. Please verify that the ECS service linked role exists.";
        assert_eq!(failure(invalid, role), FailureKind::NotYet);
        assert_eq!(failure(invalid, "Creation of service was not idempotent."), FailureKind::AlreadyExists);
        assert_eq!(failure("ClusterContainsServicesException", "The Cluster"), FailureKind::InUse);
        assert_eq!(failure(invalid, "Invalid revision number."), FailureKind::Invalid);
    }

    #[test]
    fn a_cluster_that_is_going_is_gone() {
        let cluster = |status: &str| Cluster::builder().cluster_name("c").cluster_arn("arn:c").status(status).build();
        assert!(cluster_of("c", &[cluster("ACTIVE")]).is_some());
        assert!(cluster_of("arn:c", &[cluster("PROVISIONING")]).is_some());
        assert!(cluster_of("c", &[cluster("INACTIVE")]).is_none());
        assert!(cluster_of("d", &[cluster("ACTIVE")]).is_none());
    }
}
