//! What the parts count. Nobody concludes anything from the order of two numbers.

use super::number::{Count, Flag, Level, seconds};
use super::recent::Recent;
use super::sink::OfSink;
use crate::meters::{Happened, Limited, Numbers, Unwanted};
use esh_core::Reason;
use std::array;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::Duration;

/// What all parts count, made by `run.rs`.
#[derive(Debug)]
pub(crate) struct Counts {
    /// When the gateway was started, in seconds since 1970.
    pub(crate) started: u64,
    /// The gateway was asked to stop.
    pub(crate) stopping: Flag,
    /// Requests for the page or for metrics of those who may not look.
    pub(crate) denied: Count,
    pub(crate) sources: Listed<OfSource>,
    pub(crate) line: Arc<OfLine>,
    pub(crate) sinks: Listed<OfSink>,
    pub(crate) reloads: OfReloads,
}

impl Counts {
    /// Nothing is counted yet.
    pub(crate) fn new() -> Self {
        Self {
            started: seconds(),
            stopping: Flag::default(),
            denied: Count::default(),
            sources: Listed::default(),
            line: Arc::default(),
            sinks: Listed::default(),
            reloads: OfReloads::default(),
        }
    }
}

/// What the parts of one kind count. They come and go with the configuration.
#[derive(Debug)]
pub(crate) struct Listed<T>(RwLock<Vec<Arc<T>>>);

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Self(RwLock::default())
    }
}

impl<T> Listed<T> {
    /// Those there are now.
    pub(crate) fn all(&self) -> Vec<Arc<T>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// From now on there are these.
    pub(crate) fn set(&self, all: Vec<Arc<T>>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = all;
    }
}

/// How the configuration was taken anew.
#[derive(Debug, Default)]
pub(crate) struct OfReloads {
    pub(crate) ok: Count,
    pub(crate) failed: Count,
    /// The last attempt failed: the gateway runs with what it had before.
    pub(crate) wrong: Flag,
    /// When the last one was made that did not fail, in seconds since 1970; 0 when there was none.
    pub(crate) last: Level,
}

impl OfReloads {
    pub(crate) fn made(&self, well: bool) {
        if well {
            self.ok.add(1);
            self.last.set(seconds());
        } else {
            self.failed.add(1);
        }
        self.wrong.set(!well);
    }
}

/// What a source counts.
#[derive(Debug, Default)]
pub(crate) struct OfSource {
    pub(crate) name: String,
    /// Frames it has put into the intake.
    pub(crate) frames: Count,
    /// Lines in which no frame was found.
    pub(crate) unreadable: Count,
    /// Times it has begun again after its input was lost.
    pub(crate) reconnects: Count,
    /// Messages let go because those before them were not taken yet.
    pub(crate) overrun: Count,
    /// Frames passed over whose checksum of the radio was wrong or missing.
    pub(crate) bad_crc: Count,
    /// Answers handed to a gateway to transmit, and those that were not transmitted.
    pub(crate) transmitted: Count,
    pub(crate) not_transmitted: Count,
    /// Messages that a broker had kept, and that are no news.
    pub(crate) retained: Count,
    reach: Mutex<Reach>,
    /// What a bus counts; other sources do not make it.
    bus: OnceLock<Arc<OfBus>>,
}

/// What a bus counts beside.
#[derive(Debug, Default)]
pub(crate) struct OfBus {
    /// Times a meter was read, or was to be.
    pub(crate) polls: Count,
    /// Those that brought nothing.
    pub(crate) failed: Count,
    /// Requests sent.
    pub(crate) requests: Count,
    /// Those that were not answered in time.
    pub(crate) timeouts: Count,
    /// Those that were refused.
    pub(crate) refused: Count,
    /// Octets that answered nothing.
    pub(crate) stray: Count,
    /// Slots at which nobody was asked.
    pub(crate) missed: Level,
    /// Meters that do not answer.
    pub(crate) silent: Level,
}

