//! An ordered log of entries in segment files, which loses nothing it has committed.
//!
//! ```text
//! append ─▶ memory ─commit─▶ 0000000000000007.segment ─▶ Reader (a sink) ─▶ confirm ─▶ sink.cursor
//!                            0000000000000008.segment ─▶ Reader (another) ─▶ confirm ─▶ other.cursor
//! ```
//!
//! * An entry is opaque octets, committed whole or not at all: what has to become true together goes into one entry.
//! * [`Log::commit`] writes what was appended and has it on the disk with one `fdatasync`. A failed one is never
//!   tried again on the same file, because the system may have forgotten the octets it could not write: the entries
//!   go from memory into a fresh segment.
//! * Segments are allocated when they are made and deleted when every [`Reader`] has confirmed what is in them. Cursors
//!   are written in place. So a full disk drains.
//! * The full segments are believed by their headers, only the last is looked through at opening. Checksums are
//!   verified when an entry is read; damage costs the entries it hit, and is reported.
//!
//! It is synchronous and has no clock: time is passed in, and who calls decides on which thread the disk is waited for.

mod commit;
mod config;
mod cursor;
mod damage;
mod disk;
mod error;
mod expire;
mod format;
mod gauge;
mod index;
pub mod inspect;
mod notes;
mod open;
mod quota;
mod reader;
mod scan;
mod segment;
mod sinks;
mod slots;
mod state;
mod upgrade;

#[cfg(test)]
mod tests;

pub use self::config::{Config, Now, Sync, WhenFull};
pub use self::damage::{Damage, Harm};
pub use self::error::{LogError, Room};
pub use self::format::{Head, Header};
pub use self::gauge::Gauge;
pub use self::notes::{Dropped, Losses};
pub use self::open::Opened;
pub use self::reader::{Entry, Reader, Saver};
pub use self::scan::{Found, Recovered, recover};
pub use self::sinks::Sinks;
pub use self::state::Snapshot;

#[cfg(test)]
pub(crate) use self::disk::fault;

use self::index::Shared;
use self::segment::Active;
use std::fs::File;
use std::sync::Arc;
use std::time::Instant;

/// The number of an entry. Later entries have higher ones; none is given twice, and none is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seq(pub u64);

impl std::fmt::Display for Seq {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The end of the log that takes entries.
#[derive(Debug)]
pub struct Log {
    config: Config,
    shared: Arc<Shared>,
    /// The segment being written; `None` when the next entry begins one.
    active: Option<Active>,
    /// The entries not yet known to be on the disk, as they will stand there.
    pending: Vec<u8>,
    /// How many they are.
    waiting: u64,
    /// The number the next entry gets.
    next: u64,
    /// When the first of the waiting entries came.
    since: Option<Instant>,
    /// What was refused since it was last recorded.
    refused: Option<Dropped>,
    snapshots: Option<state::Snapshots>,
    /// Held as long as the log is open.
    _lock: File,
}

impl Log {
    /// Takes an entry into memory. It can be read, and its source be answered, when it is committed.
    ///
    /// `kind` is for the caller: it stands beside the payload, as the number and the stamp do. Every few thousand
    /// entries this waits for the disk, when one segment ends and the next begins.
    ///
    /// # Errors
    /// When there is no room ([`LogError::Full`]), or never would be. The entry is then not taken.
    pub fn append(&mut self, kind: u8, now: Now, payload: &[&[u8]]) -> Result<Seq, LogError> {
        let taken = self.take(kind, now, payload, segment::Claim::Common);
        if taken.as_ref().is_err_and(LogError::is_full) && self.config.when_full == WhenFull::DropNewest {
            Dropped::add(&mut self.refused, 1, self.next, self.next);
        }
        taken
    }

    /// Takes an entry that must find room even when the log is full, like the event that says so: beyond the quota, and
    /// into the reserve when the disk is full.
    ///
    /// # Errors
    /// When even the reserve is used up.
    pub fn append_reserved(&mut self, kind: u8, now: Now, payload: &[&[u8]]) -> Result<Seq, LogError> {
        self.take(kind, now, payload, segment::Claim::Reserve)
    }

    fn take(&mut self, kind: u8, now: Now, payload: &[&[u8]], claim: segment::Claim) -> Result<Seq, LogError> {
        let length: usize = payload.iter().map(|part| part.len()).sum();
        if length > self.config.most() {
            return Err(LogError::TooLarge { octets: length, most: self.config.most() });
        }
        let head = Head { seq: self.next, stamp: now.wall, kind, length: length as u32 };
        if !self.has_room(head.octets()) {
            self.commit()?;
            if !self.has_room(head.octets()) {
                self.roll(now.wall, claim)?;
            }
        }
        head.write(format::Seed::new(self.shared.queue), payload, &mut self.pending);
        self.next += 1;
        self.waiting += 1;
        self.since.get_or_insert(now.steady);
        Ok(Seq(head.seq))
    }

    /// Whether the segment being written takes so many octets more.
    fn has_room(&self, octets: usize) -> bool {
        self.active.as_ref().is_some_and(|active| active.room() >= (self.pending.len() + octets) as u64)
    }

    /// Whether it is time to commit.
    #[must_use]
    pub fn due(&self, now: Instant) -> bool {
        self.since.is_some_and(|since| self.config.sync.due(self.waiting, now.saturating_duration_since(since)))
    }

    /// When it will be time to commit, if nothing else is appended; `None` when nothing waits.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        Some(self.since? + self.config.sync.wait())
    }

    /// How many entries wait for a commit.
    #[must_use]
    pub const fn waiting(&self) -> u64 {
        self.waiting
    }

    /// The last entry that is on the disk.
    #[must_use]
    pub fn committed(&self) -> Seq {
        Seq(self.shared.committed())
    }

    /// The number that the next entry gets.
    #[must_use]
    pub const fn next(&self) -> Seq {
        Seq(self.next)
    }

    /// The id of the log, drawn when its folder was made.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.shared.queue
    }

    /// The most octets that segments take.
    #[must_use]
    pub const fn quota(&self) -> u64 {
        self.config.quota
    }

    /// From now on other settings hold. What is there stays as it is: a smaller quota is reached when the next segment
    /// begins, and segments of another size begin then too.
    ///
    /// # Errors
    /// When the settings make no sense; then the old ones hold on.
    pub fn set(&mut self, config: Config) -> Result<(), LogError> {
        config.check()?;
        self.config = Config { snapshots: self.config.snapshots, ..config };
        Ok(())
    }

    /// A reader without a cursor, from this entry on: to rebuild what was learned, or to look.
    #[must_use]
    pub fn reader(&self, from: Seq) -> Reader {
        Reader::new(Arc::clone(&self.shared), None, from.0)
    }
}
