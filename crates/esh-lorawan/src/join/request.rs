//! Join requests, TS001, 6.2.4.

use super::{Asked, octets, whole};
use crate::{
    Eui64,
    crypto::{Cipher, same},
};
use esh_core::{DecodeError, Input, Key};

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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request([u8; 23]);

impl Request {
    /// The request of those octets, which [`esh_core::Learned::Request`] has told.
    #[must_use]
    pub fn new(frame: &[u8]) -> Option<Self> {
        frame.try_into().ok().map(Self)
    }

    /// Its octets.
    #[must_use]
    pub const fn octets(&self) -> &[u8; 23] {
        &self.0
    }

    /// Who asks whom, for whoever answers.
    #[must_use]
    pub fn asked(&self) -> Asked {
        self.view().asked()
    }

    /// Whether it is signed with that key, the AppKey of 1.0 or the NwkKey of 1.1.
    #[must_use]
    pub fn is_signed_with(&self, key: &Key) -> bool {
        let (view, key) = (self.view(), key.expose_128());
        key.is_some_and(|key| same(Cipher::new(key).mic(view.protected()), view.mic()))
    }

    pub(crate) const fn view(&self) -> JoinRequest<'_> {
        JoinRequest(&self.0)
    }
}
