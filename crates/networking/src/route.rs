//! `AWS::EC2::Route`:
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-route.html>.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{Route as SdkRoute, RouteOrigin, RouteTable as SdkRouteTable};
use cloud::{Absent, Aws, AwsResult, Context, Created, Failure, Live, Resource};
use serde::{Deserialize, Serialize};

use crate::ec2::Soon;
use crate::route_table;

/// One route of a route table: exactly one destination, exactly one target.
///
/// The id is the type's primary identifier, `<route table id>|<destination>` (`Ref` in CloudFormation is an opaque
/// text); attribute `CidrBlock` is the destination.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields, default)]
pub struct Route {
    /// Destination: an IPv4 range.
    pub destination_cidr_block: Option<String>,
    /// Destination: an IPv6 range.
    pub destination_ipv6_cidr_block: Option<String>,
    /// Destination: a prefix list's id.
    pub destination_prefix_list_id: Option<String>,
    /// Target: an egress-only internet gateway (IPv6).
    pub egress_only_internet_gateway_id: Option<String>,
    /// Target: an internet gateway or a virtual private gateway.
    pub gateway_id: Option<String>,
    /// Target: an instance with one network interface.
    pub instance_id: Option<String>,
    /// Target: a NAT gateway.
    pub nat_gateway_id: Option<String>,
    /// Target: a network interface.
    pub network_interface_id: Option<String>,
    /// The table the route is in.
    pub route_table_id: Option<String>,
    /// Target: a transit gateway.
    pub transit_gateway_id: Option<String>,
    /// Target: a gateway load balancer's endpoint.
    pub vpc_endpoint_id: Option<String>,
    /// Target: a peering connection.
    pub vpc_peering_connection_id: Option<String>,
}

impl Resource for Route {
    const TYPE: &'static str = "AWS::EC2::Route";

    fn id(&self) -> Option<String> {
        Some(format!("{}|{}", self.route_table_id.as_deref()?, self.destination()?))
    }

    async fn create(&self, cx: &Context) -> Result<Created, Failure> {
        let create = cx
            .client(Client::new)
            .create_route()
            .set_route_table_id(self.route_table_id.clone())
            .set_destination_cidr_block(self.destination_cidr_block.clone())
            .set_destination_ipv6_cidr_block(self.destination_ipv6_cidr_block.clone())
            .set_destination_prefix_list_id(self.destination_prefix_list_id.clone())
            .set_egress_only_internet_gateway_id(self.egress_only_internet_gateway_id.clone())
            .set_gateway_id(self.gateway_id.clone())
            .set_instance_id(self.instance_id.clone())
            .set_nat_gateway_id(self.nat_gateway_id.clone())
            .set_network_interface_id(self.network_interface_id.clone())
            .set_transit_gateway_id(self.transit_gateway_id.clone())
            .set_vpc_endpoint_id(self.vpc_endpoint_id.clone())
            .set_vpc_peering_connection_id(self.vpc_peering_connection_id.clone());
        create.send().await.aws("ec2:CreateRoute").soon()?;
        self.created().ok_or_else(|| Failure::invalid("a route needs a RouteTableId and a destination"))
    }

    async fn sync(&self, _: &str, live: Option<&Self>, cx: &Context) -> Result<(), Failure> {
        if live.is_none_or(|live| self.leads_where(live)) {
            return Ok(());
        }
        let replace = cx
            .client(Client::new)
            .replace_route()
            .set_route_table_id(self.route_table_id.clone())
            .set_destination_cidr_block(self.destination_cidr_block.clone())
            .set_destination_ipv6_cidr_block(self.destination_ipv6_cidr_block.clone())
            .set_destination_prefix_list_id(self.destination_prefix_list_id.clone())
            .set_egress_only_internet_gateway_id(self.egress_only_internet_gateway_id.clone())
            .set_gateway_id(self.gateway_id.clone())
            .set_instance_id(self.instance_id.clone())
            .set_nat_gateway_id(self.nat_gateway_id.clone())
            .set_network_interface_id(self.network_interface_id.clone())
            .set_transit_gateway_id(self.transit_gateway_id.clone())
            .set_vpc_endpoint_id(self.vpc_endpoint_id.clone())
            .set_vpc_peering_connection_id(self.vpc_peering_connection_id.clone());
        replace.send().await.aws("ec2:ReplaceRoute").soon().map(drop)
    }

