//! The Gregorian calendar: times that are so many months, days or seconds before another.

use super::{CivilTime, Precision};

impl CivilTime {
    /// The same day and time `months` months earlier, later where it is negative, or the last day of that month when
    /// it is shorter. `None` where the date is open or would leave the calendar.
    ///
    /// What the meter says of daylight saving it says of its own time only.
    #[must_use]
    pub const fn months_before(self, months: i32) -> Option<Self> {
        if self.is_open() {
            return None;
        }
        let Some(index) = (self.year as i32 * 12 + self.month as i32 - 1).checked_sub(months) else { return None };
        if index < 0 || index >= 12 * 10_000 {
            return None;
        }
        let (year, month) = ((index / 12) as u16, (index % 12) as u8 + 1);
        let last = days_in(year, month);
        let day = if self.day > last { last } else { self.day };
        Some(Self { year, month, day, daylight_saving: None, ..self })
    }

    /// The same time of day `days` days earlier, later where it is negative. `None` where the date is open or would
    /// leave the calendar.
    #[must_use]
    pub const fn days_before(self, days: i32) -> Option<Self> {
        if self.is_open() {
            return None;
        }
        let Some(number) = day_number(self.year, self.month, self.day).checked_sub(days) else { return None };
        if number < 0 || number >= day_number(10_000, 1, 1) {
            return None;
        }
        // No year is longer than 366 days and none shorter than 365: the first guess is at most some years too low.
        let mut year = (number / 366) as u16;
        while day_number(year + 1, 1, 1) <= number {
            year += 1;
        }
        let mut month = 1;
        while month < 12 && day_number(year, month + 1, 1) <= number {
            month += 1;
        }
        let day = (number - day_number(year, month, 1)) as u8 + 1;
        Some(Self { year, month, day, daylight_saving: None, ..self })
    }

    /// The time `seconds` seconds earlier on a clock that is never set, later where it is negative. `None` where the
    /// date is open, would leave the calendar, or is not told as far down as that.
    #[must_use]
    pub const fn seconds_before(self, seconds: i64) -> Option<Self> {
        let unit = match self.precision {
            Precision::Day => 86_400,
            Precision::Hour => 3_600,
            Precision::Minute => 60,
            Precision::Second => 1,
        };
        if seconds % unit != 0 {
            return None;
        }
        let of_day = self.hour as i64 * 3_600 + self.minute as i64 * 60 + self.second as i64;
        let Some(earlier) = of_day.checked_sub(seconds) else { return None };
        let (days, of_day) = (-earlier.div_euclid(86_400), earlier.rem_euclid(86_400) as u32);
        if days < i32::MIN as i64 || days > i32::MAX as i64 {
            return None;
        }
        let Some(day) = self.days_before(days as i32) else { return None };
        let (hour, minute, second) = ((of_day / 3_600) as u8, (of_day / 60 % 60) as u8, (of_day % 60) as u8);
        Some(Self { hour, minute, second, ..day })
    }

    /// Whether it is the last day of its month.
    #[must_use]
    pub const fn is_last_of_month(self) -> bool {
        !self.is_open() && self.day == days_in(self.year, self.month)
    }

    /// The last day of its month, at the same time; an open date stays as it is.
    #[must_use]
    pub const fn last_of_month(self) -> Self {
        if self.is_open() { self } else { Self { day: days_in(self.year, self.month), ..self } }
    }
}

/// The days of a month.
pub(super) const fn days_in(year: u16, month: u8) -> u8 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since the first of January of year 0 of the Gregorian calendar, reckoned backwards where it was not in use.
const fn day_number(year: u16, month: u8, day: u8) -> i32 {
    let year = year as i32;
    // Leap days before this year; year 0 is a leap year.
    let leap = if year == 0 { 0 } else { (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400 + 1 };
    let mut number = 365 * year + leap;
    let mut earlier = 1;
    while earlier < month {
        number += days_in(year as u16, earlier) as i32;
        earlier += 1;
    }
    number + day as i32 - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn a_month_earlier_may_end_sooner() {
        let day = CivilTime::date(2020, 12, 31).unwrap();
        assert_eq!(day.months_before(1).unwrap().to_string(), "2020-11-30");
        assert_eq!(day.months_before(10).unwrap().to_string(), "2020-02-29");
        assert_eq!(day.months_before(12).unwrap().to_string(), "2019-12-31");
        assert_eq!(day.months_before(-2).unwrap().to_string(), "2021-02-28");
        assert_eq!(day.months_before(-2).unwrap().last_of_month().to_string(), "2021-02-28");
        assert_eq!(day.months_before(i32::MIN), None);
        assert!(day.is_last_of_month());
    }

    #[test]
    fn days_are_counted_on_the_calendar() {
        let day = CivilTime::date(2024, 3, 1).unwrap();
        for (days, text) in [
            (1, "2024-02-29"),
            (61, "2023-12-31"),
            (-306, "2025-01-01"),
            (366, "2023-03-01"),
            (8_826, "2000-01-01"),
            (739_311, "0000-01-01"),
        ] {
            assert_eq!(day.days_before(days).map(|day| day.to_string()).as_deref(), Some(text), "{days}");
        }
        assert_eq!((day.days_before(739_312), day.days_before(i32::MIN)), (None, None));
        // Every day of four centuries has one before it, and that one after.
        let mut day = CivilTime::date(2400, 12, 31).unwrap();
        for _ in 0..146_097 {
            let before = day.days_before(1).unwrap();
            assert!(before < day && CivilTime::date(before.year, before.month, before.day).is_some());
            assert_eq!(before.days_before(-1), Some(day));
            day = before;
        }
        assert_eq!(day.to_string(), "2000-12-31");
    }

    #[test]
    fn seconds_are_counted_as_far_down_as_a_time_is_told() {
        let time = CivilTime::date(2010, 1, 1).unwrap().at(3, 0, 0, Precision::Minute).unwrap();
        let summer = time.with_daylight_saving(true);
        assert_eq!(time.seconds_before(4 * 3_600).unwrap().to_string(), "2009-12-31T23:00");
        assert_eq!(summer.seconds_before(-75_600), CivilTime::date(2010, 1, 2).unwrap().at(0, 0, 0, Precision::Minute));
        assert_eq!(time.seconds_before(30), None);
        assert_eq!(time.seconds_before(i64::MIN), None);
        assert_eq!(CivilTime::date(2010, 1, 1).unwrap().seconds_before(3_600), None);
        assert_eq!(CivilTime::date(2010, 1, 1).unwrap().seconds_before(86_400).unwrap().to_string(), "2009-12-31");
    }
}
