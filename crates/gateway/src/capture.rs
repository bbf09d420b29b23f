//! Captures: one whole message each, with its context, as a source hands it on.

mod radio;

pub(crate) use radio::whole;
pub use radio::{Radio, Reception};

use crate::protocols::{EventKind, ModbusPolled, ModbusTold, Payload, Sender, lorawan, zigbee};
use bytes::Bytes;
use esh_core::Protocol;
use esh_lorawan::Lorawan;
use esh_nbiot::lwm2m::Path;
use esh_zigbee::Zigbee;
use esh_zigbee::ncp::Ncp;
use serde::de::Visitor;
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::sync::Arc;

/// One whole message and the circumstances of its coming.
#[derive(Clone, Debug)]
pub struct Capture {
    /// The octets, as received.
    pub octets: Bytes,
    /// What opens them.
    pub protocol: Protocol,
    /// How the protocol's frames are laid out, where the source knows; otherwise the carrier recognises it.
    pub framing: Option<Framing>,
    /// When it came. Fixed here, it travels for ever.
    pub received_at: Stamp,
    /// Who heard it.
    pub source: Arc<str>,
    /// Signal strength in dBm.
    pub rssi: Option<i16>,
    /// How it was heard on the air, where the source tells more of it.
    pub radio: Option<Box<Radio>>,
}

/// How a frame of a protocol with several layouts is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Frame format A of EN 13757-4, with its CRCs.
    A,
    /// Frame format B of EN 13757-4, with its CRCs.
    B,
    /// A wireless frame whose CRCs the receiver has taken out.
    None,
    /// The chips of a 3-out-of-6 line code.
    ThreeOutOfSix,
    /// The chips of a Manchester line code.
    Manchester,
    /// A wired frame of EN 13757-2.
    Wired,
    /// M-Bus records without a frame, behind as many octets of another carrier.
    Records(u16),
    /// What the carrier of a LoRaWAN frame must be told.
    Lorawan(Lorawan),
    /// What a device sends on a port of LoRaWAN, in plain: a frame without its frame.
    Payload(Payload),
    /// What a line says of a Modbus frame.
    Modbus(ModbusTold),
    /// What was asked of a Modbus device, and what it answered: its name and when it was to be asked.
    ModbusPoll(ModbusPolled),
    /// A wired frame of EN 13757-2 that was asked for: the moment at which it was to be, in milliseconds since 1970.
    WiredPoll(i64),
    /// A payload of LwM2M: its Content-Format, and what it answers for.
    Lwm2m(u16, Path),
    /// A frame of Zigbee from the MAC on.
    Zigbee(Zigbee),
    /// What a coordinator of Zigbee says over its serial line.
    Ncp(Ncp),
    /// A frame of Zigbee without the layers below ZCL.
    Zcl(esh_zigbee::zcl::Readings),
    /// SenML as CBOR; without this word as JSON.
    SenmlCbor,
    /// An event of a network server of that kind, as its topic says.
    Event(EventKind),
    /// A message that a broker had kept, MQTT 5, 3.3.1.3: it may be an old one, and one that was told before.
    Retained,
    /// What a source that meters talk to knows of who sent a message.
    From(Sender),
}

impl Framing {
    /// The same, with secrets told as fields where frames teach some: not for a running gateway.
    #[must_use]
    pub const fn telling_keys(self) -> Self {
        match self {
            Self::Lorawan(carrier) => Self::Lorawan(Lorawan { tell_keys: true, ..carrier }),
            Self::Zigbee(_) => Self::Zigbee(Zigbee { tell_keys: true }),
            other => other,
        }
    }

    /// The moment at which a poll was to be: that of all its readings, and what tells it from other polls.
    #[must_use]
    pub fn slot(self) -> Option<jiff::Timestamp> {
        match self {
            Self::ModbusPoll(polled) => jiff::Timestamp::from_millisecond(polled.slot).ok(),
            Self::WiredPoll(slot) => jiff::Timestamp::from_millisecond(slot).ok(),
            _ => None,
        }
    }

    /// The words of a line's `format`, as they are best written.
    pub const WORDS: &[&str] = &["A", "B", "none", "3of6", "manchester", "wired", "records", "records+2"];

