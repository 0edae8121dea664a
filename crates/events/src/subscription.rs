//! `AWS::SNS::Subscription`: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sns-subscription.html>.
//!
//! A subscription by e-mail or HTTPS is pending until its receiver confirms it. It counts as ready
//! meanwhile, since nobody but the receiver can change that. SNS forgets an unconfirmed one after two
//! days; the next plan then makes it again, and so asks again.

use aws_sdk_sns::Client;
use cloud::{Absent, Aws, AwsResult, Charge, Context, Created, Failure, Live, Pricing, Quantity, Resource};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::sns::{self, Texts};

/// Somebody who gets what is published to a topic. Its id is the ARN.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Subscription {
    /// The topic.
    pub topic_arn: Option<String>,
    /// `email`, `https`, `sqs`, `lambda` and so on.
    pub protocol: Option<String>,
    /// The address, or the ARN, that gets it.
    pub endpoint: Option<String>,
    /// Which messages it gets; all if not given.
    pub filter_policy: Option<Value>,
    /// `MessageAttributes` or `MessageBody`.
    pub filter_policy_scope: Option<String>,
    /// Whether it gets messages without SNS's envelope.
    pub raw_message_delivery: Option<bool>,
    /// Where messages go that cannot be delivered.
    pub redrive_policy: Option<Value>,
    /// How often delivery is tried.
    pub delivery_policy: Option<Value>,
    /// What is delivered again of an archive.
    pub replay_policy: Option<Value>,
    /// The role that writes to Firehose.
    pub subscription_role_arn: Option<String>,
}

impl Resource for Subscription {
    const TYPE: &'static str = "AWS::SNS::Subscription";

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let attributes = self.attributes().into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
        // The same topic, protocol and endpoint again answers with the same subscription.
        let made = cx
            .client(Client::new)
            .subscribe()
            .set_topic_arn(self.topic_arn.clone())
            .set_protocol(self.protocol.clone())
            .set_endpoint(self.endpoint.clone())
            .set_attributes(Some(attributes.collect()))
            .return_subscription_arn(true)
            .send()
            .await
            .aws("sns:Subscribe")?;
        made.subscription_arn
            .map(|arn| created(&arn))
            .ok_or_else(|| Failure::missing("sns:Subscribe", "SubscriptionArn"))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        let Some(live) = live else { return Ok(()) };
        let was = live.attributes();
        for ((name, value), (_, was)) in self.attributes().into_iter().zip(was) {
            let same = match name {
                "RawMessageDelivery" | "FilterPolicyScope" | "SubscriptionRoleArn" => value == was,
                _ => sns::same(&value.clone().map(Value::from), &was.map(Value::from)),
            };
            if same {
                continue;
            }
            let set = cx.client(Client::new).set_subscription_attributes().subscription_arn(id).attribute_name(name);
            let value = value.unwrap_or_else(|| default_of(name).to_owned());
            set.attribute_value(value).send().await.aws("sns:SetSubscriptionAttributes")?;
        }
        Ok(())
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let read = ids.iter().map(|id| async move {
            let get = cx.client(Client::new).get_subscription_attributes().subscription_arn(id);
            let answer = get.send().await.aws("sns:GetSubscriptionAttributes").absent()?;
            let live = |attributes: Texts| Live { properties: live(&attributes), attributes: created(id).attributes };
            Ok(answer.map(|answer| live(answer.attributes.unwrap_or_default())))
        });
        futures::future::try_join_all(read).await
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let gone = cx.client(Client::new).unsubscribe().subscription_arn(id).send().await;
        match gone.aws("sns:Unsubscribe").absent() {
            // SNS deletes no pending subscription; it forgets it after two days, or with its topic.
            Err(failure) if failure.message.to_ascii_lowercase().contains("pending") => Ok(()),
            other => other.map(drop),
        }
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let Some(topic) = &self.topic_arn else { return Ok(None) };
        let pages =
            cx.client(Client::new).list_subscriptions_by_topic().topic_arn(topic).into_paginator().items().send();
        let found = pages.collect::<Result<Vec<_>, _>>().await.aws("sns:ListSubscriptionsByTopic").absent()?;
        let found = found
            .into_iter()
            .flatten()
            .find(|subscription| subscription.protocol == self.protocol && subscription.endpoint == self.endpoint);
        // A pending one is listed without its ARN; to subscribe again brings the same one back.
        let arn = found.and_then(|subscription| subscription.subscription_arn).filter(|arn| arn.starts_with("arn:"));
        Ok(arn.map(|arn| created(&arn)))
    }

    fn charges(&self, pricing: &Pricing<'_>) -> Vec<Charge> {
        let deliveries = || pricing.usage("sns.deliveries", Quantity::between(0.0, 100.0, 10_000.0));
        match self.protocol.as_deref() {
            Some("email" | "email-json") => vec![Charge::new("E-mail notifications", "sns.email", deliveries())],
            Some("http" | "https") => vec![Charge::new("HTTP notifications", "sns.http", deliveries())],
            // To a queue or a function deliveries cost nothing themselves.
            _ => Vec::new(),
        }
    }
}

