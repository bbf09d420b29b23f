//! Frames and PDUs: what they give, and why others are refused.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

mod common;

use common::{octets, request, response};
use esh_core::{Carrier, Content, Ignore, NothingKnown};
use esh_modbus::frame::{Head, Mode, ascii, rtu, tcp};
use esh_modbus::pdu::{Bits, DeviceIdentification, FileData, FileRecords, Registers, WriteError};
use esh_modbus::stream::{Asked, Wanted};
use esh_modbus::{ExceptionCode, Modbus, Request, Response};
use proptest::prelude::*;

/// The examples of the specification, clauses 6.1 to 6.21: a request and its answer.
#[test]
fn the_examples_of_the_specification() {
    let coils = octets("cd01");
    let written = octets("000a0102");
    let (asked_files, answered_files) = (octets("0600040001000206000300090002"), octets("05060dfe0020050633cd0040"));
    let files = octets("0600040007000306af04be100d");
    let three = octets("00fe0acd00010003000d00ff");
    let (set, fifo) = (octets("00ff00ff00ff"), octets("01b81284"));
    let log = octets("2000");
    let objects =
        octets("0016436f6d70616e79206964656e74696669636174696f6e010f50726f6475637420636f6465205858020556322e3131");
    let registers = |octets| Registers::new(octets).unwrap();
    let (cd6b05, acdb35, input, holding) = (octets("cd6b05"), octets("acdb35"), octets("000a"), octets("022b00000064"));
    let pairs = [
        (
            ("0100130013", Request::ReadCoils { address: 0x13, quantity: 0x13 }),
            ("0103cd6b05", Response::ReadCoils { coils: Bits::new(&cd6b05, 19).unwrap() }),
        ),
        (
            ("0200c40016", Request::ReadDiscreteInputs { address: 0xc4, quantity: 0x16 }),
            ("0203acdb35", Response::ReadDiscreteInputs { inputs: Bits::new(&acdb35, 22).unwrap() }),
        ),
        (
            ("03006b0003", Request::ReadHoldingRegisters { address: 0x6b, quantity: 3 }),
            ("0306022b00000064", Response::ReadHoldingRegisters { registers: registers(&holding) }),
        ),
        (
            ("0400080001", Request::ReadInputRegisters { address: 8, quantity: 1 }),
            ("0402000a", Response::ReadInputRegisters { registers: registers(&input) }),
        ),
        (
            ("0500acff00", Request::WriteSingleCoil { address: 0xac, on: true }),
            ("0500acff00", Response::WriteSingleCoil { address: 0xac, on: true }),
        ),
        (
            ("0600010003", Request::WriteSingleRegister { address: 1, value: 3 }),
            ("0600010003", Response::WriteSingleRegister { address: 1, value: 3 }),
        ),
        (("07", Request::ReadExceptionStatus), ("076d", Response::ReadExceptionStatus { status: 0x6d })),
        (
            ("080000a537", Request::Diagnostics { sub_function: 0, data: &[0xa5, 0x37] }),
            ("080000a537", Response::Diagnostics { sub_function: 0, data: &[0xa5, 0x37] }),
        ),
        (
            ("0b", Request::GetCommEventCounter),
            ("0bffff0108", Response::GetCommEventCounter { status: 0xffff, event_count: 0x108 }),
        ),
        (
            ("0c", Request::GetCommEventLog),
            (
                "0c080000010801212000",
                Response::GetCommEventLog { status: 0, event_count: 0x108, message_count: 0x121, events: &log },
            ),
        ),
        (
            ("0f0013000a02cd01", Request::WriteMultipleCoils { address: 0x13, coils: Bits::new(&coils, 10).unwrap() }),
            ("0f0013000a", Response::WriteMultipleCoils { address: 0x13, quantity: 10 }),
        ),
        (
            ("100001000204000a0102", Request::WriteMultipleRegisters { address: 1, registers: registers(&written) }),
            ("1000010002", Response::WriteMultipleRegisters { address: 1, quantity: 2 }),
        ),
        (("11", Request::ReportServerId), ("110241ff", Response::ReportServerId { data: &[0x41, 0xff] })),
        (
            (
                "140e0600040001000206000300090002",
                Request::ReadFileRecord { records: FileRecords::new(&asked_files, false).unwrap() },
            ),
            (
                "140c05060dfe0020050633cd0040",
                Response::ReadFileRecord { data: FileData::new(&answered_files).unwrap() },
            ),
        ),
        (
            (
                "150d0600040007000306af04be100d",
                Request::WriteFileRecord { records: FileRecords::new(&files, true).unwrap() },
            ),
            (
                "150d0600040007000306af04be100d",
                Response::WriteFileRecord { records: FileRecords::new(&files, true).unwrap() },
            ),
        ),
        (
            ("16000400f20025", Request::MaskWriteRegister { address: 4, and_mask: 0xf2, or_mask: 0x25 }),
            ("16000400f20025", Response::MaskWriteRegister { address: 4, and_mask: 0xf2, or_mask: 0x25 }),
        ),
        (
            (
                "1700030006000e00030600ff00ff00ff",
                Request::ReadWriteMultipleRegisters {
                    read_address: 3,
                    read_quantity: 6,
                    write_address: 14,
                    registers: registers(&set),
                },
            ),
            ("170c00fe0acd00010003000d00ff", Response::ReadWriteMultipleRegisters { registers: registers(&three) }),
        ),
        (
            ("1804de", Request::ReadFifoQueue { address: 0x4de }),
            ("180006000201b81284", Response::ReadFifoQueue { registers: registers(&fifo) }),
        ),
        (
            ("2b0e0100", Request::ReadDeviceIdentification { read_code: 1, object_id: 0 }),
            (
                "2b0e01010000030016436f6d70616e79206964656e74696669636174696f6e010f50726f6475637420636f6465205858020556322e3131",
                Response::ReadDeviceIdentification(DeviceIdentification::new(1, 1, None, &objects).unwrap()),
            ),
        ),
    ];
    for ((asked, request), (answered, response)) in pairs {
        let (asked, answered) = (octets(asked), octets(answered));
        assert_eq!(Request::parse(&asked, 0).unwrap(), request);
        assert_eq!(request.write(&mut [0; 253]).unwrap(), asked);
        assert_eq!(Response::to(&request).parse(&answered, 0).unwrap(), response);
        assert_eq!(response.write(&mut [0; 253]).unwrap(), answered);
        assert_eq!((request.function(), response.function()), (asked[0], asked[0]));
        if let Some(len) = Response::to(&request).answer_len() {
            assert_eq!(len, answered.len(), "{request:?}");
        }
        let refusal = [asked[0] | 0x80, 2];
        let exception = Response::Exception { function: asked[0], code: ExceptionCode::ILLEGAL_DATA_ADDRESS };
        assert_eq!(Response::to(&request).parse(&refusal, 0).unwrap(), exception);
        assert_eq!(exception.write(&mut [0; 253]).unwrap(), refusal);
    }
}

