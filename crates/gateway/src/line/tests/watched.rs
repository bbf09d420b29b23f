//! What the line tells of meters, and whom it does not listen to.

use super::*;
use crate::meters::{Debounce, Limits, List};
use std::collections::BTreeMap;

const KAM: u32 = 0x2c2d;
const LEAK_LESS: u8 = 0;
/// The status bit of a low battery.
const BATTERY: u8 = 0x04;

/// A plain telegram of a water meter: its number, its access number and its status.
fn telegram(maker: u32, number: u32, access: u8, status: u8) -> Vec<u8> {
    let mut octets = vec![0x14, 0x44];
    octets.extend(&maker.to_le_bytes()[..2]);
    octets.extend(u32::from_str_radix(&format!("{number:08}"), 16).unwrap().to_le_bytes());
    octets.extend([0x1b, 0x16, 0x7a, access, status, 0, 0, 0x04, 0x13]);
    octets.extend(u32::from(access).to_le_bytes());
    octets
}

/// The n-th capture of a story, at a time of its own.
fn capture(n: usize, octets: Vec<u8>) -> Capture {
    let at = jiff::Timestamp::from_second(1_790_000_000 + n as i64 * 900).ok();
    Capture {
        octets: octets.into(),
        protocol: Protocol::Wmbus,
        framing: None,
        received_at: Stamp { at, synchronised: true },
        source: "air".into(),
        rssi: None,
        radio: None,
    }
}

/// Two meters; one has a weak battery for a while, once only for a moment.
fn story() -> Vec<Capture> {
    let states =
        [(1, 0), (2, 0), (1, BATTERY), (2, BATTERY), (1, BATTERY), (2, 0), (1, BATTERY), (2, 0), (1, 0), (1, 0)];
    let telegrams = states.iter().enumerate();
    telegrams.map(|(n, (number, status))| capture(n, telegram(KAM, *number, n as u8, *status))).collect()
}

fn opened(data: &Path, said: Meters) -> (Line, queue::Reader, queue::Handle) {
    let config = config("block");
    let mut opened = Queue::open(data, &config.queue, &config.parked, &["stdout"]).unwrap();
    let reader = opened.readers.remove(0);
    let worker = Worker::new("g", None, Default::default());
    let line = Line::restored(&config, Box::new(worker), opened.queue, meters(said), Arc::default()).unwrap();
    (line, reader, opened.handle)
}

fn ask(line: &mut Line, capture: &Capture) -> Answer {
    let (answer, mut answered) = oneshot::channel();
    line.take(Taken { capture: capture.clone(), answer: Some(answer), reply: None });
    line.commit();
    answered.try_recv().unwrap()
}

fn expected() -> Vec<(String, String, String)> {
    let event = |event: &str, number: u32, alarm: &str| {
        (event.to_owned(), format!("wmbus:KAM:{number:08}:1b:16"), alarm.to_owned())
    };
    vec![
        event("discovered", 1, "-"),
        event("discovered", 2, "-"),
        event("alarm_raised", 1, "battery.low"),
        event("alarm_cleared", 1, "battery.low"),
    ]
}

fn without_ids(events: &[(String, String, String, String)]) -> Vec<(String, String, String)> {
    events.iter().cloned().map(|(event, meter, alarm, _)| (event, meter, alarm)).collect()
}

/// Goes on with a story from what a killed process left: what was not acknowledged is sent again. Gives the events.
fn goes_on(data: &Path, story: &[Capture], acknowledged: usize) -> Vec<(String, String, String, String)> {
    let (mut line, reader, _handle) = opened(data, Meters::default());
    line.upkeep();
    for capture in &story[acknowledged..] {
        assert_eq!(ask(&mut line, capture), Ok(()));
    }
    line.upkeep();
    events(&reader)
}

