//! How the gateway is: counts that the parts keep, and the pages that show them at `[http] listen`.
//!
//! Data flows one way. `run.rs` makes the counts and hands each part its own; a part adds to them and never reads them.
//! `/metrics` shows them, `/healthz` and `/readyz` say what they come to.

mod counts;
mod health;
mod http;
mod number;
mod sink;
mod text;

pub(crate) use counts::{Counts, OfLine, OfSource};
pub(crate) use http::Server;
pub(crate) use number::seconds;
pub(crate) use sink::OfSink;

use crate::queue::log::Gauge;
use std::sync::Arc;

/// Everything the pages show.
#[derive(Debug)]
pub(crate) struct View {
    pub(crate) gateway: String,
    pub(crate) counts: Arc<Counts>,
    pub(crate) queue: Gauge,
}
