//! What the EC2 resources of this crate share: tags, filters, batched and shared reads, changes.

use std::future::Future;
use std::sync::Arc;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{
    AttributeBooleanValue, Filter, ResourceType, Tag as SdkTag, TagSpecification, UnsuccessfulItem,
};
use cloud::failure::listed;
use cloud::{Aws, AwsResult, Context, Failure, FailureKind, Tag, tags};
use engine::context::{TAG_ADDRESS, TAG_ENVIRONMENT};
use engine::resource::Tagged;
use futures::future::try_join_all;

/// Values that one filter takes: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Filter.html>.
const FILTER_VALUES: usize = 200;

pub(crate) fn sdk_tag((key, value): (String, String)) -> SdkTag {
    SdkTag::builder().key(key).value(value).build()
}

/// The declared tags and the operation's, for the making call.
pub(crate) fn tags_for_create(kind: ResourceType, declared: &Option<Vec<Tag>>, cx: &Context) -> TagSpecification {
    let declared = declared.as_deref().unwrap_or_default();
    let tags = tags::for_create(declared, cx).into_iter().map(sdk_tag).collect();
    TagSpecification::builder().resource_type(kind).set_tags(Some(tags)).build()
}

/// Tags as read, `None` where there are none.
pub(crate) fn live_tags(tags: &[SdkTag]) -> Option<Vec<Tag>> {
    let tags = tags::from_live(tags.iter().map(|tag| (tag.key().unwrap_or_default(), tag.value().unwrap_or_default())));
    (!tags.is_empty()).then_some(tags)
}

fn is_made(tags: &[SdkTag], cx: &Context) -> bool {
    cx.made(tags.iter().map(|tag| (tag.key().unwrap_or_default(), tag.value().unwrap_or_default())))
}

/// Makes the tags of an existing resource the declared ones.
pub(crate) async fn sync_tags(
    id: &str,
    declared: &Option<Vec<Tag>>,
    live: Option<&Option<Vec<Tag>>>,
    cx: &Context,
) -> Result<(), Failure> {
    let live = live.map(|tags| tags.as_deref().unwrap_or_default());
    let changes = tags::changes(declared.as_deref().unwrap_or_default(), live);
    let client = cx.client(Client::new);
    if !changes.set.is_empty() {
        let tags = changes.set.into_iter().map(sdk_tag).collect();
        client.create_tags().resources(id).set_tags(Some(tags)).send().await.aws("ec2:CreateTags")?;
    }
    if !changes.remove.is_empty() {
        let keys = changes.remove.into_iter().map(|key| SdkTag::builder().key(key).build()).collect();
        client.delete_tags().resources(id).set_tags(Some(keys)).send().await.aws("ec2:DeleteTags")?;
    }
    Ok(())
}

/// A filter by values: unlike an id list it answers with those that exist, and does not fail for the others.
pub(crate) fn filter(name: &str, values: &[String]) -> Vec<Filter> {
    vec![Filter::builder().name(name).set_values(Some(values.to_vec())).build()]
}

/// A filter for what the environment has.
pub(crate) fn filter_environment(cx: &Context) -> Vec<Filter> {
    filter(&format!("tag:{TAG_ENVIRONMENT}"), &[cx.environment.to_string()])
}

/// What this operation made; without a token, what there is for its address: one call, named by `key` as in
/// [`shared`], for all addresses of a search.
pub(crate) async fn made<T, F, A>(
    key: &str,
    cx: &Context,
    describe: F,
    tags: impl Fn(&T) -> &[SdkTag],
) -> Result<Vec<T>, Failure>
where
    T: Clone + Send + Sync + 'static,
    F: Fn(Vec<Filter>) -> A,
    A: Future<Output = Result<Vec<T>, Failure>> + Send,
{
    let found = if cx.token.is_empty() {
        cx.once(key, describe(filter_environment(cx))).await?
    } else {
        let (key, value) = cx.operation_tag();
        Arc::new(describe(filter(&format!("tag:{key}"), &[value.to_owned()])).await?)
    };
    // Not every answerer honours the filter.
    Ok(found.iter().filter(|item| is_made(tags(item), cx)).cloned().collect())
}

