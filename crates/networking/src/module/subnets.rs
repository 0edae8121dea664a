//! The VPC with its subnets and the ways out of them.

use cloud::{Handle, Stack};

use super::names;
use super::ranges;
use super::wiring::Subnets;
use crate::eip::Eip;
use crate::internet_gateway::InternetGateway;
use crate::nat_gateway::NatGateway;
use crate::route::Route;
use crate::route_table::RouteTable;
use crate::settings::{Nat, Settings};
use crate::subnet::Subnet;
use crate::subnet_route_table_association::SubnetRouteTableAssociation;
use crate::vpc::Vpc;
use crate::vpc_gateway_attachment::VpcGatewayAttachment;

/// Everywhere.
pub(super) const ANYWHERE: &str = "0.0.0.0/0";

/// The VPC, as the rest of the module needs it.
pub(super) struct Network {
    pub vpc: Handle,
    /// The internet gateway's attachment, if there are public subnets: without it nothing public works.
    pub attachment: Option<Handle>,
    /// The subnets' ids by tier.
    pub subnets: Subnets,
    /// The route tables that gateway endpoints are put in.
    pub tables: Vec<Handle>,
}

/// Declares the VPC, its subnets, gateways and routes.
pub(super) fn declare(settings: &Settings, prefix: &str, zones: &[String], stack: &mut Stack) -> Network {
    stack.section("networking.cidr");
    let vpc = stack.add(
        "networking.vpc",
        Vpc {
            cidr_block: Some(settings.cidr.clone()),
            enable_dns_hostnames: Some(settings.dns_hostnames),
            enable_dns_support: Some(settings.dns_support),
            tags: names::tags(format!("{prefix}-vpc")),
            ..Vpc::default()
        },
    );
    let mut builder = Builder { prefix, zones, vpc: &vpc, stack };
    let mut subnets = Subnets::default();
    let [public, private, database, intra] =
        ranges::tiers(settings).map(|(tier, ranges)| builder.subnets(tier, ranges));
    let (attachment, public_table) = builder.way_to_the_internet(&public);
    let nats = builder.nat_gateways(settings.nat, &public, attachment.as_ref());
    let private_tables = builder.private_tables(settings.nat, &private, &nats);
    builder.closed_table("database", &database);
    let intra_table = builder.closed_table("intra", &intra);

    let mut tables = private_tables;
    tables.extend(intra_table);
    if tables.is_empty() {
        tables.extend(public_table);
    }
    let ids = |handles: &[Handle]| handles.iter().map(Handle::id).collect();
    subnets.public = ids(&public);
    subnets.private = ids(&private);
    subnets.database = ids(&database);
    subnets.intra = ids(&intra);
    Network { vpc, attachment, subnets, tables }
}

struct Builder<'a> {
    prefix: &'a str,
    zones: &'a [String],
    vpc: &'a Handle,
    stack: &'a mut Stack,
}

