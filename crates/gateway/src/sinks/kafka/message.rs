//! What is sent of a record: a pure function of it.
//!
//! | topic | key | value |
//! |---|---|---|
//! | readings, events (results too), undecoded | the meter's address; the gateway's name with events of its own | the report, the event |
//! | raw | the meter's address | the frame as a line that `lines` sources and `decode --lines` read |
//!
//! Headers: `schema`, `id` and `kind`. What names no meter has no key and goes to any partition.

use super::config::Topics;
use crate::record::{Kind, Record};
use esh_core::Protocol;
use rdkafka::message::{Header, OwnedHeaders};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::fmt::Write as _;

/// A message, but for its payload.
#[derive(Debug)]
pub(super) struct Envelope<'a> {
    pub(super) topic: &'a str,
    pub(super) key: Option<&'a str>,
    schema: &'static str,
    kind: &'static str,
    id: u128,
}

impl<'a> Envelope<'a> {
    /// Of a record.
    pub(super) fn of(record: &'a Record, topics: &'a Topics, gateway: &'a str) -> Self {
        let (topic, schema) = match record.kind {
            Kind::Readings => (&topics.readings, "esh.report.v1"),
            Kind::Undecoded => (&topics.undecoded, "esh.report.v1"),
            Kind::Event => (&topics.events, "esh.event.v1"),
            // Results of commands are as rare as events, and whoever reads one reads the other.
            Kind::Result => (&topics.events, "esh.result.v1"),
        };
        Self { topic: &topic.0, key: key(record, gateway), schema, kind: record.kind.word(), id: record.id.0 }
    }

    /// Of what is left of a record that the brokers refuse.
    pub(super) fn of_left(record: &'a Record, topics: &'a Topics, gateway: &'a str) -> Self {
        Self { topic: &topics.undecoded.0, kind: Kind::Undecoded.word(), ..Self::of(record, topics, gateway) }
    }

    /// Of the frame itself.
    pub(super) fn of_raw(record: &'a Record, topics: &'a Topics, gateway: &'a str) -> Self {
        Self { topic: &topics.raw.0, schema: "esh.raw.v1", kind: "raw", ..Self::of(record, topics, gateway) }
    }

    pub(super) fn headers(&self) -> OwnedHeaders {
        let mut id = String::with_capacity(32);
        let _ = write!(id, "{:032x}", self.id);
        OwnedHeaders::new_with_capacity(3)
            .insert(Header { key: "schema", value: Some(self.schema) })
            .insert(Header { key: "id", value: Some(&id) })
            .insert(Header { key: "kind", value: Some(self.kind) })
    }
}

fn key<'a>(record: &'a Record, gateway: &'a str) -> Option<&'a str> {
    if record.protocol.is_none() {
        return Some(gateway);
    }
    record.meter.as_deref()
}

/// What of a report tells of the frame as it came.
#[derive(Deserialize)]
struct Report<'a> {
    #[serde(borrow)]
    gateway: Option<&'a RawValue>,
    frame: &'a str,
    #[serde(borrow)]
    clock: Option<&'a RawValue>,
    #[serde(borrow)]
    source: Option<Source<'a>>,
}

#[derive(Deserialize)]
struct Source<'a> {
    #[serde(borrow)]
    name: Option<&'a RawValue>,
    #[serde(borrow)]
    rssi: Option<&'a RawValue>,
    #[serde(borrow)]
    format: Option<&'a RawValue>,
}

