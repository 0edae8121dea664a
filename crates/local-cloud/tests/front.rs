//! Routes, protocols, the record, and repairs.

mod common;

use ciborium::Value as Cbor;
use common::{Cloud, first, scope};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn calls_reach_their_emulator_and_are_recorded() {
    let cloud = Cloud::start(0.0).await;
    assert!(cloud.ok("sts", "GetCallerIdentity", &[]).contains("123456789012"));
    let (status, _) = cloud.json(
        "secretsmanager",
        "secretsmanager.CreateSecret",
        &json!({"Name": "db", "SecretString": "hush-hush"}),
    );
    assert_eq!(status, 200);
    let put = cloud.send("PUT", "/bucket-of-tests", &[("authorization", &scope("s3"))], b"");
    assert_eq!(put.status, 200, "{}", put.text());
    let object = vec![7_u8; 300_000];
    assert_eq!(cloud.send("PUT", "/bucket-of-tests/key", &[("authorization", &scope("s3"))], &object).status, 200);
    assert_eq!(cloud.send("GET", "/bucket-of-tests/key", &[("authorization", &scope("s3"))], b"").body, object);
    let (status, error) = cloud.json("xray", "AWSXRay.GetGroups", &json!({}));
    assert_eq!((status, error["__type"].as_str()), (501, Some("NotImplemented")));

    let calls = cloud.get("/_groundplan/calls");
    assert_eq!(calls["total"], 6, "{calls}");
    assert_eq!(calls["by"]["s3"], json!({"CreateBucket": 1, "GetObject": 1, "PutObject": 1}));
    assert_eq!(calls["by"]["secretsmanager"]["CreateSecret"], 1);
    let path = cloud.settings.run_dir.join("calls.jsonl");
    common::eventually(6, || std::fs::read_to_string(&path).unwrap_or_default().lines().count());
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains("hush"), "{text}");
    let line: serde_json::Value = serde_json::from_str(text.lines().nth(1).unwrap()).unwrap();
    assert_eq!(
        (&line["operation"], &line["resource"], &line["status"]),
        (&json!("CreateSecret"), &json!("db"), &json!(200))
    );
    cloud.send("POST", "/_groundplan/calls/reset", &[], b"");
    assert_eq!(cloud.get("/_groundplan/calls")["total"], 0);
}

fn cbor(cloud: &Cloud, operation: &str, input: &Cbor) -> (u16, Cbor) {
    let mut body = Vec::new();
    ciborium::into_writer(input, &mut body).unwrap();
    let path = format!("/service/GraniteServiceVersion20100801/operation/{operation}");
    let headers = [
        ("authorization", &*scope("monitoring")),
        ("content-type", "application/cbor"),
        ("smithy-protocol", "rpc-v2-cbor"),
    ];
    let answer = cloud.send("POST", &path, &headers, &body);
    assert!(answer.headers.contains("smithy-protocol: rpc-v2-cbor"), "{}", answer.headers);
    (answer.status, ciborium::from_reader(answer.body.as_slice()).unwrap())
}

fn map(entries: &[(&str, Cbor)]) -> Cbor {
    Cbor::Map(entries.iter().map(|(name, value)| (Cbor::Text((*name).to_owned()), value.clone())).collect())
}

fn member(value: &Cbor, name: &str) -> Option<Cbor> {
    value.as_map()?.iter().find(|(key, _)| key.as_text() == Some(name)).map(|(_, value)| value.clone())
}

