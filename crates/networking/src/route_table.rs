//! `AWS::EC2::RouteTable`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-routetable.html>.

use std::sync::Arc;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, ResourceType, RouteTable as SdkRouteTable};
use cloud::{Absent, Aws, AwsResult, Context, Created, Failure, Live, Resource, Tag};
use serde::{Deserialize, Serialize};

use crate::ec2::{self, Soon};

/// A table of routes, for the subnets that are associated with it.
///
/// `Ref` is the table's id, also attribute `RouteTableId`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct RouteTable {
    /// Tags.
    pub tags: Option<Vec<Tag>>,
    /// The VPC's id.
    pub vpc_id: Option<String>,
}

impl Resource for RouteTable {
    const TYPE: &'static str = "AWS::EC2::RouteTable";

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let action = "ec2:CreateRouteTable";
        let made = cx
            .client(Client::new)
            .create_route_table()
            .client_token(&*cx.token)
            .set_vpc_id(self.vpc_id.clone())
            .tag_specifications(ec2::tags_for_create(ResourceType::RouteTable, &self.tags, cx))
            .send()
            .await
            .aws(action)
            .soon()?;
        made.route_table.and_then(|table| created(&table)).ok_or_else(|| Failure::missing(action, "RouteTableId"))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        ec2::sync_tags(id, &self.tags, live.map(|live| &live.tags), cx).await
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let found = tables(ids, cx).await?;
        Ok(ids.iter().map(|id| found.iter().find(|table| table.route_table_id() == Some(id)).map(live)).collect())
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let delete = cx.client(Client::new).delete_route_table().route_table_id(id);
        delete.send().await.aws("ec2:DeleteRouteTable").absent().map(drop)
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let describe = |filters| describe(filters, cx);
        let tables = ec2::made("ec2:DescribeRouteTables", cx, describe, SdkRouteTable::tags).await?;
        Ok(tables.first().and_then(created))
    }

    fn id_of_arn(arn: &str) -> Option<String> {
        ec2::id_of_arn(arn, "route-table")
    }
}

fn created(table: &SdkRouteTable) -> Option<Created> {
    let id = table.route_table_id()?;
    Some(Created::new(id).with("RouteTableId", id))
}

fn live(table: &SdkRouteTable) -> Live<RouteTable> {
    let mut live = Live::new(RouteTable { tags: ec2::live_tags(table.tags()), vpc_id: table.vpc_id.clone() });
    live.attributes = created(table).map(|created| created.attributes).unwrap_or_default();
    live
}

/// Tables by id, for their own sake and for their routes.
pub(crate) async fn tables(ids: &[String], cx: &Context) -> Result<Vec<SdkRouteTable>, Failure> {
    read(ids, "route-table-id", |table, id| table.route_table_id() == Some(id), cx).await
}

/// Tables for their own sake, for their routes and for their associations: one call for all in a refresh.
pub(crate) async fn read(
    values: &[String],
    filter: &str,
    has: impl Fn(&SdkRouteTable, &str) -> bool,
    cx: &Context,
) -> Result<Vec<SdkRouteTable>, Failure> {
    ec2::shared("ec2:DescribeRouteTables", filter, values, cx, |filters| describe(filters, cx), has).await
}

/// Those of the environment, by its tag.
pub(crate) async fn of_environment(cx: &Context) -> Result<Arc<Vec<SdkRouteTable>>, Failure> {
    cx.once("ec2:DescribeRouteTables", describe(ec2::filter_environment(cx), cx)).await
}

async fn describe(filters: Vec<Filter>, cx: &Context) -> Result<Vec<SdkRouteTable>, Failure> {
    let pages = cx.client(Client::new).describe_route_tables().set_filters(Some(filters)).into_paginator();
    pages.items().send().collect::<Result<Vec<_>, _>>().await.aws("ec2:DescribeRouteTables")
}
