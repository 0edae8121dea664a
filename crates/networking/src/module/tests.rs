use std::collections::BTreeMap;

use cloud::{Finding, Stack};
use engine::Node;
use serde_json::{Value, json};

use super::*;

fn freeside() -> Value {
    json!({
        "cidr": "10.0.0.0/16",
        "private": ["10.0.1.0/24", "10.0.2.0/24"],
        "public": ["10.0.101.0/24", "10.0.102.0/24"],
        "nat": "single",
        "endpoints": ["s3", "ecr", "logs"],
        "flow-logs": { "traffic": "all" },
        "load-balancer": { "main": { "certificate": { "domain": "api.example.com" }, "protected": true } }
    })
}

fn service(name: &str, path: Option<&str>) -> Workload {
    Workload {
        name: name.into(),
        key: format!("compute.service.{name}"),
        port: Some(3000),
        load_balancer: Some(Listen { balancer: "main".into(), path: path.map(Into::into), ..Listen::default() }),
        uses: vec!["postgres.main".into(), "redis.cache".into()],
        public: false,
    }
}

fn inputs() -> Inputs {
    let worker = Workload { port: None, load_balancer: None, ..service("worker", None) };
    Inputs {
        prefix: "arrakis-production".into(),
        flow_logs: Some(FlowLogTarget {
            log_group_name: Handle::to("monitoring.log-group.flow-logs").id(),
            role_arn: Handle::to("security.role.flow-logs").get("Arn"),
        }),
        workloads: vec![service("api", Some("/*")), worker],
        stores: vec![
            Store { name: "postgres.main".into(), port: 5432 },
            Store { name: "redis.cache".into(), port: 6379 },
        ],
    }
}

/// What was declared, by address, with findings and outputs.
fn declared(settings: Value, inputs: &Inputs) -> (BTreeMap<String, Node>, Vec<Finding>, Outputs) {
    let settings: Settings = serde_json::from_value(settings).unwrap();
    let mut stack = Stack::new("freeside/production", "us-east-1", &[]);
    let outputs = declare(&settings, inputs, &mut stack);
    let (nodes, findings) = stack.finish();
    (nodes.into_iter().map(|node| (node.address.to_string(), node)).collect(), findings, outputs)
}

fn addresses(nodes: &BTreeMap<String, Node>, kind: &str) -> Vec<String> {
    let of_kind = nodes.values().filter(|node| node.type_name.ends_with(&format!("::{kind}")));
    of_kind.map(|node| node.address.to_string()).collect()
}

/// Every node fits AWS's schema and our struct, and refers only to what is declared.
fn check_nodes(nodes: &BTreeMap<String, Node>) {
    let mut catalogue = cloud::Catalogue::default();
    crate::register(&mut catalogue);
    for node in nodes.values() {
        let violations = schema::validate(&node.type_name, &node.properties);
        assert!(violations.is_empty(), "{}: {violations:#?}\n{:#}", node.address, node.properties);
        let handler = catalogue.get(&node.type_name).unwrap_or_else(|| panic!("no handler of {}", node.type_name));
        handler.check(&node.properties).unwrap();
        for (property, reference) in engine::intrinsic::references(&node.properties) {
            let target = reference.address.as_str();
            let known = nodes.get(target);
            assert!(known.is_some() || !target.starts_with("networking."), "{}.{property}: {target}", node.address);
            if let (Some(known), Some(attribute)) = (known, reference.attribute) {
                let facts = schema::facts(&known.type_name).unwrap();
                assert!(facts.has_attribute(&attribute), "{}.{property}: {target}.{attribute}", node.address);
            }
        }
        for address in &node.depends_on {
            assert!(nodes.contains_key(address.as_str()), "{}: {address}", node.address);
        }
    }
}

