//! `destroy`: everything of the environment, from the state alone.

use std::collections::{BTreeMap, BTreeSet};

use engine::apply::Outcome;
use engine::drift::Unmanaged;
use engine::event::Events;
use engine::plan::{Risk, Selection};
use engine::session::{Declared, Purpose};
use engine::{Graph, Plan, Session};
use serde_json::json;

use super::deploy_full::{finish, options};
use super::{kept, strays};
use crate::app::{App, Place, pseudo};
use crate::cli::{CloudName, DestroyArgs};
use crate::display::plan::{Costs, text};
use crate::display::words::count;
use crate::display::{json_line, losses, progress, talk};
use crate::error::{Error, Result, status};
use crate::interrupt;
use crate::tagged::{self, Unlisted};

/// Destroys.
pub async fn run(app: &App, args: &DestroyArgs) -> Result<()> {
    let (events, inbox) = Events::channel();
    let view = progress::show(inbox, app.global.json);
    let result = destroy(app, args, events).await;
    let _ = view.await;
    let name = app.environment()?;
    let destroyed = match result? {
        Ended::Nothing { seen } => {
            if app.global.json {
                json_line(&json!({ "event": "summary", "complete": true, "destroyed": 0, "seen": seen }));
            } else if seen {
                talk(format_args!("Nothing of {name} is there."));
            } else {
                talk(format_args!("The state of {name} has nothing to destroy."));
            }
            return Ok(());
        }
        Ended::Destroyed(destroyed) => destroyed,
    };
    kept::tell(app, &destroyed.place, &name, &destroyed.plan).await;
    finish(app, &destroyed.outcome)?;
    let seen = destroyed.left.is_some();
    let left = destroyed.left.unwrap_or_default();
    if !left.is_empty() {
        return Err(still_there(app, &name, &left));
    }
    if app.global.json {
        let done = destroyed.outcome.done;
        json_line(&json!({ "event": "summary", "complete": true, "destroyed": done, "seen": seen }));
    } else if seen {
        talk(format_args!("Nothing of {name} is left."));
    } else {
        talk(format_args!("All that the state of {name} had is destroyed."));
    }
    Ok(())
}

type Regions = BTreeSet<String>;

/// What was done, where.
struct Destroyed {
    place: Place,
    plan: Plan,
    outcome: Outcome,
    /// What was not in the state, and is there still. `None`: that could not be seen.
    left: Option<Vec<Unmanaged>>,
}

/// How it ended.
enum Ended {
    /// There was nothing to destroy; whether it was seen that nothing is there.
    Nothing { seen: bool },
    /// Something was destroyed.
    Destroyed(Box<Destroyed>),
}

async fn destroy(app: &App, args: &DestroyArgs, events: Events) -> Result<Ended> {
    let name = app.environment()?;
    // The file may be gone: the state is enough.
    let (region, account) = app.region_and_account(&name)?;
    app.lock(&name, "destroy").await?;
    let place = app.connect(&region, account.as_deref()).await?;
    let mut session = app.session(&name, &place, events, Purpose::Write).await?;
    super::rebuild::mend(app, &place, &mut session).await?;
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
    // What is left is looked for where anything was.
    let regions = tagged::regions(app, &session.state, [region.clone()]);
    if plan.summary().is_empty() {
        session.settle(&plan).await?;
        let seen = nothing_known(app, &name, &place, &session, &regions).await?;
        return Ok(Ended::Nothing { seen });
    }
    show(app, &name, &plan);
    let lift = consent(app, args, &name, &plan)?;
    let outcome = session.apply(&plan, "destroy", options(args.on_failure, lift)).await;
    interrupt::over();
    let outcome = outcome?;
    let left = match outcome.is_complete() {
        true => {
            left(app, &name, &place, &session, &regions).await.map_err(|unlisted| tell_unseen(&name, &unlisted)).ok()
        }
        false => Some(Vec::new()),
    };
    if left.as_ref().is_some_and(Vec::is_empty) && session.state.is_empty() {
        app.state_home(&name).await?.forget().await?;
    }
    Ok(Ended::Destroyed(Box::new(Destroyed { place, plan, outcome, left })))
}

