//! `plan`: what would change.

use std::path::Path;

use engine::event::Events;
use engine::plan::{Plan, Selection};
use engine::session::Purpose;
use engine::{Address, Catalogue, Graph, Session};
use environment::Loaded;

use super::strays;
use crate::app::{App, Place, declared, pseudo};
use crate::cli::{PlanArgs, SelectionArgs};
use crate::display::plan::{Costs, document, text};
use crate::display::{data, json as print_json, talk};
use crate::error::{Error, Result, status};

/// An environment loaded, its cloud reached, its state opened.
pub struct Prepared {
    /// The environment.
    pub loaded: Loaded,
    /// Its resources.
    pub graph: Graph,
    /// The cloud.
    pub place: Place,
    /// The state.
    pub session: Session,
}

/// Loads, connects and opens.
pub async fn prepare(app: &App, events: Events, purpose: Purpose) -> Result<Prepared> {
    let loaded = app.load()?;
    let graph = app.graph(&loaded, &environment::catalogue())?;
    let place = app.connect(&loaded.settings.region, loaded.settings.account.as_deref()).await?;
    let session = app.session(&loaded.name, &place, events, purpose).await?;
    Ok(Prepared { loaded, graph, place, session })
}

impl Prepared {
    /// The plan for a selection.
    pub async fn plan(&mut self, args: &SelectionArgs) -> Result<Plan> {
        let selection = self.selection(args)?;
        let pseudo = pseudo(&self.place.account, &self.loaded.settings.region);
        let declared = declared(&self.graph, &self.loaded, &pseudo, &selection, !args.no_refresh);
        Ok(self.session.plan(&declared).await?)
    }

    fn selection(&self, args: &SelectionArgs) -> Result<Selection> {
        let addresses = |texts: &[String]| -> Result<Vec<Address>> {
            let parse = |text: &String| Address::parse(text).map_err(|error| Error::told(error.to_string()));
            texts.iter().map(parse).collect()
        };
        let selection = Selection {
            targets: addresses(&args.target)?,
            excludes: addresses(&args.exclude)?,
            replace: addresses(&args.replace)?,
        };
        let declared = self.graph.nodes.iter().map(|node| &node.address);
        let known: Vec<&Address> = declared.chain(self.session.state.entries.keys()).collect();
        if let Some(miss) = selection.misses(&known).first() {
            let near = schema::closest(miss.as_str(), known.iter().map(|address| address.as_str()));
            let told = Error::told(format!("no resource is called `{miss}`"));
            return Err(match near {
                Some(near) => told.hint(format!("did you mean `{near}`?")),
                None => told.hint("`cargo xtask graph` names them all"),
            });
        }
        Ok(selection)
    }

    /// The expected monthly cost by resource.
    pub fn costs(&self, catalogue: &Catalogue) -> Costs {
        costs(&self.loaded, catalogue)
    }
}

/// The expected monthly cost by resource, where it costs something.
pub fn costs(loaded: &Loaded, catalogue: &Catalogue) -> Costs {
    let estimate = super::cost_estimate::estimate(loaded, catalogue);
    let mut costs = Costs::new();
    for line in &estimate.lines {
        *costs.entry(line.address.clone()).or_default() += line.monthly.expected;
    }
    costs.retain(|_, monthly| *monthly >= 0.005);
    costs
}

/// Shows what would change.
pub async fn run(app: &App, args: &PlanArgs) -> Result<()> {
    let mut prepared = prepare(app, Events::default(), Purpose::Look).await?;
    let (plan, doubt) = match args.refresh_only {
        true => (refresh_only(&mut prepared).await?, None),
        false => with_strays(app, &mut prepared, &args.selection).await?,
    };
    let costs = prepared.costs(&environment::catalogue());
    if app.global.json {
        print_json(&document(&plan, &costs));
    } else {
        prepared.loaded.findings.iter().for_each(crate::display::error::finding);
        talk(format_args!("{} on {}", plan.environment, plan.cloud));
        data(text(&plan, &costs, args.details));
    }
    if let Some(doubt) = doubt {
        crate::display::error::warn(&doubt);
    }
    if let Some(path) = &args.out {
        write(&plan, path)?;
        talk(format_args!("The plan is in {0}: cargo xtask deploy-full --plan {0}", path.display()));
    }
    if args.detailed_exitcode && !plan.summary().is_empty() {
        return Err(Error::Exit(status::CHANGES));
    }
    Ok(())
}

/// The plan of a deploy, and why it would not be carried out, if it would not.
async fn with_strays(app: &App, prepared: &mut Prepared, args: &SelectionArgs) -> Result<(Plan, Option<Error>)> {
    let plan = prepared.plan(args).await?;
    match strays::take_up(app, prepared, &plan, Purpose::Look).await {
        Ok(true) => Ok((prepared.plan(args).await?, None)),
        Ok(false) => Ok((plan, None)),
        Err(doubt) => Ok((plan, Some(doubt))),
    }
}

/// What changed in the cloud since the last deploy: the state as if it were declared.
async fn refresh_only(prepared: &mut Prepared) -> Result<Plan> {
    let state = &prepared.session.state;
    let as_applied = |node: &engine::Node| {
        let entry = state.entries.get(&node.address)?;
        Some(engine::Node { properties: entry.properties.clone(), depends_on: Vec::new(), ..node.clone() })
    };
    let kept: Vec<engine::Node> = prepared.graph.nodes.iter().filter_map(as_applied).collect();
    let graph = Graph::build(kept, &environment::catalogue())
        .map_err(|findings| crate::app::located(findings, &prepared.loaded))?;
    let pseudo = pseudo(&prepared.place.account, &prepared.loaded.settings.region);
    let selection = Selection::default();
    let declared = declared(&graph, &prepared.loaded, &pseudo, &selection, true);
    let mut plan = prepared.session.plan(&declared).await?;
    // What is in the state and not declared is no change in the cloud.
    plan.actions.retain(|action| action.node.is_some());
    Ok(plan)
}

fn write(plan: &Plan, path: &Path) -> Result<()> {
    let bytes = serde_json::to_vec_pretty(plan).map_err(|error| Error::told(error.to_string()))?;
    Ok(engine::store::file::write_atomically(path, &bytes)?)
}

/// Reads a plan from a file.
pub fn read(path: &Path) -> Result<Plan> {
    use crate::error::About;
    let bytes = std::fs::read(path).about(path)?;
    serde_json::from_slice(&bytes).map_err(|error| {
        Error::told(format!("{} is not a plan", path.display()))
            .detail(error)
            .hint("make one with `cargo xtask plan --out FILE`")
    })
}
