//! What the RDS resources of this crate share: tags.

use std::future::Future;

use aws_sdk_rds::Client;
use aws_sdk_rds::types::Tag as SdkTag;
use cloud::{Absent, Aws, AwsResult, Context, Failure, FailureKind, Tag, tags};

fn sdk_tag((key, value): (String, String)) -> SdkTag {
    SdkTag::builder().key(key).value(value).build()
}

/// The declared tags and the operation's, for the making call.
pub(crate) fn tags_for_create(declared: &Option<Vec<Tag>>, cx: &Context) -> Option<Vec<SdkTag>> {
    Some(tags::for_create(declared.as_deref().unwrap_or_default(), cx).into_iter().map(sdk_tag).collect())
}

/// The tags as pairs.
pub(crate) fn pairs(tags: &[SdkTag]) -> impl Iterator<Item = (&str, &str)> {
    tags.iter().map(|tag| (tag.key().unwrap_or_default(), tag.value().unwrap_or_default()))
}

/// Tags as read, `None` where there are none.
pub(crate) fn live_tags(tags: &[SdkTag]) -> Option<Vec<Tag>> {
    let tags = tags::from_live(pairs(tags));
    (!tags.is_empty()).then_some(tags)
}

/// The tags of what has no tags in its description; nothing if it is gone meanwhile.
pub(crate) async fn tags_of(arn: Option<&str>, cx: &Context) -> Result<Vec<SdkTag>, Failure> {
    let Some(arn) = arn else {
        return Ok(Vec::new());
    };
    let own = async {
        let call = cx.client(Client::new).list_tags_for_resource().resource_name(arn).send().await;
        let answer = call.aws("rds:ListTagsForResource").absent()?;
        let tags = answer.and_then(|answer| answer.tag_list).unwrap_or_default();
        Ok(tags.into_iter().filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))).collect())
    };
    Ok(tags::of_arn(arn, cx, own).await?.into_iter().map(sdk_tag).collect())
}

/// Makes the tags of an existing resource the declared ones; asks for its ARN only if they differ.
pub(crate) async fn sync_tags(
    arn: impl Future<Output = Result<Option<String>, Failure>>,
    declared: &Option<Vec<Tag>>,
    live: Option<&Option<Vec<Tag>>>,
    cx: &Context,
) -> Result<(), Failure> {
    let live = live.map(|tags| tags.as_deref().unwrap_or_default());
    let changes = tags::changes(declared.as_deref().unwrap_or_default(), live);
    if changes == tags::TagChanges::default() {
        return Ok(());
    }
    let arn = arn.await?.ok_or_else(|| Failure::new(FailureKind::NotFound, "it is gone"))?;
    let client = cx.client(Client::new);
    if !changes.set.is_empty() {
        let tags = changes.set.into_iter().map(sdk_tag).collect();
        let call = client.add_tags_to_resource().resource_name(&arn).set_tags(Some(tags));
        call.send().await.aws("rds:AddTagsToResource")?;
    }
    if !changes.remove.is_empty() {
        let call = client.remove_tags_from_resource().resource_name(&arn).set_tag_keys(Some(changes.remove));
        call.send().await.aws("rds:RemoveTagsFromResource")?;
    }
    Ok(())
}
