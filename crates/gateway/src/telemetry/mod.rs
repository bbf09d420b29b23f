//! How the gateway is: counts that the parts keep, and what is served at `[http] listen`.
//!
//! Data flows one way. `run.rs` makes the counts and hands each part its own; a part adds to them and never reads them.
//! `/metrics` shows them, `/healthz` and `/readyz` say what they come to, and the status page shows everything.

mod answer;
pub mod config;
mod counts;
mod health;
mod history;
mod http;
mod number;
mod pages;
mod recent;
mod sink;
mod summary;
mod text;

pub(crate) use counts::{Counts, OfBus, OfLine, OfParked, OfSource};
pub(crate) use history::{History, Series};
pub(crate) use http::{Progress, Server};
pub(crate) use number::{milliseconds, seconds};
pub(crate) use pages::Pages;
pub use pages::PagesError;
pub(crate) use recent::Telegram;
pub(crate) use sink::OfSink;
pub(crate) use summary::Told;

use crate::queue::log::{Gauge, Seq};
use std::sync::{Arc, Mutex, PoisonError};

/// Everything that is served.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) gateway: String,
    pub(crate) counts: Arc<Counts>,
    queue: Gauge,
    /// The oldest record that waited when somebody asked.
    oldest: Mutex<Option<(Seq, u64)>>,
}

impl View {
    pub(crate) fn new(gateway: &str, counts: Arc<Counts>, queue: Gauge) -> Self {
        Self { gateway: gateway.to_owned(), counts, queue, oldest: Mutex::default() }
    }

    /// Octets that the queue takes on the disk.
    pub(crate) fn octets(&self) -> u64 {
        self.queue.octets()
    }

    /// Records that some sink has not confirmed.
    pub(crate) fn unconfirmed(&self) -> u64 {
        self.queue.unconfirmed()
    }

    /// Records that each sink has not confirmed, in the order of the sinks.
    pub(crate) fn behind(&self) -> Vec<u64> {
        self.queue.behind()
    }

    /// How old the oldest record is that some sink has not confirmed, in milliseconds; 0 when there is none. It
    /// may read the disk.
    pub(crate) fn oldest_age(&self) -> u64 {
        let mut oldest = self.oldest.lock().unwrap_or_else(PoisonError::into_inner);
        *oldest = self.queue.oldest_unconfirmed(oldest.take());
        oldest.map_or(0, |(_, stamp)| number::milliseconds().saturating_sub(stamp))
    }
}
