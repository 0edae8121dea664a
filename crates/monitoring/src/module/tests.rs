//! What the section declares: names, thresholds, references, findings, and that AWS's schemas take it.

use std::collections::BTreeMap;

use engine::{Finding, Node, Stack};
use serde_json::{Value, json};

mod dashboard;

use super::*;
use crate::inputs::{Balanced, Cache, Database, FlowLogs, LoadBalancer, Service};

/// Freeside's production: two services, a load balancer, PostgreSQL, Redis.
fn declared(settings: Value, change: impl FnOnce(&mut Inputs)) -> (BTreeMap<String, Node>, Vec<Finding>, Outputs) {
    let mut settings: Settings = serde_json::from_value(settings).unwrap();
    settings.notify.get_or_insert_with(|| "alerts".to_owned());
    declare_for(&settings, change)
}

fn declare_for(
    settings: &Settings,
    change: impl FnOnce(&mut Inputs),
) -> (BTreeMap<String, Node>, Vec<Finding>, Outputs) {
    let tags = [("Project".to_owned(), "arrakis".to_owned())];
    let mut stack = Stack::new("freeside/production", "us-east-1", &tags);
    let log_inputs = LogInputs {
        prefix: "arrakis-production".to_owned(),
        services: vec!["api".to_owned(), "worker".to_owned()],
        flow_logs: Some(FlowLogs::default()),
        key: None,
    };
    let logs = log_groups(settings, &log_inputs, &mut stack);
    let target = Handle::to("networking.target-group.api");
    let balancer = Handle::to("networking.load-balancer.main").get("LoadBalancerFullName");
    let service = |name: &str, balanced| Service {
        name: name.to_owned(),
        cluster: "arrakis-production-cluster".to_owned(),
        service_name: format!("arrakis-production-{name}"),
        balanced,
    };
    let balanced = Balanced { load_balancer: balancer.clone(), target_group: target.get("TargetGroupFullName") };
    let mut inputs = Inputs {
        prefix: "arrakis-production".to_owned(),
        region: "us-east-1".to_owned(),
        account: Some("891376933289".to_owned()),
        container_insights: true,
        services: vec![service("api", Some(balanced)), service("worker", None)],
        load_balancers: vec![LoadBalancer { name: "main".to_owned(), full_name: balancer }],
        databases: vec![Database {
            name: "main".to_owned(),
            identifier: "arrakis-production-postgres".to_owned(),
            engine: "postgres".to_owned(),
            class: "db.t3.small".to_owned(),
            max_connections: None,
            key: "storage.postgres.main".to_owned(),
        }],
        caches: vec![Cache {
            name: "cache".to_owned(),
            cluster_ids: vec!["arrakis-production-redis-001".to_owned()],
            node: "cache.t3.micro".to_owned(),
        }],
        topics: BTreeMap::from([("alerts".to_owned(), Handle::to("events.topic.alerts").id())]),
        logs,
    };
    change(&mut inputs);
    let outputs = declare(settings, &inputs, &mut stack);
    let (nodes, findings) = stack.finish();
    (nodes.into_iter().map(|node| (node.address.to_string(), node)).collect(), findings, outputs)
}

fn alarms(nodes: &BTreeMap<String, Node>) -> Vec<&str> {
    nodes.keys().filter_map(|address| address.strip_prefix("monitoring.alarm.")).collect()
}

/// Every kind of thing that the section can ask for.
fn everything() -> Value {
    json!({
        "log-retention-days": 7,
        "notify": "alerts",
        "alarms": { "cpu": 70, "errors": { "count": 5 } },
        "filter": {
            "errors": { "pattern": "?ERROR ?Exception", "alarm": { "count": 3, "minutes": 10 } },
            "ai-failures": { "pattern": "{ $.event = \"ai-failed\" }", "services": ["worker"] }
        },
        "alarm": {
            "backlog": {
                "description": "Jobs wait", "namespace": "AWS/SQS", "metric": "ApproximateNumberOfMessagesVisible",
                "dimensions": { "QueueName": "jobs" }, "threshold": 100, "missing": "not-breaching"
            },
            "worker-busy": { "service": "worker", "metric": "CPUUtilization", "statistic": "p95", "threshold": 95, "datapoints": 3 },
            "error-rate": {
                "expression": "errors / requests * 100", "threshold": 1, "comparison": ">=", "period": 300,
                "metrics": {
                    "errors": { "namespace": "N", "metric": "Errors", "statistic": "Sum" },
                    "requests": { "namespace": "N", "metric": "Requests", "statistic": "Sum" }
                }
            }
        },
        "composite": {
            "api": { "any": ["api-cpu", "api-memory", "alb-5xx"] },
            "outage": { "all": ["api", "postgres-cpu"] },
            "own": { "rule": "ALARM(\"arrakis-production-backlog\") AND NOT OK(arrakis-production-error-rate)" }
        }
    })
}

