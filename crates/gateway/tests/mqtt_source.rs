//! Messages of others through a real Mosquitto: of Zigbee2MQTT and of a network server. The broker and the gateway come and
//! go, and what the broker has taken arrives.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use common::certificates::certificates;
use common::{Broker, Program, connect, free_port, rounds};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn configure(folder: &Path, source: &str, more: &str) {
    let text = format!(
        "name = \"g\"\ndata = \"data\"\n{more}\n[[source]]\nkind = \"mqtt\"\nname = \"m\"\n{source}\n\
         [[sink]]\nkind = \"file\"\npath = \"out.jsonl\"\n"
    );
    std::fs::write(folder.join("gateway.toml"), text).unwrap();
}

/// Publishes and waits until the broker has taken everything.
struct Publisher {
    client: rumqttc::Client,
    /// How many the broker has acknowledged.
    taken: Arc<Mutex<u64>>,
    sent: u64,
}

impl Publisher {
    fn new(port: u16) -> Self {
        let mut options = rumqttc::MqttOptions::new(format!("publisher-{}", free_port()), "127.0.0.1", port);
        options.set_inflight(50).set_max_packet_size(1 << 20, 1 << 20);
        let (client, mut connection) = rumqttc::Client::new(options, 100);
        let taken = Arc::new(Mutex::new(0));
        let count = Arc::clone(&taken);
        std::thread::spawn(move || {
            for event in connection.iter() {
                match event {
                    Ok(rumqttc::Event::Incoming(rumqttc::Packet::PubAck(_))) => *count.lock().unwrap() += 1,
                    Ok(_) => {}
                    Err(rumqttc::ConnectionError::RequestsDone) => return,
                    Err(_) => std::thread::sleep(Duration::from_millis(20)),
                }
            }
        });
        Self { client, taken, sent: 0 }
    }

    fn publish(&mut self, topic: &str, retain: bool, payload: impl Into<Vec<u8>>) {
        self.client.publish(topic, rumqttc::QoS::AtLeastOnce, retain, payload).unwrap();
        self.sent += 1;
    }

