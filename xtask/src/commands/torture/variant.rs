//! An environment with something changed in it: a few things, or its whole network.

use std::path::PathBuf;

use serde_json::Value;
use toml_edit::{DocumentMut, Item, Table, value};

use super::world::World;
use crate::cli::TortureUpdate;
use crate::error::{About, Error, Result};

/// An environment file as it is, and changed.
pub struct Variant {
    file: PathBuf,
    before: String,
    after: String,
}

impl Variant {
    /// The variant of a world's environment. Asks for at least one replacement.
    pub fn of(world: &World, update: TortureUpdate) -> Result<Self> {
        let loaded = environment::load(world.root(), Some(&world.name)).map_err(Error::Findings)?;
        let file = world.root().join("environments").join(format!("{}.toml", world.name));
        let before = std::fs::read_to_string(&file).about(&file)?;
        let mut document: DocumentMut =
            before.parse().map_err(|error| Error::told(format!("{}: {error}", file.display())))?;
        let settings = serde_json::to_value(&loaded.settings).map_err(|error| Error::told(error.to_string()))?;
        match update {
            TortureUpdate::Subnet => another_subnet(&settings, &mut document),
            TortureUpdate::Network => another_network(&settings, &mut document),
        }
        Ok(Self { file, before, after: document.to_string() })
    }

    /// Has the environment's file say that the local cloud's state is in its S3.
    pub fn state_in_s3(world: &World) -> Result<()> {
        let file = world.root().join("environments").join(format!("{}.toml", world.name));
        let text = std::fs::read_to_string(&file).about(&file)?;
        let mut document: DocumentMut =
            text.parse().map_err(|error| Error::told(format!("{}: {error}", file.display())))?;
        let state = table(&mut document, &["state"]);
        state["bucket"] = value("torture-state");
        let clouds: toml_edit::Array = ["aws", "local"].into_iter().collect();
        state["clouds"] = value(clouds);
        std::fs::write(&file, document.to_string()).about(&file)
    }

    /// Puts the change into the file.
    pub fn write(&self) -> Result<()> {
        std::fs::write(&self.file, &self.after).about(&self.file)
    }

    /// Takes it out again.
    pub fn write_back(&self) -> Result<()> {
        std::fs::write(&self.file, &self.before).about(&self.file)
    }
}

fn another_subnet(settings: &Value, document: &mut DocumentMut) {
    let mut ranges = texts(&settings["networking"]["public"]);
    if let Some(last) = ranges.last_mut() {
        *last = moved(last, 2, 100);
        table(document, &["networking"])["public"] = value(ranges.into_iter().collect::<toml_edit::Array>());
    }
    for (name, service) in settings["compute"]["service"].as_object().into_iter().flatten().take(1) {
        let larger = if service["cpu"] == 512 { (1024, 2048) } else { (512, 1024) };
        let service = table(document, &["compute", "service", name]);
        service["cpu"] = value(larger.0);
        service["memory"] = value(larger.1);
    }
    let kept = if settings["monitoring"]["log-retention-days"] == 14 { 30 } else { 14 };
    table(document, &["monitoring"])["log-retention-days"] = value(kept);
}

fn another_network(settings: &Value, document: &mut DocumentMut) {
    let network = &settings["networking"];
    if let Some(range) = network["cidr"].as_str() {
        table(document, &["networking"])["cidr"] = value(moved(range, 1, 1));
    }
    for key in ["private", "public"] {
        let ranges = texts(&network[key]);
        if !ranges.is_empty() {
            let ranges: toml_edit::Array = ranges.iter().map(|range| moved(range, 1, 1)).collect();
            table(document, &["networking"])[key] = value(ranges);
        }
    }
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|text| text.as_str().map(str::to_owned)).collect()
}

/// The table at a path, made where it is not.
fn table<'a>(document: &'a mut DocumentMut, path: &[&str]) -> &'a mut Item {
    let mut at = document.as_item_mut();
    for key in path {
        at = &mut at[key];
        if at.is_none() {
            let mut table = Table::new();
            table.set_implicit(true);
            *at = Item::Table(table);
        }
    }
    at
}

/// The same range further on, by one of its numbers: `10.0.102.0/24` → `10.0.202.0/24`.
fn moved(range: &str, place: usize, by: u8) -> String {
    let mut parts: Vec<String> = range.split('.').map(str::to_owned).collect();
    if let Some(part) = parts.get_mut(place)
        && let Ok(number) = part.parse::<u8>()
    {
        *part = number.checked_add(by).unwrap_or(number.saturating_sub(by)).to_string();
    }
    parts.join(".")
}

#[cfg(test)]
mod tests {
    use super::moved;

    #[test]
    fn a_range_moves_by_one_of_its_numbers() {
        assert_eq!(moved("10.0.102.0/24", 2, 100), "10.0.202.0/24");
        assert_eq!(moved("10.0.200.0/24", 2, 100), "10.0.100.0/24");
        assert_eq!(moved("10.0.0.0/16", 1, 1), "10.1.0.0/16");
    }
}
