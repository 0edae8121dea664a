//! Each type through its whole life on the local cloud: made, read as declared, changed, found again, deleted.

mod support;

use cloud::Catalogue;
use engine::health::Status;
use serde_json::{Value, json};
use support::{Life, TestCloud, tags};

#[tokio::test(flavor = "multi_thread")]
async fn lives() {
    let test = TestCloud::start().await;
    let mut catalogue = Catalogue::default();
    events::register(&mut catalogue);
    let address = "events.topic.alerts";
    let topic = Life {
        test: &test,
        catalogue: &catalogue,
        type_name: "AWS::SNS::Topic",
        address,
        write_only: &[],
        owned: true,
    };
    let declared =
        json!({ "TopicName": "t-alerts", "DisplayName": "Arrakis", "Tags": tags(address, &[("team", "core")]) });
    let arn = topic.begin(&declared, 1).await;
    assert!(arn.starts_with("arn:aws:sns:us-east-1:"));
    topic.change(&arn, &json!({ "TopicName": "t-alerts", "KmsMasterKeyId": "alias/k", "Tags": tags(address, &[("stage", "test")]) }), 2).await;
    topic.change(&arn, &json!({ "TopicName": "t-alerts", "DisplayName": "A", "Tags": tags(address, &[]) }), 3).await;

    let policy = |sid: &str| {
        json!({ "Topics": [arn], "PolicyDocument": { "Version": "2012-10-17", "Statement": [{
            "Sid": sid, "Effect": "Allow", "Principal": { "Service": "cloudwatch.amazonaws.com" }, "Action": "sns:Publish",
            "Resource": arn, "Condition": { "StringEquals": { "aws:SourceAccount": "123456789012" } },
        }] } })
    };
    let life =
        Life { type_name: "AWS::SNS::TopicPolicy", address: "events.topic-policy.alerts", owned: false, ..topic };
    let id = life.begin(&policy("One"), 4).await;
    life.change(&id, &policy("Two"), 5).await;
    life.end(&id).await;

    let life = Life { type_name: "AWS::SNS::Subscription", address: "events.subscription.alerts.ops", ..life };
    let subscription = |more: Value| {
        let mut declared = json!({ "TopicArn": arn, "Protocol": "email", "Endpoint": "ops@example.com" });
        declared.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        declared
    };
    let id = life.begin(&subscription(json!({ "FilterPolicy": { "kind": ["a"] } })), 6).await;
    life.change(&id, &subscription(json!({ "FilterPolicy": { "kind": ["b", "c"] } })), 7).await;
    life.change(&id, &subscription(json!({})), 8).await;

    let resource = |endpoint: &str| {
        let applied = json!({ "properties": { "TopicArn": arn, "Protocol": "email", "Endpoint": endpoint } });
        ("events.subscription.alerts.ops".into(), "AWS::SNS::Subscription".to_owned(), id.clone(), applied)
    };
    let resources = [resource("ops@example.com"), resource("nobody@example.com")];
    let checks = events::health::check(&resources, &test.refresh("events.subscription.alerts.ops")).await;
    assert_ne!(checks[0].status, Status::Unhealthy);
    assert_eq!(checks[1].status, Status::Unhealthy);
    life.end(&id).await;

    let topic = Life { type_name: "AWS::SNS::Topic", address, owned: true, ..life };
    topic.end(&arn).await;
}
