//! The wish to stop, as every part hears it.

use tokio::sync::watch;

/// Says that the gateway shall stop.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// Hears that the gateway shall stop.
#[derive(Clone, Debug)]
pub struct Stop(watch::Receiver<bool>);

/// The two ends of one wish.
#[must_use]
pub fn stop() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    /// Everybody shall stop.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Waits until the gateway shall stop; also when nobody is left to say so.
    pub async fn asked(&mut self) {
        // An error means that the other end is gone.
        let _ = self.0.wait_for(|stop| *stop).await;
    }

    /// Whether the gateway shall stop.
    #[must_use]
    pub fn is_asked(&self) -> bool {
        *self.0.borrow()
    }
}

/// Completes on SIGTERM or SIGINT.
///
/// # Errors
/// When the signals cannot be caught.
pub async fn signal() -> std::io::Result<&'static str> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    })
}
