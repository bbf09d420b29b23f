//! The worker: makes records of captures with what the running gateway knows.

use crate::capture::Capture;
use crate::decode::{Decoder, Frame, Witness};
use crate::encode::Source;
use crate::keys::KeyStore;
use crate::protocols::Fragments;
use crate::record::{Kind, Record};
use crate::run::Decode;
use crate::taught::{Lesson, Taught, layout_name};
use bytes::Bytes;
use esh_core::{Key, Known, Learned, Meter, Purpose, Reason};
use jiff::tz::TimeZone;

/// Decodes with keys and with what earlier frames taught.
#[derive(Debug)]
pub struct Worker {
    decoder: Decoder,
    keys: KeyStore,
    taught: Taught,
    fragments: Fragments,
    /// What the last capture teaches; it becomes true when its record is stored.
    lessons: Vec<Lesson>,
    /// Why the last capture failed.
    failed: Option<Reason>,
    /// It decodes what was archived.
    replaying: bool,
    report: Vec<u8>,
}

impl Worker {
    /// For a gateway of that name; `zone` is that of meters that name none.
    #[must_use]
    pub fn new(gateway: &str, zone: Option<TimeZone>, keys: KeyStore) -> Self {
        Self {
            decoder: Decoder::for_gateway(gateway, zone),
            keys,
            taught: Taught::default(),
            fragments: Fragments::default(),
            lessons: Vec::new(),
            failed: None,
            replaying: false,
            report: Vec::new(),
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
        let Self { decoder, keys, taught, fragments, lessons, failed, report, .. } = self;
        lessons.clear();
        report.clear();
        let frame = Frame {
            octets: &capture.octets,
            protocol: capture.protocol,
            framing: capture.framing,
            received_at: capture.received_at,
            source: Some(Source { name: Some(&capture.source), rssi: capture.rssi, copies, framing: capture.framing }),
            input: None,
        };
        let known = WorkerKnown { keys, taught };
        let decoded = decoder.decode(&frame, &known, Some(fragments), &mut Lessons(lessons), report);
        *failed = decoded.error.map(|error| error.reason);
        lessons.extend(decoded.meter.filter(|meter| !taught.knows(meter)).map(Lesson::Heard));
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

    fn failed(&self) -> Option<Reason> {
        self.failed
    }

    fn leaves_out(&self) -> bool {
        self.replaying && matches!(self.failed, Some(Reason::Replayed { .. }))
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
    }

    fn learn(&mut self, lesson: Lesson) {
        self.taught.learn(lesson);
    }

    fn taught(&self, each: &mut dyn FnMut(&Lesson)) {
        self.taught.lessons(each);
    }
}

struct WorkerKnown<'a> {
    keys: &'a KeyStore,
    taught: &'a Taught,
}

impl Known for WorkerKnown<'_> {
    fn keys(&self, meter: &Meter, purpose: Purpose, each: &mut dyn FnMut(&Key) -> bool) -> bool {
        self.keys.keys(meter, purpose, each)
    }

    fn counter(&self, meter: &Meter, purpose: Purpose) -> Option<u64> {
        self.taught.counter(meter, purpose)
    }

    fn layout(&self, meter: Option<&Meter>, signature: u16) -> Option<&[u8]> {
        self.taught.layout(layout_name(meter, signature))
    }
}

struct Lessons<'a>(&'a mut Vec<Lesson>);

impl Witness for Lessons<'_> {
    fn learned(&mut self, meter: Option<&Meter>, learned: Learned<'_>) {
        self.0.extend(Lesson::of(meter, learned));
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
                let old = matches!(worker.failed(), Some(Reason::Replayed { .. }));
                assert_eq!(worker.leaves_out(), old && replaying, "{record:?}");
                left_out += usize::from(old);
                worker.stored(!worker.leaves_out());
            }
            assert!((1..=12).contains(&left_out), "{left_out}");
        }
    }
}
