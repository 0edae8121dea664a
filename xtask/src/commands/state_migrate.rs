//! `state migrate`: moves the state between the disk and S3, or from one bucket to another.

use engine::State;
use serde_json::json;

use super::backup_state;
use crate::app::App;
use crate::cli::StatePlaceName;
use crate::display::words::count;
use crate::display::{data, json as print_json, talk};
use crate::error::{Error, Result};
use crate::state_home::{At, Held, StateHome};

const COMMAND: &str = "state migrate";

/// Moves it, under the locks of both places; a backup stays.
pub async fn run(app: &App, to: StatePlaceName) -> Result<()> {
    let name = app.environment()?;
    let (from, to) = places(app, &name, to).await?;
    let from_held = from.lock(COMMAND, app.lock_timeout()).await?;
    let to_held = match to.lock(COMMAND, app.lock_timeout()).await {
        Ok(held) => held,
        Err(error) => {
            from_held.release().await;
            return Err(error);
        }
    };
    let result = carry_out(app, &name, (&from, &from_held), (&to, &to_held)).await;
    from_held.release().await;
    to_held.release().await;
    result
}

/// From where to where.
async fn places(app: &App, name: &str, to: StatePlaceName) -> Result<(StateHome, StateHome)> {
    let disk = StateHome::disk(app.state_dir(name));
    let declared = app.declared_home(name).await?;
    let before = app.remembered_home(name).await?;
    match (to, &declared.at) {
        (StatePlaceName::S3, At::Disk) => Err(Error::told(format!("the file of {name} keeps its state on disk"))
            .hint("name a bucket under `[state]` first; for the local cloud also `clouds = [\"aws\", \"local\"]`")),
        (StatePlaceName::S3, At::S3 { .. }) => {
            let other = before.filter(|before| !before.is(&declared));
            let from = match other {
                Some(other) if other.has_state().await? => other,
                _ => disk,
            };
            Ok((from, declared))
        }
        (StatePlaceName::Disk, _) => {
            let from = match (before, &declared.at) {
                (Some(before), _) => before,
                (None, At::S3 { .. }) => declared,
                (None, At::Disk) => {
                    return Err(Error::told(format!("the state of {name} is on disk already")));
                }
            };
            Ok((from, disk))
        }
    }
}

async fn carry_out(
    app: &App,
    name: &str,
    (from, from_held): (&StateHome, &Held),
    (to, to_held): (&StateHome, &Held),
) -> Result<()> {
    if to.has_state().await? {
        return Err(Error::told(format!("there is a state in {} already", to.place()))
            .hint("one of the two must go: look at both, and `cargo xtask backup-state` before anything else"));
    }
    // An earlier run that still lives must not write to what is left behind.
    let state = from.store(COMMAND, from_held.gate()).claim().await?.state;
    if state.is_empty() {
        to.remember()?;
        report(app, name, from, to, &state, None);
        return Ok(());
    }
    let backup = backup_state::write(app, name, from, &state, None)?;
    let moved = State { serial: state.serial + 1, ..state };
    to.replace(&moved, COMMAND, to_held).await?;
    if to.state().await? != moved {
        return Err(Error::told(format!("read back, {} is not what was written", to.place()))
            .hint(format!("nothing was deleted: the state is still in {}", from.place())));
    }
    let empty = State { serial: moved.serial, cloud: moved.cloud.clone(), ..State::default() };
    from.replace(&empty, COMMAND, from_held).await?;
    to.remember()?;
    report(app, name, from, to, &moved, Some(backup));
    Ok(())
}

fn report(app: &App, name: &str, from: &StateHome, to: &StateHome, state: &State, backup: Option<std::path::PathBuf>) {
    if app.global.json {
        print_json(&json!({
            "environment": name,
            "from": from.place(),
            "to": to.place(),
            "resources": state.entries.len(),
            "backup": backup,
        }));
        return;
    }
    let resources = count(state.entries.len(), "resource");
    data(format_args!("{resources}: from {} to {}", from.place(), to.place()));
    if let Some(backup) = backup {
        talk(format_args!("A backup is in {}", backup.display()));
    }
    if matches!(to.at, At::Disk) {
        talk(format_args!("help: now take `[state]` out of the file of {name}, or this cloud out of its `clouds`"));
    }
}
