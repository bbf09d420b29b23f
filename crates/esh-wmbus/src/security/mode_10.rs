//! Mode 10: AES-128-CCM with keys of this message.

use super::{Envelope, Plain, cipher::Cipher};
use esh_core::{DecodeError, Reason};

/// Opens a payload of this mode where it lies, or leaves it as it was.
pub(super) fn open(octets: &mut [u8], envelope: &Envelope<'_>) -> Result<Plain, DecodeError> {
    let configuration = envelope.configuration;
    let [_, second] = configuration.extension;
    // Other tag sizes, and encryption of a part, have not been published with octets to check against.
    if second & 0x0f != 1 {
        return Err(configuration.extension_error(Reason::UnknownMode(10)));
    }
    if configuration.word & 0xff != 0xff || configuration.has_key_version() {
        return Err(configuration.error(Reason::Unsupported));
    }
    envelope.check_derivation()?;
    let Some(counter) = envelope.counter() else { return Err(configuration.error(Reason::Malformed)) };
    let Some(address) = envelope.address else { return Err(configuration.error(Reason::NoKey)) };
    const TAG: usize = 8;
    // From the CI field to the extension of the configuration field, without the counter behind it.
    let mut associated = [0; 15];
    let header = octets.get(envelope.message..configuration.offset + 4).unwrap_or_default();
    let Some(associated) = associated.get_mut(..header.len()) else {
        return Err(configuration.error(Reason::Malformed));
    };
    associated.copy_from_slice(header);
    let left = octets.len().saturating_sub(envelope.payload);
    let Some((text, tag)) = octets.get_mut(envelope.payload..).and_then(|rest| rest.split_last_chunk_mut::<TAG>())
    else {
        let error = configuration.error(Reason::Truncated { needed: TAG, left });
        return Err(DecodeError { field: "authentication tag", offset: envelope.payload, ..error });
    };
    let [m0, m1, a0, a1, a2, a3, a4, a5] = address.0;
    let [c0, c1, c2, c3] = counter.to_be_bytes();
    let nonce = [m0, m1, a0, a1, a2, a3, a4, a5, 0, c0, c1, c2, c3];
    let opened = envelope.try_keys(&mut |key| {
        [envelope.direction, envelope.direction.other()].into_iter().find_map(|direction| {
            let cipher = Cipher::new(&envelope.message_keys(key, direction)?.encryption());
            cipher.ccm_open(&nonce, associated, text, tag).then_some(cipher)
        })
    });
    match opened {
        Ok(cipher) => {
            if let Err(replayed) = envelope.check_counter() {
                cipher.ccm_close(&nonce, text);
                return Err(replayed);
            }
            Ok(Plain { authenticated: true, tail: TAG, ..Plain::DECRYPTED })
        }
        Err(Reason::NoKey) => Err(configuration.error(Reason::NoKey)),
        Err(_) => {
            let error = configuration.error(Reason::Authentication);
            Err(DecodeError { field: "authentication tag", offset: envelope.payload + left - TAG, ..error })
        }
    }
}
