//! What comes over IP: CoAP, LwM2M, SenML, datagrams of makers' own.

use super::sender::Sender;
use crate::capture::Framing;
use crate::sources::lines::{LineError, Members, from_json};
use esh_core::{Carrier, Content, DecodeError, Format, Known, Opened, Out, Protocol, Refused, Security};
use esh_nbiot::coap::Coap;
use esh_nbiot::lwm2m::{ContentFormat, Lwm2m, Path};
use esh_nbiot::senml::{Encoding, Senml};
use serde::Deserialize;
use std::borrow::Cow;

/// What the lines of these protocols hold: a payload as text (`text`, `json`) or in hexadecimal (`hex`, `cbor`), for
/// LwM2M with its `content_format` and the `path` it answers for.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow, default)]
    text: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    json: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    cbor: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    hex: Option<Cow<'a, str>>,
    #[serde(default)]
    content_format: Option<u16>,
    #[serde(borrow, default)]
    path: Option<Cow<'a, str>>,
}

pub(super) fn members(protocol: Protocol, line: &str) -> Result<Members, LineError> {
    let line: Line<'_> = from_json(line)?;
    let octets = |text: Option<Cow<'_, str>>| text.map(|text| text.into_owned().into_bytes());
    match protocol {
        Protocol::Lwm2m => {
            let path = match line.path {
                Some(path) => Path::parse(&path).ok_or(LineError::Member("path", "a path such as /3424/0"))?,
                None => Path::ROOT,
            };
            let format = line.content_format.ok_or(LineError::Member("content_format", "there"))?;
            // The octets are what was sent; the text of a line is for people, unless it stands alone.
            let octets = match line.hex.as_deref() {
                // Nothing is a payload too.
                Some("") => Some(Vec::new()),
                Some(_) => None,
                None => octets(line.text),
            };
            Ok(Members { octets, framing: Some(Framing::Lwm2m(format, path)), ..Members::default() })
        }
        Protocol::Senml => match (line.json, line.cbor) {
            (Some(json), _) => Ok(Members { octets: octets(Some(json)), ..Members::default() }),
            (None, Some(cbor)) => Ok(Members {
                octets: Some(crate::sources::lines::octets(cbor.as_bytes())?),
                framing: Some(Framing::SenmlCbor),
                ..Members::default()
            }),
            (None, None) => Ok(Members { octets: octets(line.text), ..Members::default() }),
        },
        _ => Ok(Members::default()),
    }
}

const fn lwm2m(framing: Option<Framing>) -> Lwm2m {
    match framing {
        Some(Framing::Lwm2m(content_format, path)) => Lwm2m { content_format, path },
        // Without a word of it, what most devices send.
        _ => Lwm2m { content_format: 11542, path: Path::ROOT },
    }
}

const fn senml(framing: Option<Framing>) -> Senml {
    match framing {
        Some(Framing::SenmlCbor) => Senml { encoding: Encoding::Cbor },
        _ => Senml { encoding: Encoding::Json },
    }
}

pub(super) fn open<'f>(
    protocol: Protocol,
    framing: Option<Framing>,
    frame: &'f mut [u8],
    known: &dyn Known,
    out: &mut dyn Out<'_>,
) -> Result<Opened<'f>, Refused> {
    match protocol {
        Protocol::Lwm2m => lwm2m(framing).open(frame, known, out),
        Protocol::Senml => senml(framing).open(frame, known, out),
        Protocol::Datagram => Ok(datagram(Sender::of(framing), frame)),
        _ => {
            let mut opened = Coap::default().open(frame, known, out)?;
            if let Some(sender) = Sender::of(framing) {
                opened.meter = sender.meter(protocol);
                if let (Some(inside), false) = (sender.inside, opened.payload.is_empty()) {
                    opened.content = inside.content();
                }
            }
            Ok(opened)
        }
    }
}

/// A maker's own datagram or frame: nothing in it is known but by the meter's profile.
fn datagram(sender: Option<Sender>, frame: &[u8]) -> Opened<'_> {
    let content = sender.and_then(|sender| sender.inside).map_or(Content::Unstated, super::Inside::content);
    Opened {
        meter: sender.and_then(|sender| sender.meter(Protocol::Datagram)),
        content: if frame.is_empty() { Content::Nothing } else { content },
        payload: frame,
        offset: 0,
        security: Security::NONE,
        counter: None,
        trailing: &[],
    }
}

/// Reads a payload of a Content-Format; `None` for one that nobody here reads.
pub(super) fn read<'p>(
    framing: Option<Framing>,
    opened: &Opened<'p>,
    known: &'p dyn Known,
    out: &mut dyn Out<'p>,
) -> Option<Result<(), DecodeError>> {
    let Content::Media(content_format) = opened.content else { return None };
    let lwm2m = match framing {
        Some(Framing::Lwm2m(..)) => lwm2m(framing),
        // What a TLV or a plain text answers for, only whoever asked knows.
        _ => match ContentFormat::from_number(content_format)? {
            ContentFormat::SenmlJson | ContentFormat::SenmlCbor | ContentFormat::Json => {
                Lwm2m { content_format, path: Path::ROOT }
            }
            _ => return None,
        },
    };
    Some(lwm2m.read(opened.meter.as_ref(), opened.payload, opened.offset, known, out))
}
