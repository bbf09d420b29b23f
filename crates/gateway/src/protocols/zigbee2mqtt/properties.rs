//! Reads the properties of a message.

use super::Message;
use super::property::{Measured, alarm, measured};
use super::units::Known;
use crate::protocols::object::Object;
use esh_core::{
    Alarms, CivilTime, Decimal, DecodeError, Opened, Origin, Out, Quality, Quantity, Reading, Text, Unit, Value,
};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// What is said of the device or of the message, and measured by nobody.
const NOT_MEASURED: [&str; 2] = ["last_seen", "device"];

/// What `exposes` says of a property.
#[derive(Default)]
struct Exposed<'a> {
    name: Option<Cow<'a, str>>,
    endpoint: Option<Cow<'a, str>>,
    unit: Option<Cow<'a, str>>,
    /// It does say something.
    is_there: bool,
}

/// Reads the properties in the order in which they stand.
///
/// # Errors
/// When it is no message.
pub(in crate::protocols) fn read<'p>(opened: &Opened<'p>, out: &mut dyn Out<'p>) -> Result<(), DecodeError> {
    let frame = opened.payload;
    let message = Message::parse(frame)?;
    if let Some(reachable) = message.reachable() {
        let word = if reachable { "online" } else { "offline" };
        let origin = origin(message.payload, frame);
        let reading = Reading::new(Quantity::Unknown, Value::Text(Text::utf8(word)), Unit::None, origin);
        out.reading(Reading { label: Some(Text::utf8("availability")), ..reading });
        return Ok(());
    }
    let Some(properties) = &message.properties else { return Ok(()) };
    let seconds = message.last_seen().and_then(|at| i64::try_from(at / 1000).ok());
    let at = seconds.and_then(CivilTime::from_unix);
    seen(at, properties.get(&["last_seen"]), frame, out);
    let exposes = message.object.array(&["exposes"]).unwrap_or_default();
    let exposes: Vec<Object<'_>> = exposes.into_iter().filter_map(|entry| entry.try_into().ok()).collect();
    let (mut raised, mut absent) = (Alarms::NONE, Alarms::NONE);
    for (name, value) in properties.members().filter(|(name, _)| !NOT_MEASURED.contains(name)) {
        let exposed = exposed(&exposes, name);
        let label = label(name, frame);
        let reading = one(name, value, &exposed, origin(value, frame));
        out.reading(Reading { at, label, ..reading });
        match (alarm(name), value.get()) {
            (Some(alarm), "true") => raised = raised.with(alarm),
            (Some(alarm), "false") => absent = absent.with(alarm),
            _ => {}
        }
    }
    out.alarms(raised);
    out.no_alarms(absent);
    Ok(())
}

/// Says when the device was heard, or that nobody says so: then the time of a reading is when it came here.
fn seen<'p>(at: Option<CivilTime>, value: Option<&'p RawValue>, frame: &'p [u8], out: &mut dyn Out<'p>) {
    let origin = value.map_or(Origin { octets: &[], header: &[], offset: 0 }, |value| origin(value, frame));
    let reading = match at {
        Some(at) => Reading::new(Quantity::TimeDevice, Value::Time(at), Unit::None, origin),
        None => Reading {
            quality: Quality::NotAvailable,
            ..Reading::new(Quantity::TimeDevice, Value::Absent, Unit::None, origin)
        },
    };
    out.reading(Reading { label: Some(Text::utf8("last_seen")), ..reading });
}

fn exposed<'a>(exposes: &[Object<'a>], property: &str) -> Exposed<'a> {
    let of_it = |entry: &&Object<'a>| entry.text(&["property"]).as_deref() == Some(property);
    exposes.iter().find(of_it).map_or_else(Exposed::default, |entry| Exposed {
        name: entry.text(&["name"]),
        endpoint: entry.text(&["endpoint"]),
        unit: entry.text(&["unit"]),
        is_there: true,
    })
}

/// The name of a property, where it stands in the frame.
fn label<'p>(name: &str, frame: &'p [u8]) -> Option<Text<'p>> {
    let from = (name.as_ptr() as usize).checked_sub(frame.as_ptr() as usize)?;
    let there = frame.get(from..from.checked_add(name.len())?)?;
    std::str::from_utf8(there).ok().map(Text::utf8)
}

