//! Sources of lines under good and bad input, end to end into a file.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use common::{Client, Gateway, free_port};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn config(folder: &Path, source: &str, more: &str) -> String {
    let path = folder.join("out.jsonl");
    format!(
        "name = \"g\"\ndata = \"data\"\n{more}\n[[source]]\nkind = \"lines\"\nprotocol = \"wmbus\"\n{source}\n\
         [[sink]]\nkind = \"file\"\npath = {path:?}\n"
    )
}

fn frames(folder: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join("out.jsonl")).unwrap_or_default();
    text.lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["frame"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_line_has_one_answer_in_order() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let source = format!("listen = \"tcp://127.0.0.1:{port}\"\nack = true");
    let gateway = Gateway::start(&config(folder.path(), &source, ""));
    let mut client = Client::connect(port).await;
    client.say("2a4401\n2a4\nzz\n\n").await;
    client.say(&"0".repeat(5000)).await;
    client.say("\n{\"hex\":\"2a4402\"}\nT1;1;1;x;1;1;1;0x2a4403\nT1;0;1;x;1;1;1;0x2a4404\n2a4401\n{\n2a44").await;
    for expected in [
        "ok",
        "refused odd number of hexadecimal digits: 3",
        "refused not hexadecimal at character 1",
        "refused empty line",
        "refused line too long: more than 4096 octets",
        "ok",
        "ok",
        "refused the receiver says that the checksum or the line code is wrong",
        "ok",
        "refused not a JSON line: it ends too early at column 1",
    ] {
        assert_eq!(client.hear().await, expected);
    }
    let ended = gateway.stop().await;
    assert!(ended.is_clean());
    assert_eq!((ended.records, ended.copies), (3, 1));
    assert_eq!(frames(folder.path()), ["2a4401", "2a4402", "2a4403"], "the copy and the cut line are no records");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_closes_its_own_direction_still_gets_the_answers() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let source = format!("listen = \"tcp://127.0.0.1:{port}\"\nack = true");
    let gateway = Gateway::start(&config(folder.path(), &source, ""));
    let mut client = Client::connect(port).await;
    for n in 0..500 {
        client.say(&format!("2a44{n:04x}\n")).await;
    }
    client.output.shutdown().await.unwrap();
    let mut answers = String::new();
    client.input.read_to_string(&mut answers).await.unwrap();
    assert_eq!(answers, "ok\n".repeat(500));
    assert!(gateway.stop().await.is_clean());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_clients_do_not_disturb_the_others() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let source =
        format!("listen = \"tcp://127.0.0.1:{port}\"\nack = true\nmax_clients = 203\nline_timeout = \"500ms\"");
    let gateway = Gateway::start(&config(folder.path(), &source, ""));
    let mut idle = Vec::new();
    for _ in 0..200 {
        idle.push(Client::connect(port).await);
    }
    let mut endless = Client::connect(port).await;
    let endless = tokio::spawn(async move {
        let piece = "0".repeat(65_536);
        for _ in 0..200 {
            endless.output.write_all(piece.as_bytes()).await.unwrap();
        }
        endless.say("\n2a44ff\n").await;
        (endless.hear().await, endless.hear().await)
    });
    let mut slow = Client::connect(port).await;
    slow.say("2a44").await;
    let mut good = Client::connect(port).await;
    for n in 0..100 {
        assert_eq!(good.ask(&format!("2a44{n:04x}")).await, "ok");
    }
    assert_eq!(endless.await.unwrap(), ("refused line too long: more than 4096 octets".to_owned(), "ok".to_owned()));
    assert_eq!(slow.hear().await, "refused the line did not end in time");
    assert_eq!(slow.hear().await, "", "and its connection is closed");
    // Idle is not slow: they all still stand.
    for client in &mut idle {
        assert!(client.ask("2a44eeee").await == "ok");
    }
    let ended = gateway.stop().await;
    assert!(ended.is_clean(), "{ended:?}");
    assert_eq!(ended.records, 102);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_client_too_many_is_told_so() {
    let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
    let source = format!("listen = \"tcp://127.0.0.1:{port}\"\nack = true\nmax_clients = 1");
    let gateway = Gateway::start(&config(folder.path(), &source, ""));
    let mut first = Client::connect(port).await;
    assert_eq!(first.ask("2a4401").await, "ok");
    let mut second = Client::connect(port).await;
    assert_eq!(second.hear().await, "refused too many clients");
    assert_eq!(first.ask("2a4402").await, "ok");
    drop(first);
    assert!(gateway.stop().await.is_clean());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_refuses_or_waits_as_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("blocked"), "").unwrap();
    for (when_full, last) in [("drop_newest", Some("refused queue full")), ("block", None)] {
        let port = free_port();
        let source = format!("listen = \"tcp://127.0.0.1:{port}\"\nack = true");
        let more = format!(
            "drain = \"200ms\"\n[queue]\nsize = \"24 KiB\"\nsegment = \"8 KiB\"\nsync = \"always\"\nwhen_full = \"{when_full}\""
        );
        // Nothing can be written below what is a file.
        let gateway = Gateway::start(&config(&folder.path().join("blocked"), &source, &more));
        let mut client = Client::connect(port).await;
        let mut taken = 0;
        let answer = loop {
            client.say(&format!("2a44{taken:04x}\n")).await;
            match tokio::time::timeout(Duration::from_millis(500), client.hear()).await {
                Ok(answer) if answer == "ok" => taken += 1,
                Ok(answer) => break Some(answer),
                Err(_) => break None,
            }
        };
        assert_eq!(answer.as_deref(), last);
        assert!(taken > 20, "{taken}");
        let started = Instant::now();
        let ended = gateway.stop().await;
        assert!(started.elapsed() < Duration::from_secs(5));
        assert!(!ended.is_clean());
        assert_eq!((ended.undelivered, ended.refused), (taken, 1), "what was answered `ok` is in the queue");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_and_a_program_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let lines = folder.path().join("lines");
    std::fs::write(&lines, "2a4401\nrubbish\n\n2a4402\n2a4403").unwrap();
    let gateway = Gateway::start(&config(folder.path(), &format!("file = {lines:?}"), ""));
    let ended = gateway.ended().await;
    assert!(ended.is_clean(), "{ended:?}");
    assert_eq!(frames(folder.path()), ["2a4401", "2a4402", "2a4403"]);

    let folder = tempfile::tempdir().unwrap();
    let source = "command = [\"sh\", \"-c\", \"echo 2a44aa; echo 2a44bb; sleep 60\"]";
    let gateway = Gateway::start(&config(folder.path(), source, ""));
    while frames(folder.path()).len() < 2 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let started = Instant::now();
    assert!(gateway.stop().await.is_clean());
    assert!(started.elapsed() < Duration::from_secs(5), "the program is ended with the gateway");
    assert_eq!(frames(folder.path()), ["2a44aa", "2a44bb"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_server_is_connected_to_again() {
    let folder = tempfile::tempdir().unwrap();
    let server = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().unwrap();
    let source = format!("connect = \"tcp://{address}\"\nack = true");
    let gateway = Gateway::start(&config(folder.path(), &source, ""));
    for n in 0..2 {
        let (mut stream, _) = server.accept().await.unwrap();
        stream.write_all(format!("2a440{n}\n").as_bytes()).await.unwrap();
        let mut answer = [0; 3];
        stream.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"ok\n");
    }
    assert!(gateway.stop().await.is_clean());
    assert_eq!(frames(folder.path()), ["2a4400", "2a4401"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_serial_port_is_read_and_answered() {
    use tokio_serial::SerialPort as _;
    let folder = tempfile::tempdir().unwrap();
    // A pseudo-terminal: this side is the receiver, the other is the port that the gateway opens by its name.
    let (mut receiver, port) = tokio_serial::SerialStream::pair().unwrap();
    let device = port.name().unwrap();
    drop(port);
    let source = format!("serial = {device:?}\nbaud = 115200\nack = true\nline_timeout = \"200ms\"");
    let gateway = Gateway::start(&config(folder.path(), &source, ""));
    tokio::time::sleep(Duration::from_millis(300)).await;
    // A burst of rubbish that does not end is dropped after a while; the next line is whole.
    receiver.write_all(b"\x00\xff\x12rubbish").await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    receiver.write_all(b"2a4401\n").await.unwrap();
    let mut answer = [0; 3];
    tokio::time::timeout(Duration::from_secs(10), receiver.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer, b"ok\n");
    assert!(gateway.stop().await.is_clean());
    assert_eq!(frames(folder.path()), ["2a4401"]);
}
