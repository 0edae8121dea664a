//! `output`: what the last deploy gave out.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::app::App;
use crate::cli::OutputArgs;
use crate::display::table::Columns;
use crate::display::{data, json as print_json};
use crate::error::{Error, Result};

/// Prints all outputs, or the value of one.
pub async fn run(app: &App, args: &OutputArgs) -> Result<()> {
    let name = app.environment()?;
    let state = app.read_state(&name).await?;
    if state.outputs.is_empty() {
        return Err(Error::told(format!("{name} has no outputs: it is not deployed")).hint("cargo xtask deploy-full"));
    }
    match &args.name {
        None if app.global.json => print_json(&state.outputs),
        None => print(&state.outputs),
        Some(output) => match state.outputs.get(output) {
            Some(value) if app.global.json => print_json(value),
            Some(value) => data(plain(value)),
            None => {
                let told = Error::told(format!("{name} has no output `{output}`"));
                let names: Vec<&str> = state.outputs.keys().map(String::as_str).collect();
                return Err(told.hint(format!("there are: {}", names.join(", "))));
            }
        },
    }
    Ok(())
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Prints outputs as a table.
pub fn print(outputs: &BTreeMap<String, Value>) {
    let mut table = Columns::new(&["output", "value"]);
    for (name, value) in outputs {
        table.row([name.clone(), plain(value)]);
    }
    data(table.text());
}
