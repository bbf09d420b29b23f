//! Wireless and wired M-Bus: EN 13757-2, -3, -4, -7 and the OMS specification.
#![no_std]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")
)]

#[cfg(test)]
extern crate std;

mod compact;
mod date;
mod dif;
mod explain;
mod fixed;
mod history;
mod layout;
mod quantity;
mod records;
mod status;
mod value;
mod vif;
mod well_known;
mod write;

pub use compact::CompactRecords;
pub use fixed::FixedData;
pub use layout::RecordLayout;
pub use records::{Records, more_follows};
pub use status::alarms_of_status;
pub use write::{Coded, RecordWriter};

use esh_core::{Content, Format};

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
