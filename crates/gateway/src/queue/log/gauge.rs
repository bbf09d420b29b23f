//! How full the log is, for those who neither write nor read it.

use super::index::Shared;
use super::{Log, LogError, Seq, cursor};
use std::sync::Arc;

/// Tells how full a log is.
#[derive(Clone, Debug)]
pub struct Gauge(Arc<Shared>);

impl Gauge {
    /// How many committed entries some sink has not confirmed.
    #[must_use]
    pub fn unconfirmed(&self) -> u64 {
        self.0.committed().saturating_sub(self.0.index().confirmed())
    }

    /// Octets that segments take on the disk.
    #[must_use]
    pub fn octets(&self) -> u64 {
        self.0.index().octets()
    }
}

impl Log {
    /// What tells how full it is.
    #[must_use]
    pub fn gauge(&self) -> Gauge {
        Gauge(Arc::clone(&self.shared))
    }

    /// The oldest entry that is still there.
    #[must_use]
    pub fn oldest(&self) -> Seq {
        Seq(self.shared.oldest())
    }

    /// Removes the cursors of sinks that are not among these; tells their names.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn keep_only(&mut self, sinks: &[&str]) -> Result<Vec<String>, LogError> {
        let mut gone = Vec::new();
        for name in self.shared.folder.names()? {
            if let Some(sink) = cursor::sink(&name)
                && !sinks.contains(&sink)
            {
                self.shared.folder.remove(&name)?;
                gone.push(sink.to_owned());
            }
        }
        Ok(gone)
    }
}
