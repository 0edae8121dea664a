//! `AWS::EC2::Subnet`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-subnet.html>.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, ResourceType, Subnet as SdkSubnet, SubnetState};
use cloud::{Absent, Aws, AwsResult, Context, Created, Failure, FailureKind, Live, Readiness, Resource, Seconds, Tag};
use serde::{Deserialize, Serialize};

use crate::ec2::{self, Soon};
use crate::{in_use, interfaces};

/// A range of a VPC's addresses in one zone.
///
/// `Ref` is the subnet id; attributes: `SubnetId`, `VpcId`, `AvailabilityZone`, `AvailabilityZoneId`, `CidrBlock`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Subnet {
    /// The zone by name, such as `us-east-1a`; AWS chooses one if neither name nor id is given.
    pub availability_zone: Option<String>,
    /// The zone by id, such as `use1-az1`: the same place in every account.
    pub availability_zone_id: Option<String>,
    /// The IPv4 range, within the VPC's.
    pub cidr_block: Option<String>,
    /// Whether what is launched in it gets a public IPv4 address unasked.
    pub map_public_ip_on_launch: Option<bool>,
    /// Tags.
    pub tags: Option<Vec<Tag>>,
    /// The VPC's id.
    pub vpc_id: Option<String>,
}

impl Resource for Subnet {
    const TYPE: &'static str = "AWS::EC2::Subnet";

    const SECONDS: Seconds = Seconds { create: 2.0, update: 1.0, delete: 1.0 };

    /// A range can be in one subnet only: when a subnet moves to another zone the old one goes first.
    const UNIQUE_NAME: Option<&'static str> = Some("CidrBlock");
    const UNIQUE_WITHIN: Option<&'static str> = Some("VpcId");

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let made = cx
            .client(Client::new)
            .create_subnet()
            .set_vpc_id(self.vpc_id.clone())
            .set_cidr_block(self.cidr_block.clone())
            .set_availability_zone(self.availability_zone.clone())
            .set_availability_zone_id(self.availability_zone_id.clone())
            .tag_specifications(ec2::tags_for_create(ResourceType::Subnet, &self.tags, cx))
            .send()
            .await
            .aws("ec2:CreateSubnet")
            .soon()?;
        made.subnet.and_then(|subnet| created(&subnet)).ok_or_else(|| Failure::missing("ec2:CreateSubnet", "SubnetId"))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        let public = ec2::change(&self.map_public_ip_on_launch, live.map(|live| &live.map_public_ip_on_launch), false);
        if let Some(on) = public {
            let modify = cx.client(Client::new).modify_subnet_attribute().subnet_id(id);
            let answer = modify.map_public_ip_on_launch(ec2::switch(on)).send().await;
            answer.aws("ec2:ModifySubnetAttribute").soon_if(live.is_none())?;
        }
        ec2::sync_tags(id, &self.tags, live.map(|live| &live.tags), cx).await
    }

    async fn ready(id: &str, cx: &Context) -> Result<Readiness, Failure> {
        let subnets = describe(ec2::filter("subnet-id", &[id.to_owned()]), cx).await?;
        Ok(match subnets.first().and_then(|subnet| subnet.state.as_ref()) {
            Some(SubnetState::Available) => Readiness::Ready,
            Some(state) if state.as_str().starts_with("failed") => Readiness::Failed(format!("the subnet is {state}")),
            Some(state) => Readiness::Pending(state.to_string()),
            None => Readiness::Pending("not visible yet".to_owned()),
        })
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let found = ec2::described("subnet-id", ids, |filters| describe(filters, cx)).await?;
        Ok(ids.iter().map(|id| found.iter().find(|subnet| subnet.subnet_id() == Some(id)).map(live)).collect())
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let refused = match delete(id, cx).await {
            Err(failure) if failure.kind == FailureKind::InUse => failure,
            other => return other,
        };
        // Whoever may delete the subnet need not be allowed to look.
        let Ok(blockers) = interfaces::clear("subnet-id", id, cx).await else { return Err(refused) };
        if blockers.is_empty() { delete(id, cx).await } else { Err(in_use::explained(refused, &blockers)) }
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let subnets = ec2::made("ec2:DescribeSubnets", cx, |filters| describe(filters, cx), SdkSubnet::tags).await?;
        Ok(subnets.first().and_then(created))
    }

    fn id_of_arn(arn: &str) -> Option<String> {
        ec2::id_of_arn(arn, "subnet")
    }
}

async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
    cx.client(Client::new).delete_subnet().subnet_id(id).send().await.aws("ec2:DeleteSubnet").absent().map(drop)
}

fn created(subnet: &SdkSubnet) -> Option<Created> {
    let id = subnet.subnet_id()?;
    let mut created = Created::new(id).with("SubnetId", id);
    let known = [
        ("VpcId", subnet.vpc_id()),
        ("AvailabilityZone", subnet.availability_zone()),
        ("AvailabilityZoneId", subnet.availability_zone_id()),
        ("CidrBlock", subnet.cidr_block()),
    ];
    for (name, value) in known {
        if let Some(value) = value {
            created = created.with(name, value);
        }
    }
    Some(created)
}

async fn describe(filters: Vec<Filter>, cx: &Context) -> Result<Vec<SdkSubnet>, Failure> {
    let pages = cx.client(Client::new).describe_subnets().set_filters(Some(filters)).into_paginator();
    pages.items().send().collect::<Result<Vec<_>, _>>().await.aws("ec2:DescribeSubnets")
}

fn live(subnet: &SdkSubnet) -> Live<Subnet> {
    let mut live = Live::new(Subnet {
        availability_zone: subnet.availability_zone.clone(),
        availability_zone_id: subnet.availability_zone_id.clone(),
        cidr_block: subnet.cidr_block.clone(),
        map_public_ip_on_launch: subnet.map_public_ip_on_launch,
        tags: ec2::live_tags(subnet.tags()),
        vpc_id: subnet.vpc_id.clone(),
    });
    live.attributes = created(subnet).map(|created| created.attributes).unwrap_or_default();
    live
}
