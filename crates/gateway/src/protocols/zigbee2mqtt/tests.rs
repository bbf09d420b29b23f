use super::*;
use crate::decode::{Decoder, Frame, Witness};
use crate::{capture::Stamp, encode::Source};
use esh_core::{Alarms, NothingKnown};
use serde_json::{Value, json};

#[derive(Default)]
struct Heard {
    alarms: Alarms,
    reachable: Option<bool>,
    counter: Option<u64>,
}

impl Witness for Heard {
    fn learned(&mut self, _: Option<&Meter>, learned: Learned<'_>) {
        if let Learned::Counter { counter, .. } = learned {
            self.counter = Some(counter);
        }
    }

    fn alarms(&mut self, alarms: Alarms) {
        self.alarms = self.alarms.and(alarms);
    }

    fn reachable(&mut self, reachable: bool) {
        self.reachable = Some(reachable);
    }
}

/// What was told before.
struct Before(u64);

impl Known for Before {
    fn counter(&self, _: &Meter, _: Purpose) -> Option<u64> {
        Some(self.0)
    }
}

fn decode(framing: Option<Framing>, message: &Value, known: &dyn Known) -> (Value, Heard) {
    // Numbers as they were written, which a tree of JSON would not keep.
    decode_text(framing, &message.to_string(), known)
}

fn decode_text(framing: Option<Framing>, message: &str, known: &dyn Known) -> (Value, Heard) {
    let (mut report, mut heard) = (Vec::new(), Heard::default());
    let at = jiff::Timestamp::from_second(1_790_000_000).unwrap();
    let frame = Frame {
        octets: message.as_bytes(),
        protocol: Protocol::Zigbee2mqtt,
        framing,
        received_at: Stamp { at: Some(at), synchronised: true },
        source: Some(Source { name: Some("z"), rssi: None, copies: 1, framing, radio: None }),
        input: None,
        profile: None,
    };
    Decoder::analyser(true).decode(&frame, known, None, &mut heard, &mut report);
    (serde_json::from_slice(&report).unwrap(), heard)
}

/// The reading of a property: quantity, value, unit, quality.
fn reading<'r>(report: &'r Value, name: &str) -> [&'r Value; 4] {
    let readings = report["readings"].as_array().unwrap();
    let reading = readings.iter().find(|reading| reading["name"] == name).unwrap_or_else(|| panic!("{name}: {report}"));
    ["quantity", "value", "unit", "quality"].map(|key| &reading[key])
}

#[test]
fn numbers_are_taken_as_written_and_their_units_from_exposes() {
    let message = r#"{"topic":"zigbee2mqtt/Küche/Zähler","ieee_address":"0x00158d0001234567","vendor":"V","model":"M",
        "exposes":[{"property":"energy","unit":"kWh"},{"property":"power","unit":"W"},{"property":"voltage","unit":"V"},
        {"property":"power_factor"},{"property":"voltage_phase_b","unit":"mV"},{"property":"current_l2","name":"current",
        "endpoint":"l2","unit":"mA"},{"property":"water_consumed","unit":"L"},{"property":"produced_energy","unit":"°C"},
        {"property":"power_phase_c","unit":"hp"}],
        "payload":{"energy":1234.560,"power":-15000,"voltage":230.10,"power_factor":0.98,"voltage_phase_b":231000,
        "current_l2":432,"water_consumed":12.5,"produced_energy":7,"power_phase_c":1,"current":0.43,"state":"ON",
        "child_lock":true,"update":{"state":"idle"},"linkquality":87,"huge":1e400,"last_seen":"2026-11-24T13:00:05.250+01:00"}}"#;
    let (report, heard) = decode_text(None, message, &NothingKnown);
    assert_eq!(report["error"], json!(null));
    assert_eq!(report["meter"]["address"], json!("zigbee2mqtt:00158d0001234567"));
    for (name, expected) in [
        ("energy", json!(["energy.active.import", 1234.560, "kW.h", null])),
        ("power", json!(["power.active.net", -15, "kW", null])),
        ("voltage", json!(["voltage.l1", 230.10, "V", null])),
        ("power_factor", json!(["power_factor", 0.98, "1", null])),
        ("voltage_phase_b", json!(["voltage.l2", 231, "V", null])),
        ("current_l2", json!(["current.l1", 0.432, "A", null])),
        ("water_consumed", json!(["volume", 0.0125, "m3", null])),
        // A unit of another family, or one that nobody knows: not that quantity.
        ("produced_energy", json!(["unknown", 7, "Cel", null])),
        ("power_phase_c", json!(["unknown", 1, null, null])),
        // Without a word on its unit nobody guesses one.
        ("current", json!(["current.l1", 0.43, null, "unscaled"])),
        ("state", json!(["unknown", "ON", null, null])),
        ("child_lock", json!(["unknown", 1, null, null])),
        ("update", json!(["unknown", "{\"state\":\"idle\"}", null, null])),
        ("linkquality", json!(["unknown", 87, null, null])),
        ("huge", json!(["unknown", null, null, "malformed"])),
        ("last_seen", json!(["time.device", "2026-11-24T12:00:05Z", null, null])),
    ] {
        let found = json!(reading(&report, name));
        let same = |a: &Value, b: &Value| a.as_f64().is_some() && a.as_f64() == b.as_f64() || a == b;
        let fits = expected.as_array().unwrap().iter().zip(found.as_array().unwrap()).all(|(a, b)| same(a, b));
        assert!(fits, "{name}: {found}");
    }
    let energy = &report["readings"].as_array().unwrap()[1];
    assert_eq!((&energy["time"], &energy["at"]), (&json!("2026-11-24T12:00:05Z"), &json!("2026-11-24T12:00:05Z")));
    assert_eq!(heard.counter, Some(1_795_521_605_250));
    assert!(decode_text(None, message, &NothingKnown).0["id"] == report["id"]);
}

