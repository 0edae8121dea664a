//! `backup-state`: the whole state in one file, behind a checksum, for its owner only.

use std::path::PathBuf;

use engine::State;
use engine::store::file::write_atomically;
use remote_state::Backup;
use serde_json::json;

use crate::app::App;
use crate::cli::BackupArgs;
use crate::display::words::count;
use crate::display::{data, json as print_json};
use crate::error::{Error, Result};
use crate::state_home::StateHome;

/// Writes a backup.
pub async fn run(app: &App, args: &BackupArgs) -> Result<()> {
    let name = app.environment()?;
    let home = app.state_home(&name).await?;
    let state = app.read_state(&name).await?;
    if state.serial == 0 && state.is_empty() {
        let told = Error::told(format!("there is no state of {name} in {}", home.place()));
        return Err(told.hint("cargo xtask deploy-full"));
    }
    let path = write(app, &name, home, &state, args.out.clone())?;
    if app.global.json {
        print_json(&json!({
            "environment": name,
            "place": home.place(),
            "file": path,
            "serial": state.serial,
            "resources": state.entries.len(),
        }));
    } else {
        data(format_args!("{} of {} are in {}", count(state.entries.len(), "resource"), home.place(), path.display()));
    }
    Ok(())
}

/// Where backups are unless told otherwise.
pub fn dir(app: &App) -> PathBuf {
    app.home.join("backups")
}

/// What the names of an environment's backups begin with.
pub fn prefix(app: &App, name: &str) -> String {
    format!("{}-{}-", app.cloud_name(), name.replace('/', "-"))
}

/// Writes a backup of a state to a file, by default one with the time in its name.
pub fn write(app: &App, name: &str, home: &StateHome, state: &State, out: Option<PathBuf>) -> Result<PathBuf> {
    let now = jiff::Timestamp::now();
    let path = out
        .unwrap_or_else(|| dir(app).join(format!("{}{}.json", prefix(app, name), now.strftime("%Y%m%dT%H%M%S.%3fZ"))));
    let backup = Backup {
        environment: name.to_owned(),
        cloud: app.cloud_name().to_owned(),
        time: now.strftime("%FT%TZ").to_string(),
        place: home.place(),
        state: state.clone(),
    };
    write_atomically(&path, &backup.encode())?;
    Ok(path)
}
