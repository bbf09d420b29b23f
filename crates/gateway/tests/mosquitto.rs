//! The whole line into a real Mosquitto.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use common::certificates::certificates;
use common::program::{Program, page_until, telegram as real};
use common::{Broker, Client, Gateway, Plain, Subscriber, free_port, rounds};
use esh_gateway::{capture::Capture, record::Record, run::Decode};
use std::collections::HashMap;
use std::process::Command;
use std::time::Duration;

fn config(lines: u16, broker: u16, sink: &str) -> String {
    format!(
        "name = \"g\"\ndata = \"data\"\ndrain = \"60s\"\n[[source]]\nkind = \"lines\"\nprotocol = \"wmbus\"\n\
         listen = \"tcp://127.0.0.1:{lines}\"\nack = true\n[[sink]]\nkind = \"mqtt\"\nurl = \"mqtt://127.0.0.1:{broker}\"\n{sink}\n"
    )
}

/// Telegrams of ten meters, each with its own number.
fn telegram(n: u32) -> String {
    format!("{:02x}44{n:08x}", n % 10)
}

async fn send(client: &mut Client, numbers: std::ops::Range<u32>) {
    let (count, mut text) = (numbers.len(), String::new());
    for n in numbers {
        text.push_str(&telegram(n));
        text.push('\n');
    }
    client.say(&text).await;
    for _ in 0..count {
        assert_eq!(client.hear().await, "ok");
    }
}

/// What a subscriber got, until every frame has come.
struct Got {
    /// How often each frame came, with its id.
    frames: HashMap<String, (String, usize)>,
    /// The frames of each topic, in the order they first came.
    order: HashMap<String, Vec<String>>,
}

fn gather(subscriber: &Subscriber, count: usize) -> Got {
    let mut got = Got { frames: HashMap::new(), order: HashMap::new() };
    while got.frames.len() < count {
        let Some(message) = subscriber.next(Duration::from_secs(20)) else {
            panic!("{} of {count} have come", got.frames.len());
        };
        let report: serde_json::Value = serde_json::from_str(&message.payload).unwrap();
        let word = |name: &str| report[name].as_str().unwrap().to_owned();
        let (id, times) = got.frames.entry(word("frame")).or_insert_with(|| (word("id"), 0));
        assert_eq!(*id, word("id"), "a duplicate has the id of the first");
        *times += 1;
        if *times == 1 {
            got.order.entry(message.topic).or_default().push(word("frame"));
        }
    }
    got
}

