//! What commands share: the workspace, the environment asked for, the cloud, the state.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};
use std::time::Duration;

use cloud::{Cloud, Target};
use engine::session::Declared;
use engine::{Catalogue, Finding, Graph, State, Surroundings};
use environment::{Loaded, Settings, StateCloud};
use remote_state::Gate;
use tokio::sync::{Mutex, OnceCell};

use crate::cli::{CloudName, Global};
use crate::display::error::warn;
use crate::display::talk;
use crate::error::{Error, Result};
use crate::state_home::{At, Held, Remote, StateHome, is_known, remembered};
use crate::tagged;

/// The workspace and what was said on the command line for every command.
pub struct App {
    /// The directory that holds `environments/`.
    pub root: PathBuf,
    /// Where Groundplan writes: `.groundplan/`.
    pub home: PathBuf,
    /// What every command takes.
    pub global: Global,
    /// The cloud, once it was reached.
    place: OnceCell<Place>,
    /// Where the state is, once that was asked.
    state_home: OnceCell<StateHome>,
    /// The lock, from when it is taken to the end of the command.
    held: Mutex<Option<(Held, String)>>,
    /// That the environment's file has errors is told once.
    told: Once,
}

/// A cloud that was reached.
#[derive(Clone)]
pub struct Place {
    /// The connection.
    pub cloud: Arc<Cloud>,
    /// Which cloud it is: an account, or an instance of the local cloud.
    pub id: String,
    /// The account.
    pub account: String,
    /// How long things take there: 1 on AWS.
    pub time_scale: f64,
}

/// The account of the local cloud.
const LOCAL_ACCOUNT: &str = "123456789012";

impl App {
    /// Finds the workspace from the current directory upwards.
    pub fn new(global: Global) -> Result<Self> {
        let root = match std::env::var_os("GROUNDPLAN_ROOT") {
            Some(root) => PathBuf::from(root),
            None => find_root(&std::env::current_dir()?)?,
        };
        let home = std::env::var_os("GROUNDPLAN_HOME").map_or_else(|| root.join(".groundplan"), PathBuf::from);
        Ok(Self {
            root,
            home,
            global,
            place: OnceCell::new(),
            state_home: OnceCell::new(),
            held: Mutex::default(),
            told: Once::new(),
        })
    }

    /// The environment asked for, as `system/environment`. What was deployed can be named after its file is gone.
    pub fn environment(&self) -> Result<String> {
        match environment::choose(&self.root, self.global.env.as_deref()) {
            Ok(file) => Ok(file.name),
            Err(findings) => match &self.global.env {
                Some(name) if is_plain(name) && self.state_dir(name).is_dir() => Ok(name.clone()),
                _ => Err(Error::Findings(findings)),
            },
        }
    }

    /// Loads the environment asked for. Errors end the command; warnings are for `plan` and `validate`.
    pub fn load(&self) -> Result<Loaded> {
        environment::load(&self.root, self.global.env.as_deref()).map_err(Error::Findings)
    }

    /// The graph of a loaded environment.
    pub fn graph(&self, loaded: &Loaded, catalogue: &Catalogue) -> Result<Graph> {
        Graph::build(loaded.nodes.clone(), catalogue).map_err(|findings| located(findings, loaded))
    }

    /// The settings of the local cloud.
    pub fn local_settings(&self, time_scale: f64) -> local_cloud::Settings {
        let emulators_dir =
            std::env::var_os("GROUNDPLAN_EMULATORS").map_or_else(|| self.home.join("emulators"), PathBuf::from);
        local_cloud::Settings { run_dir: self.home.join("local-cloud"), emulators_dir, time_scale, port: None }
    }

