//! The carrier: a frame as it was heard, from the MAC to the cluster, decrypted where it lies.

use crate::mac::{self, Address, FrameType};
use crate::security::{AuxiliaryHeader, Cipher, KeyIdentifier, MIC, key_load, key_transport};
use crate::{aps, explain, green_power, nwk, zcl};
use esh_core::note::Notes;
use esh_core::{
    Carrier, Content, DecodeError, Id, Input, Key, Known, Layer, Meter, Opened, Out, Protocol, Purpose, Reason,
    Refused, Security, SecurityState,
};

/// The link key that every device has; Zigbee 05-3474, clause 4.4.1.
const WELL_KNOWN: [u8; 16] = *b"ZigBeeAlliance09";

/// Opens frames of IEEE 802.15.4 that carry Zigbee.
#[derive(Clone, Copy, Debug, Default)]
pub struct Zigbee;

/// What the layers so far have found.
struct Way {
    meter: Option<Meter>,
    security: Security,
}

impl Carrier for Zigbee {
    fn open<'f>(&self, frame: &'f mut [u8], known: &dyn Known, out: &mut dyn Out<'_>) -> Result<Opened<'f>, Refused> {
        let mut way = Way { meter: None, security: Security::NONE };
        let mut notes = Notes::new(out);
        match layers(frame, known, &mut way, &mut notes) {
            Ok((start, end, content)) => {
                let frame: &'f [u8] = frame;
                let payload = frame.get(start..end).unwrap_or_default();
                let Way { meter, security } = way;
                Ok(Opened { meter, content, payload, offset: start, security, counter: None, trailing: &[] })
            }
            Err(error) => Err(Refused { meter: way.meter, mode: None, counter: None, error }),
        }
    }
}

type Payload = (usize, usize, Content);

/// Where the payload of the innermost layer stands, and what it is.
fn layers(
    frame: &mut [u8],
    known: &dyn Known,
    way: &mut Way,
    notes: &mut Notes<'_, '_>,
) -> Result<Payload, DecodeError> {
    let end = frame.len().saturating_sub(2);
    let mac = mac::Frame::parse(frame)?;
    let start = mac.payload.offset();
    explain::mac(&mac, end, notes);
    explain::payload("mac_payload", Layer::Link, frame, start, end, notes);
    if mac.header.control.frame_type() != FrameType::Data || start == end {
        return Ok((start, end, Content::Nothing));
    }
    if mac.header.control.bit(3) {
        return Err(DecodeError { layer: Layer::Link, field: "MAC security", offset: 0, reason: Reason::Unsupported });
    }
    if green_power::Frame::is(mac.payload.rest()) {
        let green = green_power::Frame::read(mac.payload)?;
        explain::green_power(&green, notes);
        let level = green.security_level();
        let state = if level == 0 { SecurityState::None } else { SecurityState::Refused };
        way.security = Security { mode: Some(level), state, authenticated: false };
        let start = green.payload.offset();
        return Ok((start, start + green.payload.len(), Content::Nothing));
    }
    let (pan, heard_from) = (mac.header.source_pan, mac.header.source);
    network(frame, start, end, (pan, heard_from), known, way, notes)
}

fn network(
    frame: &mut [u8],
    start: usize,
    mut end: usize,
    (pan, heard_from): (Option<u16>, Option<Address>),
    known: &dyn Known,
    way: &mut Way,
    notes: &mut Notes<'_, '_>,
) -> Result<Payload, DecodeError> {
    let mut input = Input::new(frame.get(start..end).unwrap_or_default(), start, Layer::Network);
    let header = nwk::Header::read(&mut input)?;
    let mut auxiliary = None;
    let control_at = input.offset() - start;
    if header.control.is_secured() {
        auxiliary = Some(AuxiliaryHeader::read(&mut input)?);
    }
    let payload = input.offset();
    // Who secured a frame is who sent it, when it came without a relay.
    let direct = heard_from == Some(Address::Short(header.source));
    let source = header.source_extended.or_else(|| auxiliary.filter(|_| direct).and_then(|of| of.source));
    way.meter = meter(source, pan, header.source);
    explain::nwk(&header, auxiliary, start, payload, notes);
    if let Some(auxiliary) = auxiliary {
        way.security = Security { state: SecurityState::Refused, ..Security::NONE };
        let secured_by = auxiliary.source.or(source);
        open_layer(frame, (start, payload, end), control_at, auxiliary, secured_by, way.meter.as_ref(), known)?;
        end -= MIC;
        way.security = Security { mode: None, state: SecurityState::Decrypted, authenticated: true };
    }
    explain::payload("nwk_payload", Layer::Network, frame, payload, end, notes);
    if header.control.frame_type() == 1 {
        explain::nwk_command(frame.get(payload..end).unwrap_or_default(), payload, notes);
        return Ok((payload, end, Content::Nothing));
    }
    application(frame, payload, end, source, known, way, notes)
}

