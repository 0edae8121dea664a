//! One operation, from its intent to its end.

use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;
use tokio::sync::mpsc::UnboundedSender;

use super::poll::{longest_wait, next_look, next_try, patience};
use crate::catalogue::Handler;
use crate::crash;
use crate::event::{Event, Events};
use crate::recover::{LOOKS, find};
use crate::scope::{self, Scope};
use crate::state::{Entry, Intent, Record, Work};
use crate::store::Journal;
use crate::surroundings::Surroundings;
use crate::{Attributes, Context, Created, Failure, FailureKind, Node, Readiness, diff};

/// What an operation tells the scheduler while it is under way.
#[derive(Debug)]
pub(super) enum Message {
    /// It wrote this to the journal.
    Wrote(Record),
    /// The creating call returned.
    Made(usize, Created),
    /// It was seen to its end.
    Finished(usize, Option<Attributes>),
    /// It failed.
    Failed(usize, Failure),
}

/// All that one operation needs.
pub(super) struct Job {
    pub index: usize,
    pub work: Work,
    pub token: String,
    pub expected: f64,
    /// As it shall be (create, update) or was (delete); references resolved.
    pub entry: Entry,
    pub node: Option<Node>,
    /// The properties last applied.
    pub before: Option<Value>,
    pub unprotect: bool,
    /// The ids that the state has for the address.
    pub known_ids: Vec<String>,
    /// Whether it was made by a run that did not see it ready.
    pub fresh: bool,
    pub handler: Arc<dyn Handler>,
    pub surroundings: Surroundings,
    pub journal: Journal,
    pub events: Events,
    pub messages: UnboundedSender<Message>,
}

/// What cannot be written down is not begun.
pub(super) fn unwritten(error: &impl std::fmt::Display) -> Failure {
    Failure::new(FailureKind::Other, format!("the journal cannot be written: {error}"))
}

impl Job {
    pub async fn run(self) {
        let started = Instant::now();
        let cx = self.surroundings.context(&self.entry.address, &self.entry.region, &self.token);
        match scope::within(self.scope(false), self.work(&cx, started)).await {
            Ok(attributes) => self.send(Message::Finished(self.index, attributes)),
            Err(failure) => self.send(Message::Failed(self.index, failure)),
        }
    }

    fn scope(&self, making: bool) -> Scope {
        Scope { operation: format!("{} {}", self.work.as_str(), self.entry.address), making }
    }

    fn send(&self, message: Message) {
        // The scheduler is gone only when the run was broken off.
        let _ = self.messages.send(message);
    }

    async fn write(&self, record: Record) -> Result<(), Failure> {
        self.journal.append(&record).await.map_err(|error| unwritten(&error))?;
        self.send(Message::Wrote(record));
        Ok(())
    }

    async fn work(&self, cx: &Context, started: Instant) -> Result<Option<Attributes>, Failure> {
        let intent = Intent { token: self.token.clone(), work: self.work, entry: self.entry.clone() };
        self.write(Record::Intent(Box::new(intent))).await?;
        let result = match self.work {
            Work::Create => self.create(cx).await,
            Work::Update => self.update(cx).await,
            Work::Delete => self.delete(cx).await.map(|()| None).map_err(|failure| (failure, false, false)),
        };
        match result {
            Ok(attributes) => {
                let seconds = started.elapsed().as_secs_f64();
                self.write(Record::Done { token: self.token.clone(), attributes: attributes.clone(), seconds }).await?;
                Ok(attributes)
            }
            Err((failure, without_effect, broken)) => {
                let why = failure.to_string();
                self.write(Record::Failed { token: self.token.clone(), why, without_effect, broken }).await?;
                Err(failure)
            }
        }
    }

    /// The error carries whether nothing was made, and whether what was made will never be ready.
    async fn create(&self, cx: &Context) -> Result<Option<Attributes>, (Failure, bool, bool)> {
        diff::whole(&self.entry.properties).map_err(|failure| (failure, true, false))?;
        let created = self.make(cx).await?;
        let id = created.id.clone();
        self.write(Record::Made { token: self.token.clone(), created: created.clone() })
            .await
            .map_err(|failure| (failure, false, false))?;
        self.events.tell(Event::Made { address: self.entry.address.clone(), id: id.clone() });
        let attributes = created.attributes.clone();
        self.send(Message::Made(self.index, created));
        let sync = || self.handler.sync(&self.entry.properties, &id, None, cx);
        self.persist(sync).await.map_err(|failure| (failure, false, false))?;
        self.settle(&id, attributes, cx).await
    }

    async fn make(&self, cx: &Context) -> Result<Created, (Failure, bool, bool)> {
        let began = Instant::now();
        let (mut tries, mut uncertain) = (0, false);
        loop {
            let making = self.handler.create(&self.entry.properties, cx);
            let failure = match scope::within(self.scope(true), making).await {
                Ok(created) => return Ok(created),
                Err(failure) => failure,
            };
            // After an answer that was lost, whatever a later try is refused for may be what the lost one made.
            uncertain |= failure.kind == FailureKind::Unavailable;
            if uncertain || failure.kind == FailureKind::AlreadyExists {
                let looks = if uncertain { LOOKS } else { 1 };
                let between = self.surroundings.between_looks;
                match find(self.handler.as_ref(), &self.entry.properties, cx, looks, between).await {
                    Ok(Some(created)) => return Ok(created),
                    Ok(None) if failure.kind == FailureKind::AlreadyExists => {
                        return match self.left_over(cx).await {
                            Some(created) => Ok(created),
                            None => Err((self.taken(failure), !uncertain, false)),
                        };
                    }
                    Ok(None) => {}
                    Err(_) => return Err((failure, false, false)),
                }
            }
            if began.elapsed().as_secs_f64() >= patience(failure.kind, false) {
                return Err((failure, !uncertain, false));
            }
            self.pause(&failure, tries).await;
            tries += 1;
        }
    }

