//! The configuration changes while the real program runs.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use common::{Client, connect, free_port};
use std::collections::HashMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// The real program, killed when it goes.
struct Program(Child);

impl Program {
    fn start(folder: &Path) -> Self {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(folder.join("log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_esh-gateway"));
        command.arg("run").arg("--config").arg(folder.join("gateway.toml")).stderr(log).stdout(Stdio::null());
        Self(command.spawn().unwrap())
    }

    fn signal(&self, name: &str) {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A gateway with a source that stays, and what else there is.
fn configure(folder: &Path, (lines, http): (u16, u16), more: &str) {
    let text = format!(
        "name = \"g\"\ndata = \"data\"\nkeys = \"keys.toml\"\n[[source]]\nkind = \"lines\"\nname = \"stays\"\n\
         protocol = \"wmbus\"\nlisten = \"tcp://127.0.0.1:{lines}\"\nack = true\n[http]\nlisten = \"127.0.0.1:{http}\"\n\
         [[sink]]\nkind = \"file\"\nname = \"out\"\npath = \"out.jsonl\"\n{more}"
    );
    std::fs::write(folder.join("gateway.toml"), text).unwrap();
}

fn without_keys(folder: &Path) {
    std::fs::write(folder.join("keys.toml"), "").unwrap();
}

async fn get(port: u16, page: &str) -> (u16, String) {
    let mut stream = connect(port).await;
    stream.write_all(format!("GET {page} HTTP/1.1\r\nhost: localhost\r\n\r\n").as_bytes()).await.unwrap();
    let mut text = String::new();
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_string(&mut text)).await.unwrap().unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head[9..12].parse().unwrap(), body.to_owned())
}

/// The value of a row of the metrics.
async fn metric(port: u16, row: &str) -> Option<f64> {
    let (_, page) = get(port, "/metrics").await;
    page.lines().find_map(|line| line.strip_prefix(row)?.trim().parse().ok())
}

