//! An environment with something changed in it: one subnet's range, one service's size, how long logs are kept.

use std::path::PathBuf;

use toml_edit::{DocumentMut, Item, Table, value};

use super::world::World;
use crate::error::{About, Error, Result};

/// An environment file as it is, and changed.
pub struct Variant {
    file: PathBuf,
    before: String,
    after: String,
}

impl Variant {
    /// The variant of a world's environment. Asks for at least one replacement.
    pub fn of(world: &World) -> Result<Self> {
        let loaded = environment::load(world.root(), Some(&world.name)).map_err(Error::Findings)?;
        let file = world.root().join("environments").join(format!("{}.toml", world.name));
        let before = std::fs::read_to_string(&file).about(&file)?;
        let mut document: DocumentMut =
            before.parse().map_err(|error| Error::told(format!("{}: {error}", file.display())))?;
        let settings = serde_json::to_value(&loaded.settings).map_err(|error| Error::told(error.to_string()))?;
        if let Some(ranges) = settings["networking"]["public"].as_array() {
            let mut ranges: Vec<String> = ranges.iter().filter_map(|range| range.as_str().map(str::to_owned)).collect();
            if let Some(last) = ranges.last_mut() {
                *last = elsewhere(last);
            }
            let ranges: toml_edit::Array = ranges.into_iter().collect();
            table(&mut document, &["networking"])["public"] = value(ranges);
        }
        for (name, service) in settings["compute"]["service"].as_object().into_iter().flatten().take(1) {
            let larger = if service["cpu"] == 512 { (1024, 2048) } else { (512, 1024) };
            let service = table(&mut document, &["compute", "service", name]);
            service["cpu"] = value(larger.0);
            service["memory"] = value(larger.1);
        }
        let kept = if settings["monitoring"]["log-retention-days"] == 14 { 30 } else { 14 };
        table(&mut document, &["monitoring"])["log-retention-days"] = value(kept);
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

/// The same range a hundred networks further on: `10.0.102.0/24` → `10.0.202.0/24`.
fn elsewhere(range: &str) -> String {
    let mut parts: Vec<String> = range.split('.').map(str::to_owned).collect();
    if let Some(third) = parts.get_mut(2)
        && let Ok(number) = third.parse::<u8>()
    {
        *third = (if number < 156 { number + 100 } else { number - 100 }).to_string();
    }
    parts.join(".")
}

#[cfg(test)]
mod tests {
    use super::elsewhere;

    #[test]
    fn a_range_moves_within_its_network() {
        assert_eq!(elsewhere("10.0.102.0/24"), "10.0.202.0/24");
        assert_eq!(elsewhere("10.0.200.0/24"), "10.0.100.0/24");
    }
}
