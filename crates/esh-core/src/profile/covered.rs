//! Which octets of a payload something has read.

/// The longest payload whose octets are all looked at; of a longer one those behind are known by the last that was read.
const LIMIT: usize = 2048;

/// A set of octets.
#[derive(Clone)]
pub(super) struct Covered {
    bits: [u64; LIMIT / 64],
    /// Behind the last octet that was read.
    end: usize,
}

impl Covered {
    pub(super) const fn new() -> Self {
        Self { bits: [0; LIMIT / 64], end: 0 }
    }

    /// Octets that have been read.
    pub(super) fn add(&mut self, start: usize, end: usize) {
        self.end = self.end.max(end);
        for octet in start..end.min(LIMIT) {
            if let Some(word) = self.bits.get_mut(octet / 64) {
                *word |= 1 << (octet % 64);
            }
        }
    }

    fn has(&self, octet: usize) -> bool {
        match self.bits.get(octet / 64) {
            Some(word) => word >> (octet % 64) & 1 == 1,
            None => octet < self.end,
        }
    }

    /// The runs of octets of a payload that nothing has read, before `end`.
    pub(super) fn gaps(&self, end: usize) -> impl Iterator<Item = (usize, usize)> + '_ {
        let mut from = 0;
        core::iter::from_fn(move || {
            let start = (from..end).find(|octet| !self.has(*octet))?;
            let stop = (start..end).find(|octet| self.has(*octet)).unwrap_or(end);
            from = stop;
            Some((start, stop))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    #[test]
    fn what_was_not_read_is_found() {
        let mut covered = Covered::new();
        covered.add(0, 3);
        covered.add(5, 6);
        covered.add(63, 66);
        assert_eq!(covered.gaps(70).collect::<Vec<_>>(), [(3, 5), (6, 63), (66, 70)]);
        assert_eq!(covered.gaps(4).collect::<Vec<_>>(), [(3, 4)]);
        covered.add(0, 3000);
        assert_eq!(covered.gaps(3001).collect::<Vec<_>>(), [(3000, 3001)]);
    }
}