#[test]
fn the_documented_network_of_freeside() {
    let (nodes, findings, outputs) = declared(freeside(), &inputs());
    assert_eq!(findings, []);
    check_nodes(&nodes);
    let subnets = [
        "networking.subnet.private-a",
        "networking.subnet.private-b",
        "networking.subnet.public-a",
        "networking.subnet.public-b",
    ];
    assert_eq!(addresses(&nodes, "Subnet"), subnets);
    assert_eq!(addresses(&nodes, "NatGateway"), ["networking.nat-gateway.a"]);
    assert_eq!(addresses(&nodes, "RouteTable"), ["networking.route-table.private", "networking.route-table.public"]);
    assert_eq!(addresses(&nodes, "Route"), ["networking.route.private", "networking.route.public"]);
    let endpoints = ["ecr-api", "ecr-dkr", "logs", "s3"].map(|name| format!("networking.vpc-endpoint.{name}"));
    assert_eq!(addresses(&nodes, "VPCEndpoint"), endpoints);
    assert_eq!(nodes["networking.subnet.public-b"].properties["AvailabilityZone"], "us-east-1b");
    let s3 = &nodes["networking.vpc-endpoint.s3"].properties;
    assert_eq!(s3["RouteTableIds"], json!([{ "Ref": "networking.route-table.private" }]));
    assert_eq!(s3["ServiceName"], "com.amazonaws.us-east-1.s3");
    assert_eq!(nodes["networking.flow-log"].properties["TrafficType"], "ALL");

    let balancer = &nodes["networking.load-balancer.main"];
    assert_eq!(balancer.properties["Name"], "arrakis-production-alb");
    assert!(balancer.protected);
    assert_eq!(balancer.depends_on[0].as_str(), "networking.internet-gateway.attachment");
    let listener = |name: &str| &nodes[name].properties["DefaultActions"][0];
    let forward = listener("networking.listener.main-https");
    assert_eq!(forward["TargetGroupArn"], json!({ "Ref": "networking.target-group.api" }));
    assert_eq!(listener("networking.listener.main-http")["RedirectConfig"]["Protocol"], "HTTPS");
    assert_eq!(addresses(&nodes, "ListenerRule"), [""; 0]);
    assert_eq!(outputs.load_balancers["main"].url, "https://api.example.com");
    assert_eq!(outputs.workloads["api"].listeners, [Handle::to("networking.listener.main-https")]);
    assert_eq!(outputs.workloads["api"].subnets, outputs.subnets.private);
    assert!(!outputs.workloads["api"].assign_public_ip);
    assert_eq!(outputs.workloads["worker"].target_group_arn, None);
    assert_eq!(outputs.store_subnets(), outputs.subnets.private);
}

#[test]
fn only_who_must_reaches_whom() {
    let (nodes, _, _) = declared(freeside(), &inputs());
    let rules: Vec<String> = addresses(&nodes, "SecurityGroupIngress")
        .into_iter()
        .map(|address| {
            let rule = &nodes[&address].properties;
            let from = rule["SourceSecurityGroupId"]["Fn::GetAtt"][0].as_str().or(rule["CidrIp"].as_str()).unwrap();
            format!("{} <- {from} {}", address.trim_start_matches("networking.security-group."), rule["FromPort"])
        })
        .collect();
    let expected = [
        "endpoints.from-vpc <- 10.0.0.0/16 443",
        "load-balancer.main.http <- 0.0.0.0/0 80",
        "load-balancer.main.https <- 0.0.0.0/0 443",
        "postgres.main.from-api <- networking.security-group.service.api 5432",
        "postgres.main.from-worker <- networking.security-group.service.worker 5432",
        "redis.cache.from-api <- networking.security-group.service.api 6379",
        "redis.cache.from-worker <- networking.security-group.service.worker 6379",
        "service.api.from-load-balancer-main <- networking.security-group.load-balancer.main 3000",
    ];
    assert_eq!(rules, expected);
    let out =
        |name: &str| nodes[&format!("networking.security-group.{name}")].properties["SecurityGroupEgress"].clone();
    assert_eq!(out("service.api"), json!([{ "CidrIp": "0.0.0.0/0", "IpProtocol": "-1" }]));
    assert_eq!(out("postgres.main")[0]["CidrIp"], "127.0.0.1/32");
    let to_api = json!({ "Fn::GetAtt": ["networking.security-group.service.api", "GroupId"] });
    assert_eq!(out("load-balancer.main")[0]["DestinationSecurityGroupId"], to_api);
    assert_eq!(nodes["networking.security-group.service.api"].properties["GroupName"], "arrakis-production-api");
    assert_eq!(nodes["networking.security-group.postgres.main"].properties["GroupName"], "arrakis-production-postgres");
}

