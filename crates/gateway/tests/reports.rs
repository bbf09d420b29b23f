//! Every report of a corpus: valid against the schema, the same through the owned form, the same from any number of
//! threads, and in the order of its lines.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::corpus;
use esh_core::Protocol;
use esh_core::report::Report;
use esh_gateway::analyse::{Keys, Options, decode_lines};
use serde_json::{Value, json};

fn options() -> Options {
    Options::of(Protocol::Wmbus, Keys::default())
}

fn reports(lines: &str, threads: usize) -> Vec<String> {
    let mut output = Vec::new();
    let print = |report: &[u8], into: &mut Vec<u8>| into.extend_from_slice(report);
    decode_lines(&options(), threads, lines.as_bytes(), &mut output, &print).unwrap();
    String::from_utf8(output).unwrap().lines().map(str::to_owned).collect()
}

/// All frames of all M-Bus corpora as lines, each after the frames that are to come before it.
fn lines() -> Option<Vec<String>> {
    let mut lines = Vec::new();
    for name in ["wmbus.jsonl", "wmbus-security.jsonl", "mbus-wired.jsonl", "mbus-records.jsonl"] {
        for row in corpus(name)? {
            let member =
                |hex: &Value| json!({"id": lines.len(), "hex": hex, "key": row["key"], "format": row.get("format")});
            let prior = row["prior"].as_array().cloned().unwrap_or_default();
            let row_lines: Vec<String> = prior.iter().chain([&row["hex"]]).map(|hex| member(hex).to_string()).collect();
            lines.extend(row_lines);
        }
    }
    Some(lines)
}

