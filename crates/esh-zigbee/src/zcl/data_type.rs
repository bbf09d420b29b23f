//! The data types of ZCL, Zigbee Cluster Library 07-5123, clause 2.6.2, table 2-10.

use esh_core::{Decimal, DecodeError, Input, Reason};

/// A data type, by its identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DataType(pub u8);

/// How many octets a value takes, and how they are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Nothing,
    Data(u8),
    Bool,
    Bitmap(u8),
    Unsigned(u8),
    Signed(u8),
    Enumeration(u8),
    Half,
    Single,
    Double,
    Octets(u8),
    Text(u8),
    Collection,
    Structure,
    TimeOfDay,
    Date,
    UtcTime,
    Identifier(u8),
    Address,
    Key,
}

impl Kind {
    /// How many octets every value has; `None` where the value itself tells.
    pub(super) fn octets(self) -> Option<usize> {
        Some(match self {
            Self::Nothing => 0,
            Self::Bool => 1,
            Self::Data(len)
            | Self::Bitmap(len)
            | Self::Unsigned(len)
            | Self::Signed(len)
            | Self::Enumeration(len)
            | Self::Identifier(len) => len.into(),
            Self::Half => 2,
            Self::Single | Self::TimeOfDay | Self::Date | Self::UtcTime => 4,
            Self::Double | Self::Address => 8,
            Self::Key => 16,
            Self::Octets(_) | Self::Text(_) | Self::Collection | Self::Structure => return None,
        })
    }
}

/// Identifier, name, what it is.
const TYPES: &[(u8, &str, Kind)] = &[
    (0x00, "no data", Kind::Nothing),
    (0x08, "data8", Kind::Data(1)),
    (0x09, "data16", Kind::Data(2)),
    (0x0a, "data24", Kind::Data(3)),
    (0x0b, "data32", Kind::Data(4)),
    (0x0c, "data40", Kind::Data(5)),
    (0x0d, "data48", Kind::Data(6)),
    (0x0e, "data56", Kind::Data(7)),
    (0x0f, "data64", Kind::Data(8)),
    (0x10, "bool", Kind::Bool),
    (0x18, "map8", Kind::Bitmap(1)),
    (0x19, "map16", Kind::Bitmap(2)),
    (0x1a, "map24", Kind::Bitmap(3)),
    (0x1b, "map32", Kind::Bitmap(4)),
    (0x1c, "map40", Kind::Bitmap(5)),
    (0x1d, "map48", Kind::Bitmap(6)),
    (0x1e, "map56", Kind::Bitmap(7)),
    (0x1f, "map64", Kind::Bitmap(8)),
    (0x20, "uint8", Kind::Unsigned(1)),
    (0x21, "uint16", Kind::Unsigned(2)),
    (0x22, "uint24", Kind::Unsigned(3)),
    (0x23, "uint32", Kind::Unsigned(4)),
    (0x24, "uint40", Kind::Unsigned(5)),
    (0x25, "uint48", Kind::Unsigned(6)),
    (0x26, "uint56", Kind::Unsigned(7)),
    (0x27, "uint64", Kind::Unsigned(8)),
    (0x28, "int8", Kind::Signed(1)),
    (0x29, "int16", Kind::Signed(2)),
    (0x2a, "int24", Kind::Signed(3)),
    (0x2b, "int32", Kind::Signed(4)),
    (0x2c, "int40", Kind::Signed(5)),
    (0x2d, "int48", Kind::Signed(6)),
    (0x2e, "int56", Kind::Signed(7)),
    (0x2f, "int64", Kind::Signed(8)),
    (0x30, "enum8", Kind::Enumeration(1)),
    (0x31, "enum16", Kind::Enumeration(2)),
    (0x38, "semi", Kind::Half),
    (0x39, "single", Kind::Single),
    (0x3a, "double", Kind::Double),
    (0x41, "octstr", Kind::Octets(1)),
    (0x42, "string", Kind::Text(1)),
    (0x43, "octstr16", Kind::Octets(2)),
    (0x44, "string16", Kind::Text(2)),
    (0x48, "array", Kind::Collection),
    (0x4c, "struct", Kind::Structure),
    (0x50, "set", Kind::Collection),
    (0x51, "bag", Kind::Collection),
    (0xe0, "ToD", Kind::TimeOfDay),
    (0xe1, "date", Kind::Date),
    (0xe2, "UTC", Kind::UtcTime),
    (0xe8, "clusterId", Kind::Identifier(2)),
    (0xe9, "attribId", Kind::Identifier(2)),
    (0xea, "bacOID", Kind::Identifier(4)),
    (0xf0, "EUI64", Kind::Address),
    (0xf1, "key128", Kind::Key),
];

