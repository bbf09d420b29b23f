//! The group commit: what was appended goes to the disk at once.

use super::segment::{Claim, name};
use super::{Log, LogError, Room, Seq, disk};
use std::os::unix::fs::FileExt;

impl Log {
    /// Writes what was appended and has it on the disk; says which entry is the last one committed.
    ///
    /// # Errors
    /// [`LogError::NotDurable`] when two files in a row failed. The entries are kept in memory: nothing is lost while
    /// the process lives, nobody may be answered, and the next commit tries again with a fresh file.
    pub fn commit(&mut self) -> Result<Seq, LogError> {
        if self.pending.is_empty() {
            return Ok(self.committed());
        }
        if self.write().is_err() {
            // After a failed sync the system may count octets as written that are not. That file is done with.
            self.abandon();
            let retry = self.retry();
            retry.map_err(|source| LogError::NotDurable { kept: self.waiting, source: Box::new(source) })?;
        }
        self.pending.clear();
        if self.pending.capacity() > 1 << 20 {
            self.pending.shrink_to(64 << 10);
        }
        (self.waiting, self.since) = (0, None);
        let committed = self.next - 1;
        self.shared.publish(self.active.as_ref().map_or(0, |active| active.end), committed);
        Ok(Seq(committed))
    }

    /// Writes the same entries into a fresh segment. Both files may hold them in the end; the later one counts.
    fn retry(&mut self) -> Result<(), LogError> {
        let made = self.shared.index().segments.back().map_or(0, |segment| segment.made);
        self.roll(made, Claim::Reserve)?;
        self.write().inspect_err(|_| {
            if let Some(failed) = self.active.take() {
                self.shared.index().segments.pop_back();
                // It holds nothing that is not in memory; if it stays, opening finds the entries twice, which is no harm.
                let _ = self.shared.folder.remove(&name(failed.number));
            }
        })
    }

    fn write(&mut self) -> Result<(), LogError> {
        let Some(active) = &mut self.active else {
            return Err(LogError::Full(Room::Disk));
        };
        let file = name(active.number);
        active.file.write_all_at(&self.pending, active.end).map_err(LogError::io("write", &*file))?;
        disk::sync(&active.file).map_err(LogError::io("sync", &*file))?;
        active.end += self.pending.len() as u64;
        Ok(())
    }

    /// Leaves the segment being written as it is, for good.
    fn abandon(&mut self) {
        self.active = None;
    }
}
