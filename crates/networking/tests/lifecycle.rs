//! Each EC2 type through its whole life on the local cloud: made, read as declared, changed, found again, deleted.

use cloud::FailureKind;
use lifecycle::{World, tags};
use serde_json::{Value, json};

async fn network(world: &mut World) -> Value {
    let vpc = |hostnames: bool, more: &[(&str, &str)]| {
        json!({
            "CidrBlock": "10.0.0.0/16", "EnableDnsHostnames": hostnames, "EnableDnsSupport": true,
            "InstanceTenancy": "default", "Tags": tags("vpc", more)
        })
    };
    let id = world.make("vpc", "AWS::EC2::VPC", vpc(false, &[("old", "1")])).await.id;
    world.change("vpc", vpc(true, &[("new", "2")])).await;
    let (live, _) = world.read("vpc").await.unwrap();
    assert!(!live["Tags"].to_string().contains("old"), "a tag that is declared no more is still there: {live:#}");
    json!(id)
}

async fn subnet(world: &mut World, address: &'static str, vpc: &Value, zone: &str, cidr: &str) -> Value {
    let subnet = |public: bool| {
        json!({
            "VpcId": vpc, "CidrBlock": cidr, "AvailabilityZone": zone, "MapPublicIpOnLaunch": public,
            "Tags": tags(address, &[])
        })
    };
    let made = world.make(address, "AWS::EC2::Subnet", subnet(true)).await;
    world.change(address, subnet(false)).await;
    assert_eq!(made.attributes["AvailabilityZone"], zone);
    json!(made.id)
}

#[tokio::test(flavor = "multi_thread")]
async fn networks_and_routes() {
    let mut world = World::new(networking::register).await;
    let vpc = network(&mut world).await;
    let public = subnet(&mut world, "public-a", &vpc, "us-east-1a", "10.0.101.0/24").await;
    let private = subnet(&mut world, "private-a", &vpc, "us-east-1a", "10.0.1.0/24").await;

    let gateway = world.make("igw", "AWS::EC2::InternetGateway", json!({ "Tags": tags("igw", &[]) })).await.id;
    let attachment = json!({ "VpcId": vpc, "InternetGatewayId": gateway });
    let attached = world.make("attachment", "AWS::EC2::VPCGatewayAttachment", attachment).await;
    assert_eq!(attached.id, format!("IGW|{}", vpc.as_str().unwrap()));

    let address = json!({ "Domain": "vpc", "Tags": tags("eip", &[]) });
    let address = world.make("eip", "AWS::EC2::EIP", address).await;
    assert_eq!(address.attributes["PublicIp"], address.id.as_str());
    world.change("eip", json!({ "Domain": "vpc", "Tags": tags("eip", &[("more", "1")]) })).await;
    let nat = json!({
        "SubnetId": public, "AllocationId": address.attributes["AllocationId"], "ConnectivityType": "public",
        "Tags": tags("nat", &[])
    });
    let nat = world.make("nat", "AWS::EC2::NatGateway", nat).await.id;

    let table = |address: &str| json!({ "VpcId": vpc, "Tags": tags(address, &[]) });
    let table_a = world.make("table-a", "AWS::EC2::RouteTable", table("table-a")).await.id;
    let table_b = world.make("table-b", "AWS::EC2::RouteTable", table("table-b")).await.id;
    let route =
        |target: &str, id: &str| json!({ "RouteTableId": table_a, "DestinationCidrBlock": "0.0.0.0/0", target: id });
    let made = world.make("route", "AWS::EC2::Route", route("NatGatewayId", &nat)).await;
    assert_eq!(made.id, format!("{table_a}|0.0.0.0/0"));
    world.change("route", route("GatewayId", &gateway)).await;
    world.change("route", route("NatGatewayId", &nat)).await;
    let association = json!({ "RouteTableId": table_a, "SubnetId": private });
    world.make("association", "AWS::EC2::SubnetRouteTableAssociation", association).await;

    let acl = world.make("acl", "AWS::EC2::NetworkAcl", json!({ "VpcId": vpc, "Tags": tags("acl", &[]) })).await.id;
    let entry = |port: u16| {
        json!({
            "NetworkAclId": acl, "RuleNumber": 100, "Egress": true, "Protocol": 6, "RuleAction": "allow",
            "CidrBlock": "0.0.0.0/0", "PortRange": { "From": port, "To": port }
        })
    };
    world.make("acl-out", "AWS::EC2::NetworkAclEntry", entry(443)).await;
    world.change("acl-out", entry(8443)).await;
    let ping = json!({
        "NetworkAclId": acl, "RuleNumber": 200, "Protocol": 1, "RuleAction": "deny", "CidrBlock": "10.0.0.0/8",
        "Icmp": { "Code": -1, "Type": 8 }
    });
    world.make("acl-ping", "AWS::EC2::NetworkAclEntry", ping).await;
    let association = json!({ "NetworkAclId": acl, "SubnetId": private });
    world.make("acl-association", "AWS::EC2::SubnetNetworkAclAssociation", association).await;

    let (resources, calls) = world.refresh_all().await;
    assert!(calls <= 10, "{calls} calls for {resources} resources");
    assert_dependencies_hold(&mut world, &table_b, &private).await;
    world.end_all().await;
}

