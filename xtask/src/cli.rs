//! The command line: what can be said. What it means is in `commands`.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

mod state;
mod torture;

pub use state::{BackupArgs, RebuildArgs, RestoreArgs, StateCommand, StatePlaceName};
pub use torture::{TortureArgs, TortureCommand, TortureKind, TortureUpdate};

/// AWS environments planned, deployed, priced and operated.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version, max_term_width = 100)]
pub struct Cli {
    /// What every command takes.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What every command takes.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// The environment, as SYSTEM/ENVIRONMENT [default: named in environments/groundplan.toml].
    #[arg(long, global = true, env = "GROUNDPLAN_ENV", value_name = "SYSTEM/ENVIRONMENT")]
    pub env: Option<String>,
    /// Where to: the local cloud, or AWS by the SDK's usual chain (profiles, SSO, roles, AWS_ENDPOINT_URL).
    #[arg(long, global = true, env = "GROUNDPLAN_CLOUD", default_value = "local", value_name = "CLOUD")]
    pub cloud: CloudName,
    /// Print data as JSON on stdout: one document, or one event a line where the command runs long.
    #[arg(long, global = true)]
    pub json: bool,
    /// Answer every question with yes.
    #[arg(long, short, global = true)]
    pub yes: bool,
    /// How many seconds to wait while another run holds the lock.
    #[arg(long, global = true, default_value_t = 0, value_name = "SECONDS")]
    pub lock_timeout: u64,
}

/// Where to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CloudName {
    /// The local cloud, started by itself.
    Local,
    /// AWS.
    Aws,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the environments there are.
    Environments,
    /// Check environment files: TOML, AWS's schemas, rules between resources. Calls nothing.
    Validate(ValidateArgs),
    /// Format the environment files.
    Format(FormatArgs),
    /// Show what would change. Changes nothing.
    Plan(PlanArgs),
    /// Plan, show, ask, apply, verify, and print the outputs.
    #[command(visible_alias = "deploy")]
    DeployFull(DeployArgs),
    /// Delete everything of the environment.
    Destroy(DestroyArgs),
    /// Show what changed in the cloud since the last deploy, and who changed it. Exits with 2 if something did.
    Drift(DriftArgs),
    /// Print the outputs of the last deploy, or one of them.
    Output(OutputArgs),
    /// Show the resources as they are in the state, or one of them.
    Show(ShowArgs),
    /// Look at the state.
    #[command(subcommand)]
    State(StateCommand),
    /// Show who holds the lock of the environment, ask, and take it away. A dead run's lock ends by itself.
    Unlock,
    /// Write the whole state into one file.
    BackupState(BackupArgs),
    /// Put a backup, or an earlier version in S3, in the place of the state; or list what there is.
    RestoreState(RestoreArgs),
    /// Make the bucket that the environment's state is kept in, or put it right: versions, encryption, access, replica, lock.
    CreateStateBucket,
    /// Adopt resources made elsewhere: one by its id, or all of a Terraform state file.
    Import(ImportArgs),
    /// Print the graph of the resources.
    Graph(GraphArgs),
    /// Check every layer of what was deployed. Exits with 3 if something is unhealthy.
    HealthCheck(HealthArgs),
    /// Estimate the monthly cost. Calls nothing.
    CostEstimate(CostArgs),
    /// Write the declared resources as CloudFormation templates.
    Export(ExportArgs),
    /// Give a secret its value: typed unseen, or from a pipe or a file, never from the command line.
    SetSecret(SetSecretArgs),
    /// One crate's developer loop: its tests, then an environment of its resources made, planned empty, destroyed.
    Test(TestArgs),
    /// The AWS emulator that the commands use unless told otherwise.
    #[command(subcommand)]
    LocalCloud(LocalCloudCommand),
    /// Kill, break and contend with commands on the local cloud, and look whether anything was lost.
    Torture(TortureArgs),
    /// Measure.
    #[command(subcommand)]
    Bench(BenchCommand),
    /// Make generated files again: schemas of environment files, the command reference, AWS's resource schemas.
    #[command(subcommand)]
    Generate(GenerateCommand),
}

