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

/// The keys of one message — EN 13757-7, 7.7.3.
pub(crate) struct MessageKeys {
    pub(crate) encryption: Cipher,
    pub(crate) authentication: Cipher,
}

impl MessageKeys {
    /// Derives both by CMAC from the meter's key, the message counter and the meter's identification number.
    pub(crate) fn derive(key: &[u8; 16], counter: u32, address: Address, direction: Direction) -> Self {
        let master = Cipher::new(key);
        let one = |what: u8| {
            let ([c0, c1, c2, c3], [i0, i1, i2, i3]) = (counter.to_le_bytes(), address.id());
            let constant = direction.constant() | what;
            Cipher::new(&master.cmac(&[&[constant, c0, c1, c2, c3, i0, i1, i2, i3, 7, 7, 7, 7, 7, 7, 7]]))
        };
        Self { encryption: one(0), authentication: one(1) }
    }

    /// The meter's key for both, where the message says that keys are not derived.
    pub(crate) fn persistent(key: &[u8; 16]) -> Self {
        let cipher = Cipher::new(key);
        Self { encryption: cipher.clone(), authentication: cipher }
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
        self.authentication.cmac(&[head.get(..len).unwrap_or_default(), message])
    }
}
