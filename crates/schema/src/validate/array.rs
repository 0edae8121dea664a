//! Rules for arrays: what the items are, how many, and which must differ.

use serde_json::Value;

use super::Walk;
use super::words::{all_of, at_least, at_most, there_is};
use crate::intrinsic::{is_no_value, may_vanish};
use crate::path::Segment;
use crate::property::Property;

impl<'f> Walk<'f> {
    pub(super) fn array(&mut self, node: &'f Property, items: &[Value]) {
        for (index, item) in items.iter().enumerate().filter(|(_, item)| !is_no_value(item)) {
            if let Some(first) = node.prefix_items.get(index) {
                self.enter(Segment::Index(index), first, item);
            }
            if let Some(inner) = &node.items {
                self.enter(Segment::Index(index), inner, item);
            }
        }
        self.item_count(node, items);
        self.differences(node, items);
    }

    fn item_count(&mut self, node: &Property, items: &[Value]) {
        let possible = items.iter().filter(|item| !is_no_value(item)).count() as u64;
        let sure = items.iter().filter(|item| !is_no_value(item) && !may_vanish(item)).count() as u64;
        // What may be there counts for the least, what is there for sure counts for the most.
        if let Some(least) = node.min_items.filter(|least| possible < *least) {
            let message = format!("{} given, {}", there_is(possible, "item"), at_least(least));
            self.report("minItems", message);
        }
        if let Some(most) = node.max_items.filter(|most| sure > *most) {
            let message = format!("{} given, {}", there_is(sure, "item"), at_most(most));
            self.report("maxItems", message);
        }
    }

    fn differences(&mut self, node: &Property, items: &[Value]) {
        if node.unique_items
            && let Some((first, second)) = same(items, |item| Some(canonical(item)))
        {
            let message = format!("items {first} and {second} are the same");
            self.report("uniqueItems", message);
        }
        if !node.unique_keys.is_empty() {
            let key = |item: &Value| {
                let values: Option<Vec<String>> =
                    node.unique_keys.iter().map(|name| item.get(name).map(canonical)).collect();
                values.map(|values| values.join("\0"))
            };
            if let Some((first, second)) = same(items, key) {
                let names = all_of(node.unique_keys.iter().map(String::as_str));
                self.report("uniqueKeys", format!("items {first} and {second} have the same {names}"));
            }
        }
        if let Some(most) = node.max_unique_items {
            let different: std::collections::HashSet<String> = items.iter().map(canonical).collect();
            if different.len() as u64 > most {
                let message = format!("{} different items are given, {}", different.len(), at_most(most));
                self.report("maxUniqueItems", message);
            }
        }
    }
}

/// The same text for values that differ only in the order of members.
fn canonical(value: &Value) -> String {
    let mut value = value.clone();
    value.sort_all_objects();
    value.to_string()
}

/// The first two items with the same key.
fn same(items: &[Value], key: impl Fn(&Value) -> Option<String>) -> Option<(usize, usize)> {
    let mut seen = std::collections::HashMap::new();
    items.iter().enumerate().filter(|(_, item)| !is_no_value(item)).find_map(|(index, item)| {
        let before = seen.insert(key(item)?, index)?;
        Some((before, index))
    })
}
