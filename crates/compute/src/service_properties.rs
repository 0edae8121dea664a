//! The parts of an ECS service, as CloudFormation writes them, and to and from the SDK's types.

use aws_sdk_ecs::types as sdk;
use cloud::Failure;
use serde::{Deserialize, Serialize};

use crate::container::LogConfiguration;
use crate::container_sdk::log_to_sdk;
use crate::ecs::{each, incomplete, some, try_each};

/// How a deployment goes about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct DeploymentConfiguration {
    /// Alarms that fail a deployment.
    pub alarms: Option<DeploymentAlarms>,
    /// Minutes that both sides of a blue/green deployment stay.
    pub bake_time_in_minutes: Option<i32>,
    /// Whether tasks that do not come up fail a deployment.
    pub deployment_circuit_breaker: Option<DeploymentCircuitBreaker>,
    /// Most tasks in percent of the desired ones.
    pub maximum_percent: Option<i32>,
    /// Least healthy tasks in percent of the desired ones.
    pub minimum_healthy_percent: Option<i32>,
    /// `ROLLING` or `BLUE_GREEN`.
    pub strategy: Option<String>,
}

/// Alarms that fail a deployment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct DeploymentAlarms {
    /// Their names.
    pub alarm_names: Option<Vec<String>>,
    /// Whether they are looked at.
    pub enable: Option<bool>,
    /// Whether the deployment before is brought back.
    pub rollback: Option<bool>,
}

/// Whether tasks that do not come up fail a deployment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct DeploymentCircuitBreaker {
    /// Whether they do.
    pub enable: Option<bool>,
    /// Whether the deployment before is brought back.
    pub rollback: Option<bool>,
}

/// Who deploys.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct DeploymentController {
    /// `ECS`, `CODE_DEPLOY` or `EXTERNAL`.
    #[serde(rename = "Type")]
    pub kind: Option<String>,
}

/// Asks for a new deployment though nothing else changed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct ForceNewDeployment {
    /// Whether it does.
    pub enable_force_new_deployment: Option<bool>,
    /// Any text; another one asks again.
    pub force_new_deployment_nonce: Option<String>,
}

/// A target group that the service's tasks are registered in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct LoadBalancer {
    /// The container that is sent requests.
    pub container_name: Option<String>,
    /// The port that is sent requests.
    pub container_port: Option<i32>,
    /// The target group.
    pub target_group_arn: Option<String>,
}

/// Where tasks are in the network.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct NetworkConfiguration {
    /// Subnets and security groups.
    pub awsvpc_configuration: Option<AwsVpcConfiguration>,
}

/// Subnets and security groups of tasks.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct AwsVpcConfiguration {
    /// Whether tasks get public addresses: `ENABLED` or `DISABLED`.
    pub assign_public_ip: Option<String>,
    /// Security group ids.
    pub security_groups: Option<Vec<String>>,
    /// Subnet ids.
    pub subnets: Option<Vec<String>>,
}

/// Where tasks may run, or are best run; not on Fargate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct PlacementConstraint {
    /// In the cluster query language.
    pub expression: Option<String>,
    /// `distinctInstance` or `memberOf`.
    #[serde(rename = "Type")]
    pub kind: Option<String>,
}

/// How tasks are spread; not on Fargate.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct PlacementStrategy {
    /// What they are spread by.
    pub field: Option<String>,
    /// `binpack`, `random` or `spread`.
    #[serde(rename = "Type")]
    pub kind: Option<String>,
}

/// A Cloud Map service that tasks are registered in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct ServiceRegistry {
    /// The container whose port is registered.
    pub container_name: Option<String>,
    /// The container's port.
    pub container_port: Option<i32>,
    /// The port of `SRV` records.
    pub port: Option<i32>,
    /// The Cloud Map service.
    pub registry_arn: Option<String>,
}

/// Service Connect.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct ServiceConnectConfiguration {
    /// Whether it is used.
    pub enabled: Option<bool>,
    /// Where its proxy's output goes.
    pub log_configuration: Option<LogConfiguration>,
    /// The Cloud Map namespace.
    pub namespace: Option<String>,
    /// What this service offers to others.
    pub services: Option<Vec<ServiceConnectService>>,
}

