//! What the log does when nothing is broken.

use super::*;
use std::os::unix::fs::PermissionsExt;

#[test]
fn what_is_committed_is_read_in_order_and_again_after_opening() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, mut reader, damage) = one(dir.path(), &small());
    assert_eq!(damage, []);
    assert!(reader.next().unwrap().is_none());
    log.append(9, at(5), &[b"a ", b"whole"]).unwrap();
    assert!(reader.next().unwrap().is_none(), "not committed yet");
    assert_eq!(log.commit().unwrap(), Seq(1));
    let entry = reader.next().unwrap().unwrap();
    assert_eq!(entry, Entry { seq: Seq(1), kind: 9, stamp: 5, payload: b"a whole" });
    fill(&mut log, 1000);
    assert_eq!(drain(&mut reader), (2..=1000).collect::<Vec<_>>());
    assert!(segments(dir.path()).len() > 10);
    drop((log, reader));
    let (mut log, mut reader, damage) = one(dir.path(), &small());
    assert_eq!(damage, []);
    reader.seek(Seq(2));
    fill(&mut log, 1010);
    assert_eq!(drain(&mut reader), (2..=1010).collect::<Vec<_>>());
    assert_eq!(reader.damage(), []);
}

#[test]
fn a_segment_goes_when_every_sink_has_confirmed_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut opened = Log::open(dir.path(), &small(), &["mqtt", "kafka"]).unwrap();
    fill(&mut opened.log, 1000);
    let all = segments(dir.path()).len();
    let [mqtt, kafka] = &mut opened.readers[..] else { panic!() };
    assert_eq!(mqtt.confirm(Seq(2000)), 1000, "no further than what is committed");
    mqtt.save().unwrap();
    assert_eq!(segments(dir.path()).len(), all, "the other has confirmed nothing");
    kafka.confirm(Seq(500));
    kafka.confirm(Seq(400));
    assert_eq!(kafka.confirmed(), Seq(500), "a cursor never goes back");
    kafka.save().unwrap();
    let some = segments(dir.path()).len();
    assert!(some < all && some > 1);
    kafka.confirm(Seq(1000));
    kafka.save().unwrap();
    assert_eq!(segments(dir.path()).len(), 1);
    drop(opened);
    let mut opened = Log::open(dir.path(), &small(), &["kafka", "mqtt"]).unwrap();
    assert_eq!(opened.damage, []);
    fill(&mut opened.log, 1001);
    for reader in &mut opened.readers {
        assert_eq!(drain(reader), [1001]);
    }
}

#[test]
fn a_reader_goes_on_where_its_cursor_was_saved() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, mut reader, _) = one(dir.path(), &small());
    fill(&mut log, 300);
    reader.confirm(Seq(120));
    reader.save().unwrap();
    reader.confirm(Seq(150));
    drop((log, reader));
    let (log, mut reader, _) = one(dir.path(), &small());
    assert_eq!(drain(&mut reader), (121..=300).collect::<Vec<_>>());
    assert_eq!(drain(&mut log.reader(Seq(299))), [299, 300]);
    reader.seek(Seq(131));
    assert_eq!(reader.next().unwrap().unwrap().seq, Seq(131));
}

#[test]
fn files_are_the_owners_alone_and_a_second_process_stays_out() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("queue");
    let config = Config { snapshots: true, ..small() };
    let mut opened = Log::open(&path, &config, &["mqtt"]).unwrap();
    fill(&mut opened.log, 10);
    opened.log.snapshot(Seq(10), 1, b"x").unwrap();
    assert!(matches!(Log::open(&path, &config, &["mqtt"]), Err(LogError::InUse)));
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    let mut files = 0;
    for file in std::fs::read_dir(&path).unwrap() {
        let file = file.unwrap().path();
        assert_eq!(mode(&file), 0o600, "{}", file.display());
        files += 1;
    }
    assert_eq!(files, 6, "lock, notes, cursor, segment, reserve, snapshot");
    drop(opened);
    assert!(Log::open(&path, &config, &["../mqtt"]).is_err());
}

#[test]
fn an_entry_larger_than_a_segment_is_refused_and_the_largest_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, mut reader, _) = one(dir.path(), &small());
    let most = small().most();
    let large = vec![7; most + 1];
    assert!(matches!(log.append(0, now(), &[&large]), Err(LogError::TooLarge { .. })));
    for _ in 0..3 {
        log.append(0, now(), &[&large[1..]]).unwrap();
    }
    log.commit().unwrap();
    for _ in 0..3 {
        assert_eq!(reader.next().unwrap().unwrap().payload.len(), most);
    }
    assert!(reader.next().unwrap().is_none());
}

#[test]
fn a_commit_is_due_when_the_policy_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let sync = Sync::Batch { records: 3, wait: Duration::from_millis(10) };
    let (mut log, _reader, _) = one(dir.path(), &Config { sync, ..small() });
    let begin = Instant::now();
    assert!(!log.due(begin) && log.deadline().is_none());
    log.append(0, Now { wall: 0, steady: begin }, &[b"x"]).unwrap();
    assert!(!log.due(begin));
    assert_eq!(log.deadline(), Some(begin + Duration::from_millis(10)));
    assert!(log.due(begin + Duration::from_millis(10)));
    log.append(0, Now { wall: 0, steady: begin }, &[b"x"]).unwrap();
    log.append(0, Now { wall: 0, steady: begin }, &[b"x"]).unwrap();
    assert!(log.due(begin));
    log.commit().unwrap();
    assert!(!log.due(begin + Duration::from_secs(9)));
}

