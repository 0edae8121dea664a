//! `AWS::ECS::ClusterCapacityProviderAssociations`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ecs-clustercapacityproviderassociations.html>.

use cloud::{Absent, Context, Created, Failure, FailureKind, Live, Resource, Seconds};
use serde::{Deserialize, Serialize};

use crate::cluster::put_capacity_providers;
use crate::cluster_properties::{CapacityProviderStrategyItem, strategy_from_sdk};
use crate::ecs;

/// The capacity providers of a cluster, declared apart from it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct ClusterCapacityProviderAssociations {
    /// The cluster's name or ARN.
    pub cluster: Option<String>,
    /// `FARGATE`, `FARGATE_SPOT`, or names of capacity providers.
    pub capacity_providers: Option<Vec<String>>,
    /// What services run on that do not say.
    pub default_capacity_provider_strategy: Option<Vec<CapacityProviderStrategyItem>>,
}

impl Resource for ClusterCapacityProviderAssociations {
    const TYPE: &'static str = "AWS::ECS::ClusterCapacityProviderAssociations";
    const SECONDS: Seconds = Seconds { create: 3.0, update: 3.0, delete: 3.0 };
    const NEEDS_READY: &'static [&'static str] = &["Cluster"];

    fn id(&self) -> Option<String> {
        self.cluster.clone()
    }

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let cluster = self.cluster.as_deref().ok_or_else(|| Failure::invalid("`Cluster` is missing"))?;
        put_capacity_providers(cluster, &self.capacity_providers, &self.default_capacity_provider_strategy, cx).await?;
        Ok(Created::new(cluster))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        match live {
            Some(live)
                if self.capacity_providers != live.capacity_providers
                    || self.default_capacity_provider_strategy != live.default_capacity_provider_strategy =>
            {
                put_capacity_providers(id, &self.capacity_providers, &self.default_capacity_provider_strategy, cx).await
            }
            _ => Ok(()),
        }
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let found = ecs::clusters(ids, cx).await?;
        let read = |id: &String| {
            let cluster = ecs::cluster_of(id, &found)?;
            let properties = Self {
                cluster: Some(id.clone()),
                capacity_providers: ecs::some(cluster.capacity_providers()),
                default_capacity_provider_strategy: strategy_from_sdk(cluster.default_capacity_provider_strategy()),
            };
            // None of either is how a cluster without the association looks.
            let some =
                properties.capacity_providers.is_some() || properties.default_capacity_provider_strategy.is_some();
            some.then(|| Live::new(properties))
        };
        Ok(ids.iter().map(read).collect())
    }

    /// AWS takes the cluster's ARN too.
    async fn canonical(id: &str, _: &Live<Self>, _: &Context) -> Result<String, Failure> {
        Ok(id.rsplit('/').next().unwrap_or(id).to_owned())
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        match put_capacity_providers(id, &None, &None, cx).await.absent() {
            // The cluster is going itself.
            Err(failure) if failure.kind == FailureKind::Invalid && failure.message.contains("not active") => Ok(()),
            other => other.map(drop),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_the_cluster() {
        let cluster = Some("arrakis-production-cluster".to_owned());
        let associations = ClusterCapacityProviderAssociations { cluster: cluster.clone(), ..Default::default() };
        assert_eq!(associations.id(), cluster);
        assert_eq!(ClusterCapacityProviderAssociations::default().id(), None);
    }
}
