//! The commands that modules send, `docs/analog/commands`.

use super::channels::{Counters, Span};
use super::fields::{Coding, Part, Told, field, fields, part, plain};
use Coding::{Channel, Flags, Hex, Pair, Reserved, Signed, Text, Time, Unsigned, Weight};
use Quantity as Q;
use Unit as U;
use esh_core::{DecodeError, Input, Quantity, Unit};

/// A command, and what it holds.
pub(super) struct Command {
    pub(super) id: u16,
    pub(super) body: Body,
}

/// What a command holds.
pub(super) enum Body {
    Fields(&'static [Part]),
    Counters(Counters),
    /// Days, a day, hours, the present count of modules with one channel.
    Days,
    Day,
    Hours,
    Current,
    Status,
    LastEvent,
    Event,
    Archive,
    Parameter,
    ParameterSet,
    ChannelStates,
    ChannelTypes,
}

const fn row(id: u16, body: Body) -> Command {
    Command { id, body }
}

const fn counters(date: bool, span: Span, weight: bool) -> Body {
    Body::Counters(Counters { date, span, weight })
}

const STATUS: &[Part] = &[plain("status", Unsigned(1))];
const NOTHING: &[Part] = &[];

/// Identifier and content. Identifiers of a head with three octets have 1f in front.
pub(super) const COMMANDS: &[Command] = &[
    row(0x02, Body::Fields(STATUS)),
    row(0x03, Body::ParameterSet),
    row(0x04, Body::Parameter),
    row(0x05, Body::Hours),
    row(0x06, Body::Days),
    row(0x07, Body::Current),
    row(
        0x09,
        Body::Fields(&[
            part("sequence number", Unsigned(1), 0, Q::CounterMessage, U::One),
            part("clock", Time, 0, Q::TimeDevice, U::None),
        ]),
    ),
    row(0x0b, Body::Archive),
    row(0x0c, Body::Fields(STATUS)),
    row(0x14, Body::Status),
    row(0x15, Body::Event),
    row(0x16, counters(true, Span::One, false)),
    row(0x17, counters(true, Span::Hours, false)),
    row(0x18, counters(false, Span::One, false)),
    row(0x19, Body::Fields(NOTHING)),
    row(0x1a, counters(true, Span::Hours, false)),
    row(0x1b, counters(true, Span::Days, false)),
    row(0x1e, Body::Fields(&[plain("segmentation session", Unsigned(1)), plain("segment", Unsigned(1))])),
    row(0x20, Body::Day),
    row(0x40, Body::Hours),
    row(0x60, Body::LastEvent),
    row(0x1f02, Body::Fields(&[plain("capabilities", Flags(1)), plain("version", Unsigned(1))])),
    row(0x1f0a, counters(true, Span::Hours, true)),
    row(0x1f0b, counters(true, Span::One, true)),
    row(0x1f0c, counters(true, Span::Hours, true)),
    row(0x1f0d, counters(true, Span::Days, true)),
    row(0x1f0f, counters(false, Span::One, true)),
    row(
        0x1f05,
        Body::Fields(&[
            part("under low load", Unsigned(2), -3, Q::BatteryVoltage, U::Volt),
            part("under high load", Unsigned(2), -3, Q::BatteryVoltage, U::Volt),
            plain("resistance of the battery in mOhm", Unsigned(2)),
            part("temperature", Signed(1), 0, Q::TemperatureDevice, U::Celsius),
            part("remaining battery", Unsigned(1), 0, Q::BatteryLevel, U::Percent),
            plain("consumption too high yesterday", Unsigned(1)),
            plain("days of too high consumption", Unsigned(2)),
        ]),
    ),
    row(
        0x1f14,
        Body::Fields(&[
            part("battery without and under load", Pair, -3, Q::BatteryVoltage, U::Volt),
            plain("resistance of the battery in mOhm", Unsigned(2)),
            plain("time since it was depassivated", Unsigned(2)),
        ]),
    ),
    row(0x1f2a, Body::Fields(&[plain("offset of the image", Unsigned(4)), plain("status", Unsigned(1))])),
    row(0x1f2b, Body::Fields(STATUS)),
    row(0x1f2c, Body::Fields(NOTHING)),
    row(0x1f30, counters(true, Span::ManyHours, false)),
    row(0x1f31, counters(true, Span::ManyHours, false)),
    row(0x1f32, Body::ChannelStates),
    row(0x1f33, Body::ChannelTypes),
    row(
        0x1f34,
        Body::Fields(&[
            part("rssi", Signed(1), 0, Q::RfRssi, U::DecibelMilliwatt),
            part("rsrp", Signed(1), 0, Q::Unknown, U::DecibelMilliwatt),
            part("rsrq", Signed(1), 0, Q::Unknown, U::Decibel),
            part("sinr", Signed(1), 0, Q::RfSnr, U::Decibel),
            plain("transmission power", Signed(1)),
            plain("coverage enhancement level", Unsigned(1)),
        ]),
    ),
];

/// A parameter of a module and its fields, `docs/analog/parameter-types.md`.
struct Parameter {
    id: u8,
    parts: &'static [Part],
}

const fn parameter_row(id: u8, parts: &'static [Part]) -> Parameter {
    Parameter { id, parts }
}

const METER: Part = plain("reading of the meter", Unsigned(4));
const WEIGHT: Part = plain("pulse weight", Weight);
const PULSES: Part = part("count", Unsigned(4), 0, Q::PulseCount, U::Pulse);
const CHANNEL: Part = plain("channel", Channel);

const PARAMETERS: &[Parameter] = &[
    parameter_row(
        1,
        // The period is in units of ten minutes.
        &[plain("reserved", Reserved(3)), part("reporting period", Unsigned(1), 1, Q::CommunicationPeriod, U::Minute)],
    ),
    parameter_row(4, &[plain("hour of the day value", Unsigned(1))]),
    parameter_row(5, &[plain("type of the data", Unsigned(1))]),
    parameter_row(8, &[plain("delivery of priority data", Unsigned(1))]),
    parameter_row(9, &[plain("activation", Unsigned(1))]),
    parameter_row(
        10,
        &[
            plain("load time", Unsigned(2)),
            plain("resistance of the battery in mOhm", Unsigned(2)),
            plain("low voltage in mV", Unsigned(2)),
        ],
    ),
    parameter_row(11, &[plain("least load time", Unsigned(4))]),
    parameter_row(13, &[plain("channels", Unsigned(1))]),
    parameter_row(
        18,
        &[plain("spreading factor", Unsigned(1)), part("frequency", Unsigned(3), 2, Q::Unknown, U::Hertz)],
    ),
    parameter_row(23, &[METER, WEIGHT, PULSES]),
    parameter_row(24, &[plain("absolute data", Unsigned(1))]),
    parameter_row(25, &[part("serial number", Hex(6), 0, Q::IdentificationFabrication, U::None)]),
    parameter_row(29, &[CHANNEL, METER, WEIGHT, PULSES]),
    parameter_row(30, &[CHANNEL, plain("absolute data", Unsigned(1))]),
    parameter_row(
        33,
        &[plain("resistance to start at in mOhm", Unsigned(2)), plain("resistance to stop at in mOhm", Unsigned(2))],
    ),
    parameter_row(51, &[plain("module", Text)]),
    parameter_row(58, &[plain("period of time synchronisation", Unsigned(4))]),
];

const PARAMETER: Part = plain("parameter", Unsigned(1));

pub(super) fn parameter<'p>(input: &mut Input<'p>, told: &mut Told<'_, 'p>) -> Result<(), DecodeError> {
    let id = input.peek();
    field(&PARAMETER, input, told)?;
    match PARAMETERS.iter().find(|row| Some(row.id) == id) {
        Some(row) => fields(row.parts, input, told),
        None => Ok(()),
    }
}

/// What has become of a parameter that was set; 0x40 tells it of each schedule.
pub(super) fn parameter_set<'p>(input: &mut Input<'p>, told: &mut Told<'_, 'p>) -> Result<(), DecodeError> {
    const SCHEDULES: u8 = 0x40;
    let id = input.peek();
    field(&PARAMETER, input, told)?;
    field(&plain("status", Unsigned(1)), input, told)?;
    while id == Some(SCHEDULES) && !input.is_empty() {
        field(&plain("schedule", Unsigned(1)), input, told)?;
        field(&plain("status of the schedule", Unsigned(1)), input, told)?;
    }
    Ok(())
}
