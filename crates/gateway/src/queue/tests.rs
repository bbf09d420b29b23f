use super::*;
use crate::record::{Id, Kind, Record};
use crate::taught::Lesson;
use esh_core::Protocol;
use tokio::time::timeout;

mod versions;

/// A queue in a folder that goes with it.
pub(crate) struct Temporary {
    pub(crate) queue: Queue,
    pub(crate) readers: Vec<Reader>,
    pub(crate) handle: Handle,
    folder: tempfile::TempDir,
}

/// A place.
pub(crate) fn place(n: u32) -> Position {
    Position(n.into())
}

fn small(when_full: WhenFull) -> Config {
    Config { size: 64 << 10, segment: 8 << 10, when_full, ..Config::default() }
}

impl Temporary {
    pub(crate) fn new(sinks: &[&str]) -> Self {
        Self::with(&Config { size: 1 << 20, segment: 64 << 10, ..Config::default() }, sinks)
    }

    fn with(config: &Config, sinks: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let Opened { queue, readers, handle } =
            Queue::open(folder.path(), config, &parked::Config::default(), sinks).unwrap();
        Self { queue, readers, handle, folder }
    }

    fn again(self, config: &Config, sinks: &[&str]) -> Self {
        let Self { queue, readers, handle, folder } = self;
        drop((queue, readers, handle));
        let Opened { queue, readers, handle } =
            Queue::open(folder.path(), config, &parked::Config::default(), sinks).unwrap();
        Self { queue, readers, handle, folder }
    }

    pub(crate) fn put(&mut self, record: &Record) -> Result<Position, QueueError> {
        let draft =
            Draft { record, frame: Some(crate::deduplicate::Frame::from_octets([0; 16])), lessons: &[], stands: None };
        loop {
            match self.queue.append(&draft, &|_| {}) {
                Err(QueueError::Full) if self.queue.wait_for_room() => {}
                Err(QueueError::Full) => return Err(self.queue.no_room()),
                appended => {
                    let position = appended?;
                    return self.queue.commit().map(|()| position);
                }
            }
        }
    }
}

fn record(n: u32) -> Record {
    let report = format!("{{\"n\":{n},\"pad\":\"{}\"}}", "x".repeat(1000)).into();
    let protocol = Some(Protocol::Wmbus);
    Record { kind: Kind::Readings, protocol, meter: None, id: Id(n.into()), received_at: None, report }
}

#[tokio::test]
async fn records_are_read_in_order_once_committed() {
    let mut queue = Temporary::new(&["a"]);
    let first = record(1);
    let draft = Draft { record: &first, frame: None, lessons: &[], stands: None };
    let at = queue.queue.append(&draft, &|_| {}).unwrap();
    assert!(queue.readers[0].try_next(Position::START).is_none(), "not committed yet");
    queue.queue.commit().unwrap();
    queue.put(&record(2)).unwrap();
    let one = queue.readers[0].next(Position::START).await.unwrap();
    assert_eq!((one.position, one.record.id), (at, Id(1)));
    let two = queue.readers[0].next(one.position).await.unwrap();
    assert_eq!(two.record.id, Id(2));
    assert_eq!(queue.handle.unconfirmed(), 2);
    queue.readers[0].confirm(two.position);
    assert_eq!(queue.handle.unconfirmed(), 0);
}

