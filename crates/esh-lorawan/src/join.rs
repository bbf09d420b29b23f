//! Joining: join request, join accept and rejoin requests; TS001, 6.2.

use crate::{DevAddr, Eui64};
use esh_core::{DecodeError, Input, Reason};

/// A join request: AppEUI or JoinEUI, DevEUI, DevNonce; TS001, 6.2.4.
#[derive(Clone, Copy, Debug)]
pub struct JoinRequest<'a>(&'a [u8; 23]);

impl<'a> JoinRequest<'a> {
    pub(crate) fn read(frame: &'a [u8], input: &Input<'_>) -> Result<Self, DecodeError> {
        Ok(Self(whole(frame, "join request", input)?))
    }

    /// The join server: JoinEUI, in 1.0 AppEUI.
    #[must_use]
    pub fn join_eui(&self) -> Eui64 {
        Eui64::from_air(octets(self.0, 1))
    }

    /// The device.
    #[must_use]
    pub fn dev_eui(&self) -> Eui64 {
        Eui64::from_air(octets(self.0, 9))
    }

    /// A number that the device uses once: random up to 1.0.3, counting since.
    #[must_use]
    pub const fn dev_nonce(&self) -> u16 {
        u16::from_le_bytes([self.0[17], self.0[18]])
    }

    /// The message integrity code.
    #[must_use]
    pub fn mic(&self) -> [u8; 4] {
        octets(self.0, 19)
    }

    pub(crate) fn protected(&self) -> &'a [u8] {
        self.0.split_last_chunk::<4>().map_or(&[], |(protected, _)| protected)
    }

    pub(crate) const fn octets(&self) -> &'a [u8] {
        self.0
    }

    pub(crate) fn asked(&self) -> Asked {
        Asked { join_eui: self.join_eui(), dev_eui: self.dev_eui(), nonce: self.dev_nonce(), rejoin: None }
    }
}

/// A join request that waits for its answer, newest first among [`esh_core::Known::sessions`] of
/// [`crate::Lorawan::nobody`]: an accept does not say whom it answers.
#[derive(Clone, Copy, Debug)]
pub struct Request([u8; 23]);

impl Request {
    /// The request of those octets, which [`esh_core::Learned::Request`] has told.
    #[must_use]
    pub fn new(frame: &[u8]) -> Option<Self> {
        frame.try_into().ok().map(Self)
    }

    pub(crate) const fn view(&self) -> JoinRequest<'_> {
        JoinRequest(&self.0)
    }
}

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

/// The request that a join accept answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Whom the device asked.
    pub join_eui: Eui64,
    /// The device.
    pub dev_eui: Eui64,
    /// The DevNonce of a join request, the RJcount of a rejoin request.
    pub nonce: u16,
    /// The type of a rejoin request.
    pub rejoin: Option<u8>,
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

/// The whole frame as an array, or an error that says how much is missing or too much.
fn whole<'a, const N: usize>(
    frame: &'a [u8],
    field: &'static str,
    rest: &Input<'_>,
) -> Result<&'a [u8; N], DecodeError> {
    let mut input = Input::new(frame, 0, rest.layer());
    let all = input.array(field)?;
    input.end(field)?;
    Ok(all)
}

/// `N` octets of an array; zeros where it should have been shorter, which no caller asks for.
fn octets<const N: usize, const M: usize>(all: &[u8; M], at: usize) -> [u8; N] {
    all.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or([0; N])
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
