//! The end of the queue that takes records. It waits for the disk, so it belongs on a thread of its own.

use super::entry::{self, Draft, ParkedPlace, Waits};
use super::log::{self, Damage, Dropped, Log, LogError, Now, Reader, Seq, Snapshot};
use super::parked::{Parked, ParkedLog};
use super::{Config, Position, QueueError, Shared, StateWriter, WhenFull, lock, restore, state};
use crate::telemetry::OfParked;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::{error, info, warn};

/// A snapshot is made after so many entries,
const ENTRIES: u64 = 65_536;
/// or when so long has passed and there is something new.
const PERIOD: Duration = Duration::from_secs(300);
/// After the disk has failed it is left alone so long.
const PAUSE: Duration = Duration::from_secs(1);
/// So many places of damage are told as events; a disk that is worse than that has other witnesses.
const PLACES: usize = 1000;

/// The end of the queue that takes records.
#[derive(Debug)]
pub struct Queue {
    log: Log,
    parked: ParkedLog,
    shared: Arc<Shared>,
    when_full: WhenFull,
    /// The octets before a report, used again.
    head: Vec<u8>,
    /// A parked frame's, used again.
    frame: Vec<u8>,
    /// What was found at opening, until it is given back.
    snapshot: Option<Snapshot>,
    /// When the last snapshot was made.
    kept: Instant,
    /// Since when the last one could not be made.
    unkept: Option<Instant>,
    /// Since when nothing more is tried, after the disk has failed.
    failed: Option<Instant>,
    /// The damage that was told.
    told: HashSet<(String, u64)>,
    /// How many captures were refused because there was no room, and nobody was told by an event.
    refused: u64,
}

/// What was lost, and is not told by an event yet.
#[derive(Clone, Debug, Default)]
pub struct Losses {
    /// Records that made room or were too old before every sink had them.
    pub dropped: Option<Dropped>,
    /// Captures for which there was no room. Their sources were told.
    pub refused: u64,
    /// Places where records were found damaged.
    pub damage: Vec<Damage>,
}

impl Losses {
    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.dropped.is_none() && self.refused == 0 && self.damage.is_empty()
    }
}

impl Queue {
    pub(super) fn new(
        log: Log,
        parked: ParkedLog,
        shared: Arc<Shared>,
        when_full: WhenFull,
        snapshot: Option<Snapshot>,
    ) -> Self {
        Self {
            log,
            parked,
            shared,
            when_full,
            head: Vec::new(),
            frame: Vec::new(),
            snapshot,
            kept: Instant::now(),
            unkept: None,
            failed: None,
            told: HashSet::new(),
            refused: 0,
        }
    }

    /// Takes a record and what goes with it. It can be read, and its source be answered, once it is committed. `known`
    /// writes down what is known, without this record: room may depend on a snapshot.
    ///
    /// # Errors
    /// When there is no room, or never would be, and when the disk fails. It is then not taken. For room one may
    /// [wait](Self::wait_for_room); what was appended before is then committed.
    pub fn append(&mut self, draft: &Draft<'_>, known: &dyn Fn(&mut StateWriter)) -> Result<Position, QueueError> {
        self.append_that(draft, Says::Nothing, known)
    }

