//! The CRC of a serial frame — MODBUS over serial line V1.02, 6.2.2.
//!
//! Its polynomial, x¹⁶ + x¹⁵ + x² + 1, is (x + 1) · (x¹⁵ + x + 1). Modulo the first factor a message is its parity.
//! Modulo the second, x¹⁵ is x + 1, so by squaring x³⁰ is x² + 1, x⁶⁰ is x⁴ + 1 and x¹²⁰ is x⁸ + 1: fifteen octets fold
//! into the next fifteen with two shifts, without a table. Both remainders together give the one wanted.

/// The CRC over some octets, as the number whose low octet is sent first.
#[must_use]
#[inline]
pub fn crc(octets: &[u8]) -> u16 {
    if octets.len() < 2 {
        return octets.iter().fold(INITIAL, |crc, octet| step(crc ^ u16::from(*octet)));
    }
    step(step(remainder(octets)))
}

/// Whether the last two octets are the CRC of those before.
#[must_use]
#[inline]
pub(crate) fn fits(frame: &[u8]) -> bool {
    frame.len() >= 4 && remainder(frame) == 0
}

const INITIAL: u16 = 0xffff;

/// x¹⁵ + x + 1 as the register holds it: the coefficient of x⁰ in the topmost bit.
const FACTOR: u16 = 0xc001;

/// Octets folded at once: 120 bits.
const CHUNK: usize = 15;

/// All bits of a chunk.
const ALL: u128 = (1 << 120) - 1;

/// One octet further: the register times x⁸.
const fn step(crc: u16) -> u16 {
    let low = crc & 0xff;
    let odd = if low.count_ones() % 2 == 1 { FACTOR } else { 0 };
    (crc >> 8) ^ (low << 6) ^ (low << 7) ^ odd
}

/// The remainder of two octets or more, the first two of them inverted as the register begins with ones.
#[inline]
fn remainder(octets: &[u8]) -> u16 {
    let (head, chunks) = octets.as_rchunks::<CHUNK>();
    // The first octets fill the end of their chunk: zeros before a message change nothing.
    let first = match octets.first_chunk::<16>() {
        Some(octets) => u128::from_le_bytes(*octets) << (8 * (CHUNK - head.len())) & ALL,
        None => head.iter().rev().fold(0, |first, octet| first << 8 | u128::from(*octet)) << (8 * (CHUNK - head.len())),
    };
    // The ones that the register begins with, at the first two octets of the message.
    let (ones, mut ones_of_next) = match head.len() {
        0 => (0, u128::from(INITIAL)),
        1 => (0xff << 112, 0xff),
        len => (u128::from(INITIAL) << (8 * (CHUNK - len)), 0),
    };
    let mut folded = first ^ ones;
    let mut all = folded;
    for chunk in chunks {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o] = *chunk;
        let octets = u128::from_le_bytes([a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, 0]) ^ ones_of_next;
        ones_of_next = 0;
        all ^= octets;
        let beyond = folded & 0xff;
        folded ^= octets ^ (folded >> 8) ^ (beyond << 104) ^ (beyond << 112);
    }
    let fifteen = reduce(folded);
    // Both remainders give the one of the product: the factor is 1 modulo x + 1.
    let odd = (all.count_ones() + fifteen.count_ones()) % 2;
    if odd == 0 { fifteen << 1 } else { (fifteen << 1) ^ FACTOR }
}

/// From 120 bits to 15, the coefficient of x⁰ in the topmost one.
const fn reduce(folded: u128) -> u16 {
    const SIXTY: u64 = (1 << 60) - 1;
    let (high, low) = (folded as u64 & SIXTY, (folded >> 60) as u64 & SIXTY);
    let beyond = high & 0xf;
    let sixty = low ^ high ^ (high >> 4) ^ (beyond << 52) ^ (beyond << 56);
    const THIRTY: u64 = (1 << 30) - 1;
    let (high, low) = (sixty & THIRTY, sixty >> 30);
    let beyond = high & 3;
    let thirty = low ^ high ^ (high >> 2) ^ (beyond << 26) ^ (beyond << 28);
    let (high, low) = (thirty & 0x7fff, thirty >> 15);
    let beyond = high & 1;
    (low ^ high ^ (high >> 1) ^ (beyond << 13) ^ (beyond << 14)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// One bit at a time, as the specification draws it.
    fn slow(octets: &[u8]) -> u16 {
        octets.iter().fold(0xffff, |crc, octet| {
            (0..8).fold(crc ^ u16::from(*octet), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xa001 } else { crc >> 1 })
        })
    }

    #[test]
    fn the_check_value_of_the_catalogue_comes_out() {
        assert_eq!(crc(b"123456789"), 0x4b37);
    }

    #[test]
    fn the_example_of_the_specification_comes_out() {
        assert_eq!(crc(&[0x02, 0x07]).to_le_bytes(), [0x41, 0x12]);
    }

    proptest! {
        #[test]
        fn folding_gives_what_the_shift_register_gives(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
            let crc = crc(&octets);
            prop_assert_eq!(crc, slow(&octets));
            let frame = [&octets[..], &crc.to_le_bytes()].concat();
            prop_assert_eq!(fits(&frame), frame.len() >= 4);
        }

        #[test]
        fn no_frame_fits_with_a_bit_or_two_turned(
            octets in proptest::collection::vec(any::<u8>(), 2..254), a in any::<usize>(), b in any::<usize>(),
        ) {
            let mut frame = [&octets[..], &crc(&octets).to_le_bytes()].concat();
            let bits = frame.len() * 8;
            frame[a % bits / 8] ^= 1 << (a % 8);
            prop_assert!(!fits(&frame));
            if a % bits / 8 != b % bits / 8 {
                frame[b % bits / 8] ^= 1 << (b % 8);
                prop_assert!(!fits(&frame));
            }
        }
    }
}
