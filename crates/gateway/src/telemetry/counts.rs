//! What the parts count. Nobody concludes anything from the order of two numbers.

use super::number::{Count, Flag, Level, seconds};
use super::recent::Recent;
use super::sink::OfSink;
use crate::meters::{Happened, Limited, Numbers, Unwanted};
use esh_core::Reason;
use std::array;
use std::sync::Arc;
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
    pub(crate) sources: Vec<Arc<OfSource>>,
    pub(crate) line: Arc<OfLine>,
    pub(crate) sinks: Vec<Arc<OfSink>>,
}

impl Counts {
    /// For sources and sinks of these names.
    pub(crate) fn new(sources: impl Iterator<Item = String>, sinks: impl Iterator<Item = String>) -> Self {
        Self {
            started: seconds(),
            stopping: Flag::default(),
            denied: Count::default(),
            sources: sources.map(|name| Arc::new(OfSource { name, ..OfSource::default() })).collect(),
            line: Arc::default(),
            sinks: sinks.map(|name| Arc::new(OfSink::new(name))).collect(),
        }
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
