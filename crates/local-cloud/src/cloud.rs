//! What the layers share: the emulators, the connections to them, the record, and the simulated world.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use axum::body::Body;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};

use crate::emulators::{Emulator, Process};
use crate::faults;
use crate::record::Record;
use crate::repairs::{Tags, Tokens};
use crate::rollouts::Rollouts;
use crate::time::Lifecycles;
use crate::trail::Trail;

/// A running local cloud, seen from inside.
pub(crate) struct Cloud {
    pub client: Client<HttpConnector, Body>,
    pub record: Record,
    pub log: PathBuf,
    /// When it started, as text.
    pub started: String,
    pub time_scale: f64,
    pub clock: Clock,
    moto: Process,
    ministack: Process,
    instance: RwLock<String>,
    lifecycles: Mutex<Lifecycles>,
    rollouts: Mutex<Rollouts>,
    tags: Mutex<Tags>,
    tokens: Mutex<Tokens>,
    faults: Mutex<faults::State>,
    trail: Mutex<Trail>,
    /// Held while a call with a client token is under way.
    pub token_turn: tokio::sync::Mutex<()>,
}

/// Seconds since the local cloud started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(std::time::Instant);

impl Clock {
    pub fn now(self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

impl Cloud {
    pub fn new(moto: Process, ministack: Process, record: Record, log: PathBuf, time_scale: f64) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(120))
            .build(connector);
        Self {
            client,
            record,
            log,
            started: jiff::Timestamp::now().to_string(),
            time_scale,
            clock: Clock(std::time::Instant::now()),
            moto,
            ministack,
            instance: RwLock::new(random_id()),
            lifecycles: Mutex::default(),
            rollouts: Mutex::default(),
            tags: Mutex::default(),
            tokens: Mutex::default(),
            faults: Mutex::default(),
            trail: Mutex::default(),
            token_turn: tokio::sync::Mutex::default(),
        }
    }

    pub fn emulator(&self, emulator: Emulator) -> &Process {
        match emulator {
            Emulator::Moto => &self.moto,
            Emulator::Ministack => &self.ministack,
        }
    }

    pub fn emulator_port(&self, emulator: Emulator) -> u16 {
        self.emulator(emulator).port
    }

    pub fn instance(&self) -> String {
        self.instance.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn lifecycles(&self) -> MutexGuard<'_, Lifecycles> {
        self.lifecycles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn rollouts(&self) -> MutexGuard<'_, Rollouts> {
        self.rollouts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn tags(&self) -> MutexGuard<'_, Tags> {
        self.tags.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn tokens(&self) -> MutexGuard<'_, Tokens> {
        self.tokens.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn trail(&self) -> MutexGuard<'_, Trail> {
        self.trail.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn faults(&self) -> MutexGuard<'_, faults::State> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets everything of its own and becomes another instance.
    pub fn renew(&self) {
        *self.lifecycles() = Lifecycles::default();
        *self.rollouts() = Rollouts::default();
        *self.tags() = Tags::default();
        *self.tokens() = Tokens::default();
        *self.faults() = faults::State::default();
        *self.trail() = Trail::default();
        self.record.reset();
        *self.instance.write().unwrap_or_else(PoisonError::into_inner) = random_id();
    }
}

/// 16 random bytes in hexadecimal.
pub(crate) fn random_id() -> String {
    let mut bytes = [0_u8; 16];
    if getrandom::fill(&mut bytes).is_err() {
        // Without a random source the time still tells two instances apart.
        bytes = jiff::Timestamp::now().as_nanosecond().to_be_bytes();
    }
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}
