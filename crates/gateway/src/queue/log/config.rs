//! How a log is set up.

use super::LogError;
use super::format;
use std::time::{Duration, Instant};

/// How a log is set up.
#[derive(Clone, Debug)]
pub struct Config {
    /// Octets of a segment file, allocated when it is made.
    pub segment: u64,
    /// The most octets that segments take on the disk, the reserve included.
    pub quota: u64,
    /// How old entries may become; `None` keeps them for ever.
    pub age: Option<Duration>,
    /// What happens when the quota or the disk is full.
    pub when_full: WhenFull,
    /// When appended entries go to the disk.
    pub sync: Sync,
    /// Whether the caller keeps learned state in snapshots. Segments then stay until a snapshot covers them.
    pub snapshots: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            segment: 8 << 20,
            quota: 1 << 30,
            age: None,
            when_full: WhenFull::Block,
            sync: Sync::Batch { records: 64, wait: Duration::from_millis(10) },
            snapshots: false,
        }
    }
}

impl Config {
    pub(super) fn check(&self) -> Result<(), LogError> {
        let least = (format::SEGMENT_HEADER + format::RECORD_HEADER + 4096) as u64;
        if self.segment < least || !self.segment.is_multiple_of(4096) || self.segment > u64::from(u32::MAX) {
            return Err(LogError::Settings("a segment is a multiple of 4 KiB, at least 8 KiB and below 4 GiB"));
        }
        // One being written, one being read, one in reserve.
        if self.quota / self.segment < 3 {
            return Err(LogError::Settings("the quota holds fewer than three segments"));
        }
        Ok(())
    }

    /// The longest payload an entry can have.
    #[must_use]
    pub const fn most(&self) -> usize {
        (self.segment as usize).saturating_sub(format::SEGMENT_HEADER + format::RECORD_HEADER)
    }
}

/// What happens when the quota or the disk is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenFull {
    /// The oldest segment goes, and its entries are counted.
    DropOldest,
    /// What comes is refused and counted.
    DropNewest,
    /// What comes is refused until there is room: the caller waits and tries again.
    Block,
}

/// When appended entries go to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sync {
    /// With every entry.
    Always,
    /// With so many entries, or when the first of them has waited so long.
    Batch {
        /// So many.
        records: u64,
        /// So long.
        wait: Duration,
    },
    /// When the first entry after a commit has waited so long, however many there are.
    Interval {
        /// So long.
        wait: Duration,
    },
}

impl Sync {
    /// Whether a commit is due: so many entries wait, the first of them for so long.
    #[must_use]
    pub fn due(self, waiting: u64, waited: Duration) -> bool {
        waiting > 0
            && match self {
                Self::Always => true,
                Self::Batch { records, wait } => waiting >= records || waited >= wait,
                Self::Interval { wait } => waited >= wait,
            }
    }

    /// How long the first entry may wait.
    #[must_use]
    pub const fn wait(self) -> Duration {
        match self {
            Self::Always => Duration::ZERO,
            Self::Batch { wait, .. } | Self::Interval { wait } => wait,
        }
    }
}

/// The time, as the caller reads it: the log has no clock.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Milliseconds since 1970 by the wall clock: the stamp of entries, which only [`Config::age`] looks at.
    pub wall: u64,
    /// A clock that never jumps: what waiting is measured with.
    pub steady: Instant,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_due_by_number_or_by_time() {
        let ms = Duration::from_millis;
        let batch = Sync::Batch { records: 3, wait: ms(10) };
        for (sync, waiting, waited, due) in [
            (Sync::Always, 0, ms(99), false),
            (Sync::Always, 1, ms(0), true),
            (batch, 0, ms(99), false),
            (batch, 2, ms(9), false),
            (batch, 3, ms(0), true),
            (batch, 1, ms(10), true),
            (Sync::Interval { wait: ms(500) }, 9999, ms(499), false),
            (Sync::Interval { wait: ms(500) }, 1, ms(500), true),
        ] {
            assert_eq!(sync.due(waiting, waited), due, "{sync:?} {waiting} {waited:?}");
        }
    }

    #[test]
    fn settings_that_cannot_work_are_refused() {
        assert!(Config::default().check().is_ok());
        assert!(Config { segment: 100, ..Config::default() }.check().is_err());
        assert!(Config { segment: 8 << 20, quota: 16 << 20, ..Config::default() }.check().is_err());
    }
}
