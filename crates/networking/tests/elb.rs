//! Load balancers and certificates through their whole life on the local cloud.

use engine::health::Status;
use lifecycle::{Except, World, tags};
use serde_json::{Value, json};

/// A VPC with two public subnets and a security group: ids of the VPC, the subnets, and the group.
async fn network(world: &mut World) -> (Value, [Value; 2], Value) {
    let vpc = json!({ "CidrBlock": "10.7.0.0/16", "Tags": tags("vpc", &[]) });
    let vpc = json!(world.make("vpc", "AWS::EC2::VPC", vpc).await.id);
    let gateway = world.make("igw", "AWS::EC2::InternetGateway", json!({ "Tags": tags("igw", &[]) })).await.id;
    let attachment = json!({ "VpcId": vpc, "InternetGatewayId": gateway });
    world.make("attachment", "AWS::EC2::VPCGatewayAttachment", attachment).await;
    let subnet = |address: &str, zone: &str, cidr: &str| json!({ "VpcId": vpc, "CidrBlock": cidr, "AvailabilityZone": zone, "Tags": tags(address, &[]) });
    let a = world.make("a", "AWS::EC2::Subnet", subnet("a", "us-east-1a", "10.7.1.0/24")).await.id;
    let b = world.make("b", "AWS::EC2::Subnet", subnet("b", "us-east-1b", "10.7.2.0/24")).await.id;
    let group = json!({ "GroupDescription": "alb", "GroupName": "alb", "VpcId": vpc, "Tags": tags("group", &[]) });
    let group = world.make("group", "AWS::EC2::SecurityGroup", group).await;
    (vpc, [json!(a), json!(b)], group.attributes["GroupId"].clone())
}

