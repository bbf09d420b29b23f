//! What the fuzz targets of the gateway hold to be true of any octets. The ordinary tests replay the seeds with the same.
#![allow(dead_code, reason = "each target uses its part of it")]

use esh_core::report::Report;
use esh_core::{Key, Protocol};
use esh_gateway::analyse::{self, Keys, Options, decode_lines};
use esh_gateway::keys::KeyStore;
use esh_gateway::queue::parked::Parked;
use esh_gateway::run::Decode;
use esh_gateway::worker::Worker;

/// Decodes octets as lines, and as a frame that is explained; whatever comes out is a report that reads back.
pub(crate) fn everything_prints(octets: &[u8]) {
    let keys = Keys { any: vec![Key::new(&[0x11; 16]).unwrap()], ..Keys::default() };
    let options = Options { protocol: Protocol::Wmbus, keys, replay_check: false, opened: true };
    let hex: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    for lines in [octets, hex.as_bytes()] {
        let mut text = Vec::new();
        let print = |report: &[u8], into: &mut Vec<u8>| {
            let read: Report = serde_json::from_slice(report).expect("a report is JSON of its schema");
            assert_eq!(serde_json::to_string(&read).unwrap().as_bytes(), report.trim_ascii_end());
            analyse::print_text(report, true, into);
        };
        decode_lines(&options, 1, lines, &mut text, &print).unwrap();
    }
    analyse::explain(&options, &[hex], true, &mut Vec::new()).unwrap();
}

/// Reads octets as a parked frame: it is written as it was read, and can be tried again whatever stands in it.
pub(crate) fn parked_frame(octets: &[u8]) {
    let Some(parked) = Parked::read(octets) else { return };
    let mut written = Vec::new();
    parked.write(&mut written);
    let again = Parked::read(&written).expect("what is written is read");
    assert_eq!(format!("{again:?}"), format!("{parked:?}"));
    let keys = [("*".to_owned(), esh_core::Purpose::Data, Key::new(&[0x11; 16]).unwrap())];
    let mut worker = Worker::new("g", None, KeyStore::new(keys));
    for _ in 0..2 {
        let told = worker.again(&parked);
        worker.stored(told.is_some());
    }
}
