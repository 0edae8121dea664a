//! What a plan would make a second time: it is there with the environment's tags, and the state does not know it.
//!
//! A state can be behind what is there: it was deleted or is on another machine, an old backup was restored, or a call of
//! a killed run was carried out long after the next run had looked for it. One listing by tags, made only where
//! a plan creates something, tells.

use std::collections::BTreeSet;

use engine::plan::{Plan, Verb};
use engine::rebuild::{Listed, Rebuilt};
use engine::session::{Purpose, SessionError};
use engine::state::Record;
use engine::{State, Surroundings};

use super::plan::Prepared;
use super::rebuild;
use crate::app::App;
use crate::display::talk;
use crate::display::words::count;
use crate::error::{Error, Result};
use crate::tagged::{self, Unlisted};

/// What a look for strays came to.
enum Seen {
    /// There is none.
    Nothing,
    /// It could not be looked.
    Unlisted(Unlisted),
    /// What was found, and the entries of the state that it takes the place of.
    Strays { rebuilt: Rebuilt, gone: Vec<Record> },
}

/// Takes into the state what a plan would make a second time; a session that only looks, for itself. Whether it was
/// anything: then the plan is out of date.
///
/// # Errors
/// A state that was never written knows nothing of an environment that is there: whether it is the right state, only a
/// person knows. The same where it cannot be seen whether it is there.
pub async fn take_up(app: &App, prepared: &mut Prepared, plan: &Plan, purpose: Purpose) -> Result<bool> {
    let name = &prepared.loaded.name;
    let (rebuilt, mut gone) = match look(app, prepared, plan).await? {
        Seen::Nothing => return Ok(false),
        Seen::Unlisted(unlisted) if prepared.session.state.serial == 0 && purpose == Purpose::Write => {
            return Err(unseen(app, name, unlisted).await);
        }
        // Whoever may change all of this need not be allowed to list it.
        Seen::Unlisted(unlisted) => {
            talk(format_args!("Whether any of this is there already could not be seen: {}", unlisted.failure));
            return Ok(false);
        }
        Seen::Strays { rebuilt, gone } => (rebuilt, gone),
    };
    if prepared.session.state.serial == 0 {
        return Err(without_state(app, name, rebuilt.found.len()).await);
    }
    let when = if purpose == Purpose::Write { "now" } else { "by the next deploy" };
    talk(format_args!("There with the tags of {name}, and in no state; taken into it {when}:"));
    rebuilt.found.iter().for_each(|entry| talk(format_args!("    {}: {}", entry.address, entry.id)));
    gone.extend(rebuilt.records());
    match purpose {
        Purpose::Write => prepared.session.record(&gone).await?,
        Purpose::Look => gone.iter().for_each(|record| prepared.session.state.apply(record)),
    }
    Ok(true)
}

/// The error of a state that knows nothing of what is there.
pub async fn without_state(app: &App, name: &str, there: usize) -> Error {
    let there = count(there, "resource");
    let place = place(app, name).await;
    Error::told(format!("no state of {name} is in {place}, and {there} with its tags are there"))
        .hint("if its state is elsewhere, bring it here or say where it is ([state] in the environment's file); if it is lost: cargo xtask state rebuild")
}

/// The error where nobody can say whether an environment without state is there: made blindly, it might be there twice.
pub async fn unseen(app: &App, name: &str, unlisted: Unlisted) -> Error {
    let place = place(app, name).await;
    let error = Error::from(unlisted);
    let Error::Told { message, detail, hint } = error else { return error };
    let message = format!("no state of {name} is in {place}, and {message}");
    Error::Told { message, detail, hint }
}

async fn place(app: &App, name: &str) -> String {
    match app.state_home(name).await {
        Ok(home) => home.place(),
        Err(_) => "where the environment's file says".to_owned(),
    }
}

async fn look(app: &App, prepared: &Prepared, plan: &Plan) -> Result<Seen> {
    let made: Vec<_> = plan.changes().filter(|action| action.verb == Verb::Create).collect();
    if made.is_empty() {
        return Ok(Seen::Nothing);
    }
    let addresses: BTreeSet<&str> = made.iter().map(|action| action.address.as_str()).collect();
    let regions: BTreeSet<String> = made.iter().map(|action| action.region.clone()).collect();
    let surroundings = app.surroundings(&prepared.loaded.name, &prepared.place);
    let listed = match tagged::listed(&surroundings, &regions).await {
        Ok(listed) => listed,
        Err(unlisted) => return Ok(Seen::Unlisted(unlisted)),
    };
    let state = &prepared.session.state;
    // What the state has at these addresses is gone: that is why they are made.
    let mut without = state.clone();
    without.entries.retain(|address, _| !addresses.contains(address.as_str()));
    let suspect = |one: &Listed| one.address().is_some_and(|at| addresses.contains(at));
    let suspects: Vec<Listed> = listed.into_iter().filter(suspect).collect();
    // The listing is some seconds behind, and has what the state knows as replaced or at another address: a look at them
    // alone is cheap.
    if suspects.is_empty() || !is_there(&surroundings, &without, &suspects).await? {
        return Ok(Seen::Nothing);
    }
    let mut rebuilt = rebuild::find(app, &prepared.place, &without).await?;
    rebuilt.only(&addresses);
    if rebuilt.found.is_empty() {
        return Ok(Seen::Nothing);
    }
    let gone = rebuilt.found.iter().filter_map(|found| state.entries.get(&found.address));
    let gone = gone.map(|entry| Record::Forgot { address: entry.address.clone(), id: entry.id.clone() }).collect();
    Ok(Seen::Strays { rebuilt, gone })
}

async fn is_there(surroundings: &Surroundings, state: &State, suspects: &[Listed]) -> Result<bool> {
    let found = engine::drift::unmanaged(surroundings, state, suspects).await.map_err(SessionError::from)?;
    Ok(found.iter().any(|one| one.adoptable))
}
