//! A cloud to test against: the one at `GROUNDPLAN_TEST_ENDPOINT`, else a local cloud of the test's own.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cloud::{Address, Catalogue, Cloud, Context, Created, Failure, Readiness, Target};
use engine::catalogue::{Handler, LiveValue};
use engine::context::Memo;
use serde_json::{Value, json};
use tokio::sync::{Mutex, MutexGuard};

/// A connection, and what keeps its cloud alive.
pub struct TestCloud {
    cloud: Arc<Cloud>,
    endpoint: String,
    _run_dir: Option<tempfile::TempDir>,
}

impl TestCloud {
    /// Connects, after starting a local cloud if none is given. Its emulators die with the test.
    pub async fn start() -> Self {
        let (endpoint, run_dir) = match std::env::var("GROUNDPLAN_TEST_ENDPOINT") {
            Ok(endpoint) => (endpoint, None),
            Err(_) => {
                let (endpoint, run_dir) = serve().await;
                (endpoint, Some(run_dir))
            }
        };
        let cloud = Arc::new(Cloud::connect(&Target::Local(endpoint.clone())).await);
        Self { cloud, endpoint, _run_dir: run_dir }
    }

    /// The surroundings of an operation on a resource.
    pub fn context(&self, address: &str, token: &str) -> Context {
        Context {
            environment: "test/networking".into(),
            region: "us-east-1".into(),
            address: Address::of(address),
            token: token.into(),
            services: Arc::new(self.cloud.clone()),
            memo: None,
        }
    }

    /// Calls an operation of a JSON service that this crate has no SDK for.
    pub fn json_call(&self, service: &str, target: &str, body: &Value) {
        let scope = format!("Credential=local/20260101/us-east-1/{service}/aws4_request");
        let headers = format!(
            "Authorization: AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0\r\nX-Amz-Target: {target}\r\n\
             Content-Type: application/x-amz-json-1.1\r\n"
        );
        let answer = self.http("POST", "/", &headers, &body.to_string());
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    /// How many calls the local cloud has answered so far.
    pub fn calls(&self) -> u64 {
        let answer = self.http("GET", "/_groundplan/calls", "", "");
        let body = answer.split("\r\n\r\n").nth(1).unwrap();
        let json: Value = serde_json::from_str(&body[body.find('{').unwrap()..=body.rfind('}').unwrap()]).unwrap();
        json["total"].as_u64().unwrap()
    }

    fn http(&self, method: &str, path: &str, headers: &str, body: &str) -> String {
        let host = self.endpoint.trim_start_matches("http://");
        let length = body.len();
        let mut stream = TcpStream::connect(host).unwrap();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n"
        );
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }
}

async fn serve() -> (String, tempfile::TempDir) {
    let run_dir = tempfile::tempdir().unwrap();
    let emulators_dir = std::env::var_os("GROUNDPLAN_EMULATORS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../.groundplan/emulators"), PathBuf::from);
    let run_path = run_dir.path().to_owned();
    let settings = local_cloud::Settings { run_dir: run_path.clone(), emulators_dir, time_scale: 0.0, port: None };
    let mut server = tokio::spawn(local_cloud::serve(settings));
    loop {
        tokio::select! {
            ended = &mut server => panic!("the local cloud ended: {ended:?}"),
            () = tokio::time::sleep(Duration::from_millis(100)) => {}
        }
        let path = run_path.clone();
        // It asks the server in this very process, and waits.
        let status = tokio::task::spawn_blocking(move || local_cloud::status(&path)).await.unwrap();
        if let Some(running) = status {
            return (running.endpoint, run_dir);
        }
    }
}

