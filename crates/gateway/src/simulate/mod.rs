//! Simulated meters: real telegrams, encrypted and authenticated as real meters do it, from meters that are none.

pub mod command;
mod fleet;
pub mod lorawan;
pub mod mbus;
mod meter;
pub mod modbus;
pub mod serve;

pub use fleet::{Fleet, Sent};
