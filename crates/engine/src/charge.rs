//! What a resource costs: quantities and price keys. The price book (crate `cost`) multiplies.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::intrinsic;

/// How much of something a month: at least, as expected, at most.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quantity {
    /// The least it will be.
    pub min: f64,
    /// What to expect.
    pub expected: f64,
    /// The most it will be.
    pub max: f64,
}

/// Hours in a month, as AWS's own price pages count them (365 × 24 / 12).
pub const HOURS_PER_MONTH: f64 = 730.0;

impl Quantity {
    /// A quantity that does not vary.
    pub fn exactly(value: f64) -> Self {
        Self { min: value, expected: value, max: value }
    }

    /// A quantity between bounds.
    pub fn between(min: f64, expected: f64, max: f64) -> Self {
        Self { min, expected, max }
    }

    /// The hours of a month, for something that always runs.
    pub fn month() -> Self {
        Self::exactly(HOURS_PER_MONTH)
    }

    /// Each bound multiplied.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self { min: self.min * factor, expected: self.expected * factor, max: self.max * factor }
    }

    /// Each bound multiplied with the same bound of another.
    #[must_use]
    pub fn by(self, other: Self) -> Self {
        Self { min: self.min * other.min, expected: self.expected * other.expected, max: self.max * other.max }
    }
}

/// One line of a bill: a quantity of something that the price book has a price for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Charge {
    /// What is paid for, as AWS's bill words it: `NAT gateway hours`.
    pub component: String,
    /// The price book's key, such as `nat-gateway.hour`, `rds.instance.db.t3.small.hour`.
    pub price: String,
    /// How much a month, in the price's unit.
    pub quantity: Quantity,
}

impl Charge {
    /// A line of a bill.
    pub fn new(component: impl Into<String>, price: impl Into<String>, quantity: Quantity) -> Self {
        Self { component: component.into(), price: price.into(), quantity }
    }
}

/// What a person expects to be used a month: the environment file's `[cost.usage]`.
///
/// Keys are `what.unit`, such as `nat-gateway.gb`; a resource falls back on its documented default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Usage(pub BTreeMap<String, Quantity>);

impl Usage {
    /// The usage told for a key, else a default.
    pub fn get(&self, key: &str, default: Quantity) -> Quantity {
        self.0.get(key).copied().unwrap_or(default)
    }
}

/// What pricing a resource may look at besides the resource: the usage, and what it refers to.
pub struct Pricing<'a> {
    /// What a person expects to be used.
    pub usage: &'a Usage,
    /// The resource's region.
    pub region: &'a str,
    /// The properties of another resource of the graph.
    pub lookup: &'a dyn Fn(&crate::Address) -> Option<&'a Value>,
}

impl Pricing<'_> {
    /// The usage told for a key, else a default.
    pub fn usage(&self, key: &str, default: Quantity) -> Quantity {
        self.usage.get(key, default)
    }

    /// The properties (as declared) of the resource that a string property refers to.
    pub fn referenced(&self, text: &str) -> Option<&Value> {
        (self.lookup)(&intrinsic::token(text)?.address)
    }
}
