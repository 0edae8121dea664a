//! A cloud to test against (the one at `GROUNDPLAN_TEST_ENDPOINT`, else a local cloud of the test's own), and things on it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cloud::{Address, Catalogue, Cloud, Context, Created, Failure, Readiness, Target};
use engine::catalogue::{Handler, LiveValue};
use engine::context::Memo;
use serde_json::{Value, json};

const ENVIRONMENT: &str = "test/compute";

struct Thing {
    address: String,
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
        compute::register(&mut catalogue);
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

    /// The connection.
    pub fn cloud(&self) -> &Cloud {
        &self.cloud
    }

    /// Made, ready, read as declared, and found again by its operation and by no other.
    pub async fn make(&mut self, address: &str, type_name: &str, properties: &Value) -> Created {
        let made = self.make_unready(address, type_name, properties).await;
        self.settle(address).await.unwrap_or_else(|why| panic!("{address}: {why}"));
        let (live, attributes) = self.read(address).await.unwrap_or_else(|| panic!("{address} cannot be read"));
        assert_covers(address, type_name, properties, &live);
        for (name, value) in &made.attributes {
            assert_eq!(attributes.get(name), Some(value), "{address}: {name}");
        }
        let thing = self.thing(address);
        let found = thing.handler.find(properties, &self.context(address, &thing.token)).await.unwrap();
        assert_eq!(found.as_ref().map(|found| &found.id), Some(&made.id), "{address} is not found again");
        assert_eq!(found.map(|found| found.attributes), Some(made.attributes.clone()), "{address}");
        let tagged = properties.get("Tags").is_some();
        let stranger = self.context("another.thing", "another-operation");
        if tagged {
            let found = thing.handler.find(properties, &stranger).await.unwrap();
            assert!(found.is_none(), "{address} was found by a stranger");
        }
        made
    }

    /// Made, and no more.
    pub async fn make_unready(&mut self, address: &str, type_name: &str, properties: &Value) -> Created {
        let handler = self.catalogue.get(type_name).unwrap_or_else(|| panic!("{type_name} is not registered")).clone();
        let violations = schema::validate(type_name, properties);
        assert!(violations.is_empty(), "{address}: {violations:?}");
        let token = format!("{}-{}", self.round, self.things.len());
        let cx = self.context(address, &token);
        if type_name != "AWS::ECS::ClusterCapacityProviderAssociations" {
            assert!(handler.find(properties, &cx).await.unwrap().is_none(), "{address} was found before it was made");
        }
        let made = handler.create(properties, &cx).await.unwrap_or_else(|failure| panic!("{address}: {failure}"));
        for _ in 0..2 {
            handler
                .sync(properties, &made.id, None, &cx)
                .await
                .unwrap_or_else(|failure| panic!("{address}: {failure}"));
        }
        let (address, id) = (address.to_owned(), made.id.clone());
        self.things.push(Thing { address, token, handler, id });
        made
    }

