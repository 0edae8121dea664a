//! What the module makes of settings, and what it finds wrong with them.

use cloud::{Finding, Handle};
use engine::Node;
use serde_json::{Value, json};

use super::*;

fn settings(value: Value) -> Settings {
    serde_json::from_value(value).unwrap()
}

fn freeside() -> Value {
    json!({
        "capacity": "on-demand",
        "repository": { "api": { "keep": 10 } },
        "service": {
            "api": {
                "image": { "repository": "api" },
                "cpu": 512,
                "memory": 1024,
                "tasks": { "desired": 2, "min": 2, "max": 10, "cpu": 70, "memory": 75 },
                "listen": { "port": 3000, "load-balancer": "main", "health": "/health" },
                "environment": { "NODE_ENV": "production" },
                "secrets": { "APP_CONFIG": "app-config", "DATABASE_URL": "db-credentials:url" },
                "health-check": { "command": "curl -fs http://localhost:3000/health" },
            },
            "worker": {
                "image": { "repository": "api", "tag": "v1" },
                "capacity": { "spot": 70, "on-demand": 30 },
                "command": ["node", "worker.js"],
            },
        },
    })
}

fn declared(value: Value) -> (Vec<Node>, Vec<Finding>, Outputs) {
    let settings = settings(value);
    let mut stack = Stack::new("freeside/production", "us-east-1", &[("Project".to_owned(), "arrakis".to_owned())]);
    let repositories = declare_repositories(&settings, "arrakis-production", &mut stack);
    let service = |name: &str, target_group: Option<String>| ServiceInputs {
        subnets: vec![Handle::to("networking.subnet.private-a").id(), Handle::to("networking.subnet.private-b").id()],
        security_group: Some(Handle::to(format!("networking.security-group.{name}")).get("GroupId")),
        target_group,
        listeners: vec![Handle::to("networking.listener.main.https")],
        execution_role: Some(Handle::to(format!("security.role.{name}-execution")).get("Arn")),
        task_role: Some(Handle::to(format!("security.role.{name}-task")).get("Arn")),
        log_group: Some(Handle::to(format!("monitoring.log-group.{name}")).id()),
        environment: BTreeMap::from([(
            "REDIS_HOST".to_owned(),
            Handle::to("storage.redis.cache").get("PrimaryEndPoint.Address"),
        )]),
        ..ServiceInputs::default()
    };
    let inputs = Inputs {
        prefix: "arrakis-production".to_owned(),
        region: "us-east-1".to_owned(),
        services: BTreeMap::from([
            ("api".to_owned(), service("api", Some(Handle::to("networking.target-group.api").id()))),
            ("worker".to_owned(), service("worker", None)),
        ]),
        secrets: ["app-config", "db-credentials"]
            .map(|name| (name.to_owned(), Handle::to(format!("security.secret.{name}")).id()))
            .into(),
        repositories,
    };
    let outputs = declare(&settings, &inputs, &mut stack);
    let (nodes, findings) = stack.finish();
    (nodes, findings, outputs)
}

fn at<'a>(nodes: &'a [Node], address: &str) -> &'a Node {
    nodes.iter().find(|node| node.address.as_str() == address).unwrap_or_else(|| panic!("no {address}"))
}

#[test]
fn freeside_is_declared_and_valid() {
    let (nodes, findings, outputs) = declared(freeside());
    assert_eq!(findings, []);
    let addresses: Vec<&str> = nodes.iter().map(|node| node.address.as_str()).collect();
    assert_eq!(
        addresses,
        [
            "compute.repository.api",
            "compute.cluster",
            "compute.task-definition.api",
            "compute.service.api",
            "compute.scalable-target.api",
            "compute.scaling-policy.api.cpu",
            "compute.scaling-policy.api.memory",
            "compute.task-definition.worker",
            "compute.service.worker",
        ]
    );
    let mut catalogue = cloud::Catalogue::default();
    crate::register(&mut catalogue);
    for node in &nodes {
        assert_eq!(schema::validate(&node.type_name, &node.properties), [], "{}", node.address);
        catalogue.get(&node.type_name).unwrap().check(&node.properties).unwrap();
    }
    // The names of the document's troubleshooting commands.
    assert_eq!(outputs.cluster_name, "arrakis-production-cluster");
    assert_eq!(outputs.services["api"].family, "arrakis-production-api");
    assert_eq!(outputs.services["api"].name, "arrakis-production-api");
    assert_eq!(outputs.repositories["api"].name, "arrakis-production-api");
}

