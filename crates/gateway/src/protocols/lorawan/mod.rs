//! LoRaWAN: frames as a radio hears them, and as packet forwarders, stations and network servers pass them on.

pub(super) mod events;
pub(super) mod gwmp;
mod joins;
pub(super) mod lns;
mod object;
mod octets;
mod payload;
pub(crate) mod word;

pub use joins::{JoinLesson, Joins};
pub use payload::Payload;

use crate::capture::Framing;
use crate::sources::lines::{LineError, Members, from_json};
use esh_core::{Carrier, Key, Known, Opened, Out, Purpose, Refused};
use esh_lorawan::{Eui64, Join, Lorawan, Transmission, Version};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Opens a frame in place.
///
/// # Errors
/// What the carrier says.
pub(super) fn open<'f>(
    framing: Option<Framing>,
    frame: &'f mut [u8],
    known: &dyn Known,
    out: &mut dyn Out<'_>,
) -> Result<Opened<'f>, Refused> {
    match framing {
        Some(Framing::Payload(payload)) => Ok(payload.open(frame, out)),
        _ => carrier(framing, None).open(frame, known, out),
    }
}

/// Whether a frame goes to a device.
pub(super) fn is_down(framing: Option<Framing>, frame: &[u8]) -> bool {
    match framing {
        Some(Framing::Payload(payload)) => payload.down,
        // MType, TS001, table 2: join accept, data down.
        _ => matches!(frame.first().map(|header| header >> 5), Some(1 | 3 | 5)),
    }
}

/// The carrier as the line tells it, with the data rate of the frame where that is known.
fn carrier(framing: Option<Framing>, data_rate: Option<u8>) -> Lorawan {
    let mut carrier = match framing {
        Some(Framing::Lorawan(carrier)) => carrier,
        _ => Lorawan::default(),
    };
    carrier.sent.data_rate = data_rate.unwrap_or(carrier.sent.data_rate);
    carrier
}

/// The names of keys are those of the standard, written as its tools write them.
#[derive(Deserialize)]
struct Object<'a> {
    #[serde(borrow, default)]
    version: Option<Cow<'a, str>>,
    /// The upper 16 bits of the frame counter.
    #[serde(default)]
    fhi: Option<u16>,
    /// The counter of the confirmed frame that this one acknowledges.
    #[serde(default)]
    conf: Option<u32>,
    /// The index of the data rate.
    #[serde(default)]
    dr: Option<u8>,
    /// The index of the channel.
    #[serde(default)]
    ch: Option<u8>,
    #[serde(default, rename = "devNonce")]
    dev_nonce: Option<u16>,
    #[serde(borrow, default, rename = "devEui")]
    dev_eui: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "joinEui")]
    join_eui: Option<Cow<'a, str>>,
    /// Whether a join accept is in plain already.
    #[serde(default)]
    ja_plain: bool,
    #[serde(borrow, default, rename = "nwkSKey")]
    network: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "fNwkSIntKey")]
    forwarding: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "sNwkSIntKey")]
    serving: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "nwkSEncKey")]
    encryption: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "appSKey")]
    application: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "nwkKey")]
    network_root: Option<Cow<'a, str>>,
    #[serde(borrow, default, rename = "appKey")]
    application_root: Option<Cow<'a, str>>,
}

/// Reads the members of a line that say how its frame was sent and what opens it.
///
/// # Errors
/// When one of them is wrong.
pub(super) fn members(line: &str) -> Result<Members, LineError> {
    let object: Object<'_> = from_json(line)?;
    let dev_eui = eui("devEui", object.dev_eui.as_deref())?;
    if let Some(payload) = payload::members(line, dev_eui)? {
        return Ok(payload);
    }
    let version = match object.version.as_deref() {
        None => None,
        Some(word) if word.starts_with("1.1") => Some(Version::V1_1),
        Some(word) if word.starts_with("1.0") => Some(Version::V1_0),
        Some(_) => return Err(LineError::Member("version", "1.0 or 1.1")),
    };
    // The AppKey of 1.0 is the root of everything, that of 1.1 only of the application's key.
    let root = if object.network_root.is_some() { Purpose::JoinApplication } else { Purpose::Join };
    let mut keys = Vec::new();
    for (member, purpose, text) in [
        ("nwkSKey", Purpose::Network, &object.network),
        ("fNwkSIntKey", Purpose::Network, &object.forwarding),
        ("sNwkSIntKey", Purpose::NetworkIntegrity, &object.serving),
        ("nwkSEncKey", Purpose::NetworkEncryption, &object.encryption),
        ("appSKey", Purpose::Application, &object.application),
        ("nwkKey", Purpose::Join, &object.network_root),
        ("appKey", root, &object.application_root),
    ] {
        if let Some(text) = text {
            let key = Key::from_hex(text).ok().filter(|key| key.expose_128().is_some());
            keys.push((purpose, key.ok_or(LineError::Member(member, "16 octets in hexadecimal"))?));
        }
    }
    let carrier = Lorawan {
        version,
        counter_high: object.fhi,
        sent: Transmission {
            data_rate: object.dr.unwrap_or_default(),
            channel: object.ch.unwrap_or_default(),
            confirmed: object.conf.map(|counter| counter as u16),
        },
        join: Join {
            dev_eui,
            join_eui: eui("joinEui", object.join_eui.as_deref())?,
            dev_nonce: object.dev_nonce,
            rejoin: None,
        },
        plain_join_accept: object.ja_plain,
        tell_keys: false,
    };
    Ok(Members { octets: None, keys, framing: Some(Framing::Lorawan(carrier)) })
}

/// Reads the member `json` of a line: an object, or the text of one.
///
/// # Errors
/// When there is none.
pub(super) fn json_members(line: &str) -> Result<Members, LineError> {
    #[derive(Deserialize)]
    struct Object<'a> {
        #[serde(borrow, default)]
        json: Option<&'a RawValue>,
    }
    let Some(json) = from_json::<Object<'_>>(line)?.json else { return members(line) };
    let text = if json.get().starts_with('"') { from_json::<String>(json.get())? } else { json.get().to_owned() };
    Ok(Members { octets: Some(text.into_bytes()), ..members(line)? })
}

fn eui(member: &'static str, text: Option<&str>) -> Result<Option<Eui64>, LineError> {
    text.map(|text| {
        let digits = (text.len() == 16).then(|| u64::from_str_radix(text, 16).ok()).flatten();
        digits.map(Eui64).ok_or(LineError::Member(member, "8 octets in hexadecimal"))
    })
    .transpose()
}
