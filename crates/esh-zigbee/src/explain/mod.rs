//! What each layer found, for those who look at a frame.

mod device_profile;

pub(crate) use device_profile::{device_profile, transport_key};

use crate::mac::{self, Address};
use crate::security::{AuxiliaryHeader, KeyIdentifier};
use crate::zcl::Eui64;
use crate::{aps, green_power, nwk};
use esh_core::Layer;
use esh_core::note::{Notes, at};

/// The payload of a layer, in plain.
pub(crate) fn payload(
    key: &'static str,
    layer: Layer,
    frame: &[u8],
    start: usize,
    end: usize,
    notes: &mut Notes<'_, '_>,
) {
    let octets = frame.get(start..end).unwrap_or_default();
    notes.octets(at(layer, start, octets.len(), "payload", key), octets, &"");
}

/// The payload of a layer that brings a key.
pub(crate) fn withheld(key: &'static str, layer: Layer, start: usize, end: usize, notes: &mut Notes<'_, '_>) {
    notes.text(at(layer, start, end - start, "payload", key), &"withheld", &"it brings a key");
}

pub(crate) fn mac(frame: &mac::Frame<'_>, end: usize, notes: &mut Notes<'_, '_>) {
    let place = |name, key| at(Layer::Link, 0, frame.payload.offset(), name, key);
    let header = frame.header;
    notes.object(place("MAC header", "mac"), |notes| {
        notes.object(place("frame control", "frameControl"), |notes| {
            let control = header.control;
            notes.number(place("frame type", "frameType"), control.0 & 7, &"");
            for (name, key, bit) in [
                ("security enabled", "securityEnabled", 3),
                ("frame pending", "framePending", 4),
                ("acknowledgement request", "ackRequest", 5),
                ("PAN ID compression", "panIdCompression", 6),
                ("sequence number suppression", "seqNumSuppress", 8),
                ("information elements present", "iePresent", 9),
            ] {
                notes.flag(place(name, key), control.bit(bit), &"");
            }
            notes.number(place("destination addressing mode", "destAddrMode"), control.destination_mode(), &"");
            notes.number(place("frame version", "frameVersion"), control.version(), &"");
            notes.number(place("source addressing mode", "sourceAddrMode"), control.source_mode(), &"");
        });
        if let Some(sequence) = header.sequence {
            notes.number(place("sequence number", "sequenceNumber"), sequence, &"");
        }
        if let Some(pan) = header.destination_pan {
            notes.number(place("destination PAN", "destinationPANId"), pan, &"");
        }
        address(header.destination, ("destination16", "destination64"), &place, notes);
        if let Some(pan) = header.source_pan {
            notes.number(place("source PAN", "sourcePANId"), pan, &"");
        }
        address(header.source, ("source16", "source64"), &place, notes);
        notes.number(at(Layer::Link, end, 2, "frame check sequence", "fcs"), frame.check, &"");
    });
}

fn address(
    address: Option<Address>,
    (short_key, extended_key): (&'static str, &'static str),
    place: &dyn Fn(&'static str, &'static str) -> esh_core::note::Place<'static>,
    notes: &mut Notes<'_, '_>,
) {
    match address {
        Some(Address::Short(short)) => notes.number(place("address", short_key), short, &""),
        Some(Address::Extended(extended)) => {
            notes.text(place("address", extended_key), &Eui64(extended.to_le_bytes()), &"");
        }
        None => {}
    }
}

fn extended(address: Option<u64>, place: esh_core::note::Place<'static>, notes: &mut Notes<'_, '_>) {
    if let Some(address) = address {
        notes.text(place, &Eui64(address.to_le_bytes()), &"");
    }
}

