//! ChirpStack, versions 3 and 4, with its Protobuf marshaler: the messages of the package `integration`.

use super::super::protobuf::{Message, Value};
use super::{Event, EventKind, Reception};
use crate::protocols::lorawan::octets::eui;
use esh_core::{Decimal, DecodeError, Layer, Reason};
use esh_lorawan::{DevAddr, Eui64};

/// The numbers of the fields of a message; 0 where it has none.
struct Numbers {
    kind: EventKind,
    /// Version 4 names the device in a message of its own, version 3 by its EUI alone.
    device: Device,
    time: u32,
    address: u32,
    counter: u32,
    port: u32,
    payload: u32,
    confirmed: u32,
    heard: u32,
    sent: u32,
}

#[derive(Clone, Copy)]
enum Device {
    Info(u32),
    Eui(u32),
}

const NONE: Numbers = Numbers {
    kind: EventKind::Up,
    device: Device::Info(3),
    time: 0,
    address: 0,
    counter: 0,
    port: 0,
    payload: 0,
    confirmed: 0,
    heard: 0,
    sent: 0,
};

/// The messages of version 4, then those of version 3.
#[rustfmt::skip]
const MESSAGES: &[Numbers] = &[
    Numbers { kind: EventKind::Up, time: 2, address: 4, counter: 7, port: 8, payload: 10, confirmed: 9, heard: 12, sent: 13, ..NONE },
    Numbers { kind: EventKind::Join, time: 2, address: 4, ..NONE },
    Numbers { kind: EventKind::Ack, time: 2, ..NONE },
    Numbers { kind: EventKind::TxAck, time: 2, ..NONE },
    Numbers { kind: EventKind::Log, device: Device::Info(2), time: 1, ..NONE },
    Numbers { kind: EventKind::Status, time: 2, ..NONE },
    Numbers { kind: EventKind::Location, time: 2, ..NONE },
    Numbers { kind: EventKind::Integration, time: 2, ..NONE },
    Numbers { kind: EventKind::Up, device: Device::Eui(4), time: 16, address: 15, counter: 9, port: 10, payload: 11, confirmed: 14, heard: 5, sent: 6 },
    Numbers { kind: EventKind::Join, device: Device::Eui(4), address: 5, heard: 6, sent: 7, ..NONE },
    Numbers { kind: EventKind::Ack, device: Device::Eui(4), ..NONE },
    Numbers { kind: EventKind::TxAck, device: Device::Eui(4), ..NONE },
    Numbers { kind: EventKind::Log, device: Device::Eui(4), ..NONE },
    Numbers { kind: EventKind::Status, device: Device::Eui(4), ..NONE },
    Numbers { kind: EventKind::Location, device: Device::Eui(4), ..NONE },
    Numbers { kind: EventKind::Integration, device: Device::Eui(4), ..NONE },
];

/// Reads an event. Without a word on its kind it is what only such a message has.
///
/// # Errors
/// When it is no message, or names no device.
pub(super) fn read(frame: &[u8], told: Option<EventKind>) -> Result<Event, DecodeError> {
    let message = Message::new(frame, 0);
    message.check()?;
    let fits = |numbers: &&Numbers| device(message, numbers.device).is_some();
    let unknown = DecodeError { layer: Layer::Application, field: "event", offset: 0, reason: Reason::Unsupported };
    let numbers = match told {
        Some(kind) => MESSAGES.iter().filter(|numbers| numbers.kind == kind).find(fits),
        None => MESSAGES.iter().filter(fits).find(|numbers| numbers.kind == kind_of(message, numbers.device)),
    };
    let numbers = numbers.ok_or(unknown)?;
    let is_up = numbers.kind == EventKind::Up;
    // What is zero or empty is left out of the message.
    let zero = |number: u32| message.number(number).or_else(|| is_up.then_some(0));
    let heard = message.messages(numbers.heard);
    Ok(Event {
        platform: "chirpstack",
        kind: numbers.kind.word().into(),
        dev_eui: device(message, numbers.device),
        dev_addr: address(message, numbers),
        counter: zero(numbers.counter).and_then(|counter| counter.try_into().ok()),
        port: zero(numbers.port).and_then(|port| port.try_into().ok()),
        payload: is_up.then(|| message.octets(numbers.payload).unwrap_or_default().to_vec()),
        confirmed: is_up.then(|| message.number(numbers.confirmed).is_some_and(|flag| flag != 0)),
        hertz: message
            .message(numbers.sent)
            .and_then(|sent| sent.number(1))
            .map(|hertz| Decimal::new(i128::from(hertz), 0)),
        receptions: heard.map(|heard| reception(heard, numbers.device)).collect(),
        at: message.message(numbers.time).and_then(moment),
        says: matches!(numbers.kind, EventKind::Status | EventKind::Log | EventKind::Ack),
        join_eui: None,
    })
}

