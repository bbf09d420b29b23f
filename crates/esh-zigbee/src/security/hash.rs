//! The keyed hashes of Zigbee 05-3474, annex B: AES in the mode of Matyas, Meyer and Oseas, and the keys made with it.

use aes::Aes128;
use aes::cipher::{BlockEncrypt, KeyInit};
use core::fmt;

type Block = [u8; 16];

/// The hash of octets; annex B.6.
fn hash(parts: &[&[u8]]) -> Block {
    let mut hash = [0; 16];
    let mut block = [0; 16];
    let (mut filled, mut bits) = (0, 0u64);
    for octet in parts.iter().copied().flatten() {
        if let Some(slot) = block.get_mut(filled) {
            *slot = *octet;
        }
        filled += 1;
        bits += 8;
        if filled == block.len() {
            hash = step(hash, block);
            (block, filled) = ([0; 16], 0);
        }
    }
    // A one bit, zeros, and the length in bits in the last two octets.
    if let Some(slot) = block.get_mut(filled) {
        *slot = 0x80;
    }
    if filled >= 14 {
        hash = step(hash, block);
        block = [0; 16];
    }
    let [.., high, low] = &mut block;
    [*high, *low] = (bits as u16).to_be_bytes();
    step(hash, block)
}

fn step(hash: Block, block: Block) -> Block {
    let mut encrypted = block.into();
    Aes128::new(&hash.into()).encrypt_block(&mut encrypted);
    let mut next: Block = encrypted.into();
    next.iter_mut().zip(block).for_each(|(octet, of_block)| *octet ^= of_block);
    next
}

/// The keyed hash for message authentication of one octet; annex B.1.4.
fn keyed_hash(key: &Block, input: u8) -> Block {
    let inner = hash(&[&key.map(|octet| octet ^ 0x36), &[input]]);
    hash(&[&key.map(|octet| octet ^ 0x5c), &inner])
}

/// The key-transport key of a link key.
#[must_use]
pub fn key_transport(link_key: &Block) -> Block {
    keyed_hash(link_key, 0x00)
}

/// The key-load key of a link key.
#[must_use]
pub fn key_load(link_key: &Block) -> Block {
    keyed_hash(link_key, 0x02)
}

/// What proves that a device has a link key; clause 4.4.11.8.
#[must_use]
pub fn verify(link_key: &Block) -> Block {
    keyed_hash(link_key, 0x03)
}

/// A few bits that tell keys apart and give none away.
pub(crate) fn key_check(key: &Block) -> u16 {
    let [high, low, ..] = keyed_hash(key, 0xff);
    u16::from_be_bytes([high, low])
}

/// Why an install code is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstallCodeError {
    /// It has not 6, 8, 12 or 16 octets and its CRC.
    Length,
    /// The CRC does not fit: a digit is mistyped.
    Checksum,
}

impl fmt::Display for InstallCodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => "an install code is 6, 8, 12 or 16 octets and its CRC of two",
            Self::Checksum => "the CRC of the install code does not fit: a digit is mistyped",
        })
    }
}

impl core::error::Error for InstallCodeError {}

/// The link key of an install code with its CRC, BDB 13-0402, clause 10.1.
///
/// # Errors
/// When it is no install code.
pub fn link_key_of(code: &[u8]) -> Result<Block, InstallCodeError> {
    let Some((octets, crc)) = code.split_last_chunk::<2>() else { return Err(InstallCodeError::Length) };
    if !matches!(octets.len(), 6 | 8 | 12 | 16) {
        return Err(InstallCodeError::Length);
    }
    if crc_x25(octets) != u16::from_le_bytes(*crc) {
        return Err(InstallCodeError::Checksum);
    }
    Ok(hash(&[code]))
}

/// The CRC of ISO/IEC 13239, least significant bit first.
fn crc_x25(octets: &[u8]) -> u16 {
    !octets.iter().fold(0xffff, |crc, octet| {
        (0..8).fold(crc ^ u16::from(*octet), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x8408 } else { crc >> 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_well_known_link_key_and_what_is_made_of_it() {
        let link_key = b"ZigBeeAlliance09";
        assert_eq!(u128::from_be_bytes(key_transport(link_key)), 0x4bab0f17_3e1434a2_d572e1c1_ef478782);
        assert_eq!(u128::from_be_bytes(key_load(link_key)), 0xc5a47035_c332ccbf_251571d8_baded188);
        assert_eq!(u128::from_be_bytes(verify(link_key)), 0x1ab128df_1639a124_6aaba72a_6a559124);
    }

    #[test]
    fn the_install_code_of_the_base_device_behaviour() {
        let mut code = 0x83fed340_7a939723_a5c639b2_6916d505_u128.to_be_bytes().to_vec();
        code.extend([0xc3, 0xb5]);
        assert_eq!(u128::from_be_bytes(link_key_of(&code).unwrap()), 0x66b69009_81e1ee3c_a4206b6b_861c02bb);
        code[3] ^= 1;
        assert_eq!(link_key_of(&code), Err(InstallCodeError::Checksum));
        assert_eq!(link_key_of(&code[..9]), Err(InstallCodeError::Length));
    }
}
