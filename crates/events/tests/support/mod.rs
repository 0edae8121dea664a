//! A cloud to test against (the one at `GROUNDPLAN_TEST_ENDPOINT`, else a local cloud of the test's own), and a type's life on it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cloud::{Address, Catalogue, Cloud, Context, Readiness, Target};
use engine::catalogue::Handler;
use engine::context::Memo;
use serde_json::{Value, json};

/// A connection, and what keeps its cloud alive.
pub struct TestCloud {
    /// The connection.
    pub cloud: Arc<Cloud>,
    _run_dir: Option<tempfile::TempDir>,
}

/// The environment of the test's resources.
pub const ENVIRONMENT: &str = "test/handlers";

impl TestCloud {
    /// Connects, after starting a local cloud if none is given. Its emulators die with the test.
    pub async fn start() -> Self {
        if let Ok(endpoint) = std::env::var("GROUNDPLAN_TEST_ENDPOINT") {
            return Self { cloud: Arc::new(Cloud::connect(&Target::Local(endpoint)).await), _run_dir: None };
        }
        let run_dir = tempfile::tempdir().unwrap();
        let emulators_dir = std::env::var_os("GROUNDPLAN_EMULATORS").map_or_else(
            || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../.groundplan/emulators"),
            PathBuf::from,
        );
        let run = run_dir.path().to_owned();
        let settings = local_cloud::Settings { run_dir: run, emulators_dir, time_scale: 0.0, port: None };
        let mut server = tokio::spawn(local_cloud::serve(settings));
        let running = loop {
            tokio::select! {
                ended = &mut server => panic!("the local cloud ended: {ended:?}"),
                () = tokio::time::sleep(Duration::from_millis(100)) => {}
            }
            if let Some(running) = local_cloud::status(run_dir.path()) {
                break running;
            }
        };
        let cloud = Cloud::connect(&Target::Local(running.endpoint)).await;
        Self { cloud: Arc::new(cloud), _run_dir: Some(run_dir) }
    }

    /// The surroundings of an operation on a resource. A token as the engine makes them.
    pub fn context(&self, address: &str, token: u128) -> Context {
        Context {
            environment: ENVIRONMENT.into(),
            region: "us-east-1".into(),
            address: Address::of(address),
            token: format!("{token:032x}").into(),
            services: Arc::new(self.cloud.clone()),
            memo: None,
        }
    }

    /// The surroundings of a refresh, whose calls are shared.
    pub fn refresh(&self, address: &str) -> Context {
        Context { memo: Some(Arc::new(Memo::default())), ..self.context(address, 0) }
    }
}

/// Properties that AWS reports though nobody declared them.
const DEFAULTS: &[&str] = &[
    "FifoTopic",
    "FilterPolicyScope",
    "RawMessageDelivery",
    "SignatureVersion",
    "ContentBasedDeduplication",
    "TracingConfig",
];

/// The tags that the engine gives a resource, and some more.
pub fn tags(address: &str, more: &[(&str, &str)]) -> Value {
    let ours = [("groundplan:environment", ENVIRONMENT), ("groundplan:address", address)];
    ours.iter().chain(more).map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

/// Whether all that is declared is live: maps by key, arrays as sets.
pub fn covers(declared: &Value, live: &Value) -> bool {
    match (declared, live) {
        (Value::Object(declared), Value::Object(live)) => {
            declared.iter().all(|(key, value)| live.get(key).is_some_and(|found| covers(value, found)))
        }
        (Value::Array(declared), Value::Array(live)) => {
            let has = |item: &Value| live.iter().any(|found| covers(item, found));
            declared.len() == live.len() && declared.iter().all(has)
        }
        _ => declared == live,
    }
}

/// One thing of a type, from its making to its end.
pub struct Life<'a> {
    pub test: &'a TestCloud,
    pub catalogue: &'a Catalogue,
    pub type_name: &'a str,
    pub address: &'a str,
    /// Properties that are given and never read back.
    pub write_only: &'a [&'a str],
    /// Whether a making by another operation is told from this one's.
    pub owned: bool,
}

impl Life<'_> {
    fn handler(&self) -> &dyn Handler {
        self.catalogue.get(self.type_name).unwrap().as_ref()
    }

    /// Makes it, and checks that it is ready, reads as declared, and is found again.
    pub async fn begin(&self, declared: &Value, token: u128) -> String {
        let (handler, cx) = (self.handler(), self.test.context(self.address, token));
        assert_eq!(schema_violations(self.type_name, declared), Vec::<String>::new());
        assert!(handler.find(declared, &cx).await.unwrap().is_none(), "{}: found before it was made", self.type_name);
        let made = handler.create(declared, &cx).await.unwrap();
        handler.sync(declared, &made.id, None, &cx).await.unwrap();
        handler.sync(declared, &made.id, None, &cx).await.unwrap();
        assert_eq!(handler.ready(&made.id, &cx).await.unwrap(), Readiness::Ready, "{}", self.type_name);
        self.expect(&made.id, declared).await;
        let found = handler.find(declared, &cx).await.unwrap().expect("found again");
        assert_eq!(found.id, made.id);
        for (name, value) in &made.attributes {
            assert_eq!(found.attributes.get(name), Some(value), "{}: {name}", self.type_name);
        }
        if self.owned {
            let other = handler.find(declared, &self.test.context(self.address, token + 1)).await.unwrap();
            assert_eq!(other, None, "{}: adopted what another operation made", self.type_name);
        }
        made.id
    }

    /// Changes it, and checks that it then reads as declared.
    pub async fn change(&self, id: &str, declared: &Value, token: u128) {
        let (handler, cx) = (self.handler(), self.test.context(self.address, token));
        let (live, _) = handler.read(&[id.to_owned()], &cx).await.unwrap().remove(0).unwrap();
        handler.sync(declared, id, Some(&live), &cx).await.unwrap();
        let live = self.expect(id, declared).await;
        for property in live.as_object().unwrap().keys() {
            let told = declared.get(property).is_some() || DEFAULTS.contains(&property.as_str());
            assert!(told, "{}: {property} was not reset", self.type_name);
        }
    }

    /// Reads it, and checks that all that is declared is there.
    pub async fn expect(&self, id: &str, declared: &Value) -> Value {
        let cx = self.test.refresh(self.address);
        let (live, _) = self.handler().read(&[id.to_owned()], &cx).await.unwrap().remove(0).unwrap();
        let mut readable = declared.clone();
        for property in self.write_only {
            assert!(live.get(property).is_none(), "{}: {property} was read", self.type_name);
            readable.as_object_mut().unwrap().remove(*property);
        }
        assert!(covers(&readable, &live), "{}:\ndeclared {readable:#}\nlive {live:#}", self.type_name);
        live
    }

    /// Deletes it twice, and checks that it is gone.
    pub async fn end(&self, id: &str) {
        let (handler, cx) = (self.handler(), self.test.context(self.address, 99));
        handler.delete(id, &cx).await.unwrap();
        assert!(handler.gone(id, &cx).await.unwrap());
        assert!(handler.read(&[id.to_owned()], &cx).await.unwrap()[0].is_none(), "{}: still there", self.type_name);
        handler.delete(id, &cx).await.unwrap();
    }
}

fn schema_violations(type_name: &str, properties: &Value) -> Vec<String> {
    if type_name.starts_with("Groundplan::") {
        return Vec::new();
    }
    schema::validate(type_name, properties).into_iter().map(|violation| violation.message).collect()
}
