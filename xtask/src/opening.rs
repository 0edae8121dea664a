//! An environment's state, opened: to look, or to write.

use std::sync::Arc;

use engine::event::Events;
use engine::session::{Purpose, SessionError};
use engine::store::FileStore;
use engine::{Session, State};

use crate::app::{App, Place};
use crate::cli::CloudName;
use crate::display::talk;
use crate::error::{About, Error, Result};
use crate::state_home::StateHome;

impl App {
    /// The state of an environment as it is, without a lock.
    pub async fn read_state(&self, environment: &str) -> Result<State> {
        let loaded = self.state_home(environment).await?.load().await?;
        if let Some(to) = &loaded.state.moved_to {
            return Err(moved(environment, to));
        }
        if let Some(damaged) = &loaded.damaged {
            missing_records(damaged);
        }
        Ok(loaded.state)
    }

    /// Opens the state of an environment. State of a local cloud that is no more can be dropped.
    pub async fn session(&self, environment: &str, place: &Place, events: Events, purpose: Purpose) -> Result<Session> {
        let home = self.state_home(environment).await?;
        let (command, gate) = self.at_work().await.unwrap_or_else(|| ("look".to_owned(), None));
        let open = || {
            let store = home.store(&command, gate.clone());
            Session::open(store, self.surroundings(environment, place), &place.id, events.clone(), purpose)
        };
        let session = match open().await {
            Err(SessionError::Moved { to, .. }) => return Err(moved(environment, &to)),
            Err(SessionError::OtherCloud { .. }) if self.global.cloud == CloudName::Local => {
                talk(format_args!("the local cloud was restarted: the resources of {environment} on it are gone"));
                if purpose == Purpose::Look {
                    // Nothing is deleted by looking.
                    let nothing = Arc::new(FileStore::new(home.dir.join("nothing")));
                    Session::open(nothing, self.surroundings(environment, place), &place.id, events, purpose).await?
                } else {
                    self.start_afresh(home)?;
                    open().await?
                }
            }
            other => other?,
        };
        if let Some(lost) = session.lost.as_ref().filter(|_| purpose == Purpose::Write) {
            talk(format_args!(
                "the journal was cut off at its end ({lost}); what became of that operation was found out"
            ));
        }
        if let Some(mended) = &session.mended {
            talk(format_args!("{mended}; nothing is missing"));
        }
        if let Some(damaged) = session.state.damaged.as_ref().filter(|_| purpose == Purpose::Look) {
            missing_records(damaged);
        }
        Ok(session)
    }

    /// The local cloud keeps nothing over a restart: what the state names is gone.
    fn start_afresh(&self, home: &StateHome) -> Result<()> {
        if !self.confirm("Start afresh with an empty state?")? {
            return Err(Error::told("nothing was done"));
        }
        for path in home.files()? {
            std::fs::remove_file(&path).about(&path)?;
        }
        Ok(())
    }
}

/// The error of a state that is elsewhere now.
pub fn moved(environment: &str, to: &str) -> Error {
    Error::told(format!("the state of {environment} was moved to {to}")).hint(
        "bring the environment's file up to date: its [state] says where; a migration that was cut off is finished by the \
         same `cargo xtask state migrate` again; if that place is gone, put a backup here: `cargo xtask restore-state`",
    )
}

/// What damage means to whoever only looks.
fn missing_records(damaged: &str) {
    talk(format_args!(
        "{damaged}\nRecords are missing: the next deploy, or `cargo xtask state rebuild`, finds again what they told of."
    ));
}
