//! What each service gets of the other modules.

use compute::ServiceInputs;

use super::access;
use crate::Settings;

/// The inputs of the service of a name.
pub fn inputs(
    name: &str,
    settings: &Settings,
    logs: &monitoring::Logs,
    roles: &security::roles::Outputs,
    network: &networking::Outputs,
    attachments: &security::attachments::Outputs,
) -> ServiceInputs {
    let place = network.workloads.get(name).cloned().unwrap_or_default();
    let secrets = settings.compute.service.get(name).map(access::secret_names).unwrap_or_default();
    ServiceInputs {
        subnets: place.subnets,
        assign_public_ip: place.assign_public_ip,
        security_group: Some(place.security_group).filter(|id| !id.is_empty()),
        target_group: place.target_group_arn,
        listeners: place.listeners,
        // Tasks read `host` and `url` of a secret when they start: the store must have told its address by then.
        waits_for: secrets.iter().filter_map(|secret| attachments.attachments.get(*secret)).cloned().collect(),
        execution_role: roles.execution.get(name).map(|role| role.arn.clone()),
        task_role: roles.task.get(name).map(|role| role.arn.clone()),
        log_group: logs.services.get(name).map(|log| log.name.clone()),
        ..ServiceInputs::default()
    }
}
