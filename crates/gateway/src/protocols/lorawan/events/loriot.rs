//! LORIOT, as its application outputs write.

use super::{Event, EventKind, Object, Reception, address, counter, moment, port};
use crate::protocols::lorawan::octets::{eui, hexadecimal};

/// `cmd` and `EUI`; `rx` is an uplink, `gw` the same with all gateways that heard it.
pub(super) fn read(object: &Object<'_>, _: Option<EventKind>) -> Option<Event> {
    let kind = object.text(&["cmd"])?;
    let gateways = object.array(&["gws"]);
    let receptions = match gateways {
        Some(gateways) => {
            gateways.into_iter().filter_map(|gateway| gateway.try_into().ok()).map(|object| heard(&object)).collect()
        }
        None if object.get(&["rssi"]).is_some() => vec![heard(object)],
        None => Vec::new(),
    };
    Some(Event {
        platform: "loriot",
        kind: kind.as_ref().into(),
        dev_eui: Some(object.text(&["EUI"]).as_deref().and_then(eui)?),
        dev_addr: object.text(&["devaddr", "DevAddr"]).as_deref().and_then(address),
        counter: counter(object, &["fcnt"]),
        port: port(object, &["port"]),
        // Without the key of the application, the payload stands encrypted in `encdata`, which is of no use.
        payload: object.text(&["data"]).as_deref().and_then(hexadecimal),
        confirmed: object.flag(&["confirmed"]),
        hertz: object.number(&["freq"]),
        receptions,
        // Milliseconds since 1970.
        at: object.whole(&["ts"]),
        ..Event::default()
    })
}

fn heard(object: &Object<'_>) -> Reception {
    Reception {
        gateway: object.text(&["gweui"]).map(|text| text.to_lowercase().into()),
        rssi: object.number(&["rssi"]),
        snr: object.number(&["snr"]),
        at: moment(object, &["time"]).or_else(|| object.whole(&["ts"])),
    }
}
