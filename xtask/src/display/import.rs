//! How an import is shown: what matched, what did not and why, what is declared and nowhere.

use std::collections::BTreeMap;

use engine::adopt::{Adopted, By, Match, Survey};
use serde_json::{Value, json};

use super::style::{ADD, CHANGE, QUIET, STRONG, paint};
use super::table::Columns;
use super::words::count;

/// All that an import has to say.
#[derive(Default)]
pub struct Report {
    /// The environment.
    pub environment: String,
    /// The cloud.
    pub cloud: String,
    /// What is what.
    pub survey: Survey,
    /// What a Terraform state names and was not looked at.
    pub left: Vec<Left>,
    /// Notes on what was offered, by its label.
    pub notes: BTreeMap<String, String>,
    /// Data sources of the Terraform state, which are nothing to adopt.
    pub data_sources: usize,
    /// Version, serial and number of resource instances of the Terraform state.
    pub terraform: Option<(String, u64, usize)>,
    /// What was adopted.
    pub adopted: Adopted,
    /// Whether nothing is to be changed.
    pub dry_run: bool,
}

/// Something in a Terraform state that was not looked at.
pub struct Left {
    /// Its address there.
    pub label: String,
    /// Its CloudFormation type, where it is known.
    pub type_name: Option<String>,
    /// Why.
    pub why: String,
    /// Whether that is as it should be: a part of another resource, or nothing of AWS.
    pub expected: bool,
}

fn by(by: &By) -> String {
    match by {
        By::State => "the state".to_owned(),
        By::Tags => "its tags".to_owned(),
        By::Id => "its id".to_owned(),
        By::Name(property) => property.clone(),
        By::Referrer(address) => format!("{address} refers to it"),
        By::Properties => "its properties".to_owned(),
        By::Asked => "you".to_owned(),
    }
}

/// The longest id shown whole. Of longer ones, which are ARNs, the end tells.
const LONGEST_ID: usize = 40;

fn short(id: &str) -> String {
    let length = id.chars().count();
    if length <= LONGEST_ID {
        return id.to_owned();
    }
    ['…'].into_iter().chain(id.chars().skip(length - LONGEST_ID + 1)).collect()
}

/// What differs, and what is taken for granted, in words.
fn remarks(one: &Match, report: &Report) -> Vec<String> {
    let mut remarks = Vec::new();
    let places = |forces: bool| -> Vec<String> {
        one.differs.iter().filter(|change| change.forces_replacement == forces).map(|change| change.place()).collect()
    };
    let (replacing, changing) = (places(true), places(false));
    if !replacing.is_empty() {
        remarks.push(paint(CHANGE, format!("differs, and cannot be changed in place: {}", replacing.join(", "))));
    }
    if !changing.is_empty() {
        remarks.push(format!("differs: {}", changing.join(", ")));
    }
    if !one.unread.is_empty() {
        remarks.push(format!("cannot be read, taken as declared: {}", one.unread.join(", ")));
    }
    remarks.extend(report.notes.get(&one.candidate.label).cloned());
    remarks
}

/// The report for a person.
pub fn text(report: &Report) -> String {
    let Survey { matched, already, unmatched, missing } = &report.survey;
    let mut blocks = Vec::new();
    let mut block = |title: String, table: Columns| blocks.push(format!("{}\n{}", paint(STRONG, title), table.text()));
    if !matched.is_empty() {
        let mut table = Columns::new(&["address", "id", "was", "known by", "remarks"]);
        for one in matched {
            table.row([
                paint(ADD, &one.address),
                short(&one.candidate.id),
                one.candidate.label.clone(),
                by(&one.by),
                remarks(one, report).join("; "),
            ]);
        }
        block(format!("Found: {}", count(matched.len(), "resource")), table);
    }
    if !already.is_empty() {
        let mut table = Columns::new(&["address", "id", "was"]);
        for one in already {
            table.row([one.address.to_string(), short(&one.candidate.id), one.candidate.label.clone()]);
        }
        block(format!("In the state already: {}", count(already.len(), "resource")), table);
    }
    let open: Vec<&Left> = report.left.iter().filter(|left| !left.expected).collect();
    if !unmatched.is_empty() || !open.is_empty() {
        let mut table = Columns::new(&["was", "id", "why"]);
        for one in unmatched {
            table.row([one.candidate.label.clone(), short(&one.candidate.id), one.why.clone()]);
        }
        for left in &open {
            table.row([left.label.clone(), String::new(), left.why.clone()]);
        }
        block(format!("Not adopted: {}", count(unmatched.len() + open.len(), "resource")), table);
    }
    let expected: Vec<&Left> = report.left.iter().filter(|left| left.expected).collect();
    if !expected.is_empty() {
        let mut table = Columns::new(&["was", "what"]);
        for left in &expected {
            table.row([left.label.clone(), paint(QUIET, &left.why)]);
        }
        block(format!("Nothing of their own: {}", count(expected.len(), "entry").replace("entrys", "entries")), table);
    }
    if !missing.is_empty() && report.terraform.is_some() {
        let mut table = Columns::new(&["address", "why"]);
        for one in missing {
            table.row([one.address.to_string(), one.why.clone()]);
        }
        block(format!("Declared, and not found: {}", count(missing.len(), "resource")), table);
    }
    if report.data_sources > 0 {
        blocks.push(paint(QUIET, format!("{} left out: they own nothing.", count(report.data_sources, "data source"))));
    }
    blocks.join("\n\n")
}

/// The report for a program.
pub fn document(report: &Report) -> Value {
    let Survey { matched, already, unmatched, missing } = &report.survey;
    let label = |label: &str| (!label.is_empty()).then(|| label.to_owned());
    let places = |one: &Match| one.differs.iter().map(|change| change.place()).collect::<Vec<_>>();
    let replacing = |one: &Match| one.differs.iter().any(|change| change.forces_replacement);
    let terraform = report.terraform.as_ref().map(|(version, serial, resources)| {
        json!({ "version": version, "serial": serial, "resources": resources, "data_sources": report.data_sources })
    });
    let offered = unmatched.iter().map(|one| {
        json!({ "terraform": label(&one.candidate.label), "type": one.candidate.type_name, "id": one.candidate.id, "why": one.why })
    });
    let left = report.left.iter().map(|left| {
        json!({ "terraform": left.label, "type": left.type_name, "id": null, "why": left.why, "expected": left.expected })
    });
    json!({
        "environment": report.environment,
        "cloud": report.cloud,
        "dry_run": report.dry_run,
        "terraform": terraform,
        "matched": matched.iter().map(|one| json!({
            "address": one.address,
            "type": one.candidate.type_name,
            "id": one.candidate.id,
            "region": one.candidate.region,
            "terraform": label(&one.candidate.label),
            "by": by(&one.by),
            "differs": places(one),
            "forces_replacement": replacing(one),
            "unread": one.unread,
            "note": report.notes.get(&one.candidate.label),
        })).collect::<Vec<_>>(),
        "already": already.iter().map(|one| json!({
            "address": one.address,
            "type": one.candidate.type_name,
            "id": one.candidate.id,
            "terraform": label(&one.candidate.label),
        })).collect::<Vec<_>>(),
        "unmatched": offered.chain(left).collect::<Vec<_>>(),
        "missing": missing.iter().map(|one| json!({
            "address": one.address, "type": one.type_name, "why": one.why,
        })).collect::<Vec<_>>(),
        "adopted": report.adopted.done,
        "unmarked": report.adopted.unmarked.iter().map(|(address, failure)| json!({
            "address": address, "why": failure.to_string(),
        })).collect::<Vec<_>>(),
    })
}
