//! `AWS::EC2::VPCGatewayAttachment`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-vpcgatewayattachment.html>.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::InternetGateway as SdkInternetGateway;
use cloud::{Absent, Aws, AwsResult, Context, Created, Failure, FailureKind, Live, Readiness, Resource, Seconds};
use engine::resource::Tagged;
use serde::{Deserialize, Serialize};

use crate::ec2::{self, Soon};
use crate::{in_use, interfaces, internet_gateway};

/// What CloudFormation calls the attachment of an internet gateway.
const KIND: &str = "IGW";

/// An internet gateway in its place at a VPC.
///
/// `Ref` is `IGW|<VPC id>` (the type's primary identifier); attribute `AttachmentType` is `IGW`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct VpcGatewayAttachment {
    /// The gateway's id. It may be exchanged for another.
    pub internet_gateway_id: Option<String>,
    /// The VPC's id.
    pub vpc_id: Option<String>,
}

impl Resource for VpcGatewayAttachment {
    const TYPE: &'static str = "AWS::EC2::VPCGatewayAttachment";

    const SECONDS: Seconds = Seconds { create: 1.0, update: 2.0, delete: 2.0 };

    const HOLDS: &'static [&'static str] = &["InternetGatewayId"];

    fn id(&self) -> Option<String> {
        Some(format!("{KIND}|{}", self.vpc_id.as_deref()?))
    }

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let id = self.id().ok_or_else(|| Failure::invalid("an attachment needs a VpcId"))?;
        self.attach(cx).await.soon()?;
        Ok(created(id))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        let Some(other) = live.and_then(|live| live.internet_gateway_id.as_deref()) else { return Ok(()) };
        if self.internet_gateway_id.as_deref() == Some(other) {
            return Ok(());
        }
        detach(other, vpc_of(id)?, cx).await?;
        self.attach(cx).await
    }

    async fn ready(id: &str, cx: &Context) -> Result<Readiness, Failure> {
        let live = Self::read(&[id.to_owned()], cx).await?.into_iter().next().flatten();
        Ok(match live {
            Some(_) => Readiness::Ready,
            None => Readiness::Pending("attaching".to_owned()),
        })
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let vpcs = ids.iter().map(|id| vpc_of(id).map(str::to_owned)).collect::<Result<Vec<_>, _>>()?;
        let found = internet_gateway::read(&vpcs, "attachment.vpc-id", is_at, cx).await?;
        let live = |vpc: &String| {
            let gateway = found.iter().find(|gateway| is_at(gateway, vpc))?;
            let properties =
                Self { internet_gateway_id: gateway.internet_gateway_id.clone(), vpc_id: Some(vpc.clone()) };
            Some(Live::new(properties).with("AttachmentType", KIND))
        };
        Ok(vpcs.iter().map(live).collect())
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let live = Self::read(&[id.to_owned()], cx).await?.into_iter().next().flatten();
        match live.and_then(|live| live.properties.internet_gateway_id) {
            Some(gateway) => detach(&gateway, vpc_of(id)?, cx).await,
            None => Ok(()),
        }
    }

    /// An attachment carries no tag: it is this one if it joins the same two. When nobody knows any more who made it,
    /// it is the one that the VPC has.
    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let Some(id) = self.id() else { return Ok(None) };
        let live = Self::read(std::slice::from_ref(&id), cx).await?.into_iter().next().flatten();
        Ok(live
            .filter(|live| cx.token.is_empty() || live.properties.internet_gateway_id == self.internet_gateway_id)
            .map(|_| created(id)))
    }

    /// An attachment that is not declared any more is known by its gateway's tags. Neither the gateway nor the VPC can be
    /// deleted while it is there.
    async fn unlisted(cx: &Context) -> Result<Vec<Tagged>, Failure> {
        let mut found = Vec::new();
        for gateway in internet_gateway::of_environment(cx).await?.iter() {
            let vpcs = gateway.attachments().iter().filter_map(|one| one.vpc_id()).filter(|vpc| is_at(gateway, vpc));
            found.extend(vpcs.filter_map(|vpc| ec2::part(format!("{KIND}|{vpc}"), gateway.tags(), "attachment")));
        }
        Ok(found)
    }
}

impl VpcGatewayAttachment {
    async fn attach(&self, cx: &Context) -> Result<(), Failure> {
        let attach = cx
            .client(Client::new)
            .attach_internet_gateway()
            .set_internet_gateway_id(self.internet_gateway_id.clone())
            .set_vpc_id(self.vpc_id.clone());
        attach.send().await.aws("ec2:AttachInternetGateway").map(drop)
    }
}

async fn detach(gateway: &str, vpc: &str, cx: &Context) -> Result<(), Failure> {
    let detach = cx.client(Client::new).detach_internet_gateway().internet_gateway_id(gateway).vpc_id(vpc);
    match detach.send().await.aws("ec2:DetachInternetGateway") {
        Err(failure) if failure.code == "Gateway.NotAttached" => Ok(()),
        // While something in the VPC has a public address; AWS does not say what.
        Err(failure) if failure.kind == FailureKind::InUse => {
            let public = interfaces::with_public_address(vpc, cx).await.unwrap_or_default();
            Err(in_use::explained(failure, &public))
        }
        other => other.absent().map(drop),
    }
}

fn created(id: String) -> Created {
    Created::new(id).with("AttachmentType", KIND)
}

fn vpc_of(id: &str) -> Result<&str, Failure> {
    match id.split_once('|') {
        Some((KIND, vpc)) => Ok(vpc),
        _ => Err(Failure::invalid(format!("`{id}` is not the id of an internet gateway's attachment: `IGW|vpc-…`"))),
    }
}

fn is_at(gateway: &SdkInternetGateway, vpc: &str) -> bool {
    let attached = |state: &str| state != "detaching" && state != "detached";
    gateway.attachments().iter().any(|attachment| {
        attachment.vpc_id() == Some(vpc) && attachment.state().is_none_or(|state| attached(state.as_str()))
    })
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{AttachmentStatus, InternetGatewayAttachment};

    use super::*;

    #[test]
    fn the_id_is_the_kind_and_the_vpc() {
        let attachment = VpcGatewayAttachment { vpc_id: Some("vpc-1".into()), ..Default::default() };
        assert_eq!(attachment.id().as_deref(), Some("IGW|vpc-1"));
        assert_eq!(vpc_of("IGW|vpc-1").unwrap(), "vpc-1");
        assert!(vpc_of("VGW|vpc-1").is_err());
    }

    #[test]
    fn a_gateway_on_its_way_off_is_not_there() {
        // EC2 answers `available` for an internet gateway that is attached.
        for (state, there) in [("available", true), ("attached", true), ("detaching", false), ("detached", false)] {
            let attachment =
                InternetGatewayAttachment::builder().vpc_id("vpc-1").state(AttachmentStatus::from(state)).build();
            let gateway = SdkInternetGateway::builder().attachments(attachment).build();
            assert_eq!(is_at(&gateway, "vpc-1"), there, "{state}");
            assert!(!is_at(&gateway, "vpc-2"));
        }
    }
}