#[test]
fn what_no_client_may_ask_is_refused() {
    for (pdu, reason) in [
        ("", "octet 1 (function code): needs 1 octet, 0 left"),
        ("70010200", "octet 1 (function code): format 70 is not known"),
        ("0100000000", "octet 4 (quantity): not a valid value"),
        ("01000007d1", "octet 4 (quantity): 2001 where at most 2000 are allowed"),
        ("030000007e", "octet 4 (quantity): 126 where at most 125 are allowed"),
        ("03ffff0002", "octet 4 (quantity): 2 where at most 1 are allowed"),
        ("0300000001ff", "octet 6 (request): 1 octet too many"),
        ("03000000", "octet 4 (quantity): needs 2 octets, 1 left"),
        ("0500010001", "octet 4 (output value): code 01 is reserved"),
        ("05000100ff", "octet 4 (output value): code ff is reserved"),
        ("0f000107b1f7", "octet 4 (quantity): 1969 where at most 1968 are allowed"),
        ("0f0001000802ffff", "octet 6 (byte count): not a valid value"),
        ("0f0001000801", "octet 7 (data): needs 1 octet, 0 left"),
        ("1000010002020001", "octet 6 (byte count): not a valid value"),
        ("100001000102000100", "octet 9 (data): 1 octet too many"),
        ("080000", "octet 4 (data): not a valid value"),
        ("080000aa", "octet 4 (data): not a valid value"),
        ("080001aabbcc", "octet 6 (data): 1 octet too many"),
        ("140706000000010001", "octet 4 (file number): not a valid value"),
        ("140706000127100001", "octet 6 (record number): 10000 where at most 9999 are allowed"),
        ("140705000100010001", "octet 3 (reference type): code 05 is reserved"),
        ("150906000100010002aabb", "octet 10 (record data): needs 4 octets, 2 left"),
        ("170000007e000000010200ff", "octet 4 (quantity): 126 where at most 125 are allowed"),
        ("2b0d0100", "octet 2 (MEI type): defined, but not decoded here"),
        ("2b0e0500", "octet 3 (read device id code): code 05 is reserved"),
    ] {
        let error = Request::parse(&octets(pdu), 1).unwrap_err();
        assert_eq!(error.to_string(), format!("application layer, {reason}"), "{pdu}");
    }
    let long = [&[8, 0, 0][..], &[0; 252]].concat();
    let reason = "application layer, octet 1 (PDU): 255 where at most 253 are allowed";
    assert_eq!(Request::parse(&long, 1).unwrap_err().to_string(), reason);
    assert_eq!(Response::parse(&long, 1).unwrap_err().to_string(), reason);
}

