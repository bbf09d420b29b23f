//! OBIS codes, IEC 62056-6-1 and EN 13757-1.

use crate::{Function, Medium, Qualifier, Quantity, Reading};
use core::fmt;

/// An OBIS code, `A-B:C.D.E*F`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Obis {
    /// The medium.
    pub a: u8,
    /// The channel.
    pub b: u8,
    /// The quantity.
    pub c: u8,
    /// How it was processed.
    pub d: u8,
    /// The tariff.
    pub e: u8,
    /// The billing period; 255 is the present one.
    pub f: u8,
}

impl Obis {
    /// A code of the present period.
    #[must_use]
    pub const fn new(a: u8, b: u8, c: u8, d: u8, e: u8) -> Self {
        Self { a, b, c, d, e, f: 255 }
    }

    /// The code of a reading of a meter for that medium; `None` where the standard gives it none.
    #[must_use]
    pub fn of(reading: &Reading<'_>, medium: Option<Medium>) -> Option<Self> {
        if !reading.qualifiers.is_empty() && !reading.qualifiers.iter().all(is_said_by_the_quantity) {
            return None;
        }
        let (quantity, storage) = (reading.quantity, reading.register.storage);
        if let Some((c, d, e)) = abstract_object(quantity) {
            return (storage == 0 && reading.function == Function::Instantaneous).then_some(Self::new(0, 0, c, d, e));
        }
        let a = medium?.obis_a()?;
        let tariff = u8::try_from(reading.register.tariff).ok().filter(|tariff| *tariff <= 63)?;
        if quantity == Quantity::DateDue {
            return (storage == 1).then_some(Self::new(a, 0, 0, 1, 10));
        }
        match a {
            1 => electricity(quantity, reading.function, storage, tariff),
            7 => gas(quantity, reading.function, storage, tariff),
            _ => {
                let a = if quantity == Quantity::EnergyCooling { 5 } else { a };
                let (c, tariffs) = allocated(quantity, a)?;
                let d = period(reading.function, storage)?;
                (tariffs || tariff == 0).then_some(Self::new(a, 0, c, d, tariff))
            }
        }
    }
}

#[cfg(feature = "nom")]
impl Obis {
    /// Reads a code as it is written: `1-0:1.8.0*255`, or shorter, as readouts have it: `1.8.0`, `1-0:1.8.1`, `F.F` is
    /// none. What is left out is 0, the billing period 255.
    ///
    /// # Errors
    /// [`crate::Reason::Malformed`] at the first octet that belongs to no code; the code must be all there is.
    pub fn read(text: crate::Input<'_>) -> Result<Self, crate::DecodeError> {
        use crate::Input;
        use crate::nom::finish;
        use ::nom::Parser;
        use ::nom::branch::alt;
        use ::nom::bytes::complete::{tag, take_while_m_n};
        use ::nom::combinator::opt;
        use ::nom::sequence::{preceded, terminated};

        // Three digits at most: a group is an octet, and what is larger is found out below.
        let group = || take_while_m_n(1, 3, |octet: u8| octet.is_ascii_digit());
        let value = |digits: Input<'_>| {
            let value = digits.rest().iter().fold(0u16, |value, digit| value * 10 + u16::from(digit - b'0'));
            u8::try_from(value).map_err(|_| digits.error("group", crate::Reason::Malformed))
        };
        let (rest, (a, b, c, d, e, f)) = finish(
            (
                opt(terminated(group(), tag("-"))),
                opt(terminated(group(), tag(":"))),
                group(),
                preceded(tag("."), group()),
                opt(preceded(tag("."), group())),
                opt(preceded(alt((tag("*"), tag("&"))), group())),
            )
                .parse(text),
            "OBIS code",
        )?;
        rest.end("OBIS code")?;
        let or = |digits: Option<Input<'_>>, absent| digits.map_or(Ok(absent), value);
        Ok(Self { a: or(a, 0)?, b: or(b, 0)?, c: value(c)?, d: value(d)?, e: or(e, 0)?, f: or(f, 255)? })
    }
}

/// Whether the quantity's own name tells what the qualifier adds.
const fn is_said_by_the_quantity(qualifier: Qualifier) -> bool {
    matches!(
        qualifier,
        Qualifier::Forward
            | Qualifier::Backward
            | Qualifier::Net
            | Qualifier::Uncorrected
            | Qualifier::BaseConditions
            | Qualifier::PhaseL1
            | Qualifier::PhaseL2
            | Qualifier::PhaseL3
            | Qualifier::Neutral
            | Qualifier::Quadrant1
            | Qualifier::Quadrant2
            | Qualifier::Quadrant3
            | Qualifier::Quadrant4
            | Qualifier::StandardContent
    )
}

