//! A cloud to test against: the one at `GROUNDPLAN_TEST_ENDPOINT`, else a local cloud of the test's own.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cloud::{Address, Cloud, Context, Target};
use engine::context::Memo;
use serde_json::Value;

use crate::{ENVIRONMENT, Must};

/// A connection, and what keeps its cloud alive.
pub struct TestCloud {
    /// The connection.
    pub connection: Arc<Cloud>,
    /// Differs from run to run: for names, and in the tokens of operations.
    pub round: String,
    endpoint: String,
    operations: AtomicU64,
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
        Self {
            connection: Arc::new(Cloud::connect(&Target::Local(endpoint.clone())).await),
            round: format!("{:016x}", SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos()),
            endpoint,
            operations: AtomicU64::new(0),
            _run_dir: run_dir,
        }
    }

    /// The surroundings of one more operation on a resource, with a token as long as the engine's.
    pub fn context(&self, address: &str) -> Context {
        let operation = self.operations.fetch_add(1, Ordering::Relaxed);
        Context {
            environment: ENVIRONMENT.into(),
            region: "us-east-1".into(),
            address: Address::of(address),
            token: format!("{}{operation:016x}", self.round).into(),
            services: Arc::new(self.connection.clone()),
            memo: None,
        }
    }

    /// The surroundings of a refresh, whose calls are shared.
    pub fn refresh(&self, address: &str) -> Context {
        Context { memo: Some(Arc::new(Memo::default())), ..self.context(address) }
    }

    /// Calls an operation of a JSON service that a crate has no SDK for.
    pub fn json_call(&self, service: &str, target: &str, body: &Value) -> Value {
        let headers = format!("X-Amz-Target: {target}\r\nContent-Type: application/x-amz-json-1.1\r\n");
        json_of(&self.call(service, &headers, &body.to_string()))
    }

    /// Calls an operation of a query service, and returns the text of one element of its answer.
    pub fn query(&self, service: &str, call: &str, element: &str) -> String {
        let answer = self.call(service, "Content-Type: application/x-www-form-urlencoded\r\n", call);
        let (_, rest) = answer.split_once(&format!("<{element}>")).must(&answer);
        rest.split('<').next().unwrap_or_default().to_owned()
    }

    /// [`Self::query`] of EC2.
    pub fn ec2(&self, call: &str, element: &str) -> String {
        self.query("ec2", &format!("{call}&Version=2016-11-15"), element)
    }

    /// How many calls the local cloud has answered so far.
    pub fn calls(&self) -> u64 {
        let answer = self.send("GET /_groundplan/calls", "", "");
        json_of(&answer)["total"].as_u64().must(&answer)
    }

    fn call(&self, service: &str, headers: &str, body: &str) -> String {
        let scope = format!("Credential=local/20260101/us-east-1/{service}/aws4_request");
        let signed = format!("Authorization: AWS4-HMAC-SHA256 {scope}, SignedHeaders=host, Signature=0\r\n{headers}");
        let answer = self.send("POST /", &signed, body);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        answer
    }

    fn send(&self, line: &str, headers: &str, body: &str) -> String {
        let host = self.endpoint.trim_start_matches("http://");
        let length = body.len();
        let head = format!(
            "{line} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n"
        );
        let mut answer = String::new();
        let mut exchange = || {
            let mut stream = TcpStream::connect(host)?;
            stream.write_all(format!("{head}{body}").as_bytes())?;
            stream.read_to_string(&mut answer)
        };
        exchange().must(line);
        answer
    }
}

/// The object in an answer; an empty body is none. Chunk lengths around it do no harm.
fn json_of(answer: &str) -> Value {
    let (_, body) = answer.split_once("\r\n\r\n").must(answer);
    let Some((from, to)) = body.find('{').zip(body.rfind('}')) else { return Value::Null };
    serde_json::from_str(&body[from..=to]).must(answer)
}

async fn serve() -> (String, tempfile::TempDir) {
    let run_dir = tempfile::tempdir().must("a directory for the local cloud");
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
        let status = tokio::task::spawn_blocking(move || local_cloud::status(&path)).await;
        if let Some(running) = status.must("the local cloud's status") {
            return (running.endpoint, run_dir);
        }
    }
}
