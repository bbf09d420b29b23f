use super::*;
use crate::capture::Capture;
use crate::config::Config;
use crate::keys::KeyStore;
use crate::queue::{self, Position, Queue, parked};
use crate::record::Kind;
use crate::simulate::Fleet;
use crate::sources::{Taken, now};
use crate::telemetry::OfLine;
use crate::worker::Worker;
use esh_core::{CivilTime, Protocol};
use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

struct Gateway {
    line: Line,
    reader: queue::Reader,
    handle: queue::Handle,
}

fn config(more: &str) -> Config {
    let text = "name = \"g\"\ndata = \"data\"\n[[source]]\nkind = \"simulate\"\n[[sink]]\nkind = \"stdout\"\n\
        [deduplicate]\nwindow = \"0s\"\n[queue]\nsize = \"512 KiB\"\nsegment = \"16 KiB\"\n";
    Config::parse(Path::new("gateway.toml"), &format!("{text}{more}")).unwrap()
}

impl Gateway {
    fn start(data: &Path, keys: KeyStore) -> Self {
        Self::with(data, keys, "[parked]\nsize = \"256 KiB\"\n")
    }

    fn with(data: &Path, keys: KeyStore, more: &str) -> Self {
        let config = config(more);
        let mut opened = Queue::open(data, &config.queue, &config.parked, &["stdout"]).unwrap();
        let reader = opened.readers.remove(0);
        let worker = Box::new(Worker::new("g", None, keys));
        let meters = tokio::sync::watch::channel(Arc::default()).1;
        let line = Line::restored(&config, worker, opened.queue, meters, Arc::<OfLine>::default()).unwrap();
        Self { line, reader, handle: opened.handle }
    }

    fn hear(&mut self, capture: &Capture) {
        self.line.take(Taken { capture: capture.clone(), answer: None, reply: None });
    }

    fn keep(&mut self) {
        self.line.queue.keep(&known(&*self.line.decode, &self.line.watch, &self.line.deduplicate));
    }

    /// Tries every parked frame, and puts everything on the disk.
    fn finish(&mut self) {
        while self.line.redeems() {
            self.line.redeem();
        }
        assert!(!self.line.queue.parked().is_busy(), "it found no room");
        self.line.commit();
        self.line.upkeep();
    }

    /// The reports in the queue: kind, frame and report.
    fn reports(&self) -> Vec<(Kind, String, serde_json::Value)> {
        let (mut at, mut reports) = (Position::START, Vec::new());
        while let Some(entry) = self.reader.try_next(at) {
            at = entry.position;
            if entry.record.kind == Kind::Event {
                continue;
            }
            let report: serde_json::Value = serde_json::from_slice(&entry.record.report).unwrap();
            reports.push((entry.record.kind, report["frame"].as_str().unwrap().to_owned(), report));
        }
        reports
    }

    /// How often each frame was told as a reading, and as one that could not be decoded.
    fn told(&self) -> HashMap<String, (u32, u32)> {
        let mut told: HashMap<String, (u32, u32)> = HashMap::new();
        for (kind, frame, _) in self.reports() {
            let (readings, undecoded) = told.entry(frame).or_default();
            *(if kind == Kind::Undecoded { undecoded } else { readings }) += 1;
        }
        told
    }
}

fn captures(fleet: &mut Fleet, count: usize) -> Vec<Capture> {
    let clock = CivilTime::date(2026, 1, 1).unwrap();
    let mut capture = || {
        let octets = fleet.send(clock).unwrap().octets.into();
        Capture {
            octets,
            protocol: Protocol::Wmbus,
            framing: None,
            received_at: now(),
            source: "air".into(),
            rssi: Some(-70),
            radio: None,
        }
    };
    (0..count).map(|_| capture()).collect()
}

