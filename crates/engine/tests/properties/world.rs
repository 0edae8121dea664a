//! One scenario as it happens: the cloud, the store, what is declared, and what was seen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use engine::apply::{Options, Outcome};
use engine::event::Events;
use engine::plan::{Plan, Selection};
use engine::session::{Declared, Purpose, Session, SessionError};
use engine::store::{FileStore, Store};
use engine::{Address, Catalogue, State, Surroundings};

use crate::checks;
use crate::cloud::{Call, Cloud};
use crate::fate::Fate;
use crate::kinds::Kind;
use crate::model::Model;
use crate::scenario::{Drift, Run, Scenario, Step};
use crate::store::{MemoryStore, Mortal};

/// What is broken, in words.
pub type Broken = String;

/// How a run ended.
pub enum Ended {
    /// The process died.
    Died,
    /// It did not begin: the plan was refused, or something could not be read.
    NotBegun(SessionError),
    /// It came to its end; with the state in memory then.
    Done(Box<Outcome>, Box<State>),
}

/// A run as it was seen.
pub struct Seen {
    pub run: Run,
    pub plan: Option<Plan>,
    pub before: State,
    pub after: State,
    pub ended: Ended,
    pub log: Vec<Call>,
    pub struck: usize,
    /// Whether something there is broken, from before.
    pub broken: bool,
}

enum Kept {
    Memory(Arc<MemoryStore>),
    Files(tempfile::TempDir),
}

pub struct World {
    pub cloud: Arc<Cloud>,
    pub fate: Arc<Fate>,
    pub model: Model,
    kept: Kept,
    catalogue: Arc<Catalogue>,
    /// Addresses that nobody may delete without consent: declared so in a run that was complete.
    pub guarded: BTreeSet<String>,
    /// What happened, for a person to read.
    pub trace: Vec<String>,
    /// Whether the last run died.
    died: bool,
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime")
}

impl World {
    pub fn new(scenario: &Scenario, catalogue: Arc<Catalogue>) -> Self {
        let fate = Arc::new(Fate::default());
        Self {
            cloud: Arc::new(Cloud::new(fate.clone())),
            fate,
            model: Model::new(&scenario.declared),
            kept: match scenario.files {
                true => Kept::Files(tempfile::tempdir().expect("a directory")),
                false => Kept::Memory(Arc::default()),
            },
            catalogue,
            guarded: BTreeSet::new(),
            trace: Vec::new(),
            died: false,
        }
    }

    /// The store as a new process opens it.
    fn store(&self) -> Arc<dyn Store> {
        let inner: Arc<dyn Store> = match &self.kept {
            Kept::Memory(store) => store.clone(),
            Kept::Files(dir) => Arc::new(FileStore::new(dir.path())),
        };
        Arc::new(Mortal { inner, fate: self.fate.clone() })
    }

    pub fn bytes(&self) -> Vec<(String, Vec<u8>)> {
        match &self.kept {
            Kept::Memory(store) => {
                let (snapshot, journal) = store.bytes();
                vec![("snapshot".to_owned(), snapshot), ("journal".to_owned(), journal)]
            }
            Kept::Files(dir) => {
                let files = std::fs::read_dir(dir.path()).expect("the directory").flatten();
                let mut all: Vec<_> = files
                    .map(|file| {
                        let bytes = std::fs::read(file.path()).expect("a file");
                        (file.file_name().to_string_lossy().into_owned(), bytes)
                    })
                    .collect();
                all.sort();
                all
            }
        }
    }

    /// What a new process finds.
    pub fn state(&self) -> State {
        match &self.kept {
            Kept::Memory(store) => store.state(),
            Kept::Files(dir) => {
                let store = FileStore::new(dir.path());
                let loaded = runtime().block_on(store.load()).expect("the state can be read");
                assert_eq!(loaded.damaged, None, "nothing damaged it");
                loaded.state
            }
        }
    }

    fn surroundings(&self) -> Surroundings {
        Surroundings {
            environment: "test/test".into(),
            catalogue: self.catalogue.clone(),
            services: self.cloud.clone(),
            time_scale: 0.0,
            between_looks: std::time::Duration::ZERO,
        }
    }

    fn selection(&self, run: &Run) -> Selection {
        let addresses = |numbers: &[u8]| {
            let chosen = numbers.iter().filter_map(|number| self.model.choose(*number));
            chosen.map(|at| Address::of(&self.model.all[at].address)).collect()
        };
        Selection {
            targets: addresses(&run.targets),
            excludes: addresses(&run.excludes),
            replace: addresses(&run.replace),
        }
    }