    async fn all_taken(&self) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while *self.taken.lock().unwrap() < self.sent {
            assert!(Instant::now() < deadline, "the broker does not take what is published");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Everything that has come out, the whole lines of it.
fn records(folder: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("out.jsonl")).unwrap_or_default();
    let mut ids = HashSet::new();
    let records = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    // After a kill the last lines of a file come again.
    records.filter(|record| ids.insert(record["id"].to_string())).collect()
}

/// The records, once they are enough.
async fn until(folder: &Path, enough: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let records = records(folder);
        if enough(&records) {
            return records;
        }
        let log = || std::fs::read_to_string(folder.join("log")).unwrap_or_default();
        assert!(Instant::now() < deadline, "{} records\n{}", records.len(), log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// What its log has said so often.
async fn said(folder: &Path, what: &str, times: usize) {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
        if log.matches(what).count() >= times {
            return;
        }
        assert!(Instant::now() < deadline, "{what}: {log}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn get(port: u16, page: &str) -> (u16, String) {
    let mut stream = connect(port).await;
    stream.write_all(format!("GET {page} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes()).await.unwrap();
    let mut text = String::new();
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_string(&mut text)).await.unwrap().unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

fn is(record: &Value, schema: &str) -> bool {
    record["schema"] == format!("esh.{schema}.v1")
}

/// The values of a property, in the order they came.
fn values(records: &[Value], name: &str) -> Vec<Value> {
    let readings = records.iter().filter_map(|record| record["readings"].as_array()).flatten();
    readings.filter(|reading| reading["name"] == name).map(|reading| reading["value"].clone()).collect()
}

fn events(records: &[Value], word: &str) -> usize {
    records.iter().filter(|record| is(record, "event") && record["event"] == word).count()
}

fn uplink(counter: u32) -> Vec<u8> {
    json!({
        "deviceInfo": {"devEui": "0102030405060708"}, "devAddr": "26011bda", "fCnt": counter, "fPort": 2, "data": "ARI=",
        "time": format!("2026-11-24T12:00:00.{counter:06}+00:00"),
        "rxInfo": [{"gatewayId": "0016c001f1500000", "rssi": -35, "snr": 11.5}], "txInfo": {"frequency": 868_500_000},
    })
    .to_string()
    .into_bytes()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn zigbee2mqtt_gives_readings_events_and_its_own_health() {
    let Some(mut broker) = Broker::start().await else { return };
    let (folder, http) = (tempfile::tempdir().unwrap(), free_port());
    let source = format!("format = \"zigbee2mqtt\"\nurl = \"mqtt://127.0.0.1:{}\"", broker.port);
    // Nothing is a copy for its octets alone: what is kept may come again after days.
    configure(
        folder.path(),
        &source,
        &format!("[deduplicate]\nwindow = \"0s\"\n[http]\nlisten = \"127.0.0.1:{http}\""),
    );
    let mut publisher = Publisher::new(broker.port);
    let exposes = json!([{"type": "numeric", "name": "energy", "property": "energy", "unit": "kWh"},
        {"type": "numeric", "name": "power", "property": "power", "unit": "W"}]);
    let devices = json!([{"ieee_address": "0x00124b0001020304", "friendly_name": "Coordinator", "type": "Coordinator"},
        {"ieee_address": "0x00158d0001234567", "friendly_name": "cellar/pump", "type": "Router",
         "definition": {"vendor": "Tuya", "model": "TS011F", "exposes": exposes}}]);
    publisher.publish("zigbee2mqtt/bridge/devices", true, devices.to_string());
    publisher.publish("zigbee2mqtt/bridge/groups", true, r#"[{"friendly_name":"all"}]"#);
    publisher.publish("zigbee2mqtt/bridge/state", true, r#"{"state":"online"}"#);
    // What was kept: one with a time, one without.
    publisher.publish("zigbee2mqtt/cellar/pump", true, r#"{"energy":10.00,"last_seen":1790000000000}"#);
    publisher.publish("zigbee2mqtt/0x00158d0007654321", true, r#"{"temperature":21.5}"#);
    publisher.all_taken().await;
    let program = Program::start(folder.path());
    let first = until(folder.path(), |records| values(records, "energy").len() == 1).await;
    let report = first.iter().find(|record| is(record, "report")).unwrap();
    assert_eq!(report["meter"]["address"], "zigbee2mqtt:00158d0001234567");
    publisher.publish("zigbee2mqtt/cellar/pump", false, r#"{"energy":10.01,"power":-15,"last_seen":1790000060000}"#);
    publisher.publish("zigbee2mqtt/cellar/pump/set", false, r#"{"state":"ON"}"#);
    publisher.publish("zigbee2mqtt/all", false, r#"{"energy":99}"#);
    publisher.publish("zigbee2mqtt/bridge/logging", false, r#"{"energy":99}"#);
    publisher.publish("zigbee2mqtt/cellar/pump/availability", false, r#"{"state":"offline"}"#);
    publisher.publish("zigbee2mqtt/cellar/pump/availability", false, r#"{"state":"offline"}"#);
    publisher.publish("zigbee2mqtt/cellar/pump", false, r#"{"energy":10.02,"power":null,"last_seen":1790000120000}"#);
    publisher.all_taken().await;
    let all =
        until(folder.path(), |records| values(records, "energy").len() == 3 && events(records, "returned") == 1).await;
    assert_eq!(
        values(&all, "energy"),
        [json!(10.00), json!(10.01), json!(10.02)],
        "nothing of a group, a command, a log"
    );
    assert_eq!(values(&all, "power"), [json!(-0.015), Value::Null]);
    assert_eq!(values(&all, "temperature"), [Value::Null; 0], "nobody knows when it was so warm");
    assert_eq!((events(&all, "discovered"), events(&all, "silent"), events(&all, "returned")), (1, 1, 1));
    let energy = all.iter().filter(|record| is(record, "report")).nth(1).unwrap()["readings"][1].clone();
    assert_eq!(energy["time"], "2026-09-21T14:14:20Z");

    assert_eq!(get(http, "/readyz").await.0, 200);
    publisher.publish("zigbee2mqtt/bridge/state", true, r#"{"state":"offline"}"#);
    let deadline = Instant::now() + Duration::from_secs(30);
    while get(http, "/readyz").await != (503, "source m: Zigbee2MQTT is offline\n".to_owned()) {
        assert!(Instant::now() < deadline, "{:?}", get(http, "/readyz").await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let metrics = get(http, "/metrics").await.1;
    assert!(metrics.contains("esh_source_up{source=\"m\"} 0"), "{metrics}");
    assert!(metrics.contains("esh_source_retained_total{source=\"m\"} 1"), "{metrics}");
    publisher.publish("zigbee2mqtt/bridge/state", true, r#"{"state":"online"}"#);
    while get(http, "/readyz").await.0 != 200 {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    // The newest state is kept, and the broker forgets who had it: so it comes again, and does not count again.
    publisher.publish("zigbee2mqtt/cellar/pump", true, r#"{"energy":10.03,"last_seen":1790000180000}"#);
    publisher.all_taken().await;
    until(folder.path(), |records| values(records, "energy").len() == 4).await;
    drop(program);
    let port = broker.port;
    tokio::task::spawn_blocking(move || forget(port, "esh-g-m")).await.unwrap();
    broker.end().await;
    broker.restart().await;
    let _program = Program::start(folder.path());
    said(folder.path(), "connected", 2).await;
    let mut publisher = Publisher::new(broker.port);
    publisher.publish("zigbee2mqtt/cellar/pump", false, r#"{"energy":10.04,"last_seen":1790000240000}"#);
    let all = until(folder.path(), |records| values(records, "energy").last() == Some(&json!(10.04))).await;
    assert_eq!(values(&all, "energy").len(), 5, "what was kept is not taken twice");
    let metrics = get(http, "/metrics").await.1;
    assert!(metrics.contains("\nesh_frames_copies_total 1\n"), "{metrics}");
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(log.contains("remembered=false"), "{log}");
    assert_eq!(all.iter().filter(|record| is(record, "report") && !record["error"].is_null()).count(), 0);
}

/// Ends the session of a client.
fn forget(port: u16, client_id: &str) {
    let mut options = rumqttc::MqttOptions::new(client_id, "127.0.0.1", port);
    options.set_clean_session(true);
    let (client, mut connection) = rumqttc::Client::new(options, 10);
    for event in connection.iter() {
        match event {
            Ok(rumqttc::Event::Incoming(rumqttc::Packet::ConnAck(_))) => client.try_disconnect().unwrap(),
            Ok(_) => {}
            Err(_) => return,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_broker_has_taken_arrives_through_every_kill_and_every_restart() {
    for version in ["5", "3.1.1"] {
        let Some(mut broker) = Broker::start().await else { return };
        let folder = tempfile::tempdir().unwrap();
        let url =
            format!("format = \"chirpstack\"\nversion = \"{version}\"\nurl = \"mqtt://127.0.0.1:{}\"", broker.port);
        configure(folder.path(), &url, "[queue]\nsize = \"64 MiB\"\nsegment = \"256 KiB\"");
        let topic = "application/1/device/0102030405060708/event/up";
        let mut program = Program::start(folder.path());
        said(folder.path(), "connected", 1).await;
        let stop = Arc::new(AtomicBool::new(false));
        let publishing = {
            let (stop, port) = (Arc::clone(&stop), broker.port);
            tokio::spawn(async move {
                let mut next = 0;
                // While the broker is away nobody publishes: what it has not taken is nobody's.
                while !stop.load(Ordering::Relaxed) {
                    let mut publisher = Publisher::new(port);
                    for _ in 0..40 {
                        publisher.publish(topic, false, uplink(next));
                        next += 1;
                    }
                    publisher.all_taken().await;
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                next
            })
        };
        for round in 0..rounds("ESH_KILLS", 6) {
            tokio::time::sleep(Duration::from_millis(u64::from(100 + round * 7919 % 300))).await;
            program.kill();
            program = Program::start(folder.path());
        }
        stop.store(true, Ordering::Relaxed);
        let sent = publishing.await.unwrap();
        assert!(sent > 100, "{sent}");
        // A broker that is stopped in good order and started again has what it has taken, for a gateway that is away, too.
        program.kill();
        let mut publisher = Publisher::new(broker.port);
        (sent..sent + 500).for_each(|counter| publisher.publish(topic, false, uplink(counter)));
        publisher.all_taken().await;
        broker.end().await;
        broker.restart().await;
        program = Program::start(folder.path());
        tokio::time::sleep(Duration::from_millis(200)).await;
        broker.end().await;
        broker.restart().await;
        let counters = |records: &[Value]| -> HashSet<u64> {
            records.iter().filter_map(|record| record["counter"].as_u64()).collect()
        };
        let all = u64::from(sent + 500);
        let records = until(folder.path(), |records| counters(records).len() as u64 == all).await;
        // Whatever came twice has the id of the first.
        assert_eq!(records.iter().filter(|record| is(record, "report")).count() as u64, all);
        println!("MQTT {version}: {all} messages");
        program.kill();
        let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
        assert!(log.contains("remembered=true"), "{log}");
    }
}

/// The next of two brokers, with TLS, certificates on both sides and a password; a wrong one makes the gateway not ready.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_comes_in_through_tls_with_a_password_where_the_first_broker_is_away() {
    let broker_folder = tempfile::tempdir().unwrap();
    certificates(broker_folder.path());
    let (folder, open, http) = (tempfile::tempdir().unwrap(), free_port(), free_port());
    for name in ["ca.pem", "client.pem", "client.key"] {
        std::fs::copy(broker_folder.path().join(name), folder.path().join(name)).unwrap();
    }
    let users = broker_folder.path().join("users");
    let made = Command::new("mosquitto_passwd").args(["-b", "-c"]).arg(users).args(["gw", "correct horse"]).status();
    if !made.is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("ESH_SKIP_MOSQUITTO").is_some(), "this test needs mosquitto_passwd");
        println!("skipped: no mosquitto_passwd");
        return;
    }
    let lines = format!(
        "per_listener_settings true\ncafile FOLDER/ca.pem\ncertfile FOLDER/server.pem\nkeyfile FOLDER/server.key\n\
         require_certificate true\nallow_anonymous false\npassword_file FOLDER/users\n\
         listener {open} 127.0.0.1\nallow_anonymous true\n"
    );
    let Some(broker) = Broker::inside(broker_folder, &lines).await else { return };
    let source = |password: &str| {
        std::fs::write(folder.path().join("password"), password).unwrap();
        let source = format!(
            "format = \"chirpstack\"\nurl = [\"mqtts://127.0.0.1:{}\", \"mqtts://127.0.0.1:{}\"]\nnext_after = \"500ms\"\n\
             ca = \"ca.pem\"\ncertificate = \"client.pem\"\nkey = \"client.key\"\nuser = \"gw\"\n\
             password = {{ file = \"password\" }}",
            free_port(),
            broker.port
        );
        configure(folder.path(), &source, &format!("[http]\nlisten = \"127.0.0.1:{http}\""));
    };
    source("battery staple");
    let program = Program::start(folder.path());
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let (status, text) = get(http, "/readyz").await;
        if status == 503
            && text.contains("source m: ")
            && text.contains("BadUserNamePassword") | text.contains("NotAuthorized")
        {
            break;
        }
        assert!(Instant::now() < deadline, "{status} {text}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(program);
    source("correct horse");
    let _program = Program::start(folder.path());
    said(folder.path(), "connected", 1).await;
    let mut publisher = Publisher::new(open);
    // A join of a device that nobody knows, as ChirpStack's own classes write it in Protocol Buffers.
    publisher.publish(
        "application/1/device/0102030405060708/event/join",
        false,
        include_bytes!("../../../fuzz/seeds/events/join-4"),
    );
    let records = until(folder.path(), |records| events(records, "discovered") == 1).await;
    assert_eq!(records[0]["meter"]["address"], "lorawan:0102030405060708");
    assert_eq!((&records[0]["readings"], &records[0]["error"]), (&json!([]), &Value::Null));
    publisher.publish("application/1/device/0102030405060708/event/up", false, uplink(7));
    let records = until(folder.path(), |records| records.iter().any(|record| record["counter"] == 7)).await;
    assert_eq!(events(&records, "discovered"), 1);
    let uplink = records.iter().find(|record| record["counter"] == 7).unwrap();
    assert_eq!((&uplink["source"]["gateway"], &uplink["source"]["rssi"]), (&json!("0016c001f1500000"), &json!(-35)));
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(!log.contains("correct horse") && !log.contains("battery staple"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn check_says_whether_the_broker_lets_it_subscribe() {
    let Some(mut broker) = Broker::start().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let url = format!("format = \"thingpark\"\nurl = \"mqtt://127.0.0.1:{}\"", broker.port);
    configure(folder.path(), &url, "");
    let check = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_esh-gateway"));
        command.args(["check", "--connect", "--config"]).arg(folder.path().join("gateway.toml"));
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    let text = check();
    assert!(text.contains("source m: thingpark messages of mqtt://127.0.0.1"), "{text}");
    assert!(text.contains("lets us in, and lets us read mqtt/things/+/uplink"), "{text}");
    broker.stop();
    let text = check();
    assert!(text.contains("FAILED  source m: mqtt://127.0.0.1"), "{text}");
}

#[test]
fn what_is_wrong_with_a_source_is_said() {
    let folder = tempfile::tempdir().unwrap();
    for (source, said) in [
        ("format = \"loriot\"\nurl = \"mqtt://h\"", "name the topics"),
        ("format = \"tts\"\nurl = \"mqtt://h\"\nbase = \"z\"", "only Zigbee2MQTT has a base topic"),
        ("format = \"zigbee2mqtt\"\nurl = \"mqtt://h\"\ntopics = [\"a\"]", "write the `base` topic"),
        ("format = \"tts\"\nurl = \"mqtt://h\"\ntopics = [\"a#\"]", "`a#` is no topic filter"),
        ("format = \"tts\"\nurl = \"mqtt://h\"\nclientid = \"a\"", "client_id"),
        ("format = \"ttn\"\nurl = \"mqtt://h\"", "did you mean `tts`?"),
        ("format = \"tts\"\nurl = \"mqtt://h\"\npassword = { env = \"X\" }", "its `user` is missing"),
        ("format = \"tts\"\nurl = \"mqtts://h\"\nca = \"none.pem\"", "none.pem"),
    ] {
        configure(folder.path(), source, "");
        let mut command = Command::new(env!("CARGO_BIN_EXE_esh-gateway"));
        let output = command.args(["check", "--config"]).arg(folder.path().join("gateway.toml")).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains(said), "{source}: {text}");
    }
}
