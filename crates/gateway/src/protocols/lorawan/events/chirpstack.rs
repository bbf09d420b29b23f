//! ChirpStack, versions 3 and 4, with its JSON marshaler.

use super::{Event, Object, Reception, address, counter, port};
use crate::protocols::lorawan::octets::{base64, eui};

/// An event does not say what it is: the topic does, or what only such an event has.
const KINDS: [(&str, &str); 9] = [
    ("data", "up"),
    ("fPort", "up"),
    ("acknowledged", "ack"),
    ("downlinkId", "txack"),
    ("gatewayID", "txack"),
    ("margin", "status"),
    ("level", "log"),
    ("integrationName", "integration"),
    ("location", "location"),
];

/// Version 4 has `deviceInfo`; version 3 names the device at the top, its EUIs in base64 or in hexadecimal.
pub(super) fn read(object: &Object<'_>) -> Option<Event> {
    let device = object.object(&["deviceInfo"]);
    let dev_eui = match &device {
        Some(device) => device.text(&["devEui", "devEUI"])?,
        None => object.text(&["devEUI", "devEui"])?,
    };
    let payload = object.text(&["data"]);
    let kind = KINDS.iter().find(|(member, _)| object.get(&[member]).is_some()).map_or("join", |(_, kind)| *kind);
    let sent = object.object(&["txInfo"]);
    let receptions = object.array(&["rxInfo"]).unwrap_or_default();
    Some(Event {
        platform: "chirpstack",
        kind: kind.into(),
        dev_eui: Some(eui(&dev_eui)?),
        join_eui: object.text(&["joinEui", "joinEUI"]).as_deref().and_then(eui),
        dev_addr: object.text(&["devAddr"]).as_deref().and_then(|text| {
            address(text).or_else(|| Some(esh_lorawan::DevAddr(u32::from_be_bytes(base64(text)?.try_into().ok()?))))
        }),
        counter: counter(object, &["fCnt"]),
        port: port(object, &["fPort"]),
        payload: payload.as_deref().and_then(base64).or_else(|| (kind == "up").then(Vec::new)),
        confirmed: object.flag(&["confirmed", "confirmedUplink"]),
        hertz: sent.and_then(|sent| sent.number(&["frequency"])),
        receptions: receptions.into_iter().filter_map(|reception| reception.try_into().ok()).map(heard).collect(),
    })
}

fn heard(object: Object<'_>) -> Reception {
    let gateway = object.text(&["gatewayId", "gatewayID"]);
    Reception {
        // Version 3 writes the gateway in base64 as it does the device.
        gateway: gateway.map(|text| eui(&text).map_or_else(|| text.into(), |eui| eui.to_string().into())),
        rssi: object.number(&["rssi"]),
        snr: object.number(&["snr", "loRaSNR"]),
    }
}
