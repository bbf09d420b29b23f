//! Decode: from a frame to the text of its report, as a function of the octets and of what is known.

use crate::capture::{Framing, Stamp};
use crate::encode::{Fields, Head, ReportWriter, Source, Tail, report_id};
use crate::meters::{Meters, Unwanted};
use crate::profiles::Found;
use crate::protocols::{self, ByProfile, Fragments};
use crate::record::Id;
use esh_core::{
    Alarms, Content, DecodeError, Field, Key, Known, Layer, Learned, Meter, Out, Protocol, Purpose, Reading, Reason,
    Refused, Security, SecurityState,
};
use jiff::tz::TimeZone;
use std::sync::Arc;

/// A frame to be decoded, and the circumstances that stand in its report.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// The octets as received.
    pub octets: &'a [u8],
    /// What opens them.
    pub protocol: Protocol,
    /// How they are laid out, where that is known.
    pub framing: Option<Framing>,
    /// When they came.
    pub received_at: Stamp,
    /// Who heard them.
    pub source: Option<Source<'a>>,
    /// The id of the line they stood in, JSON already.
    pub input: Option<&'a [u8]>,
    /// The profile that somebody has named for them.
    pub profile: Option<Found>,
}

/// What became of a frame beside its report.
#[derive(Clone, Copy, Debug)]
pub struct Decoded {
    /// The report's id.
    pub id: Id,
    /// Whose frame it was.
    pub meter: Option<Meter>,
    /// Why it could not be decoded, or not to its end.
    pub error: Option<DecodeError>,
    /// How many readings the report has.
    pub readings: usize,
    /// Whether its payload is of a format that nobody here reads.
    pub unread: bool,
    /// Whether it is a part of a message, so that the report depends on the parts before it.
    pub part: bool,
    /// Why nothing of it is to be told: there is no report then.
    pub unwanted: Option<Unwanted>,
}

/// Takes what a frame teaches, and its fields when someone looks at them.
pub trait Witness {
    /// Something that the frame of this meter teaches.
    fn learned(&mut self, meter: Option<&Meter>, learned: Learned<'_>);

    /// States of the meter.
    fn alarms(&mut self, alarms: Alarms) {
        let _ = alarms;
    }

    /// States that the meter is not in.
    fn no_alarms(&mut self, alarms: Alarms) {
        let _ = alarms;
    }

    /// Whether the fields of the payload are of interest.
    fn wants_fields(&self) -> bool {
        false
    }

    /// A field of the frame.
    fn field(&mut self, field: Field<'_>) {
        let _ = field;
    }
}

/// Decodes frames one after the other, with buffers that it uses again. It keeps no state between two frames.
#[derive(Debug, Default)]
pub struct Decoder {
    gateway: Option<Box<str>>,
    zone: Option<TimeZone>,
    meters: Arc<Meters>,
    opened: bool,
    frame: Vec<u8>,
    fields: Fields,
}

impl Decoder {
    /// For the command `decode`: no gateway, no zone; `opened` tells whether reports show what the carrier found.
    #[must_use]
    pub fn analyser(opened: bool) -> Self {
        Self { opened, ..Self::default() }
    }

    /// For a gateway of that name; `zone` is that of meters that name none.
    #[must_use]
    pub fn for_gateway(gateway: &str, zone: Option<TimeZone>) -> Self {
        Self { gateway: Some(gateway.into()), zone, ..Self::default() }
    }

    /// From now on this is the zone of meters that name none.
    pub fn set_zone(&mut self, zone: Option<TimeZone>) {
        self.zone = zone;
    }

    /// From now on this is said about meters.
    pub fn set_meters(&mut self, meters: Arc<Meters>) {
        self.meters = meters;
    }

