//! What the fuzz targets of Modbus hold to be true of any octets. The ordinary tests replay the seeds with the same.
#![allow(dead_code, reason = "each target uses one of them")]

#[path = "everything.rs"]
mod everything;

use esh_core::{Carrier, NothingKnown};
use esh_modbus::frame::{Head, Mode, ascii, rtu, tcp};
use esh_modbus::map::{Block, Table};
use esh_modbus::poll::{Exchanges, ModbusPoll};
use esh_modbus::stream::{Asked, Frames, Reader, Wanted};
use esh_modbus::{Modbus, ModbusStream, Request, Response, sunspec};
use everything::Everything;

const MODES: [Mode; 3] = [Mode::Rtu, Mode::Ascii, Mode::Tcp];

fn asked() -> Asked<'static> {
    let request = Request::ReadHoldingRegisters { address: 0x6b, quantity: 3 };
    Asked { unit: 0x11, transaction: 1, request, echo: false }
}

/// Opens octets as a frame of every kind. What is taken for a PDU is written as it was read.
pub(crate) fn modbus_adu(octets: &[u8]) {
    for mode in MODES.map(Some).into_iter().chain([None]) {
        for wanted in [Wanted::Requests, Wanted::Responses, Wanted::Either, Wanted::Answers(asked())] {
            let mut frame = octets.to_vec();
            let mut out = Everything::of(octets.len());
            let carrier = Modbus { mode, wanted: Some(wanted) };
            match carrier.open(&mut frame, &NothingKnown, &mut out) {
                Ok(opened) => assert!(opened.offset + opened.payload.len() <= octets.len()),
                Err(refused) => {
                    assert!(refused.error.offset <= octets.len(), "{}", refused.error);
                    assert_eq!(frame, octets, "a refused frame is left as it was");
                }
            }
        }
    }
    for mode in MODES {
        let mut buffer = [0; ascii::OCTETS];
        let adu = match mode {
            Mode::Rtu => rtu::open(octets),
            Mode::Tcp => tcp::open(octets),
            Mode::Ascii => ascii::open(octets, &mut buffer),
        };
        if let Ok(adu) = adu {
            let frame = mode.write(adu.head, adu.pdu, &mut [0; 600]).unwrap().to_vec();
            // Hexadecimal may have come in small letters.
            assert!(frame.eq_ignore_ascii_case(octets), "{mode:?}");
        }
    }
    registers(octets);
    for mode in [Mode::Rtu, Mode::Tcp] {
        poll(octets, mode);
    }
    // Without a frame around it: a check sum keeps most octets away from what is behind it.
    let mut buffer = [0; 253];
    if let Ok(request) = Request::parse(octets, 0) {
        assert_eq!(request.write(&mut buffer).unwrap(), octets);
        let _ = Response::to(&request).answer_len();
    }
    if let Ok(response) = Response::parse(octets, 0) {
        let written = response.write(&mut buffer).unwrap();
        assert_eq!(written, octets);
        let frame = Mode::Tcp.write(Head { transaction: 1, unit: 0x11 }, written, &mut [0; 300]).unwrap().to_vec();
        let mut out = Everything::of(frame.len());
        let carrier = Modbus { mode: Some(Mode::Tcp), wanted: Some(Wanted::Responses) };
        carrier.open(&mut frame.clone(), &NothingKnown, &mut out).unwrap();
    }
}

/// Opens octets as what was asked and answered.
fn poll(octets: &[u8], mode: Mode) {
    let mut out = Everything::of(octets.len());
    let carrier = ModbusPoll { mode, meter: None };
    if let Ok(opened) = carrier.open(&mut octets.to_vec(), &NothingKnown, &mut out) {
        assert_eq!(opened.payload, octets);
    }
    for exchange in Exchanges::new(octets, mode) {
        match exchange {
            Ok(exchange) => {
                if let Some(block) = exchange.block() {
                    assert_eq!(octets.get(block.offset..block.offset + block.octets.len()), Some(block.octets));
                }
            }
            Err(error) => assert!(error.offset <= octets.len(), "{error}"),
        }
    }
}

/// Reads octets as the registers of every model there is.
fn registers(octets: &[u8]) {
    let mut out = Everything::of(octets.len());
    for model in [1, 101, 111, 201, 211] {
        let block = Block { table: Table::Holding, address: 0, octets, offset: 0 };
        sunspec::map(model).unwrap().read_blocks(0, &[block], &mut out);
    }
}

/// Finds frames in octets: in order, without overlapping, each of them one that opens; and the same piece by piece.
pub(crate) fn modbus_stream(octets: &[u8]) {
    let [size, octets @ ..] = octets else { return };
    let size = usize::from(*size).max(1);
    for mode in MODES {
        for wanted in [Wanted::Requests, Wanted::Responses, Wanted::Either, Wanted::Answers(asked())] {
            let mut end = 0;
            for found in Frames::new(octets, mode, wanted) {
                assert!(found.start >= end && found.end > found.start && found.end <= octets.len());
                end = found.end;
                let carrier = Modbus { mode: Some(mode), wanted: Some(wanted) };
                carrier.open(&mut octets[found].to_vec(), &NothingKnown, &mut esh_core::Ignore).unwrap();
            }
            let mut out = Everything::of(octets.len());
            ModbusStream { mode, wanted }.open(&mut octets.to_vec(), &NothingKnown, &mut out).unwrap();

            let mut reader = Reader::<1100>::default();
            let (mut taken, mut frame) = (0, [0; ascii::LIMIT]);
            for piece in octets.chunks(size) {
                reader.push(piece);
                while let Some(frame) = reader.next(mode, wanted, false, &mut frame) {
                    taken += frame.len();
                }
            }
            while let Some(frame) = reader.next(mode, wanted, true, &mut frame) {
                taken += frame.len();
            }
            assert_eq!(reader.lost() as usize + taken, octets.len());
        }
    }
}