    async fn read(ids: &[String], cx: &Context) -> Result<Vec<Option<Live<Self>>>, Failure> {
        let parts = ids.iter().map(|id| parse(id)).collect::<Result<Vec<_>, _>>()?;
        let tables: Vec<String> = parts.iter().map(|(table, _)| (*table).to_owned()).collect();
        let found = route_table::tables(&tables, cx).await?;
        let route = |(table, destination): &(&str, &str)| {
            let table = found.iter().find(|found| found.route_table_id() == Some(*table))?;
            live(table, destination)
        };
        Ok(parts.iter().map(route).collect())
    }

    async fn delete(id: &str, cx: &Context) -> Result<(), Failure> {
        let (table, destination) = parse(id)?;
        let delete = cx.client(Client::new).delete_route().route_table_id(table);
        let delete = match Destination::of(destination) {
            Destination::Ipv4 => delete.destination_cidr_block(destination),
            Destination::Ipv6 => delete.destination_ipv6_cidr_block(destination),
            Destination::PrefixList => delete.destination_prefix_list_id(destination),
        };
        delete.send().await.aws("ec2:DeleteRoute").absent().map(drop)
    }

    /// A route carries no tag: it is this one if it leads to the same target. When nobody knows any more who made it,
    /// it is the one to this destination.
    async fn find(&self, cx: &Context) -> Result<Option<Created>, Failure> {
        let Some(id) = self.id() else { return Ok(None) };
        let live = Self::read(&[id], cx).await?.into_iter().next().flatten();
        Ok(live.filter(|live| cx.token.is_empty() || self.leads_where(&live.properties)).and_then(|_| self.created()))
    }
}

impl Route {
    fn destination(&self) -> Option<&str> {
        let destinations =
            [&self.destination_cidr_block, &self.destination_ipv6_cidr_block, &self.destination_prefix_list_id];
        destinations.into_iter().find_map(Option::as_deref)
    }

    fn targets(&self) -> [&Option<String>; 8] {
        [
            &self.egress_only_internet_gateway_id,
            &self.gateway_id,
            &self.instance_id,
            &self.nat_gateway_id,
            &self.network_interface_id,
            &self.transit_gateway_id,
            &self.vpc_endpoint_id,
            &self.vpc_peering_connection_id,
        ]
    }

    /// Whether the live route has the declared target. AWS names more of it than was declared (an interface's
    /// instance).
    fn leads_where(&self, live: &Self) -> bool {
        self.targets().into_iter().zip(live.targets()).all(|(declared, live)| declared.is_none() || declared == live)
    }

    fn created(&self) -> Option<Created> {
        Some(Created::new(self.id()?).with("CidrBlock", self.destination()?))
    }
}

enum Destination {
    Ipv4,
    Ipv6,
    PrefixList,
}

impl Destination {
    fn of(text: &str) -> Self {
        if text.starts_with("pl-") {
            Self::PrefixList
        } else if text.contains(':') {
            Self::Ipv6
        } else {
            Self::Ipv4
        }
    }
}

fn parse(id: &str) -> Result<(&str, &str), Failure> {
    id.split_once('|').ok_or_else(|| Failure::invalid(format!("`{id}` is not the id of a route: `rtb-…|0.0.0.0/0`")))
}

fn destination(route: &SdkRoute) -> Option<&str> {
    route.destination_cidr_block().or(route.destination_ipv6_cidr_block()).or(route.destination_prefix_list_id())
}

