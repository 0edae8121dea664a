//! Each type through its whole life on the local cloud: made, read as declared, changed, found again, deleted.

mod support;

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::StateValue;
use cloud::{Catalogue, FailureKind, Readiness};
use engine::catalogue::Handler;
use engine::diff::{self, Sides};
use engine::health::Status;
use monitoring::health::{self, Targets};
use serde_json::{Value, json};
use support::TestCloud;

/// A type with what is declared first and then.
struct Life {
    type_name: &'static str,
    first: Value,
    then: Value,
    /// Attributes that must be known once it is ready.
    attributes: &'static [&'static str],
    /// Whether it can carry tags, so that another's is told from ours.
    tagged: bool,
}

fn tags(environment: &str, more: &[(&str, &str)]) -> Value {
    let ours = [("groundplan:environment", environment), ("groundplan:address", "monitoring.it")];
    ours.iter().chain(more).map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

/// `dashboards_have_tags`: ministack 1.5.33 has none, and refuses to list them.
fn lives(dashboards_have_tags: bool) -> Vec<Life> {
    let ours = |more: &[(&str, &str)]| tags("test/monitoring", more);
    let dashboard_tags = |key: &str| {
        if dashboards_have_tags { ours(&[(key, "a")]) } else { Value::Null }
    };
    let stat = |id: &str, metric: &str| {
        let dimensions = json!([{ "Name": "LoadBalancer", "Value": "app/p/1" }]);
        json!({ "Id": id, "ReturnData": false, "MetricStat": { "Period": 300, "Stat": "Sum", "Metric": {
            "Namespace": "AWS/ApplicationELB", "MetricName": metric, "Dimensions": dimensions
        } } })
    };
    let alarm = |threshold: f64, more: Value| {
        let mut alarm = json!({
            "AlarmName": "p-api-cpu", "AlarmDescription": "CPU of api", "ComparisonOperator": "GreaterThanThreshold",
            "Dimensions": [{ "Name": "ClusterName", "Value": "c" }, { "Name": "ServiceName", "Value": "s" }],
            "EvaluationPeriods": 5, "MetricName": "CPUUtilization", "Namespace": "AWS/ECS", "Period": 60,
            "Statistic": "Average", "Threshold": threshold, "TreatMissingData": "missing"
        });
        alarm.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        alarm
    };
    let math = |threshold: f64| {
        json!({
            "AlarmName": "p-alb-5xx", "ComparisonOperator": "GreaterThanThreshold", "EvaluationPeriods": 1,
            "Threshold": threshold, "TreatMissingData": "notBreaching", "Tags": ours(&[]),
            "Metrics": [
                stat("balancer", "HTTPCode_ELB_5XX_Count"), stat("target", "HTTPCode_Target_5XX_Count"),
                { "Id": "total", "Expression": "FILL(target, 0) + FILL(balancer, 0)", "Label": "5xx", "ReturnData": true }
            ]
        })
    };
    let topic = "arn:aws:sns:us-east-1:123456789012:alerts";
    let filter = |pattern: &str| {
        json!({
            "FilterName": "p-api-errors", "FilterPattern": pattern, "LogGroupName": "/ecs/p/filtered",
            "MetricTransformations": [
                { "DefaultValue": 0.0, "MetricName": "api-errors", "MetricNamespace": "p", "MetricValue": "1" }
            ]
        })
    };
    let board = |title: &str| {
        json!({ "widgets": [{ "height": 1, "properties": { "markdown": title }, "type": "text", "width": 24, "x": 0, "y": 0 }] }).to_string()
    };
    vec![
        Life {
            type_name: "AWS::Logs::LogGroup",
            first: json!({ "LogGroupName": "/ecs/p/api", "RetentionInDays": 7, "Tags": ours(&[("Team", "a")]) }),
            then: json!({ "LogGroupName": "/ecs/p/api", "RetentionInDays": 30, "Tags": ours(&[("Owner", "b")]) }),
            attributes: &["Arn"],
            tagged: true,
        },
        Life {
            type_name: "AWS::Logs::LogGroup",
            first: json!({ "LogGroupName": "/ecs/p/filtered", "RetentionInDays": 7, "Tags": ours(&[]) }),
            then: json!({ "LogGroupName": "/ecs/p/filtered", "Tags": ours(&[]) }),
            attributes: &["Arn"],
            tagged: true,
        },
        Life {
            type_name: "AWS::CloudWatch::Alarm",
            first: alarm(
                80.0,
                json!({ "AlarmActions": [topic], "OKActions": [topic], "Tags": ours(&[("Team", "a")]) }),
            ),
            then: alarm(
                70.0,
                json!({ "AlarmActions": [topic], "DatapointsToAlarm": 3, "Tags": ours(&[("Owner", "b")]) }),
            ),
            attributes: &["Arn"],
            tagged: true,
        },
        Life {
            type_name: "AWS::CloudWatch::Alarm",
            first: math(10.0),
            then: math(20.5),
            attributes: &["Arn"],
            tagged: true,
        },
        Life {
            type_name: "AWS::CloudWatch::CompositeAlarm",
            first: json!({ "AlarmName": "p-outage", "AlarmRule": "ALARM(\"p-api-cpu\")", "AlarmActions": [topic], "Tags": ours(&[("Team", "a")]) }),
            then: json!({ "AlarmName": "p-outage", "AlarmRule": "ALARM(\"p-api-cpu\") OR ALARM(\"p-alb-5xx\")", "Tags": ours(&[]) }),
            attributes: &["Arn"],
            tagged: true,
        },
        Life {
            type_name: "AWS::CloudWatch::Dashboard",
            first: json!({ "DashboardName": "p", "DashboardBody": board("one"), "Tags": dashboard_tags("Team") }),
            then: json!({ "DashboardName": "p", "DashboardBody": board("two"), "Tags": dashboard_tags("Owner") }),
            attributes: &[],
            tagged: dashboards_have_tags,
        },
        Life {
            type_name: "AWS::Logs::MetricFilter",
            first: filter("?ERROR"),
            then: filter("{ $.level = \"error\" }"),
            attributes: &[],
            tagged: false,
        },
    ]
}

/// Nothing differs in the engine's own eyes: what is declared is so, what was declared before and is not any more is gone.
fn assert_live(what: &str, live: &Value, declared: &Value, applied: &Value) {
    let sides = Sides { declared, applied: Some(applied), live, facts: schema::facts(what) };
    let changes = diff::diff(&sides);
    assert!(changes.is_empty(), "{what}: {changes:#?}\nlive {live:#}");
}

async fn read(handler: &dyn Handler, id: &str, cloud: &TestCloud) -> Option<(Value, cloud::Attributes)> {
    let ids = [id.to_owned(), "nothing|of-this-name".to_owned()];
    let mut found = handler.read(&ids, &cloud.context("monitoring.it", "refresh")).await.unwrap();
    assert_eq!(found.len(), 2);
    assert!(found.pop().unwrap().is_none(), "what does not exist was read");
    found.pop().unwrap()
}

/// Makes it, reads it, changes it. Returns its id.
async fn rise(life: &Life, handler: &dyn Handler, cloud: &TestCloud) -> String {
    let what = life.type_name;
    let cx = cloud.context("monitoring.it", "operation-1");
    assert!(handler.find(&life.first, &cx).await.unwrap().is_none(), "{what}: found before it was made");
    let made = handler.create(&life.first, &cx).await.unwrap_or_else(|failure| panic!("{what}: {failure}"));
    handler.sync(&life.first, &made.id, None, &cx).await.unwrap_or_else(|failure| panic!("{what}: {failure}"));
    assert_eq!(handler.id(&life.first), Some(made.id.clone()));
    assert_eq!(handler.ready(&made.id, &cx).await.unwrap(), Readiness::Ready);

    let (live, attributes) = read(handler, &made.id, cloud).await.unwrap_or_else(|| panic!("{what}: not there"));
    assert_live(what, &live, &life.first, &life.first);
    for attribute in life.attributes {
        assert!(attributes.get(*attribute).is_some_and(|value| value != ""), "{what}: no {attribute}");
    }

    if life.first.get("Tags") != Some(&Value::Null) {
        let found = handler.find(&life.first, &cx).await.unwrap();
        assert_eq!(found.map(|found| found.id), Some(made.id.clone()), "{what}: not found again");
    }
    if life.tagged {
        let mut other = cloud.context("monitoring.it", "operation-2");
        other.environment = "test/other".into();
        assert!(handler.find(&life.first, &other).await.unwrap().is_none(), "{what}: another's was adopted");
        let mut others = life.first.clone();
        others["Tags"] = tags("test/other", &[]);
        let failure = handler.create(&others, &other).await.expect_err("another's was overwritten");
        assert_eq!(failure.kind, FailureKind::AlreadyExists, "{what}: {failure}");
    }

    let cx = cloud.context("monitoring.it", "operation-3");
    let mut was = live;
    diff::as_ours(&life.then, Some(&life.first), &mut was, schema::facts(what));
    handler.sync(&life.then, &made.id, Some(&was), &cx).await.unwrap_or_else(|failure| panic!("{what}: {failure}"));
    let (live, _) = read(handler, &made.id, cloud).await.unwrap();
    assert_live(what, &live, &life.then, &life.first);
    made.id
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_lives_and_dies() {
    let cloud = TestCloud::start().await;
    let mut catalogue = Catalogue::default();
    monitoring::register(&mut catalogue);
    let lives = lives(dashboards_have_tags(&cloud).await);
    let mut ids = Vec::new();
    for life in &lives {
        let handler = catalogue.get(life.type_name).unwrap();
        ids.push(rise(life, handler.as_ref(), &cloud).await);
    }
    for type_name in catalogue.types() {
        assert!(lives.iter().any(|life| life.type_name == type_name), "{type_name} is not tested");
    }

    alarms_are_told_apart(&cloud).await;

    for (life, id) in lives.iter().zip(&ids).rev() {
        let handler = catalogue.get(life.type_name).unwrap();
        let cx = cloud.context("monitoring.it", "operation-4");
        for _ in 0..2 {
            handler.delete(id, &cx).await.unwrap_or_else(|failure| panic!("{}: {failure}", life.type_name));
        }
        assert!(handler.gone(id, &cx).await.unwrap());
        assert!(read(handler.as_ref(), id, &cloud).await.is_none(), "{}: still there", life.type_name);
    }
}

async fn alarms_are_told_apart(cloud: &TestCloud) {
    let client = cloud.cloud.client("us-east-1", Client::new);
    for (name, state) in [("p-api-cpu", StateValue::Alarm), ("p-alb-5xx", StateValue::Ok)] {
        client.set_alarm_state().alarm_name(name).state_value(state).state_reason("tested").send().await.unwrap();
    }
    let alarm = |name: &str| (cloud::Address::of(&format!("monitoring.alarm.{name}")), name.to_owned());
    let targets = Targets {
        region: "us-east-1".to_owned(),
        alarms: vec![alarm("p-api-cpu"), alarm("p-alb-5xx"), alarm("p-gone")],
    };
    let checks = health::check(&cloud.cloud, &targets).await;
    let states: Vec<Status> = checks.iter().map(|check| check.status).collect();
    assert_eq!(states, [Status::Unhealthy, Status::Healthy, Status::Unhealthy], "{checks:?}");
    assert_eq!(checks[0].detail, "tested");
}

async fn dashboards_have_tags(cloud: &TestCloud) -> bool {
    let client = cloud.cloud.client("us-east-1", Client::new);
    let tag = aws_sdk_cloudwatch::types::Tag::builder().key("k").value("v").build();
    client.put_dashboard().dashboard_name("probe").dashboard_body("{}").tags(tag).send().await.unwrap();
    let found = client.get_dashboard().dashboard_name("probe").send().await.unwrap();
    let tags = client.list_tags_for_resource().set_resource_arn(found.dashboard_arn).send().await;
    client.delete_dashboards().dashboard_names("probe").send().await.unwrap();
    tags.is_ok_and(|tags| tags.tags().len() == 1)
}
