//! `show`: the resources with their ids, properties and attributes, as the state has them.

use serde_json::json;

use super::state::entry;
use crate::app::App;
use crate::cli::ShowArgs;
use crate::display::style::{QUIET, STRONG, paint};
use crate::display::words::value;
use crate::display::{data, json as print_json};
use crate::error::{Error, Result};

/// Shows one resource, or all.
pub async fn run(app: &App, args: &ShowArgs) -> Result<()> {
    let name = app.environment()?;
    let state = app.read_state(&name).await?;
    let entries: Vec<_> = match &args.address {
        Some(address) => vec![entry(&state, address)?],
        None => state.entries.values().collect(),
    };
    if entries.is_empty() {
        return Err(Error::told(format!("nothing of {name} is deployed")).hint("cargo xtask deploy-full"));
    }
    if app.global.json {
        print_json(
            &json!({ "environment": name, "cloud": state.cloud, "resources": entries, "outputs": state.outputs }),
        );
        return Ok(());
    }
    for entry in entries {
        data(format_args!("{}  {}", paint(STRONG, &entry.address), paint(QUIET, &entry.type_name)));
        data(format_args!("  id: {}", entry.id));
        for (key, property) in entry.properties.as_object().into_iter().flatten() {
            data(format_args!("  {key}: {}", value(property)));
        }
        for (key, attribute) in &entry.attributes {
            data(format_args!("  {}", paint(QUIET, format_args!("{key} = {}", value(attribute)))));
        }
        data("");
    }
    Ok(())
}
