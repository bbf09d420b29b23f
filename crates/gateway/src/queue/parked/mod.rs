//! Frames that could not be decoded, kept until a key or a later release can: a bounded log of their own.
//!
//! ```text
//! a frame that cannot be decoded ──▶ its entry of the queue, the frame in it ──▶ parked log, some moments later
//! a pass over the parked log ──▶ a frame decodes ──▶ an entry of the queue that says so ──▶ parked log: done
//! ```
//!
//! * The queue's entry comes first and holds everything: whoever is answered `ok` has the frame on the disk, whether the
//!   parked log has it yet or not. A start brings what it does not have; no snapshot covers an entry
//!   before the parked log has what it says. So nothing is lost between two steps, and nothing stands there twice.
//! * That a frame is done is said in the same entry as the report that it made, and in the parked log after the commit of
//!   that entry: a report is made once, however often the process dies.
//! * A pass goes through the log in steps, each a moment long, between two groups of the line.
//! * Beyond its size the oldest frames go, and are counted.

mod config;
mod done;
mod frame;

pub use config::Config;
pub use frame::{Counter, Parked};

use super::log::{self, Log, LogError, Seq, inspect};
use super::{restore, writer};
use crate::telemetry::OfParked;
use done::Done;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tracing::{info, warn};

/// The folder, in that of the gateway.
pub const FOLDER: &str = "parked";

/// Its cursor: everything up to it is done, and may go.
const CURSOR: &str = "done";
/// Entries that are a frame.
const FRAME: u8 = 1;
/// Entries that say which frames are done: their numbers, eight octets each.
const DONE: u8 = 2;
/// So many numbers stand in one entry.
const NUMBERS: usize = 512;
/// So many entries wait for a disk that fails; what comes on top is dropped.
const WAITING: u64 = 8192;
/// After the disk has failed it is left alone so long.
const PAUSE: Duration = Duration::from_secs(1);

/// The frames that wait.
#[derive(Debug)]
pub(crate) struct ParkedLog {
    log: Log,
    /// The last entry that was there at the start.
    opened: Seq,
    cursor: log::Reader,
    done: Done,
    /// Whether all entries that say what is done have been read.
    looked: bool,
    /// Frames that made a report, whose entries in the parked log are still to be written.
    settled: Vec<Seq>,
    pass: Option<Pass>,
    failed: Option<Instant>,
    counts: Arc<OfParked>,
    octets: Vec<u8>,
}

/// A way through the log, from the oldest frame to what was there when it began.
#[derive(Debug)]
struct Pass {
    reader: log::Reader,
    until: Seq,
}

/// One step of a pass.
#[derive(Debug)]
pub(crate) enum Step {
    /// There was no frame at this place.
    Passed,
    /// A frame to be decoded.
    Frame {
        /// Its place.
        seq: Seq,
        /// The frame.
        frame: Box<Parked>,
        /// It has made its report already: only its counter still counts, for those after it.
        done: bool,
    },
}

impl ParkedLog {
    /// Opens it in a gateway's folder. Damage is told in the log.
    pub(super) fn open(data: &Path, config: &Config) -> Result<Self, LogError> {
        let opened = Log::open(&data.join(FOLDER), &config.log(), &[CURSOR])?;
        opened.damage.iter().for_each(restore::told);
        let log = opened.log;
        let cursor = opened.readers.into_iter().next().unwrap_or_else(|| log.reader(log.oldest()));
        let mut done = Done::default();
        done.begin(log.oldest());
        Ok(Self {
            opened: log.committed(),
            log,
            cursor,
            done,
            looked: false,
            settled: Vec::new(),
            pass: None,
            failed: None,
            counts: Arc::default(),
            octets: Vec::new(),
        })
    }

    /// From now on it counts here.
    pub(super) fn counting(&mut self, counts: Arc<OfParked>) {
        counts.octets.set(self.log.gauge().octets());
        self.counts = counts;
    }

    /// From now on other settings hold.
    pub(super) fn set(&mut self, config: &Config) -> Result<(), LogError> {
        self.log.set(config.log())
    }

    /// Where the next frame will stand: the log's id and the number.
    pub(super) fn place(&self) -> (u64, Seq) {
        (self.log.id(), self.log.next())
    }

