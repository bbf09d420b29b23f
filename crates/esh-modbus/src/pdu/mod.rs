//! Protocol data units — MODBUS application protocol V1.1b3, clause 6.

mod diagnostics;
mod expected;
mod file;
mod identification;
pub(crate) mod length;
mod request;
mod response;
mod values;
mod write;

pub use diagnostics::sub_function_name;
pub use expected::Expected;
pub use file::{FileData, FileRecord, FileRecords};
pub(crate) use identification::MEI;
pub use identification::{DeviceIdentification, DeviceObject};
pub use request::Request;
pub use response::Response;
pub use values::{Bits, Registers};
pub use write::WriteError;

use esh_core::{DecodeError, Input, Layer, Reason};

/// The layer of everything in a PDU.
pub(crate) const LAYER: Layer = Layer::Application;

/// The longest PDU, clause 4.1.
pub const PDU_LIMIT: usize = 253;

/// The most of each that one PDU may ask for, write or hold.
pub(crate) mod limit {
    pub(crate) const READ_BITS: u16 = 2000;
    pub(crate) const READ_REGISTERS: u16 = 125;
    pub(crate) const WRITE_BITS: u16 = 1968;
    pub(crate) const WRITE_REGISTERS: u16 = 123;
    pub(crate) const READ_WRITE_REGISTERS: u16 = 121;
    pub(crate) const FIFO: usize = 31;
    pub(crate) const EVENTS: usize = 64;
    pub(crate) const FILE: usize = 0xf5;
    pub(crate) const WRITE_FILE: usize = 0xfb;
}

/// A PDU that begins at octet `offset` of its frame, unless it is longer than one may be.
fn whole(pdu: &[u8], offset: usize) -> Result<Input<'_>, DecodeError> {
    let input = Input::new(pdu, offset, LAYER);
    if pdu.len() > PDU_LIMIT {
        return Err(input.error("PDU", Reason::TooLong { limit: PDU_LIMIT, found: pdu.len() }));
    }
    Ok(input)
}

/// An address and so many things from there on, within what one request may ask for.
fn span(input: &mut Input<'_>, limit: u16) -> Result<(u16, u16), DecodeError> {
    let address = input.u16_be("starting address")?;
    let at = *input;
    let quantity = input.u16_be("quantity")?;
    if quantity == 0 {
        return Err(at.error("quantity", Reason::Malformed));
    }
    if quantity > limit {
        return Err(at.error("quantity", Reason::TooLong { limit: limit.into(), found: quantity.into() }));
    }
    // The last address there is.
    if u32::from(address) + u32::from(quantity) > 0x1_0000 {
        let left = 0x1_0000 - usize::from(address);
        return Err(at.error("quantity", Reason::TooLong { limit: left, found: quantity.into() }));
    }
    Ok((address, quantity))
}

/// A byte count that tells all the octets behind it, at least and at most so many.
fn counted<'a>(input: &mut Input<'a>, least: usize, most: usize) -> Result<Input<'a>, DecodeError> {
    let at = *input;
    let count = usize::from(input.u8("byte count")?);
    if count < least {
        return Err(at.error("byte count", Reason::Malformed));
    }
    if count > most {
        return Err(at.error("byte count", Reason::TooLong { limit: most, found: count }));
    }
    let octets = input.sub("data", count)?;
    input.end("data")?;
    Ok(octets)
}

/// ON or OFF, clause 6.5; nothing else.
fn coil(input: &mut Input<'_>) -> Result<bool, DecodeError> {
    let at = *input;
    match input.u16_be("output value")? {
        0xff00 => Ok(true),
        0 => Ok(false),
        other => Err(at.error("output value", Reason::Reserved(other.into()))),
    }
}
