//! Join accepts, TS001, 6.2.5, and their lists of channels, RP002, 3.1.

use super::octets;
use crate::DevAddr;
use esh_core::{DecodeError, Input};

/// A join accept, as it stands behind its MAC header, encrypted or not: 16 or 32 octets; TS001, 6.2.5.
#[derive(Clone, Copy, Debug)]
pub enum SealedJoinAccept<'a> {
    /// Without a list of channels.
    Short(&'a [u8; 16]),
    /// With a list of channels.
    WithCfList(&'a [u8; 32]),
}

impl<'a> SealedJoinAccept<'a> {
    pub(crate) fn read(mut input: Input<'a>) -> Result<Self, DecodeError> {
        let accept = match input.len() {
            0..=16 => Self::Short(input.array("join accept")?),
            17..32 => Self::WithCfList(input.array("CFList")?),
            _ => Self::WithCfList(input.array("join accept")?),
        };
        input.end("join accept")?;
        Ok(accept)
    }

    /// Its octets.
    #[must_use]
    pub const fn octets(&self) -> &'a [u8] {
        match self {
            Self::Short(octets) => octets.as_slice(),
            Self::WithCfList(octets) => octets.as_slice(),
        }
    }
}

/// A join accept in plain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JoinAccept {
    /// A number of the join server, 24 bits: it counts since 1.0.4; AppNonce in 1.0.
    pub join_nonce: u32,
    /// The network, 24 bits.
    pub net_id: u32,
    /// The address of the device in this session.
    pub dev_addr: DevAddr,
    /// Data rates of the receive windows, and whether the network speaks 1.1.
    pub dl_settings: DlSettings,
    /// Seconds from an uplink to its first receive window; 0 means 1.
    pub rx_delay: u8,
    /// Channels.
    pub cf_list: Option<CfList>,
}

/// The downlink settings, TS001, 6.2.5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DlSettings(pub u8);

impl DlSettings {
    /// The network speaks 1.1.
    #[must_use]
    pub const fn opt_neg(self) -> bool {
        self.0 & 0x80 != 0
    }

    /// How far the data rate of the first window lies below that of the uplink.
    #[must_use]
    pub const fn rx1_dr_offset(self) -> u8 {
        self.0 >> 4 & 7
    }

    /// The data rate of the second window.
    #[must_use]
    pub const fn rx2_data_rate(self) -> u8 {
        self.0 & 15
    }
}

/// The list of channels, as sent: 15 octets and their type; RP002, 3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CfList(pub [u8; 16]);

impl CfList {
    /// A list of up to five frequencies in hertz, which must be multiples of 100 Hz; 0 is an unused place.
    #[must_use]
    pub fn of_frequencies(frequencies: [u32; 5]) -> Self {
        let mut octets = [0; 16];
        for (place, frequency) in octets.chunks_exact_mut(3).zip(frequencies) {
            let [a, b, c, _] = (frequency / 100).to_le_bytes();
            place.copy_from_slice(&[a, b, c]);
        }
        Self(octets)
    }

    /// A list of masks for 16 channels each.
    #[must_use]
    pub fn of_masks(masks: [u16; 6]) -> Self {
        let mut octets = [0; 16];
        for (place, mask) in octets.chunks_exact_mut(2).zip(masks) {
            place.copy_from_slice(&mask.to_le_bytes());
        }
        octets[15] = 1;
        Self(octets)
    }

    /// Its type: 0 for frequencies, 1 for channel masks.
    #[must_use]
    pub const fn list_type(&self) -> u8 {
        self.0[15]
    }

    /// Frequencies in hertz of a list of type 0, 0 where a place is not used.
    #[must_use]
    pub fn frequencies(&self) -> Option<[u32; 5]> {
        (self.list_type() == 0)
            .then(|| core::array::from_fn(|n| u32::from_le_bytes(with_zero(octets(&self.0, 3 * n))) * 100))
    }

    /// The masks of a list of type 1, for 16 channels each; the last two are reserved.
    #[must_use]
    pub fn masks(&self) -> Option<[u16; 6]> {
        (self.list_type() == 1).then(|| core::array::from_fn(|n| u16::from_le_bytes(octets(&self.0, 2 * n))))
    }
}

impl JoinAccept {
    /// Its fields, out of the octets in plain, and its MIC.
    #[must_use]
    pub(crate) fn of(plain: &SealedJoinAccept<'_>) -> (Self, [u8; 4]) {
        let (head, cf_list, mic) = match plain {
            SealedJoinAccept::Short(all) => (octets(all, 0), None, octets(all, 12)),
            SealedJoinAccept::WithCfList(all) => (octets(all, 0), Some(CfList(octets(all, 12))), octets(all, 28)),
        };
        let [n0, n1, n2, i0, i1, i2, a0, a1, a2, a3, dl_settings, rx_delay] = head;
        let accept = Self {
            join_nonce: u32::from_le_bytes([n0, n1, n2, 0]),
            net_id: u32::from_le_bytes([i0, i1, i2, 0]),
            dev_addr: DevAddr::from_air([a0, a1, a2, a3]),
            dl_settings: DlSettings(dl_settings),
            rx_delay: rx_delay & 15,
            cf_list,
        };
        (accept, mic)
    }

    /// Its octets in plain without the MIC, and how many of them count.
    pub(crate) fn octets(&self) -> ([u8; 28], usize) {
        let mut octets = [0; 28];
        let [n0, n1, n2, _] = self.join_nonce.to_le_bytes();
        let [i0, i1, i2, _] = self.net_id.to_le_bytes();
        let [a0, a1, a2, a3] = self.dev_addr.to_air();
        let (head, list) = octets.split_at_mut(12);
        head.copy_from_slice(&[n0, n1, n2, i0, i1, i2, a0, a1, a2, a3, self.dl_settings.0, self.rx_delay & 15]);
        match self.cf_list {
            Some(CfList(cf_list)) => {
                list.copy_from_slice(&cf_list);
                (octets, 28)
            }
            None => (octets, 12),
        }
    }
}

const fn with_zero([a, b, c]: [u8; 3]) -> [u8; 4] {
    [a, b, c, 0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_channels_reads_as_it_was_written() {
        let frequencies = [867_100_000, 867_300_000, 867_500_000, 0, 867_900_000];
        assert_eq!(CfList::of_frequencies(frequencies).frequencies(), Some(frequencies));
        let masks = [0xff00, 0, 1, 0x8000, 2, 0];
        let list = CfList::of_masks(masks);
        assert_eq!((list.masks(), list.frequencies(), list.list_type()), (Some(masks), None, 1));
    }
}
