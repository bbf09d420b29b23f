//! What the parts count. Nobody concludes anything from the order of two numbers.

use super::number::{Count, Flag, seconds};
use super::sink::OfSink;
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
    /// Commits, and the microseconds they took.
    pub(crate) commits: Count,
    commit_micros: Count,
    /// Records that were lost, as events tell them.
    pub(crate) made_room: Count,
    pub(crate) no_room: Count,
    pub(crate) damaged: Count,
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
