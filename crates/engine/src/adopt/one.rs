//! Adopting one resource by its address and id.

use std::sync::Arc;

use futures::future::join_all;

use super::matching::{DerivedId, Matching};
use super::read::{self, Found, Thing};
use super::survey::matched;
use super::{By, Candidate, Match, Request, claim};
use crate::context::Memo;
use crate::state::Entry;
use crate::{Address, Failure};

/// Why a resource cannot be adopted.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The address is not declared.
    #[error("`{address}` is not declared")]
    Undeclared {
        /// What was asked for.
        address: String,
        /// An address that is near.
        near: Option<Address>,
    },
    /// The state has the address or the id already.
    #[error("`{}` is `{}` in the state already", .0.address, .0.id)]
    Already(Box<Entry>),
    /// There is no such thing.
    #[error("there is no {type_name} `{id}` in {region}")]
    Nothing {
        /// The declared type.
        type_name: String,
        /// The id.
        id: String,
        /// The region.
        region: String,
        /// Declared types of which a thing with this id is there.
        other: Vec<String>,
    },
    /// It belongs to another environment.
    #[error("`{id}` belongs to the environment {environment}: its tag says so")]
    Foreign {
        /// The id.
        id: String,
        /// The environment that the tag names.
        environment: String,
    },
    /// It could not be read.
    #[error("{0}")]
    Failed(Failure),
}

/// Finds out whether the thing with this id can be the declared resource of this address. Changes nothing. The match has
/// the id as it is told by what is there, which may be another than `id`: a name is taken where an ARN is the id.
pub async fn one(request: Request<'_>, address: &str, id: &str) -> Result<Match, Refusal> {
    let undeclared = |near| Refusal::Undeclared { address: address.to_owned(), near };
    let known = || request.graph.nodes.iter().map(|node| node.address.as_str());
    let node = request.graph.find(address);
    let node = node.ok_or_else(|| undeclared(schema::closest(address, known()).map(Address::of)))?;
    let declared = &request.graph.nodes[node];
    let refused = |id: &str| {
        let entry = taken(&request, &declared.address, &declared.type_name, &declared.region, id);
        let resumed =
            |entry: &Entry| claim::is_unfinished(entry) && entry.id == id && entry.address == declared.address;
        entry.filter(|entry| !resumed(entry)).map(|entry| Refusal::Already(Box::new(entry)))
    };
    if let Some(refusal) = refused(id) {
        return Err(refusal);
    }
    let candidate = Candidate {
        type_name: declared.type_name.clone(),
        region: declared.region.clone(),
        id: id.to_owned(),
        label: String::new(),
        implied: false,
    };
    let mut things = vec![Thing::unread(candidate)];
    read::read(&mut things, &[0], request.surroundings, &Arc::new(Memo::default())).await;
    let mut matching = Matching::new(request, things);
    matching.certain_of(node, 0);
    // What is declared may say it by the other spelling: then that is its id.
    if matching.ids[node] == DerivedId::Known(id.to_owned()) {
        matching.things[0].candidate.id = id.to_owned();
    }
    let thing = &matching.things[0];
    let nothing = |other| Refusal::Nothing {
        type_name: declared.type_name.clone(),
        id: id.to_owned(),
        region: declared.region.clone(),
        other,
    };
    let live = match &thing.found {
        Found::There(live) => live.clone(),
        Found::Failed(failure) if failure.may_pass() || failure.kind == crate::FailureKind::Denied => {
            return Err(Refusal::Failed(failure.clone()));
        }
        _ => return Err(nothing(other_types(&request, id, node).await)),
    };
    // It may have been asked for by another spelling than the state has.
    if let Some(refusal) = refused(&thing.candidate.id) {
        return Err(refusal);
    }
    match thing.owner().0 {
        Some(owner) if owner != &*request.surroundings.environment => {
            return Err(Refusal::Foreign { id: id.to_owned(), environment: owner.to_owned() });
        }
        _ => {}
    }
    Ok(matched(&request, node, &matching.declared[node], thing.candidate.clone(), By::Asked, live.clone(), &live.0))
}

/// What of the state has the address already, or else the id.
fn taken(request: &Request<'_>, address: &Address, type_name: &str, region: &str, id: &str) -> Option<Entry> {
    let entries = &request.state.entries;
    let same = |entry: &&Entry| entry.type_name == type_name && entry.region == region && entry.id == id;
    entries.get(address).or_else(|| entries.values().find(same)).cloned()
}

/// The declared types of which a thing with this id is there: most likely it was meant for another address.
async fn other_types(request: &Request<'_>, id: &str, node: usize) -> Vec<String> {
    let asked = &request.graph.nodes[node];
    let mut types: Vec<&str> = request.graph.nodes.iter().map(|node| node.type_name.as_str()).collect();
    types.sort_unstable();
    types.dedup();
    types.retain(|name| *name != asked.type_name);
    let reads = types.into_iter().map(|type_name| async move {
        let handler = request.surroundings.catalogue.get(type_name)?;
        let cx = request.surroundings.context(&asked.address, &asked.region, "");
        let live = handler.read(&[id.to_owned()], &cx).await.ok()?;
        live.into_iter().next().flatten().map(|_| type_name.to_owned())
    });
    join_all(reads).await.into_iter().flatten().collect()
}
