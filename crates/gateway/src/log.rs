//! Logs, to the standard error output: as text, or as one JSON object per line.

use serde::Deserialize;
use tracing_subscriber::filter::LevelFilter;

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// Begins to log. `ESH_LOG_FORMAT` (`text`, `json`) comes before the configuration; `ESH_LOG` (`error`, `warn`,
/// `info`, `debug`, `trace`, `off`) says how much, `info` without it.
pub fn start(format: Format) {
    let format = match std::env::var("ESH_LOG_FORMAT").as_deref() {
        Ok("json") => Format::Json,
        Ok("text") => Format::Text,
        _ => format,
    };
    let level = std::env::var("ESH_LOG").ok().and_then(|level| level.parse().ok()).unwrap_or(LevelFilter::INFO);
    let builder = tracing_subscriber::fmt().with_writer(std::io::stderr).with_max_level(level).with_target(false);
    // Whoever has set up a log already, such as a test, keeps it.
    let _ = match format {
        Format::Text => builder.with_ansi(false).try_init(),
        Format::Json => builder.json().flatten_event(true).try_init(),
    };
}
