//! A cloud to test against: the one at `GROUNDPLAN_TEST_ENDPOINT`, else a local cloud of the test's own.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cloud::{Address, Catalogue, Cloud, Context, Created, Failure, FailureKind, Readiness, Target};
use engine::catalogue::{Handler, LiveValue};
use engine::context::Memo;
use serde_json::{Value, json};

/// Properties that AWS never reports.
const SECRET: [&str; 2] = ["MasterUserPassword", "AuthToken"];
const ENVIRONMENT: &str = "test/storage";

struct Thing {
    address: &'static str,
    token: String,
    handler: Arc<dyn Handler>,
    id: String,
}

/// Resources, each taken through its whole life.
pub struct World {
    cloud: Arc<Cloud>,
    endpoint: String,
    catalogue: Catalogue,
    things: Vec<Thing>,
    /// Differs from run to run, as the tokens of operations do.
    pub round: String,
    _run_dir: Option<tempfile::TempDir>,
}

impl World {
    /// An empty world, after starting a local cloud if none is given. Its emulators die with the test.
    pub async fn new() -> Self {
        let (endpoint, run_dir) = match std::env::var("GROUNDPLAN_TEST_ENDPOINT") {
            Ok(endpoint) => (endpoint, None),
            Err(_) => {
                let (endpoint, run_dir) = serve().await;
                (endpoint, Some(run_dir))
            }
        };
        let mut catalogue = Catalogue::default();
        storage::register(&mut catalogue);
        Self {
            cloud: Arc::new(Cloud::connect(&Target::Local(endpoint.clone())).await),
            endpoint,
            catalogue,
            things: Vec::new(),
            round: format!("{:x}", SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()),
            _run_dir: run_dir,
        }
    }

    /// The surroundings of an operation on a resource.
    pub fn context(&self, address: &str, token: &str) -> Context {
        Context {
            environment: ENVIRONMENT.into(),
            region: "us-east-1".into(),
            address: Address::of(address),
            token: token.into(),
            services: Arc::new(self.cloud.clone()),
            memo: None,
        }
    }

    /// Made, ready, read as declared, and found again by its operation and by no other.
    pub async fn make(&mut self, address: &'static str, type_name: &str, properties: Value) -> Created {
        let handler = self.catalogue.get(type_name).unwrap_or_else(|| panic!("{type_name} is not registered")).clone();
        let violations = schema::validate(type_name, &properties);
        assert!(violations.is_empty(), "{address}: {violations:?}");
        let token = format!("{}-{}", self.round, self.things.len());
        let cx = self.context(address, &token);
        assert!(handler.find(&properties, &cx).await.unwrap().is_none(), "{address} was found before it was made");
        let made = handler.create(&properties, &cx).await.unwrap_or_else(|failure| panic!("{address}: {failure}"));
        for _ in 0..2 {
            handler
                .sync(&properties, &made.id, None, &cx)
                .await
                .unwrap_or_else(|failure| panic!("{address}: {failure}"));
        }
        self.things.push(Thing { address, token, handler: handler.clone(), id: made.id.clone() });
        self.settle(address).await;
        let (live, attributes) = self.read(address).await.unwrap_or_else(|| panic!("{address} cannot be read"));
        assert_covers(address, &properties, &live);
        for (name, value) in &made.attributes {
            assert_eq!(attributes.get(name), Some(value), "{address}: {name}");
        }
        let found = handler.find(&properties, &cx).await.unwrap();
        assert_eq!(found.map(|found| found.id).as_ref(), Some(&made.id), "{address} is not found again");
        let stranger = Context { address: Address::of("another.thing"), ..self.context(address, "another-operation") };
        if handler.id(&properties).is_some() {
            let found = handler.find(&properties, &stranger).await.unwrap();
            assert!(found.is_none(), "{address} was found by a stranger");
            let failure = handler.create(&properties, &stranger).await.unwrap_err();
            assert_eq!(failure.kind, FailureKind::AlreadyExists, "{failure}");
        }
        made
    }

