//! How commands are tortured.

use clap::{Args, ValueEnum};

/// What is done to commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TortureKind {
    /// Killed before and after each call and each journal write, and with a line half written.
    Crash,
    /// Killed, and killed again while that is being recovered.
    Recovery,
    /// Killed while a resource becomes ready or goes.
    Waiting,
    /// Calls throttled, failed, cut off, slow, late, never ready.
    Faults,
    /// Two of the same command at once, with the state on disk and in S3.
    Together,
}

/// A command that is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TortureCommand {
    /// A first deploy.
    Deploy,
    /// An update with replacements, and the one back.
    Update,
    /// A destroy.
    Destroy,
}

/// What an update changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TortureUpdate {
    /// A subnet, a task's size, how long logs are kept: a few replacements.
    Subnet,
    /// The range of the whole network: all that is in it is replaced.
    Network,
}

/// `torture`.
#[derive(Debug, Args)]
pub struct TortureArgs {
    /// Every point, instead of a sample.
    #[arg(long)]
    pub all: bool,
    /// Only this. May be repeated.
    #[arg(long, value_enum, value_name = "KIND")]
    pub only: Vec<TortureKind>,
    /// Kill only this command at each of its points. May be repeated.
    #[arg(long, value_enum, value_name = "COMMAND")]
    pub command: Vec<TortureCommand>,
    /// What the update changes.
    #[arg(long, value_enum, default_value = "subnet")]
    pub update: TortureUpdate,
    /// How many points a sample has.
    #[arg(long, default_value_t = 40)]
    pub sample: usize,
    /// Which sample: the same number, the same tries.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// How many local clouds at once.
    #[arg(long, default_value_t = 2)]
    pub jobs: usize,
}
