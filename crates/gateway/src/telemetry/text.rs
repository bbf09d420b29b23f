//! The counts as text: the exposition format of Prometheus, version 0.0.4.

use super::{OfBus, View};
use crate::clock;
use std::fmt::{self, Display, Write as _};
use std::time::Duration;

/// What the page says it is.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The page being written.
#[derive(Default)]
struct Page(String);

impl View {
    /// The page.
    pub(super) fn metrics(&self) -> String {
        let mut page = Page::default();
        self.process(&mut page);
        Self::clock(&mut page);
        self.sources(&mut page);
        self.line(&mut page);
        self.sinks(&mut page);
        page.0
    }

    fn process(&self, page: &mut Page) {
        page.head("esh_build_info", "gauge", "Always 1; the labels say which gateway this is.");
        let version = env!("CARGO_PKG_VERSION");
        page.row("esh_build_info", &[("gateway", &self.gateway), ("version", version)], 1);
        page.one("esh_start_time_seconds", "gauge", "When the gateway was started, since 1970.", self.counts.started);
        let help = "Requests of those who may not look: without the token, or led here by another site.";
        page.one("esh_http_denied_total", "counter", help, self.counts.denied.get());
        let reloads = &self.counts.reloads;
        let rows = [("ok", reloads.ok.get()), ("failed", reloads.failed.get())];
        page.many("esh_config_reloads_total", "Times the configuration was taken anew.", "result", rows);
        let help = "Whether the configuration as it stands is the one that runs.";
        page.one("esh_config_last_reload_successful", "gauge", help, (!reloads.wrong.get()).into());
        let help = "When the configuration was last taken anew, since 1970; 0 before the first time.";
        page.one("esh_config_last_reload_time_seconds", "gauge", help, reloads.last.get());
    }

    fn clock(page: &mut Page) {
        let help = "1 while the clock is set, 0 while time stamps are marked as unsynchronised.";
        page.one("esh_clock_synchronised", "gauge", help, u64::from(clock::is_set()));
    }

    fn sources(&self, page: &mut Page) {
        let all = self.counts.sources.all();
        let sources = || all.iter().map(|source| (source.name.as_str(), &**source));
        let rows = sources().map(|(name, source)| (name, source.frames.get()));
        page.many("esh_source_frames_total", "Frames received.", "source", rows);
        let rows = sources().map(|(name, source)| (name, source.unreadable.get()));
        page.many("esh_source_unreadable_total", "Lines in which no frame was found.", "source", rows);
        let rows = sources().map(|(name, source)| (name, source.reconnects.get()));
        page.many("esh_source_reconnects_total", "Times it began again after its input was lost.", "source", rows);
        let rows = sources().map(|(name, source)| (name, source.overrun.get()));
        page.many("esh_source_overrun_total", "Messages let go: those before were not taken yet.", "source", rows);
        let rows = sources().map(|(name, source)| (name, source.bad_crc.get()));
        page.many("esh_source_bad_crc_total", "Frames that the radio received damaged.", "source", rows);
        let rows = sources().map(|(name, source)| (name, source.transmitted.get()));
        page.many("esh_source_transmitted_total", "Answers handed to a gateway to transmit.", "source", rows);
        let rows = sources().map(|(name, source)| (name, source.not_transmitted.get()));
        page.many("esh_source_not_transmitted_total", "Answers that were not transmitted.", "source", rows);
        let rows = sources().map(|(name, source)| (name, source.retained.get()));
        page.many("esh_source_retained_total", "Messages a broker had kept, which are no news.", "source", rows);
        let name = "esh_source_up";
        page.head(name, "gauge", "1 while its frames can come, of sources that know.");
        for (source, up) in sources().filter_map(|(name, source)| Some((name, source.is_up()?))) {
            page.row(name, &[("source", source)], u64::from(up));
        }
        let buses: Vec<_> = sources().filter_map(|(name, source)| Some((name, source.as_bus()?))).collect();
        if !buses.is_empty() {
            Self::buses(page, &buses);
        }
    }

