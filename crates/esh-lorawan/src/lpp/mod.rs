//! Cayenne Low Power Payload, versions 1 and 2.

mod types;

use esh_core::{
    CivilTime, Decimal, DecodeError, Field, FieldValue, Format, Input, Known, Layer, Meter, Origin, Out, Quality,
    Quantity, Reading, Reason, Register, Text, Unit, Value,
};
use types::{Coding, DataType, FULL_SCALE_POSITION, Part, TYPES};

/// Reads a payload of Cayenne LPP. The channel of a value is the subunit of its reading.
///
/// LPP names no quantity of a meter beyond its own few: a value of a kind that meters do not have is an `unknown` reading
/// with the name that LPP gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CayenneLpp {
    /// Channel, type and value, one after the other: all of version 1, and port 1 of version 2.
    Dynamic,
    /// Type and value: port 2 of version 2. The channels are counted.
    Packed,
    /// Channel and a position at full scale: port 3 of version 2.
    FullScalePosition,
    /// Type, age in seconds and value, of the one channel that is given: ports 100 to 199 of version 2.
    ///
    /// Each value has a storage number of its own, and its age stands under the same number.
    History {
        /// The channel: the port less 100.
        channel: u8,
    },
}

impl CayenneLpp {
    /// What version 2 sends on a port; `None` for one that carries no readings.
    #[must_use]
    pub const fn on_port(port: u8) -> Option<Self> {
        match port {
            1 => Some(Self::Dynamic),
            2 => Some(Self::Packed),
            3 => Some(Self::FullScalePosition),
            100..=199 => Some(Self::History { channel: port - 100 }),
            _ => None,
        }
    }
}

impl Format for CayenneLpp {
    fn read<'p>(
        &self,
        _: Option<&Meter>,
        payload: &'p [u8],
        offset: usize,
        _: &'p dyn Known,
        out: &mut dyn Out<'p>,
    ) -> Result<(), DecodeError> {
        let mut input = Input::new(payload, offset, Layer::Application);
        let mut count = 0u16;
        while !input.is_empty() {
            let start = input;
            let mut register = Register { storage: 0, tariff: 0, subunit: count };
            match *self {
                Self::Dynamic | Self::FullScalePosition => register.subunit = input.u8("channel")?.into(),
                Self::Packed => {}
                Self::History { channel } => {
                    register = Register { storage: count.into(), subunit: channel.into(), ..register };
                }
            }
            let parts = match self {
                Self::FullScalePosition => FULL_SCALE_POSITION,
                _ => data_type(&mut input)?.parts,
            };
            if matches!(self, Self::History { .. }) {
                let head = input;
                let age = input.u16_be("age")?;
                let number = Value::Number(Decimal::new(age.into(), 0));
                hand_over(Quantity::Age, number, Unit::Second, Quality::Good, register, "age", &head, &input, out);
            }
            let len = input.offset() - start.offset();
            note("header", &start, len, out);
            for part in parts {
                value(part, register, &mut input, out)?;
            }
            count = count.saturating_add(1);
        }
        Ok(())
    }
}

fn data_type(input: &mut Input<'_>) -> Result<&'static DataType, DecodeError> {
    let at = *input;
    let number = input.u8("data type")?;
    let found = TYPES.binary_search_by_key(&number, |row| row.number).ok().and_then(|index| TYPES.get(index));
    found.ok_or_else(|| at.error("data type", Reason::UnknownFormat(number.into())))
}

fn value<'p>(part: &Part, register: Register, input: &mut Input<'p>, out: &mut dyn Out<'p>) -> Result<(), DecodeError> {
    let start = *input;
    let (len, signed) = match part.coding {
        Coding::Unsigned(len) => (len, false),
        Coding::Signed(len) => (len, true),
        Coding::UnixTime => (4, false),
    };
    let octets = input.take(part.name, len.into())?;
    let first = octets.first().copied().unwrap_or_default();
    let fill = if signed && first & 0x80 != 0 { -1 } else { 0i64 };
    let count = octets.iter().fold(fill, |count, octet| count << 8 | i64::from(*octet));
    let (value, quality) = match part.coding {
        Coding::UnixTime => match CivilTime::from_unix(count) {
            Some(time) => (Value::Time(time), Quality::Good),
            None => (Value::Absent, Quality::Malformed),
        },
        _ => (Value::Number(Decimal::new((count * part.step).into(), part.exponent)), Quality::Good),
    };
    note(part.name, &start, octets.len(), out);
    hand_over(part.quantity, value, part.unit, quality, register, part.name, &start, input, out);
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "they are the parts of one reading")]
fn hand_over<'p>(
    quantity: Quantity,
    value: Value<'p>,
    unit: Unit,
    quality: Quality,
    register: Register,
    name: &'static str,
    start: &Input<'p>,
    end: &Input<'p>,
    out: &mut dyn Out<'p>,
) {
    let octets = start.rest().get(..end.offset() - start.offset()).unwrap_or_default();
    let origin = Origin { octets, header: &[], offset: start.offset() };
    let label = (quantity == Quantity::Unknown).then(|| Text::utf8(name));
    let reading = Reading { register, quality, label, ..Reading::new(quantity, value, unit, origin) };
    out.reading(reading.in_canonical_unit());
}

