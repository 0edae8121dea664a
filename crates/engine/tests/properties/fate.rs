//! What befalls a run: calls that fail, a person's interrupt, the death of the process.

use std::sync::{Mutex, MutexGuard, PoisonError};

use engine::apply::Interrupt;
use engine::{Failure, FailureKind};
use tokio::sync::{Notify, watch};

/// A call that fails once.
#[derive(Clone, Copy, PartialEq)]
pub struct Fault {
    /// The first call that it may strike.
    pub at: u8,
    pub how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The call is refused with this kind of failure and does nothing.
    Refused(FailureKind),
    /// The call is carried out, and the answer lost.
    AnswerLost,
    /// The resource says that it will never be ready.
    NeverReady,
}

/// The process dies: before or after the call, the append or the snapshot that comes at this point.
#[derive(Clone, Copy, PartialEq)]
pub struct Crash {
    pub point: u8,
    /// If the point is an append: how much of it is written, in 255ths; a half line is seen after it.
    pub torn: Option<u8>,
}

/// A person's interrupt at a point.
#[derive(Clone, Copy, PartialEq)]
pub struct Stopped {
    pub point: u8,
    pub how: Interrupt,
}

#[derive(Default)]
struct Inner {
    points: usize,
    calls: usize,
    faults: Vec<Fault>,
    stopped: Option<Stopped>,
    crash: Option<Crash>,
    dead: bool,
    struck: usize,
}

/// Shared by cloud and store, so that points are counted over both.
#[derive(Default)]
pub struct Fate {
    inner: Mutex<Inner>,
    pub died: Notify,
    pub interrupt: watch::Sender<Interrupt>,
}

impl Fate {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Prepares what shall befall the next run.
    pub fn prepare(&self, faults: &[Fault], stopped: Option<Stopped>, crash: Option<Crash>) {
        *self.inner() = Inner { faults: faults.to_vec(), stopped, crash, ..Inner::default() };
        self.interrupt.send_replace(Interrupt::None);
    }

    /// How many faults have struck, and whether the process died.
    pub fn befallen(&self) -> (usize, bool) {
        let inner = self.inner();
        (inner.struck, inner.dead)
    }

    /// A point at which the process may die. A dead process does nothing more: the future never ends.
    pub async fn point(&self) {
        if self.reached() {
            std::future::pending::<()>().await;
        }
    }

    /// Counts a point; whether the process is dead.
    pub fn reached(&self) -> bool {
        let mut inner = self.inner();
        if inner.dead {
            return true;
        }
        inner.points += 1;
        let points = inner.points;
        if let Some(stopped) = inner.stopped.filter(|stopped| usize::from(stopped.point) == points) {
            self.interrupt.send_replace(stopped.how);
        }
        if inner.crash.is_some_and(|crash| usize::from(crash.point) == points) {
            inner.dead = true;
            self.died.notify_one();
        }
        inner.dead
    }

    /// How much of an append is still written by a process that dies in it, in 255ths.
    pub fn torn(&self) -> Option<u8> {
        self.inner().crash.and_then(|crash| crash.torn)
    }

    /// The failure that strikes this call, if one does.
    pub fn fault(&self, what: &str) -> Option<How> {
        let mut inner = self.inner();
        inner.calls += 1;
        let calls = inner.calls;
        let fits = |fault: &Fault| {
            usize::from(fault.at) < calls
                && match fault.how {
                    How::NeverReady => what == "ready",
                    How::AnswerLost => matches!(what, "create" | "sync" | "delete"),
                    How::Refused(FailureKind::AlreadyExists) => what == "create",
                    // In a delete it is success, which is the handler's to say.
                    How::Refused(FailureKind::NotFound) => what == "create",
                    How::Refused(FailureKind::InUse) => matches!(what, "delete" | "sync"),
                    How::Refused(_) => true,
                }
        };
        let at = inner.faults.iter().position(fits)?;
        inner.struck += 1;
        Some(inner.faults.remove(at).how)
    }
}

pub fn failure(how: How) -> Failure {
    match how {
        How::Refused(kind) => Failure::new(kind, format!("{kind:?}, as the scenario has it")),
        How::AnswerLost => Failure::new(FailureKind::Unavailable, "connection reset after the request"),
        How::NeverReady => Failure::new(FailureKind::Other, "it will never be ready"),
    }
}

impl std::fmt::Debug for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} from call {}", self.how, self.at)
    }
}

impl std::fmt::Debug for Crash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.torn {
            Some(torn) => write!(f, "at point {} ({torn}/255 of an append written)", self.point),
            None => write!(f, "at point {}", self.point),
        }
    }
}

impl std::fmt::Debug for Stopped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} at point {}", self.how, self.point)
    }
}
