//! Security: from a payload as sent to a payload in plain, or the exact reason why not.

pub(crate) mod cipher;
pub(crate) mod derive;
#[cfg(feature = "des")]
mod des;
mod envelope;
mod mode_10;
#[cfg(feature = "des")]
mod mode_2;
mod mode_5;
mod mode_7;
mod plain;

pub(crate) use envelope::{Envelope, check_counter};

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
        2 => mode_2::open(octets, envelope),
        5 => mode_5::open(octets, envelope),
        7 => mode_7::open(octets, envelope),
        10 => mode_10::open(octets, envelope),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Address, Framing, Wmbus,
        authentication::{Authentication, Code},
        security::derive::{Direction, MessageKeys},
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
