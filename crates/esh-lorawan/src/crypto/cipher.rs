//! A key whose schedules are expanded once: for blocks, RFC 4493 codes and encryption by a key stream.

use aes::{
    Aes128Dec, Aes128Enc, Block,
    cipher::{BlockBackend, BlockClosure, BlockDecrypt, BlockEncrypt, BlockSizeUser, KeyInit, consts::U16},
};
use core::fmt;
use zeroize::Zeroize;

/// A key, expanded to encrypt, and the two subkeys of its integrity codes. Wiped when dropped.
pub(crate) struct Cipher {
    schedule: Aes128Enc,
    /// For a last block that is whole.
    whole: u128,
    /// For a last block that is filled up.
    filled: u128,
}

/// A key, expanded to decrypt blocks.
pub(crate) struct Decipher(Aes128Dec);

impl Cipher {
    pub(crate) fn new(key: &[u8; 16]) -> Self {
        let schedule = Aes128Enc::new(&Block::from(*key));
        let double = |block: u128| block << 1 ^ if block >> 127 == 1 { 0x87 } else { 0 };
        let mut zero = Block::default();
        schedule.encrypt_block(&mut zero);
        let whole = double(u128::from_be_bytes(zero.into()));
        zero.as_mut_slice().zeroize();
        Self { schedule, whole, filled: double(whole) }
    }

    #[inline]
    pub(crate) fn encrypt(&self, block: [u8; 16]) -> [u8; 16] {
        let mut block = Block::from(block);
        self.schedule.encrypt_block(&mut block);
        block.into()
    }

    /// The integrity code over a first block and octets behind it: the four octets of CMAC that LoRaWAN sends.
    #[inline]
    pub(crate) fn mic_behind(&self, first: [u8; 16], octets: &[u8]) -> [u8; 4] {
        if octets.is_empty() {
            return self.mic(&first);
        }
        self.code(Some(first), octets)
    }

    /// The integrity code over octets.
    #[inline]
    pub(crate) fn mic(&self, octets: &[u8]) -> [u8; 4] {
        self.code(None, octets)
    }

    #[inline]
    fn code(&self, first: Option<[u8; 16]>, octets: &[u8]) -> [u8; 4] {
        let (mut blocks, mut tail) = octets.as_chunks::<16>();
        if let ([], [whole @ .., last]) = (tail, blocks) {
            (blocks, tail) = (whole, last);
        }
        let mut last = [0; 16];
        for (place, octet) in last.iter_mut().zip(tail) {
            *place = *octet;
        }
        let subkey = match last.get_mut(tail.len()) {
            Some(place) => {
                *place = 0x80;
                self.filled
            }
            None => self.whole,
        };
        let last = (u128::from_be_bytes(last) ^ subkey).to_be_bytes();
        let mut mac = Block::default();
        self.schedule.encrypt_with_backend(Chain { mac: &mut mac, first, blocks, last });
        let [a, b, c, d, ..] = <[u8; 16]>::from(mac);
        [a, b, c, d]
    }

    /// Encrypts or decrypts, which is the same, where the octets lie: the key stream is that of the blocks which differ
    /// from `first` in their last octet, counted from 1.
    #[inline]
    pub(crate) fn stream(&self, first: [u8; 16], octets: &mut [u8]) {
        /// Blocks worked on together, so that the processor can overlap them.
        const LANES: usize = 2;
        let mut number = 1;
        for group in octets.chunks_mut(16 * LANES) {
            let mut blocks = [Block::default(); LANES];
            for block in &mut blocks {
                let mut counted = first;
                counted[15] = number;
                *block = Block::from(counted);
                number = number.wrapping_add(1);
            }
            self.schedule.encrypt_blocks(&mut blocks);
            for (octets, key) in group.chunks_mut(16).zip(&blocks) {
                if let Ok(octets) = <&mut [u8; 16]>::try_from(&mut *octets) {
                    let mixed = u128::from_ne_bytes(*octets) ^ u128::from_ne_bytes((*key).into());
                    *octets = mixed.to_ne_bytes();
                } else {
                    for (octet, key) in octets.iter_mut().zip(key) {
                        *octet ^= key;
                    }
                }
            }
        }
    }
}

/// The blocks of an integrity code, each mixed into the code so far; in one go, so that the schedule stays at hand.
struct Chain<'a> {
    mac: &'a mut Block,
    first: Option<[u8; 16]>,
    blocks: &'a [[u8; 16]],
    last: [u8; 16],
}

impl BlockSizeUser for Chain<'_> {
    type BlockSize = U16;
}

impl BlockClosure for Chain<'_> {
    #[inline(always)]
    fn call<B: BlockBackend<BlockSize = U16>>(self, backend: &mut B) {
        for block in self.first.iter().chain(self.blocks).chain([&self.last]) {
            let mixed = u128::from_ne_bytes((*self.mac).into()) ^ u128::from_ne_bytes(*block);
            *self.mac = Block::from(mixed.to_ne_bytes());
            backend.proc_block((&mut *self.mac).into());
        }
    }
}

impl Drop for Cipher {
    fn drop(&mut self) {
        // The schedule wipes itself.
        self.whole.zeroize();
        self.filled.zeroize();
    }
}

impl fmt::Debug for Cipher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cipher")
    }
}

impl Decipher {
    pub(crate) fn new(key: &[u8; 16]) -> Self {
        Self(Aes128Dec::new(&Block::from(*key)))
    }

    pub(crate) fn decrypt(&self, block: [u8; 16]) -> [u8; 16] {
        let mut block = Block::from(block);
        self.0.decrypt_block(&mut block);
        block.into()
    }
}

/// Whether both are the same, in a time that does not tell where they differ.
#[inline]
pub(crate) fn same<const N: usize>(a: [u8; N], b: [u8; N]) -> bool {
    a.iter().zip(b).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    #[test]
    fn codes_as_rfc_4493_has_them() {
        let key: [u8; 16] = hex("2b7e151628aed2a6abf7158809cf4f3c").try_into().unwrap();
        let message = hex(
            "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710",
        );
        let cipher = Cipher::new(&key);
        for (len, code) in [(0, "bb1d6929"), (16, "070a16b4"), (40, "dfa66747"), (64, "51f0bebf")] {
            assert_eq!(cipher.mic(&message[..len]).to_vec(), hex(code), "{len} octets");
            if let Some((first, rest)) = message[..len].split_first_chunk() {
                assert_eq!(cipher.mic_behind(*first, rest).to_vec(), hex(code), "{len} octets behind the first block");
            }
        }
    }

    #[test]
    fn a_block_comes_back() {
        let key = [7; 16];
        assert_eq!(Decipher::new(&key).decrypt(Cipher::new(&key).encrypt([1; 16])), [1; 16]);
    }
}
