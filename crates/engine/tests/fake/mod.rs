//! A cloud of its own in memory, with handlers that speak JSON: what the engine is tested on.

#![allow(dead_code, missing_docs)]

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use engine::apply::{Interrupt, OnFailure, Options, Outcome};
use engine::catalogue::{BoxFuture, Handler, LiveValue, TypeFacts};
use engine::event::{Event, Events};
use engine::plan::{Plan, Selection, Verb};
use engine::session::{Declared, Session, SessionError};
use engine::store::FileStore;
use engine::*;
use serde_json::{Value, json};
use tokio::sync::watch;

#[derive(Default)]
pub struct FakeCloud {
    pub things: Mutex<BTreeMap<String, Thing>>,
    pub log: Mutex<Vec<String>>,
    /// `create:address`, `delete:address` …: fails once per entry.
    pub fail: Mutex<Vec<(String, Failure)>>,
    /// How many more times a thing says it is not ready.
    pub slow: Mutex<BTreeMap<String, usize>>,
    pub next: AtomicUsize,
    /// By id: tags of things whose type has no property for them.
    pub carried: Mutex<BTreeMap<String, Vec<(String, String)>>>,
}

/// What an id begins with that is another spelling of it, which is taken as well.
pub const ALSO: &str = "also:";

#[derive(Clone, Debug, PartialEq)]
pub struct Thing {
    pub type_name: String,
    pub address: String,
    pub token: String,
    pub properties: Value,
}

impl FakeCloud {
    pub fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.log.lock().unwrap())
    }

    pub fn addresses(&self) -> Vec<String> {
        self.things.lock().unwrap().values().map(|t| t.address.clone()).collect()
    }

    fn call(&self, what: &str, cx: &Context) -> Result<(), Failure> {
        let key = format!("{what}:{}", cx.address);
        self.log.lock().unwrap().push(key.clone());
        let mut fail = self.fail.lock().unwrap();
        match fail.iter().position(|(at, _)| *at == key) {
            Some(at) => Err(fail.remove(at).1),
            None => Ok(()),
        }
    }
}

pub struct FakeHandler {
    pub type_name: &'static str,
    pub facts: TypeFacts,
    /// The property that is the id, if the type is named by its user.
    pub name: Option<&'static str>,
}

fn cloud(cx: &Context) -> Arc<FakeCloud> {
    cx.services.downcast_ref::<Arc<FakeCloud>>().unwrap().clone()
}

