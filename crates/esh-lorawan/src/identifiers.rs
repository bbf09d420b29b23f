//! Who is who: DevEUI, JoinEUI and DevAddr, TS001, 6.1; NetID, TS002.
//!
//! All of them go over the air with the least significant octet first and are written with the most significant first.

use core::fmt;
use esh_core::{Id, Meter, Protocol};

/// An EUI-64: the name of a device (DevEUI) or of its join server (JoinEUI, AppEUI in 1.0).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Eui64(pub u64);

/// The address of a device in its network, for one session.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DevAddr(pub u32);

impl Eui64 {
    /// As it goes over the air.
    #[must_use]
    pub const fn from_air(octets: [u8; 8]) -> Self {
        Self(u64::from_le_bytes(octets))
    }

    /// As it goes over the air.
    #[must_use]
    pub const fn to_air(self) -> [u8; 8] {
        self.0.to_le_bytes()
    }

    /// The device of that DevEUI.
    #[must_use]
    pub fn meter(self) -> Meter {
        meter(&self.0.to_be_bytes())
    }
}

impl DevAddr {
    /// As it goes over the air.
    #[must_use]
    pub const fn from_air(octets: [u8; 4]) -> Self {
        Self(u32::from_le_bytes(octets))
    }

    /// As it goes over the air.
    #[must_use]
    pub const fn to_air(self) -> [u8; 4] {
        self.0.to_le_bytes()
    }

    /// Whoever has this address.
    #[must_use]
    pub fn meter(self) -> Meter {
        meter(&self.0.to_be_bytes())
    }
}

/// Whoever joins, where nothing tells who it is.
pub(crate) fn nobody() -> Meter {
    meter(&[])
}

/// A device that its name in hexadecimal stands for.
fn meter(name: &[u8]) -> Meter {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = [0; 16];
    for (place, octet) in text.chunks_exact_mut(2).zip(name) {
        for (place, nibble) in place.iter_mut().zip([octet >> 4, octet & 15]) {
            *place = DIGITS.get(usize::from(nibble)).copied().unwrap_or_default();
        }
    }
    let text = text.get(..name.len() * 2).and_then(|text| core::str::from_utf8(text).ok()).unwrap_or_default();
    // Sixteen digits fit every id.
    let id = Id::new(text).unwrap_or_else(|| Id::from_bcd([0; 4]));
    Meter { protocol: Protocol::Lorawan, manufacturer: None, id, version: None, medium: None }
}

macro_rules! hexadecimal {
    ($type:ident $width:literal) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!("{:0", $width, "x}"), self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{self}")
            }
        }
    };
}

hexadecimal!(Eui64 "16");
hexadecimal!(DevAddr "8");

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn names_are_written_the_other_way_round() {
        let device = Eui64::from_air([8, 7, 6, 5, 4, 3, 2, 1]);
        assert_eq!(device.to_string(), "0102030405060708");
        assert_eq!(device.meter().address().to_string(), "lorawan:0102030405060708");
        let address = DevAddr::from_air([0x14, 0x0b, 0x01, 0x26]);
        assert_eq!((address.to_string().as_str(), address.to_air()), ("26010b14", [0x14, 0x0b, 0x01, 0x26]));
        assert_eq!(address.meter().id.as_str(), "26010b14");
    }
}
