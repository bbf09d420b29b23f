//! What a network server says of a device beside its uplinks: battery and margin, what became of a downlink, what stands
//! in its log.

use super::chirpstack_protobuf::float;
use super::{EventKind, Object};
use crate::protocols::lorawan::protobuf::{Field, Message, Value as Wire};
use esh_core::{Decimal, DecodeError, Origin, Out, Quality, Quantity, Reading, Text, Unit, Value};
use serde_json::value::RawValue;

/// The numbers of `LogCode`, and those of `ErrorType` of version 3.
const CODES: [&str; 12] = [
    "UNKNOWN",
    "DOWNLINK_PAYLOAD_SIZE",
    "UPLINK_CODEC",
    "DOWNLINK_CODEC",
    "OTAA",
    "UPLINK_F_CNT_RESET",
    "UPLINK_MIC",
    "UPLINK_F_CNT_RETRANSMISSION",
    "DOWNLINK_GATEWAY",
    "RELAY_NEW_END_DEVICE",
    "F_CNT_DOWN",
    "EXPIRED",
];
const ERRORS: [&str; 10] = [
    "UNKNOWN",
    "DOWNLINK_PAYLOAD_SIZE",
    "DOWNLINK_FCNT",
    "UPLINK_CODEC",
    "DOWNLINK_CODEC",
    "OTAA",
    "UPLINK_FCNT_RESET",
    "UPLINK_MIC",
    "UPLINK_FCNT_RETRANSMISSION",
    "DOWNLINK_GATEWAY",
];

/// A value of an event, whichever way it was written.
#[derive(Clone, Copy)]
struct Said<'p> {
    value: Value<'p>,
    octets: &'p [u8],
    offset: usize,
}

impl<'p> Said<'p> {
    /// The member of a JSON object; `from` is where the text begins, for the offset.
    fn json(raw: &'p RawValue, from: &'p [u8]) -> Self {
        let text = raw.get();
        let value = match text.as_bytes() {
            b"true" => Value::Flags(1),
            b"false" => Value::Flags(0),
            [b'"', inner @ .., b'"'] => Value::Text(Text::json(std::str::from_utf8(inner).unwrap_or_default())),
            _ => Decimal::parse(text).map_or(Value::Absent, Value::Number),
        };
        let offset = (text.as_ptr() as usize).saturating_sub(from.as_ptr() as usize);
        Self { value, octets: text.as_bytes(), offset }
    }

    fn protobuf(field: Field<'p>, from: &'p [u8]) -> Self {
        let octets = from.get(field.offset..).unwrap_or_default();
        let (value, length) = match field.value {
            Wire::Varint(number) => {
                let length = octets.iter().take_while(|octet| **octet & 0x80 != 0).count() + 1;
                (Value::Number(Decimal::new(number.cast_signed().into(), 0)), length)
            }
            Wire::Octets(text) => (Value::Text(Text::utf8(std::str::from_utf8(text).unwrap_or_default())), text.len()),
            Wire::Four(_) => (float(field.value).map_or(Value::Absent, Value::Number), 4),
            Wire::Eight(_) => (float(field.value).map_or(Value::Absent, Value::Number), 8),
        };
        Self { value, octets: octets.get(..length).unwrap_or(octets), offset: field.offset }
    }

    const fn origin(self) -> Origin<'p> {
        Origin { octets: self.octets, header: &[], offset: self.offset }
    }

    fn is_true(self) -> bool {
        match self.value {
            Value::Flags(bits) => bits != 0,
            Value::Number(number) => number.digits() != 0,
            _ => false,
        }
    }

    fn flag(self) -> Value<'p> {
        Value::Flags(self.is_true().into())
    }
}

