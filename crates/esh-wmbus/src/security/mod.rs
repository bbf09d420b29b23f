//! Security: from a payload as sent to a payload in plain, or the exact reason why not.

pub(crate) mod cipher;
pub(crate) mod derive;
#[cfg(feature = "des")]
mod des;
mod envelope;
mod plain;

pub(crate) use envelope::{Envelope, check_counter};

use crate::address::Address;
use cipher::{Cipher, Decipher};
use derive::MessageKeys;
use esh_core::{DecodeError, Protocol, Reason, SecurityState};
use plain::{Sure, looks_like_records};

/// A payload in plain.
pub(crate) struct Plain {
    pub(crate) state: SecurityState,
    pub(crate) authenticated: bool,
    /// Whether a key of the meter opened it.
    pub(crate) proved: bool,
    /// Octets behind the payload that belong to its protection.
    pub(crate) tail: usize,
}

impl Plain {
    const AS_SENT: Self = Self { state: SecurityState::None, authenticated: false, proved: false, tail: 0 };
    const ALREADY: Self = Self { state: SecurityState::AlreadyPlain, ..Self::AS_SENT };
    const DECRYPTED: Self = Self { state: SecurityState::Decrypted, proved: true, ..Self::AS_SENT };
}

/// What stands at the beginning of a payload that has been decrypted rightly — EN 13757-7, 7.6.
const CHECK_OCTETS: [u8; 2] = [0x2f, 0x2f];

/// Decrypts a payload where it lies, or leaves it as it was.
pub(crate) fn open(octets: &mut [u8], envelope: &Envelope<'_>) -> Result<Plain, DecodeError> {
    let mode = envelope.configuration.mode();
    let result = match mode {
        0 => mode_0(octets, envelope),
        #[cfg(feature = "des")]
        2 => mode_2(octets, envelope),
        5 => mode_5(octets, envelope),
        7 => mode_7(octets, envelope),
        10 => mode_10(octets, envelope),
        _ => Err(envelope.configuration.error(Reason::UnknownMode(mode))),
    };
    match result {
        Err(error) if already_plain(octets, envelope, error.reason) => Ok(Plain::ALREADY),
        result => result,
    }
}

/// Whether a payload that could not be opened for that reason has been decrypted before, or never was encrypted. A key
/// that opens it is stronger evidence, so this is asked last.
fn already_plain(octets: &[u8], envelope: &Envelope<'_>, reason: Reason) -> bool {
    let mode = envelope.configuration.mode();
    let payload = octets.get(envelope.payload..).unwrap_or_default();
    match reason {
        Reason::NoKey | Reason::KeyRejected | Reason::CheckOctetsAbsent => {}
        // The tag of mode 10 is the only thing that tells a right key.
        Reason::Authentication if mode == 10 => {}
        // Some makers set bits that no mode is defined for, and the first standard had a signature there.
        Reason::UnknownMode(_) if !is_defined(mode) => {
            let wired = envelope.meter.is_some_and(|meter| meter.protocol == Protocol::Mbus);
            if looks_like_records(payload, if wired { Sure::Supported } else { Sure::Alone }) {
                return true;
            }
        }
        Reason::UnknownMode(_) => {}
        _ => return false,
    }
    // In one ciphertext of 65536 the check octets stand by chance.
    payload.starts_with(&CHECK_OCTETS) && looks_like_records(payload, Sure::Supported)
}

/// Whether the standard has or had encryption by that mode — EN 13757-7, 7.6, table 19.
const fn is_defined(mode: u8) -> bool {
    matches!(mode, 1..=5 | 7..=10 | 13)
}

/// Mode 0, where an authentication code may still be.
fn mode_0(octets: &[u8], envelope: &Envelope<'_>) -> Result<Plain, DecodeError> {
    if envelope.authentication.is_none_or(|layer| layer.code.is_none()) {
        return Ok(Plain::AS_SENT);
    }
    match envelope.try_keys(&mut |key| envelope.code_fits(octets, key).map(|_| ())) {
        Ok(()) => {
            envelope.check_counter()?;
            Ok(Plain { authenticated: true, proved: true, ..Plain::AS_SENT })
        }
        // Without a key it can be read, but not proved.
        Err(Reason::NoKey) => Ok(Plain::AS_SENT),
        Err(_) => Err(envelope.code_error(Reason::Authentication)),
    }
}

