//! The standard output: one report a line.

use crate::config::{Part, Wrong};
use crate::queue::Reader;
use serde::Deserialize;
use std::{io, path::Path};
use tokio::io::{AsyncWrite, AsyncWriteExt, BufWriter};

/// `kind = "stdout"`. There is nothing else to tell it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// What its cursor in the queue is called.
    pub name: Option<String>,
}

impl Part for Config {
    type Keys = Self;

    fn build(keys: Self, _: &Path) -> Result<Self, Wrong> {
        Ok(keys)
    }
}

/// The standard output takes nothing more: whoever read it has gone.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StdoutError(#[from] io::Error);

/// Writes reports until the queue ends.
///
/// # Errors
/// When nobody reads them any more.
pub async fn run(reader: Reader) -> Result<(), StdoutError> {
    Ok(write(tokio::io::stdout(), reader).await?)
}

async fn write(output: impl AsyncWrite + Unpin, reader: Reader) -> io::Result<()> {
    let mut output = BufWriter::new(output);
    let mut position = reader.confirmed();
    while let Some(mut entry) = reader.next(position).await {
        // Everything that is there already goes out at once, and is confirmed when it is out.
        for _ in 0..256 {
            output.write_all(&entry.record.report).await?;
            output.write_all(b"\n").await?;
            position = entry.position;
            match reader.try_next(position) {
                Some(next) => entry = next,
                None => break,
            }
        }
        // Leaving the loop with an entry in hand is no loss: `position` stands before it.
        output.flush().await?;
        reader.confirm(position);
    }
    Ok(())
}
