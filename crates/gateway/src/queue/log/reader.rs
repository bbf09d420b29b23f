//! The end of the log that a sink reads from.

use super::cursor::CursorFile;
use super::format::Seed;
use super::index::{Place, Shared};
use super::scan::Scan;
use super::{Damage, Harm, LogError, Seq, segment};
use std::fs::File;
use std::sync::Arc;

/// How many reports of damage are kept until they are taken.
const REPORTS: usize = 1000;

/// Reads committed entries in order, in memory that does not grow with the backlog.
#[derive(Debug)]
pub struct Reader {
    pub(super) shared: Arc<Shared>,
    /// Which cursor is its own.
    pub(super) sink: Option<Sink>,
    /// The number of the next entry.
    want: u64,
    open: Option<Open>,
    damage: Vec<Damage>,
}

/// An entry, as long as the reader stays at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Its number, to be confirmed when it has arrived.
    pub seq: Seq,
    /// What it was marked with.
    pub kind: u8,
    /// When it was appended, in milliseconds since 1970 by the caller's clock.
    pub stamp: u64,
    /// Its octets.
    pub payload: &'a [u8],
}

/// Which cursor is a reader's own.
#[derive(Debug)]
pub(super) struct Sink {
    /// Its place among the cursors.
    pub(super) index: usize,
    /// `None` when a [`Saver`] has it.
    pub(super) file: Option<CursorFile>,
}

/// Has a reader's cursor on the disk while the reader goes on: a sync may take its time.
#[derive(Debug)]
pub struct Saver {
    shared: Arc<Shared>,
    index: usize,
    file: CursorFile,
}

impl Saver {
    /// As [`Reader::save`].
    ///
    /// # Errors
    /// When the disk fails.
    pub fn save(&mut self) -> Result<(), LogError> {
        save(&self.shared, self.index, &mut self.file)?;
        self.shared.release(&mut self.shared.index())
    }
}

fn save(shared: &Shared, index: usize, file: &mut CursorFile) -> Result<(), LogError> {
    let cursor = shared.index().cursors.get(index).copied();
    if let Some(cursor) = cursor.filter(|cursor| cursor.confirmed > cursor.durable) {
        file.save(cursor.confirmed)?;
        if let Some(saved) = shared.index().cursors.get_mut(index) {
            saved.durable = cursor.confirmed;
        }
    }
    Ok(())
}

/// The segment being read.
#[derive(Debug)]
struct Open {
    place: Place,
    scan: Scan<File>,
}

impl Reader {
    pub(super) const fn new(shared: Arc<Shared>, sink: Option<Sink>, from: u64) -> Self {
        let want = if from == 0 { 1 } else { from };
        Self { shared, sink, want, open: None, damage: Vec::new() }
    }

