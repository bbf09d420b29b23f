//! Binary coded decimals as meters send them: two digits an octet, least significant octet first.

/// What a run of BCD octets holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bcd {
    /// A number. A most significant nibble `F` is a minus sign (EN 13757-3, annex B).
    Number(i128),
    /// A digit that is none: the meter marks the value as an error with the nibbles `A` to `F`.
    ErrorDigit,
}

/// Reads BCD octets, least significant first; `None` for more digits than an exact decimal holds.
#[must_use]
#[inline]
pub fn read(octets: &[u8]) -> Option<Bcd> {
    if octets.len() > 19 {
        return None;
    }
    let Some((&top, rest)) = octets.split_last() else { return Some(Bcd::Number(0)) };
    let negative = top >> 4 == 0xf;
    let top = if negative { top & 0x0f } else { top };
    if octets.len() <= 9 {
        let mut value: u64 = 0;
        for &octet in core::iter::once(&top).chain(rest.iter().rev()) {
            let (tens, units) = (octet >> 4, octet & 0x0f);
            if tens > 9 || units > 9 {
                return Some(Bcd::ErrorDigit);
            }
            value = value * 100 + u64::from(tens * 10 + units);
        }
        let value = i128::from(value);
        return Some(Bcd::Number(if negative { -value } else { value }));
    }
    let mut value: i128 = 0;
    for &octet in core::iter::once(&top).chain(rest.iter().rev()) {
        let (tens, units) = (octet >> 4, octet & 0x0f);
        if tens > 9 || units > 9 {
            return Some(Bcd::ErrorDigit);
        }
        value = value * 100 + i128::from(tens * 10 + units);
    }
    Some(Bcd::Number(if negative { -value } else { value }))
}

/// Writes a whole number as BCD, least significant octet first, with a top nibble `F` when it is negative; `false`
/// when the octets cannot hold it.
pub fn write(value: i128, into: &mut [u8]) -> bool {
    let negative = value < 0;
    let mut rest = value.unsigned_abs();
    for octet in &mut *into {
        let pair = (rest % 100) as u8;
        *octet = ((pair / 10) << 4) | (pair % 10);
        rest /= 100;
    }
    if rest != 0 {
        return false;
    }
    match into.last_mut() {
        Some(top) if negative && *top >> 4 == 0 => {
            *top |= 0xf0;
            true
        }
        _ => !negative,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bcd_reads_signs_and_error_digits() {
        for (octets, expect) in [
            (&[0x27u8, 0x04, 0x85, 0x02][..], Some(Bcd::Number(2_850_427))),
            (&[0x01, 0xf0], Some(Bcd::Number(-1))),
            (&[0xee, 0xee], Some(Bcd::ErrorDigit)),
            (&[0x1a], Some(Bcd::ErrorDigit)),
            (&[0xff], Some(Bcd::ErrorDigit)),
            (&[], Some(Bcd::Number(0))),
            (&[0x99; 19], Some(Bcd::Number(99_999_999_999_999_999_999_999_999_999_999_999_999))),
            (&[0x00; 20], None),
        ] {
            assert_eq!(read(octets), expect);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(value in -9_999_999_999i64..99_999_999_999) {
            let mut octets = [0; 6];
            prop_assert!(write(value.into(), &mut octets));
            prop_assert_eq!(read(&octets), Some(Bcd::Number(value.into())));
        }
    }
}