/// The objects that belong to no medium: C, D and E of `0-0:C.D.E`.
const fn abstract_object(quantity: Quantity) -> Option<(u8, u8, u8)> {
    Some(match quantity {
        Quantity::StatusFlags => (97, 97, 0),
        Quantity::TimeOperating => (96, 8, 0),
        Quantity::BatteryUsed => (96, 6, 0),
        Quantity::BatteryLevel => (96, 6, 1),
        Quantity::BatteryVoltage => (96, 6, 3),
        Quantity::BatteryRemaining => (96, 6, 6),
        Quantity::CounterPowerFailure => (96, 7, 21),
        Quantity::TemperatureAmbient => (96, 9, 0),
        Quantity::Humidity => (96, 9, 2),
        Quantity::StateValve => (96, 3, 10),
        Quantity::StateInput => (96, 3, 1),
        Quantity::TimeDevice => (1, 0, 0),
        _ => return None,
    })
}

/// C for heat (6), cooling (5), water (8, 9) and heat cost allocation (4), and whether E is the tariff.
const fn allocated(quantity: Quantity, a: u8) -> Option<(u8, bool)> {
    Some(match (a, quantity) {
        (5 | 6, Quantity::Energy | Quantity::EnergyCooling) => (1, true),
        (5 | 6, Quantity::Volume) => (2, false),
        (5 | 6, Quantity::Power) => (8, false),
        (5 | 6, Quantity::Flow) => (9, false),
        (5 | 6, Quantity::TemperatureSupply) => (10, false),
        (5 | 6, Quantity::TemperatureReturn) => (11, false),
        (5 | 6, Quantity::TemperatureDifference) => (12, false),
        (8 | 9, Quantity::Volume) => (1, true),
        (8 | 9, Quantity::Flow) => (2, false),
        (8 | 9, Quantity::TemperatureMedium) => (3, false),
        (4, Quantity::Hca) => (1, false),
        _ => return None,
    })
}

/// D for heat, water and heat cost allocation: the present value, that of the due date, or an extreme.
const fn period(function: Function, storage: u64) -> Option<u8> {
    Some(match (function, storage) {
        (Function::Instantaneous, 0) => 0,
        (Function::Instantaneous, 1) => 2,
        (Function::Minimum, 0) => 4,
        (Function::Maximum, 0) => 5,
        _ => return None,
    })
}

fn gas(quantity: Quantity, function: Function, storage: u64, tariff: u8) -> Option<Obis> {
    let d = match quantity {
        Quantity::VolumeUncorrected => 0,
        Quantity::Volume => 1,
        Quantity::VolumeBase => 2,
        _ => return None,
    };
    (function == Function::Instantaneous && storage == 0).then_some(Obis::new(7, 0, 3, d, tariff))
}

fn electricity(quantity: Quantity, function: Function, storage: u64, tariff: u8) -> Option<Obis> {
    if storage != 0 {
        return None;
    }
    let (c, energy) = match quantity {
        Quantity::EnergyActiveImport => (1, true),
        Quantity::EnergyActiveExport => (2, true),
        Quantity::EnergyReactiveImport => (3, true),
        Quantity::EnergyReactiveExport => (4, true),
        Quantity::EnergyReactiveQ1 => (5, true),
        Quantity::EnergyReactiveQ2 => (6, true),
        Quantity::EnergyReactiveQ3 => (7, true),
        Quantity::EnergyReactiveQ4 => (8, true),
        Quantity::EnergyApparentImport => (9, true),
        Quantity::EnergyApparentExport => (10, true),
        Quantity::EnergyActiveNet => (16, true),
        Quantity::PowerActiveImport => (1, false),
        Quantity::PowerActiveExport => (2, false),
        Quantity::PowerReactiveImport => (3, false),
        Quantity::PowerReactiveExport => (4, false),
        Quantity::PowerApparent => (9, false),
        Quantity::PowerFactor => (13, false),
        Quantity::Frequency => (14, false),
        Quantity::PowerActiveNet => (16, false),
        Quantity::PowerActiveL1 => (21, false),
        Quantity::CurrentL1 => (31, false),
        Quantity::VoltageL1 => (32, false),
        Quantity::PowerActiveL2 => (41, false),
        Quantity::CurrentL2 => (51, false),
        Quantity::VoltageL2 => (52, false),
        Quantity::PowerActiveL3 => (61, false),
        Quantity::CurrentL3 => (71, false),
        Quantity::VoltageL3 => (72, false),
        Quantity::CurrentNeutral => (91, false),
        _ => return None,
    };
    match (function, energy) {
        (Function::Instantaneous, true) => Some(Obis::new(1, 0, c, 8, tariff)),
        _ if tariff != 0 => None,
        (Function::Instantaneous, false) => Some(Obis::new(1, 0, c, 7, 0)),
        (Function::Maximum, false) => Some(Obis::new(1, 0, c, 6, 0)),
        (Function::Minimum, false) => Some(Obis::new(1, 0, c, 3, 0)),
        _ => None,
    }
}

