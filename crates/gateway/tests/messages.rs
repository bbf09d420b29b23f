//! Messages that a broker brings, as `decode` shows them: events of ChirpStack as its own published classes write them,
//! and what Zigbee2MQTT publishes; the corpora; and the seeds of the fuzz targets.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test panics")]
#![allow(unreachable_pub, reason = "the fuzz target uses it too")]

mod common;
#[path = "../../../fuzz/bodies/messages.rs"]
mod messages;
#[path = "../../../fuzz/bodies/seeds.rs"]
mod seeds;

use common::corpus;
use common::reports::decode;
use esh_core::{Decimal, Protocol};
use serde_json::{Value, json};
use std::{fs, path::PathBuf};

fn seed(target: &str, name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds").join(target);
    fs::read(folder.join(name)).unwrap()
}

/// The seed as an event of that kind, or of a kind that nobody says.
fn event(name: &str, kind: Option<&str>) -> Value {
    let hex: String = seed("events", name).iter().map(|octet| format!("{octet:02x}")).collect();
    let line = match kind {
        Some(kind) => json!({"hex": hex, "event": kind}),
        None => json!({"hex": hex}),
    };
    decode(Protocol::Events, &[line.to_string()]).remove(0).0
}

#[test]
fn every_event_of_chirpstack_is_what_it_is_with_its_topic_and_without() {
    for (name, kind) in [
        ("up-4", "up"),
        ("up-4-zero", "up"),
        ("up-4-json", "up"),
        ("join-4", "join"),
        ("ack-4", "ack"),
        ("nack-4", "ack"),
        ("nack-4-json", "ack"),
        ("txack-4", "txack"),
        ("log-4", "log"),
        ("log-4-json", "log"),
        ("status-4", "status"),
        ("status-4-json", "status"),
        ("status-4-external", "status"),
        ("location-4", "location"),
        ("up-3", "up"),
        ("join-3", "join"),
        ("ack-3", "ack"),
        ("error-3", "log"),
        ("status-3", "status"),
    ] {
        let (told, guessed) = (event(name, Some(kind)), event(name, None));
        for report in [&told, &guessed] {
            assert_eq!(report["error"], Value::Null, "{name}: {report}");
            assert_eq!(report["meter"]["address"], "lorawan:0102030405060708", "{name}");
            assert_eq!(report["opened"]["event"], kind, "{name}");
            assert_eq!(report["readings"], told["readings"], "{name}");
        }
    }
    // Only its topic tells this one of version 3 from an acknowledgement.
    assert_eq!(event("txack-3", Some("txack"))["opened"]["event"], "txack");
}

#[test]
fn an_uplink_has_counter_port_payload_and_who_heard_it_best() {
    for name in ["up-4", "up-4-json", "up-3"] {
        let report = event(name, Some("up"));
        let opened = &report["opened"];
        assert_eq!((&report["counter"], &opened["fport"], &opened["frm"]), (&json!(70000), &json!(2), &json!("0112")));
        assert_eq!((&opened["devaddr"], &opened["freq_hz"]), (&json!("26011bda"), &json!(868_500_000)), "{name}");
        assert_eq!(opened["confirmed"], true, "{name}");
        let source = &report["source"];
        assert_eq!((&source["rssi"], &source["gateway"]), (&json!(-35), &json!("0016c001f1500000")), "{name}");
        assert_eq!(source["snr"].as_f64(), Some(11.5), "{name}");
        if name == "up-3" {
            assert_eq!(source["receptions"], Value::Null, "one alone is no list");
        } else {
            let all = json!([{"gateway": "0016c001f1500000", "rssi": -35, "snr": 11.5, "at": "2026-11-24T12:00:00.250Z"},
                {"gateway": "0016c001f1500001", "rssi": -101, "snr": -7.25}]);
            assert_eq!(source["receptions"], all, "{name}");
        }
    }
    let report = event("up-4-zero", Some("up"));
    let opened = &report["opened"];
    assert_eq!((&report["counter"], &opened["fport"], &opened["frm"]), (&json!(0), &json!(0), &json!("")));
}

#[test]
fn what_a_server_says_of_a_device_is_read() {
    let readings = |name: &str, kind: &str| -> Vec<Value> {
        let report = event(name, Some(kind));
        assert_eq!(report["counter"], Value::Null, "a downlink's counter is not the device's");
        let keys = ["name", "quantity", "value", "unit", "quality"];
        let readings = report["readings"].as_array().unwrap().clone();
        readings.iter().map(|reading| json!(keys.map(|key| reading[key].clone()))).collect()
    };
    for name in ["status-4", "status-4-json"] {
        let expected =
            vec![json!(["margin", "rf.snr", -6, "dB", null]), json!([null, "battery.level", 86.22, "%", null])];
        assert_eq!(readings(name, "status"), expected, "{name}");
    }
    assert_eq!(readings("status-3", "status")[1], json!([null, "battery.level", 50.5, "%", null]));
    let external = readings("status-4-external", "status");
    assert_eq!(external[1], json!([null, "battery.level", null, "%", "not_available"]));
    assert_eq!(external[2], json!(["external_power_source", "unknown", 1, null, null]));
    for (name, value) in [("ack-4", 1), ("nack-4", 0), ("nack-4-json", 0), ("ack-3", 1)] {
        assert_eq!(readings(name, "ack"), [json!(["acknowledged", "unknown", value, null, null])], "{name}");
    }
    for name in ["log-4", "log-4-json"] {
        assert_eq!(readings(name, "log"), [json!(["UPLINK_MIC", "unknown", "MIC \"is\" wrong", null, null])], "{name}");
    }
    assert_eq!(readings("error-3", "error"), [json!(["UPLINK_MIC", "unknown", "MIC is wrong", null, null])]);
}

