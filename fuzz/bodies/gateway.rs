//! What the fuzz targets of the gateway hold to be true of any line, any parked frame and any archive. The ordinary tests
//! replay the seeds with the same.
#![allow(dead_code, reason = "each target uses its part of it")]

use esh_core::report::Report;
use esh_core::{Key, Protocol};
use esh_gateway::analyse::{self, Keys, Options, decode_lines};
use esh_gateway::archive::{ArchiveLine, Harm, read_lines, walk};
use esh_gateway::codec::{Answer, read_normalized};
use esh_gateway::keys::KeyStore;
use esh_gateway::queue::parked::Parked;
use esh_gateway::run::Decode;
use esh_gateway::worker::Worker;

/// Decodes octets as lines, and as a frame that is explained; whatever comes out is a report that reads back.
pub(crate) fn everything_prints(octets: &[u8]) {
    let keys = Keys { any: vec![Key::new(&[0x11; 16]).unwrap()], ..Keys::default() };
    let options = Options::of(Protocol::Wmbus, keys);
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

/// Reads octets as a file of an archive, and as one of its lines: its parts lie one after another, and every octet is
/// either in a whole member or told.
pub(crate) fn archive_reads(octets: &[u8]) {
    let file = || std::io::Cursor::new(octets);
    let members = walk(file()).unwrap();
    let harm = members.harm.iter().map(|harm| match harm {
        Harm::Torn(from) => *from..octets.len() as u64,
        Harm::Damaged(range) => range.clone(),
    });
    let mut all: Vec<_> = members.sound.iter().cloned().chain(harm).collect();
    all.sort_by_key(|range| range.start);
    let end = all.iter().fold(0, |end, range| {
        assert!(range.start == end && range.end > end, "{range:?} behind {end}");
        range.end
    });
    assert_eq!(end, octets.len() as u64);
    for member in &members.sound {
        // A member of somebody else may hold anything.
        let _ = read_lines(&mut file(), member, |line| ArchiveLine::read(line).is_ok());
    }
    let _ = ArchiveLine::read(octets);
}

/// Takes octets as what a payload codec gave: JSON text of any kind, with half characters in it and of any depth. What
/// goes into a report is read by every reader, and the payload's readings are whatever they are.
pub(crate) fn codec_answer(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    if serde_json::from_str::<&serde_json::value::RawValue>(text).is_err() {
        return;
    }
    let told = || Some(text.trim().to_owned());
    let Ok(answer) = Answer::new(told(), Some(text), Some(text), told()) else { return };
    let data = answer.data.expect("data is told");
    match serde_json::from_str::<serde_json::Value>(&data) {
        Ok(_) => {}
        // No script has such a number.
        Err(error) => assert!(error.to_string().contains("number out of range"), "{error}"),
    }
    assert!(answer.warnings.iter().all(|warning| !warning.contains(char::is_control)));
    read_normalized(&answer.normalized.expect("it is told as well"), octets, &mut esh_core::Ignore);
}

/// Reads octets as a capture and as a datagram of a sniffer; every frame that comes of them can be decoded.
pub(crate) fn sniffer(octets: &[u8]) {
    for frame in esh_gateway::sources::sniffer::frames(octets) {
        let mut worker = Worker::new("g", None, KeyStore::default());
        let capture = esh_gateway::capture::Capture {
            octets: frame.into(),
            protocol: Protocol::Zigbee,
            framing: None,
            received_at: esh_gateway::capture::Stamp { at: None, synchronised: false },
            source: "fuzz".into(),
            rssi: None,
            radio: None,
        };
        let record = worker.decode(&capture, 1);
        worker.stored(true);
        serde_json::from_slice::<Report>(&record.report).expect("a report is JSON of its schema");
    }
}
