//! Mode 5: AES-128 in cipher block chaining. The check octets guard nothing but the maker's part of the vector.

use super::{CHECK_OCTETS, Envelope, Plain, cipher::Decipher};
use crate::address::Address;
use esh_core::{DecodeError, Reason};

/// Opens a payload of this mode where it lies, or leaves it as it was.
pub(super) fn open(octets: &mut [u8], envelope: &Envelope<'_>) -> Result<Plain, DecodeError> {
    let encrypted = 16 * envelope.configuration.blocks();
    let payload = envelope.encrypted(octets, encrypted)?;
    let Some(first) = payload.first_chunk::<16>().copied() else { return Ok(Plain::ALREADY) };
    let Some(Address([m0, m1, a0, a1, a2, a3, a4, a5])) = envelope.address else {
        return Err(envelope.configuration.error(Reason::NoKey));
    };
    let n = envelope.access;
    let vector = [m0, m1, a0, a1, a2, a3, a4, a5, n, n, n, n, n, n, n, n];
    let right = envelope.try_keys(&mut |key| {
        let cipher = Decipher::new(key);
        let [b0, b1, ..] = cipher.decrypt(first);
        ([b0 ^ m0, b1 ^ m1] == CHECK_OCTETS).then_some((cipher, *key))
    });
    let (cipher, key) = right.map_err(|reason| envelope.configuration.error(reason))?;
    let mut authenticated = false;
    if envelope.authentication.is_some_and(|layer| layer.code.is_some()) {
        if envelope.code_fits(octets, &key).is_none() {
            return Err(envelope.code_error(Reason::Authentication));
        }
        envelope.check_counter()?;
        authenticated = true;
    }
    cipher.cbc_decrypt(vector, envelope.encrypted(octets, encrypted)?);
    Ok(Plain { authenticated, ..Plain::DECRYPTED })
}
