//! Data types of Cayenne LPP: the object identifiers of IPSO less 3200; LPP 1.0 and what its extensions added.

use esh_core::{Quantity, Unit};

/// A data type, and the values that one of it holds.
pub(super) struct DataType {
    pub(super) number: u8,
    pub(super) parts: &'static [Part],
}

/// A value: most significant octet first, `step × 10^exponent` for each count.
pub(super) struct Part {
    /// What LPP calls it; it stands in the report where no quantity says it.
    pub(super) name: &'static str,
    pub(super) coding: Coding,
    pub(super) step: i64,
    pub(super) exponent: i8,
    pub(super) quantity: Quantity,
    pub(super) unit: Unit,
}

/// How a value is coded.
#[derive(Clone, Copy)]
pub(super) enum Coding {
    Unsigned(u8),
    Signed(u8),
    /// Seconds since 1970.
    UnixTime,
}

use Coding::{Signed, UnixTime, Unsigned};
use Quantity as Q;
use Unit as U;

const fn part(name: &'static str, coding: Coding, step: i64, exponent: i8, quantity: Quantity, unit: Unit) -> Part {
    Part { name, coding, step, exponent, quantity, unit }
}

/// A value of a kind that meters do not have.
const fn other(name: &'static str, coding: Coding, exponent: i8, unit: Unit) -> Part {
    part(name, coding, 1, exponent, Q::Unknown, unit)
}

const fn row(number: u8, parts: &'static [Part]) -> DataType {
    DataType { number, parts }
}

/// Number; for each value its name, coding, step and exponent, quantity and unit.
pub(super) const TYPES: &[DataType] = &[
    row(0, &[part("digital input", Unsigned(1), 1, 0, Q::StateInput, U::One)]),
    row(1, &[other("digital output", Unsigned(1), 0, U::One)]),
    row(2, &[other("analog input", Signed(2), -2, U::One)]),
    row(3, &[other("analog output", Signed(2), -2, U::One)]),
    row(100, &[other("generic", Unsigned(4), 0, U::One)]),
    row(101, &[other("illuminance in lx", Unsigned(2), 0, U::None)]),
    row(102, &[other("presence", Unsigned(1), 0, U::One)]),
    row(103, &[part("temperature", Signed(2), 1, -1, Q::TemperatureAmbient, U::Celsius)]),
    row(104, &[part("humidity", Unsigned(1), 5, -1, Q::Humidity, U::Percent)]),
    row(
        113,
        &[
            other("acceleration x in g", Signed(2), -3, U::None),
            other("acceleration y in g", Signed(2), -3, U::None),
            other("acceleration z in g", Signed(2), -3, U::None),
        ],
    ),
    row(115, &[part("barometric pressure", Unsigned(2), 1, 1, Q::Pressure, U::Pascal)]),
    row(116, &[other("voltage", Unsigned(2), -2, U::Volt)]),
    row(117, &[other("current", Unsigned(2), -3, U::Ampere)]),
    row(118, &[part("frequency", Unsigned(4), 1, 0, Q::Frequency, U::Hertz)]),
    row(120, &[other("percentage", Unsigned(1), 0, U::Percent)]),
    row(121, &[other("altitude in m", Signed(2), 0, U::None)]),
    row(125, &[other("concentration in ppm", Unsigned(2), 0, U::None)]),
    row(128, &[part("power", Unsigned(2), 1, 0, Q::Power, U::Watt)]),
    row(130, &[other("distance in m", Unsigned(4), -3, U::None)]),
    row(131, &[part("energy", Unsigned(4), 1, 0, Q::Energy, U::WattHour)]),
    row(132, &[other("direction", Unsigned(2), 0, U::Degree)]),
    row(133, &[part("time", UnixTime, 1, 0, Q::TimeDevice, U::None)]),
    row(
        134,
        &[
            other("rotation x in deg/s", Signed(2), -2, U::None),
            other("rotation y in deg/s", Signed(2), -2, U::None),
            other("rotation z in deg/s", Signed(2), -2, U::None),
        ],
    ),
    row(
        135,
        &[
            other("red", Unsigned(1), 0, U::One),
            other("green", Unsigned(1), 0, U::One),
            other("blue", Unsigned(1), 0, U::One),
        ],
    ),
    row(
        136,
        &[
            other("latitude", Signed(3), -4, U::Degree),
            other("longitude", Signed(3), -4, U::Degree),
            other("altitude in m", Signed(3), -2, U::None),
        ],
    ),
    row(142, &[part("switch", Unsigned(1), 1, 0, Q::StateInput, U::One)]),
];

/// What LPP 2 sends on port 3: a position at full scale.
pub(super) const FULL_SCALE_POSITION: &[Part] = &[
    other("latitude", Signed(4), -6, U::Degree),
    other("longitude", Signed(4), -6, U::Degree),
    other("altitude in m", Signed(2), -2, U::None),
];
