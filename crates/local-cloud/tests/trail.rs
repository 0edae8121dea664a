//! CloudTrail's event history over what really went through the front.

mod common;

use common::Cloud;
use serde_json::{Value, json};

const LOOKUP: &str = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents";

fn signed(service: &str, key: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential={key}/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}

fn form(cloud: &Cloud, service: &str, key: &str, body: &str) -> u16 {
    let headers = [
        ("authorization", &*signed(service, key)),
        ("content-type", "application/x-www-form-urlencoded"),
        ("user-agent", "Boto3/1"),
    ];
    cloud.send("POST", "/", &headers, body.as_bytes()).status
}

/// `user event` of what the history has of a name, newest first.
fn history(cloud: &Cloud, name: &str) -> Vec<String> {
    let attribute = json!([{ "AttributeKey": "ResourceName", "AttributeValue": name }]);
    let (status, page) = cloud.json("cloudtrail", LOOKUP, &json!({ "LookupAttributes": attribute }));
    assert_eq!(status, 200, "{page}");
    let line = |event: &Value| {
        let whole: Value = serde_json::from_str(event["CloudTrailEvent"].as_str().unwrap()).unwrap();
        assert_eq!(
            whole["userIdentity"]["arn"],
            format!("arn:aws:iam::123456789012:user/{}", event["Username"].as_str().unwrap())
        );
        format!("{} {}", event["Username"].as_str().unwrap(), event["EventName"].as_str().unwrap())
    };
    page["Events"].as_array().unwrap().iter().map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_changed_what_is_known_by_ids_names_and_arns() {
    let cloud = Cloud::start(0.0).await;
    let topic = "arn:aws:sns:us-east-1:123456789012:alerts";
    assert_eq!(form(&cloud, "sns", "alice", "Action=CreateTopic&Version=2010-03-31&Name=alerts"), 200);
    assert_eq!(
        form(&cloud, "sns", "alice", &format!("Action=ListTagsForResource&Version=2010-03-31&ResourceArn={topic}")),
        200
    );
    let set = format!(
        "Action=SetTopicAttributes&Version=2010-03-31&TopicArn={topic}&AttributeName=DisplayName&AttributeValue=hush-hush"
    );
    assert_eq!(form(&cloud, "sns", "bob", &set), 200);
    // What failed changed nothing.
    let nowhere = "Action=SetTopicAttributes&Version=2010-03-31&TopicArn=arn:aws:sns:us-east-1:123456789012:none&AttributeName=DisplayName&AttributeValue=x";
    assert_eq!(form(&cloud, "sns", "bob", nowhere), 404);

    assert_eq!(history(&cloud, topic), ["bob SetTopicAttributes", "alice CreateTopic"]);
    assert_eq!(history(&cloud, "alerts"), ["alice CreateTopic"]);
    assert!(history(&cloud, "arn:aws:sns:us-east-1:123456789012:none").is_empty());
    let (_, all) = cloud.json("cloudtrail", LOOKUP, &json!({}));
    assert!(!all.to_string().contains("hush"), "{all}");

    let (status, error) = cloud.json("cloudtrail", LOOKUP, &json!({ "MaxResults": 51 }));
    assert_eq!((status, error["__type"].as_str()), (400, Some("InvalidMaxResultsException")));
    cloud.send("POST", "/_groundplan/reset", &[], b"");
    assert!(history(&cloud, topic).is_empty());
}