    /// The framing of a word as it stands in a line's `format`; `records+2` are records behind two octets.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "A" | "a" => Self::A,
            "B" | "b" => Self::B,
            "none" => Self::None,
            "3of6" => Self::ThreeOutOfSix,
            "manchester" => Self::Manchester,
            "wired" => Self::Wired,
            "records" => Self::Records(0),
            "senml+cbor" => Self::SenmlCbor,
            "retained" => Self::Retained,
            "sniffed" => Self::Zigbee(Zigbee { tell_keys: false }),
            "sniffed+keys" => Self::Zigbee(Zigbee { tell_keys: true }),
            _ => match word.split_once('+')? {
                ("records", behind) => Self::Records(behind.parse().ok()?),
                ("lwm2m", told) => {
                    let (format, path) = told.split_once('+')?;
                    Self::Lwm2m(format.parse().ok()?, Path::parse(path)?)
                }
                ("lorawan", told) => Self::Lorawan(lorawan::word::from_word(told)?),
                ("payload", told) => Self::Payload(Payload::from_word(told)?),
                ("modbus", told) => Self::Modbus(ModbusTold::from_word(told)?),
                ("event", kind) => Self::Event(EventKind::from_word(kind)?),
                ("from", told) => Self::From(Sender::from_word(told)?),
                ("poll", told) => Self::ModbusPoll(ModbusPolled::from_word(told)?),
                ("wired", slot) => Self::WiredPoll(slot.parse().ok()?),
                ("zcl", told) => Self::Zcl(zigbee::from_word(told)?),
                (line, pan) => Self::Ncp(zigbee::ncp_from_word(line, pan)?),
            },
        })
    }
}

/// The word of it, which [`Framing::from_word`] reads.
impl fmt::Display for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::A => "A",
            Self::B => "B",
            Self::None => "none",
            Self::ThreeOutOfSix => "3of6",
            Self::Manchester => "manchester",
            Self::Wired => "wired",
            Self::Records(0) => "records",
            Self::Records(behind) => return write!(f, "records+{behind}"),
            Self::Lwm2m(format, path) => return write!(f, "lwm2m+{format}+{path}"),
            Self::SenmlCbor => "senml+cbor",
            Self::Retained => "retained",
            Self::Lorawan(carrier) => return lorawan::word::write_word(carrier, f),
            Self::Payload(payload) => return write!(f, "payload+{payload}"),
            Self::Modbus(told) => return write!(f, "modbus+{told}"),
            Self::Zigbee(Zigbee { tell_keys: false }) => "sniffed",
            Self::Zigbee(Zigbee { tell_keys: true }) => "sniffed+keys",
            Self::Ncp(carrier) => return zigbee::write_ncp(carrier, f),
            Self::Event(kind) => return write!(f, "event+{kind}"),
            Self::ModbusPoll(polled) => return write!(f, "poll+{polled}"),
            Self::WiredPoll(slot) => return write!(f, "wired+{slot}"),
            Self::Zcl(readings) => return zigbee::write_word(readings, f),
            Self::From(sender) => return write!(f, "from+{sender}"),
        })
    }
}

impl<'de> Deserialize<'de> for Framing {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Word;

        impl Visitor<'_> for Word {
            type Value = Framing;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "one of {}", Framing::WORDS.join(", "))
            }

            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Framing, E> {
                Framing::from_word(word).ok_or_else(|| E::unknown_variant(word, Framing::WORDS))
            }
        }

        deserializer.deserialize_str(Word)
    }
}

/// A moment, and whether the clock that gave it was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The moment; `None` with `decode`, where equal input gives equal output.
    pub at: Option<jiff::Timestamp>,
    /// Whether the clock is synchronised.
    pub synchronised: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_may_stand_behind_octets_of_another_carrier() {
        assert_eq!(Framing::from_word("records"), Some(Framing::Records(0)));
        assert_eq!(Framing::from_word("records+2"), Some(Framing::Records(2)));
        for word in Framing::WORDS {
            assert_eq!(Framing::from_word(word).map(|framing| framing.to_string()).as_deref(), Some(*word));
        }
        for word in [
            "senml+cbor",
            "lwm2m+11542+/3424/0",
            "lwm2m+110+/",
            "payload+-+false+-",
            "payload+85+true+81985529216486895",
            "modbus+rtu+response+false",
            "modbus+-+-+true",
            "sniffed",
            "sniffed+keys",
            "ash+65535",
            "ezsp+6754",
            "ezsp8+1",
            "znp+0",
            "from+00000000000000ff+-+490154203237518",
            "poll+rtu+1795564800000+bus-17",
            "poll+tcp+-5+x+y",
            "wired+1795564800000",
            "zcl+1794+1+1+1000+0",
            "zcl+0+0+-+-+-",
            "event+up",
            "event+txack",
            "retained",
            "lorawan+1.1+1+5+2+7+81985529216486895+1+513+-+false",
            "lorawan+-+-+0+0+-+-+-+-+-+true",
        ] {
            assert_eq!(Framing::from_word(word).map(|framing| framing.to_string()).as_deref(), Some(word));
        }
        for word in [
            "lwm2m",
            "lwm2m+",
            "lwm2m+x+/",
            "lwm2m+1+/x",
            "senml+json",
            "records+",
            "records-1",
            "poll+rtu+now+x",
            "poll+rtu+1+",
            "wired+",
            "records+70000",
            "record",
            "",
        ] {
            assert_eq!(Framing::from_word(word), None, "{word}");
        }
    }
}
