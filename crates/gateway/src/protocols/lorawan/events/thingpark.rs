//! Actility ThingPark, as its application servers are written to.

use super::{Event, EventKind, Object, Reception, address, counter, moment, port};
use crate::protocols::lorawan::octets::{eui, hexadecimal};

/// One member whose name says what happened, `DevEUI_uplink` above all.
pub(super) fn read(object: &Object<'_>, _: Option<EventKind>) -> Option<Event> {
    const MESSAGES: [&str; 6] = [
        "DevEUI_uplink",
        "DevEUI_downlink_Sent",
        "DevEUI_downlink_Rejected",
        "DevEUI_notification",
        "DevEUI_location",
        "DevEUI_multicast_summary",
    ];
    let kind = MESSAGES.into_iter().find(|name| object.get(&[name]).is_some())?;
    let message = object.object(&[kind])?;
    let uplink = kind == "DevEUI_uplink";
    let receptions = message.object(&["Lrrs"]).and_then(|gateways| gateways.array(&["Lrr"])).unwrap_or_default();
    let payload = message.text(&["payload_hex"]).as_deref().and_then(hexadecimal);
    Some(Event {
        platform: "thingpark",
        kind: kind.into(),
        dev_eui: Some(message.text(&["DevEUI"]).as_deref().and_then(eui)?),
        dev_addr: message.text(&["DevAddr"]).as_deref().and_then(address),
        counter: counter(&message, &["FCntUp"]),
        port: port(&message, &["FPort"]),
        payload: payload.or_else(|| uplink.then(Vec::new)),
        // The message type of the frame: 4 is an uplink to be confirmed.
        confirmed: message.whole(&["MType"]).map(|m_type| m_type == 4),
        hertz: message.number(&["Frequency"]).and_then(|megahertz| megahertz.scale10(6)),
        receptions: receptions.into_iter().filter_map(|reception| reception.try_into().ok()).map(heard).collect(),
        at: moment(&message, &["Time"]),
        ..Event::default()
    })
}

fn heard(object: Object<'_>) -> Reception {
    Reception {
        gateway: object.text(&["Lrrid"]).map(|text| text.to_lowercase().into()),
        rssi: object.number(&["LrrRSSI"]),
        snr: object.number(&["LrrSNR"]),
        at: None,
    }
}
