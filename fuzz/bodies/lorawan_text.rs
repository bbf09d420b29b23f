//! What the fuzz target of packet forwarders, stations and network servers holds to be true of any octets. The ordinary
//! tests replay the seeds with the same.

use esh_core::report::Report;
use esh_core::{Key, Protocol};
use esh_gateway::analyse::{self, Keys, Options, decode_lines};

/// Decodes octets as a datagram, as a message of a station and as an event; whatever comes out is a report that reads
/// back.
pub(crate) fn gwmp(octets: &[u8]) {
    // What the sources of a running gateway make of it.
    let _ = esh_gateway::protocols::brings(octets);
    let hex: String = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    for protocol in [Protocol::Gwmp, Protocol::Lns, Protocol::Events] {
        let keys = Keys { any: vec![Key::new(&[0x11; 16]).unwrap()], ..Keys::default() };
        let options = Options::of(protocol, keys);
        let mut text = Vec::new();
        let print = |report: &[u8], into: &mut Vec<u8>| {
            let read: Report = serde_json::from_slice(report).expect("a report is JSON of its schema");
            assert_eq!(serde_json::to_string(&read).unwrap().as_bytes(), report.trim_ascii_end());
            analyse::print_text(report, true, into);
        };
        decode_lines(&options, 1, hex.as_bytes(), &mut text, &print).unwrap();
        analyse::explain(&options, std::slice::from_ref(&hex), true, &mut Vec::new()).unwrap();
    }
}
