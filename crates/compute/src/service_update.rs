//! Changes of an ECS service: one UpdateService with what differs.

use aws_sdk_ecs::Client;
use aws_sdk_ecs::operation::update_service::builders::UpdateServiceFluentBuilder;
use aws_sdk_ecs::types::{AvailabilityZoneRebalancing, PropagateTags};
use cloud::{Aws, AwsResult, Context, Failure};

use crate::cluster_properties::{CapacityProviderStrategyItem, strategy_to_sdk};
use crate::ecs;
use crate::service::{Service, cluster_and_name};
use crate::service_properties as parts;
use crate::service_properties::{
    DeploymentAlarms, DeploymentCircuitBreaker, DeploymentConfiguration, NetworkConfiguration,
    ServiceConnectConfiguration,
};

/// Makes a live service the declared one.
pub(crate) async fn update(declared: &Service, arn: &str, live: &Service, cx: &Context) -> Result<(), Failure> {
    let (cluster, name) = cluster_and_name(arn);
    let call = cx.client(Client::new).update_service().cluster(cluster).service(name);
    let Some(call) = changes(declared, live, call)? else { return Ok(()) };
    call.send().await.aws("ecs:UpdateService").map(drop).map_err(ecs::kind_in_words)
}

/// The call with what differs; `None` where nothing does.
fn changes(
    declared: &Service,
    live: &Service,
    mut call: UpdateServiceFluentBuilder,
) -> Result<Option<UpdateServiceFluentBuilder>, Failure> {
    let mut differs = false;
    let mut when = |different: bool| {
        differs |= different;
        different
    };

    if when(declared.task_definition != live.task_definition) {
        call = call.set_task_definition(declared.task_definition.clone());
    }
    // A number that nobody declares is not ours to set.
    if when(declared.desired_count.is_some() && declared.desired_count != live.desired_count) {
        call = call.set_desired_count(declared.desired_count);
    }
    if when(shares(&declared.capacity_provider_strategy) != shares(&live.capacity_provider_strategy)) {
        // An empty list goes back to the cluster's default. ECS wants both together.
        call = call
            .set_capacity_provider_strategy(Some(
                strategy_to_sdk(&declared.capacity_provider_strategy)?.unwrap_or_default(),
            ))
            .force_new_deployment(true);
    }
    if when(network(&declared.network_configuration) != network(&live.network_configuration)) {
        let network = declared.network_configuration.as_ref();
        call = call.set_network_configuration(network.map(parts::network_to_sdk).transpose()?);
    }
    if when(declared.load_balancers != live.load_balancers) {
        let balancers = declared.load_balancers.as_deref().unwrap_or_default();
        call = call.set_load_balancers(Some(parts::balancers_to_sdk(balancers)));
    }
    if when(declared.service_registries != live.service_registries) {
        let registries = declared.service_registries.as_deref().unwrap_or_default();
        call = call.set_service_registries(Some(parts::registries_to_sdk(registries)));
    }
    let wanted = deployment(&declared.deployment_configuration, &live.deployment_configuration);
    if when(deployment_differs(&wanted, &live.deployment_configuration)) {
        call = call.deployment_configuration(parts::deployment_to_sdk(&wanted)?);
    }
    if when(declared.deployment_controller != live.deployment_controller && declared.deployment_controller.is_some()) {
        let controller = declared.deployment_controller.as_ref();
        call = call.set_deployment_controller(controller.map(parts::controller_to_sdk).transpose()?);
    }
    if when(
        declared.health_check_grace_period_seconds.unwrap_or(0) != live.health_check_grace_period_seconds.unwrap_or(0),
    ) {
        call = call.health_check_grace_period_seconds(declared.health_check_grace_period_seconds.unwrap_or(0));
    }
    let platform = declared.platform_version.as_deref().unwrap_or("LATEST");
    if when(platform != live.platform_version.as_deref().unwrap_or("LATEST")) {
        call = call.platform_version(platform);
    }
    if when(declared.enable_execute_command.unwrap_or(false) != live.enable_execute_command.unwrap_or(false)) {
        call = call.enable_execute_command(declared.enable_execute_command.unwrap_or(false));
    }
    if when(declared.enable_ecs_managed_tags.unwrap_or(false) != live.enable_ecs_managed_tags.unwrap_or(false)) {
        call = call.enable_ecs_managed_tags(declared.enable_ecs_managed_tags.unwrap_or(false));
    }
    if when(declared.propagate_tags != live.propagate_tags) {
        call = call.propagate_tags(PropagateTags::from(declared.propagate_tags.as_deref().unwrap_or("NONE")));
    }
    // Its default depends on the rest of the service: what nobody declares stays.
    if let Some(rebalancing) = declared.availability_zone_rebalancing.as_deref()
        && when(live.availability_zone_rebalancing.as_deref() != Some(rebalancing))
    {
        call = call.availability_zone_rebalancing(AvailabilityZoneRebalancing::from(rebalancing));
    }
    if when(declared.placement_constraints != live.placement_constraints) {
        let constraints = declared.placement_constraints.as_deref().unwrap_or_default();
        call = call.set_placement_constraints(Some(parts::constraints_to_sdk(constraints)));
    }
    if when(declared.placement_strategies != live.placement_strategies) {
        let strategies = declared.placement_strategies.as_deref().unwrap_or_default();
        call = call.set_placement_strategy(Some(parts::strategies_to_sdk(strategies)));
    }
    // These two are never read back: `live` has what was applied last.
    if when(declared.service_connect_configuration != live.service_connect_configuration) {
        let off = ServiceConnectConfiguration { enabled: Some(false), ..ServiceConnectConfiguration::default() };
        let connect = declared.service_connect_configuration.as_ref().unwrap_or(&off);
        call = call.service_connect_configuration(parts::connect_to_sdk(connect)?);
    }
    let forced = declared.force_new_deployment.as_ref().and_then(|force| force.enable_force_new_deployment);
    if when(forced == Some(true) && declared.force_new_deployment != live.force_new_deployment) {
        call = call.force_new_deployment(true);
    }
    Ok(differs.then_some(call))
}