impl Handler for FakeHandler {
    fn type_name(&self) -> &'static str {
        self.type_name
    }

    fn facts(&self) -> TypeFacts {
        self.facts
    }

    fn id(&self, properties: &Value) -> Option<String> {
        Some(properties[self.name?].as_str()?.to_owned())
    }

    fn create<'a>(&'a self, properties: &'a Value, cx: &'a Context) -> BoxFuture<'a, Result<Created, Failure>> {
        Box::pin(async move {
            let cloud = cloud(cx);
            cloud.call("create", cx)?;
            let id = self.id(properties).unwrap_or_else(|| format!("id-{}", cloud.next.fetch_add(1, Ordering::SeqCst)));
            let thing = Thing {
                type_name: self.type_name.into(),
                address: cx.address.to_string(),
                token: cx.token.to_string(),
                properties: properties.clone(),
            };
            let mut things = cloud.things.lock().unwrap();
            if things.contains_key(&id) {
                return Err(Failure::new(FailureKind::AlreadyExists, format!("{id} exists")));
            }
            things.insert(id.clone(), thing);
            Ok(Created::new(id.clone()).with("Arn", format!("arn:{id}")))
        })
    }

    fn sync<'a>(
        &'a self,
        properties: &'a Value,
        id: &'a str,
        live: Option<&'a Value>,
        cx: &'a Context,
    ) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let cloud = cloud(cx);
            if live.is_some() {
                cloud.call("update", cx)?;
            }
            let mut things = cloud.things.lock().unwrap();
            let thing = things.get_mut(id).ok_or_else(|| Failure::new(FailureKind::NotFound, "gone"))?;
            thing.properties = properties.clone();
            Ok(())
        })
    }

    fn ready<'a>(&'a self, id: &'a str, cx: &'a Context) -> BoxFuture<'a, Result<Readiness, Failure>> {
        Box::pin(async move {
            let cloud = cloud(cx);
            cloud.call("ready", cx)?;
            if cloud.things.lock().unwrap()[id].properties["Broken"] == true {
                return Ok(Readiness::Failed("it is broken".into()));
            }
            let mut slow = cloud.slow.lock().unwrap();
            Ok(match slow.get_mut(cx.address.as_str()) {
                Some(left) if *left > 0 => {
                    *left -= 1;
                    Readiness::Pending("creating".into())
                }
                _ => Readiness::Ready,
            })
        })
    }

    fn read<'a>(
        &'a self,
        ids: &'a [String],
        cx: &'a Context,
    ) -> BoxFuture<'a, Result<Vec<Option<LiveValue>>, Failure>> {
        Box::pin(async move {
            let cloud = cloud(cx);
            cloud.call("read", cx)?;
            let things = cloud.things.lock().unwrap();
            let live = |id: &String| {
                let id = id.trim_start_matches(ALSO);
                let thing = things.get(id)?;
                let attributes = json!({ "Arn": format!("arn:{id}"), "Late": format!("late:{id}") });
                Some((thing.properties.clone(), attributes.as_object().unwrap().clone()))
            };
            Ok(ids.iter().map(live).collect())
        })
    }

    fn unprotect<'a>(&'a self, _: &'a str, cx: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move { cloud(cx).call("unprotect", cx) })
    }

    fn delete<'a>(&'a self, id: &'a str, cx: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let cloud = cloud(cx);
            cloud.call("delete", cx)?;
            let mut things = cloud.things.lock().unwrap();
            let used = |thing: &&Thing| thing.properties.to_string().contains(&format!("\"{id}\""));
            if let Some(user) = things.iter().filter(|(other, _)| *other != id).map(|(_, t)| t).find(used) {
                return Err(Failure::new(FailureKind::Invalid, format!("{id} is in use by {}", user.address)));
            }
            things.remove(id);
            Ok(())
        })
    }

    fn gone<'a>(&'a self, _: &'a str, _: &'a Context) -> BoxFuture<'a, Result<bool, Failure>> {
        Box::pin(async { Ok(true) })
    }

    fn find<'a>(&'a self, _: &'a Value, cx: &'a Context) -> BoxFuture<'a, Result<Option<Created>, Failure>> {
        Box::pin(async move {
            let cloud = cloud(cx);
            cloud.call("find", cx)?;
            let things = cloud.things.lock().unwrap();
            let is_it = |thing: &Thing| match &*cx.token {
                "" => thing.address == cx.address.as_str() && thing.type_name == self.type_name,
                token => thing.token == token,
            };
            let found = things.iter().find(|(_, thing)| is_it(thing));
            Ok(found.map(|(id, _)| Created::new(id.clone()).with("Arn", format!("arn:{id}"))))
        })
    }

    fn of_arn<'a>(&'a self, arn: &'a str, cx: &'a Context) -> BoxFuture<'a, Result<Option<String>, Failure>> {
        Box::pin(async move {
            let id = arn.strip_prefix("arn:").unwrap_or_default();
            let cloud = cloud(cx);
            let things = cloud.things.lock().unwrap();
            Ok(things.get(id).filter(|thing| thing.type_name == self.type_name).map(|_| id.to_owned()))
        })
    }

    fn own<'a>(&'a self, id: &'a str, cx: &'a Context) -> BoxFuture<'a, Result<(), Failure>> {
        Box::pin(async move {
            let tags = [(engine::context::TAG_ENVIRONMENT, &*cx.environment)];
            let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned()));
            cloud(cx).carried.lock().unwrap().insert(id.to_owned(), tags.into());
            Ok(())
        })
    }

    fn carried<'a>(
        &'a self,
        ids: &'a [String],
        cx: &'a Context,
    ) -> BoxFuture<'a, Result<Vec<Vec<(String, String)>>, Failure>> {
        let all = cloud(cx);
        Box::pin(async move {
            let all = all.carried.lock().unwrap();
            Ok(ids.iter().map(|id| all.get(id).cloned().unwrap_or_default()).collect())
        })
    }

    fn canonical<'a>(
        &'a self,
        id: &'a str,
        _: &'a LiveValue,
        _: &'a Context,
    ) -> BoxFuture<'a, Result<String, Failure>> {
        Box::pin(async move { Ok(id.trim_start_matches(ALSO).to_owned()) })
    }

    fn charges(&self, _: &Value, _: &Pricing<'_>) -> Vec<Charge> {
        Vec::new()
    }

    fn check(&self, _: &Value) -> Result<(), String> {
        Ok(())
    }
}

pub const FACTS: TypeFacts = TypeFacts {
    seconds: Seconds::INSTANT,
    late: &["Late"],
    needs_ready: &[],
    holds: &[],
    moves_with: &[],
    unique_name: None,
    unique_within: None,
    holds_data: false,
};

