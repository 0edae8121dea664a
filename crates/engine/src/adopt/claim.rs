//! Taking over what matched: written down first, then marked as ours in the cloud.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::stream::{self, StreamExt};
use serde_json::{Value, json};

use super::{By, Candidate, Match, Request, fit, survey};
use crate::context::{TAG_ADDRESS, TAG_ENVIRONMENT};
use crate::session::SessionError;
use crate::state::{Entry, Record};
use crate::surroundings::{Surroundings, new_token, unknown_type};
use crate::{Address, Failure, Graph, Node, Session, State};

/// How many resources are marked at once: a bound on sockets.
const AT_ONCE: usize = 16;
/// How often marking is tried while its failure may pass.
const TRIES: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// What became of taking over.
#[derive(Clone, Debug, Default)]
pub struct Adopted {
    /// What is ours now, in the order given.
    pub done: Vec<Address>,
    /// What is in the state, and could not be marked as ours: the same again tries it again.
    pub unmarked: Vec<(Address, Failure)>,
}

/// Takes over what matched.
///
/// Each is written to the state as incomplete before anything is called, then gets the ownership tags and nothing else,
/// then is written as complete. A run that is cut off in between leaves [`unfinished`] entries: the next import, or
/// [`finish`], goes on with them.
pub async fn carry_out(
    session: &mut Session,
    graph: &Graph,
    surroundings: &Surroundings,
    matched: &[Match],
    command: &str,
) -> Result<Adopted, SessionError> {
    if matched.is_empty() {
        return Ok(Adopted::default());
    }
    let mut entries = Vec::with_capacity(matched.len());
    for one in matched {
        entries.push(entry(graph, surroundings, one).map_err(|failure| (one.address.clone(), failure))?);
    }
    let time = jiff::Timestamp::now().to_string();
    let began = Record::Began { time, command: command.to_owned(), cloud: session.state.cloud.clone() };
    let begun = entries.iter().map(|entry| Record::Adopted(Box::new(Entry { incomplete: true, ..entry.clone() })));
    session.record(&[began].into_iter().chain(begun).collect::<Vec<_>>()).await?;

    // What only its tags make a resource of its own goes first: until then another may take it for its own part.
    let (first, rest): (Vec<usize>, Vec<usize>) =
        (0..matched.len()).partition(|&index| tag_property(&entries[index].type_name).is_none());
    let mut marked: BTreeMap<usize, Result<(), Failure>> = BTreeMap::new();
    for some in [first, rest] {
        let marks = some.into_iter().map(|index| {
            let (one, entry) = (&matched[index], &entries[index]);
            let node = &graph.nodes[one.node];
            async move { (index, persistently(surroundings, || mark(one, node, entry, surroundings)).await) }
        });
        marked.extend(stream::iter(marks).buffer_unordered(AT_ONCE).collect::<Vec<_>>().await);
    }
    let mut adopted = Adopted::default();
    let mut records = Vec::new();
    for (index, result) in marked {
        let entry = &entries[index];
        match result {
            Ok(()) => {
                records.push(Record::Adopted(Box::new(entry.clone())));
                adopted.done.push(entry.address.clone());
            }
            Err(failure) => adopted.unmarked.push((entry.address.clone(), failure)),
        }
    }
    session.record(&records).await?;
    Ok(adopted)
}

/// What the tokens of adoptions begin with: so one that was cut off can be told from a deploy that was.
const TOKEN: &str = "adopt-";

fn token() -> Result<String, Failure> {
    let mut token = new_token()?;
    token.replace_range(..TOKEN.len(), TOKEN);
    Ok(token)
}

/// Whether an entry was written down by an adoption that was cut off before it was seen to its end.
pub(super) fn is_unfinished(entry: &Entry) -> bool {
    entry.incomplete && entry.token.starts_with(TOKEN)
}

/// What adoptions that were cut off left to do.
pub fn unfinished(state: &State) -> Vec<Candidate> {
    let candidate = |entry: &Entry| Candidate {
        type_name: entry.type_name.clone(),
        region: entry.region.clone(),
        id: entry.id.clone(),
        label: String::new(),
        implied: false,
    };
    state.entries.values().filter(|entry| is_unfinished(entry)).map(candidate).collect()
}

/// Goes on with adoptions that were cut off. A deploy must do so first: what is not marked as ours yet may be taken for
/// a stranger within another resource, and be removed from it.
pub async fn finish(
    session: &mut Session,
    graph: &Graph,
    pseudo: &BTreeMap<String, String>,
    surroundings: &Surroundings,
) -> Result<Adopted, SessionError> {
    if unfinished(&session.state).is_empty() {
        return Ok(Adopted::default());
    }
    let request = Request { graph, state: &session.state, pseudo, surroundings };
    let mut survey = survey(request, Vec::new()).await;
    survey.matched.retain(|one| one.by == By::State);
    carry_out(session, graph, surroundings, &survey.matched, "import, finished").await
}

