//! The gateway's parts, in the order a packet meets them.
//!
//! `sources ── Capture ──▶ deduplicate ─▶ decode ── Report ──▶ encode ── Record ──▶ queue ──▶ sinks`, and one arrow
//! back: `confirm`. `ARCHITECTURE.md` has the map.

pub mod analyse;
pub mod archive;
pub mod backoff;
pub mod capture;
pub mod check;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod connect;
pub mod decode;
pub mod deduplicate;
pub mod encode;
pub mod event;
pub mod health;
pub mod keys;
mod line;
pub mod log;
mod mask;
pub mod meters;
mod parts;
pub mod profiles;
pub mod protocols;
pub mod queue;
mod quiet;
pub mod record;
pub mod reload;
pub mod replay;
pub mod run;
pub mod secret;
pub mod service;
pub mod simulate;
pub mod sinks;
pub mod sources;
pub mod status_page;
pub mod stop;
pub mod taught;
pub mod telemetry;
pub mod worker;

/// The worked example of the README is a test, so that it stays true.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