fn auxiliary(header: AuxiliaryHeader, layer: Layer, start: usize, len: usize, notes: &mut Notes<'_, '_>) {
    let place = |name, key| at(layer, start, len, name, key);
    notes.object(place("auxiliary header", "securityHeader"), |notes| {
        notes.object(place("security control", "control"), |notes| {
            // What stands on the air is zero; what is meant is level 5.
            notes.number(place("security level", "level"), 5u8, &"encrypted, four octets of authentication");
            let key = match header.key() {
                KeyIdentifier::Link => 0u8,
                KeyIdentifier::Network => 1,
                KeyIdentifier::KeyTransport => 2,
                KeyIdentifier::KeyLoad => 3,
            };
            notes.number(place("key identifier", "keyId"), key, &"");
            notes.flag(place("extended nonce", "nonce"), header.has_extended_nonce(), &"");
            notes.flag(place("verified frame counter", "reqVerifiedFc"), header.requires_verified_counter(), &"");
        });
        notes.number(place("frame counter", "frameCounter"), header.frame_counter, &"");
        extended(header.source, place("source address", "source64"), notes);
        if let Some(sequence) = header.key_sequence {
            notes.number(place("key sequence number", "keySeqNum"), sequence, &"");
        }
        notes.number(place("octets of authentication", "micLen"), 4u8, &"");
    });
}

pub(crate) fn green_power(frame: &green_power::Frame<'_>, notes: &mut Notes<'_, '_>) {
    let place = |name, key| at(Layer::Network, frame.payload.offset(), 0, name, key);
    notes.object(place("Green Power header", "gp"), |notes| {
        notes.object(place("frame control", "frameControl"), |notes| {
            notes.number(place("frame type", "frameType"), frame.frame_type(), &"");
            notes.number(place("protocol version", "protocolVersion"), frame.control >> 2 & 15, &"");
            notes.flag(place("auto commissioning", "autoCommissioning"), frame.control & 0x40 != 0, &"");
            notes.flag(place("extended frame control", "nwkFrameControlExtension"), frame.extended.is_some(), &"");
        });
        if let Some(extended) = frame.extended {
            notes.object(place("extended frame control", "frameControlExt"), |notes| {
                notes.number(place("application identifier", "appId"), extended & 7, &"");
                notes.number(place("security level", "securityLevel"), extended >> 3 & 3, &"");
                notes.flag(place("security key", "securityKey"), extended & 0x20 != 0, &"");
                notes.flag(place("receives after sending", "rxAfterTx"), extended & 0x40 != 0, &"");
                notes.number(place("direction", "direction"), extended >> 7, &"");
            });
        }
        for (name, key, number) in [
            ("source identifier", "sourceId", frame.source),
            ("frame counter", "securityFrameCounter", frame.frame_counter),
            ("authentication code", "mic", frame.mic),
        ] {
            if let Some(number) = number {
                notes.number(place(name, key), number, &"");
            }
        }
        notes.number(place("octets of authentication", "micSize"), if frame.mic.is_some() { 4u8 } else { 0 }, &"");
        notes.number(place("octets of the command", "payloadLength"), frame.payload.len() as u64, &"");
    });
    let command = frame.payload.rest();
    notes.octets(at(Layer::Network, frame.payload.offset(), command.len(), "command", "gp_payload"), command, &"");
}

pub(crate) fn nwk(
    header: &nwk::Header,
    security: Option<AuxiliaryHeader>,
    start: usize,
    end: usize,
    notes: &mut Notes<'_, '_>,
) {
    let place = |name, key| at(Layer::Network, start, end - start, name, key);
    notes.object(place("NWK header", "nwk"), |notes| {
        let control = header.control;
        notes.object(place("frame control", "frameControl"), |notes| {
            notes.number(place("frame type", "frameType"), control.frame_type(), &"");
            notes.number(place("protocol version", "protocolVersion"), control.protocol_version(), &"");
            notes.number(place("discover route", "discoverRoute"), control.discover_route(), &"");
            for (name, key, bit) in [
                ("multicast", "multicast", 8),
                ("security", "security", 9),
                ("source route", "sourceRoute", 10),
                ("destination IEEE address", "extendedDestination", 11),
                ("source IEEE address", "extendedSource", 12),
                ("end device initiator", "endDeviceInitiator", 13),
            ] {
                notes.flag(place(name, key), control.bit(bit), &"");
            }
        });
        notes.number(place("destination address", "destination16"), header.destination, &"");
        notes.number(place("source address", "source16"), header.source, &"");
        notes.number(place("radius", "radius"), header.radius, &"");
        notes.number(place("sequence number", "seqNum"), header.sequence, &"");
        extended(header.destination_extended, place("destination IEEE address", "destination64"), notes);
        extended(header.source_extended, place("source IEEE address", "source64"), notes);
        if let Some(security) = security {
            auxiliary(security, Layer::Network, start, end - start, notes);
        }
    });
}

