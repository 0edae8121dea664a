//! A cloud in memory as strict as AWS: it refuses what AWS refuses, and remembers who asked for it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use engine::catalogue::{BoxFuture, Handler, LiveValue, TypeFacts};
use engine::*;
use serde_json::{Value, json};

use crate::fate::{Fate, How, failure};
use crate::kinds::Kind;

#[derive(Clone, Debug, PartialEq)]
pub struct Thing {
    pub kind: usize,
    pub region: String,
    pub address: String,
    pub token: String,
    pub properties: Value,
    /// Where it is, for a type that cannot move: where what it refers to was when it was made.
    pub place: Option<Value>,
    /// How many more times it says that it is not ready.
    pub pending: u8,
    /// Whether it has said that it is ready.
    pub ready: bool,
    pub broken: bool,
}

/// One call that changed something, or tried to.
#[derive(Clone, Debug)]
pub struct Call {
    pub what: &'static str,
    pub address: String,
    pub id: String,
    /// Deletions: who referred to it then.
    pub referred_by: Vec<Referrer>,
}

/// A thing that refers to another.
#[derive(Clone, Debug)]
pub struct Referrer {
    pub address: String,
    pub property: String,
    /// Whether that keeps the other from being deleted.
    pub blocks: bool,
}

#[derive(Default)]
pub struct Inner {
    pub things: BTreeMap<String, Thing>,
    pub log: Vec<Call>,
    /// What AWS would have refused, or what no engine may do.
    pub wrongs: Vec<String>,
    pub next: usize,
    /// How long the next things made take to be ready.
    pub slow: Vec<u8>,
}

pub struct Cloud {
    inner: Mutex<Inner>,
    pub fate: Arc<Fate>,
}

/// Every thing that a value refers to: by id, ARN or late attribute.
pub fn referents(value: &Value) -> Vec<(String, bool)> {
    match value {
        Value::String(text) => match text.split_once(':') {
            Some((kind, id)) => vec![(id.to_owned(), kind == "late")],
            None => vec![(text.clone(), false)],
        },
        Value::Array(items) => items.iter().flat_map(referents).collect(),
        Value::Object(map) => map.values().flat_map(referents).collect(),
        _ => vec![],
    }
}

impl Thing {
    /// Its references by property.
    pub fn references(&self) -> Vec<(String, String, bool)> {
        references(self.kind, &self.properties)
    }
}

fn references(kind: usize, properties: &Value) -> Vec<(String, String, bool)> {
    let kind = &Kind::ALL[kind];
    let map = properties.as_object().into_iter().flatten();
    map.filter(|(key, _)| kind.refers(key))
        .flat_map(|(key, value)| {
            let needs_ready = kind.facts().needs_ready.contains(&key.as_str());
            referents(value).into_iter().map(move |(id, late)| (key.clone(), id, late || needs_ready))
        })
        .collect()
}

impl Cloud {
    pub fn new(fate: Arc<Fate>) -> Self {
        Self { inner: Mutex::default(), fate }
    }

    pub fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn call<T>(&self, what: &str, effect: impl FnOnce(&mut Inner) -> Result<T, Failure>) -> Result<T, Failure> {
        self.fate.point().await;
        let struck = self.fate.fault(what);
        match struck {
            None | Some(How::AnswerLost) => {}
            Some(how) => return Err(failure(how)),
        }
        // Others get on with it while the request is on its way.
        tokio::task::yield_now().await;
        let result = effect(&mut self.inner());
        self.fate.point().await;
        match struck {
            Some(how) => Err(failure(how)),
            None => result,
        }
    }
}

impl Inner {
    fn log(&mut self, what: &'static str, cx: &Context, id: &str, referred_by: Vec<Referrer>) {
        self.log.push(Call { what, address: cx.address.to_string(), id: id.to_owned(), referred_by });
    }

    fn wrong(&mut self, why: String) -> Failure {
        self.wrongs.push(why.clone());
        Failure::invalid(why)
    }

