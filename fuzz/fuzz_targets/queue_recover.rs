//! A segment of the queue from any octets: records lie within them, one after another, and their payloads do not overlap.

#![no_main]

use esh_gateway::queue::log::recover;

libfuzzer_sys::fuzz_target!(|octets: &[u8]| {
    let recovered = recover(octets, 7);
    let mut end = 0;
    for found in &recovered.records {
        assert!(found.offset >= end && found.offset.is_multiple_of(16), "{found:?}");
        assert!(found.skipped <= found.offset - end, "{found:?}");
        end = found.offset + 32 + u64::from(found.head.length);
        assert!(end <= octets.len() as u64, "{found:?}");
    }
    assert!(recovered.end >= end);
});