#[test]
fn digits_stay_as_they_were() {
    let message = r#"{"topic":"z/0x00158d0001234567","exposes":[{"property":"energy","unit":"kWh"}],"payload":{"energy":12509998964.9100000001}}"#;
    let mut report = Vec::new();
    let frame = Frame {
        octets: message.as_bytes(),
        protocol: Protocol::Zigbee2mqtt,
        framing: None,
        received_at: Stamp { at: None, synchronised: true },
        source: None,
        input: None,
        profile: None,
    };
    Decoder::analyser(false).decode(&frame, &NothingKnown, None, &mut Heard::default(), &mut report);
    let report = String::from_utf8(report).unwrap();
    assert!(report.contains("\"value\":12509998964.9100000001,\"unit\":\"kW.h\""), "{report}");
    assert!(report.contains("\"name\":\"last_seen\",\"value\":null"), "its absence is marked: {report}");
}

#[test]
fn null_and_what_stands_for_none_is_no_value() {
    let exposes = json!([
        {"property": "energy", "unit": "kWh"}, {"property": "temperature", "unit": "°C"},
        {"property": "battery", "unit": "%"}, {"property": "power", "unit": "W"},
    ]);
    let payload = json!({"energy": 2814749767106.55, "temperature": -327.68, "battery": 127.5, "power": null});
    let (report, _) = decode(None, &json!({"topic": "z/a", "exposes": exposes, "payload": payload}), &NothingKnown);
    for name in ["energy", "temperature", "battery", "power"] {
        let [quantity, value, _, quality] = reading(&report, name);
        assert_eq!((value, quality), (&json!(null), &json!("not_available")), "{name}");
        assert_ne!(quantity, &json!("unknown"), "{name}");
    }
    let (report, _) = decode(None, &json!({"topic": "z/a", "payload": {"energy": 78187493.53}}), &NothingKnown);
    assert_eq!(reading(&report, "energy")[1], &json!(null), "nor without a unit");
}

#[test]
fn a_battery_has_millivolts_and_a_leak_is_an_alarm() {
    let exposes = json!([{"property": "voltage", "unit": "mV"}]);
    let payload = json!({"voltage": 3012, "water_leak": true, "battery_low": false});
    let (report, heard) = decode(None, &json!({"topic": "z/a", "exposes": exposes, "payload": payload}), &NothingKnown);
    assert_eq!(json!(reading(&report, "voltage")), json!(["battery.voltage", 3.012, "V", null]));
    assert_eq!(report["alarms"], json!(["leak"]));
    assert!(heard.alarms.contains(esh_core::Alarm::Leak));
}

#[test]
fn availability_says_whether_a_device_can_be_reached() {
    for (payload, reachable, value) in [
        (json!({"state": "offline"}), Some(false), json!("offline")),
        (json!({"state": "online"}), Some(true), json!("online")),
        (json!("offline"), Some(false), json!("offline")),
    ] {
        let message = json!({"topic": "z/kitchen/plug/availability", "payload": payload});
        let (report, heard) = decode(Some(Framing::Retained), &message, &NothingKnown);
        assert_eq!((heard.reachable, &report["error"]), (reachable, &json!(null)));
        assert_eq!(reading(&report, "availability")[1], &value);
        assert_eq!(report["meter"]["id"], json!("kitchen/plug"));
    }
}

#[test]
fn what_was_kept_counts_once_and_only_with_a_time() {
    let message =
        |last_seen: Value| json!({"topic": "z/0x00158d0001234567", "payload": {"energy": 1, "last_seen": last_seen}});
    let kept = Some(Framing::Retained);
    let (report, heard) = decode(kept, &message(json!(1_790_000_000_000u64)), &Before(1_789_999_999_999));
    assert_eq!((&report["error"], heard.counter), (&json!(null), Some(1_790_000_000_000)));
    let (report, heard) = decode(kept, &message(json!(1_790_000_000_000u64)), &Before(1_790_000_000_000));
    assert_eq!((&report["error"]["reason"], heard.counter), (&json!("replayed"), None));
    let (report, _) = decode(kept, &message(json!(null)), &NothingKnown);
    assert_eq!(report["error"]["field"], json!("last_seen"));
    // The same message as it comes is what it is, whatever came before.
    let (report, heard) = decode(None, &message(json!(1_790_000_000_000u64)), &Before(1_790_000_000_000));
    assert_eq!((&report["error"], heard.counter), (&json!(null), None));
}

#[test]
fn what_is_no_message_says_why() {
    for (message, field) in [
        ("x", "JSON text"),
        ("{}", "topic"),
        (r#"{"topic":"z/a"}"#, "payload"),
        (r#"{"topic":"z/a","payload":7}"#, "payload"),
    ] {
        let (report, _) = decode_text(None, message, &NothingKnown);
        assert_eq!(report["error"]["field"], json!(field), "{message}");
        assert_eq!(report["readings"], json!([]));
    }
}

#[test]
fn a_long_name_stays_another_than_its_neighbour() {
    let long = |end: &str| format!("{}{end}", "ä".repeat(40));
    let (a, b) = (of_name(&long("a")).unwrap(), of_name(&long("b")).unwrap());
    assert_ne!(a, b);
    assert!(of_name("").is_none());
}
