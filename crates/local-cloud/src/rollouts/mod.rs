//! ECS rollouts: under moto no task runs, so the front plays the scheduler. Services are moto's; what happens in them is told here.

mod lookups;
mod model;
mod render;
mod service;
mod targets;
mod tasks;

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::StatusCode;
use serde_json::{Map, Value, json};

use crate::call::Call;
use crate::cloud::Cloud;
use crate::protocol::errors;
use crate::repairs;
use crate::reply::Reply;
use crate::time;
use lookups::{definition, subnets};
use service::Service;
use tasks::{clusters, describe_tasks, list_tasks, stop_task, target_health};

/// Seconds from a new deployment to its steady state on AWS, and for a deleted service to drain: a Fargate task starts in about
/// 40 seconds, and its target is healthy after two checks 30 seconds apart.
const STEADY: f64 = 120.0;
const DRAIN: f64 = 60.0;

/// Request fields that are descriptions of the service as they stand.
const SPEC: &[&str] = &[
    "availabilityZoneRebalancing",
    "capacityProviderStrategy",
    "deploymentConfiguration",
    "enableECSManagedTags",
    "enableExecuteCommand",
    "healthCheckGracePeriodSeconds",
    "launchType",
    "loadBalancers",
    "networkConfiguration",
    "placementConstraints",
    "placementStrategy",
    "platformVersion",
    "propagateTags",
    "serviceConnectConfiguration",
    "serviceRegistries",
    "volumeConfigurations",
];

/// Those of them whose change does not start tasks anew.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html>
const QUIET: &[&str] = &[
    "availabilityZoneRebalancing",
    "deploymentConfiguration",
    "enableECSManagedTags",
    "enableExecuteCommand",
    "healthCheckGracePeriodSeconds",
    "propagateTags",
];

/// All services, by region and ARN.
#[derive(Debug, Default)]
pub(crate) struct Rollouts {
    services: BTreeMap<(String, String), Service>,
}

impl Rollouts {
    fn get(&mut self, region: &str, arn: &str, now: f64) -> Option<&mut Service> {
        let service = self.services.get_mut(&(region.to_owned(), arn.to_owned()))?;
        service.advance(now);
        Some(service)
    }

    fn of_cluster<'a>(
        &'a mut self,
        region: &'a str,
        cluster: &'a str,
        now: f64,
    ) -> impl Iterator<Item = &'a mut Service> {
        self.services
            .iter_mut()
            .filter(move |((where_, _), service)| where_ == region && last(&service.cluster_arn) == last(cluster))
            .map(move |(_, service)| {
                service.advance(now);
                service
            })
    }
}

/// The name at the end of an ARN, or the name itself.
fn last(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

fn now() -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "milliseconds since 1970 fit")]
    let milliseconds = jiff::Timestamp::now().as_millisecond() as f64;
    milliseconds / 1000.0
}

/// Hands a call on, and tells of ECS what its scheduler would have done.
pub(crate) async fn around(cloud: &Cloud, call: Call) -> Reply {
    match (call.service.as_str(), call.operation.as_str()) {
        ("ecs", "CreateService") => create(cloud, call).await,
        ("ecs", "UpdateService") => update(cloud, call).await,
        ("ecs", "DescribeServices") => describe(cloud, call).await,
        ("ecs", "DeleteService") => delete(cloud, call).await,
        ("ecs", "DescribeClusters") => clusters(cloud, call).await,
        ("ecs", "ListTasks") => list_tasks(cloud, call).await,
        ("ecs", "DescribeTasks") => describe_tasks(cloud, call).await,
        ("ecs", "StopTask") => stop_task(cloud, call).await,
        ("elasticloadbalancing", "DescribeTargetHealth") => target_health(cloud, call).await,
        _ => repairs::around(cloud, call).await,
    }
}

/// Lets go on what was never to be steady.
pub(crate) fn release(cloud: &Cloud) {
    let seconds = STEADY * cloud.time_scale;
    cloud.rollouts().services.values_mut().for_each(|service| service.release(seconds, now()));
}

fn invalid(call: &Call, message: &str) -> Reply {
    errors::answer(call, StatusCode::BAD_REQUEST, "InvalidParameterException", message)
}

/// The fields of a request that describe the service.
fn spec(body: &Value) -> Map<String, Value> {
    let fields = SPEC.iter().filter_map(|name| Some(((*name).to_owned(), body.get(*name)?.clone())));
    fields.filter(|(_, value)| !value.is_null()).collect()
}

