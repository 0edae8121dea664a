//! `AWS::Logs::LogGroup`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-logs-loggroup.html>.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::types::{LogGroup as SdkLogGroup, LogGroupClass};
use cloud::{
    Absent, Aws, AwsResult, Charge, Context, Created, Failure, FailureKind, Live, Pricing, Quantity, Resource, Tag,
    tags,
};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::cloudwatch::{self, AT_ONCE, RawTags};

/// A log group.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct LogGroup {
    /// Whether AWS refuses to delete it.
    pub deletion_protection_enabled: Option<bool>,
    /// The ARN of the KMS key that encrypts it.
    pub kms_key_id: Option<String>,
    /// `STANDARD`, `INFREQUENT_ACCESS` or `DELIVERY`; cannot be changed.
    pub log_group_class: Option<String>,
    /// The name, unique in account and region.
    pub log_group_name: Option<String>,
    /// Days that events are kept; not given: for ever.
    pub retention_in_days: Option<i32>,
    /// Tags.
    pub tags: Option<Vec<Tag>>,
}

impl Resource for LogGroup {
    const TYPE: &'static str = "AWS::Logs::LogGroup";
    const HOLDS_DATA: bool = true;

    fn id(&self) -> Option<String> {
        self.log_group_name.clone()
    }

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let name = self.name(cx);
        // CreateLogGroup answers with nothing.
        let arn = arn_of(&name, cx).await?;
        let tags = tags::for_create(self.tags.as_deref().unwrap_or_default(), cx).into_iter().collect();
        cx.client(Client::new)
            .create_log_group()
            .log_group_name(&name)
            .set_tags(Some(tags))
            .set_kms_key_id(self.kms_key_id.clone())
            .set_log_group_class(self.log_group_class.as_deref().map(LogGroupClass::from))
            .set_deletion_protection_enabled(self.deletion_protection_enabled)
            .send()
            .await
            .aws("logs:CreateLogGroup")?;
        Ok(Created::new(name).with("Arn", arn))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        let client = cx.client(Client::new);
        let retention = live.and_then(|live| live.retention_in_days);
        if self.retention_in_days != retention {
            match self.retention_in_days {
                Some(days) => {
                    let call = client.put_retention_policy().log_group_name(id).retention_in_days(days).send();
                    call.await.aws("logs:PutRetentionPolicy")?;
                }
                None => {
                    let call = client.delete_retention_policy().log_group_name(id).send();
                    call.await.aws("logs:DeleteRetentionPolicy")?;
                }
            }
        }
        // All that follows was said by the making call.
        let Some(live) = live else { return Ok(()) };
        if let (Some(class), Some(was)) = (&self.log_group_class, &live.log_group_class)
            && class != was
        {
            let message = format!("the class of a log group cannot be changed: {id} is {was}, wanted is {class}");
            return Err(Failure::invalid(message).hint("give it another LogGroupName, so that a new one is made"));
        }
        if self.kms_key_id != live.kms_key_id {
            match &self.kms_key_id {
                Some(key) => {
                    let call = client.associate_kms_key().log_group_name(id).kms_key_id(key).send();
                    call.await.aws("logs:AssociateKmsKey")?;
                }
                None => {
                    let call = client.disassociate_kms_key().log_group_name(id).send();
                    call.await.aws("logs:DisassociateKmsKey")?;
                }
            }
        }
        let protected = self.deletion_protection_enabled.unwrap_or_default();
        if protected != live.deletion_protection_enabled.unwrap_or_default() {
            protect(id, protected, cx).await?;
        }
        self.sync_tags(id, live, cx).await
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let groups = described(ids, cx).await?.into_iter();
        let found: HashMap<String, SdkLogGroup> =
            groups.filter_map(|group| Some((group.log_group_name.clone()?, group))).collect();
        let mut out = Vec::with_capacity(ids.len());
        for some in ids.chunks(AT_ONCE) {
            out.extend(try_join_all(some.iter().map(|id| live(found.get(id), cx))).await?);
        }
        Ok(out)
    }

    async fn unprotect(id: &str, cx: &Context) -> Result<(), Failure> {
        let found = describe(id, cx).await?;
        let group = found.iter().find(|group| group.log_group_name() == Some(id));
        match group.and_then(|group| group.deletion_protection_enabled) {
            Some(true) => protect(id, false, cx).await,
            _ => Ok(()),
        }
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let call = cx.client(Client::new).delete_log_group().log_group_name(id).send();
        call.await.aws("logs:DeleteLogGroup").absent().map(drop)
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let Some(name) = cloudwatch::name_to_find::<Self>(&self.log_group_name, cx).await? else { return Ok(None) };
        let groups = describe(&name, cx).await?;
        let Some(group) = groups.iter().find(|group| group.log_group_name() == Some(&name)) else {
            return Ok(None);
        };
        let arn = arn(group);
        let ours = cloudwatch::owns(&tags_of(plain(&arn), cx).await?, cx);
        Ok(ours.then(|| Created::new(name).with("Arn", arn)))
    }

    fn id_of_arn(arn: &str) -> Option<String> {
        cloud::arn_name(arn, "logs", "log-group:").map(str::to_owned)
    }

    fn charges(&self, pricing: &Pricing<'_>) -> Vec<Charge> {
        let name = self.log_group_name.as_deref().unwrap_or_default();
        // Flow logs are vended logs: a price of their own, and much more of them.
        let (component, price, gigabytes) = if name.starts_with("/vpc/") {
            (
                "Vended logs ingested",
                "logs.ingest.vended.gb",
                pricing.usage("logs.flow.gb", Quantity::between(0.5, 3.0, 20.0)),
            )
        } else {
            let price = match self.log_group_class.as_deref() {
                Some("INFREQUENT_ACCESS") => "logs.ingest.infrequent.gb",
                Some("DELIVERY") => "logs.ingest.delivery.gb",
                _ => "logs.ingest.gb",
            };
            ("Logs ingested", price, pricing.usage("logs.gb", Quantity::between(0.1, 2.0, 10.0)))
        };
        // Never expiring logs grow without end: counted as after a year.
        let months = self.retention_in_days.map_or(12.0, |days| f64::from(days) / DAYS_PER_MONTH);
        let stored = gigabytes.times(months * STORED_SHARE);
        vec![Charge::new(component, price, gigabytes), Charge::new("Log storage", "logs.storage.gb-month", stored)]
    }
}

