//! A reading as a JSON object.

use super::instant;
use esh_core::json::Json;
use esh_core::{CivilTime, Medium, Obis, Quality, Quantity, Reading, Register, Unit, Value};
use jiff::tz::TimeZone;

/// Writes a reading of a meter for that medium; civil times become instants in `zone`. What was asked for at a moment and
/// has no time of its own is of that moment.
pub(super) fn write(
    json: &mut Json<'_>,
    reading: &Reading<'_>,
    medium: Option<Medium>,
    zone: Option<&TimeZone>,
    polled: Option<jiff::Timestamp>,
) {
    let instant = match (reading.at, zone) {
        (Some(at), Some(zone)) => instant::of(at, zone),
        (Some(at), None) if at.is_utc() => instant::of(at, &TimeZone::UTC),
        _ => None,
    };
    let quality = match (reading.quality, instant) {
        (Quality::Good, Some((_, true))) => Quality::TimeAmbiguous,
        (quality, _) => quality,
    };
    json.object(|json| {
        json.key("quantity").word(reading.quantity.name());
        if let Some(label) = &reading.label {
            json.key("name").display(label);
        }
        json.key("value");
        write_value(json, &reading.value);
        match reading.unit {
            Unit::None => json.raw(b"\"unit\":null"),
            unit => json.key("unit").word(unit.ucum()),
        }
        json.key("function").word(reading.function.word());
        write_register(json, reading.register);
        if !reading.qualifiers.is_empty() {
            json.key("qualifiers").array(|json| reading.qualifiers.iter().for_each(|word| json.word(word.word())));
        }
        if let Some(obis) = Obis::of(reading, medium) {
            write_obis(json, obis);
        }
        match (reading.at, reading.value) {
            (Some(at), _) => {
                json.key("at");
                write_time(json, at);
                write_precision(json, at);
            }
            (None, Value::Time(time)) => write_precision(json, time),
            _ => {}
        }
        if let Some((instant, _)) = instant {
            json.key("time").display(&instant);
        } else if let (None, Some(polled)) = (reading.at, polled) {
            json.key("time").display(&polled);
        }
        if quality != Quality::Good {
            json.key("quality").word(quality.word());
        }
        if let Some((value, unit)) = reading.unrounded {
            json.raw(b"\"rounded\":true");
            json.key("raw").object(|json| {
                json.key("value").raw(value.text().as_octets());
                json.key("unit").word(unit.ucum());
            });
        } else if reading.quantity == Quantity::Unknown || reading.quality != Quality::Good {
            json.key("raw").object(|json| json.key("octets").hex(reading.origin.octets));
        }
    });
}

fn write_value(json: &mut Json<'_>, value: &Value<'_>) {
    match value {
        Value::Absent => json.null(),
        Value::Number(number) => json.raw(number.text().as_octets()),
        Value::Flags(bits) => json.number(*bits),
        Value::Text(text) => json.display(text),
        Value::Time(time) => write_time(json, *time),
        Value::TimeOfDay(hour, minute, second) => json.display(&format_args!("{hour:02}:{minute:02}:{second:02}")),
        Value::Octets(octets) => json.hex(octets),
    }
}

fn write_register(json: &mut Json<'_>, register: Register) {
    if register == Register::default() {
        // Most readings are of the main register.
        return json.raw(b"\"storage\":0,\"tariff\":0,\"subunit\":0");
    }
    json.key("storage").number(register.storage);
    json.key("tariff").number(register.tariff.into());
    json.key("subunit").number(register.subunit.into());
}

fn write_obis(json: &mut Json<'_>, obis: Obis) {
    let mut text = [0u8; 24];
    let mut len = 0;
    for (group, end) in [(obis.a, b'-'), (obis.b, b':'), (obis.c, b'.'), (obis.d, b'.'), (obis.e, b'*'), (obis.f, b'"')]
    {
        for (power, digit) in [(100, group / 100), (10, group / 10 % 10), (1, group % 10)] {
            if group >= power || power == 1 {
                put(&mut text, &mut len, b'0' + digit);
            }
        }
        put(&mut text, &mut len, end);
    }
    // The quotation mark that ends the last group stands in `word` already.
    let text = text.get(..len.saturating_sub(1)).unwrap_or_default();
    json.key("obis").word(std::str::from_utf8(text).unwrap_or_default());
}

fn put(text: &mut [u8; 24], len: &mut usize, octet: u8) {
    if let Some(slot) = text.get_mut(*len) {
        *slot = octet;
        *len += 1;
    }
}

fn write_time(json: &mut Json<'_>, time: CivilTime) {
    let (text, len) = time.text();
    json.word(std::str::from_utf8(text.get(..len).unwrap_or_default()).unwrap_or_default());
}

fn write_precision(json: &mut Json<'_>, time: CivilTime) {
    json.key("precision").word(time.precision().word());
    if let Some(dst) = time.daylight_saving() {
        json.key("dst").flag(dst);
    }
}