/// Whether the state that has nothing is right: what carries the environment's tags would be left for ever. Without a
/// state and without a look nothing is known at all.
async fn nothing_known(app: &App, name: &str, place: &Place, session: &Session, regions: &Regions) -> Result<bool> {
    match (left(app, name, place, session, regions).await, session.state.serial) {
        (Ok(left), _) if left.is_empty() => Ok(true),
        (Ok(left), 0) => Err(strays::without_state(app, name, left.len()).await),
        (Ok(left), _) => Err(still_there(app, name, &left)),
        (Err(unlisted), 0) => Err(strays::unseen(app, name, unlisted).await),
        (Err(unlisted), _) => {
            tell_unseen(name, &unlisted);
            Ok(false)
        }
    }
}

/// Whoever may destroy it all need not be allowed to list it.
fn tell_unseen(name: &str, unlisted: &Unlisted) {
    let failure = &unlisted.failure;
    talk(format_args!("Whether anything else carries the tags of {name} could not be seen: {failure}"));
}

/// What carries the environment's tags and is in no state.
async fn left(
    app: &App,
    name: &str,
    place: &Place,
    session: &Session,
    regions: &Regions,
) -> std::result::Result<Vec<Unmanaged>, Unlisted> {
    let left = tagged::unmanaged(&app.surroundings(name, place), &session.state, regions).await?;
    Ok(left.into_iter().filter(|one| one.adoptable).collect())
}

fn still_there(app: &App, name: &str, left: &[Unmanaged]) -> Error {
    if app.global.json {
        json_line(&json!({ "event": "summary", "complete": false, "unmanaged": left }));
    } else {
        let there = count(left.len(), "resource");
        talk(format_args!("{there} with the tags of {name} are there still, and in no state:"));
        left.iter().for_each(|one| talk(format_args!("  {}", one.arn)));
        talk(format_args!("Take them into it (`cargo xtask state rebuild`), then destroy again."));
    }
    Error::Exit(status::PARTLY)
}

/// What is going to happen, and what data it costs.
fn show(app: &App, name: &str, plan: &Plan) {
    let lost = losses::of(plan, &environment::catalogue());
    let protected = protected(plan);
    if app.global.json {
        let production = losses::is_production(name);
        json_line(&json!({ "event": "losses", "production": production, "protected": protected, "losses": lost }));
        return;
    }
    talk(format_args!("{} on {}", plan.environment, plan.cloud));
    talk(format_args!("{}", text(plan, &Costs::new(), false)));
    if !lost.is_empty() {
        talk(format_args!("{}", losses::text(&lost, name, !protected.is_empty())));
    }
}

fn protected(plan: &Plan) -> Vec<String> {
    let protected = plan.changes().filter(|action| action.risk == Risk::Protected);
    protected.map(|action| action.address.to_string()).collect()
}

/// A person's consent, and whether it lifts the protection: to that `--yes` is none.
fn consent(app: &App, args: &DestroyArgs, name: &str, plan: &Plan) -> Result<bool> {
    let protected = protected(plan);
    let nothing = || Error::told("nothing was done");
    if !protected.is_empty() && !args.lift_protection {
        talk(format_args!("Protected: {}", protected.join(", ")));
        return if app.type_name(name)? { Ok(true) } else { Err(nothing()) };
    }
    if app.global.cloud == CloudName::Aws || !app.global.yes {
        let question = format!("Destroy {} of {name} on {}?", count(plan.summary().destroy, "resource"), plan.cloud);
        if !app.confirm(&question)? {
            return Err(nothing());
        }
    }
    Ok(args.lift_protection)
}
