//! Simulated meters: real telegrams, encrypted and authenticated as real meters do it, from meters that are none.

pub mod command;
mod fleet;
pub mod lorawan;
mod meter;

pub use fleet::{Fleet, Sent};
