//! What can be said of the state.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// `state`.
#[derive(Debug, Subcommand)]
pub enum StateCommand {
    /// List the addresses.
    List {
        /// Only addresses that begin so.
        prefix: Option<String>,
    },
    /// Show one entry.
    Show {
        /// The resource.
        address: String,
    },
    /// Forget a resource; it stays in the cloud as it is.
    Rm {
        /// The resource.
        address: String,
    },
    /// Give a resource another address, as after its declaration was renamed.
    Mv {
        /// The address it has.
        from: String,
        /// The address it shall have.
        to: String,
    },
    /// Make the state again from the tags and names of what is there. What it has already stays as it is.
    Rebuild(RebuildArgs),
    /// Move the state to the disk, or into S3 as the environment's file says.
    Migrate {
        /// Where to.
        #[arg(long, value_enum, value_name = "PLACE")]
        to: StatePlaceName,
    },
}

/// `state rebuild`.
#[derive(Debug, Default, Args)]
pub struct RebuildArgs {
    /// Show what is found. Changes nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Look in this region too, where something is that is not declared any more.
    #[arg(long, value_name = "REGION")]
    pub region: Vec<String>,
}

/// Where state is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StatePlaceName {
    /// The bucket that `[state]` of the environment's file names.
    S3,
    /// `.groundplan/` of this machine.
    Disk,
}

/// `backup-state`.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The file [default: .groundplan/backups/SYSTEM-ENVIRONMENT-TIME.json].
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `restore-state`.
#[derive(Debug, Args)]
pub struct RestoreArgs {
    /// A file of `backup-state`.
    #[arg(required_unless_present_any = ["version", "list"], conflicts_with_all = ["version", "list"])]
    pub file: Option<PathBuf>,
    /// An earlier version of the state in S3.
    #[arg(long, value_name = "ID", conflicts_with = "list")]
    pub version: Option<String>,
    /// List the backups and the versions.
    #[arg(long)]
    pub list: bool,
}
