//! Ctrl-C: once to finish what is under way, twice to stop now. Both lose nothing.

use engine::apply::Interrupt;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// Listens for interrupts from now on: Ctrl-C, a CI job that is cancelled, a terminal that is closed.
pub fn listen() -> watch::Receiver<Interrupt> {
    let (sender, receiver) = watch::channel(Interrupt::None);
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    // Registered here and once: none that comes between two waits is missed. Where that is refused they kill, and the
    // next run finds out what became of what was under way.
    if let [Ok(mut interrupt), Ok(mut terminate), Ok(mut hangup)] = kinds.map(signal) {
        tokio::spawn(async move {
            for level in [Interrupt::Finish, Interrupt::Now] {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = hangup.recv() => {}
                }
                sender.send_replace(level);
            }
        });
    }
    receiver
}
