//! An environment on the local cloud: time, API calls and memory of each command, as whole processes.

use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};

use crate::app::App;
use crate::cli::CloudName;
use crate::display::table::Columns;
use crate::display::{data, json as print_json};
use crate::error::{Error, Result};

/// Measures deploy, plan without changes, and destroy.
pub async fn run(app: &App) -> Result<()> {
    if app.global.cloud != CloudName::Local {
        return Err(Error::told("this measures on the local cloud only"));
    }
    let name = app.environment()?;
    let home = tempfile::tempdir()?;
    let bench = Bench { app, name: &name, home: home.path() };
    bench.xtask(&["local-cloud", "start"])?;
    let steps: [(&str, &[&str]); 4] = [
        ("deploy", &["deploy-full", "--yes"]),
        ("plan, no change", &["plan", "--detailed-exitcode"]),
        ("health-check", &["health-check"]),
        ("destroy", &["destroy", "--yes", "--lift-protection"]),
    ];
    let mut table = Columns::new(&["step", ">wall s", ">API calls", ">calls a resource", ">peak MB"]);
    let mut documents = Vec::new();
    let resources = environment::load(&app.root, Some(&name)).map_err(Error::Findings)?.nodes.len();
    for (what, args) in steps {
        let before = bench.calls()?;
        let began = Instant::now();
        let memory = bench.xtask(args)?;
        let wall = began.elapsed().as_secs_f64();
        let calls = bench.calls()? - before;
        let each = calls as f64 / resources as f64;
        documents.push(json!({ "step": what, "wall_seconds": wall, "calls": calls, "calls_per_resource": each, "peak_mb": memory }));
        table.row([
            what.to_owned(),
            format!("{wall:.2}"),
            calls.to_string(),
            format!("{each:.2}"),
            format!("{memory:.0}"),
        ]);
    }
    bench.xtask(&["local-cloud", "stop"])?;
    if app.global.json {
        print_json(&json!({ "environment": name, "resources": resources, "steps": documents }));
    } else {
        data(format_args!("{name}: {resources} resources"));
        data(table.text());
    }
    Ok(())
}

struct Bench<'a> {
    app: &'a App,
    name: &'a str,
    home: &'a std::path::Path,
}

impl Bench<'_> {
    /// Runs a command as its own process; gives its peak memory in MB.
    fn xtask(&self, args: &[&str]) -> Result<f64> {
        let emulators = self.app.local_settings(0.0).emulators_dir;
        let mut child = Command::new(std::env::current_exe()?)
            .args(args)
            .args(["--env", self.name, "--cloud", "local"])
            .env("GROUNDPLAN_ROOT", &self.app.root)
            .env("GROUNDPLAN_HOME", self.home)
            .env("GROUNDPLAN_EMULATORS", emulators)
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()?;
        let mut peak = 0.0f64;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            peak = peak.max(super::peak_memory(child.id()).unwrap_or_default());
            std::thread::sleep(std::time::Duration::from_millis(5));
        };
        match status.success() {
            true => Ok(peak),
            false => Err(Error::told(format!("`{}` ended with {status}", args.join(" ")))),
        }
    }

    /// How many calls the local cloud has answered so far.
    fn calls(&self) -> Result<u64> {
        let path = self.home.join("local-cloud").join("calls.jsonl");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let is_call = |line: &&str| serde_json::from_str::<Value>(line).is_ok();
        Ok(text.lines().filter(is_call).count() as u64)
    }
}