/// What carries no tags of its own, with those of the thing that it is a part of: at an address below that one's.
pub(crate) fn part(id: String, of: &[SdkTag], name: &str) -> Option<Tagged> {
    let tag = |wanted: &str| of.iter().find(|tag| tag.key() == Some(wanted)).and_then(|tag| tag.value());
    let (environment, address) = (tag(TAG_ENVIRONMENT)?, tag(TAG_ADDRESS)?);
    let tags = [(TAG_ENVIRONMENT, environment.to_owned()), (TAG_ADDRESS, format!("{address}.{name}"))];
    Some(Tagged { id, tags: tags.map(|(key, value)| (key.to_owned(), value)).into() })
}

/// The id in an ARN of EC2: `kind/id`.
pub(crate) fn id_of_arn(arn: &str, kind: &str) -> Option<String> {
    let (of, id) = cloud::arn_name(arn, "ec2", "")?.split_once('/')?;
    (of == kind).then(|| id.to_owned())
}

/// Describes any number of things by a filter, in as few calls as filters hold values.
pub(crate) async fn described<T, F, A>(name: &str, values: &[String], describe: F) -> Result<Vec<T>, Failure>
where
    F: Fn(Vec<Filter>) -> A,
    A: Future<Output = Result<Vec<T>, Failure>>,
{
    let answers = try_join_all(values.chunks(FILTER_VALUES).map(|chunk| describe(filter(name, chunk)))).await?;
    Ok(answers.into_iter().flatten().collect())
}

/// Describes things that several types read together: during a refresh one call, named by `key`, brings
/// everything of the environment, and only what is not in it (`has`) is asked for by the filter `name`.
pub(crate) async fn shared<T, F, A>(
    key: &str,
    name: &str,
    values: &[String],
    cx: &Context,
    describe: F,
    has: impl Fn(&T, &str) -> bool,
) -> Result<Vec<T>, Failure>
where
    T: Clone + Send + Sync + 'static,
    F: Fn(Vec<Filter>) -> A,
    A: Future<Output = Result<Vec<T>, Failure>> + Send,
{
    let mut found = Vec::new();
    let mut missing = values.to_vec();
    if cx.memo.is_some() {
        let environment = cx.once(key, describe(filter_environment(cx))).await?;
        missing.retain(|value| !environment.iter().any(|item| has(item, value)));
        found.clone_from(environment.as_ref());
    }
    missing.sort();
    missing.dedup();
    found.extend(described(name, &missing, describe).await?);
    Ok(found)
}

/// For calls about things made a moment ago: EC2 shows them everywhere only after a while
/// (<https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html>).
pub(crate) trait Soon<T> {
    /// Makes "not found" a "not yet".
    fn soon(self) -> Result<T, Failure>;

    /// The same, where the thing is new.
    fn soon_if(self, new: bool) -> Result<T, Failure>;
}

impl<T> Soon<T> for Result<T, Failure> {
    fn soon(self) -> Result<T, Failure> {
        self.map_err(|failure| match failure.kind {
            FailureKind::NotFound => Failure { kind: FailureKind::Propagating, ..failure },
            _ => failure,
        })
    }

    fn soon_if(self, new: bool) -> Result<T, Failure> {
        if new { self.soon() } else { self }
    }
}

/// What a setting must become, if anything: the declared value where it differs from the live one
/// (`None`: just made, so at its default), and the default where the declaration was taken away.
pub(crate) fn change<T: Clone + PartialEq>(declared: &Option<T>, live: Option<&Option<T>>, default: T) -> Option<T> {
    let (wanted, is) = match (declared, live) {
        (Some(wanted), None) => (wanted.clone(), default),
        (Some(wanted), Some(Some(is))) => (wanted.clone(), is.clone()),
        (Some(wanted), Some(None)) => return Some(wanted.clone()),
        (None, Some(Some(is))) => (default, is.clone()),
        (None, _) => return None,
    };
    (wanted != is).then_some(wanted)
}

/// What of one list is not in another: `missing(declared, live)` must be added, the reverse removed.
pub(crate) fn missing(of: &Option<Vec<String>>, in_: &Option<Vec<String>>) -> Option<Vec<String>> {
    let there = in_.as_deref().unwrap_or_default();
    let out: Vec<String> = of.iter().flatten().filter(|item| !there.contains(item)).cloned().collect();
    (!out.is_empty()).then_some(out)
}

