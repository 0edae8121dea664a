//! What carries the environment's tags, known by type and id, and read.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use futures::{StreamExt, stream};
use serde_json::Value;

use super::entry::Candidate;
use super::{AT_ONCE, Lives, Other, Search};
use crate::context::{TAG_ADDRESS, TAG_ENVIRONMENT, TAG_OPERATION};
use crate::{Address, Attributes, Created, Failure, FailureKind, Node, State};

/// Everything found so far that is not taken up yet.
#[derive(Default)]
pub(super) struct Pool {
    candidates: BTreeMap<Address, Vec<Candidate>>,
    lives: Lives,
    /// All texts that stand in the properties of what is there.
    mentioned: HashSet<String>,
}

impl Pool {
    /// Finds out type and id of all that was listed, and reads it. What has no type here goes to the others.
    pub async fn of(search: &Search<'_>, others: &mut Vec<Other>) -> Result<Self, (Address, Failure)> {
        let mut candidates = named(search, others).await?;
        candidates.extend(unlisted(search, others).await?);
        let wanted = candidates.iter().map(Candidate::key).collect();
        let mut pool = Self { lives: search.read(wanted).await?, ..Self::default() };
        for mut candidate in candidates {
            // What a listing still has and its service has not is gone, or it is of another type with such an ARN.
            let Some(live) = pool.lives.get(&candidate.key()) else { continue };
            candidate.live = live.clone();
            pool.candidates.entry(candidate.address.clone()).or_default().push(candidate);
        }
        pool.lives.values().for_each(|(properties, _)| mention(properties, &mut pool.mentioned));
        Ok(pool)
    }

    /// Reads what was found besides.
    pub async fn read_also<'n>(
        &mut self,
        search: &Search<'_>,
        found: impl Iterator<Item = (&'n Node, &'n str)>,
    ) -> Result<(), (Address, Failure)> {
        let key = |(node, id): (&Node, &str)| (node.type_name.clone(), node.region.clone(), id.to_owned());
        let wanted: BTreeSet<_> = found.map(key).filter(|key| !self.lives.contains_key(key)).collect();
        let lives = search.read(wanted).await?;
        lives.values().for_each(|(properties, _)| mention(properties, &mut self.mentioned));
        self.lives.extend(lives);
        Ok(())
    }

    /// What carries this address, without what the state has.
    pub fn take_address(&mut self, address: &Address, state: &State) -> Vec<Candidate> {
        let mut candidates = self.candidates.remove(address).unwrap_or_default();
        candidates.retain(|candidate| !has(state, candidate));
        candidates
    }

    /// What was found for a declared resource, as a candidate, with the tags that the listing had of it.
    pub fn found(&self, node: &Node, created: &Created) -> Option<Candidate> {
        let key = (node.type_name.clone(), node.region.clone(), created.id.clone());
        let live = self.lives.get(&key)?.clone();
        Some(Candidate {
            address: node.address.clone(),
            type_name: node.type_name.clone(),
            region: node.region.clone(),
            id: created.id.clone(),
            arn: None,
            tags: Vec::new(),
            live,
        })
    }

    /// The attributes that were read of a declared resource.
    pub fn attributes(&self, node: &Node, id: &str) -> Attributes {
        let key = (node.type_name.clone(), node.region.clone(), id.to_owned());
        self.lives.get(&key).map(|(_, attributes)| attributes.clone()).unwrap_or_default()
    }

    /// Whether something that is there refers to this id.
    pub fn mentions(&self, id: &str) -> bool {
        self.mentioned.contains(id)
    }

    /// What nobody took up.
    pub fn rest(self, state: &State) -> impl Iterator<Item = (Address, Vec<Candidate>)> {
        self.candidates.into_iter().map(move |(address, mut candidates)| {
            candidates.retain(|candidate| !has(state, candidate));
            // The one that something refers to comes last: it is the one in use.
            candidates.sort_by_key(|candidate| self.mentioned.contains(&candidate.id));
            (address, candidates)
        })
    }
}

fn has(state: &State, candidate: &Candidate) -> bool {
    state.entries.values().chain(&state.deposed).any(|entry| candidate.is(entry))
}

