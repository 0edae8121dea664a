//! `AWS::EC2::NetworkAcl`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-networkacl.html>.

use std::sync::Arc;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, NetworkAcl as SdkNetworkAcl, ResourceType};
use cloud::{Absent, Aws, AwsResult, Context, Created, Failure, Live, Resource, Tag};
use serde::{Deserialize, Serialize};

use crate::ec2::{self, Soon};

/// A stateless firewall around subnets. A new one lets nothing through.
///
/// `Ref` is its id, also attribute `Id`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct NetworkAcl {
    /// Tags.
    pub tags: Option<Vec<Tag>>,
    /// The VPC's id.
    pub vpc_id: Option<String>,
}

impl Resource for NetworkAcl {
    const TYPE: &'static str = "AWS::EC2::NetworkAcl";

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let action = "ec2:CreateNetworkAcl";
        let made = cx
            .client(Client::new)
            .create_network_acl()
            .client_token(&*cx.token)
            .set_vpc_id(self.vpc_id.clone())
            .tag_specifications(ec2::tags_for_create(ResourceType::NetworkAcl, &self.tags, cx))
            .send()
            .await
            .aws(action)
            .soon()?;
        made.network_acl.and_then(|acl| created(&acl)).ok_or_else(|| Failure::missing(action, "NetworkAclId"))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        ec2::sync_tags(id, &self.tags, live.map(|live| &live.tags), cx).await
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let found = all(cx).await?;
        Ok(ids.iter().map(|id| found.iter().find(|acl| acl.network_acl_id() == Some(id)).map(live)).collect())
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let delete = cx.client(Client::new).delete_network_acl().network_acl_id(id);
        delete.send().await.aws("ec2:DeleteNetworkAcl").absent().map(drop)
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let describe = |filters| describe(filters, cx);
        let acls = ec2::made("ec2:DescribeNetworkAcls by tag", cx, describe, SdkNetworkAcl::tags).await?;
        Ok(acls.first().and_then(created))
    }

    fn id_of_arn(arn: &str) -> Option<String> {
        ec2::id_of_arn(arn, "network-acl")
    }
}

fn created(acl: &SdkNetworkAcl) -> Option<Created> {
    let id = acl.network_acl_id()?;
    Some(Created::new(id).with("Id", id))
}

fn live(acl: &SdkNetworkAcl) -> Live<NetworkAcl> {
    let mut live = Live::new(NetworkAcl { tags: ec2::live_tags(acl.tags()), vpc_id: acl.vpc_id.clone() });
    live.attributes = created(acl).map(|created| created.attributes).unwrap_or_default();
    live
}

/// All ACLs of the region, a few for each VPC: for their own sake, for their entries and for their associations.
pub(crate) async fn all(cx: &Context) -> Result<Arc<Vec<SdkNetworkAcl>>, Failure> {
    cx.once("ec2:DescribeNetworkAcls", describe(Vec::new(), cx)).await
}

pub(crate) async fn describe(filters: Vec<Filter>, cx: &Context) -> Result<Vec<SdkNetworkAcl>, Failure> {
    let pages = cx.client(Client::new).describe_network_acls().set_filters(Some(filters)).into_paginator();
    pages.items().send().collect::<Result<Vec<_>, _>>().await.aws("ec2:DescribeNetworkAcls")
}