fn hex(capture: &Capture) -> String {
    capture.octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// What a process that is killed at this moment leaves behind.
fn image(data: &Path) -> tempfile::TempDir {
    let copy = tempfile::tempdir().unwrap();
    for folder in [queue::FOLDER, parked::FOLDER] {
        std::fs::create_dir(copy.path().join(folder)).unwrap();
        for entry in std::fs::read_dir(data.join(folder)).unwrap() {
            let from = entry.unwrap().path();
            std::fs::copy(&from, copy.path().join(folder).join(from.file_name().unwrap())).unwrap();
        }
    }
    copy
}

/// Started again with its keys after a kill, it tells everything acknowledged as readings once, and once more never.
fn holds(data: &Path, keys: &KeyStore, sent: &[Capture], acknowledged: usize) {
    let image = image(data);
    for _ in 0..2 {
        let mut gateway = Gateway::start(image.path(), keys.clone());
        gateway.finish();
        let told = gateway.told();
        for (n, capture) in sent.iter().enumerate() {
            let (readings, undecoded) = told.get(&hex(capture)).copied().unwrap_or_default();
            assert!(
                undecoded <= 1 && readings <= 1,
                "{n} of {acknowledged}: {readings} readings, {undecoded} undecoded"
            );
            assert!(readings == 1 || n >= acknowledged, "{n} of {acknowledged} was acknowledged and is no reading");
        }
    }
}

#[test]
fn killed_between_any_two_steps_every_parked_frame_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut fleet = Fleet::new(6, 1);
    let (keys, sent) = (fleet.keys(), captures(&mut fleet, 12));
    let mut gateway = Gateway::start(folder.path(), KeyStore::default());
    let mut acknowledged = 0;
    for (n, capture) in sent.iter().enumerate() {
        gateway.hear(capture);
        holds(folder.path(), &keys, &sent, acknowledged);
        if n % 3 > 0 {
            gateway.line.commit();
            acknowledged = n + 1;
            holds(folder.path(), &keys, &sent, acknowledged);
        }
        if n % 4 == 3 {
            gateway.line.queue.parked().commit();
            holds(folder.path(), &keys, &sent, acknowledged);
        }
        if n % 5 == 4 {
            gateway.keep();
            holds(folder.path(), &keys, &sent, acknowledged);
        }
    }
    drop(gateway);
    // Now there are keys; it is killed on the way through what is parked.
    let mut gateway = Gateway::start(folder.path(), keys.clone());
    holds(folder.path(), &keys, &sent, acknowledged);
    let mut steps = 0;
    while gateway.line.redeems() {
        gateway.line.redeem_one();
        steps += 1;
        if steps % 2 == 0 {
            gateway.line.commit();
            holds(folder.path(), &keys, &sent, acknowledged);
        }
        if steps % 5 == 0 {
            gateway.line.queue.parked().commit();
            holds(folder.path(), &keys, &sent, acknowledged);
        }
        if steps % 7 == 0 {
            gateway.keep();
            holds(folder.path(), &keys, &sent, acknowledged);
        }
        if [20, 43].contains(&steps) {
            drop(gateway);
            gateway = Gateway::start(folder.path(), keys.clone());
        }
        assert!(steps < 200);
    }
    gateway.finish();
    holds(folder.path(), &keys, &sent, sent.len());
}

/// The captures of the meter that has a counter in the clear, three of them and one more.
fn counted() -> (KeyStore, Vec<Capture>) {
    let mut fleet = Fleet::new(6, 1);
    let sent = captures(&mut fleet, 24);
    // The second model, a heat meter of security mode 7.
    (fleet.keys(), sent.into_iter().skip(1).step_by(6).collect())
}

#[test]
fn a_later_counter_makes_no_parked_frame_a_replay_and_an_older_one_takes_it_not_back() {
    let folder = tempfile::tempdir().unwrap();
    let (keys, sent) = counted();
    let mut gateway = Gateway::start(folder.path(), KeyStore::default());
    // The second one is heard again, long after: it is told once.
    for capture in [&sent[0], &sent[1], &sent[2], &sent[1]] {
        gateway.hear(capture);
    }
    gateway.line.commit();
    let undecoded = gateway.reports();
    assert_eq!(undecoded[0].2["error"]["reason"], "no_key");
    drop(gateway);
    let mut gateway = Gateway::start(folder.path(), keys.clone());
    gateway.hear(&sent[3]);
    gateway.finish();
    let told = gateway.told();
    for capture in &sent {
        assert_eq!(told[&hex(capture)].0, 1, "{told:?}");
    }
    let counts = gateway.line.counts.parked.redeemed.get();
    assert_eq!(counts, 3, "the second hearing is a replay, of its own time too");
    for (kind, frame, report) in gateway.reports() {
        if kind != Kind::Undecoded && frame != hex(&sent[3]) {
            let before = undecoded.iter().find(|(_, of, _)| *of == frame).unwrap();
            assert_eq!(report["id"], before.2["id"], "the counter is the occasion, opened or not");
            assert_eq!(report["received_at"], before.2["received_at"]);
            assert_eq!(report["source"], before.2["source"]);
            assert_eq!(report["clock"], before.2["clock"]);
        }
    }
    // An old counter is still a replay on the live line.
    for capture in &sent {
        gateway.hear(capture);
    }
    gateway.line.commit();
    let reports = gateway.reports();
    let replayed = reports.iter().filter(|(.., report)| report["error"]["reason"] == "replayed");
    assert_eq!(replayed.count(), 4);
    // And after a restart nothing of it is told again: the replays stay replays.
    drop(gateway);
    let mut gateway = Gateway::start(folder.path(), keys);
    gateway.finish();
    assert!(gateway.told().values().all(|(readings, _)| *readings == 1));
    assert_eq!(gateway.line.counts.parked.redeemed.get(), 0);
}

