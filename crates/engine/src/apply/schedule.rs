//! The scheduler: starts what can start, longest remaining path first, and takes up what comes back.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::operate::{Job, Message, unwritten};
use super::path::{self, Times};
use super::{FailedOperation, Interrupt, OnFailure, Outcome, Refused, Run, seconds};
use crate::event::Event;
use crate::graph::Needs;
use crate::intrinsic::{self, Reference};
use crate::plan::operations::Operations;
use crate::plan::{Action, Plan, Risk, Verb};
use crate::state::{Entry, Record, Work};
use crate::surroundings::{new_token, unknown_type};
use crate::{Address, Attributes, Created, Failure, Node};

/// Carries out an accepted plan. What failed on the way is in the outcome.
pub async fn carry_out(run: Run<'_>) -> Outcome {
    let operations = Operations::of(run.plan, &run.surroundings.catalogue);
    let began = Instant::now();
    run.events.tell(Event::Began { operations: operations.all.len(), expected_seconds: operations.longest_path() });
    let mut schedule = Schedule::new(run, operations);
    schedule.go().await;
    let mut outcome = schedule.finish();
    outcome.wall_seconds = seconds(began.elapsed());
    outcome
}

/// Refuses a plan that is for something else, out of date, or without consent.
pub fn accept(run: &Run<'_>) -> Result<(), Refused> {
    let (plan, state) = (run.plan, &run.state);
    let here = (run.surroundings.environment.as_ref(), state.cloud.as_str());
    if (plan.environment.as_str(), plan.cloud.as_str()) != here {
        let words = |(environment, cloud): (&str, &str)| format!("{environment} on {cloud}");
        return Err(Refused::Elsewhere { planned: words((&plan.environment, &plan.cloud)), here: words(here) });
    }
    if plan.serial != state.serial {
        return Err(Refused::Outdated { planned: plan.serial, now: state.serial });
    }
    let protected = plan.changes().filter(|action| action.risk == Risk::Protected);
    let protected: Vec<Address> = protected.map(|action| action.address.clone()).collect();
    if !protected.is_empty() && !run.options.lift_protection {
        return Err(Refused::Protected(protected));
    }
    Ok(())
}

/// An operation that can start; the longest remaining path is the greatest.
struct Next {
    remaining: f64,
    index: usize,
}

impl Ord for Next {
    fn cmp(&self, other: &Self) -> Ordering {
        self.remaining.total_cmp(&other.remaining).then(other.index.cmp(&self.index))
    }
}

impl PartialOrd for Next {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Next {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Next {}

struct Schedule<'a> {
    run: Run<'a>,
    operations: Operations,
    waits: Vec<usize>,
    ready: BinaryHeap<Next>,
    times: Vec<Times>,
    known: HashMap<Address, Created>,
    outcome: Outcome,
    stopping: bool,
}

impl<'a> Schedule<'a> {
    fn new(run: Run<'a>, operations: Operations) -> Self {
        let waits: Vec<usize> = operations.all.iter().map(|operation| operation.waits).collect();
        let mut schedule = Self {
            known: known_before(run.plan),
            times: vec![Times::default(); operations.all.len()],
            ready: BinaryHeap::new(),
            outcome: Outcome::default(),
            stopping: false,
            waits,
            operations,
            run,
        };
        for index in 0..schedule.waits.len() {
            if schedule.waits[index] == 0 {
                schedule.enqueue(index);
            }
        }
        schedule
    }

    fn enqueue(&mut self, index: usize) {
        self.ready.push(Next { remaining: self.operations.all[index].remaining, index });
    }

    async fn go(&mut self) {
        let (messages, mut inbox) = mpsc::unbounded_channel();
        let mut jobs: JoinSet<()> = JoinSet::new();
        let mut interrupt = self.run.options.interrupt.clone();
        let mut listening = true;
        loop {
            while !self.stopping && jobs.len() < self.run.options.at_once {
                let Some(next) = self.ready.pop() else { break };
                self.start(next.index, &messages, &mut jobs).await;
            }
            if jobs.is_empty() && inbox.is_empty() {
                return;
            }
            tokio::select! {
                Some(message) = inbox.recv() => self.take(message),
                Some(_) = jobs.join_next(), if !jobs.is_empty() => {}
                changed = interrupt.changed(), if listening => {
                    listening = changed.is_ok();
                    let level = *interrupt.borrow_and_update();
                    if level >= Interrupt::Finish {
                        self.outcome.interrupted = true;
                        self.stop("interrupted: what is under way is finished, nothing more is started");
                    }
                    if level == Interrupt::Now {
                        jobs.shutdown().await;
                        while let Ok(message) = inbox.try_recv() {
                            self.take(message);
                        }
                        return;
                    }
                }
            }
        }
    }

