//! `AWS::ECS::Service`: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-service.html>.

use std::collections::BTreeMap;

use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{
    AvailabilityZoneRebalancing, LaunchType, PropagateTags, SchedulingStrategy, Service as SdkService, ServiceField,
};
use cloud::{
    Absent, Attributes, Aws, AwsResult, Charge, Context, Created, Failure, FailureKind, Live, Pricing, Readiness,
    Resource, Seconds, Tag, tags,
};
use serde::{Deserialize, Serialize};

use crate::cluster_properties::{CapacityProviderStrategyItem, strategy_from_sdk, strategy_to_sdk};
use crate::service_properties as parts;
use crate::service_properties::{
    DeploymentConfiguration, DeploymentController, ForceNewDeployment, LoadBalancer, NetworkConfiguration,
    PlacementConstraint, PlacementStrategy, ServiceConnectConfiguration, ServiceRegistry,
};
use crate::{ecs, fargate, rollout, service_update};

/// A service: keeps so many tasks of a task definition running.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Service {
    /// Whether tasks are spread anew over zones: `ENABLED` or `DISABLED`.
    pub availability_zone_rebalancing: Option<String>,
    /// What tasks run on, in place of `LaunchType`.
    pub capacity_provider_strategy: Option<Vec<CapacityProviderStrategyItem>>,
    /// The cluster's name or ARN.
    pub cluster: Option<String>,
    /// How a deployment goes about.
    pub deployment_configuration: Option<DeploymentConfiguration>,
    /// Who deploys.
    pub deployment_controller: Option<DeploymentController>,
    /// How many tasks.
    pub desired_count: Option<i32>,
    /// Whether tasks get tags with their cluster and service.
    #[serde(rename = "EnableECSManagedTags")]
    pub enable_ecs_managed_tags: Option<bool>,
    /// Whether a shell can be opened in tasks.
    pub enable_execute_command: Option<bool>,
    /// Asks for a new deployment though nothing else changed.
    pub force_new_deployment: Option<ForceNewDeployment>,
    /// Seconds in which a new task may fail the load balancer's check.
    pub health_check_grace_period_seconds: Option<i32>,
    /// `FARGATE`, `EC2` or `EXTERNAL`.
    pub launch_type: Option<String>,
    /// The target groups that tasks are registered in.
    pub load_balancers: Option<Vec<LoadBalancer>>,
    /// Where tasks are in the network.
    pub network_configuration: Option<NetworkConfiguration>,
    /// Where tasks may run; not on Fargate.
    pub placement_constraints: Option<Vec<PlacementConstraint>>,
    /// How tasks are spread; not on Fargate.
    pub placement_strategies: Option<Vec<PlacementStrategy>>,
    /// The version of Fargate: `LATEST` or `1.4.0`.
    pub platform_version: Option<String>,
    /// Whose tags tasks get: `SERVICE` or `TASK_DEFINITION`.
    pub propagate_tags: Option<String>,
    /// The role for load balancers without `awsvpc`.
    pub role: Option<String>,
    /// `REPLICA` or `DAEMON`.
    pub scheduling_strategy: Option<String>,
    /// Service Connect.
    pub service_connect_configuration: Option<ServiceConnectConfiguration>,
    /// The name; generated where there is none.
    pub service_name: Option<String>,
    /// The Cloud Map services that tasks are registered in.
    pub service_registries: Option<Vec<ServiceRegistry>>,
    /// Tags.
    pub tags: Option<Vec<Tag>>,
    /// The task definition: ARN with revision, or family.
    pub task_definition: Option<String>,
}

