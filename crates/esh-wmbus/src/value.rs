//! Values: the octets of a record as an exact number, a text, bits or a time.

use crate::dif::Coding;
use crate::vif::{Modifiers, Reads};
use esh_core::bcd::{self, Bcd};
use esh_core::{Decimal, DecodeError, Input, Quality, Reason, Text, Value, mbus_time};

/// The octets of a value and how they are coded: EN 13757-3, annex A and table 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Raw<'a> {
    pub(crate) kind: Kind,
    pub(crate) octets: &'a [u8],
}

/// How the octets of a value are coded.
///
/// As wide as a word: written as one octet and copied as eight, it would stall the processor at every record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub(crate) enum Kind {
    Nothing,
    Integer,
    Real,
    Bcd,
    NegativeBcd,
    Text,
}

/// Takes the octets of a value.
///
/// # Errors
/// The end of the octets, or a reserved length.
#[inline(always)]
pub(crate) fn take<'a>(input: &mut Input<'a>, coding: Coding) -> Result<Raw<'a>, DecodeError> {
    let Some(len) = coding.len() else { return take_variable(input) };
    let octets = input.take("value", len)?;
    Ok(Raw { kind: coding.kind(), octets })
}

/// Variable length: EN 13757-3, table 5.
#[inline(never)]
fn take_variable<'a>(input: &mut Input<'a>) -> Result<Raw<'a>, DecodeError> {
    let start = *input;
    let length = input.u8("LVAR")?;
    let (kind, count) = match length {
        0x00..=0xbf => (Kind::Text, length),
        0xc0..=0xc9 => (Kind::Bcd, length - 0xc0),
        0xd0..=0xd9 => (Kind::NegativeBcd, length - 0xd0),
        0xe0..=0xef => (Kind::Integer, length - 0xe0),
        0xf0..=0xf4 => (Kind::Integer, 4 * (length - 0xec)),
        0xf5 => (Kind::Integer, 48),
        0xf6 => (Kind::Integer, 64),
        _ => return Err(start.error("LVAR", Reason::Reserved(length.into()))),
    };
    Ok(Raw { kind, octets: input.take("value", count.into())? })
}

/// What the octets say, with the power of ten and the constants of their VIF.
#[inline(always)]
pub(crate) fn read<'a>(raw: Raw<'a>, reads: Reads, exponent: i8, modifiers: &Modifiers) -> (Value<'a>, Quality) {
    // Nearly every record is a number and nothing else.
    if reads as u8 == Reads::Number as u8 && modifiers.is_plain() {
        let digits = match raw.kind {
            Kind::Integer => signed(raw.octets),
            Kind::Bcd => digits(raw.octets),
            _ => None,
        };
        if let Some(digits) = digits
            && let Some(number) = Decimal::new(digits.into(), 0).scale10(exponent)
        {
            return (Value::Number(number), Quality::Good);
        }
    }
    modified(raw, reads, exponent, modifiers)
}

/// Up to eight octets as a whole number with a sign; `None` for the code that says that there is none.
#[inline(always)]
fn signed(octets: &[u8]) -> Option<i64> {
    let unused = 64u32.checked_sub(8 * octets.len() as u32).filter(|unused| *unused < 64)?;
    let top = (word(octets)? << unused) as i64;
    // The most negative number says that there is none.
    if top == i64::MIN { None } else { Some(top >> unused) }
}

/// Up to six octets of decimal digits without a sign.
#[inline(always)]
fn digits(octets: &[u8]) -> Option<i64> {
    if octets.len() > 6 {
        return None;
    }
    let mut value = 0;
    for &octet in octets.iter().rev() {
        let (tens, units) = (octet >> 4, octet & 0x0f);
        if tens > 9 || units > 9 {
            return None;
        }
        value = value * 100 + i64::from(tens * 10 + units);
    }
    Some(value)
}