/// The table again, by identifier: every value asks it.
#[allow(clippy::indexing_slicing, reason = "computed when this is compiled")]
static KINDS: [Option<Kind>; 256] = {
    let mut kinds = [None; 256];
    let mut at = 0;
    while at < TYPES.len() {
        kinds[TYPES[at].0 as usize] = Some(TYPES[at].2);
        at += 1;
    }
    kinds
};

/// A value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// The code by which its type says that there is none.
    NoValue,
    /// A type without a value.
    Nothing,
    /// A number that is counted with: unsigned, signed or a float.
    Number(Decimal),
    /// Yes or no.
    Flag(bool),
    /// Bits.
    Bits(u64),
    /// A code of a list, or a cluster, an attribute, an object.
    Code(u32),
    /// Octets whose meaning the type leaves open, as sent.
    Octets(&'a [u8]),
    /// Text that is UTF-8.
    Text(&'a str),
    /// Text that is not UTF-8, as sent.
    WrongText(&'a [u8]),
    /// Hours, minutes, seconds, hundredths; 255 for one that is left open.
    TimeOfDay([u8; 4]),
    /// Years since 1900, month, day, day of the week; 255 for one that is left open.
    Date([u8; 4]),
    /// Seconds since 2000.
    Utc(u32),
    /// An extended address, least significant octet first.
    Address(&'a [u8; 8]),
    /// A security key, which is not shown.
    Key,
    /// The elements of an array, a set or a bag.
    Collection(Elements<'a>),
    /// The elements of a structure.
    Structure(Elements<'a>),
}

/// Collections in collections; ZCL allows 15.
const DEPTH: u8 = 15;

impl DataType {
    /// Every type there is.
    pub fn all() -> impl Iterator<Item = Self> {
        TYPES.iter().map(|(id, ..)| Self(*id))
    }

    #[inline]
    #[allow(clippy::indexing_slicing, reason = "an octet has 256 values")]
    pub(super) const fn kind(self) -> Option<Kind> {
        KINDS[self.0 as usize]
    }

    /// Its name; empty for one that is not defined.
    #[must_use]
    pub fn name(self) -> &'static str {
        TYPES.iter().find(|(id, ..)| *id == self.0).map_or("", |(_, name, _)| name)
    }

    /// Whether a change of its values can be measured, so that a report can be asked for after one: numbers and times.
    #[must_use]
    pub fn is_analog(self) -> bool {
        matches!(
            self.kind(),
            Some(
                Kind::Unsigned(_)
                    | Kind::Signed(_)
                    | Kind::Half
                    | Kind::Single
                    | Kind::Double
                    | Kind::TimeOfDay
                    | Kind::Date
                    | Kind::UtcTime
            )
        )
    }

    /// The next value of this type.
    ///
    /// # Errors
    /// When its octets are not all there, the type is not defined, or collections nest too deep.
    #[inline]
    pub fn read<'a>(self, input: &mut Input<'a>) -> Result<Value<'a>, DecodeError> {
        // Nearly everything that a meter reports is a whole number.
        match self.kind() {
            Some(Kind::Unsigned(len)) => unsigned(len, input),
            Some(Kind::Signed(len)) => signed(len, input),
            _ => self.read_within(input, 0),
        }
    }

    /// The octets of the next value of this type.
    ///
    /// # Errors
    /// Those of [`Self::read`].
    #[inline]
    pub(super) fn take<'a>(self, input: &mut Input<'a>) -> Result<&'a [u8], DecodeError> {
        if let Some(Kind::Unsigned(len) | Kind::Signed(len)) = self.kind() {
            return input.take(FIELD, len.into());
        }
        let start = *input;
        self.read_within(input, 0)?;
        Ok(start.rest().get(..start.len() - input.len()).unwrap_or_default())
    }

    /// What octets mean that [`Self::take`] has taken.
    #[inline]
    pub(super) fn value_of(self, octets: &[u8]) -> Value<'_> {
        match self.kind() {
            Some(Kind::Unsigned(len)) => unsigned_of(little_endian(octets), len),
            Some(Kind::Signed(len)) => signed_of(little_endian(octets), len),
            // They have been read before.
            _ => {
                self.read_within(&mut Input::new(octets, 0, esh_core::Layer::Application), 0).unwrap_or(Value::NoValue)
            }
        }
    }

    #[inline(never)]
    fn read_within<'a>(self, input: &mut Input<'a>, depth: u8) -> Result<Value<'a>, DecodeError> {
        let Some(kind) = self.kind() else {
            return Err(input.error("attribute data type", Reason::Reserved(self.0.into())));
        };
        Ok(match kind {
            Kind::Nothing => Value::Nothing,
            Kind::Data(len) => Value::Octets(input.take(FIELD, len.into())?),
            Kind::Bool => match input.u8(FIELD)? {
                0 => Value::Flag(false),
                0xff => Value::NoValue,
                _ => Value::Flag(true),
            },
            Kind::Bitmap(len) => Value::Bits(little_endian(input.take(FIELD, len.into())?)),
            Kind::Unsigned(len) => unsigned(len, input)?,
            Kind::Signed(len) => signed(len, input)?,
            Kind::Enumeration(len) => {
                let code = little_endian(input.take(FIELD, len.into())?);
                if code == all_ones(len) { Value::NoValue } else { Value::Code(code as u32) }
            }
            Kind::Identifier(len) => {
                let code = little_endian(input.take(FIELD, len.into())?);
                if code == all_ones(len) { Value::NoValue } else { Value::Code(code as u32) }
            }
            Kind::Half => Decimal::from_f16_shortest(input.u16_le(FIELD)?).map_or(Value::NoValue, Value::Number),
            Kind::Single => {
                let float = f32::from_le_bytes(*input.array(FIELD)?);
                Decimal::from_f32_shortest(float).map_or(Value::NoValue, Value::Number)
            }
            Kind::Double => {
                let float = f64::from_le_bytes(*input.array(FIELD)?);
                Decimal::from_f64_shortest(float).map_or(Value::NoValue, Value::Number)
            }
            Kind::Octets(of_length) => match counted(input, of_length)? {
                Some(octets) => Value::Octets(octets),
                None => Value::NoValue,
            },
            Kind::Text(of_length) => match counted(input, of_length)? {
                Some(octets) => core::str::from_utf8(octets).map_or(Value::WrongText(octets), Value::Text),
                None => Value::NoValue,
            },
            Kind::TimeOfDay => match *input.array(FIELD)? {
                [0xff, 0xff, 0xff, 0xff] => Value::NoValue,
                time => Value::TimeOfDay(time),
            },
            Kind::Date => match *input.array(FIELD)? {
                [0xff, 0xff, 0xff, 0xff] => Value::NoValue,
                date => Value::Date(date),
            },
            Kind::UtcTime => match input.u32_le(FIELD)? {
                u32::MAX => Value::NoValue,
                seconds => Value::Utc(seconds),
            },
            Kind::Address => match input.array(FIELD)? {
                [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff] => Value::NoValue,
                address => Value::Address(address),
            },
            Kind::Key => {
                input.take(FIELD, 16)?;
                Value::Key
            }
            Kind::Collection => {
                let element = Self(input.u8("element type")?);
                Elements::read(Some(element), input, depth)?.map_or(Value::NoValue, Value::Collection)
            }
            Kind::Structure => Elements::read(None, input, depth)?.map_or(Value::NoValue, Value::Structure),
        })
    }
}