    /// Decodes a frame and appends its report, one JSON object, to `report`. A part of a message is put to `fragments`.
    pub fn decode(
        &mut self,
        frame: &Frame<'_>,
        known: &dyn Known,
        fragments: Option<&mut Fragments>,
        witness: &mut dyn Witness,
        report: &mut Vec<u8>,
    ) -> Decoded {
        self.fields.clear();
        self.frame.clear();
        let Self { gateway, zone, meters, opened: with_opened, frame: octets, fields } = self;
        protocols::line_code(frame.framing, frame.octets, octets);
        let mut opening = Opening {
            fields: &mut *fields,
            with_opened: *with_opened,
            learned: None,
            joins: Vec::new(),
            alarms: Alarms::NONE,
            witness,
        };
        let mut opened = protocols::open(frame.protocol, frame.framing, octets, known, &mut opening);
        let refused = opened.is_err();
        let part = opened.as_ref().ok().copied().filter(|opened| opened.content == Content::Fragment);
        if let (Some(part), Some(fragments)) = (&part, fragments) {
            opened = fragments.put(frame.protocol, now(frame), part, known, &mut opening);
        }
        let (learned, joins, alarms) = (opening.learned, opening.joins, opening.alarms);
        let (meter, counter, security) = match &opened {
            Ok(opened) => (opened.meter, opened.counter, opened.security),
            Err(refused) => (refused.meter, refused.counter, refused_security(refused)),
        };
        let id = report_id(frame.protocol, meter.as_ref(), counter, frame.received_at.at, frame.octets);
        let listed = match meters.list.judge(meter.as_ref()) {
            Ok(listed) => listed,
            Err(unwanted) => {
                let part = part.is_some();
                return Decoded { id, meter, error: None, readings: 0, unread: false, part, unwanted: Some(unwanted) };
            }
        };
        let head = Head {
            id,
            protocol: frame.protocol,
            gateway: gateway.as_deref(),
            received_at: frame.received_at,
            meter: meter.as_ref(),
            listed,
            counter,
            security,
        };
        // A name that somebody has given wins over what the address says.
        let by_name = listed.and_then(|listed| meters.profiles.by_name(listed.profile.as_deref()?));
        let by_address = || meters.profiles.of_meter(meter.as_ref()?);
        let profile = frame.profile.or(by_name).or_else(by_address).filter(|_| !refused);
        let own_zone = profile.and_then(|found| found.zone.as_ref());
        let zone = listed.and_then(|listed| listed.zone.as_ref()).or(own_zone).or(zone.as_ref());
        let mut writer = ReportWriter::begin(report, &head, zone);
        writer.alarms(alarms);
        let mut unread = false;
        let (error, trailing) = match &opened {
            Ok(opened) => {
                if let Some((purpose, counter)) = learned {
                    witness.learned(meter.as_ref(), Learned::Counter { purpose, counter });
                }
                joins.iter().for_each(|join| join.teach(meter.as_ref(), witness));
                let down = protocols::is_down(frame.protocol, frame.framing, frame.octets);
                let by = profile.map(|found| ByProfile { profile: found.profile, down });
                let mut reader = Reader { writer: &mut writer, meter: meter.as_ref(), witness };
                let read = protocols::read(frame.framing, opened, by, known, &mut reader);
                unread = read.is_none() && opened.content != Content::Nothing;
                (read.and_then(Result::err), opened.trailing)
            }
            Err(refused) => (Some(refused.error), &[][..]),
        };
        let readings = writer.readings;
        fields.finish();
        writer.end(&Tail {
            frame: frame.octets,
            source: frame.source,
            error: error.as_ref(),
            opened: with_opened.then_some(&*fields),
            trailing,
            input: frame.input,
            profile: profile.map(|found| found.profile.name),
        });
        let part = part.is_some();
        if refused && witness.wants_fields() {
            // It was left as it was received, and fields are counted without checksums.
            protocols::without_checksums(frame.protocol, frame.framing, octets);
        }
        Decoded { id, meter, error, readings, unread, part, unwanted: None }
    }
}

impl Decoder {
    /// The octets of the last frame as they stand after decoding: in plain, without link checksums.
    #[must_use]
    pub fn opened_octets(&self) -> &[u8] {
        &self.frame
    }

