//! How full the log is, for those who neither write nor read it.

use super::index::Shared;
use super::{Log, LogError, Reader, Seq, cursor};
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

    /// How many committed entries each sink has not confirmed, in the order of the sinks.
    #[must_use]
    pub fn behind(&self) -> Vec<u64> {
        let committed = self.0.committed();
        self.0.index().cursors.iter().map(|cursor| committed.saturating_sub(cursor.confirmed)).collect()
    }

    /// The oldest entry that some sink has not confirmed, and when it was appended, in milliseconds since 1970. It
    /// reads the disk, a segment at most, unless that is the entry it `found` the last time.
    #[must_use]
    pub fn oldest_unconfirmed(&self, found: Option<(Seq, u64)>) -> Option<(Seq, u64)> {
        let confirmed = self.0.index().confirmed();
        if confirmed >= self.0.committed() {
            return None;
        }
        if found.is_some_and(|(oldest, _)| oldest.0 == confirmed + 1) {
            return found;
        }
        let mut reader = Reader::new(Arc::clone(&self.0), None, confirmed + 1);
        // What is damaged or cannot be read, the sink meets and tells.
        let entry = reader.next().ok().flatten()?;
        Some((Seq(confirmed + 1), entry.stamp))
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
