//! Makers' own datagrams and frames, end to end into a file.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use common::{Gateway, connect, free_port};
use esh_gateway::keys::KeyStore;
use esh_gateway::worker::Worker;
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UdpSocket;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

fn start(folder: &Path, source: &str) -> Gateway {
    let path = folder.join("out.jsonl");
    let text =
        format!("name = \"g\"\ndata = \"data\"\n[[source]]\n{source}\n[[sink]]\nkind = \"file\"\npath = {path:?}\n");
    Gateway::with(&text, Box::new(Worker::new("g", None, KeyStore::default())))
}

/// Meter, protocol and frame of each report.
fn reports(folder: &Path) -> Vec<(String, String, String)> {
    let text = std::fs::read_to_string(folder.join("out.jsonl")).unwrap_or_default();
    let reports = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let reports = reports.filter(|report| report["schema"] == "esh.report.v1");
    let text = |value: &Value| value.as_str().unwrap_or("nobody").to_owned();
    reports.map(|report| (text(&report["meter"]["id"]), text(&report["protocol"]), text(&report["frame"]))).collect()
}

fn report(meter: &str, protocol: &str, frame: &str) -> (String, String, String) {
    (meter.to_owned(), protocol.to_owned(), frame.to_owned())
}

/// Sends until there is an answer: the gateway may not be there yet.
async fn ask(socket: &UdpSocket, port: u16, message: &[u8]) -> Vec<u8> {
    let (mut answer, deadline) = ([0; 64], Instant::now() + PATIENCE);
    loop {
        let _ = socket.send_to(message, ("127.0.0.1", port)).await;
        match timeout(Duration::from_millis(200), socket.recv(&mut answer)).await {
            Ok(Ok(len)) => return answer[..len].to_vec(),
            _ => assert!(Instant::now() < deadline, "no answer"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_datagram_is_answered_once_it_is_committed_and_named_by_its_address() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let source = format!("kind = \"udp\"\nlisten = \"udp://127.0.0.1:{port}\"\nanswer = \"{{0}}00\"");
    let gateway = start(folder.path(), &source);
    let (one, two) = (UdpSocket::bind("127.0.0.1:0").await.unwrap(), UdpSocket::bind("127.0.0.1:0").await.unwrap());
    assert_eq!(ask(&one, port, &[0x0a, 1, 2, 3]).await, [0x0a, 0]);
    assert_eq!(ask(&one, port, &[0x0b, 1]).await, [0x0b, 0]);
    assert_eq!(ask(&two, port, &[0x0b, 1]).await, [0x0b, 0], "of another endpoint it is another message");
    assert_eq!(ask(&two, port, &[0x0b, 1]).await, [0x0b, 0], "a copy is answered, too");
    let ended = gateway.stop().await;
    assert_eq!((ended.records, ended.copies), (3, 1));
    let expected = ["0a010203", "0b01", "0b01"].map(|frame| report("127.0.0.1", "datagram", frame));
    assert_eq!(reports(folder.path()), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_imei_names_the_meter_and_no_answer_is_long_beside_what_came() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let source = format!(
        "kind = \"udp\"\nlisten = \"udp://127.0.0.1:{port}\"\nimei = {{ at = 1, as = \"bcd\" }}\nanswer = \"{}\"",
        "06".repeat(20)
    );
    let gateway = start(folder.path(), &source);
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let message = [0x01, 0x04, 0x90, 0x15, 0x42, 0x03, 0x23, 0x75, 0x18];
    assert_eq!(ask(&socket, port, &message).await, [6; 20]);
    socket.send_to(&[0x01; 6], ("127.0.0.1", port)).await.unwrap();
    assert!(timeout(Duration::from_millis(300), socket.recv(&mut [0; 64])).await.is_err(), "more than three times");
    gateway.stop().await;
    let expected =
        [report("490154203237518", "datagram", "010490154203237518"), report("nobody", "datagram", "010101010101")];
    assert_eq!(reports(folder.path()), expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn frames_come_in_any_pieces_and_the_first_may_name_the_meter() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let source = format!(
        "kind = \"tcp\"\nlisten = \"tcp://127.0.0.1:{port}\"\nframe = {{ delimiter = \"0d0a\" }}\n\
         imei = {{ at = 0, as = \"text\" }}\nanswer = \"{{0}}06\""
    );
    let gateway = start(folder.path(), &source);
    let mut client = connect(port).await;
    for piece in [&b"4901542"[..], b"03237518\r", b"\none\r\n\r\ntwo\r\nthr"] {
        client.write_all(piece).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut answers = [0; 6];
    timeout(PATIENCE, client.read_exact(&mut answers)).await.unwrap().unwrap();
    assert_eq!(&answers, b"4\x06o\x06t\x06");
    client.shutdown().await.unwrap();
    assert_eq!(timeout(PATIENCE, client.read(&mut answers)).await.unwrap().unwrap(), 0);
    gateway.stop().await;
    let frames = ["343930313534323033323337353138", "6f6e65", "74776f"];
    assert_eq!(reports(folder.path()), frames.map(|frame| report("490154203237518", "datagram", frame)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_ends_a_frame_and_a_telegram_names_its_own_meter() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let source = format!(
        "kind = \"tcp\"\nlisten = \"tcp://127.0.0.1:{port}\"\nframe = {{ idle = \"100ms\" }}\nformat = \"wmbus\"\nanswer = \"e5\""
    );
    let gateway = start(folder.path(), &source);
    let hex = common::plain_telegram(31_415_926);
    let telegram: Vec<_> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
    let mut client = connect(port).await;
    client.write_all(&telegram[..5]).await.unwrap();
    client.write_all(&telegram[5..]).await.unwrap();
    let mut answer = [0; 1];
    timeout(PATIENCE, client.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(answer, [0xe5]);
    gateway.stop().await;
    assert_eq!(reports(folder.path()), [report("31415926", "wmbus", &hex)]);
}
