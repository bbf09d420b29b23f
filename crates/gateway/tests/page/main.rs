//! The status page: what is served, to whom, and how it looks and works in a real browser.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]
#![allow(unreachable_pub, reason = "a test is a crate of its own")]

mod browser;
#[path = "../common/mod.rs"]
mod common;
mod look;
mod program;
mod served;
