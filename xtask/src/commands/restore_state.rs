//! `restore-state`: a backup, or an earlier version in S3, in the place of the state.

use std::path::Path;

use engine::State;
use engine::store::StoreError;
use remote_state::Backup;
use serde_json::{Value, json};

use super::backup_state;
use crate::app::App;
use crate::cli::RestoreArgs;
use crate::display::table::Columns;
use crate::display::words::count;
use crate::display::{data, json as print_json, talk};
use crate::error::{About, Error, Result};
use crate::state_home::StateHome;

/// How much a state's serial grows when nobody knows what it was: no plan made before fits it by chance.
pub(super) const UNKNOWN: u64 = 1_000_000;

/// Restores, or lists what can be restored.
pub async fn run(app: &App, args: &RestoreArgs) -> Result<()> {
    let name = app.environment()?;
    if args.list {
        return list(app, &name).await;
    }
    let place = app.connect_for(&name).await?;
    let home = app.state_home(&name).await?;
    let (mut state, from) = match (&args.file, &args.version) {
        (Some(file), _) => (of_file(app, &name, file)?, file.display().to_string()),
        (None, Some(version)) => (of_version(home, version).await?, format!("version {version}")),
        (None, None) => return Err(Error::told("a file, a version or --list is needed")),
    };
    if !state.is_empty() && state.cloud != place.id {
        return Err(Error::told(format!("the backup is of {}, and this is {}", state.cloud, place.id)));
    }
    app.lock(&name, "restore-state").await?;
    let present = match home.state().await {
        Ok(present) => Some(present),
        Err(StoreError::Damaged { path, why }) => {
            talk(format_args!("{}: the state that is there is damaged: {why}", path.display()));
            None
        }
        Err(error) => return Err(error.into()),
    };
    let there = present.as_ref().map_or(0, |present| present.entries.len());
    talk(format_args!(
        "{} of {from} take the place of {there} in {}",
        count(state.entries.len(), "resource"),
        home.place()
    ));
    if !app.confirm(&format!("Restore the state of {name}?"))? {
        return Err(Error::told("nothing was done"));
    }
    let backup = match &present {
        Some(present) => Some(backup_state::write(app, &name, home, present, None)?),
        None => {
            home.set_damaged_aside()?;
            None
        }
    };
    // It is here, whatever was so when it was written.
    state.moved_to = None;
    // A plan made before, from either state, must not fit any more.
    state.serial = match &present {
        Some(present) => state.serial.max(present.serial) + 1,
        None => state.serial + UNKNOWN,
    };
    app.replace_state(&name, &state).await?;
    if home.state().await? != state {
        return Err(Error::told(format!("read back, {} is not what was written", home.place())).hint("try again"));
    }
    if app.global.json {
        print_json(&json!({
            "environment": name,
            "place": home.place(),
            "from": from,
            "resources": state.entries.len(),
            "serial": state.serial,
            "backup": backup,
        }));
        return Ok(());
    }
    data(format_args!("Restored: {} in {}", count(state.entries.len(), "resource"), home.place()));
    if let Some(backup) = backup {
        talk(format_args!("What was there before is in {}", backup.display()));
    }
    talk(format_args!("help: `cargo xtask plan` shows how it differs from what is there"));
    Ok(())
}

fn of_file(app: &App, name: &str, path: &Path) -> Result<State> {
    let bytes = std::fs::read(path).about(path)?;
    let backup = Backup::decode(&bytes).map_err(|why| {
        let told = Error::told(format!("{} is no whole backup", path.display())).detail(why);
        told.hint("`cargo xtask restore-state --list` names the backups there are")
    })?;
    let (of, here) = (format!("{} on {}", backup.environment, backup.cloud), format!("{name} on {}", app.cloud_name()));
    if of != here {
        return Err(Error::told(format!("{} is of {of}, not of {here}", path.display()))
            .hint(format!("--env {} --cloud {}", backup.environment, backup.cloud)));
    }
    Ok(backup.state)
}

async fn of_version(home: &StateHome, version: &str) -> Result<State> {
    let Some(store) = home.s3_store("restore-state", None) else {
        return Err(Error::told(format!("{} has no versions: it is on disk", home.place()))
            .hint("restore a file: `cargo xtask restore-state --list` names them"));
    };
    store.version(version).await?.ok_or_else(|| {
        Error::told(format!("{} has no version {version}", home.place())).hint("cargo xtask restore-state --list")
    })
}

async fn list(app: &App, name: &str) -> Result<()> {
    let home = app.state_home(name).await?;
    let prefix = backup_state::prefix(app, name);
    let files = std::fs::read_dir(backup_state::dir(app)).into_iter().flatten().flatten();
    let mut files: Vec<_> =
        files.filter(|file| file.file_name().to_string_lossy().starts_with(&prefix)).map(|file| file.path()).collect();
    files.sort_by(|a, b| b.cmp(a));
    let backups: Vec<(String, std::result::Result<Backup, String>)> = files
        .iter()
        .map(|path| {
            let read = std::fs::read(path).map_err(|error| error.to_string());
            (path.display().to_string(), read.and_then(|bytes| Backup::decode(&bytes)))
        })
        // A name may begin as another environment's.
        .filter(|(_, backup)| backup.as_ref().map_or(true, |backup| backup.environment == name))
        .collect();
    let versions = match home.s3_store("restore-state", None) {
        Some(store) => store.versions().await?,
        None => Vec::new(),
    };
    if app.global.json {
        let backup = |(file, backup): &(String, std::result::Result<Backup, String>)| -> Value {
            match backup {
                Ok(backup) => json!({
                    "file": file, "time": backup.time, "serial": backup.state.serial,
                    "resources": backup.state.entries.len(),
                }),
                Err(why) => json!({ "file": file, "damaged": why }),
            }
        };
        let backups: Vec<Value> = backups.iter().map(backup).collect();
        print_json(&json!({ "environment": name, "place": home.place(), "backups": backups, "versions": versions }));
        return Ok(());
    }
    let mut table = Columns::new(&["time", "what", "restore-state"]);
    for (file, backup) in &backups {
        match backup {
            Ok(backup) => {
                let what = count(backup.state.entries.len(), "resource");
                table.row([backup.time.clone(), what, file.clone()]);
            }
            Err(why) => table.row([String::new(), format!("damaged: {why}"), file.clone()]),
        }
    }
    for version in &versions {
        let what = if version.current { "the state" } else { "an earlier version" };
        let what = format!("{what}, {} bytes", version.bytes);
        table.row([version.time.clone(), what, format!("--version {}", version.id)]);
    }
    if backups.is_empty() && versions.is_empty() {
        talk(format_args!("There are no backups of {name}; `cargo xtask backup-state` makes one."));
    } else {
        data(table.text());
    }
    Ok(())
}
