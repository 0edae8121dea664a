//! `state list`, `state show`: the state as it is. Reads no resource.

use engine::state::Entry;
use engine::{Address, State};

use crate::app::App;
use crate::cli::StateCommand;
use crate::display::table::Columns;
use crate::display::{data, json as print_json};
use crate::error::{Error, Result};

/// Looks at the state.
pub async fn run(app: &App, command: &StateCommand) -> Result<()> {
    if let StateCommand::Migrate { to } = command {
        return super::state_migrate::run(app, *to).await;
    }
    if let StateCommand::Rebuild(args) = command {
        return super::rebuild::run(app, args).await;
    }
    match command {
        StateCommand::Rm { address } => return super::state_edit::remove(app, address).await,
        StateCommand::Mv { from, to } => return super::state_edit::rename(app, from, to).await,
        _ => {}
    }
    let name = app.environment()?;
    let state = app.read_state(&name).await?;
    match command {
        StateCommand::List { prefix } => list(app, &state, prefix.as_deref().unwrap_or_default()),
        StateCommand::Show { address } => {
            let entry = entry(&state, address)?;
            print_json(entry);
        }
        _ => {}
    }
    Ok(())
}

/// The entry of an address, or which address is near.
pub fn entry<'a>(state: &'a State, address: &str) -> Result<&'a Entry> {
    state.entries.get(address).ok_or_else(|| {
        let told = Error::told(format!("the state has no `{address}`"));
        match schema::closest(address, state.entries.keys().map(Address::as_str)) {
            Some(near) => told.hint(format!("did you mean `{near}`?")),
            None if state.entries.is_empty() => told.hint("nothing is deployed: cargo xtask deploy-full"),
            None => told.hint("`cargo xtask state list` names them all"),
        }
    })
}

fn list(app: &App, state: &State, prefix: &str) {
    let entries: Vec<&Entry> =
        state.entries.values().filter(|entry| entry.address.as_str().starts_with(prefix)).collect();
    if app.global.json {
        let addresses: Vec<&Address> = entries.iter().map(|entry| &entry.address).collect();
        print_json(&addresses);
        return;
    }
    let mut table = Columns::new(&["address", "type", "id", ""]);
    for entry in entries {
        let note = match (&entry.failed, entry.incomplete) {
            (Some(why), _) => format!("failed: {why}"),
            (None, true) => "not finished".to_owned(),
            (None, false) => String::new(),
        };
        table.row([entry.address.to_string(), entry.type_name.clone(), entry.id.clone(), note]);
    }
    data(table.text());
}