#[inline(never)]
fn modified<'a>(raw: Raw<'a>, reads: Reads, exponent: i8, modifiers: &Modifiers) -> (Value<'a>, Quality) {
    if modifiers.quality == Quality::Good {
        return good(raw, reads, exponent, modifiers);
    }
    // A number that the meter says is in error is still told: some meters count on during the error.
    match good(raw, reads, exponent, modifiers) {
        (Value::Number(number), Quality::Good) if modifiers.quality == Quality::Error => {
            (Value::Number(number), Quality::Error)
        }
        _ => (Value::Absent, modifiers.quality),
    }
}

fn good<'a>(raw: Raw<'a>, reads: Reads, exponent: i8, modifiers: &Modifiers) -> (Value<'a>, Quality) {
    let octets = raw.octets;
    match (reads, raw.kind) {
        (Reads::Secret, _) => (Value::Absent, Quality::Withheld),
        (_, Kind::Nothing) => (Value::Absent, Quality::NotAvailable),
        (Reads::Number, Kind::Integer) => number(octets, exponent, modifiers),
        (Reads::Number | Reads::Count, Kind::Bcd) => decimal(octets, false, exponent, modifiers),
        (_, Kind::Real) => real(octets, exponent, modifiers),
        (_, Kind::NegativeBcd) => decimal(octets, true, exponent, modifiers),
        (_, Kind::Text) => text(octets, reads),
        (Reads::Count | Reads::Name, Kind::Integer) => match word(octets) {
            Some(word) => scaled(Decimal::new(word.into(), 0), exponent, modifiers),
            None => (Value::Octets(octets), Quality::Good),
        },
        (Reads::Name, Kind::Bcd) => (Value::Text(Text::digits(octets)), Quality::Good),
        (Reads::Bits, Kind::Integer) => bits(octets),
        (Reads::Bits, Kind::Bcd) => match bcd::read(octets) {
            Some(Bcd::Number(number)) => match u64::try_from(number) {
                Ok(number) => (Value::Flags(number), Quality::Good),
                Err(_) => (Value::Octets(octets), Quality::Malformed),
            },
            _ => (Value::Octets(octets), Quality::Invalid),
        },
        (Reads::Time, Kind::Integer) => mbus_time::read(octets),
        (Reads::Time | Reads::Octets, Kind::Bcd) | (Reads::Octets, Kind::Integer) => {
            (Value::Octets(octets), Quality::Good)
        }
    }
}

/// A real number of type H, by its shortest decimal.
fn real<'a>(octets: &'a [u8], exponent: i8, modifiers: &Modifiers) -> (Value<'a>, Quality) {
    let float = octets.try_into().ok().map(f32::from_le_bytes);
    match float.and_then(Decimal::from_f32_shortest) {
        Some(number) => scaled(number, exponent, modifiers),
        None => (Value::Absent, Quality::Invalid),
    }
}

/// An integer of type B, or C where it has no sign: EN 13757-3, annex A.
fn number<'a>(octets: &'a [u8], exponent: i8, modifiers: &Modifiers) -> (Value<'a>, Quality) {
    if octets.is_empty() {
        return (Value::Absent, Quality::NotAvailable);
    }
    let Some(word) = word(octets) else { return wide(octets, exponent, modifiers) };
    let digits = if modifiers.unsigned {
        if octets.iter().all(|octet| *octet == 0xff) {
            return (Value::Absent, Quality::Invalid);
        }
        i128::from(word)
    } else {
        let Some(digits) = signed(octets) else { return (Value::Absent, Quality::Invalid) };
        i128::from(digits)
    };
    scaled(Decimal::new(digits, 0), exponent, modifiers)
}