/// Hands over what an event says.
///
/// # Errors
/// When it is none.
pub(super) fn read<'p>(told: Option<EventKind>, event: &'p [u8], out: &mut dyn Out<'p>) -> Result<(), DecodeError> {
    if super::is_json(event) {
        let object = Object::parse(event, 0)?;
        let get = |names: &[&str]| object.get(names).map(|raw| Said::json(raw, event));
        let kind = told.unwrap_or_else(|| super::chirpstack::kind(&object));
        let code = get(&["code", "type"]).map(|said| match said.value {
            Value::Text(text) => (text, said),
            _ => (Text::utf8("log"), said),
        });
        said(
            kind,
            &All {
                margin: get(&["margin"]),
                external: get(&["externalPowerSource"]),
                unavailable: get(&["batteryLevelUnavailable"]),
                battery: get(&["batteryLevel", "battery"]),
                acknowledged: get(&["acknowledged"]),
                code: code.map(|(text, _)| text),
                description: get(&["description", "error"]),
            },
            out,
        );
        return Ok(());
    }
    let message = Message::new(event, 0);
    message.check()?;
    let get = |number| message.get(number).map(|field| Said::protobuf(field, event));
    let read = super::chirpstack_protobuf::read(event, told)?;
    let kind = EventKind::from_word(&read.kind).unwrap_or(EventKind::Up);
    // Version 4 has the device in field 2 of such an event, as a message; version 3 has the application's name there.
    let newer = message.message(2).is_some_and(|device| device.text(8).is_some_and(|eui| eui.len() == 16));
    let (code, names, description) = if newer { (4, &CODES[..], 5) } else { (5, &ERRORS[..], 6) };
    let code = usize::try_from(message.number(code).unwrap_or_default()).ok();
    let code = code.and_then(|code| names.get(code).copied()).unwrap_or("UNKNOWN");
    said(
        kind,
        &All {
            margin: get(5),
            external: get(6),
            unavailable: get(7),
            battery: get(8),
            acknowledged: get(5),
            code: Some(Text::utf8(code)),
            description: get(description),
        },
        out,
    );
    Ok(())
}

/// Everything that an event may say.
struct All<'p> {
    margin: Option<Said<'p>>,
    external: Option<Said<'p>>,
    unavailable: Option<Said<'p>>,
    battery: Option<Said<'p>>,
    acknowledged: Option<Said<'p>>,
    code: Option<Text<'p>>,
    description: Option<Said<'p>>,
}

/// What is false or zero, a message leaves out.
fn said<'p>(kind: EventKind, all: &All<'p>, out: &mut dyn Out<'p>) {
    const NOWHERE: Origin<'_> = Origin { octets: &[], header: &[], offset: 0 };
    let named = |name, value, origin| Reading {
        label: Some(name),
        ..Reading::new(Quantity::Unknown, value, Unit::None, origin)
    };
    let origin = |said: Option<Said<'p>>| said.map_or(NOWHERE, Said::origin);
    let number = |said: Option<Said<'p>>| said.map_or(Value::Number(Decimal::new(0, 0)), |said| said.value);
    match kind {
        EventKind::Status => {
            // TS001, DevStatusAns: how well the device heard the request, SNR in dB.
            let margin = Reading::new(Quantity::RfSnr, number(all.margin), Unit::Decibel, origin(all.margin));
            out.reading(Reading { label: Some(Text::utf8("margin")), ..margin });
            let external = all.external.is_some_and(Said::is_true);
            let level = Reading::new(Quantity::BatteryLevel, number(all.battery), Unit::Percent, origin(all.battery));
            if external || all.unavailable.is_some_and(Said::is_true) {
                out.reading(Reading { value: Value::Absent, quality: Quality::NotAvailable, ..level });
            } else {
                out.reading(level);
            }
            if let Some(said) = all.external {
                out.reading(named(Text::utf8("external_power_source"), said.flag(), said.origin()));
            }
        }
        EventKind::Ack => {
            let value = all.acknowledged.map_or(Value::Flags(0), Said::flag);
            out.reading(named(Text::utf8("acknowledged"), value, origin(all.acknowledged)));
        }
        EventKind::Log => {
            let value = all.description.map_or(Value::Text(Text::utf8("")), |said| said.value);
            out.reading(named(all.code.unwrap_or(Text::utf8("log")), value, origin(all.description)));
        }
        _ => {}
    }
}
