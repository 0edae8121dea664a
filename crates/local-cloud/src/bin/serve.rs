//! Runs a local cloud by hand: `local-cloud-serve RUN_DIR EMULATORS_DIR TIME_SCALE [PORT]`. The tests start it as `xtask` starts itself.

use local_cloud::{Settings, serve};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [run_dir, emulators_dir, time_scale, port @ ..] = args.as_slice() else {
        return Err("usage: local-cloud-serve RUN_DIR EMULATORS_DIR TIME_SCALE [PORT]".into());
    };
    let settings = Settings {
        run_dir: run_dir.into(),
        emulators_dir: emulators_dir.into(),
        time_scale: time_scale.parse()?,
        port: port.first().map(|port| port.parse()).transpose()?,
    };
    serve(settings).await?;
    Ok(())
}
