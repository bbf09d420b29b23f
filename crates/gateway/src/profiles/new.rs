//! `profile new`: a profile begun from a payload and from what the meter showed, by trying where each number could stand.

use super::body::seconds;
use esh_core::{Decimal, Quantity, Unit};
use std::fmt::Write as _;

/// Something that the payload must hold.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    quantity: Quantity,
    unit: Unit,
    value: Decimal,
    written: String,
}

impl Expected {
    /// `volume=1.408`, or with another unit than that of reports: `volume=1408 L`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not like volume=1.408 or volume=1408 L");
        let (quantity, value) = text.split_once('=').ok_or_else(wrong)?;
        let quantity = quantity.trim();
        let quantity = Quantity::from_name(quantity).ok_or_else(|| format!("`{quantity}` is no quantity"))?;
        let value = value.trim();
        let (number, unit) = value.split_once(' ').unwrap_or((value, ""));
        let unit = match unit.trim() {
            "" => quantity.unit(),
            word => *Unit::ALL.iter().find(|unit| unit.ucum() == word).ok_or_else(|| format!("`{word}` is no unit"))?,
        };
        let value = Decimal::parse(number).ok_or_else(wrong)?;
        let told = unit.convert(value, quantity.unit());
        Ok(Self { quantity, unit: told.unit, value: told.value, written: told.value.text().as_str().to_owned() })
    }
}

/// A place where a number could stand.
#[derive(Clone, Copy, Debug)]
struct Place {
    start: usize,
    octets: usize,
    big: bool,
    signed: bool,
    unit: Unit,
    exponent: i8,
    /// How unusual it is.
    odds: u32,
}

/// The text of a profile in which each expected number has a place.
pub(super) fn begin(port: Option<u8>, payload: &[u8], expected: &[Expected]) -> String {
    let mut text =
        String::from("[meter]\ndescription = \"what model it is\"\nmaker = \"who makes it\"\ndocuments = []\n");
    text.push_str("\n[[message]]\nname = \"what it is called\"\n");
    if let Some(port) = port {
        let _ = writeln!(text, "port = {port}");
    }
    let _ = writeln!(text, "length = {}", payload.len());
    let mut chosen: Vec<(Place, &Expected, Vec<Place>)> = Vec::new();
    let mut missed = Vec::new();
    for expected in expected {
        let mut places = places(payload, expected);
        places.retain(|place| chosen.iter().all(|(other, ..)| !overlap(place, other)));
        places.sort_by_key(|place| (place.odds, place.start));
        match places.split_first() {
            Some((best, others)) => chosen.push((*best, expected, others.to_vec())),
            None => missed.push(expected),
        }
    }
    for expected in missed {
        let _ = writeln!(text, "\n# {} = {} stands nowhere as a number.", expected.quantity.name(), expected.written);
    }
    chosen.sort_by_key(|(place, ..)| place.start);
    let mut next = 0;
    for (place, expected, others) in &chosen {
        unknown(&mut text, next, place.start);
        let _ = write!(text, "\n  [[message.octets]]\n  type = \"{}\"\n", kind(place));
        if place.big && place.octets > 1 {
            text.push_str("  order = \"big\"\n");
        }
        let _ = writeln!(text, "  quantity = \"{}\"", expected.quantity.name());
        if place.unit != expected.quantity.unit() {
            let _ = writeln!(text, "  unit = \"{}\"", place.unit.ucum());
        }
        if place.exponent != 0 {
            let _ = writeln!(text, "  scale = {}", Decimal::new(1, place.exponent).text().as_str());
        }
        for other in others.iter().take(3) {
            let order = if other.big { " big" } else { "" };
            let (start, kind, exponent, unit) = (other.start, kind(other), other.exponent, other.unit.ucum());
            let _ = writeln!(text, "  # or at octet {start}: {kind}{order}, scale 1e{exponent} {unit}");
        }
        next = place.start + place.octets;
    }
    unknown(&mut text, next, payload.len());
    text.push_str("\n[[test]]\n");
    if let Some(port) = port {
        let _ = writeln!(text, "port = {port}");
    }
    let hex: String = payload.iter().map(|octet| format!("{octet:02x}")).collect();
    let _ = writeln!(text, "payload = \"{hex}\"\nreadings = [");
    for (_, expected, _) in &chosen {
        let (quantity, value, unit) = (expected.quantity.name(), &expected.written, expected.unit.ucum());
        let _ = writeln!(text, "    {{ quantity = \"{quantity}\", value = {value}, unit = \"{unit}\" }},");
    }
    text.push_str("]\n");
    text
}

