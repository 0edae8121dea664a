//! Which environments there are: one file each, `environments/<system>/<environment>.toml`.

use std::path::Path;

use engine::{Finding, Severity};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::deserialise::deserialise;
use crate::document::Document;
use crate::finding::LocatedFinding;

/// The folder of the environments in a workspace.
pub const FOLDER: &str = "environments";
/// The file with what is common to all environments.
const COMMON: &str = "environments/groundplan.toml";
/// The name of files that only others extend.
const BASE: &str = "base.toml";

/// An environment, as the folders tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EnvironmentFile {
    /// `freeside/production`.
    pub name: String,
    /// The system: the folder's name.
    pub system: String,
    /// The environment: the file's name.
    pub environment: String,
    /// The regions it has resources in; empty where the file cannot be read.
    pub regions: Vec<String>,
    /// The file, relative to the workspace.
    pub file: String,
}

/// `environments/groundplan.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Common {
    /// The environment of commands that are told none.
    default: Option<String>,
}

/// All environments of a workspace, in order of name.
pub fn discover(root: &Path) -> Vec<EnvironmentFile> {
    let mut found = Vec::new();
    for system in names(&root.join(FOLDER)) {
        for file in names(&root.join(FOLDER).join(&system)) {
            if let Some(environment) = file.strip_suffix(".toml").filter(|_| file != BASE) {
                let path = format!("{FOLDER}/{system}/{file}");
                found.push(EnvironmentFile {
                    name: format!("{system}/{environment}"),
                    system: system.clone(),
                    environment: environment.to_owned(),
                    regions: regions(root, &path),
                    file: path,
                });
            }
        }
    }
    found
}

/// All files under `environments` that a person writes, relative to the workspace: those that `format` formats.
pub fn files(root: &Path) -> Vec<String> {
    let mut found: Vec<String> = root.join(COMMON).is_file().then(|| COMMON.to_owned()).into_iter().collect();
    for system in names(&root.join(FOLDER)) {
        let inside = names(&root.join(FOLDER).join(&system)).into_iter().filter(|file| file.ends_with(".toml"));
        found.extend(inside.map(|file| format!("{FOLDER}/{system}/{file}")));
    }
    found
}

/// The environment of a name, else the default one of `environments/groundplan.toml`.
pub fn choose(root: &Path, name: Option<&str>) -> Result<EnvironmentFile, Vec<LocatedFinding>> {
    let all = discover(root);
    if let Some(name) = name {
        return pick(&all, name).map_err(|finding| vec![LocatedFinding { finding, place: None }]);
    }
    if !root.join(COMMON).is_file() {
        let message = format!("no environment is named, and there is no `{COMMON}` with a default");
        let finding = finding("no-default", None, message, listed(&all));
        return Err(vec![LocatedFinding { finding, place: None }]);
    }
    let document = Document::read(root, COMMON)?;
    let common: Common = deserialise(&document)?;
    match common.default {
        Some(name) => pick(&all, &name).map_err(|mut finding| {
            finding.key = Some("default".to_owned());
            vec![document.located(finding)]
        }),
        None => {
            let message = "no environment is named, and there is no default".to_owned();
            Err(vec![document.located(finding("no-default", Some("default"), message, listed(&all)))])
        }
    }
}

fn pick(all: &[EnvironmentFile], name: &str) -> Result<EnvironmentFile, Finding> {
    if let Some(found) = all.iter().find(|environment| environment.name == name) {
        return Ok(found.clone());
    }
    let message = format!("there is no environment `{name}`");
    Err(finding("unknown-environment", None, message, hint(all, name)))
}

fn hint(all: &[EnvironmentFile], name: &str) -> String {
    // A name without system is meant as the environment's; a system's name, as one of its environments.
    let parts = |part: fn(&EnvironmentFile) -> &str| -> Vec<&str> {
        all.iter()
            .filter(|environment| part(environment) == name)
            .map(|environment| environment.name.as_str())
            .collect()
    };
    let mut meant = parts(|environment| &environment.environment);
    meant.extend(parts(|environment| &environment.system));
    if meant.is_empty() {
        meant.extend(schema::closest(name, all.iter().map(|environment| environment.name.as_str())));
    }
    match meant.as_slice() {
        [] => listed(all),
        _ => format!("did you mean {}? {}", ticked(&meant, " or "), listed(all)),
    }
}

fn listed(all: &[EnvironmentFile]) -> String {
    let names: Vec<&str> = all.iter().map(|environment| environment.name.as_str()).collect();
    match names.as_slice() {
        [] => format!("there are none: write `{FOLDER}/<system>/<environment>.toml`"),
        _ => format!("there are {}", ticked(&names, ", ")),
    }
}

fn ticked(names: &[&str], between: &str) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(between)
}

fn finding(rule: &str, key: Option<&str>, message: String, hint: String) -> Finding {
    Finding {
        severity: Severity::Error,
        rule: rule.to_owned(),
        address: None,
        key: key.map(str::to_owned),
        message,
        hint: Some(hint),
    }
}

fn regions(root: &Path, file: &str) -> Vec<String> {
    let value = Document::read(root, file).map(|document| document.value()).unwrap_or_default();
    value.get("region").and_then(Value::as_str).map(str::to_owned).into_iter().collect()
}

/// The names in a folder that are text and not hidden, sorted.
fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    names
}
