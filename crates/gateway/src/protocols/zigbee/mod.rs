//! Zigbee.

mod brought;

pub use brought::{BroughtKey, BroughtKeys};

use crate::capture::Framing;
use crate::sources::lines::{LineError, Members, from_json};
use esh_core::{Carrier, Content, DecodeError, Format, Key, Known, Layer, Opened, Out, Purpose, Reason, Refused};
use esh_zigbee::Zigbee;
use esh_zigbee::fragments::{Part, Step};
use esh_zigbee::ncp::{Line as NcpLine, Ncp, ezsp};
use esh_zigbee::zcl::{Readings, Scaling, Zcl};
use serde::Deserialize;
use std::borrow::Cow;
use std::fmt;

/// What the lines of Zigbee hold: which layer the frame begins with, and for ZCL alone what the layers below would say.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, default)]
    layer: Option<Cow<'a, str>>,
    #[serde(default)]
    cluster_id: Option<u16>,
    #[serde(default)]
    endpoint: Option<u8>,
    #[serde(default)]
    scaling: Option<LineScaling>,
    /// The version of EZSP; what is no number says nothing.
    #[serde(default)]
    ezsp_version: Option<serde_json::Value>,
    /// The PAN of the network of a coordinator.
    #[serde(default)]
    pan: Option<u16>,
    #[serde(borrow, default)]
    network_key: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    link_key: Option<Cow<'a, str>>,
    /// Keys of which it is not said what they are for.
    #[serde(borrow, default)]
    keys: Vec<Cow<'a, str>>,
}

#[derive(Clone, Copy, Deserialize)]
struct LineScaling {
    #[serde(default)]
    multiplier: Option<u32>,
    #[serde(default)]
    divisor: Option<u32>,
    #[serde(default, rename = "unitOfMeasure")]
    unit_of_measure: Option<u8>,
}

/// The word of what is said of a bare frame of ZCL: cluster, endpoint, multiplier, divisor, unit.
pub(crate) fn write_word(readings: &Readings, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let Readings { cluster, endpoint, scaling } = readings;
    write!(f, "zcl+{cluster}+{endpoint}")?;
    for number in [scaling.multiplier, scaling.divisor, scaling.unit_of_measure.map(u32::from)] {
        match number {
            Some(number) => write!(f, "+{number}")?,
            None => f.write_str("+-")?,
        }
    }
    Ok(())
}

/// What a word says that [`write_word`] has written, without its first part.
pub(crate) fn from_word(word: &str) -> Option<Readings> {
    let mut parts = word.split('+');
    let (cluster, endpoint) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let mut number = || match parts.next()? {
        "-" => Some(None),
        number => number.parse::<u32>().ok().map(Some),
    };
    let (multiplier, divisor, unit) = (number()?, number()?, number()?);
    let unit_of_measure = match unit {
        Some(unit) => Some(u8::try_from(unit).ok()?),
        None => None,
    };
    let scaling = Scaling { multiplier, divisor, unit_of_measure };
    parts.next().is_none().then_some(Readings { cluster, endpoint, scaling })
}

/// The word of a line of a coordinator: which it is, and the PAN of its network.
pub(crate) fn write_ncp(Ncp { line, pan }: &Ncp, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let line = match line {
        NcpLine::Ash => "ash",
        NcpLine::Ezsp(None) => "ezsp",
        NcpLine::Ezsp(Some(ezsp::Layout::Legacy)) => "ezsp4",
        NcpLine::Ezsp(Some(ezsp::Layout::Extended)) => "ezsp5",
        NcpLine::Ezsp(Some(ezsp::Layout::Wide)) => "ezsp8",
        NcpLine::Znp => "znp",
    };
    write!(f, "{line}+{pan}")
}

/// What a word says that [`write_ncp`] has written, in its two parts.
pub(crate) fn ncp_from_word(line: &str, pan: &str) -> Option<Ncp> {
    let line = match line {
        "ash" => NcpLine::Ash,
        "ezsp" => NcpLine::Ezsp(None),
        "ezsp4" => NcpLine::Ezsp(Some(ezsp::Layout::Legacy)),
        "ezsp5" => NcpLine::Ezsp(Some(ezsp::Layout::Extended)),
        "ezsp8" => NcpLine::Ezsp(Some(ezsp::Layout::Wide)),
        "znp" => NcpLine::Znp,
        _ => return None,
    };
    Some(Ncp { line, pan: pan.parse().ok()? })
}