    /// Starts the local cloud if it does not run.
    pub async fn start_local_cloud(&self, time_scale: f64) -> Result<local_cloud::Running> {
        engine::store::file::private_dir(&self.home)?;
        let settings = self.local_settings(time_scale);
        let program = std::env::current_exe()?;
        let path = |path: &Path| path.to_string_lossy().into_owned();
        let args: Vec<String> = [
            "local-cloud",
            "serve",
            "--run-dir",
            &path(&settings.run_dir),
            "--emulators-dir",
            &path(&settings.emulators_dir),
            "--time-scale",
            &time_scale.to_string(),
        ]
        .map(str::to_owned)
        .to_vec();
        let quiet = self.global.json;
        let progress = move |what: &str| {
            if !quiet {
                talk(format_args!("local cloud: {what}"));
            }
        };
        local_cloud::start(&settings, &program, &args, progress).await.map_err(local_error)
    }

    /// Reaches the cloud asked for, once, and refuses a wrong account before anything else.
    pub async fn connect(&self, region: &str, account: Option<&str>) -> Result<Place> {
        let place = self.place.get_or_try_init(|| self.reach(region, account)).await?;
        if let (CloudName::Aws, Some(account)) = (self.global.cloud, account) {
            place.cloud.guard(region, account).await?;
        }
        Ok(place.clone())
    }

    async fn reach(&self, region: &str, account: Option<&str>) -> Result<Place> {
        match self.global.cloud {
            CloudName::Local => {
                let running = match local_cloud::status(&self.local_settings(0.0).run_dir) {
                    Some(running) => running,
                    None => self.start_local_cloud(0.0).await?,
                };
                Ok(Place {
                    cloud: Arc::new(Cloud::connect(&Target::Local(running.endpoint)).await),
                    id: format!("local cloud {}", running.instance),
                    account: LOCAL_ACCOUNT.to_owned(),
                    time_scale: running.time_scale,
                })
            }
            CloudName::Aws => {
                let cloud = Cloud::connect(&Target::Aws).await;
                let actual = match account {
                    Some(account) => cloud.guard(region, account).await.map(|()| account.to_owned())?,
                    None => cloud.account(region).await?,
                };
                let id = format!("AWS account {actual}");
                Ok(Place { cloud: Arc::new(cloud), id, account: actual, time_scale: 1.0 })
            }
        }
    }

    /// Reaches the cloud of an environment whose file may be gone.
    pub async fn connect_for(&self, environment: &str) -> Result<Place> {
        let (region, account) = self.region_and_account(environment)?;
        self.connect(&region, account.as_deref()).await
    }

    /// The region and the account of an environment: by its file; where that is gone, as last known.
    pub fn region_and_account(&self, environment: &str) -> Result<(String, Option<String>)> {
        if let Some(settings) = self.settings(environment)? {
            return Ok((settings.region, settings.account));
        }
        match remembered(&self.state_dir(environment)) {
            Some(remote) => Ok((remote.place.region, Some(remote.account))),
            None => Ok((tagged::GLOBAL.to_owned(), None)),
        }
    }

    /// What an environment's file says. `None`: it is gone, or has errors while it is known here where its state is.
    fn settings(&self, environment: &str) -> Result<Option<Settings>> {
        let findings = match environment::load(&self.root, Some(environment)) {
            Ok(loaded) => return Ok(Some(loaded.settings)),
            Err(findings) => findings,
        };
        let dir = self.state_dir(environment);
        let gone = environment::choose(&self.root, Some(environment)).is_err();
        if gone && dir.is_dir() {
            return Ok(None);
        }
        if gone || !is_known(&dir) {
            return Err(Error::Findings(findings));
        }
        let told = format!("the file of {environment} has errors: taken is where its state was last");
        let first = findings.first().map(|found| found.finding.message.clone()).unwrap_or_default();
        self.told.call_once(|| warn(&Error::told(told).detail(first).hint("cargo xtask validate")));
        Ok(None)
    }

    /// Where this machine keeps what belongs to an environment on this cloud.
    pub fn state_dir(&self, environment: &str) -> PathBuf {
        self.home.join(self.cloud_name()).join(environment)
    }

