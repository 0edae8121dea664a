//! `state migrate`: moves the state between the disk and S3, or from one bucket to another.

use std::path::PathBuf;

use engine::State;
use serde_json::json;

use super::backup_state;
use crate::app::App;
use crate::cli::StatePlaceName;
use crate::display::words::count;
use crate::display::{data, json as print_json, talk};
use crate::error::{Error, Result};
use crate::opening::moved;
use crate::state_home::{At, Held, StateHome};

const COMMAND: &str = "state migrate";

/// Moves it, under the locks of both places; a backup stays.
pub async fn run(app: &App, to: StatePlaceName) -> Result<()> {
    let name = app.environment()?;
    let Some((from, to)) = places(app, &name, to).await? else {
        let disk = StateHome::disk(app.state_dir(&name));
        let state = disk.state().await?;
        if let Some(to) = &state.moved_to {
            return Err(moved(&name, to));
        }
        if app.global.json {
            let (place, resources) = (disk.place(), state.entries.len());
            print_json(
                &json!({ "environment": name, "from": null, "to": place, "resources": resources, "backup": null }),
            );
        } else {
            data(format_args!("{}: in {} already", count(state.entries.len(), "resource"), disk.place()));
        }
        return Ok(());
    };
    let from_held = from.lock(COMMAND, app.lock_timeout()).await?;
    let to_held = match to.lock(COMMAND, app.lock_timeout()).await {
        Ok(held) => held,
        Err(error) => {
            from_held.release().await;
            return Err(error);
        }
    };
    let result = carry_out(app, &name, (&from, &from_held), (&to, &to_held)).await;
    from_held.release().await;
    to_held.release().await;
    result
}

/// From where to where. `None`: it is on disk, and was nowhere else.
async fn places(app: &App, name: &str, to: StatePlaceName) -> Result<Option<(StateHome, StateHome)>> {
    let disk = StateHome::disk(app.state_dir(name));
    let declared = app.declared_home(name).await?;
    let before = app.remembered_home(name).await?;
    match (to, &declared.at) {
        (StatePlaceName::S3, At::Disk) => Err(Error::told(format!("the file of {name} keeps its state on disk"))
            .hint("name a bucket under `[state]` first; for the local cloud also `clouds = [\"aws\", \"local\"]`")),
        (StatePlaceName::S3, At::S3 { .. }) => {
            let other = before.filter(|before| !before.is(&declared));
            let from = match other {
                Some(other) if other.has_state().await? => other,
                _ => disk,
            };
            Ok(Some((from, declared)))
        }
        (StatePlaceName::Disk, _) => {
            let from = match (before, &declared.at) {
                (Some(before), _) => before,
                (None, At::S3 { .. }) => declared,
                (None, At::Disk) => return Ok(None),
            };
            Ok(Some((from, disk)))
        }
    }
}

/// What has to be done, told from what is in both places: a migration can be killed anywhere, and is then repeated.
#[derive(Debug, PartialEq)]
enum Step {
    /// The state is carried over.
    Carry,
    /// It was carried over; what is left behind is to be emptied.
    Empty,
    /// It is there already; what is left behind only has to say so.
    Mark,
    /// It never left there: an earlier migration the other way was killed at its beginning.
    Unmark,
}

fn step(from: &State, to: &State) -> Option<Step> {
    match (from.is_empty(), to.is_empty(), &to.moved_to) {
        (true, _, Some(_)) => Some(Step::Unmark),
        (true, _, _) => Some(Step::Mark),
        (false, true, _) => Some(Step::Carry),
        (false, false, _) => same(from, to).then_some(Step::Empty),
    }
}

/// Whether two states tell of the same, whenever each was written.
fn same(one: &State, other: &State) -> bool {
    let content = |state: &State| State { serial: 0, moved_to: None, ..state.clone() };
    content(one) == content(other)
}

