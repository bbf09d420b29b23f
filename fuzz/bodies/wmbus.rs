//! What the fuzz targets of M-Bus hold to be true of any octets. The ordinary tests replay the seeds with the same.
#![allow(dead_code, reason = "each target uses one of them")]

#[path = "everything.rs"]
mod everything;

use esh_core::{Carrier, Content, Ignore, Key, Known, Meter, Purpose};
use esh_wmbus::fragments::{Assembler, Step};
use esh_wmbus::{Framing, Wmbus, format_for};
use everything::Everything;

/// Knows the same keys for every meter, and whatever layout is asked for.
struct Keys;

/// The key of the seeds that our own encoder wrote, that of the examples of OMS annex N, and one of DES.
const KEYS: [&[u8]; 3] = [
    &[0x11; 16],
    &[0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x11],
    &[0x11; 8],
];

const LAYOUT: [u8; 8] = [0x04, 0x13, 0x04, 0x06, 0x42, 0x6c, 0x02, 0x59];

impl Known for Keys {
    fn keys(&self, _: &Meter, _: Purpose, each: &mut dyn FnMut(&Key) -> bool) -> bool {
        KEYS.iter().any(|key| Key::new(key).is_ok_and(|key| each(&key)))
    }

    fn layout(&self, _: Option<&Meter>, _: u16) -> Option<&[u8]> {
        Some(&LAYOUT)
    }
}

fn open_and_read(framing: Framing, octets: &[u8]) {
    let mut frame = octets.to_vec();
    let mut out = Everything::of(octets.len());
    match (Wmbus { framing }).open(&mut frame, &Keys, &mut out) {
        Ok(opened) => {
            assert!(opened.offset + opened.payload.len() <= octets.len());
            if let Some(format) = format_for(opened.content) {
                let read = format.read(opened.meter.as_ref(), opened.payload, opened.offset, &Keys, &mut out);
                if let Err(error) = read {
                    assert!(error.offset <= octets.len(), "{error}");
                }
            }
        }
        Err(refused) => {
            assert!(refused.error.offset <= octets.len(), "{}", refused.error);
            assert_eq!(frame, octets, "a refused frame is left as it was");
        }
    }
}

/// Opens octets as every kind of frame there is, and reads what is inside.
pub(crate) fn wmbus_open(octets: &[u8]) {
    for framing in [Framing::Recognise, Framing::FormatA, Framing::FormatB, Framing::WithoutCrc, Framing::Assembled] {
        open_and_read(framing, octets);
    }
    for skip in 0..3 {
        open_and_read(Framing::Records { skip }, octets);
    }
    let mut decoded = vec![0; octets.len()];
    for line in [esh_wmbus::line::three_out_of_six, esh_wmbus::line::manchester] {
        let len = line(octets, &mut decoded);
        open_and_read(Framing::FormatA, &decoded[..len]);
    }
}

/// Reads octets as every kind of payload there is.
pub(crate) fn wmbus_records(octets: &[u8]) {
    for content in [Content::Records, Content::CompactRecords, Content::RecordLayout, Content::FixedData] {
        if let Some(format) = format_for(content) {
            let mut out = Everything::of(octets.len());
            let _ = format.read(None, octets, 0, &Keys, &mut out);
        }
    }
}

/// Opens octets as a wired frame.
pub(crate) fn mbus_wired(octets: &[u8]) {
    open_and_read(Framing::Wired, octets);
    for address in [5, esh_wmbus::wired::SELECTED] {
        if let Some(found) = esh_wmbus::wired::find_answer(octets, address) {
            let len = esh_wmbus::wired::frame_len(octets.get(found.clone()).unwrap());
            assert_eq!(len, Ok(found.len()));
        }
    }
}

/// Puts octets together as fragments, each of them with its length in front, and opens what becomes whole.
pub(crate) fn wmbus_fragments(mut octets: &[u8]) {
    let mut assembler = Assembler::<2, 256>::new(1000);
    let mut now = 0;
    while let [wait, len, rest @ ..] = octets {
        let (fragment, rest) = rest.split_at(rest.len().min((*len).into()));
        octets = rest;
        now += 10 * u64::from(*wait);
        let mut frame = fragment.to_vec();
        let opened = Wmbus::new(Framing::WithoutCrc).open(&mut frame, &Keys, &mut Ignore);
        let part = opened.map_or(fragment, |opened| opened.payload);
        if let Ok(Step::Whole(frame)) = assembler.put(now, part) {
            assert!(frame.len() <= 256);
            open_and_read(Framing::Assembled, frame);
        }
    }
}
