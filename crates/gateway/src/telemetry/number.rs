//! Numbers and flags that one part writes and the pages read: added to without order.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A number that grows and shrinks.
#[derive(Debug, Default)]
pub(crate) struct Level(AtomicU64);

impl Level {
    pub(crate) fn set(&self, now: u64) {
        self.0.store(now, Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// Something that is so, or is not.
#[derive(Debug, Default)]
pub(crate) struct Flag(AtomicBool);

impl Flag {
    pub(crate) fn set(&self, now: bool) {
        self.0.store(now, Relaxed);
    }

    pub(crate) fn get(&self) -> bool {
        self.0.load(Relaxed)
    }
}

/// Now, in milliseconds since 1970.
pub(crate) fn milliseconds() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or_default()
}

/// Now, in seconds since 1970.
pub(crate) fn seconds() -> u64 {
    milliseconds() / 1000
}
