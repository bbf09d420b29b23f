//! Sniffed frames of Zigbee through a whole gateway: what the frames of a capture teach opens those behind them.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;
#[path = "../../esh-zigbee/tests/common/mod.rs"]
mod zigbee;

use common::Program;
use esh_zigbee::zdo::Message;
use serde_json::Value;
use std::net::UdpSocket;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};
use std::{fs, io::Write};
use zigbee::{METER, OF_METER, OF_ROUTER, Sent, WELL_KNOWN, report, transport};

/// The answer to a read: multiplier 1, divisor 1000, kilowatt hours.
const SCALE: &[u8] = &[0x18, 2, 0x01, 0x01, 3, 0, 0x22, 1, 0, 0, 0x02, 3, 0, 0x22, 0xe8, 3, 0, 0x00, 3, 0, 0x30, 0];

/// A device joins, announces itself, tells how its numbers are scaled, and reports through a router.
fn frames() -> Vec<Vec<u8>> {
    let mut room = [0; 32];
    let announce = Message::DeviceAnnounce { short: OF_METER.0, extended: METER, capability: 0x8e };
    let (aps, len) = zigbee::message(announce, &mut room);
    vec![
        transport(WELL_KNOWN),
        Sent { to: 0xfffd, aps, payload: &room[..len], ..report(OF_METER, OF_ROUTER, 5) }.frame(),
        Sent { payload: SCALE, ..report(OF_METER, OF_METER, 6) }.frame(),
        report(OF_METER, OF_ROUTER, 7).frame(),
    ]
}

/// A capture without check sequences, a second between its frames.
fn pcap(frames: &[Vec<u8>]) -> Vec<u8> {
    let mut file = [&0xa1b2_c3d4_u32.to_le_bytes()[..], &[2, 0, 4, 0]].concat();
    for number in [0u32, 0, 256, 230] {
        file.extend(number.to_le_bytes());
    }
    for (second, frame) in (1_790_000_000u32..).zip(frames) {
        let body = &frame[..frame.len() - 2];
        for number in [second, 0, body.len() as u32, body.len() as u32] {
            file.extend(number.to_le_bytes());
        }
        file.extend(body);
    }
    file
}

fn configure(folder: &Path, source: &str) {
    let text = format!(
        "name = \"g\"\ndata = \"data\"\n[[source]]\nkind = \"sniffer\"\nname = \"air\"\n{source}\n\
         [[sink]]\nkind = \"file\"\npath = \"reports.jsonl\"\n"
    );
    fs::write(folder.join("gateway.toml"), text).unwrap();
}

fn reports(folder: &Path) -> Vec<Value> {
    let text = fs::read_to_string(folder.join("reports.jsonl")).unwrap_or_default();
    let all = text.lines().filter(|line| line.contains("esh.report.v1"));
    all.map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The last report has the readings of the meter itself, in its own unit, and nobody's key.
fn assert_told(reports: &[Value]) {
    let last = reports.last().unwrap();
    assert_eq!(last["error"], Value::Null, "{last}");
    assert_eq!(last["meter"]["address"], "zigbee:00124b0001020304");
    assert_eq!(last["source"]["format"], "sniffed");
    let readings = last["readings"].as_array().unwrap();
    let told: Vec<String> =
        readings.iter().map(|of| format!("{} {} {}", of["quantity"], of["value"], of["unit"])).collect();
    assert_eq!(told, ["\"energy.active.import\" 123.456 \"kW.h\"", "\"power.active.net\" -1.5 \"kW\""]);
    assert!(!format!("{reports:?}").contains("5c5c5c5c"), "the key of the network shows itself");
}

#[test]
fn a_capture_is_read_to_its_end() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("air.pcap"), pcap(&frames())).unwrap();
    configure(folder.path(), "file = \"air.pcap\"");
    let mut command = Command::new(env!("CARGO_BIN_EXE_esh-gateway"));
    let output = command.arg("run").arg("--config").arg(folder.path().join("gateway.toml")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let reports = reports(folder.path());
    assert_eq!(reports.len(), 4);
    assert_told(&reports);
    assert_eq!(reports[3]["received_at"], "2026-09-21T14:13:23.000Z", "the time that the capture tells");
}

fn wait_for(folder: &Path, count: usize) -> Vec<Value> {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let reports = reports(folder);
        if reports.len() >= count {
            return reports;
        }
        assert!(Instant::now() < deadline, "{} of {count} came", reports.len());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn datagrams_of_a_sniffer_are_taken_as_they_come() {
    let folder = tempfile::tempdir().unwrap();
    let free = UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    configure(folder.path(), &format!("listen = \"udp://127.0.0.1:{port}\""));
    let mut program = Program::start(folder.path());
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    // ZEP version 2 before each frame. Until the gateway listens, what is sent is lost: the first is sent again.
    let datagrams: Vec<Vec<u8>> = frames()
        .iter()
        .map(|frame| [&b"EX\x02\x01\x0f\0\x01\x01\xff"[..], &[0; 22], &[frame.len() as u8], frame].concat())
        .collect();
    let deadline = Instant::now() + Duration::from_secs(60);
    while reports(folder.path()).is_empty() {
        assert!(program.is_alive() && Instant::now() < deadline);
        // What nobody takes yet is refused, and that is told with the next one.
        let _ = socket.send_to(&datagrams[0], ("127.0.0.1", port));
        std::thread::sleep(Duration::from_millis(50));
    }
    for (at, datagram) in datagrams.iter().enumerate().skip(1) {
        socket.send_to(b"not a frame", ("127.0.0.1", port)).unwrap();
        socket.send_to(datagram, ("127.0.0.1", port)).unwrap();
        wait_for(folder.path(), at + 1);
    }
    assert_told(&reports(folder.path()));
    assert_eq!(reports(folder.path()).len(), 4, "copies of a frame are one");
}

#[test]
fn a_pipe_may_be_closed_and_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("air");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    configure(folder.path(), "file = \"air\"");
    let _program = Program::start(folder.path());
    for (count, frames) in [(2, &frames()[..2]), (4, &frames()[2..])] {
        // It is opened once somebody reads at the other end.
        let mut writer = fs::OpenOptions::new().write(true).open(&pipe).unwrap();
        let capture = pcap(frames);
        let (first, second) = capture.split_at(30);
        writer.write_all(first).unwrap();
        std::thread::sleep(Duration::from_millis(50));
        writer.write_all(second).unwrap();
        // It is read before its writer goes.
        wait_for(folder.path(), count);
    }
    assert_told(&reports(folder.path()));
}