/// What is in use cannot be deleted yet, and says so in a way that is tried again.
async fn assert_dependencies_hold(world: &mut World, table: &str, subnet: &Value) {
    // A second association takes the subnet over from the first, as a replacement does that makes the new one first.
    let association = json!({ "RouteTableId": table, "SubnetId": subnet });
    world.make("association-b", "AWS::EC2::SubnetRouteTableAssociation", association).await;
    assert!(world.read("association").await.is_none(), "the subnet has two associations");
    world.end("association").await;
    let failure = world.delete_once("table-b").await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::InUse, "{failure}");
    let failure = world.delete_once("igw").await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::InUse, "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn security_groups_and_endpoints() {
    let mut world = World::new(networking::register).await;
    let vpc = network(&mut world).await;
    let one = subnet(&mut world, "one", &vpc, "us-east-1a", "10.0.1.0/24").await;
    let two = subnet(&mut world, "two", &vpc, "us-east-1b", "10.0.2.0/24").await;

    let web = |ingress: Value, egress: Value| {
        json!({
            "GroupDescription": "web", "GroupName": "test-networking-web", "VpcId": vpc,
            "SecurityGroupIngress": ingress, "SecurityGroupEgress": egress, "Tags": tags("web", &[])
        })
    };
    let from = |cidr: &str, port: u16, description: &str| {
        json!({
            "IpProtocol": "tcp", "FromPort": port, "ToPort": port, "CidrIp": cidr, "Description": description
        })
    };
    let nowhere = serde_json::to_value(networking::security_group::Egress::nowhere()).unwrap();
    let first = web(json!([from("0.0.0.0/0", 80, "http"), from("0.0.0.0/0", 443, "https")]), json!([nowhere]));
    let web_id = world.make("web", "AWS::EC2::SecurityGroup", first).await.id;
    let bare = json!({ "GroupDescription": "store", "VpcId": vpc, "Tags": tags("store", &[]) });
    let store_id = world.make("store", "AWS::EC2::SecurityGroup", bare.clone()).await.id;
    let (live, _) = world.read("store").await.unwrap();
    assert_eq!(live["SecurityGroupEgress"], json!([{ "CidrIp": "0.0.0.0/0", "IpProtocol": "-1" }]));

    let ingress = |description: &str| {
        json!({
            "GroupId": store_id, "IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432,
            "SourceSecurityGroupId": web_id, "Description": description
        })
    };
    world.make("store-in", "AWS::EC2::SecurityGroupIngress", ingress("from web")).await;
    // A rule carries tags that nobody declares.
    world.assert_not_anothers_without_token("store-in").await;
    world.change("store-in", ingress("from the web tier")).await;
    let egress = json!({
        "GroupId": web_id, "IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432,
        "DestinationSecurityGroupId": store_id, "Description": "to the store"
    });
    world.make("web-out", "AWS::EC2::SecurityGroupEgress", egress).await;

    // One rule stays, one gets another description, one goes, one comes; the rule of its own is left alone.
    let then = web(json!([from("0.0.0.0/0", 80, "plain"), from("10.0.0.0/8", 8080, "admin")]), json!([nowhere]));
    world.change("web", then).await;
    assert!(world.read("web-out").await.is_some());
    let everything = json!([{ "CidrIp": "0.0.0.0/0", "IpProtocol": "-1" }]);
    world.change("web", web(json!([from("0.0.0.0/0", 80, "plain")]), everything.clone())).await;
    let (live, _) = world.read("web").await.unwrap();
    assert_eq!(live["SecurityGroupEgress"], everything);

    let to_group = json!([{
        "IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "DestinationSecurityGroupId": store_id,
        "Description": "to the store"
    }]);
    let balancer = json!({
        "GroupDescription": "balancer", "VpcId": vpc, "SecurityGroupEgress": to_group, "Tags": tags("balancer", &[])
    });
    world.make("balancer", "AWS::EC2::SecurityGroup", balancer).await;

    let interface = |subnets: &[&Value], group: &str| {
        json!({
            "VpcId": vpc, "ServiceName": "com.amazonaws.us-east-1.logs", "VpcEndpointType": "Interface",
            "PrivateDnsEnabled": true, "SubnetIds": subnets, "SecurityGroupIds": [group], "Tags": tags("logs", &[])
        })
    };
    let logs = world.make("logs", "AWS::EC2::VPCEndpoint", interface(&[&one], &web_id)).await;
    assert!(logs.attributes.contains_key("DnsEntries"), "{logs:?}");
    world.change("logs", interface(&[&one, &two], &store_id)).await;
    world.change("logs", interface(&[&two], &store_id)).await;

    let table = |address: &str| json!({ "VpcId": vpc, "Tags": tags(address, &[]) });
    let table_a = world.make("table-a", "AWS::EC2::RouteTable", table("table-a")).await.id;
    let table_b = world.make("table-b", "AWS::EC2::RouteTable", table("table-b")).await.id;
    let gateway = |tables: &[&str], effect: &str| {
        json!({
            "VpcId": vpc, "ServiceName": "com.amazonaws.us-east-1.s3", "VpcEndpointType": "Gateway",
            "RouteTableIds": tables, "Tags": tags("s3", &[]), "PolicyDocument": { "Version": "2012-10-17",
            "Statement": [{ "Effect": effect, "Principal": "*", "Action": "s3:*", "Resource": "*" }] }
        })
    };
    world.make("s3", "AWS::EC2::VPCEndpoint", gateway(&[&table_a], "Allow")).await;
    world.change("s3", gateway(&[&table_a, &table_b], "Deny")).await;

    let log_group = format!("/vpc/test-networking/{}", vpc.as_str().unwrap());
    world.cloud.json_call("logs", "Logs_20140328.CreateLogGroup", &json!({ "logGroupName": log_group }));
    let flow = |traffic: &[(&str, &str)], group: &str| {
        json!({
            "ResourceId": vpc, "ResourceType": "VPC", "TrafficType": "ALL", "LogDestinationType": "cloud-watch-logs",
            "LogGroupName": group, "DeliverLogsPermissionArn": "arn:aws:iam::123456789012:role/flow-logs",
            "MaxAggregationInterval": 60, "Tags": tags("flow", traffic)
        })
    };
    world.make("flow", "AWS::EC2::FlowLog", flow(&[], &log_group)).await;
    world.change("flow", flow(&[("more", "1")], &log_group)).await;
    world.make_unready(&[], "lost", "AWS::EC2::FlowLog", &flow(&[], "/there/is/no/such/group")).await;
    let lost = world.settle("lost").await.unwrap_err();
    assert!(lost.contains("log group"), "{lost}");
    world.end("lost").await;

    let (resources, calls) = world.refresh_all().await;
    assert!(calls <= 12, "{calls} calls for {resources} resources");
    world.end_all().await;
}