/// A named port that other services reach.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct ServiceConnectService {
    /// What others call it.
    pub client_aliases: Option<Vec<ServiceConnectClientAlias>>,
    /// Its name in Cloud Map.
    pub discovery_name: Option<String>,
    /// The port its proxy listens on.
    pub ingress_port_override: Option<i32>,
    /// The name of the port mapping.
    pub port_name: Option<String>,
    /// How long requests may take.
    pub timeout: Option<TimeoutConfiguration>,
}

/// What other services call a named port.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct ServiceConnectClientAlias {
    /// The name.
    pub dns_name: Option<String>,
    /// The port.
    pub port: Option<i32>,
}

/// How long requests through Service Connect may take.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct TimeoutConfiguration {
    /// Seconds that a connection may be idle.
    pub idle_timeout_seconds: Option<i32>,
    /// Seconds that an answer may take.
    pub per_request_timeout_seconds: Option<i32>,
}

fn text(value: Option<&impl ToString>) -> Option<String> {
    value.map(ToString::to_string)
}

pub(crate) fn deployment_to_sdk(it: &DeploymentConfiguration) -> Result<sdk::DeploymentConfiguration, Failure> {
    let alarms = it.alarms.as_ref().map(|it| {
        sdk::DeploymentAlarms::builder()
            .set_alarm_names(Some(it.alarm_names.clone().unwrap_or_default()))
            .set_enable(it.enable)
            .set_rollback(it.rollback)
            .build()
            .map_err(incomplete)
    });
    let breaker = it
        .deployment_circuit_breaker
        .as_ref()
        .map(|it| sdk::DeploymentCircuitBreaker::builder().set_enable(it.enable).set_rollback(it.rollback).build());
    let built = sdk::DeploymentConfiguration::builder()
        .set_alarms(alarms.transpose()?)
        .set_bake_time_in_minutes(it.bake_time_in_minutes)
        .set_deployment_circuit_breaker(breaker)
        .set_maximum_percent(it.maximum_percent)
        .set_minimum_healthy_percent(it.minimum_healthy_percent)
        .set_strategy(it.strategy.as_deref().map(sdk::DeploymentStrategy::from));
    Ok(built.build())
}

pub(crate) fn deployment_from_sdk(it: &sdk::DeploymentConfiguration) -> DeploymentConfiguration {
    DeploymentConfiguration {
        alarms: it.alarms().filter(|it| it.enable || !it.alarm_names.is_empty()).map(|it| DeploymentAlarms {
            alarm_names: some(&it.alarm_names),
            enable: Some(it.enable),
            rollback: Some(it.rollback),
        }),
        bake_time_in_minutes: it.bake_time_in_minutes,
        deployment_circuit_breaker: it
            .deployment_circuit_breaker()
            .map(|it| DeploymentCircuitBreaker { enable: Some(it.enable), rollback: Some(it.rollback) }),
        maximum_percent: it.maximum_percent,
        minimum_healthy_percent: it.minimum_healthy_percent,
        strategy: text(it.strategy()),
    }
}

pub(crate) fn controller_to_sdk(it: &DeploymentController) -> Result<sdk::DeploymentController, Failure> {
    let kind = it.kind.as_deref().map(sdk::DeploymentControllerType::from);
    sdk::DeploymentController::builder().set_type(kind).build().map_err(incomplete)
}

pub(crate) fn balancers_to_sdk(items: &[LoadBalancer]) -> Vec<sdk::LoadBalancer> {
    let balancer = |it: &LoadBalancer| {
        sdk::LoadBalancer::builder()
            .set_container_name(it.container_name.clone())
            .set_container_port(it.container_port)
            .set_target_group_arn(it.target_group_arn.clone())
            .build()
    };
    items.iter().map(balancer).collect()
}

pub(crate) fn balancers_from_sdk(items: &[sdk::LoadBalancer]) -> Option<Vec<LoadBalancer>> {
    each(items, |it| LoadBalancer {
        container_name: it.container_name.clone(),
        container_port: it.container_port,
        target_group_arn: it.target_group_arn.clone(),
    })
}

