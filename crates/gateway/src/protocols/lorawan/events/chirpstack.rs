//! ChirpStack, versions 3 and 4, with its JSON marshaler.

use super::{Event, EventKind, Object, Reception, address, counter, moment, port};
use crate::protocols::lorawan::octets::{base64, eui};

/// An event does not say what it is: the topic does, or what only such an event has.
const KINDS: [(&str, EventKind); 17] = [
    ("data", EventKind::Up),
    ("fPort", EventKind::Up),
    ("acknowledged", EventKind::Ack),
    ("downlinkId", EventKind::TxAck),
    ("gatewayId", EventKind::TxAck),
    ("gatewayID", EventKind::TxAck),
    ("queueItemId", EventKind::Ack),
    ("margin", EventKind::Status),
    ("batteryLevel", EventKind::Status),
    ("batteryLevelUnavailable", EventKind::Status),
    ("externalPowerSource", EventKind::Status),
    ("level", EventKind::Log),
    ("description", EventKind::Log),
    ("error", EventKind::Log),
    ("integrationName", EventKind::Integration),
    ("location", EventKind::Location),
    ("fCnt", EventKind::Up),
];

/// What an event is whose topic is not known.
pub(super) fn kind(object: &Object<'_>) -> EventKind {
    KINDS.iter().find(|(member, _)| object.get(&[member]).is_some()).map_or(EventKind::Join, |(_, kind)| *kind)
}

/// Version 4 has `deviceInfo`; version 3 names the device at the top, its EUIs in base64 or in hexadecimal.
pub(super) fn read(object: &Object<'_>, told: Option<EventKind>) -> Option<Event> {
    let device = object.object(&["deviceInfo"]);
    let dev_eui = match &device {
        Some(device) => device.text(&["devEui", "devEUI"])?,
        None => object.text(&["devEUI", "devEui"])?,
    };
    let kind = told.unwrap_or_else(|| kind(object));
    let is_up = kind == EventKind::Up;
    let payload = object.text(&["data"]);
    let sent = object.object(&["txInfo"]);
    let receptions = object.array(&["rxInfo"]).unwrap_or_default();
    Some(Event {
        platform: "chirpstack",
        kind: kind.word().into(),
        dev_eui: Some(eui(&dev_eui)?),
        join_eui: object.text(&["joinEui", "joinEUI"]).as_deref().and_then(eui),
        dev_addr: object.text(&["devAddr"]).as_deref().and_then(|text| {
            address(text).or_else(|| Some(esh_lorawan::DevAddr(u32::from_be_bytes(base64(text)?.try_into().ok()?))))
        }),
        // What is zero is left out of the message. Only an uplink has a counter that is the device's.
        counter: counter(object, &["fCnt"]).or(Some(0)).filter(|_| is_up),
        port: port(object, &["fPort"]),
        payload: payload.as_deref().and_then(base64).or_else(|| is_up.then(Vec::new)),
        confirmed: object.flag(&["confirmed", "confirmedUplink"]),
        hertz: sent.and_then(|sent| sent.number(&["frequency"])),
        receptions: receptions.into_iter().filter_map(|reception| reception.try_into().ok()).map(heard).collect(),
        at: moment(object, &["time", "publishedAt"]),
        says: matches!(kind, EventKind::Status | EventKind::Log | EventKind::Ack),
    })
}

fn heard(object: Object<'_>) -> Reception {
    let gateway = object.text(&["gatewayId", "gatewayID"]);
    Reception {
        // Version 3 writes the gateway in base64 as it does the device.
        gateway: gateway.map(|text| eui(&text).map_or_else(|| text.into(), |eui| eui.to_string().into())),
        rssi: object.number(&["rssi"]),
        snr: object.number(&["snr", "loRaSNR"]),
        at: moment(&object, &["nsTime", "gwTime", "time"]),
    }
}
