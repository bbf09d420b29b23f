//! Events of network servers, as JSON text or as Protocol Buffers: an uplink that somebody else has received, checked and
//! decrypted, and what else the server says of a device.

mod chirpstack;
mod chirpstack_protobuf;
mod kind;
mod loriot;
mod said;
mod thingpark;
mod tts;

pub use kind::EventKind;

use crate::capture::Framing;
use crate::protocols::object::Object;
use esh_core::note::{Notes, at};
use esh_core::{
    Content, Decimal, DecodeError, Field, Known, Layer, Meter, Opened, Out, Reason, Refused, Security, SecurityState,
};
use esh_lorawan::{DevAddr, Eui64};

const TEXT: Layer = Layer::Application;

/// What an event says, whoever sent it.
#[derive(Debug, Default)]
struct Event {
    /// Which network server writes like this.
    platform: &'static str,
    /// What happened, in that server's word.
    kind: Box<str>,
    dev_eui: Option<Eui64>,
    join_eui: Option<Eui64>,
    dev_addr: Option<DevAddr>,
    counter: Option<u32>,
    port: Option<u8>,
    payload: Option<Vec<u8>>,
    confirmed: Option<bool>,
    hertz: Option<Decimal>,
    receptions: Vec<Reception>,
    /// When it was made, in milliseconds since 1970.
    at: Option<i64>,
    /// It says something of the device itself, which is read.
    says: bool,
}

/// Who heard it.
#[derive(Debug, Default)]
struct Reception {
    gateway: Option<Box<str>>,
    rssi: Option<Decimal>,
    snr: Option<Decimal>,
    at: Option<i64>,
}

/// How each network server's event is told from the others', and read.
const PLATFORMS: [Read; 4] = [chirpstack::read, tts::read, thingpark::read, loriot::read];

type Read = fn(&Object<'_>, Option<EventKind>) -> Option<Event>;

/// Reads an event; the payload in plain is what the network server's application layer has made of it.
///
/// # Errors
/// When it is of no network server that is known.
pub(in crate::protocols) fn open<'f>(
    framing: Option<Framing>,
    frame: &'f mut [u8],
    _: &dyn Known,
    out: &mut dyn Out<'_>,
) -> Result<Opened<'f>, Refused> {
    let unknown = DecodeError { layer: TEXT, field: "event", offset: 0, reason: Reason::Unsupported };
    let event = if is_json(frame) {
        let object = Object::parse(frame, 0)?;
        PLATFORMS.iter().find_map(|read| read(&object, kind(framing))).ok_or(unknown)?
    } else {
        chirpstack_protobuf::read(frame, kind(framing))?
    };
    for reception in &event.receptions {
        let Reception { gateway, rssi, snr, at } = reception;
        out.reception(esh_core::Reception {
            gateway: gateway.as_deref().unwrap_or_default(),
            rssi: *rssi,
            snr: *snr,
            at: *at,
        });
    }
    if let Some(at) = event.at.and_then(|at| at.try_into().ok()) {
        out.occasion(at);
    }
    let mut notes = Notes::new(out);
    if notes.wanted() {
        event.told(&mut notes);
    }
    if event.says {
        return Ok(Opened {
            meter: event.meter(),
            content: Content::Event,
            payload: frame,
            offset: 0,
            security: PLAIN,
            counter: None,
            trailing: &[],
        });
    }
    let payload = event.payload.as_deref().unwrap_or_default();
    // Octets are shorter than their text, which is not needed any more.
    let place = frame.get_mut(..payload.len()).ok_or(unknown)?;
    place.copy_from_slice(payload);
    let content = match event.port {
        Some(port @ 1..) if !payload.is_empty() => Content::Port(port),
        _ => Content::Nothing,
    };
    Ok(Opened {
        meter: event.meter(),
        content,
        payload: place,
        offset: 0,
        security: PLAIN,
        counter: event.counter.map(u64::from),
        trailing: &[],
    })
}

