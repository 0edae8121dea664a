//! Services, deployments and tasks as ECS describes them.
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html>

use serde_json::{Map, Value, json};

use super::model::Task;
use super::service::{Deployment, Rollout, Service};
use crate::emulators::ACCOUNT;

/// What ECS describes of a service when nothing was said.
fn defaults(service: &Service) -> Vec<(&'static str, Value)> {
    let mut all = vec![
        (
            "deploymentConfiguration",
            json!({"maximumPercent": 200, "minimumHealthyPercent": 100, "deploymentCircuitBreaker": {"enable": false, "rollback": false}, "strategy": "ROLLING", "bakeTimeInMinutes": 0}),
        ),
        ("enableECSManagedTags", json!(false)),
        ("enableExecuteCommand", json!(false)),
        ("propagateTags", json!("NONE")),
        ("placementConstraints", json!([])),
        ("placementStrategy", json!([])),
        ("schedulingStrategy", json!("REPLICA")),
        ("deploymentController", json!({"type": "ECS"})),
    ];
    if is_fargate(service) {
        all.push(("platformVersion", json!("LATEST")));
        all.push(("platformFamily", json!("Linux")));
    }
    if service.target_groups().next().is_some() {
        all.push(("healthCheckGracePeriodSeconds", json!(0)));
    }
    all
}

fn is_fargate(service: &Service) -> bool {
    service.spec.get("launchType").is_some_and(|launch| launch == "FARGATE")
        || service.spec.get("capacityProviderStrategy").and_then(Value::as_array).is_some_and(|strategy| {
            strategy
                .iter()
                .any(|item| item["capacityProvider"].as_str().is_some_and(|name| name.starts_with("FARGATE")))
        })
}

/// Writes what the scheduler knows over the emulator's description of a service.
pub(super) fn service(body: &mut Value, service: &Service, now: f64) {
    let Some(fields) = body.as_object_mut() else {
        return;
    };
    for (name, value) in defaults(service) {
        fields.insert(name.into(), value);
    }
    for (name, value) in &service.spec {
        match (name.as_str(), fields.get_mut(name)) {
            // Members that were not given keep their defaults.
            ("deploymentConfiguration", Some(Value::Object(known))) => merge(known, value),
            _ => {
                fields.insert(name.clone(), value.clone());
            }
        }
    }
    let strategy = service.spec.get("capacityProviderStrategy").and_then(Value::as_array);
    if strategy.is_some_and(|strategy| !strategy.is_empty()) {
        fields.remove("launchType");
    }
    if service.target_groups().next().is_some() {
        let role = format!("arn:aws:iam::{ACCOUNT}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS");
        fields.insert("roleArn".into(), json!(role));
    }
    let (running, pending) = service.counts(now);
    fields.insert("createdAt".into(), json!(service.created));
    fields.insert("runningCount".into(), json!(running));
    fields.insert("pendingCount".into(), json!(pending));
    if let Some(primary) = service.deployments.first() {
        fields.insert("desiredCount".into(), json!(primary.desired));
        fields.insert("taskDefinition".into(), json!(asked(service)));
    }
    let deployments: Vec<Value> =
        service.deployments.iter().enumerate().map(|(index, one)| deployment(one, index, service, now)).collect();
    fields.insert("deployments".into(), json!(deployments));
    let events: Vec<Value> = service
        .events
        .iter()
        .filter(|event| event.at <= now)
        .map(|event| json!({"id": event.id, "createdAt": event.at, "message": event.message}))
        .collect();
    fields.insert("events".into(), json!(events));
    if let Some(until) = service.draining {
        fields.insert("status".into(), json!(if now < until { "DRAINING" } else { "INACTIVE" }));
        fields.insert("desiredCount".into(), json!(0));
    }
}

/// The task definition of a service is that of its primary deployment: after a roll-back, the old one.
fn asked(service: &Service) -> &str {
    service.deployments.first().map_or("", |primary| primary.definition.arn.as_str())
}

fn merge(known: &mut Map<String, Value>, given: &Value) {
    for (name, value) in given.as_object().into_iter().flatten() {
        known.insert(name.clone(), value.clone());
    }
}

