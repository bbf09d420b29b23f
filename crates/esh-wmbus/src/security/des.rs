//! DES, as security mode 2 uses it: withdrawn long ago, still in the field.

use des::{
    Des,
    cipher::{Block, BlockDecrypt, KeyInit},
};

/// Decrypts whole blocks of 8 octets where they lie, chained from an initialisation vector of zeros.
pub(crate) fn cbc_decrypt(key: &[u8; 8], octets: &mut [u8]) {
    let cipher = Des::new(&Block::<Des>::from(*key));
    let mut previous = [0; 8];
    for octets in octets.as_chunks_mut::<8>().0 {
        let mut block = Block::<Des>::from(*octets);
        cipher.decrypt_block(&mut block);
        let plain = u64::from_ne_bytes(block.into()) ^ u64::from_ne_bytes(previous);
        previous = core::mem::replace(octets, plain.to_ne_bytes());
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_block_as_sp_800_17_has_it() {
        let mut octets = [0x8c, 0xa6, 0x4d, 0xe9, 0xc1, 0xb1, 0x23, 0xa7];
        super::cbc_decrypt(&[0; 8], &mut octets);
        assert_eq!(octets, [0; 8]);
    }
}
