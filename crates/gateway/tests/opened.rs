//! Corpora of frames, opened: every member of a row's `expect` stands in the report's `opened`, and a broken frame is
//! refused. `ESH_CORPUS` names their folder.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod common;

use esh_core::Protocol;
use esh_gateway::analyse::{Keys, Options, decode_lines};
use serde_json::{Map, Value, json};

/// Members of a row that are about the frame and not of it.
const ABOUT: &[&str] = &[
    "expect",
    "error",
    "source",
    "sources",
    "peers",
    "license",
    "ok",
    "note",
    "kind",
    "source_expect",
    "asserts",
    "resolved",
    "ref_error",
    "resolved_if_lenient",
    "cbor_note",
    "mode_note",
];

/// Decodes rows as lines: a report for each.
fn reports(protocol: Protocol, rows: &[Value]) -> Vec<Value> {
    let mut lines = Vec::new();
    for row in rows {
        let mut line: Map<String, Value> = row.as_object().unwrap().clone();
        line.retain(|name, _| !ABOUT.contains(&name.as_str()));
        serde_json::to_writer(&mut lines, &line).unwrap();
        lines.push(b'\n');
    }
    let options = Options::of(protocol, Keys::default());
    let mut out = Vec::new();
    decode_lines(&options, 2, lines.as_slice(), &mut out, &|report, into| into.extend_from_slice(report)).unwrap();
    let reports: Vec<Value> = out
        .split(|octet| *octet == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    assert_eq!(reports.len(), rows.len());
    reports
}

/// Everything that is expected is there; what is not said is not asked for.
fn same(want: &Value, got: &Value) -> bool {
    match (want, got) {
        (Value::Null, _) => true,
        (Value::Object(want), Value::Object(got)) => {
            want.iter().all(|(name, want)| same(want, got.get(name).unwrap_or(&Value::Null)))
        }
        (Value::Array(want), Value::Array(got)) => {
            want.len() == got.len() && want.iter().zip(got).all(|(want, got)| same(want, got))
        }
        (Value::Number(want), Value::Number(got)) => want.as_f64() == got.as_f64(),
        (Value::String(want), Value::String(got)) => {
            want.trim_start_matches("0x").eq_ignore_ascii_case(got.trim_start_matches("0x"))
        }
        // The text of a number, where a corpus has it as text.
        (Value::String(want), Value::Number(got)) => *want == got.to_string(),
        _ => want == got,
    }
}

fn opens(protocol: Protocol, corpus: &str) {
    let Some(rows) = common::corpus(corpus) else { return };
    let rows: Vec<Value> = rows
        .into_iter()
        .filter(|row| row["stream"] != json!(true))
        .filter(|row| {
            ["hex", "json", "cbor", "text"].iter().any(|name| !row[*name].is_null() && row[*name] != json!(""))
        })
        .collect();
    let mut wrong = Vec::new();
    for (row, report) in rows.iter().zip(reports(protocol, &rows)) {
        let expect = match (&row["expect"], &row["resolved"]) {
            (Value::Null, resolved) => resolved.clone(),
            (expect, _) => expect.clone(),
        };
        let expect = if expect.is_array() { json!({ "records": expect }) } else { expect };
        let broken = !row["error"].is_null() || row["ok"] == json!(false) || !row["ref_error"].is_null();
        let broken = broken || expect.get("error").is_some();
        let right = if broken { !report["error"].is_null() } else { same(&expect, &report["opened"]) };
        if !right {
            wrong.push(format!("{}: {} is not {expect} ({})", row["id"], report["opened"], report["error"]));
        }
    }
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
    println!("{corpus}: {} rows", rows.len());
}

#[test]
fn coap() {
    opens(Protocol::Coap, "coap.jsonl");
}

#[test]
fn lwm2m() {
    opens(Protocol::Lwm2m, "lwm2m.jsonl");
}

#[test]
fn senml() {
    opens(Protocol::Senml, "senml.jsonl");
}

#[test]
fn lorawan() {
    opens(Protocol::Lorawan, "lorawan-phy.jsonl");
}

#[test]
fn gwmp() {
    opens(Protocol::Gwmp, "lorawan-gwmp.jsonl");
}

/// The layers of sniffed frames, each under its name.
#[test]
fn zigbee_frames() {
    const LAYERS: [&str; 8] = ["mac", "nwk", "aps", "gp", "mac_payload", "nwk_payload", "aps_payload", "gp_payload"];
    let Some(rows) = common::corpus("zigbee-frames.jsonl") else { return };
    let rows: Vec<Value> = rows.into_iter().filter(|row| row["kind"] == "ota_frame").collect();
    let lines: Vec<Value> = rows
        .iter()
        .map(|row| json!({ "id": row["name"], "hex": row["hex"], "network_key": row["network_key"], "link_key": row["link_key"] }))
        .collect();
    for (row, report) in rows.iter().zip(reports(Protocol::Zigbee, &lines)) {
        assert_eq!(report["error"], Value::Null, "{}", row["name"]);
        for layer in LAYERS.iter().filter(|layer| !row[**layer].is_null()) {
            let (want, got) = (&row[*layer], &report["opened"][*layer]);
            assert!(same(want, got), "{} {layer}: {got} is not {want}", row["name"]);
        }
    }
}

/// The headers of ZCL frames; payloads that contradict themselves among them.
#[test]
fn zigbee_cluster_library() {
    let Some(rows) = common::corpus("zigbee-zcl.jsonl") else { return };
    let rows: Vec<Value> = rows.into_iter().filter(|row| row["header"].is_object()).collect();
    let lines: Vec<Value> =
        rows.iter().map(|row| json!({ "layer": "zcl", "hex": row["hex"], "cluster_id": row["cluster_id"] })).collect();
    for (row, report) in rows.iter().zip(reports(Protocol::Zigbee, &lines)) {
        assert_eq!(report["error"], Value::Null, "{row}");
        let (want, zcl) = (&row["header"], &report["opened"]["zcl"]);
        for member in ["tsn", "command_id", "frame_type", "manufacturer_code"] {
            assert!(same(&want[member], &zcl["header"][member]), "{member} of {row}: {zcl}");
        }
        if want["frame_type"] == "global" {
            assert!(same(&row["command"], &zcl["command"]), "{row}: {zcl}");
        }
    }
}

/// Totals, exact, and the code for none as no value.
#[test]
fn zigbee_metering() {
    let Some(rows) = common::corpus("zigbee-metering.jsonl") else { return };
    let is_total = |row: &Value| {
        row["kind"] == "zcl"
            && row["decoded"].as_object().is_some_and(|of| of.len() == 1 && of.contains_key("currentSummDelivered"))
    };
    let rows: Vec<Value> = rows.into_iter().filter(is_total).collect();
    let lines: Vec<Value> = rows
        .iter()
        .map(|row| {
            json!({ "layer": "zcl", "hex": row["hex"], "cluster_id": row["cluster"], "scaling": row["scaling"]["seMetering"] })
        })
        .collect();
    for (row, report) in rows.iter().zip(reports(Protocol::Zigbee, &lines)) {
        let raw = row["decoded"]["currentSummDelivered"].as_u64().unwrap();
        let readings = report["readings"].as_array().unwrap();
        if raw == 0xffff_ffff_ffff {
            assert!(readings.iter().all(|reading| reading["value"].is_null()), "{report}");
            continue;
        }
        let scale = |name: &str| row["scaling"]["seMetering"][name].as_u64().filter(|scale| *scale > 0).unwrap_or(1);
        let text = readings[0]["value"].to_string();
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let digits: u128 = format!("{whole}{fraction}").parse().unwrap();
        let told = digits * u128::from(scale("divisor"));
        let meant = u128::from(raw) * u128::from(scale("multiplier")) * 10u128.pow(fraction.len() as u32);
        assert_eq!(told, meant, "{} of {row}", readings[0]);
    }
}

#[test]
fn modbus() {
    opens(Protocol::Modbus, "modbus-adu.jsonl");
}
