//! File records — MODBUS application protocol V1.1b3, clauses 6.14 and 6.15.

use super::Registers;
use esh_core::{DecodeError, Input, Reason};

/// The reference type of every sub-request.
const REFERENCE: u8 = 6;

/// The last record of a file.
const LAST_RECORD: u16 = 0x270f;

/// A part of a file: what is asked for, or what is written there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileRecord<'a> {
    /// The file, from 1.
    pub file: u16,
    /// The first record, up to 9999.
    pub record: u16,
    /// How many records.
    pub length: u16,
    /// What they are to hold; empty where they are read.
    pub data: Registers<'a>,
}

/// The sub-requests of a request to read or write file records, or of the echo of one that writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileRecords<'a> {
    octets: &'a [u8],
    with_data: bool,
}

impl<'a> FileRecords<'a> {
    pub(super) fn read(mut input: Input<'a>, with_data: bool) -> Result<Self, DecodeError> {
        let octets = input.rest();
        if octets.is_empty() {
            return Err(input.error("sub-request", Reason::Truncated { needed: 7, left: 0 }));
        }
        while !input.is_empty() {
            record(&mut input, with_data)?;
        }
        Ok(Self { octets, with_data })
    }

    /// The sub-requests in these octets.
    ///
    /// # Errors
    /// Where one is cut or out of range.
    pub fn new(octets: &'a [u8], with_data: bool) -> Result<Self, DecodeError> {
        Self::read(Input::new(octets, 0, super::LAYER), with_data)
    }

    /// One after the other.
    pub fn iter(self) -> impl Iterator<Item = FileRecord<'a>> {
        let mut input = Input::new(self.octets, 0, super::LAYER);
        core::iter::from_fn(move || record(&mut input, self.with_data).ok())
    }

    /// The octets, as sent.
    #[must_use]
    pub const fn octets(self) -> &'a [u8] {
        self.octets
    }
}

fn record<'a>(input: &mut Input<'a>, with_data: bool) -> Result<FileRecord<'a>, DecodeError> {
    reference(input)?;
    let at = *input;
    let file = input.u16_be("file number")?;
    if file == 0 {
        return Err(at.error("file number", Reason::Malformed));
    }
    let at = *input;
    let record = input.u16_be("record number")?;
    if record > LAST_RECORD {
        return Err(at.error("record number", Reason::TooLong { limit: LAST_RECORD.into(), found: record.into() }));
    }
    let length = input.u16_be("record length")?;
    let data = if with_data { input.take("record data", usize::from(length) * 2)? } else { &[] };
    let data = Registers::new(data).ok_or_else(|| input.error("record data", Reason::Malformed))?;
    Ok(FileRecord { file, record, length, data })
}

fn reference(input: &mut Input<'_>) -> Result<(), DecodeError> {
    let at = *input;
    let reference = input.u8("reference type")?;
    if reference == REFERENCE { Ok(()) } else { Err(at.error("reference type", Reason::Reserved(reference.into()))) }
}

/// The records that a server has read, each of them what one sub-request asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileData<'a>(&'a [u8]);

impl<'a> FileData<'a> {
    pub(super) fn read(mut input: Input<'a>) -> Result<Self, DecodeError> {
        let octets = input.rest();
        if octets.is_empty() {
            return Err(input.error("sub-response", Reason::Truncated { needed: 2, left: 0 }));
        }
        while !input.is_empty() {
            data(&mut input)?;
        }
        Ok(Self(octets))
    }

    /// The records in these octets.
    ///
    /// # Errors
    /// Where one is cut or has half a register.
    pub fn new(octets: &'a [u8]) -> Result<Self, DecodeError> {
        Self::read(Input::new(octets, 0, super::LAYER))
    }

    /// One after the other.
    pub fn iter(self) -> impl Iterator<Item = Registers<'a>> {
        let mut input = Input::new(self.0, 0, super::LAYER);
        core::iter::from_fn(move || data(&mut input).ok())
    }

    /// The octets, as sent.
    #[must_use]
    pub const fn octets(self) -> &'a [u8] {
        self.0
    }
}

fn data<'a>(input: &mut Input<'a>) -> Result<Registers<'a>, DecodeError> {
    let at = *input;
    let length = input.u8("file response length")?;
    let Some(data) = usize::from(length).checked_sub(1) else {
        return Err(at.error("file response length", Reason::Malformed));
    };
    reference(input)?;
    let at = *input;
    let octets = input.take("record data", data)?;
    Registers::new(octets).ok_or_else(|| at.error("record data", Reason::Malformed))
}
