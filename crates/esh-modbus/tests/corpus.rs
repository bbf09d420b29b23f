//! Frames of other projects' tests and captures, where a corpus is at hand.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::{octets, rows};
use esh_core::DecodeError;
use esh_modbus::stream::{Frames, Wanted};
use esh_modbus::{Mode, Request, Response, frame};
use serde_json::Value;

const CORPUS: &str = "modbus-adu.jsonl";

fn mode(row: &Value) -> Mode {
    Mode::from_word(row["mode"].as_str().unwrap()).unwrap()
}

/// Opens a frame, reads what it carries, and writes it again.
fn both_ways(row: &Value) -> Result<(), DecodeError> {
    let frame = octets(row["hex"].as_str().unwrap());
    let mut buffer = [0; frame::ascii::OCTETS];
    let adu = match mode(row) {
        Mode::Rtu => frame::rtu::open(&frame),
        Mode::Tcp => frame::tcp::open(&frame),
        Mode::Ascii => frame::ascii::open(&frame, &mut buffer),
    }?;
    let mut pdu = [0; 260];
    let written = match row["dir"].as_str().unwrap() {
        "request" => Request::parse(adu.pdu, adu.offset)?.write(&mut pdu).unwrap(),
        _ => Response::parse(adu.pdu, adu.offset)?.write(&mut pdu).unwrap(),
    };
    let mut again = [0; 600];
    assert_eq!(mode(row).write(adu.head, written, &mut again).unwrap(), frame, "{row}");
    Ok(())
}

#[test]
fn every_frame_is_read_and_written_again_and_every_broken_one_refused() {
    let (mut good, mut broken) = (0, 0);
    for row in rows(CORPUS).iter().filter(|row| row.get("stream").is_none()) {
        match (both_ways(row), row.get("error")) {
            (Ok(()), None) => good += 1,
            (Err(_), Some(_)) => broken += 1,
            (result, wanted) => panic!("{row}: {result:?}, but {wanted:?}"),
        }
    }
    println!("{good} frames, {broken} broken ones");
}

#[test]
fn every_frame_is_found_in_noise_and_nothing_else() {
    for row in rows(CORPUS).iter().filter(|row| row.get("stream").is_some()) {
        let stream = octets(row["hex"].as_str().unwrap());
        let wanted = if row["dir"] == "request" { Wanted::Requests } else { Wanted::Responses };
        let found: Vec<_> = Frames::new(&stream, mode(row), wanted).collect();
        let expected: Vec<_> = row["expect_frames"]
            .as_array()
            .unwrap()
            .iter()
            .map(|frame| {
                let at = frame["offset"].as_u64().unwrap() as usize;
                at..at + frame["length"].as_u64().unwrap() as usize
            })
            .collect();
        assert_eq!(found, expected, "{row}");
    }
}
