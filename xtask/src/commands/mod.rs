//! One file per command.

mod backup_state;
mod bench;
mod cost_estimate;
mod create_state_bucket;
mod deploy_full;
mod destroy;
mod drift;
mod environments;
mod export;
mod format;
mod generate;
mod graph;
mod health_check;
mod import;
mod kept;
mod local_cloud;
mod output;
mod plan;
mod rebuild;
mod restore_state;
mod set_secret;
mod show;
mod state;
mod state_edit;
mod state_migrate;
mod strays;
mod test;
mod torture;
mod unlock;
mod validate;

use crate::app::App;
use crate::cli::{Cli, Command};
use crate::error::{Error, Result, status};
use crate::interrupt;

/// Runs what the command line asks for.
pub async fn run(cli: Cli) -> Result<()> {
    let app = App::new(cli.global)?;
    let result = tokio::select! {
        result = carry_out(&app, cli.command) => result,
        () = interrupt::cut_off() => Err(Error::Exit(status::INTERRUPTED)),
    };
    app.conclude(result).await
}

async fn carry_out(app: &App, command: Command) -> Result<()> {
    match command {
        Command::Environments => environments::run(app),
        Command::Validate(args) => validate::run(app, &args),
        Command::Format(args) => format::run(app, &args),
        Command::Plan(args) => plan::run(app, &args).await,
        Command::DeployFull(args) => deploy_full::run(app, &args).await,
        Command::Destroy(args) => destroy::run(app, &args).await,
        Command::Drift(args) => drift::run(app, &args).await,
        Command::Output(args) => output::run(app, &args).await,
        Command::Show(args) => show::run(app, &args).await,
        Command::State(command) => state::run(app, &command).await,
        Command::Unlock => unlock::run(app).await,
        Command::BackupState(args) => backup_state::run(app, &args).await,
        Command::RestoreState(args) => restore_state::run(app, &args).await,
        Command::CreateStateBucket => create_state_bucket::run(app).await,
        Command::Import(args) => import::run(app, &args).await,
        Command::Graph(args) => graph::run(app, &args),
        Command::HealthCheck(args) => health_check::run(app, &args).await,
        Command::CostEstimate(args) => cost_estimate::run(app, &args),
        Command::Export(args) => export::run(app, &args),
        Command::SetSecret(args) => set_secret::run(app, &args).await,
        Command::Test(args) => test::run(app, &args).await,
        Command::LocalCloud(command) => local_cloud::run(app, &command).await,
        Command::Torture(args) => torture::run(app, &args).await,
        Command::Bench(command) => bench::run(app, &command).await,
        Command::Generate(command) => generate::run(app, &command),
    }
}
