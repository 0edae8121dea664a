//! `deploy-full`: plan, show, ask, apply, verify, outputs.

use engine::apply::{OnFailure, Options, Outcome};
use engine::event::Events;
use engine::plan::Plan;
use engine::session::Purpose;
use serde_json::json;

use super::plan::{Prepared, prepare, read};
use super::strays;
use crate::app::App;
use crate::cli::{DeployArgs, OnFailureName, SelectionArgs};
use crate::display::plan::text;
use crate::display::words::{count, duration};
use crate::display::{json_line, progress, talk};
use crate::error::{Error, Result, status};
use crate::interrupt;

/// How many operations at once: a bound on sockets and memory.
const AT_ONCE: usize = 128;

impl From<OnFailureName> for OnFailure {
    fn from(name: OnFailureName) -> Self {
        match name {
            OnFailureName::Stop => Self::Stop,
            OnFailureName::Continue => Self::Continue,
            OnFailureName::Undo => Self::Undo,
        }
    }
}

/// How a run is carried out.
pub fn options(on_failure: OnFailureName, lift_protection: bool) -> Options {
    Options { on_failure: on_failure.into(), lift_protection, at_once: AT_ONCE, interrupt: interrupt::listen() }
}

/// Deploys.
pub async fn run(app: &App, args: &DeployArgs) -> Result<()> {
    let (events, inbox) = Events::channel();
    let view = progress::show(inbox, app.global.json);
    let result = deploy(app, args, events).await;
    // The session, and with it the last sender of events, is gone: the view shows what is left.
    let _ = view.await;
    let (prepared, plan, outcome) = result?;
    super::kept::tell(app, &prepared.place, &prepared.loaded.name, &plan).await;
    finish(app, &outcome)?;
    report(app, prepared, &plan).await
}

type Deployed = (Prepared, Plan, Outcome);

async fn deploy(app: &App, args: &DeployArgs, events: Events) -> Result<Deployed> {
    let name = app.environment()?;
    app.lock(&name, "deploy-full").await?;
    let mut prepared = prepare(app, events, Purpose::Write).await?;
    super::rebuild::mend(app, &prepared.place, &mut prepared.session).await?;
    super::import::finish(app, &mut prepared).await?;
    let mut plan = match &args.plan {
        Some(path) => read(path)?,
        None => prepared.plan(&args.selection).await?,
    };
    if strays::take_up(app, &mut prepared, &plan, Purpose::Write).await? && args.plan.is_none() {
        plan = prepared.plan(&args.selection).await?;
    }
    let costs = prepared.costs(&environment::catalogue());
    if !app.global.json {
        talk(format_args!("{} on {}", plan.environment, plan.cloud));
        talk(format_args!("{}", text(&plan, &costs, false)));
    }
    let empty = plan.summary().is_empty();
    // Without a change nothing is asked; a local cloud holds nothing dear, a file was read before.
    let ask = !empty && args.plan.is_none() && app.global.cloud == crate::cli::CloudName::Aws;
    if ask && !app.confirm(&format!("Deploy this to {}?", plan.cloud))? {
        return Err(Error::told("nothing was done"));
    }
    let outcome = if empty {
        prepared.session.settle(&plan).await?;
        Outcome::default()
    } else {
        let options = options(args.on_failure, args.lift_protection);
        let outcome = prepared.session.apply(&plan, "deploy-full", options).await;
        interrupt::over();
        outcome?
    };
    prepared.session.hush();
    Ok((prepared, plan, outcome))
}

