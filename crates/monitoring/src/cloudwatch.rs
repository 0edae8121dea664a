//! What the CloudWatch resources of this crate share: tags, ownership, descriptions of alarms.

use std::collections::HashMap;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{AlarmType, CompositeAlarm, MetricAlarm, Tag as SdkTag};
use cloud::{Absent, Aws, AwsResult, Context, Failure, FailureKind, Resource, Tag, tags};
use futures::future::try_join_all;

pub(crate) use cloud::tags::Pairs as RawTags;

/// How many sub-calls of one read run at once: below the service's rate, so that adaptive retry has nothing to do.
pub(crate) const AT_ONCE: usize = 8;

/// How many alarms one DescribeAlarms names.
const NAMES_PER_CALL: usize = 100;

/// [`Context::owns`] of CloudWatch's tags.
pub(crate) fn owns(tags: &RawTags, cx: &Context) -> bool {
    cx.owns(tags.iter().map(|(key, value)| (key.as_str(), value.as_str())))
}

/// The name to look for: as [`generated_name`], and where the operation that made one up is not known any more, that of
/// what is listed with the tags of this address.
pub(crate) async fn name_to_find<R: Resource>(given: &Option<String>, cx: &Context) -> Result<Option<String>, Failure> {
    tags::name_to_find::<R>(given, || generated_name(cx), |id| Some(id), cx).await
}

/// The failure of a create whose name is taken. CloudWatch's Put calls would overwrite what is there.
pub(crate) fn taken(action: &str, what: &str, name: &str) -> Failure {
    let message = format!("{what} `{name}` exists already and does not belong to this resource");
    let failure = Failure { action: action.to_owned(), ..Failure::new(FailureKind::AlreadyExists, message) };
    failure.hint("import it, or delete it")
}

/// A name for a resource that declares none: the same when the same operation is tried again.
pub(crate) fn generated_name(cx: &Context) -> String {
    let token: String = cx.token.chars().filter(char::is_ascii_alphanumeric).take(12).collect();
    format!("{}-{token}", cx.address.logical_id())
}

/// Tags as read, `None` where there are none.
pub(crate) fn live_tags(tags: RawTags) -> Option<Vec<Tag>> {
    let tags = tags::from_live(tags);
    (!tags.is_empty()).then_some(tags)
}

/// The declared tags and the operation's, for the making call.
pub(crate) fn tags_for_create(declared: &Option<Vec<Tag>>, cx: &Context) -> Vec<SdkTag> {
    tags::for_create(declared.as_deref().unwrap_or_default(), cx).into_iter().map(sdk_tag).collect()
}

fn sdk_tag((key, value): (String, String)) -> SdkTag {
    SdkTag::builder().key(key).value(value).build()
}

/// The tags of an alarm or a dashboard. None if it is gone in the meantime.
pub(crate) async fn tags_of(arn: &str, cx: &Context) -> Result<RawTags, Failure> {
    tags::of_arn(arn, cx, own_tags_of(arn, cx)).await
}

async fn own_tags_of(arn: &str, cx: &Context) -> Result<RawTags, Failure> {
    let action = "cloudwatch:ListTagsForResource";
    let call = cx.client(Client::new).list_tags_for_resource().resource_arn(arn).send();
    let Some(answer) = call.await.aws(action).absent()? else {
        return Ok(RawTags::new());
    };
    let pair = |tag: &SdkTag| (tag.key().unwrap_or_default().to_owned(), tag.value().unwrap_or_default().to_owned());
    Ok(answer.tags().iter().map(pair).collect())
}

/// The tags of many. Of those not listed with all of the environment's there is no call for more than one: they run
/// side by side.
pub(crate) async fn tags_of_all(arns: &[String], cx: &Context) -> Result<HashMap<String, RawTags>, Failure> {
    let mut out = HashMap::with_capacity(arns.len());
    for some in arns.chunks(AT_ONCE) {
        let found = try_join_all(some.iter().map(|arn| tags_of(arn, cx))).await?;
        out.extend(some.iter().cloned().zip(found));
    }
    Ok(out)
}

