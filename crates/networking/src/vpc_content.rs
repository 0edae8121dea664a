//! What is in a VPC: AWS refuses to delete one that is not empty, and does not say what is in it
//! (<https://docs.aws.amazon.com/vpc/latest/userguide/delete-vpc.html>).

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::Tag as SdkTag;
use cloud::{Aws, AwsResult, Context, Failure};
use futures::future::join_all;
use futures::{FutureExt, future::BoxFuture};

use crate::in_use::Blocker;
use crate::references::is_tagged;
use crate::{ec2, interfaces, security_group};

/// One thing in the VPC, as far as it matters here.
struct Item {
    id: Option<String>,
    /// Beside the id, where that says more: a name.
    name: Option<String>,
    tags: Vec<SdkTag>,
    /// AWS is taking it away already.
    going: bool,
}

/// A kind of thing: what it is called, and how one is deleted.
struct Kind {
    name: &'static str,
    delete: &'static str,
}

/// Everything in a VPC that keeps it from being deleted. What cannot be listed is left out: the list only explains.
pub(crate) async fn blockers(vpc: &str, cx: &Context) -> Vec<Blocker> {
    let listings = [
        list(Kind { name: "subnet", delete: "delete-subnet --subnet-id" }, subnets(vpc, cx).boxed(), cx),
        list(Kind { name: "security group", delete: "delete-security-group --group-id" }, groups(vpc, cx).boxed(), cx),
        list(Kind { name: "NAT gateway", delete: "delete-nat-gateway --nat-gateway-id" }, nats(vpc, cx).boxed(), cx),
        list(
            Kind { name: "endpoint", delete: "delete-vpc-endpoints --vpc-endpoint-ids" },
            endpoints(vpc, cx).boxed(),
            cx,
        ),
        list(
            Kind { name: "internet gateway", delete: "detach-internet-gateway --internet-gateway-id" },
            internet_gateways(vpc, cx).boxed(),
            cx,
        ),
        list(Kind { name: "route table", delete: "delete-route-table --route-table-id" }, tables(vpc, cx).boxed(), cx),
        list(Kind { name: "network ACL", delete: "delete-network-acl --network-acl-id" }, acls(vpc, cx).boxed(), cx),
        list(
            Kind { name: "VPN gateway", delete: "detach-vpn-gateway --vpn-gateway-id" },
            vpn_gateways(vpc, cx).boxed(),
            cx,
        ),
        list(
            Kind { name: "peering connection", delete: "delete-vpc-peering-connection --vpc-peering-connection-id" },
            peerings(vpc, cx).boxed(),
            cx,
        ),
        async { interfaces::blockers("vpc-id", vpc, cx).await.unwrap_or_default() }.boxed(),
    ];
    join_all(listings).await.into_iter().flatten().collect()
}

type Listing<'a> = BoxFuture<'a, Result<Vec<Item>, Failure>>;

fn list<'a>(kind: Kind, listing: Listing<'a>, cx: &'a Context) -> BoxFuture<'a, Vec<Blocker>> {
    async move {
        let items = listing.await.unwrap_or_default();
        items.iter().map(|item| blocker(&kind, item, cx)).collect()
    }
    .boxed()
}

fn blocker(kind: &Kind, item: &Item, cx: &Context) -> Blocker {
    let id = item.id.as_deref().unwrap_or_default();
    let tagged = item.tags.iter().find(|tag| tag.key() == Some("Name")).and_then(|tag| tag.value());
    let name = item.name.as_deref().or(tagged).map(|name| format!(" ({name})")).unwrap_or_default();
    let what = format!("{} {id}{name}", kind.name);
    if item.going {
        return Blocker::passing(format!("{what}, which is being deleted"));
    }
    // Ours were deleted before: AWS shows them a while longer.
    if is_tagged(&item.tags, cx) {
        return Blocker::passing(what);
    }
    Blocker::staying(
        format!("{what}, which is not of this environment"),
        format!("if nobody needs it: aws ec2 {} {id}", kind.delete),
    )
}

async fn subnets(vpc: &str, cx: &Context) -> Result<Vec<Item>, Failure> {
    let call = cx.client(Client::new).describe_subnets().set_filters(Some(in_vpc("vpc-id", vpc))).into_paginator();
    let found = call.items().send().collect::<Result<Vec<_>, _>>().await.aws("ec2:DescribeSubnets")?;
    let item = |subnet: aws_sdk_ec2::types::Subnet| Item::new(subnet.subnet_id, subnet.tags).named(subnet.cidr_block);
    Ok(found.into_iter().map(item).collect())
}

