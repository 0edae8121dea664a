//! After a crash: what became of the operations that were begun and not seen to their end.

use std::time::Duration;

use serde_json::Value;

use crate::catalogue::Handler;
use crate::event::{Event, Events};
use crate::state::{Intent, Record, Work};
use crate::surroundings::{Surroundings, unknown_type};
use crate::{Address, Context, Created, Failure, State};

/// How often a creation that cannot be found is looked for again: AWS may show it late.
pub(crate) const LOOKS: u32 = 4;

/// Looks into every pending operation and brings the state up to date; returns the records that
/// say so, for the journal. Changes nothing in the cloud.
pub async fn recover(
    state: &mut State,
    surroundings: &Surroundings,
    events: &Events,
) -> Result<Vec<Record>, (Address, Failure)> {
    let pending: Vec<Intent> = state.pending.values().cloned().collect();
    let looked = futures::future::join_all(pending.iter().map(|intent| look(intent, state, surroundings))).await;
    let mut records = Vec::new();
    for (intent, found) in pending.iter().zip(looked) {
        let address = &intent.entry.address;
        let (found, more) = found.map_err(|failure| (address.clone(), failure))?;
        events.tell(Event::Recovered { address: address.clone(), found });
        records.extend(more);
    }
    records.iter().for_each(|record| state.apply(record));
    Ok(records)
}

async fn look(intent: &Intent, state: &State, surroundings: &Surroundings) -> Result<(String, Vec<Record>), Failure> {
    let token = &intent.token;
    let closed = |without_effect| Record::Failed {
        token: token.clone(),
        why: "the run was cut off".to_owned(),
        without_effect,
        broken: false,
    };
    let entry = &intent.entry;
    if intent.work != Work::Create {
        return Ok((format!("its {} was cut off", intent.work.as_str()), vec![closed(false)]));
    }
    if state.entries.get(&entry.address).is_some_and(|made| made.token == *token) {
        return Ok(("it was made, and is now finished".to_owned(), vec![closed(false)]));
    }
    let handler = surroundings.catalogue.get(&entry.type_name).ok_or_else(|| unknown_type(&entry.type_name))?;
    let cx = surroundings.context(&entry.address, &entry.region, token);
    match find(handler.as_ref(), &entry.properties, &cx, LOOKS, surroundings.between_looks).await? {
        Some(created) => {
            let found = format!("its interrupted creation had happened: {}", created.id);
            let made = Record::Made { token: token.clone(), created };
            Ok((found, vec![made, closed(false)]))
        }
        None => Ok(("its interrupted creation had not happened".to_owned(), vec![closed(true)])),
    }
}

/// Looks for what a creation made whose answer never came, more than once: AWS may show it late.
pub(crate) async fn find(
    handler: &dyn Handler,
    properties: &Value,
    cx: &Context,
    looks: u32,
    between: Duration,
) -> Result<Option<Created>, Failure> {
    for look in 1..=looks {
        let found = handler.find(properties, cx).await?;
        if found.is_some() || between.is_zero() || look == looks {
            return Ok(found);
        }
        tokio::time::sleep(between).await;
    }
    Ok(None)
}