    /// Waits until it is ready. The error: why it never will be.
    pub async fn settle(&self, address: &str) -> Result<(), String> {
        let thing = self.thing(address);
        let cx = self.context(address, &thing.token);
        let mut looks = 0;
        loop {
            match thing.handler.ready(&thing.id, &cx).await.unwrap() {
                Readiness::Ready => return Ok(()),
                Readiness::Pending(state) => assert!(looks < 200, "{address} is still {state}"),
                Readiness::Failed(why) => return Err(why),
            }
            looks += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Changed to other properties, as the engine does it, and read as these.
    pub async fn change(&self, address: &str, properties: &Value) {
        self.try_change(address, properties).await.unwrap_or_else(|failure| panic!("{address}: {failure}"));
        self.settle(address).await.unwrap_or_else(|why| panic!("{address}: {why}"));
        let (live, _) = self.read(address).await.unwrap();
        assert_covers(address, self.thing(address).handler.type_name(), properties, &live);
    }

    /// The changing call.
    pub async fn try_change(&self, address: &str, properties: &Value) -> Result<(), Failure> {
        let (live, _) = self.read(address).await.unwrap();
        let thing = self.thing(address);
        let cx = self.context(address, "another-operation");
        thing.handler.sync(properties, &thing.id, Some(&live), &cx).await
    }

    /// What is there now.
    pub async fn read(&self, address: &str) -> Option<LiveValue> {
        let thing = self.thing(address);
        let cx = self.context(address, &thing.token);
        thing.handler.read(std::slice::from_ref(&thing.id), &cx).await.unwrap().remove(0)
    }

    /// Reads all of some types in one refresh, with one of each that is not there. Returns how many calls that took.
    pub async fn refresh(&self, types: &[(&str, &str)]) -> u64 {
        let before = self.calls();
        let memo = Arc::new(Memo::default());
        for (type_name, absent) in types {
            let handler = self.catalogue.get(type_name).unwrap();
            let of_type = self.things.iter().filter(|thing| thing.handler.type_name() == *type_name);
            let mut ids: Vec<String> = of_type.map(|thing| thing.id.clone()).collect();
            ids.push((*absent).to_owned());
            let cx = Context { memo: Some(memo.clone()), ..self.context("compute", "none") };
            let lives = handler.read(&ids, &cx).await.unwrap();
            let there: Vec<bool> = lives.iter().map(Option::is_some).collect();
            let expected: Vec<bool> = ids.iter().map(|id| id != absent).collect();
            assert_eq!(there, expected, "{type_name}: {ids:?}");
        }
        self.calls() - before
    }

    /// Deleted, twice, and gone.
    pub async fn end(&mut self, address: &str) {
        let at = self.things.iter().position(|thing| thing.address == address).unwrap();
        let thing = self.things.remove(at);
        let cx = self.context(&thing.address, &format!("{}-end", self.round));
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

    /// Making the same by another operation.
    pub async fn make_again(&self, address: &str, properties: &Value) -> Result<Created, Failure> {
        let thing = self.thing(address);
        thing.handler.create(properties, &self.context("another.thing", "another-operation")).await
    }

    /// The resources as a health check gets them.
    pub fn resources(&self) -> Vec<(Address, String, String, Value)> {
        let thing = |thing: &Thing| {
            let kind = thing.handler.type_name().to_owned();
            (Address::of(&thing.address), kind, thing.id.clone(), Value::Null)
        };
        self.things.iter().map(thing).collect()
    }

    /// Deletes everything that is left, the last made first.
    pub async fn end_all(&mut self) {
        while let Some(address) = self.things.last().map(|thing| thing.address.clone()) {
            self.end(&address).await;
        }
    }

    fn thing(&self, address: &str) -> &Thing {
        self.things.iter().find(|thing| thing.address == address).unwrap_or_else(|| panic!("there is no {address}"))
    }

    /// Calls an EC2 operation (this crate has no SDK for it), and returns the text of one element of its answer.
    pub fn ec2(&self, call: &str, element: &str) -> String {
        self.query("ec2", &format!("{call}&Version=2016-11-15"), element)
    }

    /// Calls an operation of load balancers, and returns the text of one element of its answer.
    pub fn elb(&self, call: &str, element: &str) -> String {
        self.query("elasticloadbalancing", &format!("{call}&Version=2015-12-01"), element)
    }

    fn query(&self, service: &str, body: &str, element: &str) -> String {
        let scope = format!("Credential=local/20260101/us-east-1/{service}/aws4_request");
        let headers = format!(
            "Authorization: AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n"
        );
        let answer = self.send("POST /", &headers, body);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let (_, rest) = answer.split_once(&format!("<{element}>")).unwrap_or_else(|| panic!("{answer}"));
        rest.split('<').next().unwrap().to_owned()
    }

    fn calls(&self) -> u64 {
        let answer = self.send("GET /_groundplan/calls", "", "");
        let json: Value =
            serde_json::from_str(&answer[answer.find('{').unwrap()..=answer.rfind('}').unwrap()]).unwrap();
        json["total"].as_u64().unwrap()
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

/// Whether all that is declared, but what AWS never reports, is live: by the engine's own difference.
fn assert_covers(address: &str, type_name: &str, declared: &Value, live: &Value) {
    let sides = engine::diff::Sides { declared, applied: Some(declared), live, facts: schema::facts(type_name) };
    let changes = engine::diff::diff(&sides);
    assert!(changes.is_empty(), "{address} is not as declared: {changes:#?}\nlive: {live:#}");
}

/// The tags that the engine gives to everything, and more.
pub fn tags(address: &str, more: &[(&str, &str)]) -> Value {
    let ours = [("groundplan:environment", ENVIRONMENT), ("groundplan:address", address)];
    ours.iter().chain(more).map(|(key, value)| json!({ "Key": key, "Value": value })).collect()
}

/// Declared properties with some changed or (null) taken away.
pub fn with(mut properties: Value, changes: Value) -> Value {
    for (key, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(properties.as_object_mut().unwrap().remove(key)),
            value => properties[key] = value.clone(),
        }
    }
    properties
}