/// Whether it is JSON text. A message of Protocol Buffers may begin with what is white space in a text, but never goes on
/// with what begins an object: that octet would begin a group.
fn is_json(event: &[u8]) -> bool {
    let mut octets = event.iter().skip_while(|octet| matches!(octet, b' ' | b'\t' | b'\r' | b'\n'));
    matches!(octets.next(), None | Some(b'{'))
}

const PLAIN: Security = Security { mode: None, state: SecurityState::AlreadyPlain, authenticated: false };

const fn kind(framing: Option<Framing>) -> Option<EventKind> {
    match framing {
        Some(Framing::Event(kind)) => Some(kind),
        _ => None,
    }
}

/// Reads what an event says of its device beside uplinks.
///
/// # Errors
/// When it is none.
pub(in crate::protocols) fn read<'p>(
    framing: Option<Framing>,
    opened: &Opened<'p>,
    out: &mut dyn Out<'p>,
) -> Result<(), DecodeError> {
    said::read(kind(framing), opened.payload, out)
}

impl Event {
    fn meter(&self) -> Option<Meter> {
        self.dev_eui.map(Eui64::meter).or_else(|| self.dev_addr.map(DevAddr::meter))
    }

    fn told(&self, notes: &mut Notes<'_, '_>) {
        let place = |name, key| at(TEXT, 0, 0, name, key);
        notes.text(place("network server", "platform"), &self.platform, &"");
        notes.text(place("event", "event"), &self.kind, &"");
        if let Some(device) = self.dev_eui {
            notes.text(place("DevEUI", "dev_eui"), &device, &"");
        }
        if let Some(server) = self.join_eui {
            notes.text(place("JoinEUI", "join_eui"), &server, &"");
        }
        if let Some(address) = self.dev_addr {
            notes.text(place("DevAddr", "devaddr"), &address, &"");
        }
        if let Some(counter) = self.counter {
            notes.number(place("FCntUp", "fcnt"), counter, &"");
        }
        if let Some(port) = self.port {
            notes.number(place("FPort", "fport"), port, &"");
        }
        if let Some(confirmed) = self.confirmed {
            notes.flag(place("confirmed", "confirmed"), confirmed, &"whether the device wants an answer");
        }
        if let Some(hertz) = self.hertz {
            notes.decimal(place("frequency", "freq_hz"), hertz, &"Hz");
        }
        if let Some(payload) = &self.payload {
            notes.octets(place("FRMPayload", "frm"), payload, &"in plain");
        }
        notes.array(place("receptions", "receptions"), |notes| {
            for reception in &self.receptions {
                notes.object(place("reception", Field::ELEMENT), |notes| reception.told(notes));
            }
        });
    }
}

impl Reception {
    fn told(&self, notes: &mut Notes<'_, '_>) {
        let place = |name, key| at(TEXT, 0, 0, name, key);
        if let Some(gateway) = &self.gateway {
            notes.text(place("gateway", "gateway"), gateway, &"");
        }
        if let Some(rssi) = self.rssi {
            notes.decimal(place("RSSI", "rssi"), rssi, &"dBm");
        }
        if let Some(snr) = self.snr {
            notes.decimal(place("SNR", "snr"), snr, &"dB");
        }
    }
}

/// An address in eight digits.
fn address(text: &str) -> Option<DevAddr> {
    let octets = super::octets::hexadecimal(text)?;
    Some(DevAddr(u32::from_be_bytes(octets.try_into().ok()?)))
}

/// A moment as text, in milliseconds since 1970.
fn moment(object: &Object<'_>, names: &[&str]) -> Option<i64> {
    let time: jiff::Timestamp = object.text(names)?.parse().ok()?;
    Some(time.as_millisecond())
}

fn counter(object: &Object<'_>, names: &[&str]) -> Option<u32> {
    object.whole(names).and_then(|number| u32::try_from(number).ok())
}

fn port(object: &Object<'_>, names: &[&str]) -> Option<u8> {
    object.whole(names).and_then(|number| u8::try_from(number).ok())
}
