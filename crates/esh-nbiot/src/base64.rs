//! Base64, RFC 4648, clauses 4 and 5: read one octet after the other, of either alphabet, padded or not.

/// Whether it is base64: digits of an alphabet, whole octets, padding at the end alone, no bits left over.
pub(crate) fn is_valid(text: &str) -> bool {
    let digits = text.trim_end_matches('=');
    let padding = text.len() - digits.len();
    let left = digits.len() % 4;
    left != 1
        && (padding == 0 || (text.len().is_multiple_of(4) && padding <= 2))
        && digits.bytes().all(|character| digit(character).is_some())
        && digits.bytes().last().and_then(digit).is_none_or(|last| match left {
            2 => last & 0x0f == 0,
            3 => last & 0x03 == 0,
            _ => true,
        })
}

/// The octets of a text that [`is_valid`].
pub(crate) fn octets(text: &str) -> impl Iterator<Item = u8> {
    let mut digits = text.trim_end_matches('=').bytes().filter_map(digit);
    let (mut bits, mut held) = (0u16, 0u8);
    core::iter::from_fn(move || {
        while held < 8 {
            bits = bits << 6 | u16::from(digits.next()?);
            held += 6;
        }
        held -= 8;
        let octet = (bits >> held) as u8;
        bits &= (1 << held) - 1;
        Some(octet)
    })
}

const fn digit(character: u8) -> Option<u8> {
    Some(match character {
        b'A'..=b'Z' => character - b'A',
        b'a'..=b'z' => character - b'a' + 26,
        b'0'..=b'9' => character - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn the_test_vectors_of_the_rfc() {
        for (text, plain) in [
            ("", ""),
            ("Zg==", "f"),
            ("Zg", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYmE", "fooba"),
            ("_-8", "\u{0}"),
        ] {
            assert!(is_valid(text), "{text}");
            if text.is_ascii() && plain != "\u{0}" {
                assert_eq!(octets(text).collect::<Vec<_>>(), plain.as_bytes());
            }
        }
        assert_eq!(octets("_-8").collect::<Vec<_>>(), [0xff, 0xef]);
        for text in ["Z", "Zg=", "Zg===", "Zh", "Z g=", "=Zg="] {
            assert!(!is_valid(text), "{text}");
        }
    }
}
