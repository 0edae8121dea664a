//! `unlock`: takes the lock away from a holder that neither ends nor works.

use engine::store::{Holder, Lock, Store, StoreError};
use remote_state::{RemoteLock, Terms};
use serde_json::json;

use crate::app::App;
use crate::display::{data, json as print_json, talk};
use crate::error::{Error, Result};
use crate::state_home::StateHome;

/// A holder that lives renews its lock, which then is another one to take away.
const TRIES: usize = 5;

/// Shows the holder, asks, takes the lock away, and shuts the holder out: what it would write after that is refused.
pub async fn run(app: &App) -> Result<()> {
    let name = app.environment()?;
    let home = app.declared_home(&name).await?;
    let Some(lock) = home.remote_lock() else {
        return match Lock::take(&home.dir, "unlock") {
            Ok(lock) => {
                drop(lock);
                not_locked(app, &name);
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
        };
    };
    let Some(held) = lock.holder().await? else {
        not_locked(app, &name);
        return Ok(());
    };
    talk(format_args!("{}: {}", lock.place(), held.holder));
    if held.ended {
        talk(format_args!("Its lease has ended: the next run takes the lock over by itself."));
    }
    if !app.confirm("Take the lock away?")? {
        return Err(Error::told("nothing was done"));
    }
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
    if let Err(error) = shut_out(&home, &lock).await {
        return Err(Error::told(format!("the lock on {name} is taken away, but its holder could not be shut out"))
            .detail(error)
            .hint("should that run still live, it stops when it renews its lock the next time: every 10 s"));
    }
    if app.global.json {
        print_json(&json!({ "environment": name, "locked": false, "unlocked": held.holder, "place": lock.place() }));
    } else {
        let then = match held.ends {
            true => "Should that run still live, it can write no more and stops.",
            false => "What held the lock is no run of Groundplan's: should it live, it goes on.",
        };
        data(format_args!("{name} is not locked any more. {then}"));
    }
    Ok(())
}

/// Seals the journal, so that what the holder would still write is refused: until its next renewal it does not know that
/// its lock is gone.
async fn shut_out(home: &StateHome, lock: &RemoteLock) -> std::result::Result<(), StoreError> {
    let lease = match lock.take(Holder::me("unlock"), Terms::default(), |_| {}).await {
        Ok(lease) => lease,
        // Another run was faster, and shuts the holder out itself.
        Err(StoreError::Locked(_)) => return Ok(()),
        Err(error) => return Err(error),
    };
    let sealed = match home.s3_store("unlock", Some(lease.gate())) {
        Some(store) => store.claim().await.map(drop),
        None => Ok(()),
    };
    // What cannot be let go of ends by itself.
    drop(lease.release().await);
    sealed
}

fn not_locked(app: &App, name: &str) {
    if app.global.json {
        print_json(&json!({ "environment": name, "locked": false, "unlocked": null }));
    } else {
        data(format_args!("{name} is not locked."));
    }
}
