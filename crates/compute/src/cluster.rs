//! `AWS::ECS::Cluster`: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-cluster.html>.

use aws_sdk_ecs::Client;
use aws_sdk_ecs::types::{Cluster as SdkCluster, ClusterServiceConnectDefaultsRequest};
use cloud::{
    Absent, Attributes, Aws, AwsResult, Charge, Context, Created, Failure, FailureKind, Live, Pricing, Quantity,
    Readiness, Resource, Seconds, Tag, tags,
};
use serde::{Deserialize, Serialize};

use crate::cluster_properties::{
    CapacityProviderStrategyItem, ClusterConfiguration, ClusterSetting, ExecuteCommandConfiguration,
    ServiceConnectDefaults, configuration_from_sdk, configuration_to_sdk, settings_to_sdk, strategy_from_sdk,
    strategy_to_sdk,
};
use crate::ecs;

/// A cluster: what services and tasks run in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Cluster {
    /// The name; generated where there is none.
    pub cluster_name: Option<String>,
    /// `FARGATE`, `FARGATE_SPOT`, or names of capacity providers.
    pub capacity_providers: Option<Vec<String>>,
    /// What services run on that do not say.
    pub default_capacity_provider_strategy: Option<Vec<CapacityProviderStrategyItem>>,
    /// Container Insights.
    pub cluster_settings: Option<Vec<ClusterSetting>>,
    /// Execute-command and storage encryption.
    pub configuration: Option<ClusterConfiguration>,
    /// The Cloud Map namespace of services that use Service Connect.
    pub service_connect_defaults: Option<ServiceConnectDefaults>,
    /// Tags.
    pub tags: Option<Vec<Tag>>,
}

/// Metrics that Container Insights makes of a cluster itself. From the tables of the CloudWatch User Guide, "Amazon ECS
/// Container Insights metrics"; a service has others.
const INSIGHTS_METRICS: f64 = 13.0;

impl Resource for Cluster {
    const TYPE: &'static str = "AWS::ECS::Cluster";
    // Attaching the Fargate capacity providers takes some seconds.
    const SECONDS: Seconds = Seconds { create: 5.0, update: 3.0, delete: 5.0 };

