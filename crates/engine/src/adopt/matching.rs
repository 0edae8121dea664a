//! Which thing is which declared resource.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::fit::{self, Score};
use super::read::Thing;
use super::{By, Request};
use crate::diff::Change;
use crate::intrinsic::{self, Reference};
use crate::{Address, plan, resource};

/// The id of a declared resource, where its type's ids follow from properties.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum DerivedId {
    /// They do not.
    None,
    /// It has references in it that are not resolved.
    Open,
    /// It does.
    Known(String),
}

/// The work of matching: what is matched, and what that tells of the rest.
pub(super) struct Matching<'a> {
    pub request: Request<'a>,
    /// Everything offered, and what was found on the way.
    pub things: Vec<Thing>,
    /// By node: the thing it is.
    pub of_node: Vec<Option<(usize, By)>>,
    /// By thing: the node it is.
    pub of_thing: Vec<Option<usize>>,
    /// By node: properties, references resolved as far as they are known.
    pub declared: Vec<Value>,
    /// By node: its id.
    pub ids: Vec<DerivedId>,
}

impl<'a> Matching<'a> {
    pub fn new(request: Request<'a>, things: Vec<Thing>) -> Self {
        let nodes = request.graph.nodes.len();
        let of_thing = vec![None; things.len()];
        let declared = request.graph.nodes.iter().map(|node| node.properties.clone()).collect();
        Self { request, things, of_node: vec![None; nodes], of_thing, declared, ids: vec![DerivedId::None; nodes] }
    }

    /// Adds a thing found on the way.
    pub fn add(&mut self, thing: Thing) -> usize {
        self.things.push(thing);
        self.of_thing.push(None);
        self.things.len() - 1
    }

    /// Makes a thing a node's.
    pub fn join(&mut self, node: usize, thing: usize, by: By) {
        self.of_node[node] = Some((thing, by));
        self.of_thing[thing] = Some(node);
    }

    /// Whether a node is neither matched nor in the state.
    pub fn is_free(&self, node: usize) -> bool {
        self.of_node[node].is_none()
            && !self.request.state.entries.contains_key(&self.request.graph.nodes[node].address)
    }

    /// Whether a thing is there, of nobody else, and not matched.
    pub fn is_open(&self, thing: usize) -> bool {
        self.of_thing[thing].is_none() && self.may_be_ours(thing)
    }

    /// Whether a thing is there and of no other environment.
    fn may_be_ours(&self, thing: usize) -> bool {
        let thing = &self.things[thing];
        let ours = |owner: &str| owner == &*self.request.surroundings.environment;
        thing.live().is_some() && thing.owner().0.is_none_or(ours)
    }

    /// The things of a node's type and region. One whose tags name another declared address of this environment is that
    /// one or none.
    pub fn of_kind(&self, index: usize) -> impl Iterator<Item = usize> + use<'_, 'a> {
        let graph = self.request.graph;
        let node = &graph.nodes[index];
        let environment = &*self.request.surroundings.environment;
        let same = move |index: &usize| match self.things[*index].owner() {
            (Some(owner), Some(address)) if owner == environment => {
                address == node.address.as_str() || graph.find(address).is_none()
            }
            _ => true,
        };
        self.of_type(index).filter(same)
    }

    /// The things of a node's type and region, whoever their tags say they are.
    pub fn of_type(&self, node: usize) -> impl Iterator<Item = usize> + use<'_, 'a> {
        let node = &self.request.graph.nodes[node];
        let same = move |index: &usize| {
            let candidate = &self.things[*index].candidate;
            candidate.type_name == node.type_name && candidate.region == node.region
        };
        (0..self.things.len()).filter(same)
    }

    /// One round of what is certain; whether anything was matched.
    pub fn certain(&mut self) -> bool {
        let before = self.matched();
        for &index in &self.request.graph.order {
            self.resolve(index);
            if self.is_free(index)
                && let Some((thing, by)) =
                    self.by_tags(index).or_else(|| self.by_id(index)).or_else(|| self.by_name(index))
            {
                self.join(index, thing, by);
            }
        }
        self.by_referrers();
        self.matched() > before
    }

    /// Matches the one thing that a person named, and resolves what is declared with it.
    pub fn certain_of(&mut self, node: usize, thing: usize) {
        self.join(node, thing, By::Asked);
        for &index in &self.request.graph.order {
            self.resolve(index);
        }
    }

    fn matched(&self) -> usize {
        self.of_node.iter().flatten().count()
    }

    /// Resolves a node's references, and with them its id.
    fn resolve(&mut self, index: usize) {
        let node = &self.request.graph.nodes[index];
        let declared = intrinsic::resolve(&node.properties, &|reference| self.value(reference));
        let id = self
            .request
            .surroundings
            .catalogue
            .get(&node.type_name)
            .and_then(|handler| handler.id(&intrinsic::raise(&declared)));
        self.ids[index] = match id {
            None => DerivedId::None,
            Some(id) if intrinsic::token(&id).is_some() => DerivedId::Open,
            Some(id) => DerivedId::Known(id),
        };
        self.declared[index] = declared;
    }