impl Subscription {
    /// The attributes as SNS names them; `None` where nothing is declared.
    fn attributes(&self) -> [(&'static str, Option<String>); 7] {
        let text = |document: &Option<Value>| document.as_ref().map(sns::json_text);
        [
            ("FilterPolicyScope", self.filter_policy_scope.clone()),
            ("FilterPolicy", text(&self.filter_policy)),
            ("RawMessageDelivery", self.raw_message_delivery.map(|raw| raw.to_string())),
            ("RedrivePolicy", text(&self.redrive_policy)),
            ("DeliveryPolicy", text(&self.delivery_policy)),
            ("ReplayPolicy", text(&self.replay_policy)),
            ("SubscriptionRoleArn", self.subscription_role_arn.clone()),
        ]
    }
}

/// What an attribute is when nobody sets it.
fn default_of(name: &str) -> &'static str {
    match name {
        "FilterPolicyScope" => "MessageAttributes",
        "RawMessageDelivery" => "false",
        "SubscriptionRoleArn" => "",
        _ => "{}",
    }
}

fn created(arn: &str) -> Created {
    Created::new(arn).with("Arn", arn)
}

fn live(attributes: &Texts) -> Subscription {
    Subscription {
        topic_arn: sns::given(attributes, "TopicArn"),
        protocol: sns::given(attributes, "Protocol"),
        endpoint: sns::given(attributes, "Endpoint"),
        filter_policy: sns::json(attributes.get("FilterPolicy")),
        filter_policy_scope: sns::given(attributes, "FilterPolicyScope"),
        raw_message_delivery: sns::flag(attributes, "RawMessageDelivery"),
        redrive_policy: sns::json(attributes.get("RedrivePolicy")),
        delivery_policy: sns::json(attributes.get("DeliveryPolicy")),
        replay_policy: sns::json(attributes.get("ReplayPolicy")),
        subscription_role_arn: sns::given(attributes, "SubscriptionRoleArn"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::Usage;
    use serde_json::json;

    #[test]
    fn a_live_subscription() {
        let attributes = [
            ("TopicArn", "arn:topic"),
            ("Protocol", "sqs"),
            ("Endpoint", "arn:queue"),
            ("RawMessageDelivery", "true"),
            ("FilterPolicy", r#"{"kind":["a"]}"#),
            ("RedrivePolicy", ""),
            ("PendingConfirmation", "false"),
        ];
        let found = live(&attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        let expected = Subscription {
            topic_arn: Some("arn:topic".to_owned()),
            protocol: Some("sqs".to_owned()),
            endpoint: Some("arn:queue".to_owned()),
            raw_message_delivery: Some(true),
            filter_policy: Some(json!({ "kind": ["a"] })),
            ..Subscription::default()
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn deliveries_cost_by_their_way() {
        let usage = Usage::default();
        let pricing = Pricing { usage: &usage, region: "us-east-1", lookup: &|_| None };
        let prices = |protocol: &str| -> Vec<String> {
            let subscription = Subscription { protocol: Some(protocol.to_owned()), ..Subscription::default() };
            subscription.charges(&pricing).into_iter().map(|charge| charge.price).collect()
        };
        assert_eq!(prices("email"), ["sns.email"]);
        assert_eq!(prices("https"), ["sns.http"]);
        assert_eq!(prices("sqs"), Vec::<String>::new());
    }
}