#[test]
fn killed_between_any_two_steps_each_event_is_told_once() {
    let story = story();
    let whole = goes_on(tempfile::tempdir().unwrap().path(), &story, 0);
    assert_eq!(without_ids(&whole), expected());
    let sorted = |mut events: Vec<_>| {
        events.sort();
        events
    };
    let whole = sorted(whole);

    let folder = tempfile::tempdir().unwrap();
    let (mut line, _reader, _handle) = opened(folder.path(), Meters::default());
    let mut acknowledged = 0;
    for (n, capture) in story.iter().enumerate() {
        let holds = |acknowledged| {
            let image = image(folder.path());
            assert_eq!(sorted(goes_on(image.path(), &story, acknowledged)), whole, "killed at {n}");
        };
        line.take(Taken { capture: capture.clone(), answer: None, reply: None });
        holds(acknowledged);
        if n % 3 == 1 {
            continue;
        }
        line.commit();
        acknowledged = n + 1;
        holds(acknowledged);
        if n % 4 == 0 {
            line.queue.keep(&known(&*line.decode, &line.watch, &line.deduplicate));
            holds(acknowledged);
        }
        line.upkeep();
        holds(acknowledged);
    }
}

#[test]
fn a_group_that_reached_the_disk_in_part_tells_each_event_once() {
    let story = story();
    let folder = tempfile::tempdir().unwrap();
    let (mut line, _reader, _handle) = opened(folder.path(), Meters::default());
    for capture in &story[..4] {
        line.take(Taken { capture: capture.clone(), answer: None, reply: None });
    }
    line.commit();
    let first = |image: &Path| {
        let entries = std::fs::read_dir(image.join(queue::FOLDER)).unwrap().map(|entry| entry.unwrap().path());
        entries.into_iter().filter(|path| path.extension().is_some_and(|end| end == "segment")).min().unwrap()
    };
    let octets = std::fs::read(first(folder.path())).unwrap();
    let end = octets.iter().rposition(|octet| *octet != 0).unwrap();
    let mut seen = HashSet::new();
    for cut in (0..=end).rev().step_by(61) {
        let image = image(folder.path());
        let mut torn = octets.clone();
        torn[cut..].fill(0);
        std::fs::write(first(image.path()), &torn).unwrap();
        let told = goes_on(image.path(), &story, 0);
        // A frame whose record is there is a copy now, but for the time it came at, which is the same.
        let ids: HashSet<_> = told.iter().map(|(.., id)| id.clone()).collect();
        assert_eq!(ids.len(), told.len(), "twice, cut at {cut}: {told:?}");
        let told: BTreeMap<_, usize> = without_ids(&told).into_iter().fold(BTreeMap::new(), |mut all, event| {
            *all.entry(event).or_default() += 1;
            all
        });
        assert_eq!(told, expected().into_iter().map(|event| (event, 1)).collect(), "cut at {cut}");
        seen.insert(cut);
    }
    assert!(seen.len() > 30, "{}", seen.len());
}

#[test]
fn no_octet_of_a_neighbour_reaches_the_disk() {
    let rules = ["deny = [\"wmbus:ELS:*\"]", "allow = [\"wmbus:KAM:*\"]", "unknown = \"drop\""];
    for rules in rules {
        let list = format!("{rules}\n[[meter]]\nmatch = \"wmbus:KAM:*\"\nname = \"mine\"\n");
        let list = List::parse(Path::new("meters.toml"), &list).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (mut line, reader, _handle) = opened(folder.path(), Meters { list, ..Meters::default() });
        let mine = capture(0, telegram(KAM, 11_111_111, 1, LEAK_LESS));
        // A maker whose letters are E, L and S.
        let theirs = capture(1, telegram(0x1593, 98_765_432, 2, BATTERY));
        for capture in [&mine, &theirs, &theirs, &mine] {
            assert_eq!(ask(&mut line, capture), Ok(()), "{rules}");
        }
        line.upkeep();
        line.queue.keep(&known(&*line.decode, &line.watch, &line.deduplicate));
        assert_eq!(frames(&reader).len(), 1);
        assert_eq!(without_ids(&events(&reader)).len(), 1);
        assert_eq!(line.counts.unwanted_frames().iter().map(|(_, count)| count).sum::<u64>(), 2, "{rules}");
        let hash = Frame::of(Protocol::Wmbus, None, &theirs.octets).octets();
        let mut files = 0;
        for file in std::fs::read_dir(folder.path().join(queue::FOLDER)).unwrap() {
            let octets = std::fs::read(file.unwrap().path()).unwrap();
            let has = |needle: &[u8]| octets.windows(needle.len()).any(|window| window == needle);
            assert!(!has(b"98765432") && !has(&theirs.octets[2..8]) && !has(&hash), "{rules}");
            files += usize::from(has(b"11111111"));
        }
        assert!(files > 0, "the own meter stands in some file");
    }
}