async fn groups(vpc: &str, cx: &Context) -> Result<Vec<Item>, Failure> {
    let found = security_group::describe(in_vpc("vpc-id", vpc), cx).await?;
    // Every VPC has a default group, which goes with it.
    let others = found.into_iter().filter(|group| group.group_name() != Some("default"));
    Ok(others.map(|group| Item::new(group.group_id, group.tags).named(group.group_name)).collect())
}

async fn nats(vpc: &str, cx: &Context) -> Result<Vec<Item>, Failure> {
    let call = cx.client(Client::new).describe_nat_gateways().set_filter(Some(in_vpc("vpc-id", vpc)));
    let found = call.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    let there = found.aws("ec2:DescribeNatGateways")?.into_iter().filter(|gateway| state(gateway.state()) != "deleted");
    Ok(there
        .map(|gateway| {
            // AWS takes away one that failed, too, within an hour.
            let going = matches!(state(gateway.state()), "deleting" | "failed");
            Item { going, ..Item::new(gateway.nat_gateway_id, gateway.tags) }
        })
        .collect())
}

async fn endpoints(vpc: &str, cx: &Context) -> Result<Vec<Item>, Failure> {
    let call = cx.client(Client::new).describe_vpc_endpoints().set_filters(Some(in_vpc("vpc-id", vpc)));
    let found = call.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    let there = found.aws("ec2:DescribeVpcEndpoints")?.into_iter();
    Ok(there
        .filter(|endpoint| state(endpoint.state()) != "deleted")
        .map(|endpoint| {
            let going = state(endpoint.state()) == "deleting";
            Item { going, ..Item::new(endpoint.vpc_endpoint_id, endpoint.tags).named(endpoint.service_name) }
        })
        .collect())
}

async fn internet_gateways(vpc: &str, cx: &Context) -> Result<Vec<Item>, Failure> {
    let call = cx.client(Client::new).describe_internet_gateways();
    let call = call.set_filters(Some(in_vpc("attachment.vpc-id", vpc))).into_paginator();
    let found = call.items().send().collect::<Result<Vec<_>, _>>().await.aws("ec2:DescribeInternetGateways")?;
    Ok(found.into_iter().map(|gateway| Item::new(gateway.internet_gateway_id, gateway.tags)).collect())
}

async fn tables(vpc: &str, cx: &Context) -> Result<Vec<Item>, Failure> {
    let call = cx.client(Client::new).describe_route_tables().set_filters(Some(in_vpc("vpc-id", vpc)));
    let found = call.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    let is_main = |table: &aws_sdk_ec2::types::RouteTable| table.associations().iter().any(|a| a.main() == Some(true));
    let others = found.aws("ec2:DescribeRouteTables")?.into_iter().filter(|table| !is_main(table));
    Ok(others.map(|table| Item::new(table.route_table_id, table.tags)).collect())
}

async fn acls(vpc: &str, cx: &Context) -> Result<Vec<Item>, Failure> {
    let call = cx.client(Client::new).describe_network_acls().set_filters(Some(in_vpc("vpc-id", vpc)));
    let found = call.into_paginator().items().send().collect::<Result<Vec<_>, _>>().await;
    let others = found.aws("ec2:DescribeNetworkAcls")?.into_iter().filter(|acl| acl.is_default() != Some(true));
    Ok(others.map(|acl| Item::new(acl.network_acl_id, acl.tags)).collect())
}

async fn vpn_gateways(vpc: &str, cx: &Context) -> Result<Vec<Item>, Failure> {
    let call = cx.client(Client::new).describe_vpn_gateways();
    let found = call.set_filters(Some(in_vpc("attachment.vpc-id", vpc))).send().await.aws("ec2:DescribeVpnGateways")?;
    let attached = |gateway: &aws_sdk_ec2::types::VpnGateway| {
        gateway.vpc_attachments().iter().any(|a| a.vpc_id() == Some(vpc) && state(a.state()) != "detached")
    };
    let there = found.vpn_gateways.unwrap_or_default().into_iter().filter(attached);
    Ok(there.map(|gateway| Item::new(gateway.vpn_gateway_id, gateway.tags)).collect())
}

