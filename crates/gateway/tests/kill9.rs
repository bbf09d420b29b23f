//! The gateway is killed at random while telegrams flow into a real Mosquitto: what was answered `ok` arrives, and what
//! the gateway knew it knows again.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use common::{Broker, Client, Program, Subscriber, free_port, plain_telegram, rounds, try_connect};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

fn configure(folder: &Path, lines: u16, sink: &str, more: &str) {
    let text = format!(
        "name = \"g\"\ndata = \"data\"\n{more}\n[[source]]\nkind = \"lines\"\nprotocol = \"wmbus\"\n\
         listen = \"tcp://127.0.0.1:{lines}\"\nack = true\n[[sink]]\n{sink}\n"
    );
    std::fs::write(folder.join("gateway.toml"), text).unwrap();
}

/// Sends telegrams until it is told to stop or the connection ends, and notes which were answered `ok`.
async fn send(port: u16, from: u32, until: Instant) -> (u32, Vec<u32>) {
    let (mut n, mut pending, mut taken) = (from, std::collections::VecDeque::new(), Vec::new());
    // Some are killed before they listen.
    let Ok(stream) = try_connect(port, Duration::from_secs(1)).await else { return (n, taken) };
    let mut client = Client::of(stream);
    while Instant::now() < until {
        while pending.len() < 100 {
            use tokio::io::AsyncWriteExt as _;
            if client.output.write_all(format!("{}\n", plain_telegram(n)).as_bytes()).await.is_err() {
                return (n + 1, taken);
            }
            pending.push_back(n);
            n += 1;
        }
        let answer = client.hear().await;
        match (answer.as_str(), pending.pop_front()) {
            ("ok", Some(sent)) => taken.push(sent),
            ("", _) => break,
            (other, _) => panic!("{other}"),
        }
    }
    (n, taken)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_ok_arrives_through_every_kill() {
    let Some(broker) = Broker::start().await else { return };
    let (folder, lines) = (tempfile::tempdir().unwrap(), free_port());
    let sink = format!("kind = \"mqtt\"\nurl = \"mqtt://127.0.0.1:{}\"", broker.port);
    configure(folder.path(), lines, &sink, "[queue]\nsize = \"64 MiB\"\nsegment = \"256 KiB\"");
    let subscriber = Subscriber::start(broker.port, "esh/v1/g/+/#").await;
    let (mut next, mut taken) = (1, HashSet::new());
    for round in 0..rounds("ESH_KILLS", 10) {
        let mut program = Program::start(folder.path());
        // However long a busy machine takes to start it.
        drop(common::connect(lines).await);
        let wait = Duration::from_millis(u64::from(150 + round * 7919 % 350));
        let sending = tokio::spawn(send(lines, next, Instant::now() + Duration::from_secs(20)));
        tokio::time::sleep(wait).await;
        program.kill();
        let (sent, answered) = sending.await.unwrap();
        next = sent + 1000;
        taken.extend(answered);
    }
    let _program = Program::start(folder.path());
    assert!(taken.len() > 200, "{} were answered", taken.len());
    let missing = tokio::task::spawn_blocking(move || {
        let mut ids: HashMap<String, String> = HashMap::new();
        let mut copies = 0;
        while !taken.is_empty()
            && let Some(message) = subscriber.next(Duration::from_secs(20))
        {
            let Ok(report) = serde_json::from_str::<Value>(&message.payload) else { continue };
            if report["schema"] != "esh.report.v1" {
                continue;
            }
            let (frame, id) = (report["frame"].as_str().unwrap().to_owned(), report["id"].as_str().unwrap().to_owned());
            if let Some(number) = report["meter"]["id"].as_str() {
                taken.remove(&number.parse().unwrap());
            }
            if let Some(before) = ids.insert(frame, id.clone()) {
                assert_eq!(before, id, "a duplicate has the id of the first");
                copies += 1;
            }
        }
        println!("{copies} duplicates of {}", ids.len());
        taken.len()
    });
    assert_eq!(missing.await.unwrap(), 0, "telegrams answered `ok` that did not arrive");
    let verify = Command::new(env!("CARGO_BIN_EXE_esh-gateway"))
        .args(["queue", "stat", "--json", "--config"])
        .arg(folder.path().join("gateway.toml"))
        .output();
    let stat: Value = serde_json::from_slice(&verify.unwrap().stdout).unwrap();
    assert_eq!(stat["dropped"], 0);
}

fn reports(folder: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("out.jsonl")).unwrap_or_default();
    let reports = text.lines().filter_map(|line| serde_json::from_str(line).ok());
    reports.filter(|report: &Value| report["schema"] == "esh.report.v1").collect()
}

