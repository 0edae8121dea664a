//! Resources take their time: at a fiftieth of AWS's.

mod common;

use common::{Cloud, eventually, first};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn resources_come_and_go_slowly() {
    let cloud = Cloud::start(0.02).await;
    let network = cloud.network();
    let subnets = [
        ("SubnetIds.SubnetIdentifier.1", &*network.subnets[0]),
        ("SubnetIds.SubnetIdentifier.2", &*network.subnets[1]),
    ];
    cloud.ok(
        "rds",
        "CreateDBSubnetGroup",
        &[("DBSubnetGroupName", "g"), ("DBSubnetGroupDescription", "d"), subnets[0], subnets[1]],
    );
    let create = [
        ("DBInstanceIdentifier", "db"),
        ("Engine", "postgres"),
        ("DBInstanceClass", "db.t3.small"),
        ("AllocatedStorage", "20"),
        ("MasterUsername", "adm"),
        ("MasterUserPassword", "secretsecret"),
        ("DBSubnetGroupName", "g"),
        ("VpcSecurityGroupIds.VpcSecurityGroupId.1", &*network.group),
    ];
    let made = cloud.ok("rds", "CreateDBInstance", &create);
    assert_eq!(first(&made, "DBInstanceStatus").as_deref(), Some("creating"));
    assert_eq!(first(&made, "Endpoint"), None);
    let database = [("DBInstanceIdentifier", "db")];
    cloud.refused("rds", "ModifyDBInstance", &database, "InvalidDBInstanceState");
    let status = || {
        let answer = cloud.query("rds", "DescribeDBInstances", &database).text();
        first(&answer, "DBInstanceStatus").or_else(|| first(&answer, "Code")).unwrap()
    };
    assert_eq!(status(), "creating");

    // Meanwhile: a NAT gateway, an endpoint, a certificate.
    let address = first(&cloud.ok("ec2", "AllocateAddress", &[("Domain", "vpc")]), "allocationId").unwrap();
    let gateway = cloud.ok("ec2", "CreateNatGateway", &[("SubnetId", &network.subnets[0]), ("AllocationId", &address)]);
    assert_eq!(first(&gateway, "state").as_deref(), Some("pending"));
    let gateway = first(&gateway, "natGatewayId").unwrap();
    let gateway = [("NatGatewayId.1", &*gateway)];
    let gateway_state = || first(&cloud.ok("ec2", "DescribeNatGateways", &gateway), "state").unwrap();
    let endpoint = [
        ("VpcId", &*network.vpc),
        ("ServiceName", "com.amazonaws.us-east-1.logs"),
        ("VpcEndpointType", "Interface"),
        ("SubnetId.1", &*network.subnets[0]),
    ];
    let endpoint = first(&cloud.ok("ec2", "CreateVpcEndpoint", &endpoint), "vpcEndpointId").unwrap();
    let endpoint = [("VpcEndpointId.1", &*endpoint)];
    let endpoint_state = || {
        let answer = cloud.query("ec2", "DescribeVpcEndpoints", &endpoint).text();
        first(&answer, "state").or_else(|| first(&answer, "Code")).unwrap()
    };
    assert_eq!(endpoint_state(), "pending");
    let (_, certificate) = cloud.json(
        "acm",
        "CertificateManager.RequestCertificate",
        &json!({"DomainName": "example.com", "ValidationMethod": "DNS"}),
    );
    let certificate_status = || {
        let (_, answer) = cloud.json("acm", "CertificateManager.DescribeCertificate", &certificate);
        answer["Certificate"]["Status"].as_str().unwrap().to_owned()
    };
    assert_eq!(certificate_status(), "PENDING_VALIDATION");
    eventually("ISSUED".to_owned(), certificate_status);
    eventually("available".to_owned(), gateway_state);
    eventually("available".to_owned(), endpoint_state);
    eventually("available".to_owned(), status);
    assert!(first(&cloud.ok("rds", "DescribeDBInstances", &database), "Endpoint").is_some());

    // And back.
    let internet = first(&cloud.ok("ec2", "CreateInternetGateway", &[]), "internetGatewayId").unwrap();
    let attachment = [("InternetGatewayId", &*internet), ("VpcId", &*network.vpc)];
    cloud.ok("ec2", "AttachInternetGateway", &attachment);
    cloud.ok("ec2", "DeleteNatGateway", &[("NatGatewayId", gateway[0].1)]);
    assert_eq!(gateway_state(), "deleting");
    cloud.refused("ec2", "ReleaseAddress", &[("AllocationId", &address)], "InvalidIPAddress.InUse");
    cloud.ok("ec2", "DeleteVpcEndpoints", &endpoint);
    assert_eq!(endpoint_state(), "deleting");
    let gone = cloud.ok("rds", "DeleteDBInstance", &[database[0], ("SkipFinalSnapshot", "true")]);
    assert_eq!(first(&gone, "DBInstanceStatus").as_deref(), Some("deleting"));
    assert_eq!(status(), "deleting");
    assert!(cloud.ok("rds", "DescribeDBInstances", &[]).contains("deleting"), "listed as well");
    cloud.refused("rds", "DeleteDBInstance", &[database[0], ("SkipFinalSnapshot", "true")], "InvalidDBInstanceState");
    cloud.refused("rds", "CreateDBInstance", &create, "DBInstanceAlreadyExists");
    cloud.refused("rds", "DeleteDBSubnetGroup", &[("DBSubnetGroupName", "g")], "InvalidDBSubnetGroupStateFault");
    cloud.refused("ec2", "DeleteSecurityGroup", &[("GroupId", &network.group)], "DependencyViolation");
    cloud.refused("ec2", "DetachInternetGateway", &attachment, "DependencyViolation");
    eventually("deleted".to_owned(), gateway_state);
    // The database, still on its way out, has no public address.
    cloud.ok("ec2", "DetachInternetGateway", &attachment);
    eventually("InvalidVpcEndpointId.NotFound".to_owned(), endpoint_state);
    eventually("DBInstanceNotFound".to_owned(), status);
    cloud.ok("ec2", "ReleaseAddress", &[("AllocationId", &address)]);
    cloud.ok("rds", "DeleteDBSubnetGroup", &[("DBSubnetGroupName", "g")]);
    cloud.ok("ec2", "DeleteSecurityGroup", &[("GroupId", &network.group)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn caches_and_load_balancers_take_time() {
    let cloud = Cloud::start(0.02).await;
    let network = cloud.network();
    let subnets = [
        ("SubnetIds.SubnetIdentifier.1", &*network.subnets[0]),
        ("SubnetIds.SubnetIdentifier.2", &*network.subnets[1]),
    ];
    cloud.ok(
        "elasticache",
        "CreateCacheSubnetGroup",
        &[("CacheSubnetGroupName", "g"), ("CacheSubnetGroupDescription", "d"), subnets[0], subnets[1]],
    );
    let create = [
        ("ReplicationGroupId", "cache"),
        ("ReplicationGroupDescription", "d"),
        ("Engine", "redis"),
        ("CacheNodeType", "cache.t3.micro"),
        ("NumCacheClusters", "1"),
        ("CacheSubnetGroupName", "g"),
        ("SecurityGroupIds.SecurityGroupId.1", &*network.group),
    ];
    cloud.ok("elasticache", "CreateReplicationGroup", &create);
    let group = [("ReplicationGroupId", "cache")];
    let describe = || cloud.query("elasticache", "DescribeReplicationGroups", &group).text();
    let status = || first(&describe(), "Status").or_else(|| first(&describe(), "Code")).unwrap();
    assert_eq!(status(), "creating");
    assert_eq!(first(&describe(), "NodeGroups"), None);
    cloud.refused("elasticache", "DeleteReplicationGroup", &group, "InvalidReplicationGroupState");
    let create = [
        ("Name", "front"),
        ("Subnets.member.1", &*network.subnets[0]),
        ("Subnets.member.2", &*network.subnets[1]),
        ("SecurityGroups.member.1", &*network.group),
    ];
    let balancer = first(&cloud.ok("elasticloadbalancing", "CreateLoadBalancer", &create), "LoadBalancerArn").unwrap();
    let arns = [("LoadBalancerArns.member.1", &*balancer)];
    let code = || first(&cloud.ok("elasticloadbalancing", "DescribeLoadBalancers", &arns), "Code").unwrap();
    assert_eq!(code(), "provisioning");
    eventually("active".to_owned(), code);
    eventually("available".to_owned(), status);
    cloud.ok("elasticloadbalancing", "DeleteLoadBalancer", &[("LoadBalancerArn", &balancer)]);
    cloud.refused("elasticloadbalancing", "DescribeLoadBalancers", &arns, "LoadBalancerNotFound");
    cloud.ok("elasticache", "DeleteReplicationGroup", &group);
    assert_eq!(status(), "deleting");
    cloud.refused("ec2", "DeleteSecurityGroup", &[("GroupId", &network.group)], "DependencyViolation");
    cloud.refused("elasticache", "DeleteCacheSubnetGroup", &[("CacheSubnetGroupName", "g")], "CacheSubnetGroupInUse");
    eventually("ReplicationGroupNotFoundFault".to_owned(), status);
    cloud.ok("elasticache", "DeleteCacheSubnetGroup", &[("CacheSubnetGroupName", "g")]);
    cloud.ok("ec2", "DeleteSecurityGroup", &[("GroupId", &network.group)]);
}
