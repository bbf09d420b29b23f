//! The MAC header: what kind of frame it is, TS001, 4.2.

use esh_core::{DecodeError, Input, Reason};

/// The message type, `FType`; TS001, table 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MType {
    /// A device wants to join.
    JoinRequest,
    /// The network lets it.
    JoinAccept,
    /// Data of a device.
    UnconfirmedDataUp,
    /// Data for a device.
    UnconfirmedDataDown,
    /// Data of a device, to be acknowledged.
    ConfirmedDataUp,
    /// Data for a device, to be acknowledged.
    ConfirmedDataDown,
    /// A device wants to join again; only in 1.1.
    RejoinRequest,
    /// A format of somebody's own.
    Proprietary,
}

/// Every message type in the order of its bits.
const TYPES: [MType; 8] = [
    MType::JoinRequest,
    MType::JoinAccept,
    MType::UnconfirmedDataUp,
    MType::UnconfirmedDataDown,
    MType::ConfirmedDataUp,
    MType::ConfirmedDataDown,
    MType::RejoinRequest,
    MType::Proprietary,
];

impl MType {
    /// Its name in the standard.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::JoinRequest => "JoinRequest",
            Self::JoinAccept => "JoinAccept",
            Self::UnconfirmedDataUp => "UnconfirmedDataUp",
            Self::UnconfirmedDataDown => "UnconfirmedDataDown",
            Self::ConfirmedDataUp => "ConfirmedDataUp",
            Self::ConfirmedDataDown => "ConfirmedDataDown",
            Self::RejoinRequest => "RejoinRequest",
            Self::Proprietary => "Proprietary",
        }
    }

    /// The header of a frame of this type, in the format of LoRaWAN R1.
    #[must_use]
    pub const fn header(self) -> u8 {
        (self as u8) << 5
    }
}

/// The MAC header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mhdr(u8);

impl Mhdr {
    /// Reads the header; the major version must be that of LoRaWAN R1, except in proprietary frames, whose other bits
    /// are nobody's.
    pub(crate) fn read(input: &mut Input<'_>) -> Result<Self, DecodeError> {
        let at = *input;
        let header = Self(input.u8("MHDR")?);
        match header.major() {
            1.. if header.m_type() != MType::Proprietary => {
                Err(at.error("major version", Reason::UnknownFormat(header.major().into())))
            }
            _ => Ok(header),
        }
    }

    /// The message type.
    #[must_use]
    pub fn m_type(self) -> MType {
        TYPES.get(usize::from(self.0 >> 5)).copied().unwrap_or(MType::Proprietary)
    }

    /// The major version; 0 is LoRaWAN R1.
    #[must_use]
    pub const fn major(self) -> u8 {
        self.0 & 3
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use esh_core::Layer;

    #[test]
    fn every_type_stands_where_its_bits_say() {
        for m_type in TYPES {
            let octets = [m_type.header()];
            assert_eq!(Mhdr::read(&mut Input::new(&octets, 0, Layer::Link)).unwrap().m_type(), m_type);
        }
        for (octet, accepted) in [(0x41, false), (0x22, false), (0x5c, true), (0xe3, true), (0xff, true)] {
            assert_eq!(Mhdr::read(&mut Input::new(&[octet], 0, Layer::Link)).is_ok(), accepted, "{octet:02x}");
        }
    }
}