/// `validate`.
#[derive(Debug, Args)]
pub struct ValidateArgs {
    /// All environments.
    #[arg(long)]
    pub all: bool,
}

/// `format`.
#[derive(Debug, Args)]
pub struct FormatArgs {
    /// Change nothing; exit with 1 if a file is not formatted.
    #[arg(long)]
    pub check: bool,
}

/// Which resources a plan is about.
#[derive(Clone, Debug, Default, Args)]
pub struct SelectionArgs {
    /// Only this resource, or all below this prefix, and what they need. May be repeated.
    #[arg(long, value_name = "ADDRESS")]
    pub target: Vec<String>,
    /// Not this resource, or those below this prefix, nor what needs them. May be repeated.
    #[arg(long, value_name = "ADDRESS")]
    pub exclude: Vec<String>,
    /// Replace this resource, whatever the difference. May be repeated.
    #[arg(long, value_name = "ADDRESS")]
    pub replace: Vec<String>,
    /// Believe the state instead of reading what is there.
    #[arg(long)]
    pub no_refresh: bool,
}

/// `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Which resources it is about.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Write the plan to a file, for `deploy-full --plan FILE`.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Only show what changed in the cloud since the last deploy.
    #[arg(long, conflicts_with = "no_refresh")]
    pub refresh_only: bool,
    /// Exit with 0 if nothing would change, with 2 if something would.
    #[arg(long)]
    pub detailed_exitcode: bool,
    /// Show every property of what is made, too.
    #[arg(long)]
    pub details: bool,
}

/// What happens to the rest when something fails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum OnFailureName {
    /// Finish what is under way, start nothing more.
    #[default]
    Stop,
    /// Go on with everything that does not need what failed.
    Continue,
    /// As stop; then take back all that this run did.
    Undo,
}

/// `deploy-full`.
#[derive(Debug, Args)]
pub struct DeployArgs {
    /// Which resources it is about.
    #[command(flatten)]
    pub selection: SelectionArgs,
    /// Apply this plan, made by `plan --out FILE`.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["target", "exclude", "replace", "no_refresh"])]
    pub plan: Option<PathBuf>,
    /// What happens to the rest when something fails.
    #[arg(long, value_enum, default_value_t)]
    pub on_failure: OnFailureName,
    /// Consent to the deletion or replacement of protected resources.
    #[arg(long)]
    pub lift_protection: bool,
}

/// `destroy`.
#[derive(Debug, Args)]
pub struct DestroyArgs {
    /// Consent to the deletion of protected resources.
    #[arg(long)]
    pub lift_protection: bool,
    /// What happens to the rest when something fails.
    #[arg(long, value_enum, default_value_t)]
    pub on_failure: OnFailureName,
}

/// `drift`.
#[derive(Debug, Args)]
pub struct DriftArgs {
    /// Show what others changed by right, too: the autoscaler's desired count, a release's image.
    #[arg(long)]
    pub all: bool,
}

/// `output`.
#[derive(Debug, Args)]
pub struct OutputArgs {
    /// One output; its value alone is printed.
    pub name: Option<String>,
}

/// `show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// One resource.
    pub address: Option<String>,
}

/// `import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The declared resource: `networking.vpc`.
    #[arg(required_unless_present = "terraform_state", requires = "id")]
    pub address: Option<String>,
    /// Its id, as `Ref` of its CloudFormation type gives it: `vpc-0a1b2c3d`, a name, an ARN.
    pub id: Option<String>,
    /// Adopt whatever of this state file of Terraform is declared; `-` reads it from stdin.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["address", "id"])]
    pub terraform_state: Option<PathBuf>,
    /// Show what would be adopted. Changes nothing.
    #[arg(long)]
    pub dry_run: bool,
}

/// How a graph is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    /// For Markdown pages.
    #[default]
    Mermaid,
    /// For Graphviz.
    Dot,
    /// A picture, drawn here.
    Svg,
}

