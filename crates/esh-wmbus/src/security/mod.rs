//! Security: from a payload as sent to a payload in plain, or the exact reason why not.

pub(crate) mod cipher;
pub(crate) mod derive;
#[cfg(feature = "des")]
mod des;
mod plain;

use crate::{address::Address, authentication::Authentication, transport::Configuration};
use cipher::{Cipher, Decipher, same};
use derive::{Direction, MessageKeys};
use esh_core::{DecodeError, Key, Known, Layer, Meter, Protocol, Purpose, Reason, SecurityState};
use plain::{Sure, looks_like_records};

/// A message as sent, and everything that says how it is protected.
pub(crate) struct Envelope<'a> {
    pub(crate) known: &'a dyn Known,
    pub(crate) meter: Option<Meter>,
    /// The address that keys and initialisation vectors are made with.
    pub(crate) address: Option<Address>,
    pub(crate) access: u8,
    pub(crate) configuration: Configuration,
    pub(crate) authentication: Option<Authentication>,
    pub(crate) direction: Direction,
    /// Where the CI field of the transport layer stands.
    pub(crate) message: usize,
    /// Where the payload begins.
    pub(crate) payload: usize,
}

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

impl Envelope<'_> {
    /// The message counter, of whichever layer has one.
    pub(crate) fn counter(&self) -> Option<u32> {
        self.authentication.and_then(|layer| layer.counter).or(self.configuration.counter)
    }

    /// The encrypted octets.
    fn encrypted<'o>(&self, octets: &'o mut [u8], len: usize) -> Result<&'o mut [u8], DecodeError> {
        let left = octets.len().saturating_sub(self.payload);
        octets.get_mut(self.payload..).and_then(|rest| rest.get_mut(..len)).ok_or(DecodeError {
            layer: Layer::Security,
            field: "encrypted blocks",
            offset: self.payload,
            reason: Reason::Truncated { needed: len, left },
        })
    }

    fn offer_keys(&self, fits: &mut dyn FnMut(&Key) -> bool) -> Reason {
        let mut offered = false;
        if let Some(meter) = &self.meter {
            self.known.keys(meter, Purpose::Data, &mut |key| {
                offered = true;
                fits(key)
            });
        }
        if offered { Reason::KeyRejected } else { Reason::NoKey }
    }

    /// What the first key that opens makes of it.
    fn try_keys<T>(&self, opens: &mut dyn FnMut(&[u8; 16]) -> Option<T>) -> Result<T, Reason> {
        let mut right = None;
        let refused = self.offer_keys(&mut |key| {
            right = key.expose_128().and_then(&mut *opens);
            right.is_some()
        });
        right.ok_or(refused)
    }

    /// The counter of a message whose key is proved is above the last one accepted.
    fn check_counter(&self) -> Result<(), DecodeError> {
        let Some(counter) = self.counter() else { return Ok(()) };
        check_counter(self.known, self.meter.as_ref(), counter)
            .map_err(|reason| DecodeError { field: "message counter", ..self.code_error(reason) })
    }

    fn check_derivation(&self) -> Result<(), DecodeError> {
        match self.configuration.derivation() {
            0 => Ok(()),
            1 if self.counter().is_some() => Ok(()),
            1 => Err(self.configuration.error(Reason::Malformed)),
            other => Err(self.configuration.extension_error(Reason::Reserved(other.into()))),
        }
    }

    fn message_keys(&self, key: &[u8; 16], direction: Direction) -> Option<MessageKeys> {
        // Only modes 7 and 10 can say that keys are not derived.
        if matches!(self.configuration.mode(), 7 | 10) && self.configuration.derivation() == 0 {
            return Some(MessageKeys::persistent(key));
        }
        Some(MessageKeys::derive(key, self.counter()?, self.address?, direction))
    }

    /// The keys of this message, if its authentication code was made with them.
    fn code_fits(&self, octets: &[u8], key: &[u8; 16]) -> Option<MessageKeys> {
        let layer = self.authentication?;
        let code = layer.code?;
        let message = octets.get(self.message..)?;
        [self.direction, self.direction.other()].into_iter().find_map(|direction| {
            let keys = self.message_keys(key, direction)?;
            let computed = keys.code(&layer, message);
            same(computed.get(..code.octets().len())?, code.octets()).then_some(keys)
        })
    }

    fn code_error(&self, reason: Reason) -> DecodeError {
        DecodeError { layer: Layer::Authentication, field: "authentication code", offset: self.message, reason }
    }
}

/// Whether a counter is above the last one accepted from a meter.
pub(crate) fn check_counter(known: &dyn Known, meter: Option<&Meter>, counter: u32) -> Result<(), Reason> {
    let found = u64::from(counter);
    match meter.and_then(|meter| known.counter(meter, Purpose::Data)) {
        Some(last) if found <= last => Err(Reason::Replayed { last, found }),
        _ => Ok(()),
    }
}
