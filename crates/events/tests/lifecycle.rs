//! Each type through its whole life on the local cloud: made, read as declared, changed, found again, deleted.

use engine::health::Status;
use lifecycle::{World, tags};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn lives() {
    let mut world = World::new(events::register).await;
    let address = "events.topic.alerts";
    let declared =
        json!({ "TopicName": "t-alerts", "DisplayName": "Arrakis", "Tags": tags(address, &[("team", "core")]) });
    let arn = world.make(address, "AWS::SNS::Topic", declared).await.id;
    assert!(arn.starts_with("arn:aws:sns:us-east-1:"));
    let changed =
        json!({ "TopicName": "t-alerts", "KmsMasterKeyId": "alias/k", "Tags": tags(address, &[("stage", "test")]) });
    world.change(address, changed).await;
    world.change(address, json!({ "TopicName": "t-alerts", "DisplayName": "A", "Tags": tags(address, &[]) })).await;

    let policy = |sid: &str| {
        json!({ "Topics": [arn], "PolicyDocument": { "Version": "2012-10-17", "Statement": [{
            "Sid": sid, "Effect": "Allow", "Principal": { "Service": "cloudwatch.amazonaws.com" }, "Action": "sns:Publish",
            "Resource": arn, "Condition": { "StringEquals": { "aws:SourceAccount": "123456789012" } },
        }] } })
    };
    let address = "events.topic-policy.alerts";
    world.make(address, "AWS::SNS::TopicPolicy", policy("One")).await;
    world.change(address, policy("Two")).await;
    world.end(address).await;

    let address = "events.subscription.alerts.ops";
    let subscription = |more: Value| {
        lifecycle::with(json!({ "TopicArn": arn, "Protocol": "email", "Endpoint": "ops@example.com" }), more)
    };
    let first = subscription(json!({ "FilterPolicy": { "kind": ["a"] } }));
    let id = world.make(address, "AWS::SNS::Subscription", first).await.id;
    world.change(address, subscription(json!({ "FilterPolicy": { "kind": ["b", "c"] } }))).await;
    world.change(address, subscription(json!({}))).await;

    let resource = |endpoint: &str| {
        let applied = json!({ "properties": { "TopicArn": arn, "Protocol": "email", "Endpoint": endpoint } });
        (address.into(), "AWS::SNS::Subscription".to_owned(), id.clone(), applied)
    };
    let resources = [resource("ops@example.com"), resource("nobody@example.com")];
    let checks = events::health::check(&resources, &world.cloud.refresh(address)).await;
    assert_ne!(checks[0].status, Status::Unhealthy);
    assert_eq!(checks[1].status, Status::Unhealthy);
    world.end_all().await;
}
