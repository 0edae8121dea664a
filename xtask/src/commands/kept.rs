//! What outlived the deletions of a run, read from the cloud.

use engine::Plan;
use engine::kept::Kept;
use futures::future::join_all;
use serde_json::json;

use crate::app::{App, Place};
use crate::display::losses::{deleted, kept_text};
use crate::display::{json_line, talk};

/// Tells what is still there of what a plan deleted, and how to delete that too. What cannot be asked is said to be so:
/// the run itself is over.
pub async fn tell(app: &App, place: &Place, environment: &str, plan: &Plan) {
    let surroundings = app.surroundings(environment, place);
    let asked = join_all(deleted(plan).map(|entry| {
        let cx = surroundings.context(&entry.address, &entry.region, &entry.token);
        async move {
            let stores = storage::kept::kept(entry, &cx).await?;
            let secrets = security::kept::kept(entry, &cx).await?;
            Ok::<Vec<Kept>, engine::Failure>(stores.into_iter().chain(secrets).collect())
        }
    }));
    let mut kept = Vec::new();
    for answer in asked.await {
        match answer {
            Ok(more) => kept.extend(more),
            Err(failure) => talk(format_args!("what was kept cannot be told in full: {failure}")),
        }
    }
    if kept.is_empty() {
        return;
    }
    if app.global.json {
        json_line(&json!({ "event": "kept", "kept": kept }));
    } else {
        talk(format_args!("{}", kept_text(&kept)));
    }
}