impl Builder<'_> {
    /// One subnet in each zone.
    fn subnets(&mut self, tier: &str, ranges: &[String]) -> Vec<Handle> {
        let mut handles = Vec::new();
        for (index, (range, zone)) in ranges.iter().zip(self.zones).enumerate() {
            self.stack.section(&format!("networking.{tier}.{index}"));
            let subnet = Subnet {
                vpc_id: Some(self.vpc.id()),
                cidr_block: Some(range.clone()),
                availability_zone: Some(format!("{}{zone}", self.stack.region())),
                tags: names::tags(format!("{}-{tier}-{zone}", self.prefix)),
                ..Subnet::default()
            };
            handles.push(self.stack.add(format!("networking.subnet.{tier}-{zone}"), subnet));
        }
        handles
    }

    fn table(&mut self, name: &str) -> Handle {
        let table = RouteTable { vpc_id: Some(self.vpc.id()), tags: names::tags(format!("{}-{name}", self.prefix)) };
        self.stack.add(format!("networking.route-table.{name}"), table)
    }

    fn associate(&mut self, subnet: &Handle, table: &Handle) {
        let name = subnet.address().as_str().rsplit('.').next().unwrap_or_default();
        let association =
            SubnetRouteTableAssociation { subnet_id: Some(subnet.id()), route_table_id: Some(table.id()) };
        self.stack.add(format!("networking.route-table-association.{name}"), association);
    }

    /// An internet gateway, and a route to it from the public subnets.
    fn way_to_the_internet(&mut self, public: &[Handle]) -> (Option<Handle>, Option<Handle>) {
        if public.is_empty() {
            return (None, None);
        }
        self.stack.section("networking.public");
        let gateway = InternetGateway { tags: names::tags(format!("{}-internet", self.prefix)) };
        let gateway = self.stack.add("networking.internet-gateway", gateway);
        let attachment = VpcGatewayAttachment { vpc_id: Some(self.vpc.id()), internet_gateway_id: Some(gateway.id()) };
        let attachment = self.stack.add("networking.internet-gateway.attachment", attachment);
        let table = self.table("public");
        let route = Route {
            route_table_id: Some(table.id()),
            destination_cidr_block: Some(ANYWHERE.to_owned()),
            gateway_id: Some(gateway.id()),
            ..Route::default()
        };
        let route = self.stack.add("networking.route.public", route);
        // AWS refuses a route to a gateway that is not attached.
        self.stack.depends_on(&route, &attachment);
        for subnet in public {
            self.associate(subnet, &table);
        }
        (Some(attachment), Some(table))
    }

    /// The NAT gateways, each in a public subnet.
    fn nat_gateways(&mut self, nat: Nat, public: &[Handle], attachment: Option<&Handle>) -> Vec<Handle> {
        let wanted = match nat {
            Nat::None => 0,
            Nat::Single => 1,
            Nat::PerZone => public.len(),
        };
        self.stack.section("networking.nat");
        let mut handles = Vec::new();
        for (subnet, zone) in public.iter().zip(self.zones).take(wanted) {
            let name = format!("{}-nat-{zone}", self.prefix);
            let address = Eip { domain: Some("vpc".to_owned()), tags: names::tags(name.as_str()), ..Eip::default() };
            let address = self.stack.add(format!("networking.eip.nat-{zone}"), address);
            let gateway = NatGateway {
                allocation_id: Some(address.get("AllocationId")),
                subnet_id: Some(subnet.id()),
                tags: names::tags(name),
                ..NatGateway::default()
            };
            let gateway = self.stack.add(format!("networking.nat-gateway.{zone}"), gateway);
            if let Some(attachment) = attachment {
                // Without an internet gateway a NAT gateway fails, minutes later.
                self.stack.depends_on(&gateway, attachment);
            }
            handles.push(gateway);
        }
        handles
    }

    /// The private subnets' route tables: one for all, or one in each zone with its own NAT gateway.
    fn private_tables(&mut self, nat: Nat, private: &[Handle], nats: &[Handle]) -> Vec<Handle> {
        self.stack.section("networking.private");
        if private.is_empty() {
            return Vec::new();
        }
        if nat != Nat::PerZone {
            let table = self.private_table("private", nats.first());
            for subnet in private {
                self.associate(subnet, &table);
            }
            return vec![table];
        }
        let zones = self.zones;
        let mut tables = Vec::new();
        for (index, (subnet, zone)) in private.iter().zip(zones).enumerate() {
            let table = self.private_table(&format!("private-{zone}"), nats.get(index));
            self.associate(subnet, &table);
            tables.push(table);
        }
        tables
    }

    fn private_table(&mut self, name: &str, nat: Option<&Handle>) -> Handle {
        let table = self.table(name);
        if let Some(nat) = nat {
            let route = Route {
                route_table_id: Some(table.id()),
                destination_cidr_block: Some(ANYWHERE.to_owned()),
                nat_gateway_id: Some(nat.id()),
                ..Route::default()
            };
            self.stack.add(format!("networking.route.{name}"), route);
        }
        table
    }

    /// A route table without a way out.
    fn closed_table(&mut self, tier: &str, subnets: &[Handle]) -> Option<Handle> {
        if subnets.is_empty() {
            return None;
        }
        self.stack.section(&format!("networking.{tier}"));
        let table = self.table(tier);
        for subnet in subnets {
            self.associate(subnet, &table);
        }
        Some(table)
    }
}
