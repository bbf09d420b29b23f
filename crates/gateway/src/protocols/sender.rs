//! What a source that meters talk to knows of a message beside its octets: who sent it, and what is inside.

use crate::capture::Framing;
use esh_core::{Content, Id, Meter, Protocol};
use std::fmt;

/// Who sent a message, as its source knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sender {
    /// A hash of the endpoint: its address, or the identity it has shown. Equal octets of two endpoints are two messages.
    pub endpoint: u64,
    /// The meter, by the name that its path, its query, its key or its address gives it.
    pub meter: Option<Id>,
    /// What the payload is, where the message itself does not say or is not to be believed.
    pub inside: Option<Inside>,
}

/// What a payload is, by configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inside {
    /// M-Bus records, without a frame.
    Records,
    /// What this number of CoAP's registry of Content-Formats means.
    Media(u16),
}

impl Inside {
    /// What it is to decoding.
    #[must_use]
    pub const fn content(self) -> Content {
        match self {
            Self::Records => Content::Records,
            Self::Media(format) => Content::Media(format),
        }
    }
}

impl fmt::Display for Inside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Records => f.write_str("records"),
            Self::Media(format) => write!(f, "{format}"),
        }
    }
}

/// As it stands in the word of a framing, behind `from+`; [`Sender::from_word`] reads it.
impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}+", self.endpoint)?;
        match self.inside {
            Some(inside) => write!(f, "{inside}+")?,
            None => f.write_str("-+")?,
        }
        f.write_str(self.meter.as_ref().map_or("-", Id::as_str))
    }
}

impl Sender {
    /// The sender of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        let mut parts = word.splitn(3, '+');
        let endpoint = u64::from_str_radix(parts.next()?, 16).ok()?;
        let inside = match parts.next()? {
            "-" => None,
            "records" => Some(Inside::Records),
            number => Some(Inside::Media(number.parse().ok()?)),
        };
        let meter = match parts.next()? {
            "-" => None,
            name => Some(name_of(name)?),
        };
        Some(Self { endpoint, meter, inside })
    }

    /// Who is said to have sent a frame.
    pub(super) const fn of(framing: Option<Framing>) -> Option<Self> {
        match framing {
            Some(Framing::From(sender)) => Some(sender),
            _ => None,
        }
    }

    /// The meter in that protocol.
    pub(super) fn meter(self, protocol: Protocol) -> Option<Meter> {
        let id = self.meter?;
        Some(Meter { protocol, manufacturer: None, id, version: None, medium: None })
    }
}

/// A name that can stand in addresses of meters, in topics and in data bases; `None` for any other, whoever says it. A
/// lone `-` stands for no name.
#[must_use]
pub fn name_of(text: &str) -> Option<Id> {
    let good = |octet: u8| octet.is_ascii_alphanumeric() || b"-_.:@[]".contains(&octet);
    (!text.is_empty() && text != "-" && text.bytes().all(good)).then(|| Id::new(text)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_says_who_and_what() {
        for word in
            ["0000000000000007+-+-", "ffffffffffffffff+records+urn:imei:490154203237518", "1234567890abcdef+110+a"]
        {
            assert_eq!(Sender::from_word(word).map(|sender| sender.to_string()).as_deref(), Some(word));
        }
        for word in ["", "x+-+-", "1+2", "1+x+-", "1+-+", "1+-+a b", "1+-+a+b"] {
            assert_eq!(Sender::from_word(word), None, "{word}");
        }
    }
}
