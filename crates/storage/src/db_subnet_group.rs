//! `AWS::RDS::DBSubnetGroup`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-rds-dbsubnetgroup.html>.

use aws_sdk_rds::Client;
use aws_sdk_rds::types::{DbSubnetGroup as SdkGroup, Tag as SdkTag};
use cloud::{Absent, Aws, AwsResult, Context, Created, Failure, Live, Resource, Tag};
use futures::future::try_join_all;
use serde::{Deserialize, Serialize};

use crate::{named, rds};

/// The subnets that RDS may put a database in; of two zones at least.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct DbSubnetGroup {
    /// What it is for.
    #[serde(rename = "DBSubnetGroupDescription")]
    pub db_subnet_group_description: Option<String>,
    /// Its name, unique in account and region; kept in lower case.
    #[serde(rename = "DBSubnetGroupName")]
    pub db_subnet_group_name: Option<String>,
    /// The subnets.
    pub subnet_ids: Option<Vec<String>>,
    /// Tags.
    pub tags: Option<Vec<Tag>>,
}

impl Resource for DbSubnetGroup {
    const TYPE: &'static str = "AWS::RDS::DBSubnetGroup";
    const MOVES_WITH: &'static [(&'static str, &'static str)] = &[("SubnetIds", "VpcId")];

    fn id(&self) -> Option<String> {
        self.db_subnet_group_name.as_deref().map(named::kept)
    }

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let made = cx
            .client(Client::new)
            .create_db_subnet_group()
            .db_subnet_group_name(named::given_or_made(&self.db_subnet_group_name, 255, cx))
            .set_db_subnet_group_description(self.db_subnet_group_description.clone())
            .set_subnet_ids(self.subnet_ids.clone())
            .set_tags(rds::tags_for_create(&self.tags, cx))
            .send()
            .await
            .aws("rds:CreateDBSubnetGroup")?;
        let group = made.db_subnet_group.as_ref().and_then(created);
        group.ok_or_else(|| Failure::missing("rds:CreateDBSubnetGroup", "DBSubnetGroupName"))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        let Some(live) = live else { return Ok(()) };
        let set = |ids: &Option<Vec<String>>| ids.iter().flatten().cloned().collect::<std::collections::BTreeSet<_>>();
        let described = live.db_subnet_group_description == self.db_subnet_group_description;
        if !described || set(&live.subnet_ids) != set(&self.subnet_ids) {
            cx.client(Client::new)
                .modify_db_subnet_group()
                .db_subnet_group_name(id)
                .set_db_subnet_group_description(self.db_subnet_group_description.clone())
                .set_subnet_ids(self.subnet_ids.clone())
                .send()
                .await
                .aws("rds:ModifyDBSubnetGroup")?;
        }
        rds::sync_tags(arn(id, cx), &self.tags, Some(&live.tags), cx).await
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let found = describe(ids, cx).await?;
        let find = |id: &String| found.iter().find(|group| group.db_subnet_group_name() == Some(id));
        try_join_all(ids.iter().map(|id| with_tags(find(id), cx))).await
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let call = cx.client(Client::new).delete_db_subnet_group().db_subnet_group_name(id);
        call.send().await.aws("rds:DeleteDBSubnetGroup").absent().map(drop)
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let name = named::to_find::<Self>(&self.db_subnet_group_name, 255, cx).await?;
        let Some(name) = name else { return Ok(None) };
        let Some(group) = describe(&[name], cx).await?.into_iter().next() else {
            return Ok(None);
        };
        let tags = rds::tags_of(group.db_subnet_group_arn(), cx).await?;
        Ok(created(&group).filter(|_| cx.owns(rds::pairs(&tags))))
    }

    fn id_of_arn(arn: &str) -> Option<String> {
        cloud::arn_name(arn, "rds", "subgrp:").map(str::to_owned)
    }
}

fn created(group: &SdkGroup) -> Option<Created> {
    let created = Created::new(group.db_subnet_group_name()?);
    Some(match group.db_subnet_group_arn() {
        Some(arn) => created.with("DBSubnetGroupArn", arn),
        None => created,
    })
}

/// One by its name, several out of all: the API has no list of names.
async fn describe(ids: &[String], cx: &Context) -> Result<Vec<SdkGroup>, Failure> {
    let action = "rds:DescribeDBSubnetGroups";
    let call = cx.client(Client::new).describe_db_subnet_groups();
    let call = if let [id] = ids { call.db_subnet_group_name(id) } else { call };
    let found = call.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    Ok(found.aws(action).absent()?.unwrap_or_default())
}

async fn arn(id: &str, cx: &Context) -> Result<Option<String>, Failure> {
    Ok(describe(&[id.to_owned()], cx).await?.into_iter().next().and_then(|group| group.db_subnet_group_arn))
}

async fn with_tags(group: Option<&SdkGroup>, cx: &Context) -> Result<Option<Live<DbSubnetGroup>>, Failure> {
    let Some(group) = group else { return Ok(None) };
    Ok(Some(live(group, &rds::tags_of(group.db_subnet_group_arn(), cx).await?)))
}

fn live(group: &SdkGroup, tags: &[SdkTag]) -> Live<DbSubnetGroup> {
    let mut subnets: Vec<String> = group.subnets().iter().filter_map(|s| s.subnet_identifier.clone()).collect();
    subnets.sort();
    let mut live = Live::new(DbSubnetGroup {
        db_subnet_group_description: group.db_subnet_group_description.clone(),
        db_subnet_group_name: group.db_subnet_group_name.clone(),
        subnet_ids: Some(subnets),
        tags: rds::live_tags(tags),
    });
    live.attributes = created(group).map(|created| created.attributes).unwrap_or_default();
    live
}

#[cfg(test)]
mod tests {
    use aws_sdk_rds::types::Subnet;

    use super::*;

    #[test]
    fn a_live_group_has_the_shape_of_a_declared_one() {
        let subnet = |id: &str| Subnet::builder().subnet_identifier(id).build();
        let group = SdkGroup::builder()
            .db_subnet_group_name("arrakis-production-postgres")
            .db_subnet_group_description("PostgreSQL")
            .db_subnet_group_arn("arn:aws:rds:us-east-1:123456789012:subgrp:arrakis-production-postgres")
            .subnets(subnet("subnet-b"))
            .subnets(subnet("subnet-a"))
            .build();
        let tag = SdkTag::builder().key("env").value("production").build();
        let live = live(&group, &[tag]);
        let json = serde_json::to_value(&live.properties).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "DBSubnetGroupDescription": "PostgreSQL",
                "DBSubnetGroupName": "arrakis-production-postgres",
                "SubnetIds": ["subnet-a", "subnet-b"],
                "Tags": [{ "Key": "env", "Value": "production" }],
            })
        );
        assert!(live.attributes["DBSubnetGroupArn"].as_str().unwrap().starts_with("arn:"));
    }

    #[test]
    fn the_id_is_the_name_in_lower_case() {
        let group = DbSubnetGroup { db_subnet_group_name: Some("Main".into()), ..Default::default() };
        assert_eq!(group.id().as_deref(), Some("main"));
        assert_eq!(DbSubnetGroup::default().id(), None);
    }
}