    fn buses(page: &mut Page, buses: &[(&str, &OfBus)]) {
        let rows = |count: fn(&OfBus) -> u64| buses.iter().map(move |(name, bus)| (*name, count(bus)));
        let mut many = |name, help, count: fn(&OfBus) -> u64| page.many(name, help, "source", rows(count));
        many("esh_source_polls_total", "Times a meter was to be read.", |bus| bus.polls.get());
        many("esh_source_polls_failed_total", "Times that brought nothing.", |bus| bus.failed.get());
        many("esh_source_requests_total", "Requests sent on a bus.", |bus| bus.requests.get());
        many("esh_source_timeouts_total", "Requests that were not answered in time.", |bus| bus.timeouts.get());
        many("esh_source_refused_total", "Requests that a device refused.", |bus| bus.refused.get());
        many("esh_source_stray_octets_total", "Octets on a bus that answered nothing.", |bus| bus.stray.get());
        many("esh_source_slots_missed_total", "Times at which a meter was due and not read.", |bus| bus.missed.get());
        page.head("esh_source_meters_silent", "gauge", "Meters on a bus that do not answer.");
        for (name, bus) in buses {
            page.row("esh_source_meters_silent", &[("source", name)], bus.silent.get());
        }
    }

    fn line(&self, page: &mut Page) {
        let line = &*self.counts.line;
        page.one("esh_frames_copies_total", "counter", "Frames that were copies of others.", line.copies.get());
        page.one("esh_frames_decoded_total", "counter", "Frames decoded to their end.", line.decoded.get());
        let help = "Frames that could not be decoded, or not to their end.";
        page.many("esh_frames_failed_total", help, "reason", line.failures());
        let help = "Frames with a payload of a format that is not read.";
        page.one("esh_frames_unread_total", "counter", help, line.unread.get());
        let help = "Frames that are not forwarded: not allowed, or of unknown meters.";
        page.many("esh_frames_unwanted_total", help, "reason", line.unwanted_frames());
        let rows = [("source", &line.limited_source), ("meter", &line.limited_meter)];
        let rows = rows.map(|(of, count)| (of, count.get()));
        page.many("esh_frames_limited_total", "Frames that were too many of one source or meter.", "of", rows);
        page.many("esh_events_total", "Events about meters that were told.", "event", line.events());
        let meters = &line.meters;
        page.one("esh_meters_known", "gauge", "Meters that are known.", meters.known.get());
        let help = "Meters that are known and of which meters.toml says something.";
        page.one("esh_meters_listed", "gauge", help, meters.listed.get());
        page.one("esh_meters_silent", "gauge", "Meters that miss their usual period.", meters.silent.get());
        let rows = [("meters", &meters.forgotten), ("lessons", &meters.lessons), ("frames", &meters.frames)];
        let rows = rows.map(|(what, count)| (what, count.get()));
        page.many("esh_forgotten_total", "What was forgotten because there was too much.", "what", rows);
        let help = "Frames that were refused: no room, no disk, or too many.";
        page.one("esh_frames_refused_total", "counter", help, line.refused.get());
        page.one("esh_records_committed_total", "counter", "Records put on the disk.", line.records.get());
        let rows = [("made_room", &line.made_room), ("no_room", &line.no_room), ("damaged", &line.damaged)];
        let rows = rows.map(|(reason, count)| (reason, count.get()));
        page.many("esh_records_dropped_total", "Records lost, as events told them.", "reason", rows);
        let help = "Records that some sink has not confirmed.";
        page.one("esh_records_unconfirmed", "gauge", help, self.unconfirmed());
        page.one("esh_queue_octets", "gauge", "Octets that the queue takes on the disk.", self.octets());
        let help = "Age of the oldest record that some sink has not confirmed; 0 without one.";
        page.head("esh_queue_oldest_age_seconds", "gauge", help);
        let age = self.oldest_age();
        page.row("esh_queue_oldest_age_seconds", &[], format_args!("{}.{:03}", age / 1000, age % 1000));
        let parked = &line.parked;
        let help = "Frames kept because they could not be decoded.";
        page.one("esh_parked_frames_total", "counter", help, parked.parked.get());
        let help = "Kept frames that were decoded later.";
        page.one("esh_parked_redeemed_total", "counter", help, parked.redeemed.get());
        let help = "Kept frames that made room or were too old, and those that could not be kept.";
        page.one("esh_parked_dropped_total", "counter", help, parked.dropped.get());
        page.one("esh_parked_octets", "gauge", "Octets that they take on the disk.", parked.octets.get());
        page.head("esh_commit_seconds", "summary", "What it took to put records on the disk.");
        page.row("esh_commit_seconds_sum", &[], Seconds(line.commit_time()));
        page.row("esh_commit_seconds_count", &[], line.commits.get());
    }

