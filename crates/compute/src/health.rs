//! Health: services whose tasks do not all run, or whose last deployment failed.

use std::collections::BTreeMap;

use aws_sdk_ecs::types::Service as SdkService;
use cloud::{Address, Context, Failure, Readiness, Resource};
use engine::health::{Check, Status};
use futures::future::join_all;
use serde_json::Value;

use crate::rollout;
use crate::service::{Service, cluster_and_name, describe};

/// Looks at the services among the resources (address, type, id, what was applied).
pub async fn check(resources: &[(Address, String, String, Value)], cx: &Context) -> Vec<Check> {
    let services: Vec<(&Address, &str)> = resources
        .iter()
        .filter(|(_, type_name, ..)| type_name == Service::TYPE)
        .map(|(address, _, id, _)| (address, id.as_str()))
        .collect();
    let mut by_cluster: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (_, id) in &services {
        let (cluster, name) = cluster_and_name(id);
        by_cluster.entry(cluster).or_default().push(name.to_owned());
    }
    let mut found: BTreeMap<&str, Result<Vec<SdkService>, Failure>> = BTreeMap::new();
    for (cluster, names) in by_cluster {
        found.insert(cluster, describe(cluster, &names, cx).await);
    }
    let look = services.into_iter().map(|(address, id)| {
        let answer = found.get(cluster_and_name(id).0);
        async move {
            match answer {
                Some(Ok(services)) => match services.iter().find(|service| service.service_arn() == Some(id)) {
                    Some(service) => match rollout::readiness(service, cx).await {
                        Ok(readiness) => judge(address, service, &readiness),
                        Err(failure) => unknown(address, &failure),
                    },
                    None => gone(address),
                },
                Some(Err(failure)) => unknown(address, failure),
                None => gone(address),
            }
        }
    });
    join_all(look).await
}

/// The service's name in the environment file.
fn name(address: &Address) -> &str {
    address.as_str().strip_prefix("compute.service.").unwrap_or(address.as_str())
}

fn line(address: &Address, status: Status, detail: String, hint: Option<String>) -> Check {
    Check { name: format!("service {}", name(address)), address: address.clone(), status, detail, hint }
}

fn gone(address: &Address) -> Check {
    let hint = Some("make it again: cargo xtask deploy-full".to_owned());
    line(address, Status::Unhealthy, "it is gone".to_owned(), hint)
}

fn unknown(address: &Address, failure: &Failure) -> Check {
    line(address, Status::Unknown, failure.to_string(), failure.hint.clone())
}

fn judge(address: &Address, service: &SdkService, readiness: &Readiness) -> Check {
    let logs = || Some(format!("see its log: cargo xtask logs {}", name(address)));
    let definition = service.task_definition().and_then(|arn| arn.rsplit('/').next()).unwrap_or_default();
    let counts = format!("{} of {} tasks running", service.running_count, service.desired_count);
    match readiness {
        Readiness::Ready => line(address, Status::Healthy, format!("{counts}, {definition}"), None),
        // All tasks run while a deployment goes on: the service does its work.
        Readiness::Pending(state) if service.running_count >= service.desired_count => {
            line(address, Status::Healthy, format!("{counts}; deploying {definition}: {state}"), None)
        }
        Readiness::Pending(state) => line(address, Status::Unhealthy, state.clone(), logs()),
        Readiness::Failed(why) => line(address, Status::Unhealthy, format!("{counts}; {why}"), logs()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_judged_by_its_tasks_and_its_deployment() {
        let address = Address::of("compute.service.api");
        let service = |running| {
            SdkService::builder().running_count(running).desired_count(2).task_definition("arn:x/api:3").build()
        };
        let pending = || Readiness::Pending("1 of 2 tasks running".to_owned());
        let cases = [
            (2, Readiness::Ready, Status::Healthy, "2 of 2 tasks running, api:3"),
            (2, pending(), Status::Healthy, "deploying api:3"),
            (1, pending(), Status::Unhealthy, "1 of 2 tasks running"),
            (2, Readiness::Failed("rolled back".to_owned()), Status::Unhealthy, "2 of 2 tasks running; rolled back"),
        ];
        for (running, readiness, status, words) in cases {
            let check = judge(&address, &service(running), &readiness);
            assert_eq!((check.status, check.name.as_str()), (status, "service api"), "{readiness:?}");
            assert!(check.detail.contains(words), "{}", check.detail);
            assert_eq!(check.hint.is_some(), status == Status::Unhealthy);
        }
        assert_eq!(gone(&address).status, Status::Unhealthy);
    }
}
