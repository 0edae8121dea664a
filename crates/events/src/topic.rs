//! `AWS::SNS::Topic`: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sns-topic.html>.

use aws_sdk_sns::Client;
use cloud::{Aws, AwsResult, Charge, Context, Created, Failure, FailureKind, Live, Pricing, Quantity, Resource};
use cloud::{Tag, tags};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::sns::{self, Texts};

/// A topic. Its id is the ARN. Subscriptions are declared on their own.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Topic {
    /// The name; a FIFO topic's ends in `.fifo`.
    pub topic_name: Option<String>,
    /// The sender's name in e-mails.
    pub display_name: Option<String>,
    /// The KMS key that encrypts messages.
    pub kms_master_key_id: Option<String>,
    /// Whether messages keep their order.
    pub fifo_topic: Option<bool>,
    /// Whether equal messages within five minutes count as one.
    pub content_based_deduplication: Option<bool>,
    /// `Topic` or `MessageGroup`.
    pub fifo_throughput_scope: Option<String>,
    /// How long messages are kept to be replayed.
    pub archive_policy: Option<Value>,
    /// `1` (SHA-1) or `2` (SHA-256).
    pub signature_version: Option<String>,
    /// `PassThrough` or `Active`.
    pub tracing_config: Option<String>,
    /// Tags.
    pub tags: Option<Vec<Tag>>,
}

impl Resource for Topic {
    const TYPE: &'static str = "AWS::SNS::Topic";
    const UNIQUE_NAME: Option<&'static str> = Some("TopicName");

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let tags = tags::for_create(self.tags.as_deref().unwrap_or_default(), cx);
        let made = cx
            .client(Client::new)
            .create_topic()
            .name(self.name(cx))
            .set_attributes(Some(
                self.attributes().into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect(),
            ))
            .set_tags(Some(sns::sdk_tags(tags)?))
            .send()
            .await
            .aws("sns:CreateTopic")
            .map_err(taken)?;
        made.topic_arn.map(|arn| created(&arn)).ok_or_else(|| Failure::missing("sns:CreateTopic", "TopicArn"))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        let Some(live) = live else { return Ok(()) };
        let was: Vec<Option<String>> = live.attributes().into_iter().map(|(_, value)| value).collect();
        for ((name, value), was) in self.attributes().into_iter().zip(was) {
            // An archive policy is compared as JSON.
            let same = match name {
                "ArchivePolicy" => sns::same(&self.archive_policy, &live.archive_policy),
                _ => value == was,
            };
            // `FifoTopic` cannot be set after the fact.
            if !same && name != "FifoTopic" {
                sns::set_topic_attribute(id, name, value.unwrap_or_else(|| default_of(name).to_owned()), cx).await?;
            }
        }
        let changes =
            tags::changes(self.tags.as_deref().unwrap_or_default(), Some(live.tags.as_deref().unwrap_or_default()));
        let client = cx.client(Client::new);
        if !changes.set.is_empty() {
            let tag = client.tag_resource().resource_arn(id).set_tags(Some(sns::sdk_tags(changes.set)?));
            tag.send().await.aws("sns:TagResource")?;
        }
        if !changes.remove.is_empty() {
            let untag = client.untag_resource().resource_arn(id).set_tag_keys(Some(changes.remove));
            untag.send().await.aws("sns:UntagResource")?;
        }
        Ok(())
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let read = ids.iter().map(|id| async {
            let (attributes, tags) =
                futures::future::try_join(sns::topic_attributes(id, cx), sns::topic_tags(id, cx)).await?;
            let (Some(attributes), Some(tags)) = (attributes.as_ref(), tags) else { return Ok(None) };
            let topic = Self { tags: sns::live_tags(&tags), ..live(id, attributes) };
            Ok(Some(Live { properties: topic, attributes: created(id).attributes }))
        });
        futures::future::try_join_all(read).await
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        // Deleting a topic that is gone is a success to SNS itself.
        cx.client(Client::new).delete_topic().topic_arn(id).send().await.aws("sns:DeleteTopic").map(drop)
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let made_up = || self.name(cx);
        let name = tags::name_to_find::<Self>(&self.topic_name, made_up, |arn| arn.rsplit(':').next(), cx).await?;
        let Some(name) = name.map(|name| format!(":{name}")) else { return Ok(None) };
        let pages = cx.client(Client::new).list_topics().into_paginator().items().send();
        let topics = pages.collect::<Result<Vec<_>, _>>().await.aws("sns:ListTopics")?;
        let Some(arn) = topics.into_iter().filter_map(|topic| topic.topic_arn).find(|arn| arn.ends_with(&name)) else {
            return Ok(None);
        };
        let tags = sns::topic_tags(&arn, cx).await?.unwrap_or_default();
        let ours = cx.made(tags.iter().map(|tag| (tag.key(), tag.value())));
        Ok(ours.then(|| created(&arn)))
    }

    /// A subscription's ARN goes on after the topic's name.
    fn id_of_arn(arn: &str) -> Option<String> {
        cloud::arn_name(arn, "sns", "").filter(|name| !name.contains(':')).map(|_| arn.to_owned())
    }

    fn charges(&self, pricing: &Pricing<'_>) -> Vec<Charge> {
        // Alarms publish little. A month's first million requests cost nothing; the price book knows.
        let requests = pricing.usage("sns.requests", Quantity::between(0.0, 1_000.0, 100_000.0));
        vec![Charge::new("SNS requests", "sns.request", requests)]
    }
}

