//! The plain-text VIF: a meter names its value in letters.

use super::{Extensions, Meaning, Modifiers, Reads, UNKNOWN, Vif};
use crate::dif::{Dif, EXTENSIONS};
use crate::value;
use esh_core::{DecodeError, Input, Quantity, Text, Unit};

/// Reads a VIF 7C or FC: EN 13757-3, 6.4.4.
///
/// The standard lets the text follow the whole block; many meters send it directly after the VIF, before its
/// extensions. The order by which the record fits is the right one.
pub(super) fn read<'a>(code: u8, input: &mut Input<'a>, dif: &Dif) -> Result<Vif<'a>, DecodeError> {
    let mut text_first = *input;
    let directly = text_then_extensions(code, &mut text_first);
    if code & 0x80 == 0 {
        *input = text_first;
        return directly;
    }
    if let Ok(vif) = &directly
        && vif.text.is_some_and(is_readable)
        && value::take(&mut { text_first }, dif.coding).is_ok()
    {
        *input = text_first;
        return directly;
    }
    let mut extensions_first = *input;
    let behind = extensions_then_text(code, &mut extensions_first);
    if let Ok(vif) = &behind
        && vif.text.is_some_and(is_readable)
        && value::take(&mut { extensions_first }, dif.coding).is_ok()
    {
        *input = extensions_first;
        return behind;
    }
    *input = text_first;
    directly
}

fn text_then_extensions<'a>(code: u8, input: &mut Input<'a>) -> Result<Vif<'a>, DecodeError> {
    let text = text(input)?;
    let mut vif = named(text);
    vif.modify(&mut Extensions { left: EXTENSIONS, last: code }, input)?;
    Ok(vif)
}

fn extensions_then_text<'a>(code: u8, input: &mut Input<'a>) -> Result<Vif<'a>, DecodeError> {
    let mut vif = named(Text::utf8(""));
    vif.modify(&mut Extensions { left: EXTENSIONS, last: code }, input)?;
    let text = text(input)?;
    let Meaning { quantity, unit, .. } = named(text).meaning;
    if vif.meaning.reads == Reads::Number && vif.meaning.unit == Unit::None {
        vif.meaning.unit = unit;
    }
    vif.meaning.quantity = quantity;
    vif.text = Some(text);
    Ok(vif)
}

fn text<'a>(input: &mut Input<'a>) -> Result<Text<'a>, DecodeError> {
    let len = input.u8("length of the plain-text VIF")?;
    Ok(Text::latin1_reversed(input.take("plain-text VIF", len.into())?))
}

fn is_readable(text: Text<'_>) -> bool {
    !text.is_empty() && text.chars().all(|character| !character.is_control())
}

/// What a name says where it is but a unit.
fn named(text: Text<'_>) -> Vif<'_> {
    let (quantity, unit) = NAMES
        .iter()
        .find(|(name, ..)| text.chars().eq(name.chars()))
        .map_or((Quantity::Unknown, Unit::None), |(_, quantity, unit)| (*quantity, *unit));
    Vif { meaning: Meaning { quantity, unit, ..UNKNOWN }, modifiers: Modifiers::NONE, text: Some(text) }
}

/// Units that meters write out.
const NAMES: &[(&str, Quantity, Unit)] = &[
    ("%", Quantity::Unknown, Unit::Percent),
    ("%RH", Quantity::Humidity, Unit::Percent),
    ("A", Quantity::Unknown, Unit::Ampere),
    ("Hz", Quantity::Frequency, Unit::Hertz),
    ("V", Quantity::Unknown, Unit::Volt),
    ("W", Quantity::Unknown, Unit::Watt),
    ("bar", Quantity::Pressure, Unit::Bar),
    ("dBm", Quantity::RfRssi, Unit::DecibelMilliwatt),
    ("kW", Quantity::Unknown, Unit::KiloWatt),
    ("kWh", Quantity::Unknown, Unit::KiloWattHour),
    ("kvar", Quantity::Unknown, Unit::KiloVar),
    ("kvarh", Quantity::Unknown, Unit::KiloVarHour),
];

#[cfg(test)]
mod tests {
    use super::*;
    use esh_core::Layer;
    use std::string::{String, ToString};

    fn vif(octets: &[u8]) -> (String, Unit, i8, usize) {
        let mut input = Input::new(octets, 0, Layer::Application);
        let dif = Dif::read(&mut input).unwrap();
        let mut vif = Vif::NONE;
        vif.read(&mut input, &dif).unwrap();
        (vif.text.unwrap().to_string(), vif.meaning.unit, vif.modifiers.exponent, input.len())
    }

    #[test]
    fn the_text_stands_on_either_side_of_the_extensions() {
        for (octets, text, unit, exponent) in [
            (&[0x02u8, 0xfc, 0x03, 0x48, 0x52, 0x25, 0x74, 0x44, 0x0d][..], "%RH", Unit::Percent, -2),
            (&[0x02, 0xfc, 0x74, 0x03, 0x48, 0x52, 0x25, 0x44, 0x0d], "%RH", Unit::Percent, -2),
            (&[0x02, 0x7c, 0x03, 0x48, 0x52, 0x25, 0x44, 0x0d], "%RH", Unit::Percent, 0),
            (&[0x02, 0x7c, 0x01, 0x43, 0x44, 0x0d], "C", Unit::None, 0),
        ] {
            assert_eq!(vif(octets), (text.to_string(), unit, exponent, 2), "{octets:02x?}");
        }
    }

    #[test]
    fn names_are_sorted() {
        assert!(NAMES.is_sorted_by_key(|(name, ..)| name.as_bytes()));
    }
}
