//! Protocols: the one place that joins carriers with formats. A protocol has a file here, which says what its lines
//! may hold and how its frames are opened; this one chooses.

pub(crate) mod lorawan;
mod mbus;
mod modbus;
mod nbiot;
mod object;
mod sender;
pub(crate) mod zigbee;
pub(crate) mod zigbee2mqtt;

pub use lorawan::events::EventKind;
pub use lorawan::network::{Device, Downlink, Joined, Network};
pub use lorawan::{JoinLesson, Joins, Payload, Script};
pub use mbus::line_code;
pub use modbus::{Polled as ModbusPolled, Told as ModbusTold};
pub use sender::{Inside, Sender, name_of};
pub use zigbee::{BroughtKey, BroughtKeys};

use crate::capture::Framing;
use crate::profiles::registers::Maps;
use crate::sources::lines::{LineError, Members};
use esh_core::profile::{self, CarriedBy, Formats, Messages, Profile};
use esh_core::{Carrier, Content, DecodeError, Format, Known, Layer, Opened, Out, Protocol, Reason, Refused};
use esh_wmbus::Wmbus;
use esh_wmbus::fragments::{Assembler, Step};

/// Parts of messages that wait for the rest, of every protocol that sends in parts.
#[derive(Debug)]
pub struct Fragments {
    mbus: Box<Assembler<16, 4096>>,
    zigbee: Box<zigbee::Assembler>,
}

/// How long a part waits for the next one, in milliseconds: longer than a meter takes between two of its frames.
const WAIT: u64 = 120_000;

impl Default for Fragments {
    fn default() -> Self {
        Self { mbus: Box::new(Assembler::new(WAIT)), zigbee: Box::new(zigbee::Assembler::new(WAIT)) }
    }
}

impl Fragments {
    /// Takes a part that came at `now`, milliseconds of a clock that does not run backwards, and opens the message
    /// once it is whole.
    ///
    /// # Errors
    /// What is still missing, what does not fit, or what the carrier says of the whole message.
    pub fn put<'f>(
        &'f mut self,
        protocol: Protocol,
        now: u64,
        part: &Opened<'_>,
        known: &dyn Known,
        out: &mut dyn Out<'_>,
    ) -> Result<Opened<'f>, Refused> {
        let of_the_part = |error| Refused { meter: part.meter, mode: part.security.mode, counter: part.counter, error };
        match protocol {
            Protocol::Wmbus | Protocol::Mbus => match self.mbus.put(now, part.payload).map_err(of_the_part)? {
                Step::Waiting(error) => Err(of_the_part(error)),
                Step::Whole(frame) => Wmbus::new(esh_wmbus::Framing::Assembled).open(frame, known, out),
            },
            Protocol::Zigbee => zigbee::put_together(&mut self.zigbee, now, part, known, out),
            // Parts of these are told as parts; nobody puts them together here.
            _ => Err(of_the_part(DecodeError {
                layer: Layer::Transport,
                field: "part of a message",
                offset: part.offset,
                reason: Reason::Unsupported,
            })),
        }
    }
}

/// How many frames a datagram of a packet forwarder or a message of a station brings, for whoever tries what sources read.
#[must_use]
pub fn brings(octets: &[u8]) -> usize {
    let pushed = esh_lorawan::gwmp::Datagram::parse(octets).ok().map(|datagram| {
        let lost = lorawan::rxpk::not_transmitted(&datagram).is_some();
        lorawan::rxpk::received(&datagram).unwrap_or_default().len() + usize::from(lost)
    });
    let heard = matches!(lorawan::station::Message::read(octets), Some(lorawan::station::Message::Uplink(_)));
    pushed.unwrap_or_default() + usize::from(heard)
}

/// Opens a frame of a protocol in place.
///
/// # Errors
/// What the carrier says.
pub fn open<'f>(
    protocol: Protocol,
    framing: Option<Framing>,
    frame: &'f mut [u8],
    known: &dyn Known,
    out: &mut dyn Out<'_>,
) -> Result<Opened<'f>, Refused> {
    match protocol {
        Protocol::Wmbus | Protocol::Mbus => mbus::open(framing, frame, known, out),
        Protocol::Lorawan => lorawan::open(framing, frame, known, out),
        Protocol::Gwmp => lorawan::gwmp::open(frame, known, out),
        Protocol::Lns => lorawan::lns::open(framing, frame, known, out),
        Protocol::Events => lorawan::events::open(framing, frame, known, out),
        Protocol::Modbus => modbus::open(framing, frame, known, out),
        Protocol::Coap | Protocol::Lwm2m | Protocol::Senml | Protocol::Datagram => {
            nbiot::open(protocol, framing, frame, known, out)
        }
        Protocol::Zigbee => zigbee::open(framing, frame, known, out),
        Protocol::Zigbee2mqtt => zigbee2mqtt::open(framing, frame, known, out),
        other => unreachable!("{other:?} has no carrier"),
    }
}

