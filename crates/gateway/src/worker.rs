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
use esh_core::{DecodeError, Key, Known, Learned, Meter, Purpose};
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
    failed: Option<DecodeError>,
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
            report: Vec::new(),
        }
    }
}

impl Decode for Worker {
    fn decode(&mut self, capture: &Capture, copies: u32) -> Record {
        let Self { decoder, keys, taught, fragments, lessons, failed, report } = self;
        lessons.clear();
        report.clear();
        let frame = Frame {
            octets: &capture.octets,
            protocol: capture.protocol,
            framing: capture.framing,
            received_at: capture.received_at,
            source: Some(Source { name: Some(&capture.source), rssi: capture.rssi, copies }),
            input: None,
        };
        let known = WorkerKnown { keys, taught };
        let decoded = decoder.decode(&frame, &known, Some(fragments), &mut Lessons(lessons), report);
        *failed = decoded.error;
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

    fn failed(&self) -> Option<DecodeError> {
        self.failed
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
