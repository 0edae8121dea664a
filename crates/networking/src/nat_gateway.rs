//! `AWS::EC2::NatGateway`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-natgateway.html>.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{
    ConnectivityType, Filter, NatGateway as SdkNatGateway, NatGatewayAddress, NatGatewayState, ResourceType,
};
use cloud::{
    Absent, Aws, AwsResult, Charge, Context, Created, Failure, Live, Pricing, Quantity, Readiness, Resource, Seconds,
    Tag,
};
use serde::{Deserialize, Serialize};

use crate::ec2::{self, Soon};

/// The way out to the internet for what has no public address.
///
/// `Ref` is the gateway id, also attribute `NatGatewayId`; attribute `EniId` is known when it is available. A route
/// to it may be made before that.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct NatGateway {
    /// The Elastic IP's `AllocationId`; required where it is public.
    pub allocation_id: Option<String>,
    /// `public` (the default) or `private`.
    pub connectivity_type: Option<String>,
    /// Seconds that connections over a secondary address have to end when it is taken away (default 350).
    pub max_drain_duration_seconds: Option<i64>,
    /// Its private address; AWS chooses one if none is given.
    pub private_ip_address: Option<String>,
    /// More Elastic IPs: each carries another 55,000 connections to one destination.
    pub secondary_allocation_ids: Option<Vec<String>>,
    /// The (public) subnet it stands in.
    pub subnet_id: Option<String>,
    /// Tags.
    pub tags: Option<Vec<Tag>>,
}

impl Resource for NatGateway {
    const TYPE: &'static str = "AWS::EC2::NatGateway";

    const SECONDS: Seconds = Seconds { create: 95.0, update: 5.0, delete: 55.0 };

    const LATE: &'static [&'static str] = &["EniId"];

    /// An Elastic IP serves one gateway only.
    const UNIQUE_NAME: Option<&'static str> = Some("AllocationId");

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let action = "ec2:CreateNatGateway";
        let made = cx
            .client(Client::new)
            .create_nat_gateway()
            .client_token(&*cx.token)
            .set_subnet_id(self.subnet_id.clone())
            .set_allocation_id(self.allocation_id.clone())
            .set_connectivity_type(self.connectivity_type.as_deref().map(ConnectivityType::from))
            .set_private_ip_address(self.private_ip_address.clone())
            .set_secondary_allocation_ids(self.secondary_allocation_ids.clone())
            .tag_specifications(ec2::tags_for_create(ResourceType::Natgateway, &self.tags, cx))
            .send()
            .await
            .aws(action)
            .soon()?;
        made.nat_gateway.and_then(|gateway| created(&gateway)).ok_or_else(|| Failure::missing(action, "NatGatewayId"))
    }

    async fn sync(&self, id: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        let Some(live) = live else { return Ok(()) };
        let client = cx.client(Client::new);
        if let Some(more) = ec2::missing(&self.secondary_allocation_ids, &live.secondary_allocation_ids) {
            let associate = client.associate_nat_gateway_address().nat_gateway_id(id).set_allocation_ids(Some(more));
            associate.send().await.aws("ec2:AssociateNatGatewayAddress")?;
        }
        if let Some(less) = ec2::missing(&live.secondary_allocation_ids, &self.secondary_allocation_ids) {
            let gateway = one(id, cx).await?;
            let addresses = gateway.iter().flat_map(|gateway| gateway.nat_gateway_addresses());
            let gone =
                addresses.filter(|address| address.allocation_id().is_some_and(|id| less.iter().any(|l| l == id)));
            let disassociate = client
                .disassociate_nat_gateway_address()
                .nat_gateway_id(id)
                .set_association_ids(Some(gone.filter_map(|address| address.association_id.clone()).collect()))
                .set_max_drain_duration_seconds(ec2::number(
                    self.max_drain_duration_seconds,
                    "MaxDrainDurationSeconds",
                )?);
            disassociate.send().await.aws("ec2:DisassociateNatGatewayAddress")?;
        }
        ec2::sync_tags(id, &self.tags, Some(&live.tags), cx).await
    }

    async fn ready(id: &str, cx: &Context) -> Result<Readiness, Failure> {
        Ok(one(id, cx).await?.map_or(Readiness::Pending("not visible yet".to_owned()), |gateway| readiness(&gateway)))
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let found = ec2::described("nat-gateway-id", ids, |filters| describe(filters, cx)).await?;
        let there =
            |id: &String| found.iter().find(|gateway| gateway.nat_gateway_id() == Some(id) && is_there(gateway));
        Ok(ids.iter().map(|id| there(id).map(live)).collect())
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let delete = cx.client(Client::new).delete_nat_gateway().nat_gateway_id(id);
        delete.send().await.aws("ec2:DeleteNatGateway").absent().map(drop)
    }

    async fn gone(id: &str, cx: &Context) -> Result<bool, Failure> {
        let state = one(id, cx).await?.and_then(|gateway| gateway.state);
        Ok(matches!(state, None | Some(NatGatewayState::Deleted)))
    }

    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let describe = |filters| describe(filters, cx);
        let gateways = ec2::made("ec2:DescribeNatGateways", cx, describe, SdkNatGateway::tags).await?;
        Ok(gateways.iter().find(|gateway| is_there(gateway)).and_then(created))
    }

    fn id_of_arn(arn: &str) -> Option<String> {
        ec2::id_of_arn(arn, "natgateway")
    }

    /// Usage key `nat-gateway.gb`: gigabytes a month through one gateway, both ways. Default 1 to 500, 50 expected.
    /// Its Elastic IP is counted there.
    fn charges(&self, pricing: &Pricing<'_>) -> Vec<Charge> {
        let gigabytes = pricing.usage("nat-gateway.gb", Quantity::between(1.0, 50.0, 500.0));
        vec![
            Charge::new("NAT gateway hours", "nat-gateway.hour", Quantity::month()),
            Charge::new("NAT gateway data processed", "nat-gateway.gb", gigabytes),
        ]
    }
}