    fn stop(&mut self, why: &str) {
        if !self.stopping {
            self.stopping = true;
            self.run.events.tell(Event::Stopping { why: why.to_owned() });
        }
    }

    async fn start(&mut self, index: usize, messages: &mpsc::UnboundedSender<Message>, jobs: &mut JoinSet<()>) {
        self.times[index].started = Some(Instant::now());
        match self.job(index, messages.clone()) {
            Ok((job, before)) => {
                for record in before {
                    // What is under way goes on: only this one is not begun.
                    if let Err(error) = self.run.journal.append(&record).await {
                        self.take(Message::Failed(index, unwritten(&error)));
                        return;
                    }
                    self.run.state.apply(&record);
                }
                self.run.events.tell(Event::Started {
                    address: job.entry.address.clone(),
                    type_name: job.entry.type_name.clone(),
                    work: job.work,
                    expected_seconds: job.expected,
                });
                jobs.spawn(job.run());
            }
            Err(failure) => self.take(Message::Failed(index, failure)),
        }
    }

    /// The job of an operation, and what must be written down before it.
    fn job(&self, index: usize, messages: mpsc::UnboundedSender<Message>) -> Result<(Job, Vec<Record>), Failure> {
        let operation = &self.operations.all[index];
        let action = &self.run.plan.actions[operation.action];
        let token = new_token()?;
        let mut before = Vec::new();
        let entry = match (operation.work, &action.node, &action.entry) {
            (Work::Delete, _, Some(entry)) => entry.clone(),
            (Work::Create, Some(node), was) => {
                if let (Verb::Create, Some(gone)) = (action.verb, was) {
                    before.push(Record::Forgot { address: gone.address.clone(), id: gone.id.clone() });
                }
                self.entry(node, &action.needs, String::new(), token.clone(), Attributes::new())?
            }
            (Work::Update, Some(node), Some(was)) => {
                self.entry(node, &action.needs, was.id.clone(), was.token.clone(), was.attributes.clone())?
            }
            _ => return Err(Failure::invalid("the plan is not whole")),
        };
        let handler = self.run.surroundings.catalogue.get(&entry.type_name);
        let job = Job {
            index,
            work: operation.work,
            token,
            expected: operation.expected,
            node: action.node.clone(),
            before: action.entry.as_ref().map(|entry| entry.properties.clone()),
            unprotect: action.risk == Risk::Protected,
            known_ids: self.known_ids(&entry.address),
            fresh: action.entry.as_ref().is_some_and(|entry| entry.fresh),
            handler: Arc::clone(handler.ok_or_else(|| unknown_type(&entry.type_name))?),
            surroundings: self.run.surroundings.clone(),
            journal: self.run.journal.clone(),
            events: self.run.events.clone(),
            messages,
            entry,
        };
        Ok((job, before))
    }

    fn known_ids(&self, address: &Address) -> Vec<String> {
        let deposed = self.run.state.deposed.iter().filter(|entry| entry.address == *address);
        self.run.state.entries.get(address).into_iter().chain(deposed).map(|entry| entry.id.clone()).collect()
    }

    /// What the state will hold of a declared resource.
    fn entry(
        &self,
        node: &Node,
        needs: &[Address],
        id: String,
        token: String,
        attributes: Attributes,
    ) -> Result<Entry, Failure> {
        let properties = intrinsic::resolve(&node.properties, &|reference| self.value(reference));
        if !intrinsic::is_known(&properties) {
            let open = intrinsic::references(&properties);
            let open: Vec<String> = open.iter().map(|(property, r)| format!("{property} → {}", show(r))).collect();
            return Err(Failure::invalid(format!("not known at its turn: {}", open.join(", "))));
        }
        Ok(Entry {
            address: node.address.clone(),
            type_name: node.type_name.clone(),
            region: node.region.clone(),
            id,
            properties,
            attributes,
            dependencies: needs.to_vec(),
            protected: node.protected,
            token,
            incomplete: false,
            fresh: false,
            failed: None,
        })
    }

