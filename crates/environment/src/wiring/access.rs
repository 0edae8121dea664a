//! Who may use what: roles of services, and secrets of stores.

use std::collections::BTreeMap;

use compute::settings::Service;
use security::attachments::{Endpoint, StoreAccess};
use security::roles::{Allow, ServiceAccess};

use crate::Settings;

/// The names of the secrets that a service reads, each once.
pub fn secret_names(service: &Service) -> Vec<&str> {
    // `secret` is all of it, `secret:key` one key of its JSON.
    let mut names: Vec<&str> =
        service.secrets.values().map(|text| text.split(':').next().unwrap_or_default()).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// What the roles need.
pub fn roles(
    settings: &Settings,
    prefix: &str,
    secrets: &security::secrets::Outputs,
    logs: &monitoring::Logs,
    repositories: &BTreeMap<String, compute::RepositoryOutputs>,
) -> security::roles::Inputs {
    let service = |(name, service): (&String, &Service)| ServiceAccess {
        name: name.clone(),
        repository_arn: service
            .image
            .repository
            .as_ref()
            .and_then(|repository| repositories.get(repository))
            .map(|repository| repository.arn.clone()),
        log_group_arn: logs.services.get(name).map(|log| log.arn.clone()),
        // A name that is none is an error of the module that reads it.
        secret_arns: secret_names(service).into_iter().filter_map(|secret| secrets.arn(secret)).collect(),
        allow: service
            .allow
            .iter()
            .map(|allow| Allow { actions: allow.actions.clone(), resources: allow.resources.clone() })
            .collect(),
        exec: service.exec,
    };
    security::roles::Inputs {
        prefix: prefix.to_owned(),
        services: settings.compute.service.iter().map(service).collect(),
    }
}

/// The stores with a secret: it learns their addresses.
pub fn attachments(storage: &storage::Outputs, secrets: &security::secrets::Outputs) -> security::attachments::Inputs {
    let access = |(store, output): (&String, &storage::StoreOutput)| {
        let secret = output.credentials.clone()?;
        let secret_id = secrets.arn(&secret)?;
        let (host, port) = (output.host.clone(), output.port.to_string());
        let endpoint = match &output.username {
            Some(_) => Endpoint::Database {
                engine: output.engine.to_owned(),
                host,
                port,
                database: Some(output.database.clone()).filter(|database| !database.is_empty()),
                identifier: output.name.clone(),
            },
            None => Endpoint::Cache { host, port, tls: output.tls, password: true },
        };
        Some(StoreAccess { store: store.clone(), secret, secret_id, endpoint })
    };
    security::attachments::Inputs { stores: storage.stores.iter().filter_map(access).collect() }
}