#[test]
fn a_snapshot_holds_segments_until_it_covers_them() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { snapshots: true, ..small() };
    let (mut log, mut reader, _) = one(dir.path(), &config);
    fill(&mut log, 1000);
    reader.confirm(Seq(1000));
    reader.save().unwrap();
    let all = segments(dir.path()).len();
    assert!(all > 10, "nothing goes before a snapshot covers it");
    assert!(matches!(log.snapshot(Seq(1001), 1, b""), Err(LogError::NotCommitted { .. })));
    log.snapshot(Seq(600), 3, b"what was learned").unwrap();
    assert!(segments(dir.path()).len() < all);
    assert_eq!(log.unsnapshotted(), 400);
    drop((log, reader));
    let opened = Log::open(dir.path(), &config, &["mqtt"]).unwrap();
    let snapshot = opened.snapshot.unwrap();
    assert_eq!((snapshot.seq, snapshot.version, &*snapshot.content), (Seq(600), 3, &b"what was learned"[..]));
    assert_eq!(drain(&mut opened.log.reader(Seq(601))), (601..=1000).collect::<Vec<_>>());
}

#[test]
fn stat_and_peek_and_verify_tell_what_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, mut reader, _) = one(dir.path(), &small());
    let stat = inspect::stat(dir.path()).unwrap();
    assert_eq!((stat.entries, stat.segments, stat.oldest), (None, 0, None));
    for seq in 1..=200 {
        log.append(2, at(1000 + seq), &[&payload(seq)]).unwrap();
    }
    log.commit().unwrap();
    reader.confirm(Seq(150));
    reader.save().unwrap();
    let stat = inspect::stat(dir.path()).unwrap();
    assert_eq!((stat.oldest, stat.unconfirmed(), stat.version), (Some(1151), 50, 1));
    assert_eq!(stat.cursors, [("mqtt".to_owned(), Some(Seq(150)))]);
    assert_eq!(stat.entries.unwrap().1, Seq(200));
    let mut seen = Vec::new();
    inspect::peek(dir.path(), Seq(199), 5, |entry| seen.push((entry.seq.0, entry.payload.to_vec()))).unwrap();
    assert_eq!(seen, [(199, payload(199)), (200, payload(200))]);
    let report = inspect::verify(dir.path()).unwrap();
    assert_eq!(report.damage, []);
    assert_eq!(report.entries, 200 - (stat.entries.unwrap().0.0 - 1));
}

#[test]
fn ends_on_threads_of_their_own_see_everything_or_count_it() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { quota: 96 * KIB, when_full: WhenFull::DropOldest, ..small() };
    let mut opened = Log::open(dir.path(), &config, &["fast", "slow"]).unwrap();
    let total = 20_000;
    let readers = opened.readers.drain(..).enumerate().map(|(pause, mut reader)| {
        std::thread::spawn(move || {
            let (mut read, mut last) = (0_u64, 0);
            while last < total {
                let Some(entry) = reader.next().unwrap() else {
                    std::thread::yield_now();
                    continue;
                };
                assert!(entry.seq.0 > last);
                assert_eq!(entry.payload, payload(entry.seq.0));
                last = entry.seq.0;
                read += 1;
                reader.confirm(Seq(last));
                if last.is_multiple_of(300) {
                    reader.save().unwrap();
                    std::thread::sleep(Duration::from_millis(pause as u64));
                }
            }
            assert_eq!(reader.damage(), []);
            read
        })
    });
    let readers: Vec<_> = readers.collect();
    fill(&mut opened.log, total);
    for reader in readers {
        let read = reader.join().unwrap();
        // What one of them had not confirmed is counted, so neither misses more than that.
        let dropped = opened.log.losses().dropped.map_or(0, |dropped| dropped.count);
        assert!(read + dropped >= total, "{read} + {dropped}");
    }
}

#[test]
fn a_crash_between_two_steps_leaves_nothing_that_looks_like_damage() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, mut reader, _) = one(dir.path(), &small());
    fill(&mut log, 300);
    let first = segments(dir.path()).remove(0);
    let octets = std::fs::read(&first).unwrap();
    reader.confirm(Seq(300));
    reader.save().unwrap();
    assert!(!first.exists());
    drop((log, reader));
    // Noted that it goes, not yet deleted; a segment, the reserve and the notes being made.
    std::fs::write(&first, octets).unwrap();
    for name in ["00000000000000aa.segment.new", "reserve.new", "queue.new", "mqtt.cursor.new"] {
        std::fs::write(dir.path().join(name), [0x55; 999]).unwrap();
    }
    std::fs::remove_file(dir.path().join("reserve")).unwrap();
    let (mut log, mut reader, damage) = one(dir.path(), &small());
    assert_eq!(damage, []);
    assert!(!first.exists());
    fill(&mut log, 310);
    assert_eq!(drain(&mut reader), (301..=310).collect::<Vec<_>>());
    let names: Vec<_> = std::fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(names.len(), 5, "{names:?}");
}