    /// Everything referred to must be there, and ready where that is needed.
    fn check(&mut self, kind: usize, properties: &Value, what: &str) -> Result<(), Failure> {
        if properties.to_string().contains("Fn::") || properties.to_string().contains("\"Ref\"") {
            return Err(self.wrong(format!("{what} with an open reference: {properties}")));
        }
        for (property, id, ready) in references(kind, properties) {
            match self.things.get(&id) {
                None => return Err(self.wrong(format!("{what}: {property} refers to {id}, which is not there"))),
                Some(thing) if ready && !thing.ready => {
                    return Err(self.wrong(format!("{what}: {property} needs {id} ready, which it is not yet")));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    fn create(&mut self, kind: usize, properties: &Value, cx: &Context) -> Result<Created, Failure> {
        let facts = Kind::ALL[kind].facts();
        let created = |id: &str| Created::new(id).with("Arn", format!("arn:{id}"));
        // The operation's token is the call's idempotency token.
        if let Some((id, _)) = self.things.iter().find(|(_, thing)| thing.token == *cx.token) {
            return Ok(created(id));
        }
        self.check(kind, properties, &format!("create {}", cx.address))?;
        let id = Kind::ALL[kind].id(properties).unwrap_or_else(|| {
            self.next += 1;
            format!("id-{}", self.next)
        });
        let same = |thing: &Thing, property: Option<&str>| {
            property.is_some_and(|name| thing.properties.get(name) == properties.get(name))
        };
        let taken = self.things.values().find(|thing| {
            thing.kind == kind
                && *thing.region == *cx.region
                && same(thing, facts.unique_name)
                && facts.unique_within.is_none_or(|within| same(thing, Some(within)))
        });
        if let Some(other) = taken.or_else(|| self.things.get(&id)) {
            let why = format!("the name is taken by that of {}", other.address);
            return Err(Failure::new(FailureKind::AlreadyExists, why));
        }
        let pending = if self.slow.is_empty() { 0 } else { self.slow.remove(0) };
        let thing = Thing {
            kind,
            region: cx.region.to_string(),
            address: cx.address.to_string(),
            token: cx.token.to_string(),
            // What create cannot say in one call, sync must.
            properties: json!({}),
            place: self.place(kind, properties),
            pending,
            ready: false,
            broken: false,
        };
        self.things.insert(id.clone(), thing);
        // Create-only properties are part of the call, and what is referred to is held from here on.
        if let Some(thing) = self.things.get_mut(&id) {
            thing.properties = properties.clone();
            if let Some(map) = thing.properties.as_object_mut() {
                map.remove("Size");
            }
        }
        Ok(created(&id))
    }

    fn sync(&mut self, kind: usize, properties: &Value, id: &str, cx: &Context) -> Result<(), Failure> {
        self.check(kind, properties, &format!("sync {}", cx.address))?;
        let Some(thing) = self.things.get(id).cloned() else {
            return Err(Failure::new(FailureKind::Other, format!("{id} is gone")));
        };
        let was = &thing.properties;
        let fixed = Kind::ALL[kind].create_only().into_iter().find(|key| was.get(key) != properties.get(key));
        if let Some(key) = fixed {
            return Err(self.wrong(format!("sync {}: {key} cannot be changed in place", cx.address)));
        }
        let place = self.place(kind, properties);
        if let (Some(from), Some(to)) = (&thing.place, &place)
            && from != to
        {
            return Err(self.wrong(format!("sync {}: it cannot move from {from} to {to}", cx.address)));
        }
        if let Some(thing) = self.things.get_mut(id) {
            thing.properties = properties.clone();
            thing.place = thing.place.take().or(place);
        }
        Ok(())
    }

    /// Where what a type that cannot move refers to is.
    fn place(&self, kind: usize, properties: &Value) -> Option<Value> {
        let (moving, cause) = Kind::ALL[kind].facts().moves_with.first()?;
        let (referent, _) = referents(properties.get(*moving)?).into_iter().next()?;
        self.things.get(&referent)?.properties.get(*cause).cloned()
    }

    pub fn referred_by(&self, id: &str) -> Vec<Referrer> {
        let others = self.things.iter().filter(|(other, _)| *other != id);
        others
            .flat_map(|(_, thing)| {
                let refers = thing.references().into_iter().filter(|(_, to, _)| to == id);
                refers.map(|(property, ..)| Referrer {
                    address: thing.address.clone(),
                    blocks: Kind::ALL[thing.kind].blocks(&property),
                    property,
                })
            })
            .collect()
    }

    fn delete(&mut self, id: &str, cx: &Context) -> Result<(), Failure> {
        let referred_by = self.referred_by(id);
        self.log("delete", cx, id, referred_by.clone());
        if let Some(Referrer { address, property, .. }) = referred_by.iter().find(|referrer| referrer.blocks) {
            let why = format!("delete {} ({id}): in use by {address} ({property})", cx.address);
            return Err(self.wrong(why));
        }
        self.things.remove(id);
        Ok(())
    }
}

pub struct FakeHandler(pub usize);

fn cloud(cx: &Context) -> &Cloud {
    cx.services.downcast_ref::<Cloud>().expect("the fake cloud")
}

impl Handler for FakeHandler {
    fn type_name(&self) -> &'static str {
        Kind::ALL[self.0].type_name
    }

    fn facts(&self) -> TypeFacts {
        Kind::ALL[self.0].facts()
    }

    fn id(&self, properties: &Value) -> Option<String> {
        Kind::ALL[self.0].id(properties)
    }

    fn create<'a>(&'a self, properties: &'a Value, cx: &'a Context) -> BoxFuture<'a, Result<Created, Failure>> {
        cloud(cx).inner().log("create", cx, "", vec![]);
        Box::pin(cloud(cx).call("create", move |inner| inner.create(self.0, properties, cx)))
    }

    fn sync<'a>(
        &'a self,
        properties: &'a Value,
        id: &'a str,
        live: Option<&'a Value>,
        cx: &'a Context,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        cloud(cx).inner().log(if live.is_some() { "update" } else { "sync" }, cx, id, vec![]);
        Box::pin(cloud(cx).call("sync", move |inner| inner.sync(self.0, properties, id, cx)))
    }