const DAYS_PER_MONTH: f64 = 365.0 / 12.0;

/// Archived logs are compressed, to about 15 % by AWS's own examples: <https://aws.amazon.com/cloudwatch/pricing/>.
const STORED_SHARE: f64 = 0.15;

impl LogGroup {
    fn name(&self, cx: &Context) -> String {
        self.log_group_name.clone().unwrap_or_else(|| cloudwatch::generated_name(cx))
    }

    async fn sync_tags(&self, id: &str, live: &Self, cx: &Context) -> Result<(), Failure> {
        let declared = self.tags.as_deref().unwrap_or_default();
        let changes = tags::changes(declared, Some(live.tags.as_deref().unwrap_or_default()));
        if changes == tags::TagChanges::default() {
            return Ok(());
        }
        let arn = arn_of(id, cx).await?;
        let client = cx.client(Client::new);
        if !changes.set.is_empty() {
            let tags = changes.set.into_iter().collect();
            let call = client.tag_resource().resource_arn(plain(&arn)).set_tags(Some(tags)).send();
            call.await.aws("logs:TagResource")?;
        }
        if !changes.remove.is_empty() {
            let call = client.untag_resource().resource_arn(plain(&arn)).set_tag_keys(Some(changes.remove)).send();
            call.await.aws("logs:UntagResource")?;
        }
        Ok(())
    }
}