/// Whether all that is declared is live: maps by key, arrays as sets.
pub fn covers(declared: &Value, live: &Value) -> bool {
    match (declared, live) {
        (Value::Object(declared), Value::Object(live)) => {
            declared.iter().all(|(key, value)| live.get(key).is_some_and(|found| covers(value, found)))
        }
        (Value::Array(declared), Value::Array(live)) => {
            // Attributes by key (`idle_timeout.timeout_seconds`): AWS reports more than are declared.
            let attributes = declared.iter().all(|item| item["Key"].as_str().is_some_and(|key| key.contains('.')));
            (attributes || declared.len() == live.len())
                && declared.iter().all(|item| live.iter().any(|found| covers(item, found)))
        }
        _ => declared == live,
    }
}

struct Thing {
    address: &'static str,
    token: String,
    handler: Arc<dyn Handler>,
    id: String,
}

/// One world at a time: a refresh counts all calls of its cloud.
static ALONE: Mutex<()> = Mutex::const_new(());

/// A world of resources, each taken through its whole life.
pub struct World {
    /// The cloud it is in.
    pub cloud: TestCloud,
    catalogue: Catalogue,
    things: Vec<Thing>,
    round: String,
    _alone: MutexGuard<'static, ()>,
}

impl World {
    /// An empty world with the types of a crate.
    pub async fn new(register: impl Fn(&mut Catalogue)) -> Self {
        let mut catalogue = Catalogue::default();
        register(&mut catalogue);
        // Tokens differ from run to run, as those of operations do.
        let round =
            format!("{:x}", std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos());
        let alone = ALONE.lock().await;
        Self { cloud: TestCloud::start().await, catalogue, things: Vec::new(), round, _alone: alone }
    }

