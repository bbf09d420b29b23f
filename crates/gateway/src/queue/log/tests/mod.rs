//! The log against what must hold.

mod behaviour;
mod crash;
mod damaged;
mod full;
mod measure;
mod model;
mod recovery;
mod versions;

use super::*;
use std::path::Path;
use std::time::Duration;

const KIB: u64 = 1024;

/// Small segments, so that a few entries fill many.
fn small() -> Config {
    Config { segment: 16 * KIB, quota: 1024 * KIB, ..Config::default() }
}

fn now() -> Now {
    at(1_700_000_000_000)
}

fn at(wall: u64) -> Now {
    Now { wall, steady: Instant::now() }
}

/// What entry `seq` holds: anyone can tell whether it is right.
fn payload(seq: u64) -> Vec<u8> {
    let length = 10 + seq.wrapping_mul(2_654_435_761) % 400;
    (0..length).map(|at| (seq.wrapping_mul(31).wrapping_add(at * 7) >> 3) as u8).collect()
}

/// Appends entries up to this one and commits each few.
fn fill(log: &mut Log, to: u64) {
    while log.next <= to {
        let seq = log.next;
        assert_eq!(log.append(1, now(), &[&payload(seq)]).unwrap(), Seq(seq));
        if seq.is_multiple_of(7) {
            log.commit().unwrap();
        }
    }
    log.commit().unwrap();
}

/// Reads everything there is and checks every octet; gives the numbers.
fn drain(reader: &mut Reader) -> Vec<u64> {
    let mut seqs = Vec::new();
    while let Some(entry) = reader.next().unwrap() {
        assert_eq!(entry.payload, payload(entry.seq.0), "entry {}", entry.seq);
        seqs.push(entry.seq.0);
    }
    seqs
}

fn one(path: &Path, config: &Config) -> (Log, Reader, Vec<Damage>) {
    let mut opened = Log::open(path, config, &["mqtt"]).unwrap();
    (opened.log, opened.readers.remove(0), opened.damage)
}

fn segments(path: &Path) -> Vec<std::path::PathBuf> {
    let names = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let mut names: Vec<_> = names.filter(|name| name.extension().is_some_and(|end| end == "segment")).collect();
    names.sort();
    names
}
