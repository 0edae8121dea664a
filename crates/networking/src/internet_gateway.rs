//! `AWS::EC2::InternetGateway`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-internetgateway.html>.

use std::sync::Arc;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, InternetGateway as SdkInternetGateway, ResourceType};
use cloud::{Absent, Aws, AwsResult, Context, Created, Failure, Live, Resource, Tag};
use serde::{Deserialize, Serialize};

use crate::ec2;

/// A VPC's door to the internet, once attached to it.
///
/// `Ref` is the gateway id, also attribute `InternetGatewayId`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct InternetGateway {
    /// Tags.
    pub tags: Option<Vec<Tag>>,
}

impl Resource for InternetGateway {
    const TYPE: &'static str = "AWS::EC2::InternetGateway";

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let action = "ec2:CreateInternetGateway";
        let made = cx
            .client(Client::new)
            .create_internet_gateway()
            .tag_specifications(ec2::tags_for_create(ResourceType::InternetGateway, &self.tags, cx))
            .send()
            .await
            .aws(action)?;
        made.internet_gateway
            .and_then(|gateway| created(&gateway))
            .ok_or_else(|| Failure::missing(action, "InternetGatewayId"))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        ec2::sync_tags(id, &self.tags, live.map(|live| &live.tags), cx).await
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let has = |gateway: &SdkInternetGateway, id: &str| gateway.internet_gateway_id() == Some(id);
        let found = read(ids, "internet-gateway-id", has, cx).await?;
        Ok(ids.iter().map(|id| found.iter().find(|gateway| has(gateway, id)).map(live)).collect())
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let delete = cx.client(Client::new).delete_internet_gateway().internet_gateway_id(id);
        delete.send().await.aws("ec2:DeleteInternetGateway").absent().map(drop)
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let describe = |filters| describe(filters, cx);
        let gateways = ec2::made("ec2:DescribeInternetGateways", cx, describe, SdkInternetGateway::tags).await?;
        Ok(gateways.first().and_then(created))
    }

    fn id_of_arn(arn: &str) -> Option<String> {
        ec2::id_of_arn(arn, "internet-gateway")
    }
}

fn created(gateway: &SdkInternetGateway) -> Option<Created> {
    let id = gateway.internet_gateway_id()?;
    Some(Created::new(id).with("InternetGatewayId", id))
}

fn live(gateway: &SdkInternetGateway) -> Live<InternetGateway> {
    let mut live = Live::new(InternetGateway { tags: ec2::live_tags(gateway.tags()) });
    live.attributes = created(gateway).map(|created| created.attributes).unwrap_or_default();
    live
}

/// Gateways for their own sake and for their attachments: one call for both in a refresh.
pub(crate) async fn read(
    values: &[String],
    filter: &str,
    has: impl Fn(&SdkInternetGateway, &str) -> bool,
    cx: &Context,
) -> Result<Vec<SdkInternetGateway>, Failure> {
    ec2::shared("ec2:DescribeInternetGateways", filter, values, cx, |filters| describe(filters, cx), has).await
}

/// Those of the environment, by its tag.
pub(crate) async fn of_environment(cx: &Context) -> Result<Arc<Vec<SdkInternetGateway>>, Failure> {
    cx.once("ec2:DescribeInternetGateways", describe(ec2::filter_environment(cx), cx)).await
}

async fn describe(filters: Vec<Filter>, cx: &Context) -> Result<Vec<SdkInternetGateway>, Failure> {
    let pages = cx.client(Client::new).describe_internet_gateways().set_filters(Some(filters)).into_paginator();
    pages.items().send().collect::<Result<Vec<_>, _>>().await.aws("ec2:DescribeInternetGateways")
}
