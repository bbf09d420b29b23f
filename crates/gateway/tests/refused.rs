//! The real program, and brokers that refuse what it publishes: for now, until somebody changes that, or for ever.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use common::peer::{Limits, Mood, Peer, Publish};
use common::program::{Program, page, page_until, telegram};
use common::{Client, free_port};
use serde_json::Value;
use std::collections::HashSet;
use std::path::Path;
use std::time::{Duration, Instant};

const ALL: Limits = Limits { receive_maximum: None, maximum_packet_size: None };

/// A gateway that runs, and the ports of its lines and pages.
struct Running {
    program: Program,
    lines: u16,
    pages: u16,
}

fn run(folder: &Path, broker: u16) -> Running {
    let (lines, pages) = (free_port(), free_port());
    let configuration = format!(
        "name = \"g\"\ndata = \"data\"\n[[source]]\nkind = \"lines\"\nprotocol = \"wmbus\"\n\
         listen = \"tcp://127.0.0.1:{lines}\"\nack = true\n[[sink]]\nkind = \"mqtt\"\nname = \"out\"\n\
         url = \"mqtt://127.0.0.1:{broker}\"\n[http]\nlisten = \"127.0.0.1:{pages}\"\n"
    );
    Running { program: Program::start(folder, &configuration, &[]), lines, pages }
}

async fn send(port: u16, telegrams: impl IntoIterator<Item = String>) {
    let mut client = Client::connect(port).await;
    for telegram in telegrams {
        assert_eq!(client.ask(&telegram).await, "ok");
    }
}

fn json(publish: &Publish) -> Value {
    serde_json::from_str(&publish.payload).unwrap()
}

/// Waits until everything has been delivered.
async fn delivered(pages: u16) -> String {
    page_until(pages, "/metrics", |_, page| page.contains("\nesh_records_unconfirmed 0\n")).await
}

