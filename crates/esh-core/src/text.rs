//! Text as a meter sends it, read without copying it.

use core::fmt::{self, Write};

/// Text in the octets of a frame: Latin-1 or UTF-8, forwards or, as M-Bus sends it, backwards.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Text<'a>(Inner<'a>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Inner<'a> {
    Utf8(&'a str),
    Latin1(&'a [u8]),
    Latin1Reversed(&'a [u8]),
    Digits(&'a [u8]),
}

impl<'a> Text<'a> {
    /// Text that is UTF-8 already.
    #[must_use]
    pub const fn utf8(text: &'a str) -> Self {
        Self(Inner::Utf8(text))
    }

    /// ISO 8859-1, first character first.
    #[must_use]
    pub const fn latin1(octets: &'a [u8]) -> Self {
        Self(Inner::Latin1(octets))
    }

    /// ISO 8859-1, last character first, as EN 13757-3 sends it.
    #[must_use]
    pub const fn latin1_reversed(octets: &'a [u8]) -> Self {
        Self(Inner::Latin1Reversed(octets))
    }

    /// The digits of BCD or hexadecimal octets, most significant octet last: a number that is a name.
    #[must_use]
    pub const fn digits(octets: &'a [u8]) -> Self {
        Self(Inner::Digits(octets))
    }

    /// Its characters in reading order. Fillers (NUL) at either end are left out.
    pub fn chars(self) -> impl Iterator<Item = char> + 'a {
        let (utf8, octets, reversed, digits) = match self.0 {
            Inner::Utf8(text) => (text, &[][..], false, &[][..]),
            Inner::Latin1(octets) => ("", trimmed(octets), false, &[][..]),
            Inner::Latin1Reversed(octets) => ("", trimmed(octets), true, &[][..]),
            Inner::Digits(octets) => ("", &[][..], false, octets),
        };
        let (mut front, mut back) = (octets.iter(), octets.iter());
        let latin1 = core::iter::from_fn(move || if reversed { back.next_back() } else { front.next() });
        let digits = digits.iter().rev().flat_map(|octet| [octet >> 4, octet & 0x0f]);
        utf8.chars()
            .chain(latin1.map(|octet| char::from(*octet)))
            .chain(digits.map(|digit| char::from_digit(digit.into(), 16).unwrap_or('?')))
    }

    /// Whether there is no character in it.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.chars().next().is_none()
    }
}

fn trimmed(octets: &[u8]) -> &[u8] {
    let start = octets.iter().position(|octet| *octet != 0).unwrap_or(octets.len());
    let end = octets.iter().rposition(|octet| *octet != 0).map_or(start, |last| last + 1);
    octets.get(start..end).unwrap_or_default()
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.chars().try_for_each(|character| f.write_char(character))
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn text_reads_in_either_order() {
        assert_eq!(Text::latin1_reversed(b"321\xe9").to_string(), "é123");
        assert_eq!(Text::latin1(b"\0abc\0").to_string(), "abc");
        assert_eq!(Text::digits(&[0x78, 0x56, 0x34, 0x02]).to_string(), "02345678");
        assert_eq!(Text::utf8("m³").to_string(), "m³");
    }
}
