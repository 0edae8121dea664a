//! `[compute]` into resources.

mod check;
mod task;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use cloud::{Handle, Stack};

use crate::cluster::Cluster;
use crate::cluster_properties::{CapacityProviderStrategyItem, ClusterSetting};
use crate::repository::{EncryptionConfiguration, ImageScanningConfiguration, LifecyclePolicy, Repository};
use crate::scalable_target::ScalableTarget;
use crate::scaling_policy::ScalingPolicy;
use crate::scaling_properties::{PredefinedMetricSpecification, TargetTrackingScalingPolicyConfiguration};
use crate::service::Service;
use crate::service_properties::{
    AwsVpcConfiguration, DeploymentCircuitBreaker, DeploymentConfiguration, LoadBalancer, NetworkConfiguration,
};
use crate::settings;
use crate::settings::{Capacity, CapacityName, CapacityWeights, Encryption, Settings};
use crate::wiring::{Inputs, Outputs, RepositoryOutputs, ServiceInputs, ServiceOutputs};

/// Seconds in which a new task behind a load balancer may fail its check.
const GRACE: u32 = 60;
/// Seconds after removing tasks before more are removed, and after adding before more are added.
const COOLDOWNS: (u32, u32) = (300, 60);

/// Declares the repositories. Before roles, which name them.
pub fn declare_repositories(
    settings: &Settings,
    prefix: &str,
    stack: &mut Stack,
) -> BTreeMap<String, RepositoryOutputs> {
    let mut outputs = BTreeMap::new();
    for (name, repository) in &settings.repository {
        let key = format!("compute.repository.{name}");
        stack.section(&key);
        check::repository(&key, repository, &mut stack.findings);
        let physical = repository.name.clone().unwrap_or_else(|| format!("{prefix}-{name}"));
        let handle = stack.add(key, repository_resource(&physical, repository));
        let (arn, uri) = (handle.get("Arn"), handle.get("RepositoryUri"));
        outputs.insert(name.clone(), RepositoryOutputs { name: physical, arn, uri, handle });
    }
    outputs
}

fn repository_resource(name: &str, repository: &settings::Repository) -> Repository {
    let kms = repository.encryption == Encryption::Kms;
    Repository {
        repository_name: Some(name.to_owned()),
        empty_on_delete: repository.empty_on_delete.then_some(true),
        encryption_configuration: Some(EncryptionConfiguration {
            encryption_type: Some(if kms { "KMS" } else { "AES256" }.to_owned()),
            kms_key: repository.kms_key.clone().filter(|_| kms),
        }),
        image_scanning_configuration: Some(ImageScanningConfiguration { scan_on_push: Some(repository.scan) }),
        image_tag_mutability: Some(if repository.immutable_tags { "IMMUTABLE" } else { "MUTABLE" }.to_owned()),
        lifecycle_policy: (repository.keep > 0)
            .then(|| LifecyclePolicy { lifecycle_policy_text: Some(keep_last(repository.keep)), registry_id: None }),
        ..Repository::default()
    }
}

/// The lifecycle policy that keeps so many images, in the order of keys that ECR answers with.
fn keep_last(count: u32) -> String {
    format!(
        r#"{{"rules":[{{"rulePriority":1,"description":"keep the last {count} images","selection":{{"tagStatus":"any","countType":"imageCountMoreThan","countNumber":{count}}},"action":{{"type":"expire"}}}}]}}"#
    )
}

