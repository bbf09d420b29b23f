//! Fields of records, in words, for those who look at a telegram octet by octet.

use crate::vif::Vif;
use crate::walk::Header;
use core::fmt::{self, Display};
use esh_core::{Field, FieldValue, Function, Input, Layer, Out, Quality, Reading, Value};

/// The fields of a record: DIF, VIF, value. A header told before has no octets here and no field.
pub(crate) fn record<'p>(header: &Header<'p>, octets: &Input<'p>, reading: &Reading<'p>, out: &mut dyn Out<'p>) {
    let (here, value, offset) = head(header, octets, out);
    if !value.is_empty() {
        field("value", offset, value, &Meaning { reading, header: (!here).then_some(header) }, out);
    }
}

/// The fields of a compact profile before its elements: DIF, VIF, length, spacing.
pub(crate) fn profile(header: &Header<'_>, octets: &Input<'_>, elements: usize, out: &mut dyn Out<'_>) {
    let (_, value, offset) = head(header, octets, out);
    let (front, _) = value.split_at(value.len() - elements.min(value.len()));
    let words = ["", "increments, time unit and coding of the elements", "time between the elements"];
    for ((octet, name), (index, words)) in
        front.chunks(1).zip(["LVAR", "spacing control", "spacing value"]).zip(words.iter().enumerate())
    {
        field(name, offset + index, octet, words, out);
    }
}

/// The field of an element of a compact profile.
pub(crate) fn element(reading: &Reading<'_>, out: &mut dyn Out<'_>) {
    let words = Element(reading);
    field("element", reading.origin.offset, reading.origin.octets, &words, out);
}

/// The fields of a header, where it stands here; then the octets behind it and where they begin.
fn head<'p>(header: &Header<'p>, octets: &Input<'p>, out: &mut dyn Out<'_>) -> (bool, &'p [u8], usize) {
    let rest = octets.rest();
    let offset = octets.offset();
    if rest.as_ptr() != header.octets.as_ptr() {
        return (false, rest, offset);
    }
    // The DIF and its extensions end with the first octet that has no extension bit.
    let dif = header.octets.iter().position(|octet| octet & 0x80 == 0).map_or(0, |last| last + 1);
    let (dif, vif) = header.octets.split_at(dif.min(header.octets.len()));
    block("DIF", "DIFE", dif, offset, &DifWords(header), out);
    block("VIF", "VIFE", vif, offset + dif.len(), &VifWords(&header.vif), out);
    (true, rest.get(header.octets.len()..).unwrap_or_default(), offset + header.octets.len())
}

/// The fields of the manufacturer's data.
pub(crate) fn maker(dif: u8, octets: &Input<'_>, data: &[u8], out: &mut dyn Out<'_>) {
    let words: &dyn Display =
        if dif == 0x1f { &"manufacturer data, more records follow" } else { &"manufacturer data to the end" };
    field("DIF", octets.offset(), &[dif], words, out);
    if !data.is_empty() {
        field("manufacturer data", octets.offset() + 1, data, &"", out);
    }
}

/// The fields in front of compact values.
pub(crate) fn compact(start: &Input<'_>, signature: u16, crc: u16, out: &mut dyn Out<'_>) {
    field("format signature", start.offset(), &signature.to_le_bytes(), &"CRC of the record headers", out);
    field("full frame CRC", start.offset() + 2, &crc.to_le_bytes(), &"CRC of headers and values", out);
}

/// A field for each octet of a block; its meaning stands with the first.
fn block(
    first: &'static str,
    others: &'static str,
    octets: &[u8],
    offset: usize,
    meaning: &dyn Display,
    out: &mut dyn Out<'_>,
) {
    for (index, octet) in octets.chunks(1).enumerate() {
        let (name, meaning) = if index == 0 { (first, meaning) } else { (others, &"" as &dyn Display) };
        field(name, offset + index, octet, meaning, out);
    }
}

fn field(name: &'static str, offset: usize, octets: &[u8], meaning: &dyn Display, out: &mut dyn Out<'_>) {
    let value = FieldValue::Octets(octets);
    out.field(Field { layer: Layer::Application, offset, len: octets.len(), name, key: "", value, meaning });
}

struct DifWords<'a>(&'a Header<'a>);

impl Display for DifWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dif = &self.0.dif;
        let function = match dif.function {
            Function::Instantaneous => "instantaneous",
            Function::Maximum => "maximum",
            Function::Minimum => "minimum",
            Function::Error => "during error",
        };
        write!(f, "{}, {function} value, storage {}", dif.coding.words(), dif.register.storage)?;
        if dif.register.tariff > 0 {
            write!(f, ", tariff {}", dif.register.tariff)?;
        }
        if dif.register.subunit > 0 {
            write!(f, ", subunit {}", dif.register.subunit)?;
        }
        Ok(())
    }
}

struct VifWords<'a>(&'a Vif<'a>);

impl Display for VifWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Vif { meaning, modifiers, text } = self.0;
        match text {
            Some(text) => write!(f, "\"{text}\"")?,
            None => f.write_str(meaning.quantity.name())?,
        }
        let exponent = meaning.exponent.saturating_add(modifiers.exponent);
        match (exponent, meaning.unit.ucum()) {
            // Of what has no unit, such as a date, the exponent is no factor.
            (_, "") => {}
            (0, unit) => write!(f, ", {unit}")?,
            (exponent, unit) => write!(f, ", 10^{exponent} {unit}")?,
        }
        modifiers.qualifiers.iter().try_for_each(|qualifier| write!(f, ", {}", qualifier.word()))
    }
}

struct Element<'a>(&'a Reading<'a>);

impl Display for Element<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "storage {}", self.0.register.storage)?;
        if let Some(at) = self.0.at {
            write!(f, ", {at}")?;
        }
        write!(f, ": {}", Meaning { reading: self.0, header: None })
    }
}

struct Meaning<'a> {
    reading: &'a Reading<'a>,
    /// The header, where no octets of this frame show it.
    header: Option<&'a Header<'a>>,
}

impl Display for Meaning<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { reading, header } = self;
        if let Some(header) = header {
            write!(f, "{}: {}: ", DifWords(header), VifWords(&header.vif))?;
        }
        match reading.value {
            Value::Absent => {}
            Value::Number(number) => write!(f, "{number}")?,
            Value::Flags(bits) => write!(f, "{bits:#x}")?,
            Value::Text(text) => write!(f, "{text:?}")?,
            Value::Time(time) => write!(f, "{time}")?,
            Value::TimeOfDay(hour, minute, second) => write!(f, "{hour:02}:{minute:02}:{second:02}")?,
            Value::Octets(_) => f.write_str("octets")?,
        }
        if !reading.unit.ucum().is_empty() && matches!(reading.value, Value::Number(_)) {
            write!(f, " {}", reading.unit.ucum())?;
        }
        if reading.quality != Quality::Good {
            write!(f, " ({})", reading.quality.word())?;
        }
        Ok(())
    }
}