#[test]
fn aws_takes_everything_that_can_be_declared() {
    let (nodes, findings, _) = declared(everything(), |_| {});
    assert_eq!(findings, []);
    let mut catalogue = cloud::Catalogue::default();
    crate::register(&mut catalogue);
    for node in nodes.values() {
        let violations = schema::validate(&node.type_name, &node.properties);
        assert!(violations.is_empty(), "{}: {violations:?}", node.address);
        let handler = catalogue.get(&node.type_name).unwrap();
        assert_eq!(handler.check(&node.properties), Ok(()), "{}", node.address);
    }
}

#[test]
fn the_documented_alarms_have_the_documented_thresholds() {
    let (nodes, findings, outputs) = declared(json!({ "notify": "alerts" }), |_| {});
    assert_eq!(findings, []);
    let expected = [
        ("alb-5xx", 10.0),
        ("alb-response-time", 2.0),
        ("api-cpu", 80.0),
        ("api-memory", 85.0),
        ("api-unhealthy-hosts", 0.0),
        ("postgres-connections", 144.0),
        ("postgres-cpu", 80.0),
        ("postgres-free-storage", 2_147_483_648.0),
        ("redis-cpu", 80.0),
        ("redis-evictions", 100.0),
        ("redis-memory", 85.0),
        ("worker-cpu", 80.0),
        ("worker-memory", 85.0),
    ];
    assert_eq!(alarms(&nodes), expected.map(|(name, _)| name));
    for (name, threshold) in expected {
        let properties = &nodes[&format!("monitoring.alarm.{name}")].properties;
        assert_eq!(properties["Threshold"], json!(threshold), "{name}");
        assert_eq!(properties["AlarmName"], json!(format!("arrakis-production-{name}")));
        assert_eq!(properties["AlarmActions"], json!([{ "Ref": "events.topic.alerts" }]));
        assert_eq!(properties["OKActions"], properties["AlarmActions"]);
    }
    assert_eq!(outputs.alarms.len(), expected.len());
    assert_eq!(nodes["monitoring.alarm.postgres-free-storage"].properties["ComparisonOperator"], "LessThanThreshold");
    assert_eq!(
        nodes["monitoring.alarm.api-unhealthy-hosts"].properties["Dimensions"][1]["Value"],
        json!({ "Fn::GetAtt": ["networking.target-group.api", "TargetGroupFullName"] })
    );
}

#[test]
fn log_groups_have_the_documented_names() {
    let (nodes, ..) = declared(json!({}), |_| {});
    let name = |address: &str| nodes[address].properties["LogGroupName"].as_str().unwrap().to_owned();
    assert_eq!(name("monitoring.log-group.api"), "/ecs/arrakis-production/api");
    assert_eq!(name("monitoring.log-group.worker"), "/ecs/arrakis-production/worker");
    assert_eq!(name("monitoring.flow-logs"), "/vpc/arrakis-production/flow-logs");
    assert_eq!(nodes["monitoring.flow-logs"].properties["RetentionInDays"], 30);
}

#[test]
fn each_alarm_can_be_left_out() {
    let off = json!({ "alarms": {
        "cpu": false, "memory": false, "response-seconds": false, "errors": false, "unhealthy-hosts": false,
        "connections-percent": false, "free-storage-gb": false, "evictions": false
    } });
    for settings in [off, json!({ "alarms": { "enabled": false } })] {
        let (nodes, findings, outputs) = declared(settings, |_| {});
        assert_eq!((alarms(&nodes).len(), findings.len(), outputs.alarms.len()), (0, 0, 0));
    }
    let (nodes, _, outputs) =
        declared(json!({ "dashboard": false, "notify-recovery": false, "notify": "alerts" }), |_| {});
    assert!(!nodes.contains_key("monitoring.dashboard") && outputs.dashboard.is_none());
    assert_eq!(nodes["monitoring.alarm.api-cpu"].properties.get("OKActions"), None);
}

#[test]
fn several_nodes_and_stores_keep_apart() {
    let (nodes, ..) = declared(json!({}), |inputs| {
        inputs.caches[0].cluster_ids.push("arrakis-production-redis-002".to_owned());
        inputs.caches[0].node = "cache.r7g.xlarge".to_owned();
        let reports =
            Database { name: "reports".into(), identifier: Handle::to("a.b").id(), ..inputs.databases[0].clone() };
        inputs.databases.push(reports);
    });
    let names = alarms(&nodes);
    for name in ["redis-001-cpu", "redis-002-memory", "postgres-cpu", "postgres-reports-connections"] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
    assert_eq!(nodes["monitoring.alarm.redis-001-cpu"].properties["MetricName"], "EngineCPUUtilization");
}

