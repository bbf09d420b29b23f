//! Archived and fed again: the same ids, the same readings, beside a gateway that goes on, and into a real broker.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use common::{Broker, Client, Program, Subscriber, free_port};
use esh_core::{CivilTime, Precision};
use esh_gateway::simulate::Fleet;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

fn configure(folder: &Path, port: u16, broker: Option<u16>) {
    fs::write(folder.join("keys.toml"), Fleet::new(12, 5).keys_toml()).unwrap();
    let mqtt = broker.map_or_else(String::new, |port| {
        format!("[[sink]]\nkind = \"mqtt\"\nname = \"broker\"\nurl = \"mqtt://127.0.0.1:{port}\"\n")
    });
    let text = format!(
        "name = \"g\"\ndata = \"data\"\nkeys = \"keys.toml\"\n[[source]]\nkind = \"lines\"\nprotocol = \"wmbus\"\n\
         listen = \"tcp://127.0.0.1:{port}\"\nack = true\n\
         [[sink]]\nkind = \"file\"\nname = \"reports\"\npath = \"reports.jsonl\"\n\
         [[sink]]\nkind = \"archive\"\npath = \"data/archive\"\nsize = \"8 KiB\"\nkeep_size = \"1 GiB\"\nwait = \"50ms\"\n\
         [[sink]]\nkind = \"stdout\"\n{mqtt}"
    );
    fs::write(folder.join("gateway.toml"), text).unwrap();
}

/// Sends telegrams of twelve meters, with what a line may say about them, and some that are none.
async fn send(port: u16, from: u64, count: u64, fleet: &mut Fleet) {
    let mut client = Client::connect(port).await;
    for n in from..from + count {
        let clock = CivilTime::date(2026, 11, 1).unwrap().at((n / 60 % 24) as u8, (n % 60) as u8, 0, Precision::Minute);
        let sent = fleet.send(clock.unwrap()).unwrap();
        let hex: String = sent.octets.iter().map(|octet| format!("{octet:02x}")).collect();
        let line = match n % 4 {
            0 => hex,
            1 => format!("{{\"hex\":\"{hex}\",\"format\":\"A\",\"rssi\":{}}}", sent.rssi),
            2 => format!(
                "{{\"hex\":\"{hex}\",\"received_at\":\"1970-01-01T00:00:{:02}.5Z\",\"clock\":\"unsynchronised\"}}",
                n % 60
            ),
            _ => format!("{{\"hex\":\"ff{n:08x}\",\"received_at\":\"2026-11-01T00:00:00.{n:09}Z\"}}"),
        };
        assert_eq!(client.ask(&line).await, "ok");
    }
}

fn reports(text: &str) -> BTreeMap<String, String> {
    let id = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["id"].as_str().unwrap().to_owned();
    text.lines().filter(|line| line.contains("esh.report.v1")).map(|line| (id(line), line.to_owned())).collect()
}

fn replay(folder: &Path, archives: &[PathBuf], sink: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_esh-gateway"));
    command.arg("replay").args(archives).arg("--config").arg(folder.join("gateway.toml")).args(["--sink", sink]);
    command.output().unwrap()
}