    /// As [`Self::append`], of a frame that could not be decoded: it is parked with its record.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub fn append_parking(
        &mut self,
        draft: &Draft<'_>,
        parked: &Parked,
        known: &dyn Fn(&mut StateWriter),
    ) -> Result<Position, QueueError> {
        self.frame.clear();
        parked.write(&mut self.frame);
        self.append_that(draft, Says::Parked, known)
    }

    /// As [`Self::append`], of the frame that was parked at this place: it waits no longer.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub(crate) fn append_redeemed(
        &mut self,
        draft: &Draft<'_>,
        seq: Seq,
        known: &dyn Fn(&mut StateWriter),
    ) -> Result<Position, QueueError> {
        let place = (self.parked.place().0, seq);
        self.append_that(draft, Says::Redeemed(place), known)
    }

    fn append_that(
        &mut self,
        draft: &Draft<'_>,
        mut says: Says,
        known: &dyn Fn(&mut StateWriter),
    ) -> Result<Position, QueueError> {
        let kind = entry::kind_number(draft.record.kind);
        let mut kept = false;
        loop {
            // A commit on the way may have moved the place.
            let waits = match says {
                Says::Nothing => Waits::No,
                Says::Parked => Waits::Parked(self.parked.place(), &self.frame),
                Says::Redeemed(place) => Waits::Redeemed(place),
            };
            self.head.clear();
            entry::write_head(draft, waits, &mut self.head);
            let payload = [&*self.head, &draft.record.report];
            match self.log.append(kind, now(), &payload) {
                Ok(Seq(seq)) => {
                    match says {
                        Says::Nothing => {}
                        Says::Parked => self.parked.put(&self.frame),
                        Says::Redeemed((_, seq)) => self.parked.redeemed(seq),
                    }
                    return Ok(Position(seq));
                }
                Err(LogError::TooLarge { .. }) if says == Says::Parked => {
                    // Its record alone may have room.
                    says = Says::Nothing;
                    self.parked.too_large();
                }
                Err(LogError::TooLarge { .. }) => return Err(QueueError::TooLarge),
                Err(LogError::SnapshotNeeded | LogError::Full(_)) => {
                    // What waits would otherwise never be read, and no room ever made.
                    self.commit()?;
                    if !kept {
                        kept = true;
                        self.keep(known);
                        continue;
                    }
                    // An event that finds no room is told later.
                    if self.when_full == WhenFull::DropNewest && draft.frame.is_some() {
                        self.refused += 1;
                    }
                    return Err(QueueError::Full);
                }
                Err(error) => {
                    self.fail(&error);
                    return Err(QueueError::Disk);
                }
            }
        }
    }

    /// Waits a little for room, where the configuration says so; `false` when nobody shall wait.
    #[must_use]
    pub fn wait_for_room(&self) -> bool {
        self.when_full != WhenFull::DropNewest && self.shared.wait_for_room()
    }

    /// What there is to say when it did not help to wait.
    #[must_use]
    pub fn no_room(&self) -> QueueError {
        if self.when_full == WhenFull::DropNewest { QueueError::Full } else { QueueError::Closed }
    }

    /// Has everything appended on the disk and lets the sinks read it.
    ///
    /// # Errors
    /// When the disk fails. What was appended is kept: a later commit tries again, with another file.
    pub fn commit(&mut self) -> Result<(), QueueError> {
        if self.log.waiting() == 0 {
            return Ok(());
        }
        if self.is_failed() {
            return Err(QueueError::Disk);
        }
        match self.log.commit() {
            Ok(_) => {
                if self.failed.take().is_some() {
                    info!("ready again: the disk takes records");
                }
                self.shared.grown.notify_waiters();
                self.parked.settle();
                self.parked.commit_if_due();
                Ok(())
            }
            Err(error) => {
                self.fail(&error);
                Err(QueueError::Disk)
            }
        }
    }

    /// Whether the disk has failed a moment ago: then nothing is taken.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        self.failed.is_some_and(|at| at.elapsed() < PAUSE)
    }

    /// Whether the disk has failed and has taken nothing since.
    #[must_use]
    pub const fn is_broken(&self) -> bool {
        self.failed.is_some()
    }

    /// Whether it is time to commit.
    #[must_use]
    pub fn due(&self) -> bool {
        self.log.due(Instant::now()) && !self.is_failed()
    }

    /// When it will be time to commit; `None` when nothing waits.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let deadline = self.log.deadline()?;
        Some(self.failed.map_or(deadline, |at| deadline.max(at + PAUSE)))
    }

    /// Whether something waits for its commit.
    #[must_use]
    pub const fn is_waiting(&self) -> bool {
        self.log.waiting() > 0
    }

    /// What is to be done now and then: a snapshot where one is due, and what became too old goes while the clock is
    /// `trusted`. `known` writes down what is known.
    pub fn upkeep(&mut self, trusted: bool, known: &dyn Fn(&mut StateWriter)) {
        let new = self.log.unsnapshotted();
        if new >= ENTRIES || (new > 0 && self.kept.elapsed() >= PERIOD) {
            self.keep(known);
        }
        if !self.is_waiting() {
            self.parked.settle();
        }
        self.parked.upkeep(trusted);
        let expired = if trusted { self.log.expire(now()) } else { Ok(()) };
        if let Err(error) = expired.and_then(|()| self.log.release()) {
            warn!(%error, "the queue cannot put itself in order, trying again");
        }
    }

    /// Makes a snapshot of what is known, of which everything is committed.
    pub fn keep(&mut self, known: &dyn Fn(&mut StateWriter)) {
        let failed = self.unkept.is_some_and(|at| at.elapsed() < PAUSE);
        // A snapshot covers entries: what they say of the parked log must stand there first.
        if self.is_waiting() || failed || !self.parked.commit() || self.log.unsnapshotted() == 0 {
            return;
        }
        let mut writer = StateWriter::default();
        known(&mut writer);
        self.kept = Instant::now();
        self.unkept = None;
        if let Err(error) = self.log.snapshot(self.log.committed(), state::VERSION, &writer.end()) {
            self.unkept = Some(self.kept);
            warn!(%error, "what was learned cannot be kept apart: the records that taught it stay");
        }
    }

    /// What was lost and is not told by an event yet.
    pub fn losses(&mut self) -> Losses {
        let mut damage = std::mem::take(&mut *lock(&self.shared.damage));
        // Each sink's reader comes upon the same place.
        damage.retain(|damage| self.told.len() < PLACES && self.told.insert((damage.file.clone(), damage.offset)));
        damage.iter().for_each(restore::told);
        damage.retain(|damage| damage.count() > 0);
        Losses { dropped: self.log.losses().dropped, refused: self.refused, damage }
    }

    /// The events that tell of these losses are committed; of damage nothing is kept anyhow.
    pub fn recorded(&mut self, losses: &Losses) {
        self.refused -= losses.refused.min(self.refused);
        if let Err(error) = self.log.recorded(log::Losses { dropped: losses.dropped, refused: None }) {
            warn!(%error, "what was dropped will be told a second time");
        }
    }

    /// The frames that wait.
    pub(crate) const fn parked(&mut self) -> &mut ParkedLog {
        &mut self.parked
    }

    /// What becomes of parked frames is counted here.
    pub(crate) fn counting(&mut self, counts: Arc<OfParked>) {
        self.parked.counting(counts);
    }

    /// From now on other settings hold.
    ///
    /// # Errors
    /// When they make no sense.
    pub(crate) fn set(&mut self, config: &Config, parked: &super::parked::Config) -> Result<(), LogError> {
        self.log.set(config.log())?;
        self.when_full = config.when_full;
        self.parked.set(parked)
    }

    /// Whether so much waits for the sinks that frames which have waited long can wait longer.
    pub(crate) fn is_crowded(&self) -> bool {
        let gauge = self.log.gauge();
        gauge.unconfirmed() > 0 && gauge.octets() > self.log.quota() / 2
    }

    /// Takes any octets for an entry, as another release may write them.
    #[cfg(test)]
    pub(super) fn append_raw(&mut self, octets: &[u8]) {
        assert!(self.log.append(1, now(), &[octets]).is_ok());
    }

    pub(super) const fn snapshot(&mut self) -> Option<Snapshot> {
        self.snapshot.take()
    }

    pub(super) fn oldest(&self) -> Seq {
        self.log.oldest()
    }

    pub(super) fn reader(&self, from: Seq) -> Reader {
        self.log.reader(from)
    }

    fn fail(&mut self, error: &LogError) {
        error!(%error, "not ready: the disk does not take records, sources are refused");
        self.failed = Some(Instant::now());
    }
}

/// What an entry is to say of the parked log.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Says {
    Nothing,
    Parked,
    Redeemed(ParkedPlace),
}

pub(super) fn now() -> Now {
    let wall = jiff::Timestamp::now().as_millisecond();
    Now { wall: u64::try_from(wall).unwrap_or_default(), steady: Instant::now() }
}