#[test]
fn a_service_refers_to_what_it_needs() {
    let (nodes, ..) = declared(freeside());
    let api = at(&nodes, "compute.service.api");
    assert_eq!(api.properties["Cluster"], json!({ "Ref": "compute.cluster" }));
    assert_eq!(api.properties["TaskDefinition"], json!({ "Ref": "compute.task-definition.api" }));
    assert_eq!(
        api.properties["LoadBalancers"],
        json!([{ "ContainerName": "api", "ContainerPort": 3000, "TargetGroupArn": { "Ref": "networking.target-group.api" } }])
    );
    assert_eq!(api.properties["HealthCheckGracePeriodSeconds"], 60);
    assert_eq!(api.depends_on[0].as_str(), "networking.listener.main.https");
    assert_eq!(
        (api.owned[0].property.as_str(), api.owned[0].by.as_str()),
        ("DesiredCount", "Application Auto Scaling")
    );
    assert_eq!(api.origin.as_deref(), Some("compute.service.api"));

    let worker = at(&nodes, "compute.service.worker");
    assert_eq!(worker.properties.get("LoadBalancers"), None);
    assert_eq!(worker.properties.get("HealthCheckGracePeriodSeconds"), None);
    assert!(worker.owned.is_empty());
    assert_eq!(
        worker.properties["CapacityProviderStrategy"],
        json!([
            { "CapacityProvider": "FARGATE", "Weight": 30, "Base": 0 },
            { "CapacityProvider": "FARGATE_SPOT", "Weight": 70, "Base": 0 },
        ])
    );
    let target = at(&nodes, "compute.scalable-target.api");
    assert_eq!(
        target.properties["ResourceId"],
        json!({ "Fn::Join": ["", ["service/arrakis-production-cluster/", { "Fn::GetAtt": ["compute.service.api", "Name"] }]] })
    );
}

#[test]
fn a_task_definition_has_image_secrets_environment_and_log() {
    let (nodes, ..) = declared(freeside());
    let api = at(&nodes, "compute.task-definition.api");
    assert_eq!(api.owned[0].property, "ContainerDefinitions/*/Image");
    let container = &api.properties["ContainerDefinitions"][0];
    let uri = json!({ "Fn::GetAtt": ["compute.repository.api", "RepositoryUri"] });
    assert_eq!(container["Image"], json!({ "Fn::Join": ["", [uri, ":latest"]] }));
    assert_eq!(
        container["Secrets"],
        json!([
            { "Name": "APP_CONFIG", "ValueFrom": { "Ref": "security.secret.app-config" } },
            { "Name": "DATABASE_URL", "ValueFrom": { "Fn::Join": ["", [{ "Ref": "security.secret.db-credentials" }, ":url::"]] } },
        ])
    );
    let names: Vec<&Value> = container["Environment"].as_array().unwrap().iter().map(|pair| &pair["Name"]).collect();
    assert_eq!(names, ["NODE_ENV", "REDIS_HOST"]);
    assert_eq!(container["LogConfiguration"]["Options"]["awslogs-group"], json!({ "Ref": "monitoring.log-group.api" }));
    assert_eq!(container["HealthCheck"]["Command"], json!(["CMD-SHELL", "curl -fs http://localhost:3000/health"]));
    let worker = &at(&nodes, "compute.task-definition.worker").properties["ContainerDefinitions"][0];
    assert_eq!(worker["Command"], json!(["node", "worker.js"]));
    assert_eq!(worker.get("PortMappings"), None);
}