    fn ready<'a>(&'a self, id: &'a str, cx: &'a Context) -> BoxFuture<'a, Result<Readiness, Failure>> {
        Box::pin(async move {
            let answer = cloud(cx).call("ready", move |inner| {
                let Some(thing) = inner.things.get_mut(id) else {
                    return Err(Failure::new(FailureKind::Other, format!("{id} is gone")));
                };
                if thing.broken {
                    return Ok(Readiness::Failed("it is broken".to_owned()));
                }
                if thing.pending > 0 {
                    thing.pending -= 1;
                    return Ok(Readiness::Pending("creating".to_owned()));
                }
                thing.ready = true;
                inner.log("ready", cx, id, vec![]);
                Ok(Readiness::Ready)
            });
            match answer.await {
                Err(failure) if failure.message == crate::fate::failure(How::NeverReady).message => {
                    // A change that fails may be tried again; what was never ready never will be.
                    if let Some(thing) = cloud(cx).inner().things.get_mut(id) {
                        thing.broken = !thing.ready;
                    }
                    Ok(Readiness::Failed("it is broken".to_owned()))
                }
                answer => answer,
            }
        })
    }

    fn read<'a>(
        &'a self,
        ids: &'a [String],
        cx: &'a Context,
    ) -> BoxFuture<'a, Result<Vec<Option<LiveValue>>, Failure>> {
        Box::pin(cloud(cx).call("read", move |inner| {
            let live = |id: &String| {
                let thing = inner.things.get(id)?;
                let mut attributes = Attributes::new();
                attributes.insert("Arn".to_owned(), json!(format!("arn:{id}")));
                if thing.ready {
                    attributes.insert("Late".to_owned(), json!(format!("late:{id}")));
                }
                Some((thing.properties.clone(), attributes))
            };
            Ok(ids.iter().map(live).collect())
        }))
    }

    fn unprotect<'a>(&'a self, id: &'a str, cx: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(cloud(cx).call("unprotect", move |inner| {
            inner.log("unprotect", cx, id, vec![]);
            Ok(())
        }))
    }

    fn delete<'a>(&'a self, id: &'a str, cx: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(cloud(cx).call("delete", move |inner| inner.delete(id, cx)))
    }

    fn gone<'a>(&'a self, id: &'a str, cx: &'a Context) -> BoxFuture<'a, Result<bool, Failure>> {
        Box::pin(cloud(cx).call("gone", move |inner| Ok(!inner.things.contains_key(id))))
    }

    fn find<'a>(&'a self, _: &'a Value, cx: &'a Context) -> BoxFuture<'a, Result<Option<Created>, Failure>> {
        Box::pin(cloud(cx).call("find", move |inner| {
            let found = inner.things.iter().find(|(_, thing)| thing.token == *cx.token);
            Ok(found.map(|(id, _)| Created::new(id.clone()).with("Arn", format!("arn:{id}"))))
        }))
    }

    fn charges(&self, _: &Value, _: &Pricing<'_>) -> Vec<Charge> {
        Vec::new()
    }

    fn check(&self, _: &Value) -> Result<(), String> {
        Ok(())
    }
}
