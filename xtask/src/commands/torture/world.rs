//! A workspace of its own with a local cloud of its own, on which whole commands are run and killed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::app::App;
use crate::error::{About, Error, Result};

/// A copy of the environments, a home and a local cloud.
pub struct World {
    dir: tempfile::TempDir,
    emulators: PathBuf,
    /// The environment.
    pub name: String,
    /// What the names of its resources begin with.
    pub prefix: String,
}

/// How a command ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit status; `None`: it was killed.
    pub status: Option<i32>,
    /// What it said on stderr.
    pub said: String,
}

impl Ended {
    /// Whether it did all it should.
    pub fn is_ok(&self) -> bool {
        self.status == Some(0)
    }

    /// The last lines of what it said, for a report.
    pub fn tail(&self) -> String {
        let lines: Vec<&str> = self.said.lines().collect();
        let why = lines.iter().filter(|line| line.contains("✗") || line.starts_with("error"));
        let last = &lines[lines.len().saturating_sub(3)..];
        why.chain(last).copied().collect::<Vec<_>>().join("\n")
    }
}

impl World {
    /// Makes a world in which things take as long as `time_scale` says.
    pub fn new(app: &App, name: &str, time_scale: f64) -> Result<Self> {
        let loaded = environment::load(&app.root, Some(name)).map_err(Error::Findings)?;
        let (system, short) = name.split_once('/').unwrap_or((name, ""));
        let prefix = loaded.settings.prefix(system, short);
        let dir = tempfile::tempdir()?;
        copy(&app.root.join("environments"), &dir.path().join("environments"))?;
        let emulators = app.local_settings(0.0).emulators_dir;
        let world = Self { dir, emulators, name: name.to_owned(), prefix };
        world.must(&["local-cloud", "start", "--time-scale", &time_scale.to_string()])?;
        Ok(world)
    }

    /// The directory that holds `environments/`.
    pub fn root(&self) -> &Path {
        self.dir.path()
    }

    /// Where Groundplan writes.
    pub fn home(&self) -> PathBuf {
        self.root().join(".groundplan")
    }

    /// Where the emulators are installed.
    pub fn emulators(&self) -> &Path {
        &self.emulators
    }

    /// A command on this world, killed where `crash` says (see [`engine::crash`]).
    pub fn command(&self, args: &[&str], crash: Option<&str>) -> Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(args)
            .current_dir(self.root())
            .env_remove("GROUNDPLAN_ROOT")
            .env("GROUNDPLAN_HOME", self.home())
            .env("GROUNDPLAN_EMULATORS", &self.emulators)
            .env("GROUNDPLAN_ENV", &self.name)
            .env("GROUNDPLAN_CLOUD", "local")
            .env("NO_COLOR", "1")
            .stdin(Stdio::null());
        match crash {
            Some(crash) => command.env("GROUNDPLAN_CRASH", crash),
            None => command.env_remove("GROUNDPLAN_CRASH"),
        };
        Ok(command)
    }

    /// Runs a command to its end, or to where it is killed.
    pub fn run(&self, args: &[&str], crash: Option<&str>) -> Result<Ended> {
        let output = self.command(args, crash)?.stdout(Stdio::null()).output()?;
        Ok(ended(output.status, &output.stderr))
    }

    /// Runs a command; after so many seconds it is interrupted, as by Ctrl-C twice.
    pub fn run_for(&self, args: &[&str], seconds: Option<u64>) -> Result<Ended> {
        let Some(seconds) = seconds else { return self.run(args, None) };
        let mut child = self.spawn(args)?;
        let until = Instant::now() + Duration::from_secs(seconds);
        let mut signals = 0;
        while child.try_wait()?.is_none() {
            if Instant::now() > until + Duration::from_secs(signals) && signals < 2 {
                if let Some(process) = rustix::process::Pid::from_raw(child.id().cast_signed()) {
                    let _ = rustix::process::kill_process(process, rustix::process::Signal::INT);
                }
                signals += 1;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let output = child.wait_with_output()?;
        Ok(ended(output.status, &output.stderr))
    }

    /// Starts a command without waiting for it.
    pub fn spawn(&self, args: &[&str]) -> Result<Child> {
        Ok(self.command(args, None)?.stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?)
    }

    /// Runs a command that must succeed.
    pub fn must(&self, args: &[&str]) -> Result<()> {
        let ended = self.run(args, None)?;
        match ended.is_ok() {
            true => Ok(()),
            false => Err(Error::told(format!("`{}` failed in a world without faults", args.join(" ")))
                .detail(ended.tail())
                .hint("torture needs a system that deploys")),
        }
    }

    /// The names of the outputs there are.
    pub fn outputs(&self) -> Result<BTreeSet<String>> {
        let output = self.command(&["output", "--json"], None)?.stderr(Stdio::null()).output()?;
        let outputs: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(&output.stdout).unwrap_or_default();
        Ok(outputs.keys().cloned().collect())
    }

    /// The local cloud's endpoint.
    pub fn endpoint(&self) -> Result<String> {
        let running = local_cloud::status(&self.home().join("local-cloud"));
        running.map(|running| running.endpoint).ok_or_else(|| Error::told("the local cloud of this world is gone"))
    }

    /// Empties the cloud and forgets the state.
    pub fn start_over(&self) -> Result<()> {
        self.must(&["local-cloud", "reset"])?;
        let state = self.home().join("local");
        match std::fs::remove_dir_all(&state) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).about(&state),
            _ => Ok(()),
        }
    }
}

/// How a process ended, and what it said.
pub fn ended(status: ExitStatus, said: &[u8]) -> Ended {
    Ended { status: status.code(), said: String::from_utf8_lossy(said).into_owned() }
}

impl Drop for World {
    fn drop(&mut self) {
        // The local cloud dies with its world.
        let _ = self.run(&["local-cloud", "stop"], None);
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).about(to)?;
    for entry in std::fs::read_dir(from).about(from)?.flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), &target).about(&target)?;
        }
    }
    Ok(())
}
