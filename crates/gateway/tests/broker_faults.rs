//! Brokers that misbehave: silent ones, ones that acknowledge in any order, ones that hang up.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use common::{Client, Gateway, free_port};
use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// How a broker treats one connection.
#[derive(Clone, Copy, Debug)]
enum Mood {
    /// Takes everything and acknowledges nothing.
    Silent,
    /// Acknowledges groups of so many in reverse order.
    Backwards(usize),
    /// Hangs up after so many publishes, having acknowledged all but the last.
    HangsUpAfter(usize),
    /// Accepts the connection and never lets anybody in.
    Mute,
    /// Acknowledges what was never sent.
    Liar,
    /// As a broker should be.
    Good,
}

/// A broker of MQTT 3.1.1 whose connections go by these moods, the last one for all that follow.
async fn broker(moods: &'static [Mood]) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&seen);
    tokio::spawn(async move {
        for n in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            let mood = moods.get(n).or_else(|| moods.last()).copied().unwrap();
            // The end of a connection is nothing to report here.
            let _ = serve(stream, mood, &all).await;
        }
    });
    (port, seen)
}

async fn serve(mut stream: TcpStream, mood: Mood, seen: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let (mut count, mut held) = (0, Vec::new());
    stream.set_nodelay(true)?;
    loop {
        let first = stream.read_u8().await?;
        let (mut size, mut shift) = (0, 0);
        loop {
            let octet = stream.read_u8().await?;
            size |= usize::from(octet & 0x7f) << shift;
            shift += 7;
            if octet < 0x80 {
                break;
            }
        }
        let mut packet = vec![0; size];
        stream.read_exact(&mut packet).await?;
        match first >> 4 {
            1 if matches!(mood, Mood::Mute) => {}
            1 => stream.write_all(&[0x20, 2, 0, 0]).await?,
            3 => {
                let topic = usize::from(u16::from_be_bytes([packet[0], packet[1]]));
                let id = [packet[2 + topic], packet[3 + topic]];
                let payload = String::from_utf8_lossy(&packet[4 + topic..]).into_owned();
                count += 1;
                held.push(id);
                match mood {
                    Mood::Silent | Mood::Mute => held.clear(),
                    Mood::HangsUpAfter(most) if count >= most => return Ok(()),
                    Mood::Liar => held = vec![[0x27, 0x0f]],
                    _ => {}
                }
                if !matches!(mood, Mood::Silent | Mood::Liar) && payload.starts_with('{') {
                    seen.lock().unwrap().push(payload);
                }
                let group = if let Mood::Backwards(group) = mood { group } else { 1 };
                if held.len() >= group {
                    for id in held.drain(..).rev() {
                        stream.write_all(&[0x40, 2, id[0], id[1]]).await?;
                    }
                }
            }
            12 => stream.write_all(&[0xd0, 0]).await?,
            _ => return Ok(()),
        }
    }
}

async fn all_arrive(moods: &'static [Mood], sink: &str, count: u32) -> usize {
    let (broker, seen) = broker(moods).await;
    let lines = free_port();
    let gateway = Gateway::start(&format!(
        "name = \"g\"\ndata = \"data\"\ndrain = \"30s\"\n[[source]]\nkind = \"lines\"\nprotocol = \"wmbus\"\n\
         listen = \"tcp://127.0.0.1:{lines}\"\nack = true\n[[sink]]\nkind = \"mqtt\"\nversion = \"3.1.1\"\n\
         url = \"mqtt://127.0.0.1:{broker}\"\n{sink}\n"
    ));
    let mut client = Client::connect(lines).await;
    for n in 0..count {
        client.say(&format!("2a44{n:08x}\n")).await;
    }
    for _ in 0..count {
        assert_eq!(client.hear().await, "ok");
    }
    drop(client);
    let ended = gateway.stop().await;
    assert!(ended.is_clean(), "{ended:?}");
    let seen = seen.lock().unwrap();
    let distinct: HashSet<_> = seen.iter().collect();
    assert_eq!(distinct.len(), count as usize, "every report has arrived");
    seen.len() - distinct.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledgements_in_any_order_wedge_nothing() {
    // The farewell needs its acknowledgement at once, so the groups divide what comes: a status and the reports.
    let duplicates = all_arrive(&[Mood::Backwards(7)], "window = 21", 7 * 300 - 1).await;
    assert_eq!(duplicates, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_broker_is_left_and_tried_again() {
    all_arrive(&[Mood::Silent, Mood::Mute, Mood::Good], "ack_timeout = \"300ms\"", 500).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_hangs_up_gets_the_rest_again() {
    const MOODS: &[Mood] = &[Mood::HangsUpAfter(50), Mood::HangsUpAfter(120), Mood::HangsUpAfter(2), Mood::Good];
    let duplicates = all_arrive(MOODS, "", 1000).await;
    // A connection that is reset takes the acknowledgements on their way with it: at most a window each time.
    assert!(duplicates <= 3 * 100, "{duplicates}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_acknowledges_what_was_not_sent_is_left() {
    all_arrive(&[Mood::Liar, Mood::Good], "", 500).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_sink_that_is_down_does_not_hold_up_another() {
    let folder = tempfile::tempdir().unwrap();
    let (lines, nobody, path) = (free_port(), free_port(), folder.path().join("out.jsonl"));
    let gateway = Gateway::start(&format!(
        "name = \"g\"\ndata = \"data\"\ndrain = \"300ms\"\n[[source]]\nkind = \"lines\"\nprotocol = \"wmbus\"\n\
         listen = \"tcp://127.0.0.1:{lines}\"\nack = true\n[[sink]]\nkind = \"mqtt\"\nurl = \"mqtt://127.0.0.1:{nobody}\"\n\
         [[sink]]\nkind = \"file\"\npath = {path:?}\n"
    ));
    let mut client = Client::connect(lines).await;
    for n in 0..100 {
        assert_eq!(client.ask(&format!("2a44{n:08x}")).await, "ok");
    }
    while std::fs::read_to_string(&path).unwrap_or_default().lines().count() < 100 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(client);
    assert_eq!(gateway.stop().await.undelivered, 100);
}
