//! `unlock`: takes the lock away from a holder that neither ends nor works.

use std::time::Duration;

use engine::store::{Lock, StoreError};
use remote_state::{Held, RemoteLock};
use serde_json::json;

use crate::app::App;
use crate::display::{data, json as print_json, talk};
use crate::error::{Error, Result};
use crate::state_home::{At, StateHome};

/// A holder that lives renews its lock, which then is another one to take away.
const TRIES: usize = 5;

/// Shows the holder, asks, takes the lock away, and shuts the holder out: what it would write after that is refused.
pub async fn run(app: &App) -> Result<()> {
    let name = app.environment()?;
    let home = app.declared_home(&name).await?;
    if matches!(home.at, At::Disk) {
        return on_disk(app, &name, &home);
    }
    let mut held = Vec::new();
    for lock in home.remote_locks() {
        if let Some(by) = lock.holder().await? {
            talk(format_args!("{}: {}", lock.place(), by.holder));
            if by.ended {
                talk(format_args!("Its lease has ended: the next run takes the lock over by itself."));
            }
            held.push((lock, by));
        }
    }
    if held.is_empty() {
        not_locked(app, &name);
        return Ok(());
    }
    if !app.confirm("Take the lock away?")? {
        return Err(Error::told("nothing was done"));
    }
    for (lock, by) in &held {
        take_away(lock, by).await?;
    }
    if let Err(error) = shut_out(&home).await {
        let told = Error::told(format!("the lock on {name} is taken away, but its holder could not be shut out"));
        let told = told.because(error);
        return Err(told.hint("should that run still live, it stops when it renews its lock the next time: every 10 s"));
    }
    if app.global.json {
        let (lock, by) = &held[0];
        print_json(&json!({ "environment": name, "locked": false, "unlocked": by.holder, "place": lock.place() }));
    } else {
        let then = match held.iter().all(|(_, by)| by.ends) {
            true => "Should that run still live, it can write no more and stops.",
            false => "What held the lock is no run of Groundplan's: should it live, it goes on.",
        };
        data(format_args!("{name} is not locked any more. {then}"));
    }
    Ok(())
}

/// A lock on disk is the kernel's: nobody can take it away.
fn on_disk(app: &App, name: &str, home: &StateHome) -> Result<()> {
    match Lock::take(&home.dir, "unlock") {
        Ok(lock) => {
            drop(lock);
            not_locked(app, name);
            Ok(())
        }
        Err(StoreError::Locked(holder)) => {
            let which = match holder.process_here() {
                Some(pid) => format!("`kill {pid}`"),
                None => format!("on its machine, `fuser {}` tells which it is", home.dir.join("lock").display()),
            };
            Err(Error::told(format!("{name} is locked: {holder}"))
                .hint(format!("a lock on disk ends with its process: {which}")))
        }
        Err(error) => Err(error.into()),
    }
}

async fn take_away(lock: &RemoteLock, held: &Held) -> Result<()> {
    let mut seen = Some(held.clone());
    for _ in 0..TRIES {
        let Some(now) = seen else { break };
        if now.holder != held.holder {
            return Err(Error::told(format!("meanwhile another run has taken it: {}", now.holder)));
        }
        if lock.take_away(&now).await? {
            break;
        }
        seen = lock.holder().await?;
    }
    if lock.holder().await?.is_some_and(|now| now.holder == held.holder) {
        return Err(Error::told("its holder renews it all the time: it lives").hint("end that process first"));
    }
    Ok(())
}

/// Seals the journal, so that what the holder would still write is refused: until its next renewal it does not know that
/// its lock is gone.
async fn shut_out(home: &StateHome) -> Result<()> {
    let held = match home.lock("unlock", Duration::ZERO).await {
        Ok(held) => held,
        // Another run was faster, and shuts the holder out itself.
        Err(_) if is_locked(home).await => return Ok(()),
        Err(error) => return Err(error),
    };
    let sealed = home.store("unlock", held.gate()).claim().await;
    held.release().await;
    Ok(sealed.map(drop)?)
}

async fn is_locked(home: &StateHome) -> bool {
    for lock in home.remote_locks() {
        if matches!(lock.holder().await, Ok(Some(_))) {
            return true;
        }
    }
    false
}

fn not_locked(app: &App, name: &str) {
    if app.global.json {
        print_json(&json!({ "environment": name, "locked": false, "unlocked": null }));
    } else {
        data(format_args!("{name} is not locked."));
    }
}
