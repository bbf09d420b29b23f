//! LoRaWAN 1.0.x and 1.1, LoRa Alliance TS001, and Cayenne LPP.
//!
//! # The way of a frame, top to bottom
//!
//! 1. [`PhyPayload`]: the MAC header ([`Mhdr`]) says which of six kinds of frame it is; each kind is a view over its
//!    octets ([`Data`], [`JoinRequest`], [`SealedJoinAccept`], [`RejoinRequest`]).
//! 2. [`Session`]: its keys are expanded once. The 32-bit counter is found out of the 16 bits sent, the MIC checked, the
//!    counter held against the last one, payload and MAC commands decrypted where they lie. Several devices may share an
//!    address: the MIC tells them apart.
//! 3. [`MacCommands`] of the header, or of a payload on port 0; any other port is the application's
//!    ([`esh_core::Content::Port`]).
//! 4. [`CayenneLpp`], the one format that LoRaWAN devices of many makers share. Every other one is a profile's business.
//!
//! [`JoobyAnalog`] and [`JoobyArchive`] read what a maker packs by an algorithm of its own; `vendor/` has a folder for each such maker.
//!
//! [`Lorawan`] goes this way with what is [`esh_core::Known`]: sessions that are kept ([`esh_core::Known::sessions`]) and
//! single keys. [`Lorawan::session`] finds the session of a frame for whoever answers it; [`Region`] says where and how
//! fast. [`Plain`], [`write_join_request`] and [`JoinAccept::write`] go the way back, for both ends. [`gwmp`] has
//! the header of the packet forwarder's datagrams.
//!
//! A frame whose MIC does not fit has no readings: it is refused and left as it was. Whoever asks for its fields gets
//! them all the same, decrypted as the first key would, with `mic_ok` false.
//!
//! # Why not the crate `lorawan`
//!
//! Version 0.9.0 is made for devices. It says that a frame with a port and an empty payload has no port (18 of 168 real
//! frames), knows neither 1.1 nor rejoin requests nor proprietary frames, leaves counters and replays to its caller, ends a
//! stream of MAC commands at the first one it does not know, and expands the keys anew for every frame, which takes it
//! twice the time. Its successor, not published yet, has another interface. So it reads our frames in the tests, beside
//! `lrwn`, and is measured beside ours in the benches.
#![no_std]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")
)]

#[cfg(test)]
extern crate std;

mod carrier;
mod counter;
mod crypto;
mod data;
pub mod gwmp;
mod identifiers;
mod join;
mod lpp;
mod mac;
mod mhdr;
mod open;
mod phy;
mod region;
mod session;
mod vendor;
mod write;

pub use carrier::{Join, Lorawan};
pub use data::{Data, Direction, FCtrl, Fhdr};
pub use identifiers::{DevAddr, Eui64};
pub use join::{Asked, CfList, DlSettings, JoinAccept, JoinRequest, RejoinRequest, Request, SealedJoinAccept};
pub use lpp::CayenneLpp;
pub use mac::{MacCommand, MacCommands};
pub use mhdr::{MType, Mhdr};
pub use phy::{LIMIT, PhyPayload};
pub use region::{DataRate, Region};
pub use session::{Keys1_1, OpenedData, Session, Transmission, Version};
pub use vendor::{JoobyAnalog, JoobyArchive};
pub use write::{Plain, WriteError, write_join_request};
