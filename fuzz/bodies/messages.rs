//! What the fuzz targets of messages that a broker brings hold to be true of any octets. The ordinary tests replay the
//! seeds with the same.
#![allow(dead_code, reason = "each target uses its part of it")]

use esh_core::Protocol;
use esh_core::report::Report;
use esh_gateway::analyse::{self, Keys, Options, decode_lines};
use esh_gateway::sources::mqtt::Devices;

/// Decodes octets as an event of each kind there is; whatever comes out is a report that reads back.
pub(crate) fn events(octets: &[u8]) {
    let hex = hex(octets);
    let kinds = ["up", "join", "ack", "txack", "log", "status", "location", "integration"];
    let told = kinds.iter().map(|kind| format!("{{\"hex\":\"{hex}\",\"event\":\"{kind}\"}}\n"));
    let lines: String = told.chain([format!("{{\"hex\":\"{hex}\"}}\n")]).collect();
    reads_back(Protocol::Events, &lines, &hex);
}

/// Decodes octets as a message of Zigbee2MQTT, as it comes and as one that was kept, and as what it says of its devices.
pub(crate) fn zigbee2mqtt(octets: &[u8]) {
    let mut devices = Devices::default();
    let _ = (devices.learn(octets), devices.learn_groups(octets));
    let hex = hex(octets);
    let lines = format!("{{\"hex\":\"{hex}\"}}\n{{\"hex\":\"{hex}\",\"retain\":true}}\n");
    reads_back(Protocol::Zigbee2mqtt, &lines, &hex);
}

fn reads_back(protocol: Protocol, lines: &str, hex: &str) {
    let options = Options::of(protocol, Keys::default());
    let mut text = Vec::new();
    let print = |report: &[u8], into: &mut Vec<u8>| {
        let read: Report = serde_json::from_slice(report).expect("a report is JSON of its schema");
        assert_eq!(serde_json::to_string(&read).unwrap().as_bytes(), report.trim_ascii_end());
        analyse::print_text(report, true, into);
    };
    decode_lines(&options, 1, lines.as_bytes(), &mut text, &print).unwrap();
    analyse::explain(&options, &[hex.to_owned()], true, &mut Vec::new()).unwrap();
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