fn kind(place: &Place) -> String {
    format!("{}{}", if place.signed { 'i' } else { 'u' }, place.octets * 8)
}

/// Octets that nobody has explained yet.
fn unknown(text: &mut String, from: usize, to: usize) {
    if from < to {
        let _ = write!(
            text,
            "\n  [[message.octets]]\n  name = \"octets {from} to {}\"\n  type = \"octets\"\n  length = {}\n",
            to - 1,
            to - from
        );
    }
}

const fn overlap(a: &Place, b: &Place) -> bool {
    a.start < b.start + b.octets && b.start < a.start + a.octets
}

/// Every place where a number could stand.
fn places(payload: &[u8], expected: &Expected) -> Vec<Place> {
    let family = Unit::ALL.iter().copied().filter(|unit| {
        *unit == expected.unit
            || (unit.canonical() == expected.unit
                && unit.convert(Decimal::new(1, 0), expected.unit).value.digits() == 1)
            || (seconds(unit.ucum()).is_some() && seconds(expected.unit.ucum()).is_some())
    });
    let mut places = Vec::new();
    for unit in family {
        for exponent in -4i8..=3 {
            for (n, octets) in [4usize, 2, 3, 1, 8, 5, 6].into_iter().enumerate() {
                for start in 0..(payload.len() + 1).saturating_sub(octets) {
                    for (big, signed) in [(false, false), (true, false), (false, true), (true, true)] {
                        let Some(field) = payload.get(start..start + octets) else { continue };
                        let number = number(field, big, signed);
                        // One octet has no order, and a number above zero no sign.
                        if (octets == 1 && big) || (signed && number >= 0) {
                            continue;
                        }
                        let told = unit.convert(Decimal::new(number, exponent), expected.unit);
                        if told.value.same_value(expected.value) {
                            let odds = 2 * n as u32 + 2 * u32::from(exponent.unsigned_abs()) + u32::from(big);
                            let odds = odds + 3 * u32::from(unit != expected.unit);
                            places.push(Place { start, octets, big, signed, unit, exponent, odds });
                        }
                    }
                }
            }
        }
    }
    places
}

fn number(octets: &[u8], big: bool, signed: bool) -> i128 {
    let add = |number: i128, octet: &u8| number << 8 | i128::from(*octet);
    let number = if big { octets.iter().fold(0, add) } else { octets.iter().rev().fold(0, add) };
    let limit = 1i128 << (8 * octets.len());
    if signed && number >= limit / 2 { number - limit } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn numbers_find_their_places_and_the_profile_keeps_its_own_test() {
        let payload = [0x01, 0x34, 0x88, 0x7e, 0x15, 0x00, 0x00, 0x4b, 0xf6, 0xff];
        let expected =
            ["volume=1408.648", "pressure=0.75", "temperature.medium=-1.0"].map(|text| Expected::parse(text).unwrap());
        let text = begin(Some(2), &payload, &expected);
        for line in ["type = \"u32\"", "unit = \"L\"", "type = \"i16\"", "scale = 0.1", "name = \"octets 0 to 1\""] {
            assert!(text.contains(line), "{line} in\n{text}");
        }
        let found = super::super::set::load(Path::new("begun.toml"), &text, None).unwrap();
        let outcome = super::super::test::run(found);
        assert!(outcome.tests == 1 && outcome.failures.is_empty(), "{:?}\n{text}", outcome.failures);
    }

    #[test]
    fn what_stands_nowhere_is_said() {
        let text = begin(None, &[1, 2], &[Expected::parse("volume=7777.777").unwrap()]);
        assert!(text.contains("# volume = 7777.777 stands nowhere"), "{text}");
        for wrong in ["volume", "volum=1", "volume=x", "volume=1 litre"] {
            assert!(Expected::parse(wrong).is_err(), "{wrong}");
        }
    }
}
