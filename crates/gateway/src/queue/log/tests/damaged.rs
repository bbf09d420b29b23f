//! Files that were damaged behind the log's back: it opens, loses what was hit, and says what.

use super::*;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::FileExt;

/// A queue of 1000 entries, none confirmed.
fn thousand() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _reader, _) = one(dir.path(), &small());
    fill(&mut log, 1000);
    dir
}

fn write(path: &Path, octets: &[u8], offset: u64) {
    OpenOptions::new().write(true).open(path).unwrap().write_all_at(octets, offset).unwrap();
}

/// Opens, appends 10 more, reads: what is lost, and what is said to be.
fn lost(path: &Path) -> (Vec<u64>, Vec<Damage>, Vec<Damage>) {
    let (mut log, mut reader, damage) = one(path, &small());
    let next = log.next;
    fill(&mut log, next + 9);
    let there = drain(&mut reader);
    assert_eq!(there.last(), Some(&(next + 9)));
    assert!(there.is_sorted_by(|a, b| a < b));
    let lost: Vec<_> = (1..=next + 9).filter(|seq| there.binary_search(seq).is_err()).collect();
    let reported = reader.damage();
    let counted: u64 = reported.iter().map(Damage::count).sum();
    assert_eq!(counted, lost.len() as u64, "{reported:?}");
    (lost, damage, reported)
}

#[test]
fn a_flipped_bit_costs_its_record() {
    let dir = thousand();
    let file = &segments(dir.path())[3];
    let mut octets = fs::read(file).unwrap();
    let before = recover(&octets, 0);
    let hit = before.records[10];
    octets[hit.offset as usize + 40] ^= 4;
    fs::write(file, octets).unwrap();
    let (lost, opening, reported) = lost(dir.path());
    assert_eq!(lost, [hit.head.seq]);
    assert_eq!(opening, []);
    assert_eq!(reported.len(), 1);
    assert_eq!((reported[0].harm, reported[0].offset), (Harm::Records, hit.offset));
    assert_eq!(reported[0].file, file.file_name().unwrap().to_str().unwrap());
    let verified = inspect::verify(dir.path()).unwrap();
    assert_eq!((verified.entries, &verified.damage), (1009, &reported));
}

#[test]
fn a_flipped_bit_anywhere_costs_at_most_one_record() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, reader, _) = one(dir.path(), &small());
    fill(&mut log, 20);
    drop((log, reader));
    let file = segments(dir.path()).remove(0);
    let whole = fs::read(&file).unwrap();
    let end = recover(&whole, 0).end as usize;
    let queue = recover(&whole, 0).header.unwrap().queue;
    for bit in (0..end * 8).step_by(5) {
        let mut octets = whole.clone();
        octets[bit / 8] ^= 1 << (bit % 8);
        assert!(recover(&octets, queue).records.len() >= 19, "bit {bit}");
    }
}

#[test]
fn a_zeroed_page_costs_the_records_on_it() {
    let dir = thousand();
    let file = &segments(dir.path())[5];
    write(file, &[0; 4096], 4096);
    let (lost, opening, reported) = lost(dir.path());
    assert!(lost.len() < 30 && lost.is_sorted_by(|a, b| a + 1 == *b), "{lost:?}");
    assert_eq!((opening.len(), reported.len()), (0, 1));
}

#[test]
fn a_cut_or_rubbish_end_of_the_last_segment_costs_what_was_there() {
    for (what, change) in [
        (
            "cut",
            Box::new(|file: &Path, end: u64| {
                OpenOptions::new().write(true).open(file).unwrap().set_len(end - 700).unwrap();
            }) as Box<dyn Fn(&Path, u64)>,
        ),
        ("zeroed", Box::new(|file, end| write(file, &[0; 700], end - 700))),
        ("rubbish", Box::new(|file, end| write(file, &[0xa5; 900], end - 700))),
        ("rubbish after the end", Box::new(|file, end| write(file, &[0xa5; 100], end))),
    ] {
        let dir = thousand();
        let file = segments(dir.path()).pop().unwrap();
        let end = recover(&fs::read(&file).unwrap(), 0).end;
        change(&file, end);
        let (lost, opening, _) = lost(dir.path());
        // Nobody has confirmed them, so their numbers are given again: what is missing shows in the count.
        assert_eq!(lost, [0; 0], "{what}");
        assert!(matches!(&opening[..], [Damage { harm: Harm::Tail, .. }]), "{what}: {opening:?}");
        let left = inspect::verify(dir.path()).unwrap().entries;
        assert!((1000..=1010).contains(&left), "{what}: {left}");
    }
}

#[test]
fn a_number_a_sink_has_confirmed_is_not_given_again() {
    let dir = thousand();
    let (log, mut reader, _) = one(dir.path(), &small());
    reader.confirm(Seq(1000));
    reader.save().unwrap();
    drop((log, reader));
    let file = segments(dir.path()).pop().unwrap();
    write(&file, &[0; 8192], 64);
    write(&file, &[0; 8000], 64 + 8192);
    let (mut log, mut reader, _) = one(dir.path(), &small());
    assert_eq!(log.append(0, now(), &[&payload(1001)]).unwrap(), Seq(1001));
    log.commit().unwrap();
    assert_eq!(drain(&mut reader), [1001]);
}

