//! The whole line into a real Apache Kafka, read back by kcat.
#![cfg(feature = "kafka")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use common::kafka::{Got, Kafka, Kcat};
use common::{Client, Program, free_port, line, page, says, send_until, telegram};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const READINGS: &str = "esh.readings.v1";

fn configure(folder: &Path, (lines, http): (u16, u16), broker: u16, sink: &str) {
    let text = format!(
        "name = \"g\"\ndata = \"data\"\n[http]\nlisten = \"127.0.0.1:{http}\"\n[queue]\nsize = \"256 MiB\"\n[[source]]\n\
         kind = \"lines\"\nprotocol = \"wmbus\"\nlisten = \"tcp://127.0.0.1:{lines}\"\nack = true\n[[sink]]\nkind = \"kafka\"\n\
         brokers = [\"127.0.0.1:{broker}\"]\n{sink}\n"
    );
    std::fs::write(folder.join("gateway.toml"), text).unwrap();
}

fn schema(name: &str) -> jsonschema::Validator {
    let text = std::fs::read_to_string(format!("{}/schema/{name}.json", env!("CARGO_MANIFEST_DIR"))).unwrap();
    jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap()
}

/// Reads until every one of these telegrams has come; each report is valid, has its meter's key and partition and the
/// headers that name it, a copy has the id of the first, and a meter's reports are in order. How many copies there were.
fn all(kcat: &Kcat, mut taken: HashSet<u32>) -> usize {
    let (schema, count) = (schema("esh.report.v1"), taken.len());
    let (mut ids, mut partitions, mut copies) = (HashMap::new(), HashMap::new(), 0);
    while !taken.is_empty() {
        let Some(Got { partition, key, headers, value }) = kcat.next(Duration::from_secs(60)) else {
            panic!("{} of {count} are missing", taken.len());
        };
        assert!(schema.is_valid(&value), "{value}");
        assert_eq!(value["meter"]["address"], key);
        assert_eq!(value["id"], headers["id"]);
        assert_eq!((headers["schema"].as_str(), headers["kind"].as_str()), ("esh.report.v1", "readings"));
        assert_eq!(*partitions.entry(key).or_insert(partition), partition, "a meter has its partition");
        taken.remove(&value["meter"]["id"].as_str().unwrap().parse().unwrap());
        if let Some(before) = ids.insert(value["frame"].to_string(), value["id"].clone()) {
            assert_eq!(before, value["id"], "a copy has the id of the first");
            copies += 1;
        }
    }
    assert!(partitions.values().collect::<HashSet<_>>().len() > 1);
    copies
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_ok_arrives_though_the_broker_is_killed() {
    let Some(mut kafka) = Kafka::start().await else { return };
    let (folder, ports) = (tempfile::tempdir().unwrap(), (free_port(), free_port()));
    configure(folder.path(), ports, kafka.port, "");
    let program = Program::start(folder.path());
    let sending = tokio::spawn(send_until(ports.0, 1, Instant::now() + Duration::from_secs(20)));
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(2)).await;
        kafka.kill();
        tokio::time::sleep(Duration::from_secs(1)).await;
        kafka.restart().await;
    }
    let (_, taken) = sending.await.unwrap();
    assert!(taken.len() > 1000, "{} were answered", taken.len());
    says(ports.1, "/metrics", "esh_records_unconfirmed 0\n").await;
    let kcat = Kcat::start(kafka.port, READINGS);
    let count = taken.len();
    let copies = tokio::task::spawn_blocking(move || all(&kcat, taken.into_iter().collect())).await.unwrap();
    println!("{count} answered `ok`, 0 missing, {copies} copies");
    drop(program);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_ok_arrives_though_the_gateway_is_killed() {
    let Some(kafka) = Kafka::start().await else { return };
    let (folder, ports) = (tempfile::tempdir().unwrap(), (free_port(), free_port()));
    configure(folder.path(), ports, kafka.port, "");
    let (mut next, mut taken) = (1, HashSet::new());
    for round in 0..10_u32 {
        let mut program = Program::start(folder.path());
        let sending = tokio::spawn(send_until(ports.0, next, Instant::now() + Duration::from_secs(20)));
        tokio::time::sleep(Duration::from_millis(u64::from(200 + round * 7919 % 500))).await;
        program.kill();
        let (sent, answered) = sending.await.unwrap();
        next = sent + 1000;
        taken.extend(answered);
    }
    let program = Program::start(folder.path());
    assert!(taken.len() > 200, "{} were answered", taken.len());
    says(ports.1, "/metrics", "esh_records_unconfirmed 0\n").await;
    let (kcat, count) = (Kcat::start(kafka.port, READINGS), taken.len());
    let copies = tokio::task::spawn_blocking(move || all(&kcat, taken)).await.unwrap();
    println!("{count} answered `ok`, 0 missing, {copies} copies");
    drop(program);
}