async fn create(cloud: &Cloud, call: Call) -> Reply {
    let (region, body, stuck) = (call.region.clone(), call.body(), call.stuck);
    let cluster = body["cluster"].as_str().unwrap_or("default").to_owned();
    let name = body["serviceName"].as_str().unwrap_or_default().to_owned();
    let token = body["clientToken"].as_str().map(str::to_owned);
    let existing =
        cloud.rollouts().of_cluster(&region, &cluster, now()).find(|service| service.name == name).map(|service| {
            (service.draining, token.is_some() && service.token == token && service.spec == spec(&body))
        });
    match existing {
        Some((Some(until), _)) if now() < until => {
            return invalid(&call, "Unable to Start a service that is still Draining.");
        }
        Some((None, true)) => return again(cloud, &region, &cluster, &name).await,
        Some((None, false)) => return invalid(&call, "Creation of service was not idempotent."),
        _ => {}
    }
    let mut reply = repairs::around(cloud, call).await.whole().await;
    if !reply.status.is_success() {
        return reply;
    }
    let mut answer = reply.json();
    let described = &mut answer["service"];
    if body["deploymentController"]["type"].as_str().is_some_and(|controller| controller != "ECS") {
        return reply;
    }
    let (Some(arn), Some(cluster_arn)) =
        (described["serviceArn"].as_str().map(str::to_owned), described["clusterArn"].as_str())
    else {
        return reply;
    };
    let definition = definition(cloud, &region, described["taskDefinition"].as_str().unwrap_or_default()).await;
    let seconds = if stuck { f64::INFINITY } else { STEADY * cloud.time_scale };
    let mut made = Service::new(&name, cluster_arn, seconds, now());
    made.spec = spec(&body);
    made.token = token;
    made.subnets = subnets(cloud, &region, &body).await;
    made.deploy(definition, count(&body["desiredCount"]).unwrap_or(0), now());
    made.advance(now());
    render::service(described, &made, now());
    cloud.rollouts().services.insert((region, arn), made);
    reply.set_body(answer.to_string());
    reply
}

/// The answer to a creation that has happened already.
async fn again(cloud: &Cloud, region: &str, cluster: &str, name: &str) -> Reply {
    let asked = json!({"cluster": cluster, "services": [name], "include": ["TAGS"]});
    let call = Call::json("ecs", region, "AmazonEC2ContainerServiceV20141113.DescribeServices", &asked);
    let reply = describe(cloud, call).await;
    reply.edit_json(|answer| *answer = json!({"service": answer["services"][0]})).await
}

async fn update(cloud: &Cloud, call: Call) -> Reply {
    let (region, body) = (call.region.clone(), call.body());
    let mut reply = repairs::around(cloud, call).await.whole().await;
    if !reply.status.is_success() {
        return reply;
    }
    let mut answer = reply.json();
    let described = &mut answer["service"];
    let arn = described["serviceArn"].as_str().unwrap_or_default().to_owned();
    let wanted = match body["taskDefinition"].as_str() {
        Some(wanted) => Some(definition(cloud, &region, wanted).await),
        None => None,
    };
    let subnets = subnets(cloud, &region, &body).await;
    let now = now();
    if let Some(service) = cloud.rollouts().get(&region, &arn, now) {
        let current = service.deployments.first().map(|primary| Arc::clone(&primary.definition));
        let mut anew = body["forceNewDeployment"] == Value::Bool(true);
        for (field, value) in spec(&body) {
            if service.spec.get(&field) != Some(&value) {
                anew |= !QUIET.contains(&field.as_str());
                service.spec.insert(field, value);
            }
        }
        if !subnets.is_empty() {
            service.subnets = subnets;
        }
        if service
            .spec
            .get("capacityProviderStrategy")
            .and_then(Value::as_array)
            .is_some_and(|strategy| !strategy.is_empty())
        {
            service.spec.remove("launchType");
        }
        let desired = count(&body["desiredCount"]).unwrap_or_else(|| service.desired());
        let changed =
            wanted.as_ref().is_some_and(|wanted| current.as_ref().is_none_or(|current| current.arn != wanted.arn));
        match wanted.or(current) {
            Some(definition) if anew || changed => service.deploy(definition, desired, now),
            _ if desired != service.desired() => service.scale(desired, now),
            _ => {}
        }
        service.advance(now);
        render::service(described, service, now);
        reply.set_body(answer.to_string());
    }
    reply
}

async fn describe(cloud: &Cloud, call: Call) -> Reply {
    let region = call.region.clone();
    let reply = repairs::around(cloud, call).await;
    reply
        .edit_json(|answer| {
            let (mut rollouts, now) = (cloud.rollouts(), now());
            for described in answer["services"].as_array_mut().into_iter().flatten() {
                let arn = described["serviceArn"].as_str().unwrap_or_default().to_owned();
                if let Some(service) = rollouts.get(&region, &arn, now) {
                    render::service(described, service, now);
                }
            }
        })
        .await
}

async fn delete(cloud: &Cloud, call: Call) -> Reply {
    let region = call.region.clone();
    let reply = repairs::around(cloud, call).await;
    reply
        .edit_json(|answer| {
            let described = &mut answer["service"];
            let arn = described["serviceArn"].as_str().unwrap_or_default().to_owned();
            let now = now();
            let mut rollouts = cloud.rollouts();
            let Some(service) = rollouts.get(&region, &arn, now) else {
                return;
            };
            let seconds = DRAIN * cloud.time_scale;
            let network = &service.spec.get("networkConfiguration").cloned().unwrap_or_default()["awsvpcConfiguration"];
            let used = ["subnets", "securityGroups"].iter().filter_map(|list| network[*list].as_array()).flatten();
            let used = used.filter_map(Value::as_str).map(str::to_owned).collect();
            service.drain(now, seconds);
            render::service(described, service, now);
            drop(rollouts);
            time::hold(cloud, "AWS::ECS::Service", &region, &arn, seconds, used);
        })
        .await
}

fn json_reply(body: &Value) -> Reply {
    Reply::new(StatusCode::OK, "application/x-amz-json-1.1", body.to_string().into())
}

fn count(value: &Value) -> Option<usize> {
    usize::try_from(value.as_u64()?).ok()
}