fn note(name: &'static str, start: &Input<'_>, len: usize, out: &mut dyn Out<'_>) {
    if out.wants_fields() && len > 0 {
        let octets = start.rest().get(..len).unwrap_or_default();
        let value = FieldValue::Octets(octets);
        let (layer, offset) = (Layer::Application, start.offset());
        out.field(Field { layer, offset, len, name, key: "", value, meaning: &"" });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use esh_core::{Ignore, NothingKnown};
    use std::{
        format,
        string::{String, ToString},
        vec::Vec,
    };

    struct Lines(Vec<String>);

    impl<'a> Out<'a> for Lines {
        fn reading(&mut self, reading: Reading<'a>) {
            let value = match reading.value {
                Value::Number(number) => format!("{number}"),
                Value::Time(time) => format!("{time}"),
                other => format!("{other:?}"),
            };
            let Register { storage, subunit, .. } = reading.register;
            let (name, unit) = (reading.quantity.name(), reading.unit.ucum());
            let label = reading.label.map(|label| format!("{label}")).unwrap_or_default();
            self.0.push(format!("{subunit}/{storage} {name} {value} {unit} ({label})"));
        }
    }

    fn read(format: CayenneLpp, payload: &[u8]) -> (Vec<String>, Option<DecodeError>) {
        let mut lines = Lines(Vec::new());
        let error = format.read(None, payload, 9, &NothingKnown, &mut lines).err();
        (lines.0, error)
    }

    #[test]
    fn values_of_each_kind_read_as_they_were_meant() {
        for (payload, expected) in [
            (&[3, 0x67, 0x01, 0x10][..], &["3/0 temperature.ambient 27.2 Cel ()"][..]),
            (&[5, 0x67, 0xff, 0xd1], &["5/0 temperature.ambient -4.7 Cel ()"]),
            (&[2, 0x68, 0x6c], &["2/0 humidity 54.0 % ()"]),
            (&[1, 0x73, 0x27, 0xbf], &["1/0 pressure 1.0175 bar ()"]),
            (&[1, 0x83, 0x00, 0x79, 0x5b, 0x30], &["1/0 energy 7953.200 kW.h ()"]),
            (&[5, 0x80, 0x0d, 0x7a], &["5/0 power 3.450 kW ()"]),
            (&[3, 0x74, 0x57, 0xb8], &["3/0 unknown 224.56 V (voltage)"]),
            (&[0, 0x02, 0x80, 0x00], &["0/0 unknown -327.68 1 (analog input)"]),
            (&[7, 0x00, 0x01], &["7/0 state.input 1 1 ()"]),
            (&[1, 0x85, 0x67, 0x4f, 0xd3, 0x10], &["1/0 time.device 2024-12-04T03:57:04Z  ()"]),
            (
                &[1, 0x88, 0x06, 0x76, 0x5e, 0xf2, 0x96, 0x0a, 0x00, 0x03, 0xe8],
                &[
                    "1/0 unknown 42.3518 deg (latitude)",
                    "1/0 unknown -87.9094 deg (longitude)",
                    "1/0 unknown 10.00  (altitude in m)",
                ],
            ),
        ] {
            let (lines, error) = read(CayenneLpp::Dynamic, payload);
            assert_eq!((lines, error), (expected.iter().map(|line| String::from(*line)).collect(), None));
        }
    }

    #[test]
    fn version_2_sends_by_port() {
        let on = |port| CayenneLpp::on_port(port).unwrap();
        let (lines, _) = read(on(2), &[0x67, 0x01, 0x10, 0x68, 0x6c]);
        assert_eq!(lines, ["0/0 temperature.ambient 27.2 Cel ()", "1/0 humidity 54.0 % ()"]);
        let (lines, _) = read(on(3), &[1, 0x02, 0x86, 0x3d, 0x30, 0xfa, 0xc2, 0x9b, 0xc8, 0x04, 0x06]);
        assert_eq!(
            lines,
            [
                "1/0 unknown 42.351920 deg (latitude)",
                "1/0 unknown -87.909432 deg (longitude)",
                "1/0 unknown 10.30  (altitude in m)"
            ]
        );
        let (lines, _) = read(on(101), &[0x80, 0x00, 0x3c, 0x00, 0xc8, 0x80, 0, 0, 0, 0xfa]);
        assert_eq!(lines, ["1/0 age 60 s ()", "1/0 power 0.200 kW ()", "1/1 age 0 s ()", "1/1 power 0.250 kW ()"]);
        assert!([0, 4, 10, 11, 13, 14, 99, 200].into_iter().all(|port| CayenneLpp::on_port(port).is_none()));
    }

    #[test]
    fn readings_before_an_error_stay() {
        let (lines, error) = read(CayenneLpp::Dynamic, &[3, 0x67, 0x01, 0x10, 1, 0x20, 9]);
        assert_eq!(lines.len(), 1);
        assert_eq!(error.unwrap().to_string(), "application layer, octet 14 (data type): format 20 is not known");
        let error = CayenneLpp::Dynamic.read(None, &[3, 0x67, 1], 0, &NothingKnown, &mut Ignore).unwrap_err();
        assert_eq!(error.to_string(), "application layer, octet 2 (temperature): needs 2 octets, 1 left");
    }

    #[test]
    fn numbers_stand_in_order() {
        assert!(TYPES.windows(2).all(|pair| pair[0].number < pair[1].number));
    }
}
