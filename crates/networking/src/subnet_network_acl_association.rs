//! `AWS::EC2::SubnetNetworkAclAssociation`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-subnetnetworkaclassociation.html>.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Filter, NetworkAcl as SdkNetworkAcl, NetworkAclAssociation};
use cloud::{Absent, Aws, AwsResult, Context, Created, Failure, FailureKind, Live, Resource};
use serde::{Deserialize, Serialize};

use crate::ec2::{self, Soon};
use crate::network_acl;

/// Which network ACL a subnet has. Every subnet has one, so this only ever exchanges it; deleting gives the VPC's
/// default one back.
///
/// `Ref` is the association's id, also attribute `AssociationId`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct SubnetNetworkAclAssociation {
    /// The ACL's id.
    pub network_acl_id: Option<String>,
    /// The subnet's id.
    pub subnet_id: Option<String>,
}

impl Resource for SubnetNetworkAclAssociation {
    const TYPE: &'static str = "AWS::EC2::SubnetNetworkAclAssociation";

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let subnet = self.subnet_id.as_deref().unwrap_or_default();
        let not_visible = || Failure::new(FailureKind::NotYet, format!("the subnet {subnet} has no network ACL yet"));
        let (_, association) = of_subnet(subnet, cx).await?.ok_or_else(not_visible)?;
        let acl = self.network_acl_id.as_deref().unwrap_or_default();
        replace(association.network_acl_association_id(), acl, cx).await.soon().map(created)
    }

    /// Both properties are of its identity.
    async fn sync(&self, _: &str, _: Option<&Self>, _: &Context) -> Result<(), Failure> {
        Ok(())
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let found = network_acl::all(cx).await?;
        let live = |id: &String| {
            let association = found.iter().find_map(|acl| association(acl, id))?;
            let properties =
                Self { network_acl_id: association.network_acl_id.clone(), subnet_id: association.subnet_id.clone() };
            Some(Live::new(properties).with("AssociationId", id.as_str()))
        };
        Ok(ids.iter().map(live).collect())
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let found = network_acl::describe(ec2::filter("association.association-id", &[id.to_owned()]), cx).await?;
        let Some(acl) = found.iter().find(|acl| association(acl, id).is_some()) else { return Ok(()) };
        if acl.is_default == Some(true) {
            return Ok(());
        }
        let default = [
            Filter::builder().name("vpc-id").values(acl.vpc_id().unwrap_or_default()).build(),
            Filter::builder().name("default").values("true").build(),
        ];
        let default = network_acl::describe(default.to_vec(), cx).await?;
        let default = default.first().and_then(SdkNetworkAcl::network_acl_id);
        let default = default.ok_or_else(|| Failure::missing("ec2:DescribeNetworkAcls", "default network ACL"))?;
        replace(Some(id), default, cx).await.absent().map(drop)
    }

    /// An association carries no tag: it is this one if it joins the same two.
    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let found = of_subnet(self.subnet_id.as_deref().unwrap_or_default(), cx).await?;
        let ours = found.filter(|(acl, _)| acl.network_acl_id == self.network_acl_id);
        Ok(ours.and_then(|(_, association)| association.network_acl_association_id).map(created))
    }
}

fn created(id: String) -> Created {
    Created::new(id.clone()).with("AssociationId", id)
}

async fn replace(association: Option<&str>, acl: &str, cx: &Context) -> Result<String, Failure> {
    let action = "ec2:ReplaceNetworkAclAssociation";
    let replace = cx.client(Client::new).replace_network_acl_association().network_acl_id(acl);
    let answer = replace.set_association_id(association.map(str::to_owned)).send().await.aws(action)?;
    answer.new_association_id.ok_or_else(|| Failure::missing(action, "NewAssociationId"))
}

/// The association that the subnet has now, and the ACL it is with.
async fn of_subnet(subnet: &str, cx: &Context) -> Result<Option<(SdkNetworkAcl, NetworkAclAssociation)>, Failure> {
    let found = network_acl::describe(ec2::filter("association.subnet-id", &[subnet.to_owned()]), cx).await?;
    Ok(found.into_iter().find_map(|acl| {
        let association = acl.associations().iter().find(|found| found.subnet_id() == Some(subnet)).cloned()?;
        Some((acl, association))
    }))
}

fn association<'a>(acl: &'a SdkNetworkAcl, id: &str) -> Option<&'a NetworkAclAssociation> {
    acl.associations().iter().find(|found| found.network_acl_association_id() == Some(id))
}
