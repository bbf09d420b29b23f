//! The worker: makes records of captures with what the running gateway knows.

use crate::capture::{Capture, Framing};
use crate::decode::{Decoded, Decoder, Frame, Witness};
use crate::encode::Source;
use crate::keys::{KeyStore, SharedKeys};
use crate::meters::{Heard, Meters};
use crate::protocols::{EventKind, Fragments};
use crate::queue::parked::{Counter, Parked};
use crate::record::{Kind, Record};
use crate::run::Decode;
use crate::taught::{Lesson, Taught, layout_name};
use bytes::Bytes;
use esh_core::{Alarms, DecodeError, Key, Known, Layer, Learned, Meter, Purpose, Reason};
use jiff::tz::TimeZone;
use std::sync::Arc;

/// Decodes with keys and with what earlier frames taught.
#[derive(Debug)]
pub struct Worker {
    decoder: Decoder,
    keys: Arc<KeyStore>,
    shared: SharedKeys,
    taught: Taught,
    fragments: Fragments,
    /// What the last capture teaches; it becomes true when its record is stored.
    lessons: Vec<Lesson>,
    /// What it says of its meter.
    heard: Heard,
    /// Why the last capture failed.
    failed: Option<DecodeError>,
    /// Whose it was.
    meter: Option<Meter>,
    /// It was kept by a broker, and is nothing new.
    told_before: bool,
    /// It decodes what was archived.
    replaying: bool,
    report: Vec<u8>,
    /// What parked frames are decoded with.
    apart: Apart,
}

/// What parked frames taught each other on one way through them, apart from the live line: a counter that was accepted
/// since does not make an older frame a replay, and an older frame does not take the counter back.
#[derive(Debug, Default)]
struct Apart {
    taught: Taught,
    fragments: Fragments,
    /// What the last one teaches the next ones.
    lessons: Vec<Lesson>,
}

impl Worker {
    /// For a gateway of that name; `zone` is that of meters that name none.
    #[must_use]
    pub fn new(gateway: &str, zone: Option<TimeZone>, keys: KeyStore) -> Self {
        let keys = Arc::new(keys);
        Self {
            decoder: Decoder::for_gateway(gateway, zone),
            shared: SharedKeys::new(Arc::clone(&keys)),
            keys,
            taught: Taught::default(),
            fragments: Fragments::default(),
            lessons: Vec::new(),
            heard: Heard::default(),
            failed: None,
            meter: None,
            told_before: false,
            replaying: false,
            report: Vec::new(),
            apart: Apart::default(),
        }
    }
}

impl Worker {
    /// For a replay: a frame whose counter is an old one is left out. After a crash a stretch of frames may stand in an
    /// archive twice, and where damage has hit the first, the second comes behind later counters: nobody's reading, which
    /// has the same id, shall give way to an error.
    #[must_use]
    pub fn replaying(self) -> Self {
        Self { replaying: true, ..self }
    }
}

impl Decode for Worker {
    fn decode(&mut self, capture: &Capture, copies: u32) -> Record {
        let Self { decoder, keys, taught, fragments, lessons, heard, failed, meter, told_before, report, .. } = self;
        lessons.clear();
        report.clear();
        let known = WorkerKnown { keys, taught, then: None };
        let mut notes = Notes { lessons, alarms: Alarms::NONE, absent: Alarms::NONE, reachable: None };
        let decoded = decoder.decode(&frame(capture, copies), &known, Some(fragments), &mut notes, report);
        let Notes { alarms, absent, reachable, .. } = notes;
        *failed = decoded.error;
        *meter = decoded.meter;
        *heard = Heard {
            meter: decoded.meter.filter(|_| decoded.error.is_none_or(|error| is_of_its_meter(&error))),
            unwanted: decoded.unwanted,
            live: is_of_now(capture.framing, reachable),
            alarms,
            absent: absent.minus(alarms),
            reachable,
        };
        // What a broker had kept and was told before is no news, and no failure of anybody.
        *told_before = capture.framing == Some(Framing::Retained)
            && failed.is_some_and(|error| matches!(error.reason, Reason::Replayed { .. } | Reason::Unsupported));
        record(capture, &decoded, report)
    }

