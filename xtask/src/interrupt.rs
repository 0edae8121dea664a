//! Ctrl-C: once to finish what is under way, twice to stop now. Both lose nothing. Once nothing is changed any more, once ends
//! the command.

use std::sync::atomic::{AtomicBool, Ordering};

use engine::apply::Interrupt;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, watch};

/// Whether all that changes anything is over.
static OVER: AtomicBool = AtomicBool::new(false);
/// Told of what comes after that, or after the second.
static CUT_OFF: Notify = Notify::const_new();

/// Listens for interrupts from now on: Ctrl-C, a CI job that is cancelled, a terminal that is closed.
pub fn listen() -> watch::Receiver<Interrupt> {
    let (sender, receiver) = watch::channel(Interrupt::None);
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    // Registered here and once: none that comes between two waits is missed. Where that is refused they kill, and the
    // next run finds out what became of what was under way.
    if let [Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)] = kinds.map(signal) {
        tokio::spawn(async move {
            let mut levels = [Interrupt::Finish, Interrupt::Now].into_iter();
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = hangup.recv() => {}
                }
                match levels.next().filter(|_| !OVER.load(Ordering::SeqCst)) {
                    Some(level) => drop(sender.send_replace(level)),
                    None => CUT_OFF.notify_one(),
                }
            }
        });
    }
    receiver
}

/// From here on the command only looks and tells.
pub fn over() {
    OVER.store(true, Ordering::SeqCst);
}

/// Ends when the command shall end at once.
pub async fn cut_off() {
    CUT_OFF.notified().await;
}
