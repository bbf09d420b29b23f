//! Polls: requests and what answered them, one behind the other, as they were on the line.
//!
//! A response does not say from which address on its registers are; only its request does. So whoever keeps the answers
//! of a poll keeps the requests with them, and needs nothing else to read them later. A request at the end that nothing
//! follows was not answered. Serial frames of the ASCII mode are kept as those of the RTU mode.

use crate::frame::{self, Adu, Mode, rtu, tcp};
use crate::map::{Block, Table};
use crate::pdu::length::{self, Length};
use crate::pdu::{Request, Response};
use esh_core::note::{Notes, at};
use esh_core::{Carrier, Content, DecodeError, Field, Known, Layer, Meter, Opened, Out, Reason, Refused, Security};

/// A request and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exchange<'p> {
    /// Who was asked.
    pub unit: u8,
    /// What for.
    pub request: Request<'p>,
    /// What came.
    pub response: Response<'p>,
    /// The octet where the PDU of the answer begins.
    pub offset: usize,
}

impl<'p> Exchange<'p> {
    /// The registers that came; `None` for what is no answer with registers.
    #[must_use]
    pub const fn block(&self) -> Option<Block<'p>> {
        let (table, address, registers) = match (self.request, self.response) {
            (Request::ReadHoldingRegisters { address, .. }, Response::ReadHoldingRegisters { registers }) => {
                (Table::Holding, address, registers)
            }
            (Request::ReadInputRegisters { address, .. }, Response::ReadInputRegisters { registers }) => {
                (Table::Input, address, registers)
            }
            _ => return None,
        };
        // Behind the function code and the byte count.
        Some(Block { table, address, octets: registers.octets(), offset: self.offset + 2 })
    }
}

/// The exchanges of a poll, in their order. It ends behind the first thing that is wrong, which it tells.
#[derive(Clone, Debug)]
pub struct Exchanges<'p> {
    octets: &'p [u8],
    at: usize,
    mode: Mode,
}

impl<'p> Exchanges<'p> {
    /// Those in all of these octets.
    #[must_use]
    pub const fn new(octets: &'p [u8], mode: Mode) -> Self {
        Self { octets, at: 0, mode }
    }

    fn exchange(&mut self) -> Result<Exchange<'p>, DecodeError> {
        let (asked, _) = self.frame("request", length::request)?;
        let request = Request::parse(asked.pdu, asked.offset)?;
        let (adu, start) = self.frame("response", length::response)?;
        if adu.head != asked.head {
            return Err(wrong("unit", start, Reason::Malformed));
        }
        let response = Response::to(&request).parse(adu.pdu, adu.offset)?;
        Ok(Exchange { unit: adu.head.unit, request, response, offset: adu.offset })
    }

    /// The next frame, with its octets counted from the beginning of the poll, and where it begins.
    fn frame(&mut self, field: &'static str, len: fn(&[u8]) -> Length) -> Result<(Adu<'p>, usize), DecodeError> {
        const AROUND: usize = 3;
        let (start, rest) = (self.at, self.octets.get(self.at..).unwrap_or_default());
        let needed = match (self.mode, rest) {
            (Mode::Tcp, [_, _, _, _, high, low, ..]) => {
                usize::from(u16::from_be_bytes([*high, *low])) + tcp::HEADER - 1
            }
            (Mode::Tcp, _) => tcp::HEADER,
            (Mode::Rtu | Mode::Ascii, rest) => match len(rest.get(1..).unwrap_or_default()) {
                Length::Exactly(len) | Length::AtLeast(len) => len + AROUND,
                Length::From(_) | Length::Never => return Err(wrong(field, start, Reason::Unsupported)),
            },
        };
        let Some(frame) = rest.get(..needed) else {
            return Err(wrong(field, start, Reason::Truncated { needed, left: rest.len() }));
        };
        let adu = if self.mode == Mode::Tcp { tcp::open(frame) } else { rtu::open(frame) };
        let adu = adu.map_err(|error| error.shifted(start))?;
        self.at += needed;
        Ok((Adu { offset: adu.offset + start, ..adu }, start))
    }
}

impl<'p> Iterator for Exchanges<'p> {
    type Item = Result<Exchange<'p>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.octets.len() {
            return None;
        }
        let exchange = self.exchange();
        if exchange.is_err() {
            self.at = self.octets.len();
        }
        Some(exchange)
    }
}

const fn wrong(field: &'static str, offset: usize, reason: Reason) -> DecodeError {
    DecodeError { layer: frame::LAYER, field, offset, reason }
}

/// Opens polls.
#[derive(Clone, Copy, Debug)]
pub struct ModbusPoll {
    /// How the frames are laid out.
    pub mode: Mode,
    /// Who was asked: Modbus has no names.
    pub meter: Option<Meter>,
}