fn application(
    frame: &mut [u8],
    start: usize,
    mut end: usize,
    source: Option<u64>,
    known: &dyn Known,
    way: &mut Way,
    notes: &mut Notes<'_, '_>,
) -> Result<Payload, DecodeError> {
    let mut input = Input::new(frame.get(start..end).unwrap_or_default(), start, Layer::Transport);
    let header = aps::Header::read(&mut input)?;
    let mut auxiliary = None;
    let control_at = input.offset() - start;
    if header.control.is_secured() {
        auxiliary = Some(AuxiliaryHeader::read(&mut input)?);
    }
    let payload = input.offset();
    explain::aps(&header, auxiliary, start, payload, notes);
    if let Some(auxiliary) = auxiliary {
        let secured_by = auxiliary.source.or(source);
        open_layer(frame, (start, payload, end), control_at, auxiliary, secured_by, way.meter.as_ref(), known)?;
        end -= MIC;
        way.security = Security { mode: None, state: SecurityState::Decrypted, authenticated: true };
    }
    explain::payload("aps_payload", Layer::Transport, frame, payload, end, notes);
    let inside = frame.get(payload..end).unwrap_or_default();
    let content = match (header.control.frame_type(), header.profile, header.cluster) {
        (1, ..) => {
            explain::aps_command(inside, payload, notes);
            Content::Nothing
        }
        // A part of a message waits for the others.
        (0, ..) if header.fragment.is_some() => Content::Fragment,
        // The device profile: announcements, descriptors, binding. Nothing of it is a reading.
        (0, Some(0), _) => Content::Nothing,
        (0, Some(_), Some(cluster)) => {
            zcl::tell(inside, payload, notes)?;
            Content::Cluster(cluster)
        }
        _ => Content::Nothing,
    };
    Ok((payload, end, content))
}

/// Decrypts the payload of a layer with the first key that fits.
fn open_layer(
    frame: &mut [u8],
    (start, payload, end): (usize, usize, usize),
    control_at: usize,
    auxiliary: AuxiliaryHeader,
    source: Option<u64>,
    meter: Option<&Meter>,
    known: &dyn Known,
) -> Result<(), DecodeError> {
    let error = |field, offset, reason| DecodeError { layer: Layer::Security, field, offset, reason };
    let Some(source) = source else {
        return Err(error("source address", start + control_at, Reason::Truncated { needed: 8, left: 0 }));
    };
    let Some(len) = end.checked_sub(payload + MIC) else {
        let left = end.saturating_sub(payload);
        return Err(error("authentication code", payload, Reason::Truncated { needed: MIC, left }));
    };
    let (headers, rest) = frame.split_at_mut_checked(payload).unwrap_or_default();
    let headers = headers.get(start..).unwrap_or_default();
    let (body, mic) = rest.split_at_mut_checked(len).unwrap_or_default();
    let mic = mic.get(..MIC).unwrap_or_default();
    let mut tried = false;
    let mut fits = |key: &[u8; 16]| {
        tried = true;
        Cipher::new(key).open(headers, control_at, auxiliary, source, body, mic)
    };
    let mut with = |key: &[u8; 16]| match auxiliary.key() {
        KeyIdentifier::Network | KeyIdentifier::Link => fits(key),
        KeyIdentifier::KeyTransport => fits(&key_transport(key)),
        KeyIdentifier::KeyLoad => fits(&key_load(key)),
    };
    let purpose = if auxiliary.key() == KeyIdentifier::Network { Purpose::Network } else { Purpose::Link };
    let nobody =
        Meter { protocol: Protocol::Zigbee, manufacturer: None, id: Id::from_bcd([0; 4]), version: None, medium: None };
    let of = meter.unwrap_or(&nobody);
    let found = known.keys(of, purpose, &mut |key: &Key| key.expose_128().is_some_and(&mut with))
        || purpose == Purpose::Link && with(&WELL_KNOWN);
    match (found, tried) {
        (true, _) => Ok(()),
        (false, true) => Err(error("authentication code", end - MIC, Reason::KeyRejected)),
        (false, false) => Err(error("security control", start + control_at, Reason::NoKey)),
    }
}

/// A device by the address it has from its maker, else by the one its network gave it.
fn meter(extended: Option<u64>, pan: Option<u16>, short: u16) -> Option<Meter> {
    let mut text = [0; 16];
    let mut digits = |number: u64, from: usize, count: usize| {
        for (at, slot) in text.iter_mut().skip(from).take(count).enumerate() {
            let nibble = (number >> (4 * (count - 1 - at)) & 15) as u32;
            *slot = char::from_digit(nibble, 16).map_or(b'?', |digit| digit as u8);
        }
    };
    let len = match extended {
        Some(extended) => {
            digits(extended, 0, 16);
            16
        }
        None => {
            digits(pan.unwrap_or(0xffff).into(), 0, 4);
            digits(short.into(), 5, 4);
            if let Some(slot) = text.get_mut(4) {
                *slot = b'-';
            }
            9
        }
    };
    let id = Id::new(core::str::from_utf8(text.get(..len)?).ok()?)?;
    Some(Meter { protocol: Protocol::Zigbee, manufacturer: None, id, version: None, medium: None })
}
