//! Topics: `esh/v1/<gateway>/<kind>/<protocol>/<meter>`, and `esh/v1/<gateway>/status`.
//!
//! The escape rule: in the address of a meter, each octet of `/`, `+`, `#`, `%` and of control characters is written as
//! `%` and two capital hexadecimal digits, so a topic has the same number of levels for every meter and is read back by
//! ordinary percent-decoding. A report that names no meter has `unknown` in its place. An event of the gateway itself has
//! `gateway` and the part it is about: `esh/v1/<gateway>/events/gateway/queue`.

use crate::record::{Kind, Record};
use esh_core::Protocol;

/// The topic of a record.
pub(super) fn record(gateway: &str, record: &Record) -> String {
    of(gateway, record.kind, record.protocol, record.meter.as_deref())
}

/// The topic of a kind, a protocol and a meter.
pub(super) fn of(gateway: &str, kind: Kind, protocol: Option<Protocol>, meter: Option<&str>) -> String {
    let meter = meter.unwrap_or("unknown");
    let protocol = protocol.map_or("gateway", Protocol::word);
    let mut topic = String::with_capacity(gateway.len() + meter.len() + 32);
    for part in ["esh/v1/", gateway, "/", kind.word(), "/", protocol, "/"] {
        topic.push_str(part);
    }
    escape(meter, &mut topic);
    topic
}

/// The topic that says whether a gateway is there: `online` or `offline`, retained.
pub(super) fn status(gateway: &str) -> String {
    format!("esh/v1/{gateway}/status")
}

fn escape(text: &str, into: &mut String) {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    for character in text.chars() {
        if !matches!(character, '/' | '+' | '#' | '%') && !character.is_control() {
            into.push(character);
            continue;
        }
        for octet in character.encode_utf8(&mut [0; 4]).bytes() {
            into.push('%');
            into.extend([octet >> 4, octet & 15].map(|digit| DIGITS.get(usize::from(digit)).copied().unwrap_or('0')));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Id;

    #[test]
    fn a_topic_says_who_what_and_whose() {
        let of = |meter: Option<&str>| {
            let (kind, protocol) = (Kind::Readings, Some(Protocol::Wmbus));
            let meter = meter.map(Into::into);
            record("gw-1", &Record { kind, protocol, meter, id: Id(0), received_at: None, report: "{}".into() })
        };
        assert_eq!(of(Some("wmbus:KAM:12345678:1b:16")), "esh/v1/gw-1/readings/wmbus/wmbus:KAM:12345678:1b:16");
        assert_eq!(of(None), "esh/v1/gw-1/readings/wmbus/unknown");
        assert_eq!(of(Some("a/b+c#d%e\0\u{85}é")), "esh/v1/gw-1/readings/wmbus/a%2Fb%2Bc%23d%25e%00%C2%85é");
        let (kind, meter) = (Kind::Event, Some("queue".into()));
        let event = Record { kind, protocol: None, meter, id: Id(0), received_at: None, report: "{}".into() };
        assert_eq!(record("gw-1", &event), "esh/v1/gw-1/events/gateway/queue");
        assert_eq!(status("gw-1"), "esh/v1/gw-1/status");
    }
}