impl Resource for Service {
    const TYPE: &'static str = "AWS::ECS::Service";
    // Two tasks behind a load balancer: pulled, started, healthy after some checks; the old ones drain.
    const SECONDS: Seconds = Seconds { create: 120.0, update: 180.0, delete: 60.0 };
    const NEEDS_READY: &'static [&'static str] = &["Cluster"];
    const HOLDS: &'static [&'static str] = &["LoadBalancers"];
    const UNIQUE_NAME: Option<&'static str> = Some("ServiceName");

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let text = |value: &Option<String>| value.clone();
        let create = cx
            .client(Client::new)
            .create_service()
            .service_name(self.name(cx))
            .client_token(client_token(&cx.token))
            .set_availability_zone_rebalancing(
                self.availability_zone_rebalancing.as_deref().map(AvailabilityZoneRebalancing::from),
            )
            .set_capacity_provider_strategy(strategy_to_sdk(&self.capacity_provider_strategy)?)
            .set_cluster(text(&self.cluster))
            .set_deployment_configuration(
                self.deployment_configuration.as_ref().map(parts::deployment_to_sdk).transpose()?,
            )
            .set_deployment_controller(self.deployment_controller.as_ref().map(parts::controller_to_sdk).transpose()?)
            // CloudFormation's default; the API has none for replicas.
            .set_desired_count(self.desired_count.or((!self.is_daemon()).then_some(1)))
            .set_enable_ecs_managed_tags(self.enable_ecs_managed_tags)
            .set_enable_execute_command(self.enable_execute_command)
            .set_health_check_grace_period_seconds(self.health_check_grace_period_seconds)
            .set_launch_type(self.launch_type.as_deref().map(LaunchType::from))
            .set_load_balancers(self.load_balancers.as_deref().map(parts::balancers_to_sdk))
            .set_network_configuration(self.network_configuration.as_ref().map(parts::network_to_sdk).transpose()?)
            .set_placement_constraints(self.placement_constraints.as_deref().map(parts::constraints_to_sdk))
            .set_placement_strategy(self.placement_strategies.as_deref().map(parts::strategies_to_sdk))
            .set_platform_version(text(&self.platform_version))
            .set_propagate_tags(self.propagate_tags.as_deref().map(PropagateTags::from))
            .set_role(text(&self.role))
            .set_scheduling_strategy(self.scheduling_strategy.as_deref().map(SchedulingStrategy::from))
            .set_service_connect_configuration(
                self.service_connect_configuration.as_ref().map(parts::connect_to_sdk).transpose()?,
            )
            .set_service_registries(self.service_registries.as_deref().map(parts::registries_to_sdk))
            .set_tags(Some(ecs::tags_for_create(&self.tags, cx)))
            .set_task_definition(text(&self.task_definition));
        let made = create.send().await.aws("ecs:CreateService").map_err(ecs::kind_in_words)?;
        let service = made.service.as_ref().and_then(created);
        service.ok_or_else(|| Failure::missing("ecs:CreateService", "serviceArn"))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        // CreateService says everything.
        let Some(live) = live else { return Ok(()) };
        service_update::update(self, id, live, cx).await?;
        ecs::sync_tags(id, &self.tags, Some(&live.tags), cx).await
    }

    async fn ready(id: &str, cx: &Context) -> Result<Readiness, Failure> {
        let (cluster, name) = cluster_and_name(id);
        match describe(cluster, &[name.to_owned()], cx).await?.first() {
            Some(service) => rollout::readiness(service, cx).await,
            None => Ok(Readiness::Pending("not visible yet".to_owned())),
        }
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let mut by_cluster: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for id in ids {
            let (cluster, name) = cluster_and_name(id);
            by_cluster.entry(cluster).or_default().push(name.to_owned());
        }
        let mut found = Vec::new();
        for (cluster, names) in by_cluster {
            found.extend(describe(cluster, &names, cx).await?);
        }
        let read = |id: &String| {
            let is = |service: &&SdkService| service.service_arn() == Some(id) && service.status() == Some("ACTIVE");
            found.iter().find(is).map(live)
        };
        Ok(ids.iter().map(read).collect())
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let (cluster, name) = cluster_and_name(id);
        let client = cx.client(Client::new);
        let stop = client.update_service().cluster(cluster).service(name).desired_count(0);
        match stop.send().await.aws("ecs:UpdateService") {
            Err(failure) if is_absence(&failure) => return Ok(()),
            // A daemon has no count, and the forced deletion stops the tasks of any service.
            Err(failure) if failure.kind == FailureKind::Invalid => {}
            other => drop(other?),
        }
        match client.delete_service().cluster(cluster).service(name).force(true).send().await.aws("ecs:DeleteService") {
            Err(failure) if is_absence(&failure) => Ok(()),
            other => other.map(drop),
        }
    }

    async fn gone(id: &str, cx: &Context) -> Result<bool, Failure> {
        let (cluster, name) = cluster_and_name(id);
        let found = describe(cluster, &[name.to_owned()], cx).await?;
        // Tasks that still stop hold their network interfaces, and with them subnets and security groups.
        let gone = |service: &SdkService| {
            service.status() == Some("INACTIVE") && service.running_count == 0 && service.pending_count == 0
        };
        Ok(found.iter().filter(|service| service.service_arn() == Some(id)).all(gone))
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let cluster = self.cluster.as_deref().unwrap_or("default");
        let made_up = || self.name(cx);
        let name = tags::name_to_find::<Self>(&self.service_name, made_up, |arn| arn.rsplit('/').next(), cx).await?;
        let Some(name) = name else { return Ok(None) };
        let found = describe(cluster, &[name], cx).await?;
        let ours = |service: &&SdkService| service.status() == Some("ACTIVE") && ecs::owns(service.tags(), cx);
        Ok(found.iter().find(ours).and_then(created))
    }

    fn id_of_arn(arn: &str) -> Option<String> {
        ecs::arn_of(arn, "service/")
    }

    fn charges(&self, pricing: &Pricing<'_>) -> Vec<Charge> {
        fargate::service_charges(self, pricing)
    }
}

