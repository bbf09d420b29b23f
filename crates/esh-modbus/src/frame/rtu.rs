//! RTU framing — MODBUS over serial line V1.02, 2.5.1.

use super::{Adu, Head, LAYER, crc, fits};
use esh_core::{DecodeError, Input, Reason};

/// The longest frame.
pub const LIMIT: usize = 256;

/// Address, function code and CRC.
const SHORTEST: usize = 4;

/// Opens a frame: all of `frame`, no octet more or less.
///
/// # Errors
/// A CRC that does not fit, and frames that are too short or too long.
#[inline]
pub fn open(frame: &[u8]) -> Result<Adu<'_>, DecodeError> {
    match frame {
        [unit, pdu @ .., _, _] if !pdu.is_empty() && frame.len() <= LIMIT && fits(frame) => {
            Ok(Adu { head: Head { transaction: 0, unit: *unit }, pdu, offset: 1 })
        }
        _ => Err(refused(frame)),
    }
}

#[cold]
fn refused(frame: &[u8]) -> DecodeError {
    let input = Input::new(frame, 0, LAYER);
    match frame {
        [checked @ .., low, high] if frame.len() >= SHORTEST && frame.len() <= LIMIT => DecodeError {
            layer: LAYER,
            field: "CRC",
            offset: checked.len(),
            reason: Reason::Checksum { found: u16::from_le_bytes([*low, *high]).into(), computed: crc(checked).into() },
        },
        _ if frame.len() > LIMIT => input.error("frame", Reason::TooLong { limit: LIMIT, found: frame.len() }),
        _ => input.error("frame", Reason::Truncated { needed: SHORTEST, left: frame.len() }),
    }
}

/// Writes a frame; `None` when the buffer has no room.
pub(super) fn write<'b>(unit: u8, pdu: &[u8], buffer: &'b mut [u8]) -> Option<&'b [u8]> {
    let frame = buffer.get_mut(..pdu.len() + 3)?;
    let (body, sum) = frame.split_last_chunk_mut::<2>()?;
    let (first, rest) = body.split_first_mut()?;
    *first = unit;
    rest.copy_from_slice(pdu);
    *sum = crc(body).to_le_bytes();
    Some(frame)
}