/// Up to eight octets as a whole number without a sign.
#[inline(always)]
fn word(octets: &[u8]) -> Option<u64> {
    Some(match *octets {
        [a] => a.into(),
        [a, b] => u16::from_le_bytes([a, b]).into(),
        [a, b, c] => u32::from_le_bytes([a, b, c, 0]).into(),
        [a, b, c, d] => u32::from_le_bytes([a, b, c, d]).into(),
        _ => {
            let mut word = [0; 8];
            word.get_mut(..octets.len())?.copy_from_slice(octets);
            u64::from_le_bytes(word)
        }
    })
}

/// An integer of more than 64 bits: as exact as a decimal can hold it.
fn wide<'a>(octets: &'a [u8], exponent: i8, modifiers: &Modifiers) -> (Value<'a>, Quality) {
    let (low, high) = octets.split_at(octets.len().min(16));
    let mut word = [0; 16];
    if let Some(place) = word.get_mut(..low.len()) {
        place.copy_from_slice(low);
    }
    let unused = 128 - 8 * low.len() as u32;
    let digits = (u128::from_le_bytes(word) << unused) as i128 >> unused;
    let fill = if digits < 0 { 0xff } else { 0 };
    if high.iter().any(|octet| *octet != fill) || (modifiers.unsigned && digits < 0) {
        return (Value::Octets(octets), Quality::Overflow);
    }
    scaled(Decimal::new(digits, 0), exponent, modifiers)
}

/// Binary coded decimals of type A.
fn decimal<'a>(octets: &'a [u8], negative: bool, exponent: i8, modifiers: &Modifiers) -> (Value<'a>, Quality) {
    match bcd::read(octets) {
        Some(Bcd::Number(digits)) => {
            scaled(Decimal::new(if negative { -digits } else { digits }, 0), exponent, modifiers)
        }
        Some(Bcd::ErrorDigit) => (Value::Absent, Quality::Invalid),
        None => (Value::Octets(octets), Quality::Overflow),
    }
}

fn scaled<'a>(number: Decimal, exponent: i8, modifiers: &Modifiers) -> (Value<'a>, Quality) {
    let scaled = if modifiers.thousandths == 0 {
        number.scale10(exponent)
    } else {
        number.scale10(exponent).and_then(|number| number.plus(Decimal::new(modifiers.thousandths.into(), -3)))
    };
    match scaled {
        Some(number) => (Value::Number(number), Quality::Good),
        None => (Value::Absent, Quality::Overflow),
    }
}

/// Text of a variable length, where it is one: many makers put binary data there.
fn text(octets: &[u8], reads: Reads) -> (Value<'_>, Quality) {
    let text = Text::latin1_reversed(octets);
    if reads == Reads::Octets || text.chars().any(char::is_control) {
        (Value::Octets(octets), Quality::Good)
    } else {
        (Value::Text(text), Quality::Good)
    }
}

