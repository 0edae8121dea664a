//! One command's work on one environment: load, recover, read, plan, apply, write down.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde_json::Value;

use crate::apply::{self, OnFailure, Options, Outcome, Refused, Run};
use crate::catalogue::LiveValue;
use crate::event::{Event, Events};
use crate::intrinsic;
use crate::plan::{self, Plan, Request, Selection};
use crate::recover::recover;
use crate::resource;
use crate::state::Record;
use crate::store::{Journal, Store, StoreError};
use crate::surroundings::Surroundings;
use crate::{Address, Failure, Graph, State, undo};

/// Why a command cannot work on an environment.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// State cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal cannot be written.
    #[error(transparent)]
    Journal(#[from] Arc<StoreError>),
    /// The state was moved: it is not here any more, or not for long.
    #[error("the state of {environment} was moved to {to}")]
    Moved {
        /// The environment.
        environment: String,
        /// Where to.
        to: String,
    },
    /// The state is of another cloud: another account, or a local cloud that is no more.
    #[error("the state is of {of}, and this is {here}")]
    OtherCloud {
        /// The cloud the state is of.
        of: String,
        /// The cloud that is here.
        here: String,
    },
    /// A resource could not be read or looked for.
    #[error("{address}: {failure}")]
    Cloud {
        /// The resource.
        address: Address,
        /// Why.
        failure: Failure,
    },
    /// The plan was not accepted.
    #[error(transparent)]
    Refused(#[from] Refused),
}

impl From<(Address, Failure)> for SessionError {
    fn from((address, failure): (Address, Failure)) -> Self {
        Self::Cloud { address, failure }
    }
}

/// What is declared, for a plan.
pub struct Declared<'a> {
    /// The graph; an empty one destroys.
    pub graph: &'a Graph,
    /// What the environment gives out.
    pub outputs: &'a BTreeMap<String, Value>,
    /// Pseudo parameters: `AWS::AccountId`, `AWS::Region`, `AWS::Partition`.
    pub pseudo: &'a BTreeMap<String, String>,
    /// Which resources it is about.
    pub selection: &'a Selection,
    /// Whether to read what is there; else the state is believed.
    pub refresh: bool,
}

/// What a session is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To look: a plan. Nothing is written.
    Look,
    /// To write: the lock is held.
    Write,
}

/// An environment's state, opened for one command.
pub struct Session {
    store: Arc<dyn Store>,
    surroundings: Surroundings,
    events: Events,
    /// The state, up to date with all that is known.
    pub state: State,
    /// What was found cut off at the journal's end.
    pub lost: Option<String>,
    /// What was damaged and made up for.
    pub mended: Option<String>,
    /// What recovery found, still to be written down.
    recovered: Vec<Record>,
    live: HashMap<Address, Option<LiveValue>>,
}

impl Session {
    /// Loads the state, and finds out what became of what an earlier run left under way.
    pub async fn open(
        store: Arc<dyn Store>,
        surroundings: Surroundings,
        cloud: &str,
        events: Events,
        purpose: Purpose,
    ) -> Result<Self, SessionError> {
        let loaded = match purpose {
            Purpose::Look => store.load().await?,
            Purpose::Write => store.claim().await?,
        };
        let mut state = loaded.state;
        let tells = !state.is_empty() || state.moved_to.is_some();
        if tells && state.cloud != cloud {
            return Err(SessionError::OtherCloud { of: state.cloud, here: cloud.to_owned() });
        }
        if let Some(to) = state.moved_to {
            return Err(SessionError::Moved { environment: surroundings.environment.to_string(), to });
        }
        cloud.clone_into(&mut state.cloud);
        let recovered = recover(&mut state, &surroundings, &events).await?;
        Ok(Self {
            store,
            surroundings,
            events,
            state,
            lost: loaded.lost,
            mended: loaded.mended,
            recovered,
            live: HashMap::new(),
        })
    }

    /// What was read of the resources, by the last plan that read them.
    pub fn live(&self) -> &HashMap<Address, Option<LiveValue>> {
        &self.live
    }

    /// Tells of nothing more, so that whoever receives events can end.
    pub fn hush(&mut self) {
        self.events = Events::default();
    }

    /// Makes a plan. Changes nothing, neither in the cloud nor on disk.
    pub async fn plan(&mut self, declared: &Declared<'_>) -> Result<Plan, SessionError> {
        if declared.refresh {
            self.live = self.surroundings.refresh(&self.state).await?;
        }
        Ok(plan::build(&Request {
            environment: &self.surroundings.environment,
            graph: declared.graph,
            state: &self.state,
            live: &self.live,
            catalogue: &self.surroundings.catalogue,
            pseudo: declared.pseudo,
            selection: declared.selection,
            outputs: declared.outputs,
            time_scale: self.surroundings.time_scale,
        }))
    }

    /// Carries out a plan, writing down each step before it is taken.
    pub async fn apply(&mut self, plan: &Plan, command: &str, options: Options) -> Result<Outcome, SessionError> {
        let before = (options.on_failure == OnFailure::Undo).then(|| self.state.clone());
        let mut outcome = self.run(plan, command, options.clone()).await?;
        if let Some(before) = before
            && !outcome.failed.is_empty()
            && !outcome.interrupted
        {
            self.undo(&before, plan, command, options, &mut outcome).await?;
        }
        Ok(outcome)
    }