fn one<'p>(name: &str, value: &'p RawValue, exposed: &Exposed<'_>, origin: Origin<'p>) -> Reading<'p> {
    let measured = measured(name, exposed.name.as_deref(), exposed.endpoint.as_deref());
    let unit = exposed.unit.as_deref().and_then(Known::from_text);
    let text = value.get();
    match text.as_bytes() {
        b"null" => {
            let quantity = measured.and_then(|of| fitting(&of, name, exposed, unit)).unwrap_or(Quantity::Unknown);
            let none = Reading::new(quantity, Value::Absent, Unit::None, origin);
            parted(Reading { quality: Quality::NotAvailable, ..none }, measured)
        }
        b"true" => Reading::new(Quantity::Unknown, Value::Flags(1), Unit::None, origin),
        b"false" => Reading::new(Quantity::Unknown, Value::Flags(0), Unit::None, origin),
        [b'"', inner @ .., b'"'] => {
            let inner = Text::json(std::str::from_utf8(inner).unwrap_or_default());
            Reading::new(Quantity::Unknown, Value::Text(inner), Unit::None, origin)
        }
        [b'{' | b'[', ..] => Reading::new(Quantity::Unknown, Value::Text(Text::utf8(text)), Unit::None, origin),
        _ => match Decimal::parse(text) {
            Some(number) => self::number(name, number, measured, exposed, unit, origin),
            None => Reading {
                quality: Quality::Malformed,
                ..Reading::new(Quantity::Unknown, Value::Absent, Unit::None, origin)
            },
        },
    }
}

/// The first quantity whose unit is of the family that is said; without a unit of its own the ratio may have none.
fn fitting(of: &Measured, name: &str, exposed: &Exposed<'_>, unit: Option<Known>) -> Option<Quantity> {
    let Some(unit) = unit else {
        // A unit that nobody here knows is no unit of a quantity that is known.
        return if exposed.unit.is_some() { None } else { of.quantities.first().copied() };
    };
    // Nobody meters the mains in millivolts; of batteries all do.
    if exposed.unit.as_deref() == Some("mV") && exposed.name.as_deref().unwrap_or(name) == "voltage" {
        return Some(Quantity::BatteryVoltage);
    }
    let fits = |quantity: &&Quantity| {
        quantity.unit().canonical() == unit.unit().canonical()
            || **quantity == Quantity::PowerFactor && unit.unit() == Unit::Percent
    };
    of.quantities.iter().find(fits).copied()
}

fn number<'p>(
    name: &str,
    number: Decimal,
    measured: Option<Measured>,
    exposed: &Exposed<'_>,
    unit: Option<Known>,
    origin: Origin<'p>,
) -> Reading<'p> {
    let Some((of, quantity)) = measured.and_then(|of| Some((of, fitting(&of, name, exposed, unit)?))) else {
        let (number, unit) = scaled(number, unit).unwrap_or((number, Unit::None));
        return Reading::new(Quantity::Unknown, Value::Number(number), unit, origin);
    };
    let is_ratio = quantity == Quantity::PowerFactor;
    let (value, unit, quality) = match scaled(number, unit) {
        Some((number, Unit::Percent)) if is_ratio => match number.scale10(-2) {
            Some(number) => (number, Unit::One, Quality::Good),
            None => (number, Unit::Percent, Quality::Good),
        },
        Some((number, unit)) => (number, unit, Quality::Good),
        // What has no unit needs none; of the others nobody says it.
        None if is_ratio && exposed.is_there => (number, Unit::One, Quality::Good),
        None => (number, Unit::None, Quality::Unscaled),
    };
    // A sum of all ones is none in any unit; other bounds are of the unit.
    let no_value = of.no_value.is_a_sum() || quality != Quality::Unscaled;
    let reading = if no_value && of.no_value.is(if of.no_value.is_a_sum() { number } else { value }) {
        Reading { quality: Quality::NotAvailable, ..Reading::new(quantity, Value::Absent, Unit::None, origin) }
    } else {
        Reading { quality, ..Reading::new(quantity, Value::Number(value), unit, origin).in_canonical_unit() }
    };
    parted(reading, Some(of))
}

fn scaled(number: Decimal, unit: Option<Known>) -> Option<(Decimal, Unit)> {
    let unit = unit?;
    Some((unit.number(number)?, unit.unit()))
}

/// Of which part of the device.
fn parted(reading: Reading<'_>, measured: Option<Measured>) -> Reading<'_> {
    let Some(Measured { register, qualifiers, .. }) = measured else { return reading };
    Reading { register, qualifiers, ..reading }
}

fn origin<'p>(value: &'p RawValue, frame: &'p [u8]) -> Origin<'p> {
    let text = value.get();
    Origin { octets: text.as_bytes(), header: &[], offset: place(text, frame) }
}

/// Where a text stands in its frame.
pub(super) fn place(text: &str, frame: &[u8]) -> usize {
    (text.as_ptr() as usize).saturating_sub(frame.as_ptr() as usize)
}
