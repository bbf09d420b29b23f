//! How sinks come and go while the log is open.

use super::cursor::{self, CursorFile};
use super::index::Shared;
use super::reader::Sink;
use super::{Log, LogError, Reader};
use std::sync::Arc;

/// Lets sinks come and go.
#[derive(Clone, Debug)]
pub struct Sinks(Arc<Shared>);

impl Log {
    /// What lets sinks come and go while others append.
    #[must_use]
    pub fn sinks(&self) -> Sinks {
        Sinks(Arc::clone(&self.shared))
    }
}

impl Sinks {
    /// A reader for another sink. Without a cursor it begins with the oldest entry there is.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn add(&self, sink: &str) -> Result<Reader, LogError> {
        let mut index = self.0.index();
        let oldest = index.notes.said.oldest;
        // A cursor that was damaged is one that begins anew.
        let (file, cursor) = CursorFile::open(&self.0.folder, sink, self.0.queue, oldest, &mut Vec::new())?;
        index.cursors.push(cursor);
        let sink = Sink { index: index.cursors.len() - 1, file: Some(file) };
        Ok(Reader::new(Arc::clone(&self.0), Some(sink), cursor.confirmed + 1))
    }
}

impl Reader {
    /// Its sink is gone for good: it holds nothing back any more, and its cursor is removed.
    ///
    /// # Errors
    /// When the disk fails. Then a start removes the cursor.
    pub fn forget(&mut self, sink: &str) -> Result<(), LogError> {
        let mut index = self.shared.index();
        if let Some(cursor) = self.sink.take().and_then(|sink| index.cursors.get_mut(sink.index)) {
            // Its place stays, those of others have their numbers after it.
            (cursor.confirmed, cursor.durable) = (u64::MAX, u64::MAX);
        }
        self.shared.folder.remove(&cursor::name(sink)?)?;
        self.shared.release(&mut index)
    }
}
