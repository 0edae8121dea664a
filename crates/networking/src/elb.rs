//! What the Elastic Load Balancing resources of this crate share: tags, names, attributes.

use std::collections::HashMap;

use aws_sdk_elasticloadbalancingv2::Client;
use aws_sdk_elasticloadbalancingv2::types::Tag as SdkTag;
use cloud::{Aws, AwsResult, Context, Failure, Resource, Tag, tags};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

/// One attribute of a load balancer, target group or listener.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Attribute {
    /// Its name, such as `idle_timeout.timeout_seconds`.
    pub key: Option<String>,
    /// Its value: all are text, also numbers and `true`.
    pub value: Option<String>,
}

impl Attribute {
    /// An attribute with its value.
    pub fn new(key: impl Into<String>, value: impl ToString) -> Self {
        Self { key: Some(key.into()), value: Some(value.to_string()) }
    }
}

/// The attributes to be set: declared ones that differ, and given-up ones (in `live`, no more declared) at the value
/// that AWS gives a new resource. A given-up attribute without a known first value stays.
pub(crate) fn attribute_changes(
    declared: &Option<Vec<Attribute>>,
    live: Option<&Option<Vec<Attribute>>>,
    first: &[(&str, &str)],
) -> Vec<Attribute> {
    let declared = declared.as_deref().unwrap_or_default();
    let live = live.and_then(Option::as_deref).unwrap_or_default();
    let mut changes: Vec<Attribute> = declared.iter().filter(|attribute| !live.contains(attribute)).cloned().collect();
    for (key, value) in first {
        let has = |list: &[Attribute]| list.iter().any(|attribute| attribute.key.as_deref() == Some(key));
        let given_up = has(live) && !has(declared);
        if given_up && !live.contains(&Attribute::new(*key, value)) {
            changes.push(Attribute::new(*key, value));
        }
    }
    changes
}

/// A number as the SDK takes it.
pub(crate) fn small(number: i64) -> Result<i32, Failure> {
    i32::try_from(number).map_err(|_| Failure::invalid(format!("{number} is too large")))
}

fn sdk_tag((key, value): (String, String)) -> SdkTag {
    SdkTag::builder().key(key).value(value).build()
}

/// The declared tags and the operation's, for the making call.
pub(crate) fn tags_for_create(declared: &Option<Vec<Tag>>, cx: &Context) -> Option<Vec<SdkTag>> {
    Some(tags::for_create(declared.as_deref().unwrap_or_default(), cx).into_iter().map(sdk_tag).collect())
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
        client.add_tags().resource_arns(arn).set_tags(Some(tags)).send().await.aws("elasticloadbalancing:AddTags")?;
    }
    if !changes.remove.is_empty() {
        client
            .remove_tags()
            .resource_arns(arn)
            .set_tag_keys(Some(changes.remove))
            .send()
            .await
            .aws("elasticloadbalancing:RemoveTags")?;
    }
    Ok(())
}

/// How many resources one DescribeTags call takes.
const TAGS_PER_CALL: usize = 20;

async fn describe_tags(arns: &[String], cx: &Context) -> Result<HashMap<String, Vec<SdkTag>>, Failure> {
    let client = cx.client(Client::new);
    let calls = arns.chunks(TAGS_PER_CALL).map(|chunk| {
        let call = client.describe_tags().set_resource_arns(Some(chunk.to_vec()));
        async { call.send().await.aws("elasticloadbalancing:DescribeTags") }
    });
    let answers = try_join_all(calls).await?;
    let described = answers.into_iter().flat_map(|answer| answer.tag_descriptions.unwrap_or_default());
    Ok(described.filter_map(|one| Some((one.resource_arn?, one.tags.unwrap_or_default()))).collect())
}

/// The tags of resources that are there, by ARN; those without tags are left out.
pub(crate) async fn live_tags(arns: &[String], cx: &Context) -> Result<HashMap<String, Vec<Tag>>, Failure> {
    let listed = tags::shared(cx).await?;
    let (known, unknown): (Vec<String>, Vec<String>) = arns.iter().cloned().partition(|arn| listed.contains_key(arn));
    let known = known.into_iter().filter_map(|arn| listed.get(&arn).map(|list| (arn, list.clone())));
    let plain = |tag: SdkTag| Some((tag.key?, tag.value.unwrap_or_default()));
    let own = describe_tags(&unknown, cx).await?.into_iter();
    Ok(own
        .map(|(arn, list)| (arn, list.into_iter().filter_map(plain).collect()))
        .chain(known)
        .map(|(arn, list): (String, tags::Pairs)| (arn, tags::from_live(list)))
        .filter(|(_, list)| !list.is_empty())
        .collect())
}

