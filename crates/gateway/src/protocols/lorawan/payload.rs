//! A payload without its frame: the octets that a device sends on a port, in plain, as documents and codecs have them.

use crate::capture::Framing;
use crate::sources::lines::{LineError, Members, from_json, octets};
use esh_core::note::{Notes, at};
use esh_core::{Content, Id, Layer, Meter, Opened, Out, Protocol, Security};
use esh_lorawan::Eui64;
use serde::Deserialize;
use std::borrow::Cow;
use std::fmt;

/// What is said of a payload.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Payload {
    /// The port, where it is known.
    pub port: Option<u8>,
    /// Whether it goes to the device.
    pub down: bool,
    /// The device, where it is known.
    pub device: Option<u64>,
}

impl Payload {
    /// What the word of a framing says.
    pub(crate) fn from_word(word: &str) -> Option<Self> {
        let mut parts = word.split('+');
        let (port, down, device) = (parts.next()?, parts.next()?.parse().ok()?, parts.next()?);
        let maybe = |text: &str| if text == "-" { None } else { Some(text.parse::<u64>().ok()) };
        let port = match maybe(port) {
            None => None,
            Some(number) => Some(u8::try_from(number?).ok()?),
        };
        let device = match maybe(device) {
            None => None,
            Some(number) => Some(number?),
        };
        parts.next().is_none().then_some(Self { port, down, device })
    }

    /// What stands in it is what the carrier would have found.
    pub(super) fn open<'f>(self, payload: &'f [u8], out: &mut dyn Out<'_>) -> Opened<'f> {
        let mut notes = Notes::new(out);
        if let Some(port) = self.port {
            notes.number(at(Layer::Network, 0, 0, "FPort", "fport"), port, &"");
        }
        notes.octets(at(Layer::Network, 0, 0, "FRMPayload", "frm"), payload, &"");
        let meter = |eui: u64| Meter {
            protocol: Protocol::Lorawan,
            manufacturer: None,
            id: Id::new(&format!("{eui:016x}")).unwrap_or(Id::from_bcd([0; 4])),
            version: None,
            medium: None,
        };
        Opened {
            meter: self.device.map(meter),
            content: match self.port {
                _ if payload.is_empty() => Content::Nothing,
                Some(port) => Content::Port(port),
                None => Content::Unstated,
            },
            payload,
            offset: 0,
            security: Security::NONE,
            counter: None,
            trailing: &[],
        }
    }
}

/// The word of it, which `from_word` reads.
impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { port, down, device } = self;
        match port {
            Some(port) => write!(f, "{port}+{down}+")?,
            None => write!(f, "-+{down}+")?,
        }
        match device {
            Some(device) => write!(f, "{device}"),
            None => f.write_str("-"),
        }
    }
}

/// What a line that holds a payload says: it has a port, or says that it is one.
///
/// # Errors
/// When one of its members is wrong.
pub(super) fn members(line: &str, device: Option<Eui64>) -> Result<Option<Members>, LineError> {
    #[derive(Deserialize)]
    struct Object<'a> {
        #[serde(borrow, default)]
        layer: Option<Cow<'a, str>>,
        #[serde(default, rename = "fPort", alias = "fport")]
        port: Option<u8>,
        #[serde(borrow, default)]
        payload: Option<Cow<'a, str>>,
        #[serde(borrow, default)]
        direction: Option<Cow<'a, str>>,
    }
    let object: Object<'_> = from_json(line)?;
    let is_one = match object.layer.as_deref() {
        None => object.port.is_some() || object.payload.is_some(),
        Some("payload") => true,
        Some("phy") => false,
        Some(_) => return Err(LineError::Member("layer", "phy or payload")),
    };
    if !is_one {
        return Ok(None);
    }
    let down = match object.direction.as_deref() {
        None | Some("up") => false,
        Some("down") => true,
        Some(_) => return Err(LineError::Member("direction", "up or down")),
    };
    let payload = Payload { port: object.port, down, device: device.map(|eui| eui.0) };
    let octets = match object.payload {
        Some(text) if !text.trim().is_empty() => Some(octets(text.as_bytes())?),
        _ => None,
    };
    Ok(Some(Members { octets, keys: Vec::new(), framing: Some(Framing::Payload(payload)) }))
}
