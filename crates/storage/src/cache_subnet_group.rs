//! `AWS::ElastiCache::SubnetGroup`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-elasticache-subnetgroup.html>.

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::types::{CacheSubnetGroup as SdkGroup, Tag as SdkTag};
use cloud::{Absent, Aws, AwsResult, Context, Created, Failure, Live, Resource, Tag};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::{elasticache, named};

/// The subnets that ElastiCache may put nodes in.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct CacheSubnetGroup {
    /// Its name, unique in account and region; kept in lower case.
    pub cache_subnet_group_name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The subnets.
    pub subnet_ids: Option<Vec<String>>,
    /// Tags.
    pub tags: Option<Vec<Tag>>,
}

impl Resource for CacheSubnetGroup {
    const TYPE: &'static str = "AWS::ElastiCache::SubnetGroup";
    const MOVES_WITH: &'static [(&'static str, &'static str)] = &[("SubnetIds", "VpcId")];

    fn id(&self) -> Option<String> {
        self.cache_subnet_group_name.as_deref().map(named::kept)
    }

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let made = cx
            .client(Client::new)
            .create_cache_subnet_group()
            .cache_subnet_group_name(named::given_or_made(&self.cache_subnet_group_name, 255, cx))
            .set_cache_subnet_group_description(self.description.clone())
            .set_subnet_ids(self.subnet_ids.clone())
            .set_tags(elasticache::tags_for_create(&self.tags, cx))
            .send()
            .await
            .aws("elasticache:CreateCacheSubnetGroup")?;
        let group = made.cache_subnet_group.as_ref().and_then(created);
        group.ok_or_else(|| Failure::missing("elasticache:CreateCacheSubnetGroup", "CacheSubnetGroupName"))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        let Some(live) = live else { return Ok(()) };
        let set = |ids: &Option<Vec<String>>| ids.iter().flatten().cloned().collect::<std::collections::BTreeSet<_>>();
        let described = live.description == self.description;
        if !described || set(&live.subnet_ids) != set(&self.subnet_ids) {
            cx.client(Client::new)
                .modify_cache_subnet_group()
                .cache_subnet_group_name(id)
                .set_cache_subnet_group_description(self.description.clone())
                .set_subnet_ids(self.subnet_ids.clone())
                .send()
                .await
                .aws("elasticache:ModifyCacheSubnetGroup")?;
        }
        elasticache::sync_tags(arn(id, cx), &self.tags, Some(&live.tags), cx).await
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let found = describe(ids, cx).await?;
        let find = |id: &String| found.iter().find(|group| group.cache_subnet_group_name() == Some(id));
        try_join_all(ids.iter().map(|id| with_tags(find(id), cx))).await
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let call = cx.client(Client::new).delete_cache_subnet_group().cache_subnet_group_name(id);
        call.send().await.aws("elasticache:DeleteCacheSubnetGroup").absent().map(drop)
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let name = named::to_find::<Self>(&self.cache_subnet_group_name, 255, cx).await?;
        let Some(name) = name else { return Ok(None) };
        let Some(group) = describe(&[name], cx).await?.into_iter().next() else {
            return Ok(None);
        };
        let tags = elasticache::tags_of(group.arn(), cx).await?;
        Ok(created(&group).filter(|_| cx.owns(elasticache::pairs(&tags))))
    }

    fn id_of_arn(arn: &str) -> Option<String> {
        cloud::arn_name(arn, "elasticache", "subnetgroup:").map(str::to_owned)
    }
}

fn created(group: &SdkGroup) -> Option<Created> {
    let name = group.cache_subnet_group_name()?;
    Some(Created::new(name).with("CacheSubnetGroupName", name))
}

/// One by its name, several out of all: the API has no list of names.
async fn describe(ids: &[String], cx: &Context) -> Result<Vec<SdkGroup>, Failure> {
    let action = "elasticache:DescribeCacheSubnetGroups";
    let call = cx.client(Client::new).describe_cache_subnet_groups();
    let call = if let [id] = ids { call.cache_subnet_group_name(id) } else { call };
    let found = call.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    Ok(found.aws(action).absent()?.unwrap_or_default())
}

async fn arn(id: &str, cx: &Context) -> Result<Option<String>, Failure> {
    Ok(describe(&[id.to_owned()], cx).await?.into_iter().next().and_then(|group| group.arn))
}

async fn with_tags(group: Option<&SdkGroup>, cx: &Context) -> Result<Option<Live<CacheSubnetGroup>>, Failure> {
    let Some(group) = group else { return Ok(None) };
    Ok(Some(live(group, &elasticache::tags_of(group.arn(), cx).await?)))
}

fn live(group: &SdkGroup, tags: &[SdkTag]) -> Live<CacheSubnetGroup> {
    let mut subnets: Vec<String> = group.subnets().iter().filter_map(|s| s.subnet_identifier.clone()).collect();
    subnets.sort();
    let mut live = Live::new(CacheSubnetGroup {
        cache_subnet_group_name: group.cache_subnet_group_name.clone(),
        description: group.cache_subnet_group_description.clone(),
        subnet_ids: Some(subnets),
        tags: elasticache::live_tags(tags),
    });
    live.attributes = created(group).map(|created| created.attributes).unwrap_or_default();
    live
}

#[cfg(test)]
mod tests {
    use aws_sdk_elasticache::types::Subnet;

    use super::*;

    #[test]
    fn a_live_group_has_the_shape_of_a_declared_one() {
        let subnet = |id: &str| Subnet::builder().subnet_identifier(id).build();
        let group = SdkGroup::builder()
            .cache_subnet_group_name("arrakis-production-redis")
            .cache_subnet_group_description("Redis")
            .subnets(subnet("subnet-b"))
            .subnets(subnet("subnet-a"))
            .build();
        let live = live(&group, &[]);
        assert_eq!(
            serde_json::to_value(&live.properties).unwrap(),
            serde_json::json!({
                "CacheSubnetGroupName": "arrakis-production-redis",
                "Description": "Redis",
                "SubnetIds": ["subnet-a", "subnet-b"],
                "Tags": null,
            })
        );
        assert_eq!(live.attributes["CacheSubnetGroupName"], "arrakis-production-redis");
    }

    #[test]
    fn the_id_is_the_name_in_lower_case() {
        let group = CacheSubnetGroup { cache_subnet_group_name: Some("Main".into()), ..Default::default() };
        assert_eq!(group.id().as_deref(), Some("main"));
        assert_eq!(CacheSubnetGroup::default().id(), None);
    }
}
