//! What an extended link guards: its payload CRC, and AES in counter mode.

use crate::{
    authentication,
    crc::crc,
    extended_link::{ExtendedLink, Session},
    open::{Found, Lower, SoFar, upper},
    security::{self, cipher::Cipher},
};
use esh_core::note::{Notes, at};
use esh_core::{DecodeError, Known, Layer, Learned, Meter, Purpose, Reason, SecurityState};

/// Opens what an extended link guards with its payload CRC, and perhaps encrypts.
pub(crate) fn open(
    octets: &mut [u8],
    layer: &ExtendedLink,
    session: Session,
    lower: Lower<'_>,
    notes: &mut Notes<'_, '_>,
    so_far: &mut SoFar,
) -> Result<Found, DecodeError> {
    const LAYER: Layer = Layer::ExtendedLink;
    let error = |field, offset, reason| DecodeError { layer: LAYER, field, offset, reason };
    so_far.counter = Some(session.number.into());
    let left = octets.len().saturating_sub(session.offset);
    let Some(guarded) = octets.get_mut(session.offset..).filter(|guarded| guarded.len() >= 2) else {
        return Err(error("payload CRC", session.offset, Reason::Truncated { needed: 2, left }));
    };
    let opening = match session.encryption() {
        0 => None,
        1 => {
            notes.text(at(LAYER, session.offset - 4, 0, "encryption", "mode"), &"ell-ctr", &"AES-128 in counter mode");
            so_far.link_names_mode = true;
            let Some(address) = lower.address else {
                return Err(error("session number", session.offset, Reason::NoKey));
            };
            let vector = layer.initialisation_vector(address, session.number);
            match decrypt(guarded, vector, lower.known, so_far.meter.as_ref()) {
                Ok(cipher) => Some((cipher, vector)),
                Err(_) if payload_crc(guarded).is_ok() => None,
                Err(reason) => return Err(error("payload CRC", session.offset, reason)),
            }
        }
        other => return Err(error("session number", session.offset - 4, Reason::UnknownMode(other))),
    };
    payload_crc(guarded).map_err(|reason| error("payload CRC", session.offset, reason))?;
    notes.octets(at(LAYER, session.offset, 2, "payload CRC", ""), guarded.get(..2).unwrap_or_default(), &"right");
    let link_state = match (&opening, session.encryption()) {
        (Some(_), _) => SecurityState::Decrypted,
        (None, 1) => SecurityState::AlreadyPlain,
        (None, _) => SecurityState::None,
    };
    let own_counter = guarded.get(2) != Some(&authentication::CI);
    let upper_at = session.offset + 2;
    let fresh = match &opening {
        Some(_) if own_counter => security::check_counter(lower.known, so_far.meter.as_ref(), session.number)
            .map_err(|reason| error("session number", session.offset - 4, reason)),
        _ => Ok(()),
    };
    let lower = Lower { link_state, ..lower };
    let link_meter = so_far.meter;
    match fresh.and_then(|()| upper(octets, upper_at, &lower, notes, so_far)) {
        Ok(found) => {
            // The counter belongs to the meter of the link, whose key opened it.
            if opening.is_some() && own_counter && link_meter == so_far.meter {
                notes.learned(Learned::Counter { purpose: Purpose::Data, counter: session.number.into() });
            }
            Ok(found)
        }
        Err(error) => {
            if let (Some((cipher, vector)), Some(guarded)) = (opening, octets.get_mut(session.offset..)) {
                cipher.ctr(vector, guarded);
            }
            Err(error)
        }
    }
}

/// Checks the payload CRC, least significant octet first, in front of the octets it guards.
fn payload_crc(guarded: &[u8]) -> Result<(), Reason> {
    let Some((sent, payload)) = guarded.split_first_chunk() else {
        return Err(Reason::Truncated { needed: 2, left: guarded.len() });
    };
    let (found, computed) = (u16::from_le_bytes(*sent), crc(payload));
    if found == computed { Ok(()) } else { Err(Reason::Checksum { found: found.into(), computed: computed.into() }) }
}

/// Decrypts with the key that makes the payload CRC right, or leaves the octets as they were.
fn decrypt(guarded: &mut [u8], vector: [u8; 16], known: &dyn Known, meter: Option<&Meter>) -> Result<Cipher, Reason> {
    let mut right = None;
    let mut refused = Reason::NoKey;
    if let Some(meter) = meter {
        known.keys(meter, Purpose::Data, &mut |key| {
            refused = Reason::KeyRejected;
            let Some(key) = key.expose_128() else { return false };
            let cipher = Cipher::new(key);
            cipher.ctr(vector, guarded);
            if payload_crc(guarded).is_ok() {
                right = Some(cipher);
                return true;
            }
            cipher.ctr(vector, guarded);
            false
        });
    }
    right.ok_or(refused)
}
