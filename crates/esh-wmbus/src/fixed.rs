//! The fixed data structure of the first M-Bus standard: two counters in one unit each.

use crate::alarms_of_status;
use crate::quantity::canonical;
use esh_core::bcd::{self, Bcd};
use esh_core::{
    Decimal, DecodeError, Format, Input, Known, Layer, Medium, Meter, Origin, Out, Quality, Quantity, Reading,
    Register, Unit, Value,
};
use esh_core::{Function, Qualifiers};

/// Reads the fixed data structure: EN 1434-3, the answer of CI 73 in wired frames.
///
/// Its payload begins with the status octet; one that still has the identification number and the access number before
/// it, 16 octets in all, is read as well.
#[derive(Clone, Copy, Debug, Default)]
pub struct FixedData;

impl Format for FixedData {
    fn read<'p>(
        &self,
        meter: Option<&Meter>,
        payload: &'p [u8],
        offset: usize,
        known: &'p dyn Known,
        out: &mut dyn Out<'p>,
    ) -> Result<(), DecodeError> {
        let _ = known;
        let mut input = Input::new(payload, offset, Layer::Application);
        if input.len() >= 16 {
            input.take("identification and access number", 5)?;
        }
        let status = input.u8("status")?;
        let [first, second] = *input.array("medium and unit")?;
        let medium = medium(first, second).or_else(|| meter.and_then(|meter| meter.medium));
        let coding = Coding { binary: status & 1 != 0, historic: status & 2 != 0, medium };
        // The two low bits mean other things here than in later status octets.
        let alarms = alarms_of_status(status & !3);
        if !alarms.is_empty() {
            out.alarms(alarms);
        }
        out.no_alarms(alarms_of_status(!3).minus(alarms));
        coding.counter("counter 1", first & 0x3f, 0, &mut input, out)?;
        // The second counter may be the first one at the set day.
        match second & 0x3f {
            SAME_BUT_HISTORIC => {
                Coding { historic: true, ..coding }.counter("counter 2", first & 0x3f, 0, &mut input, out)?;
            }
            unit => coding.counter("counter 2", unit, 1, &mut input, out)?,
        }
        input.end("counter 2")
    }
}

const SAME_BUT_HISTORIC: u8 = 0x3e;

/// The medium, in two bits of each unit octet.
const fn medium(first: u8, second: u8) -> Option<Medium> {
    Some(match first >> 6 | second >> 6 << 2 {
        0x1 => Medium(0x01),
        0x2 => Medium::ELECTRICITY,
        0x3 | 0xa => Medium::GAS,
        0x4 | 0xb => Medium::HEAT,
        0x5 => Medium(0x05),
        0x6 | 0xc => Medium::WARM_WATER,
        0x7 | 0xd => Medium::WATER,
        0x8 | 0xe => Medium::HCA,
        _ => return None,
    })
}

/// What the status says of both counters.
#[derive(Clone, Copy)]
struct Coding {
    binary: bool,
    historic: bool,
    medium: Option<Medium>,
}

impl Coding {
    fn counter<'p>(
        self,
        field: &'static str,
        unit: u8,
        subunit: u16,
        input: &mut Input<'p>,
        out: &mut dyn Out<'p>,
    ) -> Result<(), DecodeError> {
        let offset = input.offset();
        let octets: &[u8; 4] = input.array(field)?;
        let digits = if self.binary {
            Some(i128::from(u32::from_le_bytes(*octets)))
        } else {
            match bcd::read(octets) {
                Some(Bcd::Number(number)) => Some(number),
                _ => None,
            }
        };
        let (plain, unit, exponent) = meaning(unit);
        let register = Register { storage: self.historic.into(), tariff: 0, subunit };
        let quantity = canonical(plain, self.medium, Qualifiers::NONE, Function::Instantaneous, register);
        let (value, quality) = match digits {
            Some(digits) => (Value::Number(Decimal::new(digits, exponent)), Quality::Good),
            None => (Value::Absent, Quality::Invalid),
        };
        let reading = Reading::new(quantity, value, unit, Origin { octets, header: &[], offset });
        out.reading(Reading { register, quality, ..reading }.in_canonical_unit());
        Ok(())
    }
}

/// What a unit code says.
fn meaning(code: u8) -> (Quantity, Unit, i8) {
    UNITS
        .iter()
        .find(|Row(first, last, ..)| (*first..=*last).contains(&code))
        .map_or((Quantity::Unknown, Unit::None, 0), |Row(first, _, quantity, unit, exponent)| {
            (*quantity, *unit, exponent + (code - first) as i8)
        })
}

/// A row: codes from first to last, each ten times the one before.
struct Row(u8, u8, Quantity, Unit, i8);

/// Physical units of the fixed data structure: EN 1434-3, table 5. Codes 00 and 01 are clock times that nobody sends.
#[rustfmt::skip]
const UNITS: &[Row] = &[
    Row(0x02, 0x0a, Quantity::Energy,             Unit::WattHour,          0),
    Row(0x0b, 0x13, Quantity::Energy,             Unit::Joule,             3),
    Row(0x14, 0x1c, Quantity::Power,              Unit::Watt,              0),
    Row(0x1d, 0x25, Quantity::Power,              Unit::JoulePerHour,      3),
    Row(0x26, 0x2e, Quantity::Volume,             Unit::CubicMetre,       -6),
    Row(0x2f, 0x37, Quantity::Flow,               Unit::CubicMetrePerHour, -6),
    Row(0x38, 0x38, Quantity::TemperatureSupply,  Unit::Celsius,          -3),
    Row(0x39, 0x39, Quantity::Hca,                Unit::HcaUnit,           0),
    Row(0x3f, 0x3f, Quantity::Unknown,            Unit::One,               0),
];

#[cfg(test)]
mod tests {
    use super::*;
    use esh_core::{Alarm, Alarms, NothingKnown};
    use std::string::{String, ToString};
    use std::{format, vec::Vec};

    #[derive(Default)]
    struct Found(Vec<String>, Alarms);

    impl<'a> Out<'a> for Found {
        fn reading(&mut self, reading: Reading<'a>) {
            let Value::Number(number) = reading.value else { return self.0.push(reading.quality.word().to_string()) };
            let (name, unit) = (reading.quantity.name(), reading.unit.ucum());
            self.0.push(format!("{name} {number} {unit} storage {}", reading.register.storage));
        }

        fn alarms(&mut self, alarms: Alarms) {
            self.1 = self.1.and(alarms);
        }
    }

    #[test]
    fn two_counters_of_a_water_meter() {
        // Water, litres now and at the set day: the example of the standard's own documentation.
        let mut found = Found::default();
        let payload = [0x04, 0xe9, 0x7e, 0x01, 0x00, 0x00, 0x00, 0x35, 0x01, 0x00, 0x00];
        FixedData.read(None, &payload, 0, &NothingKnown, &mut found).unwrap();
        assert_eq!(found.0, ["volume 0.001 m3 storage 0", "volume 0.135 m3 storage 1"]);
        assert!(found.1.contains(Alarm::BatteryLow));
    }

    #[test]
    fn a_cut_counter_is_an_error_behind_the_first() {
        let mut found = Found::default();
        let error = FixedData.read(None, &[0x01, 0x05, 0x2b, 9, 0, 0, 0, 1], 0, &NothingKnown, &mut found).unwrap_err();
        assert_eq!(error.field, "counter 2");
        assert_eq!(found.0, ["energy 9 kW.h storage 0"]);
    }

    #[test]
    fn rows_are_in_order() {
        assert!(UNITS.windows(2).all(|pair| pair[0].1 < pair[1].0));
    }
}
