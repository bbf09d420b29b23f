//! The gateway's parts, in the order a packet meets them: a [`capture`] comes in, a [`record`] goes out.
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")
)]

pub mod backoff;
pub mod capture;
pub mod check;
pub mod config;
pub mod deduplicate;
pub mod keys;
pub mod log;
pub mod queue;
pub mod record;
pub mod run;
pub mod secret;
pub mod sinks;
pub mod sources;
pub mod stop;