fn bits(octets: &[u8]) -> (Value<'_>, Quality) {
    match word(octets) {
        Some(bits) => (Value::Flags(bits), Quality::Good),
        None => (Value::Octets(octets), Quality::Good),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dif::Dif;
    use esh_core::Layer;
    use std::format;
    use std::string::String;

    /// Reads a value behind its DIF and prints it.
    fn print(octets: &[u8], reads: Reads, modifiers: Modifiers) -> String {
        let mut input = Input::new(octets, 0, Layer::Application);
        let dif = Dif::read(&mut input).unwrap();
        let raw = take(&mut input, dif.coding).unwrap();
        input.end("value").unwrap();
        match read(raw, reads, -1, &modifiers) {
            (Value::Number(number), Quality::Good) => format!("{number}"),
            (Value::Text(text), Quality::Good) => format!("{text:?}"),
            (Value::Flags(bits), Quality::Good) => format!("{bits:#x}"),
            (Value::Octets(octets), Quality::Good) => format!("{octets:02x?}"),
            (_, quality) => quality.word().into(),
        }
    }

    #[test]
    fn numbers_of_every_coding_are_exact() {
        for (octets, text) in [
            (&[0x00u8][..], "not_available"),
            (&[0x01, 0xff], "-0.1"),
            (&[0x01, 0x80], "invalid"),
            (&[0x02, 0x0d, 0x01], "26.9"),
            (&[0x03, 0xff, 0xff, 0x7f], "838860.7"),
            (&[0x03, 0xfe, 0xff, 0xff], "-0.2"),
            (&[0x04, 0x00, 0x00, 0x00, 0x80], "invalid"),
            (&[0x04, 0x01, 0x00, 0x00, 0x80], "-214748364.7"),
            (&[0x06, 0, 0, 0, 0, 0, 1], "109951162777.6"),
            (&[0x07, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], "922337203685477580.7"),
            (&[0x05, 0x00, 0x00, 0xc0, 0x3f], "0.15"),
            (&[0x05, 0x00, 0x00, 0xc0, 0x7f], "invalid"),
            (&[0x08], "not_available"),
            (&[0x09, 0x42], "4.2"),
            (&[0x0a, 0x34, 0xf1], "-13.4"),
            (&[0x0b, 0xee, 0xee, 0xee], "invalid"),
            (&[0x0c, 0x27, 0x04, 0x85, 0x02], "285042.7"),
            (&[0x0e, 0x99, 0x99, 0x99, 0x99, 0x99, 0x99], "99999999999.9"),
            (&[0x0d, 0xc2, 0x34, 0x12], "123.4"),
            (&[0x0d, 0xd2, 0x34, 0x12], "-123.4"),
            (&[0x0d, 0xe2, 0x34, 0x12], "466.0"),
            (&[0x0d, 0xe0], "not_available"),
            (&[0x0d, 0xe9, 0, 0, 0, 0, 0, 0, 0, 0, 1], "1844674407370955161.6"),
            (&[0x0d, 0x03, b'c', b'b', b'a'], "\"abc\""),
            (&[0x0d, 0x02, 0x01, 0x02], "[01, 02]"),
        ] {
            assert_eq!(print(octets, Reads::Number, Modifiers::NONE), text, "{octets:02x?}");
        }
    }

    #[test]
    fn names_bits_and_secrets_are_no_numbers() {
        for (octets, reads, text) in [
            (&[0x0cu8, 0x78, 0x56, 0x34, 0x02][..], Reads::Name, "\"02345678\""),
            (&[0x04, 0xff, 0xff, 0xff, 0xfe], Reads::Name, "427819007.9"),
            (&[0x01, 0x80], Reads::Count, "12.8"),
            (&[0x02, 0xff, 0xff], Reads::Bits, "0xffff"),
            (&[0x09, 0x10], Reads::Bits, "0xa"),
            (&[0x04, 1, 2, 3, 4], Reads::Secret, "withheld"),
            (&[0x02, 1, 2], Reads::Octets, "[01, 02]"),
        ] {
            assert_eq!(print(octets, reads, Modifiers::NONE), text, "{octets:02x?}");
        }
        let unsigned = Modifiers { unsigned: true, ..Modifiers::NONE };
        assert_eq!(print(&[0x01, 0xfe], Reads::Number, unsigned), "25.4");
        let constant = Modifiers { thousandths: 10, ..Modifiers::NONE };
        assert_eq!(print(&[0x01, 0x05], Reads::Number, constant), "0.510");
        let failed = Modifiers { quality: Quality::Underflow, ..Modifiers::NONE };
        assert_eq!(print(&[0x01, 0x05], Reads::Number, failed), "underflow");
    }

    #[test]
    fn a_length_that_is_reserved_or_past_the_end_is_an_error() {
        let take = |octets| take(&mut Input::new(octets, 0, Layer::Application), Coding::VARIABLE);
        assert_eq!(take(&[0xf7]).unwrap_err().reason, Reason::Reserved(0xf7));
        assert_eq!(take(&[0x05, 1, 2]).unwrap_err().reason, Reason::Truncated { needed: 5, left: 2 });
    }
}
