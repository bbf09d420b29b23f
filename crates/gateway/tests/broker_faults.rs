//! Brokers that misbehave: silent ones, ones that acknowledge in any order, ones that hang up.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use common::peer::{Limits, Mood, Peer};
use common::{Client, Gateway, free_port};
use std::collections::HashSet;
use std::time::Duration;

/// Everything arrives at a peer of such moods, in both versions of the protocol; how much came twice.
async fn all_arrive(moods: &'static [Mood], sink: &str, count: u32) -> usize {
    all_arrive_with("3.1.1", moods, sink, count).await + all_arrive_with("5", moods, sink, count).await
}

async fn all_arrive_with(version: &str, moods: &'static [Mood], sink: &str, count: u32) -> usize {
    let peer = Peer::start(moods, Limits::default()).await;
    let urls = format!("\"mqtt://127.0.0.1:{}\"", peer.port);
    let (gateway, lines) = gateway(&urls, &format!("version = \"{version}\"\n{sink}"));
    send(lines, 0..count).await;
    let ended = gateway.stop().await;
    assert!(ended.is_clean(), "{ended:?}");
    let seen = peer.seen();
    let distinct: HashSet<_> = seen.iter().map(|publish| &publish.payload).collect();
    assert_eq!(distinct.len(), count as usize, "every report has arrived");
    seen.len() - distinct.len()
}

/// A gateway that runs, and the port of its lines.
fn gateway(urls: &str, sink: &str) -> (Gateway, u16) {
    let lines = free_port();
    let gateway = Gateway::start(&format!(
        "name = \"g\"\ndata = \"data\"\ndrain = \"30s\"\n[[source]]\nkind = \"lines\"\nprotocol = \"wmbus\"\n\
         listen = \"tcp://127.0.0.1:{lines}\"\nack = true\n[[sink]]\nkind = \"mqtt\"\nurl = {urls}\n{sink}\n"
    ));
    (gateway, lines)
}

async fn send(port: u16, numbers: std::ops::Range<u32>) {
    let (mut client, count) = (Client::connect(port).await, numbers.len());
    for n in numbers {
        client.say(&format!("2a44{n:08x}\n")).await;
    }
    for _ in 0..count {
        assert_eq!(client.hear().await, "ok");
    }
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
    assert!(duplicates <= 2 * 3 * 100, "{duplicates}");
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

/// The client library drops what was not acknowledged when a connection comes back (rumqtt, issue 349 and what grew of
/// it): each record of a window is sent again, from the queue.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unacknowledged_publishes_are_not_dropped_on_reconnect() {
    const MOODS: &[Mood] = &[Mood::Silent, Mood::HangsUpAfter(1), Mood::Silent, Mood::Good];
    for (version, moods) in [("3.1.1", MOODS), ("5", MOODS)] {
        let sink = "window = 50\nack_timeout = \"300ms\"";
        all_arrive_with(version, moods, sink, 50).await;
    }
}

/// The client library waits for ever for a packet id that is never acknowledged, also through a reconnect (rumqtt, issues
/// 1056 and 1014): a connection with such an id is given up, with everything the library remembers of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_packet_id_that_is_never_acknowledged_wedges_nothing() {
    const MOODS: &[Mood] = &[Mood::Forgets(20), Mood::Forgets(2), Mood::Good];
    // More than the ids there are, so the library would come round to the one that is taken.
    let duplicates = all_arrive(MOODS, "window = 10\nack_timeout = \"300ms\"", 500).await;
    assert!(duplicates <= 2 * 2 * 10, "{duplicates}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_broker_is_tried_when_one_stays_away_and_the_first_again_after_a_while() {
    let (first, second) = (free_port(), Peer::start(&[Mood::Good], Limits::default()).await);
    let urls = format!("[\"mqtt://127.0.0.1:{first}\", \"mqtt://127.0.0.1:{}\"]", second.port);
    let (gateway, lines) = gateway(&urls, "next_after = \"500ms\"\nfirst_after = \"1s\"");
    send(lines, 0..100).await;
    until(|| second.seen().len() == 100).await;
    // The first is tried again, and is still not there: the second one goes on.
    tokio::time::sleep(Duration::from_millis(1500)).await;
    send(lines, 100..200).await;
    until(|| second.seen().len() == 200).await;
    let first = Peer::at(first, &[Mood::Good], Limits::default()).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    send(lines, 200..300).await;
    until(|| first.seen().len() == 100).await;
    // It goes again, and the cursor is the same for both.
    drop(first);
    send(lines, 300..400).await;
    let ended = gateway.stop().await;
    assert!(ended.is_clean(), "{ended:?}");
    let payloads: HashSet<_> = second.seen().into_iter().map(|publish| publish.payload).collect();
    assert_eq!(payloads.len(), 300);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_lets_in_and_takes_nothing_is_as_good_as_away() {
    for moods in [&[Mood::Silent], &[Mood::HangsUpAfter(2)], &[Mood::Answers(|_| 0x97)], &[Mood::Refuses(0x88)]] {
        let first = Peer::start(moods, Limits::default()).await;
        let second = Peer::start(&[Mood::Good], Limits::default()).await;
        let urls = format!("[\"mqtt://127.0.0.1:{}\", \"mqtt://127.0.0.1:{}\"]", first.port, second.port);
        let (gateway, lines) = gateway(&urls, "next_after = \"500ms\"\nack_timeout = \"300ms\"");
        send(lines, 0..100).await;
        let ended = gateway.stop().await;
        assert!(ended.is_clean(), "{moods:?}: {ended:?}");
        let payloads: HashSet<_> = second.seen().into_iter().map(|publish| publish.payload).collect();
        assert_eq!(payloads.len(), 100, "{moods:?}");
    }
}

async fn until(is: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(60);
    while !is() {
        assert!(std::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