    async fn open(&self, purpose: Purpose) -> Result<Session, SessionError> {
        Session::open(self.store(), self.surroundings(), "fake", Events::default(), purpose).await
    }

    async fn plan(&self, session: &mut Session, selection: &Selection) -> Result<Plan, SessionError> {
        let graph = self.model.graph(&self.catalogue);
        let nothing = BTreeMap::new();
        let pseudo = BTreeMap::new();
        let declared = Declared { graph: &graph, outputs: &nothing, pseudo: &pseudo, selection, refresh: true };
        session.plan(&declared).await
    }

    /// A plan by who only looks. It must change nothing, and be the same twice.
    pub fn look(&mut self, run: &Run) -> Result<Plan, Broken> {
        self.fate.prepare(&[], None, None);
        let (things, bytes) = (self.cloud.inner().things.clone(), self.bytes());
        let selection = self.selection(run);
        let (first, second) = runtime().block_on(async {
            let mut session = self.open(Purpose::Look).await.map_err(|error| format!("cannot look: {error}"))?;
            let plan = |error: SessionError| format!("cannot plan: {error}");
            let first = self.plan(&mut session, &selection).await.map_err(plan)?;
            let second = self.plan(&mut session, &selection).await.map_err(plan)?;
            Ok::<_, Broken>((first, second))
        })?;
        if first != second {
            return Err("planning twice gives two plans".to_owned());
        }
        if things != self.cloud.inner().things {
            return Err("a plan changed the cloud".to_owned());
        }
        if bytes != self.bytes() {
            return Err("a plan changed the state's bytes".to_owned());
        }
        Ok(first)
    }

    /// One run, with all that befalls it.
    fn apply(&mut self, run: &Run) -> Seen {
        let before = self.state();
        let broken = self.broken();
        self.cloud.inner().log.clear();
        self.cloud.inner().slow.clone_from(&run.slow);
        self.fate.prepare(&run.faults, run.stopped, run.crash);
        let planned = Mutex::new(None);
        let selection = self.selection(run);
        let runtime = runtime();
        let work = async {
            let mut session = self.open(Purpose::Write).await?;
            let plan = self.plan(&mut session, &selection).await?;
            *planned.lock().unwrap_or_else(PoisonError::into_inner) = Some(plan.clone());
            let options = Options {
                on_failure: run.on_failure,
                lift_protection: run.lift,
                at_once: usize::from(run.at_once),
                interrupt: self.fate.interrupt.subscribe(),
            };
            let outcome = session.apply(&plan, "deploy", options).await?;
            Ok((outcome, session.state.clone()))
        };
        let ended = runtime.block_on(async {
            tokio::select! {
                biased;
                () = self.fate.died.notified() => Ended::Died,
                result = work => match result {
                    Ok((outcome, state)) => Ended::Done(Box::new(outcome), Box::new(state)),
                    Err(error) => Ended::NotBegun(error),
                },
            }
        });
        // With the runtime goes everything that was under way, as with a process.
        drop(runtime);
        let (struck, dead) = self.fate.befallen();
        let ended = if dead { Ended::Died } else { ended };
        self.died = dead;
        self.fate.prepare(&[], None, None);
        let log = std::mem::take(&mut self.cloud.inner().log);
        let plan = planned.into_inner().unwrap_or_else(PoisonError::into_inner);
        Seen { run: run.clone(), plan, before, after: self.state(), ended, log, struck, broken }
    }

    fn broken(&self) -> bool {
        self.cloud.inner().things.values().any(|thing| thing.broken)
    }

    /// A plan that was made before the state moved on must not be applied.
    fn outdated(&mut self, plan: &Plan) -> Result<(), Broken> {
        self.fate.prepare(&[], None, None);
        self.cloud.inner().log.clear();
        let bytes = self.bytes();
        let result = runtime().block_on(async {
            let mut session = self.open(Purpose::Write).await?;
            if session.state.serial == plan.serial {
                return Ok(false);
            }
            let options = Options {
                on_failure: engine::apply::OnFailure::Stop,
                lift_protection: true,
                at_once: 64,
                interrupt: self.fate.interrupt.subscribe(),
            };
            session.apply(plan, "deploy", options).await.map(|_| true)
        });
        match result {
            Ok(false) => Ok(()),
            Err(SessionError::Refused(_)) if self.cloud.inner().log.is_empty() && bytes == self.bytes() => Ok(()),
            Err(SessionError::Refused(_)) => Err("a refused plan changed something".to_owned()),
            Ok(true) => Err("a plan was applied after the state had moved on".to_owned()),
            Err(error) => Err(format!("an outdated plan: {error}")),
        }
    }

