//! Datagrams of packet forwarders: a header and JSON text; `PROTOCOL.TXT` of the packet forwarder, and what later
//! gateways add.

use super::octets::base64;
use super::rxpk::received;
use crate::protocols::object::Object;
use esh_core::note::{Notes, at};
use esh_core::{Content, Decimal, DecodeError, Field, Known, Layer, Opened, Out, Reason, Refused, Security};
use esh_lorawan::gwmp::{Datagram, Packet};

const TEXT: Layer = Layer::Application;

/// Takes a datagram apart. What is inside is told as fields: a datagram names no meter, its packets do.
///
/// # Errors
/// When it is no datagram, or its text no JSON object.
pub(in crate::protocols) fn open<'f>(
    frame: &'f mut [u8],
    _: &dyn Known,
    out: &mut dyn Out<'_>,
) -> Result<Opened<'f>, Refused> {
    let mut notes = Notes::new(out);
    let datagram = Datagram::parse(frame)?;
    header(&datagram, &mut notes);
    let Datagram { packet, text, text_at, .. } = datagram;
    let wants_text = matches!(packet, Packet::PushData | Packet::PullResp);
    if !wants_text && !text.is_empty() && packet != Packet::TxAck {
        let reason = Reason::Trailing { octets: text.len() };
        return Err(DecodeError { layer: Layer::Link, field: packet.name(), offset: text_at, reason }.into());
    }
    if wants_text || !text.is_empty() {
        let object = Object::parse(text, text_at)?;
        if notes.wanted() {
            contents(&object, text_at, &mut notes);
        }
        if packet == Packet::PushData && received(&datagram).is_none_or(|all| all.iter().any(Result::is_err)) {
            // The others are told all the same.
            let error = DecodeError { layer: TEXT, field: "rxpk", offset: text_at, reason: Reason::Malformed };
            return Err(error.into());
        }
    }
    Ok(Opened {
        meter: None,
        content: Content::Nothing,
        payload: &[],
        offset: 0,
        security: Security::NONE,
        counter: None,
        trailing: &[],
    })
}

fn header(datagram: &Datagram<'_>, notes: &mut Notes<'_, '_>) {
    const LINK: Layer = Layer::Link;
    let Datagram { version, token, packet, gateway, .. } = datagram;
    notes.number(at(LINK, 0, 1, "protocol version", "version"), *version, &"");
    notes.number(at(LINK, 1, 2, "token", "token"), u16::from_le_bytes(*token), &"least significant octet first");
    notes.number(at(LINK, 1, 0, "token", "token_be"), u16::from_be_bytes(*token), &"most significant octet first");
    notes.text(at(LINK, 3, 1, "identifier", "type"), &packet.name(), &"");
    if let Some(gateway) = gateway {
        notes.text(at(LINK, 4, 8, "gateway", "gateway_id"), gateway, &"");
    }
}

fn contents(object: &Object<'_>, offset: usize, notes: &mut Notes<'_, '_>) {
    if let Some(packets) = object.array(&["rxpk"]) {
        notes.array(at(TEXT, offset, 0, "packets received", "rxpk"), |notes| {
            for packet in packets {
                notes.object(at(TEXT, offset, 0, "packet", Field::ELEMENT), |notes| match Object::try_from(packet) {
                    Ok(packet) => radio_packet(&packet, offset, notes),
                    Err(_) => notes.text(at(TEXT, offset, 0, "packet", "phy_error"), &"bad_json", &""),
                });
            }
        });
    }
    if let Some(packet) = object.object(&["txpk"]) {
        let place = at(TEXT, offset, 0, "packet to transmit", "txpk");
        notes.object(place, |notes| radio_packet(&packet, offset, notes));
    }
    object.pass_on(&["rxpk", "txpk"], offset, notes);
}

/// The members of a packet that are told in words of their own.
const TRANSLATED: [&str; 6] = ["freq", "stat", "datr", "lsnr", "data", "size"];

fn radio_packet(packet: &Object<'_>, offset: usize, notes: &mut Notes<'_, '_>) {
    let place = |name, key| at(TEXT, offset, 0, name, key);
    if let Some(hertz) = packet.number(&["freq"]).and_then(|megahertz| megahertz.scale10(6)) {
        notes.decimal(place("freq", "freq_hz"), hertz, &"Hz");
    }
    if let Some(crc) = packet.whole(&["stat"]) {
        let word = match crc {
            1 => "ok",
            -1 => "bad",
            _ => "none",
        };
        notes.text(place("stat", "crc"), &word, &"checksum of the radio");
    }
    data_rate(packet, offset, notes);
    if let Some(snr) = packet.number(&["lsnr"]) {
        notes.decimal(place("lsnr", "snr"), snr, &"dB");
    }
    let size = packet.whole(&["size"]);
    if let Some(size) = size {
        notes.signed(place("size", "size"), size, &"octets");
    }
    if let Some(text) = packet.text(&["data"]) {
        match base64(&text) {
            Some(octets) => {
                notes.octets(place("data", "phy"), &octets, &"PHYPayload");
                if let Some(size) = size {
                    let fits = i64::try_from(octets.len()) == Ok(size);
                    notes.flag(place("size", "size_ok"), fits, &"whether the size is that of the data");
                }
            }
            None => notes.text(place("data", "phy_error"), &"bad_base64", &""),
        }
    }
    packet.pass_on(&TRANSLATED, offset, notes);
}

/// `SF7BW125` of LoRa, `M0CW137` of LR-FHSS, or bits a second of FSK.
fn data_rate(packet: &Object<'_>, offset: usize, notes: &mut Notes<'_, '_>) {
    let place = |key| at(TEXT, offset, 0, "datr", key);
    let kilohertz = |text: &str| Decimal::parse(text).and_then(|kilohertz| kilohertz.scale10(3));
    match packet.text(&["datr"]) {
        Some(rate) => {
            notes.text(place("datr"), &rate, &"");
            if let Some((factor, width)) = rate.strip_prefix("SF").and_then(|rate| rate.split_once("BW")) {
                if let Ok(factor) = factor.parse::<u8>() {
                    notes.number(place("sf"), factor, &"spreading factor");
                }
                if let Some(hertz) = kilohertz(width) {
                    notes.decimal(place("bw_hz"), hertz, &"bandwidth");
                }
            } else if let Some(hertz) = rate.split_once("CW").and_then(|(_, width)| kilohertz(width)) {
                notes.decimal(place("ocw_hz"), hertz, &"operating channel width");
            }
        }
        None => {
            if let Some(rate) = packet.number(&["datr"]) {
                notes.decimal(place("datr"), rate, &"bits a second");
            }
        }
    }
}
