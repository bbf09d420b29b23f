//! Spacing: how far apart in time the values of a history are.

use esh_core::{CivilTime, Unit};

/// The time between two values of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spacing {
    /// So many seconds: what has a fixed number of them up to the hour.
    Seconds(u32),
    /// So many days of the calendar.
    Days(u32),
    /// So many months; values of the last day of a month stay there.
    Months(u32),
    /// Twice a month: the 1st and the 16th, or the 15th and the last.
    HalfMonths,
}

impl Spacing {
    /// So many of a unit of time; `None` for none at all, and for what is no unit of time.
    pub(crate) fn of(number: u32, unit: Unit) -> Option<Self> {
        if number == 0 {
            return None;
        }
        Some(match unit {
            Unit::Second => Self::Seconds(number),
            Unit::Minute => Self::Seconds(number.checked_mul(60)?),
            Unit::Hour => Self::Seconds(number.checked_mul(3_600)?),
            Unit::Day => Self::Days(number),
            Unit::Month => Self::Months(number),
            Unit::Year => Self::Months(number.checked_mul(12)?),
            _ => return None,
        })
    }

    /// The time so many steps before another, after it where they are negative; `None` where it cannot be told.
    pub(crate) fn before(self, base: CivilTime, steps: i64) -> Option<CivilTime> {
        match self {
            Self::Seconds(seconds) => base.seconds_before(steps.checked_mul(seconds.into())?),
            Self::Days(days) => base.days_before(i32::try_from(steps.checked_mul(days.into())?).ok()?),
            Self::Months(months) => {
                let earlier = base.months_before(i32::try_from(steps.checked_mul(months.into())?).ok()?)?;
                Some(if base.is_last_of_month() { earlier.last_of_month() } else { earlier })
            }
            Self::HalfMonths => half_months_before(base, i32::try_from(steps).ok()?),
        }
    }
}

/// Where the days of half months are is told only by a base that is one of them.
fn half_months_before(base: CivilTime, steps: i32) -> Option<CivilTime> {
    let (_, _, day) = base.ymd();
    let (second, at_the_end) = match day {
        1 => (false, false),
        16 => (true, false),
        15 => (false, true),
        _ if base.is_last_of_month() => (true, true),
        _ => return None,
    };
    // Counted in halves from the first half of the month of the base.
    let halves = i32::from(second).checked_sub(steps)?;
    // On the first of its month no day is lost.
    let first = base.days_before(i32::from(day) - 1)?;
    let month = first.months_before(-halves.div_euclid(2))?;
    match (halves.rem_euclid(2) == 1, at_the_end) {
        (false, false) => Some(month),
        (true, false) => month.days_before(-15),
        (false, true) => month.days_before(-14),
        (true, true) => Some(month.last_of_month()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn values_are_so_far_apart() {
        for (spacing, base, steps, text) in [
            (Spacing::of(1, Unit::Month), (2020, 12, 31), 3, "2020-09-30"),
            (Spacing::of(1, Unit::Month), (2008, 5, 31), 3, "2008-02-29"),
            (Spacing::of(1, Unit::Month), (2020, 2, 29), -1, "2020-03-31"),
            (Spacing::of(1, Unit::Month), (2020, 2, 28), -1, "2020-03-28"),
            (Spacing::of(2, Unit::Year), (2026, 2, 1), 1, "2024-02-01"),
            (Spacing::of(7, Unit::Day), (2026, 1, 3), 1, "2025-12-27"),
            (Spacing::of(48, Unit::Hour), (2026, 1, 3), 1, "2026-01-01"),
            (Some(Spacing::HalfMonths), (2024, 1, 16), 1, "2024-01-01"),
            (Some(Spacing::HalfMonths), (2024, 1, 16), 2, "2023-12-16"),
            (Some(Spacing::HalfMonths), (2024, 1, 1), -3, "2024-02-16"),
            (Some(Spacing::HalfMonths), (2024, 3, 31), 2, "2024-02-29"),
            (Some(Spacing::HalfMonths), (2024, 3, 15), 1, "2024-02-29"),
            (Some(Spacing::HalfMonths), (2024, 3, 31), 3, "2024-02-15"),
        ] {
            let (year, month, day) = base;
            let base = CivilTime::date(year, month, day).unwrap();
            assert_eq!(spacing.unwrap().before(base, steps).unwrap().to_string(), text, "{spacing:?} {base} {steps}");
        }
        let day = CivilTime::date(2024, 3, 10).unwrap();
        for (spacing, steps) in [(Spacing::HalfMonths, 1), (Spacing::Seconds(60), 1), (Spacing::Days(250), i64::MAX)] {
            assert_eq!(spacing.before(day, steps), None);
        }
        assert_eq!((Spacing::of(0, Unit::Day), Spacing::of(1, Unit::Volt)), (None, None));
    }
}
