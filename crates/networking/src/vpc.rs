//! `AWS::EC2::VPC`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-vpc.html>.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, ResourceType, Tenancy, Vpc as SdkVpc, VpcAttributeName, VpcState, VpcTenancy};
use cloud::{Absent, Aws, AwsResult, Context, Created, Failure, FailureKind, Live, Readiness, Resource, Seconds, Tag};
use futures::future::{try_join, try_join_all};
use serde::{Deserialize, Serialize};

use crate::ec2::{self, Soon};
use crate::{in_use, vpc_content};

/// A virtual private cloud.
///
/// `Ref` is the VPC id; attributes: `VpcId`, `CidrBlock`, `CidrBlockAssociations`, `Ipv6CidrBlocks`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Vpc {
    /// The primary IPv4 range.
    pub cidr_block: Option<String>,
    /// Whether instances with public addresses get public DNS names; interface endpoints need it.
    pub enable_dns_hostnames: Option<bool>,
    /// Whether the Amazon DNS server answers in the VPC.
    pub enable_dns_support: Option<bool>,
    /// `default`, `dedicated` or `host`. In place it can only become `default`.
    pub instance_tenancy: Option<String>,
    /// Tags.
    pub tags: Option<Vec<Tag>>,
}

impl Resource for Vpc {
    const TYPE: &'static str = "AWS::EC2::VPC";

    const SECONDS: Seconds = Seconds { create: 2.0, update: 1.0, delete: 1.0 };

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let made = cx
            .client(Client::new)
            .create_vpc()
            .set_cidr_block(self.cidr_block.clone())
            .set_instance_tenancy(self.instance_tenancy.as_deref().map(Tenancy::from))
            .tag_specifications(ec2::tags_for_create(ResourceType::Vpc, &self.tags, cx))
            .send()
            .await
            .aws("ec2:CreateVpc")?;
        made.vpc.and_then(|vpc| created(&vpc)).ok_or_else(|| Failure::missing("ec2:CreateVpc", "VpcId"))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        let new = live.is_none();
        let client = cx.client(Client::new);
        let modify = || client.modify_vpc_attribute().vpc_id(id);
        // A new VPC has DNS support on and DNS hostnames off. Each call takes one attribute, and
        // hostnames need support: it is switched on before, and off after.
        let support = ec2::change(&self.enable_dns_support, live.map(|live| &live.enable_dns_support), true);
        let hostnames = ec2::change(&self.enable_dns_hostnames, live.map(|live| &live.enable_dns_hostnames), false);
        let action = "ec2:ModifyVpcAttribute";
        if support == Some(true) {
            modify().enable_dns_support(ec2::switch(true)).send().await.aws(action).soon_if(new)?;
        }
        if let Some(on) = hostnames {
            modify().enable_dns_hostnames(ec2::switch(on)).send().await.aws(action).soon_if(new)?;
        }
        if support == Some(false) {
            modify().enable_dns_support(ec2::switch(false)).send().await.aws(action).soon_if(new)?;
        }
        let tenancy = live.and_then(|live| live.instance_tenancy.as_deref());
        if tenancy
            .is_some_and(|is| is != "default" && self.instance_tenancy.as_deref().unwrap_or("default") == "default")
        {
            let modify = client.modify_vpc_tenancy().vpc_id(id).instance_tenancy(VpcTenancy::Default);
            modify.send().await.aws("ec2:ModifyVpcTenancy")?;
        }
        ec2::sync_tags(id, &self.tags, live.map(|live| &live.tags), cx).await
    }

    async fn ready(id: &str, cx: &Context) -> Result<Readiness, Failure> {
        let vpcs = describe(ec2::filter("vpc-id", &[id.to_owned()]), cx).await?;
        Ok(match vpcs.first().and_then(|vpc| vpc.state.as_ref()) {
            Some(VpcState::Available) => Readiness::Ready,
            Some(state) => Readiness::Pending(state.to_string()),
            None => Readiness::Pending("not visible yet".to_owned()),
        })
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let found = ec2::described("vpc-id", ids, |filters| describe(filters, cx)).await?;
        try_join_all(ids.iter().map(|id| async {
            match found.iter().find(|vpc| vpc.vpc_id() == Some(id)) {
                Some(vpc) => live(vpc, cx).await.map(Some),
                None => Ok(None),
            }
        }))
        .await
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        match cx.client(Client::new).delete_vpc().vpc_id(id).send().await.aws("ec2:DeleteVpc").absent() {
            Err(failure) if failure.kind == FailureKind::InUse => {
                Err(in_use::explained(failure, &vpc_content::blockers(id, cx).await))
            }
            other => other.map(drop),
        }
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let vpcs = ec2::made("ec2:DescribeVpcs", cx, |filters| describe(filters, cx), SdkVpc::tags).await?;
        Ok(vpcs.first().and_then(created))
    }

    fn id_of_arn(arn: &str) -> Option<String> {
        ec2::id_of_arn(arn, "vpc")
    }
}

fn created(vpc: &SdkVpc) -> Option<Created> {
    let id = vpc.vpc_id()?;
    let mut created = Created::new(id).with("VpcId", id);
    if let Some(cidr) = vpc.cidr_block() {
        created = created.with("CidrBlock", cidr);
    }
    let ipv4 = vpc.cidr_block_association_set().iter().filter_map(|block| block.association_id.clone());
    let ipv6 = vpc.ipv6_cidr_block_association_set().iter().filter_map(|block| block.ipv6_cidr_block.clone());
    Some(
        created
            .with("CidrBlockAssociations", ipv4.collect::<Vec<_>>())
            .with("Ipv6CidrBlocks", ipv6.collect::<Vec<_>>()),
    )
}

async fn describe(filters: Vec<Filter>, cx: &Context) -> Result<Vec<SdkVpc>, Failure> {
    let pages = cx.client(Client::new).describe_vpcs().set_filters(Some(filters)).into_paginator();
    pages.items().send().collect::<Result<Vec<_>, _>>().await.aws("ec2:DescribeVpcs")
}

async fn live(vpc: &SdkVpc, cx: &Context) -> Result<Live<Vpc>, Failure> {
    let id = vpc.vpc_id().unwrap_or_default();
    // One attribute a call: the API has no other way.
    let client = cx.client(Client::new);
    let attribute = |name| client.describe_vpc_attribute().vpc_id(id).attribute(name).send();
    let (support, hostnames) =
        try_join(attribute(VpcAttributeName::EnableDnsSupport), attribute(VpcAttributeName::EnableDnsHostnames))
            .await
            .aws("ec2:DescribeVpcAttribute")?;
    let properties = Vpc {
        cidr_block: vpc.cidr_block.clone(),
        enable_dns_support: support.enable_dns_support.and_then(|value| value.value),
        enable_dns_hostnames: hostnames.enable_dns_hostnames.and_then(|value| value.value),
        instance_tenancy: vpc.instance_tenancy.as_ref().map(ToString::to_string),
        tags: ec2::live_tags(vpc.tags()),
    };
    let mut live = Live::new(properties);
    live.attributes = created(vpc).map(|created| created.attributes).unwrap_or_default();
    Ok(live)
}
