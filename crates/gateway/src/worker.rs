//! The worker: makes records of captures with what the running gateway knows.

use crate::capture::Capture;
use crate::decode::{Decoder, Frame, Witness};
use crate::encode::Source;
use crate::keys::{KeyStore, SharedKeys};
use crate::meters::{Heard, Meters};
use crate::protocols::Fragments;
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
    report: Vec<u8>,
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
            report: Vec::new(),
        }
    }
}

impl Decode for Worker {
    fn decode(&mut self, capture: &Capture, copies: u32) -> Record {
        let Self { decoder, keys, taught, fragments, lessons, heard, failed, report, .. } = self;
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
        let mut notes = Notes { lessons, alarms: Alarms::NONE, absent: Alarms::NONE };
        let decoded = decoder.decode(&frame, &known, Some(fragments), &mut notes, report);
        let Notes { alarms, absent, .. } = notes;
        *failed = decoded.error;
        *heard = Heard {
            meter: decoded.meter.filter(|_| decoded.error.is_none_or(|error| is_of_its_meter(&error))),
            unwanted: decoded.unwanted,
            live: true,
            alarms,
            absent: absent.minus(alarms),
        };
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

    fn keys(&self) -> SharedKeys {
        self.shared.clone()
    }

    fn heard(&self) -> Heard {
        self.heard
    }

    fn set_meters(&mut self, meters: &Arc<Meters>) {
        self.decoder.set_meters(Arc::clone(meters));
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

    fn forgotten(&self) -> u64 {
        self.taught.forgotten()
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

/// Whether the frame of an error is a sign of life of the meter it names: not when it was damaged on its way, and not when
/// it is an old one that someone sends again.
const fn is_of_its_meter(error: &DecodeError) -> bool {
    let damaged = matches!(error.layer, Layer::Line | Layer::Link) || matches!(error.reason, Reason::Checksum { .. });
    !damaged && !matches!(error.reason, Reason::Replayed { .. })
}

struct Notes<'a> {
    lessons: &'a mut Vec<Lesson>,
    /// The alarms, and those that the frame says are not there.
    alarms: Alarms,
    absent: Alarms,
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
}