/// The broker ends five times while telegrams flow, and keeps what it has acknowledged: what is missing in the end was
/// lost by the gateway. At last it is killed and loses everything, which shall stop nothing.
async fn nothing_is_lost_while_the_broker_comes_and_goes(version: &str) {
    const COUNT: u32 = 20_000;
    let Some(mut broker) = Broker::start().await else { return };
    let lines = free_port();
    let gateway = Gateway::start(&config(lines, broker.port, &format!("version = \"{version}\"")));
    let subscriber = Subscriber::start(broker.port, "esh/v1/g/readings/#").await;
    let sending = tokio::spawn(async move {
        let mut client = Client::connect(lines).await;
        for n in 0..COUNT / 50 {
            send(&mut client, n * 50..(n + 1) * 50).await;
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    for round in 0..rounds("ESH_RESTARTS", 5) {
        tokio::time::sleep(Duration::from_millis(300)).await;
        broker.end().await;
        tokio::time::sleep(Duration::from_millis(100 * u64::from(round % 5))).await;
        broker.restart().await;
    }
    sending.await.unwrap();
    let got = tokio::task::spawn_blocking(move || gather(&subscriber, COUNT as usize)).await.unwrap();
    assert_eq!(got.frames.len(), COUNT as usize);
    assert_eq!(got.order.len(), 10);
    for frames in got.order.values() {
        assert!(frames.is_sorted(), "the telegrams of a meter stay in order");
    }
    let duplicates: usize = got.frames.values().map(|(_, times)| times - 1).sum();
    println!("{duplicates} duplicates of {COUNT}");
    // At most a window per restart from the gateway, and as much again from the broker to its subscriber.
    assert!(duplicates <= rounds("ESH_RESTARTS", 5) as usize * 300, "{duplicates}");

    broker.stop();
    let mut client = Client::connect(lines).await;
    send(&mut client, COUNT..COUNT + 1000).await;
    broker.restart().await;
    drop(client);
    let ended = gateway.stop().await;
    assert!(ended.is_clean(), "{ended:?}");
    assert_eq!(ended.records, u64::from(COUNT) + 1000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_with_mqtt_5() {
    nothing_is_lost_while_the_broker_comes_and_goes("5").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_with_mqtt_3_1_1() {
    nothing_is_lost_while_the_broker_comes_and_goes("3.1.1").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_fault_each_report_comes_once_and_in_order() {
    let Some(broker) = Broker::start().await else { return };
    let lines = free_port();
    let gateway = Gateway::start(&config(lines, broker.port, ""));
    let subscriber = Subscriber::start(broker.port, "esh/v1/g/readings/#").await;
    let mut client = Client::connect(lines).await;
    send(&mut client, 0..5000).await;
    let got = gather(&subscriber, 5000);
    assert!(got.frames.values().all(|(_, times)| *times == 1));
    assert!(got.order.values().all(|frames| frames.is_sorted()));
    assert!(gateway.stop().await.is_clean());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_status_is_retained_and_says_when_the_gateway_goes() {
    let Some(broker) = Broker::start().await else { return };
    let lines = free_port();
    let subscriber = Subscriber::start(broker.port, "esh/v1/g/status").await;
    let gateway = Gateway::start(&config(lines, broker.port, ""));
    let online = subscriber.next(Duration::from_secs(10)).unwrap();
    assert_eq!((online.payload.as_str(), online.retain), ("online", false));
    let mut client = Client::connect(lines).await;
    send(&mut client, 0..100).await;
    drop(client);
    assert!(gateway.stop().await.is_clean());
    assert_eq!(subscriber.next(Duration::from_secs(10)).unwrap().payload, "offline");
    let later = Subscriber::start(broker.port, "esh/v1/g/status").await;
    let retained = later.next(Duration::from_secs(10)).unwrap();
    assert_eq!((retained.payload.as_str(), retained.retain), ("offline", true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stop_drains_what_was_taken() {
    let Some(broker) = Broker::start().await else { return };
    let lines = free_port();
    let subscriber = Subscriber::start(broker.port, "esh/v1/g/readings/#").await;
    let gateway = Gateway::start(&config(lines, broker.port, "window = 1"));
    let mut client = Client::connect(lines).await;
    send(&mut client, 0..5000).await;
    let ended = gateway.stop().await;
    assert!(ended.is_clean() && ended.records == 5000, "{ended:?}");
    let got = gather(&subscriber, 5000);
    assert!(got.frames.values().all(|(_, times)| *times == 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_with_certificates_on_both_sides_and_a_password() {
    let folder = tempfile::tempdir().unwrap();
    certificates(folder.path());
    let at = |name: &str| folder.path().join(name);
    std::fs::write(at("password"), "correct horse\n").unwrap();
    let open = free_port();
    let (keys, more) = (tempfile::tempdir().unwrap(), "FOLDER");
    // The gateway's own files stand apart from the broker's.
    for name in ["ca.pem", "client.pem", "client.key", "password"] {
        std::fs::copy(at(name), keys.path().join(name)).unwrap();
    }
    let passwords =
        Command::new("mosquitto_passwd").args(["-b", "-c"]).arg(at("users")).args(["gw", "correct horse"]).status();
    if !passwords.is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("ESH_SKIP_MOSQUITTO").is_some(), "this test needs mosquitto_passwd");
        println!("skipped: no mosquitto_passwd");
        return;
    }
    let lines = format!(
        "per_listener_settings true\ncafile {more}/ca.pem\ncertfile {more}/server.pem\nkeyfile {more}/server.key\n\
         require_certificate true\nallow_anonymous false\npassword_file {more}/users\n\
         listener {open} 127.0.0.1\nallow_anonymous true\n"
    );
    let Some(broker) = Broker::inside(folder, &lines).await else { return };
    let subscriber = Subscriber::start(open, "esh/v1/g/readings/#").await;
    let config = |password: &str, ca: &str, port: u16| {
        let keys = keys.path().display();
        let sink = format!(
            "url = \"mqtts://127.0.0.1:{}\"\nca = \"{keys}/{ca}\"\ncertificate = \"{keys}/client.pem\"\n\
             key = \"{keys}/client.key\"\nuser = \"gw\"\npassword = {{ file = \"{keys}/{password}\" }}\n",
            broker.port
        );
        let all = config(port, broker.port, &sink);
        all.replace("drain = \"60s\"", "drain = \"1s\"")
            .replace(&format!("url = \"mqtt://127.0.0.1:{}\"\n", broker.port), "")
    };
    let port = free_port();
    let gateway = Gateway::start(&config("password", "ca.pem", port));
    let mut client = Client::connect(port).await;
    send(&mut client, 0..100).await;
    drop(client);
    assert_eq!(gather(&subscriber, 100).frames.len(), 100);
    assert!(gateway.stop().await.is_clean());

    // A wrong password and a broker nobody vouches for are no way in.
    std::fs::write(keys.path().join("wrong"), "battery staple").unwrap();
    for (password, ca) in [("wrong", "ca.pem"), ("password", "client.pem")] {
        let port = free_port();
        let gateway = Gateway::start(&config(password, ca, port));
        let mut client = Client::connect(port).await;
        send(&mut client, 100..101).await;
        drop(client);
        assert!(subscriber.next(Duration::from_millis(500)).is_none());
        assert_eq!(gateway.stop().await.undelivered, 1);
    }
}

/// Decodes as [`Plain`], and finds meters whose ids have everything in them that a topic must not have.
struct Strange;

impl Decode for Strange {
    fn decode(&mut self, capture: &Capture, copies: u32) -> Record {
        let meter = match capture.octets.first() {
            Some(0) => "test:a/b",
            Some(1) => "test:+",
            Some(2) => "test:#/é",
            Some(3) => "test:100%",
            _ => "$SYS\0",
        };
        Record { meter: Some(meter.into()), ..Plain.decode(capture, copies) }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_with_anything_in_it_is_one_level_of_a_topic() {
    let Some(broker) = Broker::start().await else { return };
    // A level each for gateway, kind, protocol and meter.
    let subscriber = Subscriber::start(broker.port, "esh/v1/g/readings/+/+").await;
    for version in ["5", "3.1.1"] {
        let lines = free_port();
        let gateway =
            Gateway::with(&config(lines, broker.port, &format!("version = \"{version}\"")), Box::new(Strange));
        let mut client = Client::connect(lines).await;
        for n in 0..5 {
            assert_eq!(client.ask(&format!("0{n}44")).await, "ok");
        }
        let meters = ["test:a%2Fb", "test:%2B", "test:%23%2Fé", "test:100%25", "$SYS%00"];
        for meter in meters {
            let message = subscriber.next(Duration::from_secs(10)).unwrap();
            assert_eq!(message.topic, format!("esh/v1/g/readings/wmbus/{meter}"));
        }
        drop(client);
        assert!(gateway.stop().await.is_clean());
    }
}

/// The real program with pages, so that it can be asked how it is.
fn program(folder: &std::path::Path, broker: u16, sink: &str) -> (Program, u16, u16) {
    let (lines, pages) = (free_port(), free_port());
    let configuration =
        format!("{}name = \"out\"\n[http]\nlisten = \"127.0.0.1:{pages}\"\n", config(lines, broker, sink));
    (Program::start(folder, &configuration, &[]), lines, pages)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_with_limits_is_given_no_more_than_it_takes() {
    let limits = "allow_anonymous true\nmax_inflight_messages 5\nmax_packet_size 1400\n";
    let Some(broker) = Broker::with(limits).await else { return };
    let folder = tempfile::tempdir().unwrap();
    let subscriber = Subscriber::start(broker.port, "esh/v1/g/+/+/+").await;
    let (program, lines, pages) = program(folder.path(), broker.port, "");
    let mut client = Client::connect(lines).await;
    for n in 0..200 {
        // One in ten has so many records that its report is too large.
        client.say(&(real(n, n, if n % 10 == 0 { 12 } else { 1 }) + "\n")).await;
    }
    for _ in 0..200 {
        assert_eq!(client.hear().await, "ok");
    }
    let metrics = page_until(pages, "/metrics", |_, page| page.contains("\nesh_records_unconfirmed 0\n")).await;
    // A broker hangs up on who exceeds its Receive Maximum or its Maximum Packet Size.
    assert!(metrics.contains("esh_sink_reconnects_total{sink=\"out\"} 0\n"), "{metrics}");
    let mut undecoded = 0;
    let mut reports = 0;
    while reports < 200 {
        let message = subscriber.next(Duration::from_secs(10)).unwrap();
        if message.topic.contains("/events/") {
            continue;
        }
        reports += 1;
        let report: serde_json::Value = serde_json::from_str(&message.payload).unwrap();
        let aside = message.topic.contains("/undecoded/");
        assert_eq!(aside, report["refused"]["reason"] == "too_large", "{report}");
        undecoded += usize::from(aside);
    }
    assert_eq!(undecoded, 20);
    assert!(program.stop());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_that_may_not_publish_says_so_and_goes_on_when_it_may() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("acl"), "topic read #\ntopic write esh/v1/g/status\n").unwrap();
    // Without a bound for queues, this broker hangs up where it should say no.
    let lines = "allow_anonymous true\nacl_file FOLDER/acl\nmax_queued_messages 100000\n";
    let Some(broker) = Broker::inside(folder, lines).await else { return };
    let folder = tempfile::tempdir().unwrap();
    let (program, lines, pages) = program(folder.path(), broker.port, "");
    let mut client = Client::connect(lines).await;
    assert_eq!(client.ask(&real(1, 1, 1)).await, "ok");
    let told = page_until(pages, "/readyz", |status, _| status == 503).await;
    assert!(told.contains("it does not allow it: to publish a report: not authorized"), "{told}");
    let subscriber = Subscriber::start(broker.port, "esh/v1/g/+/+/+").await;
    std::fs::write(broker.file("acl"), "topic readwrite #\n").unwrap();
    broker.reload();
    let message = subscriber.next(Duration::from_secs(60)).unwrap();
    assert!(message.topic.starts_with("esh/v1/g/readings/wmbus/"), "{message:?}");
    page_until(pages, "/readyz", |status, _| status == 200).await;
    assert!(program.stop());
}
