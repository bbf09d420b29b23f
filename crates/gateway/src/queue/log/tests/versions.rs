//! Formats of other releases.

use super::super::format::{Fields, Out, SEGMENT_HEADER};
use super::super::open::open;
use super::super::upgrade::Step;
use super::*;
use std::fs;

/// Everything in a folder, to see that nothing was touched.
fn contents(path: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let files = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = files.map(|path| (path.clone(), fs::read(path).unwrap())).collect();
    files.sort();
    files
}

/// Changes the version of a segment's header and keeps its checksum right.
fn header_of_version(octets: &mut [u8], version: u32) {
    let header = Header::read(octets.first_chunk().unwrap()).unwrap();
    octets[..SEGMENT_HEADER].copy_from_slice(&Header { version, ..header }.write());
}

#[test]
fn a_later_version_is_refused_and_nothing_is_touched() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, reader, _) = one(dir.path(), &small());
    fill(&mut log, 300);
    drop((log, reader));
    let file = segments(dir.path()).pop().unwrap();
    let mut octets = fs::read(&file).unwrap();
    header_of_version(&mut octets, 2);
    fs::write(&file, octets).unwrap();
    fs::write(dir.path().join("left.new"), b"left by a crash").unwrap();
    let before = contents(dir.path());
    let error = Log::open(dir.path(), &small(), &["mqtt"]).unwrap_err();
    assert!(matches!(error, LogError::Newer { found: 2, known: 1 }));
    assert!(error.to_string().contains("install the newer release again"));
    assert!(matches!(inspect::stat(dir.path()), Err(LogError::Newer { .. })));
    assert_eq!(contents(dir.path()), before);
}

/// A format that no release ever wrote, to prove the way: payloads with a length of two octets before each.
fn step(octets: &[u8]) -> Vec<(Head, Vec<u8>)> {
    let mut seq = Header::read(octets.first_chunk().unwrap()).unwrap().first;
    let mut fields = Fields(&octets[SEGMENT_HEADER..]);
    let mut records = Vec::new();
    loop {
        let length = u16::from_le_bytes(fields.take());
        let Some((payload, rest)) = fields.0.split_at_checked(length.into()).filter(|_| length > 0) else {
            return records;
        };
        records.push((Head { seq, stamp: 0, kind: 1, length: length.into() }, payload.to_vec()));
        fields.0 = rest;
        seq += 1;
    }
}

#[test]
fn an_older_version_is_upgraded_where_there_is_a_step_and_refused_where_there_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let mut next = 1;
    for number in 1..=3 {
        let header = Header { version: 0, queue: 77, number, first: next, made: 0 };
        let mut octets = header.write().to_vec();
        for seq in next..next + 20 {
            let payload = payload(seq);
            let mut out = Out::<2>::default();
            out.put(&(payload.len() as u16).to_le_bytes());
            octets.extend_from_slice(&out.octets);
            octets.extend_from_slice(&payload);
        }
        next += 20;
        fs::write(dir.path().join(format!("{number:016x}.segment")), octets).unwrap();
    }
    fs::write(dir.path().join("lock"), b"").unwrap();
    let before = contents(dir.path());
    assert!(matches!(Log::open(dir.path(), &small(), &["mqtt"]), Err(LogError::Older { found: 0 })));
    assert_eq!(contents(dir.path()), before);
    let steps: &[(u32, Step)] = &[(0, step)];
    let mut opened = open(dir.path(), &small(), &["mqtt"], steps).unwrap();
    assert_eq!(opened.damage, []);
    fill(&mut opened.log, 70);
    assert_eq!(drain(&mut opened.readers[0]), (1..=70).collect::<Vec<_>>());
    drop(opened);
    // From then on it is of this version.
    let (_log, mut reader, damage) = one(dir.path(), &small());
    assert_eq!((drain(&mut reader).len(), damage.len()), (70, 0));
}
