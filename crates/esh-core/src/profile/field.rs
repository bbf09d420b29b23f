//! A field of a layout.

use super::slots::Slots;
use super::{Body, Condition, Holds};
use crate::{Alarm, CivilTime, Precision};

/// A field: octets that are one value.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Field {
    /// The name that the maker gives it; empty for none.
    pub name: &'static str,
    /// Where it begins.
    pub at: Place,
    /// What it is.
    pub holds: Holds,
    /// When it is there.
    pub when: &'static [Condition],
    /// Where it is kept for others.
    pub slot: Option<u8>,
    /// It is a difference: the slot of what it is added to, and the slot of what has been added so far.
    pub delta: Option<(u8, u8)>,
    /// What it means.
    pub body: Body,
    /// Whether it is a reading.
    pub report: bool,
    /// What its bits say.
    pub alarms: &'static [FieldAlarm],
}

impl Field {
    /// A field behind the one before.
    #[must_use]
    pub const fn new(holds: Holds, body: Body) -> Self {
        Self { name: "", at: Place::Next, holds, when: &[], slot: None, delta: None, body, report: true, alarms: &[] }
    }
}

/// Where something begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Place {
    /// Behind what stands before it.
    #[default]
    Next,
    /// Where the field before it began.
    Same,
    /// So many octets from the beginning.
    Start(u16),
    /// So many octets before the end.
    End(u16),
}

/// A state of the meter that bits of a field stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct FieldAlarm {
    /// The lowest bit.
    pub first: u8,
    /// How many bits.
    pub count: u8,
    /// What they are then; any of these.
    pub numbers: &'static [i128],
    /// The state.
    pub alarm: Alarm,
}

/// The time of a reading: that of a field, or one reckoned from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct TimeOf {
    /// The field, by its slot.
    pub slot: u8,
    /// First back to the beginning of this.
    pub align: Align,
    /// Then back by this.
    pub back: Back,
}

/// To the beginning of what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Align {
    /// Not at all.
    #[default]
    None,
    /// Of the hour.
    Hour,
    /// Of the day.
    Day,
    /// Of the month.
    Month,
}

/// How far back; forward where it is negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub enum Back {
    /// So many seconds.
    Seconds(i64),
    /// So many months.
    Months(i32),
    /// To the last day of the month that is so many before.
    MonthEnd(i32),
    /// To the day that is so many before.
    DayEnd(i32),
}

impl Align {
    fn of(self, time: CivilTime) -> Option<CivilTime> {
        let (year, month, day) = time.ymd();
        let (hour, _, _) = time.hms();
        let (day, hour, precision) = match self {
            Self::None => return Some(time),
            Self::Hour => (day, hour, time.precision()),
            Self::Day => (day, 0, time.precision()),
            Self::Month => (1, 0, time.precision()),
        };
        let date = CivilTime::date(year, month, day)?.counted_in_utc(time.is_utc());
        if precision == Precision::Day { Some(date) } else { date.at(hour, 0, 0, precision) }
    }
}

impl Back {
    /// The time `times` such steps before another.
    pub(super) fn from(self, time: CivilTime, times: i64) -> Option<CivilTime> {
        let steps = |n: i32| i32::try_from(i64::from(n).checked_mul(times)?).ok();
        match self {
            Self::Seconds(seconds) => time.seconds_before(seconds.checked_mul(times)?),
            Self::Months(months) => time.months_before(steps(months)?),
            Self::MonthEnd(months) => Some(day_of(time)?.months_before(steps(months)?)?.last_of_month()),
            Self::DayEnd(days) => day_of(time)?.days_before(steps(days)?),
        }
    }
}

/// The day of a time. It is the meter's own day, not one of UTC that another zone would move.
fn day_of(time: CivilTime) -> Option<CivilTime> {
    let (year, month, day) = time.ymd();
    CivilTime::date(year, month, day)
}

impl TimeOf {
    /// The time that a field has, as it is.
    #[must_use]
    pub const fn field(slot: u8) -> Self {
        Self { slot, align: Align::None, back: Back::Seconds(0) }
    }

    /// The time; `None` when the field has none.
    pub(super) fn find(self, slots: &Slots) -> Option<CivilTime> {
        let time = self.align.of(slots.get(self.slot).time()?)?;
        if self.back == Back::Seconds(0) { Some(time) } else { self.back.from(time, 1) }
    }
}
