//! Starts, finds, empties and stops the local cloud's process.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::emulators::Emulator;
use crate::faults::{Faults, Report};
use crate::install::install;
use crate::running::{RunDir, ask, lock_file};
use crate::{Error, Running, Settings};

const START_PATIENCE: Duration = Duration::from_secs(90);
const STOP_PATIENCE: Duration = Duration::from_secs(10);
const STEP: Duration = Duration::from_millis(25);

/// Starts a local cloud in the background and waits until it answers; one that runs already with the same settings is returned as it is.
///
/// `program` with `args` must come to call [`serve`](crate::serve) with the same settings. Of two callers at once, one starts and both
/// get the same local cloud. `progress` hears what takes long: the installation of the emulators at the first start.
///
/// # Errors
/// When Python or the package index is missing, when one runs with other settings, or when the process does not come up.
pub async fn start(
    settings: &Settings,
    program: &Path,
    args: &[String],
    progress: impl Fn(&str),
) -> Result<Running, Error> {
    let run_dir = RunDir::create(&settings.run_dir)?;
    if let Some(running) = same(settings)? {
        return Ok(running);
    }
    install_both(settings, &progress).await?;
    let lock_path = run_dir.control_lock();
    let lock = lock_file(&lock_path)?;
    let _held = blocking(move || lock.lock().map(|()| lock)).await?.map_err(Error::at(&lock_path))?;
    if let Some(running) = same(settings)? {
        return Ok(running);
    }
    if run_dir.is_served() {
        // It holds its lock and does not answer: it may still be starting (run by hand), or hang.
        if let Some(running) = wait_until_served(settings, None).await? {
            return Ok(running);
        }
        return Err(Error::AlreadyRunning { run_dir: run_dir.0 });
    }
    progress("Starting the local cloud");
    let log_path = run_dir.log();
    let log = std::fs::File::create(&log_path).map_err(Error::at(&log_path))?;
    let errors = log.try_clone().map_err(Error::at(&log_path))?;
    let mut command = std::process::Command::new(program);
    // A group of its own: Ctrl-C in the caller's terminal does not reach it.
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child =
        command.args(args).stdin(Stdio::null()).stdout(log).stderr(errors).spawn().map_err(Error::at(program))?;
    match wait_until_served(settings, Some(&mut child)).await {
        Ok(Some(running)) => Ok(running),
        Ok(None) => {
            let _ = child.kill();
            let _ = child.wait();
            Err(Error::Start { detail: "it was not ready in time".into(), log: log_path })
        }
        Err(error) => Err(error),
    }
}

/// The local cloud that runs in a run directory and answers.
#[must_use]
pub fn status(run_dir: &Path) -> Option<Running> {
    let running = RunDir(run_dir.to_owned()).read()?;
    running.answers().then_some(running)
}

/// Ends the local cloud and its emulators; all resources in it are gone. Returns whether there was one.
///
/// # Errors
/// When the process cannot be ended.
pub async fn stop(run_dir: &Path) -> Result<bool, Error> {
    if !run_dir.is_dir() {
        return Ok(false);
    }
    let run_dir = RunDir::create(run_dir)?;
    if !run_dir.is_served() {
        if let Some(dead) = run_dir.read() {
            run_dir.forget(&dead.instance);
        }
        return Ok(false);
    }
    // The lock is held, so the record's process is the serving one and not a stranger with its number. One that is just
    // starting writes its record soon.
    let until = Instant::now() + START_PATIENCE;
    let mut record = run_dir.read();
    while record.is_none() && run_dir.is_served() && Instant::now() < until {
        tokio::time::sleep(STEP).await;
        record = run_dir.read();
    }
    let Some(running) = record else { return Ok(false) };
    let Some(pid) = i32::try_from(running.pid).ok().and_then(rustix::process::Pid::from_raw) else {
        return Ok(false);
    };
    for signal in [rustix::process::Signal::TERM, rustix::process::Signal::KILL] {
        if rustix::process::kill_process(pid, signal).is_err() && !run_dir.is_served() {
            break;
        }
        let until = Instant::now() + STOP_PATIENCE;
        while run_dir.is_served() && Instant::now() < until {
            tokio::time::sleep(STEP).await;
        }
        if !run_dir.is_served() {
            break;
        }
    }
    run_dir.forget(&running.instance);
    Ok(true)
}

