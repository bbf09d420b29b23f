//! No room: by the quota, by age, and by the disk itself.

use super::*;
use std::process::Command;

#[test]
fn a_full_queue_blocks_until_a_sink_confirms() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { quota: 64 * KIB, ..small() };
    let (mut log, mut reader, _) = one(dir.path(), &config);
    let last = until_full(&mut log);
    assert_eq!(log.losses(), Losses::default());
    let disk: u64 = std::fs::read_dir(dir.path()).unwrap().map(|file| file.unwrap().metadata().unwrap().len()).sum();
    assert!(disk <= 64 * KIB + 4 * 4096, "{disk}");
    // The event that says so has room.
    assert_eq!(log.append_reserved(3, now(), &[b"full"]).unwrap(), Seq(last + 1));
    log.commit().unwrap();
    assert_eq!(drain_to(&mut reader, last), last);
    reader.confirm(Seq(last));
    reader.save().unwrap();
    assert_eq!(log.append(0, now(), &[&payload(last + 2)]).unwrap(), Seq(last + 2));
    log.commit().unwrap();
    assert_eq!(reader.next().unwrap().unwrap().payload, b"full");
    assert_eq!(drain(&mut reader), [last + 2]);
}

#[test]
fn the_newest_are_refused_and_counted() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { quota: 64 * KIB, when_full: WhenFull::DropNewest, ..small() };
    let (mut log, mut reader, _) = one(dir.path(), &config);
    let last = until_full(&mut log);
    for _ in 0..9 {
        assert!(log.append(0, now(), &[&[0; 500]]).unwrap_err().is_full());
    }
    let losses = log.losses();
    assert_eq!(losses.refused, Some(Dropped { count: 10, from: Seq(last + 1), to: Seq(last + 1) }));
    log.append_reserved(3, now(), &[b"ten refused"]).unwrap();
    log.commit().unwrap();
    log.recorded(losses).unwrap();
    assert_eq!(log.losses(), Losses::default());
    assert_eq!(drain_to(&mut reader, last), last);
}

#[test]
fn the_oldest_go_and_are_counted_also_through_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { quota: 64 * KIB, when_full: WhenFull::DropOldest, ..small() };
    let (mut log, mut reader, _) = one(dir.path(), &config);
    fill(&mut log, 100);
    for _ in 0..20 {
        reader.next().unwrap();
    }
    reader.confirm(Seq(20));
    fill(&mut log, 1000);
    let dropped = log.losses().dropped.unwrap();
    assert_eq!((dropped.from, dropped.count), (Seq(21), dropped.to.0 - 20));
    drop((log, reader));
    let (mut log, mut reader, damage) = one(dir.path(), &config);
    assert_eq!(damage, []);
    assert_eq!(log.losses().dropped, Some(dropped));
    // Every entry is either read or counted.
    assert_eq!(drain(&mut reader), (dropped.to.0 + 1..=1000).collect::<Vec<_>>());
    assert_eq!(reader.damage(), []);
    log.append_reserved(3, now(), &[b"so many dropped"]).unwrap();
    log.commit().unwrap();
    log.recorded(Losses { dropped: Some(dropped), refused: None }).unwrap();
    drop((log, reader));
    let (log, ..) = one(dir.path(), &config);
    assert_eq!(log.losses(), Losses::default());
}

#[test]
fn the_oldest_wait_for_a_snapshot() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { quota: 64 * KIB, when_full: WhenFull::DropOldest, snapshots: true, ..small() };
    let (mut log, _reader, _) = one(dir.path(), &config);
    let error = loop {
        match log.append(0, now(), &[&payload(log.next)]) {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(error, LogError::SnapshotNeeded));
    log.snapshot(log.committed(), 1, b"everything").unwrap();
    log.append(0, now(), &[&payload(log.next)]).unwrap();
}

/// What was learned has grown since the last snapshot, and the disk is full: the reserve makes room for it, and comes
/// back with the first segment that goes.
#[test]
fn on_a_full_disk_a_snapshot_takes_the_reserve() {
    let Some(disk) = Disk::new(1 << 20) else {
        println!("skipped: a small disk cannot be mounted here");
        return;
    };
    let path = disk.0.path();
    let config = Config { segment: 128 * KIB, quota: 1 << 30, snapshots: true, ..small() };
    let (mut log, mut reader, _) = one(path, &config);
    fill(&mut log, 1);
    log.snapshot(log.committed(), 1, b"little").unwrap();
    let last = until_full(&mut log);
    log.snapshot(Seq(last), 1, &[7; 120 << 10]).unwrap();
    assert!(!path.join("reserve").exists());
    drain_to(&mut reader, last);
    reader.confirm(Seq(last));
    reader.save().unwrap();
    log.release().unwrap();
    assert!(path.join("reserve").exists());
    log.append(0, now(), &[&payload(last + 1)]).unwrap();
    log.commit().unwrap();
    drop((log, reader));
    let opened = Log::open(path, &config, &["mqtt"]).unwrap();
    assert_eq!((opened.damage.len(), opened.snapshot.as_ref().unwrap().content.len()), (0, 120 << 10));
}