/// Waits until every sink has delivered so many reports and the archive is on the disk.
async fn settled(folder: &Path, count: usize) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let files = esh_gateway::archive::files(&folder.join("data/archive")).unwrap();
        let mut lines = 0;
        for (_, path) in files {
            let mut file = fs::File::open(path).unwrap();
            for member in esh_gateway::archive::walk(&file).unwrap().sound {
                esh_gateway::archive::read_lines(&mut file, &member, |_| {
                    lines += 1;
                    true
                })
                .unwrap();
            }
        }
        let told = reports(&fs::read_to_string(folder.join("reports.jsonl")).unwrap_or_default()).len();
        if lines >= count && told >= count {
            return;
        }
        assert!(Instant::now() < deadline, "{lines} lines and {told} reports of {count}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_gives_the_same_reports_beside_the_running_gateway_and_through_its_crash() {
    const COUNT: u64 = 240;
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    configure(folder.path(), port, None);
    let mut fleet = Fleet::new(12, 5);
    let mut gateway = Program::start(folder.path());
    send(port, 0, COUNT / 2, &mut fleet).await;
    gateway.kill();
    let gateway = Program::start(folder.path());
    send(port, COUNT / 2, COUNT / 2, &mut fleet).await;
    settled(folder.path(), COUNT as usize).await;
    let first = reports(&fs::read_to_string(folder.path().join("reports.jsonl")).unwrap());
    assert_eq!(first.len(), COUNT as usize);
    assert!(first.values().any(|report| report.contains("\"counter\":")), "counters could be taken for replays");

    // It goes on while it is replayed what it archived.
    let archive = folder.path().join("data/archive");
    let output = replay(folder.path(), std::slice::from_ref(&archive), "stdout");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    assert_eq!(reports(std::str::from_utf8(&output.stdout).unwrap()), first, "octet by octet");
    assert!(told.contains("frames fed"), "{told}");
    let left = fs::read_dir(folder.path().join("data")).unwrap();
    let left: Vec<_> = left.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!left.iter().any(|name| name.starts_with("replay")), "{left:?}");
    drop(gateway);

    // Damage costs what it hit, is told, and changes the exit status.
    let files: Vec<_> = esh_gateway::archive::files(&archive).unwrap().into_iter().map(|(_, path)| path).collect();
    assert!(files.len() > 2, "{files:?}");
    let mut octets = fs::read(&files[1]).unwrap();
    octets[40] ^= 1;
    fs::write(&files[1], octets).unwrap();
    let output = replay(folder.path(), &files, "stdout");
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(told.contains("damaged"), "{told}");
    let rest = reports(std::str::from_utf8(&output.stdout).unwrap());
    // What was archived again after the crash may stand elsewhere too.
    assert!(rest.len() > 100 && rest.len() <= first.len(), "{} of {}", rest.len(), first.len());
    for (id, report) in &rest {
        assert_eq!(Some(report), first.get(id));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_into_a_broker_leaves_the_gateways_session_and_status_alone() {
    const COUNT: u64 = 60;
    let Some(broker) = Broker::start().await else { return };
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    configure(folder.path(), port, Some(broker.port));
    let subscriber = Subscriber::start(broker.port, "esh/v1/g/#").await;
    let _gateway = Program::start(folder.path());
    send(port, 0, COUNT, &mut Fleet::new(12, 5)).await;
    settled(folder.path(), COUNT as usize).await;
    let path = folder.path().to_owned();
    let archive = path.join("data/archive");
    let output = tokio::task::spawn_blocking(move || replay(&path, &[archive], "broker")).await.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let (mut times, mut status) = (BTreeMap::<String, usize>::new(), Vec::new());
    while let Some(message) = subscriber.next(Duration::from_secs(3)) {
        if message.topic.ends_with("/status") {
            status.push(message.payload);
        } else if !message.topic.contains("/events/") {
            *times.entry(message.payload).or_default() += 1;
        }
    }
    assert_eq!(status, ["online"], "nobody was pushed out and nothing was said for the gateway");
    assert_eq!(times.len(), COUNT as usize);
    assert!(times.values().all(|times| *times == 2), "{:?}", times.values());
}

#[test]
fn what_cannot_be_replayed_is_told() {
    let folder = tempfile::tempdir().unwrap();
    configure(folder.path(), 1, None);
    let told = |archive: &str, sink: &str| {
        let output = replay(folder.path(), &[folder.path().join(archive)], sink);
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert!(told("nowhere", "stdout").contains("nowhere: No such file"));
    fs::create_dir(folder.path().join("empty")).unwrap();
    assert!(told("empty", "stdout").contains("no archive is here"));
    assert!(told("gateway.toml", "kafka").contains("no sink is named `kafka`; there are reports, archive-"));
}