    fn value(&self, reference: &Reference) -> Option<Value> {
        let Some(created) = self.known.get(&reference.address) else {
            return crate::plan::pseudo(&self.run.plan.pseudo, reference);
        };
        crate::resource::value(&created.id, &created.attributes, reference.attribute.as_deref())
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Wrote(record) => self.run.state.apply(&record),
            Message::Made(index, created) => {
                self.times[index].made = Some(Instant::now());
                self.outcome.made += usize::from(self.operations.all[index].work == Work::Create);
                self.known.insert(self.action(index).address.clone(), created);
                self.release(index, Needs::Identity);
            }
            Message::Finished(index, attributes) => self.finished(index, attributes),
            Message::Failed(index, failure) => {
                self.times[index].finished = Some(Instant::now());
                let (address, work) = (self.action(index).address.clone(), self.operations.all[index].work);
                self.run.events.tell(Event::Failed { address: address.clone(), work, failure: failure.clone() });
                self.outcome.failed.push(FailedOperation { address, work, failure });
                if self.run.options.on_failure != OnFailure::Continue {
                    self.stop("something failed: what is under way is finished, nothing more is started");
                }
            }
        }
    }

    fn action(&self, index: usize) -> &Action {
        &self.run.plan.actions[self.operations.all[index].action]
    }

    fn finished(&mut self, index: usize, attributes: Option<Attributes>) {
        let now = Instant::now();
        self.times[index].finished = Some(now);
        self.outcome.done += 1;
        let (address, work) = (self.action(index).address.clone(), self.operations.all[index].work);
        if let (Some(attributes), Some(created)) = (attributes, self.known.get_mut(&address)) {
            created.attributes = attributes;
        }
        let taken = self.times[index].started.map(|started| seconds(now.duration_since(started)));
        self.run.events.tell(Event::Finished { address, work, seconds: taken.unwrap_or_default() });
        self.release(index, Needs::Ready);
    }

    fn release(&mut self, index: usize, reached: Needs) {
        // An operation that never says "made" releases everything when it is finished.
        let made_before = self.times[index].made.is_some() && reached == Needs::Ready;
        let then = std::mem::take(&mut self.operations.all[index].then);
        for &(to, needs) in &then {
            let now = if made_before { needs == Needs::Ready } else { needs <= reached };
            if now {
                self.waits[to] -= 1;
                if self.waits[to] == 0 {
                    self.enqueue(to);
                }
            }
        }
        self.operations.all[index].then = then;
    }

    fn finish(mut self) -> Outcome {
        for (index, operation) in self.operations.all.iter().enumerate() {
            if self.times[index].finished.is_none() {
                let address = self.run.plan.actions[operation.action].address.clone();
                self.outcome.left.push((address, operation.work));
            }
        }
        if self.outcome.failed.is_empty()
            && !self.stopping
            && let Some((address, work)) = self.outcome.left.first().cloned()
        {
            // Unreachable if plans are right; never to be passed over in silence.
            let failure = Failure::invalid("its turn never came: what it waits for waits for it")
                .hint("this is a defect of Groundplan: please report it with the plan (`cargo xtask plan --out FILE`)");
            self.outcome.failed.push(FailedOperation { address, work, failure });
        }
        self.outcome.longest_path_seconds = path::longest(&self.operations, &self.times);
        self.outcome
    }
}

fn known_before(plan: &Plan) -> HashMap<Address, Created> {
    let entries = plan.actions.iter().filter(|action| matches!(action.verb, Verb::NoOp | Verb::Update));
    entries
        .filter_map(|action| action.entry.as_ref())
        .map(|entry| (entry.address.clone(), Created { id: entry.id.clone(), attributes: entry.attributes.clone() }))
        .collect()
}

fn show(reference: &Reference) -> String {
    intrinsic::readable(&intrinsic::lower(Value::from(intrinsic::reference(
        &reference.address,
        reference.attribute.as_deref(),
    ))))
}