const FIELD: &str = "attribute value";

#[inline]
fn unsigned<'a>(len: u8, input: &mut Input<'a>) -> Result<Value<'a>, DecodeError> {
    input.take(FIELD, len.into()).map(|octets| unsigned_of(little_endian(octets), len))
}

#[inline]
fn signed<'a>(len: u8, input: &mut Input<'a>) -> Result<Value<'a>, DecodeError> {
    input.take(FIELD, len.into()).map(|octets| signed_of(little_endian(octets), len))
}

#[inline]
fn unsigned_of<'a>(number: u64, len: u8) -> Value<'a> {
    if number == all_ones(len) { Value::NoValue } else { Value::Number(Decimal::from(number)) }
}

#[inline]
fn signed_of<'a>(number: u64, len: u8) -> Value<'a> {
    // The lowest number there is stands for none.
    if number == 1 << (u32::from(len) * 8 - 1) {
        return Value::NoValue;
    }
    let unused = 64 - u32::from(len) * 8;
    Value::Number(Decimal::from(((number << unused) as i64) >> unused))
}

/// Octets behind their count of one or two octets; `None` for the count that says that there are none.
fn counted<'a>(input: &mut Input<'a>, of_length: u8) -> Result<Option<&'a [u8]>, DecodeError> {
    let length = little_endian(input.take("length of a string", of_length.into())?);
    if length == all_ones(of_length) {
        return Ok(None);
    }
    input.take("string", length as usize).map(Some)
}

