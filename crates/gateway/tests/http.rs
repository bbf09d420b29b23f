//! What the real program tells about itself over HTTP.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use common::{Client, connect, free_port};
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The real program, killed when it goes.
struct Program(Child);

impl Program {
    fn start(folder: &Path, (lines, http): (u16, u16), sink: &str) -> Self {
        std::fs::write(folder.join("keys.toml"), format!("[[key]]\nmeter = \"wmbus:KAM:*\"\nkey = \"{KEY}\"\n"))
            .unwrap();
        let text = format!(
            "name = \"g\"\ndata = \"data\"\nclock = \"trusted\"\nkeys = \"keys.toml\"\n[[source]]\nkind = \"lines\"\nname = \"a\\\"b\\\\c\"\n\
             protocol = \"wmbus\"\nlisten = \"tcp://127.0.0.1:{lines}\"\nack = true\n[[sink]]\nname = \"out\"\n{sink}\n\
             [http]\nlisten = \"127.0.0.1:{http}\"\n"
        );
        std::fs::write(folder.join("gateway.toml"), text).unwrap();
        let log = std::fs::File::create(folder.join("log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_esh-gateway"));
        command.arg("run").arg("--config").arg(folder.join("gateway.toml")).stderr(log).stdout(Stdio::null());
        Self(command.spawn().unwrap())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

const KEY: &str = "a1b2c3d4e5f60718293a4b5c6d7e8f90";
const GOOD: &str = "14442d2c010000001b167a010000000413010000002f";
const UNDECODABLE: &str = "2e449315785634123303";

/// Asks for a page; its status, its head and its body.
async fn get(port: u16, page: &str) -> (u16, String, String) {
    let mut stream = connect(port).await;
    stream.write_all(format!("GET {page} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes()).await.unwrap();
    let mut text = String::new();
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_string(&mut text)).await.unwrap().unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), head.to_lowercase(), body.to_owned())
}

/// The rows of a page, each checked against the format.
fn rows(page: &str) -> HashMap<String, f64> {
    let (mut rows, mut described, mut typed) = (HashMap::new(), HashSet::new(), HashMap::new());
    assert!(page.ends_with('\n'));
    for line in page.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').unwrap();
            assert!(!help.is_empty() && described.insert(name.to_owned()), "{line}");
            continue;
        }
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert!(["counter", "gauge", "summary"].contains(&kind) && described.contains(name), "{line}");
            assert_eq!(kind == "counter", name.ends_with("_total"), "{line}");
            assert!(typed.insert(name.to_owned(), kind.to_owned()).is_none(), "{line}");
            continue;
        }
        let (row, value) = line.rsplit_once(' ').unwrap();
        let name = row.split('{').next().unwrap();
        assert!(name.starts_with("esh_") && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{line}");
        let family = name.strip_suffix("_sum").or_else(|| name.strip_suffix("_count")).unwrap_or(name);
        assert!(typed.contains_key(family), "{line}");
        if let Some(labels) = row.strip_prefix(name).filter(|labels| !labels.is_empty()) {
            assert!(labels.starts_with('{') && labels.ends_with("\"}") && labels.contains("=\""), "{line}");
        }
        assert!(rows.insert(row.to_owned(), value.parse().unwrap()).is_none(), "twice: {line}");
    }
    rows
}

