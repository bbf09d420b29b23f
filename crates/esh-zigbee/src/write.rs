//! Where frames are written: octets one after the other, into a buffer of the caller.

use core::fmt;

/// Why a frame cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteError {
    /// It does not fit its buffer, or is longer than a frame can be.
    TooLong,
    /// A value does not go with its type, or a field is missing.
    Malformed,
}

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "the frame does not fit",
            Self::Malformed => "no such frame: a value does not go with its type, or a field is missing",
        })
    }
}

impl core::error::Error for WriteError {}

/// Octets that are being written.
#[derive(Debug)]
pub struct Writer<'b> {
    buffer: &'b mut [u8],
    len: usize,
}

impl<'b> Writer<'b> {
    /// Nothing yet.
    #[must_use]
    pub const fn new(buffer: &'b mut [u8]) -> Self {
        Self { buffer, len: 0 }
    }

    /// These octets next.
    ///
    /// # Errors
    /// When they do not fit.
    pub fn put(&mut self, octets: &[u8]) -> Result<&mut Self, WriteError> {
        let end = self.len + octets.len();
        self.buffer.get_mut(self.len..end).ok_or(WriteError::TooLong)?.copy_from_slice(octets);
        self.len = end;
        Ok(self)
    }

    /// One octet.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn u8(&mut self, octet: u8) -> Result<&mut Self, WriteError> {
        self.put(&[octet])
    }

    /// Two octets, least significant first.
    ///
    /// # Errors
    /// When they do not fit.
    pub fn u16(&mut self, number: u16) -> Result<&mut Self, WriteError> {
        self.put(&number.to_le_bytes())
    }

    /// Four octets, least significant first.
    ///
    /// # Errors
    /// When they do not fit.
    pub fn u32(&mut self, number: u32) -> Result<&mut Self, WriteError> {
        self.put(&number.to_le_bytes())
    }

    /// An extended address, least significant octet first.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn u64(&mut self, number: u64) -> Result<&mut Self, WriteError> {
        self.put(&number.to_le_bytes())
    }

    /// How many octets there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The octets so far, to be encrypted where they lie.
    pub(crate) fn so_far(&mut self) -> &mut [u8] {
        self.buffer.get_mut(..self.len).unwrap_or_default()
    }

    /// The octets.
    #[must_use]
    pub fn finish(self) -> &'b [u8] {
        let Self { buffer, len } = self;
        buffer.get(..len).unwrap_or_default()
    }
}