/// The number of a device in the message that has it there.
fn device(message: Message<'_>, device: Device) -> Option<Eui64> {
    match device {
        Device::Info(number) => message.message(number)?.text(8).filter(|text| text.len() == 16).and_then(eui),
        Device::Eui(number) => Some(Eui64(u64::from_be_bytes(message.octets(number)?.try_into().ok()?))),
    }
}

fn address(message: Message<'_>, numbers: &Numbers) -> Option<DevAddr> {
    match numbers.device {
        Device::Info(_) => super::address(message.text(numbers.address)?),
        Device::Eui(_) => Some(DevAddr(u32::from_be_bytes(message.octets(numbers.address)?.try_into().ok()?))),
    }
}

/// The kind of a message whose topic is not known, by fields that the others have not.
fn kind_of(message: Message<'_>, device: Device) -> EventKind {
    let has = |number| message.get(number).is_some();
    let is = |number, test: fn(Value<'_>) -> bool| message.get(number).is_some_and(|field| test(field.value));
    let text = |value: Value<'_>| matches!(value, Value::Octets(_));
    match device {
        Device::Info(2) => EventKind::Log,
        Device::Info(_) if has(12) || has(13) => EventKind::Up,
        Device::Info(_) if has(1) && !is(1, text) => EventKind::TxAck,
        Device::Info(_) if has(8) => EventKind::Status,
        Device::Info(_) if is(5, text) => EventKind::Integration,
        Device::Info(_) if message.text(4).is_some_and(|text| text.len() == 36) => EventKind::Ack,
        Device::Info(_) if message.text(4).is_some_and(|text| text.len() == 8) => EventKind::Join,
        Device::Info(_) if has(4) => EventKind::Location,
        Device::Info(_) => EventKind::Status,
        Device::Eui(_) if has(11) || has(15) || has(14) => EventKind::Up,
        Device::Eui(_) if message.octets(5).is_some_and(|octets| octets.len() == 4) => EventKind::Join,
        Device::Eui(_) if is(8, |value| matches!(value, Value::Four(_))) => EventKind::Status,
        Device::Eui(_) if is(6, text) && !is(5, text) => EventKind::Log,
        Device::Eui(_) if has(5) && is(5, text) => EventKind::Location,
        Device::Eui(_) => EventKind::Ack,
    }
}

/// `UplinkRxInfo` of the package `gw`.
fn reception(heard: Message<'_>, device: Device) -> Reception {
    let (gateway, rssi, snr) = match device {
        Device::Info(_) => (heard.text(1).map(Into::into), heard.signed(6), heard.get(7)),
        Device::Eui(_) => {
            let gateway = heard.octets(1).and_then(|octets| octets.try_into().ok());
            (gateway.map(|octets| Eui64(u64::from_be_bytes(octets)).to_string().into()), heard.signed(5), heard.get(6))
        }
    };
    let times = match device {
        Device::Info(_) => [17, 3],
        Device::Eui(_) => [2, 2],
    };
    Reception {
        gateway,
        // Nobody hears at 0 dBm: that is left out, and then it is not known. An SNR of 0 is possible.
        rssi: rssi.map(|rssi| Decimal::new(rssi.into(), 0)),
        snr: match snr {
            None => Some(Decimal::new(0, 0)),
            Some(field) => float(field.value),
        },
        at: times.into_iter().find_map(|number| heard.message(number)).and_then(moment),
    }
}

/// A `float` or a `double` by its shortest decimal.
pub(super) fn float(value: Value<'_>) -> Option<Decimal> {
    match value {
        Value::Four(octets) => Decimal::from_f32_shortest(f32::from_le_bytes(octets)),
        Value::Eight(octets) => Decimal::from_f64_shortest(f64::from_le_bytes(octets)),
        Value::Varint(_) | Value::Octets(_) => None,
    }
}

/// A `google.protobuf.Timestamp`, in milliseconds.
fn moment(time: Message<'_>) -> Option<i64> {
    let nanoseconds = time.signed(2).unwrap_or_default().clamp(0, 999_999_999);
    time.signed(1).unwrap_or_default().checked_mul(1000)?.checked_add(nanoseconds / 1_000_000)
}
