//! Whether octets are plain records, where nothing but their look can tell.

use crate::walk::{self, Header, Next};
use esh_core::{Input, Layer};

/// How sure one has to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sure {
    /// Other evidence stands beside it: the structure of the records has to come out even.
    Supported,
    /// There is no other evidence: the values have to be such as meters send, too.
    Alone,
}

/// Whether the octets are a run of data records, EN 13757-3, 6, that ends where they end.
pub(super) fn looks_like_records(octets: &[u8], sure: Sure) -> bool {
    let mut input = Input::new(octets, 0, Layer::Application);
    let mut header = Header::NONE;
    let mut records = 0;
    loop {
        match walk::next(&mut input, &mut header) {
            Ok(Next::Record(_, raw)) if sure == Sure::Supported || is_usual(header.octets, raw.octets) => records += 1,
            // What the maker has behind cannot be judged.
            Ok(Next::Maker(_) | Next::End) => break,
            _ => return false,
        }
    }
    // Two records that fit by chance are likelier than three.
    sure == Sure::Supported || records >= 3
}

/// Whether a record has at most one DIFE, a VIF that is common and a value that is likely.
fn is_usual(header: &[u8], value: &[u8]) -> bool {
    match header {
        [dif, vif, ..] if dif & 0x80 == 0 => is_common(*vif) && is_likely(dif & 0x0f, vif & 0x7f, value),
        [dif, dife, vif, ..] if dife & 0x80 == 0 => is_common(*vif) && is_likely(dif & 0x0f, vif & 0x7f, value),
        _ => false,
    }
}

/// Energy, volume, mass, durations, power, flow, temperatures, pressure, dates, identification, and the extension
/// tables.
const fn is_common(vif: u8) -> bool {
    !matches!(vif & 0x7f, 0x6f | 0x7c | 0x7e | 0x7f) && (vif & 0x80 == 0 || matches!(vif, 0xfb | 0xfd))
}

fn is_likely(coding: u8, vif: u8, value: &[u8]) -> bool {
    match (coding, value) {
        (2, [low, high]) if vif == 0x6c => is_date(*low, *high),
        (4, [_, _, low, high]) if vif == 0x6d => is_date(*low, *high),
        (3 | 4 | 6 | 7, [.., top]) => matches!(top, 0x00..=0x07 | 0xff),
        (5, [.., top]) => matches!(top & 0x7f, 0x00 | 0x3a..=0x4a),
        (9..=12 | 14, _) => value.iter().all(|pair| pair >> 4 < 10 && pair & 0x0f < 10),
        (1, _) => true,
        (2, [.., top]) => matches!(top, 0x00..=0x3f | 0xf0..),
        _ => false,
    }
}

/// A date of type G, or one that says that it is none.
const fn is_date(low: u8, high: u8) -> bool {
    let (day, month) = (low & 0x1f, high & 0x0f);
    day >= 1 && month >= 1 && month <= 12 || low == 0xff && high == 0xff
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ciphertext_hardly_ever_looks_like_records() {
        // A generator whose numbers are the same everywhere: xorshift64.
        let mut state = 0x9e37_79b9_7f4a_7c15u64;
        let mut octets = [0u8; 64];
        for (sure, most) in [(Sure::Alone, 1), (Sure::Supported, 30_000)] {
            let mut taken = 0;
            for round in 0..200_000 {
                for octet in &mut octets {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    *octet = (state >> 32) as u8;
                }
                taken += usize::from(looks_like_records(&octets[..16 + round % 49], sure));
            }
            assert!(taken <= most, "{taken} of 200000");
        }
    }

    #[test]
    fn records_look_like_records() {
        for octets in [
            &[0x04, 0x13, 0xdd, 0xc0, 0, 0, 0x42, 0x6c, 0xbf, 0x23, 0x44, 0x13, 0x82, 0xbb, 0, 0][..],
            &[
                0x2f, 0x2f, 0x0c, 0x14, 0x27, 0x04, 0x85, 0x02, 0x04, 0x6d, 0x32, 0x37, 0x1f, 0x15, 0x02, 0xfd, 0x17,
                0, 0,
            ],
        ] {
            assert!(looks_like_records(octets, Sure::Alone));
            assert!(!looks_like_records(&octets[..octets.len() - 1], Sure::Supported));
        }
    }
}