/// A telegram with so many readings that its report is large.
fn large(n: u32) -> String {
    let mut text = telegram(n);
    text.truncate(30);
    for m in 0..78_u8 {
        text.push_str(&format!("0113{m:02x}"));
    }
    let length = text.len() / 2 - 1;
    format!("{length:02x}{}", &text[2..])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_too_large_for_the_broker_is_set_aside_and_holds_up_nothing() {
    // What the broker bounds is the batch: those that are refused for their size say nothing of their records.
    let small = "message.max.bytes=5000\n";
    let Some(kafka) = Kafka::inside(tempfile::tempdir().unwrap(), small).await else { return };
    let (folder, ports) = (tempfile::tempdir().unwrap(), (free_port(), free_port()));
    configure(folder.path(), ports, kafka.port, "compression = \"none\"\nraw = true");
    let program = Program::start(folder.path());
    let mut client = Client::connect(ports.0).await;
    let is_large = |n: u32| n % 150 == 75;
    for n in 1..500 {
        client.say(&format!("{}\n", if is_large(n) { large(n) } else { telegram(n) })).await;
    }
    for _ in 1..500 {
        assert_eq!(client.hear().await, "ok");
    }
    let text = says(ports.1, "/metrics", "esh_records_unconfirmed 0\n").await;
    assert!(text.contains("esh_sink_set_aside_total{sink=\"kafka\"} 3\n"), "{text}");
    assert!(text.contains("esh_sink_given_up_total{sink=\"kafka\"} 0\n"), "{text}");
    assert!(page(ports.1, "/readyz").await.contains("200 OK"));
    let port = kafka.port;
    tokio::task::spawn_blocking(move || {
        let kcat = Kcat::start(port, READINGS);
        all(&kcat, (1..500).filter(|n| !is_large(*n)).collect());
        let (kcat, schema) = (Kcat::start(port, "esh.undecoded.v1"), schema("esh.report.v1"));
        let mut aside = HashSet::new();
        while aside.len() < 3 {
            let got = kcat.next(Duration::from_secs(30)).unwrap();
            assert!(schema.is_valid(&got.value), "{}", got.value);
            assert_eq!(got.value["refused"]["reason"], "too_large");
            let n: u32 = got.value["meter"]["id"].as_str().unwrap().parse().unwrap();
            assert_eq!(got.value["frame"], large(n), "it can be decoded elsewhere");
            assert!(is_large(n));
            aside.insert(n);
        }
        let kcat = Kcat::start(port, "esh.raw.v1");
        let mut raw: HashMap<String, (String, String)> = HashMap::new();
        while raw.len() < 499 {
            let got = kcat.next(Duration::from_secs(30)).unwrap();
            raw.insert(
                got.value["hex"].as_str().unwrap().to_owned(),
                (got.value["id"].as_str().unwrap().to_owned(), got.value.to_string()),
            );
        }
        // The frames themselves can be decoded again, and give reports with the ids they had.
        let lines: String = raw.values().take(20).map(|(_, line)| format!("{line}\n")).collect();
        let output = decode(&lines);
        for report in output.lines() {
            let report: Value = serde_json::from_str(report).unwrap();
            assert_eq!(report["id"], raw[report["frame"].as_str().unwrap()].0, "{report}");
            assert_eq!(report["id"], report["input"]);
        }
        assert_eq!(output.lines().count(), 20);
    })
    .await
    .unwrap();
    drop(program);
}

/// What `decode --lines` makes of lines.
fn decode(lines: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("lines"), lines).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_esh-gateway"))
        .args(["decode", "wmbus", "--lines"])
        .stdin(std::fs::File::open(folder.path().join("lines")).unwrap())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_all_brokers_are_down_memory_is_bounded_and_nothing_is_lost() {
    const COUNT: u32 = 30_000;
    let Some(mut kafka) = Kafka::start().await else { return };
    let (folder, ports) = (tempfile::tempdir().unwrap(), (free_port(), free_port()));
    configure(folder.path(), ports, kafka.port, "buffer = \"1 MiB\"");
    let program = Program::start(folder.path());
    assert_eq!(Client::connect(ports.0).await.ask(&telegram(COUNT)).await, "ok");
    says(ports.1, "/metrics", "esh_records_unconfirmed 0\n").await;
    kafka.kill();
    let mut client = Client::connect(ports.0).await;
    let before = program.memory();
    for n in (1..COUNT).collect::<Vec<_>>().chunks(500) {
        let lines: String = n.iter().map(|n| line(*n)).collect();
        client.say(&lines).await;
        for _ in n {
            assert_eq!(client.hear().await, "ok");
        }
    }
    let text = says(ports.1, "/readyz", "503").await;
    assert!(text.contains("sink kafka: delivers nothing") || text.contains("records wait"), "{text}");
    let during = program.memory();
    println!("{} KiB before, {} KiB with {COUNT} records waiting", before >> 10, during >> 10);
    assert!(during < before + (24 << 20), "{during} octets");
    kafka.restart().await;
    says(ports.1, "/metrics", "esh_records_unconfirmed 0\n").await;
    says(ports.1, "/readyz", "200 OK").await;
    let kcat = Kcat::start(kafka.port, READINGS);
    tokio::task::spawn_blocking(move || all(&kcat, (1..=COUNT).collect())).await.unwrap();
    drop(program);
}
