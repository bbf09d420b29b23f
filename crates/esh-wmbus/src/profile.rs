//! Compact profiles: one record with a run of values, a fixed time apart.

use crate::dif::Coding;
use crate::explain;
use crate::reader::Reader;
use crate::spacing::Spacing;
use crate::value::{self, Kind, Raw};
use crate::vif::{Modifiers, Profile, Reads};
use crate::walk::Header;
use esh_core::{CivilTime, Decimal, Function, Input, Origin, Out, Qualifier, Quality, Quantity, Register, Unit, Value};

/// The octets of a profile behind their length: EN 13757-3, annex F, tables F.6 and F.7.
#[derive(Clone, Copy)]
struct Layout<'p> {
    increments: Increments,
    coding: Coding,
    spacing: Spacing,
    elements: &'p [u8],
    /// Octets of an element.
    width: usize,
}

/// What an element is: bits 6 and 7 of the spacing control.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Increments {
    /// The value itself.
    Absolute,
    /// The younger value less the older one, which is never negative.
    Positive,
    /// The older value less the younger one, which is never negative.
    Negative,
    /// The younger value less the older one.
    Signed,
}

impl<'p> Layout<'p> {
    /// The layout of a profile; `None` where it is reserved, not spaced in time, or does not come out even.
    fn of(octets: &'p [u8]) -> Option<Self> {
        let &[control, value, ref elements @ ..] = octets else { return None };
        let increments = match control >> 6 {
            0 => Increments::Absolute,
            1 => Increments::Positive,
            2 => Increments::Negative,
            _ => Increments::Signed,
        };
        let coding = Coding::of(control);
        match coding.kind() {
            Kind::Integer | Kind::Bcd => {}
            Kind::Real if increments == Increments::Absolute => {}
            _ => return None,
        }
        let spacing = match (value, control >> 4 & 3) {
            (1..=250, unit) => {
                Spacing::of(value.into(), *[Unit::Second, Unit::Minute, Unit::Hour, Unit::Day].get(usize::from(unit))?)?
            }
            (253, 3) => Spacing::HalfMonths,
            (254, 1) => Spacing::Months(6),
            (254, 2) => Spacing::Months(3),
            (254, 3) => Spacing::Months(1),
            // 0 is an array, whose elements have subunits or tariffs of their own.
            _ => return None,
        };
        let width = coding.len().filter(|width| *width > 0 && elements.len().is_multiple_of(*width))?;
        (!elements.is_empty()).then_some(Self { increments, coding, spacing, elements, width })
    }
}

/// Hands over a reading for each value of a profile. The storages go on from that of the record; their times go on or,
/// in an inverse profile, back from the date of its storage. Increments go on from the value of the same register.
///
/// What is no profile after all stays one reading with its octets.
#[inline(never)]
pub(crate) fn read<'p>(
    reader: &Reader<'_>,
    header: &Header<'p>,
    record: &Input<'p>,
    raw: Raw<'p>,
    out: &mut dyn Out<'p>,
) {
    let meaning = &header.vif.meaning;
    let is_run = header.dif.coding.len().is_none() && matches!(meaning.reads, Reads::Number | Reads::Count);
    let layout = Layout::of(raw.octets).filter(|_| is_run);
    let start = layout.and_then(|layout| match layout.increments {
        Increments::Absolute => Some((layout, (Value::Absent, Quality::Good))),
        _ => Some((layout, base_value(reader, header)?)),
    });
    let Some((layout, (base, mut quality))) = start else { return as_octets(reader, header, record, raw, out) };
    let mut running = if let Value::Number(number) = base { Some(number) } else { None };

    let date = base_date(reader, header);
    let direction: i64 = if header.vif.modifiers.profile == Profile::Inverse { 1 } else { -1 };
    let exponent = meaning.exponent.saturating_add(header.vif.modifiers.exponent);
    let modifiers = element_modifiers(layout.increments, &header.vif.modifiers);
    let mut offset = record.offset() + record.len() - layout.elements.len();
    if reader.explain {
        explain::profile(header, record, layout.elements.len(), out);
    }
    let base_storage = header.dif.register.storage;
    for ((octets, storage), step) in layout.elements.chunks(layout.width).zip(base_storage + 1..).zip(1i64..) {
        let raw = Raw { kind: layout.coding.kind(), octets };
        let mut found = value::read(raw, Reads::Number, exponent, &modifiers);
        if layout.increments != Increments::Absolute {
            match (running, found) {
                (Some(from), (Value::Number(by), Quality::Good)) => {
                    running = step_by(from, by, layout.increments, direction);
                    found =
                        running.map_or((Value::Absent, Quality::Invalid), |number| (Value::Number(number), quality));
                }
                // From a value that is none on, the others are not known either.
                (Some(_), (_, none)) => {
                    (running, quality) = (None, none);
                    found = (Value::Absent, quality);
                }
                (None, _) => found = (Value::Absent, if quality == Quality::Good { Quality::Invalid } else { quality }),
            }
        }
        let at = date.and_then(|date| layout.spacing.before(date, direction * step));
        let register = Register { storage, ..header.dif.register };
        let origin = Origin { octets, header: header.octets, offset };
        let reading = reader.reading(header, register, found, at, origin, out);
        if reader.explain {
            explain::element(&reading(), out);
        }
        out.reading(reading());
        offset += octets.len();
    }
}

