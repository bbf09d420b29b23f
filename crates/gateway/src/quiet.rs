//! Logs that stay short: a few lines about each, then how many more of the same there were.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// So many lines about one,
const FEW: u32 = 3;
/// and then one line for all that came within this time,
const PERIOD: Duration = Duration::from_secs(600);
/// about so many at once: anyone can make up ids.
const MOST: usize = 64;

/// Remembers about whom lines were written, in memory that does not grow with what comes.
#[derive(Debug, Default)]
pub(crate) struct Quiet {
    told: HashMap<Box<str>, Told>,
    /// How many were about none of them.
    others: u64,
    /// Since when.
    since: Option<Instant>,
}

#[derive(Debug)]
struct Told {
    since: Instant,
    lines: u32,
    more: u64,
}

impl Quiet {
    /// Whether a line may be written about somebody.
    pub(crate) fn may(&mut self, who: &str, now: Instant) -> bool {
        if let Some(told) = self.told.get_mut(who) {
            if told.lines < FEW {
                told.lines += 1;
                return true;
            }
            told.more += 1;
            return false;
        }
        if self.told.len() < MOST {
            self.told.insert(who.into(), Told { since: now, lines: 1, more: 0 });
            return true;
        }
        self.others += 1;
        self.since.get_or_insert(now);
        false
    }

    /// Tells of whom there was more, and how much, where the time has come: `None` stands for all others. While it goes
    /// on, nothing else is written about them.
    pub(crate) fn due(&mut self, now: Instant, mut tell: impl FnMut(Option<&str>, u64)) {
        let is_due = |since: Instant| now.saturating_duration_since(since) >= PERIOD;
        self.told.retain(|who, told| {
            if !is_due(told.since) {
                return true;
            }
            if told.more == 0 {
                return false;
            }
            tell(Some(who), told.more);
            *told = Told { since: now, lines: FEW, more: 0 };
            true
        });
        if self.since.is_some_and(is_due) {
            tell(None, self.others);
            (self.others, self.since) = (0, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(quiet: &mut Quiet, now: Instant) -> Vec<(Option<String>, u64)> {
        let mut told = Vec::new();
        quiet.due(now, |who, more| told.push((who.map(str::to_owned), more)));
        told
    }

    #[test]
    fn a_storm_is_a_few_lines_and_a_number() {
        let (mut quiet, start) = (Quiet::default(), Instant::now());
        let lines = (0..10_000).filter(|_| quiet.may("a", start)).count();
        assert_eq!(lines, 3);
        assert!(quiet.may("b", start), "another one has lines of its own");
        assert_eq!(due(&mut quiet, start + PERIOD / 2), []);
        assert_eq!(due(&mut quiet, start + PERIOD), [(Some("a".to_owned()), 9997)]);
        assert!(!quiet.may("a", start + PERIOD), "it goes on, and only its number is told");
        assert_eq!(due(&mut quiet, start + 2 * PERIOD), [(Some("a".to_owned()), 1)]);
        assert_eq!(due(&mut quiet, start + 3 * PERIOD), []);
        assert!(quiet.may("a", start + 3 * PERIOD), "it was over, and begins anew");
    }

    #[test]
    fn made_up_ids_take_neither_memory_nor_lines() {
        let (mut quiet, start) = (Quiet::default(), Instant::now());
        let lines = (0..100_000).filter(|n: &u32| quiet.may(&n.to_string(), start)).count();
        assert_eq!((lines, quiet.told.len()), (MOST, MOST));
        assert_eq!(due(&mut quiet, start + PERIOD), [(None, 100_000 - MOST as u64)]);
        assert!(quiet.told.is_empty());
    }
}