/// The reports, once those that matter are of so many frames: a file's last lines may come again after a kill.
async fn wait_for(folder: &Path, count: usize, matters: fn(&Value) -> bool) -> Vec<Value> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let reports = reports(folder);
        let frames: HashSet<_> =
            reports.iter().filter(|report| matters(report)).map(|report| report["frame"].to_string()).collect();
        if frames.len() >= count {
            return reports;
        }
        assert!(Instant::now() < deadline, "{} of {count} frames", frames.len());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_duplicate_is_one_after_a_kill_and_a_restart() {
    let (folder, lines) = (tempfile::tempdir().unwrap(), free_port());
    configure(folder.path(), lines, "kind = \"file\"\npath = \"out.jsonl\"", "");
    for orderly in [false, true] {
        let mut program = Program::start(folder.path());
        let mut client = Client::connect(lines).await;
        for n in 1..=50 {
            assert_eq!(client.ask(&plain_telegram(n)).await, "ok");
        }
        if orderly {
            // A snapshot then holds what the entries told before.
            let pid = program.0.id().to_string();
            assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
            assert!(program.0.wait().unwrap().success());
        } else {
            program.kill();
        }
    }
    let _program = Program::start(folder.path());
    let mut client = Client::connect(lines).await;
    for n in (1..=50).chain([51]) {
        assert_eq!(client.ask(&plain_telegram(n)).await, "ok");
    }
    let reports = wait_for(folder.path(), 51, |_| true).await;
    let distinct: HashSet<_> = reports.iter().map(|report| report["frame"].to_string()).collect();
    let ids: HashSet<_> = reports.iter().map(|report| report["id"].to_string()).collect();
    assert_eq!((distinct.len(), ids.len()), (51, 51));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_counter_is_refused_after_a_kill() {
    let (folder, lines) = (tempfile::tempdir().unwrap(), free_port());
    let more = "keys = \"keys.toml\"\n[deduplicate]\nwindow = \"0s\"";
    configure(folder.path(), lines, "kind = \"file\"\npath = \"out.jsonl\"", more);
    let simulate = Command::new(env!("CARGO_BIN_EXE_esh-gateway"))
        .args(["simulate", "wmbus", "--count", "36", "--meters", "12", "--keys"])
        .arg(folder.path().join("keys.toml"))
        .output();
    let telegrams = String::from_utf8(simulate.unwrap().stdout).unwrap();
    let telegrams: Vec<_> = telegrams.lines().collect();
    for part in telegrams.chunks(12) {
        let mut program = Program::start(folder.path());
        let mut client = Client::connect(lines).await;
        for telegram in part {
            assert_eq!(client.ask(telegram).await, "ok");
        }
        program.kill();
    }
    let program = Program::start(folder.path());
    let before = wait_for(folder.path(), 36, |_| true).await;
    let counted: HashSet<_> = before
        .iter()
        .filter(|report| report["error"].is_null() && !report["counter"].is_null())
        .map(|report| report["frame"].to_string())
        .collect();
    assert!(counted.len() >= 12, "{} telegrams with a counter", counted.len());
    drop(program);
    std::fs::remove_file(folder.path().join("out.jsonl")).unwrap();
    let _program = Program::start(folder.path());
    let mut client = Client::connect(lines).await;
    for telegram in &telegrams {
        assert_eq!(client.ask(telegram).await, "ok");
    }
    // Each old counter is refused as a replay.
    let again = wait_for(folder.path(), counted.len(), |report| report["error"]["reason"] == "replayed").await;
    let refused = again.iter().filter(|report| report["error"]["reason"] == "replayed");
    assert!(refused.into_iter().all(|report| counted.contains(&report["frame"].to_string())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compact_frame_is_understood_after_a_kill() {
    let Some(rows) = common::corpus("wmbus.jsonl") else { return };
    let (folder, lines) = (tempfile::tempdir().unwrap(), free_port());
    let mut keys = String::new();
    let compact: Vec<_> =
        rows.iter().filter(|row| row["prior"].as_array().is_some_and(|prior| !prior.is_empty())).collect();
    assert!(!compact.is_empty());
    for row in &compact {
        if let (Some(id), Some(key)) = (row["addr"].as_str(), row["key"].as_str()) {
            keys += &format!("[[key]]\nmeter = \"wmbus:*:{}:*\"\nkey = \"{key}\"\n", id.to_lowercase());
        }
    }
    std::fs::write(folder.path().join("keys.toml"), keys).unwrap();
    configure(folder.path(), lines, "kind = \"file\"\npath = \"out.jsonl\"", "keys = \"keys.toml\"");
    for step in 0..2 {
        let mut program = Program::start(folder.path());
        let mut client = Client::connect(lines).await;
        for row in &compact {
            let prior = row["prior"].as_array().unwrap();
            let hexes = if step == 0 { prior.clone() } else { vec![row["hex"].clone()] };
            for hex in hexes {
                assert_eq!(client.ask(hex.as_str().unwrap()).await, "ok");
            }
        }
        if step == 1 {
            let deadline = Instant::now() + Duration::from_secs(20);
            for row in &compact {
                let frame = row["hex"].as_str().unwrap().to_lowercase();
                let of_frame = |reports: Vec<Value>| reports.into_iter().find(|report| report["frame"] == *frame);
                let report = loop {
                    match of_frame(reports(folder.path())) {
                        Some(report) => break report,
                        None => assert!(Instant::now() < deadline, "no report of {frame}"),
                    }
                    tokio::time::sleep(Duration::from_millis(10)).await;
                };
                assert!(!report["readings"].as_array().unwrap().is_empty(), "{report}");
            }
        }
        program.kill();
    }
}
