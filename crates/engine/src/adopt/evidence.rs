//! What says that a thing is the declared one. That nothing speaks against it says nothing: of an address or a gateway
//! hardly anything is declared, and so any would do.

use schema::{Facts, PropertyPath, Step};
use serde_json::Value;

use super::fit;
use super::matching::{Matching, pairs, same_text};
use crate::intrinsic::{self, Reference};
use crate::resource;

/// The tag that people tell things apart by.
const NAME: &str = "Name";

/// What the references of a declaration, and what is there in their place, say of a thing.
#[derive(Default)]
struct Told {
    /// It refers to something that is ours.
    ours: bool,
    /// It belongs to something that is another than the declared one.
    elsewhere: bool,
    /// It belongs to something of which nothing is known.
    unknown: bool,
}

impl Matching<'_> {
    /// Whether something tells that a thing which fits is the declared one: a name, what it belongs to, or a text that
    /// cannot be changed. A name that is another speaks against it, unless its place and its own text both agree.
    pub(super) fn is_told(&self, node: usize, thing: usize) -> bool {
        let Some((live, _)) = self.things[thing].live() else { return false };
        let told = self.by_references(node, live);
        let own = self.has_own_text(node, live);
        let named = self.has_name(node, live);
        if told.elsewhere || (named == Some(false) && !(told.ours && own)) {
            return false;
        }
        let is_placed = (told.ours || own) && !told.unknown;
        is_placed || (named == Some(true) && (told.ours || own || !self.is_used(node, thing)))
    }

    /// Whether something offered refers to a thing as something declared should: a gateway's network, what has an address.
    /// Then that tells which it is, as soon as it is known itself, and a name alone does not.
    fn is_used(&self, node: usize, thing: usize) -> bool {
        let graph = self.request.graph;
        let refers = |other: &usize| graph.edges[*other].iter().any(|edge| edge.to == node);
        let uses = |referrer: usize, user| self.uses(referrer, user, node, thing) || self.is_offered_with(user, thing);
        (0..graph.nodes.len()).filter(refers).any(|referrer| self.of_type(referrer).any(|user| uses(referrer, user)))
    }

    /// Whether a thing refers to another as one declared resource does to another.
    fn uses(&self, referrer: usize, user: usize, node: usize, thing: usize) -> bool {
        let nodes = &self.request.graph.nodes;
        let Some((live, _)) = self.things[user].live() else { return false };
        let mut uses = false;
        pairs(&nodes[referrer].properties, live, &mut |reference, value| {
            uses |= reference.address == nodes[node].address && self.is_meant(thing, reference, value);
        });
        uses
    }

    /// Whether a reference to a thing has this value.
    fn is_meant(&self, thing: usize, reference: &Reference, value: &Value) -> bool {
        let thing = &self.things[thing];
        let is = thing.live().and_then(|(_, attributes)| {
            resource::value(&thing.candidate.id, attributes, reference.attribute.as_deref())
        });
        same_text(is.as_ref(), Some(value))
    }

    /// Whether a thing was offered only as what another is kept with: it refers to that, though it was not read.
    fn is_offered_with(&self, user: usize, thing: usize) -> bool {
        let (user, thing) = (&self.things[user].candidate, &self.things[thing].candidate);
        user.implied && !user.label.is_empty() && user.label == thing.label
    }

    fn by_references(&self, node: usize, live: &Value) -> Told {
        let declared = &self.request.graph.nodes[node];
        let facts = schema::facts(&declared.type_name);
        let mut told = Told::default();
        for (key, wanted) in declared.properties.as_object().into_iter().flatten() {
            let Some(is) = live.get(key).filter(|_| facts.and_then(tags_of) != Some(key)) else { continue };
            let fixed = facts.is_some_and(|facts| facts.create_only().iter().any(|path| path.root() == Some(key)));
            pairs(wanted, is, &mut |reference, value| {
                let Some(target) = self.request.graph.find(reference.address.as_str()) else { return };
                match self.value(reference) {
                    Some(known) => told.ours |= same_text(Some(&known), Some(value)),
                    None if fixed && self.is_free(target) => match self.may_be(target, reference, value) {
                        Some(true) => {}
                        Some(false) => told.elsewhere = true,
                        None => told.unknown = true,
                    },
                    None => {}
                }
            });
        }
        told
    }

    /// Whether what a thing refers to can be what it should refer to; none if it was not offered.
    fn may_be(&self, target: usize, reference: &Reference, value: &Value) -> Option<bool> {
        let thing = self.of_type(target).find(|thing| self.is_meant(*thing, reference, value))?;
        let fits = |(live, _): &crate::catalogue::LiveValue| {
            fit::score(&self.request.graph.nodes[target], &self.declared[target], live).is_some()
        };
        let is_one = self.of_kind(target).any(|other| other == thing) && self.is_open(thing);
        Some(is_one && self.things[thing].live().is_some_and(fits))
    }

    /// Whether a declared text that cannot be changed is there: a range, a name. What is one of few words, or a number,
    /// is the same with many things.
    fn has_own_text(&self, node: usize, live: &Value) -> bool {
        let declared = &self.request.graph.nodes[node];
        let Some(facts) = schema::facts(&declared.type_name) else { return false };
        facts.create_only().iter().any(|path| {
            let [Step::Name(name)] = path.steps() else { return false };
            let is_reference = declared.properties.get(name).and_then(only_reference).is_some();
            let text = self.declared[node].get(name).and_then(Value::as_str).filter(|_| !is_reference);
            text.is_some_and(|text| {
                text.parse::<f64>().is_err() && !is_choice(facts, path) && same_text(live.get(name), Some(&text.into()))
            })
        })
    }

    /// Whether a thing has the declared name among its tags; none if it or the declaration has none.
    fn has_name(&self, node: usize, live: &Value) -> Option<bool> {
        let property = tags_of(schema::facts(&self.request.graph.nodes[node].type_name)?)?;
        let name = |side: &Value| {
            let tags = side.get(property).map(fit::pairs).unwrap_or_default();
            tags.into_iter().find(|(key, _)| key == NAME)?.1.as_str().map(str::to_owned)
        };
        Some(name(&self.declared[node])? == name(live)?)
    }
}

fn tags_of(facts: &Facts) -> Option<&str> {
    facts.tag_property().map(|(property, _)| property)
}

fn only_reference(value: &Value) -> Option<Reference> {
    let text = intrinsic::raise(value);
    let reference = intrinsic::token(text.as_str()?)?;
    (text == intrinsic::reference(&reference.address, reference.attribute.as_deref())).then_some(reference)
}

fn is_choice(facts: &Facts, path: &PropertyPath) -> bool {
    let property = facts.property(path).and_then(|property| facts.resolve(property));
    property.is_some_and(|property| !property.allowed.is_empty() || !property.enum_case_insensitive.is_empty())
}
