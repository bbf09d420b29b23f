//! Simulated meters: real telegrams, encrypted and authenticated as real meters do it, from meters that are none.

pub mod command;
mod fleet;
mod meter;
pub mod mbus;
pub mod modbus;
pub mod serve;

pub use fleet::{Fleet, Sent};
