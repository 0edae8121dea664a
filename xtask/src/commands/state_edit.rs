//! `state rm`, `state mv`: the state changed by hand; the cloud is not.

use engine::event::Events;
use engine::session::Purpose;
use engine::state::{Entry, Record};
use engine::{Address, Node, Session};
use environment::Loaded;
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
    app.load().is_ok_and(|loaded| declared(&loaded, address).is_some())
}

fn declared<'a>(loaded: &'a Loaded, address: &Address) -> Option<&'a Node> {
    loaded.nodes.iter().find(|node| node.address == *address)
}

/// Gives a resource another address, so that a renamed declaration does not make another one.
pub async fn rename(app: &App, from: &str, to: &str) -> Result<()> {
    let to = Address::parse(to).map_err(|error| Error::told(error.to_string()))?;
    let (name, mut session) = open(app, "state mv").await?;
    let moved = entry(&session.state, from)?.clone();
    let from = moved.address.clone();
    if from == to {
        return told(app, &name, &from, &to, format!("{from} has that address already: nothing was done."));
    }
    if let Some(there) = session.state.entries.get(&to) {
        return Err(Error::told(format!("there is a `{to}` already: {}", there.id))
            .hint(format!("forget it first, if it is not the one: cargo xtask state rm {to}")));
    }
    let next = fits(app, &moved, &to)?;
    session.record(&[Record::Moved { from: from.clone(), to: to.clone() }]).await?;
    told(app, &name, &from, &to, format!("{from} is {to} now. {next}"))
}

fn told(app: &App, name: &str, from: &Address, to: &Address, said: String) -> Result<()> {
    if app.global.json {
        print_json(&json!({ "environment": name, "from": from, "to": to }));
    } else {
        data(said.trim_end());
    }
    Ok(())
}

/// What the next deploy does with a resource at its new address; asks where that would delete it.
fn fits(app: &App, moved: &Entry, to: &Address) -> Result<&'static str> {
    // Without a file that can be read there is no next deploy.
    let Ok(loaded) = app.load() else { return Ok("") };
    match declared(&loaded, to) {
        Some(node) if node.type_name == moved.type_name => Ok("The next deploy changes its address tag."),
        Some(node) => {
            Err(Error::told(format!("`{to}` is declared as {}, and this is {}", node.type_name, moved.type_name))
                .hint("another type needs a resource of its own"))
        }
        None => {
            let (id, file) = (&moved.id, &loaded.name);
            let question =
                format!("{to} is not declared in {file}: unless that changes, the next deploy deletes {id}. Move it?");
            match app.confirm(&question)? {
                true => Ok("Declare it there, or the next deploy deletes it."),
                false => Err(Error::told("nothing was done")),
            }
        }
    }
}
