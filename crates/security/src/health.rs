//! Health: secrets that have no value yet, so that no task that reads them can start.

use std::collections::HashMap;

use cloud::{Address, Context, Failure, Resource};
use engine::health::{Check, Status};
use futures::future::join_all;
use serde_json::Value;

use crate::secret::{self, Secret};

/// The stage of the version that is read unless another is asked for.
const CURRENT: &str = "AWSCURRENT";

/// Looks at the secrets among the resources (address, type, id, what was applied). No value is read.
pub async fn check(resources: &[(Address, String, String, Value)], cx: &Context) -> Vec<Check> {
    let secrets: Vec<(&Address, &str)> = resources
        .iter()
        .filter(|(_, type_name, ..)| type_name == Secret::TYPE)
        .map(|(address, _, id, _)| (address, id.as_str()))
        .collect();
    let listed = match stages_listed(secrets.len(), cx).await {
        Ok(listed) => listed,
        Err(failure) => return secrets.into_iter().map(|(address, _)| unknown(address, &failure)).collect(),
    };
    let look = secrets.into_iter().map(|(address, id)| {
        let listed = &listed;
        async move {
            match listed.get(id) {
                Some(stages) => judge(address, Some(stages)),
                // Not in the listing: of other tags, just made, or gone.
                None => match stages_of(id, cx).await {
                    Ok(stages) => judge(address, stages.as_deref()),
                    Err(failure) => unknown(address, &failure),
                },
            }
        }
    });
    join_all(look).await
}

type Stages = Vec<String>;

async fn stages_listed(count: usize, cx: &Context) -> Result<HashMap<String, Stages>, Failure> {
    let secrets = secret::list_for(count, cx).await?;
    let stages = secrets.iter().flat_map(|secrets| secrets.iter()).filter_map(|secret| {
        let versions = secret.secret_versions_to_stages();
        Some((secret.arn.clone()?, versions.into_iter().flat_map(HashMap::values).flatten().cloned().collect()))
    });
    Ok(stages.collect())
}

async fn stages_of(id: &str, cx: &Context) -> Result<Option<Stages>, Failure> {
    let secret = secret::describe(id, cx).await?;
    Ok(secret.map(|secret| {
        let versions = secret.version_ids_to_stages();
        versions.into_iter().flat_map(HashMap::values).flatten().cloned().collect()
    }))
}

/// The secret's name in the environment file.
fn name(address: &Address) -> &str {
    address.as_str().strip_prefix("security.secret.").unwrap_or(address.as_str())
}

fn judge(address: &Address, stages: Option<&[String]>) -> Check {
    let short = name(address);
    let (status, detail, hint) = match stages {
        Some(stages) if stages.iter().any(|stage| stage == CURRENT) => (Status::Healthy, "it has a value", None),
        Some(_) => {
            let hint = format!("set it: cargo xtask set-secret {short}");
            // Whether that hurts, the services that read it say themselves.
            (Status::Unknown, "it has no value yet: tasks that read it cannot start", Some(hint))
        }
        None => {
            let hint = "make or restore it: cargo xtask deploy-full".to_owned();
            (Status::Unhealthy, "it is gone, or waits for its deletion", Some(hint))
        }
    };
    Check { name: format!("secret {short}"), address: address.clone(), status, detail: detail.to_owned(), hint }
}

fn unknown(address: &Address, failure: &Failure) -> Check {
    Check {
        name: format!("secret {}", name(address)),
        address: address.clone(),
        status: Status::Unknown,
        detail: failure.to_string(),
        hint: failure.hint.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_without_a_value_is_not_well() {
        let address = Address::of("security.secret.app-config");
        let stages = |stages: &[&str]| stages.iter().map(|stage| (*stage).to_owned()).collect::<Stages>();
        let cases = [
            (Some(stages(&["AWSCURRENT", "AWSPREVIOUS"])), Status::Healthy),
            (Some(stages(&[])), Status::Unknown),
            (Some(stages(&["AWSPENDING"])), Status::Unknown),
            (None, Status::Unhealthy),
        ];
        for (stages, status) in cases {
            let check = judge(&address, stages.as_deref());
            assert_eq!(check.status, status);
            assert_eq!(check.name, "secret app-config");
            assert_eq!(check.hint.is_some(), status != Status::Healthy);
        }
    }
}
