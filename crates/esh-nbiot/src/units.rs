//! Units of SenML, RFC 8428, clause 12.1, and RFC 8798; and as sensors write them in resource 5701.

use esh_core::{Text, Unit};

/// Text, unit.
const UNITS: &[(&str, Unit)] = &[
    ("m3", Unit::CubicMetre),
    ("l", Unit::Litre),
    ("L", Unit::Litre),
    ("m3/s", Unit::CubicMetrePerSecond),
    ("m3/h", Unit::CubicMetrePerHour),
    ("l/h", Unit::LitrePerHour),
    ("W", Unit::Watt),
    ("kW", Unit::KiloWatt),
    ("Wh", Unit::WattHour),
    ("kWh", Unit::KiloWattHour),
    ("MWh", Unit::MegaWattHour),
    ("J", Unit::Joule),
    ("GJ", Unit::GigaJoule),
    ("var", Unit::Var),
    ("kvar", Unit::KiloVar),
    ("varh", Unit::VarHour),
    ("kvarh", Unit::KiloVarHour),
    ("VA", Unit::VoltAmpere),
    ("kVA", Unit::KiloVoltAmpere),
    ("VAh", Unit::VoltAmpereHour),
    ("V", Unit::Volt),
    ("A", Unit::Ampere),
    ("Hz", Unit::Hertz),
    ("Cel", Unit::Celsius),
    ("\u{b0}C", Unit::Celsius),
    ("K", Unit::Kelvin),
    ("%RH", Unit::Percent),
    ("%EL", Unit::Percent),
    ("%", Unit::Percent),
    ("/", Unit::One),
    ("Pa", Unit::Pascal),
    ("bar", Unit::Bar),
    ("kg", Unit::Kilogram),
    ("deg", Unit::Degree),
    ("s", Unit::Second),
    ("min", Unit::Minute),
    ("h", Unit::Hour),
    ("dBm", Unit::DecibelMilliwatt),
    ("dB", Unit::Decibel),
    ("count", Unit::One),
];

/// The unit of a text; [`Unit::None`] for one that is not known here.
pub(crate) fn unit(text: Text<'_>) -> Unit {
    UNITS.iter().find(|(of, _)| text.chars().eq(of.chars())).map_or(Unit::None, |(_, unit)| *unit)
}
