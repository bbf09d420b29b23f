//! The real program and its meters: what is said of them, who may be heard, what is told, and what lasts.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use common::{Broker, Client, Subscriber, connect, free_port};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The real program, killed when it goes.
struct Program(Child);

impl Program {
    async fn start(folder: &Path, lines: u16) -> Self {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_esh-gateway"));
        command.arg("run").arg("--config").arg(folder.join("gateway.toml")).stderr(log).stdout(Stdio::null());
        let program = Self(command.spawn().unwrap());
        drop(connect(lines).await);
        program
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const METERS: &str = r#"
deny = ["wmbus:ELS:*"]

[[meter]]
match = "wmbus:KAM:*"
site = "all of them"

[[meter]]
match = "wmbus:KAM:00000001:*"
name = "Flat 1"
tenant = "t"
labels = { floor = "2" }
time_zone = "-05:00"
period = "1s"
"#;

fn configure(folder: &Path, lines: u16, sink: &str, more: &str) {
    let text = format!(
        "name = \"g\"\ndata = \"data\"\nmeters = \"meters.toml\"\ntime_zone = \"Europe/Minsk\"\n{more}\n\
         [[source]]\nkind = \"lines\"\nname = \"air\"\nprotocol = \"wmbus\"\nlisten = \"tcp://127.0.0.1:{lines}\"\n\
         ack = true\n[[sink]]\n{sink}\n"
    );
    std::fs::write(folder.join("gateway.toml"), text).unwrap();
    std::fs::write(folder.join("meters.toml"), METERS).unwrap();
}

/// A plain telegram: the maker (KAM or ELS), number, access number and status; a volume, and one of the end of 2020.
fn telegram(maker: &str, number: u32, access: u8, status: u8) -> String {
    let maker = if maker == "KAM" { "2d2c" } else { "9315" };
    let number: String =
        format!("{number:08}").as_bytes().chunks(2).rev().map(|two| String::from_utf8_lossy(two)).collect();
    format!("1e44{maker}{number}1b167a{access:02x}{status:02x}00000413{access:02x}000000426c9f2c441301000000")
}

fn valid(schema: &str, value: &Value) {
    let schema = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    if let Some(error) = schema.iter_errors(value).next() {
        panic!("{error} at {} in {value}", error.instance_path);
    }
}

/// What the command `meters` tells.
fn meters(folder: &Path) -> Vec<Value> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_esh-gateway"));
    let told =
        command.args(["meters", "--format", "json", "--config"]).arg(folder.join("gateway.toml")).output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    String::from_utf8(told.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reports_say_whose_they_are_and_events_what_happened() {
    let Some(broker) = Broker::start().await else { return };
    let (folder, lines) = (tempfile::tempdir().unwrap(), free_port());
    let sink = format!("kind = \"mqtt\"\nurl = \"mqtt://127.0.0.1:{}\"", broker.port);
    configure(folder.path(), lines, &sink, "clock = \"untrusted\"");
    let subscriber = Subscriber::start(broker.port, "esh/v1/g/#").await;
    let program = Program::start(folder.path(), lines).await;
    let mut client = Client::connect(lines).await;
    // The battery of the first is weak in two reports; the third is a neighbour's; the second is like any other.
    let told = [("KAM", 1, 0, 4), ("KAM", 1, 1, 4), ("ELS", 3, 2, 4), ("KAM", 2, 3, 0)];
    for (maker, number, access, status) in told {
        assert_eq!(client.ask(&telegram(maker, number, access, status)).await, "ok");
    }
    let (mut reports, mut events) = (Vec::new(), Vec::new());
    let heard_of = |events: &[Value], word: &str| events.iter().any(|event: &Value| event["event"] == word);
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut sent_again = false;
    while !heard_of(&events, "returned") {
        assert!(Instant::now() < deadline, "{events:?}");
        let Some(message) = subscriber.next(Duration::from_secs(30)) else { panic!("{events:?}") };
        let Ok(value) = serde_json::from_str::<Value>(&message.payload) else { continue };
        assert!(!message.payload.contains("ELS") && !message.topic.contains("ELS"), "{value}");
        if message.topic.starts_with("esh/v1/g/events/") {
            valid(include_str!("../schema/esh.event.v1.json"), &value);
            assert_eq!(message.topic, format!("esh/v1/g/events/wmbus/{}", value["meter"].as_str().unwrap()));
            assert_eq!(value["clock"], "unsynchronised");
            events.push(value);
        } else if message.topic.contains("/readings/") {
            valid(include_str!("../schema/esh.report.v1.json"), &value);
            assert_eq!(value["clock"], "unsynchronised");
            reports.push(value);
        }
        // It misses its period of a second, and then comes again.
        if heard_of(&events, "silent") && !sent_again {
            sent_again = true;
            assert!(meters(folder.path())[0]["silent"].as_bool().unwrap());
            assert_eq!(client.ask(&telegram("KAM", 1, 9, 4)).await, "ok");
        }
    }
    let first = &reports[0];
    assert_eq!((&first["meter"]["name"], &first["meter"]["tenant"]), (&json!("Flat 1"), &json!("t")));
    assert_eq!((&first["meter"]["labels"], first["meter"].get("site")), (&json!({"floor": "2"}), None));
    let time = |report: &Value| report["readings"].as_array().unwrap().last().unwrap()["time"].clone();
    assert_eq!(time(first), "2020-12-31T05:00:00Z");
    let second = reports.iter().find(|report| report["meter"]["id"] == "00000002").unwrap();
    assert_eq!((&second["meter"]["site"], time(second)), (&json!("all of them"), json!("2020-12-30T21:00:00Z")));

    let told: Vec<_> = events.iter().map(|event| (event["event"].as_str().unwrap(), &event["alarm"])).collect();
    let null = Value::Null;
    let battery = json!("battery.low");
    assert_eq!(
        told,
        [
            ("discovered", &null),
            ("alarm_raised", &battery),
            ("discovered", &null),
            ("silent", &null),
            ("returned", &null)
        ]
    );
    assert_eq!(events[1]["report"], reports[1]["id"], "the report that shows it");
    assert_eq!(events[3]["report"], null);
    let ids: HashSet<_> = events.iter().map(|event| event["id"].to_string()).collect();
    assert_eq!(ids.len(), events.len());

    let known = meters(folder.path());
    assert_eq!(known.len(), 2, "{known:?}");
    assert_eq!((&known[0]["address"], &known[0]["name"]), (&json!("wmbus:KAM:00000001:1b:16"), &json!("Flat 1")));
    assert_eq!((&known[0]["frames"], &known[0]["alarms"]), (&json!(3), &json!(["battery.low"])));
    assert_eq!((&known[0]["silent"], &known[1]["frames"], &known[1]["alarms"]), (&json!(false), &json!(1), &json!([])));
    assert!(known[0]["first_heard"].as_str() < known[0]["last_heard"].as_str());

    // Who was killed knows all of it again, and tells nothing twice.
    drop(program);
    let _program = Program::start(folder.path(), lines).await;
    let mut client = Client::connect(lines).await;
    assert_eq!(client.ask(&telegram("KAM", 1, 10, 4)).await, "ok");
    assert_eq!(client.ask(&telegram("KAM", 4, 11, 0)).await, "ok");
    let known = meters(folder.path());
    assert_eq!((known.len(), &known[0]["frames"]), (3, &json!(4)));
    assert_eq!(known[0]["first_heard"], reports[0]["received_at"]);
    let fourth = loop {
        let Some(message) = subscriber.next(Duration::from_secs(30)) else { panic!("nobody was discovered") };
        let Ok(value) = serde_json::from_str::<Value>(&message.payload) else { continue };
        let is_new = value["schema"] == "esh.event.v1" && !ids.contains(&value["id"].to_string());
        // The first one may have become silent again by then.
        if is_new && !["silent", "returned"].contains(&value["event"].as_str().unwrap()) {
            break value;
        }
    };
    assert_eq!((&fourth["event"], &fourth["meter"]), (&json!("discovered"), &json!("wmbus:KAM:00000004:1b:16")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_much_is_refused_by_word() {
    let (folder, lines) = (tempfile::tempdir().unwrap(), free_port());
    let more = "[limits]\nmeter = \"2/h\"\nburst = \"1h\"";
    configure(folder.path(), lines, "kind = \"file\"\npath = \"out.jsonl\"", more);
    let _program = Program::start(folder.path(), lines).await;
    let mut client = Client::connect(lines).await;
    let mut answers = Vec::new();
    for access in 0..5 {
        answers.push(client.ask(&telegram("KAM", 2, access, 0)).await);
    }
    assert_eq!(answers, ["ok", "ok", "ok", "refused rate", "refused rate"]);
    assert_eq!(client.ask(&telegram("KAM", 5, 0, 0)).await, "ok");
}
