//! Writing PDUs.

use core::fmt;
use esh_core::DecodeError;

/// Why a PDU or a frame was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// The buffer is too short for it.
    NoRoom,
    /// It is longer than a PDU may be.
    TooLong,
    /// No peer would accept it: the place and what is wrong there.
    Refused(DecodeError),
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRoom => f.write_str("the buffer has no room for the frame"),
            Self::TooLong => write!(f, "more than the {} octets of a PDU", super::PDU_LIMIT),
            Self::Refused(error) => write!(f, "{error}"),
        }
    }
}

impl core::error::Error for WriteError {}

/// Octets one after the other; that there was no room is said at the end.
pub(super) struct Writer<'b> {
    buffer: &'b mut [u8],
    len: usize,
}

impl<'b> Writer<'b> {
    pub(super) const fn new(buffer: &'b mut [u8]) -> Self {
        Self { buffer, len: 0 }
    }

    pub(super) fn octets(&mut self, octets: &[u8]) -> &mut Self {
        if let Some(room) = self.buffer.get_mut(self.len..self.len + octets.len()) {
            room.copy_from_slice(octets);
        }
        self.len += octets.len();
        self
    }

    pub(super) fn u8(&mut self, octet: u8) -> &mut Self {
        self.octets(&[octet])
    }

    pub(super) fn u16(&mut self, number: u16) -> &mut Self {
        self.octets(&number.to_be_bytes())
    }

    /// A byte count. One that is too large makes a PDU that is too long, which is said at the end.
    pub(super) fn count(&mut self, count: usize) -> &mut Self {
        self.u8(u8::try_from(count).unwrap_or(u8::MAX))
    }

    /// Octets with their count in front.
    pub(super) fn counted(&mut self, octets: &[u8]) -> &mut Self {
        self.count(octets.len()).octets(octets)
    }

    /// What was written, when it is one that `check` accepts.
    pub(super) fn finish(self, check: impl FnOnce(&[u8]) -> Result<(), DecodeError>) -> Result<&'b [u8], WriteError> {
        if self.len > super::PDU_LIMIT {
            return Err(WriteError::TooLong);
        }
        let pdu: &'b [u8] = self.buffer;
        let pdu = pdu.get(..self.len).ok_or(WriteError::NoRoom)?;
        check(pdu).map_err(WriteError::Refused)?;
        Ok(pdu)
    }
}
