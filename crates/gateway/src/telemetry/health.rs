//! Whether the gateway is well: what keeps it from its work, in words.

use super::View;
use super::counts::{OfSink, seconds};

/// A sink that has delivered something within so many seconds makes progress, whatever faults it meets.
const RECENT: u64 = 60;

impl View {
    /// Whether the line runs.
    pub(super) fn is_alive(&self) -> bool {
        self.counts.line.running.get()
    }

    /// Why the gateway does not do its work; empty when it does.
    pub(super) fn obstacles(&self) -> Vec<String> {
        let line = &self.counts.line;
        let mut obstacles = Vec::new();
        if !self.is_alive() {
            obstacles.push("line: does not run, the gateway starts or stops".to_owned());
        }
        if line.broken.get() {
            obstacles.push("queue: the disk does not take records".to_owned());
        }
        if line.full.get() {
            obstacles.push("queue: full".to_owned());
        }
        let waiting = self.queue.unconfirmed();
        if waiting > 0 && self.counts.sinks.iter().all(|sink| is_stuck(sink)) {
            let sinks = self.counts.sinks.iter();
            obstacles.extend(sinks.map(|sink| format!("sink {}: away, {waiting} records wait", sink.name)));
        }
        obstacles
    }
}

fn is_stuck(sink: &OfSink) -> bool {
    sink.away.get() && seconds().saturating_sub(sink.last()) > RECENT
}