fn text(text: &str) -> Cbor {
    Cbor::Text(text.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn cloudwatch_speaks_cbor() {
    let cloud = Cloud::start(0.0).await;
    let stat = |id: &str| {
        let metric = map(&[("Namespace", text("AWS/ECS")), ("MetricName", text("CPUUtilization"))]);
        let stat = map(&[("Metric", metric), ("Period", Cbor::Integer(60.into())), ("Stat", text("Sum"))]);
        map(&[("Id", text(id)), ("MetricStat", stat), ("ReturnData", Cbor::Bool(true))])
    };
    let alarm = map(&[
        ("AlarmName", text("cpu")),
        ("EvaluationPeriods", Cbor::Integer(2.into())),
        ("Threshold", Cbor::Float(80.0)),
        ("ComparisonOperator", text("GreaterThanThreshold")),
        ("Metrics", Cbor::Array(vec![stat("m1")])),
    ]);
    assert_eq!(cbor(&cloud, "PutMetricAlarm", &alarm).0, 200);
    let (_, answer) = cbor(&cloud, "DescribeAlarms", &map(&[("AlarmNames", Cbor::Array(vec![text("cpu")]))]));
    let alarms = member(&answer, "MetricAlarms").unwrap();
    let alarm = &alarms.as_array().unwrap()[0];
    assert_eq!(member(alarm, "Threshold"), Some(Cbor::Float(80.0)));
    assert_eq!(member(alarm, "EvaluationPeriods"), Some(Cbor::Integer(2.into())));
    assert!(matches!(member(alarm, "StateUpdatedTimestamp"), Some(Cbor::Tag(1, _))));
    assert_eq!(member(alarm, "Metrics"), Some(Cbor::Array(vec![stat("m1")])), "kept as it was given");
    assert_eq!(member(alarm, "Statistic"), None, "not made up");

    let missing = map(&[("DashboardNames", Cbor::Array(vec![text("nope")]))]);
    let (status, error) = cbor(&cloud, "DeleteDashboards", &missing);
    assert_eq!((status, member(&error, "__type")), (404, Some(text("ResourceNotFound"))));
    assert_eq!(cloud.get("/_groundplan/calls")["by"]["monitoring"]["DeleteDashboards"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn ec2_answers_as_aws_does() {
    let cloud = Cloud::start(0.0).await;
    let network = cloud.network();
    let unknown = [
        ("DescribeNatGateways", "NatGatewayId.1", "nat-0123456789abcdef0", "NatGatewayNotFound"),
        ("DeleteNatGateway", "NatGatewayId", "nat-0123456789abcdef0", "NatGatewayNotFound"),
        ("DescribeNetworkAcls", "NetworkAclId.1", "acl-0123456789abcdef0", "InvalidNetworkAclID.NotFound"),
        ("DescribeVpcEndpoints", "VpcEndpointId.1", "vpce-0123456789abcdef0", "InvalidVpcEndpointId.NotFound"),
    ];
    for (action, field, id, code) in unknown {
        cloud.refused("ec2", action, &[(field, id)], code);
    }
    let address = first(&cloud.ok("ec2", "AllocateAddress", &[("Domain", "vpc")]), "allocationId").unwrap();
    let create = [("SubnetId", &*network.subnets[0]), ("AllocationId", &*address), ("ClientToken", "t")];
    let gateway = first(&cloud.ok("ec2", "CreateNatGateway", &create), "natGatewayId").unwrap();
    assert_eq!(
        first(&cloud.ok("ec2", "CreateNatGateway", &create), "natGatewayId").unwrap(),
        gateway,
        "same token, same gateway"
    );
    let other = [("SubnetId", &*network.subnets[1]), ("AllocationId", &*address), ("ClientToken", "t")];
    cloud.refused("ec2", "CreateNatGateway", &other, "IdempotentParameterMismatch");
    // Its interface is told from one that somebody made by hand.
    let within = [("Filter.1.Name", "subnet-id"), ("Filter.1.Value.1", &*network.subnets[0])];
    let interface = cloud.ok("ec2", "DescribeNetworkInterfaces", &within);
    assert_eq!(first(&interface, "description").unwrap(), format!("Interface for NAT Gateway {gateway}"));
    assert_eq!(first(&interface, "status").as_deref(), Some("in-use"));
    cloud.refused("ec2", "DeleteSubnet", &[("SubnetId", &network.subnets[0])], "DependencyViolation");
    cloud.refused("ec2", "ReleaseAddress", &[("AllocationId", &address)], "InvalidIPAddress.InUse");
    cloud.ok("ec2", "DeleteNatGateway", &[("NatGatewayId", &gateway)]);
    cloud.ok("ec2", "ReleaseAddress", &[("AllocationId", &address)]);
    cloud.ok("ec2", "DeleteSubnet", &[("SubnetId", &network.subnets[0])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn databases_use_the_other_emulators_network() {
    let cloud = Cloud::start(0.0).await;
    let network = cloud.network();
    let group = [("DBSubnetGroupName", "g"), ("DBSubnetGroupDescription", "d")];
    let invalid = [group[0], group[1], ("SubnetIds.SubnetIdentifier.1", "subnet-0123456789abcdef0")];
    cloud.refused("rds", "CreateDBSubnetGroup", &invalid, "InvalidSubnet");
    let valid = [
        group[0],
        group[1],
        ("SubnetIds.SubnetIdentifier.1", &network.subnets[0]),
        ("SubnetIds.SubnetIdentifier.2", &network.subnets[1]),
    ];
    assert!(cloud.ok("rds", "CreateDBSubnetGroup", &valid).contains(&network.vpc));
    cloud.refused("rds", "CreateDBSubnetGroup", &valid, "DBSubnetGroupAlreadyExists");
    let instance = [
        ("DBInstanceIdentifier", "db"),
        ("Engine", "postgres"),
        ("EngineVersion", "15.10"),
        ("DBInstanceClass", "db.t3.small"),
        ("AllocatedStorage", "20"),
        ("MasterUsername", "adm"),
        ("MasterUserPassword", "secretsecret"),
        ("DBSubnetGroupName", "g"),
        ("VpcSecurityGroupIds.VpcSecurityGroupId.1", &*network.group),
        ("EnableCloudwatchLogsExports.member.1", "postgresql"),
    ];
    let made = cloud.ok("rds", "CreateDBInstance", &instance);
    assert!(made.contains("<member>postgresql</member>") && !made.contains("DBName>"), "{made}");
    cloud.refused("rds", "DeleteDBSubnetGroup", &[group[0]], "InvalidDBSubnetGroupStateFault");
    cloud.refused("ec2", "DeleteSecurityGroup", &[("GroupId", &network.group)], "DependencyViolation");
    cloud.refused("ec2", "DeleteSubnet", &[("SubnetId", &network.subnets[0])], "DependencyViolation");
    cloud.ok("rds", "DeleteDBInstance", &[("DBInstanceIdentifier", "db"), ("SkipFinalSnapshot", "true")]);
    cloud.ok("rds", "DeleteDBSubnetGroup", &[group[0]]);
    cloud.ok("ec2", "DeleteSecurityGroup", &[("GroupId", &network.group)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn load_balancers_and_certificates_answer_as_aws_does() {
    let cloud = Cloud::start(0.0).await;
    let network = cloud.network();
    let elb = "elasticloadbalancing";
    let create = [
        ("Name", "front"),
        ("Subnets.member.1", &*network.subnets[0]),
        ("Subnets.member.2", &*network.subnets[1]),
        ("SecurityGroups.member.1", &*network.group),
    ];
    let balancer = first(&cloud.ok(elb, "CreateLoadBalancer", &create), "LoadBalancerArn").unwrap();
    cloud.refused(elb, "CreateLoadBalancer", &create, "DuplicateLoadBalancerName");
    cloud.refused("ec2", "DeleteSecurityGroup", &[("GroupId", &network.group)], "DependencyViolation");
    let certificate = json!({"DomainName": "example.com", "ValidationMethod": "DNS"});
    let (_, certificate) = cloud.json("acm", "CertificateManager.RequestCertificate", &certificate);
    let arn = certificate["CertificateArn"].as_str().unwrap();
    let listener = [
        ("LoadBalancerArn", &*balancer),
        ("Protocol", "HTTPS"),
        ("Port", "443"),
        ("Certificates.member.1.CertificateArn", arn),
        ("DefaultActions.member.1.Type", "fixed-response"),
        ("DefaultActions.member.1.FixedResponseConfig.StatusCode", "404"),
    ];
    let listener_arn = first(&cloud.ok(elb, "CreateListener", &listener), "ListenerArn").unwrap();
    cloud.refused(elb, "CreateListener", &listener, "DuplicateListener");
    let plain = [listener[0], ("Protocol", "HTTP"), ("Port", "80"), listener[4], listener[5]];
    assert!(!cloud.ok(elb, "CreateListener", &plain).contains("SslPolicy"));
    let (_, described) = cloud.json("acm", "CertificateManager.DescribeCertificate", &certificate);
    assert_eq!(described["Certificate"]["InUseBy"], json!([balancer]));
    let (status, error) = cloud.json("acm", "CertificateManager.DeleteCertificate", &certificate);
    assert_eq!((status, error["__type"].as_str()), (400, Some("ResourceInUseException")));
    let protect = |value| {
        let fields = [
            ("LoadBalancerArn", &*balancer),
            ("Attributes.member.1.Key", "deletion_protection.enabled"),
            ("Attributes.member.1.Value", value),
        ];
        cloud.ok(elb, "ModifyLoadBalancerAttributes", &fields)
    };
    protect("true");
    cloud.refused(elb, "DeleteLoadBalancer", &[("LoadBalancerArn", &balancer)], "OperationNotPermitted");
    protect("false");
    cloud.ok(elb, "DeleteListener", &[("ListenerArn", &listener_arn)]);
    cloud.ok(elb, "DeleteLoadBalancer", &[("LoadBalancerArn", &balancer)]);
    assert_eq!(cloud.json("acm", "CertificateManager.DeleteCertificate", &certificate).0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn tagged_resources_of_both_emulators_are_found() {
    let cloud = Cloud::start(0.0).await;
    let tags = |prefix: &str| [(format!("{prefix}.1.Key"), "env"), (format!("{prefix}.1.Value"), "prod")];
    let address = tags("TagSpecification.1.Tag");
    let fields = [
        ("Domain", "vpc"),
        ("TagSpecification.1.ResourceType", "elastic-ip"),
        (&*address[0].0, "env"),
        (&*address[1].0, "prod"),
    ];
    let address = first(&cloud.ok("ec2", "AllocateAddress", &fields), "allocationId").unwrap();
    let group = tags("Tags.Tag");
    let fields = [
        ("DBParameterGroupName", "p"),
        ("DBParameterGroupFamily", "postgres15"),
        ("Description", "d"),
        (&*group[0].0, "env"),
        (&*group[1].0, "prod"),
    ];
    cloud.ok("rds", "CreateDBParameterGroup", &fields);
    let filter = json!({"TagFilters": [{"Key": "env", "Values": ["prod"]}]});
    let (_, answer) = cloud.json("tagging", "ResourceGroupsTaggingAPI_20170126.GetResources", &filter);
    let found: Vec<&str> = answer["ResourceTagMappingList"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["ResourceARN"].as_str().unwrap())
        .collect();
    let expected = [
        format!("arn:aws:ec2:us-east-1:123456789012:elastic-ip/{address}"),
        "arn:aws:rds:us-east-1:123456789012:pg:p".to_owned(),
    ];
    assert_eq!(found, expected);
}
