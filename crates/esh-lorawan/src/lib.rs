//! LoRaWAN 1.0.x and 1.1, LoRa Alliance TS001, and Cayenne LPP.
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
mod session;
mod write;

pub use carrier::{Join, Lorawan};
pub use data::{Data, Direction, FCtrl, Fhdr};
pub use identifiers::{DevAddr, Eui64};
pub use join::{CfList, DlSettings, JoinAccept, JoinRequest, RejoinRequest, SealedJoinAccept};
pub use lpp::CayenneLpp;
pub use mac::{MacCommand, MacCommands};
pub use mhdr::{MType, Mhdr};
pub use phy::{LIMIT, PhyPayload};
pub use session::{Keys1_1, OpenedData, Session, Transmission, Version};
pub use write::{Plain, WriteError, write_join_request};
