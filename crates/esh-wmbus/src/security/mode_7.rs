//! Mode 7: AES-128 in cipher block chaining with keys of this message, initialisation vector zero.

use super::{CHECK_OCTETS, Envelope, Plain, cipher::Decipher, derive::MessageKeys, mode_0};
use esh_core::{DecodeError, Reason, SecurityState};

/// Opens a payload of this mode where it lies, or leaves it as it was.
pub(super) fn open(octets: &mut [u8], envelope: &Envelope<'_>) -> Result<Plain, DecodeError> {
    let configuration = envelope.configuration;
    let encrypted = 16 * configuration.blocks();
    let first = envelope.encrypted(octets, encrypted)?.first_chunk::<16>().copied();
    let has_code = envelope.authentication.is_some_and(|layer| layer.code.is_some());
    let Some(first) = first else {
        return mode_0(octets, envelope).map(|plain| Plain { state: SecurityState::AlreadyPlain, ..plain });
    };
    envelope.check_derivation()?;
    let opens = |keys: &MessageKeys| {
        let cipher = Decipher::new(&keys.encryption());
        let right = cipher.decrypt(first).starts_with(&CHECK_OCTETS);
        (cipher, right)
    };
    let directions = [envelope.direction, envelope.direction.other()];
    let mut opens_unproved = false;
    let right = envelope.try_keys(&mut |key| {
        if has_code && let Some(keys) = envelope.code_fits(octets, key) {
            return Some(opens(&keys));
        }
        let opened = directions.into_iter().find_map(|direction| {
            let keys = envelope.message_keys(key, direction)?;
            Some(opens(&keys)).filter(|(_, right)| *right)
        });
        opens_unproved |= has_code && opened.is_some();
        opened.filter(|_| !has_code)
    });
    let (cipher, opens) = match right {
        Ok(opened) => opened,
        Err(Reason::KeyRejected) if opens_unproved => return Err(envelope.code_error(Reason::Authentication)),
        Err(reason) => return Err(configuration.error(reason)),
    };
    if !opens {
        let error = configuration.error(Reason::CheckOctetsAbsent);
        return Err(DecodeError { field: "check octets", offset: envelope.payload, ..error });
    }
    envelope.check_counter()?;
    cipher.cbc_decrypt([0; 16], envelope.encrypted(octets, encrypted)?);
    Ok(Plain { authenticated: has_code, ..Plain::DECRYPTED })
}
