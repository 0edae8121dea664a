//! Ctrl-C: once to finish what is under way, twice to stop now. Both lose nothing.

use engine::apply::Interrupt;
use tokio::sync::watch;

/// Listens for interrupts from now on.
pub fn listen() -> watch::Receiver<Interrupt> {
    let (sender, receiver) = watch::channel(Interrupt::None);
    tokio::spawn(async move {
        for level in [Interrupt::Finish, Interrupt::Now] {
            if signal().await.is_err() {
                return;
            }
            sender.send_replace(level);
        }
    });
    receiver
}

/// SIGINT or SIGTERM.
async fn signal() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        result = tokio::signal::ctrl_c() => result,
        _ = terminate.recv() => Ok(()),
    }
}