fn entry(graph: &Graph, surroundings: &Surroundings, one: &Match) -> Result<Entry, Failure> {
    let node = &graph.nodes[one.node];
    let mut properties = one.applied.clone();
    if let Some(tagged) = with_ownership(node, &one.live.0, surroundings) {
        // Of the tags, too, only those that are declared were ever ours.
        let owned = keep_declared(&node.type_name, tagged, &node.properties);
        if let (Some(properties), Some((property, tags))) = (properties.as_object_mut(), owned) {
            properties.insert(property, tags);
        }
    }
    Ok(Entry {
        address: node.address.clone(),
        type_name: node.type_name.clone(),
        region: node.region.clone(),
        id: one.candidate.id.clone(),
        properties,
        attributes: one.live.1.clone(),
        dependencies: graph.dependencies(one.node),
        protected: node.protected,
        token: token()?,
        incomplete: false,
        fresh: false,
        failed: None,
    })
}

/// Puts the ownership tags on a resource, and changes nothing else: the handler is told the live properties with these
/// tags. One that carries them is not called.
async fn mark(one: &Match, node: &Node, entry: &Entry, surroundings: &Surroundings) -> Result<(), Failure> {
    let handler = surroundings.catalogue.get(&entry.type_name).ok_or_else(|| unknown_type(&entry.type_name))?;
    let cx = surroundings.context(&entry.address, &entry.region, &entry.token);
    if tag_property(&entry.type_name).is_none() {
        return handler.own(&entry.id, &cx).await;
    }
    let live = &one.live.0;
    match with_ownership(node, live, surroundings) {
        Some(tagged) if tagged != *live => handler.sync(&tagged, &entry.id, Some(live), &cx).await,
        _ => Ok(()),
    }
}

fn tag_property(type_name: &str) -> Option<(&'static str, schema::TagShape)> {
    schema::facts(type_name)?.tag_property()
}

/// Live properties with Groundplan's own tags in place, as they are declared; none where the type has no property for
/// tags.
fn with_ownership(node: &Node, live: &Value, surroundings: &Surroundings) -> Option<Value> {
    let (property, shape) = tag_property(&node.type_name)?;
    let ownership = [(TAG_ENVIRONMENT, &*surroundings.environment), (TAG_ADDRESS, node.address.as_str())];
    let mut ours: BTreeMap<String, Value> =
        ownership.into_iter().map(|(key, value)| (key.to_owned(), Value::from(value))).collect();
    let declared = node.properties.get(property).map(fit::pairs).unwrap_or_default();
    ours.extend(declared.into_iter().filter(|(key, value)| fit::is_own_tag(key) && value.is_string()));
    let carried = live.get(property).map(fit::pairs).unwrap_or_default();
    let mut tagged = live.clone();
    for (key, value) in ours {
        if carried.iter().any(|tag| *tag == (key.clone(), value.clone())) {
            continue;
        }
        let tags = tagged.as_object_mut()?.entry(property).or_insert_with(|| match shape {
            schema::TagShape::Map => json!({}),
            schema::TagShape::List => json!([]),
        });
        match tags {
            Value::Object(tags) => drop(tags.insert(key, value)),
            Value::Array(tags) => {
                tags.retain(|tag| tag["Key"] != key);
                tags.push(json!({ "Key": key, "Value": value }));
            }
            _ => return None,
        }
    }
    Some(tagged)
}

/// The tags of tagged properties that are declared, with the name of their property.
fn keep_declared(type_name: &str, mut tagged: Value, declared: &Value) -> Option<(String, Value)> {
    let facts = schema::facts(type_name)?;
    crate::diff::as_ours(declared, None, &mut tagged, Some(facts));
    let (property, _) = facts.tag_property()?;
    Some((property.to_owned(), tagged.as_object_mut()?.remove(property)?))
}

/// Repeats a repeatable call while its failure may pass.
async fn persistently<F>(surroundings: &Surroundings, call: impl Fn() -> F) -> Result<(), Failure>
where
    F: Future<Output = Result<(), Failure>>,
{
    let mut wait = FIRST_WAIT.mul_f64(surroundings.time_scale.min(1.0));
    for _ in 1..TRIES {
        match call().await {
            Err(failure) if failure.may_pass() => tokio::time::sleep(wait).await,
            other => return other,
        }
        wait *= 2;
    }
    call().await
}
