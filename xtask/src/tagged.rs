//! What carries the environment's tags, and what of it is in no state.

use std::collections::BTreeSet;
use std::sync::Arc;

use engine::drift::{self, Unmanaged};
use engine::rebuild::Listed;
use engine::{Address, Failure, State, Surroundings};

use crate::app::App;
use crate::cli::CloudName;
use crate::error::Error;

/// Where AWS lists what has no region of its own.
pub const GLOBAL: &str = "us-east-1";

/// A region that could not be listed.
#[derive(Debug)]
pub struct Unlisted {
    /// The region.
    pub region: String,
    /// Why.
    pub failure: Failure,
}

impl From<Unlisted> for Error {
    fn from(Unlisted { region, failure }: Unlisted) -> Self {
        Self::told(format!("what carries the environment's tags in {region} cannot be listed"))
            .detail(&failure)
            .hint(failure.hint.unwrap_or_else(|| "allow tag:GetResources".to_owned()))
    }
}

/// The regions to list: those given, those of the state, and on AWS that of what has none.
pub fn regions(app: &App, state: &State, also: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    let mut regions: BTreeSet<String> = state.entries.values().map(|entry| entry.region.clone()).collect();
    regions.extend(state.deposed.iter().map(|entry| entry.region.clone()));
    regions.extend(also);
    if app.global.cloud == CloudName::Aws {
        regions.insert(GLOBAL.to_owned());
    }
    regions
}

/// All that carries the environment's tags in these regions.
pub async fn listed(surroundings: &Surroundings, regions: &BTreeSet<String>) -> Result<Vec<Listed>, Unlisted> {
    let mut listed: Vec<Listed> = Vec::new();
    for region in regions {
        let mut cx = surroundings.context(&Address::of("listing"), region, "");
        // With shared answers a context only reads.
        cx.memo = Some(Arc::default());
        let found = cloud::tags::listed(&cx).await.map_err(|failure| Unlisted { region: region.clone(), failure })?;
        for one in found {
            // What has no region is listed in each.
            if !listed.iter().any(|known| known.arn == one.arn) {
                listed.push(one);
            }
        }
    }
    Ok(listed)
}

/// What carries the environment's tags in these regions and is in no state.
pub async fn unmanaged(
    surroundings: &Surroundings,
    state: &State,
    regions: &BTreeSet<String>,
) -> Result<Vec<Unmanaged>, Unlisted> {
    let listed = listed(surroundings, regions).await?;
    let region = regions.first().cloned().unwrap_or_default();
    drift::unmanaged(surroundings, state, &listed).await.map_err(|(_, failure)| Unlisted { region, failure })
}