/// Declares cluster, task definitions, services and their scaling.
///
/// What is wrong with the settings goes to `stack.findings`, each with its key; what can be declared nevertheless is.
pub fn declare(settings: &Settings, inputs: &Inputs, stack: &mut Stack) -> Outputs {
    let cluster_name = format!("{}-cluster", inputs.prefix);
    let mut outputs = Outputs {
        cluster_name: cluster_name.clone(),
        cluster_arn: String::new(),
        services: BTreeMap::new(),
        repositories: inputs.repositories.clone(),
    };
    check::capacity("compute.capacity", settings.capacity, &mut stack.findings);
    if settings.service.is_empty() {
        return outputs;
    }
    stack.section("compute");
    let cluster = stack.add("compute.cluster", cluster_resource(&cluster_name, settings));
    outputs.cluster_arn = cluster.get("Arn");
    let nothing = ServiceInputs::default();
    for (name, service) in &settings.service {
        let key = format!("compute.service.{name}");
        stack.section(&key);
        check::service(&key, service, inputs, &mut stack.findings);
        let declaring = Declaring {
            name,
            family: format!("{}-{name}", inputs.prefix),
            service,
            given: inputs.services.get(name).unwrap_or(&nothing),
            inputs,
        };
        let capacity = service.capacity.unwrap_or(settings.capacity);
        let made = declaring.declare(&cluster, &cluster_name, capacity, stack);
        outputs.services.insert(name.clone(), made);
    }
    outputs
}

fn cluster_resource(name: &str, settings: &Settings) -> Cluster {
    Cluster {
        cluster_name: Some(name.to_owned()),
        capacity_providers: Some(vec!["FARGATE".to_owned(), "FARGATE_SPOT".to_owned()]),
        default_capacity_provider_strategy: Some(strategy(settings.capacity)),
        cluster_settings: Some(vec![ClusterSetting {
            name: Some("containerInsights".to_owned()),
            value: Some(settings.container_insights.value().to_owned()),
        }]),
        ..Cluster::default()
    }
}

/// The capacity provider strategy that capacity in a person's words means.
fn strategy(capacity: Capacity) -> Vec<CapacityProviderStrategyItem> {
    let weights = match capacity {
        Capacity::One(CapacityName::OnDemand) => CapacityWeights { on_demand: 1, ..CapacityWeights::default() },
        Capacity::One(CapacityName::Spot) => CapacityWeights { spot: 1, ..CapacityWeights::default() },
        Capacity::Weighted(weights) => weights,
    };
    let item = |provider: &str, weight: u32, base: u32| CapacityProviderStrategyItem {
        capacity_provider: Some(provider.to_owned()),
        weight: Some(number(weight)),
        base: Some(number(base)),
    };
    let mut items = Vec::new();
    if weights.on_demand > 0 || weights.on_demand_base > 0 {
        items.push(item("FARGATE", weights.on_demand, weights.on_demand_base));
    }
    if weights.spot > 0 {
        items.push(item("FARGATE_SPOT", weights.spot, 0));
    }
    items
}

/// A number as AWS takes it. Greater ones are refused by the schema's bounds or by a finding.
pub(super) fn number(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

/// One service on its way into the stack.
struct Declaring<'a> {
    name: &'a str,
    family: String,
    service: &'a settings::Service,
    given: &'a ServiceInputs,
    inputs: &'a Inputs,
}