    async fn settle(&self, address: &str) {
        let thing = self.thing(address);
        let cx = self.context(address, &thing.token);
        for looks in 0.. {
            match thing.handler.ready(&thing.id, &cx).await.unwrap() {
                Readiness::Ready => break,
                Readiness::Pending(state) => assert!(looks < 100, "{address} is still {state}"),
                Readiness::Failed(why) => panic!("{address}: {why}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Changed to other properties, as the engine does it, and read as these.
    pub async fn change(&self, address: &str, properties: Value) {
        self.try_change(address, &properties).await.unwrap_or_else(|failure| panic!("{address}: {failure}"));
        self.settle(address).await;
        let (live, _) = self.read(address).await.unwrap();
        assert_covers(address, &properties, &live);
    }

    /// The changing call, repeated while it may pass.
    pub async fn try_change(&self, address: &str, properties: &Value) -> Result<(), Failure> {
        let (live, _) = self.read(address).await.unwrap();
        let thing = self.thing(address);
        let cx = self.context(address, "another-operation");
        let mut tries = 0;
        loop {
            match thing.handler.sync(properties, &thing.id, Some(&live), &cx).await {
                Err(failure) if failure.may_pass() && tries < 50 => tries += 1,
                answer => return answer,
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What is there now.
    pub async fn read(&self, address: &str) -> Option<LiveValue> {
        let thing = self.thing(address);
        let cx = self.context(address, &thing.token);
        thing.handler.read(std::slice::from_ref(&thing.id), &cx).await.unwrap().remove(0)
    }

    /// Reads all of one type in one batch, with one that is not there. Returns how many calls that took.
    pub async fn refresh(&self, type_name: &str) -> u64 {
        let before = self.calls();
        let handler = self.catalogue.get(type_name).unwrap();
        let of_type = self.things.iter().filter(|thing| thing.handler.type_name() == type_name);
        let mut ids: Vec<String> = of_type.map(|thing| thing.id.clone()).collect();
        ids.push("not-there".into());
        let cx = Context { memo: Some(Arc::new(Memo::default())), ..self.context("storage", "none") };
        let lives = handler.read(&ids, &cx).await.unwrap();
        let there: Vec<bool> = lives.iter().map(Option::is_some).collect();
        let expected: Vec<bool> = ids.iter().map(|id| id != "not-there").collect();
        assert_eq!(there, expected, "{type_name}: {ids:?}");
        self.calls() - before
    }

    /// Deleted, twice, and gone.
    pub async fn end(&mut self, address: &str) {
        let at = self.things.iter().position(|thing| thing.address == address).unwrap();
        let thing = self.things.remove(at);
        let cx = self.context(thing.address, &format!("{}-end", self.round));
        thing.handler.delete(&thing.id, &cx).await.unwrap_or_else(|failure| panic!("{address}: {failure}"));
        let mut looks = 0;
        while !thing.handler.gone(&thing.id, &cx).await.unwrap() {
            assert!(looks < 100, "{address} does not go");
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
        thing.handler.delete(&thing.id, &self.context(address, "another-operation")).await
    }

    /// Lifts AWS's own protection.
    pub async fn unprotect(&self, address: &str) {
        let thing = self.thing(address);
        thing.handler.unprotect(&thing.id, &self.context(address, "another-operation")).await.unwrap();
    }

    /// The resources as a health check gets them.
    pub fn resources(&self) -> Vec<(Address, String, String, Value)> {
        let thing = |thing: &Thing| {
            let kind = thing.handler.type_name().to_owned();
            (Address::of(thing.address), kind, thing.id.clone(), Value::Null)
        };
        self.things.iter().map(thing).collect()
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

    /// Calls an EC2 operation (this crate has no SDK for it), and returns the text of one element of its answer.
    pub fn ec2(&self, call: &str, element: &str) -> String {
        self.query("ec2", &format!("{call}&Version=2016-11-15"), element)
    }

    /// Calls an operation of a query service, and returns the text of one element of its answer.
    pub fn query(&self, service: &str, call: &str, element: &str) -> String {
        let answer = self.http(service, "application/x-www-form-urlencoded", "", call);
        let (_, rest) = answer.split_once(&format!("<{element}>")).unwrap_or_else(|| panic!("{answer}"));
        rest.split('<').next().unwrap().to_owned()
    }

    /// Makes a secret, and returns its ARN.
    pub fn secret(&self, name: &str, value: &Value) -> String {
        let body = json!({ "Name": name, "SecretString": value.to_string(), "ClientRequestToken": "0".repeat(32) });
        let target = "X-Amz-Target: secretsmanager.CreateSecret\r\n";
        let answer = self.http("secretsmanager", "application/x-amz-json-1.1", target, &body.to_string());
        let at = answer.find("arn:aws:secretsmanager").unwrap_or_else(|| panic!("{answer}"));
        answer[at..].split('"').next().unwrap().to_owned()
    }

    fn calls(&self) -> u64 {
        let answer = self.send("GET /_groundplan/calls", "", "");
        let json: Value =
            serde_json::from_str(&answer[answer.find('{').unwrap()..=answer.rfind('}').unwrap()]).unwrap();
        json["total"].as_u64().unwrap()
    }

    fn http(&self, service: &str, content: &str, headers: &str, body: &str) -> String {
        let scope = format!("Credential=local/20260101/us-east-1/{service}/aws4_request");
        let headers = format!(
            "Authorization: AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0\r\n{headers}Content-Type: {content}\r\n"
        );
        let answer = self.send("POST /", &headers, body);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        answer
    }

    fn send(&self, line: &str, headers: &str, body: &str) -> String {
        let host = self.endpoint.trim_start_matches("http://");
        let length = body.len();
        let mut stream = TcpStream::connect(host).unwrap();
        let head = format!(
            "{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n"
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

/// Whether all that is declared, but secrets, is live.
fn assert_covers(address: &str, declared: &Value, live: &Value) {
    let mut declared = declared.clone();
    let map = declared.as_object_mut().unwrap();
    map.retain(|key, _| !SECRET.contains(&key.as_str()));
    for (key, value) in map {
        let found = live.get(key).unwrap_or(&Value::Null);
        assert!(covers(value, found), "{address}: {key} is declared {value:#}, and live {found:#}");
    }
    for secret in SECRET {
        assert!(live.get(secret).is_none(), "{address}: {secret} was read");
    }
}

/// Maps by key, arrays as sets.
fn covers(declared: &Value, live: &Value) -> bool {
    match (declared, live) {
        (Value::Object(declared), Value::Object(live)) => {
            declared.iter().all(|(key, value)| live.get(key).is_some_and(|found| covers(value, found)))
        }
        (Value::Array(declared), Value::Array(live)) => {
            declared.len() == live.len() && declared.iter().all(|item| live.iter().any(|found| covers(item, found)))
        }
        _ => declared == live,
    }
}

/// The tags that the engine gives to everything, and more.
pub fn tags(address: &str, more: &[(&str, &str)]) -> Value {
    let ours = [("groundplan:environment", ENVIRONMENT), ("groundplan:address", address)];
    ours.iter().chain(more).map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}
