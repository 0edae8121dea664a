//! What the network must know of the rest.

use compute::settings::Service;
use networking::module::{FlowLogTarget, Health, Listen, Store, Workload};

use crate::Settings;

/// What the network needs.
pub fn inputs(
    settings: &Settings,
    prefix: &str,
    logs: &monitoring::Logs,
    flow_log_role: Option<&security::roles::DeclaredRole>,
) -> networking::Inputs {
    let flow_logs = logs.flow_logs.as_ref().zip(flow_log_role);
    networking::Inputs {
        prefix: prefix.to_owned(),
        flow_logs: flow_logs
            .map(|(log, role)| FlowLogTarget { log_group_name: log.name.clone(), role_arn: role.arn.clone() }),
        workloads: settings.compute.service.iter().map(workload).collect(),
        stores: stores(settings),
    }
}

fn workload((name, service): (&String, &Service)) -> Workload {
    // A port that is none is an error of `compute`.
    let port = service.listen.as_ref().and_then(|listen| u16::try_from(listen.port).ok());
    Workload {
        name: name.clone(),
        key: format!("compute.service.{name}"),
        port,
        load_balancer: service.listen.as_ref().and_then(listen),
        uses: service.uses.clone(),
        public: service.public,
    }
}

fn listen(listen: &compute::settings::Listen) -> Option<Listen> {
    let default = Health::default();
    Some(Listen {
        balancer: listen.load_balancer.clone()?,
        path: listen.path.clone(),
        host: listen.host.clone(),
        priority: listen.priority,
        health: Health {
            path: listen.health.clone().unwrap_or(default.path),
            interval_seconds: listen.health_interval.unwrap_or(default.interval_seconds),
            timeout_seconds: listen.health_timeout.unwrap_or(default.timeout_seconds),
            codes: listen.health_codes.clone().unwrap_or(default.codes),
            drain_seconds: listen.drain.unwrap_or(default.drain_seconds),
            healthy_threshold: listen.healthy_threshold.unwrap_or(default.healthy_threshold),
            unhealthy_threshold: listen.unhealthy_threshold.unwrap_or(default.unhealthy_threshold),
        },
    })
}

fn stores(settings: &Settings) -> Vec<Store> {
    let postgres = settings.storage.postgres.iter().map(|(name, store)| (format!("postgres.{name}"), store.port));
    let redis = settings.storage.redis.iter().map(|(name, store)| (format!("redis.{name}"), store.port));
    postgres.chain(redis).map(|(name, port)| Store { name, port }).collect()
}