/// The things that the listed ARNs name.
async fn named(search: &Search<'_>, others: &mut Vec<Other>) -> Result<Vec<Candidate>, (Address, Failure)> {
    let asked = search.sources.listed.iter().map(|listed| async move {
        let tag = |wanted: &str| listed.tags.iter().find(|(key, _)| key == wanted).map(|(_, value)| value.as_str());
        if tag(TAG_ENVIRONMENT) != Some(&*search.surroundings.environment) {
            return Ok(Err(None));
        }
        let other = |why: &str| {
            Ok(Err(Some(Other {
                what: listed.arn.clone(),
                address: tag(TAG_ADDRESS).map(str::to_owned),
                why: why.to_owned(),
                operation: tag(TAG_OPERATION).filter(|token| !token.is_empty()).map(str::to_owned),
            })))
        };
        let Some(address) = tag(TAG_ADDRESS).and_then(|address| Address::parse(address).ok()) else {
            return other("its tags name no address");
        };
        let declared = search.sources.graph.find(address.as_str()).map(|index| &search.sources.graph.nodes[index]);
        // What has no region of its own is where it is declared.
        let global = listed.arn.split(':').nth(3).is_some_and(str::is_empty);
        let region = declared.filter(|_| global).map_or(&listed.region, |node| &node.region);
        let cx = search.context(&address, region);
        let mut found = Vec::new();
        for type_name in search.surroundings.catalogue.types() {
            let Some(handler) = search.surroundings.catalogue.get(type_name) else { continue };
            let id = handler.of_arn(&listed.arn, &cx).await.map_err(|failure| (address.clone(), failure))?;
            found.extend(id.map(|id| Candidate {
                address: address.clone(),
                type_name: type_name.to_owned(),
                region: region.clone(),
                id,
                arn: Some(listed.arn.clone()),
                tags: listed.tags.clone(),
                live: Default::default(),
            }));
        }
        if found.is_empty() { other("no resource type here has such ARNs") } else { Ok(Ok(found)) }
    });
    let answers: Vec<Answer> = stream::iter(asked.collect::<Vec<_>>()).buffered(AT_ONCE).collect().await;
    let mut candidates = Vec::new();
    for answer in answers {
        match answer? {
            Ok(found) => candidates.extend(found),
            Err(other) => others.extend(other),
        }
    }
    Ok(candidates)
}

/// The things of types that listings by tags leave out.
async fn unlisted(search: &Search<'_>, others: &mut Vec<Other>) -> Result<Vec<Candidate>, (Address, Failure)> {
    let sources = search.sources;
    let declared = sources.graph.nodes.iter().map(|node| node.region.as_str());
    let mut regions: Vec<&str> = sources.regions.iter().map(String::as_str).chain(declared).collect();
    regions.extend(search.state.entries.values().map(|entry| entry.region.as_str()));
    regions.extend(sources.listed.iter().map(|listed| listed.region.as_str()));
    let regions: BTreeSet<&str> = regions.into_iter().collect();
    let mut candidates: Vec<Candidate> = Vec::new();
    for region in regions {
        for type_name in search.surroundings.catalogue.types() {
            let Some(handler) = search.surroundings.catalogue.get(type_name) else { continue };
            let nowhere = Address::of(type_name);
            let cx = search.context(&nowhere, region);
            let tagged = match handler.unlisted(&cx).await {
                // What is declared is found by its name all the same.
                Err(failure) if failure.kind == FailureKind::Denied => {
                    let (address, operation) = (None, None);
                    let why = format!("what is not declared any more cannot be listed: {failure}");
                    others.push(Other { what: type_name.to_owned(), address, why, operation });
                    continue;
                }
                answer => answer.map_err(|failure| (nowhere.clone(), failure))?,
            };
            for tagged in tagged {
                let tag = |wanted: &str| tagged.tags.iter().find(|(key, _)| key == wanted).map(|(_, v)| v.as_str());
                let ours = tag(TAG_ENVIRONMENT) == Some(&*search.surroundings.environment);
                let Some(address) = tag(TAG_ADDRESS).filter(|_| ours).and_then(|text| Address::parse(text).ok()) else {
                    continue;
                };
                // What has no region of its own is found from each of them.
                if candidates.iter().any(|one| one.type_name == type_name && one.id == tagged.id) {
                    continue;
                }
                let node = sources.graph.find(address.as_str()).map(|index| &sources.graph.nodes[index]);
                let region = node.map_or_else(|| region.to_owned(), |node| node.region.clone());
                let (type_name, id, tags) = (type_name.to_owned(), tagged.id, tagged.tags);
                let live = Default::default();
                candidates.push(Candidate { address, type_name, region, id, arn: None, tags, live });
            }
        }
    }
    Ok(candidates)
}

/// Notes all texts within a value.
fn mention(value: &Value, texts: &mut HashSet<String>) {
    match value {
        Value::String(text) => drop(texts.insert(text.clone())),
        Value::Array(items) => items.iter().for_each(|item| mention(item, texts)),
        Value::Object(map) => map.values().for_each(|item| mention(item, texts)),
        _ => {}
    }
}

/// What one listed thing may be; what it is instead; or who could not be asked.
type Answer = Result<Result<Vec<Candidate>, Option<Other>>, (Address, Failure)>;