async fn peerings(vpc: &str, cx: &Context) -> Result<Vec<Item>, Failure> {
    let call = cx.client(Client::new).describe_vpc_peering_connections();
    // The other side's deletion takes the connection along: only those that this side asked for are in the way.
    let call = call.set_filters(Some(in_vpc("requester-vpc-info.vpc-id", vpc))).into_paginator();
    let found = call.items().send().collect::<Result<Vec<_>, _>>().await.aws("ec2:DescribeVpcPeeringConnections")?;
    let over = ["deleted", "deleting", "rejected", "expired", "failed"];
    let there = found.into_iter().filter(|connection| {
        let status = connection.status().and_then(|status| status.code());
        !over.contains(&state(status))
    });
    Ok(there.map(|connection| Item::new(connection.vpc_peering_connection_id, connection.tags)).collect())
}

fn in_vpc(filter: &str, vpc: &str) -> Vec<aws_sdk_ec2::types::Filter> {
    ec2::filter(filter, &[vpc.to_owned()])
}

/// A state's text; the SDK has a type of its own for each kind of thing.
fn state<S: AsRef<str>>(state: Option<&S>) -> &str {
    state.map(AsRef::as_ref).unwrap_or_default()
}

impl Item {
    fn new(id: Option<String>, tags: Option<Vec<SdkTag>>) -> Self {
        Self { id, name: None, tags: tags.unwrap_or_default(), going: false }
    }

    fn named(self, name: Option<String>) -> Self {
        Self { name, ..self }
    }
}

#[cfg(test)]
mod tests {
    use cloud::{FailureKind, Resource};

    use crate::tests::scripted::{self, Answer};
    use crate::vpc::Vpc;

    const OURS: &str =
        "<tagSet><item><key>groundplan:environment</key><value>arrakis/production</value></item></tagSet>";

    /// A VPC that cannot be deleted, with these answers to questions of what is in it.
    async fn refused(content: &'static [(&'static str, &'static str)]) -> cloud::Failure {
        let (cx, _) = scripted::ec2(move |asked, _| match asked.action.as_str() {
            "DeleteVpc" => Answer::Refused("DependencyViolation"),
            action => {
                let found = content.iter().find(|(listing, _)| *listing == action);
                Answer::Is(found.map(|(_, answer)| answer.replace("OURS", OURS)).unwrap_or_default())
            }
        })
        .await;
        Vpc::delete("vpc-1", &cx).await.unwrap_err()
    }

    #[tokio::test]
    async fn everything_in_it_is_named() {
        let failure = refused(&[
            (
                "DescribeSubnets",
                "<subnetSet><item><subnetId>subnet-1</subnetId><cidrBlock>10.0.9.0/24</cidrBlock></item></subnetSet>",
            ),
            (
                "DescribeSecurityGroups",
                "<securityGroupInfo><item><groupId>sg-0</groupId><groupName>default</groupName></item>\
                 <item><groupId>sg-9</groupId><groupName>by-hand</groupName></item></securityGroupInfo>",
            ),
            (
                "DescribeNatGateways",
                "<natGatewaySet><item><natGatewayId>nat-1</natGatewayId><state>deleting</state></item>\
                 <item><natGatewayId>nat-0</natGatewayId><state>deleted</state></item></natGatewaySet>",
            ),
        ])
        .await;
        assert_eq!((failure.kind, failure.code.as_str()), (FailureKind::Invalid, "DependencyViolation"));
        let expected = [
            "subnet subnet-1 (10.0.9.0/24), which is not of this environment",
            "security group sg-9 (by-hand), which is not of this environment",
            "NAT gateway nat-1, which is being deleted",
        ];
        assert_eq!(failure.message, format!("still in use by {}", expected.join("; ")));
        let hint = failure.hint.unwrap();
        assert!(hint.contains("aws ec2 delete-security-group --group-id sg-9"), "{hint}");
    }

    #[tokio::test]
    async fn what_goes_by_itself_is_waited_for() {
        let failure = refused(&[
            ("DescribeSubnets", "<subnetSet><item><subnetId>subnet-1</subnetId>OURS</item></subnetSet>"),
            (
                "DescribeNetworkInterfaces",
                "<networkInterfaceSet><item><networkInterfaceId>eni-1</networkInterfaceId><status>in-use</status>\
                 <description>AWS Lambda VPC ENI-fn-1</description></item></networkInterfaceSet>",
            ),
        ])
        .await;
        assert_eq!(failure.kind, FailureKind::InUse);
        assert!(failure.message.contains("subnet-1; network interface eni-1 \"AWS Lambda VPC ENI-fn-1\" of Lambda"));
        let unknown = refused(&[]).await;
        assert_eq!((unknown.kind, unknown.message.as_str()), (FailureKind::InUse, "refused"));
    }
}