pub(super) fn members(line: &str) -> Result<Members, LineError> {
    let line: Line<'_> = from_json(line)?;
    let framing = match line.layer.as_deref() {
        Some("zcl") => {
            let scaling = line.scaling.map_or_else(Scaling::default, |said| Scaling {
                multiplier: said.multiplier,
                divisor: said.divisor,
                unit_of_measure: said.unit_of_measure,
            });
            let cluster = line.cluster_id.ok_or(LineError::Member("cluster_id", "there"))?;
            let endpoint = line.endpoint.unwrap_or_default();
            Some(Framing::Zcl(Readings { cluster, endpoint, scaling }))
        }
        None | Some("mac") => Some(Framing::Zigbee(Zigbee { tell_keys: false })),
        Some(layer) => {
            let version = line.ezsp_version.as_ref().and_then(|version| u8::try_from(version.as_u64()?).ok());
            let ncp_line = match layer {
                "ash" => NcpLine::Ash,
                "ezsp" => NcpLine::Ezsp(version.map(ezsp::Layout::of_version)),
                "znp" => NcpLine::Znp,
                _ => return Err(LineError::Member("layer", "\"mac\", \"zcl\", \"ash\", \"ezsp\" or \"znp\"")),
            };
            Some(Framing::Ncp(Ncp { line: ncp_line, pan: line.pan.unwrap_or(0xffff) }))
        }
    };
    let mut keys = Vec::new();
    let mut key = |member, text: &str, purposes: &[Purpose]| {
        let key = Key::from_hex(text).map_err(|_| LineError::Key(member))?;
        keys.extend(purposes.iter().map(|purpose| (*purpose, key.clone())));
        Ok(())
    };
    line.network_key.iter().try_for_each(|text| key("network_key", text, &[Purpose::Network]))?;
    line.link_key.iter().try_for_each(|text| key("link_key", text, &[Purpose::Link]))?;
    line.keys.iter().try_for_each(|text| key("keys", text, &[Purpose::Network, Purpose::Link]))?;
    Ok(Members { framing, keys, ..Members::default() })
}

pub(super) fn open<'f>(
    framing: Option<Framing>,
    frame: &'f mut [u8],
    known: &dyn Known,
    out: &mut dyn Out<'_>,
) -> Result<Opened<'f>, Refused> {
    match framing {
        Some(Framing::Zcl(readings)) => Zcl { cluster: readings.cluster }.open(frame, known, out),
        Some(Framing::Zigbee(carrier)) => carrier.open(frame, known, out),
        Some(Framing::Ncp(carrier)) => carrier.open(frame, known, out),
        _ => Zigbee::default().open(frame, known, out),
    }
}

/// Parts of messages of APS that wait: sixteen of at most sixteen parts.
pub(super) type Assembler = esh_zigbee::fragments::Assembler<16, 16>;

/// Takes a part, and opens the message once it is whole.
pub(super) fn put_together<'f>(
    assembler: &'f mut Assembler,
    now: u64,
    part: &Opened<'_>,
    known: &dyn Known,
    out: &mut dyn Out<'_>,
) -> Result<Opened<'f>, Refused> {
    let refused = |error: DecodeError| Refused { meter: part.meter, mode: None, counter: None, error };
    let read = Part::read(part.payload).map_err(refused)?;
    let (cluster, profile) = (read.message.cluster, read.message.profile);
    let offset = part.payload.len() - read.payload.len();
    let waiting = |there: usize, of: Option<u8>| DecodeError {
        layer: Layer::Transport,
        field: "part of a message",
        offset,
        reason: Reason::Truncated { needed: of.map_or(there + 1, usize::from), left: there },
    };
    match assembler.put(now, read).map_err(refused)? {
        Step::Waiting { there, of } => Err(refused(waiting(there, of))),
        Step::Whole(octets) if profile == 0 => {
            Ok(Opened { content: Content::Nothing, payload: octets, offset: 0, ..nothing_of(part) })
        }
        Step::Whole(octets) => {
            let opened = Zcl { cluster }.open(octets, known, out)?;
            Ok(Opened { meter: part.meter, security: part.security, ..opened })
        }
    }
}

/// What is left of a part when its message is whole: whose it is, and how it was secured.
const fn nothing_of<'f>(part: &Opened<'_>) -> Opened<'f> {
    let Opened { meter, security, counter, .. } = *part;
    Opened { meter, content: Content::Nothing, payload: &[], offset: 0, security, counter, trailing: &[] }
}

/// Reads a frame of a cluster.
pub(super) fn read<'p>(
    framing: Option<Framing>,
    cluster: u16,
    opened: &Opened<'p>,
    known: &'p dyn Known,
    out: &mut dyn Out<'p>,
) -> Result<(), DecodeError> {
    let readings = match framing {
        Some(Framing::Zcl(readings)) => readings,
        _ => Readings { cluster, ..Readings::default() },
    };
    readings.read(opened.meter.as_ref(), opened.payload, opened.offset, known, out)
}
