//! Messages of LoRa Basics Station to its network server and back, as JSON text.

use super::octets::{base64, eui, hexadecimal};
use crate::capture::Framing;
use crate::protocols::object::Object;
use esh_core::note::{Notes, at};
use esh_core::{Carrier, Content, DecodeError, Known, Layer, Meter, Opened, Out, Reason, Refused, Security};
use esh_lorawan::{Eui64, LIMIT};

const TEXT: Layer = Layer::Application;

/// Reads a message and, where it brings a frame in its parts, puts the frame together and opens it.
///
/// A frame that nobody here has a key for is no error of its message.
///
/// # Errors
/// When it is no message, or what the carrier says of the frame.
pub(in crate::protocols) fn open<'f>(
    framing: Option<Framing>,
    frame: &'f mut [u8],
    known: &dyn Known,
    out: &mut dyn Out<'_>,
) -> Result<Opened<'f>, Refused> {
    let message = Object::parse(frame, 0)?;
    let mut notes = Notes::new(out);
    let kind = message.text(&["msgtype"]);
    let discovery = if message.get(&["uri", "error"]).is_some() { "router_info" } else { "router" };
    let word = kind.as_deref().unwrap_or(discovery);
    notes.text(at(TEXT, 0, 0, "message type", "msgtype"), &word, &"");
    let device = message.text(&["DevEui"]).as_deref().and_then(eui);
    let Some(phy) = phy_payload(&message, word) else {
        if notes.wanted() {
            told(&message, device, &mut notes);
        }
        return Ok(nothing(device.map(Eui64::meter), None));
    };
    let phy = phy.map_err(|field| malformed(field, Reason::Malformed))?;
    if notes.wanted() {
        notes.octets(at(TEXT, 0, 0, "PHYPayload", "phy"), &phy, &"put together from the parts of the message");
        if let Some(hertz) = message.number(&["Freq"]) {
            notes.decimal(at(TEXT, 0, 0, "Freq", "freq_hz"), hertz, &"Hz");
        }
        message.pass_on(&IN_THE_FRAME, 0, &mut notes);
    }
    let data_rate = message.whole(&["DR"]).and_then(|rate| u8::try_from(rate).ok());
    let frame = frame
        .get_mut(..phy.len())
        .filter(|frame| frame.len() <= LIMIT)
        .ok_or_else(|| malformed("PHYPayload", Reason::TooLong { limit: LIMIT, found: phy.len() }))?;
    frame.copy_from_slice(&phy);
    match super::carrier(framing, data_rate).open(frame, known, out) {
        Err(Refused { meter, counter, error: DecodeError { reason: Reason::NoKey, .. }, .. }) => {
            Ok(nothing(meter, counter))
        }
        opened => opened,
    }
}

/// The frame that a message of that type brings in its parts, put together; an error names the member that is missing or
/// wrong.
pub(super) fn phy_payload(message: &Object<'_>, kind: &str) -> Option<Result<Vec<u8>, &'static str>> {
    match kind {
        "jreq" => Some(join_request(message)),
        "updf" => Some(data(message)),
        "propdf" => Some(octets(message, "FRMPayload")),
        _ => None,
    }
}

/// Members that the frame itself says.
const IN_THE_FRAME: [&str; 14] = [
    "msgtype",
    "MHdr",
    "DevEui",
    "JoinEui",
    "DevNonce",
    "DevAddr",
    "FCtrl",
    "FCnt",
    "Fcnt",
    "FOpts",
    "FPort",
    "FRMPayload",
    "MIC",
    "Freq",
];

/// A message without a frame: discovery, version, time, what became of a downlink.
fn told(message: &Object<'_>, device: Option<Eui64>, notes: &mut Notes<'_, '_>) {
    let place = |name, key| at(TEXT, 0, 0, name, key);
    if let Some(device) = device {
        notes.text(place("DevEui", "dev_eui"), &device, &"");
    }
    for name in ["router", "muxs"] {
        if let Some(router) = message.text(&[name]).as_deref().and_then(eui) {
            notes.text(place(name, name), &router, &"");
        }
    }
    if let Ok(octets) = octets(message, "pdu") {
        notes.octets(place("pdu", "pdu"), &octets, &"PHYPayload to transmit");
    }
    message.pass_on(&["msgtype", "DevEui", "router", "muxs", "pdu"], 0, notes);
}

/// MHdr, JoinEui, DevEui, DevNonce, MIC: a join request; an error names the member that is missing or wrong.
fn join_request(message: &Object<'_>) -> Result<Vec<u8>, &'static str> {
    let name = |field| message.text(&[field]).as_deref().and_then(eui).ok_or(field);
    let mut phy = vec![number(message, "MHdr")? as u8];
    phy.extend(name("JoinEui")?.to_air());
    phy.extend(name("DevEui")?.to_air());
    phy.extend((number(message, "DevNonce")? as u16).to_le_bytes());
    phy.extend((number(message, "MIC")? as u32).to_le_bytes());
    Ok(phy)
}

/// MHdr, DevAddr, FCtrl, FCnt, FOpts, FPort, FRMPayload, MIC: a data frame.
fn data(message: &Object<'_>) -> Result<Vec<u8>, &'static str> {
    let mut phy = vec![number(message, "MHdr")? as u8];
    phy.extend((number(message, "DevAddr")? as u32).to_le_bytes());
    let options = octets(message, "FOpts")?;
    let control = number(message, "FCtrl")? as u8;
    // Whoever took the frame apart may have left the length of the options out of the control octet.
    let len = u8::try_from(options.len()).ok().filter(|len| *len < 16).ok_or("FOpts")?;
    phy.push(control & 0xf0 | len);
    phy.extend((message.whole(&["FCnt", "Fcnt"]).ok_or("FCnt")? as u16).to_le_bytes());
    phy.extend(options);
    // Minus one says that there is no port, and so no payload.
    if let Ok(port) = u8::try_from(number(message, "FPort")?) {
        phy.push(port);
        phy.extend(octets(message, "FRMPayload")?);
    }
    phy.extend((number(message, "MIC")? as u32).to_le_bytes());
    Ok(phy)
}

/// A number of up to 32 bits; those of 32 are sent as if they had a sign.
fn number(message: &Object<'_>, name: &'static str) -> Result<i64, &'static str> {
    let range = i64::from(i32::MIN)..=i64::from(u32::MAX);
    message.whole(&[name]).filter(|number| range.contains(number)).ok_or(name)
}

/// Octets: the station sends hexadecimal, some that stand in for it base64.
fn octets(message: &Object<'_>, name: &'static str) -> Result<Vec<u8>, &'static str> {
    let text = message.text(&[name]).ok_or(name)?;
    hexadecimal(&text).or_else(|| base64(&text)).ok_or(name)
}

const fn malformed(field: &'static str, reason: Reason) -> DecodeError {
    DecodeError { layer: TEXT, field, offset: 0, reason }
}

const fn nothing(meter: Option<Meter>, counter: Option<u64>) -> Opened<'static> {
    Opened {
        meter,
        content: Content::Nothing,
        payload: &[],
        offset: 0,
        security: Security::NONE,
        counter,
        trailing: &[],
    }
}
