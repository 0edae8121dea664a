//! `AWS::RDS::DBParameterGroup`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-rds-dbparametergroup.html>.

use std::collections::BTreeSet;

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{ApplyMethod, DbParameterGroup as SdkGroup, Filter, Parameter, Tag as SdkTag};
use cloud::{Absent, Aws, AwsResult, Context, Created, Failure, Live, Resource, Tag};
use futures::future::{try_join, try_join_all};
use serde::{Deserialize, Serialize};

use crate::parameters::{self, PER_CALL, Parameters};
use crate::{named, rds};

/// The engine's parameters of databases.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct DbParameterGroup {
    /// Its name, unique in account and region; kept in lower case.
    #[serde(rename = "DBParameterGroupName")]
    pub db_parameter_group_name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The engine and its major version: `postgres15`.
    pub family: Option<String>,
    /// The parameters that are not the engine's default. A dynamic one takes effect at once, a static one at the next
    /// reboot of the database.
    #[serde(deserialize_with = "parameters::as_text")]
    pub parameters: Option<Parameters>,
    /// Tags.
    pub tags: Option<Vec<Tag>>,
}

impl Resource for DbParameterGroup {
    const TYPE: &'static str = "AWS::RDS::DBParameterGroup";

    fn id(&self) -> Option<String> {
        self.db_parameter_group_name.as_deref().map(named::kept)
    }

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let made = cx
            .client(Client::new)
            .create_db_parameter_group()
            .db_parameter_group_name(named::given_or_made(&self.db_parameter_group_name, 255, cx))
            .set_description(self.description.clone())
            .set_db_parameter_group_family(self.family.clone())
            .set_tags(rds::tags_for_create(&self.tags, cx))
            .send()
            .await
            .aws("rds:CreateDBParameterGroup")?;
        let group = made.db_parameter_group.as_ref().and_then(created);
        group.ok_or_else(|| Failure::missing("rds:CreateDBParameterGroup", "DBParameterGroupName"))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        let live_parameters = live.and_then(|live| live.parameters.as_ref());
        let changes = parameters::changes(self.parameters.as_ref(), live_parameters);
        let client = cx.client(Client::new);
        for set in changes.set.chunks(PER_CALL) {
            let names: Vec<String> = set.iter().map(|(name, _)| name.clone()).collect();
            let dynamic = dynamic(id, &names, cx).await?;
            let set = set.iter().map(|(name, value)| parameter(name, Some(value), &dynamic)).collect();
            let call = client.modify_db_parameter_group().db_parameter_group_name(id).set_parameters(Some(set));
            call.send().await.aws("rds:ModifyDBParameterGroup")?;
        }
        for names in changes.reset.chunks(PER_CALL) {
            let dynamic = dynamic(id, names, cx).await?;
            let reset = names.iter().map(|name| parameter(name, None, &dynamic)).collect();
            let call = client.reset_db_parameter_group().db_parameter_group_name(id).set_parameters(Some(reset));
            call.reset_all_parameters(false).send().await.aws("rds:ResetDBParameterGroup")?;
        }
        rds::sync_tags(arn(id, cx), &self.tags, live.map(|live| &live.tags), cx).await
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let found = describe(ids, cx).await?;
        let find = |id: &String| found.iter().find(|group| group.db_parameter_group_name() == Some(id));
        try_join_all(ids.iter().map(|id| with_details(find(id), cx))).await
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let call = cx.client(Client::new).delete_db_parameter_group().db_parameter_group_name(id);
        call.send().await.aws("rds:DeleteDBParameterGroup").absent().map(drop)
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let name = named::to_find::<Self>(&self.db_parameter_group_name, 255, cx).await?;
        let Some(name) = name else { return Ok(None) };
        let Some(group) = describe(&[name], cx).await?.into_iter().next() else {
            return Ok(None);
        };
        let tags = rds::tags_of(group.db_parameter_group_arn(), cx).await?;
        Ok(created(&group).filter(|_| cx.owns(rds::pairs(&tags))))
    }

    fn id_of_arn(arn: &str) -> Option<String> {
        cloud::arn_name(arn, "rds", "pg:").map(str::to_owned)
    }
}

fn created(group: &SdkGroup) -> Option<Created> {
    let name = group.db_parameter_group_name()?;
    let created = Created::new(name).with("DBParameterGroupName", name);
    Some(match group.db_parameter_group_arn() {
        Some(arn) => created.with("DBParameterGroupArn", arn),
        None => created,
    })
}

