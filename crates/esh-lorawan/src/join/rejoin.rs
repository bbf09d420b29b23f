//! Rejoin requests, TS001-1.1, 6.2.4.

use super::{octets, whole};
use crate::Eui64;
use esh_core::{DecodeError, Input, Reason};

/// A rejoin request of 1.1, TS001-1.1, 6.2.4.
#[derive(Clone, Copy, Debug)]
pub enum RejoinRequest<'a> {
    /// Types 0 and 2: NetID, DevEUI, RJcount0.
    Network(&'a [u8; 19]),
    /// Type 1: JoinEUI, DevEUI, RJcount1.
    Join(&'a [u8; 24]),
}

impl<'a> RejoinRequest<'a> {
    pub(crate) fn read(frame: &'a [u8], mut input: Input<'_>) -> Result<Self, DecodeError> {
        let at = input;
        match input.u8("rejoin type")? {
            0 | 2 => Ok(Self::Network(whole(frame, "rejoin request", &at)?)),
            1 => Ok(Self::Join(whole(frame, "rejoin request", &at)?)),
            other => Err(at.error("rejoin type", Reason::UnknownFormat(other.into()))),
        }
    }

    const fn all(&self) -> &'a [u8] {
        match self {
            Self::Network(all) => all.as_slice(),
            Self::Join(all) => all.as_slice(),
        }
    }

    /// 0: the device offers to move or re-key; 1: it begins anew; 2: it re-keys.
    #[must_use]
    pub const fn rejoin_type(&self) -> u8 {
        match self {
            Self::Network(all) => all[1],
            Self::Join(all) => all[1],
        }
    }

    /// The network, of types 0 and 2.
    #[must_use]
    pub const fn net_id(&self) -> Option<u32> {
        match self {
            Self::Network(all) => Some(u32::from_le_bytes([all[2], all[3], all[4], 0])),
            Self::Join(_) => None,
        }
    }

    /// The join server, of type 1.
    #[must_use]
    pub fn join_eui(&self) -> Option<Eui64> {
        match self {
            Self::Network(_) => None,
            Self::Join(all) => Some(Eui64::from_air(octets(all, 2))),
        }
    }

    /// The device.
    #[must_use]
    pub fn dev_eui(&self) -> Eui64 {
        match self {
            Self::Network(all) => Eui64::from_air(octets(all, 5)),
            Self::Join(all) => Eui64::from_air(octets(all, 10)),
        }
    }

    /// How many rejoin requests of its kind there were.
    #[must_use]
    pub const fn rj_count(&self) -> u16 {
        match self {
            Self::Network(all) => u16::from_le_bytes([all[13], all[14]]),
            Self::Join(all) => u16::from_le_bytes([all[18], all[19]]),
        }
    }

    /// The message integrity code.
    #[must_use]
    pub fn mic(&self) -> [u8; 4] {
        self.all().last_chunk().copied().unwrap_or_default()
    }

    pub(crate) fn protected(&self) -> &'a [u8] {
        self.all().split_last_chunk::<4>().map_or(&[], |(protected, _)| protected)
    }
}
