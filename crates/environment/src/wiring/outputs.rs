//! What an environment gives out: names and addresses that a person or another program asks for.

use std::collections::BTreeMap;

use engine::intrinsic;
use serde_json::Value;

use super::Declared;

/// All outputs by name: `load-balancer.main.url`, `postgres.main.host`.
pub fn collect(declared: &Declared) -> BTreeMap<String, Value> {
    let mut outputs = BTreeMap::new();
    let mut add = |name: String, value: &str| {
        if !value.is_empty() {
            outputs.insert(name, intrinsic::lower(Value::from(value)));
        }
    };
    let network = &declared.network;
    add("vpc.id".to_owned(), &network.vpc_id);
    for (name, balancer) in &network.load_balancers {
        add(format!("load-balancer.{name}.url"), &balancer.url);
        add(format!("load-balancer.{name}.dns-name"), &balancer.dns_name);
        add(format!("load-balancer.{name}.hosted-zone-id"), &balancer.hosted_zone_id);
    }
    if !declared.compute.services.is_empty() {
        add("cluster.name".to_owned(), &declared.compute.cluster_name);
    }
    for (name, service) in &declared.compute.services {
        add(format!("service.{name}.name"), &service.name);
        add(format!("service.{name}.task-definition"), &service.task_definition);
    }
    for (name, role) in &declared.roles.task {
        add(format!("service.{name}.role-arn"), &role.arn);
    }
    for (name, repository) in &declared.repositories {
        add(format!("repository.{name}.uri"), &repository.uri);
    }
    for (name, store) in &declared.storage.stores {
        add(format!("{name}.host"), &store.host);
        add(format!("{name}.port"), &store.port.to_string());
    }
    for (name, secret) in &declared.secrets.secrets {
        add(format!("secret.{name}.name"), &secret.name);
        add(format!("secret.{name}.arn"), &secret.handle.id());
    }
    for (name, log) in &declared.logs.services {
        add(format!("log-group.{name}.name"), &log.name);
    }
    for (name, topic) in &declared.topics.topics {
        add(format!("topic.{name}.arn"), &topic.arn);
    }
    if let Some(dashboard) = &declared.monitoring.dashboard {
        add("dashboard.name".to_owned(), dashboard);
    }
    if let Some(url) = &declared.monitoring.dashboard_url {
        add("dashboard.url".to_owned(), url);
    }
    outputs
}