    /// Takes a frame whose entry the queue has taken.
    pub(super) fn put(&mut self, octets: &[u8]) {
        let room = self.log.waiting() < WAITING;
        match room.then(|| self.log.append(FRAME, writer::now(), &[octets])) {
            Some(Ok(_)) => self.counts.parked.add(1),
            Some(Err(error)) => {
                self.counts.dropped.add(1);
                warn!(%error, "a frame that cannot be decoded is not kept for later");
            }
            None => self.counts.dropped.add(1),
        }
        self.account();
    }

    /// A frame too large to be kept.
    pub(super) fn too_large(&self) {
        self.counts.dropped.add(1);
    }

    /// At a start: what an entry of the queue says of a frame that was parked there. `true` when it was not here yet.
    pub(super) fn again(&mut self, (id, seq): (u64, Seq), octets: &[u8]) -> bool {
        let missing = id != self.log.id() || seq > self.opened;
        if missing {
            self.put(octets);
        }
        missing
    }

    /// At a start: what an entry of the queue says of a frame that made its report. `true` when it is one of these here.
    pub(super) fn done_again(&mut self, (id, seq): (u64, Seq)) -> bool {
        let known = id == self.log.id() && seq <= self.opened;
        if known {
            self.settled.push(seq);
            self.done.set(seq);
        }
        known
    }

    /// A frame has made its report, which the queue has taken.
    pub(super) fn redeemed(&mut self, seq: Seq) {
        if self.done.set(seq) {
            self.counts.redeemed.add(1);
        }
        self.settled.push(seq);
    }

    /// The reports of all frames that made one are committed.
    pub(super) fn settle(&mut self) {
        while let Some(some) = self.settled.get(..self.settled.len().min(NUMBERS)).filter(|some| !some.is_empty()) {
            self.octets.clear();
            self.octets.extend(some.iter().flat_map(|seq| seq.0.to_le_bytes()));
            let count = some.len();
            match self.log.append(DONE, writer::now(), &[&self.octets]) {
                Ok(own) => self.done.set(own),
                // They are said the next time; until then no snapshot is made, so that a start would know.
                Err(_) => break,
            };
            self.settled.drain(..count);
        }
    }

    /// Has everything on the disk; `false` when that is not so.
    pub(crate) fn commit(&mut self) -> bool {
        if self.log.waiting() == 0 {
            return self.settled.is_empty();
        }
        if self.failed.is_some_and(|at| at.elapsed() < PAUSE) {
            return false;
        }
        match self.log.commit() {
            Ok(_) => self.failed = None,
            Err(error) => {
                warn!(%error, "the frames that wait for a key are not on the disk by themselves yet, the queue keeps them");
                self.failed = Some(Instant::now());
            }
        }
        self.failed.is_none() && self.settled.is_empty()
    }

    /// Commits when it is time.
    pub(super) fn commit_if_due(&mut self) {
        if self.log.due(Instant::now()) {
            self.commit();
        }
    }

    /// What is to be done now and then; what became too old goes while the clock is `trusted`.
    pub(super) fn upkeep(&mut self, trusted: bool) {
        self.commit();
        let expired = if trusted { self.log.expire(writer::now()) } else { Ok(()) };
        let tidied = expired.and_then(|()| self.free()).and_then(|()| self.log.release());
        if let Err(error) = tidied {
            warn!(%error, "the frames that wait for a key cannot be put in order, trying again");
        }
        self.account();
        self.counts.octets.set(self.log.gauge().octets());
    }

    /// Lets go of what is done at the front.
    fn free(&mut self) -> Result<(), LogError> {
        if !self.looked || self.pass.is_some() {
            return Ok(());
        }
        let from = Seq(self.cursor.confirmed().0 + 1);
        let first = self.done.first_waiting(from, Seq(self.log.committed().0 + 1));
        if first > from {
            self.cursor.confirm(Seq(first.0 - 1));
            self.cursor.save()?;
            self.done.begin(self.log.oldest());
        }
        Ok(())
    }

