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

fn main() -> ExitCode {
    core_dumps::forbid();
    let cli = cli::Cli::parse();
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