    fn id(&self) -> Option<String> {
        self.cluster_name.clone()
    }

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let name = self.cluster_name.clone().unwrap_or_else(|| ecs::generated_name(cx));
        // CreateCluster answers with the cluster of that name if there is one, whosever it is.
        let found = ecs::clusters(std::slice::from_ref(&name), cx).await?;
        if let Some(other) = ecs::cluster_of(&name, &found).filter(|found| !ecs::owns(found.tags(), cx)) {
            let arn = other.cluster_arn().unwrap_or_default();
            return Err(Failure::new(
                FailureKind::AlreadyExists,
                format!("there is an ECS cluster `{name}` ({arn}), not made here"),
            )
            .hint("import it, or choose another name"));
        }
        let made = cx
            .client(Client::new)
            .create_cluster()
            .cluster_name(&name)
            .set_tags(Some(ecs::tags_for_create(&self.tags, cx)))
            .set_settings(self.cluster_settings.as_deref().map(settings_to_sdk))
            .set_configuration(self.configuration.as_ref().map(configuration_to_sdk))
            .set_capacity_providers(self.capacity_providers.clone())
            .set_default_capacity_provider_strategy(strategy_to_sdk(&self.default_capacity_provider_strategy)?)
            .set_service_connect_defaults(self.service_connect_defaults.as_ref().map(connect_defaults).transpose()?)
            .send()
            .await
            .aws("ecs:CreateCluster")
            .map_err(ecs::kind_in_words)?;
        let cluster = made.cluster.ok_or_else(|| Failure::missing("ecs:CreateCluster", "cluster"))?;
        Ok(Created { id: name, attributes: attributes(&cluster) })
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        // CreateCluster says everything.
        let Some(live) = live else { return Ok(()) };
        let client = cx.client(Client::new);
        if self.settings_differ(live) {
            let update = client
                .update_cluster()
                .cluster(id)
                .set_settings(Some(settings_to_sdk(&self.wanted_settings(live))))
                .set_configuration(self.wanted_configuration(live).as_ref().map(configuration_to_sdk))
                .set_service_connect_defaults(match (&self.service_connect_defaults, &live.service_connect_defaults) {
                    // An empty name takes it away.
                    (None, Some(_)) => {
                        Some(connect_defaults(&ServiceConnectDefaults { namespace: Some(String::new()) })?)
                    }
                    (wanted, _) => wanted.as_ref().map(connect_defaults).transpose()?,
                });
            update.send().await.aws("ecs:UpdateCluster")?;
        }
        if self.capacity_providers != live.capacity_providers
            || self.default_capacity_provider_strategy != live.default_capacity_provider_strategy
        {
            let strategy = &self.default_capacity_provider_strategy;
            put_capacity_providers(id, &self.capacity_providers, strategy, cx).await?;
        }
        if self.tags != live.tags {
            let found = ecs::clusters(&[id.to_owned()], cx).await?;
            let arn = ecs::cluster_of(id, &found).and_then(SdkCluster::cluster_arn);
            let arn =
                arn.ok_or_else(|| Failure::new(FailureKind::NotFound, format!("the ECS cluster `{id}` is gone")))?;
            ecs::sync_tags(arn, &self.tags, Some(&live.tags), cx).await?;
        }
        Ok(())
    }

    async fn ready(id: &str, cx: &Context) -> Result<Readiness, Failure> {
        let found = ecs::clusters(&[id.to_owned()], cx).await?;
        let Some(cluster) = found.iter().find(|cluster| cluster.status() != Some("INACTIVE")) else {
            return Ok(Readiness::Pending("not visible yet".to_owned()));
        };
        Ok(match (cluster.status().unwrap_or_default(), cluster.attachments_status()) {
            ("ACTIVE", Some("UPDATE_IN_PROGRESS")) => Readiness::Pending("attaching capacity providers".to_owned()),
            ("ACTIVE", Some("UPDATE_FAILED")) => {
                Readiness::Failed("its capacity providers could not be attached".to_owned())
            }
            ("ACTIVE", _) => Readiness::Ready,
            ("FAILED", _) => Readiness::Failed("the cluster's resources could not be made".to_owned()),
            (status, _) => Readiness::Pending(status.to_lowercase()),
        })
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let found = ecs::clusters(ids, cx).await?;
        Ok(ids.iter().map(|id| ecs::cluster_of(id, &found).map(live)).collect())
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let delete = cx.client(Client::new).delete_cluster().cluster(id);
        delete.send().await.aws("ecs:DeleteCluster").absent().map(drop).map_err(ecs::kind_in_words)
    }

    async fn gone(id: &str, cx: &Context) -> Result<bool, Failure> {
        let found = ecs::clusters(&[id.to_owned()], cx).await?;
        Ok(found.iter().all(|cluster| cluster.status() == Some("INACTIVE")))
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let made_up = || ecs::generated_name(cx);
        let name = tags::name_to_find::<Self>(&self.cluster_name, made_up, |id| Some(id), cx).await?;
        let Some(name) = name else { return Ok(None) };
        let found = ecs::clusters(std::slice::from_ref(&name), cx).await?;
        let ours = ecs::cluster_of(&name, &found).filter(|cluster| ecs::owns(cluster.tags(), cx));
        Ok(ours.map(|cluster| Created { id: name.clone(), attributes: attributes(cluster) }))
    }

    fn id_of_arn(arn: &str) -> Option<String> {
        cloud::arn_name(arn, "ecs", "cluster/").map(str::to_owned)
    }

    fn charges(&self, pricing: &Pricing<'_>) -> Vec<Charge> {
        match self.insights() {
            Some("enabled") => {
                vec![Charge::new(
                    "Container Insights metrics of the cluster",
                    "cloudwatch.metric.month",
                    Quantity::exactly(INSIGHTS_METRICS),
                )]
            }
            Some("enhanced") => {
                let metrics = pricing.usage("container-insights.cluster-metrics", Quantity::exactly(INSIGHTS_METRICS));
                vec![Charge::new(
                    "enhanced Container Insights metrics of the cluster",
                    "container-insights.enhanced-metric.month",
                    metrics,
                )]
            }
            _ => Vec::new(),
        }
    }
}

impl Cluster {
    /// The value of the setting `containerInsights`.
    pub fn insights(&self) -> Option<&str> {
        let settings = self.cluster_settings.as_deref().unwrap_or_default();
        let setting = settings.iter().find(|setting| setting.name.as_deref() == Some("containerInsights"))?;
        setting.value.as_deref()
    }

    fn settings_differ(&self, live: &Self) -> bool {
        self.cluster_settings != live.cluster_settings
            || self.configuration != live.configuration
            // Never read back: `live` has what was applied last.
            || self.service_connect_defaults != live.service_connect_defaults
    }

    /// The declared settings; one that is no longer declared goes back to the default.
    fn wanted_settings(&self, live: &Self) -> Vec<ClusterSetting> {
        let mut wanted = self.cluster_settings.clone().unwrap_or_default();
        for was in live.cluster_settings.iter().flatten() {
            if !wanted.iter().any(|setting| setting.name == was.name) {
                wanted.push(ClusterSetting { name: was.name.clone(), value: Some("disabled".to_owned()) });
            }
        }
        wanted
    }