pub(crate) fn network_to_sdk(it: &NetworkConfiguration) -> Result<sdk::NetworkConfiguration, Failure> {
    let vpc = it.awsvpc_configuration.as_ref().map(|it| {
        sdk::AwsVpcConfiguration::builder()
            .set_assign_public_ip(it.assign_public_ip.as_deref().map(sdk::AssignPublicIp::from))
            .set_security_groups(it.security_groups.clone())
            .set_subnets(it.subnets.clone())
            .build()
            .map_err(incomplete)
    });
    Ok(sdk::NetworkConfiguration::builder().set_awsvpc_configuration(vpc.transpose()?).build())
}

pub(crate) fn network_from_sdk(it: &sdk::NetworkConfiguration) -> Option<NetworkConfiguration> {
    let vpc = it.awsvpc_configuration()?;
    let awsvpc_configuration = Some(AwsVpcConfiguration {
        assign_public_ip: text(vpc.assign_public_ip()),
        security_groups: some(vpc.security_groups()),
        subnets: some(vpc.subnets()),
    });
    Some(NetworkConfiguration { awsvpc_configuration })
}

pub(crate) fn constraints_to_sdk(items: &[PlacementConstraint]) -> Vec<sdk::PlacementConstraint> {
    let constraint = |it: &PlacementConstraint| {
        sdk::PlacementConstraint::builder()
            .set_expression(it.expression.clone())
            .set_type(it.kind.as_deref().map(sdk::PlacementConstraintType::from))
            .build()
    };
    items.iter().map(constraint).collect()
}

