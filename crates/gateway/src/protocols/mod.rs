//! Protocols: the one place that joins carriers with formats. A protocol has a file here, which says what its lines
//! may hold and how its frames are opened; this one chooses.

pub(crate) mod lorawan;
mod mbus;
mod modbus;
mod nbiot;
pub(crate) mod zigbee;

pub use lorawan::network::{Device, Downlink, Joined, Network};
pub use lorawan::{JoinLesson, Joins};
pub use mbus::line_code;
pub use modbus::Told as ModbusTold;

use crate::capture::Framing;
use crate::sources::lines::{LineError, Members};
use esh_core::{Carrier, Content, DecodeError, Known, Layer, Opened, Out, Protocol, Reason, Refused};
use esh_wmbus::Wmbus;
use esh_wmbus::fragments::{Assembler, Step};

/// Parts of messages that wait for the rest, of every protocol that sends in parts.
#[derive(Debug)]
pub struct Fragments {
    mbus: Box<Assembler<16, 4096>>,
}

/// How long a part waits for the next one, in milliseconds: longer than a meter takes between two of its frames.
const WAIT: u64 = 120_000;

impl Default for Fragments {
    fn default() -> Self {
        Self { mbus: Box::new(Assembler::new(WAIT)) }
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
        Protocol::Events => lorawan::events::open(frame, known, out),
        Protocol::Modbus => modbus::open(framing, frame, known, out),
        Protocol::Coap | Protocol::Lwm2m | Protocol::Senml => nbiot::open(protocol, framing, frame, known, out),
        Protocol::Zigbee => zigbee::open(framing, frame, known, out),
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
        Protocol::Coap | Protocol::Lwm2m | Protocol::Senml => nbiot::members(protocol, line),
        Protocol::Zigbee => zigbee::members(line),
        other => unreachable!("{other:?} has no lines"),
    }
}

/// Reads what a frame held; `None` when nobody here reads such a content. `framing` is what its carrier was told.
pub fn read<'p>(
    framing: Option<Framing>,
    opened: &Opened<'p>,
    known: &'p dyn Known,
    out: &mut dyn Out<'p>,
) -> Option<Result<(), DecodeError>> {
    match esh_wmbus::format_for(opened.content) {
        Some(format) => Some(format.read(opened.meter.as_ref(), opened.payload, opened.offset, known, out)),
        None => match opened.content {
            Content::Cluster(cluster) => Some(zigbee::read(framing, cluster, opened, known, out)),
            _ => nbiot::read(framing, opened, known, out),
        },
    }
}
