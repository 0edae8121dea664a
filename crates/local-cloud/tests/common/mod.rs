//! A local cloud for tests, and plain HTTP to talk to it: no AWS SDK, an unsigned header with a credential scope is enough.
#![allow(dead_code, reason = "each test file uses a part")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use local_cloud::{Running, Settings};
use serde_json::Value;

/// A local cloud that ends with the test.
pub struct Cloud {
    pub running: Running,
    pub settings: Settings,
    _dir: tempfile::TempDir,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: String,
    pub body: Vec<u8>,
}

/// Where emulators are installed: shared by all tests, and kept.
pub fn emulators_dir() -> PathBuf {
    match std::env::var_os("GROUNDPLAN_EMULATORS") {
        Some(dir) => dir.into(),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../.groundplan/emulators"),
    }
}

/// The program that serves in these tests.
pub fn program() -> PathBuf {
    env!("CARGO_BIN_EXE_local-cloud-serve").into()
}

pub fn settings(dir: &std::path::Path, time_scale: f64) -> Settings {
    Settings { run_dir: dir.join("local-cloud"), emulators_dir: emulators_dir(), time_scale, port: None }
}

pub fn args(settings: &Settings) -> Vec<String> {
    vec![
        settings.run_dir.display().to_string(),
        settings.emulators_dir.display().to_string(),
        settings.time_scale.to_string(),
    ]
}

pub async fn start(settings: &Settings) -> Result<Running, local_cloud::Error> {
    local_cloud::start(settings, &program(), &args(settings), |_| {}).await
}

impl Cloud {
    pub async fn start(time_scale: f64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let settings = settings(dir.path(), time_scale);
        let running = start(&settings).await.unwrap();
        Self { running, settings, _dir: dir }
    }

    pub fn port(&self) -> u16 {
        self.running.endpoint.rsplit(':').next().unwrap().parse().unwrap()
    }

    /// One HTTP request.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        self.try_send(method, path, headers, body).unwrap().unwrap()
    }

    /// The same, where the connection may end: `None` if it was closed in good order before the first byte of the answer.
    pub fn try_send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> std::io::Result<Option<Answer>> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port()))?;
        let mut head = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n", self.port());
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += &format!("Content-Length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes())?;
        stream.write_all(body)?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        let headers = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
        let status = headers.split(' ').nth(1).unwrap().parse().unwrap();
        let mut body = bytes.split_off(end + 4);
        if headers.contains("transfer-encoding: chunked") {
            body = dechunk(&body);
        }
        Ok(Some(Answer { status, headers, body }))
    }

    /// A call in the query protocol.
    pub fn query(&self, service: &str, action: &str, fields: &[(&str, &str)]) -> Answer {
        let version = match service {
            "ec2" => "2016-11-15",
            "rds" => "2014-10-31",
            "elasticache" => "2015-02-02",
            "elasticloadbalancing" => "2015-12-01",
            "iam" => "2010-05-08",
            "sts" => "2011-06-15",
            _ => "2010-03-31",
        };
        let body = [("Action", action), ("Version", version)].iter().chain(fields).fold(
            String::new(),
            |text, (name, value)| {
                let value: String = value
                    .bytes()
                    .map(|byte| {
                        if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
                    })
                    .collect();
                format!("{text}{}{name}={value}", if text.is_empty() { "" } else { "&" })
            },
        );
        let headers = [("authorization", &*scope(service)), ("content-type", "application/x-www-form-urlencoded")];
        self.send("POST", "/", &headers, body.as_bytes())
    }

    /// A query call that must succeed.
    pub fn ok(&self, service: &str, action: &str, fields: &[(&str, &str)]) -> String {
        let answer = self.query(service, action, fields);
        assert_eq!(answer.status, 200, "{action}: {}", answer.text());
        answer.text()
    }

    /// A query call that must fail with this code.
    pub fn refused(&self, service: &str, action: &str, fields: &[(&str, &str)], code: &str) {
        let answer = self.query(service, action, fields);
        assert_eq!(
            first(&answer.text(), "Code").as_deref(),
            Some(code),
            "{action}: {} {}",
            answer.status,
            answer.text()
        );
        assert!((400..500).contains(&answer.status), "{action}: {}", answer.status);
    }

    /// A call in the JSON protocol.
    pub fn json(&self, service: &str, target: &str, body: &Value) -> (u16, Value) {
        let headers = [
            ("authorization", &*scope(service)),
            ("content-type", "application/x-amz-json-1.1"),
            ("x-amz-target", target),
        ];
        let answer = self.send("POST", "/", &headers, body.to_string().as_bytes());
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or(Value::String(answer.text())))
    }

    pub fn ecs(&self, operation: &str, body: &Value) -> Value {
        let (status, answer) = self.json("ecs", &format!("AmazonEC2ContainerServiceV20141113.{operation}"), body);
        assert_eq!(status, 200, "{operation}: {answer}");
        answer
    }

    pub fn get(&self, path: &str) -> Value {
        serde_json::from_slice(&self.send("GET", path, &[], b"").body).unwrap()
    }

    /// A VPC with two subnets and a security group: their identifiers.
    pub fn network(&self) -> Network {
        let vpc = first(&self.ok("ec2", "CreateVpc", &[("CidrBlock", "10.0.0.0/16")]), "vpcId").unwrap();
        let subnets = [("10.0.1.0/24", "us-east-1a"), ("10.0.2.0/24", "us-east-1b")].map(|(block, zone)| {
            let fields = [("VpcId", &*vpc), ("CidrBlock", block), ("AvailabilityZone", zone)];
            first(&self.ok("ec2", "CreateSubnet", &fields), "subnetId").unwrap()
        });
        let fields = [("VpcId", &*vpc), ("GroupName", "all"), ("GroupDescription", "all")];
        let group = first(&self.ok("ec2", "CreateSecurityGroup", &fields), "groupId").unwrap();
        Network { vpc, subnets, group }
    }
}

pub struct Network {
    pub vpc: String,
    pub subnets: [String; 2],
    pub group: String,
}

impl Drop for Cloud {
    fn drop(&mut self) {
        let pid = rustix::process::Pid::from_raw(i32::try_from(self.running.pid).unwrap());
        if let Some(pid) = pid {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
    }
}

impl Answer {
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

pub fn scope(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}

/// The text of the first element of this name.
pub fn first(xml: &str, name: &str) -> Option<String> {
    let start = xml.find(&format!("<{name}>"))? + name.len() + 2;
    let end = xml[start..].find(&format!("</{name}>"))? + start;
    Some(xml[start..end].trim().to_owned())
}

/// Asks until the answer is the wanted one.
pub fn eventually<T: PartialEq + std::fmt::Debug>(wanted: T, mut ask: impl FnMut() -> T) {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let got = ask();
        if got == wanted {
            return;
        }
        assert!(Instant::now() < until, "still {got:?}, not {wanted:?}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn dechunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = bytes.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap().trim(), 16).unwrap();
        if size == 0 {
            break;
        }
        whole.extend_from_slice(&bytes[end + 2..end + 2 + size]);
        bytes = &bytes[end + 2 + size + 2..];
    }
    whole
}