#[test]
fn what_is_said_stands_in_the_report_and_its_zone_makes_the_time() {
    let list = "[[meter]]\nmatch = \"wmbus:*:00000001:*\"\nname = \"a \\\"b\\\"\"\nsite = \"s\"\ntenant = \"t\"\n\
        labels = { floor = \"2\" }\ntime_zone = \"+03:00\"\n";
    let list = List::parse(Path::new("meters.toml"), list).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (mut line, reader, _handle) = opened(folder.path(), Meters { list, ..Meters::default() });
    let schema = include_str!("../../../schema/esh.report.v1.json");
    let schema = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    // A volume at the end of 2020 (type G), of two meters.
    for number in [1, 2] {
        let mut octets = telegram(KAM, number, 7, 0);
        octets.extend([0x42, 0x6c, 0x9f, 0x2c, 0x44, 0x13, 1, 0, 0, 0]);
        octets[0] = octets.len() as u8 - 1;
        assert_eq!(ask(&mut line, &capture(number as usize, octets)), Ok(()));
    }
    let (mut at, mut reports) = (Position::START, Vec::new());
    while let Some(entry) = reader.try_next(at) {
        at = entry.position;
        if entry.record.kind == Kind::Readings {
            let report: serde_json::Value = serde_json::from_slice(&entry.record.report).unwrap();
            assert!(schema.is_valid(&report), "{report}");
            let owned: esh_core::report::Report = serde_json::from_slice(&entry.record.report).unwrap();
            assert_eq!(serde_json::to_vec(&owned).unwrap(), entry.record.report, "the owned form says the same");
            reports.push(report);
        }
    }
    let said = &reports[0]["meter"];
    assert_eq!((&said["name"], &said["site"], &said["tenant"]), (&"a \"b\"".into(), &"s".into(), &"t".into()));
    assert_eq!(said["labels"], serde_json::json!({"floor": "2"}));
    assert!(reports[1]["meter"].get("name").is_none());
    let time = |report: &serde_json::Value| {
        report["readings"].as_array().unwrap().iter().find_map(|reading| reading["time"].as_str().map(str::to_owned))
    };
    assert_eq!(time(&reports[0]).as_deref(), Some("2020-12-30T21:00:00Z"));
    assert_eq!(time(&reports[1]), None, "the gateway of this test has no zone");
}

