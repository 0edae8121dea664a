//! What can go wrong while the local cloud is installed, started or stopped, each with the next step.

use std::path::PathBuf;

/// Why the local cloud could not be installed, started, reached or stopped.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No usable Python interpreter was found.
    #[error(
        "python3 was not found: the local cloud's emulators need Python 3.10 or later. Install it, or set GROUNDPLAN_PYTHON to its path"
    )]
    NoPython,
    /// Python has no `venv` module, as on Debian without `python3-venv`.
    #[error(
        "python3 cannot make a virtual environment ({detail}). On Debian or Ubuntu: apt install python3-venv; then run the command again"
    )]
    NoVenv {
        /// The last line that Python said.
        detail: String,
    },
    /// pip could not install an emulator.
    #[error(
        "{emulator} could not be installed ({detail}). Check that the Python package index is reachable (PIP_INDEX_URL names a mirror), then run the command again; nothing half-installed is left behind"
    )]
    Install {
        /// The emulator's name and version.
        emulator: String,
        /// The last line that pip said.
        detail: String,
    },
    /// An emulator process ended before it was ready.
    #[error("{emulator} did not start; its last words are in {}", log.display())]
    EmulatorStart {
        /// The emulator's name.
        emulator: &'static str,
        /// The log file.
        log: PathBuf,
    },
    /// The local cloud's own process ended, or was not ready in time.
    #[error("the local cloud did not start ({detail}); see {}", log.display())]
    Start {
        /// What was seen.
        detail: String,
        /// The log file.
        log: PathBuf,
    },
    /// One runs already in this run directory.
    #[error("a local cloud runs already in {}; `cargo xtask local-cloud stop` ends it", run_dir.display())]
    AlreadyRunning {
        /// The run directory.
        run_dir: PathBuf,
    },
    /// One runs already, with settings other than those asked for.
    #[error(
        "a local cloud runs already with {running}, and {wanted} was asked for. Its resources would be lost: end it with `cargo xtask local-cloud stop` first"
    )]
    OtherSettings {
        /// The settings of the one that runs.
        running: String,
        /// The settings that were asked for.
        wanted: String,
    },
    /// Nothing runs where something was expected to.
    #[error("no local cloud runs in {}; `cargo xtask local-cloud start` starts one", run_dir.display())]
    NotRunning {
        /// The run directory.
        run_dir: PathBuf,
    },
    /// The running local cloud refused, or did not answer.
    #[error(
        "the local cloud at {endpoint} did not answer as expected ({detail}). `cargo xtask local-cloud stop` and start it again"
    )]
    Unreachable {
        /// Its address.
        endpoint: String,
        /// What was seen.
        detail: String,
    },
    /// A port was asked for that another process has.
    #[error("port {port} on 127.0.0.1 cannot be had ({source}); choose another, or none")]
    Port {
        /// The port.
        port: u16,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file or directory could not be used.
    #[error("{}: {source}", path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The system refused something that does not concern one file.
    #[error("the local cloud: {0}")]
    System(#[from] std::io::Error),
}

impl Error {
    /// For `map_err`: an input/output error at a path.
    pub(crate) fn at(path: &std::path::Path) -> impl FnOnce(std::io::Error) -> Self + '_ {
        move |source| Self::File { path: path.to_owned(), source }
    }
}
