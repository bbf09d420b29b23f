//! Octets as others write them in JSON: hexadecimal, base64, and EUIs in their several forms.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use esh_lorawan::Eui64;

/// Packet forwarders leave the padding out, and some leave bits in the last character.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Octets in base64, with or without padding.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    LENIENT.decode(text).ok()
}

/// Octets in hexadecimal.
pub(super) fn hexadecimal(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |character: u8| char::from(character).to_digit(16).map(|digit| digit as u8);
    let octets = pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect();
    if rest.is_empty() { octets } else { None }
}

/// An EUI: sixteen digits, be there dashes or colons between the octets; four groups of up to four digits, of which
/// `::` stands for those that are zero; eight octets in base64.
pub(super) fn eui(text: &str) -> Option<Eui64> {
    let digits: String = text.chars().filter(|character| !matches!(character, '-' | ':')).collect();
    if digits.len() == 16
        && let Ok(eui) = u64::from_str_radix(&digits, 16)
    {
        return Some(Eui64(eui));
    }
    if text.contains(':') {
        return groups(text).map(Eui64);
    }
    Some(Eui64(u64::from_be_bytes(base64(text)?.try_into().ok()?)))
}

/// Four groups of 16 bits.
fn groups(text: &str) -> Option<u64> {
    let (front, back) = match text.split_once("::") {
        Some((front, back)) => (front, Some(back)),
        None => (text, None),
    };
    let read = |text: &str| -> Option<Vec<u64>> {
        text.split(':')
            .filter(|group| !group.is_empty())
            .map(|group| u16::from_str_radix(group, 16).ok().map(u64::from))
            .collect()
    };
    let (front, back) = (read(front)?, back.map(read));
    let mut groups = front;
    match back {
        None => {}
        Some(back) => {
            let back = back?;
            let zeros = 4usize.checked_sub(groups.len() + back.len())?;
            groups.extend(std::iter::repeat_n(0, zeros));
            groups.extend(back);
        }
    }
    (groups.len() == 4).then(|| groups.iter().fold(0, |eui, group| eui << 16 | group))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_eui_has_several_forms() {
        for text in [
            "0102030400000008",
            "01-02-03-04-00-00-00-08",
            "01:02:03:04:00:00:00:08",
            "0102:0304:0000:0008",
            "102:304:0:8",
            "102:304::8",
            "AQIDBAAAAAg=",
        ] {
            assert_eq!(eui(text), Some(Eui64(0x0102_0304_0000_0008)), "{text}");
        }
        assert_eq!(eui("::1"), Some(Eui64(1)));
        assert_eq!(eui("f::"), Some(Eui64(0xf << 48)));
        for text in ["", "0102", "1:2:3:4:5", "1:2:3::4:5", "g::1", "::12345", "0102030400000008zz"] {
            assert_eq!(eui(text), None, "{text}");
        }
    }

    #[test]
    fn base64_may_lack_its_padding() {
        assert_eq!(base64("VEVTVA"), Some(b"TEST".to_vec()));
        assert_eq!(base64("VEVTVA=="), Some(b"TEST".to_vec()));
        assert_eq!(base64("VEVTVB"), Some(b"TEST".to_vec()), "bits beyond the last octet");
        assert_eq!(base64("VE-T"), None);
        assert_eq!(hexadecimal("0aFf"), Some(vec![0x0a, 0xff]));
        assert_eq!(hexadecimal("0aF"), None);
    }
}