/// Takes the checksums of the link out of a frame that was refused, so that its fields stand where they are said to.
pub fn without_checksums(protocol: Protocol, framing: Option<Framing>, frame: &mut Vec<u8>) {
    if let Protocol::Wmbus | Protocol::Mbus = protocol {
        mbus::without_checksums(framing, frame);
    }
}

/// Reads what a JSON line holds beside the members that the lines of every protocol have.
///
/// # Errors
/// When one of them is wrong.
pub fn members(protocol: Protocol, line: &str) -> Result<Members, LineError> {
    match protocol {
        Protocol::Wmbus | Protocol::Mbus => Ok(Members::default()),
        Protocol::Lorawan | Protocol::Gwmp => lorawan::members(line),
        Protocol::Lns | Protocol::Events => lorawan::json_members(line),
        Protocol::Modbus => modbus::members(line),
        Protocol::Coap | Protocol::Lwm2m | Protocol::Senml | Protocol::Datagram => nbiot::members(protocol, line),
        Protocol::Zigbee => zigbee::members(line),
        Protocol::Zigbee2mqtt => zigbee2mqtt::members(line),
        other => unreachable!("{other:?} has no lines"),
    }
}

/// Formats that makers have made up and no layout can say, by the names that profiles have for them.
pub(crate) const VENDOR_FORMATS: &[(&str, &(dyn Format + Sync))] = &[
    ("jooby-analog", &esh_lorawan::JoobyAnalog),
    ("jooby-obis-archive", &esh_lorawan::JoobyArchive { of_meters: true }),
    ("jooby-obis-meter-archive", &esh_lorawan::JoobyArchive { of_meters: false }),
];

/// What may stand inside the messages of a profile.
#[derive(Clone, Copy, Debug)]
pub struct InsideProfiles;

impl Formats for InsideProfiles {
    fn inside(&self, inside: profile::Inside) -> Option<&dyn Format> {
        match inside {
            profile::Inside::MbusRecords => Some(&esh_wmbus::Records),
            profile::Inside::CayenneLpp => Some(&esh_lorawan::CayenneLpp::Dynamic),
            profile::Inside::Vendor(name) => {
                let found = VENDOR_FORMATS.iter().find(|(vendor, _)| *vendor == name);
                found.map(|(_, format)| *format as &dyn Format)
            }
        }
    }
}

/// Whether a frame goes to a device.
#[must_use]
pub fn is_down(protocol: Protocol, framing: Option<Framing>, frame: &[u8]) -> bool {
    protocol == Protocol::Lorawan && lorawan::is_down(framing, frame)
}

/// How a profile reads a frame.
#[derive(Clone, Copy, Debug)]
pub struct ByProfile {
    /// The profile.
    pub profile: &'static Profile,
    /// Whether the frame goes to the device.
    pub down: bool,
}

/// Reads what a frame held; `None` when nobody here reads such a content. `framing` is what its carrier was told, `maps`
/// say what the registers of devices mean.
pub fn read<'p>(
    framing: Option<Framing>,
    opened: &Opened<'p>,
    by: Option<ByProfile>,
    maps: &'p Maps,
    known: &'p dyn Known,
    out: &mut dyn Out<'p>,
) -> Option<Result<(), DecodeError>> {
    let meter = opened.meter.as_ref();
    if let Some(ByProfile { profile, down }) = by {
        if let Some(format) = esh_wmbus::format_for(opened.content) {
            let records = &profile.records;
            return Some(records.read(format, meter, opened.payload, opened.offset, known, out));
        }
        let reads =
            matches!(opened.content, Content::Port(_) | Content::Other(_) | Content::Unstated | Content::Media(_));
        if reads && !profile.messages.is_empty() {
            let carried_by = CarriedBy::of(opened.content);
            let messages = Messages { profile, carried_by, down, formats: &InsideProfiles };
            return Some(messages.read(meter, opened.payload, opened.offset, known, out));
        }
    }
    match esh_wmbus::format_for(opened.content) {
        Some(format) => Some(format.read(opened.meter.as_ref(), opened.payload, opened.offset, known, out)),
        None => match opened.content {
            Content::Event => Some(lorawan::events::read(framing, opened, out)),
            Content::Properties => Some(zigbee2mqtt::read(opened, out)),
            Content::Exchanges => modbus::read(framing, opened, maps, out),
            Content::Cluster(cluster) => Some(zigbee::read(framing, cluster, opened, known, out)),
            _ => nbiot::read(framing, opened, known, out),
        },
    }
}
