//! A response in the light of its request.

use super::{LAYER, Request, Response, limit};
use crate::function;
use esh_core::{DecodeError, Reason};

/// What answers a request: made by [`Response::to`].
#[derive(Clone, Copy, Debug)]
pub struct Expected<'r> {
    request: &'r Request<'r>,
}

impl<'r> Expected<'r> {
    pub(super) const fn new(request: &'r Request<'r>) -> Self {
        Self { request }
    }

    /// What was asked.
    #[must_use]
    pub const fn request(&self) -> &'r Request<'r> {
        self.request
    }

    /// Reads a PDU that begins at octet `offset` of its frame, as the answer to the request: an exception, or what was
    /// asked for, and as much of it.
    ///
    /// # Errors
    /// What is not as the specification says, and what answers something else: late answers and strangers.
    #[inline]
    pub fn parse<'a>(&self, pdu: &'a [u8], offset: usize) -> Result<Response<'a>, DecodeError> {
        self.accept(Response::parse(pdu, offset)?, offset)
    }

    /// The response, when it answers the request; bits are as many as were asked for.
    ///
    /// # Errors
    /// The field that says something else than the request.
    #[inline]
    pub fn accept<'a>(&self, response: Response<'a>, offset: usize) -> Result<Response<'a>, DecodeError> {
        let error = |field, at, reason| Err(DecodeError { layer: LAYER, field, offset: offset + at, reason });
        let function = self.request.function();
        if response.function() != function {
            return error("function code", 0, Reason::UnknownFormat(response.function().into()));
        }
        let same = |same: bool, field, at| if same { Ok(response) } else { error(field, at, Reason::Malformed) };
        match (*self.request, response) {
            (_, Response::Exception { .. }) => Ok(response),
            (Request::ReadCoils { quantity, .. }, Response::ReadCoils { coils }) => match coils.first(quantity) {
                Some(coils) => Ok(Response::ReadCoils { coils }),
                None => error("byte count", 1, Reason::Malformed),
            },
            (Request::ReadDiscreteInputs { quantity, .. }, Response::ReadDiscreteInputs { inputs }) => {
                match inputs.first(quantity) {
                    Some(inputs) => Ok(Response::ReadDiscreteInputs { inputs }),
                    None => error("byte count", 1, Reason::Malformed),
                }
            }
            (Request::ReadHoldingRegisters { quantity, .. }, Response::ReadHoldingRegisters { registers })
            | (Request::ReadInputRegisters { quantity, .. }, Response::ReadInputRegisters { registers })
            | (
                Request::ReadWriteMultipleRegisters { read_quantity: quantity, .. },
                Response::ReadWriteMultipleRegisters { registers },
            ) => same(registers.len() == usize::from(quantity), "byte count", 1),
            (Request::WriteSingleCoil { address, on }, Response::WriteSingleCoil { address: echoed, on: value }) => {
                same(echoed == address, "output address", 1)?;
                same(on == value, "output value", 3)
            }
            (
                Request::WriteSingleRegister { address, value },
                Response::WriteSingleRegister { address: echoed, value: written },
            ) => {
                same(echoed == address, "register address", 1)?;
                same(value == written, "register value", 3)
            }
            (
                Request::Diagnostics { sub_function, data },
                Response::Diagnostics { sub_function: echoed, data: returned },
            ) => {
                same(sub_function == echoed, "sub-function", 1)?;
                same(sub_function != 0 || data == returned, "data", 3)
            }
            (
                Request::WriteMultipleCoils { address, coils },
                Response::WriteMultipleCoils { address: echoed, quantity },
            ) => {
                same(echoed == address, "starting address", 1)?;
                same(coils.len() == usize::from(quantity), "quantity", 3)
            }
            (
                Request::WriteMultipleRegisters { address, registers },
                Response::WriteMultipleRegisters { address: echoed, quantity },
            ) => {
                same(echoed == address, "starting address", 1)?;
                same(registers.len() == usize::from(quantity), "quantity", 3)
            }
            (Request::ReadFileRecord { records }, Response::ReadFileRecord { data }) => {
                let asked = records.iter().map(|record| usize::from(record.length));
                same(asked.eq(data.iter().map(super::Registers::len)), "file response length", 2)
            }
            (Request::WriteFileRecord { records }, Response::WriteFileRecord { records: echoed }) => {
                same(records == echoed, "sub-request", 2)
            }
            (
                Request::MaskWriteRegister { address, and_mask, or_mask },
                Response::MaskWriteRegister { address: echoed, and_mask: and, or_mask: or },
            ) => {
                same(echoed == address, "reference address", 1)?;
                same(and_mask == and, "AND mask", 3)?;
                same(or_mask == or, "OR mask", 5)
            }
            (Request::ReadDeviceIdentification { read_code, .. }, Response::ReadDeviceIdentification(device)) => {
                same(device.read_code == read_code, "read device id code", 2)
            }
            // These ask for nothing in particular.
            _ => Ok(response),
        }
    }

    /// How many octets the PDU of the answer has, when it is no exception; `None` where only the answer says.
    #[must_use]
    pub fn answer_len(&self) -> Option<usize> {
        let len = match *self.request {
            Request::ReadCoils { quantity, .. } | Request::ReadDiscreteInputs { quantity, .. } => {
                2 + usize::from(quantity.min(limit::READ_BITS).div_ceil(8))
            }
            Request::ReadHoldingRegisters { quantity, .. }
            | Request::ReadInputRegisters { quantity, .. }
            | Request::ReadWriteMultipleRegisters { read_quantity: quantity, .. } => {
                2 + 2 * usize::from(quantity.min(limit::READ_REGISTERS))
            }
            Request::Diagnostics { data, .. } => 3 + data.len(),
            Request::ReadExceptionStatus => 2,
            Request::WriteSingleCoil { .. }
            | Request::WriteSingleRegister { .. }
            | Request::GetCommEventCounter
            | Request::WriteMultipleCoils { .. }
            | Request::WriteMultipleRegisters { .. } => 5,
            Request::WriteFileRecord { records } => 2 + records.octets().len(),
            Request::ReadFileRecord { records } => {
                2 + records.iter().map(|record| 2 + 2 * usize::from(record.length)).sum::<usize>()
            }
            Request::MaskWriteRegister { .. } => 7,
            Request::GetCommEventLog
            | Request::ReportServerId
            | Request::ReadFifoQueue { .. }
            | Request::ReadDeviceIdentification { .. } => return None,
        };
        Some(len)
    }

    /// The first octet of an exception to the request.
    #[must_use]
    pub const fn exception(&self) -> u8 {
        self.request.function() | function::EXCEPTION
    }
}
