//! The engine alone: resources that do nothing, each needing two others.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use engine::apply::{Interrupt, OnFailure, Options};
use engine::event::Events;
use engine::plan::Selection;
use engine::session::{Declared, Purpose};
use engine::store::FileStore;
use engine::{Catalogue, Context, Created, Failure, Graph, Live, Resource, Session, Stack, Surroundings};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::watch;

use super::peak_memory;
use crate::app::App;
use crate::display::table::Columns;
use crate::display::{data, json as print_json};
use crate::error::{Error, Result};

/// A resource that does nothing.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Nothing {
    name: String,
    needs: Vec<String>,
}

impl Resource for Nothing {
    const TYPE: &'static str = "Bench::Nothing";

    fn id(&self) -> Option<String> {
        Some(self.name.clone())
    }

    async fn create(&self, _: &Context) -> std::result::Result<Created, Failure> {
        Ok(Created::new(self.name.clone()))
    }

    async fn sync(&self, _: &str, _: Option<&Self>, _: &Context) -> std::result::Result<(), Failure> {
        Ok(())
    }

    async fn read(ids: &[String], _: &Context) -> std::result::Result<Vec<Option<Live<Self>>>, Failure> {
        // As declared: the same two needs that `stack` gives.
        let number = |id: &String| id[1..].parse::<usize>().unwrap_or_default();
        Ok(ids.iter().map(|id| Some(Live::new(Self { name: id.clone(), needs: needs(number(id)) }))).collect())
    }

    async fn delete(_: &str, _: &Context) -> std::result::Result<(), Failure> {
        Ok(())
    }
}

/// The two that a resource needs: half as far, and a third as far.
fn needs(number: usize) -> Vec<String> {
    if number < 2 { Vec::new() } else { vec![format!("n{}", number / 2), format!("n{}", number / 3)] }
}

fn stack(size: usize) -> Stack {
    let mut stack = Stack::new("bench/engine", "none", &[]);
    for number in 0..size {
        let needs: Vec<String> =
            needs(number).iter().map(|need| engine::Handle::to(format!("bench.{need}").as_str()).id()).collect();
        stack.add(format!("bench.n{number}").as_str(), Nothing { name: format!("n{number}"), needs });
    }
    stack
}

struct Measured {
    resources: usize,
    apply: f64,
    plan: f64,
    destroy: f64,
    state: u64,
    memory: f64,
}

/// Measures sizes, smallest first, so that the peak of memory is each one's own.
pub async fn run(app: &App, sizes: &[usize]) -> Result<()> {
    let mut sizes = sizes.to_vec();
    sizes.sort_unstable();
    let mut table = Columns::new(&[">resources", ">apply s", ">no-op plan s", ">destroy s", ">state KB", ">peak MB"]);
    let mut documents = Vec::new();
    for size in sizes {
        let m = measure(size).await?;
        documents.push(json!({
            "resources": m.resources, "apply_seconds": m.apply, "plan_seconds": m.plan,
            "destroy_seconds": m.destroy, "state_bytes": m.state, "peak_mb": m.memory,
        }));
        table.row([
            m.resources.to_string(),
            format!("{:.2}", m.apply),
            format!("{:.3}", m.plan),
            format!("{:.2}", m.destroy),
            format!("{:.0}", m.state as f64 / 1000.0),
            format!("{:.0}", m.memory),
        ]);
    }
    if app.global.json {
        print_json(&documents);
    } else {
        data(table.text());
    }
    Ok(())
}

async fn measure(size: usize) -> Result<Measured> {
    let dir = tempfile::tempdir()?;
    let mut catalogue = Catalogue::default();
    catalogue.register::<Nothing>();
    let surroundings = Surroundings {
        environment: "bench/engine".into(),
        catalogue: Arc::new(catalogue.clone()),
        services: Arc::new(()),
        time_scale: 0.0,
        between_looks: std::time::Duration::ZERO,
    };
    let graph = |size| Graph::build(stack(size).finish().0, &catalogue).map_err(|_| Error::told("no graph"));
    let open = || {
        Session::open(
            Arc::new(FileStore::new(dir.path())),
            surroundings.clone(),
            "bench",
            Events::default(),
            Purpose::Write,
        )
    };

    let began = Instant::now();
    let declared = graph(size)?;
    let mut session = open().await?;
    let state = apply(&mut session, &declared, Some(dir.path())).await?;
    let applied = began.elapsed().as_secs_f64();

    let began = Instant::now();
    let declared = graph(size)?;
    let mut session = open().await?;
    let plan = session.plan(&everything(&declared)).await?;
    if !plan.summary().is_empty() {
        return Err(Error::told("the plan after the deploy is not empty"));
    }
    let planned = began.elapsed().as_secs_f64();
    let memory = peak_memory(std::process::id()).unwrap_or_default();

    let began = Instant::now();
    apply(&mut session, &graph(0)?, None).await?;
    let destroyed = began.elapsed().as_secs_f64();
    Ok(Measured { resources: size, apply: applied, plan: planned, destroy: destroyed, state, memory })
}

fn everything(graph: &Graph) -> Declared<'_> {
    static NONE: BTreeMap<String, String> = BTreeMap::new();
    static NO_OUTPUTS: BTreeMap<String, serde_json::Value> = BTreeMap::new();
    static ALL: Selection = Selection { targets: Vec::new(), excludes: Vec::new(), replace: Vec::new() };
    Declared { graph, outputs: &NO_OUTPUTS, pseudo: &NONE, selection: &ALL, refresh: true }
}

/// Applies, and tells how large the state is then.
async fn apply(session: &mut Session, graph: &Graph, dir: Option<&std::path::Path>) -> Result<u64> {
    let plan = session.plan(&everything(graph)).await?;
    let (_keep, interrupt) = watch::channel(Interrupt::None);
    let options = Options { on_failure: OnFailure::Stop, lift_protection: false, at_once: 128, interrupt };
    let outcome = session.apply(&plan, "bench", options).await?;
    if !outcome.is_complete() {
        return Err(Error::told("the run was not complete"));
    }
    let size = dir.and_then(|dir| std::fs::metadata(dir.join("state.json")).ok()).map(|file| file.len());
    Ok(size.unwrap_or_default())
}
