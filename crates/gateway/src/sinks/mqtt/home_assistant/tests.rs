//! What Home Assistant would make of it.

use super::*;
use crate::run::Decode as _;
use crate::simulate::Fleet;
use crate::sources::now;
use crate::{capture::Capture, worker::Worker};
use esh_core::{CivilTime, Protocol};
use std::collections::BTreeMap;

/// Reports of simulated meters, each of which has sent a few.
fn records(count: usize) -> Vec<Record> {
    let mut fleet = Fleet::new(12, 3);
    let mut worker = Worker::new("gw-1", None, fleet.keys());
    let clock = CivilTime::date(2026, 1, 1).unwrap();
    let mut record = || {
        let octets = fleet.send(clock).unwrap().octets.into();
        let (protocol, received_at) = (Protocol::Wmbus, now());
        let capture = Capture {
            octets,
            protocol,
            framing: None,
            received_at,
            source: "air".into(),
            rssi: Some(-70),
            radio: None,
        };
        let record = worker.decode(&capture, 1);
        worker.stored(true);
        record
    };
    std::iter::repeat_with(&mut record).take(count).collect()
}

/// What a template renders with a report, as Home Assistant does it.
fn render(template: &str, report: &[u8]) -> String {
    let report: Value = serde_json::from_slice(report).unwrap();
    minijinja::Environment::new().render_str(template, minijinja::context!(value_json => report)).unwrap()
}