#[test]
fn entries_that_are_too_old_go() {
    let dir = tempfile::tempdir().unwrap();
    let day = 86_400_000;
    let age = Some(Duration::from_millis(8 * day));
    let (mut log, mut reader, _) = one(dir.path(), &Config { age, ..small() });
    for today in 1..=20 {
        log.expire(at(today * day)).unwrap();
        for _ in 0..3 {
            log.append(0, at(today * day), &[&payload(log.next)]).unwrap();
        }
        log.commit().unwrap();
    }
    log.expire(at(20 * day)).unwrap();
    let there = drain(&mut reader);
    let dropped = log.losses().dropped.unwrap();
    assert_eq!((dropped.from, dropped.to), (Seq(1), Seq(there[0] - 1)));
    let oldest = there[0].div_ceil(3);
    assert!((11..=13).contains(&oldest), "entries of day {oldest} are the oldest of {there:?}");
    let octets = inspect::stat(dir.path()).unwrap().octets;
    assert!(octets < 32 * KIB, "ended segments give back what they do not use: {octets}");
}

/// Appends until there is no room; gives the last entry taken.
fn until_full(log: &mut Log) -> u64 {
    loop {
        match log.append(0, now(), &[&payload(log.next)]) {
            Ok(_) => {}
            Err(error) if error.is_full() => return log.commit().unwrap().0,
            Err(error) => panic!("{error}"),
        }
    }
}

/// Reads up to an entry, each of them right.
fn drain_to(reader: &mut Reader, last: u64) -> u64 {
    let mut count = 0;
    while count < last {
        let entry = reader.next().unwrap().unwrap();
        assert_eq!((entry.seq.0, entry.payload), (count + 1, &*payload(count + 1)));
        count += 1;
    }
    count
}

/// A small disk, gone when it is dropped.
struct Disk(tempfile::TempDir);

impl Disk {
    fn new(octets: u64) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={octets}"), "tmpfs"])
            .arg(dir.path())
            .stderr(std::process::Stdio::null())
            .status();
        mount.is_ok_and(|status| status.success()).then_some(Self(dir))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_drains_and_then_takes_entries_again() {
    let Some(disk) = Disk::new(300 * KIB) else {
        println!("skipped: a small disk cannot be mounted here");
        return;
    };
    let path = disk.0.path().join("queue");
    let (mut log, mut reader, _) = one(&path, &small());
    let mut next = 1;
    for round in 0..5 {
        let last = until_full(&mut log);
        assert!(last - next > 300, "round {round}");
        assert!(matches!(log.append(0, now(), &[&[1; 500]]), Err(LogError::Full(Room::Disk))));
        // Not an octet is free: cursors move, segments go.
        std::fs::write(path.join("filler"), vec![1; 300 << 10]).unwrap_err();
        assert_eq!(log.append_reserved(3, now(), &[&payload(last + 1)]).unwrap(), Seq(last + 1));
        log.commit().unwrap();
        for seq in next..=last + 1 {
            let entry = reader.next().unwrap().unwrap();
            assert_eq!((entry.seq.0, entry.payload), (seq, &*payload(seq)));
            if seq.is_multiple_of(50) {
                reader.confirm(Seq(seq));
                reader.save().unwrap();
            }
        }
        assert!(reader.next().unwrap().is_none());
        reader.confirm(Seq(last + 1));
        reader.save().unwrap();
        std::fs::remove_file(path.join("filler")).unwrap();
        log.release().unwrap();
        next = last + 2;
        if round == 2 {
            // It opens on a full disk too.
            let last = until_full(&mut log);
            std::fs::write(path.join("filler"), vec![1; 300 << 10]).unwrap_err();
            drop((log, reader));
            let damage;
            (log, reader, damage) = one(&path, &small());
            assert_eq!(damage, []);
            assert_eq!(drain(&mut reader), (next..=last).collect::<Vec<_>>());
            reader.confirm(Seq(last));
            reader.save().unwrap();
            std::fs::remove_file(path.join("filler")).unwrap();
            next = last + 1;
        }
    }
    assert_eq!(log.losses(), Losses::default());
    assert_eq!(reader.damage(), []);
}

#[test]
fn on_a_full_disk_the_oldest_go_and_counters_are_exact() {
    let Some(disk) = Disk::new(300 * KIB) else {
        println!("skipped: a small disk cannot be mounted here");
        return;
    };
    let path = disk.0.path().join("queue");
    let (mut log, mut reader, _) = one(&path, &Config { when_full: WhenFull::DropOldest, ..small() });
    fill(&mut log, 5000);
    let dropped = log.losses().dropped.unwrap();
    let there = drain(&mut reader);
    assert_eq!((dropped.from, dropped.count), (Seq(1), dropped.to.0));
    assert_eq!(there, (dropped.to.0 + 1..=5000).collect::<Vec<_>>());
}

#[test]
fn on_a_full_disk_what_was_learned_is_still_kept() {
    let Some(disk) = Disk::new(500 * KIB) else {
        println!("skipped: a small disk cannot be mounted here");
        return;
    };
    let path = disk.0.path().join("queue");
    let config = Config { when_full: WhenFull::DropOldest, snapshots: true, ..small() };
    let (mut log, reader, _) = one(&path, &config);
    for seq in [1, 2] {
        fill(&mut log, seq);
        log.snapshot(Seq(seq), 1, &[1; 1000]).unwrap();
    }
    let mut needed = 0;
    while log.next <= 5000 {
        match log.append(0, now(), &[&payload(log.next)]) {
            Ok(_) => {}
            Err(LogError::SnapshotNeeded) => {
                needed += 1;
                log.snapshot(log.committed(), 1, &[needed; 2000]).unwrap();
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(needed > 2);
    let last = log.commit().unwrap();
    drop((log, reader));
    let opened = Log::open(&path, &config, &["mqtt"]).unwrap();
    assert_eq!(opened.damage, []);
    assert_eq!(opened.snapshot.unwrap().content, [needed; 2000]);
    assert_eq!(opened.log.committed(), last);
}
