//! Whether octets are plain records, where nothing but their look can tell.

/// How sure one has to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sure {
    /// Other evidence stands beside it: the structure of the records has to come out even.
    Supported,
    /// There is no other evidence: the values have to be such as meters send, too.
    Alone,
}

/// Whether the octets are a run of data records, EN 13757-3, 6, that ends where they end.
pub(super) fn looks_like_records(mut octets: &[u8], sure: Sure) -> bool {
    let alone = sure == Sure::Alone;
    let mut records = 0;
    while let [dif, rest @ ..] = octets {
        octets = rest;
        match dif {
            0x2f => continue,
            // What the maker has behind cannot be judged.
            0x0f | 0x1f => break,
            _ if alone && dif & 0x80 != 0 && rest.first().is_some_and(|dife| dife & 0x80 != 0) => return false,
            _ if dif & 0x0f == 0x0f => return false,
            _ => {}
        }
        let Some(after) = chain(*dif, octets) else { return false };
        let [vif, after @ ..] = after else { return false };
        if vif & 0x7f == 0x7c && alone {
            return false;
        }
        // Text and extensions stand in one of two orders.
        if *vif == 0xfc {
            return true;
        }
        if *vif == 0x7c {
            let Some((len, text)) = after.split_first() else { return false };
            let Some((_, after)) = text.split_at_checked(usize::from(*len)) else { return false };
            let Some((_, after)) = value(dif & 0x0f, after) else { return false };
            octets = after;
            records += 1;
            continue;
        }
        if alone && !is_common(*vif) {
            return false;
        }
        let Some(after) = chain(*vif, after) else { return false };
        let Some((value, after)) = value(dif & 0x0f, after) else { return false };
        if alone && !is_likely(dif & 0x0f, vif & 0x7f, value) {
            return false;
        }
        octets = after;
        records += 1;
    }
    // Two records that fit by chance are likelier than three.
    !alone || records >= 3
}

/// What is behind up to ten extension octets.
fn chain(first: u8, mut octets: &[u8]) -> Option<&[u8]> {
    let mut octet = first;
    for _ in 0..=10 {
        if octet & 0x80 == 0 {
            return Some(octets);
        }
        (octet, octets) = octets.split_first().map(|(first, rest)| (*first, rest))?;
    }
    None
}

/// The octets of a value, and what is behind — EN 13757-3, 6.3.3, table 4.
fn value(coding: u8, octets: &[u8]) -> Option<(&[u8], &[u8])> {
    let len = match coding {
        0 | 8 => 0,
        coding @ (1..=4 | 9..=12) => usize::from(coding & 7),
        5 => 4,
        6 | 14 => 6,
        7 => 8,
        13 => {
            let (length, rest) = octets.split_first()?;
            let len = match length {
                0x00..=0xbf => *length,
                0xc0..=0xef => length & 0x0f,
                _ => return None,
            };
            return rest.split_at_checked(len.into());
        }
        _ => return None,
    };
    octets.split_at_checked(len)
}

/// Energy, volume, mass, durations, power, flow, temperatures, pressure, dates, identification, and the extension
/// tables.
const fn is_common(vif: u8) -> bool {
    !matches!(vif & 0x7f, 0x6f | 0x7e | 0x7f) && (vif & 0x80 == 0 || matches!(vif, 0xfb | 0xfd))
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
