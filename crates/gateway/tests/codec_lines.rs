//! `decode lorawan` with payload codecs: lines in, reports out.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use esh_core::Protocol;
use esh_core::report::Report;
use esh_gateway::analyse::{self, Keys, Options, decode_lines};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/codecs").join(name)
}

fn options() -> Options {
    Options::of(Protocol::Lorawan, Keys::default())
}

/// Reports of lines: valid against the schema, and the same through the owned form.
fn reports(options: &Options, lines: &str, threads: usize) -> Vec<Value> {
    let schema = include_str!("../schema/esh.report.v1.json");
    let schema = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    let mut output = Vec::new();
    let print = |report: &[u8], into: &mut Vec<u8>| into.extend_from_slice(report);
    decode_lines(options, threads, lines.as_bytes(), &mut output, &print).unwrap();
    let each = |report: &str| {
        let value: Value = serde_json::from_str(report).unwrap();
        if let Some(error) = schema.iter_errors(&value).next() {
            panic!("{error} at {} in {report}", error.instance_path);
        }
        let owned: Report = serde_json::from_str(report).unwrap();
        assert_eq!(serde_json::to_string(&owned).unwrap(), report, "the owned form writes the same octets");
        let mut text = Vec::new();
        analyse::print_text(report.as_bytes(), false, &mut text);
        assert!(!text.is_empty());
        value
    };
    String::from_utf8(output).unwrap().lines().map(each).collect()
}

fn program(arguments: &[&str], zone: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_esh-gateway"));
    command.env("TZ", zone).arg("decode").arg("lorawan").args(arguments).output().unwrap()
}

#[cfg(not(feature = "codec"))]
#[test]
fn a_program_without_codecs_says_what_to_do() {
    let water = file("water.js");
    let reports = reports(&options(), &json!({"codec": water, "fPort": 2, "hex": "00"}).to_string(), 1);
    let error = &reports[0]["error"];
    assert_eq!(
        (&error["layer"], &error["field"], &error["reason"]),
        (&json!("application"), &json!("codec"), &json!("unsupported"))
    );
    assert!(error["message"].as_str().unwrap().contains("build it with --features codec"), "{error}");
    let output = program(&["--codec", water.to_str().unwrap(), "--port", "2", "00"], "UTC");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("build it with --features codec"));
}

#[cfg(feature = "codec")]
mod with_codecs {
    use super::*;
    use esh_gateway::analyse::DefaultCodec;
    use esh_gateway::codec::Codec;

    #[test]
    fn a_line_names_its_codec() {
        let (water, legacy) = (file("water.js"), file("legacy.js"));
        let lines = [
            json!({"id": 1, "codec": water, "fPort": 2, "hex": "d2040000100e01", "recvTime": "2026-11-22T05:00:00Z", "variables": {"site": "a"}}),
            json!({"id": 2, "codec": water, "fPort": 2, "bytes": [210, 4, 0, 0, 184, 11, 0]}),
            json!({"id": 3, "codec": water, "fPort": 3, "hex": "00"}),
            json!({"id": 4, "codec": water, "fPort": 2, "bytes": []}),
            json!({"id": 5, "codec": legacy, "fPort": 9, "hex": "0102"}),
            json!({"id": 6, "codec": "no/such/file.js", "fPort": 9, "hex": "0102"}),
            json!({"id": 7, "codec": "/dev/zero", "fPort": 9, "hex": "0102"}),
            json!({"id": 8, "codec": water, "hex": "0102"}),
            json!({"id": 9, "codec": water, "fPort": 2, "hex": "d2040000540b00"}),
            // A frame beside them: what names no codec is one, with its port or without.
            json!({"id": 10, "hex": "40f17dbe4900020001954378762b11ff0d"}),
        ];
        let text = lines.map(|line| line.to_string()).join("\n");
        let told = reports(&options(), &text, 1);
        assert_eq!(reports(&options(), &text, 3), told);
        assert!(told.iter().zip(1..).all(|(report, id)| report["input"] == id));
        let data = |at: usize| &told[at - 1]["data"];
        let error = |at: usize| (told[at - 1]["error"]["reason"].clone(), told[at - 1]["error"]["message"].to_string());
        assert_eq!(
            *data(1),
            json!({"litres": 1234, "battery": 3.6, "leak": true, "received": "2026-11-22T05:00:00.000Z", "site": "a"})
        );
        assert_eq!(told[0]["received_at"], "2026-11-22T05:00:00.000Z");
        assert_eq!(told[0]["alarms"], json!(["leak"]));
        assert_eq!(told[0]["opened"], json!({"fport": 2}));
        assert_eq!(
            (&told[0]["frame"], &told[0]["meter"], &told[0]["error"]),
            (&json!("d2040000100e01"), &Value::Null, &Value::Null)
        );
        let readings = told[0]["readings"].as_array().unwrap().iter();
        let readings: Vec<_> = readings
            .map(|reading| (reading["quantity"].as_str().unwrap(), reading["value"].to_string(), &reading["unit"]))
            .collect();
        assert_eq!(
            readings,
            [("volume", "1.234".into(), &json!("m3")), ("battery.voltage", "3.6".into(), &json!("V"))]
        );
        assert_eq!(*data(2), json!({"litres": 1234, "battery": 3, "leak": false}));
        assert_eq!(told[1]["received_at"], Value::Null);
        assert_eq!(told[1].get("warnings"), None);
        assert_eq!(error(3), (json!("malformed"), "\"application layer (codec): unknown port 3\"".into()));
        assert_eq!(error(4), (json!("malformed"), "\"application layer (codec): short payload: 0 octets\"".into()));
        assert_eq!(*data(5), json!({"port": 9, "value": 258}));
        for at in [6, 7] {
            assert_eq!(error(at).0, "unsupported");
            assert!(error(at).1.contains("cannot be read"), "{}", error(at).1);
        }
        assert_eq!((&told[7]["error"]["layer"], &told[7]["error"]["field"]), (&json!("line"), &json!("fPort")));
        assert_eq!(told[8]["warnings"], json!(["battery low"]));
        assert_eq!((&told[9]["opened"]["mtype"], told[9].get("data")), (&json!("UnconfirmedDataUp"), None));
    }