/// A switch, as attribute calls take it.
pub(crate) fn switch(on: bool) -> AttributeBooleanValue {
    AttributeBooleanValue::builder().value(on).build()
}

/// A list as read, `None` where it is empty.
pub(crate) fn live_list(items: &[String]) -> Option<Vec<String>> {
    (!items.is_empty()).then(|| items.to_vec())
}

/// A number of CloudFormation's for the SDK.
pub(crate) fn number(value: Option<i64>, property: &str) -> Result<Option<i32>, Failure> {
    value
        .map(i32::try_from)
        .transpose()
        .map_err(|_| Failure::invalid(format!("{property}: {} is out of range", value.unwrap_or_default())))
}

/// The first failure of a call that answers "done" and lists what it did not do.
pub(crate) fn unsuccessful(action: &str, items: &[UnsuccessfulItem]) -> Result<(), Failure> {
    let Some(error) = items.iter().find_map(|item| item.error.as_ref()) else { return Ok(()) };
    let mut failure = listed(action, error.code().unwrap_or_default(), error.message().unwrap_or_default());
    // Flow logs say by words, with the code 400, what is not there and what may not be written.
    if failure.kind == FailureKind::Invalid {
        let words = [("does not exist", FailureKind::NotFound), ("Access Denied", FailureKind::Denied)];
        let said = words.iter().find(|(words, _)| failure.message.contains(words));
        failure.kind = said.map_or(failure.kind, |(_, kind)| *kind);
    }
    Err(failure)
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::UnsuccessfulItemError;

    use super::*;

    #[test]
    fn a_setting_changes_only_where_it_differs_and_falls_back_to_the_default() {
        let cases = [
            (Some(true), None, None),
            (Some(false), None, Some(false)),
            (None, None, None),
            (Some(true), Some(Some(true)), None),
            (Some(false), Some(Some(true)), Some(false)),
            (Some(false), Some(None), Some(false)),
            (None, Some(Some(false)), Some(true)),
            (None, Some(Some(true)), None),
            (None, Some(None), None),
        ];
        for (declared, live, expected) in cases {
            assert_eq!(change(&declared, live.as_ref(), true), expected, "{declared:?} {live:?}");
        }
    }

    #[test]
    fn lists_differ_by_what_is_missing() {
        let list = |items: &[&str]| Some(items.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(missing(&list(&["a", "b"]), &list(&["b", "c"])), list(&["a"]));
        assert_eq!(missing(&list(&["a"]), &None), list(&["a"]));
        assert_eq!(missing(&None, &list(&["a"])), None);
        assert_eq!(missing(&list(&["a"]), &list(&["a"])), None);
    }

    #[test]
    fn what_was_not_done_is_a_failure_of_a_kind() {
        let cases = [
            ("InvalidVpcEndpoint.NotFound", "", FailureKind::NotFound),
            ("DependencyViolation", "", FailureKind::InUse),
            ("400", "Unable to assume given IAM role", FailureKind::Propagating),
            ("400", "LogDestination: x does not exist.", FailureKind::NotFound),
            ("400", "Access Denied for LogDestination: x.", FailureKind::Denied),
            ("400", "Unknown", FailureKind::Invalid),
            ("500", "Internal", FailureKind::Unavailable),
            ("InvalidParameter", "no", FailureKind::Invalid),
        ];
        for (code, message, kind) in cases {
            let error = UnsuccessfulItemError::builder().code(code).message(message).build();
            let item = UnsuccessfulItem::builder().error(error).build();
            assert_eq!(unsuccessful("ec2:X", &[item]).unwrap_err().kind, kind, "{code} {message}");
        }
        assert!(unsuccessful("ec2:X", &[]).is_ok());
    }

    #[test]
    fn not_found_passes_where_the_thing_is_new() {
        let failed = || Err::<(), _>(Failure::new(FailureKind::NotFound, "gone"));
        assert_eq!(failed().soon_if(true).unwrap_err().kind, FailureKind::Propagating);
        assert_eq!(failed().soon_if(false).unwrap_err().kind, FailureKind::NotFound);
    }

    #[test]
    fn numbers_out_of_range_are_refused() {
        assert_eq!(number(Some(443), "FromPort").unwrap(), Some(443));
        assert!(number(Some(i64::MAX), "FromPort").unwrap_err().message.starts_with("FromPort"));
    }
}
