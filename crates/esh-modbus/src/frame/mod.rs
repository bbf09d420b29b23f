//! Frames: what carries a PDU over a serial line or over TCP.

pub mod ascii;
mod crc;
pub mod rtu;
pub mod tcp;

pub use crc::crc;
pub(crate) use crc::fits;

use crate::pdu::{PDU_LIMIT, WriteError};
use esh_core::Layer;

/// The layer of what stands around a PDU.
pub(crate) const LAYER: Layer = Layer::Link;

/// How frames are laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Octets with a CRC: a serial line, or a serial server that passes them through TCP.
    #[default]
    Rtu,
    /// Hexadecimal between a colon and the end of a line, with an LRC: a serial line.
    Ascii,
    /// A header with a length in front: Modbus TCP.
    Tcp,
}

impl Mode {
    /// Its word in lines and configurations.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Rtu => "rtu",
            Self::Ascii => "ascii",
            Self::Tcp => "tcp",
        }
    }

    /// The mode of that word; `rtu_over_tcp` is RTU, whatever it travels through.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "rtu" | "rtu_over_tcp" => Some(Self::Rtu),
            "ascii" => Some(Self::Ascii),
            "tcp" => Some(Self::Tcp),
            _ => None,
        }
    }

    /// The longest frame.
    #[must_use]
    pub const fn limit(self) -> usize {
        match self {
            Self::Rtu => rtu::LIMIT,
            Self::Ascii => ascii::LIMIT,
            Self::Tcp => tcp::LIMIT,
        }
    }

    /// Writes a frame around a PDU. Serial frames have no room for the transaction.
    ///
    /// # Errors
    /// A PDU that is too long or a buffer without room.
    pub fn write<'b>(self, head: Head, pdu: &[u8], buffer: &'b mut [u8]) -> Result<&'b [u8], WriteError> {
        if pdu.len() > PDU_LIMIT {
            return Err(WriteError::TooLong);
        }
        let written = match self {
            Self::Rtu => rtu::write(head.unit, pdu, buffer),
            Self::Ascii => ascii::write(head.unit, pdu, buffer),
            Self::Tcp => tcp::write(head, pdu, buffer),
        };
        written.ok_or(WriteError::NoRoom)
    }
}

/// Whose frame it is, and which one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// By which a client of Modbus TCP knows the answers to its requests; 0 on a serial line.
    pub transaction: u16,
    /// The server: 1 to 247; 0 is all of them, 255 that of the TCP address.
    pub unit: u8,
}

/// An application data unit whose frame has been checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adu<'a> {
    /// Whose it is.
    pub head: Head,
    /// What it carries.
    pub pdu: &'a [u8],
    /// The octet where that begins.
    pub offset: usize,
}