/// Makes the tags of an existing resource the declared ones. `arn` is asked only if a tag differs.
pub(crate) async fn sync_tags<A>(
    declared: &Option<Vec<Tag>>,
    live: &Option<Vec<Tag>>,
    cx: &Context,
    arn: A,
) -> Result<(), Failure>
where
    A: Future<Output = Result<String, Failure>>,
{
    let changes = tags::changes(declared.as_deref().unwrap_or_default(), Some(live.as_deref().unwrap_or_default()));
    if changes == tags::TagChanges::default() {
        return Ok(());
    }
    let arn = arn.await?;
    let client = cx.client(Client::new);
    if !changes.set.is_empty() {
        let tags = changes.set.into_iter().map(sdk_tag).collect();
        let call = client.tag_resource().resource_arn(&arn).set_tags(Some(tags)).send();
        call.await.aws("cloudwatch:TagResource")?;
    }
    if !changes.remove.is_empty() {
        let call = client.untag_resource().resource_arn(&arn).set_tag_keys(Some(changes.remove)).send();
        call.await.aws("cloudwatch:UntagResource")?;
    }
    Ok(())
}

/// The alarms of these names that exist, of both kinds.
#[derive(Debug, Default)]
pub(crate) struct Alarms {
    pub(crate) metric: Vec<MetricAlarm>,
    pub(crate) composite: Vec<CompositeAlarm>,
}

/// The ARN of an alarm of either kind:
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-access-control-overview-cw.html>.
pub(crate) async fn alarm_arn(name: &str, cx: &Context) -> Result<String, Failure> {
    cloud::arn(cx, "cloudwatch", &format!("alarm:{name}")).await
}

/// Describes alarms of given kinds by name. Without a kind AWS answers with metric alarms only.
pub(crate) async fn describe_alarms(client: &Client, names: &[String], kinds: &[AlarmType]) -> Result<Alarms, Failure> {
    let mut out = Alarms::default();
    for some in names.chunks(NAMES_PER_CALL) {
        let mut pages = client
            .describe_alarms()
            .set_alarm_names(Some(some.to_vec()))
            .set_alarm_types(Some(kinds.to_vec()))
            .max_records(100)
            .into_paginator()
            .send();
        while let Some(page) = pages.next().await {
            let page = page.aws("cloudwatch:DescribeAlarms")?;
            out.metric.extend(page.metric_alarms.unwrap_or_default());
            out.composite.extend(page.composite_alarms.unwrap_or_default());
        }
    }
    Ok(out)
}

/// Deletes an alarm of either kind.
pub(crate) async fn delete_alarm(name: &str, cx: &Context) -> Result<(), Failure> {
    let call = cx.client(Client::new).delete_alarms().alarm_names(name).send();
    call.await.aws("cloudwatch:DeleteAlarms").absent().map(drop)
}

/// A list as read: empty is not given.
pub(crate) fn given<T>(list: Option<Vec<T>>) -> Option<Vec<T>> {
    list.filter(|items| !items.is_empty())
}

/// A text as read: empty is not given.
pub(crate) fn text(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

#[cfg(test)]
pub(crate) fn test_context() -> Context {
    Context {
        environment: "freeside/production".into(),
        region: "us-east-1".into(),
        address: cloud::Address::of("monitoring.alarm.api-cpu"),
        token: "1f-2e".into(),
        services: std::sync::Arc::new(()),
        memo: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(pairs: &[(&str, &str)]) -> RawTags {
        pairs.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect()
    }

    #[test]
    fn ownership_is_by_operation_or_by_environment_and_address() {
        let cx = test_context();
        let cases: &[(&[(&str, &str)], bool)] = &[
            (&[], false),
            (&[("groundplan:operation", "1f-2e")], true),
            (&[("groundplan:operation", "other")], false),
            (&[("groundplan:environment", "freeside/production")], false),
            (
                &[
                    ("groundplan:environment", "freeside/production"),
                    ("groundplan:address", "monitoring.alarm.api-cpu"),
                ],
                true,
            ),
            (
                &[("groundplan:environment", "freeside/staging"), ("groundplan:address", "monitoring.alarm.api-cpu")],
                false,
            ),
        ];
        for (given, ours) in cases {
            assert_eq!(owns(&tags(given), &cx), *ours, "{given:?}");
        }
    }

    #[test]
    fn a_generated_name_is_the_same_for_the_same_operation() {
        assert_eq!(generated_name(&test_context()), "MonitoringAlarmApiCpu-1f2e");
    }
}