/// A number of up to eight octets. From four on the first four and the last four of them hold it, overlapping.
#[inline]
fn little_endian(octets: &[u8]) -> u64 {
    match (octets.first_chunk::<4>(), octets.last_chunk::<4>()) {
        (Some(low), Some(high)) if octets.len() <= 8 => {
            let above = 8 * (octets.len() as u32 - 4);
            u64::from(u32::from_le_bytes(*low)) | u64::from(u32::from_le_bytes(*high)) << above
        }
        _ => octets.iter().rev().fold(0, |number, octet| number << 8 | u64::from(*octet)),
    }
}

pub(super) const fn all_ones(len: u8) -> u64 {
    u64::MAX >> (64 - len as u32 * 8)
}

/// The elements of a collection, all of one type, or of a structure, each with its own. They have been checked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Elements<'a> {
    pub(super) of: Option<DataType>,
    pub(super) left: u16,
    pub(super) octets: &'a [u8],
}

impl<'a> Elements<'a> {
    fn read(of: Option<DataType>, input: &mut Input<'a>, depth: u8) -> Result<Option<Self>, DecodeError> {
        if depth >= DEPTH {
            let reason = Reason::TooLong { limit: DEPTH.into(), found: usize::from(depth) + 1 };
            return Err(input.error("collections in collections", reason));
        }
        let count = input.u16_le("number of elements")?;
        if count == u16::MAX {
            return Ok(None);
        }
        let start = *input;
        for _ in 0..count {
            let (type_, before) = (element_type(of, input)?, input.len());
            type_.read_within(input, depth + 1)?;
            // Elements without octets would let a short frame claim 65,534 of them.
            if input.len() == before && of.is_some() {
                return Err(input.error("element without octets", Reason::Malformed));
            }
        }
        let octets = start.rest().get(..start.len() - input.len()).unwrap_or_default();
        Ok(Some(Self { of, left: count, octets }))
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.left as usize
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.left == 0
    }
}