#[test]
fn everything_that_can_be_declared_fits_the_schemas() {
    let large = json!({
        "cidr": "10.1.0.0/16",
        "zones": ["a", "b", "c"],
        "public": ["10.1.0.0/24", "10.1.1.0/24", "10.1.2.0/24"],
        "private": ["10.1.10.0/24", "10.1.11.0/24", "10.1.12.0/24"],
        "database": ["10.1.20.0/24", "10.1.21.0/24", "10.1.22.0/24"],
        "intra": ["10.1.30.0/24", "10.1.31.0/24", "10.1.32.0/24"],
        "nat": "per-zone",
        "endpoints": ["s3", "dynamodb", "com.amazonaws.us-east-1.kms", "secretsmanager"],
        "flow-logs": { "traffic": "reject", "interval-seconds": 60 },
        "load-balancer": {
            "main": {
                "certificate": { "domain": "*.example.com", "alternatives": ["example.com", "*.example.com"] },
                "http": "forward",
                "allow": ["203.0.113.0/24", "2001:db8::/32"],
                "access-logs": { "bucket": "logs", "prefix": "alb" }
            },
            "inside": { "internal": true }
        }
    });
    let mut web = service("web", Some("/static/*"));
    web.load_balancer.as_mut().unwrap().host = Some("www.example.com".into());
    let mut inside = service("admin", None);
    inside.load_balancer.as_mut().unwrap().balancer = "inside".into();
    let public = Workload { public: true, load_balancer: None, port: None, ..service("crawler", None) };
    let inputs = Inputs { workloads: vec![service("api", None), web, inside, public], ..inputs() };
    let (nodes, findings, outputs) = declared(large, &inputs);
    assert_eq!(findings, []);
    check_nodes(&nodes);
    assert_eq!(addresses(&nodes, "NatGateway").len(), 3);
    let tables = ["database", "intra", "private-a", "private-b", "private-c", "public"];
    assert_eq!(addresses(&nodes, "RouteTable"), tables.map(|name| format!("networking.route-table.{name}")));
    // Each zone goes out through its own gateway.
    let route = &nodes["networking.route.private-c"].properties;
    assert_eq!(route["NatGatewayId"], json!({ "Ref": "networking.nat-gateway.c" }));
    let rules = ["networking.listener-rule.main-web-http", "networking.listener-rule.main-web-https"];
    assert_eq!(addresses(&nodes, "ListenerRule"), rules);
    assert_eq!(nodes[rules[0]].properties["Conditions"].as_array().unwrap().len(), 2);
    assert_eq!(nodes["networking.load-balancer.inside"].properties["Scheme"], "internal");
    let certificate = &nodes["networking.certificate.main"].properties;
    assert_eq!(certificate["SubjectAlternativeNames"], json!(["example.com"]));
    assert_eq!(outputs.workloads["web"].listeners.len(), 2);
    assert!(outputs.workloads["crawler"].assign_public_ip);
    assert_eq!(outputs.workloads["crawler"].subnets, outputs.subnets.public);
    assert_eq!(outputs.store_subnets(), outputs.subnets.database);
    let url = &outputs.load_balancers["main"].url;
    assert!(url.starts_with("https://") && engine::intrinsic::token(url).is_some());
}

#[test]
fn a_network_alone_is_enough() {
    let (nodes, findings, _) = declared(json!({}), &Inputs { prefix: "p".into(), ..Inputs::default() });
    assert_eq!(findings, []);
    assert_eq!(nodes.len(), 1);
    check_nodes(&nodes);
}