/// A frame between networks has of NWK its frame control alone.
pub(crate) fn inter_pan(start: usize, notes: &mut Notes<'_, '_>) {
    let place = |name, key| at(Layer::Network, start, 2, name, key);
    notes.object(place("NWK header", "nwk"), |notes| {
        notes.object(place("frame control", "frameControl"), |notes| {
            notes.number(place("frame type", "frameType"), 3u8, &"between networks");
        });
    });
}

pub(crate) fn aps(
    header: &aps::Header,
    security: Option<AuxiliaryHeader>,
    start: usize,
    end: usize,
    notes: &mut Notes<'_, '_>,
) {
    let place = |name, key| at(Layer::Transport, start, end - start, name, key);
    notes.object(place("APS header", "aps"), |notes| {
        let control = header.control;
        notes.object(place("frame control", "frameControl"), |notes| {
            notes.number(place("frame type", "frameType"), control.frame_type(), &"");
            notes.number(place("delivery mode", "deliveryMode"), control.delivery_mode(), &"");
            for (name, key, bit) in [
                ("acknowledgement format", "ackFormat", 4),
                ("security", "security", 5),
                ("acknowledgement request", "ackRequest", 6),
                ("extended header", "extendedHeader", 7),
            ] {
                notes.flag(place(name, key), control.bit(bit), &"");
            }
        });
        for (name, key, number) in [
            ("destination endpoint", "destEndpoint", header.destination_endpoint.map(u16::from)),
            ("group address", "group", header.group),
            ("cluster identifier", "clusterId", header.cluster),
            ("profile identifier", "profileId", header.profile),
            ("source endpoint", "sourceEndpoint", header.source_endpoint.map(u16::from)),
            ("block number", "fragBlockNumber", header.fragment.map(|fragment| fragment.block.into())),
        ] {
            if let Some(number) = number {
                notes.number(place(name, key), number, &"");
            }
        }
        notes.number(place("APS counter", "counter"), header.counter, &"");
        if let Some(security) = security {
            auxiliary(security, Layer::Transport, start, end - start, notes);
        }
    });
}

/// Commands of NWK, Zigbee 05-3474, table 3-39.
const NWK_COMMANDS: &[(u8, &str)] = &[
    (0x01, "route request"),
    (0x02, "route reply"),
    (0x03, "network status"),
    (0x04, "leave"),
    (0x05, "route record"),
    (0x06, "rejoin request"),
    (0x07, "rejoin response"),
    (0x08, "link status"),
    (0x09, "network report"),
    (0x0a, "network update"),
    (0x0b, "end device timeout request"),
    (0x0c, "end device timeout response"),
    (0x0d, "link power delta"),
    (0x0e, "network commissioning request"),
    (0x0f, "network commissioning response"),
];

/// Commands of APS, Zigbee 05-3474, table 4-28.
const APS_COMMANDS: &[(u8, &str)] = &[
    (0x05, "transport key"),
    (0x06, "update device"),
    (0x07, "remove device"),
    (0x08, "request key"),
    (0x09, "switch key"),
    (0x0e, "tunnel"),
    (0x0f, "verify key"),
    (0x10, "confirm key"),
    (0x11, "relay message downstream"),
    (0x12, "relay message upstream"),
];

pub(crate) fn nwk_command(payload: &[u8], offset: usize, notes: &mut Notes<'_, '_>) {
    command(Layer::Network, "nwk_command", NWK_COMMANDS, payload, offset, notes);
}

pub(crate) fn aps_command(payload: &[u8], offset: usize, notes: &mut Notes<'_, '_>) {
    command(Layer::Transport, "aps_command", APS_COMMANDS, payload, offset, notes);
}

fn command(
    layer: Layer,
    key: &'static str,
    names: &[(u8, &'static str)],
    payload: &[u8],
    offset: usize,
    notes: &mut Notes<'_, '_>,
) {
    if let Some(id) = payload.first() {
        let name = names.iter().find(|(of, _)| of == id).map_or("", |(_, name)| name);
        notes.number(at(layer, offset, 1, "command", key), *id, &name);
    }
}
