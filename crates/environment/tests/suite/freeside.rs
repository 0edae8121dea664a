//! Freeside, as its documentation has it.

use std::collections::BTreeMap;

use crate::common::{shown, this_workspace};
use environment::{Loaded, load};
use serde_json::{Value, json};

fn freeside(environment: &str) -> Loaded {
    load(this_workspace(), Some(&format!("freeside/{environment}")))
        .unwrap_or_else(|findings| panic!("{}", shown(&findings)))
}

fn of_type<'l>(loaded: &'l Loaded, type_name: &str) -> Vec<&'l Value> {
    loaded.nodes.iter().filter(|node| node.type_name == type_name).map(|node| &node.properties).collect()
}

fn properties<'l>(loaded: &'l Loaded, address: &str) -> &'l Value {
    let found = loaded.nodes.iter().find(|node| node.address.as_str() == address);
    &found.unwrap_or_else(|| panic!("no {address}")).properties
}

#[test]
fn both_environments_load() {
    for environment in ["production", "staging"] {
        let loaded = freeside(environment);
        // The documented PostgreSQL version is one that AWS has deprecated since.
        let findings: Vec<String> =
            loaded.findings.iter().map(|found| format!("{} {:?}", found.finding.rule, found.finding.key)).collect();
        assert_eq!(findings, [r#"engine-version-deprecated Some("storage.postgres.main.version")"#]);
        assert_eq!(loaded.prefix, format!("arrakis-{environment}"));
    }
}

#[test]
fn the_same_resources_are_in_both() {
    let counts = |loaded: &Loaded| {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for node in &loaded.nodes {
            *counts.entry(node.type_name.clone()).or_default() += 1;
        }
        counts
    };
    let (production, staging) = (counts(&freeside("production")), counts(&freeside("staging")));
    let lines: Vec<String> = production.iter().map(|(name, count)| format!("{count} {name}")).collect();
    insta::assert_snapshot!(lines.join("\n"));
    // One target tracking policy fewer: memory.
    let mut expected = production;
    *expected.get_mut("AWS::ApplicationAutoScaling::ScalingPolicy").unwrap() -= 1;
    assert_eq!(staging, expected);
}

#[test]
fn the_documented_values() {
    let production = freeside("production");
    let cases = [
        ("AWS::EC2::VPC", "/CidrBlock", json!(["10.0.0.0/16"])),
        ("AWS::EC2::Subnet", "/CidrBlock", json!(["10.0.1.0/24", "10.0.101.0/24", "10.0.102.0/24", "10.0.2.0/24"])),
        ("AWS::ECS::Cluster", "/ClusterName", json!(["arrakis-production-cluster"])),
        ("AWS::ECS::Service", "/ServiceName", json!(["arrakis-production-api", "arrakis-production-worker"])),
        ("AWS::ECS::Service", "/DesiredCount", json!([1, 2])),
        ("AWS::ECS::TaskDefinition", "/Family", json!(["arrakis-production-api", "arrakis-production-worker"])),
        ("AWS::ECS::TaskDefinition", "/Cpu", json!(["256", "512"])),
        ("AWS::ECS::TaskDefinition", "/Memory", json!(["1024", "512"])),
        ("AWS::ECR::Repository", "/RepositoryName", json!(["arrakis-api"])),
        ("AWS::ECR::Repository", "/ImageScanningConfiguration/ScanOnPush", json!([true])),
        ("AWS::RDS::DBInstance", "/DBInstanceIdentifier", json!(["arrakis-production-postgres"])),
        ("AWS::RDS::DBInstance", "/DBInstanceClass", json!(["db.t3.small"])),
        ("AWS::RDS::DBInstance", "/EngineVersion", json!(["15.10"])),
        ("AWS::RDS::DBInstance", "/AllocatedStorage", json!(["20"])),
        ("AWS::RDS::DBInstance", "/BackupRetentionPeriod", json!([7])),
        ("AWS::RDS::DBInstance", "/DeletionProtection", json!([true])),
        ("AWS::RDS::DBInstance", "/PubliclyAccessible", json!([false])),
        ("AWS::RDS::DBInstance", "/StorageEncrypted", json!([true])),
        ("AWS::RDS::DBParameterGroup", "/Parameters", json!([{ "rds.force_ssl": "1" }])),
        ("AWS::ElastiCache::ReplicationGroup", "/CacheNodeType", json!(["cache.t3.micro"])),
        (
            "AWS::SecretsManager::Secret",
            "/Name",
            json!([
                "arrakis-production/app-config",
                "arrakis-production/db-credentials",
                "arrakis-production/redis-credentials",
                "arrakis-production/vault-token",
            ]),
        ),
        (
            "AWS::Logs::LogGroup",
            "/LogGroupName",
            json!([
                "/ecs/arrakis-production/api",
                "/ecs/arrakis-production/worker",
                "/vpc/arrakis-production/flow-logs"
            ]),
        ),
    ];
    for (type_name, pointer, values) in cases {
        let mut found: Vec<Value> = of_type(&production, type_name)
            .iter()
            .filter_map(|properties| properties.pointer(pointer).cloned())
            .collect();
        found.sort_by_key(Value::to_string);
        assert_eq!(Value::Array(found), values, "{type_name} {pointer}");
    }
}

#[test]
fn images_expire_after_ten() {
    let production = freeside("production");
    let repository = of_type(&production, "AWS::ECR::Repository")[0];
    let policy: Value =
        serde_json::from_str(repository["LifecyclePolicy"]["LifecyclePolicyText"].as_str().unwrap()).unwrap();
    assert_eq!(policy["rules"][0]["selection"]["countNumber"], 10);
}

#[test]
fn the_load_balancer_speaks_https_only() {
    let production = freeside("production");
    let listeners: BTreeMap<i64, &Value> = of_type(&production, "AWS::ElasticLoadBalancingV2::Listener")
        .into_iter()
        .map(|listener| (listener["Port"].as_i64().unwrap(), listener))
        .collect();
    assert_eq!(listeners.keys().copied().collect::<Vec<_>>(), [80, 443]);
    assert_eq!(listeners[&80]["DefaultActions"][0]["Type"], "redirect");
    assert_eq!(listeners[&443]["Protocol"], "HTTPS");
    assert_eq!(of_type(&production, "AWS::CertificateManager::Certificate")[0]["DomainName"], "arrakis.example.com");
    let target_group = of_type(&production, "AWS::ElasticLoadBalancingV2::TargetGroup")[0];
    assert_eq!((&target_group["Port"], &target_group["HealthCheckPath"]), (&json!(3000), &json!("/health")));
}

#[test]
fn nothing_but_the_load_balancer_is_open_to_the_world() {
    let production = freeside("production");
    let world: Vec<&str> = production
        .nodes
        .iter()
        .filter(|node| node.type_name.starts_with("AWS::EC2::SecurityGroup") && !node.type_name.ends_with("Egress"))
        .filter(|node| {
            let inline = node.properties["SecurityGroupIngress"].to_string();
            node.properties["CidrIp"] == "0.0.0.0/0" || inline.contains("0.0.0.0/0")
        })
        .map(|node| node.address.as_str())
        .collect();
    assert!(!world.is_empty());
    assert!(world.iter().all(|address| address.contains("load-balancer")), "{world:?}");
}

#[test]
fn staging_is_smaller_and_can_be_destroyed() {
    let staging = freeside("staging");
    let database = of_type(&staging, "AWS::RDS::DBInstance")[0];
    assert_eq!(database["DBInstanceClass"], "db.t3.micro");
    assert_eq!(database["BackupRetentionPeriod"], 1);
    assert_eq!(database["DeletionProtection"], false);
    assert!(staging.nodes.iter().all(|node| !node.protected));
    assert!(freeside("production").nodes.iter().any(|node| node.protected));
    let sizes: Vec<&Value> = of_type(&staging, "AWS::ECS::TaskDefinition").iter().map(|task| &task["Cpu"]).collect();
    assert_eq!(sizes, [&json!("256"), &json!("256")]);
    for log_group in of_type(&staging, "AWS::Logs::LogGroup") {
        assert_eq!(log_group["RetentionInDays"], 7);
    }
    assert_eq!(staging.settings.account, None);
}

#[test]
fn everything_carries_the_tags() {
    let production = freeside("production");
    for node in &production.nodes {
        let Some((property, _)) = schema::facts(&node.type_name).and_then(schema::Facts::tag_property) else {
            continue;
        };
        let tags = node.properties[property].to_string();
        for part in ["project", "groundplan:environment", "freeside/production", node.address.as_str()] {
            assert!(tags.contains(part), "{} has not `{part}` in its tags: {tags}", node.address);
        }
    }
}

#[test]
fn services_start_when_what_they_read_is_there() {
    let production = freeside("production");
    let api = production.nodes.iter().find(|node| node.address.as_str() == "compute.service.api").unwrap();
    let after: Vec<&str> = api.depends_on.iter().map(engine::Address::as_str).collect();
    assert!(after.contains(&"security.attachment.db-credentials"), "{after:?}");
    assert!(after.contains(&"security.attachment.redis-credentials"), "{after:?}");
    assert!(after.iter().any(|address| address.contains("listener")), "{after:?}");
}

#[test]
fn outputs_name_what_a_person_asks_for() {
    let production = freeside("production");
    let names: Vec<&str> = production.outputs.keys().map(String::as_str).collect();
    insta::assert_snapshot!(names.join("\n"));
    assert_eq!(production.outputs["cluster.name"], json!("arrakis-production-cluster"));
    assert_eq!(
        production.outputs["load-balancer.main.dns-name"],
        json!({ "Fn::GetAtt": ["networking.load-balancer.main", "DNSName"] })
    );
}

#[test]
fn every_node_says_which_key_asked_for_it() {
    for environment in ["production", "staging"] {
        let loaded = freeside(environment);
        for node in &loaded.nodes {
            let key = node.origin.as_deref().unwrap_or_else(|| panic!("{} has no origin", node.address));
            assert!(loaded.document.locate(key).line > 1, "{}: `{key}` leads nowhere", node.address);
        }
    }
    assert!(properties(&freeside("production"), "networking.vpc").is_object());
}
