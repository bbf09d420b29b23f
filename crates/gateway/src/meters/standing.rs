//! What is known of a meter and lasts through restarts: when it was heard, whether it is silent, its alarms, and the
//! events that are still to be told.
//!
//! The standing after a frame is stored in the frame's entry, and that after an event in the event's: so whatever was
//! committed when the process ended, the next one knows which events are told and which are not.

use super::period::Intervals;
use crate::record::Id;
use esh_core::{Alarm, Alarms};
use jiff::Timestamp;
use std::num::NonZeroU64;

/// What is known of a meter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// When it was first heard; `None` when that was before anybody wrote it down.
    pub first: Option<Moment>,
    /// When it was last heard.
    pub last: Option<Moment>,
    /// How many frames of it became records.
    pub frames: u64,
    /// It was told that it is silent.
    pub silent: bool,
    /// The alarms that were raised and not cleared.
    pub alarms: Alarms,
    /// How long it was from one frame to the next, the last few times.
    pub intervals: Intervals,
    /// Alarms on their way to be raised or cleared.
    pub pending: Vec<Pending>,
    /// Events to be told, the oldest first.
    pub owed: Vec<Owed>,
}

/// A moment by the wall clock, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub NonZeroU64);

impl Moment {
    /// Of a time stamp; `None` for one that no clock of a gateway shows.
    #[must_use]
    pub fn of(at: Timestamp) -> Option<Self> {
        u64::try_from(at.as_millisecond()).ok().and_then(NonZeroU64::new).map(Self)
    }

    /// As a time stamp.
    #[must_use]
    pub fn at(self) -> Option<Timestamp> {
        Timestamp::from_millisecond(i64::try_from(self.0.get()).ok()?).ok()
    }
}

/// An alarm that is not what it was: it must stay so for a while before it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The alarm.
    pub alarm: Alarm,
    /// In so many reports.
    pub reports: u8,
    /// For so long, in milliseconds.
    pub stood: u64,
}

/// An event that is to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owed {
    /// What happened.
    pub happened: Happened,
    /// When.
    pub at: Option<Timestamp>,
    /// Whether the clock that said so is set.
    pub synchronised: bool,
    /// The report that shows it; of silence, which one it is.
    pub occasion: Id,
}

/// What happens to meters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happened {
    /// It was heard for the first time.
    Discovered,
    /// It misses its usual period.
    Silent,
    /// It was silent and is heard again.
    Returned,
    /// It has an alarm.
    Raised(Alarm),
    /// It has that alarm no longer.
    Cleared(Alarm),
}

impl Happened {
    /// The words of all events about meters.
    pub const WORDS: [&str; 5] = ["discovered", "silent", "returned", "alarm_raised", "alarm_cleared"];

    /// The word it has in an event.
    #[must_use]
    pub const fn word(self) -> &'static str {
        let [discovered, silent, returned, raised, cleared] = Self::WORDS;
        match self {
            Self::Discovered => discovered,
            Self::Silent => silent,
            Self::Returned => returned,
            Self::Raised(_) => raised,
            Self::Cleared(_) => cleared,
        }
    }

    /// Whether a report shows it.
    #[must_use]
    pub const fn is_shown(self) -> bool {
        !matches!(self, Self::Silent)
    }

    /// The alarm it is about.
    #[must_use]
    pub const fn alarm(self) -> Option<Alarm> {
        match self {
            Self::Raised(alarm) | Self::Cleared(alarm) => Some(alarm),
            _ => None,
        }
    }
}