/// Whether a source reaches those from whom its frames come, where it can tell.
#[derive(Debug, Default)]
struct Reach {
    /// It can tell.
    known: bool,
    /// Why it does not reach its peer, since when, in seconds since 1970, and whether somebody must do something about it.
    away: Option<(String, u64, bool)>,
    /// Why its peer has nothing to give.
    barred: Option<String>,
}

/// A peer that is away for no longer is no reason to worry.
const BRIEFLY: u64 = 60;

impl OfSource {
    fn reach(&self) -> MutexGuard<'_, Reach> {
        self.reach.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its peer is there.
    pub(crate) fn reached(&self) {
        let mut reach = self.reach();
        (reach.known, reach.away) = (true, None);
    }

    /// Its peer is not there, or does not let it in until somebody changes that.
    pub(crate) fn unreached(&self, why: &str, barred: bool) {
        let mut reach = self.reach();
        let since = reach.away.as_ref().map_or_else(seconds, |(_, since, _)| *since);
        (reach.known, reach.away) = (true, Some((why.to_owned(), since, barred)));
    }

    /// Its peer has nothing to give.
    pub(crate) fn barred(&self, why: &str) {
        self.reach().barred = Some(why.to_owned());
    }

    /// Its peer does its work again.
    pub(crate) fn allowed(&self) {
        self.reach().barred = None;
    }

    /// Whether frames can come; `None` where nobody can tell.
    pub(super) fn is_up(&self) -> Option<bool> {
        let reach = self.reach();
        reach.known.then_some(reach.away.is_none() && reach.barred.is_none())
    }

    /// Why no frames come, when that has lasted.
    pub(super) fn bar(&self, now: u64) -> Option<String> {
        let reach = self.reach();
        match &reach.away {
            Some((why, since, barred)) if *barred || now.saturating_sub(*since) > BRIEFLY => Some(why.clone()),
            _ => reach.barred.clone(),
        }
    }

    /// What it counts as a bus.
    pub(crate) fn bus(&self) -> Arc<OfBus> {
        Arc::clone(self.bus.get_or_init(Arc::default))
    }

    /// What it counts as a bus, where it is one.
    pub(super) fn as_bus(&self) -> Option<&OfBus> {
        self.bus.get().map(|bus| &**bus)
    }

    /// For a source of that name.
    pub(crate) fn new(name: String) -> Self {
        Self { name, ..Self::default() }
    }
}

/// What the line counts.
#[derive(Debug, Default)]
pub(crate) struct OfLine {
    /// The line takes captures.
    pub(crate) running: Flag,
    /// It has gone round once more, or waits for room: it does not hang.
    pub(crate) beat: Count,
    /// The disk does not take records.
    pub(crate) broken: Flag,
    /// There is no room for the next record.
    pub(crate) full: Flag,
    /// Records committed.
    pub(crate) records: Count,
    /// Captures that were copies of others.
    pub(crate) copies: Count,
    /// Captures that were refused.
    pub(crate) refused: Count,
    /// Frames decoded to their end.
    pub(crate) decoded: Count,
    /// Frames whose payload is of a format that nobody here reads.
    pub(crate) unread: Count,
    failed: [Count; Reason::WORDS.len()],
    /// What becomes of those that could not be decoded.
    pub(crate) parked: Arc<OfParked>,
    unwanted: [Count; Unwanted::ALL.len()],
    told: [Count; Happened::WORDS.len()],
    /// Frames that were too many of their source, and of their meter.
    pub(crate) limited_source: Count,
    pub(crate) limited_meter: Count,
    /// The meters that are known.
    pub(crate) meters: OfMeters,
    /// Commits, and the microseconds they took.
    pub(crate) commits: Count,
    commit_micros: Count,
    /// Records that were lost, as events tell them.
    pub(crate) made_room: Count,
    pub(crate) no_room: Count,
    pub(crate) damaged: Count,
    /// What came in lately, for the page.
    pub(crate) recent: Recent,
}

