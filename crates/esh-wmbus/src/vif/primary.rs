//! The primary VIF table.

use super::{
    Meaning,
    Reads::{Name, Number, Time},
    Row,
    Scale::{Tens, Times},
    expand,
};
use esh_core::{Quantity, Unit};

/// Its codes, expanded.
pub(super) static TABLE: [Meaning; 128] = expand(ROWS);

/// Primary value information: EN 13757-3, table 10.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    Row(0x00, 0x07, Quantity::Energy,                   Tens(Unit::WattHour, -3),            Number),
    Row(0x08, 0x0f, Quantity::Energy,                   Tens(Unit::Joule, 0),                Number),
    Row(0x10, 0x17, Quantity::Volume,                   Tens(Unit::CubicMetre, -6),          Number),
    Row(0x18, 0x1f, Quantity::MassSupply,               Tens(Unit::Kilogram, -3),            Number),
    Row(0x20, 0x23, Quantity::TimeOn,                   Times,                               Number),
    Row(0x24, 0x27, Quantity::TimeOperating,            Times,                               Number),
    Row(0x28, 0x2f, Quantity::Power,                    Tens(Unit::Watt, -3),                Number),
    Row(0x30, 0x37, Quantity::Power,                    Tens(Unit::JoulePerHour, 0),         Number),
    Row(0x38, 0x3f, Quantity::Flow,                     Tens(Unit::CubicMetrePerHour, -6),   Number),
    Row(0x40, 0x47, Quantity::Flow,                     Tens(Unit::CubicMetrePerMinute, -7), Number),
    Row(0x48, 0x4f, Quantity::Flow,                     Tens(Unit::CubicMetrePerSecond, -9), Number),
    Row(0x50, 0x57, Quantity::FlowMass,                 Tens(Unit::KilogramPerHour, -3),     Number),
    Row(0x58, 0x5b, Quantity::TemperatureSupply,        Tens(Unit::Celsius, -3),             Number),
    Row(0x5c, 0x5f, Quantity::TemperatureReturn,        Tens(Unit::Celsius, -3),             Number),
    Row(0x60, 0x63, Quantity::TemperatureDifference,    Tens(Unit::Kelvin, -3),              Number),
    Row(0x64, 0x67, Quantity::TemperatureAmbient,       Tens(Unit::Celsius, -3),             Number),
    Row(0x68, 0x6b, Quantity::Pressure,                 Tens(Unit::Bar, -3),                 Number),
    Row(0x6c, 0x6d, Quantity::TimeDevice,               Tens(Unit::None, 0),                 Time),
    Row(0x6e, 0x6e, Quantity::Hca,                      Tens(Unit::HcaUnit, 0),              Number),
    Row(0x70, 0x73, Quantity::AveragingDuration,        Times,                               Number),
    Row(0x74, 0x77, Quantity::Age,                      Times,                               Number),
    Row(0x78, 0x78, Quantity::IdentificationFabrication, Tens(Unit::None, 0),                Name),
    Row(0x79, 0x79, Quantity::IdentificationEnhanced,   Tens(Unit::None, 0),                 Name),
    Row(0x7a, 0x7a, Quantity::IdentificationAddress,    Tens(Unit::None, 0),                 Number),
];
