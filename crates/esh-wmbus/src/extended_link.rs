//! The extended link layer: communication control, access number, session number and payload CRC.

use crate::address::Address;
use esh_core::note::{Notes, at};
use esh_core::{DecodeError, Input, Layer, Reason};

/// The extended link layer — EN 13757-4, 13.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtendedLink {
    /// Its CI field.
    pub ci: u8,
    /// The communication control field.
    pub control: u8,
    /// The access number.
    pub access: u8,
    /// The receiver, where one is named.
    pub destination: Option<Address>,
    /// The session, where the payload is guarded.
    pub session: Option<Session>,
}

/// The session number and payload CRC of an extended link layer — EN 13757-4, 13.2.9 and 13.2.10.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// The whole field: encryption in the top three bits, then minutes, then the session.
    pub number: u32,
    /// Where the payload CRC stands; everything from there on is encrypted.
    pub offset: usize,
}

impl Session {
    /// How the payload is encrypted: 0 not at all, 1 by AES-128 in counter mode.
    #[must_use]
    pub const fn encryption(self) -> u8 {
        (self.number >> 29) as u8
    }
}

/// The communication control bit that a repeater sets; initialisation vectors are made without it.
const HOP: u8 = 0x10;

impl ExtendedLink {
    /// Whether a CI field begins one.
    #[must_use]
    pub const fn begins(ci: u8) -> bool {
        matches!(ci, 0x86 | 0x8c..=0x8f)
    }

    /// Reads it, from its CI field on, up to the payload CRC.
    pub(crate) fn read(input: &mut Input<'_>, notes: &mut Notes<'_, '_>) -> Result<Self, DecodeError> {
        const LAYER: Layer = Layer::ExtendedLink;
        let start = *input;
        let ci = input.u8("CI field")?;
        notes.number(at(LAYER, start.offset(), 1, "CI field", ""), ci, &name(ci));
        if ci == 0x86 {
            return Err(start.error("CI field", Reason::Unsupported));
        }
        let offset = input.offset();
        let control = input.u8("communication control field")?;
        notes.number(at(LAYER, offset, 1, "communication control field", "ell_cc"), control, &Control(control));
        let offset = input.offset();
        let access = input.u8("access number")?;
        notes.number(at(LAYER, offset, 1, "access number", "ell_access_number"), access, &"");
        let destination = if matches!(ci, 0x8e | 0x8f) {
            let offset = input.offset();
            let address = Address(*input.array("destination address")?);
            let meter = address.meter(esh_core::Protocol::Wmbus);
            notes.text(at(LAYER, offset, 8, "destination address", "destination"), &meter.address(), &"");
            Some(address)
        } else {
            None
        };
        let session = if matches!(ci, 0x8d | 0x8f) {
            let offset = input.offset();
            let number = input.u32_le("session number")?;
            let session = Session { number, offset: input.offset() };
            notes.number(at(LAYER, offset, 4, "session number", "session_number"), number, &encryption(session));
            Some(session)
        } else {
            None
        };
        Ok(Self { ci, control, access, destination, session })
    }

    /// The initialisation vector of the counter mode — EN 13757-4, 13.2.9.
    #[must_use]
    pub const fn initialisation_vector(&self, address: Address, number: u32) -> [u8; 16] {
        let [m0, m1, a0, a1, a2, a3, a4, a5] = address.0;
        let [s0, s1, s2, s3] = number.to_le_bytes();
        [m0, m1, a0, a1, a2, a3, a4, a5, self.control & !HOP, s0, s1, s2, s3, 0, 0, 0]
    }
}

const fn name(ci: u8) -> &'static str {
    match ci {
        0x86 => "extended link layer, variable length",
        0x8c => "extended link layer, 2 octets",
        0x8d => "extended link layer, 8 octets, guarded payload",
        0x8e => "extended link layer, 10 octets, with destination",
        _ => "extended link layer, 16 octets, with destination, guarded payload",
    }
}

const fn encryption(session: Session) -> &'static str {
    match session.encryption() {
        0 => "payload not encrypted",
        1 => "payload encrypted by AES-128 in counter mode",
        _ => "reserved encryption",
    }
}

/// The communication control field, in words — EN 13757-4, 13.2.7.
struct Control(u8);

impl core::fmt::Display for Control {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut between = "";
        for (bit, word) in [
            (0x80, "bidirectional"),
            (0x40, "slow response"),
            (0x20, "synchronised"),
            (HOP, "repeated"),
            (0x08, "prioritised"),
            (0x04, "accessible"),
            (0x02, "repeated access"),
        ] {
            if self.0 & bit != 0 {
                write!(f, "{between}{word}")?;
                between = ", ";
            }
        }
        Ok(())
    }
}