async fn protect(name: &str, on: bool, cx: &Context) -> Result<(), Failure> {
    let call = cx.client(Client::new).put_log_group_deletion_protection();
    let call = call.log_group_identifier(name).deletion_protection_enabled(on).send();
    call.await.aws("logs:PutLogGroupDeletionProtection").map(drop)
}

/// How many names one DescribeLogGroups takes:
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogGroups.html>.
const NAMES_PER_CALL: usize = 50;

/// Describes log groups by name. What the documentation does not say is what becomes of a name that is not there: if it
/// fails the call, they are listed by what their names have in common.
async fn described(names: &[String], cx: &Context) -> Result<Vec<SdkLogGroup>, Failure> {
    let by_name = try_join_all(names.chunks(NAMES_PER_CALL).map(|names| describe_named(names, cx))).await;
    match by_name {
        Ok(groups) => Ok(groups.into_iter().flatten().collect()),
        Err(failure) if matches!(failure.kind, FailureKind::Invalid | FailureKind::NotFound) => {
            let mut found = Vec::new();
            for some in prefixes(names).chunks(AT_ONCE) {
                found.extend(try_join_all(some.iter().map(|prefix| describe(prefix, cx))).await?.into_iter().flatten());
            }
            Ok(found)
        }
        Err(failure) => Err(failure),
    }
}

async fn describe_named(names: &[String], cx: &Context) -> Result<Vec<SdkLogGroup>, Failure> {
    let call = cx.client(Client::new).describe_log_groups().set_log_group_identifiers(Some(names.to_vec()));
    let pages = call.into_paginator().items().send();
    pages.collect::<Result<Vec<_>, _>>().await.aws("logs:DescribeLogGroups")
}

async fn describe(prefix: &str, cx: &Context) -> Result<Vec<SdkLogGroup>, Failure> {
    let pages = cx.client(Client::new).describe_log_groups().log_group_name_prefix(prefix).into_paginator();
    pages.items().send().collect::<Result<Vec<_>, _>>().await.aws("logs:DescribeLogGroups")
}

async fn tags_of(arn: &str, cx: &Context) -> Result<RawTags, Failure> {
    tags::of_arn(arn, cx, own_tags_of(arn, cx)).await
}

async fn own_tags_of(arn: &str, cx: &Context) -> Result<RawTags, Failure> {
    let call = cx.client(Client::new).list_tags_for_resource().resource_arn(arn).send();
    let answer = call.await.aws("logs:ListTagsForResource").absent()?;
    Ok(answer.and_then(|answer| answer.tags).unwrap_or_default().into_iter().collect())
}

/// The fewest prefixes that find all names, each no shorter than a name's own directory, so that no call lists what
/// others have: `/ecs/p/api` and `/ecs/p/worker` are `/ecs/p/`, but `/ecs/…` and `/vpc/…` stay apart.
fn prefixes(names: &[String]) -> Vec<String> {
    let mut by_directory: BTreeMap<&str, &str> = BTreeMap::new();
    for name in names {
        let directory = &name[..name.rfind('/').map_or(0, |at| at + 1)];
        by_directory.entry(directory).and_modify(|prefix| *prefix = common(prefix, name)).or_insert(name);
    }
    // Names without a directory may have nothing in common: an empty prefix would list the whole account.
    let alone = by_directory.remove("").map(|prefix| match prefix {
        "" => names.iter().filter(|name| !name.contains('/')).cloned().collect(),
        prefix => vec![prefix.to_owned()],
    });
    by_directory.into_values().map(str::to_owned).chain(alone.into_iter().flatten()).collect()
}

fn common<'a>(a: &'a str, b: &str) -> &'a str {
    let length = a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count();
    // Log group names are ASCII; a cut within a character of anything else would only make the prefix shorter.
    (0..=length).rev().find_map(|end| a.get(..end)).unwrap_or_default()
}

/// The ARN of a log group by its name, as CloudFormation's `Arn` has it.
async fn arn_of(name: &str, cx: &Context) -> Result<String, Failure> {
    cloud::arn(cx, "logs", &format!("log-group:{name}:*")).await
}

