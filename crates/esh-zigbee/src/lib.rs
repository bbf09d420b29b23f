//! Zigbee: the frames of IEEE 802.15.4, NWK, APS and ZCL, and the readings of the clusters that meter.
//!
//! * [`Zigbee`] is the carrier of frames as a sniffer hears them: [`mac`], [`nwk`] and [`aps`] have their headers,
//!   [`security`] their auxiliary header, AES-CCM* and the keys made of link keys and install codes. A frame that brings a
//!   key ([`transport_key`]) or tells an address ([`zdo`]) teaches it; [`names`] says under which name.
//! * [`fragments`] puts messages together that came in parts. [`Outgoing`] writes whole frames.
//! * [`zcl`] reads and writes the Zigbee Cluster Library: its header, its general commands, its 55 data types, and reads
//!   the attributes of the clusters Metering, Electrical Measurement and their kin as readings in the units that the device
//!   itself states.
//! * [`tuya`] reads the data points of the cluster 0xEF00.
//! * [`ncp`] has the serial lines of coordinators.
//!
//! Numbers are exact: a multiplier and a divisor are applied in decimal, a number whose scale is not known is told as it
//! is, and the code by which a type says "no value" is never a number. Joining with certificates (CBKE) is not supported.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod aps;
mod explain;
pub mod fragments;
pub mod green_power;
pub mod mac;
pub mod names;
pub mod ncp;
pub mod nwk;
mod open;
mod outgoing;
pub mod security;
pub mod transport_key;
pub mod tuya;
mod unlock;
mod write;
pub mod zcl;
pub mod zdo;

pub use open::Zigbee;
pub use outgoing::{Outgoing, Secured};
pub use write::{WriteError, Writer};
