//! Findings with the place in the environment's files.

use engine::{Address, Finding, Severity};
use serde::{Serialize, Serializer};

use crate::document::Located;

/// A finding, and where in the environment's files it is.
#[derive(Clone, Debug, PartialEq)]
pub struct LocatedFinding {
    /// What was found.
    pub finding: Finding,
    /// Where; `None` where it is about no file.
    pub place: Option<Located>,
}

impl LocatedFinding {
    /// Whether it forbids a deployment.
    pub fn is_error(&self) -> bool {
        self.finding.severity == Severity::Error
    }
}

/// The shape that `validate --json` promises.
#[derive(Serialize)]
struct Shape<'a> {
    severity: Severity,
    rule: &'a str,
    address: Option<&'a Address>,
    key: Option<&'a str>,
    file: Option<&'a str>,
    line: Option<usize>,
    column: Option<usize>,
    message: &'a str,
    hint: Option<&'a str>,
}

impl Serialize for LocatedFinding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let place = self.place.as_ref();
        Shape {
            severity: self.finding.severity,
            rule: &self.finding.rule,
            address: self.finding.address.as_ref(),
            key: self.finding.key.as_deref(),
            file: place.map(|place| place.file.as_str()),
            line: place.map(|place| place.line),
            column: place.map(|place| place.column),
            message: &self.finding.message,
            hint: self.finding.hint.as_deref(),
        }
        .serialize(serializer)
    }
}

/// In the order of files and lines, errors before warnings at the same place, each once.
pub(crate) fn sort(findings: &mut Vec<LocatedFinding>) {
    let place = |found: &LocatedFinding| found.place.as_ref().map(|at| (at.file.clone(), at.line, at.column));
    findings.sort_by(|a, b| {
        let severity = b.finding.severity.cmp(&a.finding.severity);
        place(a).cmp(&place(b)).then(severity).then_with(|| a.finding.message.cmp(&b.finding.message))
    });
    findings.dedup();
}