#[test]
fn every_option_is_valid_for_aws() {
    let mut value = freeside();
    value["container-insights"] = json!("enhanced");
    value["repository"]["api"] = json!({ "keep": 0, "encryption": "kms", "kms-key": "arn:aws:kms:us-east-1:123456789012:key/1", "immutable-tags": true, "empty-on-delete": true });
    let worker = &mut value["service"]["worker"];
    worker["architecture"] = json!("arm64");
    worker["ephemeral-storage"] = json!(50);
    worker["capacity"] = json!({ "spot": 1, "on-demand": 1, "on-demand-base": 1 });
    worker["tasks"] = json!({ "min": 0, "max": 20, "memory": 75.5, "scale-in-cooldown": 60 });
    worker["exec"] = json!(true);
    worker["read-only"] = json!(true);
    worker["user"] = json!("1000");
    worker["stop-timeout"] = json!(120);
    worker["entry-point"] = json!(["/bin/sh"]);
    worker["health-check"] = json!({ "command": ["/bin/check"], "interval": 10, "start-period": 30 });
    worker["circuit-breaker"] = json!(false);
    let (nodes, findings, _) = declared(value);
    assert_eq!(findings, []);
    for node in &nodes {
        assert_eq!(schema::validate(&node.type_name, &node.properties), [], "{}", node.address);
    }
    let check = &at(&nodes, "compute.task-definition.worker").properties["ContainerDefinitions"][0]["HealthCheck"];
    assert_eq!(check["Command"], json!(["CMD", "/bin/check"]));
    assert_eq!(at(&nodes, "compute.service.worker").properties["DesiredCount"], 0);
    assert_eq!(at(&nodes, "compute.repository.api").properties.get("LifecyclePolicy"), None);
}

#[test]
fn nothing_declares_nothing() {
    let (nodes, findings, _) = declared(json!({}));
    assert_eq!((nodes.len(), findings.len()), (0, 0));
}