#[test]
fn every_present_number_of_every_meter_has_one_configuration_that_finds_it() {
    let mut told = Told::default();
    let mut configurations: BTreeMap<String, Value> = BTreeMap::new();
    let records = records(120);
    for record in &records {
        for (topic, message) in told.of("homeassistant", "gw-1", record) {
            assert!(topic.ends_with("/config") && topic.split('/').count() == 5, "{topic}");
            let legal = |part: &str| part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
            assert!(topic.split('/').all(legal), "{topic}");
            assert!(configurations.insert(topic, serde_json::from_str(&message).unwrap()).is_none(), "sent once");
        }
    }
    let gateway = configurations.remove("homeassistant/binary_sensor/esh_gw-2d1/status/config").unwrap();
    assert_eq!(gateway["state_topic"], "esh/v1/gw-1/status");
    let ids: HashSet<_> = configurations.values().map(|message| message["unique_id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), configurations.len());
    assert!(configurations.len() > 20, "{}", configurations.len());
    let mut found = 0;
    for record in &records {
        let report: Value = serde_json::from_slice(&record.report).unwrap();
        let topic = topic::record("gw-1", record);
        let of_meter: Vec<_> = configurations.values().filter(|message| message["state_topic"] == *topic).collect();
        let mut rendered = 0;
        for message in &of_meter {
            assert_eq!(message["device"]["via_device"], gateway["device"]["identifiers"][0]);
            assert_eq!(message["device"]["manufacturer"], report["meter"]["manufacturer"]);
            assert_eq!(message["availability_topic"], "esh/v1/gw-1/status");
            assert!(message.get("expire_after").is_none());
            let value = render(message["value_template"].as_str().unwrap(), &record.report);
            if value.is_empty() {
                continue;
            }
            rendered += 1;
            let is_it = |reading: &&Value| {
                let same = reading["value"].as_f64() == value.parse().ok();
                let unit = Unit::from_ucum(reading["unit"].as_str().unwrap_or_default()).and_then(classes::unit);
                same && message.get("unit_of_measurement").and_then(Value::as_str) == unit
            };
            assert!(report["readings"].as_array().unwrap().iter().any(|reading| is_it(&reading)), "{value} {message}");
        }
        let present = report["readings"].as_array().unwrap().iter().filter(|reading| {
            let quantity = Quantity::from_name(reading["quantity"].as_str().unwrap()).unwrap();
            let is_number = reading["value"].is_number() && classes::of(quantity, quantity.unit(), None).is_some();
            is_number && reading["storage"] == 0 && reading["function"] == "instantaneous"
        });
        assert_eq!(rendered, present.count(), "{report}");
        found += rendered;
    }
    assert!(found > 120, "{found}");
}

fn report(readings: &str) -> Record {
    let mut record = records(1).remove(0);
    record.meter = Some("wmbus:KAM:12345678:1b:16".into());
    record.report = format!(
        "{{\"meter\":{{\"id\":\"12345678\",\"manufacturer\":\"KAM\",\"medium\":\"cold_water\",\"version\":27,\
         \"address\":\"wmbus:KAM:12345678:1b:16\",\"name\":\"Kitchen\"}},\"profile\":null,\"readings\":[{readings}]}}"
    )
    .into();
    record
}

/// A reading of a quantity, in that register and with more members.
fn reading(quantity: &str, value: &str, unit: &str, (storage, tariff, subunit): (u8, u8, u8), more: &str) -> String {
    format!(
        "{{\"quantity\":\"{quantity}\",\"value\":{value},\"unit\":\"{unit}\",\"function\":\"instantaneous\",\
         \"storage\":{storage},\"tariff\":{tariff},\"subunit\":{subunit}{more}}}"
    )
}

#[test]
fn a_configuration_says_everything_and_finds_its_own_reading_among_others() {
    let backward = ",\"qualifiers\":[\"backward\"]";
    let record = report(
        &[
            reading("volume", "9.9", "m3", (1, 0, 0), ""),
            reading("volume", "8.8", "m3", (0, 0, 0), ",\"qualifiers\":[\"average\"]"),
            reading("volume", "6.408", "m3", (0, 0, 0), ""),
            reading("volume", "1.5", "m3", (0, 2, 1), ""),
            reading("volume.reverse", "0.25", "m3", (0, 0, 0), backward),
            reading("temperature.medium", "null", "Cel", (0, 0, 0), ",\"quality\":\"invalid\""),
            reading("time.device", "\"2026-01-01T00:00\"", "", (0, 0, 0), ""),
        ]
        .join(","),
    );
    let mut told = Told::default();
    let messages = told.of("homeassistant", "gw-1", &record);
    let topics: Vec<_> = messages.iter().map(|(topic, _)| topic.as_str()).collect();
    let node = "homeassistant/sensor/esh_gw-2d1_wmbus_KAM_12345678_1b_16";
    assert_eq!(
        topics,
        [
            "homeassistant/binary_sensor/esh_gw-2d1/status/config".to_owned(),
            format!("{node}/volume/config"),
            format!("{node}/volume_t2_s1/config"),
            format!("{node}/volume_reverse/config"),
            format!("{node}/temperature_medium/config"),
        ]
    );
    let message: Value = serde_json::from_str(&messages[1].1).unwrap();
    let device = "esh_gw-2d1_wmbus_KAM_12345678_1b_16";
    assert_eq!(
        message,
        json!({
            "name": "Volume", "unique_id": format!("{device}_volume"), "qos": 1,
            "state_topic": "esh/v1/gw-1/readings/wmbus/wmbus:KAM:12345678:1b:16",
            "availability_topic": "esh/v1/gw-1/status", "value_template": message["value_template"],
            "device_class": "water", "state_class": "total_increasing", "unit_of_measurement": "m³",
            "device": {"identifiers": [device], "name": "Kitchen", "manufacturer": "KAM", "model": "cold water",
                "serial_number": "12345678", "via_device": "esh_gw-2d1"},
            "origin": {"name": "esh-gateway", "sw_version": env!("CARGO_PKG_VERSION")},
        })
    );
    let rendered: Vec<_> = messages[1..]
        .iter()
        .map(|(_, message)| {
            let message: Value = serde_json::from_str(message).unwrap();
            render(message["value_template"].as_str().unwrap(), &record.report)
        })
        .collect();
    assert_eq!(rendered, ["6.408", "1.5", "0.25", "None"]);
    assert!(told.of("homeassistant", "gw-1", &record).is_empty(), "it is sent once");
    let new = report(&reading("flow", "0.1", "m3/h", (0, 0, 0), ""));
    assert_eq!(told.of("homeassistant", "gw-1", &new).len(), 1, "and the gateway with the first alone");
    assert!(!Told::default().of("homeassistant", "gw-1", &record).is_empty(), "again after a reconnect");
}

#[test]
fn what_is_no_report_of_a_meter_has_no_configuration() {
    let mut told = Told::default();
    let mut record = report(&reading("volume", "1", "m3", (0, 0, 0), ""));
    record.kind = Kind::Undecoded;
    assert!(told.of("h", "g", &record).is_empty());
    record.kind = Kind::Readings;
    for text in ["", "{", "{}", "{\"meter\":null,\"readings\":[]}", "{\"readings\":7,\"meter\":{}}"] {
        record.report = text.into();
        assert!(told.of("h", "g", &record).is_empty(), "{text}");
    }
}

#[test]
fn a_slug_is_legal_and_tells_one_from_another() {
    let texts = ["a:b", "a-b", "a/b", "a b", "ä", "a_b", "a+b", "a#b", "a%b", "$a\0b"];
    let slugs: HashSet<_> = texts.iter().map(|text| slug(text)).collect();
    assert_eq!(slugs.len(), texts.len());
    assert!(slugs.iter().all(|slug| slug.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')));
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut told = Told::default();
    for n in 0..3 * MOST {
        told.is_new(n);
    }
    assert!(told.told.len() <= MOST);
}