fn attributes(pairs: &[(&str, &str)]) -> Value {
    pairs.iter().map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

fn target_group(vpc: &Value, address: &str, path: &str, drain: &str) -> Value {
    json!({
        "TargetType": "ip", "Protocol": "HTTP", "Port": 3000, "VpcId": vpc,
        "HealthCheckEnabled": true, "HealthCheckPath": path, "HealthCheckProtocol": "HTTP",
        "HealthCheckIntervalSeconds": 15, "HealthCheckTimeoutSeconds": 5,
        "HealthyThresholdCount": 2, "UnhealthyThresholdCount": 3, "Matcher": { "HttpCode": "200-299" },
        "TargetGroupAttributes": attributes(&[("deregistration_delay.timeout_seconds", drain)]),
        "Tags": tags(address, &[("Name", "test-networking-api")])
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn load_balancers_with_listeners_and_rules() {
    let mut world = World::new(networking::register).await;
    let (vpc, subnets, group) = network(&mut world).await;

    let balancer = |idle: &str, more: &[(&str, &str)]| {
        json!({
            "Name": "test-networking-alb", "Type": "application", "Scheme": "internet-facing",
            "Subnets": subnets, "SecurityGroups": [group],
            "LoadBalancerAttributes": attributes(&[
                ("deletion_protection.enabled", "false"),
                ("idle_timeout.timeout_seconds", idle),
                ("routing.http.drop_invalid_header_fields.enabled", "true"),
            ]),
            "Tags": tags("alb", more)
        })
    };
    let made = world.make("alb", "AWS::ElasticLoadBalancingV2::LoadBalancer", balancer("60", &[("old", "1")])).await;
    for attribute in ["DNSName", "CanonicalHostedZoneID", "LoadBalancerName", "LoadBalancerFullName"] {
        assert!(made.attributes.contains_key(attribute), "{attribute} is missing");
    }
    world.change("alb", balancer("120", &[("new", "2")])).await;
    let (live, _) = world.read("alb").await.unwrap();
    assert!(!live["Tags"].to_string().contains("old"), "a tag that is declared no more is still there: {live:#}");

    let api = target_group(&vpc, "api", "/health", "30");
    let api = world.make("api", "AWS::ElasticLoadBalancingV2::TargetGroup", api).await;
    assert!(api.attributes["TargetGroupFullName"].as_str().unwrap().starts_with("targetgroup/test-networking-api-"));
    world.change("api", target_group(&vpc, "api", "/ready", "60")).await;
    let web = target_group(&vpc, "web", "/", "30");
    let web = world.make("web", "AWS::ElasticLoadBalancingV2::TargetGroup", web).await.id;

    let certificate = json!({
        "DomainName": "api.example.com", "SubjectAlternativeNames": ["www.example.com", "example.com"],
        "ValidationMethod": "DNS", "Tags": tags("certificate", &[])
    });
    // ACM tells the method, and moto the names in the order of a hash.
    let except = &[Except::Reported("ValidationMethod"), Except::Unordered("SubjectAlternativeNames")];
    let certificate =
        world.make_except(except, "certificate", "AWS::CertificateManager::Certificate", certificate).await.id;

    let redirect = |code: &str| {
        json!({
            "LoadBalancerArn": made.id, "Port": 80, "Protocol": "HTTP", "Tags": tags("http", &[]),
            "DefaultActions": [{
                "Type": "redirect", "RedirectConfig": { "Protocol": "HTTPS", "Port": "443", "StatusCode": code }
            }]
        })
    };
    world.make("http", "AWS::ElasticLoadBalancingV2::Listener", redirect("HTTP_302")).await;
    world.change("http", redirect("HTTP_301")).await;
    let https = |action: Value, policy: &str| {
        json!({
            "LoadBalancerArn": made.id, "Port": 443, "Protocol": "HTTPS", "SslPolicy": policy,
            "Certificates": [{ "CertificateArn": certificate }], "DefaultActions": [action],
            "Tags": tags("https", &[])
        })
    };
    let missing = json!({ "Type": "fixed-response", "FixedResponseConfig": {
        "StatusCode": "404", "ContentType": "text/plain", "MessageBody": "Not found"
    } });
    let first = https(missing, "ELBSecurityPolicy-TLS13-1-2-2021-06");
    let listener = world.make("https", "AWS::ElasticLoadBalancingV2::Listener", first).await.id;
    let forward = |arn: &str| json!({ "Type": "forward", "TargetGroupArn": arn });
    world.change("https", https(forward(&api.id), "ELBSecurityPolicy-TLS13-1-2-Res-2021-06")).await;

    let rule = |path: &str, priority: u16, target: &str| {
        json!({
            "ListenerArn": listener, "Priority": priority, "Actions": [forward(target)], "Tags": tags("rule", &[]),
            "Conditions": [
                { "Field": "path-pattern", "Values": [path] },
                { "Field": "host-header", "HostHeaderConfig": { "Values": ["www.example.com"] } },
            ]
        })
    };
    // The rule's own ARN tells the listener.
    world
        .make_except(
            &[Except::Reported("ListenerArn")],
            "rule",
            "AWS::ElasticLoadBalancingV2::ListenerRule",
            rule("/static/*", 10, &api.id),
        )
        .await;
    world.change("rule", rule("/assets/*", 10, &web)).await;
    world.change("rule", rule("/assets/*", 20, &web)).await;

    let (resources, calls) = world.refresh_all().await;
    assert!(calls <= 22, "{calls} calls for {resources} resources");

    // Attributes that are declared no more fall back to what a new load balancer has.
    let mut bare = balancer("120", &[]);
    bare["LoadBalancerAttributes"] = attributes(&[("deletion_protection.enabled", "true")]);
    world.change("alb", bare).await;
    let (live, _) = world.read("alb").await.unwrap();
    let idle = json!({ "Key": "idle_timeout.timeout_seconds", "Value": "60" });
    assert!(live["LoadBalancerAttributes"].as_array().unwrap().contains(&idle), "{live:#}");

    let protected = world.delete_once("alb").await.unwrap_err();
    assert!(protected.hint.is_some() && !protected.may_pass(), "{protected}");
    world.unprotect("alb").await;
    // What a listener forwards to goes later.
    let used = world.delete_once("web").await.unwrap_err();
    assert!(used.may_pass(), "{used}");
    assert_healthy(&world, &made.id, &certificate).await;
    world.end_all().await;
}

/// What a health check says of what has just been made.
async fn assert_healthy(world: &World, balancer: &str, certificate: &str) {
    let resource = |address: &str, kind: &str, id: &str| {
        (cloud::Address::of(address), kind.to_owned(), id.to_owned(), json!({ "properties": {}, "attributes": {} }))
    };
    let resources = [
        resource("networking.load-balancer.main", "AWS::ElasticLoadBalancingV2::LoadBalancer", balancer),
        resource("networking.certificate.main", "AWS::CertificateManager::Certificate", certificate),
        resource("networking.vpc", "AWS::EC2::VPC", "vpc-1"),
        resource("networking.nat-gateway.a", "AWS::EC2::NatGateway", "nat-0123456789abcdef0"),
    ];
    let checks = networking::health::check(&resources, &world.cloud.context("networking")).await;
    let said: Vec<(&str, Status)> = checks.iter().map(|check| (check.name.as_str(), check.status)).collect();
    let expected = [
        ("load balancer main", Status::Healthy),
        ("certificate main", Status::Healthy),
        ("NAT gateway a", Status::Unhealthy),
    ];
    assert_eq!(said, expected, "{checks:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hosted_zone_is_refused_in_words() {
    let world = World::new(networking::register).await;
    let certificate = json!({
        "DomainName": "api.example.com", "ValidationMethod": "DNS",
        "DomainValidationOptions": [{ "DomainName": "api.example.com", "HostedZoneId": "Z1" }]
    });
    let handler = world.handler("AWS::CertificateManager::Certificate");
    let failure = handler.create(&certificate, &world.cloud.context("certificate")).await.unwrap_err();
    assert!(failure.message.contains("Route 53"), "{failure}");
    assert!(failure.hint.is_some());
}