/// Empties all emulators and the front's own memory; the local cloud gets a new instance id.
///
/// # Errors
/// When none runs, or it does not answer.
pub async fn reset(run_dir: &Path) -> Result<(), Error> {
    request(run_dir, "POST", "/_groundplan/reset", String::new()).await.map(drop)
}

/// Sets which calls go wrong, in place of what was set before; None: none do. Counts begin anew, and what earlier faults held up or hid
/// goes on.
///
/// # Errors
/// When none runs, or it does not take the document.
pub async fn set_faults(run_dir: &Path, faults: Option<&Faults>) -> Result<(), Error> {
    let (method, body) = match faults {
        Some(faults) => ("PUT", serde_json::to_string(faults).map_err(std::io::Error::other)?),
        None => ("DELETE", String::new()),
    };
    request(run_dir, method, "/_groundplan/faults", body).await.map(drop)
}

/// Which calls go wrong, and how many did so far.
///
/// # Errors
/// When none runs, or it does not answer.
pub async fn injected(run_dir: &Path) -> Result<Report, Error> {
    let text = request(run_dir, "GET", "/_groundplan/faults", String::new()).await?;
    Ok(serde_json::from_str(&text).map_err(std::io::Error::other)?)
}

/// One request to the interface of the local cloud that runs in a run directory: the body of its answer.
async fn request(run_dir: &Path, method: &'static str, path: &'static str, body: String) -> Result<String, Error> {
    let run_dir = run_dir.to_owned();
    blocking(move || {
        let running = status(&run_dir).ok_or(Error::NotRunning { run_dir })?;
        let endpoint = running.endpoint.clone();
        let unreachable = |detail: String| Error::Unreachable { endpoint, detail };
        let Some(port) = running.port() else {
            return Err(unreachable("no port".into()));
        };
        match ask(port, method, path, &body, Duration::from_secs(60)) {
            Ok((200, body)) => Ok(body),
            Ok((status, body)) => Err(unreachable(format!("{status}: {body}"))),
            Err(error) => Err(unreachable(error.to_string())),
        }
    })
    .await?
}

/// Installs what is missing, both at once.
async fn install_both(settings: &Settings, progress: &impl Fn(&str)) -> Result<(), Error> {
    let (said, mut heard) = tokio::sync::mpsc::unbounded_channel::<String>();
    let tasks: Vec<_> = [Emulator::Moto, Emulator::Ministack]
        .map(|emulator| {
            let (dir, said) = (settings.emulators_dir.clone(), said.clone());
            tokio::task::spawn_blocking(move || {
                install(emulator.package(), &dir, &|text| {
                    let _ = said.send(text.to_owned());
                })
            })
        })
        .into();
    drop(said);
    while let Some(text) = heard.recv().await {
        progress(&text);
    }
    for task in tasks {
        task.await.map_err(std::io::Error::other)??;
    }
    Ok(())
}

/// The running one if it fits the settings.
fn same(settings: &Settings) -> Result<Option<Running>, Error> {
    let Some(running) = status(&settings.run_dir) else {
        return Ok(None);
    };
    let other = |running: String, wanted: String| Err(Error::OtherSettings { running, wanted });
    #[expect(clippy::float_cmp, reason = "both are what the user wrote, not results of arithmetic")]
    if running.time_scale != settings.time_scale {
        return other(format!("time scale {}", running.time_scale), format!("time scale {}", settings.time_scale));
    }
    match (settings.port, running.port()) {
        (Some(wanted), Some(port)) if wanted != port => other(format!("port {port}"), format!("port {wanted}")),
        _ => Ok(Some(running)),
    }
}

async fn wait_until_served(
    settings: &Settings,
    mut child: Option<&mut std::process::Child>,
) -> Result<Option<Running>, Error> {
    let until = Instant::now() + START_PATIENCE;
    while Instant::now() < until {
        if let Some(running) = same(settings)? {
            return Ok(Some(running));
        }
        if let Some(child) = child.as_deref_mut()
            && let Some(ended) = child.try_wait()?
        {
            let log = RunDir(settings.run_dir.clone()).log();
            return Err(Error::Start { detail: last_line(&log).unwrap_or_else(|| ended.to_string()), log });
        }
        tokio::time::sleep(STEP).await;
    }
    Ok(None)
}

fn last_line(log: &Path) -> Option<String> {
    let text = std::fs::read_to_string(log).ok()?;
    text.lines().rfind(|line| !line.trim().is_empty()).map(str::to_owned)
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::System(std::io::Error::other(error)))
}