    /// Takes back what a failed run did: planned and journalled like any other.
    async fn undo(
        &mut self,
        before: &State,
        failed: &Plan,
        command: &str,
        options: Options,
        outcome: &mut Outcome,
    ) -> Result<(), SessionError> {
        let back = match undo::way_back(before, &self.state, failed, &self.surroundings.catalogue) {
            Ok(back) => back,
            Err(failure) => {
                outcome.undo_refused = Some(failure.to_string());
                return Ok(());
            }
        };
        if let Err(error) = self.record(&back.records).await {
            outcome.undo_refused = Some(error.to_string());
            return Ok(());
        }
        // What failed may have taken effect all the same. What the run never came to stays as it is, changed by hand or not:
        // there the state is believed.
        let touched = undo::touched(before, &self.state, outcome);
        self.live = match self.surroundings.refresh(&self.state).await {
            Ok(live) => live.into_iter().filter(|(address, _)| touched.contains(address)).collect(),
            Err(error) => {
                outcome.undo_refused = Some(SessionError::from(error).to_string());
                return Ok(());
            }
        };
        let declared = Declared {
            graph: &back.graph,
            outputs: &before.outputs.clone(),
            pseudo: &failed.pseudo,
            selection: &Selection::default(),
            refresh: false,
        };
        let plan = self.plan(&declared).await?;
        let options = Options {
            on_failure: OnFailure::Continue,
            lift_protection: options.lift_protection || undo::needs_no_consent(before, &plan),
            ..options
        };
        self.events.tell(Event::Undoing { resources: plan.changes().count() });
        match self.run(&plan, &format!("{command}, undone"), options).await {
            Ok(undone) => outcome.undo = Some(Box::new(undone)),
            Err(error) => outcome.undo_refused = Some(error.to_string()),
        }
        outcome.undo_lost = undo::lost(before, &self.state, &self.surroundings.catalogue);
        Ok(())
    }

    async fn run(&mut self, plan: &Plan, command: &str, options: Options) -> Result<Outcome, SessionError> {
        let (journal, writer) = Journal::open(self.store.clone());
        let result = self.carry_out(plan, command, options, journal).await;
        // All appends were awaited; the writer ends when the last clone of the journal is gone.
        let _ = writer.await;
        let mut outcome = result?;
        // What was done stands in the journal: how the run ended is not to be lost over its snapshot.
        if let (Err(error), None) = (self.store.compact(&self.state).await, &outcome.unwritten) {
            outcome.unwritten = Some(error.to_string());
        }
        Ok(outcome)
    }

    async fn carry_out(
        &mut self,
        plan: &Plan,
        command: &str,
        options: Options,
        journal: Journal,
    ) -> Result<Outcome, SessionError> {
        let run = Run {
            plan,
            surroundings: &self.surroundings,
            journal: journal.clone(),
            state: &mut self.state,
            events: self.events.clone(),
            options,
        };
        apply::accept(&run)?;
        // What recovery found is in the state already: it only has to be written down.
        for record in self.recovered.drain(..) {
            journal.append(&record).await?;
        }
        let time = jiff::Timestamp::now().to_string();
        let began = Record::Began { time, command: command.to_owned(), cloud: run.state.cloud.clone() };
        journal.append(&began).await?;
        run.state.apply(&began);
        let mut outcome = apply::carry_out(run).await;
        let outputs = Record::Outputs(self.outputs(plan));
        match journal.append(&outputs).await {
            Ok(()) => self.state.apply(&outputs),
            Err(error) => outcome.unwritten = Some(error.to_string()),
        }
        Ok(outcome)
    }

    /// Writes down what a run without an operation leaves to be written: outputs that were declared anew or that an
    /// earlier run did not come to, and what recovery found.
    pub async fn settle(&mut self, plan: &Plan) -> Result<(), SessionError> {
        let outputs = self.outputs(plan);
        if outputs == self.state.outputs && self.recovered.is_empty() {
            return Ok(());
        }
        self.record(&[Record::Outputs(outputs)]).await
    }

    /// The outputs as far as they are known.
    fn outputs(&self, plan: &Plan) -> BTreeMap<String, Value> {
        let value = |reference: &intrinsic::Reference| {
            let Some(entry) = self.state.entries.get(&reference.address) else {
                return plan::pseudo(&plan.pseudo, reference);
            };
            resource::value(&entry.id, &entry.attributes, reference.attribute.as_deref())
        };
        let resolved = plan.outputs.iter().map(|(name, output)| (name.clone(), intrinsic::resolve(output, &value)));
        resolved.filter(|(_, output)| intrinsic::is_known(output)).collect()
    }

    /// Writes records down and takes them up: adoptions, moves, what is forgotten.
    pub async fn record(&mut self, records: &[Record]) -> Result<(), SessionError> {
        let mut bytes = Vec::new();
        self.recovered.iter().chain(records).for_each(|record| crate::store::codec::encode(record, &mut bytes));
        self.store.append(bytes).await?;
        self.recovered.clear();
        records.iter().for_each(|record| self.state.apply(record));
        Ok(self.store.compact(&self.state).await?)
    }
}
