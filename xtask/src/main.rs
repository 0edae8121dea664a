//! The task runner: reads the command line, calls the crates, shows what they say. The only place that prints.

mod app;
mod ask;
mod cli;
mod commands;
mod core_dumps;
mod display;
mod error;
mod interrupt;
mod opening;
mod state_home;
mod tagged;

use std::process::ExitCode;

use clap::Parser;

/// What clap says of a command line: help and version are no errors. Its own status for one, 2, says here that there are
/// changes.
fn told(said: &clap::Error) -> ExitCode {
    // A closed terminal is no reason to end otherwise.
    let _ = said.print();
    if said.use_stderr() { ExitCode::from(error::status::ERROR) } else { ExitCode::SUCCESS }
}

fn main() -> ExitCode {
    core_dumps::forbid();
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(said) => return told(&said),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return display::error::show(&error::Error::from(error), cli.global.json),
    };
    let json = cli.global.json;
    match runtime.block_on(commands::run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => display::error::show(&error, json),
    }
}