/// How an element is to be read: increments of one sign have none themselves, and constants are in the value they go
/// on from.
fn element_modifiers(increments: Increments, modifiers: &Modifiers) -> Modifiers {
    match increments {
        Increments::Absolute => *modifiers,
        Increments::Signed => Modifiers { thousandths: 0, unsigned: false, ..*modifiers },
        _ => Modifiers { thousandths: 0, unsigned: true, ..*modifiers },
    }
}

/// The next value: the younger one is the older one and the difference.
fn step_by(from: Decimal, by: Decimal, increments: Increments, direction: i64) -> Option<Decimal> {
    let sign = match increments {
        // A BCD could have one.
        Increments::Positive | Increments::Negative if by.digits() < 0 => return None,
        Increments::Negative => direction,
        _ => -direction,
    };
    from.plus(by.times(sign)?)
}

/// The value of the same register, quantity and function.
fn base_value<'d>(reader: &Reader<'d>, header: &Header<'_>) -> Option<(Value<'d>, Quality)> {
    let wanted = &header.vif.modifiers;
    reader.run.find(|other, raw| {
        let (meaning, modifiers) = (&other.vif.meaning, &other.vif.modifiers);
        let as_profile = Modifiers {
            profile: wanted.profile,
            qualifiers: modifiers.qualifiers.with(Qualifier::CompactProfile),
            ..*modifiers
        };
        let is_base = modifiers.profile == Profile::None
            && as_profile == *wanted
            && *meaning == header.vif.meaning
            && other.vif.text == header.vif.text
            && other.dif.register == header.dif.register
            && other.dif.function == header.dif.function;
        let exponent = meaning.exponent.saturating_add(modifiers.exponent);
        is_base.then(|| value::read(raw, meaning.reads, exponent, modifiers))
    })
}

/// The date of the same storage; for storage 0 that is the time of the meter.
fn base_date(reader: &Reader<'_>, header: &Header<'_>) -> Option<CivilTime> {
    let (register, function) = (header.dif.register, header.dif.function);
    if register.storage > 0 || function != Function::Instantaneous {
        return reader.dates?.of(register, function);
    }
    reader.run.find(|other, raw| {
        let (meaning, modifiers) = (&other.vif.meaning, &other.vif.modifiers);
        let is_now = meaning.quantity == Quantity::TimeDevice
            && modifiers.qualifiers.is_empty()
            && other.dif.register == Register::default()
            && other.dif.function == function;
        match value::read(raw, meaning.reads, 0, modifiers) {
            (Value::Time(time), Quality::Good) if is_now => Some(time),
            _ => None,
        }
    })
}

/// One reading of what cannot be taken apart.
fn as_octets<'p>(reader: &Reader<'_>, header: &Header<'p>, record: &Input<'p>, raw: Raw<'p>, out: &mut dyn Out<'p>) {
    let mut vif = header.vif;
    vif.modifiers.estranged = true;
    vif.modifiers.profile = Profile::None;
    if vif.meaning.reads != Reads::Secret {
        vif.meaning.reads = Reads::Octets;
    }
    reader.single(&Header { dif: header.dif, vif, octets: header.octets }, record, raw, out);
}

#[cfg(test)]
mod tests {
    use crate::Records;
    use esh_core::{Format, NothingKnown, Out, Reading, Value};
    use std::format;
    use std::string::{String, ToString};
    use std::vec::Vec;

    #[derive(Default)]
    struct Lines(Vec<String>);

