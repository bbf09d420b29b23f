//! Lines of text as captures: hexadecimal, `rtl_wmbus` text or JSON, from a socket in both directions, a file, a
//! program, the standard input or a serial port.
//!
//! With `ack = true` every line has exactly one answer, in order: `ok`, or `refused` and the reason.

mod config;
mod feed;
mod parse;
pub(super) mod probe;
mod reader;
mod transport;

pub use config::{Config, Input, Keys};
pub use parse::{Line, LineError, Members, from_json, octets};

use super::Intake;
use crate::stop::Stop;
use std::{io, path::PathBuf};

/// Why a source of lines cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum LinesError {
    /// Nobody can connect.
    #[error("cannot listen at {0}: {1}")]
    Listen(String, #[source] io::Error),
    /// There is no such file, or it cannot be read.
    #[error("cannot read {path}: {1}", path = .0.display())]
    File(PathBuf, #[source] io::Error),
    /// The standard input cannot be read.
    #[error("cannot read the standard input: {0}")]
    Stdin(#[source] io::Error),
}

/// Runs the source until its input ends for good or it is asked to stop.
///
/// # Errors
/// When there is nothing to read from. Lost connections, ports and programs are waited for.
pub async fn run(config: Config, intake: Intake, stop: Stop) -> Result<(), LinesError> {
    let feed = feed::Feed::new(&config, intake);
    match config.input.clone() {
        Input::Listen(tcp) => transport::listen(&tcp, config.clients, feed, stop).await,
        Input::Connect(tcp) => transport::connect(&tcp, feed, stop).await,
        Input::File(path) => transport::file(&path, feed, stop).await,
        Input::Command(words) => transport::command(&words, feed, stop).await,
        Input::Stdin => transport::stdin(feed, stop).await,
        Input::Serial { device, baud } => transport::serial(&device, baud, feed, stop).await,
    }
}