/// Types that borrow AWS's names, for the create-only facts of their schemas.
pub fn catalogue() -> Catalogue {
    let mut catalogue = Catalogue::default();
    let mut add = |type_name, facts, name| {
        catalogue.insert(Arc::new(FakeHandler { type_name, facts, name }));
    };
    add("Test::Thing", FACTS, None);
    add("AWS::EC2::VPC", FACTS, None);
    add("AWS::EC2::Subnet", FACTS, None);
    add(
        "AWS::ElasticLoadBalancingV2::LoadBalancer",
        TypeFacts { moves_with: &[("Subnets", "VpcId")], unique_name: Some("Name"), ..FACTS },
        None,
    );
    add("AWS::ElasticLoadBalancingV2::TargetGroup", TypeFacts { unique_name: Some("Name"), ..FACTS }, None);
    add("AWS::ElasticLoadBalancingV2::Listener", TypeFacts { holds: &["DefaultActions"], ..FACTS }, None);
    add(
        "AWS::EC2::SecurityGroup",
        TypeFacts { unique_name: Some("GroupName"), unique_within: Some("VpcId"), ..FACTS },
        None,
    );
    add("AWS::RDS::DBInstance", TypeFacts { holds_data: true, ..FACTS }, Some("DBInstanceIdentifier"));
    catalogue
}

pub struct World {
    pub cloud: Arc<FakeCloud>,
    pub dir: tempfile::TempDir,
    pub interrupt: watch::Sender<Interrupt>,
    pub on_failure: OnFailure,
    pub lift_protection: bool,
}

impl Default for World {
    fn default() -> Self {
        Self {
            cloud: Arc::default(),
            dir: tempfile::tempdir().unwrap(),
            interrupt: watch::Sender::default(),
            on_failure: OnFailure::Stop,
            lift_protection: false,
        }
    }
}

pub struct Deployed {
    pub plan: Plan,
    pub outcome: Outcome,
    pub events: Vec<Event>,
}

impl World {
    pub fn surroundings(&self) -> Surroundings {
        Surroundings {
            environment: "test/test".into(),
            catalogue: Arc::new(catalogue()),
            services: Arc::new(self.cloud.clone()),
            time_scale: 0.0,
            between_looks: std::time::Duration::ZERO,
        }
    }

    pub async fn open(&self, events: Events) -> Result<Session, SessionError> {
        Session::open(
            Arc::new(FileStore::new(self.dir.path())),
            self.surroundings(),
            "fake",
            events,
            engine::session::Purpose::Write,
        )
        .await
    }

    pub async fn plan_with(&self, stack: Stack, selection: &Selection) -> (Session, Plan) {
        let mut session = self.open(Events::default()).await.unwrap();
        let graph = Graph::build(stack.finish().0, &catalogue()).unwrap();
        let declared =
            Declared { graph: &graph, outputs: &BTreeMap::new(), pseudo: &BTreeMap::new(), selection, refresh: true };
        let plan = session.plan(&declared).await.unwrap();
        (session, plan)
    }

    pub async fn plan(&self, stack: Stack) -> Plan {
        self.plan_with(stack, &Selection::default()).await.1
    }

    pub async fn deploy(&self, stack: Stack) -> Deployed {
        let (events, mut inbox) = Events::channel();
        let mut session = self.open(events).await.unwrap();
        let graph = Graph::build(stack.finish().0, &catalogue()).unwrap();
        let plan = session.plan(&everything(&graph)).await.unwrap();
        let outcome = session.apply(&plan, "deploy", self.options()).await.unwrap();
        drop(session);
        let mut events = Vec::new();
        while let Some(event) = inbox.recv().await {
            events.push(event);
        }
        Deployed { plan, outcome, events }
    }

    pub fn options(&self) -> Options {
        Options {
            on_failure: self.on_failure,
            lift_protection: self.lift_protection,
            at_once: 64,
            interrupt: self.interrupt.subscribe(),
        }
    }
}

/// All of a graph, without outputs, and what is there read.
pub fn everything(graph: &Graph) -> Declared<'_> {
    static OUTPUTS: BTreeMap<String, Value> = BTreeMap::new();
    static PSEUDO: BTreeMap<String, String> = BTreeMap::new();
    static ALL: Selection = Selection { targets: Vec::new(), excludes: Vec::new(), replace: Vec::new() };
    Declared { graph, outputs: &OUTPUTS, pseudo: &PSEUDO, selection: &ALL, refresh: true }
}

pub fn stack() -> Stack {
    Stack::new("test/test", "r", &[])
}

/// `verb address` for each action that changes something, in the plan's order.
pub fn verbs(plan: &Plan) -> Vec<String> {
    let word = |action: &engine::plan::Action| match (action.verb, action.delete_first) {
        (Verb::Replace, true) => "replace-delete-first",
        (Verb::Replace, false) => "replace",
        (Verb::Create, _) => "create",
        (Verb::Update, _) => "update",
        (Verb::Delete, _) => "delete",
        (Verb::NoOp, _) => "no-op",
    };
    let mut verbs: Vec<String> = plan.changes().map(|action| format!("{} {}", word(action), action.address)).collect();
    verbs.sort();
    verbs
}

pub fn position(calls: &[String], call: &str) -> usize {
    let set: HashSet<&String> = calls.iter().collect();
    assert!(set.contains(&call.to_owned()), "no {call} in {calls:?}");
    calls.iter().position(|c| c == call).unwrap()
}
