use super::*;
use crate::queue::Position;
use crate::simulate::Fleet;
use crate::sources::now;
use crate::worker::Worker;
use esh_core::{CivilTime, Protocol};
use std::collections::HashSet;
use std::path::Path;

fn config(when_full: &str) -> Config {
    let text = "name = \"g\"\ndata = \"data\"\n[[source]]\nkind = \"simulate\"\n[[sink]]\nkind = \"stdout\"\n\
        [queue]\nsize = \"512 KiB\"\nsegment = \"16 KiB\"\nwhen_full = \"";
    Config::parse(Path::new("gateway.toml"), &format!("{text}{when_full}\"\n")).unwrap()
}

fn meters(meters: Meters) -> watch::Receiver<Arc<Meters>> {
    watch::channel(Arc::new(meters)).1
}

fn line(data: &Path) -> (Line, queue::Reader, queue::Handle) {
    line_of(data, "block")
}

fn line_of(data: &Path, when_full: &str) -> (Line, queue::Reader, queue::Handle) {
    let config = config(when_full);
    let worker = Worker::new("g", None, Fleet::new(6, 1).keys());
    let mut opened = Queue::open(data, &config.queue, &config.parked, &["stdout"]).unwrap();
    let reader = opened.readers.remove(0);
    let line =
        Line::restored(&config, Box::new(worker), opened.queue, meters(Meters::default()), Arc::default()).unwrap();
    (line, reader, opened.handle)
}

/// What a process that is killed at this moment leaves behind.
fn image(data: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    std::fs::create_dir(copy.path().join(queue::FOLDER)).unwrap();
    for entry in std::fs::read_dir(data.join(queue::FOLDER)).unwrap() {
        let from = entry.unwrap().path();
        std::fs::copy(&from, copy.path().join(queue::FOLDER).join(from.file_name().unwrap())).unwrap();
    }
    copy
}

fn frames(reader: &queue::Reader) -> HashSet<String> {
    let (mut at, mut frames) = (Position::START, HashSet::new());
    while let Some(entry) = reader.try_next(at) {
        at = entry.position;
        let report: serde_json::Value = serde_json::from_slice(&entry.record.report).unwrap();
        frames.extend(report["frame"].as_str().map(str::to_owned));
    }
    frames
}

/// The events: what happened, to whom, which alarm, and the id.
fn events(reader: &queue::Reader) -> Vec<(String, String, String, String)> {
    let (mut at, mut events) = (Position::START, Vec::new());
    while let Some(entry) = reader.try_next(at) {
        at = entry.position;
        if entry.record.kind == Kind::Event {
            let report: serde_json::Value = serde_json::from_slice(&entry.record.report).unwrap();
            let word = |key: &str| report[key].as_str().unwrap_or("-").to_owned();
            events.push((word("event"), word("meter"), word("alarm"), word("id")));
        }
    }
    events
}

/// What must hold after a kill: what was acknowledged is there and known, what is not there is not known.
fn holds(data: &Path, sent: &[Capture], acknowledged: usize, delivered: bool) {
    let image = image(data);
    let (mut line, reader, _handle) = line(image.path());
    let there = frames(&reader);
    for (n, capture) in sent.iter().enumerate() {
        let hex: String = capture.octets.iter().map(|octet| format!("{octet:02x}")).collect();
        let known = matches!(line.deduplicate.see(capture, Instant::now()), Seen::Copy(_));
        assert!(known || n >= acknowledged, "the copy of {n}, which was acknowledged, is not known");
        if !delivered {
            assert!(there.contains(&hex) || n >= acknowledged, "{n} was acknowledged and is lost");
            assert_eq!(known, there.contains(&hex), "the dedup entry of {n} is there with its record, or neither is");
        }
        if known {
            let report = line.decode.decode(capture, 1).report;
            let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
            let replayed = report["error"]["reason"] == "replayed";
            assert_eq!(replayed, !report["counter"].is_null(), "the counter of {n} comes with its record: {report}");
        }
    }
}

mod watched;

