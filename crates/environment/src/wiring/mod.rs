//! Where the modules meet: what each needs of the others, filled in.
//!
//! The order follows the needs: secrets and log groups need nothing; repositories come before the roles that may pull
//! from them; the network before the stores that live in it; the stores before the secrets that learn their addresses;
//! services before the alarms on them.

mod access;
mod monitor;
mod network;
mod outputs;
mod services;

use std::collections::BTreeMap;

use engine::Stack;
use serde_json::Value;

use crate::Settings;

/// What the modules declared.
struct Declared {
    secrets: security::secrets::Outputs,
    logs: monitoring::Logs,
    repositories: BTreeMap<String, compute::RepositoryOutputs>,
    roles: security::roles::Outputs,
    network: networking::Outputs,
    storage: storage::Outputs,
    compute: compute::Outputs,
    topics: events::Outputs,
    monitoring: monitoring::Outputs,
}

/// Declares all resources of an environment; what it gives out, with intrinsics for references.
///
/// A network is made where the files have a section `[networking]` (`networked`), or something needs one.
pub(crate) fn declare(
    settings: &Settings,
    prefix: &str,
    networked: bool,
    stack: &mut Stack,
) -> BTreeMap<String, Value> {
    let secret_inputs = security::secrets::Inputs { prefix: prefix.to_owned() };
    let secrets = security::secrets::declare(&settings.security, &secret_inputs, stack);
    monitor::check_retention(settings, stack);
    let logs = monitoring::log_groups(&settings.monitoring, &monitor::log_inputs(settings, prefix), stack);
    let repositories = compute::declare_repositories(&settings.compute, prefix, stack);
    let roles = security::roles::declare(&access::roles(settings, prefix, &secrets, &logs, &repositories), stack);
    let writes_flow_logs = |log: &monitoring::LogOutput| security::roles::declare_flow_logs(prefix, &log.arn, stack);
    let flow_log_role = logs.flow_logs.as_ref().map(writes_flow_logs);

    let network_inputs = network::inputs(settings, prefix, &logs, flow_log_role.as_ref());
    let network = if networked || !network_inputs.workloads.is_empty() || !network_inputs.stores.is_empty() {
        networking::module::declare(&settings.networking, &network_inputs, stack)
    } else {
        networking::Outputs::default()
    };
    let arns: BTreeMap<String, String> =
        secrets.secrets.iter().map(|(name, secret)| (name.clone(), secret.handle.id())).collect();
    let stores = storage::Inputs {
        prefix: prefix.to_owned(),
        subnet_ids: network.store_subnets().to_vec(),
        security_groups: network.stores.clone(),
        secrets: arns.clone(),
    };
    let storage = storage::declare(&settings.storage, &stores, stack);
    let attachments = security::attachments::declare(&access::attachments(&storage, &secrets), stack);

    let service =
        |name: &String| (name.clone(), services::inputs(name, settings, &logs, &roles, &network, &attachments));
    let services = compute::Inputs {
        prefix: prefix.to_owned(),
        region: stack.region().to_owned(),
        services: settings.compute.service.keys().map(service).collect(),
        secrets: arns,
        repositories: repositories.clone(),
    };
    let compute = compute::declare(&settings.compute, &services, stack);

    let topics = events::declare(&settings.events, &events::Inputs { prefix: prefix.to_owned() }, stack);
    let watched = monitor::inputs(settings, prefix, &logs, &network, &storage, &compute, &topics, stack.region());
    let monitoring = monitoring::declare(&settings.monitoring, &watched, stack);
    outputs::collect(&Declared { secrets, logs, repositories, roles, network, storage, compute, topics, monitoring })
}
