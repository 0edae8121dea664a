//! What is on the cloud, read by boto3, which knows nothing of Groundplan or its state; and the outputs beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;
use serde_json::Value;

use super::world::World;
use crate::error::{About, Error, Result};

/// The script, the same that the end-to-end tests use.
const SCRIPT: &str = include_str!("../../../../tests/boto3/inventory.py");

/// Everything there is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Inventory {
    /// Things of the kinds that can carry tags, whoever they belong to.
    pub seen: u64,
    /// How many carry an address.
    pub by_address: BTreeMap<String, u64>,
    /// How many there are of the kinds that carry none.
    pub untagged: BTreeMap<String, u64>,
    /// What some are like.
    pub details: BTreeMap<String, Value>,
    /// The environment's outputs, which are not on the cloud: their names.
    #[serde(default)]
    pub outputs: BTreeSet<String>,
}

/// What is wrong with an inventory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// What is there and should not be.
    pub orphans: Vec<String>,
    /// What is there more than once.
    pub duplicates: Vec<String>,
    /// What is not there, or not as it should be.
    pub wrong: Vec<String>,
}

impl Difference {
    /// Whether nothing is wrong.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// In words.
    pub fn words(&self) -> String {
        let part = |what: &str, list: &[String]| (!list.is_empty()).then(|| format!("{what}: {}", list.join(", ")));
        [part("orphans", &self.orphans), part("twice", &self.duplicates), part("not as it should be", &self.wrong)]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join("; ")
    }
}

impl Inventory {
    /// How this differs from what it should be.
    pub fn differs(&self, expected: &Self) -> Difference {
        let mut difference = Difference::default();
        for (address, &count) in &self.by_address {
            match expected.by_address.get(address) {
                None => difference.orphans.push(address.clone()),
                Some(&wanted) if count > wanted => difference.duplicates.push(format!("{address} ({count})")),
                Some(_) => {}
            }
        }
        for (address, &wanted) in &expected.by_address {
            if self.by_address.get(address).copied().unwrap_or_default() < wanted {
                difference.wrong.push(format!("{address} is missing"));
            } else if self.details.get(address) != expected.details.get(address) {
                difference.wrong.push(address.clone());
            }
        }
        let outputs = expected.outputs.symmetric_difference(&self.outputs);
        difference.wrong.extend(outputs.map(|output| format!("the output {output}")));
        let kinds: BTreeSet<&String> = self.untagged.keys().chain(expected.untagged.keys()).collect();
        for kind in kinds {
            let count = |inventory: &Self| inventory.untagged.get(kind).copied().unwrap_or_default();
            match count(self).cmp(&count(expected)) {
                std::cmp::Ordering::Greater => difference.orphans.push(format!("a {kind}")),
                std::cmp::Ordering::Less => difference.wrong.push(format!("a {kind} is missing")),
                std::cmp::Ordering::Equal => {}
            }
        }
        if difference.is_none() && self.seen > expected.seen {
            difference.orphans.push(format!("{} without an address", self.seen - expected.seen));
        }
        difference
    }
}

/// A reader that stays: starting Python and boto3 takes longer than reading.
pub struct Reader {
    child: Child,
    ask: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Reader {
    /// Starts a reader of a world's cloud.
    pub fn start(world: &World) -> Result<Self> {
        let script = world.root().join("inventory.py");
        std::fs::write(&script, SCRIPT).about(&script)?;
        let mut child = Command::new(python(world.emulators())?)
            .arg(&script)
            .args([world.name.as_str(), world.prefix.as_str(), "--serve"])
            .env("AWS_ENDPOINT_URL", world.endpoint()?)
            .env("AWS_ACCESS_KEY_ID", "inventory")
            .env("AWS_SECRET_ACCESS_KEY", "inventory")
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let gone = || Error::told("the reader of the inventory did not start");
        let ask = child.stdin.take().ok_or_else(gone)?;
        let answers = BufReader::new(child.stdout.take().ok_or_else(gone)?);
        Ok(Self { child, ask, answers })
    }

    /// Reads everything there is now.
    pub fn read(&mut self) -> Result<Inventory> {
        self.ask.write_all(b"\n").and_then(|()| self.ask.flush())?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        serde_json::from_str(&line)
            .map_err(|error| Error::told("boto3 could not read the inventory").detail(format!("{error}: {line}")))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The Python of the emulator that brings boto3 along.
fn python(emulators: &Path) -> Result<PathBuf> {
    let entries = std::fs::read_dir(emulators).about(emulators)?.flatten().map(|entry| entry.path());
    let moto = |path: &PathBuf| {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        name.is_some_and(|name| name.starts_with("moto-")) && path.join("bin/python").exists()
    };
    let newest = entries.filter(moto).max();
    newest.map(|path| path.join("bin/python")).ok_or_else(|| Error::told("the emulator moto is not installed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inventory(by_address: &[(&str, u64)], routes: u64, seen: u64) -> Inventory {
        Inventory {
            seen,
            by_address: by_address.iter().map(|(address, count)| ((*address).to_owned(), *count)).collect(),
            untagged: [("route".to_owned(), routes)].into(),
            outputs: ["url".to_owned()].into(),
            details: BTreeMap::new(),
        }
    }

    #[test]
    fn orphans_duplicates_and_what_is_missing_are_told_apart() {
        let whole = inventory(&[("a", 1), ("b", 1)], 2, 10);
        assert!(whole.differs(&whole).is_none());
        let found = inventory(&[("a", 2), ("c", 1)], 3, 12).differs(&whole);
        assert_eq!(found.orphans, ["c", "a route"]);
        assert_eq!(found.duplicates, ["a (2)"]);
        assert_eq!(found.wrong, ["b is missing"]);
        // What was made and not tagged is seen by the count alone.
        assert_eq!(inventory(&[("a", 1), ("b", 1)], 2, 11).differs(&whole).orphans.len(), 1);
    }

    #[test]
    fn a_property_that_differs_is_wrong() {
        let mut whole = inventory(&[("a", 1)], 0, 1);
        let mut other = whole.clone();
        whole.details.insert("a".into(), serde_json::json!({ "cpu": "256" }));
        other.details.insert("a".into(), serde_json::json!({ "cpu": "512" }));
        assert_eq!(other.differs(&whole).wrong, ["a"]);
    }
}
