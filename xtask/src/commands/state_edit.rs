//! `state rm`, `state mv`: the state changed by hand; the cloud is not.

use engine::event::Events;
use engine::session::Purpose;
use engine::state::{Entry, Record};
use engine::{Address, Session};
use serde_json::json;

use super::state::entry;
use crate::app::App;
use crate::display::{data, json as print_json, talk};
use crate::error::{Error, Result};

/// Opens the state to be written to. The file of the environment may be gone.
async fn open(app: &App, command: &str) -> Result<(String, Session)> {
    let name = app.environment()?;
    app.lock(&name, command).await?;
    let place = app.connect_for(&name).await?;
    let mut session = app.session(&name, &place, Events::default(), Purpose::Write).await?;
    super::rebuild::mend(app, &place, &mut session).await?;
    Ok((name, session))
}

/// Forgets a resource: it stays in the cloud as it is, and is Groundplan's no more.
pub async fn remove(app: &App, address: &str) -> Result<()> {
    let (name, mut session) = open(app, "state rm").await?;
    let Entry { address, id, .. } = entry(&session.state, address)?.clone();
    let users = session.state.entries.values().filter(|user| user.dependencies.contains(&address));
    let users: Vec<String> = users.map(|user| user.address.to_string()).collect();
    let used = if users.is_empty() { String::new() } else { format!(" It is used by {}.", users.join(", ")) };
    if !app.confirm(&format!("Forget {address} ({id}) of {name}? It stays in the cloud.{used}"))? {
        return Err(Error::told("nothing was done"));
    }
    session.record(&[Record::Forgot { address: address.clone(), id: id.clone() }]).await?;
    if app.global.json {
        print_json(&json!({ "environment": name, "forgotten": address, "id": id }));
    } else {
        data(format_args!("{address} ({id}) is forgotten. Adopt it again: cargo xtask import {address} {id}"));
        if is_declared(app, &address) {
            talk(format_args!("It is declared and keeps its tags: the next deploy adopts it, too."));
        }
    }
    Ok(())
}

fn is_declared(app: &App, address: &Address) -> bool {
    app.load().is_ok_and(|loaded| loaded.nodes.iter().any(|node| node.address == *address))
}

/// Gives a resource another address, so that a renamed declaration does not make another one.
pub async fn rename(app: &App, from: &str, to: &str) -> Result<()> {
    let to = Address::parse(to).map_err(|error| Error::told(error.to_string()))?;
    let (name, mut session) = open(app, "state mv").await?;
    let from = entry(&session.state, from)?.address.clone();
    if let Some(there) = session.state.entries.get(&to) {
        return Err(Error::told(format!("there is a `{to}` already: {}", there.id))
            .hint(format!("forget it first, if it is not the one: cargo xtask state rm {to}")));
    }
    session.record(&[Record::Moved { from: from.clone(), to: to.clone() }]).await?;
    if app.global.json {
        print_json(&json!({ "environment": name, "from": from, "to": to }));
    } else {
        data(format_args!("{from} is {to} now. The next deploy changes its address tag."));
    }
    Ok(())
}
