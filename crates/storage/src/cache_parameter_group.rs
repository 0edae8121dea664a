//! `AWS::ElastiCache::ParameterGroup`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-elasticache-parametergroup.html>.

use aws_sdk_elasticache::Client;
use aws_sdk_elasticache::types::{CacheParameterGroup as SdkGroup, Parameter, ParameterNameValue, Tag as SdkTag};
use cloud::{Absent, Aws, AwsResult, Context, Created, Failure, Live, Resource, Tag};
use futures::future::{try_join, try_join_all};
use serde::{Deserialize, Serialize};

use crate::parameters::{self, PER_CALL, Parameters};
use crate::{elasticache, named};

/// The engine's parameters of caches. CloudFormation lets nobody name one: its name is made up.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct CacheParameterGroup {
    /// The engine and its major version: `redis7`.
    pub cache_parameter_group_family: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The parameters that are not the engine's default.
    #[serde(deserialize_with = "parameters::as_text")]
    pub properties: Option<Parameters>,
    /// Tags.
    pub tags: Option<Vec<Tag>>,
}

impl Resource for CacheParameterGroup {
    const TYPE: &'static str = "AWS::ElastiCache::ParameterGroup";

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let made = cx
            .client(Client::new)
            .create_cache_parameter_group()
            .cache_parameter_group_name(name(cx))
            .set_cache_parameter_group_family(self.cache_parameter_group_family.clone())
            .set_description(self.description.clone())
            .set_tags(elasticache::tags_for_create(&self.tags, cx))
            .send()
            .await
            .aws("elasticache:CreateCacheParameterGroup")?;
        let group = made.cache_parameter_group.as_ref().and_then(created);
        group.ok_or_else(|| Failure::missing("elasticache:CreateCacheParameterGroup", "CacheParameterGroupName"))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        if live.is_some_and(|live| live.description != self.description) {
            let message = "ElastiCache cannot change the description of a parameter group";
            return Err(Failure::invalid(message).hint("leave the description, or replace the group: `plan --replace`"));
        }
        let changes = parameters::changes(self.properties.as_ref(), live.and_then(|live| live.properties.as_ref()));
        let client = cx.client(Client::new);
        for set in changes.set.chunks(PER_CALL) {
            let set = set.iter().map(|(name, value)| parameter(name, Some(value))).collect();
            let call = client.modify_cache_parameter_group().cache_parameter_group_name(id);
            let call = call.set_parameter_name_values(Some(set));
            call.send().await.aws("elasticache:ModifyCacheParameterGroup")?;
        }
        for names in changes.reset.chunks(PER_CALL) {
            let reset = names.iter().map(|name| parameter(name, None)).collect();
            let call = client.reset_cache_parameter_group().cache_parameter_group_name(id);
            let call = call.set_parameter_name_values(Some(reset)).reset_all_parameters(false);
            call.send().await.aws("elasticache:ResetCacheParameterGroup")?;
        }
        elasticache::sync_tags(arn(id, cx), &self.tags, live.map(|live| &live.tags), cx).await
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let found = describe(ids, cx).await?;
        let find = |id: &String| found.iter().find(|group| group.cache_parameter_group_name() == Some(id));
        try_join_all(ids.iter().map(|id| with_details(find(id), cx))).await
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let call = cx.client(Client::new).delete_cache_parameter_group().cache_parameter_group_name(id);
        call.send().await.aws("elasticache:DeleteCacheParameterGroup").absent().map(drop)
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let Some(name) = named::to_find::<Self>(&None, 255, cx).await? else { return Ok(None) };
        let Some(group) = describe(&[name], cx).await?.into_iter().next() else {
            return Ok(None);
        };
        let tags = elasticache::tags_of(group.arn(), cx).await?;
        Ok(created(&group).filter(|_| cx.owns(elasticache::pairs(&tags))))
    }

    fn id_of_arn(arn: &str) -> Option<String> {
        cloud::arn_name(arn, "elasticache", "parametergroup:").map(str::to_owned)
    }
}

fn name(cx: &Context) -> String {
    named::given_or_made(&None, 255, cx)
}

fn created(group: &SdkGroup) -> Option<Created> {
    let name = group.cache_parameter_group_name()?;
    Some(Created::new(name).with("CacheParameterGroupName", name))
}

fn parameter(name: &str, value: Option<&str>) -> ParameterNameValue {
    ParameterNameValue::builder().parameter_name(name).set_parameter_value(value.map(str::to_owned)).build()
}

/// One by its name, several out of all: the API has no list of names.
async fn describe(ids: &[String], cx: &Context) -> Result<Vec<SdkGroup>, Failure> {
    let call = cx.client(Client::new).describe_cache_parameter_groups();
    let call = if let [id] = ids { call.cache_parameter_group_name(id) } else { call };
    let found = call.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    Ok(found.aws("elasticache:DescribeCacheParameterGroups").absent()?.unwrap_or_default())
}

async fn arn(id: &str, cx: &Context) -> Result<Option<String>, Failure> {
    Ok(describe(&[id.to_owned()], cx).await?.into_iter().next().and_then(|group| group.arn))
}

async fn with_details(group: Option<&SdkGroup>, cx: &Context) -> Result<Option<Live<CacheParameterGroup>>, Failure> {
    let Some(group) = group else { return Ok(None) };
    let name = group.cache_parameter_group_name().unwrap_or_default();
    let call = cx.client(Client::new).describe_cache_parameters().cache_parameter_group_name(name).source("user");
    let parameters = async {
        let found = call.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        found.aws("elasticache:DescribeCacheParameters").absent()
    };
    // Gone between the two calls is gone.
    let (parameters, tags) = try_join(parameters, elasticache::tags_of(group.arn(), cx)).await?;
    Ok(parameters.map(|parameters| live(group, parameters, &tags)))
}

fn live(group: &SdkGroup, parameters: Vec<Parameter>, tags: &[SdkTag]) -> Live<CacheParameterGroup> {
    let user = parameters.into_iter().filter(|parameter| parameter.source() == Some("user"));
    let parameters: Parameters =
        user.filter_map(|parameter| Some((parameter.parameter_name?, parameter.parameter_value?))).collect();
    let mut live = Live::new(CacheParameterGroup {
        cache_parameter_group_family: group.cache_parameter_group_family.clone(),
        description: group.description.clone(),
        properties: (!parameters.is_empty()).then_some(parameters),
        tags: elasticache::live_tags(tags),
    });
    live.attributes = created(group).map(|created| created.attributes).unwrap_or_default();
    live
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_parameters_of_the_user_are_live() {
        let group = SdkGroup::builder()
            .cache_parameter_group_name("made-up")
            .cache_parameter_group_family("redis7")
            .description("Redis 7")
            .build();
        let parameter = |name: &str, source: &str| {
            Parameter::builder().parameter_name(name).parameter_value("v").source(source).build()
        };
        let live = live(&group, vec![parameter("maxmemory-policy", "user"), parameter("timeout", "system")], &[]);
        assert_eq!(
            serde_json::to_value(&live.properties).unwrap(),
            serde_json::json!({
                "CacheParameterGroupFamily": "redis7",
                "Description": "Redis 7",
                "Properties": { "maxmemory-policy": "v" },
                "Tags": null,
            })
        );
        assert_eq!(live.attributes["CacheParameterGroupName"], "made-up");
    }

    #[test]
    fn the_made_up_name_is_the_same_for_every_attempt_of_an_operation() {
        let cx = named::tests::context();
        assert_eq!(name(&cx), name(&cx));
        assert_eq!(CacheParameterGroup::default().id(), None);
    }
}
