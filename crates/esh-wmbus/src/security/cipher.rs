//! AES-128 in the modes of operation that M-Bus uses: CBC, CTR, CMAC and CCM.

use aes::{
    Aes128Dec, Aes128Enc, Block,
    cipher::{BlockDecrypt, BlockEncrypt, KeyInit},
};

/// A key, expanded to encrypt.
pub(crate) struct Cipher(Aes128Enc);

/// A key, expanded to decrypt blocks.
pub(crate) struct Decipher(Aes128Dec);

/// Blocks worked on together, so that the processor can overlap them.
const LANES: usize = 8;

impl Decipher {
    pub(crate) fn new(key: &[u8; 16]) -> Self {
        Self(Aes128Dec::new(&Block::from(*key)))
    }

    pub(crate) fn decrypt(&self, block: [u8; 16]) -> [u8; 16] {
        let mut block = Block::from(block);
        self.0.decrypt_block(&mut block);
        block.into()
    }

    /// Decrypts whole blocks where they lie — NIST SP 800-38A, 6.2. Octets behind the last whole block stay.
    pub(crate) fn cbc_decrypt(&self, vector: [u8; 16], octets: &mut [u8]) {
        let mut previous = vector;
        let (whole, _) = octets.as_chunks_mut::<16>();
        for group in whole.chunks_mut(LANES) {
            let mut blocks = [Block::default(); LANES];
            for (block, octets) in blocks.iter_mut().zip(&*group) {
                *block = Block::from(*octets);
            }
            self.0.decrypt_blocks(blocks.get_mut(..group.len()).unwrap_or_default());
            for (octets, block) in group.iter_mut().zip(blocks) {
                let sent = core::mem::replace(octets, xor(block.into(), previous));
                previous = sent;
            }
        }
    }
}

impl Cipher {
    pub(crate) fn new(key: &[u8; 16]) -> Self {
        Self(Aes128Enc::new(&Block::from(*key)))
    }

    pub(crate) fn encrypt(&self, block: [u8; 16]) -> [u8; 16] {
        let mut block = Block::from(block);
        self.0.encrypt_block(&mut block);
        block.into()
    }

    /// Encrypts whole blocks where they lie.
    pub(crate) fn cbc_encrypt(&self, vector: [u8; 16], octets: &mut [u8]) {
        let mut previous = vector;
        for octets in octets.as_chunks_mut::<16>().0 {
            *octets = self.encrypt(xor(*octets, previous));
            previous = *octets;
        }
    }

    /// Encrypts or decrypts, which is the same, where the octets lie — NIST SP 800-38A, 6.5.
    pub(crate) fn ctr(&self, first: [u8; 16], octets: &mut [u8]) {
        let mut counter = u128::from_be_bytes(first);
        for group in octets.chunks_mut(16 * LANES) {
            let mut blocks = [Block::default(); LANES];
            let count = group.len().div_ceil(16);
            for block in blocks.iter_mut().take(count) {
                *block = Block::from(counter.to_be_bytes());
                counter = counter.wrapping_add(1);
            }
            self.0.encrypt_blocks(blocks.get_mut(..count).unwrap_or_default());
            for (octet, key) in group.iter_mut().zip(blocks.iter().flatten()) {
                *octet ^= key;
            }
        }
    }

    /// The authentication tag over `associated` and `octets` in plain, for nonces of 13 octets — NIST SP 800-38C, 6.1.
    fn ccm_tag(&self, nonce: &[u8; 13], associated: &[u8], octets: &[u8], tag_len: usize) -> [u8; 16] {
        let first = (u8::from(!associated.is_empty()) << 6) | ((tag_len.saturating_sub(2) / 2) as u8) << 3 | 1;
        let mut mac = self.encrypt(ccm_block(first, nonce, octets.len() as u16));
        let mut at = 0;
        let mut mix = |octet: u8| {
            if let Some(place) = mac.get_mut(at) {
                *place ^= octet;
            }
            at += 1;
            if at == 16 {
                (mac, at) = (self.encrypt(mac), 0);
            }
        };
        if !associated.is_empty() {
            for octet in (associated.len() as u16).to_be_bytes().iter().chain(associated) {
                mix(*octet);
            }
        }
        if at > 0 {
            mac = self.encrypt(mac);
        }
        for chunk in octets.chunks(16) {
            for (place, octet) in mac.iter_mut().zip(chunk) {
                *place ^= octet;
            }
            mac = self.encrypt(mac);
        }
        xor(mac, self.encrypt(ccm_block(1, nonce, 0)))
    }