/// One change of the documented settings, and the key, rule and a word of the hint that come of it.
#[test]
fn mistakes_are_found_with_key_and_remedy() {
    let cases = [
        (
            json!({ "endpoints": ["s3", "ecr", "lgos"] }),
            "networking.endpoints.2",
            "endpoint-unknown",
            "did you mean `logs`?",
        ),
        (
            json!({ "endpoints": ["s3", "ecr", "com.amazonaws.eu-west-1.logs"] }),
            "networking.endpoints.2",
            "endpoint-region",
            "write `\"logs\"`",
        ),
        (
            json!({ "dns-hostnames": false }),
            "networking.dns-hostnames",
            "endpoints-without-dns",
            "dns-hostnames = true",
        ),
        (
            json!({ "flow-logs": { "retention-days": 28 } }),
            "networking.flow-logs.retention-days",
            "retention-days",
            "= 30",
        ),
        (
            json!({ "flow-logs": { "interval-seconds": 5 } }),
            "networking.flow-logs.interval-seconds",
            "flow-logs-interval",
            "600",
        ),
        (json!({ "nat": "none", "endpoints": ["s3"] }), "networking.nat", "no-way-out", "\"ecr\", \"logs\""),
        (
            json!({ "load-balancer": { "main": { "http": "redirect" } } }),
            "networking.load-balancer.main.http",
            "http-without-certificate",
            "forward",
        ),
        (
            json!({ "load-balancer": { "main": { "idle-timeout": 0 } } }),
            "networking.load-balancer.main.idle-timeout",
            "idle-timeout",
            "60",
        ),
        (
            json!({ "load-balancer": { "main": { "allow": ["me"] } } }),
            "networking.load-balancer.main.allow.0",
            "cidr-syntax",
            "203.0.113.0/24",
        ),
        (
            json!({ "load-balancer": { "main": { "certificate": { "domain": "https://a.b" } } } }),
            "networking.load-balancer.main.certificate.domain",
            "domain",
            "api.example.com",
        ),
        (
            json!({ "load-balancer": { "main": { "certificate": { "domain": "a.b", "arn": "arn:x" } } } }),
            "networking.load-balancer.main.certificate",
            "certificate",
            "domain",
        ),
        (
            json!({ "load-balancer": { "main": { "certificate": { "domain": "a.b" }, "ssl-policy": "ELBSecurityPolicy-TLS13-1-3-2021-05" } } }),
            "networking.load-balancer.main.ssl-policy",
            "ssl-policy",
            "ELBSecurityPolicy-TLS13-1-3-2021-06",
        ),
        (
            json!({ "load-balancer": { "mian": {} } }),
            "compute.service.api.listen.load-balancer",
            "unknown-load-balancer",
            "did you mean `mian`?",
        ),
        (
            json!({ "load-balancer": {} }),
            "compute.service.api.listen.load-balancer",
            "unknown-load-balancer",
            "[networking.load-balancer.main]",
        ),
        (
            json!({ "zones": 1, "public": ["10.0.101.0/24"], "private": ["10.0.1.0/24"] }),
            "networking.load-balancer.main",
            "load-balancer-subnets",
            "two zones",
        ),
    ];
    for (change, key, rule, hint) in cases {
        let mut settings = freeside();
        settings.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let (_, findings, _) = declared(settings, &inputs());
        assert_eq!(findings.len(), 1, "{change}: {findings:#?}");
        let found = &findings[0];
        assert_eq!((found.key.as_deref(), found.rule.as_str()), (Some(key), rule));
        let said = found.hint.as_deref().unwrap_or_default();
        assert!(said.contains(hint), "{change}: {said}");
    }
}

#[test]
fn an_unknown_store_is_found() {
    let mut inputs = inputs();
    inputs.workloads[1].uses[1] = "redis.cahe".into();
    let (_, findings, _) = declared(freeside(), &inputs);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].key.as_deref(), Some("compute.service.worker.uses.1"));
    assert_eq!(findings[0].hint.as_deref(), Some("did you mean `redis.cache`?"));
}

#[test]
fn every_setting_is_described() {
    fn described(schema: &Value, place: &str) {
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            assert!(property["description"].is_string(), "{place}.{name} has no description");
        }
    }
    let schema = serde_json::to_value(schemars::schema_for!(Settings)).unwrap();
    described(&schema, "networking");
    for (name, definition) in schema["$defs"].as_object().unwrap() {
        described(definition, name);
    }
}