/// Mode 2: DES in cipher block chaining, initialisation vector zero.
#[cfg(feature = "des")]
fn mode_2(octets: &mut [u8], envelope: &Envelope<'_>) -> Result<Plain, DecodeError> {
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

/// Mode 5: AES-128 in cipher block chaining. The check octets guard nothing but the maker's part of the vector.
fn mode_5(octets: &mut [u8], envelope: &Envelope<'_>) -> Result<Plain, DecodeError> {
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

/// Mode 7: AES-128 in cipher block chaining with keys of this message, initialisation vector zero.
fn mode_7(octets: &mut [u8], envelope: &Envelope<'_>) -> Result<Plain, DecodeError> {
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

/// Mode 10: AES-128-CCM with keys of this message.
fn mode_10(octets: &mut [u8], envelope: &Envelope<'_>) -> Result<Plain, DecodeError> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Address, Framing, Wmbus,
        authentication::{Authentication, Code},
        security::derive::Direction,
        telegram::{Protection, Telegram},
    };
    use esh_core::{Carrier, Ignore, Key, Known, Manufacturer, Medium, Meter, Opened, Purpose, Refused};
    use std::{string::ToString, vec::Vec};

    const KEY: [u8; 16] = [7; 16];
    const COUNTER: u32 = 0x0102_0304;

    struct Told(Option<[u8; 16]>, Option<u64>);

    impl Known for Told {
        fn keys(&self, _: &Meter, _: Purpose, each: &mut dyn FnMut(&Key) -> bool) -> bool {
            self.0.is_some_and(|key| each(&Key::new(&key).unwrap()))
        }

        fn counter(&self, _: &Meter, _: Purpose) -> Option<u64> {
            self.1
        }
    }

    fn address() -> Address {
        Address::new(Manufacturer(0x2c2d), [0x78, 0x56, 0x34, 0x12], 7, Medium::WATER)
    }

    fn telegram(mode: u8) -> Vec<u8> {
        let key = &Key::new(&KEY).unwrap();
        let telegram = Telegram {
            framing: Framing::WithoutCrc,
            control: 0x44,
            link: address(),
            primary: 0,
            extended: None,
            ci: 0x7a,
            meter: address(),
            access: 3,
            status: 0,
            protection: match mode {
                5 => Protection::Mode5 { key },
                7 => Protection::Mode7 { key, counter: COUNTER },
                _ => Protection::Mode10 { key, counter: COUNTER },
            },
            payload: &[0x04, 0x13, 1, 2, 3, 0],
        };
        telegram.write(&mut [0; 300]).unwrap().to_vec()
    }

    /// Where the message of a mode 7 telegram begins, behind CI, AFLL, FCL, MCL, MCR and MAC.
    const MESSAGE: usize = 10 + 2 + 2 + 1 + 4 + 8;

    /// Makes the code of a mode 7 telegram right again.
    fn seal(frame: &mut [u8]) {
        let keys = MessageKeys::derive(&KEY, COUNTER, address(), Direction::FromMeter);
        let layer = Authentication { message: Some(0x25), counter: Some(COUNTER), ..Authentication::default() };
        let code = keys.code(&layer, &frame[MESSAGE..]);
        frame[MESSAGE - 8..MESSAGE].copy_from_slice(&code[..8]);
        assert!(Code::new(&code).is_some());
    }

    #[test]
    fn different_troubles_are_different_answers() {
        let right = || Told(Some(KEY), None);
        let cut = |mut frame: Vec<u8>, by: usize| {
            frame.truncate(frame.len() - by);
            frame[0] -= by as u8;
            frame
        };
        let altered = |mut frame: Vec<u8>, at: usize, sealed: bool| {
            frame[at] ^= 1;
            if sealed {
                seal(&mut frame);
            }
            frame
        };
        for (mut frame, told, expect) in [
            (telegram(5), right(), "opened, false"),
            (telegram(7), right(), "opened, true"),
            (telegram(10), right(), "opened, true"),
            (telegram(5), Told(None, None), "security layer, octet 13 (configuration field): no key for this meter"),
            (
                telegram(5),
                Told(Some([8; 16]), None),
                "security layer, octet 13 (configuration field): none of the known keys opens it",
            ),
            (
                telegram(7),
                Told(Some([8; 16]), None),
                "security layer, octet 30 (configuration field): none of the known keys opens it",
            ),
            (
                altered(telegram(7), 34, true),
                right(),
                "security layer, octet 33 (check octets): the key is right, but the check octets 2f 2f are not there",
            ),
            (
                altered(telegram(7), MESSAGE + 2, false),
                right(),
                "authentication layer, octet 19 (authentication code): the authentication code does not fit: wrong key or altered octets",
            ),
            (
                altered(telegram(10), 27, false),
                right(),
                "security layer, octet 27 (authentication tag): the authentication code does not fit: wrong key or altered octets",
            ),
            (
                altered(telegram(5), 14, false),
                right(),
                "security layer, octet 13 (configuration field): security mode 4 is not known",
            ),
            (cut(telegram(5), 1), right(), "security layer, octet 15 (encrypted blocks): needs 16 octets, 15 left"),
            (
                telegram(7),
                Told(Some(KEY), Some(COUNTER.into())),
                "authentication layer, octet 15 (message counter): counter 16909060 is not above 16909060, the last one accepted",
            ),
            (
                telegram(10),
                Told(Some(KEY), Some(u64::MAX)),
                "transport layer, octet 17 (message counter): counter 16909060 is not above 18446744073709551615, the last one accepted",
            ),
            (telegram(10), Told(Some(KEY), Some(u64::from(COUNTER) - 1)), "opened, true"),
        ] {
            let sent = frame.clone();
            let found: Result<Opened<'_>, Refused> = Wmbus::default().open(&mut frame, &told, &mut Ignore);
            match found {
                Ok(opened) => assert_eq!(std::format!("opened, {}", opened.security.authenticated), expect),
                Err(refused) => {
                    assert_eq!(refused.error.to_string(), expect);
                    assert_eq!(refused.meter, Some(address().meter(Protocol::Wmbus)));
                    assert!(refused.mode.is_some());
                    assert_eq!(frame, sent, "{expect}");
                }
            }
        }
    }
}
