//! Recovery of one segment from any octets.

use super::super::format::{Look, RECORD_HEADER, SEGMENT_HEADER, Seed, look};
use super::*;
use proptest::prelude::*;

fn segment(queue: u64, payloads: &[Vec<u8>]) -> Vec<u8> {
    let header = Header { version: 1, queue, number: 1, first: 1, made: 0 };
    let mut octets = header.write().to_vec();
    for (at, payload) in payloads.iter().enumerate() {
        let head = Head { seq: at as u64 + 1, stamp: 0, kind: 0, length: payload.len() as u32 };
        head.write(Seed::new(queue), &[payload], &mut octets);
    }
    octets
}

/// Every record that is found has a checksum that is right, and none is found twice.
fn sound(octets: &[u8], recovered: &Recovered, queue: u64) {
    let seed = Seed::new(recovered.header.map_or(queue, |header| header.queue));
    let mut end = SEGMENT_HEADER as u64;
    for found in &recovered.records {
        assert!(found.offset >= end && found.offset.is_multiple_of(16));
        end = found.offset + (RECORD_HEADER + found.head.length as usize) as u64;
        let place = &octets[found.offset as usize..];
        assert_eq!(look(place, seed), Look::Record(found.head));
    }
    assert!(recovered.end <= octets.len().max(SEGMENT_HEADER) as u64);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_octets_are_recovered_without_inventing_a_record(octets in proptest::collection::vec(any::<u8>(), 0..4096)) {
        sound(&octets, &recover(&octets, 7), 7);
        // And with the words that a scan looks for strewn in.
        let mut strewn = octets;
        for place in strewn.chunks_mut(48) {
            place.iter_mut().zip(b"ESHr").for_each(|(octet, word)| *octet = *word);
        }
        sound(&strewn, &recover(&strewn, 7), 7);
    }

    #[test]
    fn damage_costs_only_the_records_it_hits(
        payloads in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 1..40),
        hits in proptest::collection::vec((any::<prop::sample::Index>(), 1..200_usize, any::<u8>()), 1..4),
    ) {
        let whole = segment(7, &payloads);
        let all = recover(&whole, 0).records;
        prop_assert_eq!(all.len(), payloads.len());
        let mut octets = whole.clone();
        let mut ranges = Vec::new();
        for (index, length, octet) in hits {
            let from = SEGMENT_HEADER + index.index(whole.len() - SEGMENT_HEADER);
            let to = (from + length).min(whole.len());
            octets[from..to].fill(octet);
            ranges.push(from..to);
        }
        let recovered = recover(&octets, 0);
        sound(&octets, &recovered, 0);
        for found in &all {
            let place = found.offset as usize..(found.offset as usize + RECORD_HEADER + found.head.length as usize);
            let same = octets[place.clone()] == whole[place.clone()];
            let there = recovered.records.iter().any(|other| other.head == found.head && other.offset == found.offset);
            prop_assert_eq!(there, same, "{:?} hit by {:?}", found, ranges);
        }
    }
}

#[test]
fn a_record_inside_a_payload_is_not_taken_for_one() {
    // Who can send frames but does not know the queue's id cannot plant entries that damage would lay bare.
    let forged = segment(1234, &[b"forged".to_vec()])[SEGMENT_HEADER..].to_vec();
    let mut octets = segment(7, &[forged, b"honest".to_vec()]);
    octets[SEGMENT_HEADER + 2] ^= 1;
    let recovered = recover(&octets, 0);
    assert_eq!(recovered.records.iter().map(|found| found.head.seq).collect::<Vec<_>>(), [2]);
}

#[test]
fn a_damaged_header_does_not_take_the_records() {
    let mut octets = segment(7, &[b"one".to_vec(), b"two".to_vec()]);
    octets[20] ^= 1;
    let recovered = recover(&octets, 7);
    assert_eq!((recovered.header, recovered.records.len(), recovered.dirty), (None, 2, false));
}
