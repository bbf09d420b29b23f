//! The queue between decoding and the sinks: ordered records, each kept on the disk until every sink has confirmed it.
//!
//! ```text
//! the line ── Draft ──▶ Queue ──▶ log (on the disk) ──▶ Reader (a sink) ── confirm ──▶ its cursor
//!  one thread            append, commit                  a task each                    one thread for all
//! ```
//!
//! * A [`Draft`] becomes one entry of the log: the record, what its frame taught and its place in the dedup window are
//!   committed together or not at all. Only committed records can be read, so a source is never told less than a sink.
//! * The line calls [`Queue::append`] and [`Queue::commit`] on a thread of its own: whoever waits for the disk there
//!   holds up no task. Answers go out when [`Queue::commit`] has returned.
//! * What was taught is kept in snapshots, each for everything up to an entry; a start takes the newest and applies the
//!   entries after it ([`Queue::restore`]). The log deletes nothing that no snapshot covers.
//! * What cannot be decoded is parked too ([`parked`]), and tried again when there is another key.
//! * A sink's cursor has the sink's name. A sink whose name is new begins with the oldest record that is still there:
//!   what it gets twice by that has the same id. The cursor of a sink that is no longer configured is dropped.

mod command;
mod config;
mod cursors;
mod entry;
mod known;
mod layouts;
pub mod log;
mod octets;
pub mod parked;
mod reader;
mod restore;
mod state;
mod writer;

pub use command::{Look, LookError, look};
pub use config::{Config, WhenFull};
pub use entry::{Draft, EntryError};
pub use known::{KnownError, known_meters};
pub use layouts::layouts;
pub(crate) use reader::Leave;
pub use reader::{Entry, Reader, Refusal};
pub use restore::{Opened, RestoreError};
pub use state::{SeenFrame, StateWriter};
pub use writer::{Losses, Queue};

use cursors::Cursors;
use log::{Damage, Gauge, LogError};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;

/// The folder of the queue, in that of the gateway.
pub const FOLDER: &str = "queue";

/// The place of a record in the queue. Later records have higher places; a place is never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(u64);

impl Position {
    /// Before the first record.
    pub const START: Self = Self(0);
}

/// Why a record was not taken: what its source is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// There is no room for it now.
    #[error("queue full")]
    Full,
    /// There is never room for it.
    #[error("report larger than the queue takes")]
    TooLarge,
    /// The disk fails.
    #[error("disk failure")]
    Disk,
    /// There are too many of its kind.
    #[error("rate")]
    Rate,
    /// The gateway is stopping.
    #[error("stopping")]
    Closed,
}

/// What `run` keeps of the queue: it ends it, and looks at it.
#[derive(Debug)]
pub struct Handle {
    shared: Arc<Shared>,
    gauge: Gauge,
    sinks: log::Sinks,
    /// Saves the cursors a last time when it goes.
    cursors: Cursors,
}

/// What the ends of the queue share.
#[derive(Debug, Default)]
struct Shared {
    /// Records were committed, or nothing more comes.
    grown: Notify,
    /// Nothing more comes.
    closed: AtomicBool,
    /// Nobody is to wait for room any more.
    abandoned: AtomicBool,
    /// What the cursors' thread waits for, and that it has made room.
    wish: Mutex<Wish>,
    wished: Condvar,
    room: Condvar,
    /// What readers have found damaged and nobody has told yet.
    damage: Mutex<Vec<Damage>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
enum Wish {
    /// Nothing but what is due anyhow.
    #[default]
    None,
    /// The cursors shall be saved.
    Save,
    /// The gateway ends.
    End,
}

impl Handle {
    /// Nothing more comes: readers end when they have read everything.
    pub fn close(&self) {
        self.shared.closed.store(true, Ordering::Release);
        self.shared.grown.notify_waiters();
    }

    /// Nobody shall wait for room any more: what comes is refused.
    pub fn abandon(&self) {
        self.shared.abandoned.store(true, Ordering::Release);
        self.shared.room.notify_all();
    }

    /// What lets sinks come while the gateway runs.
    pub(crate) fn joining(&self) -> Joining {
        Joining { sinks: self.sinks.clone(), savers: self.cursors.savers(), shared: Arc::clone(&self.shared) }
    }

    /// What tells how full it is, also to others.
    #[must_use]
    pub fn gauge(&self) -> Gauge {
        self.gauge.clone()
    }

    /// How many records some sink has not confirmed.
    #[must_use]
    pub fn unconfirmed(&self) -> u64 {
        self.gauge.unconfirmed()
    }
}

/// Lets sinks come while the gateway runs.
#[derive(Clone, Debug)]
pub(crate) struct Joining {
    sinks: log::Sinks,
    savers: cursors::Savers,
    shared: Arc<Shared>,
}

impl Joining {
    /// A reader for another sink. Without a cursor it begins with the oldest record there is. It waits for the disk.
    pub(crate) fn add(&self, sink: &str) -> Result<Reader, LogError> {
        let mut log = self.sinks.add(sink)?;
        lock(&self.savers).extend(log.saver());
        Ok(Reader::new(sink.to_owned(), log, Arc::clone(&self.shared)))
    }
}

impl Shared {
    fn wish(&self, wish: Wish) {
        let mut now = lock(&self.wish);
        *now = (*now).max(wish);
        self.wished.notify_one();
    }

    /// Waits a little for the cursors' thread to make room; `false` when nobody shall wait any more.
    fn wait_for_room(&self) -> bool {
        if self.abandoned.load(Ordering::Acquire) {
            return false;
        }
        self.wish(Wish::Save);
        let now = lock(&self.wish);
        // Whether there is room, the caller sees by trying.
        drop(self.room.wait_timeout(now, Duration::from_millis(100)));
        !self.abandoned.load(Ordering::Acquire)
    }
}

/// Nothing panics while it holds one of these locks; if something did, what they guard would still be whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
pub(crate) mod tests;
