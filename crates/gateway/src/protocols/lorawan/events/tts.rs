//! The Things Stack, as its MQTT server and its webhooks write.

use super::{Event, EventKind, Object, Reception, address, counter, moment, port};
use crate::protocols::lorawan::octets::{base64, eui};

/// `end_device_ids` beside a message whose name says what happened.
pub(super) fn read(object: &Object<'_>, _: Option<EventKind>) -> Option<Event> {
    let device = object.object(&["end_device_ids"])?;
    const MESSAGES: [&str; 9] = [
        "uplink_message",
        "join_accept",
        "downlink_ack",
        "downlink_nack",
        "downlink_sent",
        "downlink_failed",
        "downlink_queued",
        "location_solved",
        "service_data",
    ];
    let kind = MESSAGES.into_iter().find(|name| object.get(&[name]).is_some())?;
    let message = object.object(&[kind])?;
    let uplink = kind == "uplink_message";
    let payload = message.text(&["frm_payload"]).as_deref().and_then(base64);
    let receptions = message.array(&["rx_metadata"]).unwrap_or_default();
    Some(Event {
        platform: "tts",
        kind: kind.into(),
        dev_eui: device.text(&["dev_eui"]).as_deref().and_then(eui),
        join_eui: device.text(&["join_eui"]).as_deref().and_then(eui),
        dev_addr: device.text(&["dev_addr"]).as_deref().and_then(address),
        // What is zero is left out of the message.
        counter: counter(&message, &["f_cnt"]).or(if uplink { Some(0) } else { None }),
        port: port(&message, &["f_port"]),
        payload: payload.or_else(|| uplink.then(Vec::new)),
        confirmed: message.flag(&["confirmed"]),
        hertz: message.object(&["settings"]).and_then(|settings| settings.number(&["frequency"])),
        receptions: receptions.into_iter().filter_map(|reception| reception.try_into().ok()).map(heard).collect(),
        at: moment(object, &["received_at"]),
        says: false,
    })
}

fn heard(object: Object<'_>) -> Reception {
    let gateway = object.object(&["gateway_ids"]).and_then(|gateway| gateway.text(&["eui", "gateway_id"]));
    Reception {
        gateway: gateway.map(|text| text.to_lowercase().into()),
        rssi: object.number(&["rssi", "channel_rssi"]),
        snr: object.number(&["snr"]),
        at: moment(&object, &["received_at", "time"]),
    }
}