pub(crate) fn constraints_from_sdk(items: &[sdk::PlacementConstraint]) -> Option<Vec<PlacementConstraint>> {
    each(items, |it| PlacementConstraint { expression: it.expression.clone(), kind: text(it.r#type()) })
}

pub(crate) fn strategies_to_sdk(items: &[PlacementStrategy]) -> Vec<sdk::PlacementStrategy> {
    let strategy = |it: &PlacementStrategy| {
        sdk::PlacementStrategy::builder()
            .set_field(it.field.clone())
            .set_type(it.kind.as_deref().map(sdk::PlacementStrategyType::from))
            .build()
    };
    items.iter().map(strategy).collect()
}

pub(crate) fn strategies_from_sdk(items: &[sdk::PlacementStrategy]) -> Option<Vec<PlacementStrategy>> {
    each(items, |it| PlacementStrategy { field: it.field.clone(), kind: text(it.r#type()) })
}

pub(crate) fn registries_to_sdk(items: &[ServiceRegistry]) -> Vec<sdk::ServiceRegistry> {
    let registry = |it: &ServiceRegistry| {
        sdk::ServiceRegistry::builder()
            .set_container_name(it.container_name.clone())
            .set_container_port(it.container_port)
            .set_port(it.port)
            .set_registry_arn(it.registry_arn.clone())
            .build()
    };
    items.iter().map(registry).collect()
}

pub(crate) fn registries_from_sdk(items: &[sdk::ServiceRegistry]) -> Option<Vec<ServiceRegistry>> {
    each(items, |it| ServiceRegistry {
        container_name: it.container_name.clone(),
        container_port: it.container_port,
        port: it.port,
        registry_arn: it.registry_arn.clone(),
    })
}

pub(crate) fn connect_to_sdk(it: &ServiceConnectConfiguration) -> Result<sdk::ServiceConnectConfiguration, Failure> {
    let services = try_each(&it.services, |it| {
        let aliases = try_each(&it.client_aliases, |it| {
            let alias = sdk::ServiceConnectClientAlias::builder().set_dns_name(it.dns_name.clone()).set_port(it.port);
            alias.build().map_err(incomplete)
        })?;
        let timeout = it.timeout.as_ref().map(|it| {
            sdk::TimeoutConfiguration::builder()
                .set_idle_timeout_seconds(it.idle_timeout_seconds)
                .set_per_request_timeout_seconds(it.per_request_timeout_seconds)
                .build()
        });
        sdk::ServiceConnectService::builder()
            .set_client_aliases(aliases)
            .set_discovery_name(it.discovery_name.clone())
            .set_ingress_port_override(it.ingress_port_override)
            .set_port_name(it.port_name.clone())
            .set_timeout(timeout)
            .build()
            .map_err(incomplete)
    })?;
    let built = sdk::ServiceConnectConfiguration::builder()
        .set_enabled(it.enabled)
        .set_log_configuration(it.log_configuration.as_ref().map(log_to_sdk).transpose()?)
        .set_namespace(it.namespace.clone())
        .set_services(services);
    Ok(built.build())
}

#[cfg(test)]
mod tests {
    use engine::intrinsic::lower;
    use serde_json::{Value, json};

    use super::*;

    fn back<T: Serialize>(value: &T) -> Value {
        lower(serde_json::to_value(value).unwrap())
    }

    #[test]
    fn every_property_goes_there_and_back() {
        let deployment = json!({
            "Alarms": { "AlarmNames": ["a"], "Enable": true, "Rollback": true },
            "BakeTimeInMinutes": 5,
            "DeploymentCircuitBreaker": { "Enable": true, "Rollback": true },
            "MaximumPercent": 200,
            "MinimumHealthyPercent": 100,
            "Strategy": "ROLLING",
        });
        let typed: DeploymentConfiguration = serde_json::from_value(deployment.clone()).unwrap();
        assert_eq!(back(&deployment_from_sdk(&deployment_to_sdk(&typed).unwrap())), deployment);

        let network = json!({ "AwsvpcConfiguration": {
            "AssignPublicIp": "DISABLED", "SecurityGroups": ["sg-1"], "Subnets": ["subnet-1", "subnet-2"],
        } });
        let typed: NetworkConfiguration = serde_json::from_value(network.clone()).unwrap();
        assert_eq!(back(&network_from_sdk(&network_to_sdk(&typed).unwrap())), network);

        let balancers = json!([{ "ContainerName": "api", "ContainerPort": 3000, "TargetGroupArn": "arn:tg" }]);
        let typed: Vec<LoadBalancer> = serde_json::from_value(balancers.clone()).unwrap();
        assert_eq!(back(&balancers_from_sdk(&balancers_to_sdk(&typed))), balancers);

        let registries = json!([{ "ContainerName": "api", "ContainerPort": 1, "Port": 2, "RegistryArn": "arn:sd" }]);
        let typed: Vec<ServiceRegistry> = serde_json::from_value(registries.clone()).unwrap();
        assert_eq!(back(&registries_from_sdk(&registries_to_sdk(&typed))), registries);

        let constraints = json!([{ "Expression": "attribute:x == y", "Type": "memberOf" }]);
        let typed: Vec<PlacementConstraint> = serde_json::from_value(constraints.clone()).unwrap();
        assert_eq!(back(&constraints_from_sdk(&constraints_to_sdk(&typed))), constraints);

        let strategies = json!([{ "Field": "attribute:ecs.availability-zone", "Type": "spread" }]);
        let typed: Vec<PlacementStrategy> = serde_json::from_value(strategies.clone()).unwrap();
        assert_eq!(back(&strategies_from_sdk(&strategies_to_sdk(&typed))), strategies);
    }

    #[test]
    fn alarms_that_are_off_are_none() {
        let off = sdk::DeploymentAlarms::builder().set_alarm_names(Some(vec![])).rollback(false).enable(false);
        let sdk = sdk::DeploymentConfiguration::builder().alarms(off.build().unwrap()).build();
        assert_eq!(deployment_from_sdk(&sdk).alarms, None);
    }

    #[test]
    fn service_connect_is_said_whole() {
        let connect: ServiceConnectConfiguration = serde_json::from_value(json!({
            "Enabled": true, "Namespace": "internal", "Services": [{
                "PortName": "web", "DiscoveryName": "api", "ClientAliases": [{ "DnsName": "api", "Port": 80 }],
                "Timeout": { "IdleTimeoutSeconds": 60, "PerRequestTimeoutSeconds": 15 },
            }],
        }))
        .unwrap();
        let sdk = connect_to_sdk(&connect).unwrap();
        let service = &sdk.services()[0];
        assert_eq!((service.port_name(), service.discovery_name()), ("web", Some("api")));
        assert_eq!(service.client_aliases()[0].port, 80);
        let nameless = ServiceConnectConfiguration { services: Some(vec![Default::default()]), ..Default::default() };
        assert!(connect_to_sdk(&nameless).is_err());
    }
}
