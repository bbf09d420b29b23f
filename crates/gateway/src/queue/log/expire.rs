//! How entries go because they are too old.

use super::{Log, LogError, Now};

impl Log {
    /// Drops segments whose entries are all older than [`super::Config::age`]; what some sink had not confirmed is
    /// counted.
    ///
    /// Entries go a segment at a time, so a segment that holds an eighth of that age is ended. Call it about as often.
    /// The stamps are the caller's: it shall not call this while it does not trust its clock.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn expire(&mut self, now: Now) -> Result<(), LogError> {
        let Some(age) = self.config.age else {
            return Ok(());
        };
        let age = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        self.end_old_segment(now, age)?;
        let mut index = self.shared.index();
        // Every entry of a segment is older than the segment that follows it.
        while index.segments.get(1).is_some_and(|next| next.made.saturating_add(age) < now.wall) {
            if !self.shared.drop_oldest(&mut index)? {
                break;
            }
        }
        Ok(())
    }

    fn end_old_segment(&mut self, now: Now, age: u64) -> Result<(), LogError> {
        let Some(active) = &self.active else {
            return Ok(());
        };
        let holds = self.shared.index().segments.back().is_some_and(|last| last.first < self.next);
        if holds && active.made.saturating_add(age / 8) < now.wall {
            self.commit()?;
            match self.roll(now.wall, super::segment::Claim::Common) {
                // Without room for another segment this one goes on.
                Err(LogError::Full(_) | LogError::SnapshotNeeded) | Ok(()) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}
