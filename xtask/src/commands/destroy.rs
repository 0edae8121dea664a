//! `destroy`: everything of the environment, from the state alone.

use std::collections::BTreeMap;

use engine::Graph;
use engine::event::Events;
use engine::plan::{Risk, Selection};
use engine::session::{Declared, Purpose};
use serde_json::json;

use super::deploy_full::{finish, options};
use crate::app::{App, pseudo};
use crate::cli::{CloudName, DestroyArgs};
use crate::display::plan::{Costs, text};
use crate::display::words::count;
use crate::display::{json_line, progress, talk};
use crate::error::{Error, Result};

/// Destroys.
pub async fn run(app: &App, args: &DestroyArgs) -> Result<()> {
    let (events, inbox) = Events::channel();
    let view = progress::show(inbox, app.global.json);
    let result = destroy(app, args, events).await;
    let _ = view.await;
    let outcome = result?;
    finish(app, &outcome)?;
    if app.global.json {
        json_line(&json!({ "event": "summary", "complete": true, "destroyed": outcome.done }));
    } else {
        talk(format_args!("Nothing of {} is left.", app.environment()?));
    }
    Ok(())
}

async fn destroy(app: &App, args: &DestroyArgs, events: Events) -> Result<engine::apply::Outcome> {
    let name = app.environment()?;
    // The file may be gone: the state is enough. It is read only to guard the account.
    let (region, account) = match environment::load(&app.root, Some(&name)) {
        Ok(loaded) => (loaded.settings.region, loaded.settings.account),
        Err(findings) if !app.state_dir(&name).is_dir() => return Err(Error::Findings(findings)),
        Err(_) => ("us-east-1".to_owned(), None),
    };
    let _lock = app.lock(&name, "destroy")?;
    let place = app.connect(&region, account.as_deref()).await?;
    let mut session = app.session(&name, &place, events, Purpose::Write).await?;
    let graph =
        Graph::build(Vec::new(), &environment::catalogue()).map_err(|_| Error::told("an empty graph is whole"))?;
    let declared = Declared {
        graph: &graph,
        outputs: &BTreeMap::new(),
        pseudo: &pseudo(&place.account, &region),
        selection: &Selection::default(),
        refresh: false,
    };
    let plan = session.plan(&declared).await?;
    if !app.global.json {
        talk(format_args!("{} on {}", plan.environment, plan.cloud));
        talk(format_args!("{}", text(&plan, &Costs::new(), false)));
    }
    if plan.summary().is_empty() {
        return Ok(engine::apply::Outcome::default());
    }
    let mut lift = args.lift_protection;
    let protected: Vec<String> = plan
        .changes()
        .filter(|action| action.risk == Risk::Protected)
        .map(|action| action.address.to_string())
        .collect();
    if !protected.is_empty() && !lift {
        talk(format_args!("Protected: {}", protected.join(", ")));
        lift = app.type_name(&name)?;
        if !lift {
            return Err(Error::told("nothing was done"));
        }
    } else if app.global.cloud == CloudName::Aws || !app.global.yes {
        let question = format!("Destroy {} of {name} on {}?", count(plan.summary().destroy, "resource"), plan.cloud);
        if !app.confirm(&question)? {
            return Err(Error::told("nothing was done"));
        }
    }
    Ok(session.apply(&plan, "destroy", options(args.on_failure, lift)).await?)
}