fn element_type(of: Option<DataType>, input: &mut Input<'_>) -> Result<DataType, DecodeError> {
    match of {
        Some(of) => Ok(of),
        None => input.u8("element type").map(DataType),
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = (DataType, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let mut input = Input::new(self.octets, 0, esh_core::Layer::Application);
        let type_ = element_type(self.of, &mut input).ok()?;
        let value = type_.read_within(&mut input, 1).ok()?;
        self.octets = input.rest();
        Some((type_, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use esh_core::Layer;
    use std::{format, string::String, vec::Vec};

    fn read(type_: u8, octets: &[u8]) -> Result<String, DecodeError> {
        let mut input = Input::new(octets, 0, Layer::Application);
        let value = DataType(type_).read(&mut input)?;
        assert!(input.is_empty());
        Ok(match value {
            Value::Collection(elements) | Value::Structure(elements) => {
                format!("{:?}", elements.map(|(_, value)| value).collect::<Vec<_>>())
            }
            value => format!("{value:?}"),
        })
    }

    #[test]
    fn there_are_55_types_in_order() {
        assert_eq!(DataType::all().count(), 55);
        assert!(TYPES.is_sorted_by(|a, b| a.0 < b.0));
    }

    #[test]
    fn every_kind_of_value_is_read() {
        for (type_, octets, told) in [
            (0x00, &[][..], "Nothing"),
            (0x0a, &[1, 2, 3], "Octets([1, 2, 3])"),
            (0x10, &[1], "Flag(true)"),
            (0x1b, &[1, 2, 3, 0x80], "Bits(2147680769)"),
            (0x25, &[0x40, 0xe2, 1, 0, 0, 0], "Number(123456)"),
            (0x2a, &[0x24, 0xfa, 0xff], "Number(-1500)"),
            (0x2e, &[0xff; 7], "Number(-1)"),
            (0x30, &[3], "Code(3)"),
            (0x38, &[0x66, 0x2e], "Number(0.1)"),
            (0x39, &[0, 0, 0xc0, 0x3f], "Number(1.5)"),
            (0x42, b"\x03abc", "Text(\"abc\")"),
            (0x44, b"\x01\0\xff", "WrongText([255])"),
            (0xe2, &[1, 0, 0, 0], "Utc(1)"),
            (0xf1, &[0; 16], "Key"),
            (0x50, &[0x20, 2, 0, 1, 2], "[Number(1), Number(2)]"),
            (0x4c, &[2, 0, 0x10, 0, 0x21, 5, 0], "[Flag(false), Number(5)]"),
        ] {
            assert_eq!(read(type_, octets).unwrap(), told, "{type_:02x}");
        }
    }

    #[test]
    fn a_no_value_code_is_never_a_number() {
        for (type_, octets) in [
            (0x10, &[0xff][..]),
            (0x20, &[0xff]),
            (0x22, &[0xff; 3]),
            (0x25, &[0xff; 6]),
            (0x27, &[0xff; 8]),
            (0x28, &[0x80]),
            (0x2a, &[0, 0, 0x80]),
            (0x2f, &[0, 0, 0, 0, 0, 0, 0, 0x80]),
            (0x30, &[0xff]),
            (0x31, &[0xff; 2]),
            (0x38, &[0, 0x7e]),
            (0x39, &[0, 0, 0xc0, 0x7f]),
            (0x3a, &[0, 0, 0, 0, 0, 0, 0xf8, 0x7f]),
            (0x41, &[0xff]),
            (0x44, &[0xff; 2]),
            (0x48, &[0x20, 0xff, 0xff]),
            (0x4c, &[0xff, 0xff]),
            (0xe0, &[0xff; 4]),
            (0xe1, &[0xff; 4]),
            (0xe2, &[0xff; 4]),
            (0xe8, &[0xff; 2]),
            (0xf0, &[0xff; 8]),
        ] {
            assert_eq!(read(type_, octets).unwrap(), "NoValue", "{type_:02x}");
        }
    }

    #[test]
    fn collections_are_bounded() {
        let mut nested = [0x48u8, 1, 0].repeat(20);
        nested.remove(0);
        assert!(read(0x48, &nested).is_err());
        assert!(read(0x48, &[0x00, 0xfe, 0xff]).is_err(), "65,534 elements without an octet");
        assert!(read(0x48, &[0x20, 2, 0, 1]).is_err());
        assert!(read(0x07, &[]).is_err(), "a type that is not defined");
    }
}
