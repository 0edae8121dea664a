//! `generate`: the files that are made from this code, and AWS's schemas.

use std::path::PathBuf;

use clap::CommandFactory;

use crate::app::App;
use crate::cli::{Cli, GenerateCommand};
use crate::display::{data, talk};
use crate::error::{About, Error, Result};

/// Makes generated files, or checks that they are current.
pub fn run(app: &App, command: &GenerateCommand) -> Result<()> {
    match command {
        GenerateCommand::Docs { check } => docs(app, *check),
        GenerateCommand::Schemas => schemas(app),
    }
}

/// Every generated file with its text.
fn generated() -> Vec<(PathBuf, String)> {
    vec![
        (PathBuf::from(environment::JSON_SCHEMA_FILE), environment::json_schema()),
        ("docs/reference/commands.md".into(), commands()),
        ("docs/reference/resources.md".into(), resources()),
    ]
}

fn docs(app: &App, check: bool) -> Result<()> {
    let mut stale = Vec::new();
    for (name, text) in generated() {
        let path = app.root.join(&name);
        if std::fs::read_to_string(&path).is_ok_and(|current| current == text) {
            continue;
        }
        if check {
            stale.push(name.display().to_string());
            continue;
        }
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir).about(dir)?;
        }
        std::fs::write(&path, text).about(&path)?;
        data(format_args!("{}: written", name.display()));
    }
    if stale.is_empty() {
        return Ok(());
    }
    Err(Error::told(format!("not current: {}", stale.join(", "))).hint("cargo xtask generate docs"))
}

fn schemas(app: &App) -> Result<()> {
    let work = tempfile::tempdir()?;
    let out = app.root.join("crates/schema/data");
    talk(format_args!("downloading cfn-lint and reducing its schemas …"));
    let refreshed = schema::generate::refresh(work.path(), &out).map_err(|error| Error::told(error.to_string()))?;
    data(format_args!(
        "cfn-lint {}: {} types, {} lists{}",
        refreshed.version,
        refreshed.types,
        refreshed.limits,
        if refreshed.changed.is_empty() { ", nothing changed" } else { "" }
    ));
    Ok(())
}

const NOTICE: &str = "<!-- Made by `cargo xtask generate docs`: change the code, not this file. -->\n";

/// `docs/reference/commands.md`.
fn commands() -> String {
    let mut out = format!("{NOTICE}\n# Commands\n\n");
    out.push_str("`cargo xtask COMMAND`, or `make COMMAND ENV=SYSTEM/ENVIRONMENT`.\n");
    let mut top = Cli::command();
    top.build();
    section(&top, &mut Vec::new(), &mut out);
    out
}

fn section(command: &clap::Command, path: &mut Vec<String>, out: &mut String) {
    for sub in command.get_subcommands().filter(|sub| !sub.is_hide_set() && sub.get_name() != "help") {
        path.push(sub.get_name().to_owned());
        let about = sub.get_about().map(ToString::to_string).unwrap_or_default();
        out.push_str(&format!("\n## {}\n\n{about}\n", path.join(" ")));
        let own = sub.get_arguments().filter(|arg| !arg.is_global_set() && arg.get_id() != "help");
        let rows: Vec<String> = own.map(argument).collect();
        if !rows.is_empty() {
            out.push_str("\n| argument | meaning |\n|---|---|\n");
            out.push_str(&(rows.join("\n") + "\n"));
        }
        section(sub, path, out);
        path.pop();
    }
}

fn argument(arg: &clap::Arg) -> String {
    let names: Vec<String> = arg.get_value_names().unwrap_or_default().iter().map(ToString::to_string).collect();
    let takes = if arg.get_action().takes_values() { names.join(" ") } else { String::new() };
    let name = match arg.get_long() {
        Some(long) => format!("--{long} {takes}"),
        None => takes,
    };
    let mut help = arg.get_help().map(ToString::to_string).unwrap_or_default().replace('|', "\\|");
    let values: Vec<String> = arg.get_possible_values().iter().map(|value| format!("`{}`", value.get_name())).collect();
    if !values.is_empty() && arg.get_action().takes_values() {
        help.push_str(&format!(" One of {}.", values.join(", ")));
    }
    format!("| `{}` | {help} |", name.trim())
}

/// `docs/reference/resources.md`.
fn resources() -> String {
    let mut out = format!("{NOTICE}\n# Resource types\n\n");
    out.push_str(
        "What each type waits for and takes. Properties are AWS's own, see the CloudFormation template reference.\n\n",
    );
    out.push_str("| type | create s | update s | delete s | known only when ready | holds data |\n|---|---:|---:|---:|---|---|\n");
    let catalogue = environment::catalogue();
    for name in catalogue.types() {
        let Some(handler) = catalogue.get(name) else { continue };
        let facts = handler.facts();
        let data = if facts.holds_data { "yes" } else { "" };
        let seconds = facts.seconds;
        out.push_str(&format!(
            "| `{name}` | {} | {} | {} | {} | {data} |\n",
            seconds.create,
            seconds.update,
            seconds.delete,
            facts.late.join(", ")
        ));
    }
    out
}
