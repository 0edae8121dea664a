//! What becomes an entry of the state, and as what.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use schema::Segment;
use serde_json::Value;

use super::{Other, Rebuilt};
use crate::catalogue::LiveValue;
use crate::context::TAG_OPERATION;
use crate::diff::{self, Change, Sides, as_ours, diff, yield_owned};
use crate::state::Entry;
use crate::{Address, Attributes, Created, Node, State, intrinsic};

/// Something that is there and may be the resource of an address.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    pub address: Address,
    pub type_name: String,
    pub region: String,
    pub id: String,
    /// As listed; none: it was found otherwise.
    pub arn: Option<String>,
    pub tags: Vec<(String, String)>,
    pub live: LiveValue,
}

impl Candidate {
    pub fn key(&self) -> (String, String, String) {
        (self.type_name.clone(), self.region.clone(), self.id.clone())
    }

    /// The operation that made it, as its tags say.
    pub fn operation(&self) -> Option<&str> {
        let tag = self.tags.iter().find(|(key, _)| key == TAG_OPERATION);
        tag.map(|(_, token)| token.as_str()).filter(|token| !token.is_empty())
    }

    pub fn is(&self, entry: &Entry) -> bool {
        entry.type_name == self.type_name && entry.id == self.id && entry.region == self.region
    }

    fn entry(&self) -> Entry {
        Entry {
            address: self.address.clone(),
            type_name: self.type_name.clone(),
            region: self.region.clone(),
            id: self.id.clone(),
            properties: self.live.0.clone(),
            attributes: self.live.1.clone(),
            dependencies: Vec::new(),
            protected: false,
            token: self.operation().unwrap_or_default().to_owned(),
            incomplete: false,
            fresh: false,
            failed: None,
        }
    }
}

/// Takes the one out that is most like what is declared.
pub(super) fn best(
    candidates: &mut Vec<Candidate>,
    node: &Node,
    wanted: &Value,
    created: Option<&Created>,
    in_use: &dyn Fn(&str) -> bool,
) -> Option<Candidate> {
    let distance = |candidate: &Candidate| {
        let changes = changes(node, wanted, &candidate.live.0).1;
        (
            candidate.type_name != node.type_name,
            candidate.region != node.region,
            changes.iter().filter(|change| change.forces_replacement).count(),
            changes.len(),
            !in_use(&candidate.id),
            created.is_none_or(|created| created.id != candidate.id),
            candidate.id.clone(),
        )
    };
    let (at, _) = candidates.iter().enumerate().min_by_key(|(_, candidate)| distance(candidate))?;
    Some(candidates.remove(at))
}

/// What is declared, with what others own as it is there; and where what is there differs, pruned to what is ours.
fn changes(node: &Node, wanted: &Value, live: &Value) -> (Value, Vec<Change>) {
    let facts = schema::facts(&node.type_name);
    let mut declared = wanted.clone();
    yield_owned(&mut declared, live, &node.owned);
    let mut ours = live.clone();
    as_ours(&declared, None, &mut ours, facts);
    let changes = diff(&Sides { declared: &declared, applied: Some(&declared), live: &ours, facts });
    (declared, changes)
}

/// The entry of a declared resource: what is declared counts as applied as far as it is so.
pub(super) fn declared(node: &Node, wanted: &Value, found: &Candidate, created: Option<&Created>) -> Entry {
    let mut entry = found.entry();
    entry.protected = node.protected;
    if found.type_name != node.type_name {
        return entry;
    }
    let (mut applied, changes) = changes(node, wanted, &found.live.0);
    for change in changes {
        put(&mut applied, &change.path, change.before);
    }
    // A reference to what was not found, in what cannot be read.
    if let Some(map) = applied.as_object_mut() {
        map.retain(|_, value| intrinsic::is_known(value));
    }
    entry.properties = applied;
    let known = created.filter(|created| created.id == entry.id).map(|created| created.attributes.clone());
    let mut attributes: Attributes = known.unwrap_or_default();
    attributes.append(&mut entry.attributes);
    entry.attributes = attributes;
    entry
}

/// The entry of what is not declared any more. What holds data is protected: nobody knows what was declared.
pub(super) fn undeclared(address: &Address, found: &Candidate, holds_data: bool) -> Entry {
    Entry { address: address.clone(), protected: holds_data, ..found.entry() }
}

/// What carries the address of another: those that an operation of their own made were replaced and are still there.
/// The others are copies, tags and all, that somebody made elsewhere.
pub(super) fn rivals(rivals: Vec<Candidate>, id: &str, operation: Option<&str>) -> (Vec<Entry>, Vec<Other>) {
    let (mut deposed, mut others) = (Vec::new(), Vec::new());
    for rival in rivals {
        match rival.operation() {
            _ if rival.id == id => {}
            Some(own) if Some(own) != operation => deposed.push(rival.entry()),
            _ => others.push(Other {
                address: Some(rival.address.to_string()),
                why: format!("{} carries its tags already; this one was made elsewhere", id),
                what: rival.arn.unwrap_or(rival.id),
                operation: None,
            }),
        }
    }
    (deposed, others)
}