impl Carrier for ModbusPoll {
    fn open<'f>(&self, poll: &'f mut [u8], _: &dyn Known, out: &mut dyn Out<'_>) -> Result<Opened<'f>, Refused> {
        let poll: &'f [u8] = poll;
        // What is wrong behind the first exchange is told once the others have been read.
        match Exchanges::new(poll, self.mode).next() {
            Some(Ok(_)) => {}
            Some(Err(error)) => return Err(Refused { meter: self.meter, ..error.into() }),
            None => {
                let nothing = wrong("request", 0, Reason::Truncated { needed: 1, left: 0 });
                return Err(Refused { meter: self.meter, ..nothing.into() });
            }
        }
        let mut notes = Notes::new(out);
        notes.array(at(Layer::Link, 0, poll.len(), "exchanges", "exchanges"), |notes| {
            for exchange in Exchanges::new(poll, self.mode).map_while(Result::ok) {
                notes.object(at(Layer::Link, exchange.offset, 0, "exchange", Field::ELEMENT), |notes| {
                    let place = |name, key| at(crate::pdu::LAYER, exchange.offset, 0, name, key);
                    notes.number(place("unit", "unit"), exchange.unit, &"");
                    notes.number(place("function code", "function"), exchange.request.function(), &"");
                    if let Some(block) = exchange.block() {
                        notes.number(place("starting address", "address"), block.address, &"");
                        notes.number(place("quantity", "quantity"), (block.octets.len() / 2) as u64, &"");
                    }
                });
            }
        });
        Ok(Opened {
            meter: self.meter,
            content: Content::Exchanges,
            payload: poll,
            offset: 0,
            security: Security::NONE,
            counter: None,
            trailing: &[],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::Head;
    use crate::pdu::Registers;
    use std::vec::Vec;

    fn put(poll: &mut Vec<u8>, mode: Mode, transaction: u16, pdu: &[u8]) {
        let mut buffer = [0; 300];
        poll.extend_from_slice(mode.write(Head { transaction, unit: 7 }, pdu, &mut buffer).unwrap());
    }

    fn poll(mode: Mode) -> Vec<u8> {
        let (mut poll, mut buffer, mut octets) = (Vec::new(), [0; 260], [0; 8]);
        for (transaction, address, registers) in [(1, 0u16, [1u16, 2]), (2, 0x500, [3, 4])] {
            let request = Request::ReadInputRegisters { address, quantity: 2 };
            put(&mut poll, mode, transaction, request.write(&mut buffer).unwrap());
            let registers = Registers::written(&registers, &mut octets).unwrap();
            let response = Response::ReadInputRegisters { registers };
            put(&mut poll, mode, transaction, response.write(&mut buffer).unwrap());
        }
        poll
    }

    #[test]
    fn what_was_asked_says_where_the_registers_are() {
        for mode in [Mode::Rtu, Mode::Tcp] {
            let poll = poll(mode);
            let blocks: Vec<_> =
                Exchanges::new(&poll, mode).map(|exchange| exchange.unwrap().block().unwrap()).collect();
            let told: Vec<_> = blocks.iter().map(|block| (block.table, block.address, block.octets)).collect();
            assert_eq!(told, [(Table::Input, 0, &[0, 1, 0, 2][..]), (Table::Input, 0x500, &[0, 3, 0, 4])]);
            for block in blocks {
                assert_eq!(poll.get(block.offset..block.offset + 4), Some(block.octets), "an octet of the poll");
            }
        }
    }

    #[test]
    fn a_request_that_nothing_follows_was_not_answered() {
        let mut poll = poll(Mode::Rtu);
        let len = poll.len();
        let mut buffer = [0; 260];
        put(
            &mut poll,
            Mode::Rtu,
            0,
            Request::ReadHoldingRegisters { address: 9, quantity: 1 }.write(&mut buffer).unwrap(),
        );
        let all: Vec<_> = Exchanges::new(&poll, Mode::Rtu).collect();
        assert!(all[0].is_ok() && all[1].is_ok());
        let error = all[2].unwrap_err();
        assert_eq!((error.field, error.offset, all.len()), ("response", len + 8, 3));
    }

    #[test]
    fn what_is_damaged_ends_it() {
        let whole = poll(Mode::Rtu);
        for at in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            let wrong = Exchanges::new(&damaged, Mode::Rtu).filter(Result::is_err).count();
            assert_eq!(wrong, 1, "octet {at}");
            let cut = Exchanges::new(&whole[..at], Mode::Rtu).filter(Result::is_err).count();
            // Between two exchanges nothing is missing.
            assert_eq!(cut, usize::from(at != 0 && at != whole.len() / 2), "cut at {at}");
        }
    }
}