#[test]
fn a_missing_segment_is_reported() {
    let dir = thousand();
    let file = segments(dir.path()).remove(4);
    let records = recover(&fs::read(&file).unwrap(), 0).records;
    fs::remove_file(&file).unwrap();
    let (lost, opening, reported) = lost(dir.path());
    assert_eq!(lost, records.iter().map(|found| found.head.seq).collect::<Vec<_>>());
    assert!(matches!(&opening[..], [Damage { harm: Harm::Missing, .. }]), "{opening:?}");
    assert!(matches!(&reported[..], [Damage { harm: Harm::Missing, .. }]), "{reported:?}");
    let verified = inspect::verify(dir.path()).unwrap();
    assert_eq!(verified.damage.iter().map(Damage::count).sum::<u64>(), lost.len() as u64);
    // The first one, of which only the notes know.
    let dir = thousand();
    fs::remove_file(&segments(dir.path())[0]).unwrap();
    let (lost, opening, _) = self::lost(dir.path());
    assert_eq!((lost[0], opening.len()), (1, 1));
}

#[test]
fn a_damaged_header_costs_nothing() {
    let dir = thousand();
    let files = segments(dir.path());
    write(&files[3], &[0; 64], 0);
    write(&files[7], &[0xff; 8], 8);
    write(files.last().unwrap(), &[1], 33);
    let (lost, opening, _) = lost(dir.path());
    assert_eq!(lost, [0; 0]);
    assert_eq!(opening.iter().filter(|damage| damage.harm == Harm::Header).count(), 3, "{opening:?}");
}

#[test]
fn a_segment_of_nothing_but_rubbish_costs_its_entries() {
    let dir = thousand();
    let file = &segments(dir.path())[6];
    let records = recover(&fs::read(file).unwrap(), 0).records;
    fs::write(file, vec![0x5a; 16 << 10]).unwrap();
    let (lost, opening, _) = lost(dir.path());
    assert_eq!(lost, records.iter().map(|found| found.head.seq).collect::<Vec<_>>());
    assert_eq!(opening.len(), 1);
    // And the last one: nothing tells what stood there, so its numbers are given again, but not its name.
    let dir = thousand();
    let file = segments(dir.path()).pop().unwrap();
    fs::write(&file, vec![0x5a; 16 << 10]).unwrap();
    let (lost, opening, _) = self::lost(dir.path());
    assert_eq!((lost.len(), opening.len()), (0, 1));
    assert_eq!(fs::read(&file).unwrap(), vec![0x5a; 16 << 10]);
}

#[test]
fn a_file_of_another_queue_is_left_alone() {
    let (dir, other) = (thousand(), thousand());
    let theirs = segments(other.path()).remove(9);
    let stray = dir.path().join("00000000000000ff.segment");
    fs::copy(theirs, &stray).unwrap();
    let (lost, opening, _) = lost(dir.path());
    assert_eq!(lost, [0; 0]);
    assert!(opening.iter().any(|damage| damage.harm == Harm::Foreign), "{opening:?}");
    assert!(stray.exists());
}

#[test]
fn damaged_notes_and_cursors_cost_only_deliveries_again() {
    let dir = thousand();
    let (log, mut reader, _) = one(dir.path(), &small());
    for seq in [100, 200, 300] {
        reader.confirm(Seq(seq));
        reader.save().unwrap();
    }
    drop((log, reader));
    // One slot of the cursor: at most the last save is forgotten.
    write(&dir.path().join("mqtt.cursor"), &[0xff; 64], 4096);
    let (log, mut reader, damage) = one(dir.path(), &small());
    assert_eq!(damage.len(), 1);
    let begin = reader.next().unwrap().unwrap().seq.0;
    // Segments that everyone had confirmed are gone whatever the cursor says.
    assert!((201..=301).contains(&begin), "{begin}");
    drop((log, reader));
    // Everything the queue knows about itself.
    fs::write(dir.path().join("mqtt.cursor"), b"").unwrap();
    fs::write(dir.path().join("queue"), vec![0x33; 8192]).unwrap();
    let (_log, mut reader, damage) = one(dir.path(), &small());
    assert_eq!(damage.iter().filter(|damage| damage.harm == Harm::Notes).count(), 2, "{damage:?}");
    assert_eq!(drain(&mut reader).last(), Some(&1000));
}

#[test]
fn a_damaged_snapshot_leaves_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    let config = Config { snapshots: true, ..small() };
    let (mut log, reader, _) = one(dir.path(), &config);
    fill(&mut log, 20);
    for seq in 1..=3 {
        log.snapshot(Seq(seq), 1, &[seq as u8; 500]).unwrap();
    }
    drop((log, reader));
    let newest = dir.path().join("state-1.snapshot");
    let whole = fs::read(&newest).unwrap();
    for bit in (0..(52 + 500) * 8).step_by(37) {
        let mut octets = whole.clone();
        octets[bit / 8] ^= 1 << (bit % 8);
        fs::write(&newest, octets).unwrap();
        let opened = Log::open(dir.path(), &config, &["mqtt"]).unwrap();
        assert_eq!(opened.snapshot.unwrap().seq, Seq(2), "bit {bit}");
        assert_eq!(opened.damage.len(), 1);
    }
    fs::write(&newest, &whole[..100]).unwrap();
    assert_eq!(Log::open(dir.path(), &config, &["mqtt"]).unwrap().snapshot.unwrap().seq, Seq(2));
}