/// Waits for a row of the metrics to have a value.
async fn until(port: u16, row: &str, value: f64) {
    let deadline = Instant::now() + Duration::from_secs(30);
    loop {
        let found = metric(port, row).await;
        if found == Some(value) {
            return;
        }
        assert!(Instant::now() < deadline, "{row} is {found:?}, not {value}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

const OK: &str = "esh_config_reloads_total{result=\"ok\"}";
const FAILED: &str = "esh_config_reloads_total{result=\"failed\"}";

/// A plain telegram of a meter of that number.
fn telegram(n: u32) -> String {
    let bcd = u32::from_str_radix(&format!("{n:08}"), 16).unwrap().to_le_bytes();
    let mut octets = vec![0x14, 0x44, 0x2d, 0x2c];
    octets.extend(bcd);
    octets.extend([0x1b, 0x16, 0x7a, n as u8, 0, 0, 0, 0x04, 0x13]);
    octets.extend(n.to_le_bytes());
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// How often each frame stands in a file.
fn frames(file: &Path) -> HashMap<String, usize> {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let mut frames = HashMap::new();
    for line in text.lines() {
        let report: serde_json::Value = serde_json::from_str(line).unwrap();
        // An event has none.
        if let Some(frame) = report["frame"].as_str() {
            *frames.entry(frame.to_owned()).or_default() += 1;
        }
    }
    frames
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_reloads_half_of_them_wrong_and_nothing_is_down_or_lost() {
    let (folder, lines, http) = (tempfile::tempdir().unwrap(), free_port(), free_port());
    let (other, third) = (free_port(), free_port());
    let folder = folder.path();
    without_keys(folder);
    let watch = "[reload]\nwatch = false\n";
    configure(folder, (lines, http), watch);
    let mut program = Program::start(folder);
    // One connection for all of it: a source that does not change keeps its clients.
    let mut client = Client::connect(lines).await;
    let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
    let sending = tokio::spawn(async move {
        let mut n = 0;
        while stopped.try_recv().is_err() {
            let count = 20;
            for n in n..n + count {
                client.say(&format!("{}\n", telegram(n))).await;
            }
            for _ in 0..count {
                assert_eq!(client.hear().await, "ok");
            }
            n += count;
        }
        n
    });
    until(http, OK, 0.0).await;
    let (mut well, mut wrong) = (0.0, 0.0);
    let second =
        |extra: &str| format!("[[sink]]\nkind = \"file\"\nname = \"second\"\npath = \"second.jsonl\"\n{extra}");
    for round in 0..100 {
        let more = match round % 10 {
            // Sources and sinks come, change and go; numbers of the queue change.
            1 => format!(
                "{watch}[[source]]\nkind = \"lines\"\nname = \"b\"\nprotocol = \"wmbus\"\nlisten = \"tcp://127.0.0.1:{other}\"\n"
            ),
            3 => format!(
                "{watch}[[source]]\nkind = \"lines\"\nname = \"b\"\nprotocol = \"wmbus\"\nlisten = \"tcp://127.0.0.1:{third}\"\n{}",
                second("")
            ),
            5 => format!("{watch}{}[queue]\nsize = \"64 MiB\"\n", second("sync = true\n")),
            7 => {
                format!("{watch}[queue]\nsize = \"32 MiB\"\nwhen_full = \"drop_newest\"\n[parked]\nsize = \"1 MiB\"\n")
            }
            9 => format!("{watch}[deduplicate]\nwindow = \"30s\"\n"),
            // Wrong in each of many ways.
            0 => "[[sink]]\nkind = \"kafkaesque\"\n".to_owned(),
            2 => "[[source]]\nkind = \"lines\"\nname = \"stays\"\nprotocol = \"wmbus\"\nstdin = true\n".to_owned(),
            4 => "[queue]\nsize = \"1 KiB\"\n".to_owned(),
            6 => "[[sink]]\nkind = \"mqtt\"\nurl = \"mqtts://127.0.0.1\"\nca = \"no such file\"\n".to_owned(),
            _ => format!(
                "[[source]]\nkind = \"lines\"\nname = \"b\"\nprotocol = \"wmbus\"\nlisten = \"tcp://127.0.0.1:{http}\"\n"
            ),
        };
        configure(folder, (lines, http), &more);
        program.signal("-HUP");
        if round % 2 == 1 {
            well += 1.0;
            until(http, OK, well).await;
        } else {
            wrong += 1.0;
            until(http, FAILED, wrong).await;
            assert_eq!(metric(http, "esh_config_last_reload_successful").await, Some(0.0));
        }
        assert_eq!(get(http, "/healthz").await.0, 200);
        assert!(program.0.try_wait().unwrap().is_none());
    }
    assert_eq!(metric(http, "esh_config_last_reload_successful").await, Some(1.0));
    assert!(metric(http, "esh_config_last_reload_time_seconds").await > Some(1.7e9));
    stop.send(()).unwrap();
    let sent = sending.await.unwrap();
    assert!(sent > 100, "{sent} telegrams");
    until(http, "esh_records_unconfirmed", 0.0).await;
    let got = frames(&folder.join("out.jsonl"));
    for n in 0..sent {
        assert_eq!(got.get(&telegram(n)), Some(&1), "telegram {n} of {sent}");
    }
    assert_eq!(metric(http, "esh_source_reconnects_total{source=\"stays\"}").await, Some(0.0));
    program.signal("-TERM");
    assert!(program.0.wait().unwrap().success());
    let log = std::fs::read_to_string(folder.join("log")).unwrap();
    assert!(log.contains("gateway.toml:") && log.contains("unknown kind `kafkaesque`"), "{log}");
    assert!(!log.contains("panicked"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changed_is_started_anew_and_what_is_gone_holds_nothing() {
    let (folder, lines, http) = (tempfile::tempdir().unwrap(), free_port(), free_port());
    let (second, moved) = (free_port(), free_port());
    let folder = folder.path();
    without_keys(folder);
    let away = format!("[[sink]]\nkind = \"mqtt\"\nname = \"away\"\nurl = \"mqtt://127.0.0.1:{}\"\n", free_port());
    configure(folder, (lines, http), &away);
    let program = Program::start(folder);
    let mut client = Client::connect(lines).await;
    assert_eq!(client.ask(&telegram(1)).await, "ok");
    // The one that is away has nothing, and keeps what there is.
    until(http, "esh_sink_acknowledged_total{sink=\"away\"}", 0.0).await;
    assert!(metric(http, "esh_records_unconfirmed").await >= Some(1.0));
    // The broker that is away goes, another source and another sink come, the pages move.
    let more = format!(
        "[[source]]\nkind = \"lines\"\nname = \"more\"\nprotocol = \"wmbus\"\nlisten = \"tcp://127.0.0.1:{second}\"\nack = true\n\
         [[sink]]\nkind = \"file\"\nname = \"late\"\npath = \"late.jsonl\"\n"
    );
    configure(folder, (lines, moved), &more);
    // No signal: the file has changed.
    until(moved, OK, 1.0).await;
    until(moved, "esh_records_unconfirmed", 0.0).await;
    assert_eq!(metric(moved, "esh_sink_acknowledged_total{sink=\"away\"}").await, None);
    assert!(tokio::net::TcpStream::connect(("127.0.0.1", http)).await.is_err(), "the pages have moved");
    assert_eq!(Client::connect(second).await.ask(&telegram(2)).await, "ok");
    assert_eq!(client.ask(&telegram(3)).await, "ok", "the first client is still there");
    until(moved, "esh_records_unconfirmed", 0.0).await;
    let late = frames(&folder.join("late.jsonl"));
    assert_eq!(late.len(), 3, "a new sink begins with the oldest record there is: {late:?}");
    assert!(!folder.join("data/queue/away.cursor").exists());
    // The same sink writes to another file, from where it was.
    let more = more.replace("late.jsonl", "later.jsonl");
    configure(folder, (lines, moved), &format!("{more}[queue]\nsize = \"16 MiB\"\n"));
    until(moved, OK, 2.0).await;
    assert_eq!(client.ask(&telegram(4)).await, "ok");
    until(moved, "esh_records_unconfirmed", 0.0).await;
    let later = frames(&folder.join("later.jsonl"));
    assert_eq!(later, HashMap::from([(telegram(4), 1)]));
    // What needs a restart is said, and changes nothing.
    let text = std::fs::read_to_string(folder.join("gateway.toml")).unwrap();
    std::fs::write(folder.join("gateway.toml"), text.replace("name = \"g\"", "name = \"h\"")).unwrap();
    program.signal("-HUP");
    until(moved, OK, 3.0).await;
    let log = std::fs::read_to_string(folder.join("log")).unwrap();
    assert!(log.contains("needs a restart"), "{log}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_arrives_opens_what_has_waited_for_it() {
    let (folder, lines, http) = (tempfile::tempdir().unwrap(), free_port(), free_port());
    let folder = folder.path();
    without_keys(folder);
    configure(folder, (lines, http), "");
    let simulate = Command::new(env!("CARGO_BIN_EXE_esh-gateway"))
        .args(["simulate", "wmbus", "--count", "60", "--meters", "6", "--keys"])
        .arg(folder.join("later.toml"))
        .output();
    let telegrams = String::from_utf8(simulate.unwrap().stdout).unwrap();
    let mut program = Program::start(folder);
    let mut client = Client::connect(lines).await;
    for telegram in telegrams.lines() {
        assert_eq!(client.ask(telegram).await, "ok");
    }
    let parked = metric(http, "esh_parked_frames_total").await.unwrap();
    assert!(parked >= 48.0, "{parked}");
    // It is killed, and knows them still.
    program.0.kill().unwrap();
    program.0.wait().unwrap();
    program = Program::start(folder);
    drop(client);
    let _client = Client::connect(lines).await;
    let stat = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_esh-gateway"));
        let out = command.args(["queue", "stat", "--json", "--config"]).arg(folder.join("gateway.toml")).output();
        serde_json::from_slice::<serde_json::Value>(&out.unwrap().stdout).unwrap()
    };
    assert_eq!(stat()["parked"]["frames"].as_f64(), Some(parked));
    std::fs::rename(folder.join("later.toml"), folder.join("keys.toml")).unwrap();
    until(http, "esh_parked_redeemed_total", parked).await;
    until(http, "esh_records_unconfirmed", 0.0).await;
    program.signal("-HUP");
    until(http, OK, 2.0).await;
    program.signal("-TERM");
    assert!(program.0.wait().unwrap().success());
    assert_eq!(stat()["parked"]["frames"], 0);
    let text = std::fs::read_to_string(folder.join("out.jsonl")).unwrap();
    let mut told: HashMap<String, usize> = HashMap::new();
    for line in text.lines() {
        let report: serde_json::Value = serde_json::from_str(line).unwrap();
        // What was delivered before the kill may stand there twice, and is no matter of keys.
        let plain = report["security"]["state"] == "none";
        if !report["frame"].is_null()
            && report["error"].is_null()
            && !(plain && told.contains_key(&report["frame"].to_string()))
        {
            *told.entry(report["frame"].to_string()).or_default() += 1;
        }
    }
    assert_eq!(told.len(), 60, "each telegram is a reading in the end");
    assert!(told.values().all(|times| *times == 1), "and once: {told:?}");
}