#[test]
fn every_report_is_valid_and_survives_its_owned_form() {
    let Some(lines) = lines() else { return };
    let schema = include_str!("../schema/esh.report.v1.json");
    let schema = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    let reports = reports(&lines.join("\n"), 1);
    assert_eq!(reports.len(), lines.len());
    for report in &reports {
        let value: Value = serde_json::from_str(report).unwrap();
        if let Some(error) = schema.iter_errors(&value).next() {
            panic!("{error} at {} in {report}", error.instance_path);
        }
        let owned: Report = serde_json::from_str(report).unwrap();
        assert_eq!(&serde_json::to_string(&owned).unwrap(), report, "the owned form writes the same octets");
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let Some(lines) = lines() else { return };
    // Enough for many blocks, so that what one block teaches another must know.
    let lines = format!("{}\n", lines.join("\n")).repeat(20);
    let one = reports(&lines, 1);
    for threads in [2, 3, 8] {
        assert_eq!(reports(&lines, threads), one);
    }
}

/// M-Bus records that LoRaWAN, NB-IoT and the like carry: no frame, no meter, octets of their own before them.
#[test]
fn bare_records_are_read_behind_a_stated_number_of_octets() {
    let lines = [
        r#"{"format":"records","hex":"0413d2040000"}"#,
        r#"{"format":"records+2","hex":"aabb0413d2040000426c9f2c4413010000004b6e"}"#,
        r#"{"format":"records+2","hex":"aabb"}"#,
        r#"{"format":"records+3","hex":"aabb"}"#,
        r#"{"format":"records+x","hex":"aabb"}"#,
    ];
    let reports: Vec<Value> =
        reports(&lines.join("\n"), 1).iter().map(|report| serde_json::from_str(report).unwrap()).collect();
    let values = |report: &Value| {
        let readings = report["readings"].as_array().unwrap().iter();
        readings.map(|reading| (reading["value"].to_string(), reading["at"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(values(&reports[0]), [("1.234".into(), Value::Null)]);
    assert_eq!(reports[0]["meter"], Value::Null);
    assert_eq!(reports[0]["security"]["state"], "none");
    assert_eq!(reports[0]["error"], Value::Null);
    assert_eq!(
        values(&reports[1]),
        [("1.234".into(), Value::Null), ("\"2020-12-31\"".into(), Value::Null), ("0.001".into(), "2020-12-31".into())]
    );
    assert_eq!((&reports[1]["error"]["reason"], &reports[1]["error"]["octet"]), (&json!("truncated"), &json!(20)));
    assert_eq!(reports[2]["error"], Value::Null);
    assert_eq!(reports[3]["error"]["field"], "octets before the records");
    assert_eq!(reports[4]["error"]["field"], "format");
}

/// Frames of Modbus in every mode and in a stream: what the carrier found stands in `opened`.
#[test]
fn frames_of_modbus_are_opened() {
    let lines = [
        r#"{"mode":"rtu","dir":"response","hex":"010304000201f45be4"}"#,
        r#"{"mode":"tcp","dir":"request","hex":"001300000005112b0e0100"}"#,
        r#"{"mode":"ascii","dir":"response","hex":"3a31313037303045380d0a"}"#,
        r#"{"stream":true,"dir":"response","hex":"00ff830110010304000201f45be4"}"#,
        r#"{"mode":"rtu","dir":"response","hex":"010304000201f45be5"}"#,
        r#"{"mode":"carrier pigeon","hex":"00"}"#,
        "11890b0792",
    ];
    let schema = include_str!("../schema/esh.report.v1.json");
    let schema = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    let options = Options { protocol: Protocol::Modbus, ..options() };
    let mut output = Vec::new();
    let print = |report: &[u8], into: &mut Vec<u8>| into.extend_from_slice(report);
    decode_lines(&options, 2, lines.join("\n").as_bytes(), &mut output, &print).unwrap();
    let reports: Vec<Value> =
        String::from_utf8(output).unwrap().lines().map(|report| serde_json::from_str(report).unwrap()).collect();
    assert!(reports.iter().all(|report| schema.is_valid(report) && report["meter"] == Value::Null));
    let opened: Vec<&Value> = reports.iter().map(|report| &report["opened"]).collect();
    assert_eq!(opened[0], &json!({"unit": 1, "function": 3, "byte_count": 4, "registers": [2, 500], "crc_ok": true}));
    assert_eq!((&opened[1]["transaction"], &opened[1]["mei"]), (&json!(19), &json!(14)));
    assert_eq!((&opened[2]["status"], &opened[2]["lrc_ok"]), (&json!(0), &json!(true)));
    assert_eq!(opened[3], &json!({"frames": [{"offset": 5, "length": 9, "unit": 1, "function": 3}]}));
    assert_eq!((&opened[4]["crc_ok"], &reports[4]["error"]["reason"]), (&json!(false), &json!("checksum")));
    assert_eq!(reports[5]["error"]["field"], "mode");
    assert_eq!((&opened[6]["exception_name"], &opened[6]["function"]), (&json!("gateway_target_failed"), &json!(9)));
}

/// What a water meter sends over LoRaWAN: a CI field, then records with an hourly history.
#[test]
fn a_history_inside_lorawan_is_read() {
    let line = r#"{"format":"records+1","hex":"78446d0024343a441301dd14004d93132262017d017a017d0179017e0179017d017a017d0179017c017a017c0179017d017a01"}"#;
    let report: Value = serde_json::from_str(&reports(line, 1)[0]).unwrap();
    assert_eq!(report["error"], Value::Null);
    let readings = report["readings"].as_array().unwrap();
    assert_eq!(readings.len(), 18);
    let told = |place: usize| (readings[place]["at"].as_str().unwrap(), readings[place]["value"].to_string());
    assert_eq!(told(1), ("2025-10-20T04:00", "1367.297".into()));
    assert_eq!(told(2), ("2025-10-20T03:00", "1366.916".into()));
    assert_eq!(told(17).0, "2025-10-19T12:00");
    assert_eq!(readings[17]["value"].as_f64(), Some(1361.23));
}

#[test]
fn rubbish_is_answered_line_by_line() {
    let endless = "4".repeat(200_000);
    let lines = [
        "",
        "zz",
        "2e4",
        "{\"hex\":5}",
        "{\"hex\":\"44\",\"format\":\"C\"}",
        "{",
        "{\"hex\":\"44\",\"key\":\"12\"}",
        &endless,
        "e5",
    ];
    let reports = reports(&lines.join("\n"), 2);
    let reasons: Vec<_> = reports
        .iter()
        .map(|report| serde_json::from_str::<Value>(report).unwrap()["error"]["reason"].as_str().map(str::to_owned))
        .collect();
    let reasons: Vec<_> = reasons.iter().map(|reason| reason.as_deref().unwrap_or("-")).collect();
    assert_eq!(
        reasons,
        ["malformed", "truncated", "malformed", "malformed", "malformed", "malformed", "too_long", "-"]
    );
}
