//! Events of a module, `docs/analog/basics.md` and `docs/analog/commands/uplink/NewEvent.md`.

use super::fields::{Coding, Part, Told, field, fields, part, plain, time};
use Coding::{Channel, Extended, Flags, Hex, Time, Unsigned};
use esh_core::{Alarm, Alarms, DecodeError, Input, Quality, Quantity, Text, Unit, Value};

struct Event {
    id: u8,
    name: &'static str,
    parts: &'static [Part],
    alarm: Option<Alarm>,
}

const HAPPENED: Part = part("happened", Time, 0, Quantity::TimeDevice, Unit::None);
const AT: &[Part] = &[HAPPENED];

const fn row(id: u8, name: &'static str, parts: &'static [Part], alarm: Option<Alarm>) -> Event {
    Event { id, name, parts, alarm }
}

const CHANNEL_COUNT: &[Part] =
    &[plain("channel", Channel), part("count", Extended, 0, Quantity::PulseCount, Unit::Pulse)];

/// Number, name, fields of a new event, alarm.
const EVENTS: &[Event] = &[
    row(1, "magnet on", AT, Some(Alarm::TamperMagnetic)),
    row(2, "magnet off", AT, None),
    row(3, "activated", AT, None),
    row(4, "deactivated", AT, None),
    row(
        5,
        "battery alarm",
        &[part("battery", Unsigned(2), -3, Quantity::BatteryVoltage, Unit::Volt)],
        Some(Alarm::BatteryLow),
    ),
    row(6, "container tipped over", AT, None),
    row(7, "inserted", AT, None),
    row(8, "removed", AT, Some(Alarm::TamperRemoved)),
    row(9, "counter has run over", AT, None),
    row(10, "time set", AT, None),
    row(11, "module activated", &[HAPPENED, plain("device", Hex(8))], None),
    row(12, "connected", CHANNEL_COUNT, None),
    row(13, "disconnected", CHANNEL_COUNT, None),
    row(
        14,
        "battery depassivated",
        &[
            plain("took", Unsigned(4)),
            plain("status", Unsigned(1)),
            part("battery without and under load", Coding::Pair, -3, Quantity::BatteryVoltage, Unit::Volt),
            plain("resistance of the battery in mOhm", Unsigned(2)),
        ],
        None,
    ),
    row(15, "photodiode sees little", AT, None),
    row(16, "photodiode sees too much", AT, None),
    row(17, "electricity meter", &[plain("status of the meter", Flags(2))], None),
    row(18, "join accept", AT, None),
    row(
        19,
        "water meter",
        &[HAPPENED, plain("status of the meter", Flags(1)), plain("error of the meter", Unsigned(1))],
        None,
    ),
    row(20, "water meter does not answer", AT, None),
    row(21, "optical sensor failed", AT, None),
];

const ID: Part = plain("event", Unsigned(1));
const SEQUENCE: Part = part("sequence number", Unsigned(1), 0, Quantity::CounterMessage, Unit::One);

/// A new event: its number, the sequence number and what belongs to it.
pub(super) fn event<'p>(input: &mut Input<'p>, told: &mut Told<'_, 'p>) -> Result<(), DecodeError> {
    let found = name(input, told)?;
    field(&SEQUENCE, input, told)?;
    match found {
        Some(row) => {
            if let Some(alarm) = row.alarm {
                told.out.alarms(Alarms::default().with(alarm));
            }
            fields(row.parts, input, told)
        }
        None => Ok(()),
    }
}

/// Events of the past: time, number and sequence number of each. What was the case then is no alarm now.
pub(super) fn archive<'p>(input: &mut Input<'p>, told: &mut Told<'_, 'p>) -> Result<(), DecodeError> {
    while !input.is_empty() {
        told.at = time("time", input)?;
        name(input, told)?;
        field(&SEQUENCE, input, told)?;
        told.register.storage += 1;
    }
    Ok(())
}

/// Tells an event by its name, or by its number where it has none.
fn name<'p>(input: &mut Input<'p>, told: &mut Told<'_, 'p>) -> Result<Option<&'static Event>, DecodeError> {
    let start = *input;
    let found = EVENTS.iter().find(|row| Some(row.id) == input.peek());
    match found {
        Some(row) => {
            input.u8(ID.name)?;
            told.value(&ID, Value::Text(Text::utf8(row.name)), Quality::Good, &start, input);
        }
        None => field(&ID, input, told)?,
    }
    Ok(found)
}
