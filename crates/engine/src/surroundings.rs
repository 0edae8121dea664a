//! What every operation of a run shares, and the reading of what is there.

use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;

use crate::catalogue::LiveValue;
use crate::context::Memo;
use crate::state::Entry;
use crate::{Address, Catalogue, Context, Failure, State};

/// What every operation of a run shares.
#[derive(Clone)]
pub struct Surroundings {
    /// The environment, `system/environment`.
    pub environment: Arc<str>,
    /// The types.
    pub catalogue: Arc<Catalogue>,
    /// The clients of the layer above.
    pub services: Arc<dyn Any + Send + Sync>,
    /// How long things take here: 1 on AWS.
    pub time_scale: f64,
    /// How long to wait before looking again for what a creation without an answer may have made: the call may still be
    /// on its way, and what it makes is shown late. Zero: one look is enough.
    pub between_looks: Duration,
}

/// A random operation token: 128 bits as hexadecimal digits.
pub fn new_token() -> Result<String, Failure> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(|error| Failure::invalid(format!("no random numbers: {error}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

impl Surroundings {
    /// The context of one operation.
    pub fn context(&self, address: &Address, region: &str, token: &str) -> Context {
        Context {
            environment: self.environment.clone(),
            region: region.into(),
            address: address.clone(),
            token: token.into(),
            services: self.services.clone(),
            memo: None,
        }
    }

    /// Reads everything that the state holds: one batched read per type and region, all at once.
    ///
    /// The error names a resource of the group that could not be read.
    pub async fn refresh(&self, state: &State) -> Result<HashMap<Address, Option<LiveValue>>, (Address, Failure)> {
        let mut groups: BTreeMap<(&str, &str), Vec<&Entry>> = BTreeMap::new();
        for entry in state.entries.values() {
            groups.entry((&entry.type_name, &entry.region)).or_default().push(entry);
        }
        let memo = Arc::new(Memo::default());
        let reads = groups.into_iter().map(|((type_name, region), entries)| {
            let memo = memo.clone();
            async move {
                let first = entries[0];
                let Some(handler) = self.catalogue.get(type_name) else {
                    return Err((first.address.clone(), unknown_type(type_name)));
                };
                let mut cx = self.context(&first.address, region, &first.token);
                cx.memo = Some(memo);
                let ids: Vec<String> = entries.iter().map(|entry| entry.id.clone()).collect();
                let live = handler.read(&ids, &cx).await.map_err(|failure| (first.address.clone(), failure))?;
                Ok(entries.into_iter().map(|entry| entry.address.clone()).zip(live).collect::<Vec<_>>())
            }
        });
        let mut all = HashMap::new();
        for group in join_all(reads).await {
            all.extend(group?);
        }
        Ok(all)
    }
}

pub(crate) fn unknown_type(type_name: &str) -> Failure {
    Failure::invalid(format!("no handler for the type {type_name}"))
}