    /// Appends the report of what is no frame at all.
    pub fn refuse(&mut self, frame: &Frame<'_>, error: DecodeError, report: &mut Vec<u8>) -> Decoded {
        self.fields.clear();
        let id = report_id(frame.protocol, None, None, frame.received_at.at, frame.octets);
        let head = Head {
            id,
            protocol: frame.protocol,
            gateway: self.gateway.as_deref(),
            received_at: frame.received_at,
            meter: None,
            listed: None,
            counter: None,
            security: Security { mode: None, state: SecurityState::Refused, authenticated: false },
        };
        ReportWriter::begin(report, &head, None).end(&Tail {
            frame: frame.octets,
            source: frame.source,
            error: Some(&error),
            opened: self.opened.then_some(&self.fields),
            trailing: &[],
            input: frame.input,
            profile: None,
        });
        Decoded { id, meter: None, error: Some(error), readings: 0, unread: false, part: false, unwanted: None }
    }
}

/// Milliseconds on a clock for parts of messages: that of the frames, so that decoding reads none.
fn now(frame: &Frame<'_>) -> u64 {
    frame.received_at.at.and_then(|at| u64::try_from(at.as_millisecond()).ok()).unwrap_or_default()
}

const fn refused_security(refused: &Refused) -> Security {
    Security { mode: refused.mode, state: SecurityState::Refused, authenticated: false }
}

/// An error of text that should have been octets: `field` says which.
#[must_use]
pub const fn not_octets(field: &'static str, offset: usize, reason: Reason) -> DecodeError {
    DecodeError { layer: Layer::Line, field, offset, reason }
}

/// What the frame of a join teaches, kept until it is known to be in order.
enum Joining {
    Nonce(Purpose, u64),
    Request(Box<[u8]>),
    Session(Meter, u32, Vec<(Purpose, Key)>),
}

impl Joining {
    fn teach(&self, meter: Option<&Meter>, witness: &mut dyn Witness) {
        let learned = match self {
            Self::Nonce(purpose, nonce) => Learned::Nonce { purpose: *purpose, nonce: *nonce },
            Self::Request(frame) => Learned::Request { frame },
            Self::Session(address, number, keys) => Learned::Session { address: *address, number: *number, keys },
        };
        witness.learned(meter, learned);
    }
}

/// Takes what a carrier finds.
struct Opening<'a> {
    fields: &'a mut Fields,
    with_opened: bool,
    learned: Option<(Purpose, u64)>,
    joins: Vec<Joining>,
    alarms: Alarms,
    witness: &'a mut dyn Witness,
}

impl Out<'_> for Opening<'_> {
    fn alarms(&mut self, alarms: Alarms) {
        self.alarms = self.alarms.and(alarms);
        self.witness.alarms(alarms);
    }

    fn no_alarms(&mut self, alarms: Alarms) {
        self.witness.no_alarms(alarms);
    }

    fn reading(&mut self, reading: Reading<'_>) {
        // A carrier has no readings: what is measured stands in the payload.
        let _ = reading;
    }

    fn learned(&mut self, learned: Learned<'_>) {
        match learned {
            Learned::Counter { purpose, counter } => self.learned = Some((purpose, counter)),
            Learned::Nonce { purpose, nonce } => self.joins.push(Joining::Nonce(purpose, nonce)),
            Learned::Request { frame } => self.joins.push(Joining::Request(frame.into())),
            Learned::Session { address, number, keys } => {
                self.joins.push(Joining::Session(address, number, keys.to_vec()));
            }
            _ => {}
        }
    }

    fn wants_fields(&self) -> bool {
        self.with_opened || self.witness.wants_fields()
    }

    fn field(&mut self, field: Field<'_>) {
        if self.with_opened {
            self.fields.push(field);
        }
        if self.witness.wants_fields() {
            self.witness.field(field);
        }
    }
}

/// Takes what a format finds.
struct Reader<'a, 'b> {
    writer: &'a mut ReportWriter<'b>,
    meter: Option<&'a Meter>,
    witness: &'a mut dyn Witness,
}

impl Out<'_> for Reader<'_, '_> {
    fn reading(&mut self, reading: Reading<'_>) {
        self.writer.reading(reading);
    }

    fn alarms(&mut self, alarms: Alarms) {
        self.writer.alarms(alarms);
        self.witness.alarms(alarms);
    }

    fn no_alarms(&mut self, alarms: Alarms) {
        self.witness.no_alarms(alarms);
    }

    fn learned(&mut self, learned: Learned<'_>) {
        self.witness.learned(self.meter, learned);
    }

    fn wants_fields(&self) -> bool {
        self.witness.wants_fields()
    }

    fn field(&mut self, field: Field<'_>) {
        self.witness.field(field);
    }
}
