//! The first extension table, behind VIF FB.

use super::{Meaning, Reads::Number, Row, Scale::Tens, expand};
use esh_core::{Quantity, Unit};

/// Its codes, expanded.
pub(super) static TABLE: [Meaning; 128] = expand(ROWS);

/// Value information behind FB: EN 13757-3, table 14.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    Row(0x00, 0x01, Quantity::Energy,                Tens(Unit::MegaWattHour, -1),         Number),
    Row(0x02, 0x03, Quantity::EnergyReactiveImport,  Tens(Unit::KiloVarHour, 0),           Number),
    Row(0x04, 0x05, Quantity::EnergyApparentImport,  Tens(Unit::KiloVoltAmpereHour, 0),    Number),
    Row(0x06, 0x06, Quantity::PerformanceCoefficient, Tens(Unit::One, -1),                 Number),
    Row(0x08, 0x09, Quantity::Energy,                Tens(Unit::GigaJoule, -1),            Number),
    Row(0x0c, 0x0f, Quantity::Energy,                Tens(Unit::MegaCalorie, -1),          Number),
    Row(0x10, 0x11, Quantity::Volume,                Tens(Unit::CubicMetre, 2),            Number),
    Row(0x14, 0x17, Quantity::PowerReactiveImport,   Tens(Unit::KiloVar, -3),              Number),
    Row(0x18, 0x19, Quantity::MassSupply,            Tens(Unit::Tonne, 2),                 Number),
    Row(0x1a, 0x1b, Quantity::Humidity,              Tens(Unit::Percent, -1),              Number),
    Row(0x20, 0x20, Quantity::Volume,                Tens(Unit::CubicFoot, 0),             Number),
    Row(0x21, 0x21, Quantity::Volume,                Tens(Unit::CubicFoot, -1),            Number),
    Row(0x22, 0x23, Quantity::Volume,                Tens(Unit::UsGallon, -1),             Number),
    Row(0x24, 0x24, Quantity::Flow,                  Tens(Unit::UsGallonPerMinute, -3),    Number),
    Row(0x25, 0x25, Quantity::Flow,                  Tens(Unit::UsGallonPerMinute, 0),     Number),
    Row(0x26, 0x26, Quantity::Flow,                  Tens(Unit::UsGallonPerHour, 0),       Number),
    Row(0x28, 0x29, Quantity::Power,                 Tens(Unit::MegaWatt, -1),             Number),
    Row(0x2a, 0x2a, Quantity::PhaseAngleUuL2l1,      Tens(Unit::Degree, -1),               Number),
    Row(0x2b, 0x2b, Quantity::PhaseAngleUiL1,        Tens(Unit::Degree, -1),               Number),
    Row(0x2c, 0x2f, Quantity::Frequency,             Tens(Unit::Hertz, -3),                Number),
    Row(0x30, 0x31, Quantity::Power,                 Tens(Unit::GigaJoulePerHour, -1),     Number),
    Row(0x34, 0x37, Quantity::PowerApparent,         Tens(Unit::KiloVoltAmpere, -3),       Number),
    // Until the edition of 2013; reserved since.
    Row(0x58, 0x5b, Quantity::TemperatureSupply,     Tens(Unit::Fahrenheit, -3),           Number),
    Row(0x5c, 0x5f, Quantity::TemperatureReturn,     Tens(Unit::Fahrenheit, -3),           Number),
    Row(0x60, 0x63, Quantity::TemperatureDifference, Tens(Unit::FahrenheitDifference, -3), Number),
    Row(0x64, 0x67, Quantity::TemperatureAmbient,    Tens(Unit::Fahrenheit, -3),           Number),
    Row(0x68, 0x68, Quantity::HcaRatingFactor,       Tens(Unit::One, 0),                   Number),
    Row(0x69, 0x69, Quantity::HcaRatingFactor,       Tens(Unit::One, 0),                   Number),
    Row(0x6a, 0x6a, Quantity::HcaRatingFactor,       Tens(Unit::One, 0),                   Number),
    Row(0x6b, 0x6b, Quantity::HcaRatingFactor,       Tens(Unit::One, 0),                   Number),
    Row(0x6c, 0x6c, Quantity::HcaRatingFactor,       Tens(Unit::One, 0),                   Number),
    Row(0x6d, 0x6d, Quantity::HcaRatingFactor,       Tens(Unit::One, 0),                   Number),
    Row(0x6e, 0x6e, Quantity::HcaRatingFactor,       Tens(Unit::One, 0),                   Number),
    Row(0x70, 0x73, Quantity::TemperatureLimit,      Tens(Unit::Fahrenheit, -3),           Number),
    Row(0x74, 0x77, Quantity::TemperatureLimit,      Tens(Unit::Celsius, -3),              Number),
    Row(0x78, 0x7f, Quantity::PowerMaximumCumulated, Tens(Unit::Watt, -3),                 Number),
];
