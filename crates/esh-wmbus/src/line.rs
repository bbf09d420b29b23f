//! Line codes: the chips of a radio and the octets they stand for.

/// Octets from 3-out-of-6 chips, as modes T and others send them — EN 13757-4, 6.4.3, table 10.
///
/// `chips` are those behind the synchronisation word, the first in the top bit. Six chips are four bits. Decoding stops
/// before the first six chips that are no code, such as the padding behind a frame, and when `into` is full; the number
/// of octets written is returned. They are a frame of format A or B, whose CRCs find what the line code cannot.
pub fn three_out_of_six(chips: &[u8], into: &mut [u8]) -> usize {
    let mut written = 0;
    let mut groups = chips.chunks(3).flat_map(|three| {
        let [a, b, c] = [0, 1, 2].map(|n| u32::from(three.get(n).copied().unwrap_or_default()));
        let bits = a << 16 | b << 8 | c;
        [18, 12, 6, 0].map(|shift| nibble((bits >> shift & 0x3f) as u8))
    });
    for octet in into {
        let (Some(Some(high)), Some(Some(low))) = (groups.next(), groups.next()) else { break };
        *octet = high << 4 | low;
        written += 1;
    }
    written
}

/// Octets from Manchester chips, as modes S and R send them — EN 13757-4, 5.3 and 8.3: 0 is `10`, 1 is `01`.
///
/// Like [`three_out_of_six`]; two chips are one bit.
pub fn manchester(chips: &[u8], into: &mut [u8]) -> usize {
    let mut written = 0;
    let (pairs, _) = chips.as_chunks::<2>();
    for (octet, &[first, second]) in into.iter_mut().zip(pairs) {
        let (Some(high), Some(low)) = (four_bits(first), four_bits(second)) else { break };
        *octet = high << 4 | low;
        written += 1;
    }
    written
}

fn four_bits(chips: u8) -> Option<u8> {
    [6, 4, 2, 0].into_iter().try_fold(0, |bits, shift| match chips >> shift & 3 {
        0b10 => Some(bits << 1),
        0b01 => Some(bits << 1 | 1),
        _ => None,
    })
}

const fn nibble(chips: u8) -> Option<u8> {
    Some(match chips {
        0b01_0110 => 0x0,
        0b00_1101 => 0x1,
        0b00_1110 => 0x2,
        0b00_1011 => 0x3,
        0b01_1100 => 0x4,
        0b01_1001 => 0x5,
        0b01_1010 => 0x6,
        0b01_0011 => 0x7,
        0b10_1100 => 0x8,
        0b10_0101 => 0x9,
        0b10_0110 => 0xa,
        0b10_0011 => 0xb,
        0b11_0100 => 0xc,
        0b11_0001 => 0xd,
        0b11_0010 => 0xe,
        0b10_1001 => 0xf,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_three_chips_of_six() {
        let codes = (0..64u8).filter(|code| nibble(*code).is_some());
        assert_eq!(codes.clone().count(), 16);
        assert!(codes.clone().all(|code| code.count_ones() == 3));
        let mut values: std::vec::Vec<_> = codes.filter_map(nibble).collect();
        values.sort_unstable();
        assert_eq!(values, (0..16).collect::<std::vec::Vec<_>>());
    }

    #[test]
    fn chips_become_octets_until_the_padding() {
        // 4 4 0 f: 011100 011100 010110 101001
        let chips = [0b0111_0001, 0b1100_0101, 0b1010_1001, 0, 0, 0];
        let mut octets = [0; 8];
        assert_eq!(three_out_of_six(&chips, &mut octets), 2);
        assert_eq!(octets[..2], [0x44, 0x0f]);
        assert_eq!(three_out_of_six(&chips, &mut octets[..1]), 1);

        let mut octets = [0; 8];
        assert_eq!(manchester(&[0b1001_1010, 0b1001_1010, 0b0101_0101, 0b1010_1010, 0, 0], &mut octets), 2);
        assert_eq!(octets[..2], [0x44, 0xf0]);
        assert_eq!(manchester(&[0b1101_1010, 0b1001_1010], &mut octets), 0);
    }
}
