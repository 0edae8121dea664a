//! The price book: `data/prices.csv`, one line a price, with its date and source.

use std::collections::HashMap;
use std::sync::LazyLock;

/// One price: of a unit, from a monthly quantity on.
#[derive(Clone, Debug, PartialEq)]
pub struct Price {
    /// From which monthly quantity on it counts; 0 for the first tier.
    pub from: f64,
    /// The unit: `hour`, `GB-month`.
    pub unit: &'static str,
    /// USD a unit.
    pub usd: f64,
    /// When it was seen, ISO 8601.
    pub date: &'static str,
    /// Where it was seen.
    pub source: &'static str,
}

/// Prices by key and region.
#[derive(Debug, Default)]
pub struct PriceBook(HashMap<(&'static str, &'static str), Vec<Price>>);

static TEXT: &str = include_str!("../data/prices.csv");
static BOOK: LazyLock<PriceBook> = LazyLock::new(|| PriceBook::read(TEXT));

/// The shipped price book.
pub fn book() -> &'static PriceBook {
    &BOOK
}

impl PriceBook {
    fn read(text: &'static str) -> Self {
        let mut prices: HashMap<_, Vec<Price>> = HashMap::new();
        for (key, region, price) in lines(text) {
            prices.entry((key, region)).or_default().push(price);
        }
        for tiers in prices.values_mut() {
            tiers.sort_by(|a, b| a.from.total_cmp(&b.from));
        }
        Self(prices)
    }

    /// The tiers of a price in a region, lowest first.
    pub fn tiers(&self, key: &str, region: &str) -> Option<&[Price]> {
        // The map's keys are 'static, a look-up need not be.
        self.0.iter().find(|((k, r), _)| *k == key && *r == region).map(|(_, tiers)| tiers.as_slice())
    }

    /// What a monthly quantity costs, tier by tier.
    pub fn cost(tiers: &[Price], quantity: f64) -> f64 {
        // A negative quantity takes away at the first tier's price.
        let Some(first) = tiers.first().filter(|_| quantity < 0.0) else {
            let ends = tiers.iter().skip(1).map(|tier| tier.from).chain([f64::INFINITY]);
            let part = |(tier, end): (&Price, f64)| (quantity.min(end) - tier.from).max(0.0) * tier.usd;
            return tiers.iter().zip(ends).map(part).sum();
        };
        quantity * first.usd
    }

    /// Every key there is, each once, in order.
    pub fn keys(&self) -> Vec<&'static str> {
        let mut keys: Vec<&'static str> = self.0.keys().map(|(key, _)| *key).collect();
        keys.sort_unstable();
        keys.dedup();
        keys
    }
}

fn lines(text: &'static str) -> impl Iterator<Item = (&'static str, &'static str, Price)> {
    text.lines().filter(|line| !line.starts_with('#')).skip(1).filter_map(|line| {
        // The source comes last and may hold commas itself.
        let mut fields = line.splitn(7, ',');
        let mut next = || fields.next();
        let (key, region, from) = (next()?, next()?, next()?.parse().ok()?);
        let (unit, usd) = (next()?, next()?.parse().ok()?);
        Some((key, region, Price { from, unit, usd, date: next()?, source: next()? }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_whole_and_each_price_is_there_once() {
        let written = TEXT.lines().filter(|line| !line.starts_with('#')).count() - 1;
        let read: Vec<_> = lines(TEXT).collect();
        assert_eq!(read.len(), written, "a line could not be read");
        let mut seen = std::collections::HashSet::new();
        for (key, region, price) in &read {
            assert!(seen.insert((*key, *region, price.from.to_bits())), "{key} in {region} twice");
            assert!(price.usd > 0.0 || price.from == 0.0, "{key} costs nothing");
            assert!(!price.unit.is_empty() && price.date.len() == 10 && price.source.len() > 3, "{key}");
        }
    }

    #[test]
    fn tiers_add_up() {
        let tier = |from, usd| Price { from, unit: "GB", usd, date: "", source: "" };
        let tiers = [tier(0.0, 0.0), tier(100.0, 0.09), tier(200.0, 0.05)];
        for (quantity, cost) in [(50.0, 0.0), (150.0, 4.5), (300.0, 14.0)] {
            assert!((PriceBook::cost(&tiers, quantity) - cost).abs() < 1e-9, "{quantity}");
        }
        assert_eq!(PriceBook::cost(&[tier(0.0, 2.0)], -3.0), -6.0);
    }
}
