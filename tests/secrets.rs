//! Secret values appear nowhere but in the secrets: no file, no output, no copy of the journal, no core dump.

#![allow(missing_docs)]

mod support;

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{Workspace, text};

const ENVIRONMENT: &str = "freeside/production";
const PREFIX: &str = "arrakis-production";

/// A workspace whose every output is kept, and the secrets seen so far.
struct Watched {
    workspace: Workspace,
    /// What was printed, and files as they were for a moment, each with where it is from.
    seen: Vec<(String, Vec<u8>)>,
    forms: BTreeSet<String>,
    values: BTreeSet<String>,
}

impl Watched {
    fn new() -> Self {
        let workspace = Workspace::new(ENVIRONMENT);
        std::fs::create_dir(workspace.root().join("tmp")).unwrap();
        Self { workspace, seen: Vec::new(), forms: BTreeSet::new(), values: BTreeSet::new() }
    }

    /// The user's home and the place for temporary files are in the workspace: what is written there is looked at too.
    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.workspace.command(args);
        command.env("HOME", self.workspace.root().join("user")).env("TMPDIR", self.workspace.root().join("tmp"));
        command.env("RUST_BACKTRACE", "full").env("RUST_LOG", "trace");
        command
    }

    fn run(&mut self, args: &[&str]) -> i32 {
        self.run_with(args, None)
    }

    fn run_with(&mut self, args: &[&str], stdin: Option<&str>) -> i32 {
        let mut command = self.command(args);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut pipe = child.stdin.take().unwrap();
        pipe.write_all(stdin.unwrap_or_default().as_bytes()).unwrap();
        drop(pipe);
        let output = child.wait_with_output().unwrap();
        self.seen.push((format!("stdout of {}", args.join(" ")), output.stdout));
        self.seen.push((format!("stderr of {}", args.join(" ")), output.stderr));
        output.status.code().unwrap_or(-1)
    }

    fn ok(&mut self, args: &[&str]) {
        let status = self.run(args);
        let last: Vec<String> = self.seen.iter().rev().take(2).map(|(_, bytes)| text(bytes)).collect();
        assert_eq!(status, 0, "{}\n{}", args.join(" "), last.join("\n"));
    }

    /// Runs while copying what is written meanwhile; kills it once the local cloud has answered so many calls.
    fn run_copied(&mut self, args: &[&str], kill_after: Option<usize>) -> Option<i32> {
        let from = self.workspace.calls();
        let out = self.workspace.root().join(format!("captured-{}", self.seen.len()));
        let file = |name: &str| std::fs::File::create(out.with_extension(name)).unwrap();
        let mut child = self.command(args).stdout(file("out")).stderr(file("err")).spawn().unwrap();
        let deadline = Instant::now() + Duration::from_secs(180);
        loop {
            for path in files(&self.workspace.home().join("local")) {
                if let Ok(bytes) = std::fs::read(&path) {
                    self.copy(&path, bytes);
                }
            }
            if let Some(status) = child.try_wait().unwrap() {
                return status.code();
            }
            if kill_after.is_some_and(|calls| self.workspace.calls() >= from + calls) {
                child.kill().unwrap();
                child.wait().unwrap();
                return None;
            }
            assert!(Instant::now() < deadline, "{} does not end", args.join(" "));
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Keeps a copy of a file, unless an earlier copy begins or is the same: a journal only grows.
    fn copy(&mut self, path: &Path, bytes: Vec<u8>) {
        let name = format!("copy of {}", path.display());
        match self.seen.iter_mut().rev().find(|(earlier, _)| *earlier == name) {
            Some((_, earlier)) if bytes.starts_with(earlier) => *earlier = bytes,
            Some((_, earlier)) if earlier.starts_with(&bytes) => {}
            _ => self.seen.push((name, bytes)),
        }
    }

    /// Asks Secrets Manager for everything secret there is now.
    fn learn(&mut self) {
        let secrets = self.workspace.boto3("secret_values.py", &[PREFIX]);
        let texts = |key: &str| -> Vec<String> { serde_json::from_value(secrets[key].clone()).unwrap() };
        self.forms.extend(texts("forms"));
        self.values.extend(texts("values"));
    }

    /// Where a secret is to be read.
    fn leaks(&self) -> Vec<String> {
        let read = |path: PathBuf| (path.display().to_string(), std::fs::read(&path).unwrap_or_default());
        let written = files(self.workspace.root()).into_iter().map(read);
        let mut leaks = Vec::new();
        for (place, bytes) in written.chain(self.seen.iter().cloned()) {
            let content = text(&bytes);
            for form in self.forms.iter().filter(|form| content.contains(form.as_str())) {
                leaks.push(format!("{place}: {}…", &form[..4]));
            }
        }
        leaks
    }
}

/// Every file below a directory.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => open.push(entry.path()),
                Ok(kind) if kind.is_file() => all.push(entry.path()),
                _ => {}
            }
        }
    }
    all
}