    /// The types.
    pub fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// Made, ready, read as declared, and found again by its operation and by no other.
    pub async fn make(&mut self, address: &'static str, type_name: &str, properties: Value) -> Created {
        let handler = self.catalogue.get(type_name).unwrap_or_else(|| panic!("{type_name} is not registered")).clone();
        let violations = schema::validate(type_name, &properties);
        assert!(violations.is_empty(), "{address}: {violations:?}");
        let token = format!("{}-{}", self.round, self.things.len());
        let cx = self.cloud.context(address, &token);
        assert!(handler.find(&properties, &cx).await.unwrap().is_none(), "{address} was found before it was made");
        let made = handler.create(&properties, &cx).await.unwrap_or_else(|failure| panic!("{address}: {failure}"));
        for _ in 0..2 {
            handler
                .sync(&properties, &made.id, None, &cx)
                .await
                .unwrap_or_else(|failure| panic!("{address}: {failure}"));
        }
        let mut looks = 0;
        loop {
            match handler.ready(&made.id, &cx).await.unwrap() {
                Readiness::Ready => break,
                Readiness::Pending(state) => assert!(looks < 50, "{address} is still {state}"),
                Readiness::Failed(why) => panic!("{address}: {why}"),
            }
            looks += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.things.push(Thing { address, token, handler: handler.clone(), id: made.id.clone() });
        let (live, attributes) = self.read(address).await.unwrap_or_else(|| panic!("{address} cannot be read"));
        assert!(covers(&properties, &live), "{address}: declared {properties:#}\nlive {live:#}");
        for (name, value) in &made.attributes {
            assert_eq!(attributes.get(name), Some(value), "{address}: {name}");
        }
        let found = handler.find(&properties, &cx).await.unwrap();
        assert_eq!(found.map(|found| found.id).as_ref(), Some(&made.id), "{address} is not found again");
        made
    }

    /// Changed to other properties, and read as these.
    pub async fn change(&self, address: &str, properties: Value) {
        let (live, _) = self.read(address).await.unwrap();
        let thing = self.thing(address);
        let cx = self.cloud.context(address, "another-operation");
        thing
            .handler
            .sync(&properties, &thing.id, Some(&live), &cx)
            .await
            .unwrap_or_else(|failure| panic!("{address}: {failure}"));
        let (live, _) = self.read(address).await.unwrap();
        assert!(covers(&properties, &live), "{address}: declared {properties:#}\nlive {live:#}");
    }

    /// What is there now.
    pub async fn read(&self, address: &str) -> Option<LiveValue> {
        let thing = self.thing(address);
        let cx = self.cloud.context(address, &thing.token);
        thing.handler.read(std::slice::from_ref(&thing.id), &cx).await.unwrap().remove(0)
    }

    /// Reads everything as a refresh does: by type, sharing answers. Returns how many calls that took.
    pub async fn refresh(&self) -> (usize, u64) {
        let memo = Arc::new(Memo::default());
        let before = self.cloud.calls();
        for handler in self.catalogue.types().map(|name| self.catalogue.get(name).unwrap()) {
            let of_type = || self.things.iter().filter(|thing| thing.handler.type_name() == handler.type_name());
            let ids: Vec<String> = of_type().map(|thing| thing.id.clone()).collect();
            if ids.is_empty() {
                continue;
            }
            let cx = Context { memo: Some(memo.clone()), ..self.cloud.context("networking", "none") };
            let lives = handler.read(&ids, &cx).await.unwrap();
            assert_eq!(lives.len(), ids.len());
            for (thing, live) in of_type().zip(lives) {
                assert!(live.is_some(), "{} is not in the refresh", thing.address);
            }
        }
        let calls = self.cloud.calls() - before;
        for thing in &self.things {
            let cx = Context { memo: Some(memo.clone()), ..self.cloud.context(thing.address, "none") };
            let shared = thing.handler.read(std::slice::from_ref(&thing.id), &cx).await.unwrap().remove(0);
            assert_eq!(shared, self.read(thing.address).await, "{}", thing.address);
        }
        (self.things.len(), calls)
    }

    /// Deleted, twice, and gone.
    pub async fn end(&mut self, address: &str) {
        let at = self.things.iter().position(|thing| thing.address == address).unwrap();
        let thing = self.things.remove(at);
        let cx = self.cloud.context(thing.address, "another-operation");
        thing.handler.delete(&thing.id, &cx).await.unwrap_or_else(|failure| panic!("{address}: {failure}"));
        let mut looks = 0;
        while !thing.handler.gone(&thing.id, &cx).await.unwrap() {
            assert!(looks < 50, "{address} does not go");
            looks += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let again = thing.handler.delete(&thing.id, &cx).await;
        again.unwrap_or_else(|failure| panic!("{address}, deleted again: {failure}"));
        let live = thing.handler.read(std::slice::from_ref(&thing.id), &cx).await.unwrap().remove(0);
        assert!(live.is_none(), "{address} is still there: {live:?}");
    }

    /// One deleting call, whatever it says.
    pub async fn delete_once(&self, address: &str) -> Result<(), Failure> {
        let thing = self.thing(address);
        thing.handler.delete(&thing.id, &self.cloud.context(address, "another-operation")).await
    }

    /// What one more resource says of its readiness; it is deleted again.
    pub async fn ready_of(&self, type_name: &str, properties: Value) -> Readiness {
        let handler = self.catalogue.get(type_name).unwrap();
        let cx = self.cloud.context("one-more", &format!("{}-one-more", self.round));
        let made = handler.create(&properties, &cx).await.unwrap();
        let readiness = handler.ready(&made.id, &cx).await.unwrap();
        handler.delete(&made.id, &cx).await.unwrap();
        readiness
    }

    /// Deletes everything that is left, the last made first.
    pub async fn end_all(&mut self) {
        while let Some(address) = self.things.last().map(|thing| thing.address) {
            self.end(address).await;
        }
    }

    fn thing(&self, address: &str) -> &Thing {
        self.things.iter().find(|thing| thing.address == address).unwrap_or_else(|| panic!("there is no {address}"))
    }
}

/// The tags that the engine gives to everything, and more.
pub fn tags(address: &str, more: &[(&str, &str)]) -> Value {
    let ours = [("groundplan:environment", "test/networking"), ("groundplan:address", address)];
    ours.iter().chain(more).map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}
