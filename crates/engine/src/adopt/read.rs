//! Reading what is offered: one batch per type and region, all at once, answers shared.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join_all;
use serde_json::Value;

use super::Candidate;
use crate::catalogue::{Handler, LiveValue};
use crate::context::{Memo, TAG_ADDRESS, TAG_ENVIRONMENT};
use crate::surroundings::{Surroundings, unknown_type};
use crate::{Address, Context, Failure, FailureKind};

/// What reading a candidate brought.
#[derive(Clone, Debug)]
pub(super) enum Found {
    /// It was not read.
    Unread,
    /// It is gone.
    Gone,
    /// It could not be read.
    Failed(Failure),
    /// It is there.
    There(LiveValue),
}

/// A candidate, and what is known of it.
#[derive(Clone, Debug)]
pub(super) struct Thing {
    pub candidate: Candidate,
    pub found: Found,
}

impl Thing {
    pub fn live(&self) -> Option<&LiveValue> {
        match &self.found {
            Found::There(live) => Some(live),
            _ => None,
        }
    }

    /// The environment and the address that its ownership tags name.
    pub fn owner(&self) -> (Option<&str>, Option<&str>) {
        let tag = |key| self.live().and_then(|(properties, _)| tag(&self.candidate.type_name, properties, key));
        (tag(TAG_ENVIRONMENT), tag(TAG_ADDRESS))
    }
}

/// The value of a tag among properties.
pub(super) fn tag<'a>(type_name: &str, properties: &'a Value, key: &str) -> Option<&'a str> {
    let (property, shape) = schema::facts(type_name)?.tag_property()?;
    let tags = properties.get(property)?;
    match shape {
        schema::TagShape::Map => tags.get(key)?.as_str(),
        schema::TagShape::List => tags.as_array()?.iter().find(|tag| tag["Key"] == key)?["Value"].as_str(),
    }
}

/// Reads those of the things that `chosen` names. A failure is kept with the things it is about.
pub(super) async fn read(things: &mut [Thing], chosen: &[usize], surroundings: &Surroundings, memo: &Arc<Memo>) {
    let mut groups: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for &index in chosen {
        let candidate = &things[index].candidate;
        groups.entry((&candidate.type_name, &candidate.region)).or_default().push(index);
    }
    let reads = groups.into_iter().map(|((type_name, region), group)| {
        let ids: Vec<String> = group.iter().map(|&index| things[index].candidate.id.clone()).collect();
        async move {
            let found = batch(type_name, region, &ids, surroundings, memo).await;
            group.into_iter().zip(found).collect::<Vec<_>>()
        }
    });
    let all: Vec<(usize, Found)> = join_all(reads).await.into_iter().flatten().collect();
    for (index, found) in all {
        things[index].found = found;
    }
}

async fn batch(
    type_name: &str,
    region: &str,
    ids: &[String],
    surroundings: &Surroundings,
    memo: &Arc<Memo>,
) -> Vec<Found> {
    let Some(handler) = surroundings.catalogue.get(type_name) else {
        return ids.iter().map(|_| Found::Failed(unknown_type(type_name))).collect();
    };
    let mut cx = surroundings.context(&Address::of(""), region, "");
    cx.memo = Some(memo.clone());
    match handler.read(ids, &cx).await {
        Ok(live) => live.into_iter().map(|live| live.map_or(Found::Gone, Found::There)).collect(),
        // One id that AWS does not take spoils the batch for the others.
        Err(failure) if ids.len() > 1 && matches!(failure.kind, FailureKind::Invalid | FailureKind::NotFound) => {
            join_all(ids.iter().map(|id| single(handler.as_ref(), id, &cx))).await
        }
        Err(failure) => ids.iter().map(|_| failed(failure.clone())).collect(),
    }
}

async fn single(handler: &dyn Handler, id: &String, cx: &Context) -> Found {
    match handler.read(std::slice::from_ref(id), cx).await {
        Ok(live) => live.into_iter().next().flatten().map_or(Found::Gone, Found::There),
        Err(failure) => failed(failure),
    }
}

fn failed(failure: Failure) -> Found {
    if failure.is_not_found() { Found::Gone } else { Found::Failed(failure) }
}