async fn carry_out(
    app: &App,
    name: &str,
    (from, from_held): (&StateHome, &Held),
    (to, to_held): (&StateHome, &Held),
) -> Result<()> {
    // An earlier run that still lives must not write to what is left behind.
    let found = from.store(COMMAND, from_held.gate()).claim().await?;
    let there = to.load().await?;
    if let Some(damaged) = found.damaged.or(there.damaged) {
        return Err(Error::told(damaged).hint("first make it whole: cargo xtask state rebuild"));
    }
    let (state, there) = (found.state, there.state);
    let step = step(&state, &there).ok_or_else(|| {
        Error::told(format!("there is another state in {} already", to.place()))
            .hint("one of the two must go: look at both, and `cargo xtask backup-state` before anything else")
    })?;
    let serial = state.serial.max(there.serial) + 1;
    let moved_to = Some(to.told_elsewhere());
    let mut backup = None;
    let moved = match step {
        Step::Carry | Step::Empty => State { serial, moved_to: None, ..state.clone() },
        Step::Mark | Step::Unmark => State { serial, moved_to: None, ..there.clone() },
    };
    if step == Step::Carry {
        backup = Some(backup_state::write(app, name, from, &state, None)?);
        // From here on nobody goes on in either place: a run that waits for the lock, or has the old file, is refused.
        let leaving = State { serial: state.serial + 1, moved_to: moved_to.clone(), ..state };
        from.replace(&leaving, COMMAND, from_held).await?;
    }
    if step != Step::Mark {
        to.replace(&moved, COMMAND, to_held).await?;
        if to.state().await? != moved {
            return Err(Error::told(format!("read back, {} is not what was written", to.place()))
                .hint(format!("nothing was deleted: the state is still in {}", from.place())));
        }
    }
    let left = State { serial, cloud: moved.cloud.clone(), moved_to, ..State::default() };
    from.replace(&left, COMMAND, from_held).await?;
    to.remember()?;
    report(app, name, from, to, (&moved, &step), backup);
    Ok(())
}

fn report(
    app: &App,
    name: &str,
    from: &StateHome,
    to: &StateHome,
    (state, step): (&State, &Step),
    backup: Option<PathBuf>,
) {
    if app.global.json {
        print_json(&json!({
            "environment": name,
            "from": from.place(),
            "to": to.place(),
            "resources": state.entries.len(),
            "backup": backup,
        }));
        return;
    }
    let resources = count(state.entries.len(), "resource");
    match step {
        Step::Carry | Step::Empty => data(format_args!("{resources}: from {} to {}", from.place(), to.place())),
        Step::Mark | Step::Unmark => data(format_args!("{resources}: in {}, not in {}", to.place(), from.place())),
    }
    if let Some(backup) = backup {
        talk(format_args!("A backup is in {}", backup.display()));
    }
    if matches!(to.at, At::Disk) {
        talk(format_args!("help: now take `[state]` out of the file of {name}, or this cloud out of its `clouds`"));
    }
}

#[cfg(test)]
mod tests {
    use engine::state::Record;

    use super::*;

    fn state(serial: u64, moved_to: Option<&str>, outputs: usize, id: Option<&str>) -> State {
        let mut state = State { moved_to: moved_to.map(str::to_owned), ..State::default() };
        if let Some(id) = id {
            let entry = serde_json::from_value(json!({
                "address": "a.b", "type": "A::B::C", "region": "r", "id": id, "properties": {}, "token": "t",
            }));
            state.apply(&Record::Adopted(Box::new(entry.unwrap())));
        }
        state.outputs = (0..outputs).map(|n| (n.to_string(), json!(n))).collect();
        State { serial, ..state }
    }

    #[test]
    fn a_migration_killed_anywhere_goes_on_from_there() {
        let (full, empty) = (state(7, None, 1, Some("i")), State::default());
        let leaving = state(8, Some("there"), 1, Some("i"));
        let left = state(9, Some("there"), 0, None);
        let arrived = state(8, None, 1, Some("i"));
        let cases = [
            (&full, &empty, Some(Step::Carry)),
            (&leaving, &empty, Some(Step::Carry)),
            (&leaving, &arrived, Some(Step::Empty)),
            (&left, &arrived, Some(Step::Mark)),
            // And back again, from wherever it was killed.
            (&empty, &leaving, Some(Step::Unmark)),
            (&empty, &left, Some(Step::Unmark)),
            (&arrived, &leaving, Some(Step::Empty)),
            (&arrived, &left, Some(Step::Carry)),
            (&empty, &empty, Some(Step::Mark)),
            (&full, &state(7, None, 1, Some("other")), None),
            (&full, &state(7, None, 2, Some("i")), None),
        ];
        for (from, to, expected) in cases {
            assert_eq!(step(from, to), expected, "{from:?} {to:?}");
        }
    }
}
