//! A workspace of its own for a test: the real binary, a local cloud of its own, boto3 beside it.

#![allow(dead_code, missing_docs)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

pub struct Workspace {
    dir: tempfile::TempDir,
    env: String,
}

pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

fn emulators() -> PathBuf {
    std::env::var_os("GROUNDPLAN_EMULATORS").map_or_else(|| repository().join(".groundplan/emulators"), PathBuf::from)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

impl Workspace {
    /// A workspace with the shipped environments, on which commands are about `env`.
    pub fn new(env: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        copy(&repository().join("environments"), &dir.path().join("environments"));
        Self { dir, env: env.to_owned() }
    }

    pub fn root(&self) -> &Path {
        self.dir.path()
    }

    pub fn home(&self) -> PathBuf {
        self.dir.path().join(".groundplan")
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command
            .args(args)
            .current_dir(self.root())
            .env_remove("GROUNDPLAN_ROOT")
            .env("GROUNDPLAN_HOME", self.home())
            .env("GROUNDPLAN_EMULATORS", emulators())
            .env("GROUNDPLAN_ENV", &self.env)
            .env("GROUNDPLAN_CLOUD", "local")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null());
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs a command that must end with this status; gives its stdout.
    pub fn expect(&self, status: i32, args: &[&str]) -> String {
        let output = self.run(args);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(status), "`{}`\n--- stdout\n{out}\n--- stderr\n{err}", args.join(" "));
        out
    }

    pub fn ok(&self, args: &[&str]) -> String {
        self.expect(0, args)
    }

    pub fn json(&self, status: i32, args: &[&str]) -> Value {
        let args: Vec<&str> = args.iter().copied().chain(["--json"]).collect();
        let out = self.expect(status, &args);
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error} in {out}"))
    }

    /// The plan's actions as `sign address`, sorted.
    pub fn planned(&self, args: &[&str]) -> Vec<String> {
        let all: Vec<&str> = ["plan"].iter().chain(args).copied().collect();
        let plan = self.json(0, &all);
        let line =
            |action: &Value| format!("{} {}", action["sign"].as_str().unwrap(), action["address"].as_str().unwrap());
        let mut lines: Vec<String> = plan["actions"].as_array().unwrap().iter().map(line).collect();
        lines.sort();
        lines
    }

    /// Edits an environment file: each text must be there once.
    pub fn edit(&self, file: &str, edits: &[(&str, &str)]) {
        let path = self.root().join("environments").join(file);
        let mut content = std::fs::read_to_string(&path).unwrap();
        for (from, to) in edits {
            assert_eq!(content.matches(from).count(), 1, "{from:?} in {file}");
            content = content.replace(from, to);
        }
        std::fs::write(path, content).unwrap();
    }

    pub fn endpoint(&self) -> String {
        self.json(0, &["local-cloud", "status"])["endpoint"].as_str().expect("the local cloud runs").to_owned()
    }

    /// What a Python script that uses boto3 prints, as JSON. It knows nothing of Groundplan.
    pub fn boto3(&self, script: &str, args: &[&str]) -> Value {
        let output = Command::new(python())
            .arg(repository().join("tests/boto3").join(script))
            .args(args)
            .env("AWS_ENDPOINT_URL", self.endpoint())
            .env("AWS_ACCESS_KEY_ID", "boto3")
            .env("AWS_SECRET_ACCESS_KEY", "boto3")
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .output()
            .unwrap();
        assert!(output.status.success(), "{script}: {}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// How many calls the local cloud has answered.
    pub fn calls(&self) -> usize {
        let record = std::fs::read_to_string(self.home().join("local-cloud/calls.jsonl")).unwrap_or_default();
        record.lines().count()
    }
}

/// The Python of the emulator that brings boto3 along.
fn python() -> PathBuf {
    let entries = std::fs::read_dir(emulators()).unwrap().flatten();
    let moto =
        entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("moto-")).max_by_key(|e| e.path());
    moto.expect("moto is installed").path().join("bin/python")
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// That a command ended so, and said each of these on stderr.
#[track_caller]
pub fn assert_ended(output: &Output, status: i32, says: &[&str]) {
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(status), "--- stdout\n{out}\n--- stderr\n{err}");
    for word in says {
        assert!(err.contains(word), "{word:?} is not said:\n{err}");
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        let _ = self.run(&["local-cloud", "stop"]);
    }
}