impl Declaring<'_> {
    fn declare(&self, cluster: &Handle, cluster_name: &str, capacity: Capacity, stack: &mut Stack) -> ServiceOutputs {
        let image = self.image();
        let definition = stack.add(format!("compute.task-definition.{}", self.name), self.task_definition(&image));
        stack.owned(&definition, "ContainerDefinitions/*/Image", "releases");
        let service = self.service(cluster, &definition, capacity);
        let handle = stack.add(format!("compute.service.{}", self.name), service);
        for before in self.given.listeners.iter().chain(&self.given.waits_for) {
            stack.depends_on(&handle, before);
        }
        let bounds = self.service.tasks.bounds();
        if let Some(bounds) = bounds {
            stack.owned(&handle, "DesiredCount", "Application Auto Scaling");
            self.scaling(&handle, cluster_name, bounds, stack);
        }
        ServiceOutputs {
            name: self.family.clone(),
            arn: handle.get("ServiceArn"),
            family: self.family.clone(),
            container: self.name.to_owned(),
            task_definition: definition.id(),
            image,
            memory: self.service.memory,
            bounds,
            handle,
            task_definition_handle: definition,
        }
    }

    fn service(&self, cluster: &Handle, definition: &Handle, capacity: Capacity) -> Service {
        let settings = self.service;
        let port = settings.listen.as_ref().map(|listen| number(listen.port));
        let balanced = self.given.target_group.as_ref().zip(port);
        let grace = balanced.is_some().then(|| number(settings.grace.unwrap_or(GRACE)));
        let public = if self.given.assign_public_ip { "ENABLED" } else { "DISABLED" };
        let circuit_breaker = DeploymentCircuitBreaker {
            enable: Some(settings.circuit_breaker),
            rollback: Some(settings.circuit_breaker),
        };
        Service {
            service_name: Some(self.family.clone()),
            cluster: Some(cluster.id()),
            task_definition: Some(definition.id()),
            desired_count: Some(number(settings.tasks.first())),
            capacity_provider_strategy: Some(strategy(capacity)),
            platform_version: Some("LATEST".to_owned()),
            deployment_configuration: Some(DeploymentConfiguration {
                deployment_circuit_breaker: Some(circuit_breaker),
                minimum_healthy_percent: Some(number(settings.minimum_healthy_percent)),
                maximum_percent: Some(number(settings.maximum_percent)),
                ..DeploymentConfiguration::default()
            }),
            network_configuration: Some(NetworkConfiguration {
                awsvpc_configuration: Some(AwsVpcConfiguration {
                    subnets: Some(self.given.subnets.clone()),
                    security_groups: self.given.security_group.clone().map(|group| vec![group]),
                    assign_public_ip: Some(public.to_owned()),
                }),
            }),
            load_balancers: balanced.map(|(target_group, port)| {
                vec![LoadBalancer {
                    container_name: Some(self.name.to_owned()),
                    container_port: Some(port),
                    target_group_arn: Some(target_group.clone()),
                }]
            }),
            health_check_grace_period_seconds: grace,
            enable_ecs_managed_tags: Some(true),
            enable_execute_command: Some(settings.exec),
            propagate_tags: Some("SERVICE".to_owned()),
            ..Service::default()
        }
    }

    fn scaling(&self, service: &Handle, cluster_name: &str, (min, max): (u32, u32), stack: &mut Stack) {
        let tasks = &self.service.tasks;
        let target = stack.add(
            format!("compute.scalable-target.{}", self.name),
            ScalableTarget {
                min_capacity: Some(number(min)),
                max_capacity: Some(number(max)),
                // The service's name as a reference: scaling needs the service, and its price is looked up there.
                resource_id: Some(format!("service/{cluster_name}/{}", service.get("Name"))),
                scalable_dimension: Some("ecs:service:DesiredCount".to_owned()),
                service_namespace: Some("ecs".to_owned()),
                ..ScalableTarget::default()
            },
        );
        let metrics = [
            ("cpu", tasks.cpu, "ECSServiceAverageCPUUtilization"),
            ("memory", tasks.memory, "ECSServiceAverageMemoryUtilization"),
        ];
        for (what, value, metric) in metrics {
            let Some(value) = value else { continue };
            let tracking = TargetTrackingScalingPolicyConfiguration {
                predefined_metric_specification: Some(PredefinedMetricSpecification {
                    predefined_metric_type: Some(metric.to_owned()),
                    resource_label: None,
                }),
                scale_in_cooldown: Some(number(tasks.scale_in_cooldown.unwrap_or(COOLDOWNS.0))),
                scale_out_cooldown: Some(number(tasks.scale_out_cooldown.unwrap_or(COOLDOWNS.1))),
                target_value: Some(value),
                ..TargetTrackingScalingPolicyConfiguration::default()
            };
            let policy = ScalingPolicy {
                policy_name: Some(format!("{}-{what}", self.family)),
                policy_type: Some("TargetTrackingScaling".to_owned()),
                scaling_target_id: Some(target.id()),
                target_tracking_scaling_policy_configuration: Some(tracking),
                ..ScalingPolicy::default()
            };
            stack.add(format!("compute.scaling-policy.{}.{what}", self.name), policy);
        }
    }
}
