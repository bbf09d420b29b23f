//! Mode 2: DES in cipher block chaining, initialisation vector zero.

use super::{CHECK_OCTETS, Envelope, Plain, des};
use esh_core::{DecodeError, Reason};

/// Opens a payload of this mode where it lies, or leaves it as it was.
pub(super) fn open(octets: &mut [u8], envelope: &Envelope<'_>) -> Result<Plain, DecodeError> {
    let encrypted = usize::from(envelope.configuration.word & 0xff);
    if encrypted == 0 {
        return Ok(Plain::ALREADY);
    }
    let octets = envelope.encrypted(octets, encrypted)?;
    let Some(first) = octets.first_chunk::<8>().copied() else {
        return Err(envelope.configuration.error(Reason::Malformed));
    };
    let mut right = None;
    let tried = envelope.offer_keys(&mut |key| {
        let Ok(key) = <[u8; 8]>::try_from(key.expose()) else { return false };
        let mut copy = first;
        des::cbc_decrypt(&key, &mut copy);
        let fits = copy.starts_with(&CHECK_OCTETS);
        right = fits.then_some(key);
        fits
    });
    let Some(key) = right else { return Err(envelope.configuration.error(tried)) };
    des::cbc_decrypt(&key, octets);
    Ok(Plain::DECRYPTED)
}