/// A parameter to be set or reset: at once where the engine can, else at the next reboot.
fn parameter(name: &str, value: Option<&str>, dynamic: &BTreeSet<String>) -> Parameter {
    let method = if dynamic.contains(name) { ApplyMethod::Immediate } else { ApplyMethod::PendingReboot };
    Parameter::builder().parameter_name(name).set_parameter_value(value.map(str::to_owned)).apply_method(method).build()
}

/// Those of the parameters that a running engine can change.
async fn dynamic(id: &str, names: &[String], cx: &Context) -> Result<BTreeSet<String>, Failure> {
    let filter = Filter::builder().name("parameter-name").set_values(Some(names.to_vec())).build();
    let call = cx.client(Client::new).describe_db_parameters().db_parameter_group_name(id).filters(filter);
    let found = call.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    let found = found.aws("rds:DescribeDBParameters")?.into_iter();
    let dynamic = found.filter(|parameter| parameter.apply_type() == Some("dynamic"));
    Ok(dynamic.filter_map(|parameter| parameter.parameter_name).collect())
}

/// One by its name, several out of all: the API has no list of names.
async fn describe(ids: &[String], cx: &Context) -> Result<Vec<SdkGroup>, Failure> {
    let call = cx.client(Client::new).describe_db_parameter_groups();
    let call = if let [id] = ids { call.db_parameter_group_name(id) } else { call };
    let found = call.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    Ok(found.aws("rds:DescribeDBParameterGroups").absent()?.unwrap_or_default())
}

async fn arn(id: &str, cx: &Context) -> Result<Option<String>, Failure> {
    Ok(describe(&[id.to_owned()], cx).await?.into_iter().next().and_then(|group| group.db_parameter_group_arn))
}

async fn with_details(group: Option<&SdkGroup>, cx: &Context) -> Result<Option<Live<DbParameterGroup>>, Failure> {
    let Some(group) = group else { return Ok(None) };
    let name = group.db_parameter_group_name().unwrap_or_default();
    let call = cx.client(Client::new).describe_db_parameters().db_parameter_group_name(name).source("user");
    let parameters = async {
        let found = call.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
        found.aws("rds:DescribeDBParameters").absent()
    };
    // Gone between the two calls is gone.
    let (parameters, tags) = try_join(parameters, rds::tags_of(group.db_parameter_group_arn(), cx)).await?;
    Ok(parameters.map(|parameters| live(group, parameters, &tags)))
}

fn live(group: &SdkGroup, parameters: Vec<Parameter>, tags: &[SdkTag]) -> Live<DbParameterGroup> {
    let user = parameters.into_iter().filter(|parameter| parameter.source() == Some("user"));
    let parameters: Parameters =
        user.filter_map(|parameter| Some((parameter.parameter_name?, parameter.parameter_value?))).collect();
    let mut live = Live::new(DbParameterGroup {
        db_parameter_group_name: group.db_parameter_group_name.clone(),
        description: group.description.clone(),
        family: group.db_parameter_group_family.clone(),
        parameters: (!parameters.is_empty()).then_some(parameters),
        tags: rds::live_tags(tags),
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
            .db_parameter_group_name("arrakis-production-postgres-15")
            .db_parameter_group_family("postgres15")
            .description("PostgreSQL 15")
            .build();
        let parameter = |name: &str, value: Option<&str>, source: &str| {
            Parameter::builder()
                .parameter_name(name)
                .set_parameter_value(value.map(str::to_owned))
                .source(source)
                .build()
        };
        let all = vec![
            parameter("rds.force_ssl", Some("1"), "user"),
            parameter("work_mem", Some("4096"), "engine-default"),
            parameter("log_line_prefix", None, "user"),
        ];
        let live = live(&group, all, &[]);
        assert_eq!(
            serde_json::to_value(&live.properties).unwrap(),
            serde_json::json!({
                "DBParameterGroupName": "arrakis-production-postgres-15",
                "Description": "PostgreSQL 15",
                "Family": "postgres15",
                "Parameters": { "rds.force_ssl": "1" },
                "Tags": null,
            })
        );
    }

    #[test]
    fn a_static_parameter_waits_for_a_reboot() {
        let dynamic = BTreeSet::from(["rds.force_ssl".to_owned()]);
        let method = |name| parameter(name, Some("1"), &dynamic).apply_method;
        assert_eq!(method("rds.force_ssl"), Some(ApplyMethod::Immediate));
        assert_eq!(method("max_connections"), Some(ApplyMethod::PendingReboot));
    }

    #[test]
    fn a_template_may_write_numbers() {
        let group: DbParameterGroup =
            serde_json::from_value(serde_json::json!({ "Parameters": { "rds.force_ssl": 1, "a": "b" } })).unwrap();
        assert_eq!(group.parameters.unwrap()["rds.force_ssl"], "1");
    }
}