/// What the log of parked frames counts.
#[derive(Debug, Default)]
pub(crate) struct OfParked {
    /// Frames parked.
    pub(crate) parked: Count,
    /// Frames that were decoded later.
    pub(crate) redeemed: Count,
    /// Frames that wait no longer and were not decoded: no room, too old, or not kept at all.
    pub(crate) dropped: Count,
    /// Octets it takes on the disk.
    pub(crate) octets: Level,
}

impl OfLine {
    /// A frame could not be decoded, or not to its end.
    pub(crate) fn failed(&self, reason: Reason) {
        let place = Reason::WORDS.iter().position(|word| *word == reason.word());
        if let Some(count) = place.and_then(|place| self.failed.get(place)) {
            count.add(1);
        }
    }

    /// How many frames failed, for each reason there is.
    pub(crate) fn failures(&self) -> [(&'static str, u64); Reason::WORDS.len()] {
        let mut counts = self.failed.iter();
        array::from_fn(|n| (Reason::WORDS.get(n).copied().unwrap_or_default(), counts.next().map_or(0, Count::get)))
    }

    /// A frame is not forwarded.
    pub(crate) fn unwanted(&self, unwanted: Unwanted) {
        let place = Unwanted::ALL.iter().position(|known| *known == unwanted);
        if let Some(count) = place.and_then(|place| self.unwanted.get(place)) {
            count.add(1);
        }
    }

    /// How many frames were not forwarded, for each reason there is.
    pub(crate) fn unwanted_frames(&self) -> [(&'static str, u64); Unwanted::ALL.len()] {
        let mut counts = self.unwanted.iter();
        Unwanted::ALL.map(|unwanted| (unwanted.word(), counts.next().map_or(0, Count::get)))
    }

    /// An event about a meter is told.
    pub(crate) fn told(&self, happened: Happened) {
        let place = Happened::WORDS.iter().position(|word| *word == happened.word());
        if let Some(count) = place.and_then(|place| self.told.get(place)) {
            count.add(1);
        }
    }

    /// How many events about meters were told, of each kind.
    pub(crate) fn events(&self) -> [(&'static str, u64); Happened::WORDS.len()] {
        let mut counts = self.told.iter();
        Happened::WORDS.map(|word| (word, counts.next().map_or(0, Count::get)))
    }

    /// A frame was too many.
    pub(crate) fn limited(&self, limited: Limited) {
        match limited {
            Limited::Source => self.limited_source.add(1),
            Limited::Meter => self.limited_meter.add(1),
        }
    }

    /// A commit took so long.
    pub(crate) fn committed(&self, took: Duration) {
        self.commits.add(1);
        self.commit_micros.add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    /// What all commits took.
    pub(crate) fn commit_time(&self) -> Duration {
        Duration::from_micros(self.commit_micros.get())
    }
}

/// How many meters are known.
#[derive(Debug, Default)]
pub(crate) struct OfMeters {
    pub(crate) known: Level,
    pub(crate) listed: Level,
    pub(crate) silent: Level,
    /// What was forgotten because there was too much: meters, lessons of frames, and frames of the dedup window.
    pub(crate) forgotten: Level,
    pub(crate) lessons: Level,
    pub(crate) frames: Level,
}

impl OfMeters {
    /// It is so many now.
    pub(crate) fn set(&self, numbers: &Numbers) {
        self.known.set(numbers.known);
        self.listed.set(numbers.listed);
        self.silent.set(numbers.silent);
        self.forgotten.set(numbers.forgotten);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_its_count() {
        let line = OfLine::default();
        line.failed(Reason::NoKey);
        let failures = line.failures();
        assert!(failures.iter().all(|(word, count)| *count == u64::from(*word == "no_key")), "{failures:?}");
        assert_eq!(failures.map(|(word, _)| word), Reason::WORDS);
    }
}