#[test]
fn every_message_of_zigbee2mqtt_of_the_corpus_has_its_numbers_as_written() {
    let Some(rows) = corpus("zigbee2mqtt.jsonl") else { return };
    let (mut good, mut unscaled, mut none) = (0, 0, 0);
    let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
    for (row, (report, owned)) in rows.iter().zip(decode(Protocol::Zigbee2mqtt, &lines)) {
        assert_eq!(report["error"], Value::Null, "{report}");
        assert_eq!(report["opened"]["model"], row["model"]);
        let payload = row["payload"].as_object().unwrap();
        for (name, written) in payload {
            let reading = owned.readings.iter().find(|reading| reading.name.as_deref() == Some(name)).unwrap();
            let value = serde_json::to_value(&reading.value).unwrap();
            if value.is_null() {
                assert!(row["case"].as_str().unwrap().contains("invalid"), "{name}: {report}");
                none += 1;
                continue;
            }
            let Some(number) = Decimal::parse(&written.to_string()) else {
                assert_eq!(&value, written, "{name}");
                continue;
            };
            let exposed = row["exposes"].as_array().unwrap().iter().find(|entry| entry["property"] == name.as_str());
            // What is told in kW was written in W; everything else stands as it was.
            let number = match (exposed.and_then(|entry| entry["unit"].as_str()), reading.unit.as_deref()) {
                (Some("W"), Some("kW")) => number.scale10(-3).unwrap(),
                (Some("%"), Some("1")) => number.scale10(-2).unwrap(),
                _ => number,
            };
            let told = Decimal::parse(&serde_json::to_string(&reading.value).unwrap()).unwrap();
            assert!(told.same_value(number), "{name}: {report}");
            match reading.quality.as_deref() {
                None => good += 1,
                Some("unscaled") => unscaled += 1,
                Some(other) => panic!("{other} {name}: {report}"),
            }
        }
    }
    println!("{good} with their units, {unscaled} that nobody gives one, {none} that are none");
    assert!(good > 50 && unscaled > 20 && none > 0);
}

#[test]
fn events() {
    seeds::replay("events", messages::events);
}

#[test]
fn zigbee2mqtt() {
    seeds::replay("zigbee2mqtt", messages::zigbee2mqtt);
}

/// The events stand there as the classes that ChirpStack publishes wrote them; these are our own.
#[test]
#[ignore = "writes fuzz/seeds anew"]
fn write_the_seeds() {
    let exposes = json!([
        {"property": "energy", "unit": "kWh"}, {"property": "power_l2", "name": "power", "endpoint": "l2", "unit": "W"},
        {"property": "voltage", "unit": "mV"}, {"property": "temperature", "unit": "°C"}, {"property": "power_factor"},
    ]);
    let payload = json!({
        "energy": 1234.56, "power_l2": -15, "voltage": 3012, "temperature": -327.68, "power_factor": 0.98, "current_a": 1.5,
        "energy_tier_2": 7, "voltage_phase_b": null, "water_leak": true, "battery_low": false, "state": "ON",
        "update": {"state": "idle"}, "last_seen": "2026-11-24T13:00:05.250+01:00",
    });
    let of = |topic: &str, payload: Value| json!({"topic": topic, "friendly_name": "plug", "payload": payload});
    for (name, message) in [
        (
            "device",
            json!({"topic": "zigbee2mqtt/plug", "ieee_address": "0x00158d0001234567", "vendor": "V", "model": "M",
                "exposes": exposes, "payload": payload}),
        ),
        ("all-ones", of("zigbee2mqtt/plug", json!({"energy": 2814749767106.55, "last_seen": 1_790_000_000_000u64}))),
        ("availability", of("zigbee2mqtt/plug/availability", json!({"state": "offline"}))),
        ("availability-word", of("zigbee2mqtt/plug/availability", json!("online"))),
        ("address", json!({"topic": "zigbee2mqtt/0x00158d0001234567", "payload": {"device": {"ieeeAddr": "0x1"}}})),
        ("no-object", of("zigbee2mqtt/plug", json!(7))),
        (
            "bridge-devices",
            json!([{"friendly_name": "plug", "ieee_address": "0x00158d0001234567", "definition": {"vendor": "V", "model": "M",
                "exposes": [{"type": "switch", "features": [{"name": "state", "property": "state_l1", "endpoint": "l1"}]},
                    {"name": "energy", "property": "energy", "unit": "kWh"}]}}]),
        ),
        ("bridge-groups", json!([{"friendly_name": "all", "id": 1}])),
    ] {
        seeds::write("zigbee2mqtt", name, message.to_string().as_bytes());
    }
}
