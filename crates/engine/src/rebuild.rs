//! The state of an environment, made again from what is there: by ownership tags and by names.
//!
//! Two ways lead to a resource. What is declared is looked for in the order of the graph
//! ([`Resource::find`](crate::Resource::find) without a token), its references resolved from what was found before it.
//! And what carries the environment's tags was listed by the layer above, by ARN: so also what is not declared any more
//! is found, and what has the same address twice. Nothing in the cloud is changed.
//!
//! What cannot be known again: properties that were declared once, are not declared any more and were not taken away
//! in the cloud. They count as AWS's own, as with everything that nobody ever declared.

mod entry;
mod pool;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use futures::StreamExt;
use futures::stream;
use serde::Serialize;
use serde_json::Value;

use crate::catalogue::LiveValue;
use crate::context::{Memo, TAG_ADDRESS};
use crate::intrinsic::{self, Reference};
use crate::plan::pseudo;
use crate::state::{Entry, Record};
use crate::surroundings::unknown_type;
use crate::{Address, Attributes, Failure, Graph, Node, Readiness, State, Surroundings, resource};

use pool::Pool;

/// How many resources are asked for at once.
const AT_ONCE: usize = 32;

/// Something that carries the environment's tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its ARN.
    pub arn: String,
    /// The region it was listed in.
    pub region: String,
    /// All its tags.
    pub tags: Vec<(String, String)>,
}

impl Listed {
    /// The address that its tags name.
    pub fn address(&self) -> Option<&str> {
        self.tags.iter().find(|(key, _)| key == TAG_ADDRESS).map(|(_, address)| address.as_str())
    }
}

/// What a state is made again from.
pub struct Sources<'a> {
    /// What is declared; an empty graph finds only what was listed.
    pub graph: &'a Graph,
    /// What the environment gives out.
    pub outputs: &'a BTreeMap<String, Value>,
    /// Pseudo parameters.
    pub pseudo: &'a BTreeMap<String, String>,
    /// What carries the environment's tags, in all its regions.
    pub listed: &'a [Listed],
    /// Regions in which to look for what no listing has, besides those of the graph, the state and the listing.
    pub regions: &'a [String],
}

/// Something that was found and does not become an entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Other {
    /// What it is: its ARN, or its id.
    pub what: String,
    /// The address its tags name.
    pub address: Option<String>,
    /// Why it does not become an entry.
    pub why: String,
    /// The operation that made it, where nothing is known of it but its tags.
    #[serde(skip)]
    operation: Option<String>,
}

/// A declared resource that was not found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// Its address.
    pub address: Address,
    /// Its type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Why not.
    pub why: String,
}

/// A state made again. [`Rebuilt::records`] put it down.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Rebuilt {
    /// The entries that the state did not have, in order of address.
    pub found: Vec<Entry>,
    /// Those of them that are not declared any more: the next plan deletes them.
    pub undeclared: BTreeSet<Address>,
    /// What another thing has taken the place of: the next plan deletes it.
    pub deposed: Vec<Entry>,
    /// What is declared and was not found: the next plan makes it.
    pub missing: Vec<Missing>,
    /// What carries the environment's tags and is left alone.
    pub others: Vec<Other>,
    /// What is found and not ready, and what AWS calls it so.
    pub unready: BTreeMap<Address, String>,
    /// The outputs, as far as they are known.
    pub outputs: BTreeMap<String, Value>,
    /// Entries that the state had, and whose deposed rivals it did not.
    #[serde(skip)]
    kept: Vec<Entry>,
    /// Whether the state lacked damaged records, and all that they can have told of was looked for.
    #[serde(skip)]
    mends: bool,
}

impl Rebuilt {
    /// Whether the state has all that is there.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty() && self.deposed.is_empty()
    }

    /// Leaves out what is not at these addresses, and the outputs.
    pub fn only(&mut self, addresses: &BTreeSet<&str>) {
        let there = |entry: &Entry| addresses.contains(entry.address.as_str());
        self.found.retain(there);
        self.deposed.retain(there);
        self.kept.retain(there);
        self.outputs.clear();
        self.mends = false;
    }

    /// What brings a state up to date with all that was found.
    pub fn records(&self) -> Vec<Record> {
        let adopted = |entry: &Entry| Record::Adopted(Box::new(entry.clone()));
        let mut records = Vec::new();
        // Whoever comes to the same address later takes the place of the one before, which so becomes deposed.
        for entry in &self.kept {
            records.push(Record::Forgot { address: entry.address.clone(), id: entry.id.clone() });
        }
        records.extend(self.deposed.iter().map(adopted));
        records.extend(self.found.iter().chain(&self.kept).map(adopted));
        if !self.outputs.is_empty() {
            records.push(Record::Outputs(self.outputs.clone()));
        }
        if self.mends {
            records.push(Record::Mended);
        }
        records
    }
}

