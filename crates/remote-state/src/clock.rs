//! Time: the server's, told by its answers, and this machine's, which is compared with itself only.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use aws_sdk_s3::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};

/// A moment of this machine.
///
/// [`Instant`] stands still while a laptop sleeps, and the wall clock can be set back: the longer of both counts, so that
/// time never seems shorter than it was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    instant: Instant,
    wall: SystemTime,
}

impl Moment {
    pub(crate) fn now() -> Self {
        Self { instant: Instant::now(), wall: SystemTime::now() }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.instant.elapsed().max(self.wall.elapsed().unwrap_or_default())
    }
}

/// The time that a server's answers carry in their `Date`, as seconds of the Unix epoch; whole seconds, rounded down.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServerClock(Arc<Mutex<Option<(i64, Moment)>>>);

impl ServerClock {
    /// The server's time now, never later than it is: for judging another's lease. `None`: no answer told it yet.
    pub(crate) fn now(&self) -> Option<i64> {
        self.told().map(|(seconds, since)| seconds.saturating_add_unsigned(since.instant.elapsed().as_secs()))
    }

    /// The server's time now, never earlier than it is: for saying when one's own lease ends.
    pub(crate) fn latest(&self) -> Option<i64> {
        self.told().map(|(seconds, since)| seconds.saturating_add_unsigned(since.elapsed().as_secs() + 2))
    }

    fn told(&self) -> Option<(i64, Moment)> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for ServerClock {
    fn name(&self) -> &'static str {
        "ServerClock"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        if let Some(date) = date.and_then(|date| DateTime::from_str(date, DateTimeFormat::HttpDate).ok()) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((date.secs(), Moment::now()));
        }
        Ok(())
    }
}

/// A name that nobody else has.
pub(crate) fn unique() -> String {
    let mut bytes = [0; 16];
    if getrandom::fill(&mut bytes).is_err() {
        // No source of randomness: time and process are the next best.
        let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
        bytes = (time ^ (u128::from(std::process::id()) << 96)).to_be_bytes();
    }
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
