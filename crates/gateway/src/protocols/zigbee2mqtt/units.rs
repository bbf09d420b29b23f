//! The units that `exposes` names, as Zigbee2MQTT writes them.

use esh_core::{Decimal, Unit};

/// A unit as it is written, and what makes a number in it one in a unit of the vocabulary.
struct Written {
    text: &'static str,
    unit: Unit,
    factor: i64,
    scale: i8,
}

const fn of(text: &'static str, unit: Unit) -> Written {
    Written { text, unit, factor: 1, scale: 0 }
}

const fn scaled(text: &'static str, unit: Unit, scale: i8) -> Written {
    Written { text, unit, factor: 1, scale }
}

#[rustfmt::skip]
const UNITS: &[Written] = &[
    of("Wh", Unit::WattHour),
    of("kWh", Unit::KiloWattHour),
    of("MWh", Unit::MegaWattHour),
    of("J", Unit::Joule),
    scaled("kJ", Unit::Joule, 3),
    scaled("MJ", Unit::Joule, 6),
    of("GJ", Unit::GigaJoule),
    of("varh", Unit::VarHour),
    of("kvarh", Unit::KiloVarHour),
    of("kVArh", Unit::KiloVarHour),
    of("kVARh", Unit::KiloVarHour),
    of("VAh", Unit::VoltAmpereHour),
    of("kVAh", Unit::KiloVoltAmpereHour),
    scaled("mW", Unit::Watt, -3),
    of("W", Unit::Watt),
    of("kW", Unit::KiloWatt),
    of("var", Unit::Var),
    of("VAR", Unit::Var),
    of("VAr", Unit::Var),
    of("kvar", Unit::KiloVar),
    of("kVAR", Unit::KiloVar),
    of("VA", Unit::VoltAmpere),
    of("kVA", Unit::KiloVoltAmpere),
    scaled("mV", Unit::Volt, -3),
    of("V", Unit::Volt),
    scaled("kV", Unit::Volt, 3),
    scaled("mA", Unit::Ampere, -3),
    of("A", Unit::Ampere),
    of("Hz", Unit::Hertz),
    of("%", Unit::Percent),
    of("°C", Unit::Celsius),
    of("ºC", Unit::Celsius),
    of("°F", Unit::Fahrenheit),
    of("K", Unit::Kelvin),
    of("°", Unit::Degree),
    of("m³", Unit::CubicMetre),
    of("m3", Unit::CubicMetre),
    of("L", Unit::Litre),
    of("l", Unit::Litre),
    scaled("mL", Unit::Litre, -3),
    of("ft³", Unit::CubicFoot),
    of("gal", Unit::UsGallon),
    of("m³/h", Unit::CubicMetrePerHour),
    of("m3/h", Unit::CubicMetrePerHour),
    of("L/h", Unit::LitrePerHour),
    of("l/h", Unit::LitrePerHour),
    Written { text: "L/min", unit: Unit::LitrePerHour, factor: 60, scale: 0 },
    Written { text: "l/min", unit: Unit::LitrePerHour, factor: 60, scale: 0 },
    of("Pa", Unit::Pascal),
    scaled("hPa", Unit::Pascal, 2),
    scaled("kPa", Unit::Pascal, 3),
    scaled("mbar", Unit::Bar, -3),
    of("bar", Unit::Bar),
    of("s", Unit::Second),
    of("sec", Unit::Second),
    of("min", Unit::Minute),
    of("minutes", Unit::Minute),
    of("h", Unit::Hour),
    of("hours", Unit::Hour),
    of("days", Unit::Day),
    of("dB", Unit::Decibel),
    of("dBm", Unit::DecibelMilliwatt),
];

/// A unit that is known by its text.
#[derive(Clone, Copy)]
pub(super) struct Known(&'static Written);

impl Known {
    pub(super) fn from_text(text: &str) -> Option<Self> {
        UNITS.iter().find(|written| written.text == text).map(Known)
    }

    /// The unit of the vocabulary.
    pub(super) const fn unit(self) -> Unit {
        self.0.unit
    }

    /// A number in that unit; `None` when it has no room.
    pub(super) fn number(self, number: Decimal) -> Option<Decimal> {
        number.times(self.0.factor)?.scale10(self.0.scale)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_stands_twice_and_numbers_stay_exact() {
        for (n, written) in UNITS.iter().enumerate() {
            assert!(UNITS[n + 1..].iter().all(|other| other.text != written.text), "{}", written.text);
        }
        for (text, number, expected, unit) in [
            ("mV", "3012", "3.012", Unit::Volt),
            ("L/min", "1.5", "90.0", Unit::LitrePerHour),
            ("hPa", "1013.25", "101325", Unit::Pascal),
            ("kWh", "0.10", "0.10", Unit::KiloWattHour),
        ] {
            let known = Known::from_text(text).unwrap();
            let number = known.number(Decimal::parse(number).unwrap()).unwrap();
            assert_eq!((number.to_string().as_str(), known.unit()), (expected, unit));
        }
        assert!(Known::from_text("lqi").is_none());
    }
}
