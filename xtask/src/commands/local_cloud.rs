//! `local-cloud`: the AWS emulator, by hand.

use serde_json::json;

use crate::app::{App, local_error};
use crate::cli::LocalCloudCommand;
use crate::display::{data, json as print_json};
use crate::error::Result;

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
