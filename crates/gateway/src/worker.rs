//! The worker: makes records of captures with what the running gateway knows.

use crate::capture::{Capture, Framing};
use crate::decode::{Decoded, Decoder, Frame, Witness};
use crate::encode::Source;
use crate::keys::{KeyStore, SharedKeys};
use crate::meters::{Heard, Meters};
use crate::protocols::lorawan::network::{Answered, Answering, Device, Sessions};
use crate::protocols::{BroughtKey, BroughtKeys, EventKind, Fragments};
use crate::queue::parked::{Counter, Parked};
use crate::record::{Kind, Record};
use crate::run::Decode;
use crate::sources::Reply;
use crate::taught::{Lesson, Taught, layout_name};
use bytes::Bytes;
use esh_core::{Alarms, DecodeError, Key, Known, Layer, Learned, Meter, Protocol, Purpose, Reason};
use esh_lorawan::{Eui64, PhyPayload, Request};
use jiff::tz::TimeZone;
use std::any::Any;
use std::sync::Arc;

/// Decodes with keys and with what earlier frames taught.
#[derive(Debug)]
pub struct Worker {
    decoder: Decoder,
    keys: Arc<KeyStore>,
    shared: SharedKeys,
    taught: Taught,
    /// The sessions of LoRaWAN devices, with their keys.
    sessions: Sessions,
    /// The reply to the last capture, and what it uses up.
    answered: Option<Answered>,
    fragments: Fragments,
    /// What the last capture teaches; it becomes true when its record is stored.
    lessons: Vec<Lesson>,
    /// Keys that frames brought, and those that the last capture brings. They are stored nowhere.
    brought: BroughtKeys,
    brings: Vec<BroughtKey>,
    /// What it says of its meter.
    heard: Heard,
    /// Why the last capture failed.
    failed: Option<DecodeError>,
    /// Whose it was.
    meter: Option<Meter>,
    /// It was kept by a broker, and is nothing new.
    told_before: bool,
    /// Whom the last capture asks to join, where that is what it does.
    join_eui: Option<Eui64>,
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
            sessions: Sessions::default(),
            answered: None,
            fragments: Fragments::default(),
            lessons: Vec::new(),
            brought: BroughtKeys::default(),
            brings: Vec::new(),
            heard: Heard::default(),
            failed: None,
            meter: None,
            told_before: false,
            join_eui: None,
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
        let Self {
            decoder,
            keys,
            taught,
            sessions,
            fragments,
            lessons,
            brought,
            brings,
            heard,
            failed,
            meter,
            told_before,
            report,
            ..
        } = self;
        lessons.clear();
        brings.clear();
        report.clear();
        let known = WorkerKnown { keys, brought, taught, sessions, then: None };
        let mut notes = Notes::new(lessons, brings);
        let decoded = decoder.decode(&frame(capture, copies), &known, Some(fragments), &mut notes, report);
        let Notes { alarms, absent, reachable, request, .. } = notes;
        let unwanted = decoded.unwanted.is_some() || decoded.error.is_some();
        let joining = request.filter(|_| !unwanted);
        self.answered = answer(capture, joining.as_ref(), decoder.opened_octets(), unwanted, &known);
        if let Some((meter, device)) = learned_of_device(joining.as_ref(), self.answered.as_ref(), taught) {
            lessons.push(Lesson::Device(Box::new((meter, device))));
        }
        *failed = decoded.error;
        *meter = decoded.meter;
        self.join_eui = join_eui(capture);
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
        let Self { decoder, keys, taught, sessions, lessons, brought, brings, report, apart, .. } = self;
        apart.lessons.clear();
        lessons.clear();
        brings.clear();
        report.clear();
        let known = WorkerKnown { keys, brought, taught, sessions, then: Some((&apart.taught, &parked.counters)) };
        let mut notes = Notes::new(&mut apart.lessons, brings);
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

    fn join_eui(&self, meter: &Meter) -> Option<String> {
        self.join_eui.filter(|_| self.meter.as_ref() == Some(meter)).map(|eui| eui.to_string())
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
        for brought in self.brings.drain(..).filter(|_| stored) {
            self.brought.learn(brought);
        }
        for lesson in std::mem::take(&mut self.lessons) {
            if stored {
                Decode::learn(self, lesson);
            }
        }
        match &self.answered {
            Some(answered) if stored => {
                if let Some(used) = answered.downlink {
                    self.sessions.used(&answered.meter, used);
                }
            }
            _ => self.answered = None,
        }
        for lesson in self.apart.lessons.drain(..) {
            if stored {
                self.apart.taught.learn(lesson);
            }
        }
    }

    fn learn(&mut self, lesson: Lesson) {
        let Self { taught, sessions, keys, .. } = self;
        match &lesson {
            Lesson::Counter(meter, Purpose::Network, counter) => sessions.counted(meter, *counter),
            Lesson::Device(device) => {
                let (meter, device) = &**device;
                let joined = taught.device(meter).is_none_or(|before| before.joins != device.joins);
                if joined {
                    sessions.learn(meter, device, taught.counter(meter, Purpose::Network), &**keys);
                }
            }
            _ => {}
        }
        taught.learn(lesson);
    }

    fn reply(&mut self) -> Option<Reply> {
        self.answered.take().map(|answered| answered.reply)
    }

    fn reply_again(&mut self, capture: &Capture) -> Option<Reply> {
        let Self { keys, brought, taught, sessions, .. } = self;
        let known = WorkerKnown { keys, brought, taught, sessions, then: None };
        let device = |meter: &Meter| taught.device(meter).cloned().unwrap_or_default();
        let answered = answering(capture, &known)?.again(&device)?;
        if let Some(used) = answered.downlink {
            self.sessions.used(&answered.meter, used);
        }
        Some(answered.reply)
    }

