//! What the SNS resources of this crate share: attributes as text, tags, JSON documents.

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_sns::Client;
use aws_sdk_sns::types::Tag as SdkTag;
use cloud::{Absent, Aws, AwsResult, Context, Failure, Tag, tags};
use serde_json::Value;

/// Attributes as SNS keeps them: all are text.
pub(crate) type Texts = HashMap<String, String>;

/// A topic's attributes, shared during a refresh; none: it is gone.
pub(crate) async fn topic_attributes(arn: &str, cx: &Context) -> Result<Arc<Option<Texts>>, Failure> {
    cx.once(&format!("sns:GetTopicAttributes/{arn}"), async {
        let answer = cx.client(Client::new).get_topic_attributes().topic_arn(arn).send().await;
        let answer = answer.aws("sns:GetTopicAttributes").absent()?;
        Ok(answer.map(|answer| answer.attributes.unwrap_or_default()))
    })
    .await
}

/// Sets one attribute of a topic.
pub(crate) async fn set_topic_attribute(arn: &str, name: &str, value: String, cx: &Context) -> Result<(), Failure> {
    let set = cx.client(Client::new).set_topic_attributes().topic_arn(arn).attribute_name(name).attribute_value(value);
    set.send().await.aws("sns:SetTopicAttributes").map(drop)
}

/// Tags as the SDK takes them.
pub(crate) fn sdk_tags(pairs: Vec<(String, String)>) -> Result<Vec<SdkTag>, Failure> {
    let tag = |(key, value)| SdkTag::builder().key(key).value(value).build();
    pairs.into_iter().map(tag).collect::<Result<_, _>>().map_err(|error| Failure::invalid(error.to_string()))
}

/// A topic's tags; none: it is gone.
pub(crate) async fn topic_tags(arn: &str, cx: &Context) -> Result<Option<Vec<SdkTag>>, Failure> {
    // The listing may still have a topic that is gone: its attributes tell.
    if let Some(listed) = tags::shared(cx).await?.get(arn) {
        return sdk_tags(listed.clone()).map(Some);
    }
    let answer = cx.client(Client::new).list_tags_for_resource().resource_arn(arn).send().await;
    Ok(answer.aws("sns:ListTagsForResource").absent()?.map(|answer| answer.tags.unwrap_or_default()))
}

/// Tags as read, `None` where there are none.
pub(crate) fn live_tags(tags: &[SdkTag]) -> Option<Vec<Tag>> {
    let tags = tags::from_live(tags.iter().map(|tag| (tag.key(), tag.value())));
    (!tags.is_empty()).then_some(tags)
}

/// A document that is declared as JSON, or as text.
pub(crate) fn json_text(document: &Value) -> String {
    match document {
        Value::String(text) => text.clone(),
        document => document.to_string(),
    }
}

/// A document as SNS keeps it; empty text and an empty object are none.
pub(crate) fn json(text: Option<&String>) -> Option<Value> {
    let text = text.filter(|text| !text.is_empty())?;
    let value = serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.as_str()));
    (value.as_object().is_none_or(|object| !object.is_empty())).then_some(value)
}

/// Whether two documents are the same JSON, whichever of them is written as text.
pub(crate) fn same(a: &Option<Value>, b: &Option<Value>) -> bool {
    let normal = |value: &Option<Value>| json(value.as_ref().map(json_text).as_ref());
    normal(a) == normal(b)
}

/// A text as SNS keeps it; empty is none.
pub(crate) fn given(attributes: &Texts, name: &str) -> Option<String> {
    attributes.get(name).filter(|text| !text.is_empty()).cloned()
}

/// A flag as SNS keeps it.
pub(crate) fn flag(attributes: &Texts, name: &str) -> Option<bool> {
    attributes.get(name).map(|text| text.eq_ignore_ascii_case("true"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn empty_documents_are_none() {
        for (text, value) in
            [("", None), ("{}", None), (r#"{"a":1}"#, Some(json!({ "a": 1 }))), ("x", Some(json!("x")))]
        {
            assert_eq!(json(Some(&text.to_owned())), value);
        }
        assert_eq!(json(None), None);
    }

    #[test]
    fn text_and_json_are_the_same_document() {
        assert!(same(&Some(json!("{ \"a\": 1 }")), &Some(json!({ "a": 1 }))));
        assert!(same(&None, &Some(json!({}))));
        assert!(!same(&None, &Some(json!({ "a": 1 }))));
    }
}
