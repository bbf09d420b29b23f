//! The cipher suites: AES-128 in CCM with tags of eight octets (RFC 6655), which LwM2M devices must have, and in GCM
//! (RFC 5487). The nonce of a record is four octets of the key block and eight that stand in the record.

use aes::Aes128Enc;
use ccm::Ccm;
use ccm::aead::{AeadInPlace as _, KeyInit as _};
use ccm::consts::{U8, U12};
use ring::aead;

/// A suite; RFC 5246, annex A.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Suite {
    /// `TLS_PSK_WITH_AES_128_CCM_8`.
    Ccm8,
    /// `TLS_PSK_WITH_AES_128_GCM_SHA256`.
    Gcm,
}

impl Suite {
    pub(super) const fn from_number(number: u16) -> Option<Self> {
        match number {
            0xc0a8 => Some(Self::Ccm8),
            0x00a8 => Some(Self::Gcm),
            _ => None,
        }
    }

    pub(super) const fn number(self) -> u16 {
        match self {
            Self::Ccm8 => 0xc0a8,
            Self::Gcm => 0x00a8,
        }
    }
}

/// The key of one direction.
pub(super) struct Cipher {
    key: Key,
    salt: [u8; 4],
}

/// Both are behind a pointer: a session is small until it is there.
enum Key {
    Ccm8(Box<Ccm<Aes128Enc, U8, U12>>),
    Gcm(Box<aead::LessSafeKey>),
}

impl Cipher {
    /// With a key and an implicit nonce of the key block.
    pub(super) fn new(suite: Suite, key: &[u8; 16], salt: [u8; 4]) -> Option<Self> {
        let key = match suite {
            Suite::Ccm8 => Key::Ccm8(Box::new(Ccm::new(key.into()))),
            Suite::Gcm => {
                let key = aead::UnboundKey::new(&aead::AES_128_GCM, key).ok()?;
                Key::Gcm(Box::new(aead::LessSafeKey::new(key)))
            }
        };
        Some(Self { key, salt })
    }

    /// Octets of a tag.
    pub(super) const fn tag(&self) -> usize {
        match self.key {
            Key::Ccm8(_) => 8,
            Key::Gcm(_) => 16,
        }
    }

    fn nonce(&self, explicit: [u8; 8]) -> [u8; 12] {
        let mut nonce = [0; 12];
        nonce.iter_mut().zip(self.salt.iter().chain(&explicit)).for_each(|(to, from)| *to = *from);
        nonce
    }

    /// Encrypts what stands in `buffer` from `from` on, and puts the tag behind it; whether that was possible.
    pub(super) fn seal(&self, explicit: [u8; 8], about: &[u8], buffer: &mut Vec<u8>, from: usize) -> bool {
        let nonce = self.nonce(explicit);
        let Some(octets) = buffer.get_mut(from..) else { return false };
        match &self.key {
            Key::Ccm8(key) => match key.encrypt_in_place_detached(&nonce.into(), about, octets) {
                Ok(tag) => buffer.extend_from_slice(&tag),
                Err(_) => return false,
            },
            Key::Gcm(key) => {
                let nonce = aead::Nonce::assume_unique_for_key(nonce);
                match key.seal_in_place_separate_tag(nonce, aead::Aad::from(about), octets) {
                    Ok(tag) => buffer.extend_from_slice(tag.as_ref()),
                    Err(_) => return false,
                }
            }
        }
        true
    }

    /// Decrypts octets with their tag, in place; what they were, if the tag is right.
    pub(super) fn open<'b>(&self, explicit: [u8; 8], about: &[u8], octets: &'b mut [u8]) -> Option<&'b mut [u8]> {
        let nonce = self.nonce(explicit);
        match &self.key {
            Key::Ccm8(key) => {
                let (octets, tag) = octets.split_at_mut_checked(octets.len().checked_sub(8)?)?;
                let tag: [u8; 8] = (&*tag).try_into().ok()?;
                key.decrypt_in_place_detached(&nonce.into(), about, octets, &tag.into()).ok()?;
                Some(octets)
            }
            Key::Gcm(key) => {
                let nonce = aead::Nonce::assume_unique_for_key(nonce);
                key.open_in_place(nonce, aead::Aad::from(about), octets).ok()
            }
        }
    }
}
