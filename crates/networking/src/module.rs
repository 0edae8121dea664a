//! From the `[networking]` section to resources: `declare` is the way in.

mod balancer_check;
mod balancing;
mod endpoints;
mod groups;
mod names;
mod ranges;
mod routing;
mod subnets;
#[cfg(test)]
mod tests;
mod wiring;

use cloud::{Handle, Stack};

use crate::settings::{Nat, Settings};

pub use wiring::{Balancer, FlowLogTarget, Health, Inputs, Listen, Outputs, Store, Subnets, Workload, WorkloadNetwork};

/// Declares the network: VPC, subnets, ways out, endpoints, security groups, load balancers with what is behind them.
///
/// What is wrong with the settings goes to `stack.findings`, each with its key; what can be declared nevertheless is.
pub fn declare(settings: &Settings, inputs: &Inputs, stack: &mut Stack) -> Outputs {
    let zones = ranges::zones(settings, &mut stack.findings);
    ranges::check(settings, &zones, &mut stack.findings);
    let network = subnets::declare(settings, &inputs.prefix, &zones, stack);
    endpoints::declare(settings, &inputs.prefix, &network, stack);
    endpoints::flow_logs(settings, &inputs.prefix, inputs.flow_logs.as_ref(), &network, stack);
    let groups = groups::declare(inputs, &network, stack);

    let mut outputs = Outputs {
        vpc_id: network.vpc.id(),
        cidr: settings.cidr.clone(),
        zones: zones.iter().map(|zone| format!("{}{zone}", stack.region())).collect(),
        subnets: network.subnets.clone(),
        stores: groups.stores.iter().map(|(name, group)| (name.clone(), group.get("GroupId"))).collect(),
        ..Outputs::default()
    };
    for workload in &inputs.workloads {
        if let Some(group) = groups.workloads.get(&workload.name) {
            outputs.workloads.insert(workload.name.clone(), place(workload, group, &network.subnets, stack));
        }
    }
    check_way_out(settings, inputs, stack);
    outputs.load_balancers = balancing::declare(settings, inputs, &network, &groups, &mut outputs.workloads, stack);
    outputs
}

/// Where a workload lives: in the private subnets, unless it is public or there are none.
fn place(workload: &Workload, group: &Handle, subnets: &Subnets, stack: &mut Stack) -> WorkloadNetwork {
    let public = workload.public || (subnets.private.is_empty() && subnets.intra.is_empty());
    let ids = match (public, subnets.private.is_empty()) {
        (true, _) => &subnets.public,
        (false, false) => &subnets.private,
        (false, true) => &subnets.intra,
    };
    if ids.is_empty() {
        let tier = if workload.public { "public" } else { "private" };
        let message = format!("`{}` has no subnets to live in", workload.key);
        let finding = stack.findings.error("workload-without-subnets", format!("networking.{tier}"), message);
        finding.hint(format!("add `{tier}` subnets, one in each zone: `{tier} = [\"10.0.1.0/24\", \"10.0.2.0/24\"]`"));
    }
    WorkloadNetwork {
        security_group: group.get("GroupId"),
        subnets: ids.clone(),
        assign_public_ip: public,
        ..WorkloadNetwork::default()
    }
}

/// The endpoints that a container needs to start without a way to the internet.
const NEEDED: &[&str] = &["ecr", "logs", "s3"];

/// Says so if workloads cannot start: without NAT and without endpoints they reach neither image nor log group.
fn check_way_out(settings: &Settings, inputs: &Inputs, stack: &mut Stack) {
    let inside = inputs.workloads.iter().any(|workload| !workload.public) && !settings.private.is_empty();
    if settings.nat != Nat::None || !inside {
        return;
    }
    let has = |name: &str| match name {
        "ecr" => {
            let both = |part: &str| settings.endpoints.iter().any(|endpoint| endpoint.ends_with(part));
            both("ecr.api") && both("ecr.dkr") || settings.endpoints.iter().any(|endpoint| endpoint == "ecr")
        }
        name => settings.endpoints.iter().any(|endpoint| endpoint == name || endpoint.ends_with(&format!(".{name}"))),
    };
    let missing: Vec<&str> = NEEDED.iter().copied().filter(|name| !has(name)).collect();
    if !missing.is_empty() {
        let message = format!("workloads in private subnets have no way to these services: {}", missing.join(", "));
        let list: Vec<String> = missing.iter().map(|name| format!("\"{name}\"")).collect();
        let hint = format!("write `nat = \"single\"`, or add to `endpoints`: {}", list.join(", "));
        stack.findings.warning("no-way-out", "networking.nat", message).hint(hint);
    }
}
