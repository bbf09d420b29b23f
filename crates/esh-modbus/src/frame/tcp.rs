//! Modbus TCP — MODBUS messaging on TCP/IP V1.0b, 3.1.3: the MBAP header.

use super::{Adu, Head, LAYER};
use crate::pdu::PDU_LIMIT;
use esh_core::{DecodeError, Input, Reason};

/// The longest frame.
pub const LIMIT: usize = HEADER + PDU_LIMIT;

/// Transaction, protocol, length and unit.
pub(crate) const HEADER: usize = 7;

/// Opens a frame: all of `frame`, no octet more or less.
///
/// # Errors
/// Another protocol, and a length that is not that of the octets behind it.
#[inline]
pub fn open(frame: &[u8]) -> Result<Adu<'_>, DecodeError> {
    let [t, u, 0, 0, high, low, rest @ ..] = frame else { return Err(refused(frame)) };
    match rest {
        [unit, pdu @ ..]
            if !pdu.is_empty()
                && pdu.len() <= PDU_LIMIT
                && usize::from(u16::from_be_bytes([*high, *low])) == rest.len() =>
        {
            Ok(Adu { head: Head { transaction: u16::from_be_bytes([*t, *u]), unit: *unit }, pdu, offset: HEADER })
        }
        _ => Err(refused(frame)),
    }
}

#[cold]
fn refused(frame: &[u8]) -> DecodeError {
    check(&mut Input::new(frame, 0, LAYER)).err().unwrap_or(DecodeError {
        layer: LAYER,
        field: "length",
        offset: 4,
        reason: Reason::Malformed,
    })
}

fn check(input: &mut Input<'_>) -> Result<(), DecodeError> {
    input.u16_be("transaction identifier")?;
    let at = *input;
    match input.u16_be("protocol identifier")? {
        0 => {}
        other => return Err(at.error("protocol identifier", Reason::UnknownFormat(other.into()))),
    }
    let at = *input;
    let length = usize::from(input.u16_be("length")?);
    match length {
        // Unit and function code.
        0..2 => Err(at.error("length", Reason::Malformed)),
        _ if length > PDU_LIMIT + 1 => Err(at.error("length", Reason::TooLong { limit: PDU_LIMIT + 1, found: length })),
        _ => {
            input.take("length", length)?;
            input.end("length")
        }
    }
}

/// Writes a frame; `None` when the buffer has no room.
pub(super) fn write<'b>(head: Head, pdu: &[u8], buffer: &'b mut [u8]) -> Option<&'b [u8]> {
    let frame = buffer.get_mut(..pdu.len() + HEADER)?;
    let (header, rest) = frame.split_first_chunk_mut::<HEADER>()?;
    let [t, u] = head.transaction.to_be_bytes();
    let [high, low] = u16::try_from(pdu.len() + 1).ok()?.to_be_bytes();
    *header = [t, u, 0, 0, high, low, head.unit];
    rest.copy_from_slice(pdu);
    Some(frame)
}