    #[test]
    fn the_command_names_one_for_all_lines() {
        let codec = Codec::load(&file("legacy.js")).unwrap();
        let options = Options { codec: Some(DefaultCodec { codec, port: Some(4) }), ..options() };
        let told = reports(&options, "0102\n{\"hex\":\"0304\",\"fPort\":5}\nxyz\n", 1);
        assert_eq!(told[0]["data"], json!({"port": 4, "value": 258}));
        assert_eq!(told[1]["data"], json!({"port": 5, "value": 772}));
        assert_eq!(told[2]["error"]["field"], "hexadecimal digit");
    }

    #[test]
    fn the_zone_of_the_machine_is_none_of_a_codecs_business() {
        let folder = tempfile::tempdir().unwrap();
        let script = folder.path().join("times.js");
        std::fs::write(
            &script,
            "function decodeUplink() { const d = new Date(2026, 6, 1, 12); d.setHours(d.getHours() + 1); return { data: [d, \
             String(d), d.getTimezoneOffset(), new Date('2026-07-01T12:00:00'), new Date('1 Jul 2026 12:00')] }; }",
        )
        .unwrap();
        let arguments = ["--codec", script.to_str().unwrap(), "--port", "1", "00"];
        let utc = program(&arguments, "UTC");
        assert_eq!(utc.status.code(), Some(0), "{utc:?}");
        let report: Value = serde_json::from_slice(&utc.stdout).unwrap();
        assert_eq!(report["data"][0], "2026-07-01T13:00:00.000Z");
        assert_eq!((&report["data"][2], &report["data"][3]), (&json!(0), &json!("2026-07-01T12:00:00.000Z")));
        for zone in ["Asia/Tokyo", "America/New_York", "Europe/Minsk"] {
            assert_eq!(
                String::from_utf8(program(&arguments, zone).stdout),
                String::from_utf8(utc.stdout.clone()),
                "{zone}"
            );
        }
    }

    #[test]
    fn wrong_usage_is_told() {
        let water = file("water.js");
        let water = water.to_str().unwrap();
        for (arguments, words) in [
            (&["--codec", water, "00"][..], "add --port"),
            (&["--codec", "no/such.js", "--port", "1", "00"], "cannot be read"),
            (&["--codec", water, "--port", "300", "00"], "300"),
            (&["--codec", water, "--port", "1", "--explain", "00"], "--explain"),
        ] {
            let output = program(arguments, "UTC");
            let told = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(2), "{arguments:?}: {told}");
            assert!(told.contains(words), "{arguments:?}: {told}");
        }
        let mut other = Command::new(env!("CARGO_BIN_EXE_esh-gateway"));
        let output = other.args(["decode", "wmbus", "--codec", water, "--port", "1", "00"]).output().unwrap();
        assert!(String::from_utf8(output.stderr).unwrap().contains("decode lorawan"));
        assert_eq!(program(&["--codec", water, "--port", "2", "00"], "UTC").status.code(), Some(1), "a short payload");
    }
}