/// Whether it is or will be of use: a failed one is removed by AWS within an hour, and costs nothing.
fn is_there(gateway: &SdkNatGateway) -> bool {
    let off = [NatGatewayState::Deleting, NatGatewayState::Deleted, NatGatewayState::Failed];
    !gateway.state().is_some_and(|state| off.contains(state))
}

fn readiness(gateway: &SdkNatGateway) -> Readiness {
    match gateway.state() {
        Some(NatGatewayState::Available) => Readiness::Ready,
        Some(NatGatewayState::Failed) => {
            let (code, message) = (gateway.failure_code(), gateway.failure_message());
            let reason = message.or(code).unwrap_or("AWS gives no reason");
            Readiness::Failed(format!("the NAT gateway failed: {reason}"))
        }
        Some(state @ (NatGatewayState::Deleting | NatGatewayState::Deleted)) => {
            Readiness::Failed(format!("the NAT gateway is {state}"))
        }
        Some(state) => Readiness::Pending(state.to_string()),
        None => Readiness::Pending("no state yet".to_owned()),
    }
}

fn primary(gateway: &SdkNatGateway) -> Option<&NatGatewayAddress> {
    gateway.nat_gateway_addresses().iter().find(|address| address.is_primary != Some(false))
}

fn created(gateway: &SdkNatGateway) -> Option<Created> {
    let id = gateway.nat_gateway_id()?;
    let created = Created::new(id).with("NatGatewayId", id);
    Some(match primary(gateway).and_then(NatGatewayAddress::network_interface_id) {
        Some(interface) => created.with("EniId", interface),
        None => created,
    })
}

async fn one(id: &str, cx: &Context) -> Result<Option<SdkNatGateway>, Failure> {
    let found = describe(ec2::filter("nat-gateway-id", &[id.to_owned()]), cx).await?;
    Ok(found.into_iter().find(|gateway| gateway.nat_gateway_id() == Some(id)))
}

async fn describe(filters: Vec<Filter>, cx: &Context) -> Result<Vec<SdkNatGateway>, Failure> {
    let pages = cx.client(Client::new).describe_nat_gateways().set_filter(Some(filters)).into_paginator();
    pages.items().send().collect::<Result<Vec<_>, _>>().await.aws("ec2:DescribeNatGateways")
}

fn live(gateway: &SdkNatGateway) -> Live<NatGateway> {
    let secondary = gateway.nat_gateway_addresses().iter().filter(|address| address.is_primary == Some(false));
    let secondary: Vec<String> = secondary.filter_map(|address| address.allocation_id.clone()).collect();
    let mut live = Live::new(NatGateway {
        allocation_id: primary(gateway).and_then(|address| address.allocation_id.clone()),
        connectivity_type: gateway.connectivity_type.as_ref().map(ToString::to_string),
        max_drain_duration_seconds: None,
        private_ip_address: primary(gateway).and_then(|address| address.private_ip.clone()),
        secondary_allocation_ids: ec2::live_list(&secondary),
        subnet_id: gateway.subnet_id.clone(),
        tags: ec2::live_tags(gateway.tags()),
    });
    live.attributes = created(gateway).map(|created| created.attributes).unwrap_or_default();
    live
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gateway(state: NatGatewayState) -> SdkNatGateway {
        let address = |id: &str, primary: bool| {
            let address = NatGatewayAddress::builder().allocation_id(id).is_primary(primary);
            address.network_interface_id(format!("eni-of-{id}")).build()
        };
        SdkNatGateway::builder()
            .nat_gateway_id("nat-1")
            .subnet_id("subnet-1")
            .state(state)
            .failure_message("Elastic IP address has already been associated")
            .connectivity_type(ConnectivityType::Public)
            .nat_gateway_addresses(address("eipalloc-2", false))
            .nat_gateway_addresses(address("eipalloc-1", true))
            .build()
    }

    #[test]
    fn the_primary_address_is_the_declared_one() {
        let live = live(&gateway(NatGatewayState::Available));
        assert_eq!(live.properties.allocation_id.as_deref(), Some("eipalloc-1"));
        assert_eq!(live.properties.secondary_allocation_ids, Some(vec!["eipalloc-2".to_owned()]));
        assert_eq!(live.attributes["EniId"], "eni-of-eipalloc-1");
    }

    #[test]
    fn states_in_words() {
        let cases = [
            (NatGatewayState::Available, Readiness::Ready, true),
            (NatGatewayState::Pending, Readiness::Pending("pending".into()), true),
            (
                NatGatewayState::Failed,
                Readiness::Failed("the NAT gateway failed: Elastic IP address has already been associated".into()),
                false,
            ),
            (NatGatewayState::Deleting, Readiness::Failed("the NAT gateway is deleting".into()), false),
        ];
        for (state, expected, there) in cases {
            let gateway = gateway(state);
            assert_eq!(readiness(&gateway), expected);
            assert_eq!(is_there(&gateway), there);
        }
    }

    #[test]
    fn hours_and_gigabytes_are_paid() {
        let usage = cloud::Usage([("nat-gateway.gb".to_owned(), Quantity::exactly(80.0))].into());
        let pricing = Pricing { usage: &usage, region: "us-east-1", lookup: &|_| None };
        let charges = NatGateway::default().charges(&pricing);
        let lines: Vec<_> = charges.iter().map(|charge| (charge.price.as_str(), charge.quantity.expected)).collect();
        assert_eq!(lines, [("nat-gateway.hour", 730.0), ("nat-gateway.gb", 80.0)]);
    }
}