/// A strategy without regard to order and to what ECS fills in.
fn shares(strategy: &Option<Vec<CapacityProviderStrategyItem>>) -> Vec<(&str, i32, i32)> {
    let mut shares: Vec<(&str, i32, i32)> = Vec::new();
    for item in strategy.iter().flatten() {
        let provider = item.capacity_provider.as_deref().unwrap_or_default();
        shares.push((provider, item.weight.unwrap_or(0), item.base.unwrap_or(0)));
    }
    shares.sort_unstable();
    shares
}

/// A network configuration without regard to order and to what ECS fills in: to set it starts a deployment.
fn network(configuration: &Option<NetworkConfiguration>) -> Option<(Vec<&str>, Vec<&str>, &str)> {
    let vpc = configuration.as_ref()?.awsvpc_configuration.as_ref()?;
    let mut subnets: Vec<&str> = vpc.subnets.iter().flatten().map(String::as_str).collect();
    let mut groups: Vec<&str> = vpc.security_groups.iter().flatten().map(String::as_str).collect();
    subnets.sort_unstable();
    groups.sort_unstable();
    Some((subnets, groups, vpc.assign_public_ip.as_deref().unwrap_or("DISABLED")))
}

/// The declared deployment configuration; what is no longer declared goes back to its default.
fn deployment(
    declared: &Option<DeploymentConfiguration>,
    live: &Option<DeploymentConfiguration>,
) -> DeploymentConfiguration {
    let mut wanted = declared.clone().unwrap_or_default();
    let Some(live) = live else { return wanted };
    if wanted.deployment_circuit_breaker.is_none() && live.deployment_circuit_breaker.is_some() {
        wanted.deployment_circuit_breaker =
            Some(DeploymentCircuitBreaker { enable: Some(false), rollback: Some(false) });
    }
    if wanted.alarms.is_none() && live.alarms.is_some() {
        wanted.alarms = Some(DeploymentAlarms { enable: Some(false), rollback: Some(false), alarm_names: None });
    }
    if wanted.minimum_healthy_percent.is_none() && live.minimum_healthy_percent.is_some() {
        wanted.minimum_healthy_percent = Some(100);
    }
    if wanted.maximum_percent.is_none() && live.maximum_percent.is_some() {
        wanted.maximum_percent = Some(200);
    }
    wanted
}

/// Whether something wanted is not so; what nobody wants is ECS's.
fn deployment_differs(wanted: &DeploymentConfiguration, live: &Option<DeploymentConfiguration>) -> bool {
    let none = DeploymentConfiguration::default();
    let live = live.as_ref().unwrap_or(&none);
    fn differs<T: PartialEq>(wanted: &Option<T>, live: &Option<T>) -> bool {
        wanted.is_some() && wanted != live
    }
    // Alarms that are off are read as none.
    let alarms = wanted.alarms.as_ref().filter(|alarms| alarms.enable == Some(true) || live.alarms.is_some());
    differs(&alarms, &live.alarms.as_ref())
        || differs(&wanted.bake_time_in_minutes, &live.bake_time_in_minutes)
        || differs(&wanted.deployment_circuit_breaker, &live.deployment_circuit_breaker)
        || differs(&wanted.maximum_percent, &live.maximum_percent)
        || differs(&wanted.minimum_healthy_percent, &live.minimum_healthy_percent)
        || differs(&wanted.strategy, &live.strategy)
}

#[cfg(test)]
mod tests {
    use cloud::Cloud;
    use serde_json::{Value, json};

    use super::*;

