//! `test MODULE`: one crate's developer loop: its tests, then its example environment made on a local
//! cloud of its own, planned empty, changed, planned empty, destroyed.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use serde_json::json;
use xshell::{Shell, cmd};

use crate::app::App;
use crate::cli::TestArgs;
use crate::display::words::duration;
use crate::display::{json as print_json, talk};
use crate::error::{About, Error, Result};

/// Runs the loop once, or again whenever a file changes.
pub async fn run(app: &App, args: &TestArgs) -> Result<()> {
    let module = Module::find(app, &args.module)?;
    if !args.watch {
        return module.test(app);
    }
    loop {
        if let Err(error) = module.test(app) {
            crate::display::error::show(&error, false);
        }
        let seen = newest(&module.dir);
        talk(format_args!("waiting for a change in {}", module.dir.display()));
        while newest(&module.dir) == seen {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_millis(500)) => {}
                _ = tokio::signal::ctrl_c() => return Ok(()),
            }
        }
    }
}

/// When the youngest file of a directory was written.
fn newest(dir: &Path) -> Option<SystemTime> {
    let entries = std::fs::read_dir(dir).ok()?.flatten();
    let times = entries.filter_map(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => newest(&entry.path()),
        _ => entry.metadata().and_then(|data| data.modified()).ok(),
    });
    times.max()
}

struct Module {
    name: String,
    dir: PathBuf,
}

/// A step and how long it took, in seconds.
type Step = (&'static str, f64);

impl Module {
    fn find(app: &App, name: &str) -> Result<Self> {
        let crates = app.root.join("crates");
        let entries = std::fs::read_dir(&crates).about(&crates)?.flatten();
        let mut with_example: Vec<String> = entries
            .filter(|entry| entry.path().join("example").is_dir())
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        with_example.sort();
        if with_example.iter().any(|known| known == name) {
            return Ok(Self { name: name.to_owned(), dir: crates.join(name) });
        }
        let told = Error::told(format!("no module is called `{name}`"));
        Err(told.hint(format!("there are: {}", with_example.join(", "))))
    }

    fn test(&self, app: &App) -> Result<()> {
        let mut steps: Vec<Step> = Vec::new();
        let began = Instant::now();
        let result = self.steps(app, &mut steps);
        if app.global.json {
            let steps: Vec<_> =
                steps.iter().map(|(step, seconds)| json!({ "step": step, "seconds": seconds })).collect();
            print_json(&json!({ "module": self.name, "passed": result.is_ok(), "steps": steps }));
        }
        result?;
        talk(format_args!("{}: passed in {}", self.name, duration(began.elapsed().as_secs_f64())));
        Ok(())
    }

    fn steps(&self, app: &App, steps: &mut Vec<Step>) -> Result<()> {
        let mut step = |what: &'static str, run: &mut dyn FnMut() -> Result<()>| {
            talk(format_args!("{}: {what}", self.name));
            let began = Instant::now();
            run().map_err(|error| match error {
                Error::Told { message, detail, hint } => {
                    Error::Told { message: format!("{}: {what}: {message}", self.name), detail, hint }
                }
                other => other,
            })?;
            steps.push((what, began.elapsed().as_secs_f64()));
            Ok::<(), Error>(())
        };
        let place = Example::new(app, self)?;
        step("its tests", &mut || self.unit_tests(app))?;
        let result = (|| {
            step("deployed", &mut || place.xtask(&["deploy-full", "--yes"], 0))?;
            step("planned, no change", &mut || place.xtask(&["plan", "--detailed-exitcode"], 0))?;
            step("changed", &mut || place.change())?;
            step("planned, changes", &mut || place.xtask(&["plan", "--detailed-exitcode"], 2))?;
            step("deployed again", &mut || place.xtask(&["deploy-full", "--yes"], 0))?;
            step("planned, no change again", &mut || place.xtask(&["plan", "--detailed-exitcode"], 0))?;
            step("destroyed", &mut || place.xtask(&["destroy", "--yes", "--lift-protection"], 0))
        })();
        // Its local cloud is for this test alone.
        let stopped = place.xtask(&["local-cloud", "stop"], 0);
        result.and(stopped)
    }

    fn unit_tests(&self, app: &App) -> Result<()> {
        let shell = Shell::new().map_err(|error| Error::told(error.to_string()))?;
        shell.change_dir(&app.root);
        let name = &self.name;
        let run = cmd!(shell, "cargo test --quiet --package {name} --lib").quiet();
        let output = run.ignore_status().output().map_err(|error| Error::told(error.to_string()))?;
        if output.status.success() {
            return Ok(());
        }
        talk(format_args!("{}", String::from_utf8_lossy(&output.stdout)));
        talk(format_args!("{}", String::from_utf8_lossy(&output.stderr)));
        Err(Error::told("tests failed").hint(format!("cargo test --package {name}")))
    }
}

/// The module's example environment in a workspace of its own.
struct Example {
    root: tempfile::TempDir,
    emulators: PathBuf,
    name: String,
    file: PathBuf,
    change: String,
}

impl Example {
    fn new(app: &App, module: &Module) -> Result<Self> {
        let root = tempfile::tempdir()?;
        let system = root.path().join("environments").join(&module.name);
        std::fs::create_dir_all(&system).about(&system)?;
        let read = |name: &str| {
            let path = module.dir.join("example").join(name);
            std::fs::read_to_string(&path).about(&path)
        };
        let (base, change) = (read("base.toml")?, read("change.toml")?);
        std::fs::write(system.join("base.toml"), base)?;
        let file = system.join("example.toml");
        std::fs::write(&file, EXTENDS)?;
        let emulators = app.local_settings(0.0).emulators_dir;
        Ok(Self { root, emulators, name: format!("{}/example", module.name), file, change })
    }

    /// Lays the change over the example.
    fn change(&self) -> Result<()> {
        std::fs::write(&self.file, format!("{EXTENDS}{}", self.change)).about(&self.file)
    }

    fn xtask(&self, args: &[&str], expected: i32) -> Result<()> {
        let output = std::process::Command::new(std::env::current_exe()?)
            .args(args)
            .env("GROUNDPLAN_ROOT", self.root.path())
            .env("GROUNDPLAN_HOME", self.root.path().join(".groundplan"))
            .env("GROUNDPLAN_EMULATORS", &self.emulators)
            .env("GROUNDPLAN_ENV", &self.name)
            .env("GROUNDPLAN_CLOUD", "local")
            .output()?;
        if output.status.code() == Some(expected) {
            return Ok(());
        }
        talk(format_args!("{}", String::from_utf8_lossy(&output.stdout)));
        talk(format_args!("{}", String::from_utf8_lossy(&output.stderr)));
        Err(Error::told(format!("`{}` ended with {}, not with {expected}", args.join(" "), output.status)))
    }
}

const EXTENDS: &str = "extends = \"base.toml\"\n\n";