#[test]
fn killed_between_any_two_steps_it_knows_what_it_acknowledged_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let (mut line, reader, _handle) = line(folder.path());
    let mut fleet = Fleet::new(6, 1);
    let clock = CivilTime::date(2026, 1, 1).unwrap();
    let (mut sent, mut acknowledged, mut delivered) = (Vec::new(), 0, false);
    for round in 0..24 {
        let capture = Capture {
            octets: fleet.send(clock).unwrap().octets.into(),
            protocol: Protocol::Wmbus,
            framing: None,
            received_at: now(),
            source: "air".into(),
            rssi: None,
            radio: None,
        };
        sent.push(capture.clone());
        let (answer, mut answered) = oneshot::channel();
        line.take(Taken { capture, answer: Some(answer), reply: None });
        assert!(answered.try_recv().is_err(), "nothing is answered before the commit");
        holds(folder.path(), &sent, acknowledged, delivered);
        if round % 3 == 1 {
            continue;
        }
        line.commit();
        acknowledged = if round % 3 == 2 || answered.try_recv() == Ok(Ok(())) { sent.len() } else { acknowledged };
        assert_eq!(acknowledged, sent.len());
        holds(folder.path(), &sent, acknowledged, delivered);
        if round % 5 == 0 {
            line.queue.keep(&known(&*line.decode, &line.watch, &line.deduplicate));
            holds(folder.path(), &sent, acknowledged, delivered);
        }
        line.upkeep();
        holds(folder.path(), &sent, acknowledged, delivered);
    }
    // Delivered records may go, what they taught does not.
    let mut last = Position::START;
    while let Some(entry) = reader.try_next(last) {
        last = entry.position;
    }
    reader.confirm(last);
    delivered = true;
    holds(folder.path(), &sent, sent.len(), delivered);
    line.queue.keep(&known(&*line.decode, &line.watch, &line.deduplicate));
    holds(folder.path(), &sent, sent.len(), delivered);
}

#[test]
fn a_disk_that_fails_is_never_answered_with_ok_and_nothing_taken_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let (mut line, reader, handle) = line(folder.path());
    let mut fleet = Fleet::new(6, 1);
    let clock = CivilTime::date(2026, 1, 1).unwrap();
    let mut capture = || Capture {
        octets: fleet.send(clock).unwrap().octets.into(),
        protocol: Protocol::Wmbus,
        framing: None,
        received_at: now(),
        source: "air".into(),
        rssi: None,
        radio: None,
    };
    let (first, second) = (capture(), capture());
    let ask = |line: &mut Line, capture: &Capture| {
        let (answer, mut answered) = oneshot::channel();
        line.take(Taken { capture: capture.clone(), answer: Some(answer), reply: None });
        line.commit();
        answered.try_recv().unwrap()
    };
    // A segment is there, and then the disk fails for it and for the one that is tried in its place.
    assert_eq!(ask(&mut line, &first), Ok(()));
    queue::log::fault::syncs(0, 4);
    assert_eq!(ask(&mut line, &second), Err(QueueError::Disk));
    assert_eq!(ask(&mut line, &second), Err(QueueError::Disk), "it is left alone for a while");
    assert_eq!(frames(&reader).len(), 1, "sinks go on with what is there, and with nothing else");
    queue::log::fault::syncs(0, 0);
    std::thread::sleep(Duration::from_millis(1100));
    assert_eq!(ask(&mut line, &second), Ok(()), "a copy of what was kept, now on the disk");
    let events = events(&reader).len();
    assert_eq!((frames(&reader).len(), handle.unconfirmed()), (2, 2 + events as u64));
}

#[test]
fn what_is_dropped_is_told_by_an_event() {
    let folder = tempfile::tempdir().unwrap();
    let (mut line, reader, _handle) = line_of(folder.path(), "drop_oldest");
    let mut fleet = Fleet::new(6, 1);
    let clock = CivilTime::date(2026, 1, 1).unwrap();
    for _ in 0..1000 {
        let octets = fleet.send(clock).unwrap().octets.into();
        let (protocol, received_at) = (Protocol::Wmbus, now());
        let capture =
            Capture { octets, protocol, framing: None, received_at, source: "air".into(), rssi: None, radio: None };
        line.take(Taken { capture, answer: None, reply: None });
    }
    line.commit();
    line.upkeep();
    assert!(line.queue.losses().is_empty());
    let (mut at, mut records, mut dropped) = (Position::START, 0, 0);
    while let Some(entry) = reader.try_next(at) {
        at = entry.position;
        let report: serde_json::Value = serde_json::from_slice(&entry.record.report).unwrap();
        match entry.record.kind {
            Kind::Event if report["event"] == "dropped" => dropped += report["dropped"]["count"].as_u64().unwrap(),
            _ => records += 1,
        }
    }
    assert!(dropped > 0);
    let events: u64 = line.counts.events().iter().map(|(_, count)| count).sum();
    assert!(events >= 6, "each meter was discovered");
    assert_eq!(records + dropped, 1000 + events);
}
