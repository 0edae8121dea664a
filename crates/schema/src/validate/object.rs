//! Rules for objects: which members there must be, may be and must not be.

use serde_json::{Map, Value};

use super::Walk;
use super::words::{all_of, any_of, at_least, at_most, did_you_mean, there_is, ticks};
use crate::intrinsic::{is_no_value, may_vanish};
use crate::path::{PropertyPath, Segment};
use crate::property::Property;

type Members = Map<String, Value>;

/// Whether the member may be there when the template is resolved.
pub(super) fn given(members: &Members, name: &str) -> bool {
    members.get(name).is_some_and(|value| !is_no_value(value))
}

/// Whether the member will be there when the template is resolved.
fn surely_given(members: &Members, name: &str) -> bool {
    members.get(name).is_some_and(|value| !is_no_value(value) && !may_vanish(value))
}

impl<'f> Walk<'f> {
    pub(super) fn object(&mut self, node: &'f Property, members: &Members) {
        self.members(node, members);
        self.required(node, members);
        self.groups(node, members);
        self.dependents(node, members);
        self.member_count(node, members);
    }

    fn members(&mut self, node: &'f Property, members: &Members) {
        for (name, value) in members {
            if is_no_value(value) {
                continue;
            }
            let mut known = false;
            if let Some(inner) = node.properties.get(name) {
                known = true;
                self.enter(Segment::Key(name.clone()), inner, value);
            }
            for (pattern, inner) in &node.pattern_properties {
                // A pattern that cannot be checked is taken to match.
                if pattern.found_in(name) != Some(false) {
                    known = true;
                    self.enter(Segment::Key(name.clone()), inner, value);
                }
            }
            if !known && node.additional_properties == Some(false) {
                self.unknown(node, members, name);
            }
        }
    }

    fn unknown(&mut self, node: &Property, members: &Members, name: &str) {
        if let [(pattern, _)] = node.pattern_properties.as_slice()
            && node.properties.is_empty()
        {
            let message = format!("the name {} does not have the form {}", ticks(name), ticks(pattern.source()));
            return self.report("additionalProperties", message);
        }
        let settable = |known: &&str| {
            let mut at = self.path.clone();
            at.push(Segment::Key((*known).to_owned()));
            !self.facts.read_only().contains(&PropertyPath::of(&at))
        };
        let all: Vec<&str> = node.properties.keys().map(String::as_str).filter(settable).collect();
        let open = || all.iter().copied().filter(|known| !members.contains_key(*known));
        let hint = did_you_mean(name, open()).or_else(|| {
            let few = !all.is_empty() && all.len() <= 12;
            few.then(|| format!("there {} {}", if all.len() == 1 { "is" } else { "are" }, all_of(all.iter().copied())))
        });
        let owner = match self.path.iter().rev().find_map(|segment| match segment {
            Segment::Key(key) => Some(key.as_str()),
            Segment::Index(_) => None,
        }) {
            Some(key) => ticks(key),
            None => self.facts.type_name().to_owned(),
        };
        let message = format!("{owner} has no property {}", ticks(name));
        self.path.push(name.into());
        self.report_with("additionalProperties", message, hint);
        self.path.pop();
    }

    fn required(&mut self, node: &Property, members: &Members) {
        for name in node.required.iter().filter(|name| !given(members, name)) {
            self.report("required", format!("{} is required", ticks(name)));
        }
    }

    fn groups(&mut self, node: &Property, members: &Members) {
        let names = |group: &'_ [String]| any_of(group.iter().map(String::as_str));
        let xor = &node.required_xor;
        if !xor.is_empty() {
            let sure: Vec<&str> = xor.iter().map(String::as_str).filter(|name| surely_given(members, name)).collect();
            if sure.len() > 1 {
                let message = format!("only one of {} may be given, and {} are", names(xor), all_of(sure));
                self.report("requiredXor", message);
            } else if !xor.iter().any(|name| given(members, name)) {
                self.report("requiredXor", format!("one of {} is required", names(xor)));
            }
        }
        let or = &node.required_or;
        if !or.is_empty() && !or.iter().any(|name| given(members, name)) {
            self.report("requiredOr", format!("at least one of {} is required", names(or)));
        }
    }

    fn dependents(&mut self, node: &Property, members: &Members) {
        for (name, needed) in node.dependent_required.iter().filter(|(name, _)| surely_given(members, name)) {
            for other in needed.iter().filter(|other| !given(members, other)) {
                self.report("dependentRequired", format!("with {}, {} is required", ticks(name), ticks(other)));
            }
        }
        for (name, excluded) in node.dependent_excluded.iter().filter(|(name, _)| surely_given(members, name)) {
            for other in excluded.iter().filter(|other| surely_given(members, other)) {
                // Said once where both exclude each other.
                let mutual = node.dependent_excluded.get(other).is_some_and(|back| back.contains(name));
                if !(mutual && other < name) {
                    let message = format!("{} and {} cannot be given together", ticks(name), ticks(other));
                    self.report("dependentExcluded", message);
                }
            }
        }
    }

    fn member_count(&mut self, node: &Property, members: &Members) {
        let possible = members.values().filter(|value| !is_no_value(value)).count() as u64;
        let sure = members.values().filter(|value| !is_no_value(value) && !may_vanish(value)).count() as u64;
        if let Some(least) = node.min_properties.filter(|least| possible < *least) {
            self.report("minProperties", format!("{} given, {}", there_is(possible, "member"), at_least(least)));
        }
        if let Some(most) = node.max_properties.filter(|most| sure > *most) {
            self.report("maxProperties", format!("{} given, {}", there_is(sure, "member"), at_most(most)));
        }
    }
}
