//! What commands share: the workspace, the environment asked for, the cloud, the state.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cloud::{Cloud, Target};
use engine::event::Events;
use engine::session::{Declared, Purpose, SessionError};
use engine::store::{FileStore, Lock};
use engine::{Catalogue, Finding, Graph, Session, Surroundings};
use environment::Loaded;

use crate::cli::{CloudName, Global};
use crate::display::talk;
use crate::error::{About, Error, Result};

/// The workspace and what was said on the command line for every command.
pub struct App {
    /// The directory that holds `environments/`.
    pub root: PathBuf,
    /// Where Groundplan writes: `.groundplan/`.
    pub home: PathBuf,
    /// What every command takes.
    pub global: Global,
}

/// A cloud that was reached.
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
        Ok(Self { root, home, global })
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

    /// Reaches the cloud asked for, and refuses a wrong account before anything else.
    pub async fn connect(&self, region: &str, account: Option<&str>) -> Result<Place> {
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

    /// Where the state of an environment is kept.
    pub fn state_dir(&self, environment: &str) -> PathBuf {
        let cloud = if self.global.cloud == CloudName::Local { "local" } else { "aws" };
        self.home.join(cloud).join(environment)
    }

    /// Takes the lock of an environment.
    pub fn lock(&self, environment: &str, command: &str) -> Result<Lock> {
        Ok(Lock::take(&self.state_dir(environment), command)?)
    }

    /// What every operation shares.
    pub fn surroundings(&self, environment: &str, place: &Place) -> Surroundings {
        Surroundings {
            environment: environment.into(),
            catalogue: Arc::new(environment::catalogue()),
            services: Arc::new(place.cloud.clone()),
            time_scale: place.time_scale,
        }
    }

    /// Opens the state of an environment. State of a local cloud that is no more can be dropped.
    pub async fn session(&self, environment: &str, place: &Place, events: Events, purpose: Purpose) -> Result<Session> {
        let dir = self.state_dir(environment);
        let open = || {
            let store = Arc::new(FileStore::new(&dir));
            Session::open(store, self.surroundings(environment, place), &place.id, events.clone(), purpose)
        };
        let session = match open().await {
            Err(SessionError::OtherCloud { .. }) if self.global.cloud == CloudName::Local => {
                self.start_afresh(environment, &dir)?;
                open().await?
            }
            other => other?,
        };
        if let Some(lost) = &session.lost {
            talk(format_args!(
                "the journal was cut off at its end ({lost}); what became of that operation was found out"
            ));
        }
        Ok(session)
    }

    /// The local cloud keeps nothing over a restart: what the state names is gone.
    fn start_afresh(&self, environment: &str, dir: &Path) -> Result<()> {
        talk(format_args!("the local cloud was restarted: the resources of {environment} on it are gone"));
        if !self.confirm("Start afresh with an empty state?")? {
            return Err(Error::told("nothing was done"));
        }
        for file in std::fs::read_dir(dir).about(dir)?.flatten() {
            let name = file.file_name();
            let name = name.to_string_lossy();
            if name == "state.json" || name.starts_with("journal-") {
                std::fs::remove_file(file.path()).about(&file.path())?;
            }
        }
        Ok(())
    }

    /// Asks a person to type the environment's name: consent to what cannot be undone. `--yes` is not enough.
    pub fn type_name(&self, name: &str) -> Result<bool> {
        use std::io::{BufRead, IsTerminal, Write};
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            return Err(Error::told("protected resources would be destroyed, and nobody is here to consent")
                .hint("consent with --lift-protection"));
        }
        let mut err = anstream::stderr();
        write!(err, "To lift the protection and destroy them, type {name}: ")?;
        err.flush()?;
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer)?;
        Ok(answer.trim() == name)
    }

    /// Asks a person. Elsewhere than on a terminal, only `--yes` is an answer.
    pub fn confirm(&self, question: &str) -> Result<bool> {
        use std::io::{BufRead, IsTerminal, Write};
        if self.global.yes {
            return Ok(true);
        }
        if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
            return Err(Error::told(format!("{question} Nobody is here to answer")).hint("say yes with --yes"));
        }
        let mut err = anstream::stderr();
        write!(err, "{question} [y/N] ")?;
        err.flush()?;
        let mut answer = String::new();
        std::io::stdin().lock().read_line(&mut answer)?;
        Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
    }
}

/// Whether a name has two plain parts, so that it names no directory elsewhere.
fn is_plain(name: &str) -> bool {
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