/// Says how a run ended; what did not succeed is the exit status.
pub fn finish(app: &App, outcome: &Outcome) -> Result<()> {
    if outcome.is_complete() {
        if outcome.done > 0 && !app.global.json {
            talk(format_args!("{}", done_line(outcome)));
        }
        return Ok(());
    }
    if app.global.json {
        json_line(&json!({ "event": "summary", "complete": false, "outcome": outcome }));
    } else {
        talk(format_args!(
            "{} done, {} failed, {} not begun, in {}.",
            outcome.done,
            outcome.failed.len(),
            outcome.left.len(),
            duration(outcome.wall_seconds)
        ));
        // What was taken back is not to be done any more.
        for (address, work) in outcome.left.iter().filter(|_| outcome.undo.is_none()) {
            talk(format_args!("  left: {} {address}", work.as_str()));
        }
        if let Some(why) = &outcome.unwritten {
            talk(format_args!("  left: write down what was done: {why}"));
        }
        talk(format_args!("{}", rest(outcome)));
    }
    let interrupted = outcome.interrupted || outcome.undo.as_ref().is_some_and(|undo| undo.interrupted);
    Err(Error::Exit(match (interrupted, outcome.done + outcome.made) {
        (true, _) => status::INTERRUPTED,
        (false, 0) => status::ERROR,
        (false, _) if outcome.is_undone() => status::ERROR,
        (false, _) => status::PARTLY,
    }))
}

/// What a run that did not succeed leaves, in a sentence.
fn rest(outcome: &Outcome) -> String {
    let again = "Nothing is lost: the same command again goes on from here.";
    match (&outcome.undo, &outcome.undo_refused) {
        (Some(_), _) if outcome.is_undone() => "It was taken back: everything is as it was before.".to_owned(),
        (Some(undo), _) if undo.is_complete() => {
            let lost: Vec<&str> = outcome.undo_lost.iter().map(engine::Address::as_str).collect();
            format!(
                "It was taken back, but what these held is gone: they were deleted, and made again. {}",
                lost.join(", ")
            )
        }
        (Some(undo), _) => {
            let failed = undo.failed.iter().map(|failed| (&failed.address, failed.work));
            let left = undo.left.iter().map(|(address, work)| (address, *work)).chain(failed);
            let left: Vec<String> = left.map(|(address, work)| format!("{} {address}", work.as_str())).collect();
            format!("It was taken back but for: {}. {again}", left.join(", "))
        }
        (None, Some(why)) => format!("It was not taken back: {why}. {again}"),
        (None, None) => again.to_owned(),
    }
}

/// How much longer a run took than the longest path through what it did; 1 is the best there is.
fn stretch(outcome: &Outcome) -> Option<f64> {
    (outcome.longest_path_seconds > 0.0).then(|| outcome.wall_seconds / outcome.longest_path_seconds)
}

/// Reads everything back, and prints the outputs.
async fn report(app: &App, mut prepared: Prepared, plan: &Plan) -> Result<()> {
    let selection = SelectionArgs::default();
    let again = prepared.plan(&selection).await?;
    let differs: Vec<&engine::plan::Action> =
        again.changes().filter(|action| plan.changes().any(|done| done.address == action.address)).collect();
    if !differs.is_empty() {
        let names: Vec<String> = differs.iter().map(|action| action.address.to_string()).collect();
        return Err(Error::told(format!("read back, this is not as declared: {}", names.join(", ")))
            .hint("`cargo xtask plan` shows what differs"));
    }
    let outputs = &prepared.session.state.outputs;
    if app.global.json {
        json_line(&json!({ "event": "summary", "complete": true, "summary": plan.summary(), "outputs": outputs }));
        return Ok(());
    }
    talk(format_args!(
        "Verified: {} read back as declared.\n",
        count(prepared.session.state.entries.len(), "resource")
    ));
    super::output::print(outputs);
    Ok(())
}

/// The one line that ends a run that was complete.
fn done_line(outcome: &Outcome) -> String {
    let path = match stretch(outcome) {
        Some(stretch) => format!(", {stretch:.2} × the longest path of {}", duration(outcome.longest_path_seconds)),
        None => String::new(),
    };
    format!("Done: {} in {}{path}.", count(outcome.done, "operation"), duration(outcome.wall_seconds))
}
