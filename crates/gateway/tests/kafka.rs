//! The whole line into a real Apache Kafka, read back by kcat.
#![cfg(feature = "kafka")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use common::certificates::certificates;
use common::kafka::{Got, Kafka, Kcat};
use common::program::{Program, page_until};
use common::{Client, free_port, program};
use serde_json::Value;
use std::collections::{HashMap, HashSet, VecDeque};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt as _;

const READINGS: &str = "esh.readings.v1";

fn config((lines, http): (u16, u16), broker: u16, sink: &str) -> String {
    format!(
        "name = \"g\"\ndata = \"data\"\n[http]\nlisten = \"127.0.0.1:{http}\"\n[queue]\nsize = \"256 MiB\"\n[[source]]\n\
         kind = \"lines\"\nprotocol = \"wmbus\"\nlisten = \"tcp://127.0.0.1:{lines}\"\nack = true\n[[sink]]\nkind = \"kafka\"\n\
         brokers = [\"127.0.0.1:{broker}\"]\n{sink}\n"
    )
}

/// A plain telegram of a meter of that number.
fn telegram(n: u32) -> String {
    program::telegram(n, n, 1)
}

/// The same as a line that says how it is laid out: one in 65,536 would pass for another layout.
fn line(n: u32) -> String {
    format!("{{\"hex\":\"{}\",\"format\":\"none\"}}\n", telegram(n))
}

/// Waits until every record has been delivered; what the metrics say then.
async fn delivered(port: u16) -> String {
    page_until(port, "/metrics", |_, text| text.contains("esh_records_unconfirmed 0\n")).await
}

/// Sends telegrams until it is told to stop or the connection ends, and notes which were answered `ok`. Gives the number
/// of the first that was not sent.
async fn send_until(mut client: Client, from: u32, until: Instant) -> (u32, Vec<u32>) {
    let (mut n, mut pending, mut taken) = (from, VecDeque::new(), Vec::new());
    while Instant::now() < until || !pending.is_empty() {
        while Instant::now() < until && pending.len() < 100 {
            if client.output.write_all(line(n).as_bytes()).await.is_err() {
                return (n + 1, taken);
            }
            pending.push_back(n);
            n += 1;
            if n % 100 == 0 {
                // Enough that some are always under way; more would only take long to read back.
                tokio::time::sleep(Duration::from_millis(40)).await;
            }
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
        // Those of thousands of equal telegrams are alike: a part of them says it all.
        if ids.len() < 500 || ids.len() % 20 == 0 {
            assert!(schema.is_valid(&value), "{value}");
        }
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
    let config = config(ports, kafka.port, "");
    let program = Program::start(folder.path(), &config, &[]);
    let sending = tokio::spawn(send_until(Client::connect(ports.0).await, 1, Instant::now() + Duration::from_secs(12)));
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_secs(2)).await;
        kafka.kill();
        tokio::time::sleep(Duration::from_secs(1)).await;
        kafka.restart().await;
    }
    let (_, taken) = sending.await.unwrap();
    assert!(taken.len() > 1000, "{} were answered", taken.len());
    delivered(ports.1).await;
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
    let config = config(ports, kafka.port, "");
    let (mut next, mut taken) = (1, HashSet::new());
    for round in 0..10_u32 {
        let mut program = Program::start(folder.path(), &config, &[]);
        let sending =
            tokio::spawn(send_until(Client::connect(ports.0).await, next, Instant::now() + Duration::from_secs(20)));
        tokio::time::sleep(Duration::from_millis(u64::from(200 + round * 7919 % 500))).await;
        program.kill();
        let (sent, answered) = sending.await.unwrap();
        next = sent + 1000;
        taken.extend(answered);
    }
    let program = Program::start(folder.path(), &config, &[]);
    assert!(taken.len() > 200, "{} were answered", taken.len());
    delivered(ports.1).await;
    let (kcat, count) = (Kcat::start(kafka.port, READINGS), taken.len());
    let copies = tokio::task::spawn_blocking(move || all(&kcat, taken)).await.unwrap();
    println!("{count} answered `ok`, 0 missing, {copies} copies");
    drop(program);
}

