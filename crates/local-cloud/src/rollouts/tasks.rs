//! Tasks, their clusters and their targets, as clients ask for them.

use serde_json::json;

use super::service::Service;
use super::{json_reply, last, now, render, targets};
use crate::call::Call;
use crate::cloud::Cloud;
use crate::repairs;
use crate::reply::Reply;

pub(super) async fn clusters(cloud: &Cloud, call: Call) -> Reply {
    let region = call.region.clone();
    let reply = repairs::around(cloud, call).await;
    reply
        .edit_json(|answer| {
            let (mut rollouts, now) = (cloud.rollouts(), now());
            for cluster in answer["clusters"].as_array_mut().into_iter().flatten() {
                let arn = cluster["clusterArn"].as_str().unwrap_or_default().to_owned();
                let (mut active, mut running, mut pending) = (0, 0, 0);
                for service in rollouts.of_cluster(&region, &arn, now) {
                    let counts = service.counts(now);
                    active += usize::from(service.draining.is_none_or(|until| now < until));
                    running += counts.0;
                    pending += counts.1;
                }
                cluster["activeServicesCount"] = json!(active);
                cluster["runningTasksCount"] = json!(running);
                cluster["pendingTasksCount"] = json!(pending);
            }
        })
        .await
}

pub(super) async fn list_tasks(cloud: &Cloud, call: Call) -> Reply {
    let (region, body) = (call.region.clone(), call.body());
    let cluster = body["cluster"].as_str().unwrap_or("default").to_owned();
    let stopped = body["desiredStatus"] == "STOPPED";
    let reply = repairs::around(cloud, call).await;
    reply
        .edit_json(|answer| {
            let Some(arns) = answer["taskArns"].as_array_mut() else {
                return;
            };
            let (mut rollouts, now) = (cloud.rollouts(), now());
            for service in rollouts.of_cluster(&region, &cluster, now) {
                let asked = |field: &str, value: &str| body[field].as_str().is_none_or(|asked| last(asked) == value);
                if !asked("serviceName", &service.name) {
                    continue;
                }
                let tasks: Vec<_> = if stopped { service.stopped.iter().collect() } else { service.tasks().collect() };
                for task in tasks {
                    let family = last(&task.definition.arn).split(':').next().unwrap_or_default().to_owned();
                    if asked("family", &family) && asked("startedBy", last(&task.deployment)) {
                        arns.push(json!(render::task_arn(service, task)));
                    }
                }
            }
        })
        .await
}

pub(super) async fn describe_tasks(cloud: &Cloud, mut call: Call) -> Reply {
    let (region, mut body) = (call.region.clone(), call.body());
    let cluster = body["cluster"].as_str().unwrap_or("default").to_owned();
    let mut found = Vec::new();
    {
        let (mut rollouts, now) = (cloud.rollouts(), now());
        let services: Vec<&mut Service> = rollouts.of_cluster(&region, &cluster, now).collect();
        if let Some(asked) = body["tasks"].as_array_mut() {
            asked.retain(|id| {
                let id = last(id.as_str().unwrap_or_default());
                let known = services.iter().find_map(|service| {
                    let task = service.tasks().chain(&service.stopped).find(|task| task.id == id)?;
                    Some(render::task(service, task, now))
                });
                let unknown = known.is_none();
                found.extend(known);
                unknown
            });
        }
    }
    if body["tasks"].as_array().is_some_and(Vec::is_empty) && !found.is_empty() {
        return json_reply(&json!({"tasks": found, "failures": []}));
    }
    if found.is_empty() {
        return repairs::around(cloud, call).await;
    }
    call.set_body(&body);
    let reply = repairs::around(cloud, call).await;
    reply
        .edit_json(|answer| {
            if let Some(tasks) = answer["tasks"].as_array_mut() {
                tasks.extend(found);
            }
        })
        .await
}

pub(super) async fn stop_task(cloud: &Cloud, call: Call) -> Reply {
    let body = call.body();
    let cluster = body["cluster"].as_str().unwrap_or("default");
    let id = last(body["task"].as_str().unwrap_or_default());
    let reason = body["reason"].as_str().unwrap_or("Task stopped by user");
    let stopped = {
        let (mut rollouts, now) = (cloud.rollouts(), now());
        rollouts
            .of_cluster(&call.region, cluster, now)
            .find_map(|service| service.replace(id, reason, now).map(|task| render::task(service, &task, now)))
    };
    match stopped {
        Some(task) => json_reply(&json!({"task": task})),
        None => repairs::around(cloud, call).await,
    }
}

pub(super) async fn target_health(cloud: &Cloud, call: Call) -> Reply {
    let (region, group) = (call.region.clone(), call.field("TargetGroupArn").unwrap_or_default().to_owned());
    let reply = repairs::around(cloud, call).await;
    reply
        .edit_xml(|root| {
            let (mut rollouts, now) = (cloud.rollouts(), now());
            for ((where_, _), service) in &mut rollouts.services {
                if let Some(port) = targets::port(service, &group).filter(|_| *where_ == region) {
                    service.advance(now);
                    targets::add(root, service, port, now);
                }
            }
        })
        .await
}
