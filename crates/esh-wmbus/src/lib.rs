//! Wireless and wired M-Bus: EN 13757-2, -3, -4, -7 and the OMS specification.
//!
//! # The way of a telegram, top to bottom
//!
//! 1. [`mod@line`]: chips of a radio become octets (3-out-of-6 or Manchester), where the receiver has not done it.
//! 2. [`link`]: the frame is recognised, its end found and its check sums proved: frame format A or B, without CRCs, or
//!    wired ([`wired`]). CRCs are taken out where the frame lies. Records that another carrier has brought are no frame
//!    ([`Framing::Records`]): their way begins and ends here.
//! 3. [`extended_link`]: access number, session, payload CRC; AES in counter mode.
//! 4. [`authentication`]: message counter, authentication code; parts of a message go to an
//!    [`Assembler`](fragments::Assembler) and come back as one frame.
//! 5. [`transport`]: the CI field ([`ci`]) says which header follows; the long one names the meter behind a radio
//!    adapter; the configuration field says how the payload is protected.
//! 6. Security: modes 0, 5, 7, 10 (and 2, with the feature `des`) are decrypted where they lie; every other one is
//!    refused by name.
//!
//! [`Wmbus`] goes this way. What it hands over, [`esh_core::Opened`], is a payload in plain and what it is;
//! [`telegram`] goes the way back, bottom to top.
//!
//! Offsets ([`esh_core::Opened::offset`], fields) count in the frame without its link CRCs, which is how it lies in
//! memory afterwards. The octet of an error counts in the frame as it was sent, which is how it lies there after a
//! refusal.
#![no_std]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")
)]

#[cfg(test)]
extern crate std;

mod address;
pub mod authentication;
pub mod ci;
mod compact;
mod crc;
mod dif;
mod explain;
pub mod extended_link;
mod fixed;
pub mod fragments;
mod guarded;
mod history;
mod layout;
pub mod line;
pub mod link;
mod open;
mod profile;
mod quantity;
mod reader;
mod records;
mod reversed;
mod security;
mod spacing;
mod status;
pub mod telegram;
pub mod transport;
mod value;
mod vif;
mod walk;
mod well_known;
pub mod wired;
mod write;

pub use address::Address;
pub use compact::CompactRecords;
pub use crc::crc;
pub use fixed::FixedData;
pub use layout::RecordLayout;
pub use link::Framing;
pub use records::{Records, more_follows};
pub use status::alarms_of_status;
pub use write::{Coded, RecordWriter};

use esh_core::{Carrier, Content, Format, Known, Opened, Out, Refused};

/// Opens wireless and wired M-Bus frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wmbus {
    /// How the octets of a frame are laid out; recognised by default.
    pub framing: Framing,
}

impl Wmbus {
    /// Opens frames laid out in that way.
    #[must_use]
    pub const fn new(framing: Framing) -> Self {
        Self { framing }
    }
}

impl Carrier for Wmbus {
    fn open<'f>(&self, frame: &'f mut [u8], known: &dyn Known, out: &mut dyn Out<'_>) -> Result<Opened<'f>, Refused> {
        let outline = link::recognise(frame, self.framing)?;
        let mut notes = esh_core::note::Notes::new(out);
        let mut so_far = open::SoFar::new(outline.framing);
        let stripped = outline.strip(frame);
        let opened = match outline.framing {
            Framing::Wired => open::wired(stripped, known, &mut notes, &mut so_far),
            Framing::Records { skip } => Ok(open::bare(stripped, skip)),
            _ => open::wireless(stripped, known, &mut notes, &mut so_far),
        };
        let found = match opened {
            Ok(found) => found,
            Err(error) => {
                outline.restore(frame);
                return Err(so_far.refused(esh_core::DecodeError { offset: outline.sent(error.offset), ..error }));
            }
        };
        let (frame, trailing) = frame.split_at(outline.len.min(frame.len()));
        Ok(Opened {
            meter: so_far.meter,
            content: found.content,
            payload: frame.get(found.start..found.end).unwrap_or_default(),
            offset: found.start,
            security: found.security,
            counter: if found.content == Content::Fragment { None } else { so_far.counter },
            trailing,
        })
    }
}

/// The format that reads payloads of that kind; `None` for those that this crate does not read.
#[must_use]
pub fn format_for(content: Content) -> Option<&'static dyn Format> {
    match content {
        Content::Records => Some(&Records),
        Content::CompactRecords => Some(&CompactRecords),
        Content::RecordLayout => Some(&RecordLayout),
        Content::FixedData => Some(&FixedData),
        _ => None,
    }
}