    /// Counts what made room.
    fn account(&mut self) {
        let losses = self.log.losses();
        let Some(dropped) = losses.dropped else { return };
        let frames = if self.looked { self.done.waiting(dropped.from, dropped.to) } else { dropped.count };
        self.counts.dropped.add(frames);
        self.done.begin(self.log.oldest());
        info!(frames, "frames that could not be decoded made room for newer ones, or were too old");
        if let Err(error) = self.log.recorded(losses) {
            warn!(%error, "what made room will be counted twice");
        }
    }

    /// Begins a pass: every frame is to be tried again.
    pub(crate) fn begin(&mut self) {
        self.commit();
        let until = self.log.committed();
        if until >= self.log.oldest() {
            self.pass = Some(Pass { reader: self.log.reader(self.log.oldest()), until });
        } else {
            self.looked = true;
        }
    }

    /// Whether a pass is on its way.
    pub(crate) const fn is_busy(&self) -> bool {
        self.pass.is_some()
    }

    /// The next step of a pass; `None` when there is none.
    pub(crate) fn step(&mut self) -> Option<Step> {
        let Self { pass, done, looked, .. } = self;
        let pass = pass.as_mut()?;
        let step = match pass.reader.next() {
            Ok(Some(entry)) if entry.seq <= pass.until => match (entry.kind, *looked) {
                (FRAME, true) => {
                    let (seq, done) = (entry.seq, done.has(entry.seq));
                    let frame = Parked::read(entry.payload).map(Box::new);
                    frame.map_or(Step::Passed, |frame| Step::Frame { seq, frame, done })
                }
                (DONE, false) => {
                    done.set(entry.seq);
                    let numbers = entry.payload.chunks_exact(8).filter_map(|octets| octets.first_chunk());
                    // An entry speaks of earlier ones.
                    let numbers = numbers.map(|octets| Seq(u64::from_le_bytes(*octets))).filter(|seq| *seq < entry.seq);
                    numbers.for_each(|seq| {
                        done.set(seq);
                    });
                    Step::Passed
                }
                _ => Step::Passed,
            },
            // The first time through it is seen what is done; then the frames are tried.
            Ok(_) if !*looked => {
                *looked = true;
                let oldest = self.log.oldest();
                pass.reader.seek(oldest);
                Step::Passed
            }
            Ok(_) => {
                self.end();
                return None;
            }
            Err(error) => {
                warn!(%error, "the frames that wait for a key cannot be read, they are tried at the next reload or start");
                self.end();
                return None;
            }
        };
        Some(step)
    }

    /// This frame was not dealt with: it is the next one again.
    pub(crate) fn back(&mut self, seq: Seq) {
        if let Some(pass) = &mut self.pass {
            pass.reader.seek(seq);
        }
    }

    fn end(&mut self) {
        if let Some(mut pass) = self.pass.take() {
            pass.reader.damage().iter().for_each(restore::told);
        }
    }
}

/// How the frames that wait are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    /// Octets that segments take on the disk.
    pub(crate) octets: u64,
    /// Frames that wait.
    pub(crate) frames: u64,
    /// When the oldest of them was parked, in milliseconds since 1970.
    pub(crate) oldest: Option<u64>,
}

/// Looks at a parked log; `None` when there is none.
pub(crate) fn stat(folder: &Path) -> Result<Option<Stat>, LogError> {
    if !folder.is_dir() {
        return Ok(None);
    }
    let octets = inspect::stat(folder)?.octets;
    let (mut done, mut begun) = (Done::default(), false);
    let mut look = |each: &mut dyn FnMut(&log::Entry<'_>, &mut Done)| {
        inspect::peek(folder, Seq(1), usize::MAX, |entry| {
            if !begun {
                done.begin(entry.seq);
                begun = true;
            }
            each(entry, &mut done);
        })
    };
    look(&mut |entry, done| {
        if entry.kind == DONE {
            let numbers = entry.payload.chunks_exact(8).filter_map(|octets| octets.first_chunk());
            for seq in numbers.map(|octets| Seq(u64::from_le_bytes(*octets))).filter(|seq| *seq < entry.seq) {
                done.set(seq);
            }
        }
    })?;
    let (mut frames, mut oldest) = (0, None);
    look(&mut |entry, done| {
        if entry.kind == FRAME && !done.has(entry.seq) {
            frames += 1;
            oldest = oldest.or(Some(entry.stamp));
        }
    })?;
    Ok(Some(Stat { octets, frames, oldest }))
}
