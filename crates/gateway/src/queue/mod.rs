//! The queue between decoding and the sinks: ordered records, each kept until every sink has confirmed it.
//!
//! It is held in memory for now. The durable one of the next release takes its place behind the same words:
//! [`Queue::append`], [`Queue::commit`], and for each sink a [`Reader`] with a cursor of its own. Only committed records
//! can be read, so what a source was told is never less than what a sink was given.

pub mod log;

use crate::{config::Size, record::Record};
use serde::Deserialize;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// How much the queue holds: `[queue]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The most octets of reports.
    pub size: Size,
    /// The most records.
    pub records: usize,
    /// What happens when it is full.
    pub when_full: WhenFull,
}

impl Default for Config {
    fn default() -> Self {
        Self { size: Size(64 << 20), records: 200_000, when_full: WhenFull::Block }
    }
}

/// What happens when the queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// Sources wait: those that can, make their peers wait.
    Block,
    /// What comes is refused, and the source says so.
    DropNewest,
}

/// The place of a record in the queue. Later records have higher places; a place is never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(u64);

impl Position {
    /// Before the first record.
    pub const START: Self = Self(0);
}

/// Why a record was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// There is no room for it now.
    #[error("queue full")]
    Full,
    /// There is never room for it.
    #[error("report larger than the queue")]
    TooLarge,
    /// The gateway is stopping.
    #[error("stopping")]
    Closed,
}

/// The end of the queue that takes records.
#[derive(Clone, Debug)]
pub struct Queue(Arc<Shared>);

/// The end of the queue that one sink reads from.
#[derive(Debug)]
pub struct Reader {
    queue: Queue,
    sink: usize,
}

/// A record and its place.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The place, to be confirmed when the record has arrived.
    pub position: Position,
    /// The record.
    pub record: Arc<Record>,
}

#[derive(Debug)]
struct Shared {
    config: Config,
    state: Mutex<State>,
    /// Records were committed, or the queue was closed.
    grown: Notify,
    /// Records have left, or the queue was closed.
    shrunk: Notify,
}

#[derive(Debug)]
struct State {
    /// The records that are not confirmed by all, the first one at `gone + 1`.
    records: VecDeque<Arc<Record>>,
    octets: u64,
    /// The last place that every sink has confirmed.
    gone: u64,
    /// The last place that can be read.
    committed: u64,
    /// The last place that each sink has confirmed.
    cursors: Vec<u64>,
    closed: bool,
}

impl Queue {
    /// An empty queue for so many sinks, and their readers.
    #[must_use]
    pub fn new(config: &Config, sinks: usize) -> (Self, Vec<Reader>) {
        let state = State {
            records: VecDeque::new(),
            octets: 0,
            gone: 0,
            committed: 0,
            cursors: vec![0; sinks],
            closed: false,
        };
        let shared =
            Shared { config: config.clone(), state: Mutex::new(state), grown: Notify::new(), shrunk: Notify::new() };
        let queue = Self(Arc::new(shared));
        let readers = (0..sinks).map(|sink| Reader { queue: queue.clone(), sink }).collect();
        (queue, readers)
    }

    /// Takes a record, waiting for room where the configuration says so. It can be read once it is committed.
    ///
    /// # Errors
    /// When there is no room and nobody shall wait, or never would be.
    pub async fn append(&self, record: Record) -> Result<Position, QueueError> {
        let octets = octets(&record);
        if octets > self.0.config.size.0 || self.0.config.records == 0 {
            return Err(QueueError::TooLarge);
        }
        let mut record = Some(Arc::new(record));
        loop {
            let room = self.0.shrunk.notified();
            tokio::pin!(room);
            room.as_mut().enable();
            {
                let mut state = self.state();
                if state.closed {
                    return Err(QueueError::Closed);
                }
                let full = state.octets + octets > self.0.config.size.0 || state.records.len() >= self.0.config.records;
                if !full && let Some(record) = record.take() {
                    state.records.push_back(record);
                    state.octets += octets;
                    return Ok(Position(state.last()));
                }
            }
            if self.0.config.when_full == WhenFull::DropNewest {
                return Err(QueueError::Full);
            }
            // What waits for its commit would otherwise never be read, and no room ever made.
            self.commit().await?;
            room.await;
        }
    }

    /// Makes everything appended so far readable. In memory there is nothing to wait for.
    ///
    /// # Errors
    /// None yet: the durable queue will say here that its disk does not take any more.
    pub async fn commit(&self) -> Result<Position, QueueError> {
        let committed = {
            let mut state = self.state();
            state.committed = state.last();
            state.committed
        };
        self.0.grown.notify_waiters();
        std::future::ready(Ok(Position(committed))).await
    }

    /// Nothing more comes: readers end when they have read everything.
    pub fn close(&self) {
        self.state().closed = true;
        self.0.grown.notify_waiters();
        self.0.shrunk.notify_waiters();
    }

    /// How many records some sink has not confirmed.
    #[must_use]
    pub fn unconfirmed(&self) -> usize {
        self.state().records.len()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it holds the lock; if something did, the state would still be whole.
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader {
    /// The record after a place, waiting for it; `None` when the queue is closed and there is none.
    pub async fn next(&self, after: Position) -> Option<Entry> {
        loop {
            let more = self.queue.0.grown.notified();
            tokio::pin!(more);
            more.as_mut().enable();
            {
                let state = self.queue.state();
                if let Some(entry) = state.after(after) {
                    return Some(entry);
                }
                if state.closed {
                    return None;
                }
            }
            more.await;
        }
    }

    /// The record after a place, if it is there already.
    #[must_use]
    pub fn try_next(&self, after: Position) -> Option<Entry> {
        self.queue.state().after(after)
    }

    /// The last place this sink has confirmed: where it goes on reading after a fault.
    #[must_use]
    pub fn confirmed(&self) -> Position {
        Position(self.queue.state().cursors.get(self.sink).copied().unwrap_or_default())
    }

    /// This sink has delivered everything up to a place.
    pub fn confirm(&self, position: Position) {
        let freed = self.queue.state().confirm(self.sink, position.0);
        if freed {
            self.queue.0.shrunk.notify_waiters();
        }
    }
}

impl State {
    fn last(&self) -> u64 {
        self.gone + self.records.len() as u64
    }

    fn after(&self, position: Position) -> Option<Entry> {
        // A sink never reads before its own cursor, but one that does is given what is still there.
        let next = position.0.max(self.gone) + 1;
        if next > self.committed {
            return None;
        }
        let record = self.records.get((next - self.gone - 1) as usize)?;
        Some(Entry { position: Position(next), record: Arc::clone(record) })
    }

    fn confirm(&mut self, sink: usize, position: u64) -> bool {
        let committed = self.committed;
        if let Some(cursor) = self.cursors.get_mut(sink) {
            *cursor = (*cursor).max(position.min(committed));
        }
        let before = self.gone;
        let all = self.cursors.iter().copied().min().unwrap_or(before);
        while self.gone < all
            && let Some(record) = self.records.pop_front()
        {
            self.octets -= octets(&record);
            self.gone += 1;
        }
        self.gone > before
    }
}

/// What a record takes of the bound: its report and about what surrounds it.
fn octets(record: &Record) -> u64 {
    record.report.len() as u64 + 128
}

#[cfg(test)]
mod tests;