fn schema() -> jsonschema::Validator {
    let schema = serde_json::from_str(include_str!("../schema/esh.report.v1.json")).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

/// The meter that a broker of these tests does not like.
fn is_poison(publish: &Publish) -> bool {
    publish.topic.contains(":00000007:") && !publish.topic.contains("/events/")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_broker_refuses_for_ever_goes_to_undecoded_with_its_reason() {
    const MOODS: &[Mood] = &[Mood::Answers(|publish| {
        let readings = publish.topic.contains("/readings/");
        // The name of the topic is refused in whatever kind the meter stands.
        if is_poison(publish) {
            0x90
        } else if readings && publish.topic.contains(":00000009:") {
            0x99
        } else {
            0
        }
    })];
    let peer = Peer::start(MOODS, ALL).await;
    let folder = tempfile::tempdir().unwrap();
    let running = run(folder.path(), peer.port);
    send(running.lines, (0..300).map(|n| telegram(n % 20, n, 1 + (n / 20) as u8))).await;
    let metrics = delivered(running.pages).await;
    assert!(metrics.contains("\nesh_sink_set_aside_total{sink=\"out\"} 30\n"), "{metrics}");
    assert!(metrics.contains("\nesh_sink_given_up_total{sink=\"out\"} 0\n"), "{metrics}");
    assert_eq!(page(running.pages, "/readyz").await.1, "ok\n");
    let seen = peer.seen();
    assert!(seen.iter().all(|publish| publish.connection == 0), "no connection is lost by it");
    let undecoded: Vec<_> = seen.iter().filter(|publish| publish.topic.contains("/undecoded/")).collect();
    assert_eq!((seen.len(), undecoded.len()), (330, 30));
    let schema = schema();
    for publish in undecoded {
        let report = json(publish);
        assert!(schema.is_valid(&report), "{report}");
        let whole = seen.iter().map(json).find(|whole| whole["id"] == report["id"]).unwrap();
        let (reason, topic) = match report["meter"]["id"].as_str().unwrap() {
            "00000007" => ("topic_name_invalid", "esh/v1/g/undecoded/wmbus/unknown".to_owned()),
            _ => (
                "payload_format_invalid",
                format!("esh/v1/g/undecoded/wmbus/{}", whole["meter"]["address"].as_str().unwrap()),
            ),
        };
        assert_eq!((&publish.topic, report["refused"]["reason"].as_str().unwrap()), (&topic, reason));
        assert_eq!(report["refused"]["octets"], seen.iter().find(|other| json(other) == whole).unwrap().payload.len());
        assert_eq!(report["frame"], whole["frame"]);
    }
    assert!(running.program.stop());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_larger_than_the_broker_takes_goes_to_undecoded_and_holds_nothing_up() {
    // First without a limit, to learn how large the packets are.
    let free = Peer::start(&[Mood::Good], ALL).await;
    let folder = tempfile::tempdir().unwrap();
    let running = run(folder.path(), free.port);
    send(running.lines, [telegram(11, 0, 1), telegram(12, 0, 11)]).await;
    delivered(running.pages).await;
    assert!(running.program.stop());
    let size = |publish: &Publish| publish.topic.len() + publish.payload.len() + 2 + 2 + 1 + 3;
    let (small, large) = (size(&free.seen()[0]), size(&free.seen()[1]));
    assert!(small + 200 < large && small > 127);

    // What fits to the octet is taken; one octet more is too much. A peer that is sent more hangs up.
    for (limit, aside) in [(large, 0), (large - 1, 1), (small - 1, 2), (small / 2, 2)] {
        let limits = Limits { maximum_packet_size: Some(limit as u32), ..ALL };
        let peer = Peer::start(&[Mood::Good], limits).await;
        let folder = tempfile::tempdir().unwrap();
        let running = run(folder.path(), peer.port);
        send(running.lines, [telegram(11, 0, 1), telegram(12, 0, 11)]).await;
        let metrics = delivered(running.pages).await;
        let given_up = usize::from(limit == small / 2) * 2;
        let told = format!("esh_sink_set_aside_total{{sink=\"out\"}} {}\n", aside - given_up.min(aside));
        assert!(metrics.contains(&told), "{limit}: {told} {metrics}");
        assert!(metrics.contains(&format!("esh_sink_given_up_total{{sink=\"out\"}} {given_up}\n")), "{metrics}");
        assert!(metrics.contains("esh_sink_reconnects_total{sink=\"out\"} 0\n"), "{metrics}");
        let seen = peer.seen();
        let undecoded: Vec<_> = seen.iter().filter(|publish| publish.topic.contains("/undecoded/")).collect();
        assert_eq!(undecoded.len(), aside - given_up);
        for publish in undecoded {
            let report = json(publish);
            assert!(schema().is_valid(&report), "{report}");
            assert_eq!(
                (&report["refused"]["reason"], &report["refused"]["limit"]),
                (&"too_large".into(), &limit.into())
            );
            assert!(report["readings"].as_array().unwrap().is_empty());
        }
        assert!(running.program.stop());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_for_now_is_tried_again() {
    // Quota exceeded, and packet identifier in use.
    const MOODS: &[Mood] = &[Mood::Answers(|publish| match publish.times {
        1 if is_poison(publish) => 0x97,
        2 if is_poison(publish) => 0x91,
        _ => 0,
    })];
    let peer = Peer::start(MOODS, ALL).await;
    let folder = tempfile::tempdir().unwrap();
    let running = run(folder.path(), peer.port);
    send(running.lines, (0..20).map(|n| telegram(n, 0, 1))).await;
    let metrics = delivered(running.pages).await;
    assert!(metrics.contains("esh_sink_set_aside_total{sink=\"out\"} 0\n"), "{metrics}");
    assert!(metrics.contains("esh_sink_reconnects_total{sink=\"out\"} 2\n"), "{metrics}");
    let seen = peer.seen();
    assert_eq!(seen.iter().map(|publish| &publish.payload).collect::<HashSet<_>>().len(), 20);
    assert_eq!(seen.iter().filter(|publish| is_poison(publish)).count(), 3);
    assert!(running.program.stop());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_again_and_again_without_a_reason_is_put_aside() {
    const MOODS: &[Mood] =
        &[Mood::Answers(|publish| if is_poison(publish) && publish.topic.contains("/readings/") { 0x83 } else { 0 })];
    let peer = Peer::start(MOODS, ALL).await;
    let folder = tempfile::tempdir().unwrap();
    let running = run(folder.path(), peer.port);
    send(running.lines, (0..20).map(|n| telegram(n, 0, 1))).await;
    let metrics = delivered(running.pages).await;
    assert!(metrics.contains("esh_sink_set_aside_total{sink=\"out\"} 1\n"), "{metrics}");
    let seen = peer.seen();
    let poison: Vec<_> = seen.iter().filter(|publish| is_poison(publish)).collect();
    assert_eq!(poison.len(), 6, "five times, and once what stands for it");
    assert_eq!(json(poison[5])["refused"]["reason"], "implementation_specific_error");
    assert!(running.program.stop());
}

/// Nothing can stand for an event: it is given up, once others are taken, and holds nothing up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_is_refused_again_and_again_is_given_up_while_others_are_taken() {
    const MOODS: &[Mood] = &[Mood::Answers(|publish| {
        let poison = publish.topic.contains("/events/") && publish.topic.contains(":00000007");
        if poison { 0x83 } else { 0 }
    })];
    let peer = Peer::start(MOODS, ALL).await;
    let folder = tempfile::tempdir().unwrap();
    let running = run(folder.path(), peer.port);
    send(running.lines, (0..20).map(|n| telegram(n, 0, 1))).await;
    let metrics = delivered(running.pages).await;
    assert!(metrics.contains("esh_sink_set_aside_total{sink=\"out\"} 0\n"), "{metrics}");
    assert!(metrics.contains("esh_sink_given_up_total{sink=\"out\"} 1\n"), "{metrics}");
    assert_eq!(peer.seen().iter().map(|publish| &publish.payload).collect::<HashSet<_>>().len(), 20);
    assert!(running.program.stop());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_takes_nothing_at_all_loses_nothing() {
    const MOODS: &[Mood] = &[Mood::Answers(|_| 0x80)];
    let peer = Peer::start(MOODS, ALL).await;
    let folder = tempfile::tempdir().unwrap();
    let running = run(folder.path(), peer.port);
    send(running.lines, (0..3).map(|n| telegram(n, 0, 1))).await;
    let deadline = Instant::now() + Duration::from_secs(60);
    while !peer.seen().iter().any(|publish| publish.topic.contains("/undecoded/")) {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (_, metrics) = page(running.pages, "/metrics").await;
    assert!(metrics.contains("\nesh_records_unconfirmed 6\n"), "{metrics}");
    assert!(metrics.contains("esh_sink_given_up_total{sink=\"out\"} 0\n"), "{metrics}");
    drop(running);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_authorised_waits_and_is_not_ready() {
    const MOODS: &[Mood] = &[
        Mood::Refuses(0x87),
        Mood::Answers(|publish| if publish.times == 1 && !publish.topic.contains("/events/") { 0x87 } else { 0 }),
    ];
    let peer = Peer::start(MOODS, ALL).await;
    let folder = tempfile::tempdir().unwrap();
    let running = run(folder.path(), peer.port);
    let not_ready = |expected: &'static str| move |status: u16, body: &str| status == 503 && body.contains(expected);
    page_until(running.pages, "/readyz", not_ready("the connection: NotAuthorized")).await;
    let told = page_until(running.pages, "/readyz", |status, _| status == 200).await;
    assert_eq!(told, "ok\n", "it has been let in, and nothing waits");
    send(running.lines, [telegram(1, 0, 1)]).await;
    let told = page_until(running.pages, "/readyz", not_ready("to publish a report: not authorized")).await;
    assert!(told.starts_with("sink out: mqtt://127.0.0.1:"), "{told}");
    delivered(running.pages).await;
    assert_eq!(page(running.pages, "/readyz").await, (200, "ok\n".to_owned()));
    let seen = peer.seen();
    assert!(seen.len() == 2 && seen[0].payload == seen[1].payload, "nothing is dropped, and nothing goes to undecoded");
    assert!(running.program.stop());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receive_maximum_is_never_exceeded() {
    let limits = Limits { receive_maximum: Some(3), ..ALL };
    let peer = Peer::start(&[Mood::Backwards(3)], limits).await;
    let folder = tempfile::tempdir().unwrap();
    let running = run(folder.path(), peer.port);
    // The status is the first of the first group of three; with what is told of 297 meters the last group is whole.
    send(running.lines, (0..299).map(|n| telegram(n % 297, n, 1))).await;
    delivered(running.pages).await;
    let seen = peer.seen();
    assert_eq!(seen.len(), 299);
    assert!(seen.iter().all(|publish| publish.connection == 0 && publish.unacknowledged <= 3));
    assert!(seen.iter().any(|publish| publish.unacknowledged == 3), "and it is used");
    // Its farewell is acknowledged by nobody, which it does not wait for long.
    assert!(running.program.stop());
}
