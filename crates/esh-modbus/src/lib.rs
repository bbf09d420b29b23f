//! Modbus: MODBUS application protocol V1.1b3, over serial lines V1.02 and over TCP V1.0b.
//!
//! # From the line to a reading
//!
//! 1. [`stream`] finds frames between echo and noise; on a clean line [`frame`] opens one: RTU, ASCII or TCP.
//! 2. [`pdu`] reads what it carries, a [`Request`] or a [`Response`]. [`Response::to`] a request reads nothing but its
//!    answer, and takes from the request what the answer leaves out.
//! 3. [`map`] says what a device's registers mean: a [`map::RegisterMap`] turns them into readings. [`sunspec`] finds
//!    the maps of a device that names its own.
//! 4. [`merge`] says which registers to ask for at once, and learns from what a device refuses. [`poll`] keeps what was
//!    asked with what came.
//!
//! Everything is there in both directions: what can be read can be written.
#![no_std]
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")
)]

#[cfg(test)]
extern crate std;

mod carrier;
mod fields;
pub mod frame;
mod function;
pub mod map;
pub mod merge;
pub mod pdu;
pub mod poll;
pub mod stream;
pub mod sunspec;

pub use carrier::{Modbus, ModbusStream};
pub use frame::Mode;
pub use function::{ExceptionCode, function_name};
pub use pdu::{Request, Response};

/// The two tables of registers, clause 4.3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// Read with 03; numbers from 40001 in the old way of counting.
    #[default]
    Holding,
    /// Read with 04; numbers from 30001 in the old way of counting.
    Input,
}