/// `graph`.
#[derive(Debug, Args)]
pub struct GraphArgs {
    /// How it is printed.
    #[arg(long, value_enum, default_value_t)]
    pub format: GraphFormat,
}

/// `health-check`.
#[derive(Debug, Args)]
pub struct HealthArgs {
    /// Look again every few seconds until interrupted.
    #[arg(long)]
    pub watch: bool,
}

/// How an estimate is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum CostFormat {
    /// For a terminal.
    #[default]
    Table,
    /// For a pull request.
    Markdown,
    /// For a program.
    Json,
}

/// `cost-estimate`.
#[derive(Debug, Args)]
pub struct CostArgs {
    /// All environments, one line each.
    #[arg(long)]
    pub all: bool,
    /// Beside what the system's own document says, with the reasons for the difference.
    #[arg(long, conflicts_with = "all")]
    pub compare: bool,
    /// How it is printed.
    #[arg(long, value_enum, default_value_t)]
    pub format: CostFormat,
}

/// What an export writes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// CloudFormation templates in JSON.
    #[default]
    Cloudformation,
}

/// `export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// What it writes.
    #[arg(long, value_enum, default_value_t)]
    pub format: ExportFormat,
    /// A directory for one file per region; else stdout.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// `set-secret`.
#[derive(Debug, Args)]
pub struct SetSecretArgs {
    /// The secret, as the environment file calls it: `app-config`.
    pub name: String,
    /// Only this key of its JSON object; else the whole value.
    #[arg(long)]
    pub key: Option<String>,
    /// The file that holds the value; else stdin.
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
}

/// `test`.
#[derive(Debug, Args)]
pub struct TestArgs {
    /// The crate: networking, compute, storage, security, events, monitoring.
    pub module: String,
    /// Again whenever a file of the crate changes.
    #[arg(long)]
    pub watch: bool,
}

/// `local-cloud`.
#[derive(Debug, Subcommand)]
pub enum LocalCloudCommand {
    /// Start it, if it does not run.
    Start {
        /// How long resources take: 1 as on AWS, 0.05 a twentieth, 0 no time.
        #[arg(long, default_value_t = 0.0, value_name = "FACTOR")]
        time_scale: f64,
    },
    /// Stop it; what is in it is gone.
    Stop,
    /// Say whether and where it runs.
    Status,
    /// Empty it.
    Reset,
    /// Let calls go wrong as on AWS, or say which do: throttling, errors, lost connections, late answers and the like.
    Faults {
        /// A fault document, or one of the presets: throttling, errors, resets, slow, late, role, never-ready, all.
        #[arg(long, value_name = "FILE|PRESET", conflicts_with = "clear")]
        set: Option<String>,
        /// Another seed lets other calls go wrong.
        #[arg(long, requires = "set", value_name = "NUMBER")]
        seed: Option<u64>,
        /// Let none go wrong any more.
        #[arg(long)]
        clear: bool,
    },
    /// Run it in the foreground: what `start` starts.
    #[command(hide = true)]
    Serve {
        /// Where it keeps its files.
        #[arg(long)]
        run_dir: PathBuf,
        /// Where the emulators are installed.
        #[arg(long)]
        emulators_dir: PathBuf,
        /// How long resources take.
        #[arg(long)]
        time_scale: f64,
    },
}

/// `bench`.
#[derive(Debug, Subcommand)]
pub enum BenchCommand {
    /// The engine alone, in this process: resources that do nothing, each needing two others.
    Engine {
        /// How many resources; several runs.
        #[arg(default_values_t = [1_000, 5_000, 20_000, 50_000])]
        sizes: Vec<usize>,
    },
    /// Deploy, plan again and destroy the environment on the local cloud, with calls and memory.
    Deploy,
}

/// `generate`.
#[derive(Debug, Subcommand)]
pub enum GenerateCommand {
    /// The files that are made from this code: the JSON Schema of environment files and docs/reference.
    Docs {
        /// Change nothing; exit with 1 if a file is not current.
        #[arg(long)]
        check: bool,
    },
    /// AWS's resource schemas, from the Python package cfn-lint of the pinned version.
    Schemas,
}
