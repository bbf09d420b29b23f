//! What the first release wrote, and what a later one may write.

use super::*;
use crate::meters::Standing;
use crate::queue::log::Log;

/// A snapshot's content of version 1: a layout, two meters that were heard, and two frames.
const STATE: &str = "0300000001012d2c60bd020004130301012d2c083030303030303031011b01160301012d2c083030303030303032011b0116\
    3b16760037604713062384d162d9fc623787fe0da2010000016aa1056b00000000dcca8c11\
    5836495f0fcc3a920513bc28bb3c69974787fe0da2010000016aa1056b0000000014ad9111";

/// An entry of version 1, but for its report: the first of these two meters, and what it taught.
const ENTRY: &str = "010101bfbd449424db19b422fee47b36fc8064016aa1056b00000000dcca8c11013b16760037604713062384d162d9fc62\
    011800776d6275733a4b414d3a30303030303030313a31623a3136020001012d2c60bd020004130301012d2c083030303030303031011b0116";

fn octets(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let octet = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(octet).collect()
}

/// A folder in which another release wrote a snapshot and an entry after it.
fn folder(config: &Config, version: u32, state: &[u8], entry: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut opened = Log::open(&folder.path().join(FOLDER), &config.log(), &["a"]).unwrap();
    let now = log::Now { wall: 1_790_000_000_000, steady: std::time::Instant::now() };
    opened.log.append(1, now, &[&[1, 2, 3]]).unwrap();
    opened.log.commit().unwrap();
    opened.log.snapshot(log::Seq(1), version, state).unwrap();
    opened.log.append(1, now, &[entry]).unwrap();
    opened.log.commit().unwrap();
    folder
}

fn report() -> Vec<u8> {
    [&octets(ENTRY)[..], b"{\"meter\":1}"].concat()
}

#[test]
fn what_the_first_release_wrote_is_known() {
    let config = small(WhenFull::Block);
    let folder = folder(&config, 1, &octets(STATE), &report());
    let mut heard = Vec::new();
    known_meters(&folder.path().join(FOLDER), |meter, standing| heard.push((meter.address().to_string(), standing)))
        .unwrap();
    let first = ("wmbus:KAM:00000001:1b:16".to_owned(), Standing::default());
    let second = ("wmbus:KAM:00000002:1b:16".to_owned(), Standing::default());
    assert_eq!(heard, [first.clone(), second, first]);
    let mut opened = Queue::open(folder.path(), &config, &parked::Config::default(), &["a"]).unwrap();
    let (mut lessons, mut frames) = (Vec::new(), 0);
    opened.queue.restore(|lesson| lessons.push(lesson), |_| frames += 1).unwrap();
    assert_eq!((lessons.iter().filter(|lesson| matches!(lesson, Lesson::Heard(_))).count(), frames), (3, 3));
    assert_eq!(lessons.len(), 5);
    // What cannot be read is passed by, the record behind it is delivered.
    let reader = opened.readers.remove(0);
    let entry = (0..3).map(place).find_map(|at| reader.try_next(at)).unwrap();
    assert_eq!(entry.record.report, "{\"meter\":1}");
}

#[test]
fn what_a_later_release_wrote_is_refused() {
    let config = small(WhenFull::Block);
    let newer_state = folder(&config, state::VERSION + 1, &octets(STATE), &report());
    let mut entry = report();
    entry[0] = entry::VERSION + 1;
    let newer_entry = folder(&config, 1, &octets(STATE), &entry);
    for folder in [newer_state, newer_entry] {
        let refused = known_meters(&folder.path().join(FOLDER), |_, _| {}).unwrap_err();
        assert!(refused.to_string().contains("ask the newer release"), "{refused}");
        let mut opened = Queue::open(folder.path(), &config, &parked::Config::default(), &["a"]).unwrap();
        let refused = opened.queue.restore(drop, |_| {}).unwrap_err();
        assert!(refused.to_string().contains("install the newer release again"), "{refused}");
    }
}