    /// `aws` or `local`: state of the two never mixes.
    pub fn cloud_name(&self) -> &'static str {
        if self.global.cloud == CloudName::Local { "local" } else { "aws" }
    }

    /// Where the state is that an environment's file asks for; without a file, where it was last.
    pub async fn declared_home(&self, environment: &str) -> Result<StateHome> {
        let dir = self.state_dir(environment);
        let Some(settings) = self.settings(environment)? else {
            return self.remembered_home(environment).await.map(|home| home.unwrap_or(StateHome::disk(dir)));
        };
        let here = if self.global.cloud == CloudName::Local { StateCloud::Local } else { StateCloud::Aws };
        let Some(state) = settings.state.filter(|state| state.clouds.contains(&here)) else {
            return Ok(StateHome::disk(dir));
        };
        let place = self.connect(&settings.region, settings.account.as_deref()).await?;
        let region = state.region.as_deref().unwrap_or(&settings.region);
        let cloud = if here == StateCloud::Local { self.cloud_name() } else { "" };
        let remote = Remote {
            place: remote_state::Place::new(&state.bucket(&place.account), region, &[&state.key, cloud, environment]),
            lock_table: state.lock_table,
            account: place.account,
        };
        Ok(StateHome::s3(dir, remote, place.cloud))
    }

    /// The command that holds the lock, and the gate of what it calls and writes.
    pub async fn at_work(&self) -> Option<(String, Option<Gate>)> {
        self.held.lock().await.as_ref().map(|(held, command)| (command.clone(), held.gate()))
    }

    /// The place in S3 that was written last from here, if one was.
    pub async fn remembered_home(&self, environment: &str) -> Result<Option<StateHome>> {
        let dir = self.state_dir(environment);
        let Some(remote) = remembered(&dir) else { return Ok(None) };
        let place = self.connect(&remote.place.region, Some(&remote.account)).await?;
        Ok(Some(StateHome::s3(dir, remote, place.cloud)))
    }

    /// Where the state of an environment is. Refuses if it was elsewhere until now, and is still there.
    pub async fn state_home(&self, environment: &str) -> Result<&StateHome> {
        self.state_home
            .get_or_try_init(|| async {
                let home = self.declared_home(environment).await?;
                self.same_account(environment, &home)?;
                let before = match (self.remembered_home(environment).await?, &home.at) {
                    (Some(before), _) => Some(before),
                    (None, At::S3 { .. }) => Some(StateHome::disk(self.state_dir(environment))),
                    (None, At::Disk) => None,
                };
                let Some(before) = before.filter(|before| !before.is(&home)) else { return Ok(home) };
                if !before.has_state().await? {
                    return Ok(home);
                }
                let (before, here) = (before.place(), home.place());
                let told = match home.has_state().await? {
                    false => format!("the state of {environment} is in {before}, not in {here}"),
                    true => format!("a state of {environment} is in {before}, and one in {here}"),
                };
                let to = if matches!(home.at, At::Disk) { "disk" } else { "s3" };
                Err(Error::told(told).hint(format!("move it: cargo xtask state migrate --to {to}")))
            })
            .await
    }

    /// Refuses another account than that of the state that was written last: what is in it would be nobody's.
    fn same_account(&self, environment: &str, home: &StateHome) -> Result<()> {
        let Some(before) = remembered(&home.dir) else { return Ok(()) };
        let account = match &home.at {
            At::S3 { remote, .. } => Some(remote.account.clone()),
            At::Disk => self.region_and_account(environment)?.1,
        };
        let Some(account) = account.filter(|account| *account != before.account) else { return Ok(()) };
        let told = format!(
            "the state of {environment} was last in {}, in the account {}; now the account is {account}",
            before.place, before.account
        );
        Err(Error::told(told).hint(format!(
            "destroy it there first, with the old account in its file; if nothing of it is there any more: rm {}",
            home.dir.join(crate::state_home::WHERE).display()
        )))
    }

    /// Takes the lock of an environment until the command ends; waits for it as long as `--lock-timeout` says.
    pub async fn lock(&self, environment: &str, command: &str) -> Result<()> {
        let home = self.state_home(environment).await?;
        let held = home.lock(command, self.lock_timeout()).await?;
        *self.held.lock().await = Some((held, command.to_owned()));
        home.remember()
    }

    /// Puts a state in the place of what is there; the lock is held.
    pub async fn replace_state(&self, environment: &str, state: &State) -> Result<()> {
        let home = self.state_home(environment).await?;
        match &*self.held.lock().await {
            Some((held, command)) => home.replace(state, command, held).await,
            None => Err(Error::told("the state is written under its lock only")),
        }
    }

    /// How long to wait for a lock.
    pub fn lock_timeout(&self) -> Duration {
        Duration::from_secs(self.global.lock_timeout)
    }

    /// Lets go of the lock at a command's end. A lock that was lost meanwhile is why the command failed, if it did.
    pub async fn conclude<T>(&self, result: Result<T>) -> Result<T> {
        let Some((held, _)) = self.held.lock().await.take() else { return result };
        let lost = held.lost();
        held.release().await;
        match (result, lost) {
            (Err(error), Some(why)) => Err(lock_lost(error, &why, self.global.json)),
            (result, _) => result,
        }
    }

    /// What every operation shares.
    pub fn surroundings(&self, environment: &str, place: &Place) -> Surroundings {
        Surroundings {
            environment: environment.into(),
            catalogue: Arc::new(environment::catalogue()),
            services: Arc::new(place.cloud.clone()),
            time_scale: place.time_scale,
            // Some calls of a killed run may still be on their way: even on a cloud without time.
            between_looks: Duration::from_secs(2).mul_f64(place.time_scale.clamp(0.05, 1.0)),
        }
    }
}

