//! Text as a meter sends it, read without copying it.

use core::fmt::{self, Write};
use core::str::Chars;

/// Text in the octets of a frame: Latin-1 or UTF-8, forwards or, as M-Bus sends it, backwards.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Text<'a>(Inner<'a>);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Inner<'a> {
    Utf8(&'a str),
    Latin1(&'a [u8]),
    Latin1Reversed(&'a [u8]),
    Latin1Swapped(&'a [u8]),
    Digits(&'a [u8]),
    Hex(&'a [u8]),
    Json(&'a str),
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

    /// ISO 8859-1 in pairs, the second character of each first, as some devices fill registers.
    #[must_use]
    pub const fn latin1_swapped(octets: &'a [u8]) -> Self {
        Self(Inner::Latin1Swapped(octets))
    }

    /// The digits of BCD or hexadecimal octets, most significant octet last: a number that is a name.
    #[must_use]
    pub const fn digits(octets: &'a [u8]) -> Self {
        Self(Inner::Digits(octets))
    }

    /// The hexadecimal digits of octets as they stand.
    #[must_use]
    pub const fn hex(octets: &'a [u8]) -> Self {
        Self(Inner::Hex(octets))
    }

    /// What stands between the quotation marks of a JSON string, with its escapes; RFC 8259, clause 7. An escape that is
    /// none, or half of a surrogate pair, becomes U+FFFD.
    #[must_use]
    pub const fn json(text: &'a str) -> Self {
        Self(Inner::Json(text))
    }

    /// Its characters in reading order. Fillers (NUL) at either end are left out.
    pub fn chars(self) -> impl Iterator<Item = char> + 'a {
        let (utf8, octets, reversed, digits) = match self.0 {
            Inner::Utf8(text) => (text, &[][..], false, &[][..]),
            Inner::Latin1(octets) => ("", trimmed(octets), false, &[][..]),
            Inner::Latin1Reversed(octets) => ("", trimmed(octets), true, &[][..]),
            Inner::Digits(octets) => ("", &[][..], false, octets),
            Inner::Json(text) => (text, &[][..], false, &[][..]),
            Inner::Latin1Swapped(_) | Inner::Hex(_) => ("", &[][..], false, &[][..]),
        };
        let hex = if let Inner::Hex(octets) = self.0 { octets } else { &[] };
        let swapped = if let Inner::Latin1Swapped(octets) = self.0 { octets } else { &[] };
        let swapped = swapped.as_chunks::<2>().0.iter().flat_map(|[second, first]| [*first, *second]);
        let escapes = matches!(self.0, Inner::Json(_));
        let (mut front, mut back) = (octets.iter(), octets.iter());
        let latin1 = core::iter::from_fn(move || if reversed { back.next_back() } else { front.next() });
        let digits = hex.iter().chain(digits.iter().rev()).flat_map(|octet| [octet >> 4, octet & 0x0f]);
        let mut characters = utf8.chars();
        core::iter::from_fn(move || match characters.next()? {
            '\\' if escapes => Some(unescape(&mut characters).unwrap_or(char::REPLACEMENT_CHARACTER)),
            plain => Some(plain),
        })
        .chain(latin1.map(|octet| char::from(*octet)))
        .chain(digits.map(|digit| char::from_digit(digit.into(), 16).unwrap_or('?')))
        .chain(swapped.filter(|octet| *octet != 0).map(char::from))
    }

    /// Its characters as they lie in the octets, where they do: UTF-8 or JSON without an escape.
    #[must_use]
    pub fn plain(self) -> Option<&'a str> {
        match self.0 {
            Inner::Utf8(text) => Some(text),
            Inner::Json(text) if !text.contains('\\') => Some(text),
            _ => None,
        }
    }

    /// Whether there is no character in it.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.chars().next().is_none()
    }
}

/// The character of an escape behind its backslash.
fn unescape(rest: &mut Chars<'_>) -> Option<char> {
    Some(match rest.next()? {
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'u' => match unit(rest)? {
            high @ 0xd800..0xdc00 => {
                let mut ahead = rest.clone();
                let low = (ahead.next()? == '\\' && ahead.next()? == 'u').then(|| unit(&mut ahead)).flatten()?;
                let low = low.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
                *rest = ahead;
                char::from_u32(0x1_0000 + ((high - 0xd800) << 10) + low)?
            }
            unit => char::from_u32(unit)?,
        },
        plain @ ('"' | '\\' | '/') => plain,
        _ => return None,
    })
}

/// Four hexadecimal digits.
fn unit(rest: &mut Chars<'_>) -> Option<u32> {
    (0..4).try_fold(0, |unit, _| Some(unit << 4 | rest.next()?.to_digit(16)?))
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
        assert_eq!(Text::hex(&[0x78, 0x0f]).to_string(), "780f");
        assert_eq!(Text::latin1_swapped(b"ba\0c").to_string(), "abc");
        assert_eq!(Text::utf8("m³").to_string(), "m³");
    }

    #[test]
    fn the_escapes_of_json_are_read() {
        assert_eq!(Text::json(r#"a\"\\\/\b\f\n\r\t\u00b3"#).to_string(), "a\"\\/\u{8}\u{c}\n\r\t³");
        assert_eq!(Text::json(r"\ud83d\ude00!").to_string(), "😀!");
        for half in [r"\ud83d", r"\ud83d\u0041", r"\ude00", r"\x", r"\u12"] {
            assert!(Text::json(half).to_string().starts_with('\u{fffd}'), "{half}");
        }
    }
}