    /// What a reference stands for: what was matched, what the state has, or an id that follows from properties.
    pub fn value(&self, reference: &Reference) -> Option<Value> {
        let Some(index) = self.request.graph.find(reference.address.as_str()) else {
            return plan::pseudo(self.request.pseudo, reference);
        };
        let attribute = reference.attribute.as_deref();
        if let Some((thing, _)) = &self.of_node[index] {
            let thing = &self.things[*thing];
            return resource::value(&thing.candidate.id, &thing.live()?.1, attribute);
        }
        if let Some(entry) = self.request.state.entries.get(&reference.address) {
            return resource::value(&entry.id, &entry.attributes, attribute);
        }
        match (&self.ids[index], attribute) {
            (DerivedId::Known(id), None) => Some(Value::from(id.as_str())),
            _ => None,
        }
    }

    fn by_tags(&self, index: usize) -> Option<(usize, By)> {
        let node = &self.request.graph.nodes[index];
        let environment = &*self.request.surroundings.environment;
        let says = |thing: &usize| self.things[*thing].owner() == (Some(environment), Some(node.address.as_str()));
        Some((only(self.of_kind(index).filter(|thing| self.is_open(*thing)).filter(says))?, By::Tags))
    }

    fn by_id(&self, index: usize) -> Option<(usize, By)> {
        let DerivedId::Known(id) = &self.ids[index] else { return None };
        let mut things = self.of_kind(index).filter(|thing| self.is_open(*thing));
        Some((things.find(|thing| self.things[*thing].candidate.id == *id)?, By::Id))
    }

    fn by_name(&self, index: usize) -> Option<(usize, By)> {
        let facts = self.facts(index)?;
        let name = facts.unique_name?;
        let key = self.name_key(index, name, facts.unique_within)?;
        let nodes = self.request.graph.nodes.iter().enumerate();
        let namesake = |(other, node): (usize, &crate::Node)| {
            other != index
                && node.type_name == self.request.graph.nodes[index].type_name
                && node.region == self.request.graph.nodes[index].region
                && self.name_key(other, name, facts.unique_within).as_ref() == Some(&key)
        };
        if nodes.into_iter().any(namesake) {
            return None;
        }
        let called = |thing: &usize| {
            let live = self.things[*thing].live().map(|(properties, _)| properties);
            live.is_some_and(|live| {
                same_text(live.get(name), Some(&key.0))
                    && key.1.as_ref().is_none_or(|(within, place)| same_text(live.get(within), Some(place)))
            })
        };
        let thing = only(self.of_kind(index).filter(|thing| self.is_open(*thing)).filter(called))?;
        Some((thing, By::Name(name.to_owned())))
    }

    fn facts(&self, index: usize) -> Option<crate::catalogue::TypeFacts> {
        Some(self.request.surroundings.catalogue.get(&self.request.graph.nodes[index].type_name)?.facts())
    }

