//! Simulated Modbus devices: they hold what a register map describes, so that others have something to read.

use crate::profiles::registers::{Map, Value};
use esh_modbus::frame::{Head, ascii, rtu, tcp};
use esh_modbus::map::{Half, Holds, Order, Register, Table};
use esh_modbus::pdu::{PDU_LIMIT, Registers};
use esh_modbus::stream::{Frames, Wanted};
use esh_modbus::{ExceptionCode, Mode, Request, Response, sunspec};
use std::collections::BTreeMap;
use std::time::Instant;

/// A device, or several that hold the same.
#[derive(Debug)]
pub struct Device {
    units: Vec<u8>,
    cells: BTreeMap<(Table, u16), u16>,
    counters: Vec<Register<'static>>,
    begun: Instant,
}

/// The models of a simulated device that says itself what it has: who it is, and a meter of three phases.
const MODELS: [(u16, u16); 2] = [(1, 66), (203, 105)];

impl Device {
    /// A device that answers for these units and holds what the map describes.
    #[must_use]
    pub fn new(units: Vec<u8>, map: &Map) -> Self {
        let mut device = Self { units, cells: BTreeMap::new(), counters: Vec::new(), begun: Instant::now() };
        match map {
            Map::Registers(values) => {
                for value in values.iter() {
                    device.put(&value.as_register(), 0);
                    // A counter counts on; its name and codes are not needed for that.
                    let counts = value.is_reported() && value.as_register().quantity.name().starts_with("energy");
                    device.counters.extend(counts.then(|| Value::bare(value)));
                }
            }
            Map::SunSpec => device.put_models(),
        }
        device
    }

    fn put_models(&mut self) {
        let [base, ..] = sunspec::BASES;
        let mut at = base;
        let mut put = |at: &mut u16, registers: &[u16]| {
            for register in registers {
                self.cells.insert((Table::Holding, *at), *register);
                *at += 1;
            }
        };
        put(&mut at, &sunspec::MARK);
        let mut starts = Vec::new();
        for (id, length) in MODELS {
            starts.push((id, at));
            put(&mut at, &[id, length]);
            put(&mut at, &vec![0; usize::from(length)]);
        }
        put(&mut at, &[sunspec::END, 0]);
        for (id, start) in starts {
            for register in sunspec::map(id).map_or(&[][..], |map| map.registers) {
                self.put(register, start);
            }
        }
    }

    /// Puts a value of its own into each register.
    fn put(&mut self, register: &Register<'_>, base: u16) {
        let number = 1000 + u64::from(register.address % 8000);
        self.write(register, base, number);
    }

    fn write(&mut self, register: &Register<'_>, base: u16, number: u64) {
        let (table, address, count) = register.span();
        let octets = octets(register.holds, register.order, number);
        let addresses = (base.wrapping_add(address)..).take(usize::from(count));
        for (address, pair) in addresses.zip(octets.as_chunks::<2>().0) {
            let cell = self.cells.entry((table, address)).or_default();
            // Two octets of one register may be two values.
            let value = u16::from_be_bytes(*pair);
            *cell = match register.holds {
                Holds::Octet { half: Half::High, .. } => *cell & 0xff | value & 0xff00,
                Holds::Octet { half: Half::Low, .. } => *cell & 0xff00 | value & 0xff,
                Holds::Field { .. } => *cell | value,
                _ => value,
            };
        }
    }

    fn read(&self, table: Table, address: u16, quantity: u16) -> Option<Vec<u16>> {
        let addresses = address..=address.checked_add(quantity.checked_sub(1)?)?;
        let cell = |address| self.cells.get(&(table, address)).copied();
        // What lies between two values can be read, too; what begins or ends beyond them cannot.
        let there = cell(address).is_some() && cell(*addresses.end()).is_some();
        there.then(|| addresses.map(|address| cell(address).unwrap_or_default()).collect())
    }

    /// What it answers to a request; `None` when it is not asked.
    pub fn answer(&mut self, unit: u8, pdu: &[u8]) -> Option<Vec<u8>> {
        if !self.units.contains(&unit) {
            return None;
        }
        let seconds = self.begun.elapsed().as_secs();
        for counter in std::mem::take(&mut self.counters) {
            self.write(&counter, 0, 1000 + u64::from(counter.address % 8000) + seconds);
            self.counters.push(counter);
        }
        let mut octets = [0; PDU_LIMIT];
        let request = Request::parse(pdu, 0);
        let (table, address, quantity) = match request {
            Ok(Request::ReadHoldingRegisters { address, quantity }) => (Table::Holding, address, quantity),
            Ok(Request::ReadInputRegisters { address, quantity }) => (Table::Input, address, quantity),
            Ok(_) => return refuse(pdu, ExceptionCode::ILLEGAL_FUNCTION),
            Err(_) => return refuse(pdu, ExceptionCode::ILLEGAL_DATA_VALUE),
        };
        let Some(read) = self.read(table, address, quantity) else {
            return refuse(pdu, ExceptionCode::ILLEGAL_DATA_ADDRESS);
        };
        let registers = Registers::written(&read, &mut octets)?;
        let response = match table {
            Table::Holding => Response::ReadHoldingRegisters { registers },
            Table::Input => Response::ReadInputRegisters { registers },
        };
        written(&response)
    }

