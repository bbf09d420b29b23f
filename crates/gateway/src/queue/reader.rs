//! The end of the queue that one sink reads from.

use super::cursors::BEHIND;
use super::log::{self, Seq};
use super::{EntryError, Position, Shared, Wish, entry, lock};
use crate::record::Record;
use crate::telemetry::OfSink;
use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;
use tracing::{error, warn};

/// Reads committed records in order, in memory that does not grow with the backlog. It reads from files that were
/// written a moment ago or are read in order, so it does not leave its task for it.
#[derive(Debug)]
pub struct Reader {
    sink: String,
    log: Arc<Mutex<log::Reader>>,
    /// Its sink is to leave, as if nothing more came.
    leaving: Arc<AtomicBool>,
    shared: Arc<Shared>,
    counts: Arc<OfSink>,
    refusal: Refusal,
}

/// Hears whether a reader has come upon an entry that a later release wrote. It then reads no further: passing over the
/// entry would lose it without a word to those who wait for it.
#[derive(Clone, Debug, Default)]
pub struct Refusal(Arc<OnceLock<EntryError>>);

impl Refusal {
    /// What it has come upon.
    #[must_use]
    pub fn heard(&self) -> Option<EntryError> {
        self.0.get().copied()
    }
}

/// Tells a sink to leave while the queue stays: for it nothing more comes.
#[derive(Debug)]
pub(crate) struct Leave {
    leaving: Arc<AtomicBool>,
    shared: Arc<Shared>,
}

impl Leave {
    pub(crate) fn ask(&self) {
        self.leaving.store(true, Ordering::Release);
        self.shared.grown.notify_waiters();
    }
}

/// A record and its place.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The place, to be confirmed when the record has arrived.
    pub position: Position,
    /// The record.
    pub record: Record,
}

impl Reader {
    pub(super) fn new(sink: String, log: log::Reader, shared: Arc<Shared>) -> Self {
        let (log, counts) = (Arc::new(Mutex::new(log)), Arc::default());
        Self { sink, log, leaving: Arc::default(), shared, counts, refusal: Refusal::default() }
    }

    /// From now on it counts here.
    #[must_use]
    pub(crate) fn counting(self, counts: Arc<OfSink>) -> Self {
        Self { counts, ..self }
    }

    /// The same end again, for a sink that takes the place of this one's.
    #[must_use]
    pub(crate) fn again(&self) -> Self {
        let Self { sink, log, shared, counts, .. } = self;
        let (log, shared, counts) = (Arc::clone(log), Arc::clone(shared), Arc::clone(counts));
        Self { sink: sink.clone(), log, leaving: Arc::default(), shared, counts, refusal: Refusal::default() }
    }

    /// What tells its sink to leave.
    pub(crate) fn leave(&self) -> Leave {
        Leave { leaving: Arc::clone(&self.leaving), shared: Arc::clone(&self.shared) }
    }

    /// Its sink is gone for good: the queue keeps nothing for it any more.
    pub(crate) fn forget(&self) -> Result<(), log::LogError> {
        lock(&self.log).forget(&self.sink)
    }

    /// Its sink has met this fault, and will try again.
    pub(crate) fn fault(&self, fault: &dyn Display) {
        self.counts.fault(fault);
    }

    /// Its sink's peer does not let it do its work, and somebody must change that.
    pub(crate) fn barred(&self, why: &str) {
        self.counts.barred(why);
    }

    /// Its sink's peer lets it do its work again.
    pub(crate) fn allowed(&self) {
        self.counts.allowed();
    }

    /// A record was put aside, or given up when even that is refused.
    pub(crate) fn aside(&self, given_up: bool) {
        let count = if given_up { &self.counts.given_up } else { &self.counts.set_aside };
        count.add(1);
    }

    /// What hears that it reads no further.
    #[must_use]
    pub fn refusal(&self) -> Refusal {
        self.refusal.clone()
    }

    /// So many records are sent again, since it is not known whether they have arrived.
    #[cfg(feature = "kafka")]
    pub(crate) fn resent(&self, records: usize) {
        self.counts.retried.add(records as u64);
    }

    /// So many records have arrived that were under way for so long, all together.
    #[cfg(feature = "kafka")]
    pub(crate) fn took(&self, records: u64, time: Duration) {
        self.counts.took(records, time);
    }

    /// The record after a place, waiting for it; `None` when the queue is closed and there is none, or when it reads no
    /// further.
    pub async fn next(&self, after: Position) -> Option<Entry> {
        loop {
            let more = self.shared.grown.notified();
            tokio::pin!(more);
            more.as_mut().enable();
            let closed = self.shared.closed.load(Ordering::Acquire);
            if self.leaving.load(Ordering::Acquire) {
                return None;
            }
            match self.read(after) {
                Ok(Some(entry)) => return Some(entry),
                Ok(None) if closed || self.refusal.heard().is_some() => return None,
                Ok(None) => more.await,
                Err(error) => {
                    warn!(sink = %self.sink, %error, "the queue cannot be read, trying again");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }

    /// The record after a place, if it is there already.
    #[must_use]
    pub fn try_next(&self, after: Position) -> Option<Entry> {
        if self.leaving.load(Ordering::Acquire) {
            return None;
        }
        // An error is met again, and told, by whoever waits for the record.
        self.read(after).ok().flatten()
    }

    /// The record at a place, once more, while it is not confirmed.
    #[must_use]
    pub fn at(&self, position: Position) -> Option<Entry> {
        self.try_next(Position(position.0.checked_sub(1)?)).filter(|entry| entry.position == position)
    }

    /// The last place this sink has confirmed: where it goes on reading after a fault.
    #[must_use]
    pub fn confirmed(&self) -> Position {
        Position(lock(&self.log).confirmed().0)
    }

    /// This sink has delivered everything up to a place.
    pub fn confirm(&self, position: Position) {
        let mut log = lock(&self.log);
        let before = log.confirmed();
        let behind = log.confirm(Seq(position.0));
        let more = log.confirmed().0.saturating_sub(before.0);
        drop(log);
        self.counts.acknowledged(more);
        if behind >= BEHIND {
            self.shared.wish(Wish::Save);
        }
    }

    fn read(&self, after: Position) -> Result<Option<Entry>, log::LogError> {
        let mut log = lock(&self.log);
        log.seek(Seq(after.0 + 1));
        let found = loop {
            let Some(found) = log.next()? else { break None };
            match entry::record(found.payload) {
                Ok(record) => break Some(Entry { position: Position(found.seq.0), record }),
                Err(error @ EntryError::Newer(_)) => {
                    if self.refusal.0.set(error).is_ok() {
                        error!(sink = %self.sink, entry = %found.seq, %error, "no further: install the newer release again");
                    }
                    break None;
                }
                // Its checksum is right, so somebody else wrote it. It is not lost: it stays until the segment goes.
                Err(error) => error!(sink = %self.sink, entry = %found.seq, %error, "a record is passed over"),
            }
        };
        if found.is_some() {
            self.counts.handed();
        }
        let damage = log.damage();
        if !damage.is_empty() {
            drop(log);
            lock(&self.shared.damage).extend(damage);
        }
        Ok(found)
    }
}
