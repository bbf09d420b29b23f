//! What the queue notes about itself: its id, where it begins, and what was dropped and not yet recorded.

use super::disk::Folder;
use super::format::{Fields, Out};
use super::slots::{CONTENT, Read, Slots};
use super::{LogError, Seq};

/// The file of the notes.
pub(super) const NAME: &str = "queue";

/// Entries that were dropped or refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// How many.
    pub count: u64,
    /// The first of them; of refused ones, the number it would have had.
    pub from: Seq,
    /// The last of them.
    pub to: Seq,
}

impl Dropped {
    pub(super) fn add(to: &mut Option<Self>, count: u64, first: u64, last: u64) {
        let before = to.unwrap_or(Self { count: 0, from: Seq(first), to: Seq(last) });
        *to = (before.count + count > 0).then_some(Self { count: before.count + count, to: Seq(last), ..before });
    }

    /// What came on top of an earlier account of it.
    pub(super) fn since(self, earlier: Option<Self>) -> Option<Self> {
        let Some(earlier) = earlier else {
            return Some(self);
        };
        let count = self.count.checked_sub(earlier.count).filter(|count| *count > 0)?;
        Some(Self { count, from: Seq(earlier.to.0 + 1).min(self.to), to: self.to })
    }
}

/// What was lost by choice: to be recorded as events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Old entries that made room, or were too old, before every sink had confirmed them. Survives a restart until it is
    /// recorded.
    pub dropped: Option<Dropped>,
    /// New entries there was no room for. Their sources were told.
    pub refused: Option<Dropped>,
}

/// The notes.
#[derive(Debug)]
pub(super) struct Notes {
    slots: Slots,
    pub(super) said: Said,
}

/// What they say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) queue: u64,
    /// Everything before this entry is gone as it should.
    pub(super) oldest: u64,
    pub(super) dropped: Option<Dropped>,
}

impl Notes {
    pub(super) fn make(folder: &Folder, said: Said) -> Result<Self, LogError> {
        Ok(Self { slots: Slots::make(folder, NAME, &said.write())?, said })
    }

    pub(super) fn open(folder: &Folder) -> Result<(Option<Self>, Read), LogError> {
        let (slots, read) = Slots::open(folder, NAME)?;
        let said = read.newest.as_ref().map(Said::read);
        Ok((said.map(|said| Self { slots, said }), read))
    }

    /// Notes something else; when that fails, what was noted still holds.
    pub(super) fn save(&mut self, said: Said) -> Result<(), LogError> {
        self.slots.save(&said.write())?;
        self.said = said;
        Ok(())
    }
}

impl Said {
    fn write(&self) -> [u8; CONTENT] {
        let dropped = self.dropped.unwrap_or(Dropped { count: 0, from: Seq(0), to: Seq(0) });
        let mut out = Out::<CONTENT>::default();
        for field in [self.queue, self.oldest, dropped.count, dropped.from.0, dropped.to.0] {
            out.put(&field.to_le_bytes());
        }
        out.octets
    }

    pub(super) fn read(content: &[u8; CONTENT]) -> Self {
        let mut fields = Fields(content);
        let (queue, oldest) = (fields.u64(), fields.u64().max(1));
        let dropped = Dropped { count: fields.u64(), from: Seq(fields.u64()), to: Seq(fields.u64()) };
        Self { queue, oldest, dropped: (dropped.count > 0).then_some(dropped) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_add_up_and_what_is_recorded_is_taken_off() {
        let mut losses = None;
        Dropped::add(&mut losses, 10, 1, 10);
        let recorded = losses;
        Dropped::add(&mut losses, 5, 11, 15);
        assert_eq!(losses, Some(Dropped { count: 15, from: Seq(1), to: Seq(15) }));
        assert_eq!(losses.unwrap().since(recorded), Some(Dropped { count: 5, from: Seq(11), to: Seq(15) }));
        assert_eq!(losses.unwrap().since(losses), None);
    }
}
