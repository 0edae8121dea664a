//! `bench`: how long things take. Figures, no judgement: `docs/benchmarks.md` says what is aimed at.

mod deploy;
mod engine;

use crate::app::App;
use crate::cli::BenchCommand;
use crate::error::Result;

/// Measures.
pub async fn run(app: &App, command: &BenchCommand) -> Result<()> {
    match command {
        BenchCommand::Engine { sizes } => engine::run(app, sizes).await,
        BenchCommand::Deploy => deploy::run(app).await,
    }
}

/// The most memory a process has had, in MB (`VmHWM` of `/proc/PID/status`).
fn peak_memory(pid: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kilobytes / 1000.0)
}