    fn counters(&self) -> Vec<Counter> {
        let Some(meter) = self.meter else { return Vec::new() };
        let known = |purpose: &Purpose| Some((meter, *purpose, self.taught.counter(&meter, *purpose)?));
        Purpose::ALL.iter().filter_map(known).collect()
    }

    fn afresh(&mut self) {
        self.apart = Apart::default();
    }

    fn again(&mut self, parked: &Parked) -> Option<Record> {
        let Self { decoder, keys, taught, lessons, report, apart, .. } = self;
        apart.lessons.clear();
        lessons.clear();
        report.clear();
        let known = WorkerKnown { keys, taught, then: Some((&apart.taught, &parked.counters)) };
        let mut notes =
            Notes { lessons: &mut apart.lessons, alarms: Alarms::NONE, absent: Alarms::NONE, reachable: None };
        let frame = frame(&parked.capture, 1);
        let decoded = decoder.decode(&frame, &known, Some(&mut apart.fragments), &mut notes, report);
        let record = record(&parked.capture, &decoded, report);
        // A meter that may not be heard any more is not told of, whenever its frame came.
        if record.kind == Kind::Undecoded || decoded.unwanted.is_some() {
            apart.lessons.clear();
            return None;
        }
        // The live line learns what it does not know better.
        lessons.extend(apart.lessons.iter().filter(|lesson| taught.wants(lesson)).cloned());
        Some(record)
    }

    fn failed(&self) -> Option<DecodeError> {
        self.failed
    }

    fn keys(&self) -> SharedKeys {
        self.shared.clone()
    }

    fn heard(&self) -> Heard {
        // What was archived is news of no meter.
        if self.replaying { Heard { unwanted: self.heard.unwanted, ..Heard::default() } } else { self.heard }
    }

    fn set_meters(&mut self, meters: &Arc<Meters>) {
        self.decoder.set_meters(Arc::clone(meters));
    }

    fn leaves_out(&self) -> bool {
        self.told_before
            || self.replaying && self.failed.is_some_and(|error| matches!(error.reason, Reason::Replayed { .. }))
    }

    fn lessons(&self) -> &[Lesson] {
        &self.lessons
    }

    fn stored(&mut self, stored: bool) {
        for lesson in self.lessons.drain(..) {
            if stored {
                self.taught.learn(lesson);
            }
        }
        for lesson in self.apart.lessons.drain(..) {
            if stored {
                self.apart.taught.learn(lesson);
            }
        }
    }

    fn learn(&mut self, lesson: Lesson) {
        self.taught.learn(lesson);
    }

    fn change(&mut self, keys: &KeyStore, zone: Option<&TimeZone>) {
        self.keys = Arc::new(keys.clone());
        self.shared.set(Arc::clone(&self.keys));
        self.decoder.set_zone(zone.cloned());
    }

    fn forgotten(&self) -> u64 {
        self.taught.forgotten()
    }

    fn taught(&self, each: &mut dyn FnMut(&Lesson)) {
        self.taught.lessons(each);
    }
}

fn frame(capture: &Capture, copies: u32) -> Frame<'_> {
    Frame {
        octets: &capture.octets,
        protocol: capture.protocol,
        framing: capture.framing,
        received_at: capture.received_at,
        source: Some(Source { name: Some(&capture.source), rssi: capture.rssi, copies, framing: capture.framing }),
        input: None,
    }
}

fn record(capture: &Capture, decoded: &Decoded, report: &[u8]) -> Record {
    Record {
        kind: if decoded.readings == 0 && (decoded.error.is_some() || decoded.unread) {
            Kind::Undecoded
        } else {
            Kind::Readings
        },
        protocol: Some(capture.protocol),
        meter: decoded.meter.map(|meter| meter.address().to_string().into()),
        id: decoded.id,
        received_at: capture.received_at.at,
        report: Bytes::copy_from_slice(report),
    }
}