#[test]
fn what_cannot_be_meant_is_found_at_its_key() {
    let sqs = json!({ "namespace": "AWS/SQS", "metric": "M", "threshold": 1 });
    let with = |extra: Value| {
        let mut alarm = sqs.clone();
        for (key, value) in extra.as_object().unwrap() {
            alarm[key] = value.clone();
        }
        json!({ "alarm": { "a": alarm } })
    };
    let cases = [
        (json!({ "log-retention-days": 31 }), "monitoring.log-retention-days", "write 30 or 60"),
        (json!({ "log-retention-days": 9999 }), "monitoring.log-retention-days", "write 3653"),
        (json!({ "notify": "alert" }), "monitoring.notify", "did you mean `alerts`?"),
        (json!({ "alarms": { "cpu": 800 } }), "monitoring.alarms.cpu", "up to 100"),
        (json!({ "alarms": { "evictions": -1 } }), "monitoring.alarms.evictions", "write 0 or more"),
        (json!({ "alarms": { "minutes": 0 } }), "monitoring.alarms.minutes", "write 1 to 1440"),
        (json!({ "alarms": { "errors": { "minutes": 2000 } } }), "monitoring.alarms.errors.minutes", "write 1 to 1440"),
        (with(json!({ "period": 45 })), "monitoring.alarm.a.period", "multiple of 60"),
        (with(json!({ "periods": 5000 })), "monitoring.alarm.a.periods", "write 1 to 1440"),
        (with(json!({ "period": 7200, "periods": 85 })), "monitoring.alarm.a.periods", "write 1 to 84"),
        (with(json!({ "datapoints": 9 })), "monitoring.alarm.a.datapoints", "write 1 to 5"),
        (with(json!({ "statistic": "Averag" })), "monitoring.alarm.a.statistic", "did you mean `Average`?"),
        (with(json!({ "notify": "nobody" })), "monitoring.alarm.a.notify", "[events.topic.nobody]"),
        (with(json!({ "expression": "m * 2" })), "monitoring.alarm.a.metric", "[monitoring.alarm.a.metrics.NAME]"),
        (json!({ "alarm": { "a": { "threshold": 1 } } }), "monitoring.alarm.a", "write namespace"),
        (
            json!({ "alarm": { "a": { "threshold": 1, "service": "apy", "metric": "M" } } }),
            "monitoring.alarm.a.service",
            "did you mean `api`?",
        ),
        (json!({ "composite": { "c": {} } }), "monitoring.composite.c", "any = "),
        (
            json!({ "composite": { "c": { "any": ["api-cpus"] } } }),
            "monitoring.composite.c.any.0",
            "did you mean `api-cpu`?",
        ),
        (json!({ "composite": { "c": { "all": ["c"] } } }), "monitoring.composite.c.all.0", ""),
        (
            json!({ "filter": { "f": { "pattern": "x", "services": ["api", "wroker"] } } }),
            "monitoring.filter.f.services.1",
            "did you mean `worker`?",
        ),
    ];
    for (settings, key, hint) in cases {
        let (_, findings, _) = declared(settings, |_| {});
        assert_eq!(findings.len(), 1, "{key}: {findings:?}");
        assert_eq!(findings[0].key.as_deref(), Some(key));
        assert!(findings[0].hint.as_deref().unwrap().contains(hint), "{findings:?}");
    }
}

#[test]
fn an_unknown_instance_class_has_a_warning_instead_of_the_alarm() {
    let unknown = |inputs: &mut Inputs| inputs.databases[0].class = "db.z9.large".to_owned();
    let (nodes, findings, _) = declared(json!({}), unknown);
    assert!(!alarms(&nodes).contains(&"postgres-connections"));
    assert_eq!(findings[0].key.as_deref(), Some("storage.postgres.main"));
    let (nodes, findings, _) = declared(json!({}), |inputs| {
        unknown(inputs);
        inputs.databases[0].max_connections = Some(200);
    });
    assert_eq!(findings, []);
    assert_eq!(nodes["monitoring.alarm.postgres-connections"].properties["Threshold"], json!(160.0));
}

#[test]
fn composites_refer_to_their_alarms() {
    let (nodes, ..) = declared(everything(), |_| {});
    let rule = |name: &str| &nodes[&format!("monitoring.composite-alarm.{name}")].properties["AlarmRule"];
    let expected = json!({ "Fn::Join": ["", [
        "ALARM(\"", { "Ref": "monitoring.composite-alarm.api" }, "\") AND ALARM(\"", { "Ref": "monitoring.alarm.postgres-cpu" },
        "\")"
    ]] });
    assert_eq!(*rule("outage"), expected);
    let own: Vec<_> = nodes["monitoring.composite-alarm.own"].depends_on.iter().map(|a| a.as_str()).collect();
    assert_eq!(own, ["monitoring.alarm.backlog", "monitoring.alarm.error-rate"]);
}

#[test]
fn alarms_that_tell_nobody_have_a_warning() {
    let (_, findings, _) = declare_for(&Settings::default(), |_| {});
    assert_eq!((findings.len(), findings[0].key.as_deref()), (1, Some("monitoring.notify")));
    let (_, findings, _) = declare_for(&Settings::default(), |inputs| inputs.topics.clear());
    assert_eq!(findings, []);
}