#[test]
fn a_frame_that_was_parked_twice_is_told_once_though_the_process_dies_between_the_two() {
    let folder = tempfile::tempdir().unwrap();
    let (keys, sent) = counted();
    let mut gateway = Gateway::start(folder.path(), KeyStore::default());
    for capture in [&sent[0], &sent[1], &sent[0], &sent[1]] {
        gateway.hear(capture);
    }
    gateway.line.commit();
    drop(gateway);
    let mut gateway = Gateway::start(folder.path(), keys.clone());
    while gateway.line.counts.parked.redeemed.get() < 2 {
        gateway.line.redeem_one();
    }
    gateway.line.commit();
    drop(gateway);
    let mut gateway = Gateway::start(folder.path(), keys);
    gateway.finish();
    assert_eq!(gateway.line.counts.parked.redeemed.get(), 0);
    let told = gateway.told();
    assert_eq!([told[&hex(&sent[0])], told[&hex(&sent[1])]], [(1, 2), (1, 2)]);
}

#[test]
fn an_old_counter_that_was_parked_stays_a_replay() {
    let folder = tempfile::tempdir().unwrap();
    let (keys, sent) = counted();
    let mut gateway = Gateway::start(folder.path(), keys.clone());
    gateway.hear(&sent[2]);
    gateway.hear(&sent[1]);
    gateway.line.commit();
    drop(gateway);
    let mut gateway = Gateway::start(folder.path(), keys);
    gateway.finish();
    assert_eq!(gateway.told().get(&hex(&sent[1])), Some(&(0, 1)), "it came after the counter it is below");
}

#[test]
fn what_waits_is_bounded_and_what_makes_room_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let mut gateway = Gateway::with(
        folder.path(),
        KeyStore::default(),
        "when_full = \"drop_oldest\"\n[parked]\nsize = \"192 KiB\"\n",
    );
    let mut fleet = Fleet::new(5, 1);
    let keys = fleet.keys();
    let mut parked = 0;
    for round in 0..20 {
        let sent = captures(&mut fleet, 100);
        for capture in &sent {
            gateway.hear(capture);
        }
        // One of five models does not encrypt.
        parked += 80;
        gateway.line.commit();
        if round % 3 == 0 {
            gateway.line.upkeep();
        }
    }
    gateway.line.upkeep();
    let counts = Arc::clone(&gateway.line.counts.parked);
    let stat = parked::stat(&folder.path().join(parked::FOLDER)).unwrap().unwrap();
    assert_eq!(counts.parked.get(), parked);
    assert!(counts.dropped.get() > 0 && counts.octets.get() <= 192 << 10, "{counts:?}");
    assert_eq!(counts.dropped.get() + stat.frames, parked);
    gateway.reader.confirm(Position::START);
    drop(gateway);
    // With keys all of them go, and their room is free again.
    let mut gateway = Gateway::with(folder.path(), keys, "when_full = \"drop_oldest\"\n[parked]\nsize = \"192 KiB\"\n");
    for _ in 0..100 {
        while gateway.line.redeems() {
            gateway.line.redeem();
        }
        gateway.line.commit();
        // A sink that goes on makes room.
        let mut last = gateway.reader.confirmed();
        while let Some(entry) = gateway.reader.try_next(last) {
            last = entry.position;
        }
        gateway.reader.confirm(last);
        gateway.line.upkeep();
        if !gateway.line.queue.parked().is_busy() {
            break;
        }
    }
    gateway.finish();
    assert_eq!(gateway.line.counts.parked.redeemed.get(), stat.frames);
    assert_eq!(parked::stat(&folder.path().join(parked::FOLDER)).unwrap().unwrap().frames, 0);
    let _ = &gateway.handle;
}

#[test]
fn a_disk_that_fails_under_the_parked_log_alone_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut fleet = Fleet::new(5, 1);
    let (keys, sent) = (fleet.keys(), captures(&mut fleet, 4));
    let mut gateway = Gateway::start(folder.path(), KeyStore::default());
    for capture in &sent {
        gateway.hear(capture);
    }
    gateway.line.commit();
    queue::log::fault::syncs(0, 2);
    assert!(!gateway.line.queue.parked().commit());
    queue::log::fault::syncs(0, 0);
    // Without the parked log no snapshot is made that would take its frames from the queue.
    gateway.keep();
    let files = std::fs::read_dir(folder.path().join(queue::FOLDER)).unwrap();
    let mut names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    assert!(!names.any(|name| name.ends_with(".snapshot")));
    holds(folder.path(), &keys, &sent, sent.len());
}