struct WorkerKnown<'a> {
    keys: &'a KeyStore,
    taught: &'a Taught,
    /// Of a parked frame: what those before it taught, and the counters of its own time.
    then: Option<(&'a Taught, &'a [Counter])>,
}

impl Known for WorkerKnown<'_> {
    fn keys(&self, meter: &Meter, purpose: Purpose, each: &mut dyn FnMut(&Key) -> bool) -> bool {
        self.keys.keys(meter, purpose, each)
    }

    fn counter(&self, meter: &Meter, purpose: Purpose) -> Option<u64> {
        let Some((taught, counters)) = self.then else { return self.taught.counter(meter, purpose) };
        let known = counters.iter().find(|(of, of_purpose, _)| of == meter && *of_purpose == purpose);
        taught.counter(meter, purpose).max(known.map(|(_, _, counter)| *counter))
    }

    fn layout(&self, meter: Option<&Meter>, signature: u16) -> Option<&[u8]> {
        self.taught.layout(layout_name(meter, signature))
    }
}

/// Whether the frame of an error is a sign of life of the meter it names: not when it was damaged on its way, and not when
/// it is an old one that someone sends again.
const fn is_of_its_meter(error: &DecodeError) -> bool {
    let damaged = matches!(error.layer, Layer::Line | Layer::Link) || matches!(error.reason, Reason::Checksum { .. });
    !damaged && !matches!(error.reason, Reason::Replayed { .. })
}

/// Whether a message tells of its meter as it is now: not one that a broker had kept, unless it says whether the meter can
/// be reached, nor what a network server says of its own work.
const fn is_of_now(framing: Option<Framing>, reachable: Option<bool>) -> bool {
    match framing {
        Some(Framing::Retained) => reachable.is_some(),
        Some(Framing::Event(kind)) => matches!(kind, EventKind::Up | EventKind::Join | EventKind::Status),
        _ => true,
    }
}

struct Notes<'a> {
    lessons: &'a mut Vec<Lesson>,
    /// The alarms, and those that the frame says are not there.
    alarms: Alarms,
    absent: Alarms,
    reachable: Option<bool>,
}

impl Witness for Notes<'_> {
    fn learned(&mut self, meter: Option<&Meter>, learned: Learned<'_>) {
        self.lessons.extend(Lesson::of(meter, learned));
    }

    fn alarms(&mut self, alarms: Alarms) {
        self.alarms = self.alarms.and(alarms);
    }

    fn no_alarms(&mut self, alarms: Alarms) {
        self.absent = self.absent.and(alarms);
    }

    fn reachable(&mut self, reachable: bool) {
        self.reachable = Some(reachable);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sources::now;
    use esh_core::{CivilTime, Protocol};

    #[test]
    fn a_replay_leaves_out_what_has_an_old_counter_and_a_gateway_tells_it() {
        for replaying in [false, true] {
            let mut fleet = crate::simulate::Fleet::new(12, 1);
            let worker = Worker::new("g", None, fleet.keys());
            let mut worker = if replaying { worker.replaying() } else { worker };
            let mut sent: Vec<Capture> = (0..24)
                .map(|_| Capture {
                    octets: fleet.send(CivilTime::date(2026, 1, 1).unwrap()).unwrap().octets.into(),
                    protocol: Protocol::Wmbus,
                    framing: None,
                    received_at: now(),
                    source: "air".into(),
                    rssi: None,
                })
                .collect();
            // The later of two telegrams of each meter comes first.
            sent.rotate_left(12);
            let mut left_out = 0;
            for capture in &sent {
                let record = worker.decode(capture, 1);
                let old = worker.failed().is_some_and(|error| matches!(error.reason, Reason::Replayed { .. }));
                assert_eq!(worker.leaves_out(), old && replaying, "{record:?}");
                left_out += usize::from(old);
                worker.stored(!worker.leaves_out());
            }
            assert!((1..=12).contains(&left_out), "{left_out}");
        }
    }
}