    fn sinks(&self, page: &mut Page) {
        let all = self.counts.sinks.all();
        let sinks = || all.iter().map(|sink| (sink.name.as_str(), &**sink));
        let rows = sinks().map(|(name, sink)| (name, sink.acknowledged.get()));
        page.many("esh_sink_acknowledged_total", "Records delivered.", "sink", rows);
        let rows = sinks().map(|(name, sink)| (name, sink.reconnects.get()));
        page.many("esh_sink_reconnects_total", "Times it began again after a fault.", "sink", rows);
        let rows = sinks().map(|(name, sink)| (name, sink.set_aside.get()));
        page.many("esh_sink_set_aside_total", "Records its peer never takes, told as undecoded.", "sink", rows);
        let rows = sinks().map(|(name, sink)| (name, sink.given_up.get()));
        page.many("esh_sink_given_up_total", "Records its peer never takes, not even as undecoded.", "sink", rows);
        let rows = sinks().map(|(name, sink)| (name, sink.retried.get()));
        page.many("esh_sink_retried_total", "Records sent again after a fault.", "sink", rows);
        let name = "esh_sink_delivery_seconds";
        page.head(name, "summary", "From a record's handing over to its acknowledgement.");
        for (sink, counts) in sinks().filter(|(_, counts)| counts.timed.get() > 0) {
            page.row(&format!("{name}_sum"), &[("sink", sink)], Seconds(counts.time()));
            page.row(&format!("{name}_count"), &[("sink", sink)], counts.timed.get());
        }
        let name = "esh_sink_last_acknowledged_time_seconds";
        page.head(name, "gauge", "When it last delivered records, since 1970; 0 before the first.");
        for (sink, counts) in sinks() {
            page.row(name, &[("sink", sink)], counts.last());
        }
    }
}

/// A length of time, to the microsecond.
struct Seconds(Duration);

impl Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:06}", self.0.as_secs(), self.0.subsec_micros())
    }
}

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn one(&mut self, name: &str, kind: &str, help: &str, value: u64) {
        self.head(name, kind, help);
        self.row(name, &[], value);
    }

    /// A counter with a row for each value of a label.
    fn many<'a>(&mut self, name: &str, help: &str, label: &str, rows: impl IntoIterator<Item = (&'a str, u64)>) {
        self.head(name, "counter", help);
        for (of, value) in rows {
            self.row(name, &[(label, of)], value);
        }
    }

    fn row(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        self.0.push_str(name);
        for (n, (label, value)) in labels.iter().enumerate() {
            let _ = write!(self.0, "{}{label}=\"", if n == 0 { '{' } else { ',' });
            for c in value.chars() {
                match c {
                    '\\' => self.0.push_str("\\\\"),
                    '"' => self.0.push_str("\\\""),
                    '\n' => self.0.push_str("\\n"),
                    c => self.0.push(c),
                }
            }
            self.0.push('"');
        }
        let _ = writeln!(self.0, "{} {value}", if labels.is_empty() { "" } else { "}" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_values_are_escaped() {
        let mut page = Page::default();
        page.row("a", &[("b", "c\\d\"e\nf"), ("g", "h")], 7);
        page.row("i", &[], 8);
        assert_eq!(page.0, "a{b=\"c\\\\d\\\"e\\nf\",g=\"h\"} 7\ni 8\n");
    }
}