fn deployment(one: &Deployment, index: usize, service: &Service, now: f64) -> Value {
    let (running, pending) = one.counts(now);
    let mut body = json!({
        "id": one.id,
        "status": if index == 0 { "PRIMARY" } else { "ACTIVE" },
        "taskDefinition": one.definition.arn,
        "desiredCount": if index == 0 { one.desired } else { one.tasks.len() },
        "pendingCount": pending,
        "runningCount": running,
        "failedTasks": one.failed,
        "createdAt": one.began,
        "updatedAt": one.updated,
        "rolloutState": match one.rollout {
            Rollout::InProgress => "IN_PROGRESS",
            Rollout::Completed => "COMPLETED",
            Rollout::Failed => "FAILED",
        },
        "rolloutStateReason": one.reason,
    });
    for name in ["capacityProviderStrategy", "launchType", "networkConfiguration"] {
        if let Some(value) = service.spec.get(name) {
            body[name] = value.clone();
        }
    }
    if is_fargate(service) {
        body["platformVersion"] = json!("1.4.0");
        body["platformFamily"] = json!("Linux");
    }
    body
}

/// The address of a task.
pub(super) fn task_arn(service: &Service, task: &Task) -> String {
    format!("{}/{}", service.cluster_arn.replacen(":cluster/", ":task/", 1), task.id)
}

/// A task as `DescribeTasks` gives it.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html>
pub(super) fn task(service: &Service, task: &Task, now: f64) -> Value {
    let arn = task_arn(service, task);
    let running = task.running <= now;
    let status = match (&task.end, running) {
        (Some(_), _) => "STOPPED",
        (None, true) => "RUNNING",
        (None, false) if now < (task.created + task.running) / 2.0 => "PROVISIONING",
        (None, false) => "PENDING",
    };
    let checked = task.definition.containers.iter().any(|container| container.has_health_check);
    let health = if !checked || task.end.is_some() || task.healthy > now { "UNKNOWN" } else { "HEALTHY" };
    let containers: Vec<Value> = task
        .definition
        .containers
        .iter()
        .map(|container| {
            let mut body = json!({
                "containerArn": format!("{}/{}", arn.replacen(":task/", ":container/", 1), container.name),
                "taskArn": arn,
                "name": container.name,
                "image": container.image,
                "lastStatus": status,
                "healthStatus": if container.has_health_check { health } else { "UNKNOWN" },
                "networkInterfaces": [{"attachmentId": task.id, "privateIpv4Address": task.address}],
            });
            if let Some(exit) = task.end.as_ref().and_then(|end| end.exit) {
                body["exitCode"] = json!(exit);
            }
            body
        })
        .collect();
    let mut body = json!({
        "taskArn": arn,
        "clusterArn": service.cluster_arn,
        "taskDefinitionArn": task.definition.arn,
        "group": format!("service:{}", service.name),
        "startedBy": task.deployment,
        "lastStatus": status,
        "desiredStatus": if task.end.is_some() { "STOPPED" } else { "RUNNING" },
        "healthStatus": health,
        "cpu": task.definition.cpu,
        "memory": task.definition.memory,
        "availabilityZone": task.subnet.zone,
        "connectivity": "CONNECTED",
        "createdAt": task.created,
        "containers": containers,
        "attachments": [{"id": task.id, "type": "ElasticNetworkInterface", "status": "ATTACHED", "details": [
            {"name": "subnetId", "value": task.subnet.id},
            {"name": "privateIPv4Address", "value": task.address},
        ]}],
        "overrides": {"containerOverrides": [], "inferenceAcceleratorOverrides": []},
        "tags": [],
        "version": 1,
    });
    if is_fargate(service) {
        body["launchType"] = json!("FARGATE");
        body["platformVersion"] = json!("1.4.0");
        body["platformFamily"] = json!("Linux");
    }
    if running {
        body["startedAt"] = json!(task.running);
    }
    if let Some(end) = &task.end {
        body["stoppedAt"] = json!(end.at);
        body["stoppingAt"] = json!(end.at);
        body["stopCode"] = json!(end.code);
        body["stoppedReason"] = json!(end.reason);
    }
    body
}
