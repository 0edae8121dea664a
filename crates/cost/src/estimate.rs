//! The estimate: quantities times prices, with bounds, line by line.

use std::collections::HashMap;

use engine::{Address, Catalogue, Charge, Node, Pricing, Quantity, Usage};
use serde::Serialize;
use serde_json::Value;

use crate::PriceBook;

/// What a resource asks to be billed.
#[derive(Clone, Debug)]
pub struct Priced {
    /// The resource.
    pub address: Address,
    /// Its CloudFormation type.
    pub type_name: String,
    /// Its region.
    pub region: String,
    /// Its quantities.
    pub charges: Vec<Charge>,
}

/// One line of the estimate.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// The resource.
    pub address: Address,
    /// Its CloudFormation type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// What is paid for.
    pub component: String,
    /// The unit.
    pub unit: &'static str,
    /// How many units a month.
    pub quantity: Quantity,
    /// USD a unit, of the first tier.
    pub unit_price: f64,
    /// USD a month.
    pub monthly: Quantity,
    /// When the price was seen.
    pub date: &'static str,
    /// Where the price was seen.
    pub source: &'static str,
}

/// What an environment costs a month, in USD.
#[derive(Clone, Debug, Serialize)]
pub struct Estimate {
    /// The environment.
    pub environment: String,
    /// The sum of the lines.
    pub total: Quantity,
    /// The lines, in the order of the resources.
    pub lines: Vec<Line>,
    /// What the price book has no price for: a resource and the key.
    pub missing: Vec<(Address, String)>,
}

/// Asks every resource for its quantities.
pub fn price(nodes: &[Node], catalogue: &Catalogue, usage: &Usage) -> Vec<Priced> {
    let properties: HashMap<&str, &Value> =
        nodes.iter().map(|node| (node.address.as_str(), &node.properties)).collect();
    let lookup = |address: &Address| properties.get(address.as_str()).copied();
    let mut priced = Vec::new();
    for node in nodes {
        let pricing = Pricing { usage, region: &node.region, lookup: &lookup };
        let Some(handler) = catalogue.get(&node.type_name) else { continue };
        let charges = handler.charges(&node.properties, &pricing);
        if !charges.is_empty() {
            let (address, type_name, region) = (node.address.clone(), node.type_name.clone(), node.region.clone());
            priced.push(Priced { address, type_name, region, charges });
        }
    }
    priced
}

/// Multiplies.
pub fn estimate(environment: &str, priced: &[Priced], book: &PriceBook) -> Estimate {
    let mut lines = Vec::new();
    let mut missing = Vec::new();
    for resource in priced {
        for charge in &resource.charges {
            match book.tiers(&charge.price, &resource.region).and_then(|tiers| Some((tiers, tiers.first()?))) {
                Some((tiers, first)) => lines.push(Line {
                    address: resource.address.clone(),
                    type_name: resource.type_name.clone(),
                    component: charge.component.clone(),
                    unit: first.unit,
                    quantity: charge.quantity,
                    unit_price: first.usd,
                    monthly: monthly(tiers, charge.quantity),
                    date: first.date,
                    source: first.source,
                }),
                None => missing.push((resource.address.clone(), charge.price.clone())),
            }
        }
    }
    let total = lines.iter().fold(Quantity::exactly(0.0), |sum, line| add(sum, line.monthly));
    Estimate { environment: environment.to_owned(), total, lines, missing }
}

fn monthly(tiers: &[crate::Price], quantity: Quantity) -> Quantity {
    let cost = |units| PriceBook::cost(tiers, units);
    Quantity { min: cost(quantity.min), expected: cost(quantity.expected), max: cost(quantity.max) }
}

/// Bound by bound.
pub(crate) fn add(a: Quantity, b: Quantity) -> Quantity {
    Quantity { min: a.min + b.min, expected: a.expected + b.expected, max: a.max + b.max }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn priced(charges: Vec<Charge>) -> Priced {
        Priced { address: Address::of("m.a"), type_name: "T".into(), region: "us-east-1".into(), charges }
    }

    #[test]
    fn a_month_of_a_nat_gateway() {
        let charges = vec![
            Charge::new("NAT gateway hours", "nat-gateway.hour", Quantity::month()),
            Charge::new("data", "nat-gateway.gb", Quantity::between(0.0, 10.0, 100.0)),
        ];
        let estimate = estimate("a/b", &[priced(charges)], crate::book());
        let cents = |usd: f64| (usd * 100.0).round() as i64;
        assert_eq!(cents(estimate.total.min), 3285);
        assert_eq!(cents(estimate.total.expected), 3330);
        assert_eq!(cents(estimate.total.max), 3735);
        assert!(estimate.missing.is_empty());
    }

    #[test]
    fn a_price_that_is_not_known_is_said_and_not_zero() {
        let estimate =
            estimate("a/b", &[priced(vec![Charge::new("x", "no.such.key", Quantity::month())])], crate::book());
        assert_eq!(estimate.missing, [(Address::of("m.a"), "no.such.key".to_owned())]);
        assert!(estimate.lines.is_empty());
    }
}
