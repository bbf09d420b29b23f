//! The keys of one message, derived from the key of the meter.

use super::cipher::Cipher;
use crate::{address::Address, authentication::Authentication};

/// Who sends a message, which goes into the derivation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the meter.
    FromMeter,
    /// To the meter.
    ToMeter,
}

impl Direction {
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::FromMeter => Self::ToMeter,
            Self::ToMeter => Self::FromMeter,
        }
    }

    const fn constant(self) -> u8 {
        match self {
            Self::FromMeter => 0x00,
            Self::ToMeter => 0x10,
        }
    }
}

/// The keys of one message — EN 13757-7, 7.7.3. Each is made when it is asked for.
pub(crate) struct MessageKeys {
    /// The meter's key.
    master: Cipher,
    origin: Origin,
}

enum Origin {
    /// By CMAC over a block of the message counter and the identification number.
    Derived([u8; 16]),
    /// The meter's key itself, where the message says that keys are not derived.
    Persistent([u8; 16]),
}

impl MessageKeys {
    pub(crate) fn derive(key: &[u8; 16], counter: u32, address: Address, direction: Direction) -> Self {
        let ([c0, c1, c2, c3], [i0, i1, i2, i3]) = (counter.to_le_bytes(), address.id());
        let block = [direction.constant(), c0, c1, c2, c3, i0, i1, i2, i3, 7, 7, 7, 7, 7, 7, 7];
        Self { master: Cipher::new(key), origin: Origin::Derived(block) }
    }

    pub(crate) fn persistent(key: &[u8; 16]) -> Self {
        Self { master: Cipher::new(key), origin: Origin::Persistent(*key) }
    }

    /// The key that encrypts the payload.
    pub(crate) fn encryption(&self) -> [u8; 16] {
        self.key(0)
    }

    fn key(&self, what: u8) -> [u8; 16] {
        match self.origin {
            Origin::Persistent(key) => key,
            Origin::Derived([constant, ref rest @ ..]) => self.master.cmac(&[&[constant | what], rest]),
        }
    }

    /// The authentication code of a message, from the CI field of its transport layer to its end — EN 13757-7, 6.3.
    pub(crate) fn code(&self, layer: &Authentication, message: &[u8]) -> [u8; 16] {
        let mut head = [0; 9];
        let mut len = 0;
        let mut put = |octets: &[u8]| {
            if let Some(place) = head.get_mut(len..len + octets.len()) {
                place.copy_from_slice(octets);
                len += octets.len();
            }
        };
        put(layer.message.as_slice());
        if let Some(information) = layer.key_information {
            put(&information.to_le_bytes());
        }
        if let Some(counter) = layer.counter {
            put(&counter.to_le_bytes());
        }
        if let Some(length) = layer.length {
            put(&length.to_le_bytes());
        }
        Cipher::new(&self.key(1)).cmac(&[head.get(..len).unwrap_or_default(), message])
    }
}
