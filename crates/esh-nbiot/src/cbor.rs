//! CBOR, RFC 8949: the items of a payload, one after the other.

use esh_core::{Decimal, DecodeError, Input, Reason};

/// The head of an item, with its content where it has one of its own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Item<'a> {
    /// A whole number.
    Integer(i128),
    /// Octets.
    Octets(&'a [u8]),
    /// Text.
    Text(&'a str),
    /// So many items follow.
    Array(u64),
    /// So many pairs of items follow.
    Map(u64),
    /// What the item behind it means.
    Tag(u64),
    /// Yes or no.
    Flag(bool),
    /// Nothing: null or undefined.
    Nothing,
    /// A float; `None` when it is no number.
    Float(Option<Decimal>),
}

/// How deep items may stand in each other.
const DEPTH: u32 = 16;

/// The next item. Items of an indefinite length are refused: no format here needs them, and constrained peers do not
/// send them.
pub(crate) fn item<'a>(input: &mut Input<'a>) -> Result<Item<'a>, DecodeError> {
    let here = *input;
    let head = input.u8("CBOR item")?;
    let (major, minor) = (head >> 5, head & 0x1f);
    if major == 7 {
        return simple(minor, input, here);
    }
    let argument = match minor {
        small @ 0..=23 => small.into(),
        24 => input.u8("CBOR argument")?.into(),
        25 => input.u16_be("CBOR argument")?.into(),
        26 => input.u32_be("CBOR argument")?.into(),
        27 => u64::from_be_bytes(*input.array("CBOR argument")?),
        31 => return Err(here.error("CBOR indefinite length", Reason::Unsupported)),
        reserved => return Err(here.error("CBOR argument", Reason::Reserved(reserved.into()))),
    };
    Ok(match major {
        0 => Item::Integer(argument.into()),
        1 => Item::Integer(-1 - i128::from(argument)),
        2 => Item::Octets(input.take("CBOR octets", usize::try_from(argument).unwrap_or(usize::MAX))?),
        3 => {
            let octets = input.take("CBOR text", usize::try_from(argument).unwrap_or(usize::MAX))?;
            Item::Text(core::str::from_utf8(octets).map_err(|_| here.error("CBOR text", Reason::Malformed))?)
        }
        4 => Item::Array(argument),
        5 => Item::Map(argument),
        _ => Item::Tag(argument),
    })
}

fn simple<'a>(minor: u8, input: &mut Input<'a>, here: Input<'a>) -> Result<Item<'a>, DecodeError> {
    Ok(match minor {
        20 => Item::Flag(false),
        21 => Item::Flag(true),
        22 | 23 => Item::Nothing,
        25 => Item::Float(Decimal::from_f16_shortest(input.u16_be("CBOR float")?)),
        26 => Item::Float(Decimal::from_f32_shortest(f32::from_be_bytes(*input.array("CBOR float")?))),
        27 => Item::Float(Decimal::from_f64_shortest(f64::from_be_bytes(*input.array("CBOR float")?))),
        other => return Err(here.error("CBOR simple value", Reason::Reserved(other.into()))),
    })
}

/// A number: an integer, a float, a bignum of up to 15 octets or a decimal fraction (RFC 8949, clauses 3.4.3, 3.4.4).
pub(crate) fn number(input: &mut Input<'_>, field: &'static str) -> Result<Decimal, DecodeError> {
    let here = *input;
    let malformed = here.error(field, Reason::Malformed);
    match item(input)? {
        Item::Integer(number) => Ok(Decimal::new(number, 0)),
        Item::Float(number) => number.ok_or(malformed),
        Item::Tag(tag @ (2 | 3)) => match item(input)? {
            Item::Octets(octets) if octets.len() < 16 => {
                let number = octets.iter().fold(0, |number, octet| number << 8 | i128::from(*octet));
                Ok(Decimal::new(if tag == 2 { number } else { -1 - number }, 0))
            }
            Item::Octets(_) => Err(here.error(field, Reason::Overflow)),
            _ => Err(malformed),
        },
        Item::Tag(4) => match (item(input)?, item(input)?) {
            (Item::Array(2), Item::Integer(exponent)) => {
                let exponent = i8::try_from(exponent).map_err(|_| here.error(field, Reason::Overflow))?;
                match item(input)? {
                    Item::Integer(digits) => Ok(Decimal::new(digits, exponent)),
                    _ => Err(malformed),
                }
            }
            _ => Err(malformed),
        },
        _ => Err(malformed),
    }
}

/// Passes over one item and all that it holds.
pub(crate) fn skip(input: &mut Input<'_>) -> Result<(), DecodeError> {
    skip_within(input, 0)
}

fn skip_within(input: &mut Input<'_>, depth: u32) -> Result<(), DecodeError> {
    let here = *input;
    if depth > DEPTH {
        return Err(here.error("CBOR nesting", Reason::TooLong { limit: DEPTH as usize, found: depth as usize }));
    }
    let inside = match item(input)? {
        Item::Array(count) => count,
        Item::Map(pairs) => pairs.saturating_mul(2),
        Item::Tag(_) => 1,
        _ => 0,
    };
    // Each item takes an octet at least, so the count cannot lie for long.
    (0..inside).try_for_each(|_| skip_within(input, depth + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use esh_core::Layer;
    use std::string::ToString;

    fn input(octets: &[u8]) -> Input<'_> {
        Input::new(octets, 0, Layer::Application)
    }

    #[test]
    fn numbers_are_exact() {
        // RFC 8949, appendix A.
        for (octets, text) in [
            (&[0x00][..], "0"),
            (&[0x18, 0x64], "100"),
            (&[0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "18446744073709551615"),
            (&[0x3b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "-18446744073709551616"),
            (&[0x20], "-1"),
            (&[0xf9, 0x3e, 0x00], "1.5"),
            (&[0xf9, 0xc4, 0x00], "-4"),
            (&[0xfa, 0x47, 0xc3, 0x50, 0x00], "100000"),
            (&[0xfb, 0x3f, 0xf1, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a], "1.1"),
            (&[0xc4, 0x82, 0x21, 0x19, 0x6a, 0xb3], "273.15"),
            (&[0xc2, 0x49, 0x01, 0, 0, 0, 0, 0, 0, 0, 0], "18446744073709551616"),
        ] {
            assert_eq!(number(&mut input(octets), "v").unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_item_is_refused() {
        for (octets, told) in [
            (&[][..], "needs 1 octet, 0 left"),
            (&[0x19, 0x01], "needs 2 octets, 1 left"),
            (&[0x44, 1, 2], "needs 4 octets, 2 left"),
            (&[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "left"),
            (&[0x9f, 0xff], "defined, but not decoded here"),
            (&[0x1c], "code 1c is reserved"),
            (&[0x61, 0xff], "not a valid value"),
        ] {
            let error = item(&mut input(octets)).unwrap_err().to_string();
            assert!(error.ends_with(told), "{error}");
        }
        assert!(skip(&mut input(&[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0])).is_err());
        assert!(skip(&mut input(&[0x81; 40])).is_err(), "no deeper than {DEPTH}");
    }
}