    fn wanted_configuration(&self, live: &Self) -> Option<ClusterConfiguration> {
        match (&self.configuration, &live.configuration) {
            (Some(wanted), _) => Some(wanted.clone()),
            (None, Some(was)) if was.execute_command_configuration.is_some() => Some(ClusterConfiguration {
                execute_command_configuration: Some(ExecuteCommandConfiguration {
                    logging: Some("DEFAULT".to_owned()),
                    ..ExecuteCommandConfiguration::default()
                }),
                ..ClusterConfiguration::default()
            }),
            _ => None,
        }
    }
}

fn connect_defaults(defaults: &ServiceConnectDefaults) -> Result<ClusterServiceConnectDefaultsRequest, Failure> {
    let request = ClusterServiceConnectDefaultsRequest::builder().set_namespace(defaults.namespace.clone());
    request.build().map_err(ecs::incomplete)
}

/// Sets the capacity providers of a cluster and its default strategy.
pub(crate) async fn put_capacity_providers(
    cluster: &str,
    providers: &Option<Vec<String>>,
    strategy: &Option<Vec<CapacityProviderStrategyItem>>,
    cx: &Context,
) -> Result<(), Failure> {
    let put = cx
        .client(Client::new)
        .put_cluster_capacity_providers()
        .cluster(cluster)
        .set_capacity_providers(Some(providers.clone().unwrap_or_default()))
        .set_default_capacity_provider_strategy(Some(strategy_to_sdk(strategy)?.unwrap_or_default()));
    put.send().await.aws("ecs:PutClusterCapacityProviders").map(drop)
}

fn attributes(cluster: &SdkCluster) -> Attributes {
    Created::new("").with("Arn", cluster.cluster_arn().unwrap_or_default()).attributes
}

fn live(cluster: &SdkCluster) -> Live<Cluster> {
    let properties = Cluster {
        cluster_name: cluster.cluster_name.clone(),
        capacity_providers: ecs::some(cluster.capacity_providers()),
        default_capacity_provider_strategy: strategy_from_sdk(cluster.default_capacity_provider_strategy()),
        cluster_settings: ecs::each(cluster.settings(), |setting| ClusterSetting {
            name: setting.name().map(ToString::to_string),
            value: setting.value.clone(),
        }),
        configuration: cluster.configuration().and_then(configuration_from_sdk),
        service_connect_defaults: None,
        tags: ecs::live_tags(cluster.tags()),
    };
    Live { properties, attributes: attributes(cluster) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn declared() -> Cluster {
        serde_json::from_value(json!({
            "ClusterName": "arrakis-production-cluster",
            "CapacityProviders": ["FARGATE", "FARGATE_SPOT"],
            "DefaultCapacityProviderStrategy": [{ "CapacityProvider": "FARGATE", "Weight": 1, "Base": 0 }],
            "ClusterSettings": [{ "Name": "containerInsights", "Value": "enabled" }],
            "Configuration": { "ExecuteCommandConfiguration": {
                "Logging": "OVERRIDE",
                "LogConfiguration": {
                    "CloudWatchEncryptionEnabled": false, "CloudWatchLogGroupName": "/ecs/exec", "S3EncryptionEnabled": false,
                },
            } },
            "Tags": [{ "Key": "a", "Value": "1" }],
        }))
        .unwrap()
    }

    #[test]
    fn what_is_declared_is_what_is_read() {
        let cluster = declared();
        let sdk = SdkCluster::builder()
            .cluster_name("arrakis-production-cluster")
            .cluster_arn("arn:aws:ecs:us-east-1:123456789012:cluster/arrakis-production-cluster")
            .set_capacity_providers(cluster.capacity_providers.clone())
            .set_default_capacity_provider_strategy(
                strategy_to_sdk(&cluster.default_capacity_provider_strategy).unwrap(),
            )
            .set_settings(cluster.cluster_settings.as_deref().map(settings_to_sdk))
            .set_configuration(cluster.configuration.as_ref().map(configuration_to_sdk))
            .set_tags(Some(ecs::tags_for_create(&cluster.tags, &ecs::testing::context("t"))))
            .build();
        let live = live(&sdk);
        assert_eq!(live.properties, cluster);
        assert_eq!(live.attributes["Arn"], "arn:aws:ecs:us-east-1:123456789012:cluster/arrakis-production-cluster");
        assert_eq!(schema::validate(Cluster::TYPE, &engine::intrinsic::lower(json!(live.properties))), []);
    }

    #[test]
    fn a_setting_no_longer_declared_goes_back() {
        let without = Cluster { cluster_settings: None, configuration: None, ..declared() };
        assert!(without.settings_differ(&declared()));
        assert_eq!(without.wanted_settings(&declared())[0].value.as_deref(), Some("disabled"));
        let execute = without.wanted_configuration(&declared()).unwrap().execute_command_configuration.unwrap();
        assert_eq!(execute.logging.as_deref(), Some("DEFAULT"));
        assert!(!declared().settings_differ(&declared()));
    }
}
