//! `local-cloud`: the AWS emulator, by hand.

use std::path::Path;

use local_cloud::faults::{Faults, PRESETS, preset};
use serde_json::json;

use crate::app::{App, local_error};
use crate::cli::LocalCloudCommand;
use crate::display::{data, json as print_json};
use crate::error::{Error, Result};

/// Starts, stops, shows, empties or runs it.
pub async fn run(app: &App, command: &LocalCloudCommand) -> Result<()> {
    let run_dir = app.local_settings(0.0).run_dir;
    match command {
        LocalCloudCommand::Start { time_scale } => {
            app.start_local_cloud(*time_scale).await?;
            show(app);
        }
        LocalCloudCommand::Stop => {
            let stopped = local_cloud::stop(&run_dir).await.map_err(local_error)?;
            if app.global.json {
                print_json(&json!({ "running": false }));
            } else {
                data(if stopped { "The local cloud is stopped." } else { "No local cloud was running." });
            }
        }
        LocalCloudCommand::Status => show(app),
        LocalCloudCommand::Reset => {
            local_cloud::reset(&run_dir).await.map_err(local_error)?;
            show(app);
        }
        LocalCloudCommand::Faults { set, seed, clear } => faults(app, &run_dir, set.as_deref(), *seed, *clear).await?,
        LocalCloudCommand::Serve { run_dir, emulators_dir, time_scale } => {
            let settings = local_cloud::Settings {
                run_dir: run_dir.clone(),
                emulators_dir: emulators_dir.clone(),
                time_scale: *time_scale,
                port: None,
            };
            local_cloud::serve(settings).await.map_err(local_error)?;
        }
    }
    Ok(())
}

/// Sets or clears faults where asked to, and says which are set and what came of them.
async fn faults(app: &App, run_dir: &Path, set: Option<&str>, seed: Option<u64>, clear: bool) -> Result<()> {
    if let Some(named) = set {
        let faults = match preset(named, seed.unwrap_or_default()) {
            Some(faults) => faults,
            None => {
                let read = read_faults(Path::new(named))?;
                Faults { seed: seed.unwrap_or(read.seed), ..read }
            }
        };
        local_cloud::set_faults(run_dir, Some(&faults)).await.map_err(local_error)?;
    } else if clear {
        local_cloud::set_faults(run_dir, None).await.map_err(local_error)?;
    }
    let report = local_cloud::injected(run_dir).await.map_err(local_error)?;
    if app.global.json {
        print_json(&report);
        return Ok(());
    }
    if report.faults.rules.is_empty() {
        data("No calls go wrong.");
        return Ok(());
    }
    data(format_args!("Seed {}.", report.faults.seed));
    for (rule, count) in report.faults.rules.iter().zip(&report.counts) {
        let parts = [&rule.service, &rule.operation, &rule.resource].into_iter().flatten();
        let calls = parts.map(String::as_str).collect::<Vec<_>>().join(" ");
        let calls = if calls.is_empty() { "all calls" } else { &calls };
        let (name, percent) = (rule.fault.name(), rule.rate * 100.0);
        let times = rule.times.map(|times| format!(", at most {times}")).unwrap_or_default();
        data(format_args!("{name}: {percent}% of {calls}{times}; {} of {} so far", count.injected, count.tried));
    }
    Ok(())
}

fn read_faults(path: &Path) -> Result<Faults> {
    let presets = || format!("a preset is one of {}", PRESETS.join(", "));
    let text =
        std::fs::read(path).map_err(|error| Error::told(format!("{}: {error}", path.display())).hint(presets()))?;
    Faults::parse(&text).map_err(|error| Error::told(format!("{}: {error}", path.display())).hint(presets()))
}

fn show(app: &App) {
    let running = local_cloud::status(&app.local_settings(0.0).run_dir);
    if app.global.json {
        print_json(&match &running {
            Some(running) => json!({
                "running": true,
                "endpoint": running.endpoint,
                "pid": running.pid,
                "instance": running.instance,
                "time_scale": running.time_scale,
            }),
            None => json!({ "running": false, "endpoint": null, "pid": null }),
        });
        return;
    }
    match running {
        Some(running) => {
            data(format_args!("The local cloud answers at {} (process {}).", running.endpoint, running.pid));
            data(format_args!("Any AWS tool reaches it: AWS_ENDPOINT_URL={} aws ecs list-clusters", running.endpoint));
        }
        None => data("No local cloud is running; commands start it by themselves."),
    }
}