    /// What stands in the way though it carries this address: a killed run's call may have been carried out only after
    /// it was looked for. It is ours, unless the state knows it as what is to be replaced.
    async fn left_over(&self, cx: &Context) -> Option<Created> {
        let any = Context { token: "".into(), ..cx.clone() };
        let found = self.handler.find(&self.entry.properties, &any).await.ok()??;
        (!self.known_ids.contains(&found.id)).then_some(found)
    }

    fn taken(&self, failure: Failure) -> Failure {
        let address = &self.entry.address;
        failure.hint(format!(
            "something of that name is there and is not of this environment: choose another name, or adopt it with `cargo xtask import {address} ID`"
        ))
    }

    async fn update(&self, cx: &Context) -> Result<Option<Attributes>, (Failure, bool, bool)> {
        let open = |failure| (failure, false, false);
        let id = &self.entry.id;
        let ids = std::slice::from_ref(id);
        let mut live =
            match self.persist(|| self.handler.read(ids, cx)).await.map_err(open)?.into_iter().next().flatten() {
                Some((live, _)) => live,
                None => {
                    let gone = Failure::new(FailureKind::NotFound, "it is gone since the plan was made");
                    return Err(open(gone.hint("plan again")));
                }
            };
        let mut declared = self.entry.properties.clone();
        if let Some(node) = &self.node {
            diff::yield_owned(&mut declared, &live, &node.owned);
        }
        diff::as_ours(&declared, self.before.as_ref(), &mut live, schema::facts(&self.entry.type_name));
        let sync = || self.handler.sync(&declared, id, Some(&live), cx);
        self.persist(sync).await.map_err(open)?;
        self.settle(id, self.entry.attributes.clone(), cx).await
    }

    /// Waits until it is ready, and reads the attributes that are known only then.
    async fn settle(
        &self,
        id: &str,
        mut attributes: Attributes,
        cx: &Context,
    ) -> Result<Option<Attributes>, (Failure, bool, bool)> {
        let open = |failure| (failure, false, false);
        let began = Instant::now();
        loop {
            match self.persist(|| self.handler.ready(id, cx)).await.map_err(open)? {
                Readiness::Ready => break,
                Readiness::Failed(why) => {
                    let failure = Failure::new(FailureKind::Other, why);
                    return Err((failure, false, self.work == Work::Create || self.fresh));
                }
                Readiness::Pending(detail) => self.wait(detail, began, "ready").await.map_err(open)?,
            }
        }
        if !self.handler.facts().late.is_empty() {
            let ids = [id.to_owned()];
            let live = self.persist(|| self.handler.read(&ids, cx)).await.map_err(open)?;
            if let Some((_, late)) = live.into_iter().next().flatten() {
                attributes.extend(late);
            }
        }
        Ok(Some(attributes))
    }

    async fn delete(&self, cx: &Context) -> Result<(), Failure> {
        let id = &self.entry.id;
        if self.unprotect {
            self.persist(|| self.handler.unprotect(id, cx)).await?;
        }
        self.persist(|| self.handler.delete(id, cx)).await?;
        let began = Instant::now();
        while !self.persist(|| self.handler.gone(id, cx)).await? {
            self.wait("deleting".to_owned(), began, "gone").await?;
        }
        Ok(())
    }

    /// Waits until the next look, unless it has taken much longer than anybody would expect.
    async fn wait(&self, detail: String, began: Instant, until: &str) -> Result<(), Failure> {
        crash::point("waiting");
        let elapsed = began.elapsed().as_secs_f64();
        let longest = longest_wait(self.expected, self.surroundings.time_scale);
        if elapsed >= longest {
            let message = format!("not {until} after {elapsed:.0} s, {:.0} were expected: {detail}", self.expected);
            let hint = format!(
                "look at it in the AWS console; the same command again goes on waiting, `--replace {}` makes another",
                self.entry.address
            );
            return Err(Failure::new(FailureKind::NotYet, message).hint(hint));
        }
        self.events.tell(Event::Waiting { address: self.entry.address.clone(), detail });
        tokio::time::sleep(next_look(elapsed, self.expected)).await;
        Ok(())
    }

    async fn pause(&self, failure: &Failure, tries: u32) {
        let wait = next_try(tries, self.surroundings.time_scale);
        let seconds = wait.as_secs_f64();
        self.events.tell(Event::Retrying { address: self.entry.address.clone(), failure: failure.clone(), seconds });
        tokio::time::sleep(wait).await;
    }

    /// Repeats a repeatable call while its failure may pass.
    async fn persist<T, F>(&self, call: impl Fn() -> F) -> Result<T, Failure>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let began = Instant::now();
        let mut tries = 0;
        loop {
            match call().await {
                Ok(value) => return Ok(value),
                Err(failure) => {
                    let deleting = self.work == Work::Delete;
                    if began.elapsed().as_secs_f64() >= patience(failure.kind, deleting) {
                        return Err(failure);
                    }
                    self.pause(&failure, tries).await;
                    tries += 1;
                }
            }
        }
    }
}
