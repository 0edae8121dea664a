//! `create-state-bucket`: the bucket that state is kept in, its replica and the lock table.

use remote_state::bucket::{Did, Wanted};
use serde_json::json;

use crate::app::App;
use crate::cli::CloudName;
use crate::display::style::{ADD, CHANGE, QUIET, paint};
use crate::display::table::Columns;
use crate::display::{data, json as print_json, talk};
use crate::error::{Error, Result};

/// Makes them, or puts right what differs.
pub async fn run(app: &App) -> Result<()> {
    let loaded = app.load()?;
    let Some(state) = &loaded.settings.state else {
        return Err(Error::told(format!("{} keeps its state on disk: its file names no bucket", loaded.name))
            .hint("write `[state]` and `bucket = \"…\"` into it"));
    };
    let place = app.connect(&loaded.settings.region, loaded.settings.account.as_deref()).await?;
    let wanted = Wanted {
        bucket: state.bucket(&place.account),
        region: state.region.clone().unwrap_or_else(|| loaded.settings.region.clone()),
        account: place.account.clone(),
        replicate_to: state.replicate_to.clone(),
        lock_table: state.lock_table.clone(),
    };
    if wanted.replicate_to.as_ref() == Some(&wanted.region) {
        return Err(Error::told(format!("`replicate-to` is the bucket's own region, {}", wanted.region))
            .hint("name another region, or leave it out"));
    }
    if app.global.cloud == CloudName::Aws
        && !app.confirm(&format!("Make the bucket {} in {}?", wanted.bucket, place.id))?
    {
        return Err(Error::told("nothing was done"));
    }
    let steps = wanted.create(&place.cloud).await?;
    if app.global.json {
        print_json(&json!({
            "bucket": wanted.bucket, "region": wanted.region, "replica": wanted.replica(),
            "lock_table": wanted.lock_table, "cloud": place.id, "steps": steps,
        }));
        return Ok(());
    }
    let mut table = Columns::new(&["", "of", "what"]);
    for step in &steps {
        let did = match step.did {
            Did::Made => paint(ADD, "+ made"),
            Did::Changed => paint(CHANGE, "~ put right"),
            Did::Kept => paint(QUIET, "as it was"),
        };
        table.row([did, step.of.clone(), step.what.clone()]);
    }
    data(table.text());
    if !app.declared_home(&loaded.name).await?.place().starts_with("s3://") {
        talk(format_args!("On this cloud the state stays on disk: `clouds` under `[state]` does not name it."));
    }
    Ok(())
}
