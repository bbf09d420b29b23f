//! The carrier: a frame as it was heard, from the MAC to the cluster, decrypted where it lies.

use crate::mac::{self, Address, FrameType, LONGEST};
use crate::security::{AuxiliaryHeader, MIC};
use crate::transport_key::{self, KeyType, TransportKey};
use crate::unlock::Sealed;
use crate::{aps, explain, green_power, names, nwk, zcl, zdo};
use esh_core::note::Notes;
use esh_core::{
    Carrier, Content, DecodeError, Input, Key, Known, Layer, Learned, Meter, Opened, Out, Purpose, Reason, Refused,
    Security, SecurityState,
};

/// Opens frames of IEEE 802.15.4 that carry Zigbee.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Zigbee {
    /// Whether keys that a frame brings are told among its fields: for who analyses frames with the keys of a network.
    pub tell_keys: bool,
}

/// What the layers so far have found.
struct Way {
    tell_keys: bool,
    pan: u16,
    meter: Option<Meter>,
    /// Whose frame it is by its extended address.
    source: Option<u64>,
    destination: Option<u64>,
    security: Security,
    /// A command inside a command has been opened.
    is_inside: bool,
}

impl Carrier for Zigbee {
    fn open<'f>(&self, frame: &'f mut [u8], known: &dyn Known, out: &mut dyn Out<'_>) -> Result<Opened<'f>, Refused> {
        let mut way = Way {
            tell_keys: self.tell_keys,
            pan: 0xffff,
            meter: None,
            source: None,
            destination: None,
            security: Security::NONE,
            is_inside: false,
        };
        let mut notes = Notes::new(out);
        // A layer may have been decrypted when the next one turns out not to open.
        let mut before = [0; LONGEST];
        if let Some(before) = before.get_mut(..frame.len()) {
            before.copy_from_slice(frame);
        }
        match layers(frame, known, &mut way, &mut notes) {
            Ok((start, end, content)) => {
                let frame: &'f [u8] = frame;
                let payload = frame.get(start..end).unwrap_or_default();
                let Way { meter, security, .. } = way;
                Ok(Opened { meter, content, payload, offset: start, security, counter: None, trailing: &[] })
            }
            Err(error) => {
                if let Some(before) = before.get(..frame.len()) {
                    frame.copy_from_slice(before);
                }
                Err(Refused { meter: way.meter, mode: None, counter: None, error })
            }
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
    let end = frame.len().saturating_sub(mac::CHECK);
    let mac = mac::Frame::parse(frame)?;
    let start = mac.payload.offset();
    let header = mac.header;
    explain::mac(&mac, end, notes);
    explain::payload("mac_payload", Layer::Link, frame, start, end, notes);
    if header.control.frame_type() != FrameType::Data || start == end {
        return Ok((start, end, Content::Nothing));
    }
    if header.control.bit(3) {
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
    way.pan = header.source_pan.unwrap_or(0xffff);
    if nwk::is_inter_pan(mac.payload.rest()) {
        way.meter = header.source.map(|source| match source {
            Address::Extended(extended) => names::device(extended),
            Address::Short(short) => names::address(way.pan, short),
        });
        return between_networks(mac.payload, end, notes);
    }
    network(frame, start, end, header.source, known, way, notes)
}

/// A frame between networks: a header of APS without endpoints right behind the control of NWK, never secured; Zigbee
/// 05-3474, annex G.3.
fn between_networks(mut input: Input<'_>, end: usize, notes: &mut Notes<'_, '_>) -> Result<Payload, DecodeError> {
    let start = input.offset();
    input.u16_le("frame control")?;
    let aps_start = input.offset();
    let header = aps::Header::read(&mut input)?;
    let payload = input.offset();
    explain::inter_pan(start, notes);
    explain::aps(&header, None, aps_start, payload, notes);
    notes.octets(
        esh_core::note::at(Layer::Transport, payload, end - payload, "payload", "aps_payload"),
        input.rest(),
        &"",
    );
    let Some(cluster) = header.cluster else { return Ok((payload, end, Content::Nothing)) };
    zcl::tell(input.rest(), payload, notes)?;
    Ok((payload, end, Content::Cluster(cluster)))
}

fn network(
    frame: &mut [u8],
    start: usize,
    mut end: usize,
    heard_from: Option<Address>,
    known: &dyn Known,
    way: &mut Way,
    notes: &mut Notes<'_, '_>,
) -> Result<Payload, DecodeError> {
    let mut input = Input::new(frame.get(start..end).unwrap_or_default(), start, Layer::Network);
    let header = nwk::Header::read(&mut input)?;
    let control_at = input.offset();
    let auxiliary = if header.control.is_secured() { Some(AuxiliaryHeader::read(&mut input)?) } else { None };
    let payload = input.offset();
    // Who secured a frame is who sent it, when it came without a relay.
    let direct = heard_from == Some(Address::Short(header.source));
    let short = names::address(way.pan, header.source);
    let before = known.device(&short);
    let said = header.source_extended.or_else(|| auxiliary.filter(|_| direct).and_then(|of| of.source));
    way.source = said.or_else(|| before.as_ref().and_then(extended_of));
    let others = names::address(way.pan, header.destination);
    way.destination = header.destination_extended.or_else(|| known.device(&others).as_ref().and_then(extended_of));
    way.meter = Some(way.source.map_or(short, names::device));
    explain::nwk(&header, auxiliary, start, payload, notes);
    if let Some(auxiliary) = auxiliary {
        way.security = Security { state: SecurityState::Refused, ..Security::NONE };
        let secured_by = auxiliary.source.or(way.source);
        let whose = [way.meter.unwrap_or(short), names::network(way.pan)];
        let sealed = Sealed { start, control_at, payload, end, auxiliary };
        sealed.unlock(frame, secured_by, &whose, secured_by == way.source, known, notes)?;
        end -= MIC;
        way.security = Security { mode: None, state: SecurityState::Decrypted, authenticated: true };
        // Only what is authenticated teaches who has which address.
        if let Some(device) = said.map(names::device).filter(|device| before != Some(*device)) {
            notes.learned(Learned::Address { address: short, device });
        }
    }
    let inside = frame.get(payload..end).unwrap_or_default();
    if !way.tell_keys && brings_key(inside) {
        explain::withheld("nwk_payload", Layer::Network, payload, end, notes);
    } else {
        explain::payload("nwk_payload", Layer::Network, frame, payload, end, notes);
    }
    if header.control.frame_type() == 1 {
        explain::nwk_command(frame.get(payload..end).unwrap_or_default(), payload, notes);
        return Ok((payload, end, Content::Nothing));
    }
    application(frame, payload, end, known, way, notes)
}

/// Whether a frame of APS brings a key in plain.
fn brings_key(aps: &[u8]) -> bool {
    let mut input = Input::new(aps, 0, Layer::Transport);
    aps::Header::read(&mut input).is_ok_and(|header| header.control.frame_type() == 1 && !header.control.is_secured())
        && input.peek() == Some(transport_key::COMMAND)
}

fn application(
    frame: &mut [u8],
    start: usize,
    mut end: usize,
    known: &dyn Known,
    way: &mut Way,
    notes: &mut Notes<'_, '_>,
) -> Result<Payload, DecodeError> {
    let mut input = Input::new(frame.get(start..end).unwrap_or_default(), start, Layer::Transport);
    let header = aps::Header::read(&mut input)?;
    let control_at = input.offset();
    let auxiliary = if header.control.is_secured() { Some(AuxiliaryHeader::read(&mut input)?) } else { None };
    let payload = input.offset();
    if !way.is_inside {
        explain::aps(&header, auxiliary, start, payload, notes);
    }
    if let Some(auxiliary) = auxiliary {
        // APS is secured from end to end: by whose frame it is.
        way.source = way.source.or(auxiliary.source);
        way.meter = way.source.map(names::device).or(way.meter);
        way.security = Security { state: SecurityState::Refused, ..Security::NONE };
        let secured_by = auxiliary.source.or(way.source);
        let nobody = names::network(way.pan);
        let whose = [way.meter.unwrap_or(nobody), way.destination.map_or(nobody, names::device)];
        let sealed = Sealed { start, control_at, payload, end, auxiliary };
        sealed.unlock(frame, secured_by, &whose, secured_by == way.source, known, notes)?;
        end -= MIC;
        way.security = Security { mode: None, state: SecurityState::Decrypted, authenticated: true };
    }
    let inside = frame.get(payload..end).unwrap_or_default();
    let is_command = header.control.frame_type() == 1;
    if !way.is_inside {
        if is_command && inside.first() == Some(&transport_key::COMMAND) && !way.tell_keys {
            explain::withheld("aps_payload", Layer::Transport, payload, end, notes);
        } else {
            explain::payload("aps_payload", Layer::Transport, frame, payload, end, notes);
        }
    }
    if is_command {
        return command(frame, payload, end, known, way, notes);
    }
    let inside = frame.get(payload..end).unwrap_or_default();
    let content = match (header.control.frame_type(), header.profile, header.cluster) {
        // A part of a message waits for the others, with the headers that say which message that is.
        (0, ..) if header.fragment.is_some() => return Ok((0, end, Content::Fragment)),
        // The device profile: announcements, descriptors, binding. Nothing of it is a reading.
        (0, Some(0), Some(cluster)) => {
            device_profile(cluster, inside, payload, known, way, notes);
            Content::Nothing
        }
        (0, Some(_), Some(cluster)) => {
            zcl::tell(inside, payload, notes)?;
            Content::Cluster(cluster)
        }
        _ => Content::Nothing,
    };
    Ok((payload, end, content))
}

/// What a message of the device profile says and teaches. One that contradicts itself says nothing.
fn device_profile(cluster: u16, octets: &[u8], offset: usize, known: &dyn Known, way: &Way, notes: &mut Notes<'_, '_>) {
    let message = zdo::Frame::read(cluster, &mut Input::new(octets, offset, Layer::Application)).ok().flatten();
    explain::device_profile(cluster, message.as_ref(), octets, offset, notes);
    let Some(zdo::Frame { message: zdo::Message::DeviceAnnounce { short, extended, .. }, .. }) = message else {
        return;
    };
    let (address, device) = (names::address(way.pan, short), names::device(extended));
    if way.security.authenticated && known.device(&address) != Some(device) {
        notes.learned(Learned::Address { address, device });
    }
}

/// A command of APS: one that brings a key teaches it, one in a tunnel is opened in its turn.
fn command(
    frame: &mut [u8],
    start: usize,
    end: usize,
    known: &dyn Known,
    way: &mut Way,
    notes: &mut Notes<'_, '_>,
) -> Result<Payload, DecodeError> {
    const TUNNEL: u8 = 0x0e;
    const DESTINATION: usize = 8;
    let inside = frame.get(start..end).unwrap_or_default();
    let nothing = (start, end, Content::Nothing);
    if !way.is_inside {
        explain::aps_command(inside, start, notes);
    }
    match inside.split_first() {
        Some((&transport_key::COMMAND, rest)) => {
            let transported = TransportKey::read(&mut Input::new(rest, start + 1, Layer::Transport))?;
            explain::transport_key(&transported, start, end, way.tell_keys, notes);
            teach(&transported, way, notes);
            // Who looks at the frame in plain shall not find the key there.
            if !way.tell_keys
                && let Some(key) = frame.get_mut(start + 2..).and_then(|rest| rest.get_mut(..16))
            {
                key.fill(0);
            }
        }
        Some((&TUNNEL, rest)) if !way.is_inside => {
            way.is_inside = true;
            if let Some((destination, _)) = rest.split_first_chunk::<DESTINATION>() {
                way.destination = Some(u64::from_le_bytes(*destination));
                // Without the key of who it is for it stays closed, and is a tunnel all the same.
                let security = way.security;
                let _ = application(frame, start + 1 + DESTINATION, end, known, way, notes);
                way.security = security;
            }
        }
        _ => {}
    }
    Ok(nothing)
}

/// A key is believed when who brings it has authenticated himself.
fn teach(transported: &TransportKey<'_>, way: &Way, notes: &mut Notes<'_, '_>) {
    let Ok(key) = Key::new(transported.key) else { return };
    if !way.security.authenticated {
        return;
    }
    let (address, number, purpose) = match transported.of {
        KeyType::StandardNetwork { sequence, .. } => (names::network(way.pan), sequence.into(), Purpose::Network),
        KeyType::TrustCentreLink { destination, .. } => (names::device(destination), 0, Purpose::Link),
        KeyType::ApplicationLink { partner, .. } => (names::device(partner), 0, Purpose::Link),
    };
    notes.learned(Learned::Session { address, number, keys: &[(purpose, key)] });
}

fn extended_of(device: &Meter) -> Option<u64> {
    let text = device.id.as_str();
    if text.len() == 16 { u64::from_str_radix(text, 16).ok() } else { None }
}