/// Finds what the state does not have. Changes nothing; the state's own entries stay as they are.
///
/// # Errors
/// The first resource that could not be looked for or read: half a state would make the next deploy make things twice.
pub async fn rebuild(
    surroundings: &Surroundings,
    state: &State,
    sources: &Sources<'_>,
) -> Result<Rebuilt, (Address, Failure)> {
    let search = Search { surroundings, state, sources, memo: Arc::default() };
    search.run().await
}

/// What is known of a declared resource.
type Known = Option<(String, Attributes)>;

struct Search<'a> {
    surroundings: &'a Surroundings,
    state: &'a State,
    sources: &'a Sources<'a>,
    memo: Arc<Memo>,
}

impl Search<'_> {
    async fn run(&self) -> Result<Rebuilt, (Address, Failure)> {
        let graph = self.sources.graph;
        let mut rebuilt = Rebuilt { mends: self.state.damaged.is_some(), ..Rebuilt::default() };
        let mut pool = Pool::of(self, &mut rebuilt.others).await?;
        let mut known: Vec<Known> = vec![None; graph.nodes.len()];
        for level in levels(graph) {
            self.level(&level, &mut known, &mut pool, &mut rebuilt).await?;
        }
        self.undeclared(pool, &mut rebuilt);
        self.without_parts(&mut rebuilt);
        entry::infer_dependencies(&mut rebuilt, self.state);
        entry::withhold(&mut rebuilt);
        self.readiness(&mut rebuilt).await?;
        rebuilt.found.sort_by(|a, b| a.address.cmp(&b.address));
        rebuilt.missing.sort_by(|a, b| a.address.cmp(&b.address));
        rebuilt.outputs = self.outputs(&known);
        Ok(rebuilt)
    }

    /// Looks for the resources of one level, and takes up what is found.
    async fn level(
        &self,
        level: &[usize],
        known: &mut [Known],
        pool: &mut Pool,
        rebuilt: &mut Rebuilt,
    ) -> Result<(), (Address, Failure)> {
        let nodes = &self.sources.graph.nodes;
        let declared: Vec<Value> =
            level.iter().map(|&index| intrinsic::resolve(&nodes[index].properties, &self.lookup(known))).collect();
        let looked = level.iter().zip(&declared).map(|(&index, declared)| self.look(&nodes[index], declared));
        let looked: Vec<Result<Looked, (Address, Failure)>> = stream::iter(looked).buffered(AT_ONCE).collect().await;
        let looked = looked.into_iter().collect::<Result<Vec<Looked>, _>>()?;
        let found = level.iter().zip(&looked).filter_map(|(&index, looked)| match looked {
            Looked::Found(created) => Some((&nodes[index], created.id.as_str())),
            Looked::InState => Some((&nodes[index], self.state.entries.get(&nodes[index].address)?.id.as_str())),
            Looked::Nothing | Looked::Unknown(_) => None,
        });
        pool.read_also(self, found).await?;
        for ((&index, declared), looked) in level.iter().zip(&declared).zip(looked) {
            let node = &nodes[index];
            if let Some(entry) = self.state.entries.get(&node.address) {
                // The state may not have what it said of itself once it was ready.
                let mut attributes = entry.attributes.clone();
                attributes.extend(pool.attributes(node, &entry.id));
                known[index] = Some((entry.id.clone(), attributes));
                let rivals = pool.take_address(&node.address, self.state);
                let (deposed, others) = entry::rivals(rivals, &entry.id, Some(&entry.token));
                rebuilt.kept.extend((!deposed.is_empty()).then(|| entry.clone()));
                rebuilt.deposed.extend(deposed);
                rebuilt.others.extend(others);
                continue;
            }
            let (created, why) = match looked {
                Looked::Found(created) => (Some(created), "it was found, and is gone".to_owned()),
                Looked::Nothing => (None, "nothing there has its tags or its name".to_owned()),
                Looked::Unknown(why) => (None, why),
                Looked::InState => continue,
            };
            let mut candidates = pool.take_address(&node.address, self.state);
            if let Some(created) = &created
                && !candidates.iter().any(|one| one.id == created.id && one.type_name == node.type_name)
            {
                candidates.extend(pool.found(node, created));
            }
            let in_use = |id: &str| pool.mentions(id);
            let Some(best) = entry::best(&mut candidates, node, declared, created.as_ref(), &in_use) else {
                let (address, type_name) = (node.address.clone(), node.type_name.clone());
                rebuilt.missing.push(Missing { address, type_name, why });
                continue;
            };
            let mut entry = entry::declared(node, declared, &best, created.as_ref());
            entry.dependencies = self.sources.graph.dependencies(index);
            let (deposed, others) = entry::rivals(candidates, &entry.id, best.operation());
            rebuilt.deposed.extend(deposed);
            rebuilt.others.extend(others);
            known[index] = Some((entry.id.clone(), entry.attributes.clone()));
            rebuilt.found.push(entry);
        }
        Ok(())
    }

    /// Looks for one declared resource.
    async fn look(&self, node: &Node, declared: &Value) -> Result<Looked, (Address, Failure)> {
        if self.state.entries.contains_key(&node.address) {
            return Ok(Looked::InState);
        }
        if !intrinsic::is_known(declared) {
            let mut open: Vec<String> = intrinsic::references(declared)
                .into_iter()
                .map(|(_, reference)| reference.address.to_string())
                .collect();
            open.sort();
            open.dedup();
            return Ok(Looked::Unknown(format!("it refers to what was not found: {}", open.join(", "))));
        }
        let at = |failure| (node.address.clone(), failure);
        let handler = self.surroundings.catalogue.get(&node.type_name);
        let handler = handler.ok_or_else(|| at(unknown_type(&node.type_name)))?;
        let found = handler.find(declared, &self.context(&node.address, &node.region)).await.map_err(at)?;
        Ok(found.map_or(Looked::Nothing, Looked::Found))
    }

    /// The surroundings of a search: no operation's token, answers shared.
    fn context(&self, address: &Address, region: &str) -> crate::Context {
        let mut cx = self.surroundings.context(address, region, "");
        cx.memo = Some(self.memo.clone());
        cx
    }

    fn lookup<'k>(&'k self, known: &'k [Known]) -> impl Fn(&Reference) -> Option<Value> + 'k {
        move |reference| {
            let Some(index) = self.sources.graph.find(reference.address.as_str()) else {
                return pseudo(self.sources.pseudo, reference);
            };
            let (id, attributes) = known[index].as_ref()?;
            resource::value(id, attributes, reference.attribute.as_deref())
        }
    }

    /// What was listed, and neither is declared nor in the state.
    fn undeclared(&self, pool: Pool, rebuilt: &mut Rebuilt) {
        // What no tag names is listed under an address that may not be its own.
        let taken: BTreeSet<(String, String)> =
            rebuilt.found.iter().map(|entry| (entry.type_name.clone(), entry.id.clone())).collect();
        for (address, mut candidates) in pool.rest(self.state) {
            candidates.retain(|one| !taken.contains(&(one.type_name.clone(), one.id.clone())));
            if let Some(entry) = self.state.entries.get(&address) {
                let (deposed, others) = entry::rivals(candidates, &entry.id, Some(&entry.token));
                rebuilt.kept.extend((!deposed.is_empty()).then(|| entry.clone()));
                rebuilt.deposed.extend(deposed);
                rebuilt.others.extend(others);
                continue;
            }
            let Some(first) = candidates.pop() else { continue };
            let holds_data =
                self.surroundings.catalogue.get(&first.type_name).is_some_and(|handler| handler.facts().holds_data);
            let entry = entry::undeclared(&address, &first, holds_data);
            let (deposed, others) = entry::rivals(candidates, &entry.id, first.operation());
            rebuilt.deposed.extend(deposed);
            rebuilt.others.extend(others);
            rebuilt.undeclared.insert(address);
            rebuilt.found.push(entry);
        }
    }

    /// Marks what cannot be relied on as not finished: the next deploy waits for it, or says why it never will be.
    async fn readiness(&self, rebuilt: &mut Rebuilt) -> Result<(), (Address, Failure)> {
        let undeclared = rebuilt.undeclared.clone();
        let asked = rebuilt.found.iter().filter(|entry| !undeclared.contains(&entry.address)).map(|entry| async {
            let cx = self.context(&entry.address, &entry.region);
            match self.surroundings.catalogue.get(&entry.type_name) {
                Some(handler) => handler.ready(&entry.id, &cx).await,
                None => Err(unknown_type(&entry.type_name)),
            }
            .map(|readiness| (entry.address.clone(), readiness))
            .map_err(|failure| (entry.address.clone(), failure))
        });
        let answers: Vec<_> = stream::iter(asked.collect::<Vec<_>>()).buffered(AT_ONCE).collect().await;
        for answer in answers {
            let (address, readiness) = answer?;
            let (Readiness::Pending(what) | Readiness::Failed(what)) = readiness else { continue };
            rebuilt.found.iter_mut().filter(|entry| entry.address == address).for_each(|entry| entry.incomplete = true);
            rebuilt.unready.insert(address, what);
        }
        Ok(())
    }

    /// Takes out what AWS made as a part of a resource and gave its tags: a cache cluster of a replication group, a task of
    /// a service. It has the tag of the very operation that made the resource.
    fn without_parts(&self, rebuilt: &mut Rebuilt) {
        let entries = rebuilt.found.iter().chain(self.state.entries.values());
        let operations: BTreeSet<(&str, &str)> =
            entries.map(|entry| (entry.address.as_str(), entry.token.as_str())).collect();
        rebuilt.others.retain(|other| match (&other.address, &other.operation) {
            (Some(address), Some(operation)) => !operations.contains(&(address, operation)),
            _ => true,
        });
    }

    fn outputs(&self, known: &[Known]) -> BTreeMap<String, Value> {
        let lookup = self.lookup(known);
        let resolved =
            self.sources.outputs.iter().map(|(name, output)| (name.clone(), intrinsic::resolve(output, &lookup)));
        resolved.filter(|(_, output)| intrinsic::is_known(output)).collect()
    }
}

