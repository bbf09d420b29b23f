//! What the fuzz targets of LoRaWAN hold to be true of any octets. The ordinary tests replay the seeds with the same.
#![allow(dead_code, reason = "each target uses one of them")]

#[path = "everything.rs"]
mod everything;

use esh_core::{Carrier, Content, Format, Key, Known, Meter, NothingKnown, Purpose};
use esh_lorawan::{CayenneLpp, Eui64, Join, JoobyAnalog, JoobyArchive, Lorawan, Session, Transmission, Version};
use everything::Everything;
use std::any::Any;

/// The key of the seeds, for every purpose.
pub(crate) const KEY: [u8; 16] = [0x11; 16];

/// Knows one key, and one session with it of each version where it is asked to.
struct One {
    key: Key,
    sessions: Vec<Session>,
}

impl Known for One {
    fn keys(&self, _: &Meter, _: Purpose, each: &mut dyn FnMut(&Key) -> bool) -> bool {
        each(&self.key)
    }

    fn sessions(&self, _: &Meter, each: &mut dyn FnMut(&dyn Any) -> bool) -> bool {
        self.sessions.iter().any(|session| each(session))
    }

    fn nonce_used(&self, _: &Meter, _: Purpose, nonce: u64) -> bool {
        nonce == 0
    }
}

/// Opens octets as a frame. The first octet says what the carrier is told.
pub(crate) fn lorawan_open(octets: &[u8]) {
    let [told, octets @ ..] = octets else { return };
    let bit = |n: u8| told >> n & 1 == 1;
    let key = Key::new(&KEY).unwrap();
    let session = || Session::v1_0(Some(&key), Some(&key)).unwrap().after_uplink(Some(0xfff0));
    let sessions = if bit(0) { vec![session(), session().of_device(Eui64(1)).numbered(7)] } else { Vec::new() };
    let known = One { key: key.clone(), sessions };
    let carrier = Lorawan {
        version: if bit(1) { Some(Version::V1_0) } else { None },
        counter_high: if bit(2) { Some(1) } else { None },
        sent: Transmission { data_rate: told >> 6, channel: told >> 5, confirmed: if bit(3) { Some(1) } else { None } },
        join: if bit(4) {
            Join {
                dev_eui: Some(Eui64(2)),
                join_eui: Some(Eui64(3)),
                dev_nonce: Some(4),
                rejoin: if bit(7) { Some(0) } else { None },
            }
        } else {
            Join::default()
        },
        plain_join_accept: bit(5),
        tell_keys: bit(6),
    };
    let mut frame = octets.to_vec();
    let mut out = Everything::of(octets.len());
    match carrier.open(&mut frame, &known, &mut out) {
        Ok(opened) => {
            assert!(opened.offset + opened.payload.len() <= octets.len());
            if let Content::Port(port) = opened.content {
                assert!(port > 0 && !opened.payload.is_empty() && opened.security.authenticated);
            }
        }
        Err(refused) => {
            assert!(refused.error.offset <= octets.len(), "{}", refused.error);
            assert_eq!(frame, octets, "a refused frame is left as it was");
        }
    }
}

/// Reads octets as a payload of Cayenne LPP. The first octet is the port; those of no format are read as version 1.
pub(crate) fn lpp(octets: &[u8]) {
    let [port, payload @ ..] = octets else { return };
    let format = CayenneLpp::on_port(*port).unwrap_or(CayenneLpp::Dynamic);
    let mut out = Everything::of(payload.len());
    if let Err(error) = format.read(None, payload, 0, &NothingKnown, &mut out) {
        assert!(error.offset <= payload.len(), "{error}");
    }
}

/// Reads octets as a message of Jooby's modules, as they are and with their LRC, and as archives.
pub(crate) fn jooby(octets: &[u8]) {
    let lrc = octets.iter().fold(0x55, |lrc, octet| lrc ^ octet);
    for message in [octets.to_vec(), [octets, &[lrc]].concat()] {
        let mut out = Everything::of(message.len());
        if let Err(error) = JoobyAnalog.read(None, &message, 0, &NothingKnown, &mut out) {
            assert!(error.offset <= message.len(), "{error}");
        }
    }
    for of_meters in [false, true] {
        let mut out = Everything::of(octets.len());
        if let Err(error) = (JoobyArchive { of_meters }).read(None, octets, 0, &NothingKnown, &mut out) {
            assert!(error.offset <= octets.len(), "{error}");
        }
    }
}
