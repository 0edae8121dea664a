//! Reading what is offered: one batch per type and region, all at once, answers shared.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::join_all;
use serde_json::Value;

use super::Candidate;
use crate::catalogue::{Handler, LiveValue};
use crate::context::{Memo, TAG_ADDRESS, TAG_ENVIRONMENT};
use crate::resource::Carried;
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
    /// It is what was offered by another spelling of its id already; in words.
    Twice(String),
}

/// A candidate, and what is known of it.
#[derive(Clone, Debug)]
pub(super) struct Thing {
    pub candidate: Candidate,
    pub found: Found,
    /// Its tags, where its type has no property for them.
    pub carried: Carried,
}

impl Thing {
    /// A candidate of which nothing is known yet.
    pub fn unread(candidate: Candidate) -> Self {
        Self { candidate, found: Found::Unread, carried: Carried::new() }
    }

    pub fn live(&self) -> Option<&LiveValue> {
        match &self.found {
            Found::There(live) => Some(live),
            _ => None,
        }
    }

    /// The environment and the address that its ownership tags name.
    pub fn owner(&self) -> (Option<&str>, Option<&str>) {
        let among = |key: &str| self.carried.iter().find(|(other, _)| other == key).map(|(_, value)| value.as_str());
        let tag = |key| {
            let live = self.live();
            live.and_then(|(properties, _)| tag(&self.candidate.type_name, properties, key)).or_else(|| among(key))
        };
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

/// What was brought of one id: what is there, the id that it really has, and tags.
struct Answer {
    found: Found,
    id: String,
    carried: Carried,
}

/// Reads those of the things that `chosen` names. A failure is kept with the things it is about. A thing that was asked
/// for by another spelling of its id gets its id.
pub(super) async fn read(things: &mut [Thing], chosen: &[usize], surroundings: &Surroundings, memo: &Arc<Memo>) {
    let mut groups: BTreeMap<(&str, &str), Vec<usize>> = BTreeMap::new();
    for &index in chosen {
        let candidate = &things[index].candidate;
        groups.entry((&candidate.type_name, &candidate.region)).or_default().push(index);
    }
    let reads = groups.into_iter().map(|((type_name, region), group)| {
        let ids: Vec<String> = group.iter().map(|&index| things[index].candidate.id.clone()).collect();
        async move {
            let answers = batch(type_name, region, ids, surroundings, memo).await;
            group.into_iter().zip(answers).collect::<Vec<_>>()
        }
    });
    let all: Vec<(usize, Answer)> = join_all(reads).await.into_iter().flatten().collect();
    for (index, answer) in all {
        let thing = &mut things[index];
        (thing.found, thing.candidate.id, thing.carried) = (answer.found, answer.id, answer.carried);
    }
}

async fn batch(
    type_name: &str,
    region: &str,
    ids: Vec<String>,
    surroundings: &Surroundings,
    memo: &Arc<Memo>,
) -> Vec<Answer> {
    let Some(handler) = surroundings.catalogue.get(type_name) else {
        let unknown = |id| Answer { found: Found::Failed(unknown_type(type_name)), id, carried: Carried::new() };
        return ids.into_iter().map(unknown).collect();
    };
    let mut cx = surroundings.context(&Address::of(""), region, "");
    cx.memo = Some(memo.clone());
    let found = live(handler.as_ref(), &ids, &cx).await;
    let answers = ids.into_iter().zip(found).map(|(id, found)| canonical(handler.as_ref(), id, found, &cx));
    let mut answers = join_all(answers).await;
    if schema::facts(type_name).and_then(schema::Facts::tag_property).is_none() {
        tag_all(handler.as_ref(), &mut answers, &cx).await;
    }
    answers
}

async fn live(handler: &dyn Handler, ids: &[String], cx: &Context) -> Vec<Found> {
    match handler.read(ids, cx).await {
        Ok(live) => live.into_iter().map(|live| live.map_or(Found::Gone, Found::There)).collect(),
        // One id that AWS does not take spoils the batch for the others.
        Err(failure) if ids.len() > 1 && matches!(failure.kind, FailureKind::Invalid | FailureKind::NotFound) => {
            join_all(ids.iter().map(|id| single(handler, id, cx))).await
        }
        Err(failure) => ids.iter().map(|_| failed(failure.clone())).collect(),
    }
}

async fn canonical(handler: &dyn Handler, id: String, found: Found, cx: &Context) -> Answer {
    let carried = Carried::new();
    let Found::There(live) = &found else { return Answer { found, id, carried } };
    match handler.canonical(&id, live, cx).await {
        Ok(id) => Answer { found, id, carried },
        Err(failure) => Answer { found: failed(failure), id, carried },
    }
}

/// Whose a thing is must be known before it is taken over: where that cannot be read, it counts as not read.
async fn tag_all(handler: &dyn Handler, answers: &mut [Answer], cx: &Context) {
    let mut there: Vec<&mut Answer> =
        answers.iter_mut().filter(|answer| matches!(answer.found, Found::There(_))).collect();
    if there.is_empty() {
        return;
    }
    let ids: Vec<String> = there.iter().map(|answer| answer.id.clone()).collect();
    match handler.carried(&ids, cx).await {
        Ok(all) => there.iter_mut().zip(all).for_each(|(answer, carried)| answer.carried = carried),
        Err(failure) => there.iter_mut().for_each(|answer| answer.found = failed(failure.clone())),
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
