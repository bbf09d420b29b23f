//! The seeds of the fuzz targets of Modbus, replayed; `write_the_seeds` writes those that our own encoder makes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod common;

#[path = "../../../fuzz/bodies/modbus.rs"]
mod modbus;
#[path = "../../../fuzz/bodies/seeds.rs"]
mod seeds;

use common::{request, response};
use esh_modbus::frame::{Head, Mode};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

#[test]
fn modbus_adu() {
    seeds::replay("modbus_adu", modbus::modbus_adu);
}

#[test]
fn modbus_stream() {
    seeds::replay("modbus_stream", modbus::modbus_stream);
}

/// One PDU of each function code, the shortest of several.
fn one_of_each(pdus: impl Strategy<Value = Vec<u8>>) -> Vec<Vec<u8>> {
    let mut runner = TestRunner::deterministic();
    let mut found = std::collections::BTreeMap::<u8, Vec<u8>>::new();
    for _ in 0..600 {
        let pdu = pdus.new_tree(&mut runner).unwrap().current();
        let code = pdu[0].min(0x81);
        if found.get(&code).is_none_or(|known| pdu.len() < known.len()) {
            found.insert(code, pdu);
        }
    }
    found.into_values().collect()
}

#[test]
#[ignore = "writes fuzz/seeds anew"]
fn write_the_seeds() {
    let written =
        |mode: Mode, pdu: &[u8]| mode.write(Head { transaction: 1, unit: 0x11 }, pdu, &mut [0; 600]).unwrap().to_vec();
    let (requests, responses) = (one_of_each(request()), one_of_each(response()));
    let mut adus = Vec::new();
    for (kind, pdus) in [("request", &requests), ("response", &responses)] {
        for pdu in pdus {
            adus.push((format!("{kind}-{:02x}", pdu[0]), pdu.clone()));
            for mode in [Mode::Rtu, Mode::Ascii, Mode::Tcp] {
                adus.push((format!("{kind}-{:02x}-{}", pdu[0], mode.word()), written(mode, pdu)));
            }
        }
    }
    let asked = [3, 0, 0x6b, 0, 3];
    let answer = [3, 6, 2, 0x2b, 0, 0, 0, 0x64];
    let mut streams = Vec::new();
    for mode in [Mode::Rtu, Mode::Ascii, Mode::Tcp] {
        let (asked, answer) = (written(mode, &asked), written(mode, &answer));
        let all: Vec<u8> = responses.iter().flat_map(|pdu| written(mode, pdu)).collect();
        for (name, size, pieces) in [
            ("echo", 7, vec![&asked[..], &answer]),
            ("noise", 3, vec![&[0, 0xff, 0x83, 1, 0x10], &answer, &[0, 0, 0x11]]),
            ("cut", 1, vec![&answer[..5], &answer]),
            ("twice", 255, vec![&answer, &answer]),
            ("all", 40, vec![&all]),
        ] {
            streams.push((format!("{name}-{}", mode.word()), [&[size][..], &pieces.concat()].concat()));
        }
    }
    for (target, named) in [("modbus_adu", adus), ("modbus_stream", streams)] {
        for (name, octets) in named {
            seeds::write(target, &name, &octets);
        }
    }
}
