//! `drift`: what changed in the cloud since the last deploy, and who changed it. Changes nothing, takes no lock.

use std::collections::BTreeMap;

use engine::drift::{self, Drift, Found, Kind, Unmanaged};
use engine::event::Events;
use engine::plan::Selection;
use engine::session::{Declared, Purpose};
use engine::{Attributes, Graph, Plan, Session};
use environment::Loaded;
use security::actor::{self, About, Actor};
use serde_json::Value;

use crate::app::{App, Place, declared, pseudo};
use crate::cli::DriftArgs;
use crate::display::drift::{Report, document, text};
use crate::display::{data, json as print_json, talk};
use crate::error::{Error, Result, status};
use crate::tagged;

/// CloudTrail answers two lookups a second: beyond this many resources nobody waits for it.
const ASKED: usize = 50;
/// From so many on it takes long enough to be told of.
const MANY: usize = 10;

/// Looks.
pub async fn run(app: &App, args: &DriftArgs) -> Result<()> {
    let name = app.environment()?;
    let file = file(app, &name)?;
    let (region, account) = match &file {
        Some((loaded, _)) => (loaded.settings.region.clone(), loaded.settings.account.clone()),
        None => app.region_and_account(&name)?,
    };
    let place = app.connect(&region, account.as_deref()).await?;
    let mut session = app.session(&name, &place, Events::default(), Purpose::Look).await?;
    let plan = plan(&mut session, file.as_ref(), &place, &region).await?;
    let found = drift::find(&session.state, session.live(), plan.as_ref());

    let mut report = Report { environment: name.clone(), cloud: place.id.clone(), ..Report::default() };
    let surroundings = app.surroundings(&name, &place);
    let regions = tagged::regions(app, &session.state, file.is_some().then(|| region.clone()));
    match tagged::unmanaged(&surroundings, &session.state, &regions).await {
        Ok(unmanaged) => report.unmanaged = unmanaged,
        Err(unlisted) => {
            report.notes.push(format!("what carries the environment's tags is unknown ({})", unlisted.failure));
        }
    }
    report.resources = session.state.entries.len();
    report.has_file = file.is_some();
    actors(&place, &found, &mut report).await;
    let Found { drift, owned } = found;
    report.drift = drift;
    report.owned = owned;

    if app.global.json {
        print_json(&document(&report));
    } else {
        talk(format_args!("{name} on {}", place.id));
        data(text(&report, args.all));
        report.next_steps().iter().for_each(|step| talk(format_args!("{step}")));
    }
    if report.is_empty() { Ok(()) } else { Err(Error::Exit(status::CHANGES)) }
}

/// What the file declares. `None`: it is gone, or says nothing that could be compared.
fn file(app: &App, name: &str) -> Result<Option<(Loaded, Graph)>> {
    let is_there = environment::choose(&app.root, Some(name)).is_ok();
    let loaded = app.load().and_then(|loaded| {
        let graph = app.graph(&loaded, &environment::catalogue())?;
        Ok((loaded, graph))
    });
    match loaded {
        Ok(loaded) => Ok(Some(loaded)),
        Err(_) if !is_there => {
            talk(format_args!("The file of {name} is gone: compared with the state alone."));
            Ok(None)
        }
        Err(_) => {
            talk(format_args!(
                "The file of {name} has errors (`cargo xtask validate`): compared with the state alone."
            ));
            Ok(None)
        }
    }
}

/// What a deploy would do now, having read everything; `None` without a file, having read everything too.
async fn plan(
    session: &mut Session,
    file: Option<&(Loaded, Graph)>,
    place: &Place,
    region: &str,
) -> Result<Option<Plan>> {
    let pseudo = pseudo(&place.account, region);
    let selection = Selection::default();
    if let Some((loaded, graph)) = file {
        return Ok(Some(session.plan(&declared(graph, loaded, &pseudo, &selection, true)).await?));
    }
    let graph =
        Graph::build(Vec::new(), &environment::catalogue()).map_err(|_| Error::told("an empty graph is whole"))?;
    let outputs = BTreeMap::new();
    let nothing = Declared { graph: &graph, outputs: &outputs, pseudo: &pseudo, selection: &selection, refresh: true };
    session.plan(&nothing).await?;
    Ok(None)
}

/// Asks CloudTrail who it was, one after the other. Once it refuses it is asked no more.
async fn actors(place: &Place, found: &Found, report: &mut Report) {
    // What is only unfinished was begun by us.
    let by_others = found.drift.iter().filter(|drift| drift.kind != Kind::Unfinished || !drift.changes.is_empty());
    let drifted = by_others.map(|drift| {
        let entry = &drift.entry;
        let names = actor::names(&entry.type_name, &entry.id, &entry.properties, &entry.attributes);
        (entry.id.clone(), entry.type_name.as_str(), entry.region.as_str(), names, about(drift))
    });
    let unmanaged: Vec<Unmanaged> = report.unmanaged.clone();
    let made = unmanaged.iter().map(|one| {
        let type_name = one.type_name.as_deref().unwrap_or_default();
        let names = actor::names(type_name, &one.arn, &Value::Null, &Attributes::new());
        (one.arn.clone(), type_name, one.region.as_str(), names, About::Creation)
    });
    let all: Vec<_> = drifted.chain(made).collect();
    if all.len() > MANY {
        talk(format_args!("Asking CloudTrail, which answers two questions a second, who it was …"));
    }
    for (index, (id, type_name, region, names, about)) in all.into_iter().enumerate() {
        if index == ASKED {
            report.unknown = Some(format!("only the first {ASKED} were asked about"));
            return;
        }
        match actor::of(&place.cloud, type_name, region, &names, about).await {
            Ok(Some(actor)) => drop::<Option<Actor>>(report.actors.insert(id, actor)),
            Ok(None) => drop::<bool>(report.nobody.insert(id)),
            Err(failure) => {
                report.unknown = Some(failure.to_string());
                return;
            }
        }
    }
}

fn about(drift: &Drift) -> About {
    match drift.kind {
        Kind::Gone => About::Deletion,
        _ if !drift.changes.is_empty() && drift.changes.iter().all(|change| change.property.starts_with("Tags[")) => {
            About::Tags
        }
        _ => About::Change,
    }
}
