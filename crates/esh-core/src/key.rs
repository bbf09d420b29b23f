//! Keys, which never show themselves.

use core::fmt;
use zeroize::Zeroize;

/// A secret key of 8 to 64 octets.
///
/// `Debug` shows its length only; there is no `Display`, no serde form and no comparison. It is wiped when dropped.
#[derive(Clone)]
pub struct Key {
    octets: [u8; Self::MAX],
    len: u8,
}

impl Key {
    /// The fewest octets.
    pub const MIN: usize = 8;
    /// The most octets.
    pub const MAX: usize = 64;

    /// A key of those octets.
    ///
    /// # Errors
    /// When they are fewer than 8 or more than 64.
    pub fn new(octets: &[u8]) -> Result<Self, KeyLengthError> {
        if octets.len() < Self::MIN {
            return Err(KeyLengthError);
        }
        let mut key = Self { octets: [0; Self::MAX], len: octets.len() as u8 };
        key.octets.get_mut(..octets.len()).ok_or(KeyLengthError)?.copy_from_slice(octets);
        Ok(key)
    }

    /// A key in hexadecimal; spaces, colons and dashes between the octets are fine.
    ///
    /// # Errors
    /// When it is not hexadecimal, or not 8 to 64 octets of it.
    pub fn from_hex(text: &str) -> Result<Self, KeyLengthError> {
        let mut key = Self { octets: [0; Self::MAX], len: 0 };
        let mut high = None;
        for character in text.chars().filter(|c| !matches!(c, ' ' | ':' | '-')) {
            let digit = character.to_digit(16).ok_or(KeyLengthError)? as u8;
            match high.take() {
                None => high = Some(digit << 4),
                Some(high) => {
                    *key.octets.get_mut(usize::from(key.len)).ok_or(KeyLengthError)? = high | digit;
                    key.len += 1;
                }
            }
        }
        if high.is_some() || usize::from(key.len) < Self::MIN { Err(KeyLengthError) } else { Ok(key) }
    }

    /// Its octets, for the cipher.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.octets.get(..self.len.into()).unwrap_or_default()
    }

    /// Its octets when it is a 128-bit key, for the cipher.
    #[must_use]
    pub fn expose_128(&self) -> Option<&[u8; 16]> {
        self.expose().try_into().ok()
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.octets.zeroize();
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} octets)", self.len)
    }
}

/// A key that is not hexadecimal or not 8 to 64 octets long. It does not say which octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyLengthError;

impl fmt::Display for KeyLengthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key is 8 to 64 octets in hexadecimal")
    }
}

impl core::error::Error for KeyLengthError {}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Purpose {
    /// The payload of a meter: the key of wM-Bus, M-Bus and most makers.
    Data,
    /// The network layer.
    Network,
    /// The application layer, where it has a key of its own.
    Application,
    /// Joining a network.
    Join,
    /// A pre-shared key of a transport.
    Psk,
    /// A link between two devices.
    Link,
    /// Integrity of the network layer, where it has a key of its own: SNwkSIntKey of LoRaWAN 1.1.
    NetworkIntegrity,
    /// Encryption of the network layer, where it has a key of its own: NwkSEncKey of LoRaWAN 1.1.
    NetworkEncryption,
    /// The application's part of joining, where it has a key of its own: AppKey of LoRaWAN 1.1.
    JoinApplication,
}

impl Purpose {
    /// Every purpose there is.
    pub const ALL: &[Self] = &[
        Self::Data,
        Self::Network,
        Self::Application,
        Self::Join,
        Self::Psk,
        Self::Link,
        Self::NetworkIntegrity,
        Self::NetworkEncryption,
        Self::JoinApplication,
    ];

    /// The word it has in `keys.toml`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Network => "network",
            Self::Application => "application",
            Self::Join => "join",
            Self::Psk => "psk",
            Self::Link => "link",
            Self::NetworkIntegrity => "network-integrity",
            Self::NetworkEncryption => "network-encryption",
            Self::JoinApplication => "join-application",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn a_key_never_shows_itself() {
        let key = Key::from_hex("0102030405060708090A0B0C0D0E0F11").unwrap();
        assert_eq!(format!("{key:?}"), "Key(16 octets)");
        assert_eq!(key.expose_128().unwrap()[15], 0x11);
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", "00", "0102030405060", "01020304050607zz", &"00".repeat(65)] {
            assert!(Key::from_hex(text).is_err(), "{text}");
        }
    }
}