    fn tell(&mut self, seen: &Seen) {
        let mut line = format!("run: {:?}\n", seen.run);
        for action in seen.plan.iter().flat_map(Plan::changes) {
            let first = if action.delete_first { " (deletes first)" } else { "" };
            line += &format!("    plan: {:?} {}{first} {}\n", action.verb, action.address, action.because.join("; "));
        }
        for call in &seen.log {
            line += &format!("    call: {} {} {}\n", call.what, call.address, call.id);
        }
        line += &match &seen.ended {
            Ended::Died => "    the process died".to_owned(),
            Ended::NotBegun(error) => format!("    not begun: {error}"),
            Ended::Done(outcome, _) => {
                let failed: Vec<String> = outcome
                    .failed
                    .iter()
                    .map(|failed| format!("{} {}: {}", failed.work.as_str(), failed.address, failed.failure))
                    .collect();
                format!("    done {}, failed {failed:?}, left {:?}", outcome.done, outcome.left)
            }
        };
        self.trace.push(line);
    }

    fn run(&mut self, run: &Run) -> Result<Seen, Broken> {
        let looked = self.look(run)?;
        let seen = self.apply(run);
        self.tell(&seen);
        checks::after_run(self, &seen)?;
        if !self.died && seen.before.serial != seen.after.serial {
            self.outdated(&looked)?;
        }
        Ok(seen)
    }

    fn drift(&mut self, which: u8, drift: Drift) {
        let mut cloud = self.cloud.inner();
        if cloud.things.is_empty() {
            return;
        }
        let at = usize::from(which) % cloud.things.len();
        let id = cloud.things.keys().nth(at).cloned().unwrap_or_default();
        let blocked = cloud.referred_by(&id).iter().any(|referrer| referrer.blocks);
        let Some(thing) = cloud.things.get_mut(&id) else { return };
        let what = format!("out of band: {} ({id}) {drift:?}", thing.address);
        match drift {
            Drift::Resized(size) => thing.properties["Size"] = size.into(),
            Drift::Owned if thing.properties.get("Owned").is_some() => thing.properties["Owned"] = "theirs".into(),
            Drift::Gone if !blocked => drop(cloud.things.remove(&id)),
            _ => return,
        }
        drop(cloud);
        self.trace.push(what);
    }

    /// Runs that nothing befalls, until nothing is left to do.
    fn converge(&mut self) -> Result<usize, Broken> {
        // What a dead process left behind is resolved by the next one, but for what is found broken by then only. A
        // failure may need one to find out more.
        let allowed = if self.died && !self.broken() { 1 } else { 2 };
        for runs in 1..=allowed {
            let seen = self.run(&Run::clean())?;
            match &seen.ended {
                Ended::Done(outcome, _) if outcome.is_complete() => {
                    checks::converged(self)?;
                    return Ok(runs);
                }
                _ if runs < allowed => {}
                _ => return Err(format!("not converged after {runs} clean runs")),
            }
        }
        Ok(allowed)
    }

    fn step(&mut self, step: &Step) -> Result<(), Broken> {
        match step {
            Step::Edit(edit) => {
                self.model.edit(edit);
                self.trace.push(format!("edit: {edit:?}"));
                Ok(())
            }
            Step::Drift(which, drift) => {
                self.drift(*which, *drift);
                Ok(())
            }
            Step::Run(run) => self.run(run).map(drop),
        }
    }

    /// The whole scenario, to its convergence and to its destruction; how many clean runs it took to converge.
    pub fn live(&mut self, scenario: &Scenario) -> Result<usize, Broken> {
        self.trace.push(self.show());
        for step in &scenario.steps {
            self.step(step)?;
        }
        self.trace.push(self.show());
        let runs = self.converge()?;
        self.trace.push("destroy".to_owned());
        self.model.all.clear();
        self.converge()?;
        if !self.cloud.inner().things.is_empty() || !self.state().is_empty() {
            return Err("something is left after a destroy".to_owned());
        }
        Ok(runs)
    }

    fn show(&self) -> String {
        let mut out = "declared:".to_owned();
        for declared in &self.model.all {
            let reference = |to: &crate::model::Declared, reads| format!("{}.{reads:?}", to.address).into();
            let properties = self.model.properties(declared, &reference);
            out += &format!("\n    {} {} {properties}", declared.address, Kind::ALL[declared.kind].type_name);
            if let Some(after) = declared.after {
                out += &format!(" after {}", self.model.find(after).address);
            }
            if declared.protected {
                out += " protected";
            }
        }
        out
    }
}