/// A telegram with so many readings that its report is large.
fn large(n: u32) -> String {
    program::telegram(n, n, 40)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_too_large_for_the_broker_is_set_aside_and_holds_up_nothing() {
    // What the broker bounds is the batch: those that are refused for their size say nothing of their records.
    let small = "message.max.bytes=3000\n";
    let Some(kafka) = Kafka::inside(tempfile::tempdir().unwrap(), small).await else { return };
    let (folder, ports) = (tempfile::tempdir().unwrap(), (free_port(), free_port()));
    let config = config(ports, kafka.port, "compression = \"none\"\nraw = true");
    let program = Program::start(folder.path(), &config, &[]);
    let mut client = Client::connect(ports.0).await;
    let is_large = |n: u32| n % 150 == 75;
    for n in 1..500 {
        client.say(&format!("{}\n", if is_large(n) { large(n) } else { telegram(n) })).await;
    }
    for _ in 1..500 {
        assert_eq!(client.hear().await, "ok");
    }
    let text = delivered(ports.1).await;
    assert!(text.contains("esh_sink_set_aside_total{sink=\"kafka\"} 3\n"), "{text}");
    assert!(text.contains("esh_sink_given_up_total{sink=\"kafka\"} 0\n"), "{text}");
    page_until(ports.1, "/readyz", |status, _| status == 200).await;
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
    const COUNT: u32 = 10_000;
    let Some(mut kafka) = Kafka::start().await else { return };
    let (folder, ports) = (tempfile::tempdir().unwrap(), (free_port(), free_port()));
    let config = config(ports, kafka.port, "buffer = \"1 MiB\"");
    let program = Program::start(folder.path(), &config, &[]);
    assert_eq!(Client::connect(ports.0).await.ask(&telegram(COUNT)).await, "ok");
    delivered(ports.1).await;
    kafka.kill();
    let mut client = Client::connect(ports.0).await;
    let before = program.resident();
    for n in (1..COUNT).collect::<Vec<_>>().chunks(500) {
        let lines: String = n.iter().map(|n| line(*n)).collect();
        client.say(&lines).await;
        for _ in n {
            assert_eq!(client.hear().await, "ok");
        }
    }
    let text = page_until(ports.1, "/readyz", |status, _| status == 503).await;
    assert!(text.contains("sink kafka: delivers nothing") || text.contains("records wait"), "{text}");
    let during = program.resident();
    println!("{} KiB before, {} KiB with {COUNT} records waiting", before >> 10, during >> 10);
    assert!(during < before + (24 << 20), "{during} octets");
    kafka.restart().await;
    delivered(ports.1).await;
    page_until(ports.1, "/readyz", |status, _| status == 200).await;
    let kcat = Kcat::start(kafka.port, READINGS);
    tokio::task::spawn_blocking(move || all(&kcat, (1..=COUNT).collect())).await.unwrap();
    drop(program);
}

/// What `check --connect` finds.
fn check(folder: &Path) -> String {
    let check = Command::new(program::binary())
        .args(["check", "--connect", "--config"])
        .arg(folder.join("gateway.toml"))
        .output();
    String::from_utf8(check.unwrap().stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_with_certificates_on_both_sides_and_a_password() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let at = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    // Kafka wants a key and its certificate in one file.
    std::fs::write(folder.path().join("server.both"), at("server.key") + &at("server.pem")).unwrap();
    std::fs::write(folder.path().join("users"), "SCRAM-SHA-512=[name=gw,password=correct-horse]\n").unwrap();
    let keys = tempfile::tempdir().unwrap();
    for name in ["ca.pem", "client.pem", "client.key"] {
        std::fs::copy(folder.path().join(name), keys.path().join(name)).unwrap();
    }
    std::fs::write(keys.path().join("password"), "correct-horse\n").unwrap();
    std::fs::write(keys.path().join("wrong"), "battery-staple\n").unwrap();
    let (secure, port, controller) = (free_port(), free_port(), free_port());
    let properties = format!(
        "listeners=PLAINTEXT://127.0.0.1:{port},SECURE://127.0.0.1:{secure},CONTROLLER://127.0.0.1:{controller}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{port},SECURE://127.0.0.1:{secure}\n\
         listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURE:SASL_SSL\n\
         ssl.keystore.type=PEM\nssl.keystore.location=FOLDER/server.both\nssl.truststore.type=PEM\n\
         ssl.truststore.location=FOLDER/ca.pem\nlistener.name.secure.ssl.client.auth=required\n\
         listener.name.secure.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512\n\
         listener.name.secure.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;\n\
         listener.name.secure.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
         user_gw=\"correct-horse\";\n"
    );
    let Some(kafka) = Kafka::at(folder, &properties, port, controller).await else { return };
    let sink = |password: &str, ca: &str, mechanism: &str| {
        let keys = keys.path().display();
        format!(
            "tls = true\nca = \"{keys}/{ca}\"\ncertificate = \"{keys}/client.pem\"\nkey = \"{keys}/client.key\"\n\
             user = \"gw\"\npassword = {{ file = \"{keys}/{password}\" }}\nmechanism = \"{mechanism}\"\n"
        )
    };
    let mut taken = HashSet::new();
    for (n, mechanism) in [(1, "PLAIN"), (2, "SCRAM-SHA-512")] {
        let (folder, ports) = (tempfile::tempdir().unwrap(), (free_port(), free_port()));
        let config = config(ports, secure, &sink("password", "ca.pem", mechanism));
        let _program = Program::start(folder.path(), &config, &[]);
        let mut client = Client::connect(ports.0).await;
        for n in n * 100..n * 100 + 50 {
            assert_eq!(client.ask(&telegram(n)).await, "ok");
            taken.insert(n);
        }
        delivered(ports.1).await;
        page_until(ports.1, "/readyz", |status, _| status == 200).await;
        let text = check(folder.path());
        assert!(text.contains("ok      sink kafka: 1 of the cluster of "), "{text}");
        assert!(text.contains("not there, unless the brokers make them: esh.undecoded.v1"), "{text}");
    }
    let kcat = Kcat::start(kafka.port, READINGS);
    assert_eq!(tokio::task::spawn_blocking(move || all(&kcat, taken)).await.unwrap(), 0);
    // A wrong password and brokers nobody vouches for: nothing goes, and readiness says why.
    for (password, ca, why) in [("wrong", "ca.pem", "Authentication failed"), ("password", "client.pem", "certificate")]
    {
        let (folder, ports) = (tempfile::tempdir().unwrap(), (free_port(), free_port()));
        let config = config(ports, secure, &sink(password, ca, "SCRAM-SHA-512"));
        let program = Program::start(folder.path(), &config, &[("ESH_LOG", "debug")]);
        assert_eq!(Client::connect(ports.0).await.ask(&telegram(900)).await, "ok");
        let text = page_until(ports.1, "/readyz", |status, text| status == 503 && text.contains(why)).await;
        assert!(text.contains(why), "{text}");
        let text = check(folder.path());
        let line =
            text.lines().find(|line| line.starts_with("FAILED  sink kafka: ")).unwrap_or_else(|| panic!("{text}"));
        assert!(line.contains(why), "{line}");
        let log = program.log();
        assert!(log.contains(why) && !log.contains("battery-staple") && !log.contains("correct-horse"), "{log}");
    }
}
