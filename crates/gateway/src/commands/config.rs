//! What `[commands]` may say.

use crate::config::Span;
use serde::Deserialize;

/// Whether commands are taken, and how long they are kept.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Whether anything listens for them at all.
    pub enabled: bool,
    /// How long a command waits that does not say it.
    pub keep: Span,
    /// How many may wait.
    pub waiting: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { enabled: false, keep: Span::seconds(7 * 86_400), waiting: 1000 }
    }
}
