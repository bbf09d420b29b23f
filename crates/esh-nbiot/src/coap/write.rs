//! Messages written, RFC 7252, clause 3.

use super::{Code, PAYLOAD_MARKER, Type};
use core::fmt;

/// Writes a message into a buffer of the caller: header and token when it is made, options in the order of their
/// numbers, the payload at the end.
#[derive(Debug)]
pub struct Writer<'b> {
    buffer: &'b mut [u8],
    len: usize,
    number: u16,
}

/// The message is longer than its buffer, its token longer than 8 octets, or an option stands behind one of a higher
/// number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DoesNotFit;

impl fmt::Display for DoesNotFit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the message does not fit its buffer, or its options are out of order")
    }
}

impl core::error::Error for DoesNotFit {}

impl<'b> Writer<'b> {
    /// Begins a message.
    ///
    /// # Errors
    /// When the buffer is too short or the token longer than 8 octets.
    pub fn new(buffer: &'b mut [u8], type_: Type, code: Code, id: u16, token: &[u8]) -> Result<Self, DoesNotFit> {
        if token.len() > 8 {
            return Err(DoesNotFit);
        }
        let mut writer = Self { buffer, len: 0, number: 0 };
        let [high, low] = id.to_be_bytes();
        writer.put(&[0x40 | type_.bits() << 4 | token.len() as u8, code.0, high, low])?;
        writer.put(token)?;
        Ok(writer)
    }

    /// An option.
    ///
    /// # Errors
    /// When it does not fit, or stands behind one of a higher number.
    pub fn option(&mut self, number: u16, value: &[u8]) -> Result<&mut Self, DoesNotFit> {
        let delta = number.checked_sub(self.number).ok_or(DoesNotFit)?;
        let (delta_nibble, delta_more) = Extended::of(delta.into()).ok_or(DoesNotFit)?;
        let (length_nibble, length_more) = Extended::of(value.len()).ok_or(DoesNotFit)?;
        self.put(&[delta_nibble << 4 | length_nibble])?;
        self.put(delta_more.octets())?;
        self.put(length_more.octets())?;
        self.put(value)?;
        self.number = number;
        Ok(self)
    }

    /// An option whose value is an unsigned number, without leading zeros.
    ///
    /// # Errors
    /// As those of [`Self::option`].
    pub fn uint(&mut self, number: u16, value: u64) -> Result<&mut Self, DoesNotFit> {
        let octets = value.to_be_bytes();
        let zeros = (value.leading_zeros() / 8) as usize;
        self.option(number, octets.get(zeros..).unwrap_or_default())
    }

    /// Ends the message with a payload, which may be empty; the octets written.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn payload(mut self, payload: &[u8]) -> Result<&'b [u8], DoesNotFit> {
        if !payload.is_empty() {
            self.put(&[PAYLOAD_MARKER])?;
            self.put(payload)?;
        }
        let Self { buffer, len, .. } = self;
        Ok(buffer.get(..len).unwrap_or_default())
    }

    fn put(&mut self, octets: &[u8]) -> Result<(), DoesNotFit> {
        let end = self.len + octets.len();
        self.buffer.get_mut(self.len..end).ok_or(DoesNotFit)?.copy_from_slice(octets);
        self.len = end;
        Ok(())
    }
}

/// The octets behind a nibble.
struct Extended {
    octets: [u8; 2],
    len: usize,
}

impl Extended {
    fn of(number: usize) -> Option<(u8, Self)> {
        Some(match number {
            0..=12 => (number as u8, Self { octets: [0; 2], len: 0 }),
            13..=268 => (13, Self { octets: [(number - 13) as u8, 0], len: 1 }),
            _ => (14, Self { octets: u16::try_from(number - 269).ok()?.to_be_bytes(), len: 2 }),
        })
    }

    fn octets(&self) -> &[u8] {
        self.octets.get(..self.len).unwrap_or_default()
    }
}
