//! What has been read and is needed again.

use crate::{CivilTime, Decimal};

/// How many fields of a message others can refer to.
pub const SLOTS: usize = 32;

/// What a field held.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Held {
    /// It was not there, or had no value.
    #[default]
    Nothing,
    /// A number as sent, and what it is worth.
    Number(Option<i128>, Option<Decimal>),
    /// A time.
    Time(CivilTime),
}

impl Held {
    pub(super) const fn raw(&self) -> Option<i128> {
        if let Self::Number(raw, _) = self { *raw } else { None }
    }

    pub(super) const fn value(&self) -> Option<Decimal> {
        if let Self::Number(_, value) = self { *value } else { None }
    }

    pub(super) const fn time(&self) -> Option<CivilTime> {
        if let Self::Time(time) = self { Some(*time) } else { None }
    }
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Slots([Held; SLOTS]);

impl Slots {
    /// What stands there; nothing where there is no such slot.
    #[inline]
    pub(super) fn get(&self, slot: u8) -> &Held {
        self.0.get(usize::from(slot)).unwrap_or(&Held::Nothing)
    }

    pub(super) fn set(&mut self, slot: u8, held: Held) {
        if let Some(place) = self.0.get_mut(usize::from(slot)) {
            *place = held;
        }
    }

    /// Forgets those from `first` to before `end`.
    pub(super) fn clear(&mut self, first: u8, end: u8) {
        (first..end).for_each(|slot| self.set(slot, Held::Nothing));
    }
}