impl Service {
    fn name(&self, cx: &Context) -> String {
        self.service_name.clone().unwrap_or_else(|| ecs::generated_name(cx))
    }

    pub(crate) fn is_daemon(&self) -> bool {
        self.scheduling_strategy.as_deref() == Some("DAEMON")
    }
}

/// A token as CreateService takes it: up to 36 visible ASCII characters.
fn client_token(token: &str) -> String {
    token.chars().filter(char::is_ascii_graphic).take(36).collect()
}

/// The cluster and the name in a service's ARN: `…:service/cluster/name`. The old form has no cluster.
pub(crate) fn cluster_and_name(arn: &str) -> (&str, &str) {
    let path = arn.split_once(":service/").map_or(arn, |(_, path)| path);
    path.split_once('/').unwrap_or(("default", path))
}

/// ECS has codes of its own for services and clusters that are gone or going.
pub(crate) fn is_absence(failure: &Failure) -> bool {
    failure.is_not_found() || failure.code.contains("ServiceNotActive")
}

fn created(service: &SdkService) -> Option<Created> {
    Some(Created { id: service.service_arn()?.to_owned(), attributes: attributes(service) })
}

fn attributes(service: &SdkService) -> Attributes {
    Created::new("")
        .with("Name", service.service_name().unwrap_or_default())
        .with("ServiceArn", service.service_arn().unwrap_or_default())
        .attributes
}

/// Describes services of a cluster; those that do not exist are left out.
pub(crate) async fn describe(cluster: &str, names: &[String], cx: &Context) -> Result<Vec<SdkService>, Failure> {
    let mut found = Vec::new();
    // The API takes ten at a time.
    for chunk in names.chunks(10) {
        let describe = cx.client(Client::new).describe_services().cluster(cluster).set_services(Some(chunk.to_vec()));
        let answer = describe.include(ServiceField::Tags).send().await.aws("ecs:DescribeServices").absent()?;
        found.extend(answer.and_then(|answer| answer.services).unwrap_or_default());
    }
    Ok(found)
}

