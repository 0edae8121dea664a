//! `AWS::EC2::EIP`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-eip.html>.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Address, DomainType, Filter, ResourceType};
use cloud::{
    Absent, Aws, AwsResult, Charge, Context, Created, Failure, FailureKind, Live, Pricing, Quantity, Resource, Tag,
};
use serde::{Deserialize, Serialize};

use crate::ec2;

/// An Elastic IP address: a public IPv4 address that stays.
///
/// `Ref` is the address itself, also attribute `PublicIp`; a NAT gateway needs attribute `AllocationId`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Eip {
    /// `vpc`; AWS knows no other any more.
    pub domain: Option<String>,
    /// The zones or local zones from which the address is advertised; the region by default.
    pub network_border_group: Option<String>,
    /// A pool of own addresses (BYOIP); Amazon's by default.
    pub public_ipv4_pool: Option<String>,
    /// Tags.
    pub tags: Option<Vec<Tag>>,
}

impl Resource for Eip {
    const TYPE: &'static str = "AWS::EC2::EIP";

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let action = "ec2:AllocateAddress";
        let made = cx
            .client(Client::new)
            .allocate_address()
            .domain(DomainType::from(self.domain.as_deref().unwrap_or("vpc")))
            .set_network_border_group(self.network_border_group.clone())
            .set_public_ipv4_pool(self.public_ipv4_pool.clone())
            .tag_specifications(ec2::tags_for_create(ResourceType::ElasticIp, &self.tags, cx))
            .send()
            .await
            .aws(action)?;
        let (Some(ip), Some(allocation)) = (made.public_ip, made.allocation_id) else {
            return Err(Failure::missing(action, "PublicIp"));
        };
        Ok(created(&ip, &allocation))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        if live.is_none_or(|live| live.tags == self.tags) {
            return Ok(());
        }
        // Tags hang on the allocation, not on the address.
        let not_there = || Failure::new(FailureKind::NotFound, format!("the address {id} is not allocated"));
        let address = one(id, cx).await?.ok_or_else(not_there)?;
        let allocation = address.allocation_id().unwrap_or_default();
        ec2::sync_tags(allocation, &self.tags, live.map(|live| &live.tags), cx).await
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let found = ec2::described("public-ip", ids, |filters| describe(filters, cx)).await?;
        Ok(ids.iter().map(|id| found.iter().find(|address| address.public_ip() == Some(id)).map(live)).collect())
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let Some(address) = one(id, cx).await? else { return Ok(()) };
        let release = cx.client(Client::new).release_address().set_allocation_id(address.allocation_id);
        match release.send().await.aws("ec2:ReleaseAddress") {
            // While a NAT gateway has it AWS says no more than "you do not have permission".
            Err(failure) if failure.code == "AuthFailure" && address.association_id.is_some() => {
                let holder = address.network_interface_id.as_deref().unwrap_or("something else");
                let message = format!("the address {id} is still in use by {holder}");
                Err(Failure { kind: FailureKind::InUse, message, hint: None, ..failure })
            }
            other => other.absent().map(drop),
        }
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let describe = |filters| describe(filters, cx);
        let addresses = ec2::made("ec2:DescribeAddresses", cx, describe, Address::tags).await?;
        Ok(addresses.first().and_then(|address| Some(created(address.public_ip()?, address.allocation_id()?))))
    }

    /// Its ARN has the allocation, not the address.
    async fn of_arn(arn: &str, cx: &Context) -> Result<Option<String>, Failure> {
        let Some(allocation) = ec2::id_of_arn(arn, "elastic-ip") else { return Ok(None) };
        let found = describe(ec2::filter("allocation-id", &[allocation]), cx).await?;
        Ok(found.into_iter().find_map(|address| address.public_ip))
    }

    /// Every public IPv4 address is paid for by the hour since February 2024, in use or not. This is the one place
    /// that counts it: what an address is attached to does not count it again.
    fn charges(&self, _: &Pricing<'_>) -> Vec<Charge> {
        if self.public_ipv4_pool.as_deref().is_some_and(|pool| pool != "amazon") {
            return Vec::new();
        }
        vec![Charge::new("Public IPv4 address", "public-ipv4.hour", Quantity::month())]
    }
}

fn created(ip: &str, allocation: &str) -> Created {
    Created::new(ip).with("PublicIp", ip).with("AllocationId", allocation)
}

async fn one(ip: &str, cx: &Context) -> Result<Option<Address>, Failure> {
    Ok(describe(ec2::filter("public-ip", &[ip.to_owned()]), cx).await?.into_iter().next())
}

async fn describe(filters: Vec<Filter>, cx: &Context) -> Result<Vec<Address>, Failure> {
    let answer = cx.client(Client::new).describe_addresses().set_filters(Some(filters)).send().await;
    Ok(answer.aws("ec2:DescribeAddresses")?.addresses.unwrap_or_default())
}

fn live(address: &Address) -> Live<Eip> {
    let mut live = Live::new(Eip {
        domain: address.domain.as_ref().map(ToString::to_string),
        network_border_group: address.network_border_group.clone(),
        public_ipv4_pool: address.public_ipv4_pool.clone(),
        tags: ec2::live_tags(address.tags()),
    });
    if let (Some(ip), Some(allocation)) = (address.public_ip(), address.allocation_id()) {
        live.attributes = created(ip, allocation).attributes;
    }
    live
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_the_address_and_the_allocation_an_attribute() {
        let address = Address::builder()
            .public_ip("198.51.100.7")
            .allocation_id("eipalloc-1")
            .domain(DomainType::Vpc)
            .network_border_group("us-east-1")
            .build();
        let live = live(&address);
        assert_eq!(live.properties.domain.as_deref(), Some("vpc"));
        assert_eq!(live.attributes["PublicIp"], "198.51.100.7");
        assert_eq!(live.attributes["AllocationId"], "eipalloc-1");
    }

    #[test]
    fn an_address_of_amazons_is_paid_by_the_hour() {
        let usage = cloud::Usage::default();
        let pricing = Pricing { usage: &usage, region: "us-east-1", lookup: &|_| None };
        let charges = Eip::default().charges(&pricing);
        assert_eq!(charges, [Charge::new("Public IPv4 address", "public-ipv4.hour", Quantity::exactly(730.0))]);
        let own = Eip { public_ipv4_pool: Some("ipv4pool-ec2-1".into()), ..Eip::default() };
        assert!(own.charges(&pricing).is_empty());
    }
}
