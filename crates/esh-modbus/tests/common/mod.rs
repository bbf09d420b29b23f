//! PDUs of every kind, and the corpora.
#![allow(unreachable_pub, dead_code, unused_imports, reason = "each test is a crate of its own")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

#[path = "../../../../checks/corpus.rs"]
mod corpus;

pub use corpus::{octets, rows};
use esh_modbus::pdu::{Bits, DeviceIdentification, FileData, FileRecords, Registers};
use esh_modbus::{ExceptionCode, Request, Response};
use proptest::collection::vec;
use proptest::prelude::*;

/// PDUs of requests, of every function.
pub fn request() -> impl Strategy<Value = Vec<u8>> {
    let span = |limit: u16| {
        (any::<u16>(), 1..=limit).prop_map(|(address, quantity)| (address.min(u16::MAX - quantity), quantity))
    };
    let registers = |limit: usize| vec(any::<[u8; 2]>(), 1..=limit).prop_map(|pairs| pairs.concat());
    let write = |request: Request<'_>| request.write(&mut [0; 260]).unwrap().to_vec();
    prop_oneof![
        span(2000).prop_map(move |(address, quantity)| write(Request::ReadCoils { address, quantity })),
        span(2000).prop_map(move |(address, quantity)| write(Request::ReadDiscreteInputs { address, quantity })),
        span(125).prop_map(move |(address, quantity)| write(Request::ReadHoldingRegisters { address, quantity })),
        span(125).prop_map(move |(address, quantity)| write(Request::ReadInputRegisters { address, quantity })),
        any::<(u16, bool)>().prop_map(move |(address, on)| write(Request::WriteSingleCoil { address, on })),
        any::<(u16, u16)>().prop_map(move |(address, value)| write(Request::WriteSingleRegister { address, value })),
        Just(write(Request::ReadExceptionStatus)),
        (any::<u16>(), any::<[u8; 2]>())
            .prop_map(move |(sub_function, data)| write(Request::Diagnostics { sub_function, data: &data })),
        registers(20).prop_map(move |data| write(Request::Diagnostics { sub_function: 0, data: &data })),
        Just(write(Request::GetCommEventCounter)),
        Just(write(Request::GetCommEventLog)),
        (0u16..60_000, vec(any::<u8>(), 1..=246), 0u16..8).prop_map(move |(address, octets, less)| {
            let coils = Bits::new(&octets, octets.len() as u16 * 8 - less).unwrap();
            write(Request::WriteMultipleCoils { address, coils })
        }),
        (0u16..60_000, registers(123)).prop_map(move |(address, octets)| {
            write(Request::WriteMultipleRegisters { address, registers: Registers::new(&octets).unwrap() })
        }),
        Just(write(Request::ReportServerId)),
        vec((1u16.., 0u16..10_000, 1u16..50), 1..5).prop_map(move |records| {
            let octets: Vec<u8> = records
                .into_iter()
                .flat_map(|(file, record, length)| {
                    [&[6], &file.to_be_bytes()[..], &record.to_be_bytes(), &length.to_be_bytes()].concat()
                })
                .collect();
            write(Request::ReadFileRecord { records: FileRecords::new(&octets, false).unwrap() })
        }),
        file_records().prop_map(move |octets| {
            write(Request::WriteFileRecord { records: FileRecords::new(&octets, true).unwrap() })
        }),
        any::<(u16, u16, u16)>().prop_map(move |(address, and_mask, or_mask)| {
            write(Request::MaskWriteRegister { address, and_mask, or_mask })
        }),
        (span(125), 0u16..60_000, registers(121)).prop_map(
            move |((read_address, read_quantity), write_address, octets)| {
                let registers = Registers::new(&octets).unwrap();
                write(Request::ReadWriteMultipleRegisters { read_address, read_quantity, write_address, registers })
            }
        ),
        any::<u16>().prop_map(move |address| write(Request::ReadFifoQueue { address })),
        (1u8..=4, any::<u8>())
            .prop_map(move |(read_code, object_id)| write(Request::ReadDeviceIdentification { read_code, object_id })),
    ]
}

