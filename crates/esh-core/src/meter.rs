//! Meters: who a frame speaks of.

use crate::Medium;
use core::fmt;

/// A meter, as its frames name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Meter {
    /// The protocol it speaks.
    pub protocol: Protocol,
    /// The maker, where the protocol names one.
    pub manufacturer: Option<Manufacturer>,
    /// Its number or name.
    pub id: Id,
    /// The version of its model, where the protocol names one.
    pub version: Option<u8>,
    /// What it measures, where the protocol says.
    pub medium: Option<Medium>,
}

impl Meter {
    /// Its address, such as `wmbus:KAM:12345678:1b:16`: the name it has in topics, key masks and data bases.
    #[must_use]
    pub const fn address(&self) -> Address<'_> {
        Address(self)
    }
}

/// The address of a meter, to be printed.
#[derive(Clone, Copy)]
pub struct Address<'a>(&'a Meter);

impl fmt::Display for Address<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Meter { protocol, manufacturer, id, version, medium } = self.0;
        f.write_str(protocol.word())?;
        if let Some(manufacturer) = manufacturer {
            write!(f, ":{manufacturer}")?;
        }
        write!(f, ":{id}")?;
        if let Some(version) = version {
            write!(f, ":{version:02x}")?;
        }
        if let Some(medium) = medium {
            write!(f, ":{:02x}", medium.0)?;
        }
        Ok(())
    }
}

/// A protocol, by the word it has on the command line, in reports and in topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Protocol {
    /// Wireless M-Bus, EN 13757-4.
    Wmbus,
    /// Wired M-Bus, EN 13757-2.
    Mbus,
    /// LoRaWAN, LoRa Alliance TS001.
    Lorawan,
    /// Datagrams of LoRa packet forwarders.
    Gwmp,
    /// Messages of LoRa Basics Station.
    Lns,
    /// Events of LoRaWAN network servers.
    Events,
    /// Modbus, on a serial line or over TCP.
    Modbus,
    /// CoAP, RFC 7252.
    Coap,
    /// LwM2M, OMA.
    Lwm2m,
    /// SenML, RFC 8428.
    Senml,
    /// Zigbee.
    Zigbee,
    /// Messages of Zigbee2MQTT.
    Zigbee2mqtt,
    /// A maker's own datagrams, or frames on a connection.
    Datagram,
}

impl Protocol {
    /// Every protocol there is.
    pub const ALL: &[Self] = &[
        Self::Wmbus,
        Self::Mbus,
        Self::Modbus,
        Self::Lorawan,
        Self::Gwmp,
        Self::Lns,
        Self::Events,
        Self::Coap,
        Self::Lwm2m,
        Self::Senml,
        Self::Zigbee,
        Self::Zigbee2mqtt,
        Self::Datagram,
    ];

    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Wmbus => "wmbus",
            Self::Mbus => "mbus",
            Self::Lorawan => "lorawan",
            Self::Gwmp => "gwmp",
            Self::Lns => "lns",
            Self::Events => "events",
            Self::Modbus => "modbus",
            Self::Coap => "coap",
            Self::Lwm2m => "lwm2m",
            Self::Senml => "senml",
            Self::Zigbee => "zigbee",
            Self::Zigbee2mqtt => "zigbee2mqtt",
            Self::Datagram => "datagram",
        }
    }

    /// The protocol of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|protocol| protocol.word() == word)
    }
}

/// The number or name of a meter, held without an allocation: up to 48 octets of UTF-8.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Id {
    octets: [u8; Self::LIMIT],
    len: u8,
}

impl Id {
    /// The longest id.
    pub const LIMIT: usize = 48;

    /// An id of that text; `None` when it is longer than [`Self::LIMIT`].
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let mut octets = [0; Self::LIMIT];
        octets.get_mut(..text.len())?.copy_from_slice(text.as_bytes());
        Some(Self { octets, len: text.len() as u8 })
    }

    /// The eight digits of an M-Bus identification number as sent: BCD, least significant octet first. Digits above 9
    /// print as the letters `a` to `f`.
    #[must_use]
    pub const fn from_bcd(sent: [u8; 4]) -> Self {
        const fn digit(nibble: u8) -> u8 {
            match nibble & 15 {
                digit @ 0..=9 => b'0' + digit,
                letter => b'a' - 10 + letter,
            }
        }
        let mut octets = [0; Self::LIMIT];
        let [a, b, c, d] = sent;
        if let Some((digits, _)) = octets.split_first_chunk_mut::<8>() {
            *digits =
                [digit(d >> 4), digit(d), digit(c >> 4), digit(c), digit(b >> 4), digit(b), digit(a >> 4), digit(a)];
        }
        Self { octets, len: 8 }
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.octets.get(..self.len.into()).and_then(|octets| core::str::from_utf8(octets).ok()).unwrap_or_default()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A maker: three letters in five bits each, `A` = 1 (EN 62056-21, FLAG association).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Manufacturer(pub u16);

impl Manufacturer {
    /// The maker of three capital letters; `None` for anything else.
    #[must_use]
    pub const fn from_letters(letters: &str) -> Option<Self> {
        let [a @ b'A'..=b'Z', b @ b'A'..=b'Z', c @ b'A'..=b'Z'] = letters.as_bytes() else { return None };
        Some(Self(((*a - 64) as u16) << 10 | ((*b - 64) as u16) << 5 | (*c - 64) as u16))
    }

    /// Its three letters. The top bit of the field tells a hard from a soft address and is no part of them.
    #[must_use]
    pub const fn letters(self) -> [u8; 3] {
        const fn letter(bits: u16) -> u8 {
            64 + (bits & 0x1f) as u8
        }
        [letter(self.0 >> 10), letter(self.0 >> 5), letter(self.0)]
    }
}

impl fmt::Display for Manufacturer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(core::str::from_utf8(&self.letters()).unwrap_or_default())
    }
}

impl fmt::Debug for Manufacturer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn an_address_names_every_part() {
        let meter = Meter {
            protocol: Protocol::Wmbus,
            manufacturer: Manufacturer::from_letters("KAM"),
            id: Id::from_bcd([0x78, 0x56, 0x34, 0x12]),
            version: Some(0x1b),
            medium: Some(Medium::COLD_WATER),
        };
        assert_eq!(meter.address().to_string(), "wmbus:KAM:12345678:1b:16");
        assert_eq!(Manufacturer(0x2c2d).to_string(), "KAM");
        assert_eq!(Manufacturer::from_letters("KAM"), Some(Manufacturer(0x2c2d)));
        assert_eq!(Manufacturer::from_letters("kam"), None);
    }
}