/// What a look for a declared resource brought.
enum Looked {
    /// The state has it.
    InState,
    /// It is there.
    Found(crate::Created),
    /// It is not there.
    Nothing,
    /// It could not be looked for; why.
    Unknown(String),
}

/// The nodes, each after all that it needs: those of one level need nothing of one another.
fn levels(graph: &Graph) -> Vec<Vec<usize>> {
    let mut level_of = vec![0; graph.nodes.len()];
    let mut levels: Vec<Vec<usize>> = Vec::new();
    for &index in &graph.order {
        let level = graph.edges[index].iter().map(|edge| level_of[edge.to] + 1).max().unwrap_or_default();
        level_of[index] = level;
        if levels.len() <= level {
            levels.resize_with(level + 1, Vec::new);
        }
        levels[level].push(index);
    }
    levels
}

/// Live values by what was asked for: type, region, id.
type Lives = HashMap<(String, String, String), LiveValue>;

impl Search<'_> {
    /// Reads many, one batch per type and region. What is gone is left out.
    async fn read(&self, wanted: BTreeSet<(String, String, String)>) -> Result<Lives, (Address, Failure)> {
        let mut groups: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
        for (type_name, region, id) in wanted {
            groups.entry((type_name, region)).or_default().push(id);
        }
        let reads = groups.into_iter().map(|((type_name, region), ids)| async move {
            // There is no one address: the error names the first id of the batch.
            let address = Address::of(&ids[0]);
            let handler = self.surroundings.catalogue.get(&type_name);
            let handler = handler.ok_or_else(|| (address.clone(), unknown_type(&type_name)))?;
            let cx = self.context(&address, &region);
            let lives = handler.read(&ids, &cx).await.map_err(|failure| (address, failure))?;
            let key = |id| (type_name.clone(), region.clone(), id);
            Ok(ids.into_iter().zip(lives).filter_map(|(id, live)| Some((key(id), live?))).collect::<Vec<_>>())
        });
        let answers: Vec<Result<Vec<_>, (Address, Failure)>> =
            stream::iter(reads.collect::<Vec<_>>()).buffered(AT_ONCE).collect().await;
        let mut lives = Lives::new();
        for answer in answers {
            lives.extend(answer?);
        }
        Ok(lives)
    }
}