#[test]
fn no_secret_is_written_or_said() {
    let mut watched = Watched::new();
    watched.ok(&["local-cloud", "start"]);

    // A deploy that is killed, one whose calls with secrets fail at first, and its journal while it is written.
    assert_eq!(watched.run_copied(&["deploy-full", "--yes"], Some(70)), None, "it was not killed");
    let faults = watched.workspace.root().join("faults.json");
    let rule = |service: &str, operation: &str| serde_json::json!({ "service": service, "operation": operation, "rate": 1.0, "times": 2, "fault": "internal-error" });
    let rules = [
        rule("secretsmanager", "PutSecretValue"),
        rule("rds", "CreateDBInstance"),
        rule("elasticache", "CreateReplicationGroup"),
    ];
    std::fs::write(&faults, serde_json::json!({ "rules": rules }).to_string()).unwrap();
    watched.ok(&["local-cloud", "faults", "--set", faults.to_str().unwrap()]);
    assert_eq!(watched.run_copied(&["deploy-full", "--yes", "--json"], None), Some(0));
    watched.ok(&["local-cloud", "faults", "--clear"]);
    watched.learn();

    // Values given by hand, as a pipe and as a key; the file they could come from is not ours to keep.
    let marked = "Marked/by+hand&%\"\\ äö-0123456789";
    assert_eq!(watched.run_with(&["set-secret", "vault-token"], Some(marked)), 0);
    assert_eq!(
        watched.run_with(&["set-secret", "app-config", "--key", "api-key"], Some("Key-of-the-app-42 & more")),
        0
    );
    watched.learn();
    assert!(watched.values.contains(marked) && watched.values.contains("Key-of-the-app-42 & more"));

    // A value that the deploy cannot work with: it fails, and says why without it.
    let plain = "This-is-no-JSON-but-secret-77";
    assert_eq!(watched.run_with(&["set-secret", "db-credentials"], Some(plain)), 0);
    watched.learn();
    let failed = watched.run_copied(&["deploy-full", "--yes"], None);
    assert!(matches!(failed, Some(1 | 4)), "{failed:?}");
    let json = r#"{ "username": "arrakis", "password": "Another-Marked-Password-9!" }"#;
    assert_eq!(watched.run_with(&["set-secret", "db-credentials"], Some(json)), 0);
    watched.ok(&["deploy-full", "--yes"]);
    watched.learn();

    // A change and a replacement of what carries a secret, as a plan, in a file, and shown.
    watched
        .workspace
        .edit("freeside/base.toml", &[("username = \"arrakis\"\ncredentials", "username = \"muaddib\"\ncredentials")]);
    watched.ok(&["plan", "--out", "plan.json"]);
    for args in [
        &["plan", "--json"][..],
        &["show"],
        &["show", "--json"],
        &["state", "list"],
        &["state", "show", "storage.postgres.main"],
        &["state", "show", "security.attachment.db-credentials", "--json"],
        &["state", "show", "security.secret.vault-token", "--json"],
        &["output", "--json"],
        &["graph"],
        &["validate", "--all"],
        &["cost-estimate", "--json"],
        &["export", "--out", "exported"],
    ] {
        watched.run(args);
    }
    for args in [&["health-check", "--json"][..], &["drift", "--json"]] {
        watched.run(args);
    }
    watched.ok(&["destroy", "--yes", "--lift-protection", "--json"]);

    assert!(watched.values.len() >= 10, "only {} values", watched.values.len());
    assert!(watched.forms.len() >= 30, "only {} forms", watched.forms.len());
    assert_eq!(watched.leaks(), Vec::<String>::new());

    // The search does find what is there.
    let known = "arrakis-production/db-credentials".to_owned();
    watched.forms = [known, text(marked.as_bytes())].into();
    let found = watched.leaks();
    for place in ["copy of", "journal", "stdout of show --json", "plan.json", "exported"] {
        assert!(found.iter().any(|leak| leak.contains(place)), "nothing was looked for in {place}: {found:?}");
    }
    std::fs::write(watched.workspace.home().join("local/leak"), format!("x{marked}x")).unwrap();
    assert!(watched.leaks().iter().any(|leak| leak.contains("local/leak: Mark")));
}

/// What the kernel says of a process: its limit for core dumps, soft and hard.
fn core_limit(pid: &str) -> Vec<String> {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    line["Max core file size".len()..].split_whitespace().take(2).map(str::to_owned).collect()
}

#[test]
#[cfg(target_os = "linux")]
fn nothing_that_holds_secrets_dumps_its_core() {
    let workspace = Workspace::new("freeside/staging");
    workspace.ok(&["local-cloud", "start"]);
    let record = std::fs::read(workspace.home().join("local-cloud/running.json")).unwrap();
    let running: Value = serde_json::from_slice(&record).unwrap();
    let mut pids = vec![running["pid"].to_string()];
    pids.extend(running["emulators"].as_array().unwrap().iter().map(|emulator| emulator["pid"].to_string()));
    assert_eq!(pids.len(), 3, "{running}");
    for pid in pids {
        assert_eq!(core_limit(&pid), ["0", "0"], "{pid}");
    }
}