impl fmt::Display for Obis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { a, b, c, d, e, f: billing } = self;
        write!(f, "{a}-{b}:{c}.{d}.{e}*{billing}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Decimal, Origin, Qualifiers, Register, Unit, Value};
    use std::string::ToString;

    #[cfg(feature = "nom")]
    #[test]
    fn a_code_reads_back_and_a_wrong_one_says_where() {
        use crate::{Input, Layer};
        let read = |text: &'static str| Obis::read(Input::new(text.as_bytes(), 0, Layer::Application));
        for (text, code) in [
            ("1-0:1.8.0*255", "1-0:1.8.0*255"),
            ("1-0:1.8.1", "1-0:1.8.1*255"),
            ("1.8.0*01", "0-0:1.8.0*1"),
            ("96.1", "0-0:96.1.0*255"),
            ("7-0:3.24.0&25", "7-0:3.24.0*25"),
        ] {
            assert_eq!(read(text).unwrap().to_string(), code);
        }
        for (text, octet) in [("", 0), ("F.F", 0), ("1-0:1.8.0*", 9), ("1-0:1,8", 5), ("1.8.0x", 5), ("1.256.0", 2)] {
            assert_eq!(read(text).unwrap_err().offset, octet, "{text}");
        }
    }

    #[test]
    fn readings_have_the_codes_of_the_vocabulary() {
        use Function::{Instantaneous, Maximum};
        for (quantity, medium, function, storage, tariff, code) in [
            (Quantity::EnergyActiveImport, 0x02, Instantaneous, 0, 2, Some("1-0:1.8.2*255")),
            (Quantity::PowerActiveImport, 0x02, Maximum, 0, 0, Some("1-0:1.6.0*255")),
            (Quantity::VoltageL2, 0x02, Instantaneous, 0, 0, Some("1-0:52.7.0*255")),
            (Quantity::Energy, 0x04, Instantaneous, 1, 0, Some("6-0:1.2.0*255")),
            (Quantity::EnergyCooling, 0x0d, Instantaneous, 0, 0, Some("5-0:1.0.0*255")),
            (Quantity::Volume, 0x16, Instantaneous, 0, 0, Some("8-0:1.0.0*255")),
            (Quantity::Volume, 0x06, Instantaneous, 1, 0, Some("9-0:1.2.0*255")),
            (Quantity::Flow, 0x16, Maximum, 0, 0, Some("8-0:2.5.0*255")),
            (Quantity::Volume, 0x03, Instantaneous, 0, 0, Some("7-0:3.1.0*255")),
            (Quantity::VolumeBase, 0x03, Instantaneous, 0, 0, Some("7-0:3.2.0*255")),
            (Quantity::Hca, 0x08, Instantaneous, 1, 0, Some("4-0:1.2.0*255")),
            (Quantity::DateDue, 0x08, Instantaneous, 1, 0, Some("4-0:0.1.10*255")),
            (Quantity::BatteryRemaining, 0x16, Instantaneous, 0, 0, Some("0-0:96.6.6*255")),
            (Quantity::Volume, 0x16, Instantaneous, 8, 0, None),
            (Quantity::VolumeReverse, 0x16, Instantaneous, 0, 0, None),
            (Quantity::Unknown, 0x16, Instantaneous, 0, 0, None),
        ] {
            let mut reading = Reading::new(
                quantity,
                Value::Number(Decimal::ZERO),
                Unit::One,
                Origin { octets: &[], header: &[], offset: 0 },
            );
            reading.function = function;
            reading.register = Register { storage, tariff, subunit: 0 };
            assert_eq!(Obis::of(&reading, Some(Medium(medium))).map(|code| code.to_string()).as_deref(), code);
            reading.qualifiers = Qualifiers::NONE.with(Qualifier::LowerLimit);
            assert_eq!(Obis::of(&reading, Some(Medium(medium))), None, "a limit is not the quantity");
        }
    }
}
