//! Faults over real HTTP: every kind, in every protocol.

mod common;

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use ciborium::Value as Cbor;
use common::{Answer, Cloud, eventually, first, scope};
use serde_json::{Value, json};

impl Cloud {
    /// Sets one rule: what it chooses, and the fault.
    fn fault(&self, rule: Value) {
        self.faults(&json!({"seed": 1, "rules": [rule]}));
    }

    fn faults(&self, document: &Value) {
        let answer = self.send("PUT", "/_groundplan/faults", &[], document.to_string().as_bytes());
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    fn no_faults(&self) {
        assert_eq!(self.send("DELETE", "/_groundplan/faults", &[], b"").status, 200);
    }

    /// A query call whose connection may end.
    fn try_query(&self, service: &str, action: &str) -> std::io::Result<Option<Answer>> {
        let headers = [("authorization", &*scope(service)), ("content-type", "application/x-www-form-urlencoded")];
        self.try_send(
            "POST",
            "/",
            &headers,
            format!("Action={action}&Version=2016-11-15&CidrBlock=10.0.0.0/16").as_bytes(),
        )
    }

    fn vpcs(&self) -> usize {
        self.ok("ec2", "DescribeVpcs", &[]).matches("<vpcId>").count()
    }

    fn code(&self, service: &str, action: &str, fields: &[(&str, &str)]) -> Option<String> {
        first(&self.query(service, action, fields).text(), "Code")
    }

    /// The lines of the record, once there are so many.
    fn recorded(&self, lines: usize) -> Vec<Value> {
        let path = self.settings.run_dir.join("calls.jsonl");
        eventually(true, || std::fs::read_to_string(&path).unwrap_or_default().lines().count() >= lines);
        let text = std::fs::read_to_string(&path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_set_shown_and_cleared() {
    let cloud = Cloud::start(0.0).await;
    assert_eq!(cloud.get("/_groundplan/faults"), json!({"faults": {"seed": 0, "rules": []}, "counts": []}));
    let bad = cloud.send("PUT", "/_groundplan/faults", &[], br#"{"rules": [{"rate": 1, "fault": "thottle"}]}"#);
    assert_eq!(bad.status, 400);
    assert!(bad.text().contains("unknown variant `thottle`"), "{}", bad.text());

    let rule = json!({"service": "sts", "rate": 1.0, "times": 2, "fault": "reset-before"});
    let document = json!({"seed": 9, "rules": [rule, {"rate": 1.0, "fault": "throttle"}]});
    cloud.faults(&document);
    for _ in 0..3 {
        let _ = cloud.try_query("sts", "GetCallerIdentity");
    }
    assert_eq!(cloud.code("iam", "ListRoles", &[]).as_deref(), Some("Throttling"));
    let report = cloud.get("/_groundplan/faults");
    assert_eq!(report["faults"], document);
    assert_eq!(report["counts"], json!([{"tried": 3, "injected": 2}, {"tried": 2, "injected": 2}]));
    assert_eq!(cloud.send("GET", "/_groundplan/health", &[], b"").status, 200, "its own interface is never touched");

    let run_dir = &cloud.settings.run_dir;
    assert_eq!(local_cloud::injected(run_dir).await.unwrap().counts[1].injected, 2);
    local_cloud::set_faults(run_dir, None).await.unwrap();
    cloud.ok("sts", "GetCallerIdentity", &[]);
    local_cloud::set_faults(run_dir, local_cloud::faults::preset("throttling", 3).as_ref()).await.unwrap();
    assert_eq!(cloud.get("/_groundplan/faults")["faults"]["rules"][0]["rate"], 0.3);
    local_cloud::reset(run_dir).await.unwrap();
    assert_eq!(cloud.get("/_groundplan/faults")["counts"], json!([]));
}

/// One call of each protocol: status and error code.
fn each_protocol(cloud: &Cloud) -> Vec<(&'static str, u16, String)> {
    let query = |service: &'static str, action: &str| {
        let answer = cloud.query(service, action, &[]);
        (service, answer.status, first(&answer.text(), "Code").unwrap_or_default())
    };
    let json = |service: &'static str, target: &str| {
        let (status, body) = cloud.json(service, target, &json!({}));
        (service, status, body["__type"].as_str().unwrap_or_default().to_owned())
    };
    let rest = |service: &'static str, path: &str| {
        let answer = cloud.send("GET", path, &[("authorization", &*scope(service))], b"");
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let code = body["__type"].as_str().map(str::to_owned).or_else(|| first(&answer.text(), "Code"));
        (service, answer.status, code.unwrap_or_default())
    };
    let cbor = || {
        let path = "/service/GraniteServiceVersion20100801/operation/DescribeAlarms";
        let answer = cloud.send("POST", path, &[("authorization", &*scope("monitoring"))], &[0xa0]);
        let body: Cbor = ciborium::from_reader(answer.body.as_slice()).unwrap();
        let code = body.as_map().unwrap().iter().find(|(name, _)| name.as_text() == Some("__type"));
        let code = code.and_then(|(_, value)| value.as_text()).unwrap_or_default().to_owned();
        ("monitoring", answer.status, code)
    };
    vec![
        query("ec2", "DescribeVpcs"),
        query("iam", "ListRoles"),
        json("ecs", "AmazonEC2ContainerServiceV20141113.ListClusters"),
        rest("lambda", "/2015-03-31/functions"),
        rest("backup", "/backup-vaults"),
        rest("cloudfront", "/2020-05-31/distribution"),
        rest("s3", "/"),
        cbor(),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn services_throttle_and_fail_in_their_own_words() {
    let cloud = Cloud::start(0.0).await;
    for (service, status, code) in each_protocol(&cloud) {
        assert_eq!((status, &*code), (200, ""), "{service} without faults");
    }
    let expect = |fault: &str, expected: [(u16, &str); 8]| {
        cloud.fault(json!({"rate": 1.0, "fault": fault}));
        for ((service, status, code), expected) in each_protocol(&cloud).iter().zip(expected) {
            assert_eq!((*status, code.as_str()), expected, "{service}: {fault}");
        }
        assert_eq!(cloud.query("ec2", "CreateVpc", &[("CidrBlock", "10.9.0.0/16")]).status, expected[0].0);
        cloud.no_faults();
    };
    let before = cloud.vpcs();
    let throttled = [
        (503, "RequestLimitExceeded"),
        (400, "Throttling"),
        (400, "ThrottlingException"),
        (429, "TooManyRequestsException"),
        (429, "ThrottlingException"),
        (400, "Throttling"),
        (503, "SlowDown"),
        (400, "ThrottlingException"),
    ];
    expect("throttle", throttled);
    let failed = [
        (500, "InternalError"),
        (500, "InternalFailure"),
        (500, "ServerException"),
        (500, "ServiceException"),
        (500, "InternalFailure"),
        (500, "InternalFailure"),
        (500, "InternalError"),
        (500, "InternalServiceFault"),
    ];
    expect("internal-error", failed);
    assert_eq!(cloud.vpcs(), before, "nothing was carried out");
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_end_before_and_after_the_call() {
    let cloud = Cloud::start(0.0).await;
    let before = cloud.vpcs();
    for (fault, carried_out) in [("reset-before", 0), ("reset-after", 8)] {
        cloud.fault(json!({"operation": "CreateVpc", "rate": 1.0, "fault": fault}));
        let ends: Vec<_> = (0..8).map(|_| cloud.try_query("ec2", "CreateVpc")).collect();
        let closed = ends.iter().filter(|end| matches!(end, Ok(None))).count();
        let reset =
            ends.iter().filter(|end| matches!(end, Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset));
        assert_eq!(closed + reset.count(), 8, "{fault}: no byte of an answer: {ends:?}");
        assert!((1..8).contains(&closed), "{fault}: closed in both ways: {ends:?}");
        assert_eq!(cloud.vpcs(), before + carried_out, "{fault}");
    }
    // An answer that streams, to a request that streams.
    cloud.no_faults();
    let s3 = [("authorization", &*scope("s3"))];
    assert_eq!(cloud.send("PUT", "/bucket-of-faults", &s3, b"").status, 200);
    let object = vec![7_u8; 300_000];
    let exists = || cloud.send("HEAD", "/bucket-of-faults/key", &s3, b"").status;
    for (fault, status) in [("reset-before", 404), ("reset-after", 200)] {
        cloud.fault(json!({"operation": "PutObject", "rate": 1.0, "fault": fault}));
        assert!(!matches!(cloud.try_send("PUT", "/bucket-of-faults/key", &s3, &object), Ok(Some(_))), "{fault}");
        assert_eq!(exists(), status, "{fault}");
    }
    let lines = cloud.recorded(20);
    let fault = |fault: &str| lines.iter().filter(|line| line["fault"] == fault && line["status"] == 0).count();
    assert_eq!((fault("reset-before"), fault("reset-after")), (9, 9));
    assert!(lines.iter().filter(|line| line["status"] == 200).all(|line| line.get("fault").is_none()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_calls_meet_the_same_faults() {
    let cloud = Cloud::start(0.0).await;
    let run = |seed: u64| {
        let rules = json!([{"rate": 0.3, "fault": "throttle"}, {"rate": 0.3, "fault": "reset-before"}]);
        cloud.faults(&json!({"seed": seed, "rules": rules}));
        let statuses = (0..40).map(|_| match cloud.try_query("sts", "GetCallerIdentity") {
            Ok(Some(answer)) => answer.status,
            _ => 0,
        });
        statuses.collect::<Vec<_>>()
    };
    let once = run(1);
    assert!([0, 200, 400].iter().all(|status| once.contains(status)), "{once:?}");
    assert_eq!(once, run(1));
    assert_ne!(once, run(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_come_late() {
    let cloud = Cloud::start(0.0).await;
    let before = cloud.vpcs();
    cloud.fault(json!({"operation": "CreateVpc", "rate": 1.0, "times": 1, "fault": {"slow": {"ms": 700}}}));
    for slow in [true, false] {
        let began = Instant::now();
        cloud.ok("ec2", "CreateVpc", &[("CidrBlock", "10.0.0.0/16")]);
        assert_eq!(began.elapsed() >= Duration::from_millis(700), slow);
    }
    assert_eq!(cloud.vpcs(), before + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_arrived_is_carried_out_though_its_caller_is_gone() {
    let cloud = Cloud::start(0.0).await;
    let before = cloud.vpcs();
    let call_and_leave = || {
        let body = "Action=CreateVpc&Version=2016-11-15&CidrBlock=10.0.0.0/16";
        let request = format!(
            "POST / HTTP/1.1\r\nHost: localhost\r\nAuthorization: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            scope("ec2"),
            body.len()
        );
        let mut stream = TcpStream::connect(("127.0.0.1", cloud.port())).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        // It is on its way, and slow.
        std::thread::sleep(Duration::from_millis(200));
    };
    cloud.fault(json!({"operation": "CreateVpc", "rate": 1.0, "fault": {"slow": {"ms": 1000}}}));
    call_and_leave();
    // Its line is the last thing that is done for it.
    let path = cloud.settings.run_dir.join("calls.jsonl");
    eventually(true, || std::fs::read_to_string(&path).unwrap_or_default().contains("CreateVpc"));
    assert_eq!(cloud.vpcs(), before + 1);

    // A cloud that is emptied waits for what is under way.
    call_and_leave();
    let began = Instant::now();
    assert_eq!(cloud.send("POST", "/_groundplan/reset", &[], b"").status, 200);
    assert!(began.elapsed() > Duration::from_millis(500));
    assert_eq!(cloud.vpcs(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_never_ready_waits_until_faults_are_cleared() {
    let cloud = Cloud::start(0.0).await;
    let network = cloud.network();
    let never = |resource: &str| json!({"resource": resource, "rate": 1.0, "fault": "never-ready"});
    let rules =
        [never("AWS::EC2::NatGateway"), never("stuck"), never("compute.stuck"), never("AWS::CertificateManager::*")];
    cloud.faults(&json!({"rules": rules}));

    let address = first(&cloud.ok("ec2", "AllocateAddress", &[("Domain", "vpc")]), "allocationId").unwrap();
    let create = [("SubnetId", &*network.subnets[0]), ("AllocationId", &*address)];
    let gateway = first(&cloud.ok("ec2", "CreateNatGateway", &create), "natGatewayId").unwrap();
    let database = |name: &str| {
        let fields = [
            ("DBInstanceIdentifier", name),
            ("Engine", "postgres"),
            ("DBInstanceClass", "db.t3.small"),
            ("AllocatedStorage", "20"),
            ("MasterUsername", "adm"),
            ("MasterUserPassword", "secretsecret"),
        ];
        cloud.ok("rds", "CreateDBInstance", &fields)
    };
    assert_eq!(first(&database("stuck"), "DBInstanceStatus").as_deref(), Some("creating"));
    assert_eq!(first(&database("other"), "DBInstanceStatus").as_deref(), Some("available"));
    let (_, certificate) = cloud.json(
        "acm",
        "CertificateManager.RequestCertificate",
        &json!({"DomainName": "example.com", "ValidationMethod": "DNS"}),
    );
    cloud.ecs("CreateCluster", &json!({"clusterName": "c"}));
    let container = json!({"name": "app", "image": "app:1", "memory": 128});
    cloud.ecs("RegisterTaskDefinition", &json!({"family": "f", "containerDefinitions": [container]}));
    let tags = json!([{"key": "groundplan:address", "value": "compute.stuck"}]);
    let service = json!({"cluster": "c", "serviceName": "s", "taskDefinition": "f", "desiredCount": 1, "tags": tags});
    cloud.ecs("CreateService", &service);

    let states = || {
        let gateway = cloud.ok("ec2", "DescribeNatGateways", &[("NatGatewayId.1", &gateway)]);
        let stuck = cloud.ok("rds", "DescribeDBInstances", &[("DBInstanceIdentifier", "stuck")]);
        let (_, certificate) = cloud.json("acm", "CertificateManager.DescribeCertificate", &certificate);
        let services = cloud.ecs("DescribeServices", &json!({"cluster": "c", "services": ["s"]}));
        [
            first(&gateway, "state").unwrap(),
            first(&stuck, "DBInstanceStatus").unwrap(),
            certificate["Certificate"]["Status"].as_str().unwrap().to_owned(),
            services["services"][0]["deployments"][0]["rolloutState"].as_str().unwrap().to_owned(),
        ]
    };
    let waiting = ["pending", "creating", "PENDING_VALIDATION", "IN_PROGRESS"];
    assert_eq!(states(), waiting);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(states(), waiting);
    let counts = cloud.get("/_groundplan/faults")["counts"].clone();
    assert_eq!(counts, json!([1, 1, 1, 1].map(|count| json!({"tried": count, "injected": count}))));
    cloud.no_faults();
    assert_eq!(states(), ["available", "available", "ISSUED", "COMPLETED"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_just_made_is_not_seen_yet() {
    let cloud = Cloud::start(0.0).await;
    let old = cloud.network();
    cloud.fault(json!({"rate": 1.0, "fault": {"late": {"ms": 600_000}}}));
    let network = cloud.network();
    let elb = "elasticloadbalancing";
    let address = first(&cloud.ok("ec2", "AllocateAddress", &[("Domain", "vpc")]), "allocationId").unwrap();
    let gateway = [("SubnetId", &*network.subnets[0]), ("AllocationId", &*address)];
    let gateway = first(&cloud.ok("ec2", "CreateNatGateway", &gateway), "natGatewayId").unwrap();
    let internet = first(&cloud.ok("ec2", "CreateInternetGateway", &[]), "internetGatewayId").unwrap();
    let table = first(&cloud.ok("ec2", "CreateRouteTable", &[("VpcId", &network.vpc)]), "routeTableId").unwrap();
    let topic = first(&cloud.ok("sns", "CreateTopic", &[("Name", "alerts")]), "TopicArn").unwrap();
    let trust = r#"{"Version":"2012-10-17","Statement":[]}"#;
    cloud.ok("iam", "CreateRole", &[("RoleName", "api"), ("AssumeRolePolicyDocument", trust)]);
    let balancer = [("Name", "front"), ("Subnets.member.1", &*old.subnets[0]), ("Subnets.member.2", &*old.subnets[1])];
    let balancer = first(&cloud.ok(elb, "CreateLoadBalancer", &balancer), "LoadBalancerArn").unwrap();
    // (service, operation, field, value), the error, and whether the list of all has it.
    let reads: [(&str, &str, &str, &str, &str); 10] = [
        ("ec2", "DescribeVpcs", "VpcId.1", &network.vpc, "InvalidVpcID.NotFound"),
        ("ec2", "DescribeSubnets", "SubnetId.1", &network.subnets[0], "InvalidSubnetID.NotFound"),
        ("ec2", "DescribeSecurityGroups", "GroupId.1", &network.group, "InvalidGroup.NotFound"),
        ("ec2", "DescribeNatGateways", "NatGatewayId.1", &gateway, "NatGatewayNotFound"),
        ("ec2", "DescribeInternetGateways", "InternetGatewayId.1", &internet, "InvalidInternetGatewayID.NotFound"),
        ("ec2", "DescribeRouteTables", "RouteTableId.1", &table, "InvalidRouteTableID.NotFound"),
        ("sns", "ListTopics", "", &topic, ""),
        ("iam", "ListRoles", "", "<RoleName>api</RoleName>", ""),
        (elb, "DescribeLoadBalancers", "LoadBalancerArns.member.1", &balancer, "LoadBalancerNotFound"),
        (elb, "DescribeLoadBalancers", "Names.member.1", "front", "LoadBalancerNotFound"),
    ];
    for (service, operation, field, value, error) in reads {
        if !field.is_empty() {
            assert_eq!(
                cloud.code(service, operation, &[(field, value)]).as_deref(),
                Some(error),
                "{operation} {field}"
            );
        }
        assert!(!cloud.ok(service, operation, &[]).contains(value), "{operation}: the list leaves it out");
    }
    assert_eq!(cloud.code("sns", "GetTopicAttributes", &[("TopicArn", &topic)]).as_deref(), Some("NotFound"));
    let role = cloud.query("iam", "GetRole", &[("RoleName", "api")]);
    assert_eq!((role.status, first(&role.text(), "Code").as_deref()), (404, Some("NoSuchEntity")));
    assert!(cloud.ok("ec2", "DescribeVpcs", &[("VpcId.1", &old.vpc)]).contains(&old.vpc), "the old one is seen");
    cloud.ok("ec2", "CreateTags", &[("ResourceId.1", &*network.vpc), ("Tag.1.Key", "k"), ("Tag.1.Value", "v")]);

    let error = |service: &str, target: &str, body: Value| {
        let (status, answer) = cloud.json(service, target, &body);
        (status, answer["__type"].as_str().unwrap_or_default().to_owned())
    };
    cloud.json("secretsmanager", "secretsmanager.CreateSecret", &json!({"Name": "db", "SecretString": "hush"}));
    let missing = (400, "ResourceNotFoundException".to_owned());
    assert_eq!(error("secretsmanager", "secretsmanager.DescribeSecret", json!({"SecretId": "db"})), missing);
    let (_, secrets) = cloud.json("secretsmanager", "secretsmanager.ListSecrets", &json!({}));
    assert_eq!(secrets["SecretList"], json!([]));
    cloud.json("logs", "Logs_20140328.CreateLogGroup", &json!({"logGroupName": "/app"}));
    let (_, groups) = cloud.json("logs", "Logs_20140328.DescribeLogGroups", &json!({"logGroupNamePrefix": "/app"}));
    assert_eq!(groups["logGroups"], json!([]));
    let arn = "arn:aws:logs:us-east-1:123456789012:log-group:/app";
    assert_eq!(error("logs", "Logs_20140328.ListTagsForResource", json!({"resourceArn": arn})), missing);
    let cluster = cloud.ecs("CreateCluster", &json!({"clusterName": "main"}))["cluster"]["clusterArn"].clone();
    let described = cloud.ecs("DescribeClusters", &json!({"clusters": ["main"]}));
    assert_eq!(described["failures"], json!([{"arn": cluster, "reason": "MISSING"}]));
    assert_eq!(described["clusters"], json!([]));

    cloud.no_faults();
    assert!(cloud.ok("ec2", "DescribeVpcs", &[("VpcId.1", &network.vpc)]).contains(&network.vpc));
    cloud.fault(json!({"rate": 1.0, "fault": {"late": {"ms": 400}}}));
    let vpc = first(&cloud.ok("ec2", "CreateVpc", &[("CidrBlock", "10.7.0.0/16")]), "vpcId").unwrap();
    assert_eq!(cloud.code("ec2", "DescribeVpcs", &[("VpcId.1", &vpc)]).as_deref(), Some("InvalidVpcID.NotFound"));
    eventually(200, || cloud.query("ec2", "DescribeVpcs", &[("VpcId.1", &vpc)]).status);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_role_cannot_be_assumed_yet() {
    let cloud = Cloud::start(0.0).await;
    let network = cloud.network();
    let trust = r#"{"Version":"2012-10-17","Statement":[]}"#;
    let role = |name: &str| {
        let made = cloud.ok("iam", "CreateRole", &[("RoleName", name), ("AssumeRolePolicyDocument", trust)]);
        first(&made, "Arn").unwrap()
    };
    let old = role("old");
    cloud.fault(json!({"rate": 1.0, "fault": {"role-not-assumable": {"ms": 1_500}}}));
    let new = role("new");
    let register = |role: &str| {
        let container = json!({"name": "app", "image": "app:1", "memory": 128});
        let body = json!({"family": "f", "containerDefinitions": [container], "executionRoleArn": role});
        let (status, answer) = cloud.json("ecs", "AmazonEC2ContainerServiceV20141113.RegisterTaskDefinition", &body);
        (status, answer["message"].as_str().unwrap_or_default().to_owned())
    };
    let flow_log = |role: &str| {
        let fields = [
            ("ResourceId.1", &*network.vpc),
            ("ResourceType", "VPC"),
            ("TrafficType", "ALL"),
            ("LogGroupName", "flow"),
            ("DeliverLogsPermissionArn", role),
        ];
        cloud.code("ec2", "CreateFlowLogs", &fields)
    };
    let create_function = |role: &str| {
        let body = json!({"FunctionName": "f", "Role": role, "Runtime": "provided.al2023", "Handler": "h",
            "Code": {"ZipFile": "UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA=="}})
        .to_string();
        let headers = [("authorization", &*scope("lambda")), ("content-type", "application/json")];
        let answer = cloud.send("POST", "/2015-03-31/functions", &headers, body.as_bytes());
        (answer.status, answer.text().contains("cannot be assumed by Lambda"))
    };
    assert_eq!(register(&new), (400, "Role is not valid".to_owned()));
    assert_eq!(register(&old).0, 200);
    assert_eq!(flow_log(&new).as_deref(), Some("InvalidParameter"));
    assert_eq!(create_function(&new), (400, true));
    cloud.ok("iam", "GetRole", &[("RoleName", "new")]);
    eventually(200, || register(&new).0);
    assert_ne!(flow_log(&new).as_deref(), Some("InvalidParameter"));
    assert!(!create_function(&new).1);
    let refused = cloud.recorded(8).iter().filter(|line| line["fault"] == "role-not-assumable").count();
    assert!(refused >= 4, "the creation and each refusal are in the record: {refused}");
}
