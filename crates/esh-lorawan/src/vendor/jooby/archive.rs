//! Archives of Jooby's OBIS observer, jooby-docs, `docs/obis-observer/commands/ReadArchive.md` and `ReadMeterArchive.md`.

use super::fields::{Coding, Part, Told, field, plain, time};
use esh_core::{Decimal, DecodeError, Format, Input, Known, Layer, Meter, Out, Quality, Value};

/// Reads the records of an archive: the meter, where it is that of all of them, a time, then values under their OBIS numbers
/// up to a number of zero. Which OBIS code a number stands for is configured in the observer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JoobyArchive {
    /// Whether each record begins with the number of its meter.
    pub of_meters: bool,
}

const METER: Part = plain("meter", Coding::Unsigned(4));
const NUMBER: Part = plain("OBIS number", Coding::Unsigned(1));
const VALUE: Part = plain("value", Coding::Unsigned(4));

impl Format for JoobyArchive {
    fn read<'p>(
        &self,
        _: Option<&Meter>,
        payload: &'p [u8],
        offset: usize,
        _: &'p dyn Known,
        out: &mut dyn Out<'p>,
    ) -> Result<(), DecodeError> {
        let mut input = Input::new(payload, offset, Layer::Application);
        let told = &mut Told::new(out, false);
        while !input.is_empty() {
            told.at = None;
            if self.of_meters {
                field(&METER, &mut input, told)?;
            }
            told.at = time("time", &mut input)?;
            while let Some(number) = input.peek() {
                if number == 0 {
                    input.u8(NUMBER.name)?;
                    break;
                }
                field(&NUMBER, &mut input, told)?;
                let start = input;
                let bits = input.u32_be(VALUE.name)?;
                match Decimal::from_f32_shortest(f32::from_bits(bits)) {
                    Some(value) => told.value(&VALUE, Value::Number(value), Quality::Good, &start, &input),
                    None => told.absent(&VALUE, Quality::Invalid, &start, &input),
                }
            }
            told.register.storage += 1;
        }
        Ok(())
    }
}