    /// Decrypts where the octets lie and says whether the tag fits; if not, the octets are as they were —
    /// NIST SP 800-38C, 6.2.
    pub(crate) fn ccm_open(&self, nonce: &[u8; 13], associated: &[u8], octets: &mut [u8], tag: &[u8]) -> bool {
        let first = ccm_block(1, nonce, 1);
        self.ctr(first, octets);
        let computed = self.ccm_tag(nonce, associated, octets, tag.len());
        let fits = !tag.is_empty() && same(computed.get(..tag.len()).unwrap_or_default(), tag);
        if !fits {
            self.ctr(first, octets);
        }
        fits
    }

    /// Undoes [`Self::ccm_open`].
    pub(crate) fn ccm_close(&self, nonce: &[u8; 13], octets: &mut [u8]) {
        self.ctr(ccm_block(1, nonce, 1), octets);
    }

    /// Encrypts where the octets lie and gives the tag, of which the first `tag_len` octets count.
    pub(crate) fn ccm_seal(&self, nonce: &[u8; 13], associated: &[u8], octets: &mut [u8], tag_len: usize) -> [u8; 16] {
        let tag = self.ccm_tag(nonce, associated, octets, tag_len);
        self.ctr(ccm_block(1, nonce, 1), octets);
        tag
    }

    /// The message authentication code over some parts, one after the other — NIST SP 800-38B, RFC 4493.
    pub(crate) fn cmac(&self, parts: &[&[u8]]) -> [u8; 16] {
        let double = |block: u128| block << 1 ^ if block >> 127 == 1 { 0x87 } else { 0 };
        let mut mac = [0; 16];
        let mut at = 0;
        for octet in parts.iter().copied().flatten() {
            if at == 16 {
                (mac, at) = (self.encrypt(mac), 0);
            }
            if let Some(place) = mac.get_mut(at) {
                *place ^= octet;
            }
            at += 1;
        }
        let mut last = double(u128::from_be_bytes(self.encrypt([0; 16])));
        if let Some(place) = mac.get_mut(at) {
            *place ^= 0x80;
            last = double(last);
        }
        self.encrypt(xor(mac, last.to_be_bytes()))
    }
}

fn ccm_block(flags: u8, nonce: &[u8; 13], number: u16) -> [u8; 16] {
    let mut block = [0; 16];
    let [first, middle @ .., n0, n1] = &mut block;
    *first = flags;
    *middle = *nonce;
    [*n0, *n1] = number.to_be_bytes();
    block
}

fn xor(a: [u8; 16], b: [u8; 16]) -> [u8; 16] {
    (u128::from_ne_bytes(a) ^ u128::from_ne_bytes(b)).to_ne_bytes()
}

