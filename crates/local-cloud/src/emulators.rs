//! Starts the emulators on free loopback ports, as children that cannot outlive the front.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::install::{MINISTACK, MOTO, Package};
use crate::running::{EmulatorProcess, RunDir};
use crate::{Error, Settings};

/// The account that both emulators play.
pub(crate) const ACCOUNT: &str = "123456789012";

/// Each emulator's launcher and, imported by it, the repairs of its inside.
const MOTO_FILES: &[(&str, &str)] = &[
    ("run_moto.py", include_str!("../launchers/run_moto.py")),
    ("moto_startup.py", include_str!("../launchers/moto_startup.py")),
    ("moto_repairs.py", include_str!("../launchers/moto_repairs.py")),
    ("moto_network_repairs.py", include_str!("../launchers/moto_network_repairs.py")),
    ("moto_service_repairs.py", include_str!("../launchers/moto_service_repairs.py")),
];
const MINISTACK_FILES: &[(&str, &str)] = &[
    ("run_ministack.py", include_str!("../launchers/run_ministack.py")),
    ("ministack_names.py", include_str!("../launchers/ministack_names.py")),
    ("ministack_repairs.py", include_str!("../launchers/ministack_repairs.py")),
];
const PATIENCE: Duration = Duration::from_secs(60);

/// One of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Emulator {
    Moto,
    Ministack,
}

impl Emulator {
    pub fn name(self) -> &'static str {
        self.package().name
    }

    pub fn package(self) -> &'static Package {
        match self {
            Self::Moto => &MOTO,
            Self::Ministack => &MINISTACK,
        }
    }

    /// The path that empties it.
    pub fn reset_path(self) -> &'static str {
        match self {
            Self::Moto => "/moto-api/reset",
            Self::Ministack => "/_ministack/reset",
        }
    }
}

/// A started emulator. Dropping it ends the process.
pub(crate) struct Process {
    pub port: u16,
    pub pid: u32,
    /// Its standard input is the leash: the launcher ends when it closes, even after `kill -9` of the front.
    _child: Child,
}

impl Process {
    pub fn describe(&self, emulator: Emulator) -> EmulatorProcess {
        EmulatorProcess { name: emulator.name().to_owned(), port: self.port, pid: self.pid }
    }
}

/// Starts an emulator and waits until it listens.
pub(crate) async fn start(emulator: Emulator, settings: &Settings, front_port: u16) -> Result<Process, Error> {
    let run_dir = RunDir::create(&settings.run_dir)?;
    let files = match emulator {
        Emulator::Moto => MOTO_FILES,
        Emulator::Ministack => MINISTACK_FILES,
    };
    for (name, text) in files {
        let path = run_dir.0.join(name);
        std::fs::write(&path, text).map_err(Error::at(&path))?;
    }
    let script = run_dir.0.join(files[0].0);
    let log_path = run_dir.log();
    let log = std::fs::OpenOptions::new().create(true).append(true).open(&log_path).map_err(Error::at(&log_path))?;
    let python = emulator.package().python(&settings.emulators_dir);
    let mut child = command(&python, &script, &run_dir.0, emulator, front_port)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .map_err(Error::at(&python))?;
    let failed = || Error::EmulatorStart { emulator: emulator.name(), log: log_path.clone() };
    let pid = child.id().ok_or_else(failed)?;
    let mut lines = BufReader::new(child.stdout.take().ok_or_else(failed)?).lines();
    let first = tokio::time::timeout(PATIENCE, lines.next_line()).await.map_err(|_| failed())??;
    let port = first.and_then(|line| line.trim().parse().ok()).ok_or_else(failed)?;
    Ok(Process { port, pid, _child: child })
}

fn command(python: &Path, script: &Path, run_dir: &Path, emulator: Emulator, front_port: u16) -> Command {
    let mut command = Command::new(python);
    // Isolated: neither PYTHONPATH nor the caller's directory can put another module in the way.
    command.args(["-I", "-u"]).arg(script).current_dir(run_dir);
    // Never the caller's credentials, and never a Docker daemon: ministack removes containers that look like its own.
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if ["AWS_", "MOTO_", "MINISTACK_", "LOCALSTACK_", "DOCKER_"].iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
    command
        .env("DOCKER_HOST", "unix:///nonexistent/docker.sock")
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    match emulator {
        Emulator::Moto => command
            .env("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
            // A certificate is issued at once; the time layer makes it wait.
            .env("MOTO_ACM_VALIDATION_WAIT", "0"),
        Emulator::Ministack => command
            .env("BIND_HOST", "127.0.0.1")
            .env("GATEWAY_PORT", front_port.to_string())
            .env("MINISTACK_ACCOUNT_ID", ACCOUNT)
            .env("LOG_LEVEL", "WARNING")
            // Both would listen on ports of their own, on all interfaces.
            .env("IOT_MTLS_ENABLED", "0")
            .env("SFTP_ENABLED", "0")
            .env_remove("PERSIST_STATE")
            .env_remove("S3_PERSIST")
            .env_remove("SERVICES"),
    };
    command
}