/// Whether this operation made it; without a token, whether it is of this address.
pub(crate) async fn is_made(arn: Option<&str>, cx: &Context) -> Result<bool, Failure> {
    let Some(arn) = arn else { return Ok(false) };
    let described = describe_tags(&[arn.to_owned()], cx).await?;
    let pairs = described.into_values().flatten().map(|tag| (tag.key, tag.value));
    let pairs: tags::Pairs = pairs.map(|(key, value)| (key.unwrap_or_default(), value.unwrap_or_default())).collect();
    Ok(cx.made(pairs.iter().map(|(key, value)| (key.as_str(), value.as_str()))))
}

/// The name to look for: as [`name`], and where the operation that made one up is not known any more, the one that is
/// listed with the tags of this address.
pub(crate) async fn name_to_find<R: Resource>(
    given: &Option<String>,
    declared: &Option<Vec<Tag>>,
    cx: &Context,
) -> Result<Option<String>, Failure> {
    // `…:targetgroup/name/id`
    tags::name_to_find::<R>(given, || name(given, declared, cx), |arn| arn.rsplit('/').nth(1), cx).await
}

/// An ARN of Elastic Load Balancing, which is the id of what it names, if that is of this kind.
pub(crate) fn id_of_arn(arn: &str, kind: &str) -> Option<String> {
    cloud::arn_name(arn, "elasticloadbalancing", kind).map(|_| arn.to_owned())
}

/// The longest name of a load balancer or target group.
const NAME_LENGTH: usize = 32;

/// The name given, or one of our own making as CloudFormation makes one: what the tag `Name` says (else the address),
/// shortened, with a suffix that belongs to this operation. So a replacement never meets the name of what it replaces.
pub(crate) fn name(given: &Option<String>, tags: &Option<Vec<Tag>>, cx: &Context) -> String {
    if let Some(name) = given {
        return name.clone();
    }
    let tag = tags.iter().flatten().find(|tag| tag.key == "Name").map(|tag| tag.value.as_str());
    let suffix: String = cx.token.chars().filter(char::is_ascii_alphanumeric).collect();
    let suffix = &suffix[suffix.len().saturating_sub(6)..];
    let stem = hyphenated(tag.unwrap_or(cx.address.as_str()));
    let stem = stem.get(..NAME_LENGTH - 1 - suffix.len()).unwrap_or(&stem).trim_end_matches('-');
    format!("{stem}-{suffix}")
}

/// Letters, digits and single hyphens only.
fn hyphenated(text: &str) -> String {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn context(token: &str) -> Context {
        Context {
            environment: "arrakis/production".into(),
            region: "us-east-1".into(),
            address: "networking.target-group.api".into(),
            token: token.into(),
            services: Arc::new(()),
            memo: None,
        }
    }

    #[test]
    fn a_made_up_name_is_short_and_belongs_to_the_operation() {
        let tag = |name: &str| Some(vec![Tag { key: "Name".into(), value: name.into() }]);
        let cases = [
            (None, "op-abcdef123456", "networking-target-group-a-123456"),
            (tag("arrakis-production-api"), "op-abcdef123456", "arrakis-production-api-123456"),
            (tag("circle_of.trust--production-discovery"), "x", "circle-of-trust-production-dis-x"),
        ];
        for (tags, token, expected) in cases {
            let name = name(&None, &tags, &context(token));
            assert_eq!(name, expected);
            assert!(name.len() <= NAME_LENGTH, "{name}");
        }
        assert_eq!(name(&Some("given".into()), &None, &context("x")), "given");
    }

    #[test]
    fn only_attributes_that_differ_are_set_and_given_up_ones_get_their_first_value() {
        let first = [("a", "1"), ("b", "2"), ("c", "3")];
        let list = vec![Attribute::new("a", 9), Attribute::new("x", true)];
        let declared = Some(list.clone());
        let live = Some(vec![Attribute::new("x", true), Attribute::new("b", "5"), Attribute::new("c", "3")]);
        let changes = attribute_changes(&declared, Some(&live), &first);
        assert_eq!(changes, [Attribute::new("a", 9), Attribute::new("b", 2)]);
        assert_eq!(attribute_changes(&declared, None, &first), list);
    }
}