#[test]
fn what_is_wrong_is_found_at_its_key() {
    // Where in the settings, the wrong value, the rule, the key, and words of message or hint.
    let cases = [
        ("/service/api/memory", json!(4000), "fargate-size", "compute.service.api.memory", "1024, 2048, 3072, 4096"),
        ("/service/api/cpu", json!(500), "fargate-size", "compute.service.api.cpu", "256, 512, 1024"),
        (
            "/service/api/tasks/desired",
            json!(11),
            "scaling-bounds",
            "compute.service.api.tasks.desired",
            "from 2 to 10",
        ),
        ("/service/api/tasks/max", json!(1), "scaling-bounds", "compute.service.api.tasks.max", "`max = 2` or more"),
        ("/service/api/tasks/cpu", json!(170), "scaling-target", "compute.service.api.tasks.cpu", "1 to 100"),
        (
            "/service/worker/tasks",
            json!({ "cpu": 70 }),
            "scaling-without-bounds",
            "compute.service.worker.tasks.cpu",
            "`min = 1`",
        ),
        (
            "/service/worker/tasks",
            json!({ "min": 1, "max": 3 }),
            "scaling-without-target",
            "compute.service.worker.tasks",
            "`cpu = 70`",
        ),
        (
            "/service/api/image",
            json!({ "repository": "apu" }),
            "unknown-repository",
            "compute.service.api.image.repository",
            "did you mean `api`?",
        ),
        ("/service/api/image", json!({}), "image-missing", "compute.service.api.image", "repository"),
        (
            "/service/api/image",
            json!({ "repository": "api", "uri": "x" }),
            "image-ambiguous",
            "compute.service.api.image.uri",
            "keep one",
        ),
        (
            "/service/api/image",
            json!({ "tag": "1", "uri": "x" }),
            "image-ambiguous",
            "compute.service.api.image.tag",
            "end of `uri`",
        ),
        (
            "/service/api/secrets/APP_CONFIG",
            json!("app-confg"),
            "unknown-secret",
            "compute.service.api.secrets.APP_CONFIG",
            "did you mean `app-config`?",
        ),
        (
            "/service/api/secrets/APP_CONFIG",
            json!("app-config:"),
            "secret-key",
            "compute.service.api.secrets.APP_CONFIG",
            "app-config:key",
        ),
        (
            "/service/api/environment",
            json!({ "APP_CONFIG": "1" }),
            "variable-twice",
            "compute.service.api.environment.APP_CONFIG",
            "keep one",
        ),
        ("/service/api/listen/port", json!(70000), "port", "compute.service.api.listen.port", "65535"),
        (
            "/service/api/listen",
            json!({ "port": 80, "path": "/x" }),
            "listen-unused",
            "compute.service.api.listen.path",
            "load-balancer",
        ),
        (
            "/service/worker/capacity",
            json!({ "spot": 0 }),
            "capacity-weights",
            "compute.service.worker.capacity",
            "both weights",
        ),
        ("/capacity", json!({ "spot": 1001 }), "capacity-weights", "compute.capacity.spot", "the most is 1000"),
        ("/service/worker/grace", json!(30), "grace-unused", "compute.service.worker.grace", "load balancer"),
        (
            "/service/worker/maximum-percent",
            json!(100),
            "deployment-stuck",
            "compute.service.worker.maximum-percent",
            "200",
        ),
        ("/service/worker/stop-timeout", json!(121), "stop-timeout", "compute.service.worker.stop-timeout", "1 to 120"),
        (
            "/service/worker/ephemeral-storage",
            json!(20),
            "ephemeral-storage",
            "compute.service.worker.ephemeral-storage",
            "21 to 200",
        ),
        (
            "/service/worker/health-check",
            json!({ "command": "" }),
            "health-check-command",
            "compute.service.worker.health-check.command",
            "curl",
        ),
        (
            "/service/worker/health-check",
            json!({ "command": "x", "interval": 1 }),
            "health-check",
            "compute.service.worker.health-check.interval",
            "5 to 300",
        ),
        (
            "/service/worker/allow",
            json!([{ "actions": [], "resources": ["*"] }]),
            "allow-empty",
            "compute.service.worker.allow.0.actions",
            "empty",
        ),
        ("/repository/api/kms-key", json!("arn"), "kms-key-unused", "compute.repository.api.kms-key", "kms"),
    ];
    for (place, value, rule, key, words) in cases {
        let mut wrong = freeside();
        let (parent, last) = place.rsplit_once('/').unwrap();
        wrong.pointer_mut(parent).unwrap()[last] = value;
        let (_, findings, _) = declared(wrong);
        let found: Vec<(&str, &str)> =
            findings.iter().map(|it| (it.rule.as_str(), it.key.as_deref().unwrap_or_default())).collect();
        assert_eq!(found.first(), Some(&(rule, key)), "{place}: {found:?}");
        let text = format!("{} {}", findings[0].message, findings[0].hint.as_deref().unwrap_or_default());
        assert!(text.contains(words), "{place}: {text}");
    }
}

#[test]
fn wrong_shapes_say_what_to_write() {
    let cases = [
        (json!({ "capacity": "sport" }), "write \"on-demand\", \"spot\", or weights"),
        (json!({ "container-insights": "on" }), "\"enhanced\""),
        (json!({ "service": { "api": { "image": {}, "health-check": { "command": 1 } } } }), "a list of words"),
        (json!({ "service": { "api": { "cpu": 256 } } }), "missing field `image`"),
        (json!({ "service": { "api": { "image": {}, "cpuu": 256 } } }), "unknown field `cpuu`"),
    ];
    for (value, words) in cases {
        let error = serde_json::from_value::<Settings>(value).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}