/// Puts a value at a path of keys; `None` takes it away.
fn put(value: &mut Value, path: &[Segment], new: Option<Value>) {
    let (Some(Segment::Key(key)), Some(map)) = (path.first(), value.as_object_mut()) else { return };
    match (path.len(), new) {
        (1, Some(new)) => drop(map.insert(key.clone(), new)),
        (1, None) => drop(map.remove(key)),
        (_, new) => {
            if let Some(inner) = map.get_mut(key) {
                put(inner, &path[1..], new);
            }
        }
    }
}

/// Tells on whom undeclared resources, and declared ones that still refer to such, depend: by the ids and attributes
/// of others that stand in their properties. It is the order in which they can be deleted.
pub(super) fn infer_dependencies(rebuilt: &mut Rebuilt, state: &State) {
    let undeclared = rebuilt.undeclared.clone();
    if undeclared.is_empty() {
        return;
    }
    let all: Vec<&Entry> = rebuilt.found.iter().chain(state.entries.values()).collect();
    let owners = owners(&all);
    let mut needs: BTreeMap<Address, BTreeSet<Address>> =
        all.iter().map(|entry| (entry.address.clone(), entry.dependencies.iter().cloned().collect())).collect();
    let mut more: Vec<(Address, Address)> = Vec::new();
    for entry in &rebuilt.found {
        let mut mentioned = BTreeSet::new();
        // A tag names a thing for people: many things have the name of another in it.
        let tags = schema::facts(&entry.type_name).and_then(schema::Facts::tag_property).map(|(name, _)| name);
        for (property, value) in entry.properties.as_object().into_iter().flatten() {
            if Some(property.as_str()) != tags {
                owners_within(value, &owners, &mut mentioned);
            }
        }
        for needed in mentioned {
            if needed == entry.address || !(undeclared.contains(&entry.address) || undeclared.contains(&needed)) {
                continue;
            }
            // Two that name each other: one has to be first.
            if reaches(&needs, &needed, &entry.address) {
                continue;
            }
            needs.entry(entry.address.clone()).or_default().insert(needed.clone());
            more.push((entry.address.clone(), needed));
        }
    }
    for (address, needed) in more {
        let of = rebuilt.found.iter_mut().filter(|entry| entry.address == address);
        of.filter(|entry| !entry.dependencies.contains(&needed))
            .for_each(|entry| entry.dependencies.push(needed.clone()));
    }
}

/// Takes out of what is not declared the texts that may be secrets: nobody knows what was declared.
pub(super) fn withhold(rebuilt: &mut Rebuilt) {
    let Rebuilt { found, deposed, undeclared, .. } = rebuilt;
    for entry in found.iter_mut().filter(|entry| undeclared.contains(&entry.address)).chain(deposed) {
        diff::withhold(&mut entry.properties, &[], schema::facts(&entry.type_name));
    }
}

/// Whose a text is: an id, or an attribute that no two have and that is nobody's id.
fn owners(all: &[&Entry]) -> HashMap<String, Address> {
    let mut attributes: HashMap<&str, Option<&Address>> = HashMap::new();
    for entry in all {
        for text in entry.attributes.values().filter_map(Value::as_str) {
            let owner = attributes.entry(text).or_insert(Some(&entry.address));
            if *owner != Some(&entry.address) {
                *owner = None;
            }
        }
    }
    let mut owners: HashMap<String, Address> =
        attributes.into_iter().filter_map(|(text, owner)| Some((text.to_owned(), owner?.clone()))).collect();
    owners.extend(all.iter().map(|entry| (entry.id.clone(), entry.address.clone())));
    owners
}

fn owners_within(value: &Value, owners: &HashMap<String, Address>, found: &mut BTreeSet<Address>) {
    match value {
        Value::String(text) => found.extend(owners.get(text).cloned()),
        Value::Array(items) => items.iter().for_each(|item| owners_within(item, owners, found)),
        Value::Object(map) => map.values().for_each(|item| owners_within(item, owners, found)),
        _ => {}
    }
}

fn reaches(needs: &BTreeMap<Address, BTreeSet<Address>>, from: &Address, to: &Address) -> bool {
    let (mut open, mut seen) = (vec![from], BTreeSet::new());
    while let Some(at) = open.pop() {
        if at == to {
            return true;
        }
        if seen.insert(at) {
            open.extend(needs.get(at).into_iter().flatten());
        }
    }
    false
}
