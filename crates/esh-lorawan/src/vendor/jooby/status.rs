//! States of a module, `docs/analog/commands/GetStatus.md` and `docs/analog/commands/uplink/LastEvent.md`.

use super::fields::{Coding, Part, Told, field, fields, part, plain, time, unsigned};
use Coding::{Channel, Signed, Unsigned};
use Quantity as Q;
use Unit as U;
use esh_core::{Alarm, Alarms, Decimal, DecodeError, Input, Quality, Quantity, Unit, Value};

const HEAD: &[Part] =
    &[plain("software type", Unsigned(1)), part("software version", Unsigned(1), 0, Q::VersionSoftware, U::None)];
const HARDWARE: Part = part("hardware type", Unsigned(1), 0, Q::IdentificationModel, U::None);
const HARDWARE_VERSION: Part = part("hardware version", Unsigned(1), 0, Q::VersionHardware, U::None);
const KIND: Part = plain("type of the channel", Unsigned(1));
const BINARY_SENSOR: u8 = 3;
const TEMPERATURE_SENSOR: u8 = 4;
const BINARY_SENSOR_CONFIGURABLE: u8 = 5;
const SEQUENCE: Part = part("sequence number", Unsigned(1), 0, Q::CounterMessage, U::One);

/// The module in an electricity meter, which has no battery.
const MTX: u8 = 7;
const MTX_STATUS: &[Part] = &[
    part("uptime", Unsigned(4), 0, Q::TimeOn, U::Second),
    plain("reason of the restart", Unsigned(1)),
    part("rssi", Signed(1), 0, Q::RfRssi, U::DecibelMilliwatt),
    part("snr", Signed(1), 0, Q::RfSnr, U::Decibel),
    plain("downlink requests", Unsigned(1)),
    plain("downlink fragments", Unsigned(1)),
    plain("uplink responses", Unsigned(1)),
    plain("uplink fragments", Unsigned(1)),
    plain("margin to the gateway", Unsigned(1)),
    plain("margin from the gateway", Unsigned(1)),
    plain("gateways", Unsigned(1)),
    plain("downlink errors", Unsigned(1)),
    SEQUENCE,
];

pub(super) fn status<'p>(input: &mut Input<'p>, told: &mut Told<'_, 'p>) -> Result<(), DecodeError> {
    fields(HEAD, input, told)?;
    let hardware = input.peek();
    field(&HARDWARE, input, told)?;
    field(&HARDWARE_VERSION, input, told)?;
    if hardware == Some(MTX) {
        return fields(MTX_STATUS, input, told);
    }
    battery(input, told)?;
    field(&SEQUENCE, input, told)
}

/// The battery under little and under much load, 12 bits each, its resistance, the temperature and what is left of it.
fn battery<'p>(input: &mut Input<'p>, told: &mut Told<'_, 'p>) -> Result<(), DecodeError> {
    const LOW: Part = part("under low load", Unsigned(3), -3, Q::BatteryVoltage, U::Volt);
    const HIGH: Part = part("under high load", Unsigned(3), -3, Q::BatteryVoltage, U::Volt);
    const RESISTANCE: Part = plain("resistance of the battery in mOhm", Unsigned(2));
    const TEMPERATURE: Part = part("temperature", Signed(1), 0, Q::TemperatureDevice, U::Celsius);
    let start = *input;
    let both = unsigned("battery voltage", 3, input)?;
    for (part, millivolts, subunit) in [(&LOW, both >> 12, 0), (&HIGH, both & 0xfff, 1)] {
        told.register.subunit = subunit;
        if millivolts == 0xfff {
            told.absent(part, Quality::NotAvailable, &start, input);
        } else {
            told.number(part, millivolts.into(), &start, input);
        }
    }
    told.register.subunit = 0;
    let start = *input;
    match unsigned(RESISTANCE.name, 2, input)? {
        0xffff => told.absent(&RESISTANCE, Quality::NotAvailable, &start, input),
        resistance => told.number(&RESISTANCE, resistance.into(), &start, input),
    }
    field(&TEMPERATURE, input, told)?;
    remaining(input, told)
}

/// What is left of the battery, in parts of 254.
fn remaining<'p>(input: &mut Input<'p>, told: &mut Told<'_, 'p>) -> Result<(), DecodeError> {
    const LEFT: Part = part("remaining battery", Unsigned(1), 0, Q::BatteryLevel, U::Percent);
    let start = *input;
    let parts = input.u8(LEFT.name)?;
    match (parts, Decimal::new(i128::from(parts) * 100, 0).divided_by(254)) {
        (0xff, _) | (_, None) => told.absent(&LEFT, Quality::NotAvailable, &start, input),
        (_, Some((percent, _))) => told.value(&LEFT, Value::Number(percent), Quality::Good, &start, input),
    }
    Ok(())
}

/// The number of the last event and the states. Of two octets only the type of the module says what the bits are, and the
/// payload does not tell it.
pub(super) fn last_event<'p>(input: &mut Input<'p>, told: &mut Told<'_, 'p>) -> Result<(), DecodeError> {
    const STATES: Part = part("states", Coding::Flags(1), 0, Q::StatusFlags, U::One);
    const BITS: [(u8, Alarm); 3] = [(0, Alarm::BatteryLow), (1, Alarm::TamperMagnetic), (2, Alarm::TamperRemoved)];
    field(&SEQUENCE, input, told)?;
    let start = *input;
    let states = match input.len() {
        0 => return Ok(()),
        1 => u64::from(input.u8(STATES.name)?),
        _ => u64::from(input.u16_le(STATES.name)?),
    };
    told.value(&STATES, Value::Flags(states), Quality::Good, &start, input);
    if input.offset() - start.offset() == 1 {
        for (bit, alarm) in BITS {
            let alarm = Alarms::default().with(alarm);
            if states >> bit & 1 == 1 {
                told.out.alarms(alarm);
            } else {
                told.out.no_alarms(alarm);
            }
        }
    }
    Ok(())
}

/// What is at the channels: a type, the channel and the state of the type. Of the types that nobody has described the rest
/// stays as its octets.
pub(super) fn channel_states<'p>(input: &mut Input<'p>, told: &mut Told<'_, 'p>) -> Result<(), DecodeError> {
    while let Some(kind) = input.peek() {
        if kind > BINARY_SENSOR_CONFIGURABLE {
            return Ok(());
        }
        field(&KIND, input, told)?;
        field(&plain("channel", Channel), input, told)?;
        match kind {
            TEMPERATURE_SENSOR => {
                let mut behind = *input;
                behind.take("temperature", 1)?;
                told.at = time("time", &mut behind)?;
                field(&part("temperature", Signed(1), 0, Q::TemperatureAmbient, U::Celsius), input, told)?;
                told.at = None;
                field(&part("taken", Coding::Time, 0, Q::TimeDevice, U::None), input, told)?;
            }
            BINARY_SENSOR | BINARY_SENSOR_CONFIGURABLE => {
                field(&part("state", Unsigned(1), 0, Q::StateInput, U::One), input, told)?;
            }
            _ => {}
        }
        told.register.subunit = 0;
    }
    Ok(())
}

/// What is at the channels, from the first on.
pub(super) fn channel_types<'p>(input: &mut Input<'p>, told: &mut Told<'_, 'p>) -> Result<(), DecodeError> {
    while !input.is_empty() {
        told.register.subunit += 1;
        field(&KIND, input, told)?;
    }
    Ok(())
}