impl Topic {
    fn name(&self, cx: &Context) -> String {
        self.topic_name.clone().unwrap_or_else(|| {
            let mark: String = cx.token.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
            let suffix = if self.fifo_topic == Some(true) { ".fifo" } else { "" };
            format!("{}-{mark}{suffix}", cx.address.as_str().replace('.', "-"))
        })
    }

    /// The attributes as SNS names them; `None` where nothing is declared.
    fn attributes(&self) -> [(&'static str, Option<String>); 8] {
        let text = |flag: Option<bool>| flag.map(|flag| flag.to_string());
        [
            // SNS does not take `false` here.
            ("FifoTopic", text(self.fifo_topic.filter(|fifo| *fifo))),
            ("DisplayName", self.display_name.clone()),
            ("KmsMasterKeyId", self.kms_master_key_id.clone()),
            ("ContentBasedDeduplication", text(self.content_based_deduplication)),
            ("FifoThroughputScope", self.fifo_throughput_scope.clone()),
            ("ArchivePolicy", self.archive_policy.as_ref().map(sns::json_text)),
            ("SignatureVersion", self.signature_version.clone()),
            ("TracingConfig", self.tracing_config.clone()),
        ]
    }
}

/// `CreateTopic` answers with an existing topic of the same attributes and tags. Ours have this
/// operation's tag, so another's is refused: "Topic already exists with different tags".
fn taken(failure: Failure) -> Failure {
    match failure.code.as_str() {
        "InvalidParameter" if failure.message.contains("already exists") => {
            Failure { kind: FailureKind::AlreadyExists, ..failure }
        }
        _ => failure,
    }
}

/// What an attribute is when nobody sets it.
fn default_of(name: &str) -> &'static str {
    match name {
        "ContentBasedDeduplication" => "false",
        "FifoThroughputScope" => "Topic",
        "ArchivePolicy" => "{}",
        "SignatureVersion" => "1",
        "TracingConfig" => "PassThrough",
        _ => "",
    }
}

fn created(arn: &str) -> Created {
    let name = arn.rsplit(':').next().unwrap_or_default();
    Created::new(arn).with("TopicArn", arn).with("TopicName", name)
}

fn live(arn: &str, attributes: &Texts) -> Topic {
    Topic {
        topic_name: arn.rsplit(':').next().map(str::to_owned),
        display_name: sns::given(attributes, "DisplayName"),
        kms_master_key_id: sns::given(attributes, "KmsMasterKeyId"),
        fifo_topic: sns::flag(attributes, "FifoTopic"),
        content_based_deduplication: sns::flag(attributes, "ContentBasedDeduplication"),
        fifo_throughput_scope: sns::given(attributes, "FifoThroughputScope"),
        archive_policy: sns::json(attributes.get("ArchivePolicy")),
        signature_version: sns::given(attributes, "SignatureVersion"),
        tracing_config: sns::given(attributes, "TracingConfig"),
        tags: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_live_topic() {
        let attributes = [
            ("DisplayName", ""),
            ("KmsMasterKeyId", "alias/k"),
            ("FifoTopic", "true"),
            ("ContentBasedDeduplication", "false"),
            ("ArchivePolicy", r#"{"MessageRetentionPeriod":"30"}"#),
        ];
        let attributes = attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let topic = live("arn:aws:sns:us-east-1:123456789012:orders.fifo", &attributes);
        let expected = Topic {
            topic_name: Some("orders.fifo".to_owned()),
            kms_master_key_id: Some("alias/k".to_owned()),
            fifo_topic: Some(true),
            content_based_deduplication: Some(false),
            archive_policy: Some(json!({ "MessageRetentionPeriod": "30" })),
            ..Topic::default()
        };
        assert_eq!(topic, expected);
    }

    #[test]
    fn anothers_topic_is_taken() {
        let refused =
            |message: &str| taken(Failure { code: "InvalidParameter".to_owned(), ..Failure::invalid(message) }).kind;
        let message = "Invalid parameter: Tags Reason: Topic already exists with different tags";
        assert_eq!(refused(message), FailureKind::AlreadyExists);
        assert_eq!(refused("Invalid parameter: Topic Name"), FailureKind::Invalid);
    }

    #[test]
    fn only_what_is_declared_is_sent() {
        let topic = Topic { display_name: Some("Arrakis".to_owned()), fifo_topic: Some(false), ..Topic::default() };
        let sent: Vec<_> = topic.attributes().into_iter().filter(|(_, value)| value.is_some()).collect();
        assert_eq!(sent, [("DisplayName", Some("Arrakis".to_owned()))]);
    }
}