/// Whether both are the same, in a time that does not tell where they differ.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && core::hint::black_box(a.iter().zip(b).fold(0, |differ, (a, b)| differ | (a ^ b))) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.chars().filter_map(|c| c.to_digit(16)).map(|digit| digit as u8).collect();
        digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
    }

    fn block(text: &str) -> [u8; 16] {
        hex(text).try_into().unwrap()
    }

    const KEY: &str = "2b7e151628aed2a6abf7158809cf4f3c";
    const PLAIN: &str = "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710";

    #[test]
    fn a_block_as_fips_197_has_it() {
        let cipher = Cipher::new(&block("000102030405060708090a0b0c0d0e0f"));
        let plain = block("00112233445566778899aabbccddeeff");
        assert_eq!(cipher.encrypt(plain), block("69c4e0d86a7b0430d8cdb78070b4c55a"));
        let key = block("000102030405060708090a0b0c0d0e0f");
        assert_eq!(Decipher::new(&key).decrypt(cipher.encrypt(plain)), plain);
    }

    #[test]
    fn chained_blocks_as_sp_800_38a_f_2_has_them() {
        let cipher = Cipher::new(&block(KEY));
        let vector = block("000102030405060708090a0b0c0d0e0f");
        let sent = hex(
            "7649abac8119b246cee98e9b12e9197d5086cb9b507219ee95db113a917678b273bed6b8e3c1743b7116e69e222295163ff1caa1681fac09120eca307586e1a7",
        );
        let mut octets = hex(PLAIN);
        cipher.cbc_encrypt(vector, &mut octets);
        assert_eq!(octets, sent);
        Decipher::new(&block(KEY)).cbc_decrypt(vector, &mut octets);
        assert_eq!(octets, hex(PLAIN));
        let mut long: Vec<u8> = (0..=255).cycle().take(16 * 21 + 5).collect();
        let plain = long.clone();
        cipher.cbc_encrypt(vector, &mut long);
        assert_eq!(long[16 * 21..], plain[16 * 21..]);
        Decipher::new(&block(KEY)).cbc_decrypt(vector, &mut long);
        assert_eq!(long, plain);
    }

    #[test]
    fn counted_blocks_as_sp_800_38a_f_5_has_them() {
        let cipher = Cipher::new(&block(KEY));
        let mut octets = hex(PLAIN);
        cipher.ctr(block("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff"), &mut octets);
        assert_eq!(
            octets,
            hex(
                "874d6191b620e3261bef6864990db6ce9806f66b7970fdff8617187bb9fffdff5ae4df3edbd5d35e5b4f09020db03eab1e031dda2fbe03d1792170a0f3009cee"
            )
        );
    }

    #[test]
    fn codes_as_rfc_4493_has_them() {
        let cipher = Cipher::new(&block(KEY));
        for (len, code) in [
            (0, "bb1d6929e95937287fa37d129b756746"),
            (16, "070a16b46b4d4144f79bdd9dd04a287c"),
            (40, "dfa66747de9ae63030ca32611497c827"),
            (64, "51f0bebf7e3b9d92fc49741779363cfe"),
        ] {
            let plain = hex(PLAIN);
            let (first, second) = plain[..len].split_at(len / 3);
            assert_eq!(cipher.cmac(&[first, second]), block(code), "{len} octets");
        }
    }

    #[test]
    fn sealed_octets_as_rfc_3610_has_them() {
        let cipher = Cipher::new(&block("c0c1c2c3c4c5c6c7c8c9cacbcccdcecf"));
        for (nonce, associated, plain, sent) in [
            (
                "00000003020100a0a1a2a3a4a5",
                "0001020304050607",
                "08090a0b0c0d0e0f101112131415161718191a1b1c1d1e",
                "588c979a61c663d2f066d0c2c0f989806d5f6b61dac38417e8d12cfdf926e0",
            ),
            (
                "00000004030201a0a1a2a3a4a5",
                "0001020304050607",
                "08090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
                "72c91a36e135f8cf291ca894085c87e3cc15c439c9e43a3ba091d56e10400916",
            ),
            (
                "00000005040302a0a1a2a3a4a5",
                "0001020304050607",
                "08090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20",
                "51b1e5f44a197d1da46b0f8e2d282ae871e838bb64da8596574adaa76fbd9fb0c5",
            ),
        ] {
            let (nonce, associated): ([u8; 13], _) = (hex(nonce).try_into().unwrap(), hex(associated));
            let mut octets = hex(plain);
            let tag = cipher.ccm_seal(&nonce, &associated, &mut octets, 8);
            assert_eq!([&octets[..], &tag[..8]].concat(), hex(sent));
            let sealed = octets.clone();
            assert!(!cipher.ccm_open(&nonce, &associated, &mut octets, &[0; 8]));
            assert_eq!(octets, sealed, "a tag that does not fit leaves the octets as they were");
            assert!(cipher.ccm_open(&nonce, &associated, &mut octets, &tag[..8]));
            assert_eq!(octets, hex(plain));
        }
    }
}