fn live(service: &SdkService) -> Live<Service> {
    let text = |value: Option<&str>| value.map(str::to_owned);
    let properties = Service {
        availability_zone_rebalancing: service.availability_zone_rebalancing().map(ToString::to_string),
        capacity_provider_strategy: strategy_from_sdk(service.capacity_provider_strategy()),
        // Ref of a cluster is its name; the ARN that ECS reports ends in it.
        cluster: service.cluster_arn().map(|arn| arn.rsplit('/').next().unwrap_or(arn).to_owned()),
        deployment_configuration: service.deployment_configuration().map(parts::deployment_from_sdk),
        deployment_controller: service
            .deployment_controller()
            .map(|it| DeploymentController { kind: Some(it.r#type.to_string()) }),
        desired_count: Some(service.desired_count),
        enable_ecs_managed_tags: Some(service.enable_ecs_managed_tags),
        enable_execute_command: Some(service.enable_execute_command),
        force_new_deployment: None,
        health_check_grace_period_seconds: service.health_check_grace_period_seconds,
        launch_type: service.launch_type().map(ToString::to_string),
        load_balancers: parts::balancers_from_sdk(service.load_balancers()),
        network_configuration: service.network_configuration().and_then(parts::network_from_sdk),
        placement_constraints: parts::constraints_from_sdk(service.placement_constraints()),
        placement_strategies: parts::strategies_from_sdk(service.placement_strategy()),
        platform_version: text(service.platform_version()),
        propagate_tags: service.propagate_tags().map(ToString::to_string).filter(|it| it != "NONE"),
        role: text(service.role_arn()).filter(|role| !role.contains("AWSServiceRoleForECS")),
        scheduling_strategy: service.scheduling_strategy().map(ToString::to_string),
        service_connect_configuration: None,
        service_name: text(service.service_name()),
        service_registries: parts::registries_from_sdk(service.service_registries()),
        tags: ecs::live_tags(service.tags()),
        task_definition: text(service.task_definition()),
    };
    Live { properties, attributes: attributes(service) }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::DeploymentController as SdkController;
    use serde_json::json;

    use super::*;

    const ARN: &str = "arn:aws:ecs:us-east-1:123456789012:service/arrakis-production-cluster/arrakis-production-api";

    #[test]
    fn an_arn_holds_cluster_and_name() {
        assert_eq!(cluster_and_name(ARN), ("arrakis-production-cluster", "arrakis-production-api"));
        assert_eq!(cluster_and_name("arn:aws:ecs:us-east-1:123456789012:service/api"), ("default", "api"));
    }

    #[test]
    fn a_token_fits_the_api() {
        assert_eq!(client_token("0123456789012345678901234567890123456789").len(), 36);
        assert_eq!(client_token("a b-ü1"), "ab-1");
    }

    #[test]
    fn a_service_is_read_as_it_was_declared() {
        let declared = json!({
            "CapacityProviderStrategy": [{ "CapacityProvider": "FARGATE", "Weight": 1, "Base": 0 }],
            "Cluster": "arrakis-production-cluster",
            "DeploymentConfiguration": {
                "DeploymentCircuitBreaker": { "Enable": true, "Rollback": true },
                "MaximumPercent": 200,
                "MinimumHealthyPercent": 100,
            },
            "DeploymentController": { "Type": "ECS" },
            "DesiredCount": 2,
            "EnableECSManagedTags": true,
            "EnableExecuteCommand": false,
            "HealthCheckGracePeriodSeconds": 60,
            "LoadBalancers": [{ "ContainerName": "api", "ContainerPort": 3000, "TargetGroupArn": "arn:tg" }],
            "NetworkConfiguration": { "AwsvpcConfiguration": {
                "AssignPublicIp": "DISABLED", "SecurityGroups": ["sg-0a1b2c3d"], "Subnets": ["subnet-0a1b2c3d"],
            } },
            "PlatformVersion": "LATEST",
            "PropagateTags": "SERVICE",
            "SchedulingStrategy": "REPLICA",
            "ServiceName": "arrakis-production-api",
            "Tags": [{ "Key": "a", "Value": "1" }],
            "TaskDefinition": "arn:aws:ecs:us-east-1:123456789012:task-definition/arrakis-production-api:1",
        });
        let typed: Service = serde_json::from_value(declared.clone()).unwrap();
        let sdk = SdkService::builder()
            .service_arn(ARN)
            .service_name("arrakis-production-api")
            .cluster_arn("arn:aws:ecs:us-east-1:123456789012:cluster/arrakis-production-cluster")
            .status("ACTIVE")
            .desired_count(2)
            .set_capacity_provider_strategy(strategy_to_sdk(&typed.capacity_provider_strategy).unwrap())
            .deployment_configuration(
                parts::deployment_to_sdk(typed.deployment_configuration.as_ref().unwrap()).unwrap(),
            )
            .deployment_controller(SdkController::builder().r#type("ECS".into()).build().unwrap())
            .enable_ecs_managed_tags(true)
            .health_check_grace_period_seconds(60)
            .set_load_balancers(typed.load_balancers.as_deref().map(parts::balancers_to_sdk))
            .network_configuration(parts::network_to_sdk(typed.network_configuration.as_ref().unwrap()).unwrap())
            .platform_version("LATEST")
            .propagate_tags(PropagateTags::Service)
            .role_arn("arn:aws:iam::123456789012:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS")
            .scheduling_strategy(SchedulingStrategy::Replica)
            .set_tags(Some(ecs::tags_for_create(&typed.tags, &ecs::testing::context("t"))))
            .set_task_definition(typed.task_definition.clone())
            .build();
        let live = live(&sdk);
        let read = engine::intrinsic::lower(serde_json::to_value(&live.properties).unwrap());
        assert_eq!(read, declared);
        assert_eq!(schema::validate(Service::TYPE, &read), []);
        assert_eq!(live.attributes["Name"], "arrakis-production-api");
        assert_eq!(live.attributes["ServiceArn"], ARN);
        assert_eq!(created(&sdk).unwrap().id, ARN);
    }

    #[test]
    fn what_is_not_active_is_gone() {
        let failure =
            Failure { code: "ServiceNotActiveException".to_owned(), ..Failure::invalid("Service was not ACTIVE.") };
        assert!(is_absence(&failure));
        assert!(is_absence(&Failure::new(FailureKind::NotFound, "Service not found.")));
        assert!(!is_absence(&Failure::invalid("Invalid revision number.")));
    }
}
