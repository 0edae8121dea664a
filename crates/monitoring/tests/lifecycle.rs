//! Each type through its whole life on the local cloud: made, read as declared, changed, found again, deleted.

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::StateValue;
use engine::health::Status;
use lifecycle::{Except, TestCloud, World, tags};
use monitoring::health::{self, Targets};
use serde_json::{Value, json};

/// A type with what is declared first and then.
struct Life {
    type_name: &'static str,
    first: Value,
    then: Value,
    /// Attributes that must be known once it is ready.
    attributes: &'static [&'static str],
    /// The address, and what it cannot keep.
    address: &'static str,
    except: &'static [Except],
}

/// What carries our address in its tags is ours, whichever operation made it.
const TAKEN_OVER: &[Except] = &[Except::Adopted];

/// `dashboards_have_tags`: ministack 1.5.33 has none, and refuses to list them.
fn lives(dashboards_have_tags: bool) -> Vec<Life> {
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
            "Threshold": threshold, "TreatMissingData": "notBreaching", "Tags": tags("monitoring.5xx", &[]),
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
    let board = |title: &str, key: &str| {
        let tags = if dashboards_have_tags { tags("monitoring.dashboard", &[(key, "a")]) } else { Value::Null };
        let body = json!({ "widgets": [{ "height": 1, "properties": { "markdown": title }, "type": "text", "width": 24, "x": 0, "y": 0 }] });
        lifecycle::with(json!({ "DashboardName": "p", "DashboardBody": body.to_string() }), json!({ "Tags": tags }))
    };
    vec![
        Life {
            type_name: "AWS::Logs::LogGroup",
            first: json!({ "LogGroupName": "/ecs/p/api", "RetentionInDays": 7, "Tags": tags("monitoring.log-group.api", &[("Team", "a")]) }),
            then: json!({ "LogGroupName": "/ecs/p/api", "RetentionInDays": 30, "Tags": tags("monitoring.log-group.api", &[("Owner", "b")]) }),
            attributes: &["Arn"],
            address: "monitoring.log-group.api",
            except: TAKEN_OVER,
        },
        Life {
            type_name: "AWS::Logs::LogGroup",
            first: json!({ "LogGroupName": "/ecs/p/filtered", "RetentionInDays": 7, "Tags": tags("monitoring.log-group.filtered", &[]) }),
            then: json!({ "LogGroupName": "/ecs/p/filtered", "Tags": tags("monitoring.log-group.filtered", &[]) }),
            attributes: &["Arn"],
            address: "monitoring.log-group.filtered",
            except: TAKEN_OVER,
        },
        Life {
            type_name: "AWS::CloudWatch::Alarm",
            first: alarm(
                80.0,
                json!({ "AlarmActions": [topic], "OKActions": [topic], "Tags": tags("monitoring.cpu", &[("Team", "a")]) }),
            ),
            then: alarm(
                70.0,
                json!({ "AlarmActions": [topic], "DatapointsToAlarm": 3, "Tags": tags("monitoring.cpu", &[("Owner", "b")]) }),
            ),
            attributes: &["Arn"],
            address: "monitoring.cpu",
            except: TAKEN_OVER,
        },
        Life {
            type_name: "AWS::CloudWatch::Alarm",
            first: math(10.0),
            then: math(20.5),
            attributes: &["Arn"],
            address: "monitoring.5xx",
            except: TAKEN_OVER,
        },
        Life {
            type_name: "AWS::CloudWatch::CompositeAlarm",
            first: json!({ "AlarmName": "p-outage", "AlarmRule": "ALARM(\"p-api-cpu\")", "AlarmActions": [topic], "Tags": tags("monitoring.outage", &[("Team", "a")]) }),
            then: json!({ "AlarmName": "p-outage", "AlarmRule": "ALARM(\"p-api-cpu\") OR ALARM(\"p-alb-5xx\")", "Tags": tags("monitoring.outage", &[]) }),
            attributes: &["Arn"],
            address: "monitoring.outage",
            except: TAKEN_OVER,
        },
        Life {
            type_name: "AWS::CloudWatch::Dashboard",
            first: board("one", "Team"),
            then: board("two", "Owner"),
            attributes: &[],
            address: "monitoring.dashboard",
            except: if dashboards_have_tags { TAKEN_OVER } else { &[Except::NotFoundAgain] },
        },
        Life {
            type_name: "AWS::Logs::MetricFilter",
            first: filter("?ERROR"),
            then: filter("{ $.level = \"error\" }"),
            attributes: &[],
            address: "monitoring.filter",
            except: &[],
        },
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_lives_and_dies() {
    let mut world = World::new(monitoring::register).await;
    let lives = lives(dashboards_have_tags(&world.cloud).await);
    for life in &lives {
        world.make_except(life.except, life.address, life.type_name, &life.first).await;
        let (_, attributes) = world.read(life.address).await.unwrap();
        for attribute in life.attributes {
            assert!(attributes.get(*attribute).is_some_and(|value| value != ""), "{}: no {attribute}", life.address);
        }
        world.change(life.address, &life.then).await;
    }
    for type_name in world.catalogue.types() {
        assert!(lives.iter().any(|life| life.type_name == type_name), "{type_name} is not tested");
        world.refresh(&[(type_name, "nothing|of-this-name")]).await;
    }
    alarms_are_told_apart(&world.cloud).await;
    // moto 5 puts a changed filter beside the one before.
    world.delete_once("monitoring.filter").await.unwrap();
    world.end_all().await;
}

async fn alarms_are_told_apart(cloud: &TestCloud) {
    let client = cloud.connection.client("us-east-1", Client::new);
    for (name, state) in [("p-api-cpu", StateValue::Alarm), ("p-alb-5xx", StateValue::Ok)] {
        client.set_alarm_state().alarm_name(name).state_value(state).state_reason("tested").send().await.unwrap();
    }
    let alarm = |name: &str| (cloud::Address::of(&format!("monitoring.alarm.{name}")), name.to_owned());
    let targets = Targets {
        region: "us-east-1".to_owned(),
        alarms: vec![alarm("p-api-cpu"), alarm("p-alb-5xx"), alarm("p-gone")],
    };
    let checks = health::check(&cloud.connection, &targets).await;
    let states: Vec<Status> = checks.iter().map(|check| check.status).collect();
    assert_eq!(states, [Status::Unhealthy, Status::Healthy, Status::Unhealthy], "{checks:?}");
    assert_eq!(checks[0].detail, "tested");
}

async fn dashboards_have_tags(cloud: &TestCloud) -> bool {
    let client = cloud.connection.client("us-east-1", Client::new);
    let tag = aws_sdk_cloudwatch::types::Tag::builder().key("k").value("v").build();
    client.put_dashboard().dashboard_name("probe").dashboard_body("{}").tags(tag).send().await.unwrap();
    let found = client.get_dashboard().dashboard_name("probe").send().await.unwrap();
    let tags = client.list_tags_for_resource().set_resource_arn(found.dashboard_arn).send().await;
    client.delete_dashboards().dashboard_names("probe").send().await.unwrap();
    tags.is_ok_and(|tags| tags.tags().len() == 1)
}
