//! Telegrams as they come, for those who watch: server-sent events.
//!
//! A browser gets a few telegrams at a time and how many were left out, so that a line of any speed can be watched. What
//! waits for it is bounded; whoever takes nothing is let go, not waited for.

use super::{Page, api};
use crate::telemetry::{Progress, Telegram};
use bytes::Bytes;
use esh_core::json::Json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast::{self, error::TryRecvError};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval};

/// The most who watch at once.
pub(super) const LIVES: usize = 16;
/// How often there is something new, and the telegrams told each time.
const TICK: Duration = Duration::from_millis(250);
const AT_A_TIME: usize = 8;
/// A status every so many times: it shows, too, that the connection lives.
const STATUS: u32 = 8;
/// How long a stream lasts. Then the browser is asked to begin anew, and shows again that it may look.
const LIFE: Duration = Duration::from_secs(600);

impl Page {
    /// A stream of events; `None` when too many watch. Every piece that is taken is told to `progress`.
    pub(crate) fn live(self: &Arc<Self>, progress: Progress) -> Option<mpsc::Receiver<Bytes>> {
        let place = Arc::clone(&self.lives).try_acquire_owned().ok()?;
        // What waits here, what the connection buffers and what the system does: nothing else waits for a browser.
        let (sender, receiver) = mpsc::channel(1);
        let telegrams = self.view.counts.line.recent.watch();
        tokio::spawn(tell(Arc::clone(self), place, telegrams, sender, progress));
        Some(receiver)
    }
}

/// Tells until nobody listens any more or the stream has lasted long enough.
async fn tell(
    page: Arc<Page>,
    _place: OwnedSemaphorePermit,
    mut telegrams: broadcast::Receiver<Telegram>,
    sender: mpsc::Sender<Bytes>,
    progress: Progress,
) {
    let end = Instant::now() + LIFE;
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut ticked = 0;
    while Instant::now() < end {
        tokio::select! {
            _ = ticks.tick() => {}
            () = sender.closed() => return,
        }
        let mut text = Vec::new();
        if ticked % STATUS == 0 {
            let page = Arc::clone(&page);
            let Ok(status) = tokio::task::spawn_blocking(move || page.status()).await else { return };
            event("status", &mut text, |text| text.extend_from_slice(&status));
        }
        ticked += 1;
        newest(&mut telegrams, &mut text);
        if text.is_empty() {
            continue;
        }
        if sender.send(text.into()).await.is_err() {
            return;
        }
        progress.made();
    }
    let mut text = Vec::new();
    event("again", &mut text, |text| Json::new(text).null());
    // Whoever has left does not begin anew.
    let _ = sender.send(text.into()).await;
}

/// Takes a few telegrams, and passes over the rest.
fn newest(telegrams: &mut broadcast::Receiver<Telegram>, text: &mut Vec<u8>) {
    let (mut told, mut more) = (0, 0);
    while told < AT_A_TIME {
        match telegrams.try_recv() {
            Ok(telegram) => {
                event("telegram", text, |text| api::write(&telegram, &mut Json::new(text)));
                told += 1;
            }
            Err(TryRecvError::Lagged(missed)) => more += missed,
            Err(TryRecvError::Empty | TryRecvError::Closed) => break,
        }
    }
    more += telegrams.len() as u64;
    if !telegrams.is_empty() {
        *telegrams = telegrams.resubscribe();
    }
    if more > 0 {
        event("more", text, |text| Json::new(text).number(more));
    }
}

/// An event whose data is JSON, which has no line ends.
fn event(name: &str, text: &mut Vec<u8>, data: impl FnOnce(&mut Vec<u8>)) {
    text.extend_from_slice(b"event: ");
    text.extend_from_slice(name.as_bytes());
    text.extend_from_slice(b"\ndata: ");
    data(text);
    text.extend_from_slice(b"\n\n");
}