    fn change(&mut self, keys: &KeyStore, zone: Option<&TimeZone>) {
        self.keys = Arc::new(keys.clone());
        self.shared.set(Arc::clone(&self.keys));
        let Self { taught, sessions, keys, .. } = self;
        taught.devices(|meter, device| {
            sessions.learn(meter, device, taught.counter(meter, Purpose::Network), &**keys);
        });
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
        source: Some(Source {
            name: Some(&capture.source),
            rssi: capture.rssi,
            copies,
            framing: capture.framing,
            radio: capture.radio.as_deref(),
        }),
        input: None,
        profile: None,
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

/// Whom a frame asks to join.
fn join_eui(capture: &Capture) -> Option<Eui64> {
    let octets = Some(&capture.octets).filter(|_| capture.protocol == Protocol::Lorawan)?;
    match PhyPayload::parse(octets) {
        Ok(PhyPayload::JoinRequest(request)) => Some(request.join_eui()),
        _ => None,
    }
}

/// What answers a capture, where its source may transmit.
fn answering<'a>(capture: &'a Capture, known: &'a WorkerKnown<'a>) -> Option<Answering<'a>> {
    let radio = capture.radio.as_deref().filter(|_| capture.protocol == Protocol::Lorawan)?;
    let network = radio.network.as_deref()?;
    Some(Answering { known, sessions: known.sessions, capture, radio, network })
}

/// The answer to a frame that is in order: to a join request, or to data, which stand in `plain` in plain.
fn answer(
    capture: &Capture,
    joining: Option<&(Meter, Request)>,
    plain: &[u8],
    unwanted: bool,
    known: &WorkerKnown<'_>,
) -> Option<Answered> {
    let answering = answering(capture, known).filter(|_| !unwanted)?;
    let device = |meter: &Meter| known.taught.device(meter).cloned().unwrap_or_default();
    match joining {
        Some((meter, request)) => {
            let mut device = device(meter);
            device.use_nonce(request.asked().nonce);
            answering.join(request, device)
        }
        None => answering.data(plain, &device),
    }
}

/// What a frame changes of what is known of its device: more by its answer, or at least the nonce it has used.
fn learned_of_device(
    joining: Option<&(Meter, Request)>,
    answered: Option<&Answered>,
    taught: &Taught,
) -> Option<(Meter, Device)> {
    if let Some(answered) = answered
        && let Some(device) = &answered.device
    {
        return Some((answered.meter, device.clone()));
    }
    let (meter, request) = joining?;
    let mut device = taught.device(meter).cloned().unwrap_or_default();
    device.use_nonce(request.asked().nonce);
    Some((*meter, device))
}

struct WorkerKnown<'a> {
    keys: &'a KeyStore,
    brought: &'a BroughtKeys,
    taught: &'a Taught,
    sessions: &'a Sessions,
    /// Of a parked frame: what those before it taught, and the counters of its own time.
    then: Option<(&'a Taught, &'a [Counter])>,
}

impl Known for WorkerKnown<'_> {
    fn keys(&self, meter: &Meter, purpose: Purpose, each: &mut dyn FnMut(&Key) -> bool) -> bool {
        self.keys.keys(meter, purpose, each) || self.brought.offer(meter, purpose, each)
    }

    fn number(&self, meter: Option<&Meter>, name: u32) -> Option<u64> {
        self.taught.number(meter?, name)
    }

    fn device(&self, address: &Meter) -> Option<Meter> {
        self.taught.device_at(address)
    }

    fn counter(&self, meter: &Meter, purpose: Purpose) -> Option<u64> {
        let Some((taught, counters)) = self.then else { return self.taught.counter(meter, purpose) };
        let known = counters.iter().find(|(of, of_purpose, _)| of == meter && *of_purpose == purpose);
        taught.counter(meter, purpose).max(known.map(|(_, _, counter)| *counter))
    }

    fn nonce_used(&self, meter: &Meter, purpose: Purpose, nonce: u64) -> bool {
        let used = |device: &Device| u16::try_from(nonce).is_ok_and(|nonce| device.has_used(nonce));
        purpose == Purpose::Join && self.taught.device(meter).is_some_and(used)
    }

    fn sessions(&self, address: &Meter, each: &mut dyn FnMut(&dyn Any) -> bool) -> bool {
        match self.then {
            None => self.sessions.offer(address, each),
            Some(_) => {
                let last = |meter: &Meter| self.counter(meter, Purpose::Network);
                self.sessions.offer_then(address, self.taught, self.keys, &last, each)
            }
        }
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
    brings: &'a mut Vec<BroughtKey>,
    /// The alarms, and those that the frame says are not there.
    alarms: Alarms,
    absent: Alarms,
    reachable: Option<bool>,
    /// A request to join that is in order, and who asks.
    request: Option<(Meter, Request)>,
}

impl<'a> Notes<'a> {
    const fn new(lessons: &'a mut Vec<Lesson>, brings: &'a mut Vec<BroughtKey>) -> Self {
        Self { lessons, brings, alarms: Alarms::NONE, absent: Alarms::NONE, reachable: None, request: None }
    }
}

impl Witness for Notes<'_> {
    fn learned(&mut self, meter: Option<&Meter>, learned: Learned<'_>) {
        self.brings.extend(BroughtKey::of(&learned));
        if let (Some(meter), Learned::Request { frame }) = (meter, &learned) {
            self.request = Request::new(frame).map(|request| (*meter, request));
        }
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
    use esh_core::CivilTime;

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
                    radio: None,
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