/// Waits for a page to have a status, and gives its body.
async fn until(port: u16, page: &str, status: u16) -> String {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let (found, _, body) = get(port, page).await;
        if found == status {
            return body;
        }
        assert!(Instant::now() < deadline, "{page} stays {found}: {body}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_numbers_are_those_of_what_was_sent() {
    let (folder, lines, http) = (tempfile::tempdir().unwrap(), free_port(), free_port());
    let _program = Program::start(folder.path(), (lines, http), "kind = \"file\"\npath = \"out.jsonl\"");
    assert_eq!(until(http, "/healthz", 200).await, "ok\n");
    let mut client = Client::connect(lines).await;
    for line in [GOOD, UNDECODABLE, GOOD, GOOD] {
        assert_eq!(client.ask(line).await, "ok");
    }
    for rubbish in ["zz", "GET / HTTP/1.1"] {
        assert!(client.ask(rubbish).await.starts_with("refused"));
    }
    let deadline = Instant::now() + Duration::from_secs(10);
    let page = loop {
        let (status, head, page) = get(http, "/metrics").await;
        assert_eq!(status, 200);
        assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"), "{head}");
        let rows = rows(&page);
        if rows["esh_records_unconfirmed"] == 0.0 && rows["esh_meters_known"] > 0.0 {
            break page;
        }
        assert!(Instant::now() < deadline, "{page}");
    };
    let rows = rows(&page);
    for (row, value) in [
        ("esh_source_frames_total{source=\"a\\\"b\\\\c\"}", 4.0),
        ("esh_source_unreadable_total{source=\"a\\\"b\\\\c\"}", 2.0),
        ("esh_frames_copies_total", 2.0),
        ("esh_frames_decoded_total", 1.0),
        ("esh_frames_failed_total{reason=\"truncated\"}", 1.0),
        ("esh_frames_failed_total{reason=\"no_key\"}", 0.0),
        ("esh_frames_refused_total", 0.0),
        ("esh_records_committed_total", 2.0),
        ("esh_records_dropped_total{reason=\"made_room\"}", 0.0),
        // The meter was discovered.
        ("esh_events_total{event=\"discovered\"}", 1.0),
        ("esh_events_total{event=\"alarm_raised\"}", 0.0),
        ("esh_meters_known", 1.0),
        ("esh_meters_silent", 0.0),
        ("esh_forgotten_total{what=\"meters\"}", 0.0),
        ("esh_frames_unwanted_total{reason=\"denied\"}", 0.0),
        ("esh_frames_limited_total{of=\"meter\"}", 0.0),
        ("esh_clock_synchronised", 1.0),
        ("esh_sink_acknowledged_total{sink=\"out\"}", 3.0),
        ("esh_sink_reconnects_total{sink=\"out\"}", 0.0),
        ("esh_commit_seconds_count", 2.0),
        ("esh_build_info{gateway=\"g\",version=\"0.1.0\"}", 1.0),
    ] {
        assert_eq!(rows.get(row), Some(&value), "{row}\n{page}");
    }
    let reasons = rows.keys().filter(|row| row.starts_with("esh_frames_failed_total{")).count();
    assert_eq!(reasons, esh_core::Reason::WORDS.len());
    let (start, last) = (rows["esh_start_time_seconds"], rows["esh_sink_last_acknowledged_time_seconds{sink=\"out\"}"]);
    assert!(start > 1.7e9 && last >= start, "{page}");
    assert!(rows["esh_commit_seconds_sum"] > 0.0 && rows["esh_queue_octets"] > 0.0, "{page}");
    assert!(!page.to_lowercase().contains(KEY), "{page}");
    assert_eq!(get(http, "/readyz").await.2, "ok\n");
    assert_eq!(get(http, "/nothing").await.0, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gateway_whose_only_sink_is_away_is_not_ready() {
    let (folder, lines, http) = (tempfile::tempdir().unwrap(), free_port(), free_port());
    let sink = format!("kind = \"mqtt\"\nurl = \"mqtt://127.0.0.1:{}\"", free_port());
    let _program = Program::start(folder.path(), (lines, http), &sink);
    assert_eq!(until(http, "/readyz", 200).await, "ok\n", "nothing waits for the broker");
    assert_eq!(Client::connect(lines).await.ask(GOOD).await, "ok");
    assert_eq!(until(http, "/readyz", 503).await, "queue: records wait: 2\nsink out: delivers nothing\n");
    assert_eq!(get(http, "/healthz").await.0, 200, "a broker that is away is no reason to start the gateway again");
    // The command for probes says the same.
    let health = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_esh-gateway"));
        let output = command.arg("health").args(more).arg("--config").arg(folder.path().join("gateway.toml")).output();
        let output = output.unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    assert_eq!(health(&[]), (Some(0), "ok\n".to_owned()));
    assert_eq!(health(&["--ready"]), (Some(1), "queue: records wait: 2\nsink out: delivers nothing\n".to_owned()));
    let rows = rows(&get(http, "/metrics").await.2);
    assert_eq!(rows["esh_records_unconfirmed"], 2.0, "the report, and that its meter was discovered");
    assert!(rows["esh_sink_reconnects_total{sink=\"out\"}"] >= 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_is_not_ready_and_is_no_reason_to_start_again() {
    let (folder, lines, http) = (tempfile::tempdir().unwrap(), free_port(), free_port());
    let sink = format!(
        "kind = \"mqtt\"\nurl = \"mqtt://127.0.0.1:{}\"\n[queue]\nsize = \"64 KiB\"\nsegment = \"16 KiB\"",
        free_port()
    );
    let _program = Program::start(folder.path(), (lines, http), &sink);
    let mut client = Client::connect(lines).await;
    for n in 0..500 {
        client.say(&format!("{UNDECODABLE}{n:04x}\n")).await;
    }
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let (status, _, body) = get(http, "/readyz").await;
        if status == 503 && body.starts_with("queue: full\n") {
            break;
        }
        assert!(Instant::now() < deadline, "{status} {body}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(get(http, "/healthz").await.0, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asks_slowly_or_badly_holds_up_nobody() {
    let (folder, lines, http) = (tempfile::tempdir().unwrap(), free_port(), free_port());
    let _program = Program::start(folder.path(), (lines, http), "kind = \"file\"\npath = \"out.jsonl\"");
    until(http, "/readyz", 200).await;
    let mut slow = Vec::new();
    for _ in 0..8 {
        let mut stream = connect(http).await;
        stream.write_all(b"GET /metrics HT").await.unwrap();
        slow.push(stream);
    }
    let begun = Instant::now();
    for _ in 0..20 {
        assert_eq!(get(http, "/metrics").await.0, 200);
    }
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    // A head without an end is not kept.
    let mut endless = connect(http).await;
    let piece = format!("a: {}\r\n", "b".repeat(1000));
    let _ = endless.write_all(b"GET /metrics HTTP/1.1\r\n").await;
    while endless.write_all(piece.as_bytes()).await.is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(10), "it reads on and on");
    }
    for mut stream in slow {
        let mut rest = Vec::new();
        let read = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut rest)).await;
        assert!(read.is_ok(), "a slow one is closed in time");
    }
    let mut stream = connect(http).await;
    stream.write_all(b"DELETE /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    assert!(text.starts_with("HTTP/1.1 405"), "{text}");
    assert_eq!(Client::connect(lines).await.ask(GOOD).await, "ok");
}