    /// A node's unique name, and the place it is unique in; none while either is not known.
    fn name_key(
        &self,
        index: usize,
        name: &str,
        within: Option<&'static str>,
    ) -> Option<(Value, Option<(&'static str, Value)>)> {
        let known =
            |property: &str| self.declared[index].get(property).filter(|value| intrinsic::is_known(value)).cloned();
        let place = match within {
            Some(within) => Some((within, known(within)?)),
            None => None,
        };
        Some((known(name)?, place))
    }

    /// What something matched refers to: its live value in the place of the declared reference says which thing it is.
    fn by_referrers(&mut self) {
        let mut votes: BTreeMap<usize, (BTreeSet<usize>, Address)> = BTreeMap::new();
        for (index, node) in self.request.graph.nodes.iter().enumerate() {
            let live = match &self.of_node[index] {
                Some((thing, _)) => self.things[*thing].live(),
                None => None,
            };
            let Some((live, _)) = live else { continue };
            pairs(&node.properties, live, &mut |reference, value| {
                let Some(target) = self.request.graph.find(reference.address.as_str()) else { return };
                if !self.is_free(target) {
                    return;
                }
                let meant = |thing: &usize| {
                    let thing = &self.things[*thing];
                    let is = thing.live().and_then(|(_, attributes)| {
                        resource::value(&thing.candidate.id, attributes, reference.attribute.as_deref())
                    });
                    same_text(is.as_ref(), Some(value))
                };
                let things = self.of_kind(target).filter(|thing| self.is_open(*thing)).filter(meant);
                votes.entry(target).or_insert_with(|| (BTreeSet::new(), node.address.clone())).0.extend(things);
            });
        }
        for (target, (things, referrer)) in votes {
            // Referrers that point to different things tell nothing.
            if let Some(thing) = only(things.into_iter())
                && self.of_thing[thing].is_none()
            {
                self.join(target, thing, By::Referrer(referrer));
            }
        }
    }

    /// The things that a node's properties allow and that something tells to be it, with how well they fit. Those matched
    /// already count too: that one of two is taken is no sign that the other is meant.
    pub fn fitting(&self, index: usize) -> Vec<(usize, Score)> {
        if self.ids[index] != DerivedId::None {
            return Vec::new();
        }
        let node = &self.request.graph.nodes[index];
        let score = |thing: usize| {
            let (live, _) = self.things[thing].live()?;
            let score = fit::score(node, &self.declared[index], live)?;
            self.is_told(index, thing).then_some((thing, score))
        };
        self.of_kind(index).filter(|thing| self.may_be_ours(*thing)).filter_map(score).collect()
    }

    /// What differs between a node and a thing, as far as the node's references are resolved.
    pub fn differences(&self, node: usize, thing: usize) -> Vec<Change> {
        let Some((live, _)) = self.things[thing].live() else { return Vec::new() };
        fit::differences(&self.request.graph.nodes[node], &self.declared[node], live)
    }

    /// Whether of a node's kind something is declared that is not matched, and something there that is not.
    fn is_worth_a_look(&self, node: usize) -> bool {
        let nodes = &self.request.graph.nodes;
        let same = |other: &usize| {
            nodes[*other].type_name == nodes[node].type_name && nodes[*other].region == nodes[node].region
        };
        let kin = self.of_kind(node).any(|thing| self.is_open(thing));
        kin && (self.is_free(node) || (0..nodes.len()).filter(same).any(|other| self.is_free(other)))
    }

    /// One round of what properties tell: a pair is matched where each is the other's one best. Nodes of which all is
    /// known go first; whether anything was matched.
    pub fn by_properties(&mut self) -> bool {
        let all: Vec<usize> = (0..self.request.graph.nodes.len()).filter(|&node| self.is_worth_a_look(node)).collect();
        let fitting: BTreeMap<usize, Vec<(usize, Score)>> =
            all.iter().map(|&node| (node, self.fitting(node))).collect();
        let mut of_thing: BTreeMap<usize, Vec<(usize, Score)>> = BTreeMap::new();
        for (node, things) in &fitting {
            things.iter().for_each(|(thing, score)| of_thing.entry(*thing).or_default().push((*node, *score)));
        }
        let pair = |node: usize| {
            let thing = best(&fitting[&node])?;
            let mutual = best(&of_thing[&thing]) == Some(node);
            (mutual && self.of_thing[thing].is_none() && self.is_free(node)).then_some((node, thing))
        };
        let pairs: Vec<(usize, usize)> = all.into_iter().filter_map(pair).collect();
        let (whole, open): (Vec<_>, Vec<_>) =
            pairs.into_iter().partition(|(node, _)| intrinsic::is_known(&self.declared[*node]));
        let chosen = if whole.is_empty() { open } else { whole };
        chosen.iter().for_each(|(node, thing)| self.join(*node, *thing, By::Properties));
        !chosen.is_empty()
    }
}

/// The one item, if there is exactly one.
pub(super) fn only<T>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next()?;
    items.next().is_none().then_some(first)
}

/// The one with the least score, if no other has the same.
pub(super) fn best(scored: &[(usize, Score)]) -> Option<usize> {
    let least = scored.iter().map(|(_, score)| *score).min()?;
    only(scored.iter().filter(|(_, score)| *score == least)).map(|(index, _)| *index)
}

pub(super) fn same_text(a: Option<&Value>, b: Option<&Value>) -> bool {
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    matches!((a.and_then(text), b.and_then(text)), (Some(a), Some(b)) if a == b)
}

/// Every reference that stands alone, with what is there in its place. Of lists only those of one item: longer ones
/// need not be in the declared order.
pub(super) fn pairs(declared: &Value, live: &Value, found: &mut impl FnMut(&Reference, &Value)) {
    match (declared, live) {
        (Value::Object(_), _) if intrinsic::is_intrinsic(declared) => {
            if let Value::String(text) = intrinsic::raise(declared)
                && let Some(reference) = intrinsic::token(&text)
                && text == intrinsic::reference(&reference.address, reference.attribute.as_deref())
            {
                found(&reference, live);
            }
        }
        (Value::Object(wanted), Value::Object(is)) => {
            for (key, value) in wanted {
                if let Some(live) = is.get(key) {
                    pairs(value, live, found);
                }
            }
        }
        (Value::Array(wanted), Value::Array(is)) => {
            if let ([value], [live]) = (&wanted[..], &is[..]) {
                pairs(value, live, found);
            }
        }
        _ => {}
    }
}
