//! Requests — MODBUS application protocol V1.1b3, clauses 6.1 to 6.21.

use super::{
    Bits, FileRecords, MEI, Registers, WriteError, coil, counted, diagnostics, limit, span, whole, write::Writer,
};
use crate::function as code;
use esh_core::{DecodeError, Input, Reason};

/// What a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields have the specification's own words")]
pub enum Request<'a> {
    /// 01
    ReadCoils { address: u16, quantity: u16 },
    /// 02
    ReadDiscreteInputs { address: u16, quantity: u16 },
    /// 03
    ReadHoldingRegisters { address: u16, quantity: u16 },
    /// 04
    ReadInputRegisters { address: u16, quantity: u16 },
    /// 05
    WriteSingleCoil { address: u16, on: bool },
    /// 06
    WriteSingleRegister { address: u16, value: u16 },
    /// 07
    ReadExceptionStatus,
    /// 08
    Diagnostics { sub_function: u16, data: &'a [u8] },
    /// 0B
    GetCommEventCounter,
    /// 0C
    GetCommEventLog,
    /// 0F
    WriteMultipleCoils { address: u16, coils: Bits<'a> },
    /// 10
    WriteMultipleRegisters { address: u16, registers: Registers<'a> },
    /// 11
    ReportServerId,
    /// 14
    ReadFileRecord { records: FileRecords<'a> },
    /// 15
    WriteFileRecord { records: FileRecords<'a> },
    /// 16
    MaskWriteRegister { address: u16, and_mask: u16, or_mask: u16 },
    /// 17
    ReadWriteMultipleRegisters { read_address: u16, read_quantity: u16, write_address: u16, registers: Registers<'a> },
    /// 18
    ReadFifoQueue { address: u16 },
    /// 2B, 0E
    ReadDeviceIdentification { read_code: u8, object_id: u8 },
}

impl<'a> Request<'a> {
    /// Reads a PDU that begins at octet `offset` of its frame.
    ///
    /// # Errors
    /// What is not as the specification says: every octet must be.
    pub fn parse(pdu: &'a [u8], offset: usize) -> Result<Self, DecodeError> {
        let input = &mut whole(pdu, offset)?;
        let at = *input;
        let function = input.u8("function code")?;
        let request = match function {
            code::READ_COILS => {
                let (address, quantity) = span(input, limit::READ_BITS)?;
                Self::ReadCoils { address, quantity }
            }
            code::READ_DISCRETE_INPUTS => {
                let (address, quantity) = span(input, limit::READ_BITS)?;
                Self::ReadDiscreteInputs { address, quantity }
            }
            code::READ_HOLDING_REGISTERS => {
                let (address, quantity) = span(input, limit::READ_REGISTERS)?;
                Self::ReadHoldingRegisters { address, quantity }
            }
            code::READ_INPUT_REGISTERS => {
                let (address, quantity) = span(input, limit::READ_REGISTERS)?;
                Self::ReadInputRegisters { address, quantity }
            }
            code::WRITE_SINGLE_COIL => {
                Self::WriteSingleCoil { address: input.u16_be("output address")?, on: coil(input)? }
            }
            code::WRITE_SINGLE_REGISTER => Self::WriteSingleRegister {
                address: input.u16_be("register address")?,
                value: input.u16_be("register value")?,
            },
            code::READ_EXCEPTION_STATUS => Self::ReadExceptionStatus,
            code::DIAGNOSTICS => {
                let (sub_function, data) = diagnostics::read(input)?;
                Self::Diagnostics { sub_function, data }
            }
            code::GET_COMM_EVENT_COUNTER => Self::GetCommEventCounter,
            code::GET_COMM_EVENT_LOG => Self::GetCommEventLog,
            code::WRITE_MULTIPLE_COILS => {
                let (address, quantity) = span(input, limit::WRITE_BITS)?;
                let octets = exactly(input, quantity.div_ceil(8))?;
                let coils =
                    Bits::new(octets, quantity).ok_or_else(|| input.error("outputs value", Reason::Malformed))?;
                Self::WriteMultipleCoils { address, coils }
            }
            code::WRITE_MULTIPLE_REGISTERS => {
                let (address, quantity) = span(input, limit::WRITE_REGISTERS)?;
                Self::WriteMultipleRegisters { address, registers: registers(input, quantity)? }
            }
            code::REPORT_SERVER_ID => Self::ReportServerId,
            code::READ_FILE_RECORD => {
                Self::ReadFileRecord { records: FileRecords::read(counted(input, 7, limit::FILE)?, false)? }
            }
            code::WRITE_FILE_RECORD => {
                Self::WriteFileRecord { records: FileRecords::read(counted(input, 7, limit::WRITE_FILE)?, true)? }
            }
            code::MASK_WRITE_REGISTER => Self::MaskWriteRegister {
                address: input.u16_be("reference address")?,
                and_mask: input.u16_be("AND mask")?,
                or_mask: input.u16_be("OR mask")?,
            },
            code::READ_WRITE_MULTIPLE_REGISTERS => {
                let (read_address, read_quantity) = span(input, limit::READ_REGISTERS)?;
                let (write_address, quantity) = span(input, limit::READ_WRITE_REGISTERS)?;
                let registers = registers(input, quantity)?;
                Self::ReadWriteMultipleRegisters { read_address, read_quantity, write_address, registers }
            }
            code::READ_FIFO_QUEUE => Self::ReadFifoQueue { address: input.u16_be("FIFO pointer address")? },
            code::ENCAPSULATED_INTERFACE => {
                interface(input)?;
                let read_code = super::identification::read_code(input)?;
                Self::ReadDeviceIdentification { read_code, object_id: input.u8("object id")? }
            }
            other => return Err(at.error("function code", Reason::UnknownFormat(other.into()))),
        };
        input.end("request")?;
        Ok(request)
    }

    /// Its function code.
    #[must_use]
    pub const fn function(&self) -> u8 {
        match self {
            Self::ReadCoils { .. } => code::READ_COILS,
            Self::ReadDiscreteInputs { .. } => code::READ_DISCRETE_INPUTS,
            Self::ReadHoldingRegisters { .. } => code::READ_HOLDING_REGISTERS,
            Self::ReadInputRegisters { .. } => code::READ_INPUT_REGISTERS,
            Self::WriteSingleCoil { .. } => code::WRITE_SINGLE_COIL,
            Self::WriteSingleRegister { .. } => code::WRITE_SINGLE_REGISTER,
            Self::ReadExceptionStatus => code::READ_EXCEPTION_STATUS,
            Self::Diagnostics { .. } => code::DIAGNOSTICS,
            Self::GetCommEventCounter => code::GET_COMM_EVENT_COUNTER,
            Self::GetCommEventLog => code::GET_COMM_EVENT_LOG,
            Self::WriteMultipleCoils { .. } => code::WRITE_MULTIPLE_COILS,
            Self::WriteMultipleRegisters { .. } => code::WRITE_MULTIPLE_REGISTERS,
            Self::ReportServerId => code::REPORT_SERVER_ID,
            Self::ReadFileRecord { .. } => code::READ_FILE_RECORD,
            Self::WriteFileRecord { .. } => code::WRITE_FILE_RECORD,
            Self::MaskWriteRegister { .. } => code::MASK_WRITE_REGISTER,
            Self::ReadWriteMultipleRegisters { .. } => code::READ_WRITE_MULTIPLE_REGISTERS,
            Self::ReadFifoQueue { .. } => code::READ_FIFO_QUEUE,
            Self::ReadDeviceIdentification { .. } => code::ENCAPSULATED_INTERFACE,
        }
    }

    /// Writes the PDU.
    ///
    /// # Errors
    /// What no server may be asked, and a buffer without room for it.
    pub fn write<'b>(&self, buffer: &'b mut [u8]) -> Result<&'b [u8], WriteError> {
        let mut to = Writer::new(buffer);
        to.u8(self.function());
        match *self {
            Self::ReadCoils { address, quantity }
            | Self::ReadDiscreteInputs { address, quantity }
            | Self::ReadHoldingRegisters { address, quantity }
            | Self::ReadInputRegisters { address, quantity } => {
                to.u16(address).u16(quantity);
            }
            Self::WriteSingleCoil { address, on } => {
                to.u16(address).u16(if on { 0xff00 } else { 0 });
            }
            Self::WriteSingleRegister { address, value } => {
                to.u16(address).u16(value);
            }
            Self::ReadExceptionStatus | Self::GetCommEventCounter | Self::GetCommEventLog | Self::ReportServerId => {}
            Self::Diagnostics { sub_function, data } => {
                to.u16(sub_function).octets(data);
            }
            Self::WriteMultipleCoils { address, coils } => {
                to.u16(address).u16(coils.len() as u16).counted(coils.octets());
            }
            Self::WriteMultipleRegisters { address, registers } => {
                to.u16(address).u16(registers.len() as u16).counted(registers.octets());
            }
            Self::ReadFileRecord { records } | Self::WriteFileRecord { records } => {
                to.counted(records.octets());
            }
            Self::MaskWriteRegister { address, and_mask, or_mask } => {
                to.u16(address).u16(and_mask).u16(or_mask);
            }
            Self::ReadWriteMultipleRegisters { read_address, read_quantity, write_address, registers } => {
                to.u16(read_address).u16(read_quantity).u16(write_address);
                to.u16(registers.len() as u16).counted(registers.octets());
            }
            Self::ReadFifoQueue { address } => {
                to.u16(address);
            }
            Self::ReadDeviceIdentification { read_code, object_id } => {
                to.u8(MEI).u8(read_code).u8(object_id);
            }
        }
        // What we write is held against what we would accept.
        to.finish(|pdu| Request::parse(pdu, 0).map(|_| ()))
    }

    /// What it asks to be read: whether input registers, from where and how many.
    #[must_use]
    pub const fn reads_registers(&self) -> Option<(crate::Table, u16, u16)> {
        match *self {
            Self::ReadHoldingRegisters { address, quantity } => Some((crate::Table::Holding, address, quantity)),
            Self::ReadInputRegisters { address, quantity } => Some((crate::Table::Input, address, quantity)),
            Self::ReadWriteMultipleRegisters { read_address, read_quantity, .. } => {
                Some((crate::Table::Holding, read_address, read_quantity))
            }
            _ => None,
        }
    }

    /// Whether a server answers it with its own octets.
    #[must_use]
    pub const fn is_echoed(&self) -> bool {
        matches!(
            self,
            Self::WriteSingleCoil { .. }
                | Self::WriteSingleRegister { .. }
                | Self::WriteFileRecord { .. }
                | Self::MaskWriteRegister { .. }
                | Self::Diagnostics { sub_function: 0, .. }
        )
    }
}

pub(super) fn interface(input: &mut Input<'_>) -> Result<(), DecodeError> {
    let at = *input;
    match input.u8("MEI type")? {
        MEI => Ok(()),
        // CANopen, clause 6.20.
        0x0d => Err(at.error("MEI type", Reason::Unsupported)),
        other => Err(at.error("MEI type", Reason::Reserved(other.into()))),
    }
}

/// The octets that a byte count announces, which must be `wanted` of them.
fn exactly<'a>(input: &mut Input<'a>, wanted: u16) -> Result<&'a [u8], DecodeError> {
    let at = *input;
    let octets = counted(input, 1, 0xff)?;
    if octets.len() == usize::from(wanted) { Ok(octets.rest()) } else { Err(at.error("byte count", Reason::Malformed)) }
}

fn registers<'a>(input: &mut Input<'a>, quantity: u16) -> Result<Registers<'a>, DecodeError> {
    let octets = exactly(input, quantity * 2)?;
    Registers::new(octets).ok_or_else(|| input.error("registers value", Reason::Malformed))
}