#[test]
fn what_no_server_may_answer_is_refused() {
    for (pdu, reason) in [
        ("0100", "octet 2 (byte count): not a valid value"),
        ("010201", "octet 3 (data): needs 2 octets, 1 left"),
        ("0303010203", "octet 2 (byte count): not a valid value"),
        ("030201020304", "octet 5 (data): 2 octets too many"),
        ("03fc", "octet 2 (byte count): 252 where at most 250 are allowed"),
        ("0b0000", "octet 4 (event count): needs 2 octets, 0 left"),
        ("0c050000000000", "octet 2 (byte count): not a valid value"),
        ("18000100010000", "octet 5 (FIFO): 3 octets too many"),
        ("180006000100010002", "octet 2 (byte count): not a valid value"),
        ("2b0e0101000001", "octet 8 (object id): needs 1 octet, 0 left"),
        ("2b0e010100000000", "octet 8 (objects): 1 octet too many"),
        ("2b0e0101010000", "octet 5 (more follows): code 01 is reserved"),
        ("8300", "octet 2 (exception code): code 00 is reserved"),
        ("830201", "octet 3 (response): 1 octet too many"),
        ("00", "octet 1 (function code): format 00 is not known"),
    ] {
        let error = Response::parse(&octets(pdu), 1).unwrap_err();
        assert_eq!(error.to_string(), format!("application layer, {reason}"), "{pdu}");
    }
}

#[test]
fn another_answer_than_asked_for_is_refused() {
    let asked = Request::ReadHoldingRegisters { address: 1, quantity: 2 };
    for (request, pdu, field) in [
        (asked, "030200aa", "byte count"),
        (asked, "040400aa00bb", "function code"),
        (asked, "8402", "function code"),
        (Request::ReadCoils { address: 0, quantity: 9 }, "0101ff", "byte count"),
        (Request::WriteSingleRegister { address: 1, value: 2 }, "0600020002", "register address"),
        (Request::WriteSingleRegister { address: 1, value: 2 }, "0600010003", "register value"),
        (Request::WriteSingleCoil { address: 1, on: true }, "0500010000", "output value"),
        (Request::Diagnostics { sub_function: 0, data: &[1, 2] }, "0800000103", "data"),
        (Request::MaskWriteRegister { address: 1, and_mask: 2, or_mask: 3 }, "16000100020004", "OR mask"),
        (Request::ReadDeviceIdentification { read_code: 2, object_id: 0 }, "2b0e0101000000", "read device id code"),
    ] {
        assert_eq!(Response::to(&request).parse(&octets(pdu), 1).unwrap_err().field, field, "{pdu}");
    }
}

#[test]
fn frames_that_are_none_are_refused() {
    for (frame, reason) in [
        ("", "octet 0 (frame): needs 4 octets, 0 left"),
        ("110700", "octet 0 (frame): needs 4 octets, 3 left"),
        ("11074c23", "octet 2 (CRC): checksum 234c does not fit the octets, which give 224c"),
    ] {
        let error = rtu::open(&octets(frame)).unwrap_err();
        assert_eq!(error.to_string(), format!("link layer, {reason}"), "{frame}");
    }
    for (frame, reason) in [
        ("0001", "octet 2 (protocol identifier): needs 2 octets, 0 left"),
        ("0001000100021107", "octet 2 (protocol identifier): format 01 is not known"),
        ("00010000000111", "octet 4 (length): not a valid value"),
        ("0001000000ff11", "octet 4 (length): 255 where at most 254 are allowed"),
        ("0001000000031107", "octet 6 (length): needs 3 octets, 2 left"),
        ("000100000002110700", "octet 8 (length): 1 octet too many"),
    ] {
        let error = tcp::open(&octets(frame)).unwrap_err();
        assert_eq!(error.to_string(), format!("link layer, {reason}"), "{frame}");
    }
    for (frame, reason) in [
        ("1107E8\r\n", "octet 0 (start): not a valid value"),
        (":1107E8\n", "octet 8 (end of line): not a valid value"),
        (":1107E9\r\n", "octet 5 (LRC): checksum 00e9 does not fit the octets, which give 00e8"),
        (":11G7E8\r\n", "octet 3 (hexadecimal): not a valid value"),
        (":1107E\r\n", "octet 5 (hexadecimal): needs 2 octets, 1 left"),
        (":EF11\r\n", "octet 5 (frame): needs 3 octets, 2 left"),
        (":\r\n", "octet 1 (frame): needs 3 octets, 0 left"),
    ] {
        let error = ascii::open(frame.as_bytes(), &mut [0; ascii::OCTETS]).unwrap_err();
        assert_eq!(error.to_string(), format!("link layer, {reason}"), "{frame}");
    }
}