    impl<'a> Out<'a> for Lines {
        fn reading(&mut self, reading: Reading<'a>) {
            let value = match reading.value {
                Value::Number(number) => number.to_string(),
                Value::Octets(octets) => format!("{octets:02x?}"),
                _ => reading.quality.word().into(),
            };
            let at = reading.at.map_or_else(|| "-".into(), |at| at.to_string());
            self.0.push(format!("{} {at} {value}", reading.register.storage));
        }
    }

    /// The readings behind the first `skip`, which are those of the base.
    fn read(hex: &str, skip: usize) -> Vec<String> {
        let digits: Vec<_> = hex.chars().filter(|digit| *digit != ' ').collect();
        let octets: Vec<u8> =
            digits.chunks(2).map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap()).collect();
        let mut lines = Lines::default();
        Records.read(None, &octets.leak()[..], 0, &NothingKnown, &mut lines).unwrap();
        lines.0.split_off(skip)
    }

    #[test]
    fn the_examples_of_the_standards() {
        // EN 13757-3, F.2.7: hourly increments that go on in time.
        let lines = read("84046D00204111 8B0415003012 8D04951F05 6901 030211", 2);
        let wanted = ["9 2010-01-01T01:00 12300.3", "10 2010-01-01T02:00 12300.5", "11 2010-01-01T03:00 12301.6"];
        assert_eq!(lines, wanted);
        // F.2.8: the same back in time.
        let lines = read("84046D00234111 8B0415163012 8D04951305 6901 110203", 2);
        let wanted = ["9 2010-01-01T02:00 12300.5", "10 2010-01-01T01:00 12300.3", "11 2010-01-01T00:00 12300.0"];
        assert_eq!(lines, wanted);
        // OMS volume 2, annex G, tables G.6 and G.7: months, from a base without a storage number.
        let lines = read("0C1313100000 026C1F15 0D93130A 7AFE 5802 3203 1402 4401", 2);
        let wanted = ["1 2008-04-30 0.755", "2 2008-03-31 0.423", "3 2008-02-29 0.209", "4 2008-01-31 0.065"];
        assert_eq!(lines, wanted);
    }

    #[test]
    fn increments_have_a_sign_a_base_and_an_end() {
        // Negative increments, on in time and back.
        let base = "820413E803 82046C1031";
        assert_eq!(read(&format!("{base} 8D04931F04 B102 0507"), 2), ["9 2024-01-18 0.995", "10 2024-01-20 0.988"]);
        assert_eq!(read(&format!("{base} 8D04931304 B102 0507"), 2), ["9 2024-01-14 1.005", "10 2024-01-12 1.012"]);
        // Signed ones, and half months.
        assert_eq!(read(&format!("{base} 8D04931304 F1FD FB07"), 2), ["9 2024-01-01 1.005", "10 2023-12-16 0.998"]);
        // From the code that says that there is none on, no value is known.
        let lines = read(&format!("{base} 8D04931305 7102 05FF07"), 2);
        assert_eq!(lines, ["9 2024-01-14 0.995", "10 2024-01-12 invalid", "11 2024-01-10 invalid"]);
        assert_eq!(read("820413 0080 8D04931303 7102 05", 1), ["9 - invalid"]);
        // 24 bits with a sign have another such code than 8 without.
        assert_eq!(read("8D04931F08 33FE 000080 FFFFFF", 0), ["9 - invalid", "10 - -0.001"]);
    }

    #[test]
    fn what_does_not_come_out_even_stays_octets() {
        for hex in [
            // No base: another storage, another quantity, another tariff.
            "C20413E803 8D04931303 7102 05",
            "8204 3BE803 8D04931303 7102 05",
            "82141 3E803 8D04931303 7102 05",
            // Three octets in elements of two; none at all; no spacing.
            "820413E803 8D04931F05 3202 050607",
            "820413E803 8D04931F02 3202",
            "820413E803 8D04931F01 32",
            "820413E803 8D04931F00",
            // An array, a spacing and codings that are reserved, reals as increments.
            "820413E803 8D04931F03 3100 05",
            "820413E803 8D04931F03 31FC 05",
            "820413E803 8D04931F03 01FE 05",
            "820413E803 8D04931F03 3002 05",
            "820413E803 8D04931F03 3D02 05",
            "820413E803 8D04931F06 7502 00000000",
            // A profile of no variable length.
            "820413E803 8204931F 3102",
        ] {
            let lines = read(hex, 1);
            assert!(matches!(&lines[..], [line] if line.starts_with("8 - [")), "{hex}: {lines:?}");
        }
    }
}