    /// The next committed entry; `None` when there is none yet. Damaged entries are passed over and reported by
    /// [`Self::damage`].
    ///
    /// # Errors
    /// When a segment cannot be opened. Trying again may help.
    #[expect(clippy::should_implement_trait, reason = "an entry borrows from the reader, which an iterator's cannot")]
    pub fn next(&mut self) -> Result<Option<Entry<'_>>, LogError> {
        let found = loop {
            // A file that is open can be read after it was deleted, but its entries are counted as dropped.
            if self.want < self.shared.oldest() {
                self.open = None;
            }
            if !self.turn()? {
                return Ok(None);
            }
            let Some(open) = &mut self.open else { continue };
            let found = open.scan.next();
            match found {
                // Before what was asked for: a reader begins anywhere in a segment.
                Some(found) if found.head.seq < self.want => {}
                Some(found) if found.head.seq <= open.place.until => {
                    let before = found.head.seq - 1;
                    self.pass(before, found.offset - found.skipped, found.skipped);
                    self.want = before + 2;
                    break found;
                }
                // Nothing more in this segment, or only what a later one has again.
                _ => {
                    let (end, until) = (open.scan.offset(), open.place.until);
                    let skipped = found.map_or(0, |found| found.skipped);
                    self.pass(until, end - skipped, skipped);
                }
            }
        };
        let payload = self.open.as_ref().map(|open| open.scan.payload()).unwrap_or_default();
        Ok(Some(Entry { seq: Seq(found.head.seq), kind: found.head.kind, stamp: found.head.stamp, payload }))
    }

    /// Goes to an entry: the next one read is this, or the first after it that is still there.
    pub fn seek(&mut self, to: Seq) {
        if to.0 != self.want {
            (self.want, self.open) = (to.0.max(1), None);
        }
    }

    /// The number of the entry that is looked for next.
    #[must_use]
    pub const fn position(&self) -> Seq {
        Seq(self.want)
    }

    /// Takes the reports of what was found damaged since the last time.
    pub fn damage(&mut self) -> Vec<Damage> {
        std::mem::take(&mut self.damage)
    }

    /// The last entry this sink has confirmed: where it goes on after a fault.
    #[must_use]
    pub fn confirmed(&self) -> Seq {
        let index = self.shared.index();
        let cursor = self.sink.as_ref().and_then(|sink| index.cursors.get(sink.index));
        Seq(cursor.map_or(0, |cursor| cursor.confirmed))
    }

    /// Everything up to this entry has arrived. Says how many entries the cursor on the disk is behind: what would be
    /// delivered again after a crash. A cursor never goes back.
    pub fn confirm(&mut self, seq: Seq) -> u64 {
        let committed = self.shared.committed();
        let mut index = self.shared.index();
        let Some(cursor) = self.sink.as_ref().and_then(|sink| index.cursors.get_mut(sink.index)) else {
            return 0;
        };
        cursor.confirmed = cursor.confirmed.max(seq.0.min(committed));
        cursor.confirmed.saturating_sub(cursor.durable)
    }

    /// Has the cursor on the disk (a reader that goes away does not do it by itself), and deletes the segments that everyone has
    /// confirmed. Takes no disk space.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn save(&mut self) -> Result<(), LogError> {
        if let Some(Sink { index, file: Some(file) }) = &mut self.sink {
            save(&self.shared, *index, file)?;
        }
        self.shared.release(&mut self.shared.index())
    }

    /// Takes the part that has the cursor on the disk, for another thread; `None` when it is taken, or there is none.
    pub fn saver(&mut self) -> Option<Saver> {
        let Sink { index, file } = self.sink.as_mut()?;
        Some(Saver { shared: Arc::clone(&self.shared), index: *index, file: file.take()? })
    }

    /// Turns to where the next entry is; `false` when it is not committed yet.
    fn turn(&mut self) -> Result<bool, LogError> {
        if self.open.as_ref().is_some_and(|open| self.want <= open.place.until) {
            return Ok(true);
        }
        let (place, first, oldest) = {
            let index = self.shared.index();
            // What was dropped is no damage: the log has counted it.
            self.want = self.want.max(index.notes.said.oldest);
            let committed = self.shared.committed();
            if self.want > committed {
                return Ok(false);
            }
            let first = index.segments.front().map_or(committed + 1, |segment| segment.first);
            (index.place(self.want, committed), first, index.notes.said.oldest)
        };
        let Some(place) = place else {
            self.report(Damage::new(Harm::Missing, "queue").lost(self.want.max(oldest), first - 1));
            self.want = first;
            return Ok(true);
        };
        match &mut self.open {
            Some(open) if open.place.segment.number == place.segment.number => {
                open.scan.extend(place.segment.end);
                open.place = place;
            }
            _ => match self.shared.folder.read(&segment::name(place.segment.number)) {
                Ok(file) => {
                    let scan = Scan::new(file, Seed::new(self.shared.queue), place.segment.end);
                    self.open = Some(Open { place, scan });
                }
                Err(error) if error.is_missing() => {
                    self.open = None;
                    // It may have been dropped just now. If it is still in the index, somebody else removed it.
                    let index = self.shared.index();
                    if index.notes.said.oldest <= self.want {
                        drop(index);
                        let name = segment::name(place.segment.number);
                        self.report(Damage::new(Harm::Missing, name).lost(self.want, place.until));
                        self.want = place.until + 1;
                    }
                }
                Err(error) => return Err(error),
            },
        }
        Ok(true)
    }

    /// Goes past entries up to this one, which are not there.
    fn pass(&mut self, until: u64, offset: u64, octets: u64) {
        if self.want <= until {
            if let Some(open) = &self.open {
                let harm = if octets == 0 && open.place.torn { Harm::Missing } else { Harm::Records };
                let damage = Damage::new(harm, segment::name(open.place.segment.number));
                let damage = damage.at(offset, octets).lost(self.want, until);
                self.report(damage);
            }
            self.want = until + 1;
        }
    }

    fn report(&mut self, damage: Damage) {
        if self.damage.len() < REPORTS {
            self.damage.push(damage);
        }
    }
}
