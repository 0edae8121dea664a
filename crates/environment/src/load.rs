//! Loading an environment: from its name to its graph, with everything that is wrong.

use std::collections::BTreeMap;
use std::path::Path;

use engine::finding::Severity;
use engine::{Finding, Node, Stack, Usage};
use serde_json::Value;

use crate::deserialise::deserialise;
use crate::discover::{EnvironmentFile, choose};
use crate::document::Document;
use crate::finding::{LocatedFinding, sort};
use crate::settings::Settings;
use crate::{catalogue, validate, wiring};

/// An environment without errors.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// `freeside/production`.
    pub name: String,
    /// The system.
    pub system: String,
    /// The environment within the system.
    pub environment: String,
    /// The file, relative to the workspace.
    pub file: String,
    /// What every physical name begins with: `arrakis-production`.
    pub prefix: String,
    /// The settings.
    pub settings: Settings,
    /// The declared resources.
    pub nodes: Vec<Node>,
    /// What the environment gives out, with intrinsics for references.
    pub outputs: BTreeMap<String, Value>,
    /// What is expected to be used a month.
    pub usage: Usage,
    /// Warnings, in the order of the files.
    pub findings: Vec<LocatedFinding>,
    /// The files.
    pub document: Document,
}

/// Loads an environment by name; `None`: the default one of `environments/groundplan.toml`.
///
/// Fails with everything that was found, warnings among it, if anything of it is an error.
pub fn load(root: &Path, name: Option<&str>) -> Result<Loaded, Vec<LocatedFinding>> {
    let file = choose(root, name)?;
    let document = Document::read(root, &file.file)?;
    let settings: Settings = deserialise(&document)?;
    let EnvironmentFile { name, system, environment, file, .. } = file;

    let mut findings = settings.check(&system, &environment);
    let prefix = settings.prefix(&system, &environment);
    let tags: Vec<(String, String)> = settings.tags.clone().into_iter().collect();
    let mut stack = Stack::new(&name, &settings.region, &tags);
    let networked = document.value().get("networking").is_some();
    let outputs = wiring::declare(&settings, &prefix, networked, &mut stack);
    let (nodes, found) = stack.finish();
    findings.extend(found);
    let further = validate::check(&nodes, &catalogue());
    let further: Vec<Finding> = further.into_iter().filter(|finding| !follows(finding, &findings)).collect();
    let (errors, warnings): (Vec<Finding>, Vec<Finding>) =
        findings.into_iter().partition(|finding| finding.severity == Severity::Error);
    // So does a warning about a table in which a key is wrong.
    let warnings: Vec<Finding> = warnings.into_iter().filter(|warning| !follows(warning, &errors)).collect();

    let all = errors.into_iter().chain(warnings).chain(further);
    let mut findings: Vec<LocatedFinding> = all.map(|finding| document.located(finding)).collect();
    sort(&mut findings);
    if findings.iter().any(LocatedFinding::is_error) {
        return Err(findings);
    }
    let usage = settings.usage();
    Ok(Loaded { name, system, environment, file, prefix, settings, nodes, outputs, usage, findings, document })
}

/// Whether a finding about a resource only says again what is wrong with the keys that it was made from.
fn follows(finding: &Finding, settings: &[Finding]) -> bool {
    let errors = || settings.iter().filter(|other| other.severity == Severity::Error);
    // A module that stops at an error declares less than others refer to.
    if matches!(finding.rule.as_str(), "unknown-reference" | "unknown-attribute") && errors().next().is_some() {
        return true;
    }
    let Some(origin) = finding.key.as_deref() else { return false };
    errors().any(|other| {
        let key = other.key.as_deref().unwrap_or_default();
        matches!(key, "prefix" | "region")
            || key == origin
            || key.strip_prefix(origin).is_some_and(|rest| rest.starts_with('.'))
    })
}
