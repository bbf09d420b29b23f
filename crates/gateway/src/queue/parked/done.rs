//! Which entries of the parked log wait no longer: a bit for each from the oldest on.

use crate::queue::log::Seq;
use std::collections::VecDeque;

/// Entries that wait no longer.
#[derive(Debug, Default)]
pub(super) struct Done {
    /// The entry of the first bit, a multiple of 64.
    base: u64,
    words: VecDeque<u64>,
}

impl Done {
    /// Forgets the entries before this one.
    pub(super) fn begin(&mut self, oldest: Seq) {
        let base = oldest.0 / 64 * 64;
        while self.base < base && self.words.pop_front().is_some() {
            self.base += 64;
        }
        self.base = self.base.max(base);
    }

    /// This entry waits no longer. Says whether it did until now.
    pub(super) fn set(&mut self, seq: Seq) -> bool {
        let Some(bit) = seq.0.checked_sub(self.base) else { return false };
        let Ok(word) = usize::try_from(bit / 64) else { return false };
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        let Some(word) = self.words.get_mut(word) else { return false };
        let waited = *word & 1 << (bit % 64) == 0;
        *word |= 1 << (bit % 64);
        waited
    }

    pub(super) fn has(&self, seq: Seq) -> bool {
        let Some(bit) = seq.0.checked_sub(self.base) else { return true };
        let word = usize::try_from(bit / 64).ok().and_then(|word| self.words.get(word));
        word.is_some_and(|word| word & 1 << (bit % 64) != 0)
    }

    /// How many entries from one to another still wait.
    pub(super) fn waiting(&self, from: Seq, to: Seq) -> u64 {
        (from.0..=to.0).filter(|seq| !self.has(Seq(*seq))).count() as u64
    }

    /// The first entry from this one on that waits, up to the end.
    pub(super) fn first_waiting(&self, from: Seq, end: Seq) -> Seq {
        Seq((from.0..end.0).find(|seq| !self.has(Seq(*seq))).unwrap_or(end.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_done_one_by_one_and_forgotten_from_the_front() {
        let mut done = Done::default();
        done.begin(Seq(130));
        assert!(done.has(Seq(127)), "what is before the oldest waits no longer");
        for seq in [130, 131, 133, 500] {
            assert!(done.set(Seq(seq)));
            assert!(!done.set(Seq(seq)));
        }
        assert_eq!(done.waiting(Seq(130), Seq(134)), 2);
        assert_eq!(done.first_waiting(Seq(130), Seq(600)), Seq(132));
        assert_eq!(done.first_waiting(Seq(500), Seq(501)), Seq(501));
        done.begin(Seq(400));
        assert!(done.has(Seq(132)) && done.has(Seq(500)) && !done.has(Seq(499)));
        done.begin(Seq(10_000));
        assert!(done.has(Seq(500)) && !done.has(Seq(10_000)));
    }
}