fn live(table: &SdkRouteTable, wanted: &str) -> Option<Live<Route>> {
    // A route of a gateway endpoint or a virtual private gateway is not made by `CreateRoute` and not ours.
    let made = |route: &&SdkRoute| route.origin().is_none_or(|origin| *origin == RouteOrigin::CreateRoute);
    let route = table.routes().iter().filter(made).find(|route| destination(route) == Some(wanted))?;
    // A gateway load balancer's endpoint stands where gateways stand.
    let endpoint = route.gateway_id().filter(|id| id.starts_with("vpce-")).map(str::to_owned);
    let properties = Route {
        destination_cidr_block: route.destination_cidr_block.clone(),
        destination_ipv6_cidr_block: route.destination_ipv6_cidr_block.clone(),
        destination_prefix_list_id: route.destination_prefix_list_id.clone(),
        egress_only_internet_gateway_id: route.egress_only_internet_gateway_id.clone(),
        gateway_id: route.gateway_id.clone().filter(|_| endpoint.is_none()),
        instance_id: route.instance_id.clone(),
        nat_gateway_id: route.nat_gateway_id.clone(),
        network_interface_id: route.network_interface_id.clone(),
        route_table_id: table.route_table_id.clone(),
        transit_gateway_id: route.transit_gateway_id.clone(),
        vpc_endpoint_id: endpoint,
        vpc_peering_connection_id: route.vpc_peering_connection_id.clone(),
    };
    Some(Live::new(properties).with("CidrBlock", wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route() -> Route {
        Route {
            route_table_id: Some("rtb-1".into()),
            destination_cidr_block: Some("0.0.0.0/0".into()),
            nat_gateway_id: Some("nat-1".into()),
            ..Route::default()
        }
    }

    #[test]
    fn the_id_is_table_and_destination() {
        assert_eq!(route().id().as_deref(), Some("rtb-1|0.0.0.0/0"));
        assert_eq!(parse("rtb-1|::/0").unwrap(), ("rtb-1", "::/0"));
        assert!(parse("rtb-1").is_err());
        assert_eq!(Route { destination_cidr_block: None, ..route() }.id(), None);
        assert_eq!(route().created().unwrap().attributes["CidrBlock"], "0.0.0.0/0");
    }

    #[test]
    fn destinations_are_told_apart() {
        assert!(matches!(Destination::of("10.0.0.0/8"), Destination::Ipv4));
        assert!(matches!(Destination::of("::/0"), Destination::Ipv6));
        assert!(matches!(Destination::of("pl-1"), Destination::PrefixList));
    }

    #[test]
    fn only_made_routes_are_read() {
        let local = SdkRoute::builder()
            .destination_cidr_block("10.0.0.0/16")
            .gateway_id("local")
            .origin(RouteOrigin::CreateRouteTable)
            .build();
        let out = SdkRoute::builder()
            .destination_cidr_block("0.0.0.0/0")
            .nat_gateway_id("nat-1")
            .origin(RouteOrigin::CreateRoute)
            .build();
        let inspection = SdkRoute::builder().destination_cidr_block("10.1.0.0/16").gateway_id("vpce-1").build();
        let table =
            SdkRouteTable::builder().route_table_id("rtb-1").routes(local).routes(out).routes(inspection).build();
        assert!(live(&table, "10.0.0.0/16").is_none());
        assert_eq!(live(&table, "0.0.0.0/0").unwrap().properties, route());
        let inspection = live(&table, "10.1.0.0/16").unwrap().properties;
        assert_eq!((inspection.gateway_id, inspection.vpc_endpoint_id.as_deref()), (None, Some("vpce-1")));
    }

    #[test]
    fn a_target_is_the_same_though_aws_names_more_of_it() {
        let declared = Route { network_interface_id: Some("eni-1".into()), nat_gateway_id: None, ..route() };
        let live = Route { instance_id: Some("i-1".into()), ..declared.clone() };
        assert!(declared.leads_where(&live));
        assert!(!declared.leads_where(&route()));
    }
}