#[test]
fn what_cannot_be_written_says_why() {
    let long = [0; 260];
    let error = Request::Diagnostics { sub_function: 0, data: &long }.write(&mut [0; 300]).unwrap_err();
    assert_eq!(error, WriteError::TooLong);
    assert_eq!(Mode::Rtu.write(Head::default(), &long, &mut [0; 300]), Err(WriteError::TooLong));
    assert_eq!(Mode::Rtu.write(Head::default(), &[7], &mut [0; 3]), Err(WriteError::NoRoom));
    assert_eq!(Request::ReportServerId.write(&mut []), Err(WriteError::NoRoom));
    let error = Request::ReadCoils { address: 0, quantity: 2001 }.write(&mut [0; 5]).unwrap_err();
    assert_eq!(error.to_string(), "application layer, octet 3 (quantity): 2001 where at most 2000 are allowed");
}

#[test]
fn the_carrier_hands_over_the_registers() {
    for (mode, frame) in [
        (Mode::Rtu, octets("010304000201f45be4")),
        (Mode::Tcp, octets("000100000007010304000201f4")),
        (Mode::Ascii, b":010304000201F401\r\n".to_vec()),
    ] {
        for carrier in [
            Modbus::default(),
            Modbus { mode: Some(mode), wanted: Some(Wanted::Responses) },
            Modbus::answers(
                mode,
                Asked {
                    unit: 1,
                    transaction: if mode == Mode::Tcp { 1 } else { 0 },
                    request: Request::ReadHoldingRegisters { address: 0, quantity: 2 },
                    echo: false,
                },
            ),
        ] {
            let mut lie = frame.clone();
            let opened = carrier.open(&mut lie, &NothingKnown, &mut Ignore).unwrap();
            assert_eq!((opened.content, opened.payload), (Content::Registers, &octets("000201f4")[..]), "{mode:?}");
        }
        let late = Asked {
            unit: 1,
            transaction: 1,
            request: Request::ReadHoldingRegisters { address: 0, quantity: 3 },
            echo: false,
        };
        let mut lie = frame.clone();
        let refused = Modbus::answers(mode, late).open(&mut lie, &NothingKnown, &mut Ignore).unwrap_err();
        assert_eq!((refused.error.field, &lie), ("byte count", &frame));
    }
}

proptest! {
    #[test]
    fn requests_are_read_as_they_were_written(pdu in request(), unit: u8, transaction: u16) {
        round_trip(&pdu, Head { transaction, unit }, |pdu| {
            Request::parse(pdu, 0).unwrap().write(&mut [0; 253]).unwrap().to_vec()
        });
    }

    #[test]
    fn responses_are_read_as_they_were_written(pdu in response(), unit: u8, transaction: u16) {
        round_trip(&pdu, Head { transaction, unit }, |pdu| {
            Response::parse(pdu, 0).unwrap().write(&mut [0; 253]).unwrap().to_vec()
        });
    }

    #[test]
    fn no_pdu_that_is_cut_or_longer_is_taken(pdu in response(), more: u8) {
        // Query data may have any length, in pairs.
        prop_assume!(!pdu.starts_with(&[8, 0, 0]));
        for len in 0..pdu.len() {
            prop_assert!(Response::parse(&pdu[..len], 0).is_err());
        }
        prop_assert!(Response::parse(&[&pdu[..], &[more]].concat(), 0).is_err());
    }
}

fn round_trip(pdu: &[u8], head: Head, write: impl Fn(&[u8]) -> Vec<u8>) {
    assert_eq!(write(pdu), pdu);
    for mode in [Mode::Rtu, Mode::Tcp, Mode::Ascii] {
        let mut buffer = [0; 600];
        let frame = mode.write(head, pdu, &mut buffer).unwrap();
        assert!(frame.len() <= mode.limit());
        let mut octets = [0; ascii::OCTETS];
        let adu = match mode {
            Mode::Rtu => rtu::open(frame),
            Mode::Tcp => tcp::open(frame),
            Mode::Ascii => ascii::open(frame, &mut octets),
        };
        let adu = adu.unwrap();
        assert_eq!((adu.pdu, adu.head.unit), (pdu, head.unit));
        if mode == Mode::Tcp {
            assert_eq!(adu.head, head);
        }
    }
}
