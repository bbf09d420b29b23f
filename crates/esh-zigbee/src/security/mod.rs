//! Security of NWK and APS, Zigbee 05-3474, clause 4.5: the auxiliary header, and AES-CCM* around it.

mod hash;

pub(crate) use hash::key_check;
pub use hash::{InstallCodeError, key_load, key_transport, link_key_of, verify};

use crate::write::{WriteError, Writer};
use aes::Aes128;
use ccm::aead::{AeadInPlace, KeyInit};
use ccm::consts::{U4, U13};
use esh_core::{DecodeError, Input, Layer};

type Ccm = ccm::Ccm<Aes128, U4, U13>;

/// The security level of every Zigbee network: encrypted, with four octets of authentication. On the air its bits are
/// zero.
const LEVEL: u8 = 5;

/// Octets of the authentication.
pub const MIC: usize = 4;

/// Which key secures a frame; table 4-31.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyIdentifier {
    /// A link key.
    Link,
    /// The network key.
    Network,
    /// A key made of a link key, for the transport of keys.
    KeyTransport,
    /// A key made of a link key, for the transport of link keys.
    KeyLoad,
}

/// The auxiliary header; clause 4.5.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuxiliaryHeader {
    control: u8,
    /// The frame counter.
    pub frame_counter: u32,
    /// Who secured the frame, where it says.
    pub source: Option<u64>,
    /// Which network key.
    pub key_sequence: Option<u8>,
}

impl AuxiliaryHeader {
    /// A header as it goes out: its level is zero on the air.
    ///
    /// The network key must have its sequence number, and no other key has one.
    #[must_use]
    pub const fn new(key: KeyIdentifier, frame_counter: u32, source: Option<u64>, key_sequence: u8) -> Self {
        let (key_bits, key_sequence) = match key {
            KeyIdentifier::Link => (0, None),
            KeyIdentifier::Network => (1, Some(key_sequence)),
            KeyIdentifier::KeyTransport => (2, None),
            KeyIdentifier::KeyLoad => (3, None),
        };
        let extended_nonce = if source.is_some() { 0x20 } else { 0 };
        Self { control: key_bits << 3 | extended_nonce, frame_counter, source, key_sequence }
    }

    /// Writes the header.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn write(&self, into: &mut Writer<'_>) -> Result<(), WriteError> {
        into.u8(self.control)?.u32(self.frame_counter)?;
        if let Some(source) = self.source {
            into.u64(source)?;
        }
        into.put(self.key_sequence.as_slice()).map(|_| ())
    }

    /// Reads a header.
    ///
    /// # Errors
    /// When it is cut off.
    pub fn read(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        *input = input.as_layer(Layer::Security);
        let control = input.u8("security control")?;
        let mut header =
            Self { control, frame_counter: input.u32_le("frame counter")?, source: None, key_sequence: None };
        if header.has_extended_nonce() {
            header.source = Some(u64::from_le_bytes(*input.array("source address")?));
        }
        if header.key() == KeyIdentifier::Network {
            header.key_sequence = Some(input.u8("key sequence number")?);
        }
        Ok(header)
    }

    /// The security level as it stands on the air.
    #[must_use]
    pub const fn level(self) -> u8 {
        self.control & 7
    }

    /// Which key it is.
    #[must_use]
    pub const fn key(self) -> KeyIdentifier {
        match self.control >> 3 & 3 {
            0 => KeyIdentifier::Link,
            1 => KeyIdentifier::Network,
            2 => KeyIdentifier::KeyTransport,
            _ => KeyIdentifier::KeyLoad,
        }
    }

    /// Whether the source stands in the header.
    #[must_use]
    pub const fn has_extended_nonce(self) -> bool {
        self.control & 0x20 != 0
    }

    /// Whether a verified frame counter is asked for.
    #[must_use]
    pub const fn requires_verified_counter(self) -> bool {
        self.control & 0x40 != 0
    }
}

/// The expanded key of AES-CCM*, for frames that come again and again. It is wiped when dropped.
pub struct Cipher(Ccm);

impl core::fmt::Debug for Cipher {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Cipher")
    }
}

impl Cipher {
    /// The cipher of a key.
    #[must_use]
    pub fn new(key: &[u8; 16]) -> Self {
        Self(Ccm::new(key.into()))
    }

    /// Decrypts `payload` in place and checks the authentication behind it; without it the payload stays as it was.
    ///
    /// `headers` are the header of the layer and the auxiliary header, which stay as they are; `control_at` is the place of
    /// the security control in them.
    #[must_use]
    #[inline]
    pub fn open(
        &self,
        headers: &mut [u8],
        control_at: usize,
        header: AuxiliaryHeader,
        source: u64,
        payload: &mut [u8],
        mic: &[u8],
    ) -> bool {
        // The cipher leaves zeros where the authentication does not fit.
        let mut before = [0; crate::mac::LONGEST];
        let (Some(before), Ok(tag)) = (before.get_mut(..payload.len()), <[u8; MIC]>::try_from(mic)) else {
            return false;
        };
        before.copy_from_slice(payload);
        // The level takes part in the nonce and in what is authenticated as it is, not as it stands on the air.
        let control = header.control & !7 | LEVEL;
        let Some(level) = headers.get_mut(control_at) else { return false };
        let on_the_air = core::mem::replace(level, control);
        let nonce = nonce(source, header.frame_counter, control);
        let opened = self.0.decrypt_in_place_detached(&nonce.into(), headers, payload, &tag.into()).is_ok();
        if let Some(level) = headers.get_mut(control_at) {
            *level = on_the_air;
        }
        if !opened {
            payload.copy_from_slice(before);
        }
        opened
    }

    /// Encrypts `payload` in place; the authentication that goes behind it. `None` for more than a frame holds.
    #[must_use]
    pub fn seal(
        &self,
        headers: &[u8],
        control_at: usize,
        header: AuxiliaryHeader,
        source: u64,
        payload: &mut [u8],
    ) -> Option<[u8; MIC]> {
        let mut authenticated = [0; crate::mac::LONGEST];
        let authenticated = authenticated.get_mut(..headers.len())?;
        authenticated.copy_from_slice(headers);
        let control = header.control & !7 | LEVEL;
        *authenticated.get_mut(control_at)? = control;
        let nonce = nonce(source, header.frame_counter, control);
        let tag = self.0.encrypt_in_place_detached(&nonce.into(), authenticated, payload).ok()?;
        Some(tag.into())
    }
}

/// Clause 4.5.2.2.
const fn nonce(source: u64, frame_counter: u32, control: u8) -> [u8; 13] {
    let [s0, s1, s2, s3, s4, s5, s6, s7] = source.to_le_bytes();
    let [c0, c1, c2, c3] = frame_counter.to_le_bytes();
    [s0, s1, s2, s3, s4, s5, s6, s7, c0, c1, c2, c3, control]
}
