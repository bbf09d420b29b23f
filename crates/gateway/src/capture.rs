//! Captures: one whole message each, with its context, as a source hands it on.

use crate::protocols::ModbusTold;
use bytes::Bytes;
use esh_core::Protocol;
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
    /// What a line says of a Modbus frame.
    Modbus(ModbusTold),
    /// A payload of LwM2M: its Content-Format, and what it answers for.
    Lwm2m(u16, esh_nbiot::lwm2m::Path),
    /// A frame of Zigbee without the layers below ZCL.
    Zcl(esh_zigbee::zcl::Readings),
    /// SenML as CBOR; without this word as JSON.
    SenmlCbor,
}

impl Framing {
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
            _ => Self::Records(word.strip_prefix("records+")?.parse().ok()?),
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
        assert!(Framing::WORDS.iter().all(|word| Framing::from_word(word).is_some()));
        for word in ["records+", "records-1", "records+70000", "record", ""] {
            assert_eq!(Framing::from_word(word), None, "{word}");
        }
    }
}
