//! The gateway's parts, in the order a packet meets them.
//!
//! `sources ── Capture ──▶ deduplicate ─▶ decode ── Report ──▶ encode ── Record ──▶ queue ──▶ sinks`, and one arrow
//! back: `confirm`. `ARCHITECTURE.md` has the map.

pub mod analyse;
pub mod capture;
pub mod cli;
pub mod decode;
pub mod encode;
pub mod protocols;
pub mod queue;
pub mod record;
