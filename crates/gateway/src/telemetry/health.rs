//! Whether the gateway is well: what keeps it from its work, in words.

use super::number::seconds;
use super::{OfSource, View};
use std::sync::Arc;

/// A sink that has delivered something within so many seconds makes progress, whatever faults it meets.
const RECENT: u64 = 60;

impl View {
    /// Whether the line runs.
    pub(crate) fn is_alive(&self) -> bool {
        self.counts.line.running.get()
    }

    /// Why the gateway does not do its work; empty when it does.
    pub(crate) fn obstacles(&self) -> Vec<String> {
        let line = &self.counts.line;
        let mut obstacles = Vec::new();
        if self.counts.stopping.get() {
            obstacles.push("gateway: stopping".to_owned());
        }
        if !self.is_alive() {
            obstacles.push("line: does not run".to_owned());
        }
        if line.broken.get() {
            obstacles.push("queue: the disk does not take records".to_owned());
        }
        if line.full.get() {
            obstacles.push("queue: full".to_owned());
        }
        let (sources, now) = (self.counts.sources.all(), seconds());
        let bar = |source: &Arc<OfSource>| Some(format!("source {}: {}", source.name, source.bar(now)?));
        obstacles.extend(sources.iter().filter_map(bar));
        let sinks = self.counts.sinks.all();
        obstacles.extend(sinks.iter().filter_map(|sink| Some(format!("sink {}: {}", sink.name, sink.bar()?))));
        let waiting = self.unconfirmed();
        if waiting > 0 && sinks.iter().all(|sink| sink.is_stuck(now, RECENT)) {
            obstacles.push(format!("queue: records wait: {waiting}"));
            obstacles.extend(sinks.iter().map(|sink| format!("sink {}: delivers nothing", sink.name)));
        }
        obstacles
    }
}
