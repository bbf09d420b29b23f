//! How segments go: because everyone has confirmed them, or because there is no room.

use super::index::{Index, Shared};
use super::notes::Said;
use super::{Dropped, Log, LogError, Losses, segment};
use std::sync::atomic::Ordering;

impl Shared {
    /// Deletes the segments that every sink has confirmed and a snapshot covers. Takes no disk space.
    pub(super) fn release(&self, index: &mut Index) -> Result<(), LogError> {
        let done = index.confirmed_durably().min(index.floor);
        let begins_after = |at: usize| index.segments.get(at).is_some_and(|next| next.first <= done.saturating_add(1));
        let mut count = 0;
        while begins_after(count + 1) {
            count += 1;
        }
        self.remove(index, count, None)
    }

    /// Deletes the oldest segment though not everyone has confirmed it; `false` when there is none but the last.
    pub(super) fn drop_oldest(&self, index: &mut Index) -> Result<bool, LogError> {
        let (Some(oldest), Some(next)) = (index.segments.front(), index.segments.get(1)) else {
            return Ok(false);
        };
        let (first, last) = (oldest.first, next.first - 1);
        if last > index.floor {
            return Err(LogError::SnapshotNeeded);
        }
        let first = first.max(index.confirmed().saturating_add(1));
        let mut dropped = index.notes.said.dropped;
        if first <= last {
            Dropped::add(&mut dropped, last - first + 1, first, last);
        }
        self.remove(index, 1, Some(dropped))?;
        Ok(true)
    }

    fn remove(&self, index: &mut Index, count: usize, dropped: Option<Option<Dropped>>) -> Result<(), LogError> {
        let Some(oldest) = index.segments.get(count).map(|next| next.first).filter(|_| count > 0) else {
            return Ok(());
        };
        // Noted first: else a crash after deleting would leave a gap that looks like damage, or a loss uncounted.
        let said = index.notes.said;
        let oldest = oldest.max(said.oldest);
        index.notes.save(Said { oldest, dropped: dropped.unwrap_or(said.dropped), ..said })?;
        self.oldest.store(oldest, Ordering::Release);
        for gone in index.segments.drain(..count) {
            // A file that stays behind is before the noted beginning: opening removes it.
            let _ = self.folder.remove(&segment::name(gone.number));
        }
        for cursor in &mut index.cursors {
            cursor.confirmed = cursor.confirmed.max(oldest - 1);
        }
        self.folder.sync()
    }
}

impl Log {
    /// Deletes what nobody needs any more, and refills the reserve. Readers do it too when they save their cursors.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn release(&mut self) -> Result<(), LogError> {
        let mut index = self.shared.index();
        self.shared.release(&mut index)?;
        if !index.reserve {
            index.reserve = segment::reserve(&self.shared.folder, self.config.segment)?;
        }
        Ok(())
    }

    /// What was dropped or refused and is not recorded yet.
    #[must_use]
    pub fn losses(&self) -> Losses {
        Losses { dropped: self.shared.index().notes.said.dropped, refused: self.refused }
    }

    /// Takes losses off the account: an event that tells of them is committed.
    ///
    /// # Errors
    /// When the disk fails; they then stand until the next time.
    pub fn recorded(&mut self, losses: Losses) -> Result<(), LogError> {
        self.refused = self.refused.and_then(|refused| refused.since(losses.refused));
        if losses.dropped.is_some() {
            let notes = &mut self.shared.index().notes;
            let dropped = notes.said.dropped.and_then(|dropped| dropped.since(losses.dropped));
            notes.save(Said { dropped, ..notes.said })?;
        }
        Ok(())
    }
}
