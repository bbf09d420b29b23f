//! Responses — MODBUS application protocol V1.1b3, clauses 6.1 to 6.21 and 7.

use super::{
    Bits, DeviceIdentification, Expected, FileData, FileRecords, Registers, Request, WriteError, coil, counted,
    diagnostics, limit, request::interface, span, whole, write::Writer,
};
use crate::function::{self as code, ExceptionCode};
use esh_core::{DecodeError, Input, Reason};

/// What a server answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields have the specification's own words")]
pub enum Response<'a> {
    /// 01. Only the request says how many of the bits count: [`Response::to`].
    ReadCoils { coils: Bits<'a> },
    /// 02. Only the request says how many of the bits count: [`Response::to`].
    ReadDiscreteInputs { inputs: Bits<'a> },
    /// 03
    ReadHoldingRegisters { registers: Registers<'a> },
    /// 04
    ReadInputRegisters { registers: Registers<'a> },
    /// 05
    WriteSingleCoil { address: u16, on: bool },
    /// 06
    WriteSingleRegister { address: u16, value: u16 },
    /// 07
    ReadExceptionStatus { status: u8 },
    /// 08
    Diagnostics { sub_function: u16, data: &'a [u8] },
    /// 0B
    GetCommEventCounter { status: u16, event_count: u16 },
    /// 0C
    GetCommEventLog { status: u16, event_count: u16, message_count: u16, events: &'a [u8] },
    /// 0F
    WriteMultipleCoils { address: u16, quantity: u16 },
    /// 10
    WriteMultipleRegisters { address: u16, quantity: u16 },
    /// 11. Where the id ends and the run indicator stands, each maker says for itself.
    ReportServerId { data: &'a [u8] },
    /// 14
    ReadFileRecord { data: FileData<'a> },
    /// 15
    WriteFileRecord { records: FileRecords<'a> },
    /// 16
    MaskWriteRegister { address: u16, and_mask: u16, or_mask: u16 },
    /// 17
    ReadWriteMultipleRegisters { registers: Registers<'a> },
    /// 18
    ReadFifoQueue { registers: Registers<'a> },
    /// 2B, 0E
    ReadDeviceIdentification(DeviceIdentification<'a>),
    /// Any function code with its top bit set: the server refuses.
    Exception { function: u8, code: ExceptionCode },
}

impl<'a> Response<'a> {
    /// What answers this request, and nothing else.
    #[must_use]
    pub const fn to<'r>(request: &'r Request<'r>) -> Expected<'r> {
        Expected::new(request)
    }

    /// Reads a PDU that begins at octet `offset` of its frame, whatever was asked.
    ///
    /// # Errors
    /// What is not as the specification says: every octet must be.
    #[inline]
    pub fn parse(pdu: &'a [u8], offset: usize) -> Result<Self, DecodeError> {
        // What is polled all day goes the short way.
        if let [function @ (code::READ_HOLDING_REGISTERS | code::READ_INPUT_REGISTERS), count, octets @ ..] = pdu
            && usize::from(*count) == octets.len()
            && matches!(count, 2..=250)
            && let Some(registers) = Registers::new(octets)
        {
            return Ok(if *function == code::READ_HOLDING_REGISTERS {
                Self::ReadHoldingRegisters { registers }
            } else {
                Self::ReadInputRegisters { registers }
            });
        }
        Self::parse_any(pdu, offset)
    }

    fn parse_any(pdu: &'a [u8], offset: usize) -> Result<Self, DecodeError> {
        let input = &mut whole(pdu, offset)?;
        let at = *input;
        let function = input.u8("function code")?;
        let response = match function {
            code::READ_COILS => Self::ReadCoils { coils: bits(input)? },
            code::READ_DISCRETE_INPUTS => Self::ReadDiscreteInputs { inputs: bits(input)? },
            code::READ_HOLDING_REGISTERS => Self::ReadHoldingRegisters { registers: registers(input)? },
            code::READ_INPUT_REGISTERS => Self::ReadInputRegisters { registers: registers(input)? },
            code::WRITE_SINGLE_COIL => {
                Self::WriteSingleCoil { address: input.u16_be("output address")?, on: coil(input)? }
            }
            code::WRITE_SINGLE_REGISTER => Self::WriteSingleRegister {
                address: input.u16_be("register address")?,
                value: input.u16_be("register value")?,
            },
            code::READ_EXCEPTION_STATUS => Self::ReadExceptionStatus { status: input.u8("output data")? },
            code::DIAGNOSTICS => {
                let (sub_function, data) = diagnostics::read(input)?;
                Self::Diagnostics { sub_function, data }
            }
            code::GET_COMM_EVENT_COUNTER => {
                Self::GetCommEventCounter { status: status(input)?, event_count: input.u16_be("event count")? }
            }
            code::GET_COMM_EVENT_LOG => {
                let input = &mut counted(input, 6, 6 + limit::EVENTS)?;
                Self::GetCommEventLog {
                    status: status(input)?,
                    event_count: input.u16_be("event count")?,
                    message_count: input.u16_be("message count")?,
                    events: input.rest(),
                }
            }
            code::WRITE_MULTIPLE_COILS => {
                let (address, quantity) = span(input, limit::WRITE_BITS)?;
                Self::WriteMultipleCoils { address, quantity }
            }
            code::WRITE_MULTIPLE_REGISTERS => {
                let (address, quantity) = span(input, limit::WRITE_REGISTERS)?;
                Self::WriteMultipleRegisters { address, quantity }
            }
            code::REPORT_SERVER_ID => Self::ReportServerId { data: counted(input, 1, 0xff)?.rest() },
            code::READ_FILE_RECORD => Self::ReadFileRecord { data: FileData::read(counted(input, 2, limit::FILE)?)? },
            code::WRITE_FILE_RECORD => {
                Self::WriteFileRecord { records: FileRecords::read(counted(input, 7, limit::WRITE_FILE)?, true)? }
            }
            code::MASK_WRITE_REGISTER => Self::MaskWriteRegister {
                address: input.u16_be("reference address")?,
                and_mask: input.u16_be("AND mask")?,
                or_mask: input.u16_be("OR mask")?,
            },
            code::READ_WRITE_MULTIPLE_REGISTERS => Self::ReadWriteMultipleRegisters { registers: registers(input)? },
            code::READ_FIFO_QUEUE => Self::ReadFifoQueue { registers: fifo(input)? },
            code::ENCAPSULATED_INTERFACE => {
                interface(input)?;
                Self::ReadDeviceIdentification(DeviceIdentification::read(input)?)
            }
            refused @ 0x81.. => {
                let at = *input;
                let code = ExceptionCode(input.u8("exception code")?);
                if code.0 == 0 {
                    return Err(at.error("exception code", Reason::Reserved(0)));
                }
                Self::Exception { function: refused & !code::EXCEPTION, code }
            }
            other => return Err(at.error("function code", Reason::UnknownFormat(other.into()))),
        };
        input.end("response")?;
        Ok(response)
    }

    /// Its function code; that of the request where it is an exception.
    #[must_use]
    pub const fn function(&self) -> u8 {
        match self {
            Self::ReadCoils { .. } => code::READ_COILS,
            Self::ReadDiscreteInputs { .. } => code::READ_DISCRETE_INPUTS,
            Self::ReadHoldingRegisters { .. } => code::READ_HOLDING_REGISTERS,
            Self::ReadInputRegisters { .. } => code::READ_INPUT_REGISTERS,
            Self::WriteSingleCoil { .. } => code::WRITE_SINGLE_COIL,
            Self::WriteSingleRegister { .. } => code::WRITE_SINGLE_REGISTER,
            Self::ReadExceptionStatus { .. } => code::READ_EXCEPTION_STATUS,
            Self::Diagnostics { .. } => code::DIAGNOSTICS,
            Self::GetCommEventCounter { .. } => code::GET_COMM_EVENT_COUNTER,
            Self::GetCommEventLog { .. } => code::GET_COMM_EVENT_LOG,
            Self::WriteMultipleCoils { .. } => code::WRITE_MULTIPLE_COILS,
            Self::WriteMultipleRegisters { .. } => code::WRITE_MULTIPLE_REGISTERS,
            Self::ReportServerId { .. } => code::REPORT_SERVER_ID,
            Self::ReadFileRecord { .. } => code::READ_FILE_RECORD,
            Self::WriteFileRecord { .. } => code::WRITE_FILE_RECORD,
            Self::MaskWriteRegister { .. } => code::MASK_WRITE_REGISTER,
            Self::ReadWriteMultipleRegisters { .. } => code::READ_WRITE_MULTIPLE_REGISTERS,
            Self::ReadFifoQueue { .. } => code::READ_FIFO_QUEUE,
            Self::ReadDeviceIdentification(_) => code::ENCAPSULATED_INTERFACE,
            Self::Exception { function, .. } => *function,
        }
    }

    /// Writes the PDU.
    ///
    /// # Errors
    /// What no server may answer, and a buffer without room for it.
    pub fn write<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b [u8], WriteError> {
        let mut to = Writer::new(buffer);
        if let Self::Exception { function, code } = *self {
            to.u8(function | code::EXCEPTION).u8(code.0);
            return to.finish(|pdu| Response::parse(pdu, 0).map(|_| ()));
        }
        to.u8(self.function());
        match *self {
            Self::ReadCoils { coils: bits } | Self::ReadDiscreteInputs { inputs: bits } => {
                to.counted(bits.octets());
            }
            Self::ReadHoldingRegisters { registers }
            | Self::ReadInputRegisters { registers }
            | Self::ReadWriteMultipleRegisters { registers } => {
                to.counted(registers.octets());
            }
            Self::WriteSingleCoil { address, on } => {
                to.u16(address).u16(if on { 0xff00 } else { 0 });
            }
            Self::WriteSingleRegister { address, value } => {
                to.u16(address).u16(value);
            }
            Self::ReadExceptionStatus { status } => {
                to.u8(status);
            }
            Self::Diagnostics { sub_function, data } => {
                to.u16(sub_function).octets(data);
            }
            Self::GetCommEventCounter { status, event_count } => {
                to.u16(status).u16(event_count);
            }
            Self::GetCommEventLog { status, event_count, message_count, events } => {
                to.count(events.len() + 6).u16(status).u16(event_count).u16(message_count).octets(events);
            }
            Self::WriteMultipleCoils { address, quantity } | Self::WriteMultipleRegisters { address, quantity } => {
                to.u16(address).u16(quantity);
            }
            Self::ReportServerId { data } => {
                to.counted(data);
            }
            Self::ReadFileRecord { data } => {
                to.counted(data.octets());
            }
            Self::WriteFileRecord { records } => {
                to.counted(records.octets());
            }
            Self::MaskWriteRegister { address, and_mask, or_mask } => {
                to.u16(address).u16(and_mask).u16(or_mask);
            }
            Self::ReadFifoQueue { registers } => {
                let count = registers.len() as u16;
                to.u16(count.saturating_mul(2).saturating_add(2)).u16(count).octets(registers.octets());
            }
            Self::ReadDeviceIdentification(device) => {
                to.u8(super::MEI).u8(device.read_code).u8(device.conformity);
                to.u8(if device.more_follows { 0xff } else { 0 }).u8(device.next_object_id);
                to.u8(device.count).octets(device.octets());
            }
            Self::Exception { .. } => {}
        }
        to.finish(|pdu| Response::parse(pdu, 0).map(|_| ()))
    }
}

fn bits<'a>(input: &mut Input<'a>) -> Result<Bits<'a>, DecodeError> {
    counted(input, 1, usize::from(limit::READ_BITS) / 8).map(|octets| Bits::all(octets.rest()))
}

fn registers<'a>(input: &mut Input<'a>) -> Result<Registers<'a>, DecodeError> {
    let at = *input;
    let octets = counted(input, 2, usize::from(limit::READ_REGISTERS) * 2)?;
    Registers::new(octets.rest()).ok_or_else(|| at.error("byte count", Reason::Malformed))
}

/// FFFF while a program command is being processed, else 0.
fn status(input: &mut Input<'_>) -> Result<u16, DecodeError> {
    input.u16_be("status")
}

/// A byte count of two octets, a count of registers, and the registers; clause 6.18.
fn fifo<'a>(input: &mut Input<'a>) -> Result<Registers<'a>, DecodeError> {
    let at = *input;
    let bytes = usize::from(input.u16_be("byte count")?);
    let mut rest = input.sub("FIFO", bytes)?;
    input.end("FIFO")?;
    let count = usize::from(rest.u16_be("FIFO count")?);
    if count > limit::FIFO {
        return Err(at.error("FIFO count", Reason::TooLong { limit: limit::FIFO, found: count }));
    }
    if bytes != count * 2 + 2 {
        return Err(at.error("byte count", Reason::Malformed));
    }
    Registers::new(rest.rest()).ok_or_else(|| at.error("byte count", Reason::Malformed))
}