/// PDUs of responses, of every function, and exceptions.
pub fn response() -> impl Strategy<Value = Vec<u8>> {
    let registers = |limit: usize| vec(any::<[u8; 2]>(), 1..=limit).prop_map(|pairs| pairs.concat());
    let write = |response: Response<'_>| response.write(&mut [0; 260]).unwrap().to_vec();
    prop_oneof![
        vec(any::<u8>(), 1..=250).prop_map(move |octets| {
            write(Response::ReadCoils { coils: Bits::new(&octets, octets.len() as u16 * 8).unwrap() })
        }),
        vec(any::<u8>(), 1..=10).prop_map(move |octets| {
            write(Response::ReadDiscreteInputs { inputs: Bits::new(&octets, octets.len() as u16 * 8).unwrap() })
        }),
        registers(125).prop_map(move |octets| {
            write(Response::ReadHoldingRegisters { registers: Registers::new(&octets).unwrap() })
        }),
        registers(10).prop_map(move |octets| {
            write(Response::ReadInputRegisters { registers: Registers::new(&octets).unwrap() })
        }),
        any::<(u16, bool)>().prop_map(move |(address, on)| write(Response::WriteSingleCoil { address, on })),
        any::<(u16, u16)>().prop_map(move |(address, value)| write(Response::WriteSingleRegister { address, value })),
        any::<u8>().prop_map(move |status| write(Response::ReadExceptionStatus { status })),
        registers(10).prop_map(move |data| write(Response::Diagnostics { sub_function: 0, data: &data })),
        any::<(u16, u16)>()
            .prop_map(move |(status, event_count)| write(Response::GetCommEventCounter { status, event_count })),
        (any::<u16>(), vec(any::<u8>(), 0..=64)).prop_map(move |(event_count, events)| {
            write(Response::GetCommEventLog { status: 0, event_count, message_count: 7, events: &events })
        }),
        (0u16..60_000, 1u16..=1968)
            .prop_map(move |(address, quantity)| write(Response::WriteMultipleCoils { address, quantity })),
        (0u16..60_000, 1u16..=123)
            .prop_map(move |(address, quantity)| write(Response::WriteMultipleRegisters { address, quantity })),
        vec(any::<u8>(), 1..30).prop_map(move |data| write(Response::ReportServerId { data: &data })),
        vec(registers(10), 1..4).prop_map(move |records| {
            let octets: Vec<u8> =
                records.into_iter().flat_map(|data| [&[data.len() as u8 + 1, 6], &data[..]].concat()).collect();
            write(Response::ReadFileRecord { data: FileData::new(&octets).unwrap() })
        }),
        file_records().prop_map(move |octets| {
            write(Response::WriteFileRecord { records: FileRecords::new(&octets, true).unwrap() })
        }),
        any::<(u16, u16, u16)>().prop_map(move |(address, and_mask, or_mask)| {
            write(Response::MaskWriteRegister { address, and_mask, or_mask })
        }),
        registers(125).prop_map(move |octets| {
            write(Response::ReadWriteMultipleRegisters { registers: Registers::new(&octets).unwrap() })
        }),
        vec(any::<[u8; 2]>(), 0..=31).prop_map(move |pairs| {
            write(Response::ReadFifoQueue { registers: Registers::new(&pairs.concat()).unwrap() })
        }),
        (1u8..=4, vec((any::<u8>(), "[ -~]{0,20}"), 0..6)).prop_map(move |(read_code, objects)| {
            let octets: Vec<u8> = objects
                .into_iter()
                .flat_map(|(id, text)| [&[id, text.len() as u8], text.as_bytes()].concat())
                .collect();
            let device = DeviceIdentification::new(read_code, 0x83, None, &octets).unwrap();
            write(Response::ReadDeviceIdentification(device))
        }),
        (1u8..0x80, prop_oneof![1u8..=8, Just(10), Just(11)])
            .prop_map(move |(function, code)| write(Response::Exception { function, code: ExceptionCode(code) })),
    ]
}

fn file_records() -> impl Strategy<Value = Vec<u8>> {
    let record = (1u16.., 0u16..10_000, vec(any::<[u8; 2]>(), 1..20)).prop_map(|(file, record, data)| {
        let length = data.len() as u16;
        [&[6], &file.to_be_bytes()[..], &record.to_be_bytes(), &length.to_be_bytes(), &data.concat()].concat()
    });
    vec(record, 1..5).prop_map(|records| records.concat())
}