/// What a command's error means when its lock was lost.
fn lock_lost(error: Error, why: &str, json: bool) -> Error {
    let told =
        Error::told(format!("the lock on the state was lost: {why}; from then on nothing was called or written"));
    let told = match error {
        // What was done and what is left was said: so is the status.
        Error::Exit(status) => {
            crate::display::error::show(&told, json);
            return Error::Exit(status);
        }
        cause => told.because(cause),
    };
    told.hint("the same command again goes on from here, once no other run is at work")
}

/// Whether a name has two plain parts, so that it names no directory elsewhere.
pub fn is_plain(name: &str) -> bool {
    let part = |part: &str| !part.is_empty() && !part.starts_with('.');
    name.split('/').count() == 2 && name.split('/').all(part)
}

/// Findings of the engine, with the places that the environment file knows.
pub fn located(findings: Vec<Finding>, loaded: &Loaded) -> Error {
    Error::Findings(findings.into_iter().map(|finding| loaded.document.located(finding)).collect())
}

/// The values of pseudo parameters.
pub fn pseudo(account: &str, region: &str) -> BTreeMap<String, String> {
    [
        ("AWS::AccountId", account),
        ("AWS::Region", region),
        ("AWS::Partition", "aws"),
        ("AWS::URLSuffix", "amazonaws.com"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}

/// An error of the local cloud.
pub fn local_error(error: local_cloud::Error) -> Error {
    Error::told(error.to_string())
}

fn find_root(start: &Path) -> Result<PathBuf> {
    let has = |dir: &&Path| dir.join("environments").is_dir();
    start.ancestors().find(has).map(Path::to_owned).ok_or_else(|| {
        Error::told("no directory `environments` here or above").hint("run this within a Groundplan workspace")
    })
}

/// What is declared, for a plan of everything that was read.
pub fn declared<'a>(
    graph: &'a Graph,
    loaded: &'a Loaded,
    pseudo: &'a BTreeMap<String, String>,
    selection: &'a engine::plan::Selection,
    refresh: bool,
) -> Declared<'a> {
    Declared { graph, outputs: &loaded.outputs, pseudo, selection, refresh }
}
