//! What was found damaged: where, how much, and what is lost by it.

use super::Seq;
use std::fmt;

/// One place that was found damaged. Everything around it is read as ever.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The file it was found in.
    pub file: String,
    /// What is wrong.
    pub harm: Harm,
    /// Where in the file it begins.
    pub offset: u64,
    /// How many octets could not be read as what they should be; 0 where that is not known.
    pub octets: u64,
    /// The entries that are lost, first and last; `None` when none is, or when nobody can know.
    pub lost: Option<(Seq, Seq)>,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Harm {
    /// Records whose checksums are wrong.
    Records,
    /// A segment's header; its records were found by looking for them.
    Header,
    /// Octets after the last record: entries that were being written, or damage that took the newest ones.
    Tail,
    /// Segments that should be there are not.
    Missing,
    /// A file of another queue; it is left alone.
    Foreign,
    /// A cursor or the queue's own notes: one or both copies.
    Notes,
    /// A state snapshot; the older one is used, if there is one.
    Snapshot,
}

impl Damage {
    /// How many entries are lost.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.lost.map_or(0, |(from, to)| to.0.saturating_sub(from.0) + 1)
    }

    pub(super) fn new(harm: Harm, file: impl Into<String>) -> Self {
        Self { file: file.into(), harm, offset: 0, octets: 0, lost: None }
    }

    pub(super) fn at(self, offset: u64, octets: u64) -> Self {
        Self { offset, octets, ..self }
    }

    pub(super) fn lost(self, from: u64, to: u64) -> Self {
        Self { lost: (from <= to).then_some((Seq(from), Seq(to))), ..self }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.harm {
            Harm::Records => "damaged records",
            Harm::Header => "damaged header",
            Harm::Tail => "unreadable end",
            Harm::Missing => "segments missing after it",
            Harm::Foreign => "belongs to another queue",
            Harm::Notes => "damaged notes",
            Harm::Snapshot => "damaged snapshot",
        };
        write!(f, "{}: {what}", self.file)?;
        if self.octets > 0 {
            write!(f, ", octets {}..{}", self.offset, self.offset + self.octets)?;
        }
        match self.lost {
            Some((from, to)) if from == to => write!(f, ", entry {from} lost"),
            Some((from, to)) => write!(f, ", entries {from} to {to} lost ({})", self.count()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_says_where_and_what_is_lost() {
        let damage = Damage::new(Harm::Records, "0000000000000003.segment").at(4096, 64).lost(17, 19);
        assert_eq!(
            damage.to_string(),
            "0000000000000003.segment: damaged records, octets 4096..4160, entries 17 to 19 lost (3)"
        );
        assert_eq!(Damage::new(Harm::Header, "x").to_string(), "x: damaged header");
    }
}
