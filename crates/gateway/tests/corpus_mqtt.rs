//! The corpus through the real program: telegrams in over TCP, reports out of a real Mosquitto.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use common::{Broker, Client, Subscriber, free_port};
use esh_core::Protocol;
use esh_gateway::analyse::{Keys, Options, decode_lines};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt::Write as _;
use std::process::{Child, Command};
use std::time::Duration;

struct Row {
    hex: String,
    key: Value,
}

/// Every telegram of the corpus once, each after those that are to come before it.
fn telegrams() -> Option<Vec<Row>> {
    let rows = common::corpus("wmbus.jsonl")?;
    let mut seen = HashSet::new();
    let mut telegrams = Vec::new();
    for row in rows {
        let prior = row["prior"].as_array().cloned().unwrap_or_default();
        for hex in prior.iter().chain([&row["hex"]]) {
            let hex = hex.as_str().unwrap().to_lowercase();
            if seen.insert(hex.clone()) {
                telegrams.push(Row { hex, key: row["key"].clone() });
            }
        }
    }
    Some(telegrams)
}

/// What `decode` says of each telegram.
fn decoded(telegrams: &[Row]) -> Vec<Value> {
    let lines: Vec<String> = telegrams.iter().map(|row| json!({"hex": row.hex, "key": row.key}).to_string()).collect();
    let options = Options { opened: false, ..Options::of(Protocol::Wmbus, Keys::default()) };
    let mut output = Vec::new();
    let print = |report: &[u8], into: &mut Vec<u8>| into.extend_from_slice(report);
    decode_lines(&options, 1, lines.join("\n").as_bytes(), &mut output, &print).unwrap();
    output
        .split(|octet| *octet == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

/// A gateway that is a process of its own.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_telegram_of_the_corpus_arrives_once_in_order_and_valid() {
    let Some(telegrams) = telegrams() else { return };
    let Some(mut broker) = Broker::start().await else { return };
    let expected = decoded(&telegrams);
    let folder = tempfile::tempdir().unwrap();
    let lines = free_port();
    let mut keys = String::new();
    let mut known = BTreeSet::new();
    for (row, report) in telegrams.iter().zip(&expected) {
        if let (Some(key), Some(meter)) = (row.key.as_str(), report["meter"]["address"].as_str())
            && known.insert((meter, key))
        {
            writeln!(keys, "[[key]]\nmeter = \"{meter}\"\nkey = \"{key}\"").unwrap();
        }
    }
    std::fs::write(folder.path().join("keys.toml"), keys).unwrap();
    let configuration = format!(
        "name = \"g\"\ndata = \"data\"\nkeys = \"keys.toml\"\ntime_zone = \"Europe/Minsk\"\n\
         [[source]]\nkind = \"lines\"\nprotocol = \"wmbus\"\nlisten = \"tcp://127.0.0.1:{lines}\"\nack = true\n\
         [[sink]]\nkind = \"mqtt\"\nurl = \"mqtt://127.0.0.1:{}\"\n",
        broker.port
    );
    let file = folder.path().join("gateway.toml");
    std::fs::write(&file, configuration).unwrap();
    let program = Command::new(env!("CARGO_BIN_EXE_esh-gateway")).args(["run", "--config"]).arg(&file).spawn();
    let mut program = Program(program.unwrap());
    let subscriber = Subscriber::start(broker.port, "esh/v1/g/#").await;

    let mut client = Client::connect(lines).await;
    for (at, row) in telegrams.iter().enumerate() {
        // The broker goes in the middle, with its session kept, and comes back while telegrams flow.
        if at == telegrams.len() / 3 {
            broker.end().await;
        }
        if at == telegrams.len() / 2 {
            broker.restart().await;
        }
        assert_eq!(client.ask(&row.hex).await, "ok");
    }
    let wanted: HashMap<&str, usize> = telegrams.iter().enumerate().map(|(at, row)| (row.hex.as_str(), at)).collect();
    let schema = include_str!("../schema/esh.report.v1.json");
    let schema = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    let (mut ids, mut last) = (HashMap::new(), HashMap::new());
    while ids.len() < telegrams.len() {
        let message = subscriber.next(Duration::from_secs(20));
        let Some(message) = message else { panic!("{} of {} have come", ids.len(), telegrams.len()) };
        if message.topic == "esh/v1/g/status" || message.topic.starts_with("esh/v1/g/events/") {
            continue;
        }
        let report: Value = serde_json::from_str(&message.payload).unwrap();
        if let Some(error) = schema.iter_errors(&report).next() {
            panic!("{error} at {} in {report}", error.instance_path);
        }
        let at = wanted[report["frame"].as_str().unwrap()];
        let id = report["id"].as_str().unwrap().to_owned();
        // A delivery that was repeated because the broker went has the id of the first.
        if ids.get(&at).is_some_and(|first| *first == id) {
            continue;
        }
        assert!(ids.insert(at, id).is_none(), "two reports of one frame: {report}");
        let expect = &expected[at];
        let meter = report["meter"]["address"].as_str().unwrap_or("unknown");
        assert!(message.topic.ends_with(meter), "{} for {meter}", message.topic);
        let previous = last.insert(meter.to_owned(), at);
        assert!(previous.is_none_or(|previous| previous < at), "the telegrams of {meter} stay in order");
        if report["error"]["reason"] == "replayed" {
            // The corpus was not recorded in the order in which it is stored.
            continue;
        }
        assert_eq!(report["security"], expect["security"], "{report}");
        assert_eq!(without_instants(&report["readings"]), expect["readings"], "{}", telegrams[at].hex);
        assert_eq!(report["alarms"], expect["alarms"]);
    }
    let pid = program.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert!(program.0.wait().unwrap().success(), "a stop drains and ends well");
}

/// Readings as `decode` tells them, which knows no zone.
fn without_instants(readings: &Value) -> Value {
    let mut readings = readings.clone();
    for reading in readings.as_array_mut().unwrap() {
        let reading = reading.as_object_mut().unwrap();
        reading.remove("time");
        if reading.get("quality").is_some_and(|quality| quality == "time_ambiguous") {
            reading.remove("quality");
        }
    }
    readings
}
