//! What logs, alarms and the dashboard must know of the rest.

use engine::Stack;
use monitoring::{Balanced, Cache, Database, FlowLogs, LoadBalancer, LogInputs, Service};

use crate::Settings;

/// Says so where a service asks for a retention of its own: log groups have the environment's only.
pub fn check_retention(settings: &Settings, stack: &mut Stack) {
    for (name, service) in &settings.compute.service {
        if let Some(days) = service.log_retention_days {
            let key = format!("compute.service.{name}.log-retention-days");
            let message = format!("the {days} days have no effect: a service's logs are kept as long as all others");
            stack.findings.error("no-effect", key, message).hint("write `monitoring.log-retention-days` instead");
        }
    }
}

/// What the log groups need.
pub fn log_inputs(settings: &Settings, prefix: &str) -> LogInputs {
    LogInputs {
        prefix: prefix.to_owned(),
        services: settings.compute.service.keys().cloned().collect(),
        flow_logs: settings.networking.flow_logs.as_ref().map(|logs| FlowLogs {
            retention_days: Some(logs.retention_days),
            key: "networking.flow-logs.retention-days".to_owned(),
        }),
        key: None,
    }
}

/// What the alarms and the dashboard need.
#[allow(clippy::too_many_arguments)]
pub fn inputs(
    settings: &Settings,
    prefix: &str,
    logs: &monitoring::Logs,
    network: &networking::Outputs,
    storage: &storage::Outputs,
    compute: &compute::Outputs,
    topics: &events::Outputs,
    region: &str,
) -> monitoring::Inputs {
    let load_balancer = |(name, balancer): (&String, &networking::module::Balancer)| LoadBalancer {
        name: name.clone(),
        full_name: balancer.full_name.clone(),
    };
    monitoring::Inputs {
        prefix: prefix.to_owned(),
        region: region.to_owned(),
        account: settings.account.clone(),
        container_insights: settings.compute.container_insights.value() != "disabled",
        services: compute.services.iter().map(|(name, service)| watched(name, service, compute, network)).collect(),
        load_balancers: network.load_balancers.iter().map(load_balancer).collect(),
        databases: storage.stores.iter().filter_map(|(name, store)| database(name, store, settings)).collect(),
        caches: storage.stores.iter().filter_map(|(name, store)| cache(name, store)).collect(),
        topics: topics.topics.iter().map(|(name, topic)| (name.clone(), topic.arn.clone())).collect(),
        logs: logs.clone(),
    }
}

fn watched(
    name: &str,
    service: &compute::ServiceOutputs,
    compute: &compute::Outputs,
    network: &networking::Outputs,
) -> Service {
    let balanced = network.workloads.get(name).and_then(|place| {
        let balancer = network.load_balancers.get(place.load_balancer.as_ref()?)?;
        let target_group = place.target_group_full_name.clone()?;
        Some(Balanced { load_balancer: balancer.full_name.clone(), target_group })
    });
    Service {
        name: name.to_owned(),
        cluster: compute.cluster_name.clone(),
        service_name: service.name.clone(),
        balanced,
    }
}

fn database(store: &str, output: &storage::StoreOutput, settings: &Settings) -> Option<Database> {
    let name = store.strip_prefix("postgres.")?;
    let parameter = settings.storage.postgres.get(name)?.parameters.get("max_connections");
    Some(Database {
        name: name.to_owned(),
        // The plain name, not a reference: an alarm does not wait for its database.
        identifier: output.name.clone(),
        engine: output.engine.to_owned(),
        class: output.class.clone(),
        max_connections: parameter.and_then(|value| value.text().parse().ok()),
        key: format!("storage.{store}"),
    })
}

fn cache(store: &str, output: &storage::StoreOutput) -> Option<Cache> {
    let name = store.strip_prefix("redis.")?;
    Some(Cache { name: name.to_owned(), cluster_ids: output.nodes.clone(), node: output.class.clone() })
}
