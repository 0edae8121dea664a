//! `AWS::SNS::TopicPolicy`: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-sns-topicpolicy.html>.

use std::collections::BTreeSet;

use cloud::{Absent, Context, Created, Failure, Live, Resource};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::sns::{self, json_text, set_topic_attribute, topic_attributes};

/// Who may do what with topics. Its id: the topics' ARNs in order, with `,` between.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct TopicPolicy {
    /// The topics' ARNs.
    pub topics: Option<Vec<String>>,
    /// The policy.
    pub policy_document: Option<Value>,
}

/// The `Id` of the policy that every topic begins with.
const DEFAULT_ID: &str = "__default_policy_ID";

impl Resource for TopicPolicy {
    const TYPE: &'static str = "AWS::SNS::TopicPolicy";

    fn id(&self) -> Option<String> {
        let topics: BTreeSet<&str> = self.topics.iter().flatten().map(String::as_str).collect();
        (!topics.is_empty()).then(|| topics.into_iter().collect::<Vec<_>>().join(","))
    }

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let id = self.id().ok_or_else(|| Failure::invalid("Topics are missing"))?;
        self.write(&id, cx).await?;
        Ok(Created::new(&id).with("Id", id))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        if self.id().as_deref() != Some(id) {
            return Err(Failure::invalid("the topics of a TopicPolicy cannot be changed in place")
                .hint("declare another TopicPolicy for the other topics"));
        }
        match live {
            Some(live) if !sns::same(&live.policy_document, &self.policy_document) => self.write(id, cx).await,
            // Without `live` it was written a moment ago, by `create`.
            _ => Ok(()),
        }
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        try_join_all(ids.iter().map(|id| read_one(id, cx))).await
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let reset = topics(id).map(|topic| async move {
            // SNS has no call to delete a policy: the one that a topic begins with takes its place.
            set_topic_attribute(topic, "Policy", default_policy(topic).to_string(), cx).await.absent()
        });
        try_join_all(reset).await.map(drop)
    }
}

impl TopicPolicy {
    async fn write(&self, id: &str, cx: &Context) -> Result<(), Failure> {
        let document = self.policy_document.as_ref().ok_or_else(|| Failure::invalid("PolicyDocument is missing"))?;
        let text = json_text(document);
        try_join_all(topics(id).map(|topic| set_topic_attribute(topic, "Policy", text.clone(), cx))).await.map(drop)
    }
}

fn topics(id: &str) -> impl Iterator<Item = &str> {
    id.split(',')
}

/// Amazon SNS API reference, SetTopicAttributes: "Policy"; as a new topic has it.
fn default_policy(topic: &str) -> Value {
    let account = topic.split(':').nth(4).unwrap_or_default();
    json!({
        "Version": "2008-10-17",
        "Id": DEFAULT_ID,
        "Statement": [{
            "Sid": "__default_statement_ID",
            "Effect": "Allow",
            "Principal": { "AWS": "*" },
            "Action": [
                "SNS:GetTopicAttributes", "SNS:SetTopicAttributes", "SNS:AddPermission", "SNS:RemovePermission",
                "SNS:DeleteTopic", "SNS:Subscribe", "SNS:ListSubscriptionsByTopic", "SNS:Publish",
            ],
            "Resource": topic,
            "Condition": { "StringEquals": { "AWS:SourceOwner": account } },
        }],
    })
}

async fn read_one(id: &str, cx: &Context) -> Result<Option<Live<TopicPolicy>>, Failure> {
    let found = try_join_all(topics(id).map(|topic| topic_attributes(topic, cx))).await?;
    let documents: Vec<Option<Value>> = found
        .iter()
        .map(|attributes| attributes.as_ref().as_ref().and_then(|texts| sns::json(texts.get("Policy"))))
        .map(|document| document.filter(|document| document["Id"] != DEFAULT_ID))
        .collect();
    Ok(policy_of(id, documents).map(|policy| Live::new(policy).with("Id", id)))
}

/// The topics that have a policy of their own, and the policy: one that differs from the others' if there is one.
fn policy_of(id: &str, documents: Vec<Option<Value>>) -> Option<TopicPolicy> {
    let with: Vec<(&str, Value)> =
        topics(id).zip(documents).filter_map(|(topic, document)| Some((topic, document?))).collect();
    let first = with.first()?.1.clone();
    let differs = with.iter().map(|(_, document)| document).find(|document| **document != first);
    Some(TopicPolicy {
        policy_document: Some(differs.unwrap_or(&first).clone()),
        topics: Some(with.iter().map(|(topic, _)| (*topic).to_owned()).collect()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_topics_are_the_id() {
        let policy = TopicPolicy { topics: Some(vec!["arn:b".to_owned(), "arn:a".to_owned()]), policy_document: None };
        assert_eq!(policy.id().as_deref(), Some("arn:a,arn:b"));
        assert_eq!(TopicPolicy::default().id(), None);
    }

    #[test]
    fn a_topic_without_a_policy_of_its_own_shows() {
        let document = json!({ "Statement": [] });
        let both = policy_of("a,b", vec![Some(document.clone()), Some(document.clone())]).unwrap();
        assert_eq!(both.topics.unwrap(), ["a", "b"]);
        let one = policy_of("a,b", vec![None, Some(document.clone())]).unwrap();
        assert_eq!(one.topics.unwrap(), ["b"]);
        assert_eq!(policy_of("a", vec![None]), None);
        let changed = json!({ "Statement": [{}] });
        let differing = policy_of("a,b", vec![Some(document), Some(changed.clone())]).unwrap();
        assert_eq!(differing.policy_document.unwrap(), changed);
    }

    #[test]
    fn the_policy_a_topic_begins_with_names_its_account() {
        let policy = default_policy("arn:aws:sns:us-east-1:123456789012:t");
        assert_eq!(policy["Statement"][0]["Condition"]["StringEquals"]["AWS:SourceOwner"], "123456789012");
    }
}
