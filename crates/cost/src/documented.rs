//! The documents' own cost tables, beside our estimate.

use engine::Quantity;
use serde::{Deserialize, Serialize};

use crate::Estimate;
use crate::estimate::add;

/// A cost table as a system's document has it.
#[derive(Clone, Debug, Deserialize)]
pub struct Documented {
    /// The document and its section.
    pub source: String,
    /// The environment it is about.
    pub environment: String,
    /// The total, from and to.
    pub total: (f64, f64),
    rows: Vec<Row>,
    beyond: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Row {
    what: String,
    monthly: (f64, f64),
    /// The resource types it is about.
    types: Vec<String>,
    /// Beginnings of the components it is about; none: all.
    components: Vec<String>,
    reason: String,
}

/// One row of a comparison.
#[derive(Clone, Debug, Serialize)]
pub struct Compared {
    /// What is paid for, in the document's words.
    pub what: String,
    /// The document's monthly amount, from and to; `None`: it is not in the document.
    pub documented: Option<(f64, f64)>,
    /// Ours.
    pub ours: Quantity,
    /// Ours less the document's middle.
    pub difference: f64,
    /// Why they differ.
    pub reason: String,
}

/// An estimate beside a document.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// The document.
    pub source: String,
    /// Row by row; what is not in the document last.
    pub rows: Vec<Compared>,
    /// The totals.
    pub total: Compared,
}

/// The documented table of a system, if its document has one.
pub fn documented(system: &str) -> Option<Documented> {
    let text = match system {
        "freeside" => include_str!("../data/documented/freeside.json"),
        _ => return None,
    };
    serde_json::from_str(text).ok()
}

/// Sets an estimate beside a documented table. Every line of the estimate is in exactly one row.
pub fn compare(estimate: &Estimate, documented: &Documented) -> Comparison {
    let mut left: Vec<&crate::Line> = estimate.lines.iter().collect();
    let mut rows = Vec::new();
    for row in &documented.rows {
        let (ours, others): (Vec<_>, Vec<_>) = left.into_iter().partition(|line| {
            let component = row.components.is_empty() || row.components.iter().any(|c| line.component.starts_with(c));
            row.types.contains(&line.type_name) && component
        });
        left = others;
        rows.push(compared(&row.what, Some(row.monthly), sum(&ours), &row.reason));
    }
    rows.push(compared("everything else", None, sum(&left), &documented.beyond));
    let total = compared("total", Some(documented.total), estimate.total, "the sum of the rows above");
    Comparison { source: documented.source.clone(), rows, total }
}

fn sum(lines: &[&crate::Line]) -> Quantity {
    lines.iter().fold(Quantity::exactly(0.0), |sum, line| add(sum, line.monthly))
}

fn compared(what: &str, documented: Option<(f64, f64)>, ours: Quantity, reason: &str) -> Compared {
    let middle = documented.map_or(0.0, |(from, to)| f64::midpoint(from, to));
    Compared { what: what.to_owned(), documented, ours, difference: ours.expected - middle, reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Priced, estimate};
    use engine::{Address, Charge};

    #[test]
    fn every_line_is_in_exactly_one_row() {
        let line = |type_name: &str, price: &str| Priced {
            address: Address::of("m.a"),
            type_name: type_name.into(),
            region: "us-east-1".into(),
            charges: vec![Charge::new("hours", price, Quantity::month())],
        };
        let priced = [
            line("AWS::EC2::NatGateway", "nat-gateway.hour"),
            line("AWS::EC2::VPCEndpoint", "vpc-endpoint.interface.hour"),
        ];
        let estimate = estimate("freeside/production", &priced, crate::book());
        let comparison = compare(&estimate, &documented("freeside").unwrap());
        let rows: f64 = comparison.rows.iter().map(|row| row.ours.expected).sum();
        assert!((rows - estimate.total.expected).abs() < 1e-9);
        assert_eq!(comparison.rows.iter().find(|row| row.what == "NAT Gateway").unwrap().ours.expected.round(), 33.0);
        assert_eq!(comparison.rows.last().unwrap().ours.expected.round(), 7.0);
    }
}