#[tokio::test]
async fn a_reader_waits_for_the_commit_and_ends_with_the_queue() {
    let mut queue = Temporary::new(&["a"]);
    let reader = queue.readers.remove(0);
    let waiting = tokio::spawn(async move {
        let first = reader.next(Position::START).await.unwrap();
        (first.record.id, reader.next(first.position).await.map(|entry| entry.record.id))
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    queue.put(&record(7)).unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    queue.handle.close();
    let ended = timeout(Duration::from_secs(5), waiting).await.unwrap().unwrap();
    assert_eq!(ended, (Id(7), None));
}

#[test]
fn a_cursor_lasts_and_one_that_is_not_configured_holds_nothing() {
    let config = small(WhenFull::Block);
    let mut queue = Temporary::with(&config, &["a", "b"]);
    for n in 1..=5 {
        queue.put(&record(n)).unwrap();
    }
    queue.readers[0].confirm(place(3));
    let queue = queue.again(&config, &["a", "c"]);
    assert_eq!(queue.readers[0].confirmed(), place(3));
    assert_eq!(queue.readers[1].confirmed(), Position::START, "a new one begins with the oldest");
    assert!(!queue.folder.path().join("queue/b.cursor").exists());
    queue.readers.iter().for_each(|reader| reader.confirm(place(5)));
    let queue = queue.again(&config, &["a", "c"]);
    assert_eq!(queue.handle.unconfirmed(), 0);
}

#[test]
fn what_was_taught_comes_back_from_the_snapshot_and_the_records_after_it() {
    let config = small(WhenFull::Block);
    let mut queue = Temporary::with(&config, &["a"]);
    let lesson = |n: u16| Lesson::Layout((None, n), [n as u8].into());
    let frame = |n: u8| crate::deduplicate::Frame::from_octets([n; 16]);
    for n in 1..=4 {
        let lessons = [lesson(n)];
        let first = record(n.into());
        let draft = Draft { record: &first, frame: Some(frame(n as u8)), lessons: &lessons, stands: None };
        queue.queue.append(&draft, &|_| {}).unwrap();
        queue.queue.commit().unwrap();
        if n == 2 {
            queue.queue.keep(&|writer| {
                (1..=2).for_each(|n| writer.lesson(&lesson(n)));
                writer.frame(SeenFrame { frame: frame(2), wall: 9, received_at: None });
            });
        }
    }
    let mut queue = queue.again(&config, &["a"]);
    let (mut lessons, mut frames) = (Vec::new(), Vec::new());
    queue.queue.restore(|lesson| lessons.push(lesson), |seen| frames.push(seen.frame)).unwrap();
    assert_eq!(lessons, [1, 2, 3, 4].map(lesson));
    assert_eq!(frames, [2, 3, 4].map(frame));
}

#[test]
fn a_full_queue_refuses_or_drops_and_counts_each() {
    let mut queue = Temporary::with(&small(WhenFull::DropNewest), &["a"]);
    let taken = (1..).find(|n| queue.put(&record(*n)) == Err(QueueError::Full)).unwrap();
    assert!(taken > 30);
    assert_eq!(queue.put(&record(0)), Err(QueueError::Full));
    assert_eq!(queue.queue.losses().refused, 2);
    queue.readers[0].confirm(place(taken - 1));
    std::thread::sleep(Duration::from_millis(1200));
    queue.put(&record(0)).unwrap();
    let losses = queue.queue.losses();
    queue.queue.recorded(&losses);
    assert!(queue.queue.losses().is_empty());

    let mut queue = Temporary::with(&small(WhenFull::DropOldest), &["a"]);
    for n in 1..=100 {
        queue.put(&record(n)).unwrap();
    }
    let dropped = queue.queue.losses().dropped.unwrap();
    let next = queue.readers[0].try_next(Position::START).unwrap();
    assert_eq!((dropped.from.0, Position(dropped.to.0 + 1)), (1, next.position));
    assert_eq!(dropped.count + queue.handle.unconfirmed(), 100);
}

#[test]
fn a_full_queue_waits_for_room_until_nobody_shall_wait() {
    let mut queue = Temporary::with(&small(WhenFull::Block), &["a"]);
    let reader = queue.readers.remove(0);
    let reading = std::thread::spawn(move || {
        let mut last = Position::START;
        for _ in 0..100 {
            while reader.try_next(last).is_none() {
                std::thread::sleep(Duration::from_millis(1));
            }
            last = reader.try_next(last).unwrap().position;
            reader.confirm(last);
        }
        reader
    });
    for n in 1..=100 {
        queue.put(&record(n)).unwrap();
    }
    let _reader = reading.join().unwrap();
    queue.handle.abandon();
    let end = (0..1000).find_map(|n| queue.put(&record(n)).err());
    assert_eq!(end, Some(QueueError::Closed));
    assert!(queue.queue.losses().is_empty(), "nobody's record was dropped");
}

#[test]
fn a_record_larger_than_a_segment_is_refused() {
    let mut queue = Temporary::with(&small(WhenFull::Block), &["a"]);
    let large = Record { report: vec![b'x'; 9000].into(), ..record(1) };
    assert_eq!(queue.put(&large), Err(QueueError::TooLarge));
}

#[test]
fn sinks_come_and_go_while_the_queue_is_open() {
    let config = small(WhenFull::Block);
    let mut queue = Temporary::with(&config, &["a"]);
    for n in 1..=5 {
        queue.put(&record(n)).unwrap();
    }
    queue.readers[0].confirm(place(5));
    let late = queue.handle.joining().add("late").unwrap();
    assert_eq!((late.confirmed(), queue.handle.unconfirmed()), (Position::START, 5));
    let first = late.try_next(Position::START).unwrap();
    late.confirm(first.position);
    assert_eq!(queue.handle.unconfirmed(), 4);
    // One that leaves hears of nothing more, and the one in its place goes on from where it was.
    late.leave().ask();
    assert!(late.try_next(first.position).is_none());
    assert_eq!(late.again().try_next(first.position).unwrap().record.id, Id(2));
    // One that is gone holds nothing, and comes back as a new one.
    late.forget().unwrap();
    assert_eq!(queue.handle.unconfirmed(), 0);
    assert!(!queue.folder.path().join("queue/late.cursor").exists());
    late.confirm(place(5));
    let again = queue.handle.joining().add("late").unwrap();
    again.confirm(place(4));
    let queue = queue.again(&config, &["a", "late"]);
    assert_eq!(queue.readers[1].confirmed(), place(4), "its place is saved");
}

#[tokio::test]
async fn a_sink_that_waits_for_records_hears_that_it_is_to_leave() {
    let mut queue = Temporary::new(&["a"]);
    let reader = queue.readers.remove(0);
    let leave = reader.leave();
    let waiting = tokio::spawn(async move { reader.next(Position::START).await.is_none() });
    tokio::time::sleep(Duration::from_millis(20)).await;
    leave.ask();
    assert!(timeout(Duration::from_secs(5), waiting).await.unwrap().unwrap());
}

#[test]
fn the_settings_change_while_the_queue_is_open() {
    let mut queue = Temporary::with(&small(WhenFull::DropNewest), &["a"]);
    let taken = (1..).find(|n| queue.put(&record(*n)) == Err(QueueError::Full)).unwrap();
    let more = Config { size: 256 << 10, segment: 16 << 10, ..small(WhenFull::DropNewest) };
    queue.queue.set(&more, &parked::Config::default()).unwrap();
    for n in taken..taken + 100 {
        queue.put(&record(n)).unwrap();
    }
    queue.queue.set(&small(WhenFull::DropOldest), &parked::Config::default()).unwrap();
    for n in taken + 100..taken + 200 {
        queue.put(&record(n)).unwrap();
    }
    assert!(queue.handle.gauge().octets() <= 64 << 10, "{}", queue.handle.gauge().octets());
    let wrong = Config { size: 1000, ..more };
    assert!(queue.queue.set(&wrong, &parked::Config::default()).is_err());
    queue.put(&record(0)).unwrap();
    let (mut at, mut last) = (Position::START, 0);
    let dropped = queue.queue.losses().dropped.unwrap().count;
    let mut there = 0;
    while let Some(entry) = queue.readers[0].try_next(at) {
        (at, last, there) = (entry.position, entry.record.id.0, there + 1);
    }
    assert_eq!((last, dropped + there), (0, u64::from(taken) + 200));
}

#[test]
fn the_command_tells_what_is_there() {
    let mut queue = Temporary::with(&small(WhenFull::Block), &["mqtt"]);
    for n in 1..=3 {
        queue.put(&record(n)).unwrap();
    }
    let folder = queue.folder.path().join(FOLDER);
    let told = |what, as_json| {
        let mut out = Vec::new();
        let sound = look(&folder, what, None, 2, as_json, &mut out).unwrap();
        assert!(sound);
        String::from_utf8(out).unwrap()
    };
    assert!(told(Look::Stat, false).contains("sink mqtt: has record 0, 3 to come"), "{}", told(Look::Stat, false));
    assert!(told(Look::Verify, false).starts_with("3 records in 1 segments"));
    let peeked = told(Look::Peek, true);
    let lines: Vec<serde_json::Value> = peeked.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), &lines[1]["report"]["n"]), (2, &serde_json::json!(2)));
    let stat: serde_json::Value = serde_json::from_str(&told(Look::Stat, true)).unwrap();
    assert_eq!(stat["unconfirmed"], 3);
}

