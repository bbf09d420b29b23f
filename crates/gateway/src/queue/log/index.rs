//! What the writing end and the readers share: which segments there are, and how far they can be read.

use super::cursor::Cursor;
use super::disk::Folder;
use super::notes::Notes;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What the ends share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) folder: Folder,
    /// The queue's id.
    pub(super) queue: u64,
    /// The last entry committed.
    pub(super) committed: AtomicU64,
    /// The oldest entry that was not deleted.
    pub(super) oldest: AtomicU64,
    pub(super) index: Mutex<Index>,
}

/// The segments and the cursors.
#[derive(Debug)]
pub(super) struct Index {
    /// In order. An entry stands in the last segment that does not begin after it.
    pub(super) segments: VecDeque<Segment>,
    pub(super) cursors: Vec<Cursor>,
    /// Segments with entries after this one stay, whoever has confirmed them.
    pub(super) floor: u64,
    pub(super) notes: Notes,
    /// Whether there is a segment in reserve.
    pub(super) reserve: bool,
    /// The highest number a file had at opening, whatever is left in it: its name is not taken.
    pub(super) highest: u64,
}

/// A segment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) number: u64,
    /// Its first entry.
    pub(super) first: u64,
    /// When it was made, in milliseconds since 1970.
    pub(super) made: u64,
    /// Octets on the disk.
    pub(super) octets: u64,
    /// Where committed octets end.
    pub(super) end: u64,
}

/// Where to look for an entry.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) segment: Segment,
    /// The last committed entry that can stand in this segment.
    pub(super) until: u64,
    /// Whether the next segment's number does not follow.
    pub(super) torn: bool,
}

impl Shared {
    pub(super) fn index(&self) -> MutexGuard<'_, Index> {
        // What changes under the lock is changed in an order that is right at every step.
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn committed(&self) -> u64 {
        self.committed.load(Ordering::Acquire)
    }

    pub(super) fn oldest(&self) -> u64 {
        self.oldest.load(Ordering::Acquire)
    }

    /// Lets readers see what was committed.
    pub(super) fn publish(&self, end: u64, committed: u64) {
        let mut index = self.index();
        if let Some(segment) = index.segments.back_mut() {
            segment.end = end;
        }
        self.committed.store(committed, Ordering::Release);
    }
}

impl Index {
    /// Octets that segments take.
    pub(super) fn octets(&self) -> u64 {
        self.segments.iter().map(|segment| segment.octets).sum()
    }

    /// Where to look for an entry; `None` when it is before the first segment or there is none.
    pub(super) fn place(&self, seq: u64, committed: u64) -> Option<Place> {
        let after = self.segments.partition_point(|segment| segment.first <= seq);
        let segment = *self.segments.get(after.checked_sub(1)?)?;
        let next = self.segments.get(after);
        let until = next.map_or(committed, |next| committed.min(next.first - 1));
        Some(Place { segment, until, torn: next.is_some_and(|next| next.number != segment.number + 1) })
    }

    /// The last entry that every sink has confirmed, as the disk knows it.
    pub(super) fn confirmed_durably(&self) -> u64 {
        self.cursors.iter().map(|cursor| cursor.durable).min().unwrap_or(u64::MAX)
    }

    /// The last entry that every sink has confirmed.
    pub(super) fn confirmed(&self) -> u64 {
        self.cursors.iter().map(|cursor| cursor.confirmed).min().unwrap_or(u64::MAX)
    }
}