    /// What it answers to the first whole request in some octets, and how many octets are done with.
    pub fn converse(&mut self, octets: &[u8], mode: Mode) -> (usize, Option<Vec<u8>>) {
        let mut frames = Frames::so_far(octets, mode, Wanted::Requests);
        let Some(frame) = frames.next() else { return (frames.consumed(), None) };
        let (end, frame) = (frame.end, octets.get(frame).unwrap_or_default());
        let mut buffer = [0; ascii::OCTETS];
        let adu = match mode {
            Mode::Rtu => rtu::open(frame),
            Mode::Tcp => tcp::open(frame),
            Mode::Ascii => ascii::open(frame, &mut buffer),
        };
        let answer = adu.ok().and_then(|adu| {
            let pdu = self.answer(adu.head.unit, adu.pdu)?;
            let mut frame = [0; ascii::LIMIT];
            mode.write(Head { ..adu.head }, &pdu, &mut frame).ok().map(<[u8]>::to_vec)
        });
        (end, answer)
    }
}

fn refuse(pdu: &[u8], code: ExceptionCode) -> Option<Vec<u8>> {
    written(&Response::Exception { function: *pdu.first()?, code })
}

fn written(response: &Response<'_>) -> Option<Vec<u8>> {
    let mut pdu = [0; PDU_LIMIT];
    response.write(&mut pdu).ok().map(<[u8]>::to_vec)
}

/// The octets of a number as a value holds it.
fn octets(holds: Holds, order: Order, number: u64) -> Vec<u8> {
    let len = usize::from(holds.registers()) * 2;
    let number = match holds {
        Holds::Text(_) | Holds::Octets(_) => {
            return format!("{number:0>len$}").into_bytes();
        }
        Holds::Time(_) => return vec![0; len],
        Holds::Float => u64::from((number as f32).to_bits()),
        Holds::Double => (number as f64).to_bits(),
        Holds::Bcd(_) => u64::from_str_radix(&number.to_string(), 16).unwrap_or_default(),
        Holds::Flags(_) => 0,
        Holds::Octet { .. } => number & 0x7f | (number & 0x7f) << 8,
        Holds::Field { first, .. } => (number & 1) << first,
        _ => number,
    };
    // Where each octet of the number stands in what is sent.
    let places: Vec<u8> = (0..).take(len).collect();
    let arranged = order.arrange(&places);
    let mut octets = vec![0; len];
    for (place, octet) in arranged.iter().zip(number.to_be_bytes()).skip(8usize.saturating_sub(len)) {
        if let Some(slot) = octets.get_mut(usize::from(*place)) {
            *slot = octet;
        }
    }
    octets
}

#[cfg(test)]
mod tests {
    use super::*;
    use esh_core::{Out, Reading};
    use esh_modbus::map::{Block, read_blocks};

    #[derive(Default)]
    struct Numbers(Vec<String>);

    impl<'a> Out<'a> for Numbers {
        fn reading(&mut self, reading: Reading<'a>) {
            if let esh_core::Value::Number(number) = reading.value {
                self.0.push(number.to_string());
            }
        }
    }

    #[test]
    fn what_it_holds_is_what_the_map_reads() {
        for (holds, order) in [
            (Holds::Unsigned(2), Order::ABCD),
            (Holds::Unsigned(2), Order::CDAB),
            (Holds::Signed(4), Order::DCBA),
            (Holds::Float, Order::BADC),
            (Holds::Double, Order::CDAB),
            (Holds::Bcd(2), Order::ABCD),
        ] {
            let register = Register::new(0, holds, esh_core::Quantity::Unknown, esh_core::Unit::None).ordered(order);
            let octets = octets(holds, order, 1234);
            let block = Block { table: Table::Holding, address: 0, octets: &octets, offset: 0 };
            let mut numbers = Numbers::default();
            read_blocks([register], 0, &[block], &mut numbers);
            assert_eq!(numbers.0, ["1234"], "{holds:?} {order:?}");
        }
    }

    #[test]
    fn it_refuses_what_it_has_not() {
        let mut device = Device::new(vec![3], &Map::SunSpec);
        let mut ask = |unit, pdu: &[u8]| device.answer(unit, pdu);
        assert_eq!(ask(3, &[3, 0x9c, 0x40, 0, 2]).unwrap(), [3, 4, 0x53, 0x75, 0x6e, 0x53]);
        assert_eq!(ask(3, &[3, 0, 0, 0, 2]).unwrap(), [0x83, 2]);
        assert_eq!(ask(3, &[1, 0, 0, 0, 2]).unwrap(), [0x81, 1]);
        assert_eq!(ask(3, &[3, 0, 0, 0, 200]).unwrap(), [0x83, 3]);
        assert_eq!(ask(4, &[3, 0x9c, 0x40, 0, 2]), None);
    }
}
