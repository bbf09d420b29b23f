//! The CI field: which header follows, and what is behind it.

use esh_core::Content;

/// What a CI field of the transport or application layer says — EN 13757-7, 5.2, table 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlInformation {
    /// The header behind it.
    pub header: Header,
    /// What stands behind the header.
    pub content: Content,
    /// Whether the message goes to the meter.
    pub to_meter: bool,
    /// Its name.
    pub name: &'static str,
}

/// The header of the transport layer — EN 13757-7, 7.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// None: the message has no transport layer.
    None,
    /// Access number, status and configuration field.
    Short,
    /// The address of the meter, then what the short header has.
    Long,
}

impl ControlInformation {
    /// What a CI field says; `None` for one that is reserved or belongs to another layer.
    #[must_use]
    pub const fn of(ci: u8) -> Option<Self> {
        use Content::{CompactRecords, Nothing, Other, RecordLayout, Records};
        use Header::{Long, None as NoHeader, Short};
        let (header, content, to_meter, name) = match ci {
            0x00..=0x1f => (NoHeader, Other(ci), false, "DLMS, no header"),
            0x50 => (NoHeader, Other(ci), true, "application reset or select, no header"),
            0x51 => (NoHeader, Records, true, "command, no header"),
            0x52 => (NoHeader, Other(ci), true, "selection of a device"),
            0x53 => (Long, Other(ci), true, "application reset or select, long header"),
            0x54 => (NoHeader, Other(ci), true, "request of the selected application, no header"),
            0x55 => (Long, Other(ci), true, "request of the selected application, long header"),
            0x5a => (Short, Records, true, "command, short header"),
            0x5b => (Long, Records, true, "command, long header"),
            0x5c => (NoHeader, Other(ci), true, "synchronise action"),
            0x5f => (Long, Other(ci), true, "security information, long header"),
            0x60 => (Long, Other(ci), true, "DLMS command, long header"),
            0x61 => (Short, Other(ci), true, "DLMS command, short header"),
            0x64 => (Long, Other(ci), true, "OBIS command, long header"),
            0x65 => (Short, Other(ci), true, "OBIS command, short header"),
            0x66 => (NoHeader, Other(ci), false, "selected application, no header"),
            0x67 => (Short, Other(ci), false, "selected application, short header"),
            0x68 => (Long, Other(ci), false, "selected application, long header"),
            0x69 => (NoHeader, RecordLayout, false, "format frame, no header"),
            0x6a => (Short, RecordLayout, false, "format frame, short header"),
            0x6b => (Long, RecordLayout, false, "format frame, long header"),
            0x6c => (Long, Other(ci), true, "clock synchronisation, absolute"),
            0x6d => (Long, Other(ci), true, "clock synchronisation, relative"),
            0x6e => (Short, Other(ci), false, "application error, short header"),
            0x6f => (Long, Other(ci), false, "application error, long header"),
            0x70 => (NoHeader, Other(ci), false, "application error, no header"),
            0x71 => (NoHeader, Other(ci), false, "alarm, no header"),
            0x72 => (Long, Records, false, "response, long header"),
            0x73 => (Long, CompactRecords, false, "compact frame, long header"),
            0x74 => (Short, Other(ci), false, "alarm, short header"),
            0x75 => (Long, Other(ci), false, "alarm, long header"),
            0x76 => (Long, Records, false, "response, most significant octet first"),
            0x77 => (NoHeader, Other(ci), false, "fixed data structure, most significant octet first"),
            0x78 => (NoHeader, Records, false, "response, no header"),
            0x79 => (NoHeader, CompactRecords, false, "compact frame, no header"),
            0x7a => (Short, Records, false, "response, short header"),
            0x7b => (Short, CompactRecords, false, "compact frame, short header"),
            0x7c => (Long, Other(ci), false, "DLMS response, long header"),
            0x7d => (Short, Other(ci), false, "DLMS response, short header"),
            0x7e => (Long, Other(ci), false, "OBIS response, long header"),
            0x7f => (Short, Other(ci), false, "OBIS response, short header"),
            0x80 => (Long, Nothing, true, "transport layer alone, long header, to the meter"),
            0x8a => (Short, Nothing, false, "transport layer alone, short header"),
            0x8b => (Long, Nothing, false, "transport layer alone, long header"),
            0xa0..=0xb7 => (NoHeader, Other(ci), false, "the maker's own"),
            0xb8..=0xbf => (NoHeader, Other(ci), true, "change of the baud rate"),
            0xc0 => (Long, Other(ci), true, "image transfer command, long header"),
            0xc1 => (Short, Other(ci), false, "image transfer response, short header"),
            0xc2 => (Long, Other(ci), false, "image transfer response, long header"),
            0xc3 => (Long, Other(ci), true, "security transfer command, long header"),
            0xc4 => (Short, Other(ci), false, "security transfer response, short header"),
            0xc5 => (Long, Other(ci), false, "security transfer response, long header"),
            _ => return None,
        };
        Some(Self { header, content, to_meter, name })
    }

    /// Whether its numbers are sent most significant octet first (EN 1434-3, mode 2), an order that was withdrawn later.
    #[must_use]
    pub const fn is_reversed(ci: u8) -> bool {
        matches!(ci, 0x76 | 0x77)
    }
}

/// An application error behind CI 6E, 6F or 70, in words — EN 13757-7, 8.3.
#[must_use]
pub const fn application_error(code: u8) -> &'static str {
    match code {
        0x00 => "unspecified error",
        0x01 => "unimplemented CI field",
        0x02 => "buffer too long, truncated",
        0x03 => "too many records",
        0x04 => "premature end of record",
        0x05 => "more than 10 DIFE",
        0x06 => "more than 10 VIFE",
        0x07 => "reserved",
        0x08 => "application too busy to answer",
        0x09 => "too many readouts",
        _ => "another error",
    }
}

/// The C field, in words — EN 13757-4, 12.5.3 and EN 13757-2, 5.
#[must_use]
pub(crate) const fn control(c: u8) -> &'static str {
    match c {
        0x00 => "ACK",
        0x06 => "CNF_IR",
        0x40 => "SND_NKE",
        0x41 => "SND_UD3",
        0x43 => "SND_UD2",
        0x44 => "SND_NR",
        0x45 => "SND_UD3",
        0x46 => "SND_IR",
        0x47 => "ACC_NR",
        0x48 => "ACC_DMD",
        0x53 | 0x73 => "SND_UD",
        0x5a | 0x7a => "REQ_UD1",
        0x5b | 0x7b => "REQ_UD2",
        0x08 | 0x18 | 0x28 | 0x38 => "RSP_UD",
        _ => "another function",
    }
}

/// Whether a C field is one that only goes to a meter.
pub(crate) const fn goes_to_meter(c: u8) -> bool {
    matches!(c, 0x06 | 0x40 | 0x41 | 0x43 | 0x45 | 0x53 | 0x73 | 0x5a | 0x7a | 0x5b | 0x7b)
}
