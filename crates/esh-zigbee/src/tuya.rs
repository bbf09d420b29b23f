//! Tuya's cluster 0xEF00: data points whose meaning only the model knows.

use esh_core::{
    Decimal, DecodeError, Input, Origin, Out, Quality, Quantity, Reading, Reason, Register, Text, Unit, Value,
};

/// Commands that carry data points: report, response, and their newer forms.
const WITH_DATA_POINTS: [u8; 4] = [0x01, 0x02, 0x05, 0x06];

/// What a data point holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Octets of the maker's own.
    Raw,
    /// Yes or no.
    Bool,
    /// A signed number of four octets.
    Value,
    /// Text.
    Text,
    /// A code.
    Enumeration,
    /// Bits.
    Bitmap,
}

/// A data point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataPoint<'a> {
    /// Its number.
    pub id: u8,
    /// What it holds.
    pub kind: Kind,
    /// Its octets, most significant first.
    pub data: &'a [u8],
    /// The octets of the whole data point.
    pub octets: &'a [u8],
    /// The octet of the frame where it begins.
    pub offset: usize,
}

impl<'a> DataPoint<'a> {
    /// Reads the next data point.
    ///
    /// # Errors
    /// When it is cut off, or of a kind that is not known.
    pub fn read(input: &mut Input<'a>) -> Result<Self, DecodeError> {
        let start = *input;
        let id = input.u8("data point")?;
        let here = *input;
        let kind = match input.u8("type of a data point")? {
            0 => Kind::Raw,
            1 => Kind::Bool,
            2 => Kind::Value,
            3 => Kind::Text,
            4 => Kind::Enumeration,
            5 => Kind::Bitmap,
            other => return Err(here.error("type of a data point", Reason::Reserved(other.into()))),
        };
        let length = input.u16_be("length of a data point")?;
        let data = input.take("data of a data point", length.into())?;
        let octets = start.rest().get(..start.len() - input.len()).unwrap_or_default();
        Ok(Self { id, kind, data, octets, offset: start.offset() })
    }

    /// What it holds, as a value.
    #[must_use]
    pub fn value(&self) -> Value<'a> {
        let unsigned = || self.data.iter().fold(0, |number, octet| number << 8 | u64::from(*octet));
        match (self.kind, self.data) {
            (Kind::Value, [a, b, c, d]) => {
                Value::Number(Decimal::from(i64::from(i32::from_be_bytes([*a, *b, *c, *d]))))
            }
            (Kind::Bool, [0]) => Value::Flags(0),
            (Kind::Bool, [1]) => Value::Flags(1),
            (Kind::Text, text) => {
                Value::Text(core::str::from_utf8(text).map_or_else(|_| Text::latin1(text), Text::utf8))
            }
            (Kind::Enumeration | Kind::Bitmap, data) if !data.is_empty() && data.len() <= 8 => Value::Flags(unsigned()),
            (_, data) => Value::Octets(data),
        }
    }
}

/// The data points of a command behind the header of its frame.
///
/// # Errors
/// Where the payload of the command is too short to have any; a data point that contradicts itself is told as it is.
pub(crate) fn read<'p>(command: u8, mut input: Input<'p>, out: &mut dyn Out<'p>) -> Result<(), DecodeError> {
    if !WITH_DATA_POINTS.contains(&command) {
        return Ok(());
    }
    input.u16_be("sequence number of data points")?;
    while !input.is_empty() {
        let before = input;
        match DataPoint::read(&mut input) {
            Ok(point) => {
                let origin = Origin { octets: point.octets, header: &[], offset: point.offset };
                let mut reading = Reading::new(Quantity::Unknown, point.value(), Unit::None, origin);
                // Which data point it is stands in its register until a profile knows better.
                reading.register = Register { subunit: point.id.into(), ..Register::default() };
                out.reading(reading);
            }
            Err(_) => {
                let origin = Origin { octets: before.rest(), header: &[], offset: before.offset() };
                let mut reading = Reading::new(Quantity::Unknown, Value::Octets(before.rest()), Unit::None, origin);
                reading.quality = Quality::Malformed;
                out.reading(reading);
                return Ok(());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{format, string::String, vec::Vec};

    #[derive(Default)]
    struct Told(Vec<String>);

    impl<'a> Out<'a> for Told {
        fn reading(&mut self, reading: Reading<'a>) {
            self.0.push(format!("{} {:?} {}", reading.register.subunit, reading.value, reading.quality.word()));
        }
    }

    fn told(octets: &[u8]) -> Vec<String> {
        let mut told = Told::default();
        read(2, Input::new(octets, 3, esh_core::Layer::Application), &mut told).unwrap();
        told.0
    }

    #[test]
    fn data_points_of_every_kind() {
        let octets = [
            &[0, 7, 1, 2, 0, 4, 0xff, 0xff, 0xff, 0xfe][..],
            &[2, 1, 0, 1, 1, 3, 4, 0, 1, 3, 4, 5, 0, 2, 1, 0],
            &[5, 3, 0, 2, b'o', b'k', 6, 0, 0, 3, 1, 2, 3],
        ]
        .concat();
        assert_eq!(
            told(&octets),
            [
                "1 Number(-2) good",
                "2 Flags(1) good",
                "3 Flags(3) good",
                "4 Flags(256) good",
                "5 Text(\"ok\") good",
                "6 Octets([1, 2, 3]) good",
            ]
        );
    }

    #[test]
    fn a_data_point_that_is_cut_off_is_told_as_it_is() {
        assert_eq!(
            told(&[0, 7, 1, 1, 0, 1, 1, 9, 2, 0, 4, 1]),
            ["1 Flags(1) good", "0 Octets([9, 2, 0, 4, 1]) malformed"]
        );
    }
}