#[test]
fn who_sends_too_much_is_refused_or_told_of() {
    let limits = Limits {
        meter: Some("1/h".parse().unwrap()),
        source: Some("6/h".parse().unwrap()),
        burst: crate::config::Span::seconds(3600),
        ..Limits::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let (mut line, reader, _handle) = opened(folder.path(), Meters { limits, ..Meters::default() });
    // The first frame of a meter makes it known; one more an hour is taken of it.
    let answers: Vec<_> = (0..4).map(|n| ask(&mut line, &capture(n, telegram(KAM, 1, n as u8, 0)))).collect();
    assert_eq!(answers, [Ok(()), Ok(()), Err(QueueError::Rate), Err(QueueError::Rate)]);
    assert_eq!(QueueError::Rate.to_string(), "rate");
    // Another meter of the same source.
    let answers: Vec<_> = (4..8).map(|n| ask(&mut line, &capture(n, telegram(KAM, n as u32, 0, 0)))).collect();
    assert_eq!(answers, [Ok(()), Ok(()), Err(QueueError::Rate), Err(QueueError::Rate)]);
    for n in 10..13 {
        line.take(Taken { capture: capture(n, telegram(KAM, n as u32, 0, 0)), answer: None, reply: None });
    }
    // A copy costs nothing.
    assert_eq!(ask(&mut line, &capture(0, telegram(KAM, 1, 0, 0))), Ok(()));
    assert_eq!((line.counts.limited_meter.get(), line.counts.limited_source.get()), (2, 5));
    assert!(events(&reader).iter().all(|(event, ..)| event != "dropped"));
    line.tell_limited();
    line.commit();
    let (mut at, mut told) = (Position::START, Vec::new());
    while let Some(entry) = reader.try_next(at) {
        at = entry.position;
        let report: serde_json::Value = serde_json::from_slice(&entry.record.report).unwrap();
        told.extend(report.get("dropped").cloned());
    }
    assert_eq!(told, [serde_json::json!({"reason": "rate", "count": 3, "source": "air"})]);
}

#[test]
fn a_damaged_or_repeated_frame_is_no_sign_of_life() {
    let folder = tempfile::tempdir().unwrap();
    let (mut line, reader, _handle) = opened(folder.path(), Meters::default());
    let mut octets = telegram(KAM, 1, 0, 0);
    octets.truncate(9);
    assert_eq!(ask(&mut line, &capture(0, octets)), Ok(()));
    assert_eq!(events(&reader), []);
    assert_eq!(line.watch.numbers().known, 0);
}

#[test]
fn what_is_said_of_meters_may_be_replaced_while_it_runs() {
    let folder = tempfile::tempdir().unwrap();
    let (mut line, _reader, _handle) = opened(folder.path(), Meters::default());
    let (said, heard) = watch::channel(Arc::new(Meters::default()));
    line.meters = heard;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let (intake, captures) = crate::sources::Intake::new(16);
    let (handle, counts) = (runtime.handle().clone(), Arc::clone(&line.counts));
    let running = std::thread::spawn(move || line.run(captures, watch::channel(None).1, &handle));
    let send = |capture: Capture| {
        let answer = runtime.block_on(intake.ask(capture));
        runtime.block_on(answer).unwrap()
    };
    assert_eq!(send(capture(0, telegram(KAM, 1, 0, 0))), Ok(()));
    let list = List::parse(Path::new("meters.toml"), "deny = [\"wmbus:*\"]").unwrap();
    said.send(Arc::new(Meters { list, ..Meters::default() })).unwrap();
    assert_eq!(send(capture(1, telegram(KAM, 1, 1, 0))), Ok(()));
    drop(intake);
    running.join().unwrap();
    assert_eq!((counts.records.get(), counts.unwanted_frames()[0]), (1, ("denied", 1)));
    assert_eq!(counts.meters.known.get(), 0, "nothing is known any more of whoever is denied");
}

#[test]
fn a_debounce_is_kept_through_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let alarms = crate::meters::Alarms { debounce: Debounce::Reports(3) };
    for n in 0..3 {
        let (mut line, reader, _handle) = opened(folder.path(), Meters { alarms: alarms.clone(), ..Meters::default() });
        assert_eq!(ask(&mut line, &capture(n, telegram(KAM, 1, n as u8, BATTERY))), Ok(()));
        let raised = events(&reader).iter().filter(|(event, ..)| event == "alarm_raised").count();
        assert_eq!(raised, usize::from(n == 2));
    }
}