/// The frame of a record, `esh.raw.v1`; `None` for what has no frame. Its `received_at` has every digit, since the report's
/// id is made of it: whoever decodes it again gets the same id.
pub(super) fn raw(record: &Record) -> Option<String> {
    let report: Report<'_> = serde_json::from_slice(&record.report).ok()?;
    let mut raw = String::with_capacity(report.frame.len() + 300);
    let _ = write!(raw, "{{\"schema\":\"esh.raw.v1\",\"id\":\"{:032x}\"", record.id.0);
    if let Some(protocol) = record.protocol.map(Protocol::word) {
        let _ = write!(raw, ",\"protocol\":\"{protocol}\"");
    }
    let source = report.source.unwrap_or(Source { name: None, rssi: None, format: None });
    let at = record.received_at.map(|at| format!("\"{at}\""));
    for (key, value) in [
        ("gateway", report.gateway.map(RawValue::get)),
        ("received_at", at.as_deref()),
        ("clock", report.clock.map(RawValue::get)),
        ("source", source.name.map(RawValue::get)),
        ("rssi", source.rssi.map(RawValue::get)),
        ("format", source.format.map(RawValue::get)),
    ] {
        if let Some(value) = value {
            let _ = write!(raw, ",\"{key}\":{value}");
        }
    }
    let _ = write!(raw, ",\"hex\":\"{}\"}}", report.frame);
    Some(raw)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::Id;
    use crate::sources::lines::Line;
    use rdkafka::message::Headers as _;

    fn record(kind: Kind, protocol: Option<Protocol>, meter: Option<&str>, report: &str) -> Record {
        let report = report.to_owned().into();
        let received_at = "2026-11-22T05:00:00.123456789Z".parse().ok();
        Record { kind, protocol, meter: meter.map(Into::into), id: Id(0xab), received_at, report }
    }

    #[test]
    fn a_message_says_what_and_whose_it_is() {
        let topics = Topics::default();
        let wmbus = Some(Protocol::Wmbus);
        for (record, topic, key, schema) in [
            (record(Kind::Readings, wmbus, Some("wmbus:KAM:1"), "{}"), "readings", Some("wmbus:KAM:1"), "report"),
            (record(Kind::Undecoded, wmbus, None, "{}"), "undecoded", None, "report"),
            (record(Kind::Event, None, Some("queue"), "{}"), "events", Some("g"), "event"),
        ] {
            let envelope = Envelope::of(&record, &topics, "g");
            assert_eq!((envelope.topic, envelope.key), (format!("esh.{topic}.v1").as_str(), key));
            let headers = envelope.headers();
            let headers: Vec<_> = headers.iter().map(|header| (header.key, header.value.unwrap())).collect();
            let schema = format!("esh.{schema}.v1");
            let expected: [(_, &[u8]); 3] = [
                ("schema", schema.as_bytes()),
                ("id", b"000000000000000000000000000000ab"),
                ("kind", topic.as_bytes()),
            ];
            assert_eq!(headers, expected);
        }
        let record = record(Kind::Readings, wmbus, Some("m"), "{}");
        assert_eq!(Envelope::of_left(&record, &topics, "g").topic, "esh.undecoded.v1");
        assert_eq!(Envelope::of_raw(&record, &topics, "g").topic, "esh.raw.v1");
    }

    #[test]
    fn a_frame_is_a_line_that_can_be_decoded_again() {
        let report =
            r#"{"gateway":"g","clock":"synchronised","frame":"2a4401","source":{"name":"a\"b","rssi":-71,"copies":1}}"#;
        let raw = raw(&record(Kind::Readings, Some(Protocol::Wmbus), Some("m"), report)).unwrap();
        let line = Line::parse(Protocol::Wmbus, raw.as_bytes()).unwrap();
        assert_eq!((line.octets.as_slice(), line.rssi), (&[0x2a, 0x44, 1][..], Some(-71)));
        assert_eq!(line.received_at.map(|at| at.to_string()).as_deref(), Some("2026-11-22T05:00:00.123456789Z"));
        let json: serde_json::Value = serde_json::from_str(&raw).unwrap();
        for (key, value) in
            [("protocol", "wmbus"), ("source", "a\"b"), ("schema", "esh.raw.v1"), ("clock", "synchronised")]
        {
            assert_eq!(json[key], value);
        }
        let event = record(Kind::Event, None, Some("queue"), r#"{"event":"dropped"}"#);
        assert_eq!(super::raw(&event), None);
    }
}