    fn service(changes: Value) -> Service {
        let mut properties = json!({
            "CapacityProviderStrategy": [
                { "CapacityProvider": "FARGATE", "Weight": 30 }, { "CapacityProvider": "FARGATE_SPOT", "Weight": 70 },
            ],
            "DeploymentConfiguration": { "MaximumPercent": 200, "DeploymentCircuitBreaker": { "Enable": true, "Rollback": true } },
            "DesiredCount": 2,
            "LoadBalancers": [{ "ContainerName": "api", "ContainerPort": 3000, "TargetGroupArn": "arn:tg" }],
            "NetworkConfiguration": { "AwsvpcConfiguration": { "Subnets": ["s-1", "s-2"], "SecurityGroups": ["g"] } },
            "PropagateTags": "SERVICE",
            "TaskDefinition": "api:1",
        });
        for (key, value) in changes.as_object().unwrap() {
            properties[key] = value.clone();
        }
        serde_json::from_value(properties).unwrap()
    }

    fn call() -> UpdateServiceFluentBuilder {
        Cloud::offline().client("us-east-1", Client::new).update_service()
    }

    fn changed(declared: Value, live: Value) -> Option<String> {
        let call = changes(&service(declared), &service(live), call()).unwrap()?;
        Some(format!("{:?}", call.as_input()))
    }

    #[test]
    fn what_means_the_same_is_no_change() {
        let as_ecs_says_it = json!({
            "CapacityProviderStrategy": [
                { "CapacityProvider": "FARGATE_SPOT", "Weight": 70, "Base": 0 }, { "CapacityProvider": "FARGATE", "Weight": 30, "Base": 0 },
            ],
            "EnableExecuteCommand": false,
            "AvailabilityZoneRebalancing": "ENABLED",
            "DeploymentConfiguration": {
                "MaximumPercent": 200, "MinimumHealthyPercent": 100, "Strategy": "ROLLING", "BakeTimeInMinutes": 0,
                "DeploymentCircuitBreaker": { "Enable": true, "Rollback": true },
            },
            "HealthCheckGracePeriodSeconds": 0,
            "PlatformVersion": "LATEST",
            "NetworkConfiguration": { "AwsvpcConfiguration": {
                "Subnets": ["s-2", "s-1"], "SecurityGroups": ["g"], "AssignPublicIp": "DISABLED",
            } },
        });
        assert_eq!(changed(json!({}), as_ecs_says_it), None);
        assert_eq!(changed(json!({ "DesiredCount": null }), json!({})), None);
    }

    #[test]
    fn only_what_differs_is_said() {
        let said = changed(json!({ "TaskDefinition": "api:2" }), json!({})).unwrap();
        assert!(said.contains("task_definition: Some(\"api:2\")"), "{said}");
        for other in
            ["desired_count: Some", "network_configuration: Some", "load_balancers: Some", "force_new_deployment: Some"]
        {
            assert!(!said.contains(other), "{other} in {said}");
        }
        let said = changed(json!({ "DesiredCount": 5 }), json!({})).unwrap();
        assert!(said.contains("desired_count: Some(5)") && !said.contains("task_definition: Some"), "{said}");
    }

    #[test]
    fn what_is_never_read_is_compared_with_what_was_applied() {
        let connect =
            |namespace: &str| json!({ "ServiceConnectConfiguration": { "Enabled": true, "Namespace": namespace } });
        assert_eq!(changed(connect("a"), connect("a")), None);
        assert!(changed(connect("b"), connect("a")).unwrap().contains("namespace: Some(\"b\")"));
        let off = changed(json!({ "ServiceConnectConfiguration": null }), connect("a")).unwrap();
        assert!(off.contains("ServiceConnectConfiguration { enabled: false"), "{off}");
        let force = |nonce: &str| json!({ "ForceNewDeployment": { "EnableForceNewDeployment": true, "ForceNewDeploymentNonce": nonce } });
        assert_eq!(changed(force("1"), force("1")), None);
        assert!(changed(force("2"), force("1")).unwrap().contains("force_new_deployment: Some(true)"));
    }

    #[test]
    fn what_is_no_longer_declared_goes_back() {
        let cases = [
            (json!({ "LoadBalancers": null }), "load_balancers: Some([])"),
            (json!({ "CapacityProviderStrategy": null }), "capacity_provider_strategy: Some([])"),
            (json!({ "CapacityProviderStrategy": null }), "force_new_deployment: Some(true)"),
            (json!({ "PropagateTags": null }), "propagate_tags: Some(None)"),
            (json!({ "DeploymentConfiguration": { "MaximumPercent": 200 } }), "enable: false, rollback: false"),
            (json!({ "ForceNewDeployment": { "EnableForceNewDeployment": true } }), "force_new_deployment: Some(true)"),
        ];
        for (declared, words) in cases {
            let said = changed(declared, json!({})).unwrap();
            assert!(said.contains(words), "{words} in {said}");
        }
    }
}