#[test]
fn layouts_are_read_beside_the_gateway_and_counters_are_not() {
    let mut queue = Temporary::new(&["a"]);
    let layout = |signature| Lesson::Layout((None, signature), [4, 0x13].into());
    let meter = esh_core::Meter {
        protocol: Protocol::Wmbus,
        manufacturer: None,
        id: esh_core::Id::new("1").unwrap(),
        version: None,
        medium: None,
    };
    let put = |queue: &mut Queue, lessons: &[Lesson]| {
        queue.append(&Draft { record: &record(1), frame: None, lessons, stands: None }, &|_| {}).unwrap();
        queue.commit().unwrap();
    };
    let counter = Lesson::Counter(meter, esh_core::Purpose::Data, 7);
    put(&mut queue.queue, &[layout(1), counter.clone()]);
    queue.queue.keep(&|writer| [layout(1), counter.clone()].iter().for_each(|lesson| writer.lesson(lesson)));
    put(&mut queue.queue, &[counter, layout(2)]);
    let mut heard = Vec::new();
    layouts(&queue.folder.path().join(FOLDER), |lesson| heard.push(lesson)).unwrap();
    assert_eq!(heard, [layout(1), layout(2)]);
}

#[tokio::test]
async fn what_a_later_release_wrote_is_refused_and_not_passed_over() {
    let mut queue = Temporary::new(&["a"]);
    queue.put(&record(1)).unwrap();
    queue.queue.append_raw(&[99, 1, 2, 3]);
    queue.put(&record(3)).unwrap();
    let reader = queue.readers.remove(0);
    let first = reader.next(Position::START).await.unwrap();
    assert_eq!(first.record.id, Id(1));
    for _ in 0..2 {
        assert!(timeout(Duration::from_secs(5), reader.next(first.position)).await.unwrap().is_none());
    }
    assert_eq!(reader.refusal().heard(), Some(EntryError::Newer(99)));
    reader.confirm(first.position);
    assert_eq!(queue.handle.unconfirmed(), 2, "both stay for the release that can read them");
}