/// The ARN as CloudFormation's `Arn` has it: with `:*` at the end.
fn arn(group: &SdkLogGroup) -> String {
    let arn = group.arn().or(group.log_group_arn()).unwrap_or_default();
    format!("{}:*", plain(arn))
}

/// The ARN as the tagging calls want it.
fn plain(arn: &str) -> &str {
    arn.strip_suffix(":*").unwrap_or(arn)
}

async fn live(group: Option<&SdkLogGroup>, cx: &Context) -> Result<Option<Live<LogGroup>>, Failure> {
    let Some(group) = group else { return Ok(None) };
    let arn = arn(group);
    let tags = cloudwatch::live_tags(tags_of(plain(&arn), cx).await?);
    Ok(Some(Live::new(LogGroup { tags, ..properties(group) }).with("Arn", arn)))
}

fn properties(group: &SdkLogGroup) -> LogGroup {
    LogGroup {
        deletion_protection_enabled: group.deletion_protection_enabled,
        kms_key_id: group.kms_key_id.clone(),
        log_group_class: group.log_group_class.as_ref().map(ToString::to_string),
        log_group_name: group.log_group_name.clone(),
        retention_in_days: group.retention_in_days,
        tags: None,
    }
}

#[cfg(test)]
mod tests {
    use cloud::Usage;

    use super::*;

    #[test]
    fn one_call_describes_the_log_groups_of_a_directory() {
        let cases: &[(&[&str], &[&str])] = &[
            (&["/ecs/p/api"], &["/ecs/p/api"]),
            (&["/ecs/p/api", "/ecs/p/worker", "/vpc/p/flow-logs"], &["/ecs/p/", "/vpc/p/flow-logs"]),
            (&["/aws/lambda/p-a", "/aws/lambda/p-b"], &["/aws/lambda/p-"]),
            (&["/a", "/b"], &["/"]),
            (&["one", "other"], &["o"]),
            (&["one", "two"], &["one", "two"]),
            (&["/ecs/p", "/ecs/p/api"], &["/ecs/p", "/ecs/p/api"]),
            (&[], &[]),
        ];
        for (names, expected) in cases {
            let names: Vec<String> = names.iter().map(ToString::to_string).collect();
            assert_eq!(prefixes(&names), *expected, "{names:?}");
        }
    }

    #[test]
    fn the_arn_ends_as_cloudformation_has_it() {
        let with = |arn: &str| SdkLogGroup::builder().arn(arn).build();
        for given in ["arn:aws:logs:r:1:log-group:/ecs/p/api", "arn:aws:logs:r:1:log-group:/ecs/p/api:*"] {
            assert_eq!(arn(&with(given)), "arn:aws:logs:r:1:log-group:/ecs/p/api:*");
        }
        assert_eq!(plain("arn:x:*"), "arn:x");
    }

    #[test]
    fn logs_are_paid_for_by_ingestion_and_retention() {
        let usage = Usage::default();
        let pricing = Pricing { usage: &usage, region: "us-east-1", lookup: &|_| None };
        let cases = [
            ("/ecs/p/api", None, Some(30), "logs.ingest.gb", 2.0),
            ("/ecs/p/api", Some("INFREQUENT_ACCESS"), Some(7), "logs.ingest.infrequent.gb", 2.0),
            ("/vpc/p/flow-logs", None, None, "logs.ingest.vended.gb", 3.0),
        ];
        for (name, class, days, price, gigabytes) in cases {
            let group = LogGroup {
                log_group_name: Some(name.to_owned()),
                log_group_class: class.map(str::to_owned),
                retention_in_days: days,
                ..LogGroup::default()
            };
            let charges = group.charges(&pricing);
            assert_eq!((charges[0].price.as_str(), charges[0].quantity.expected), (price, gigabytes));
            let months = days.map_or(12.0, |days| f64::from(days) * 12.0 / 365.0);
            assert!((charges[1].quantity.expected - gigabytes * months * 0.15).abs() < 1e-9);
        }
    }
}
