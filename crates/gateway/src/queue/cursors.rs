//! The thread that has the cursors of all sinks on the disk, so that no sink waits for it.

use super::log::Saver;
use super::{Shared, Wish, lock};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tracing::warn;

/// A cursor is saved when it has moved and so long has passed,
const PERIOD: Duration = Duration::from_secs(1);
/// or when it has moved by so many records: what comes twice after a crash.
pub(super) const BEHIND: u64 = 256;
/// It is not saved more often than this, as every time costs a sync.
const PAUSE: Duration = Duration::from_millis(20);

/// Those that have a cursor on the disk. Sinks come and go.
pub(super) type Savers = Arc<Mutex<Vec<Saver>>>;

/// The thread. It saves the cursors a last time when this is dropped.
#[derive(Debug)]
pub(super) struct Cursors {
    shared: Arc<Shared>,
    savers: Savers,
    thread: Option<JoinHandle<()>>,
}

impl Cursors {
    pub(super) fn start(shared: &Arc<Shared>, savers: Vec<Saver>) -> std::io::Result<Self> {
        let savers = Arc::new(Mutex::new(savers));
        let of_thread = (Arc::clone(shared), Arc::clone(&savers));
        let run = move || run(&of_thread.0, &of_thread.1);
        let thread = std::thread::Builder::new().name("cursors".to_owned()).spawn(run)?;
        Ok(Self { shared: Arc::clone(shared), savers, thread: Some(thread) })
    }

    /// Those that it calls, for more of them.
    pub(super) fn savers(&self) -> Savers {
        Arc::clone(&self.savers)
    }
}

impl Drop for Cursors {
    fn drop(&mut self) {
        self.shared.wish(Wish::End);
        if let Some(thread) = self.thread.take() {
            // It does not panic; and if it did, there would be nothing to be done about it here.
            let _ = thread.join();
        }
    }
}

fn run(shared: &Shared, savers: &Mutex<Vec<Saver>>) {
    let mut warned: Option<Instant> = None;
    loop {
        let wish = {
            let wish = lock(&shared.wish);
            let waited = shared.wished.wait_timeout_while(wish, PERIOD, |wish| *wish == Wish::None);
            let (mut wish, _) = waited.unwrap_or_else(std::sync::PoisonError::into_inner);
            let wished = *wish;
            if wished == Wish::Save {
                *wish = Wish::None;
            }
            wished
        };
        for saver in lock(savers).iter_mut() {
            if let Err(error) = saver.save()
                && warned.is_none_or(|at| at.elapsed() > Duration::from_secs(60))
            {
                warn!(%error, "the cursor of a sink cannot be saved: after a crash more would be delivered twice");
                warned = Some(Instant::now());
            }
        }
        shared.room.notify_all();
        if wish == Wish::End {
            return;
        }
        // An end is not slept through for long.
        std::thread::sleep(PAUSE);
    }
}
