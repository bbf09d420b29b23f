//! What a newcomer does first: `demo`, `simulate`, `decode`, as programs.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use serde_json::Value;
use std::io::Write;
use std::process::{Command, Output, Stdio};

fn gateway(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_esh-gateway"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn text(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

#[test]
fn the_demo_shows_exact_readings_of_every_model() {
    let output = gateway(&["demo", "--for", "3"], b"");
    assert!(output.status.success(), "{output:?}");
    for word in ["volume", "energy", "energy.active.import", "hca", "temperature.ambient", "humidity"] {
        assert!(text(&output).contains(word), "{word} in {}", text(&output));
    }
    assert!(!text(&output).contains("layer, octet"), "no telegram of ours fails: {}", text(&output));
}

#[test]
fn simulated_telegrams_decode_with_their_keys_and_are_the_same_for_the_same_seed() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys.toml");
    let keys = keys.to_str().unwrap();
    let arguments = ["simulate", "wmbus", "--count", "120", "--meters", "12", "--seed", "7", "--keys", keys];
    let telegrams = gateway(&arguments, b"");
    assert_eq!(telegrams.stdout, gateway(&arguments, b"").stdout);
    let decoded = gateway(&["decode", "wmbus", "--keys", keys], &telegrams.stdout);
    assert!(decoded.status.success(), "{decoded:?}");
    let reports: Vec<Value> = text(&decoded).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(reports.len(), 120);
    assert!(reports.iter().all(|report| report["error"].is_null() && report["readings"].as_array().unwrap().len() > 1));
    let encrypted = reports.iter().filter(|report| report["security"]["state"] == "decrypted").count();
    assert_eq!(encrypted, 100, "all but the heat cost allocators encrypt");
    let without = gateway(&["decode", "wmbus"], &telegrams.stdout);
    assert_eq!(without.status.code(), Some(1));
    let refused = text(&without).lines().filter(|line| line.contains("\"reason\":\"no_key\"")).count();
    assert_eq!(refused, 100);
}

#[test]
fn explain_shows_every_octet_and_exit_statuses_are_kept() {
    let telegram = "1844ae4c4455223368077a55000000041389e20100023b0000";
    let explained = gateway(&["decode", "wmbus", "--explain", telegram], b"");
    assert!(explained.status.success());
    for word in ["L-field", "C-field", "SND_NR", "manufacturer: SEN", "short header", "VIF", "volume", "123.529"] {
        assert!(text(&explained).contains(word), "{word} in {}", text(&explained));
    }
    // Without its key a telegram is explained as far as it is in plain, octets beside the fields they are.
    let telegrams = gateway(&["simulate", "wmbus", "--meters", "6", "--count", "1"], b"");
    let locked = gateway(&["decode", "wmbus", "--explain", text(&telegrams).trim()], b"");
    let row =
        |offset: &str| text(&locked).lines().find(|line| line.trim_start().starts_with(offset)).unwrap().to_owned();
    assert!(row("0  ").contains("L-field"), "{}", text(&locked));
    assert!(row("10  ").contains("10  7a ") && row("10  ").contains("CI field: 122"), "{}", text(&locked));
    assert_eq!(gateway(&["decode", "nonsense", "00"], b"").status.code(), Some(2));
    assert_eq!(gateway(&["decode", "wmbus", "zz"], b"").status.code(), Some(1));
    let json = gateway(&["decode", "mbus", "e5"], b"");
    assert!(json.status.success());
    let report: Value = serde_json::from_str(text(&json)).unwrap();
    assert!(report["meter"].is_null() && report["received_at"].is_null());
}
