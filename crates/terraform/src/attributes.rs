//! The attributes of one instance, as far as an id is made of them.

use std::cell::Cell;
use std::collections::BTreeSet;

use serde_json::{Map, Value};

/// The attributes of an instance. What Terraform marks as sensitive cannot be asked for.
pub(crate) struct Attributes<'a> {
    values: &'a Map<String, Value>,
    sensitive: BTreeSet<&'a str>,
    withheld: Cell<bool>,
    flat: bool,
}

impl<'a> Attributes<'a> {
    /// `sensitive` is the instance's `sensitive_attributes`: paths, each a list of steps.
    pub(crate) fn new(values: &'a Map<String, Value>, sensitive: &'a [Value]) -> Self {
        let root = |path: &'a Value| path.get(0)?.get("value")?.as_str();
        Self { values, sensitive: sensitive.iter().filter_map(root).collect(), withheld: Cell::new(false), flat: false }
    }

    /// The same, with whether the file has the instance in the form of Terraform 0.11, which is not read.
    pub(crate) fn flat(self, flat: bool) -> Self {
        Self { flat, ..self }
    }

    /// Whether the file has the instance in the form of Terraform 0.11.
    pub(crate) fn is_flat(&self) -> bool {
        self.flat
    }

    /// Whether something that is there was asked for and is marked as sensitive.
    pub(crate) fn was_withheld(&self) -> bool {
        self.withheld.get()
    }

    fn value(&self, name: &str) -> Option<&'a Value> {
        let value = self.values.get(name).filter(|value| !value.is_null())?;
        if self.sensitive.contains(name) {
            self.withheld.set(true);
            return None;
        }
        Some(value)
    }

    /// A text that is not empty.
    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        self.value(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// A text that is an ARN.
    pub(crate) fn arn(&self, name: &str) -> Option<&'a str> {
        self.text(name).filter(|text| text.starts_with("arn:"))
    }

    /// A whole number, also where it is text.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        let value = self.value(name)?;
        value.as_i64().or_else(|| value.as_str()?.parse().ok())
    }

    /// A switch.
    pub(crate) fn flag(&self, name: &str) -> Option<bool> {
        self.value(name)?.as_bool()
    }

    /// The blocks of a nested list, such as a route table's `route`.
    pub(crate) fn blocks(&self, name: &str) -> impl Iterator<Item = Attributes<'a>> + use<'a> {
        let items = self.value(name).and_then(Value::as_array).into_iter().flatten();
        items.filter_map(Value::as_object).map(|values| Attributes::new(values, &[]))
    }

    /// The region: as the provider's version 6 tells it, else as the ARN does, which may be the id. Empty: its ARN names
    /// none, as those of what is in no region.
    pub(crate) fn region(&self) -> Option<&'a str> {
        let of_arn = |name| self.arn(name)?.split(':').nth(3);
        self.text("region").or_else(|| of_arn("arn")).or_else(|| of_arn("id"))
    }
}
